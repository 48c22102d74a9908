//! Codes about encryption, from logs that are written for them.

use std::fs;
use std::path::Path;

use std::os::unix::fs::PermissionsExt;

use ekv_tool::formats::mvcc::RowKey;
use ekv_tool::types::HlcTimestamp;

use super::{Files, Provocation, node};
use crate::support::log_writer::LogWriter;
use crate::support::store_writer::StoreWriter;
use crate::support::table_writer::SET;

const fn check(code: &'static str, severity: &'static str, path: &'static str, write: fn(&mut LogWriter)) -> Provocation {
    Provocation { code, severity, command: "check", files: Files::Log(write), target: "n1", path, offset: None }
}

pub const ALL: &[Provocation] = &[
    check("enc-nonce-reused", "error", "n1", |log| {
        log.typed_entry(0, 2, 2, &sealed(2, 1, 5, 0xaa)).typed_entry(0, 3, 2, &sealed(2, 1, 5, 0xbb)).state(2, 0, 3);
    }),
    Provocation {
        code: "enc-nonce-reused",
        severity: "error",
        command: "compare",
        files: Files::Built(one_nonce_on_two_nodes),
        target: "n1 n2",
        path: "",
        offset: None,
    },
    check("enc-epoch-back", "warning", "n1/wal", |log| {
        log.typed_entry(0, 2, 2, &sealed(2, 4, 5, 0xaa)).typed_entry(0, 3, 2, &sealed(2, 3, 5, 0xbb)).state(2, 0, 3);
    }),
    check("enc-counter-back", "warning", "n1/wal", |log| {
        log.typed_entry(0, 2, 2, &sealed(2, 4, 5000, 0xaa)).typed_entry(0, 3, 2, &sealed(2, 4, 5, 0xbb)).state(2, 0, 3);
    }),
    Provocation {
        code: "enc-sidecar-behind-envelopes",
        severity: "error",
        command: "check --sidecar keys.json",
        files: Files::Built(|root| {
            store(root, &sealed_row(3));
            let sidecar = r#"{"version": 2, "storage_envelope_active": true, "storage_envelope_cutover_index": 3, "active": {"storage": 1},
                "keys": {"1": {"purpose": "storage", "local_epoch": 1}}}"#;
            fs::write(root.join("keys.json"), sidecar).unwrap();
        }),
        target: "n1",
        path: "keys.json",
        offset: None,
    },
    Provocation {
        code: "enc-epoch-unregistered",
        severity: "info",
        command: "check",
        files: Files::Built(|root| store(root, &sealed_row(9))),
        target: "n1",
        path: "n1/fsm.db",
        offset: None,
    },
    Provocation {
        code: "enc-clear-after-cutover",
        severity: "warning",
        command: "check",
        files: Files::Built(|root| store(root, &[0, 0, 0, 0, 0, 0, 0, 0, 0, b'v'])),
        target: "n1",
        path: "n1/fsm.db",
        offset: None,
    },
    check("enc-node-prefix-shared", "error", "n1/fsm.db", |log| {
        log.typed_entry(0, 2, 2, &registration(0x1111_0000_0000_d4c0)).typed_entry(0, 3, 2, &registration(0x2222_0000_0000_d4c0));
        log.state(2, 0, 3);
    }),
    Provocation {
        code: "enc-open-failed",
        severity: "error",
        command: "check --sidecar keys.json --kek kek.bin",
        files: Files::Built(a_tag_that_does_not_fit),
        target: "n1",
        path: "n1/wal/0000000000000000-0000000000000000.wal",
        offset: Some(OFFSET_OF_ENTRY_3),
    },
    Provocation {
        code: "guard-behind-start",
        severity: "error",
        command: "gate-dryrun --engine main --sidecar keys.json",
        files: Files::Built(replayed_bootstrap),
        target: "n1",
        path: "n1",
        offset: None,
    },
];

fn proposal(payload: &[u8]) -> Vec<u8> {
    [&[1, 0, 0, 0, 0, 0, 0, 0, 7], payload].concat()
}

/// Where the third entry of [`a_tag_that_does_not_fit`] begins.
const OFFSET_OF_ENTRY_3: u64 = 184;

/// A raft envelope of a node with the prefix d4c0.
fn sealed(key: u8, epoch: u16, counter: u64, tag: u8) -> Vec<u8> {
    let mut envelope = vec![1, 0, 0, 0, 0, key, 0xd4, 0xc0];
    envelope.extend(epoch.to_be_bytes());
    envelope.extend(counter.to_be_bytes());
    envelope.extend(*b"secret");
    envelope.extend([tag; 16]);
    proposal(&envelope)
}

