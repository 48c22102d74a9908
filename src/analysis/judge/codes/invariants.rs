//! Codes of the checks of one node's directory.

pub use super::gate::APPLIED_BEYOND_LOG;
pub use super::snapshot::{FSM_AHEAD_OF_INDEX, SNAP_IDENTITY_MISMATCH, SNAP_ORPHAN};
use super::{CodeInfo, Severity};

/// Entries are missing in the middle of the log.
pub static LOG_GAP: CodeInfo = CodeInfo {
    code: "log-gap",
    severity: Severity::Error,
    title: "entries are missing in the middle of the log",
    meaning: "The log jumps over one or more indexes that no snapshot covers. The node may have acknowledged the missing \
              entries. A start that reads across the gap ends with an error.",
    decided_by: "The indexes of neighbouring entry records in wal/, and the snapshot records between them.",
    safe: "Keep a copy of the whole directory before anything starts on it, let another healthy member serve, and rebuild \
              this one: remove it from the group, empty its directory, let it join as a learner and promote it once it has \
              caught up.",
    not_safe: "Do not count this node when you judge whether entries are safe, and do not restart other members until a \
              majority is known to be whole.",
    more: "ekv-tool wal ls DIR",
    never: None,
};

/// The log does not connect to the snapshot that a start takes.
pub static SNAP_REPLAY_HOLE: CodeInfo = CodeInfo {
    code: "snap-replay-hole",
    severity: Severity::Error,
    title: "the log does not connect to the snapshot that a start takes",
    meaning: "A start restores a snapshot and reads the log from there. Here the log cannot be read from that point, so the \
              start is refused. For an older snapshot it only means that it cannot serve as a fallback.",
    decided_by: "The names of the segments, the snapshot records in them, and the names in snap/.",
    safe: "If the directory is a copy of a running node, copy it again in a safe order: fsm.db, snap, fsm-snap, wal, \
              peers file. If .snap files are missing or cannot be read, `snapshot rebuild` shows their bytes, made from log and \
              payload. Otherwise restore a snapshot that fits, or rebuild the node.",
    not_safe: "Do not delete snapshots or segments to make it start.",
    more: "ekv-tool gate-dryrun DIR",
    never: None,
};

/// Terms fall along the log.
pub static LOG_TERM_REGRESS: CodeInfo = CodeInfo {
    code: "log-term-regress",
    severity: Severity::Error,
    title: "terms fall along the log",
    meaning: "A leader appends with its own term, and terms only grow, so along one log they never fall. Where they do, two \
              histories have been joined. For entries left over from before a received snapshot it is only a remark.",
    decided_by: "The terms of neighbouring entries of the log that counts.",
    safe: "Keep a copy of the whole directory before anything starts on it, compare it with the other members to see \
              which part is real, then rebuild this node.",
    not_safe: "Do not let it vote or lead before that.",
    more: "ekv-tool compare DIR DIR",
    never: None,
};

/// A committed entry was written again.
pub static LOG_OVERWRITES_COMMITTED: CodeInfo = CodeInfo {
    code: "log-overwrites-committed",
    severity: Severity::Error,
    title: "a committed entry was written again",
    meaning: "The log says that an entry was committed and then writes another in its place. Committed entries never change: \
              either acknowledged writes were lost, or files of two nodes or two times were mixed. The same content written \
              again is only a remark.",
    decided_by: "The index of an entry record, against the commit of the hard states before it.",
    safe: "Keep copies of all members' directories and stop restarting members until it is known which history is right.",
    not_safe: "Do not let this node rejoin, and do not delete any member's directory.",
    more: "ekv-tool compare DIR DIR",
    never: None,
};

