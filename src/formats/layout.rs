//! Where everything stands: the names that a server gives to files and directories, every one once.
//!
//! A group directory holds `wal/`, `snap/`, `fsm-snap/`, `fsm.db/`, `raft-engine` and `etcd-raft-peers.bin`; before the log there
//! were four state files in their place. Paths in findings and plans are relative to the group and have `/` between their parts.

use std::fmt::Display;

/// Segments of the Raft log.
pub const WAL: &str = "wal";
/// Envelopes of snapshots: `<term>-<index>.snap`, both in sixteen hex digits.
pub const SNAP: &str = "snap";
/// Payloads of snapshots: `<index>.fsm` in sixteen hex digits.
pub const PAYLOADS: &str = "fsm-snap";
/// The Pebble store.
pub const STORE: &str = "fsm.db";
/// With what the name of a store begins that a restore put aside; a number follows.
pub const RESTORE_BACKUP: &str = "fsm.db-restore-backup-";
/// The members of the group.
pub const PEERS: &str = "etcd-raft-peers.bin";
/// Names the backend that wrote the directory.
pub const ENGINE_MARKER: &str = "raft-engine";

/// The whole state, from before the log.
pub const LEGACY_STATE: &str = "etcd-raft-state.bin";
/// Hard state and snapshot metadata, from before the log.
pub const LEGACY_METADATA: &str = "etcd-raft-meta.bin";
/// Entries, from before the log.
pub const LEGACY_ENTRIES: &str = "etcd-raft-entries.bin";
/// The payload of the snapshot, from before the log.
pub const LEGACY_PAYLOAD: &str = "etcd-fsm-snapshot.bin";

/// The directory of the key sidecar, beside the groups or above them.
pub const ENCRYPTION: &str = "encryption";
/// The key sidecar.
pub const SIDECAR: &str = "keys.json";

/// Log and stable state of hashicorp/raft in one bbolt file, or in a directory of Pebble.
pub const RAFT_DB: &str = "raft.db";
/// File with the id of a server of Consul, Nomad or Vault, beside its directory `raft`.
pub const NODE_ID: &str = "node-id";
/// Database of Vault and OpenBao, which holds what their snapshots are.
pub const VAULT_DB: &str = "vault.db";
/// The log of hashicorp/raft in a bbolt file of its own.
pub const LOGS_DAT: &str = "logs.dat";
/// The stable state of hashicorp/raft in a bbolt file of its own.
pub const STABLE_DAT: &str = "stable.dat";
/// What raft-wal knows of its segments, and term and vote.
pub const WAL_META: &str = "wal-meta.db";
/// Snapshots of hashicorp/raft: `<term>-<index>-<milliseconds>/`.
pub const SNAPSHOTS: &str = "snapshots";
/// What a snapshot of hashicorp/raft says about itself.
pub const META_JSON: &str = "meta.json";
/// The payload of a snapshot of hashicorp/raft.
pub const STATE_BIN: &str = "state.bin";
/// Checksums of the members of a snapshot archive of hashicorp's products.
pub const SHA256SUMS: &str = "SHA256SUMS";
/// The same, sealed with the cluster's keys.
pub const SHA256SUMS_SEALED: &str = "SHA256SUMS.sealed";
/// Behind the name of a directory in which a migration from one log to the next works until it is done.
pub const MIGRATING: &str = ".migrating";
/// The members that a forced recovery of hashicorp/raft takes.
pub const PEERS_JSON: &str = "peers.json";

/// The directory of a member in a data directory of etcd.
pub const ETCD_MEMBER: &str = "member";
/// The store of a member of etcd, a bbolt file in `snap/`.
pub const ETCD_STORE: &str = "db";

/// The path of a segment below its group.
pub fn in_wal(name: impl Display) -> String {
    format!("{WAL}/{name}")
}

/// The path of an envelope below its group.
pub fn in_snap(name: impl Display) -> String {
    format!("{SNAP}/{name}")
}

/// The path of a payload below its group.
pub fn in_payloads(name: impl Display) -> String {
    format!("{PAYLOADS}/{name}")
}

/// The name in a path of [`in_wal`].
pub fn segment_of(path: &str) -> Option<&str> {
    path.strip_prefix(WAL)?.strip_prefix('/')
}

/// The name in a path of [`in_snap`].
pub fn envelope_of(path: &str) -> Option<&str> {
    path.strip_prefix(SNAP)?.strip_prefix('/')
}

/// The name in a path of [`in_payloads`].
pub fn payload_of(path: &str) -> Option<&str> {
    path.strip_prefix(PAYLOADS)?.strip_prefix('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_come_apart_again() {
        assert_eq!(in_wal("0.tmp"), "wal/0.tmp");
        assert_eq!(segment_of(&in_wal("0.tmp")), Some("0.tmp"));
        assert_eq!(envelope_of("snap/x.snap"), Some("x.snap"));
        assert_eq!(payload_of("fsm-snap/y.fsm"), Some("y.fsm"));
        assert_eq!(segment_of("wal.tmp"), None);
        assert_eq!(envelope_of("fsm-snap/y.fsm"), None);
    }
}
