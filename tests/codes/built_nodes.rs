//! Codes about several nodes of a group, from directories that are written for them.

use std::path::Path;

use super::{Files, MEMBERS, Provocation, node};
use crate::support::diverging::{LAST, Node, commit_of, key, value, written};
use crate::support::log_writer::LogWriter;
use crate::support::node_dir::{NodeDir, id, ids};

const fn compare(code: &'static str, severity: &'static str, path: &'static str, build: fn(&Path)) -> Provocation {
    Provocation { code, severity, command: "compare", files: Files::Built(build), target: "a b", path, offset: None }
}

pub const ALL: &[Provocation] = &[
    compare("cross-group-mismatch", "error", "b/m1", |root| {
        healthy(root, "a", "n1");
        let mut log = LogWriter::new();
        log.snapshot(1, 1, &ids(&["m1", "m2"])).state(1, 0, 1);
        let dir = sub(root, "b");
        drop(NodeDir::below(&dir, "m1", &log).snap(1, 1, &ids(&["m1", "m2"])).peers(1, &["m1", "m2"]));
    }),
    compare("cross-duplicate-identity", "error", "b/n1", |root| {
        healthy(root, "a", "n1");
        healthy(root, "b", "n1");
    }),
    compare("cross-log-matching", "error", "b/n2/wal", |root| other(root, 9, 2, 8)),
    compare("cross-committed-divergence", "error", "b/n2/wal", |root| other(root, 8, 3, 8)),
    compare("cross-committed-lost", "error", "b/n2/wal", |root| {
        healthy(root, "a", "n3");
        other(root, 8, 4, 7);
    }),
    compare("cross-under-replicated", "error", "", |root| {
        healthy(root, "a", "n1");
        for raft_id in ["n2", "n3"] {
            drop(node(&sub(root, "b"), raft_id, |log| drop_ref(log.entries(2, 3, 2).state(2, 0, 3))));
        }
    }),
    compare("cross-snapshot-divergence", "error", "b/n2/snap/0000000000000002-0000000000000009.snap", |root| {
        for (dir, raft_id, members) in [("a", "n1", &MEMBERS[..]), ("b", "n2", &["n1", "n2", "n3", "n4"])] {
            let log = |log: &mut LogWriter| drop_ref(log.entries(2, 9, 2).state(2, 0, 9).snapshot(9, 2, &ids(members)));
            drop(node(&sub(root, dir), raft_id, log).snap(9, 2, &ids(members)));
        }
    }),
    compare("nodes-stores-diverge", "error", "b/n2/fsm.db", |root| {
        drop(Node::new("n1", LAST).write(&sub(root, "a")));
        drop(Node::new("n2", LAST).without(5).write(&sub(root, "b")));
    }),
    compare("store-not-as-written", "error", "a/n1/fsm.db", |root| {
        let (user_key, _) = written(LAST);
        let row = (key(&user_key, commit_of(LAST)), value(b"changed"));
        drop(Node::new("n1", LAST).without(LAST).row(row.0, row.1).write(&sub(root, "a")));
        drop(Node::new("n2", LAST - 2).write(&sub(root, "b")));
    }),
    compare("cross-term-ahead", "warning", "b/n3", |root| {
        healthy(root, "a", "n1");
        let log = |log: &mut LogWriter| drop_ref(log.entries(2, 9, 2).state(2, 0, 8).state(57, id("n3"), 8));
        drop(node(&sub(root, "b"), "n3", log));
    }),
];

fn drop_ref(_: &mut LogWriter) {}

fn sub(root: &Path, name: &str) -> std::path::PathBuf {
    let dir = root.join(name);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

fn healthy(root: &Path, dir: &str, raft_id: &str) {
    drop(node(&sub(root, dir), raft_id, |log| drop_ref(log.entries(2, 9, 2).state(2, id("n1"), 8))));
}

/// A healthy node, and one that holds something else at `index`.
fn other(root: &Path, index: u64, term: u64, commit: u64) {
    healthy(root, "a", "n1");
    let log = |log: &mut LogWriter| drop_ref(log.entries(2, index - 1, 2).entry(index, term, "other").state(term, 0, commit));
    drop(node(&sub(root, "b"), "n2", log));
}