/// An entry was replaced in a way that no leader asks for.
pub static LOG_ILLEGAL_REWRITE: CodeInfo = CodeInfo {
    code: "log-illegal-rewrite",
    severity: Severity::Error,
    title: "an entry was replaced in a way that no leader asks for",
    meaning: "An index and a term name one content for ever, and an uncommitted entry is replaced only for a leader of a \
              newer term. Otherwise two processes share this identity, or bytes were changed.",
    decided_by: "Entry records of the same index, and the terms of the hard states around them.",
    safe: "Keep a copy of the whole directory before anything starts on it, and find out whether a second process or a \
              restored backup runs under the same raft id.",
    not_safe: "Do not start the node again before that.",
    more: "ekv-tool compare DIR DIR",
    never: None,
};

/// An entry was appended at or below a snapshot in force.
pub static LOG_APPEND_BELOW_SNAPSHOT: CodeInfo = CodeInfo {
    code: "log-append-below-snapshot",
    severity: Severity::Error,
    title: "an entry was appended at or below a snapshot in force",
    meaning: "A snapshot is committed, so nothing at or below it can be appended after it. It was written by a faulty server \
              or by file surgery. If its content equals the other members', replaying it is harmless.",
    decided_by: "The index of an entry record, against the snapshot record before it and the commit that covers it.",
    safe: "Compare the entries with the other members. If they agree, the node can be used; otherwise rebuild it.",
    not_safe: "Do not take a snapshot from this node for others before that.",
    more: "ekv-tool compare DIR DIR",
    never: None,
};

/// An entry does not decode or contradicts itself.
pub static LOG_ENTRY_MALFORMED: CodeInfo = CodeInfo {
    code: "log-entry-malformed",
    severity: Severity::Error,
    title: "an entry does not decode or contradicts itself",
    meaning: "The record's checksum is right, so the server itself wrote these bytes, but they are no entry, have no index \
              or term, or a type that no version knows. Data that is no proposal is only a remark: the server passes over \
              it.",
    decided_by: "The fields of the entry in the record.",
    safe: "If other members hold the same bytes, it was proposed like that: keep the server version that accepted it. If \
              only this one does, rebuild the node.",
    not_safe: "Do not roll back to a server that cannot apply the entry.",
    more: "ekv-tool wal show INDEX DIR",
    never: None,
};

/// A suffix of the log was replaced.
pub static LOG_CONFLICT_TRUNCATION: CodeInfo = CodeInfo {
    code: "log-conflict-truncation",
    severity: Severity::Info,
    title: "a suffix of the log was replaced",
    meaning: "After a change of leader, entries that were never committed give way to those of the new leader. That is how \
              Raft works; clients whose writes were among them got no success.",
    decided_by: "An entry record with an index that the log already had.",
    safe: "Nothing has to be done. Clients that saw a timeout at that time must check whether their write happened.",
    not_safe: "Do not take it for damage.",
    more: "ekv-tool wal dump DIR",
    never: None,
};

/// Something committed belongs to a term above the node's own.
pub static TERM_ABOVE_CURRENT: CodeInfo = CodeInfo {
    code: "term-above-current",
    severity: Severity::Error,
    title: "something committed belongs to a term above the node's own",
    meaning: "The node holds committed data of a term that it does not know of, so it may vote a second time in that term. \
              An uncommitted entry in that position is only a remark, since a crash between an entry and its hard state \
              leaves it.",
    decided_by: "The terms of entries and snapshots, against the hard states behind them.",
    safe: "Keep a copy of the whole directory before anything starts on it, and do not let it vote: rebuild it.",
    not_safe: "Do not set the term by hand.",
    more: "ekv-tool wal dump DIR",
    never: None,
};

/// Term or commit went back.
pub static HARDSTATE_REGRESS: CodeInfo = CodeInfo {
    code: "hardstate-regress",
    severity: Severity::Error,
    title: "term or commit went back",
    meaning: "Both only grow, and a crash can lose only the end of a log. A lower value after a higher one means that files \
              of two lives of this directory were mixed, for example a backup that was restored over newer files.",
    decided_by: "The term and commit of neighbouring hard state records.",
    safe: "Keep a copy of the whole directory before anything starts on it, let another healthy member serve, and rebuild \
              this one: remove it from the group, empty its directory, let it join as a learner and promote it once it has \
              caught up.",
    not_safe: "Do not start it: it may vote twice or serve old data.",
    more: "ekv-tool wal dump DIR",
    never: None,
};

