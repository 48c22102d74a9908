//! Opening and reading the log, and the library's own checks of it.

use super::Condition;
use crate::types::ServerVersion;

const VERIFY: &str = "ekv-tool wal verify DIR";
const GATE: &str = "ekv-tool gate-dryrun DIR";
const REBUILD: &str = "Keep a copy of the whole directory. If the other members are healthy, remove this one from the group, empty \
                       it and let it join again; it then receives a snapshot.";
const NO_SURGERY: &str = "Do not cut, patch or delete segments: entries that were acknowledged would be gone, and the node would vote \
                          as if they had never been.";

conditions! {
    list WAL;

    /// `wal: file not found which matches the snapshot index`: the log no longer reaches back to the chosen snapshot.
    pub static WAL_NO_MATCHING_SEGMENT: Condition = Condition {
        name: "wal: file not found which matches the snapshot index",
        says: &["file not found which matches the snapshot index"],
        engine: None,
        title: "the log no longer reaches back to the chosen snapshot",
        meaning: "No segment begins at or before the snapshot's index. Usual causes: old segments were deleted by hand, a copy \
                  is incomplete, or the newest .snap could not be used and the older one is too old for what is left.",
        decided_by: "The indexes in the names of wal/*.wal against the index of the chosen .snap.",
        safe: "See why an older snapshot was chosen. If a newer .snap is only torn, a copy of it from another node (same index \
               and term) helps, together with its .fsm.",
        not_safe: "Do not rename segments.",
        more: GATE,
    };

    /// `wal: file not found`: a segment of the log is missing or its name is odd.
    pub static WAL_FILE_NOT_FOUND: Condition = Condition {
        name: "wal: file not found",
        says: &["wal: file not found", "wal: file sequence numbers do not increase continuously", "do not increase continuously"],
        engine: None,
        title: "a segment of the log is missing or its name is odd",
        meaning: "Names are <sequence>-<index>.wal in sixteen hex digits each, and the sequence has no gaps.",
        decided_by: "The names in wal/, not the content.",
        safe: "Find the missing segment in the copy's source. Files with other names may be moved out of wal/.",
        not_safe: NO_SURGERY,
        more: "ekv-tool wal ls DIR",
    };

    /// `fileutil: file already locked`: another process has the log open.
    pub static WAL_LOCKED: Condition = Condition {
        name: "fileutil: file already locked",
        says: &["file already locked"],
        engine: None,
        title: "another process has the log open",
        meaning: "A server that runs holds a lock on its segments. A second one was started on the same directory, or the first \
                  is still ending.",
        decided_by: "The locks on wal/*.wal.",
        safe: "Find the other process and decide which is right.",
        not_safe: "Do not copy the directory aside and start a second server from the copy with the same raft id.",
        more: "ekv-tool inspect DIR",
    };

    /// `wal: conflicting metadata found`: two segments belong to different logs.
    pub static WAL_METADATA_CONFLICT: Condition = Condition {
        name: "wal: conflicting metadata found",
        says: &["wal: conflicting metadata found"],
        engine: None,
        title: "two segments belong to different logs",
        meaning: "The record at the start of each segment identifies the log. They differ: a segment came from elsewhere, or the \
                  record is damaged in a way that its checksum does not cover.",
        decided_by: "The metadata records (type 1) in the segments.",
        safe: REBUILD,
        not_safe: NO_SURGERY,
        more: VERIFY,
    };

    /// `walpb: crc mismatch`: a record of the log does not match its checksum.
    pub static WAL_CRC_MISMATCH: Condition = Condition {
        name: "walpb: crc mismatch",
        says: &["walpb: crc mismatch", "wal: crc mismatch"],
        engine: None,
        title: "a record of the log does not match its checksum",
        meaning: "The checksum runs from record to record through all segments, so that this is the first record that is not what \
                  was written. It is not a torn write of the last moment: that would be cut off by itself.",
        decided_by: "The crc field of the record that the text names, over the data of all records before it.",
        safe: REBUILD,
        not_safe: NO_SURGERY,
        more: VERIFY,
    };

    /// `unexpected block type`: a record of the log has an unknown type.
    pub static WAL_BLOCK_TYPE: Condition = Condition {
        name: "unexpected block type",
        says: &["unexpected block type *"],
        engine: None,
        title: "a record of the log has an unknown type",
        meaning: "Types 1 to 5 exist. The number is damaged (the type is not covered by the checksum), or the record is nothing \
                  that a server wrote. Server main prints an address instead of the number.",
        decided_by: "Field 1 of the record.",
        safe: REBUILD,
        not_safe: NO_SURGERY,
        more: VERIFY,
    };

    /// `proto: cannot parse invalid wire-format data`: a message inside a record is not valid protobuf.
    pub static PROTO: Condition = Condition {
        name: "proto: cannot parse invalid wire-format data",
        says: &[
            "proto: cannot parse invalid wire-format data",
            "cannot parse invalid wire-format data",
            "proto: *: illegal tag * (wire type *)",
            "proto: wrong wiretype = * for field *",
            "proto: *: wiretype end group for non-group",
            "proto: integer overflow",
            "proto: negative length found during unmarshaling",
            "proto: illegal wiretype *",
        ],
        engine: None,
        title: "a message inside a record is not valid protobuf",
        meaning: "The frame around it was readable and the content is not. In the log this is a damaged record; in the run loop it \
                  is a membership change that does not decode and stops the node at every start.",
        decided_by: "The bytes of the record, or the data of the entry.",
        safe: REBUILD,
        not_safe: NO_SURGERY,
        more: VERIFY,
    };

    /// `wal: snapshot mismatch`: log and snapshot disagree about the term of the same index.
    pub static WAL_SNAPSHOT_MISMATCH: Condition = Condition {
        name: "wal: snapshot mismatch",
        says: &["wal: snapshot mismatch", "wal: snapshot not found"],
        engine: None,
        title: "log and snapshot disagree about the term of the same index",
        meaning: "The log notes a snapshot at this index under another term. Two histories are mixed: a .snap or a segment came \
                  from elsewhere.",
        decided_by: "Snapshot records (type 5) in the log against the metadata of the chosen .snap.",
        safe: REBUILD,
        not_safe: "Do not delete the record's .snap without checking that an older one connects to the log.",
        more: GATE,
    };

    /// `wal: slice bounds out of range`: the log has a hole behind the chosen snapshot.
    pub static WAL_SLICE_BOUNDS: Condition = Condition {
        name: "wal: slice bounds out of range",
        says: &["wal: slice bounds out of range"],
        engine: None,
        title: "the log has a hole behind the chosen snapshot",
        meaning: "An entry's index is more than one above the last. In a copy of a running node it means that wal/ was copied \
                  before snap/: an older snapshot is chosen, or none, and the entries behind it are gone already.",
        decided_by: "Indexes of the entries that follow the chosen snapshot; the text names both.",
        safe: "A copy: copy again, in the order fsm.db, snap, fsm-snap, wal. The node itself: see which snapshot was chosen and \
               why the newest was not.",
        not_safe: NO_SURGERY,
        more: GATE,
    };

    /// `WAL unrepairable`: the end of the log is damaged in a way that the server cannot repair.
    pub static WAL_UNREPAIRABLE: Condition = Condition {
        name: "WAL unrepairable",
        says: &["wal unrepairable", "max entry size limit exceeded"],
        engine: None,
        title: "the end of the log is damaged in a way that the server cannot repair",
        meaning: "A torn last record is cut off once, with a copy kept as .wal.broken, and the log is read again. Here that did \
                  not help: the damage is not in the last segment, or it is not a torn write. `max entry size limit exceeded` \
                  means that a length word reaches beyond the file.",
        decided_by: "The first frame that cannot be read, and whether the segment is the last.",
        safe: REBUILD,
        not_safe: NO_SURGERY,
        more: VERIFY,
    };

    /// `state.commit out of range`: the log ends before the index that is known to be committed.
    pub static COMMIT_OUT_OF_RANGE: Condition = Condition {
        name: "state.commit out of range",
        says: &["state.commit * is out of range [*, *]"],
        engine: None,
        title: "the log ends before the index that is known to be committed",
        meaning: "Entries that were committed are not in the log any more: it was cut, a segment is missing at its end, or it comes \
                  from an older copy than its hard state. The library ends the process.",
        decided_by: "The commit of the last hard state record against the last entry's index; the numbers are in the text.",
        safe: REBUILD,
        not_safe: NO_SURGERY,
        more: GATE,
    };

    /// `restore pending conf-change fence`: the last entry has the largest index there is.
    pub static CONF_CHANGE_FENCE: Condition = Condition {
        name: "restore pending conf-change fence",
        says: &["last index overflows half-open range"],
        engine: Some(ServerVersion::Main),
        title: "the last entry has the largest index there is",
        meaning: "No log grows to 2^64 − 1 entries: an index is damaged in a record whose checksum fits.",
        decided_by: "The index of the last entry.",
        safe: REBUILD,
        not_safe: NO_SURGERY,
        more: VERIFY,
    };

    /// `membership change makes the library panic`: a membership change, or the membership in a snapshot, makes no sense.
    pub static MEMBERSHIP_PANIC: Condition = Condition {
        name: "membership change makes the library panic",
        says: &[
            "removed all voters",
            "unexpected conf type *",
            "can't leave a non-joint config",
            "config is already joint",
            "can't apply simple config change in joint config",
            "more than one voter changed without entering joint config",
            "confstates not equivalent after sorting",
        ],
        engine: None,
        title: "a membership change, or the membership in a snapshot, makes no sense",
        meaning: "The Raft library ends the process when it applies such a change or restores such a membership. The change is \
                  committed, so that every start ends there, on every member that has it.",
        decided_by: "Entries of type conf-change in the log, or the membership in the chosen .snap.",
        safe: "See which entry it is and whether the other members have it too. If it is on this node alone, its log is damaged: \
               let it join again.",
        not_safe: "Do not restart the members one after another: each one that applies the change goes down.",
        more: "ekv-tool gate-dryrun --plan DIR",
    };

    /// `unmarshal should never fail`: a record with a right checksum holds a malformed message.
    pub static UNMARSHAL_PANIC: Condition = Condition {
        name: "unmarshal should never fail",
        says: &["unmarshal should never fail"],
        engine: None,
        title: "a record with a right checksum holds a malformed message",
        meaning: "The library does not expect that and ends the process. The record was written this way, or replaced with care.",
        decided_by: "The message inside the record.",
        safe: REBUILD,
        not_safe: NO_SURGERY,
        more: VERIFY,
    };

    /// `tocommit(..) is out of range`: a leader believes that this node has entries which it does not have.
    pub static TOCOMMIT_OUT_OF_RANGE: Condition = Condition {
        name: "tocommit is out of range",
        says: &["tocommit(*) is out of range [lastindex(*)]", "was the raft log corrupted, truncated, or lost?"],
        engine: None,
        title: "this node has lost entries that it had acknowledged",
        meaning: "The leader knows that this member had taken entries up to the first number; its log ends at the second. The log was \
                  wiped, cut or put back from an older copy, and the node came up with its old name. Every start ends here as \
                  soon as the leader speaks to it.",
        decided_by: "The commit in the leader's message against the last entry of this node's log.",
        safe: "Stop the node, keep a copy, remove it from the group by a membership change on the others, and let it join as a new \
               member with an empty directory.",
        not_safe: "Do not let it vote meanwhile: it has forgotten what it promised, and may elect a leader that lacks committed entries.",
        more: "ekv-tool compare DIR DIR",
    };

    /// `applied(..) is out of range`: the state machine claims to be outside of what the log knows.
    pub static APPLIED_OUT_OF_RANGE: Condition = Condition {
        name: "applied is out of range",
        says: &["applied(*) is out of range [prevapplied(*), committed(*)]"],
        engine: None,
        title: "the applied index is not between the last applied and the committed entry",
        meaning: "The store has applied more than the log knows to be committed, or less than the snapshot: store, snapshot and log \
                  are not of one time or not of one node.",
        decided_by: "The applied index in fsm.db, the index of the chosen .snap, and the commit in the log.",
        safe: "Forecast the start: the tool names the three indexes and where they stand.",
        not_safe: "Do not change the applied index in the store.",
        more: GATE,
    };

    /// `missing log entry`: an entry is appended behind a gap.
    pub static MISSING_LOG_ENTRY: Condition = Condition {
        name: "missing log entry",
        says: &["missing log entry [last: *, append at: *]", "entries' hi(*) is out of bound lastindex(*)", "unexpected committed entries"],
        engine: None,
        title: "the log ends before the place where it is to go on",
        meaning: "The library was asked for, or handed, entries behind the end of the log it was given. Entries in between are gone.",
        decided_by: "The last entry of the log against the applied index and the chosen snapshot.",
        safe: REBUILD,
        not_safe: NO_SURGERY,
        more: GATE,
    };

    /// `wal: decoder not found`: a log was read a second time.
    pub static WAL_DECODER_NOT_FOUND: Condition = Condition {
        name: "wal: decoder not found",
        says: &["wal: decoder not found"],
        engine: None,
        title: "the log was asked for twice, or was just created",
        meaning: "A fault of the program that embeds the library, not of the files: a log can be read once after it was opened.",
        decided_by: "The order of calls; no byte of the log.",
        safe: "Verify the log, and report the error to the maintainers of the server.",
        not_safe: NO_SURGERY,
        more: VERIFY,
    };

    /// `ignored file in WAL directory`: a file in `wal/` has no name of a segment.
    pub static WAL_IGNORED_FILE: Condition = Condition {
        name: "ignored file in WAL directory",
        says: &["ignored file in wal directory", "found unexpected non-snap file; skipping"],
        engine: None,
        title: "a file in wal/ or snap/ has a name that the library does not read",
        meaning: "A warning: the file is passed over. Copies, editors' leftovers and files of a synchroniser look like this; so does \
                  a segment whose name was damaged, and then the log has a gap.",
        decided_by: "The names in wal/ and snap/.",
        safe: "List the log: the tool names what is not read, and whether a segment is missing.",
        not_safe: "Do not rename a file to the name of a segment.",
        more: "ekv-tool wal ls DIR",
    };
}
