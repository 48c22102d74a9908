//! Codes about single files, whatever they are part of.

use super::{CodeInfo, Severity};

/// A file cannot be read as what its name, or its first bytes, say it is.
pub static FILE_DAMAGED: CodeInfo = CodeInfo {
    code: "file-damaged",
    severity: Severity::Error,
    title: "a file cannot be read as what it should be",
    meaning: "Its name or its beginning say what it is, and the rest does not fit: it was cut, overwritten, or another file was \
              given its name. What a start makes of it depends on the file; the message names the place.",
    decided_by: "The first byte that does not fit, in the order in which the server reads the file.",
    safe: "Keep a copy, then forecast the start: many files are not needed by it.",
    not_safe: "Do not delete the file before the forecast has shown what a start does without it.",
    more: "ekv-tool gate-dryrun DIR",
    never: None,
};

/// The peers file does not decode.
pub static PEERS_REFUSED: CodeInfo = CodeInfo {
    code: "peers-refused",
    severity: Severity::Error,
    title: "the peers file cannot be read and every start is refused",
    meaning: "etcd-raft-peers.bin is read before everything else in a group. It is damaged, or of a version that the server does \
              not know. Snapshots, log and store may be perfectly intact.",
    decided_by: "etcd-raft-peers.bin, field by field; the first that does not fit is named. No checksum protects it.",
    safe: "Keep a copy. The members are also in the newest .snap; with the damaged file moved away, a start with exactly those \
           members on the command line writes a new one.",
    not_safe: "Do not start with --raftBootstrap and this node alone: where the log is gone too, that begins a second group.",
    more: "ekv-tool inspect DIR/etcd-raft-peers.bin",
    never: None,
};

/// A peer's node id is not the hash of its raft id.
pub static PEERS_NODE_ID: CodeInfo = CodeInfo {
    code: "peers-node-id",
    severity: Severity::Info,
    title: "a peer's node id is not the hash of its raft id",
    meaning: "The server derives node ids from raft ids. For the local node it uses its own id whatever the file says; for \
              another member the number in the file is used as it is.",
    decided_by: "Node id (8 bytes) against FNV-1a of the raft id, in etcd-raft-peers.bin.",
    safe: "Compare with another member's file. If they agree, the id was chosen when the member was added.",
    not_safe: "Do not correct it by hand: the log and the snapshots name members by the number.",
    more: "ekv-tool inspect DIR/etcd-raft-peers.bin",
    never: None,
};

/// A legacy state file does not decode.
pub static LEGACY_REFUSED: CodeInfo = CodeInfo {
    code: "legacy-state-refused",
    severity: Severity::Error,
    title: "a state file from before the log cannot be read",
    meaning: "These files matter only when wal/ holds no segment. Then a start reads them and is refused by one that does not \
              decode. Beside a log they are leftovers that nobody reads.",
    decided_by: "Magic, version, lengths and messages of the file; no checksum protects it.",
    safe: "If wal/ holds segments, nothing has to be done. If not, find out first why the log is gone.",
    not_safe: "Do not delete it to make a start possible: the node would believe that it is new.",
    more: "ekv-tool gate-dryrun DIR",
    never: None,
};

/// The key sidecar does not decode.
pub static SIDECAR_REFUSED: CodeInfo = CodeInfo {
    code: "sidecar-refused",
    severity: Severity::Error,
    title: "the key sidecar cannot be used and a start with encryption is refused",
    meaning: "keys.json holds the data keys, wrapped. It is not JSON of a known version, or contradicts itself. The values in the \
              store cannot be read without the keys in it.",
    decided_by: "The text of keys.json; no checksum protects it.",
    safe: "Keep a copy. Look for keys.json.tmp and for backups of this node's own sidecar; the wrapped keys are also in bootstrap \
           and rotation entries of the log.",
    not_safe: "Do not take another node's sidecar as it stands: its start counters are that node's, and a nonce used twice gives \
               the key away.",
    more: "ekv-tool inspect KEYS.JSON",
    never: None,
};

/// The engine marker names no engine that the server has.
pub static MARKER_REFUSED: CodeInfo = CodeInfo {
    code: "engine-marker",
    severity: Severity::Error,
    title: "the engine marker does not say etcd and every start is refused",
    meaning: "The file raft-engine says which raft library wrote the directory. Its text is something else than `etcd`.",
    decided_by: "The text of raft-engine, trimmed, in any case; an empty file counts as `etcd`.",
    safe: "If wal/ and snap/ are there, the marker alone is damaged: keep a copy, then write `etcd` and a newline.",
    not_safe: "Do not delete other files because of it.",
    more: "ekv-tool gate-dryrun DIR",
    never: None,
};

/// A file's content is of another kind than its name says.
pub static FILE_MISNAMED: CodeInfo = CodeInfo {
    code: "file-misnamed",
    severity: Severity::Warning,
    title: "a file's content is of another kind than its name says",
    meaning: "The server goes by names. It will read this file as something that it is not.",
    decided_by: "Magic number or structure of the content against the name.",
    safe: "Find out where the file belongs; nothing in it is damaged because of its name.",
    not_safe: "Do not rename files in a directory that a server has open.",
    more: "ekv-tool inspect FILE",
    never: None,
};

/// Every code of this file.
pub const ALL: &[&CodeInfo] =
    &[&FILE_DAMAGED, &PEERS_REFUSED, &PEERS_NODE_ID, &LEGACY_REFUSED, &SIDECAR_REFUSED, &MARKER_REFUSED, &FILE_MISNAMED];