/// Many elections without an entry in between.
pub static TERM_CHURN: CodeInfo = CodeInfo {
    code: "term-churn",
    severity: Severity::Info,
    title: "many elections without an entry in between",
    meaning: "The node saw or held elections that produced no leader it followed: a flapping network, a lost quorum, or a \
              removed member that keeps campaigning. With pre-vote an isolated node does not raise its term.",
    decided_by: "The terms of hard state records between two entry records.",
    safe: "Find the campaigning node before a rolling restart and restart it last.",
    not_safe: "Do not take it for damage.",
    more: "ekv-tool wal dump DIR",
    never: None,
};

/// The recorded commit is not covered by the log.
pub static COMMIT_OUT_OF_RANGE: CodeInfo = CodeInfo {
    code: "commit-out-of-range",
    severity: Severity::Error,
    title: "the recorded commit is not covered by the log",
    meaning: "The node recorded that entries are committed which its log does not hold. The library ends the process when it \
              starts on such a log. A last segment that is shorter than the others, or was copied in part, looks like this.",
    decided_by: "The commit of the last hard state, against the last entry and the snapshots.",
    safe: "If the directory is a copy, take a complete one. Otherwise rebuild the node; another member has the entries.",
    not_safe: "Do not cut the log further to make it fit.",
    more: "ekv-tool wal ls DIR",
    never: None,
};

/// The node voted twice in one term.
pub static VOTE_CHANGED_IN_TERM: CodeInfo = CodeInfo {
    code: "vote-changed-in-term",
    severity: Severity::Error,
    title: "the node voted twice in one term",
    meaning: "A node votes for one candidate in a term. Two votes may have made two leaders of the same term, and writes \
              that both acknowledged.",
    decided_by: "The term and vote of neighbouring hard state records.",
    safe: "Keep copies of all members' directories, and find out whether two processes or a restored backup share this \
              identity.",
    not_safe: "Do not restart members before it is explained.",
    more: "ekv-tool compare DIR DIR",
    never: None,
};

/// A vote went to a member without one.
pub static VOTE_FOR_NON_VOTER: CodeInfo = CodeInfo {
    code: "vote-for-non-voter",
    severity: Severity::Warning,
    title: "a vote went to a member without one",
    meaning: "The node voted for a learner, or for itself without having a vote. A candidate that this node did not know yet \
              is only a remark: Raft allows it, since memberships spread with a delay.",
    decided_by: "The vote in a hard state record, against the members in the snapshot records and the changes in the log.",
    safe: "If the node voted for itself, keep it out of leadership transfers and look for an old binary or directory.",
    not_safe: "Do not promote it to fit the vote.",
    more: "ekv-tool compare DIR DIR",
    never: None,
};

/// Term and vote are missing or unreadable.
pub static STABLE_STATE_INVALID: CodeInfo = CodeInfo {
    code: "stable-state-invalid",
    severity: Severity::Error,
    title: "term and vote are missing or unreadable",
    meaning: "Without them the node votes again in terms in which it has already voted. In a log that ends with its very \
              first write it is only a remark: a crash leaves that.",
    decided_by: "The hard state records of the log.",
    safe: "Keep a copy of the whole directory before anything starts on it, and rebuild the node.",
    not_safe: "Do not start it with the log it has.",
    more: "ekv-tool wal dump DIR",
    never: None,
};

/// A snapshot and the log have different terms at its index.
pub static SNAP_LOG_TERM_MISMATCH: CodeInfo = CodeInfo {
    code: "snap-log-term-mismatch",
    severity: Severity::Error,
    title: "a snapshot and the log have different terms at its index",
    meaning: "The node made the snapshot from its own log, so both have the same term at its index. One of them is not what \
              was written.",
    decided_by: "The snapshot record, against the entry record of its index.",
    safe: "Rebuild the node before it is needed for a quorum.",
    not_safe: "Do not seed another node from this snapshot.",
    more: "ekv-tool wal show INDEX DIR",
    never: None,
};

