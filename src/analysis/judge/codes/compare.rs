//! Codes about the same group on several nodes.

use super::{CodeInfo, Severity};

/// The directories are not of one group.
pub static CROSS_GROUP_MISMATCH: CodeInfo = CodeInfo {
    code: "cross-group-mismatch",
    severity: Severity::Error,
    title: "the directories are not of one group",
    meaning: "The nodes have no member in common, so that nothing about their contents can be compared. Either the \
              arguments are wrong or data directories were exchanged.",
    decided_by: "The members in the snapshots and the logs of each directory.",
    safe: "Correct the arguments. If the directories really stand on the nodes of one cluster, stop restarting nodes \
              until it is explained.",
    not_safe: "Do not start a node on a directory that may be another cluster's.",
    more: "ekv-tool inspect DIR",
    never: None,
};

/// Two directories have the same identity.
pub static CROSS_DUPLICATE_IDENTITY: CodeInfo = CodeInfo {
    code: "cross-duplicate-identity",
    severity: Severity::Error,
    title: "two directories have the same identity",
    meaning: "The same member exists twice, as after cloning a volume or restoring a backup beside the live node. Two \
              processes with one identity can vote twice and acknowledge different writes.",
    decided_by: "The raft ids of the directories, and the bytes of their logs: two members never write the same file, so that \
              a thousand equal records are a copy.",
    safe: "Make sure that only one of them can ever start. Two copies that were made on purpose are compared one at a \
              time.",
    not_safe: "Do not start both.",
    more: "ekv-tool inspect DIR",
    never: None,
};

/// The logs of two nodes contradict each other.
pub static CROSS_LOG_MATCHING: CodeInfo = CodeInfo {
    code: "cross-log-matching",
    severity: Severity::Error,
    title: "the logs of two nodes contradict each other",
    meaning: "Entries of one index and term are the same everywhere, and logs that agree at one entry agree at all before \
              it. Otherwise two leaders shared a term or bytes were changed. A suffix that is only uncommitted is a \
              remark.",
    decided_by: "The terms and contents of the entries that both logs hold.",
    safe: "Keep copies of all directories. If few bytes differ, a third member tells which node has the damage.",
    not_safe: "Do not restart members before it is explained.",
    more: "ekv-tool wal show INDEX DIR",
    never: None,
};

/// Two nodes have committed different entries.
pub static CROSS_COMMITTED_DIVERGENCE: CodeInfo = CodeInfo {
    code: "cross-committed-divergence",
    severity: Severity::Error,
    title: "two nodes have committed different entries",
    meaning: "Both nodes regard the index as committed and hold different entries there: their state machines have \
              diverged, and clients may have seen either.",
    decided_by: "The entries up to the smaller of the two recorded commits.",
    safe: "Stop writes. Keep copies of all directories, find the history that a majority holds, and rebuild the other \
              nodes from it.",
    not_safe: "Do not let the group go on before that.",
    more: "ekv-tool wal show INDEX DIR",
    never: None,
};

/// A later leader did not have a committed entry.
pub static CROSS_COMMITTED_LOST: CodeInfo = CodeInfo {
    code: "cross-committed-lost",
    severity: Severity::Error,
    title: "a later leader did not have a committed entry",
    meaning: "One node has committed an entry, another holds one of a later term in its place. An acknowledged write was \
              lost.",
    decided_by: "The term of the entry that one node has committed, against the other's at the same index.",
    safe: "Keep the directory of the node that has it; it is the only copy.",
    not_safe: "Do not restart or wipe that node.",
    more: "ekv-tool wal show INDEX DIR",
    never: None,
};

/// A committed entry is not held by a majority.
pub static CROSS_UNDER_REPLICATED: CodeInfo = CodeInfo {
    code: "cross-under-replicated",
    severity: Severity::Error,
    title: "a committed entry is not held by a majority",
    meaning: "The latest commit is held by fewer voters than a majority, so that the loss of a holder can lose it. Copies \
              that were taken at different times look like this too.",
    decided_by: "The highest recorded commit, against the logs and snapshots of the latest voters.",
    safe: "Let the followers catch up before any restart. If the group is down, start the nodes first that hold the entry.",
    not_safe: "Do not wipe a holder.",
    more: "ekv-tool compare DIR DIR",
    never: None,
};

/// Snapshots of one index differ.
pub static CROSS_SNAPSHOT_DIVERGENCE: CodeInfo = CodeInfo {
    code: "cross-snapshot-divergence",
    severity: Severity::Error,
    title: "snapshots of one index differ",
    meaning: "Snapshots of the same index and term must name the same members. Their payloads may differ in bytes, since \
              garbage collection and clock values are local; that is a remark.",
    decided_by: "The ConfState and the checksums of .snap files of equal index and term.",
    safe: "For members, see which of them the log and a majority confirm. For payloads, compare what they hold.",
    not_safe: "Do not seed a node from the one that stands alone.",
    more: "ekv-tool snapshot diff A B",
    never: None,
};

/// Two stores of a group hold other rows than the log explains.
pub static NODES_STORES_DIVERGE: CodeInfo = CodeInfo {
    code: "nodes-stores-diverge",
    severity: Severity::Error,
    title: "copies of one store have diverged",
    meaning: "Nodes that have applied the same entries hold the same rows, but for those that each may have of its own, and a store holds \
              the rows of its snapshots until its retention removes them. Here a row is missing, or has another value, that no entry \
              explains which only one of the two has applied: clients read other data on one node than on the other, or than they \
              once read on the same, and the difference spreads with every snapshot that is made of it.",
    decided_by: "The rows of both stores, or of a store and a payload, their applied indexes, their retention, and the entries of the \
                 logs between the applied indexes and behind them.",
    safe: "Keep copies of both directories. Find which node stands alone: compare a third one, or see which of them holds what the \
              entry wrote. Rebuild that one from a good snapshot.",
    not_safe: "Do not make the node that stands alone the leader, and do not seed another one from it.",
    more: "ekv-tool store diff A B",
    never: None,
};

/// One node's term is ahead of the others'.
pub static CROSS_TERM_AHEAD: CodeInfo = CodeInfo {
    code: "cross-term-ahead",
    severity: Severity::Info,
    title: "one node's term is ahead of the others'",
    meaning: "The node campaigned while it was cut off. When it starts it makes the leader step down, unless pre-vote \
              stops it.",
    decided_by: "The terms of the last hard states.",
    safe: "Start it last, with pre-vote on, or rebuild it if it was removed.",
    not_safe: "Do not take it for damage.",
    more: "ekv-tool check DIR",
    never: None,
};

/// Every code of this file.
pub const ALL: &[&CodeInfo] = &[
    &CROSS_GROUP_MISMATCH,
    &CROSS_DUPLICATE_IDENTITY,
    &CROSS_LOG_MATCHING,
    &CROSS_COMMITTED_DIVERGENCE,
    &CROSS_COMMITTED_LOST,
    &CROSS_UNDER_REPLICATED,
    &CROSS_SNAPSHOT_DIVERGENCE,
    &NODES_STORES_DIVERGE,
    &CROSS_TERM_AHEAD,
];