fn registration(node: u64) -> Vec<u8> {
    let mut payload = vec![3, 1, 0, 0, 0, 1];
    payload.extend(node.to_be_bytes());
    payload.extend(1_u16.to_be_bytes());
    proposal(&payload)
}

/// The value of a row that node d4c0 sealed in its start `epoch`.
fn sealed_row(epoch: u8) -> Vec<u8> {
    let envelope = [&[1, 0, 0, 0, 0, 1, 0xd4, 0xc0, 0, epoch, 0, 0, 0, 0, 0, 0, 0, 5][..], b"secret", &[0xaa; 16]].concat();
    [&[2, 0, 0, 0, 0, 0, 0, 0, 0][..], &envelope].concat()
}

/// A write, the storage cutover, and a write behind it, whose row the store has as `value`. Node d4c0 is registered in its start 3.
fn store(root: &Path, value: &[u8]) {
    let write = |ts: u8| proposal(&[&[0, 0x18, ts][..], &[0x22, 6, 0x12, 1, b'k', 0x1a, 1, b'v']].concat());
    let row = [&[0, 0, 0, 1][..], &0x1111_0000_0000_d4c0_u64.to_be_bytes(), &3_u16.to_be_bytes()].concat();
    let cutover = proposal(&[&[5, 1, 4, 0, 0, 0, 1, 1, 0, 0, 0, 0][..], &row].concat());
    let dir = node(root, "n1", |log| {
        log.typed_entry(0, 2, 1, &write(20)).typed_entry(0, 3, 1, &cutover).typed_entry(0, 4, 1, &write(21)).state(1, 0, 4);
    });
    let mut store = StoreWriter::new(&dir.path().join("fsm.db")).unwrap();
    let key = RowKey { user_key: b"k", commit_ts: HlcTimestamp(21) }.encode();
    let (commit, applied) = (21_u64.to_le_bytes(), 4_u64.to_le_bytes());
    store.batch(10, &[(SET, &key, value), (SET, b"_meta_last_commit_ts", &commit), (SET, b"_meta_applied_index", &applied)]);
    store.finish().unwrap();
}

/// Two members that hold different envelopes with one nonce.
fn one_nonce_on_two_nodes(root: &Path) {
    drop(node(root, "n1", |log| {
        log.typed_entry(0, 2, 2, &sealed(2, 1, 5, 0xaa)).state(2, 0, 2);
    }));
    drop(node(root, "n2", |log| {
        log.typed_entry(0, 2, 2, &sealed(2, 1, 5, 0xaa)).typed_entry(0, 3, 2, &sealed(2, 1, 5, 0xbb)).state(2, 0, 2);
    }));
}

/// A key that opens, and an envelope under it with a tag that was made up.
fn a_tag_that_does_not_fit(root: &Path) {
    drop(node(root, "n1", |log| {
        log.typed_entry(0, 2, 2, &proposal(&[2, 0, 0, 1, 0x97, 0x74, 0x20, 0xdc, 0]));
        log.typed_entry(0, 3, 2, &sealed(7, 1, 5, 0xaa)).state(2, 0, 3);
    }));
    // The published vector: the key 00 to 1f opens it.
    let sidecar = r#"{"version": 2, "raft_envelope_cutover_index": 2, "active": {"raft": 7}, "keys": {"7": {"purpose": "raft",
        "wrapped": "ZGVmZ2hpamtsbW5vaDr8RV3McLkWS3XD9khE0nLzNDm/WcVFn+iWc8eem3cU8n71zAQl9tb2CT2H8SGt"}}}"#;
    fs::write(root.join("keys.json"), sidecar).unwrap();
    let kek = root.join("kek.bin");
    fs::write(&kek, (0..32).collect::<Vec<u8>>()).unwrap();
    fs::set_permissions(&kek, fs::Permissions::from_mode(0o600)).unwrap();
}

/// The bootstrap of encryption is applied again by a node whose sidecar has it already.
fn replayed_bootstrap(root: &Path) {
    let bootstrap = proposal(&[4, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
    drop(node(root, "n1", |log| {
        log.entries(2, 2, 2).typed_entry(0, 3, 2, &bootstrap).state(2, 0, 3);
    }));
    let sidecar = r#"{"version": 2, "raft_applied_index": 3, "active": {"storage": 1},
        "keys": {"1": {"purpose": "storage", "wrapped": "", "created": "", "local_epoch": 3}}}"#;
    fs::write(root.join("keys.json"), sidecar).unwrap();
}
