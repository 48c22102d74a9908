//! State files from before the write-ahead log; read only when `wal/` holds no segment.

use super::Condition;

const SAFE: &str = "Keep a copy. If this node once ran with a log, find out why wal/ is empty: the state files are then long out of \
                    date and not what should be read.";
const NOT_SAFE: &str = "Do not delete the state files to get past the error: with neither log nor state the node may bootstrap a group \
                        of its own.";

conditions! {
    list LEGACY;

    /// `invalid etcd raft metadata magic`: a legacy state file is damaged or another file has its name.
    pub static LEGACY_MAGIC: Condition = Condition {
        name: "invalid etcd raft metadata magic",
        says: &[
            "invalid etcd raft state magic",
            "invalid etcd raft metadata magic",
            "invalid etcd raft entries magic",
            "unsupported etcd raft state version *",
            "unsupported etcd raft metadata version *",
            "unsupported etcd raft entries version *",
        ],
        engine: None,
        title: "a legacy state file is damaged or another file has its name",
        meaning: "There is no log, so that the server turned to the files that versions before the log wrote, and one of them is \
                  not what its name says.",
        decided_by: "The first eight bytes of etcd-raft-state.bin, etcd-raft-meta.bin or etcd-raft-entries.bin.",
        safe: SAFE,
        not_safe: NOT_SAFE,
        more: "ekv-tool inspect DIR",
    };

    /// `persisted entry count N exceeds limit 1048576`: a length in a legacy state file is impossible.
    pub static LEGACY_LIMIT: Condition = Condition {
        name: "persisted entry count N exceeds limit 1048576",
        says: &[
            "persisted entry count * exceeds limit",
            "persisted hard state size * exceeds limit",
            "persisted snapshot metadata size * exceeds limit",
            "persisted snapshot size * exceeds limit",
            "persisted entry size * exceeds limit",
        ],
        engine: None,
        title: "a length in a legacy state file is impossible",
        meaning: "The file is damaged at or before that length. No checksum protects these files.",
        decided_by: "The length (4 bytes, big-endian) in front of a message.",
        safe: SAFE,
        not_safe: NOT_SAFE,
        more: "ekv-tool inspect DIR",
    };
}
