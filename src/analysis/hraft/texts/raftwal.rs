//! What raft-wal says when it opens a log and reads of it, and what a restore says of an archive.

use crate::analysis::server::conditions::Condition;

/// In the order of opening.
pub(super) static RAFT_WAL: &[Condition] = &[
    Condition {
        name: "WAL is corrupt",
        says: &["wal is corrupt"],
        engine: None,
        title: "raft-wal refuses to open the log, or to read an entry of it",
        meaning: "The list in wal-meta.db does not decode, a file is called almost like a segment, the header of a segment is not \
                  the one that the list has, or a frame has no known type or is longer than 64 MiB.",
        decided_by: "The list in wal-meta.db, the names of the files beside it, the first 32 bytes of each segment, and the frame.",
        safe: "Keep a copy of the directory; then let the node join again empty.",
        not_safe: "Do not remove wal-meta.db or a segment: without the list every segment is deleted or refused.",
        more: "ekv-tool wal verify DIR",
    },
    Condition {
        name: "unknown segment codec",
        says: &["uses an unknown codec"],
        engine: None,
        title: "a segment is written in a codec that this program does not have",
        meaning: "The list says another codec than 1. It was damaged, or another program with a codec of its own wrote the log.",
        decided_by: "Codec in the list of wal-meta.db; the header of the segment has it as well.",
        safe: "Compare the codec in the segment's header; keep a copy, and let the node join again empty if the list is wrong.",
        not_safe: "Do not change the list by hand on the only copy.",
        more: "ekv-tool wal verify DIR",
    },
    Condition {
        name: "unsealed segment is not at tail",
        says: &["unsealed segment is not at tail"],
        engine: None,
        title: "a segment in the middle of the list is open",
        meaning: "Only the last segment may lack an end. Without wal-meta.db the list is made of the headers alone, so that more than \
                  one segment ends like this.",
        decided_by: "SealTime and MaxIndex of each segment in the list of wal-meta.db.",
        safe: "Put the wal-meta.db of the same moment back, or let the node join again empty.",
        not_safe: "Do not delete segments until the rest opens: what they hold may be committed.",
        more: "ekv-tool wal verify DIR",
    },
    Condition {
        name: "archive hash check failed",
        says: &["hash check failed for"],
        engine: None,
        title: "a member of a snapshot archive has another checksum than SHA256SUMS says",
        meaning: "The archive was damaged after it was saved, or put together by hand.",
        decided_by: "SHA-256 of meta.json and state.bin, against the lines of SHA256SUMS.",
        safe: "Take another copy of the archive, or save a new one from the running cluster.",
        not_safe: "Do not correct SHA256SUMS by hand: nothing else protects the state.",
        more: "ekv-tool verify-snapshot FILE",
    },
];
