//! Codes about what the next start would do.

use super::{CodeInfo, Severity};

const PLAN: &str = "ekv-tool gate-dryrun --plan DIR";

/// The start would be refused.
pub static START_REFUSED: CodeInfo = CodeInfo {
    code: "start-refused",
    severity: Severity::Error,
    title: "the next start would be refused",
    meaning: "The server would end with the quoted error before it serves anything. Nothing is retried: every start ends the \
              same way until the cause is gone.",
    decided_by: "The first condition, in the server's own order, that the files fulfil; the message names it.",
    safe: "Do not restart this node. Look the error up with `ekv-tool explain`, and keep a copy of the directory before \
           anything is changed.",
    not_safe: "Do not restart it again and again, do not delete files until it starts: a start deletes, renames and repairs \
               before most refusals.",
    more: "ekv-tool explain TEXT",
    never: None,
};

/// The run loop would end while replaying.
pub static REPLAY_HALT: CodeInfo = CodeInfo {
    code: "replay-halt",
    severity: Severity::Error,
    title: "the group would shut down while it replays its log",
    meaning: "Opening succeeds, but the run loop ends at the named entry. Where the library panics the process ends; with one \
              member in the peers file the start fails; with more the process stays up with this group shut down. Every later \
              start ends at the same entry. An entry behind the commit counts when the node needs no vote but its own: it elects \
              itself in the startup and commits all that its log holds.",
    decided_by: "The payload of the named entry, the membership up to it, and the indexes that decide whether it is delivered. A \
                 server without a key sidecar is taken for one without --kekFile.",
    safe: "Keep the node running if it runs. Take a snapshot at or above the entry from a node that has one, or ask for a \
           build that can apply it.",
    not_safe: "Do not roll the other members: the same entry is in their logs.",
    more: PLAN,
    never: None,
};

/// The node itself was removed.
pub static OWN_REMOVAL: CodeInfo = CodeInfo {
    code: "own-removal-applied",
    severity: Severity::Warning,
    title: "the start applies the removal of this node and its group stops",
    meaning: "The log holds a committed membership change that takes this node out of its group. The engine applies it and stops \
              without an error: the process lives on, the group answers nothing, and nothing is logged. The next start is refused, \
              because the peers file no longer lists the node.",
    decided_by: "A committed membership change behind the snapshot after which the node has no part in the group, and a peers file \
                 that lists others.",
    safe: "Take the node out of the deployment and keep a copy of its directory. If the removal was a mistake, add it again as a new \
           member with an empty directory.",
    not_safe: "Do not wait for this group to come up, and do not count the node when you count votes.",
    more: PLAN,
    never: None,
};

/// A start that can lose a race with its own snapshot.
pub static REPLAY_COMPACTION_RACE: CodeInfo = CodeInfo {
    code: "replay-compaction-race",
    severity: Severity::Warning,
    title: "a start like this one fails about every second time",
    meaning: "The store is so far ahead of the snapshot that the entries in between, which are handed out again, are due for a \
              snapshot at once. That snapshot compacts the log while Raft still hands it out, and the library ends the process. \
              Nothing is damaged by it, and the next start may succeed.",
    decided_by: "An applied index at least 10,000 (ELASTICKV_RAFT_SNAPSHOT_COUNT) above the snapshot, more than 1 MiB of entries behind \
                 the snapshot, and a server that hands them out again after a skip. Seen in about half of such starts.",
    safe: "Set ELASTICKV_RAFT_SNAPSHOT_COUNT for this start above the distance between snapshot and applied index, or start again \
           when it fails.",
    not_safe: "Do not take the panic for damage, and do not delete anything because of it.",
    more: PLAN,
    never: None,
};

