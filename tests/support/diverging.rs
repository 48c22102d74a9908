//! Nodes of one group with logs and stores, each row of which an entry wrote.
#![allow(dead_code, reason = "shared by tests of several modules")]

use std::path::{Path, PathBuf};

use ekv_tool::formats::mvcc::{Encryption, RowHeader, RowKey};
use ekv_tool::formats::varint;
use ekv_tool::types::HlcTimestamp;

use super::log_writer::LogWriter;
use super::node_dir::{NodeDir, id, ids};
use super::store_writer::StoreWriter;
use super::table_writer::SET;

/// Everybody in the group.
pub const MEMBERS: [&str; 3] = ["n1", "n2", "n3"];
/// Everybody in the group of another cluster.
pub const OTHERS: [&str; 3] = ["x1", "x2", "x3"];
/// The last entry of every log.
pub const LAST: u64 = 9;

/// When the entry at `index` is committed.
pub fn commit_of(index: u64) -> u64 {
    (1_763_700_000_000 + index) << 16
}

/// A proposal that writes one key.
pub fn put(key: &[u8], value: &[u8], commit_ts: u64) -> Vec<u8> {
    let bytes = |field: u8, bytes: &[u8], out: &mut Vec<u8>| {
        out.push(field << 3 | 2);
        varint::encode(bytes.len() as u64, out);
        out.extend_from_slice(bytes);
    };
    let mut mutation = Vec::new();
    bytes(2, key, &mut mutation);
    bytes(3, value, &mut mutation);
    // An envelope with a request id, a tag, and the request.
    let mut data = vec![1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0x18];
    varint::encode(commit_ts, &mut data);
    bytes(4, &mutation, &mut data);
    data
}

/// The stored key of a version.
pub fn key(user_key: &[u8], commit_ts: u64) -> Vec<u8> {
    RowKey { user_key, commit_ts: HlcTimestamp(commit_ts) }.encode()
}

/// The stored value of a version in clear text.
pub fn value(body: &[u8]) -> Vec<u8> {
    let header = RowHeader { tombstone: false, encryption: Encryption::Clear, expire_at: HlcTimestamp(0) };
    [&header.encode(), body].concat()
}

/// A node under construction: its log from some entry on, and the rows of its store.
pub struct Node {
    raft_id: &'static str,
    applied: u64,
    first_entry: u64,
    members: [&'static str; 3],
    /// Stored keys and values.
    pub rows: Vec<(Vec<u8>, Vec<u8>)>,
}

/// The key and the value that the entry at `index` writes.
pub fn written(index: u64) -> (Vec<u8>, Vec<u8>) {
    (format!("!redis|str|k{index}").into_bytes(), format!("value of {index}").into_bytes())
}

impl Node {
    /// A node that has applied every entry up to `applied`.
    pub fn new(raft_id: &'static str, applied: u64) -> Self {
        let row = |index| {
            let (user_key, body) = written(index);
            (key(&user_key, commit_of(index)), value(&body))
        };
        Self { raft_id, applied, first_entry: 2, members: MEMBERS, rows: (2..=applied).map(row).collect() }
    }

    /// Its log begins with this entry.
    pub fn from(mut self, first_entry: u64) -> Self {
        self.first_entry = first_entry;
        self
    }

    /// It belongs to another cluster.
    pub fn of_others(self) -> Self {
        Self { members: OTHERS, ..self }
    }

    /// A further row.
    pub fn row(mut self, stored_key: Vec<u8>, stored_value: Vec<u8>) -> Self {
        self.rows.push((stored_key, stored_value));
        self
    }

    /// Without the row that the entry at `index` wrote.
    pub fn without(mut self, index: u64) -> Self {
        let (user_key, _) = written(index);
        self.rows.retain(|(stored, _)| *stored != key(&user_key, commit_of(index)));
        self
    }

    /// Writes it below `root`, in a directory of its own name.
    pub fn write(mut self, root: &Path) -> PathBuf {
        let mut log = LogWriter::new();
        let before = self.first_entry - 1;
        log.snapshot(before, 2, &ids(&self.members)).state(2, 0, before);
        for index in self.first_entry..=LAST {
            let (user_key, body) = written(index);
            log.typed_entry(0, index, 2, &put(&user_key, &body, commit_of(index)));
        }
        log.state(2, id("n1"), LAST);
        let node = NodeDir::below(root, self.raft_id, &log).snap(before, 2, &ids(&self.members)).peers(before, &self.members);
        let has = |rows: &[(Vec<u8>, Vec<u8>)], name: &[u8]| rows.iter().any(|(stored, _)| stored == name);
        if !has(&self.rows, b"_meta_applied_index") {
            self.rows.push((b"_meta_applied_index".to_vec(), self.applied.to_le_bytes().to_vec()));
        }
        self.rows.push((b"_meta_last_commit_ts".to_vec(), commit_of(self.applied).to_le_bytes().to_vec()));
        self.rows.sort();
        let mut store = StoreWriter::new(&node.path().join("fsm.db")).unwrap();
        let entries: Vec<_> = self.rows.iter().map(|(stored, value)| (SET, stored.as_slice(), value.as_slice())).collect();
        store.batch(100, &entries);
        store.finish().unwrap();
        node.path().to_owned()
    }
}
