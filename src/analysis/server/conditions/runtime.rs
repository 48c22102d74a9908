//! What the Go runtime says when it ends the process for a reason of its own.

use super::Condition;

const CODE: &str =
    "The program's own state at that moment; the lines of the goroutine that is called `running` say where it was.";
const REPORT: &str =
    "Keep the whole trace and a copy of the data directory, verify it, and report the trace to the maintainers of the server.";
const NO_LOOP: &str = "Do not restart it in a loop: a start that meets the same bytes ends the same way.";
const CHECK: &str = "ekv-tool check DIR";

conditions! {
    list RUNTIME;

    /// `invalid memory address or nil pointer dereference`: the program used something that was not there.
    pub static GO_NIL: Condition = Condition {
        name: "nil pointer dereference",
        says: &["invalid memory address or nil pointer dereference", "assignment to entry in nil map"],
        engine: None,
        title: "the program used something that was not there",
        meaning: "A fault of the program, which damaged bytes may have brought out: code that never failed on good data met what it did not \
                  expect. What was written and synced before is there.",
        decided_by: CODE,
        safe: REPORT,
        not_safe: NO_LOOP,
        more: CHECK,
    };

    /// `index out of range`, `slice bounds out of range`: the program looked beyond the end of something.
    pub static GO_BOUNDS: Condition = Condition {
        name: "index out of range in the program",
        says: &["error: index out of range", "error: slice bounds out of range", "error: makeslice: len out of range"],
        engine: None,
        title: "the program looked beyond the end of something",
        meaning: "A length or a position was not what the program took for granted. In code that decodes files this is how unnoticed damage \
                  shows.",
        decided_by: CODE,
        safe: REPORT,
        not_safe: NO_LOOP,
        more: CHECK,
    };

    /// `interface conversion`: something was of another type than the program took for granted.
    pub static GO_TYPE: Condition = Condition {
        name: "interface conversion",
        says: &["interface conversion: *", "error: integer divide by zero", "error: hash of unhashable type"],
        engine: None,
        title: "a value was not what the program took for granted",
        meaning: "A fault of the program. Files have a part in it only if the trace leads through code that decodes them.",
        decided_by: CODE,
        safe: REPORT,
        not_safe: NO_LOOP,
        more: CHECK,
    };

    /// `SIGBUS`: a mapped file is shorter than it was, or the disk does not deliver it.
    pub static GO_SIGBUS: Condition = Condition {
        name: "SIGBUS: bus error",
        says: &["sigbus: bus error", "signal sigbus"],
        engine: None,
        title: "a mapped file is shorter than it was, or the disk does not deliver it",
        meaning: "The process read memory behind which a file lies, and the system could not give the bytes: the file was cut by another program, \
                  the disk has an error there, or the volume is full and the page could not be made.",
        decided_by: "The file behind the address; the kernel's log says whether a disk has failed.",
        safe: "Look at the kernel's log and at the free space, keep a copy of the directory, and verify it.",
        not_safe: NO_LOOP,
        more: CHECK,
    };

    /// `SIGSEGV`: the process touched memory that it does not have.
    pub static GO_SIGSEGV: Condition = Condition {
        name: "SIGSEGV: segmentation violation",
        says: &["sigsegv: segmentation violation", "signal sigsegv", "unexpected signal during runtime execution"],
        engine: None,
        title: "the process touched memory that it does not have",
        meaning: "With `nil pointer dereference` before it, a fault of the program. By itself, in code that maps files (bbolt), a page that leads outside \
                  of the file; else memory of the machine, or native code.",
        decided_by: CODE,
        safe: REPORT,
        not_safe: NO_LOOP,
        more: CHECK,
    };

    /// `all goroutines are asleep - deadlock!`: everything waits for something else.
    pub static GO_DEADLOCK: Condition = Condition {
        name: "all goroutines are asleep - deadlock",
        says: &["all goroutines are asleep - deadlock"],
        engine: None,
        title: "everything in the program waits for something else",
        meaning: "A fault of the program, or of how it was started. No file is damaged by it.",
        decided_by: CODE,
        safe: REPORT,
        not_safe: "Do not kill the process with the trace unread: it says who waits for whom.",
        more: CHECK,
    };

    /// `concurrent map writes`: two goroutines changed one table at once.
    pub static GO_CONCURRENT_MAP: Condition = Condition {
        name: "concurrent map access",
        says: &[
            "concurrent map writes",
            "concurrent map read and map write",
            "concurrent map iteration and map write",
            "send on closed channel",
            "close of closed channel",
            "unlock of unlocked mutex",
            "unlock of unlocked rwmutex",
            "negative waitgroup counter",
        ],
        engine: None,
        title: "two parts of the program got into each other's way",
        meaning: "A fault of the program that shows by chance. The process ends at once, which is a crash as any other for the files.",
        decided_by: CODE,
        safe: "Start again, and report the whole trace to the maintainers of the server.",
        not_safe: "Do not take it for damage of the data, and do not rebuild the node because of it.",
        more: CHECK,
    };

    /// `goroutine stack exceeds`: calls in calls without an end.
    pub static GO_STACK: Condition = Condition {
        name: "goroutine stack exceeds the limit",
        says: &["goroutine stack exceeds *", "fatal error: stack overflow"],
        engine: None,
        title: "the program called itself without an end",
        meaning: "A fault of the program, or data that is nested deeper than any that it writes. It cannot be caught: the process ends.",
        decided_by: CODE,
        safe: REPORT,
        not_safe: NO_LOOP,
        more: CHECK,
    };

    /// Log lines of the Raft library about elections.
    pub static RAFT_PEER_NOT_FOUND: Condition = Condition {
        name: "raft: cannot step as peer not found",
        says: &["raft: cannot step as peer not found", "raft: cannot step raft local message"],
        engine: None,
        title: "a message came from a node that is no member",
        meaning: "The sender is not in the membership that this node has: it was removed, was never added, or this node has not yet learned of it.",
        decided_by: "The sender's id against the members in the snapshot and in the log.",
        safe: "Compare the members on all nodes; stop a node that was removed.",
        not_safe: "Do not add the sender by hand to a peers file.",
        more: "ekv-tool compare DIR DIR",
    };

    /// `entry N conflict with committed entry`: a leader sent another entry in the place of a committed one.
    pub static RAFT_COMMITTED_CONFLICT: Condition = Condition {
        name: "conflict with committed entry",
        says: &["conflict with committed entry [committed(*)]"],
        engine: None,
        title: "a leader sent another entry in the place of one that this node knows to be committed",
        meaning: "There are two histories. One of the nodes was put back from an older copy, lost the end of its log, or voted twice.",
        decided_by: "The entries of that index on every node.",
        safe: "Stop the nodes, keep copies of all of them, and compare them before anything is started again.",
        not_safe: "Do not let the majority decide by restarting: the minority may hold what was acknowledged.",
        more: "ekv-tool compare DIR DIR",
    };

    /// `raft proposal dropped`: nobody took the proposal.
    pub static RAFT_PROPOSAL_DROPPED: Condition = Condition {
        name: "raft proposal dropped",
        says: &["raft proposal dropped", "raft: stopped"],
        engine: None,
        title: "a write was not taken because there is no leader, or the node is stopping",
        meaning: "The client has to try again. No file is damaged by it.",
        decided_by: "Whether the node knows a leader at that moment.",
        safe: "See whether a majority of the voters runs and reaches each other.",
        not_safe: "Do not rebuild a node because of it.",
        more: "ekv-tool compare DIR DIR",
    };

    /// `write stall`: the store cannot keep up.
    pub static STORE_WRITE_STALL: Condition = Condition {
        name: "pebble: write stall",
        says: &["write stall beginning", "memtable count limit reached", "l0 file count limit exceeded"],
        engine: None,
        title: "the store makes writers wait until it has caught up",
        meaning: "More is written than flushes and compactions can put away: the disk is slow or full, or a compaction fails again and again.",
        decided_by: "The number of tables in level 0 and of tables in memory.",
        safe: "Look at the levels, at the disk, and for errors of compactions in the log before it.",
        not_safe: "Do not restart the server to get rid of it: the tables are still there.",
        more: "ekv-tool store lsm DIR/fsm.db",
    };

    /// `background error`: a flush or a compaction failed.
    pub static STORE_BACKGROUND_ERROR: Condition = Condition {
        name: "pebble: background error",
        says: &["background error: *", "flush error: *", "compaction error: *"],
        engine: None,
        title: "a flush or a compaction of the store failed",
        meaning: "The text behind it says why: the disk, the space, or a table that is damaged. What was acknowledged is still in the store's log and in the \
                  Raft log.",
        decided_by: "The answer of the disk, or the blocks of the tables that were read.",
        safe: "Verify the store; if a table is damaged, let another member serve.",
        not_safe: "Do not delete the table that is named: its rows would be gone.",
        more: "ekv-tool store verify DIR/fsm.db",
    };
}