/// An older snapshot followed a newer one.
pub static SNAP_REGRESS: CodeInfo = CodeInfo {
    code: "snap-regress",
    severity: Severity::Error,
    title: "an older snapshot followed a newer one",
    meaning: "A snapshot that is in force is never followed by an older one: the state machine was set back and lost what it \
              had applied.",
    decided_by: "The order of the snapshot records, and the commits between them.",
    safe: "Compare the store's applied index with the newer snapshot. If it was set back, rebuild the node.",
    not_safe: "Do not let it lead before that.",
    more: "ekv-tool gate-dryrun DIR",
    never: None,
};

/// A snapshot's payload is missing or damaged.
pub static SNAP_PAYLOAD_SHORT: CodeInfo = CodeInfo {
    code: "snap-payload-short",
    severity: Severity::Error,
    title: "a snapshot's payload is missing or damaged",
    meaning: "The .fsm file of a snapshot is not there, too short, or does not match its checksum. If a start takes that \
              snapshot, it is refused. A copy of a running node that took fsm-snap before snap looks like this.",
    decided_by: "The .fsm file that the token in the .snap file names, its length and its last four bytes.",
    safe: "Take the payload of the same index and term from another member and verify it, or copy the running node again: \
              fsm.db, snap, fsm-snap, wal, peers file.",
    not_safe: "Do not delete the .snap file to make the start use an older one before you know that the log connects to it.",
    more: "ekv-tool verify-snapshot --deep DIR",
    never: None,
};

/// A snapshot does not tell who the members are.
pub static SNAP_CONFIG_INDEX_INVALID: CodeInfo = CodeInfo {
    code: "snap-config-index-invalid",
    severity: Severity::Error,
    title: "a snapshot does not tell who the members are",
    meaning: "Every snapshot records the members at its index. One without voters makes a node that belongs to no group. A \
              record of the log without members was written by an old version and is only a remark.",
    decided_by: "The ConfState in the .snap file and in the snapshot record.",
    safe: "Take the snapshot of the same index from another member, or rebuild the node.",
    not_safe: "Do not seed another node from it.",
    more: "ekv-tool snapshot show FILE",
    never: None,
};

/// A snapshot's members are not those that the log gives.
pub static SNAP_CONFIG_STALE: CodeInfo = CodeInfo {
    code: "snap-config-stale",
    severity: Severity::Error,
    title: "a snapshot's members are not those that the log gives",
    meaning: "The members at a snapshot follow from the snapshot before it and the membership changes in between. A snapshot \
              with others gives a node that starts from it a wrong idea of the majority.",
    decided_by: "The ConfState of two snapshot records, and the membership changes in the log between them.",
    safe: "Compare with the other members' snapshots, and rebuild the one that stands alone.",
    not_safe: "Do not restart further members before that.",
    more: "ekv-tool compare DIR DIR",
    never: None,
};

/// The entry at the snapshot's index is gone (hashicorp/raft).
pub static SNAP_BOUNDARY_PREV_UNAVAILABLE: CodeInfo = CodeInfo {
    code: "snap-boundary-prev-unavailable",
    severity: Severity::Info,
    title: "the entry at the snapshot's index is gone (hashicorp/raft)",
    meaning: "A follower that has lost the entry at its snapshot's index and holds later ones refuses an append that follows \
              exactly that entry; its leader then sends a snapshot. A received snapshot, and a compaction without trailing \
              entries, leave that. elastickv's present log keeps the term, so that it does not happen there.",
    decided_by: "The log keys around the index of the newest usable snapshot.",
    safe: "Nothing has to be done.",
    not_safe: "Do not take it for damage.",
    more: "ekv-tool wal ls DIR",
    never: None,
};

