//! Codes about logs of hashicorp/raft-wal.

use super::{CodeInfo, Severity};

/// A segment holds other bytes than were written.
pub static SEGMENT_DAMAGED: CodeInfo = CodeInfo {
    code: "raftwal-segment-damaged",
    severity: Severity::Error,
    title: "a segment of the log is damaged",
    meaning: "A commit's checksum, the header, the index or a frame does not fit what is in the file. The library reads sealed \
              segments without looking at checksums: it hands out what is there, or an error for one entry, long after the start. In the last segment it \
              stops at the first bad frame and overwrites whole commits that stand behind it.",
    decided_by: "CRC-32C of every commit over what it covers, the header against name and list, the index against the frames; behind the place where \
                 a start stops, a frame of a commit and the next one, whose checksum is that of the bytes between.",
    safe: "Keep a copy, and rebuild the node from another member: with its directory empty it is sent a snapshot.",
    not_safe: "Do not take a start without an error for a sign that the log is well.",
    more: "ekv-tool wal verify DIR",
    never: None,
};

/// A sealed segment is not there.
pub static SEGMENT_MISSING: CodeInfo = CodeInfo {
    code: "raftwal-segment-missing",
    severity: Severity::Error,
    title: "a segment of the log is missing",
    meaning: "The list in wal-meta.db names a sealed segment that is no file. The library does not open the log.",
    decided_by: "The list in wal-meta.db, against the names in the directory.",
    safe: "Put the file back from a copy of this node, or rebuild the node from another member.",
    not_safe: "Do not delete wal-meta.db: without it the library deletes the other segments or refuses them, by its version.",
    more: "ekv-tool wal verify DIR",
    never: None,
};

/// The list of segments cannot be used.
pub static META_INVALID: CodeInfo = CodeInfo {
    code: "raftwal-meta-invalid",
    severity: Severity::Error,
    title: "the list of segments cannot be used",
    meaning: "wal-meta.db is missing beside segments, its list does not decode, or what it says contradicts itself: an open segment \
              that is not the last, ranges that overlap, an unknown codec, a segment without an index. The library does not open the \
              log, or opens one that lacks entries.",
    decided_by: "The JSON under key `m` of bucket `wal-meta`.",
    safe: "Do not start the node; keep a copy, and rebuild it from another member.",
    not_safe: "Do not delete wal-meta.db, and do not write a list by hand.",
    more: "ekv-tool wal ls DIR",
    never: None,
};

/// The next start drops the log's end.
pub static TAIL_DROPPED: CodeInfo = CodeInfo {
    code: "raftwal-tail-dropped",
    severity: Severity::Info,
    title: "the next start drops the end of the log",
    meaning: "Entries behind the last commit were being written when the process ended: nobody was told that they are there. When the \
              last commit itself does not fit its checksum, the library goes back to the one before: after a crash of the machine \
              that is ordinary, otherwise entries that were acknowledged are lost.",
    decided_by: "The frames of the last segment, by the library's own rule for opening it.",
    safe: "Nothing has to be done after a crash. Without one, compare with the other members before the node votes.",
    not_safe: "Do not let a node with a lost end vote where another member may have counted on it.",
    more: "ekv-tool wal dump DIR",
    never: None,
};

/// Files that the next start deletes.
pub static LEFTOVER: CodeInfo = CodeInfo {
    code: "raftwal-leftover",
    severity: Severity::Info,
    title: "files of the log that the next start deletes or makes",
    meaning: "A crash between a change of the list and that of the files leaves segments that no list names, or a last segment that \
              is not made yet, or a wal-meta.db.tmp. The next start deletes the ones and makes the other.",
    decided_by: "The list in wal-meta.db, against the names in the directory.",
    safe: "Nothing has to be done. Copy a segment that no list names first, if its entries may be wanted.",
    not_safe: "Do not start the node before you have copied what you want to keep.",
    more: "ekv-tool wal ls DIR",
    never: None,
};

/// Entries that were removed can still be read.
pub static REMOVED: CodeInfo = CodeInfo {
    code: "raftwal-removed-entries",
    severity: Severity::Info,
    title: "entries that were removed can still be read",
    meaning: "A leader of a later term replaced the end of this log. The library closes the segment earlier and leaves the entries in \
              it: they show what the node held before.",
    decided_by: "The frames of a segment beyond the last index that the list gives it.",
    safe: "Nothing has to be done. wal dump lists them as removed.",
    not_safe: "Do not count them as entries of the group.",
    more: "ekv-tool wal dump DIR",
    never: None,
};

/// Entries do not have the sum that the leader wrote.
pub static CHECKPOINT: CodeInfo = CodeInfo {
    code: "raftwal-checkpoint-mismatch",
    severity: Severity::Warning,
    title: "entries do not have the sum that their leader wrote",
    meaning: "A checkpoint entry carries a sum over the entries before it, made by the leader before anything was stored. The entries \
              that stand here have another one: they changed between the leader's memory and this disk, or the leader had summed \
              entries that were replaced since.",
    decided_by: "The FNV-1a sum in the extensions of the checkpoint, against the entries from its first index on.",
    safe: "Compare with the other members which entries differ; rebuild this node from a good one.",
    not_safe: "Do not let this node become leader.",
    more: "ekv-tool wal dump DIR",
    never: None,
};

/// All of them.
pub const ALL: &[&CodeInfo] =
    &[&SEGMENT_DAMAGED, &SEGMENT_MISSING, &META_INVALID, &TAIL_DROPPED, &LEFTOVER, &REMOVED, &CHECKPOINT];
