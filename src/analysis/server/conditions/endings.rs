//! Lines that say that a process ended, and not why.

use super::Condition;

const CHECK: &str = "ekv-tool check DIR";
const LOOK: &str = "Look at the lines before it, and at those of the goroutine that is called `running`.";
const TRACE: &str = "The text itself; no byte of the data has a part in it.";

conditions! {
    list ENDINGS;

    /// `panic:`: the program ended itself.
    pub static GO_PANIC: Condition = Condition {
        name: "panic",
        says: &["panic: *", "[recovered]", "[recovered, repanicked]"],
        engine: None,
        title: "the program met something that it does not go on from",
        meaning: "What follows the word is the reason. `[recovered]` behind it: a part of the program caught the panic and raised it again, so that the first \
                  line has the reason and the last the place. What was written and synced before is there.",
        decided_by: TRACE,
        safe: LOOK,
        not_safe: "Do not restart the server before the reason was looked at: many panics come back at every start, and some starts change files.",
        more: CHECK,
    };

    /// `fatal error:`: the runtime ended the program, and nothing can catch that.
    pub static GO_FATAL: Condition = Condition {
        name: "fatal error",
        says: &["fatal error: *"],
        engine: None,
        title: "the Go runtime ended the program",
        meaning: "What follows is the reason. Nothing in the program can catch it, so that nothing was closed in order; for the files this is a crash as any other.",
        decided_by: TRACE,
        safe: LOOK,
        not_safe: "Do not take it for damage of the data before that was verified.",
        more: CHECK,
    };

    /// The header of a goroutine in a trace.
    pub static GO_TRACE: Condition = Condition {
        name: "goroutine trace",
        says: &["goroutine * [*]:"],
        engine: None,
        title: "here begins what one part of the program was doing when it ended",
        meaning: "A panic is followed by the calls of the part that panicked, the innermost first; the others follow it if they are printed. The reason stands before the first \
                  header.",
        decided_by: TRACE,
        safe: "Keep the whole trace: it is what the maintainers of the server need.",
        not_safe: "Do not cut it at the first header when it is reported.",
        more: CHECK,
    };

    /// The process was ended from outside.
    pub static PROCESS_ENDED: Condition = Condition {
        name: "process ended by a signal",
        says: &["signal: killed", "signal: terminated", "code=killed", "code=dumped", "oomkilled", "signal: aborted"],
        engine: None,
        title: "the process was ended from outside, or ended itself by a signal",
        meaning: "A kill leaves a crash state, which is no damage. With status 9 look in the kernel's log whether the system ran out of memory; with ABRT the program ended \
                  itself after a panic.",
        decided_by: "The status with which the process ended.",
        safe: "Find out who ended it, then forecast the start.",
        not_safe: "Do not rebuild the node because of it.",
        more: "ekv-tool gate-dryrun DIR",
    };
}