/// A restore by hand used up an index (hashicorp/raft).
pub static SNAP_USER_RESTORE_HOLE: CodeInfo = CodeInfo {
    code: "snap-user-restore-hole",
    severity: Severity::Info,
    title: "a restore by hand used up an index (hashicorp/raft)",
    meaning: "A restore by hand takes the next index for its snapshot and writes no entry there, so that the log has a hole \
              exactly at the snapshot. elastickv's present log has no such restore.",
    decided_by: "The log keys around the index of the newest usable snapshot.",
    safe: "Nothing has to be done.",
    not_safe: "Do not take it for damage.",
    more: "ekv-tool wal ls DIR",
    never: None,
};

/// A membership change does not decode.
pub static CONF_UNDECODABLE: CodeInfo = CodeInfo {
    code: "conf-undecodable",
    severity: Severity::Error,
    title: "a membership change does not decode",
    meaning: "Once such an entry is committed, every start that applies it ends with the same error, on every member that \
              holds it. If only the part that carries the address is unusable, the member cannot be reached until it is \
              known otherwise.",
    decided_by: "The data of the entry, as a ConfChange or ConfChangeV2 message with a context.",
    safe: "If all members hold the same bytes, keep running members running and take a snapshot at or above the index. If \
              only this one does, rebuild it.",
    not_safe: "Do not restart members that still run.",
    more: "ekv-tool wal show INDEX DIR",
    never: None,
};

/// A membership that the library does not take.
pub static CONF_INVALID: CodeInfo = CodeInfo {
    code: "conf-invalid",
    severity: Severity::Error,
    title: "a membership that the library does not take",
    meaning: "Members are listed twice, or in two roles, or in a joint configuration, or a change would leave no voter. The \
              library ends the process when it restores or applies that.",
    decided_by: "The ConfState in the snapshots, and the membership changes behind the newest.",
    safe: "Take the snapshot from another member whose membership is right, or rebuild the node.",
    not_safe: "Do not restart members that still run with the right membership in memory.",
    more: "ekv-tool snapshot show FILE",
    never: None,
};

/// Several members change at once.
pub static CONF_UNSAFE_TRANSITION: CodeInfo = CodeInfo {
    code: "conf-unsafe-transition",
    severity: Severity::Warning,
    title: "several members change at once",
    meaning: "Members change one voter at a time, so that every old majority overlaps every new one. A change that was \
              appended while another was open is only a remark on a follower, which learns of commits late.",
    decided_by: "The membership changes in the log, and the commits between them.",
    safe: "Check that the old and the new majority overlap before you restart anything.",
    not_safe: "Do not add another change on top.",
    more: "ekv-tool wal dump DIR",
    never: None,
};

/// A membership change that may still be rolled back.
pub static CONF_UNCOMMITTED_TAIL: CodeInfo = CodeInfo {
    code: "conf-uncommitted-tail",
    severity: Severity::Info,
    title: "a membership change that may still be rolled back",
    meaning: "The change stands in the log above the recorded commit. It may be committed already, since the last commit \
              rarely reaches the disk, or a new leader may replace it.",
    decided_by: "Membership changes above the commit of the last hard state.",
    safe: "Wait until it is committed before a rolling restart.",
    not_safe: "Do not count on either outcome when you work out the majority.",
    more: "ekv-tool compare DIR DIR",
    never: None,
};

/// The node is not a member of its own group.
pub static CONF_LOCAL_NOT_MEMBER: CodeInfo = CodeInfo {
    code: "conf-local-not-member",
    severity: Severity::Warning,
    title: "the node is not a member of its own group",
    meaning: "The node was removed, or the directory was renamed, or belongs to another node. A removed node's start is \
              refused, as it should be: nothing is damaged.",
    decided_by: "The name of the node directory, against the peers file, the newest snapshot's members and the changes behind \
              it.",
    safe: "Archive the directory of a removed member. To use the node again, let it join with an empty one.",
    not_safe: "Do not edit the peers file to make it start.",
    more: "ekv-tool inspect DIR",
    never: None,
};

