//! Codes about directories of etcd, each in a copy of a recorded one, or in a log that is written for it.

use std::fs;
use std::path::Path;

use super::{Files, Provocation};
use crate::support::log_writer::{LogWriter, snap_file};
use crate::support::recorded;
use crate::support::tree::copy_tree;

const fn member(
    code: &'static str,
    severity: &'static str,
    path: &'static str,
    offset: Option<u64>,
    build: fn(&Path),
) -> Provocation {
    Provocation { code, severity, command: "check", files: Files::Built(build), target: "n1", path, offset }
}

/// The recorded member that has seen requests of every kind.
fn one(root: &Path) {
    copy_tree(&recorded::etcd().root.join("one"), &root.join("n1"));
}

/// Changes every place of `what` in the store.
fn in_store(root: &Path, what: &[u8], to: &[u8]) {
    let path = root.join("n1/member/snap/db");
    let mut bytes = fs::read(&path).unwrap();
    let mut changed = 0;
    for at in 0..bytes.len() - what.len() {
        if bytes[at..].starts_with(what) {
            bytes[at..at + to.len()].copy_from_slice(to);
            changed += 1;
        }
    }
    assert!(changed > 0, "the store holds {what:x?}");
    fs::write(path, bytes).unwrap();
}

/// Sets the index that the store says it holds.
pub fn consistent_index(root: &Path, index: u64) {
    let old = [b"consistent_index".as_slice(), &52_u64.to_be_bytes()].concat();
    let new = [b"consistent_index".as_slice(), &index.to_be_bytes()].concat();
    in_store(root, &old, &new);
}

pub(super) const ALL: &[Provocation] = &[
    member("etcd-log-gone", "error", "n1/member/wal", None, |root| {
        one(root);
        fs::remove_file(root.join("n1/member/wal/0000000000000000-0000000000000000.wal")).unwrap();
    }),
    member("etcd-store-behind", "error", "n1/member/snap/db", None, |root| {
        one(root);
        consistent_index(root, 41);
    }),
    member("etcd-store-ahead", "error", "n1/member/snap/db", None, |root| {
        one(root);
        consistent_index(root, 53);
    }),
    member("etcd-store-odd", "warning", "n1/member/snap/db", None, |root| {
        one(root);
        // The last change of all, so that the order of the keys stays.
        in_store(root, &[&39_u64.to_be_bytes()[..], b"_"].concat(), &[&39_u64.to_be_bytes()[..], b"a"].concat());
    }),
    member("etcd-request-malformed", "error", "n1/member/wal/0000000000000000-0000000000000000.wal", Some(88), |root| {
        let mut log = LogWriter::of_etcd(7, 9);
        log.typed_entry(0, 1, 1, b"").typed_entry(0, 2, 1, b"\x01no request").state(1, 7, 2);
        let wal = root.join("n1/member/wal");
        fs::create_dir_all(&wal).unwrap();
        fs::create_dir_all(root.join("n1/member/snap")).unwrap();
        for (name, bytes) in log.files() {
            fs::write(wal.join(name), bytes).unwrap();
        }
    }),
    member("etcd-files-gone", "error", "n1/member/snap/db", None, |root| {
        one(root);
        fs::remove_dir_all(root.join("n1/member/snap")).unwrap();
    }),
    member("etcd-files-gone", "warning", "n1/member/snap/0000000000000002-000000000000002a.snap", None, |root| {
        one(root);
        fs::remove_file(root.join("n1/member/snap/0000000000000002-000000000000002a.snap")).unwrap();
    }),
    member("etcd-snapshot-foreign", "error", "n1/member/snap/0000000000000002-0000000000000001.snap", None, |root| {
        one(root);
        // Of one voter, 9, which the member is not.
        let snap = snap_file(1, 2, &[0x08, 9], b"{\"Root\":{}}");
        fs::write(root.join("n1/member/snap/0000000000000002-0000000000000001.snap"), snap).unwrap();
    }),
    member("etcd-leftover", "info", "n1/member/snap/db.tmp.123", None, |root| {
        one(root);
        fs::write(root.join("n1/member/snap/db.tmp.123"), "x").unwrap();
    }),
];
