//! Codes about what belongs together in a directory, from directories that are written for them.

use std::os::unix::fs::symlink;
use std::path::Path;

use super::{MEMBERS, Provocation, built, node};
use crate::support::log_writer::{LogWriter, conf_state, snap_file, token};
use crate::support::node_dir::ids;
use crate::support::store_writer::StoreWriter;
use crate::support::table_writer::SET;

pub const ALL: &[Provocation] = &[
    built("store-foreign", "error", "n1/fsm.db", None, |root| store(root, 11, 20_000 << 16)),
    // It is behind the snapshot, whose start would not use it.
    built("store-foreign", "error", "n1/fsm.db", None, |root| store(root, 4, 20_000 << 16)),
    // Within the length of a lease nothing is proved.
    built("store-foreign", "info", "n1/fsm.db", None, |root| store(root, 11, 5_000 << 16)),
    built("link-to-nothing", "error", "n1/fsm.db", None, |root| {
        drop(node(root, "n1", |_| {}));
        symlink("/mnt/nothing/fsm.db", root.join("n1/fsm.db")).unwrap();
    }),
    // The only store that a restore put aside, where there is no other: a start gives the link its name.
    built("link-to-nothing", "error", "n1/fsm.db-restore-backup-1", None, |root| {
        drop(node(root, "n1", |_| {}));
        symlink("/mnt/nothing/fsm.db", root.join("n1/fsm.db-restore-backup-1")).unwrap();
    }),
    built("link-to-nothing", "info", "n1/fsm.db-restore-backup-1", None, |root| {
        drop(node(root, "n1", |_| {}));
        for backup in ["n1/fsm.db-restore-backup-1", "n1/fsm.db-restore-backup-2"] {
            symlink("/mnt/nothing/fsm.db", root.join(backup)).unwrap();
        }
    }),
    built("link-to-nothing", "warning", "n1/snap/0000000000000002-0000000000000009.snap", None, |root| {
        drop(node(root, "n1", |_| {}));
        symlink("elsewhere", root.join("n1/snap/0000000000000002-0000000000000009.snap")).unwrap();
    }),
    built("clock-ahead", "warning", "n1/wal/0000000000000000-0000000000000000.wal", Some(136), |root| {
        let lease = [&[1, 0, 0, 0, 0, 0, 0, 0, 7, 2][..], &4_070_908_800_000_u64.to_be_bytes()].concat();
        drop(node(root, "n1", |log| drop_ref(log.typed_entry(0, 2, 1, &lease).state(1, 0, 2))));
    }),
    built("snap-orphan", "error", "n1/fsm-snap/elastickv-etcd-snapshot-7", None, |root| {
        drop(node(root, "n1", |_| {}));
        std::fs::create_dir_all(root.join("n1/fsm-snap/elastickv-etcd-snapshot-7/x")).unwrap();
    }),
];

fn drop_ref(_: &mut LogWriter) {}

/// A proposal of one raw write at a commit timestamp.
fn write(ts: u8) -> Vec<u8> {
    [&[1, 0, 0, 0, 0, 0, 0, 0, ts, 0, 0x18, ts][..], &[0x22, 6, 0x12, 1, b'k', 0x1a, 1, b'v']].concat()
}

/// A node whose log writes at 20 to 29 in entries 2 to 11, and a store that has applied so many of them with that newest commit.
fn store(root: &Path, applied: u64, newest: u64) {
    let dir = node(root, "n1", |log| {
        for index in 2..12_u8 {
            log.typed_entry(0, u64::from(index), 1, &write(index + 18));
        }
        log.state(1, 0, 11).snapshot(5, 1, &ids(&MEMBERS));
    });
    // A payload of the log: its newest commit is that of entry 5.
    let payload = [&b"EKVPBBL1"[..], &23_u64.to_le_bytes()].concat();
    let crc = crc32c::crc32c(&payload);
    let snap = snap_file(5, 1, &conf_state(&ids(&MEMBERS), &[]), &token(5, crc));
    let dir = dir.file("snap/0000000000000001-0000000000000005.snap", &snap);
    let dir = dir.file("fsm-snap/0000000000000005.fsm", &[payload, crc.to_be_bytes().to_vec()].concat());
    let mut store = StoreWriter::new(&dir.path().join("fsm.db")).unwrap();
    let (commit, applied) = (newest.to_le_bytes(), applied.to_le_bytes());
    store.batch(10, &[(SET, b"row", b"v"), (SET, b"_meta_last_commit_ts", &commit), (SET, b"_meta_applied_index", &applied)]);
    store.finish().unwrap();
}
