//! Codes about what a start does, from directories that are written for them.

use std::fs;
use std::path::Path;

use super::{Files, MEMBERS, Provocation, node};
use crate::support::log_writer::conf_change;
use crate::support::node_dir::id;
use crate::support::state_files::StateFiles;
use crate::support::store_writer::StoreWriter;
use crate::support::table_writer::SET;

const fn gate(code: &'static str, severity: &'static str, path: &'static str, build: fn(&Path)) -> Provocation {
    let command = "gate-dryrun --engine main";
    Provocation { code, severity, command, files: Files::Built(build), target: "n1", path, offset: None }
}

pub const ALL: &[Provocation] = &[
    gate("own-removal-applied", "warning", "n1/wal", |root| {
        drop(node(root, "n1", |log| {
            log.typed_entry(1, 2, 2, &conf_change(1, id("n1"), b"")).state(2, 0, 2);
        }));
    }),
    gate("segment-reserve-blocked", "warning", "n1/wal/0.tmp", |root| {
        let node = node(root, "n1", |_| {});
        fs::create_dir(node.path().join("wal/0.tmp")).unwrap();
    }),
    gate("migration-without-body", "error", "n1/etcd-fsm-snapshot.bin", |root| {
        StateFiles { snapshot: 5, commit: 6, entries: 6..=7, voters: &MEMBERS }.write(&root.join("n1"));
    }),
    Provocation {
        code: "replay-compaction-race",
        severity: "warning",
        command: "gate-dryrun --engine pr934",
        files: Files::Built(far_ahead),
        target: "n1",
        path: "n1/wal",
        offset: None,
    },
];

/// A store that is more entries ahead of the snapshot than are applied between two of them.
fn far_ahead(root: &Path) {
    const LAST: u64 = 10_001;
    let node = node(root, "n1", |log| {
        let text = "x".repeat(110);
        for index in 2..=LAST {
            log.entry(index, 2, &text);
        }
        log.state(2, 0, LAST);
    });
    // This server reads no newer peers file.
    let peers = node.path().join("etcd-raft-peers.bin");
    let mut bytes = fs::read(&peers).unwrap();
    bytes[7] = 2;
    fs::write(&peers, bytes).unwrap();
    let mut store = StoreWriter::new(&node.path().join("fsm.db")).unwrap();
    store.batch(10, &[(SET, b"_meta_applied_index", &LAST.to_le_bytes())]);
    store.finish().unwrap();
}