/// The peers file does not decode or does not fit the snapshot.
pub static CONF_PEERS_FILE_MISMATCH: CodeInfo = CodeInfo {
    code: "conf-peers-file-mismatch",
    severity: Severity::Error,
    title: "the peers file does not decode or does not fit the snapshot",
    meaning: "A start compares the peers file with the members of the snapshot and is refused when they differ; with wrong \
              addresses it starts and reaches nobody.",
    decided_by: "etcd-raft-peers.bin, against the ConfState of the snapshot that a start takes.",
    safe: "Take the list of members from a healthy member's newest snapshot, and rebuild the node if its own cannot be \
              had back.",
    not_safe: "Do not edit the file by hand.",
    more: "ekv-tool inspect DIR",
    never: None,
};

/// The store is ahead of the recorded commit.
pub static FSM_AHEAD_OF_LOG: CodeInfo = CodeInfo {
    code: "fsm-ahead-of-log",
    severity: Severity::Info,
    title: "the store is ahead of the recorded commit",
    meaning: "The store has applied entries above the commit in the last hard state and within the log. Commits reach the \
              disk only together with other writes, so nearly every stopped node looks like this.",
    decided_by: "`_meta_applied_index` in fsm.db, against the commit of the last hard state and the last entry.",
    safe: "Nothing has to be done.",
    not_safe: "Do not take it for damage.",
    more: "ekv-tool gate-dryrun DIR",
    never: None,
};

/// The store does not hold the snapshot yet.
pub static FSM_BEHIND_SNAPSHOT: CodeInfo = CodeInfo {
    code: "fsm-behind-snapshot",
    severity: Severity::Info,
    title: "the store does not hold the snapshot yet",
    meaning: "The store's applied index is below the snapshot that a start takes, or it has none, so that the start restores \
              the whole snapshot. After a restore, a received snapshot, or in a group without writes that is usual.",
    decided_by: "`_meta_applied_index` in fsm.db, against the index of the snapshot.",
    safe: "Plan for the time of the restore, and verify the payload first.",
    not_safe: "Do not delete the store to make it faster: that restores too.",
    more: "ekv-tool gate-dryrun DIR",
    never: None,
};

/// Every code of this file.
pub const ALL: &[&CodeInfo] = &[
    &LOG_GAP,
    &SNAP_REPLAY_HOLE,
    &LOG_TERM_REGRESS,
    &LOG_OVERWRITES_COMMITTED,
    &LOG_ILLEGAL_REWRITE,
    &LOG_APPEND_BELOW_SNAPSHOT,
    &LOG_ENTRY_MALFORMED,
    &LOG_CONFLICT_TRUNCATION,
    &TERM_ABOVE_CURRENT,
    &HARDSTATE_REGRESS,
    &TERM_CHURN,
    &COMMIT_OUT_OF_RANGE,
    &VOTE_CHANGED_IN_TERM,
    &VOTE_FOR_NON_VOTER,
    &STABLE_STATE_INVALID,
    &SNAP_LOG_TERM_MISMATCH,
    &SNAP_REGRESS,
    &SNAP_PAYLOAD_SHORT,
    &SNAP_CONFIG_INDEX_INVALID,
    &SNAP_CONFIG_STALE,
    &SNAP_BOUNDARY_PREV_UNAVAILABLE,
    &SNAP_USER_RESTORE_HOLE,
    &CONF_UNDECODABLE,
    &CONF_INVALID,
    &CONF_UNSAFE_TRANSITION,
    &CONF_UNCOMMITTED_TAIL,
    &CONF_LOCAL_NOT_MEMBER,
    &CONF_PEERS_FILE_MISMATCH,
    &FSM_AHEAD_OF_LOG,
    &FSM_BEHIND_SNAPSHOT,
];