/// State files without the body of their snapshot.
pub static MIGRATION_WITHOUT_BODY: CodeInfo = CodeInfo {
    code: "migration-without-body",
    severity: Severity::Error,
    title: "the state files have no body for their snapshot, and the store does not hold it",
    meaning: "The start makes a log of the state files from before the log. Their snapshot covers entries of which neither \
              etcd-fsm-snapshot.bin nor the store has the rows. The server does not notice: it starts without them.",
    decided_by: "The snapshot's index in etcd-raft-meta.bin or etcd-raft-state.bin, an absent or empty body, and the store's applied index.",
    safe: "Do not start the node. Find etcd-fsm-snapshot.bin, or move the group directory aside and let the node rejoin empty.",
    not_safe: "Do not start it to see whether the rows are there: the migration cannot be taken back.",
    more: PLAN,
    never: None,
};

/// The log cannot go on when its last segment is full.
pub static SEGMENT_RESERVE_BLOCKED: CodeInfo = CodeInfo {
    code: "segment-reserve-blocked",
    severity: Severity::Warning,
    title: "the log could not go on when its last segment is full",
    meaning: "The server prepares the next segment as wal/0.tmp. A directory of that name is in the way: the start succeeds all the \
              same, and the engine dies when it needs the segment.",
    decided_by: "What stands under the name wal/0.tmp.",
    safe: "Move the directory wal/0.tmp out of the way while the node is down.",
    not_safe: "Do not leave it because the node starts: it dies in the middle of its work, hours or days later.",
    more: PLAN,
    never: None,
};

/// The store claims to have applied entries that the log does not hold.
pub static APPLIED_BEYOND_LOG: CodeInfo = CodeInfo {
    code: "applied-beyond-log",
    severity: Severity::Error,
    title: "the store's applied index is above the last log entry",
    meaning: "The store belongs to another log, was copied later than the log, or the log lost its end. The server seeds its \
              applied counter from the store, so that new entries up to that index are dropped as duplicates: writes hang and \
              are lost until the log has passed it, and no error is logged.",
    decided_by: "The value of `_meta_applied_index` in fsm.db, against the last entry that a start reads from wal/.",
    safe: "Do not start the node on this directory before it is known which of them it is. With other voters, remove this member and \
           let it join as a new one; without, look for the rest of the log.",
    not_safe: "Do not let it accept writes: with one voter they are acknowledged by nobody and lost.",
    more: "ekv-tool store meta DIR",
    never: None,
};

/// A configuration change will be applied again by a store that is ahead of it.
pub static CONF_REPLAY_AHEAD: CodeInfo = CodeInfo {
    code: "conf-replay-ahead",
    severity: Severity::Error,
    title: "a configuration change will be applied again by a store that is ahead of it",
    meaning: "After the skip the change is delivered again, and the server writes a snapshot that is named after its index but \
              holds the store's later contents. A node that restores from it applies the entries in between a second time.",
    decided_by: "A committed configuration change with an index above the snapshot and at or below the applied index.",
    safe: "Find out why the snapshot at the change's own index is not used: its .snap file is missing, cannot be read or is not recorded \
           (`snapshot rebuild` may give it back). If the node has to start as it is, let it take an ordinary snapshot soon after the \
           start, and verify with `verify-snapshot --deep` that no retained snapshot is ahead of its index before another node restores \
           from it.",
    not_safe: "Do not seed another node from the snapshot that this start writes.",
    more: PLAN,
    never: None,
};

/// A restore that will repeat at every start.
pub static STICKY_RESTORE: CodeInfo = CodeInfo {
    code: "sticky-restore",
    severity: Severity::Info,
    title: "the full restore will repeat at every start until the next write",
    meaning: "A restored store carries the applied index from before the snapshot was taken. Nothing is missing; the start is \
              only slow, and stays slow until a data entry or a local snapshot moves the index.",
    decided_by: "An applied index below the chosen snapshot, while the snapshot is complete.",
    safe: "Plan for the time of the restore; one write to the group ends it.",
    not_safe: "Do not delete the store to make it faster: that restores too.",
    more: PLAN,
    never: None,
};

/// A batch may have been applied in part.
pub static PARTIAL_BATCH: CodeInfo = CodeInfo {
    code: "partial-batch-possible",
    severity: Severity::Info,
    title: "the last applied entry holds several requests",
    meaning: "The requests of one entry are stored one after another, and the first already stores the entry's index. A crash in \
              between leaves the rest unapplied, and the start drops the entry as a duplicate. It cannot be told from the index \
              alone whether that happened.",
    decided_by: "The entry at the applied index is a batch of more than one request.",
    safe: "Compare the keys of the entry with the store at its commit timestamps.",
    not_safe: "Do not conclude from a clean start that the batch is complete.",
    more: "ekv-tool wal show INDEX DIR",
    never: None,
};

/// Bootstrap over an existing store.
pub static BOOTSTRAP_OVER_STORE: CodeInfo = CodeInfo {
    code: "bootstrap-over-store",
    severity: Severity::Error,
    title: "the start would begin a new log over an old store",
    meaning: "There is no log, but the store holds the applied index of another one. The start would bootstrap or join with an \
              empty log; after a restart entries of the new log up to the old index would be dropped as duplicates.",
    decided_by: "No name in wal/ that ends in .wal, and a `_meta_applied_index` above the first index of a new log.",
    safe: "Do not start the node. Find the missing wal/ directory, or move the whole group directory aside and let the node \
           rejoin empty.",
    not_safe: "Do not start it and write: the writes may be dropped later.",
    more: "ekv-tool store meta DIR",
    never: None,
};

/// Registrations would be replayed behind the registry.
pub static REGISTRATION_REPLAY: CodeInfo = CodeInfo {
    code: "registration-replay",
    severity: Severity::Warning,
    title: "writer registrations with rising epochs would be replayed",
    meaning: "Encryption entries do not move the applied index, but their effects survive in the store. After a skip they are \
              applied again in order, and an epoch older than the registry's halts the group; every later start of the node \
              ends there too.",
    decided_by: "Two registrations of one writer for one key, with rising epochs, among the entries that are applied again.",
    safe: "Write to the group before the node is restarted, so that the applied index passes the registrations.",
    not_safe: "Do not restart the node while it is idle.",
    more: PLAN,
    never: None,
};

/// Payload files would be deleted although the log still needs them.
pub static PAYLOADS_DELETED: CodeInfo = CodeInfo {
    code: "payloads-would-be-deleted",
    severity: Severity::Warning,
    title: "the start would delete every snapshot payload",
    meaning: "No `.snap` name protects any payload, so that the start removes them all before anything looks at the log.",
    decided_by: "Names in snap/ against names in fsm-snap/; contents are not consulted.",
    safe: "Keep a copy of fsm-snap/ as it is now.",
    not_safe: "Do not count on these payloads after a start: they are gone then.",
    more: PLAN,
    never: None,
};

/// A snapshot other than the newest file is chosen.
pub static SNAPSHOT_NOT_NEWEST: CodeInfo = CodeInfo {
    code: "snapshot-not-newest",
    severity: Severity::Info,
    title: "the start would not use the newest snapshot file",
    meaning: "A newer `.snap` is unreadable, or the log has no committed record of it. The start uses an older one and replays \
              more of the log.",
    decided_by: "Names in snap/ in descending order, their checksums, and the snapshot records of the log.",
    safe: "Nothing needs to be done when the newer file is from a crash while it was written.",
    not_safe: "Do not rename a `.broken` file back: its payload may be gone.",
    more: "ekv-tool verify-snapshot DIR",
    never: None,
};

/// The restore would outlast the health check.
pub static RESTORE_OUTLASTS_HEALTH: CodeInfo = CodeInfo {
    code: "restore-outlasts-health-check",
    severity: Severity::Error,
    title: "the start would take longer than the health check allows",
    meaning: "An orchestrator with this timeout would kill the node in the middle of the restore, and again at the next try.",
    decided_by: "Bytes that the start reads and writes, divided by the given or measured rate, against --health-timeout.",
    safe: "Raise the timeout for this deploy, or restart the node when it would skip the restore.",
    not_safe: "Do not let the deploy go on with the old timeout.",
    more: PLAN,
    never: None,
};

/// Signs of encryption that need the sidecar.
pub static ENCRYPTION_UNDECIDED: CodeInfo = CodeInfo {
    code: "encryption-undecided",
    severity: Severity::Warning,
    title: "the directory is encrypted, and the forecast cannot see all of it",
    meaning: "Entries or rows are sealed, or the log holds encryption entries. What the start does with them depends on the key \
              sidecar and the server's flags, which are not part of this directory.",
    decided_by: "Payload tags 03 to 05, sealed payloads, a snapshot header with a cutover, or a sidecar beside the data.",
    safe: "Give --sidecar and --kek, or --no-encryption, as the server is started.",
    not_safe: "Do not take the rest of the forecast for the whole story.",
    more: PLAN,
    never: None,
};

/// The log was compacted past the sidecar.
pub static SIDECAR_GAP: CodeInfo = CodeInfo {
    code: "sidecar-gap",
    severity: Severity::Error,
    title: "the log was compacted past the sidecar's position",
    meaning: "The start scans the log from the sidecar's index for encryption entries; those entries are no longer there. The \
              start is refused, and so is every later one.",
    decided_by: "`raft_applied_index` of the sidecar is not 0 and below the index of the chosen snapshot.",
    safe: "Keep the node running. Ask for a build that tolerates the gap before it is restarted.",
    not_safe: "Do not restart this node.",
    more: PLAN,
    never: None,
};

/// A guard ends the process behind the cold start.
pub static GUARD_BEHIND_START: CodeInfo = CodeInfo {
    code: "guard-behind-start",
    severity: Severity::Error,
    title: "an encryption guard would end the process when the log has been replayed",
    meaning: "The cold start succeeds, and then the server compares the sidecar with the writer registry and with the log. The quoted \
              guard fails, and so it does at every later start.",
    decided_by: "Start counter and position in the sidecar against the registry in fsm.db and the entries of the log.",
    safe: "Leave the other members running and follow `explain` of the quoted error.",
    not_safe: "Do not start this node, and do not edit the sidecar: a wrong counter leads to a nonce that is used twice.",
    more: PLAN,
    never: None,
};

/// The other server version would refuse the directory.
pub static OTHER_ENGINE_REFUSES: CodeInfo = CodeInfo {
    code: "other-engine-refuses",
    severity: Severity::Info,
    title: "the other server version would refuse this directory",
    meaning: "An upgrade or downgrade to that version ends with the quoted error. A directory that main has opened once cannot be \
              opened by pr934 again.",
    decided_by: "The same files, decided by the other version's rules.",
    safe: "Stay on the version that the directory belongs to.",
    not_safe: "Do not downgrade, and do not edit the peers file for it: a second barrier stands inside the store.",
    more: "ekv-tool gate-dryrun --engine pr934 DIR",
    never: None,
};

/// Every code of this file.
pub const ALL: &[&CodeInfo] = &[
    &START_REFUSED,
    &REPLAY_HALT,
    &OWN_REMOVAL,
    &REPLAY_COMPACTION_RACE,
    &MIGRATION_WITHOUT_BODY,
    &SEGMENT_RESERVE_BLOCKED,
    &APPLIED_BEYOND_LOG,
    &CONF_REPLAY_AHEAD,
    &STICKY_RESTORE,
    &PARTIAL_BATCH,
    &BOOTSTRAP_OVER_STORE,
    &REGISTRATION_REPLAY,
    &PAYLOADS_DELETED,
    &SNAPSHOT_NOT_NEWEST,
    &RESTORE_OUTLASTS_HEALTH,
    &ENCRYPTION_UNDECIDED,
    &SIDECAR_GAP,
    &GUARD_BEHIND_START,
    &OTHER_ENGINE_REFUSES,
];
