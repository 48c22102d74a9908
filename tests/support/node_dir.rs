//! Writes a whole group directory around a log.
#![allow(dead_code, reason = "shared by tests, which use different parts")]

use std::fs;
use std::path::{Path, PathBuf};

use ekv_tool::types::NodeId;

use super::log_writer::{LogWriter, conf_state, peers_file, snap_file, token};

/// A directory of one node, `n1` unless it says otherwise.
pub struct NodeDir {
    /// Keeps the directory, if it is a temporary one.
    root: Option<tempfile::TempDir>,
    dir: PathBuf,
}

/// Node id of a raft id.
pub fn id(raft_id: &str) -> u64 {
    NodeId::of_raft_id(raft_id).0
}

/// Node ids in ascending order, as a server lists them.
pub fn ids(raft_ids: &[&str]) -> Vec<u64> {
    let mut ids: Vec<_> = raft_ids.iter().map(|raft_id| id(raft_id)).collect();
    ids.sort_unstable();
    ids
}

/// Body of every payload: an empty stream of the native format.
const PAYLOAD: &[u8] = b"EKVPBBL1\0\0\0\0\0\0\0\0";

impl NodeDir {
    /// A directory with a log.
    pub fn new(log: &LogWriter) -> Self {
        Self::named("n1", log)
    }

    /// A directory of another node.
    pub fn named(raft_id: &str, log: &LogWriter) -> Self {
        let root = tempfile::tempdir().unwrap();
        Self { dir: root.path().join(raft_id), root: Some(root) }.filled(log)
    }

    /// A directory of a node below a directory that exists.
    pub fn below(root: &Path, raft_id: &str, log: &LogWriter) -> Self {
        Self { root: None, dir: root.join(raft_id) }.filled(log)
    }

    fn filled(self, log: &LogWriter) -> Self {
        let dir = &self.dir;
        for below in ["wal", "snap", "fsm-snap"] {
            fs::create_dir_all(dir.join(below)).unwrap();
        }
        fs::write(dir.join("raft-engine"), "etcd\n").unwrap();
        for (name, bytes) in log.files() {
            fs::write(dir.join("wal").join(name), bytes).unwrap();
        }
        self
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// Writes any file.
    pub fn file(self, name: &str, bytes: &[u8]) -> Self {
        fs::write(self.dir.join(name), bytes).unwrap();
        self
    }

    /// A `.snap` file with its payload.
    pub fn snap(self, index: u64, term: u64, voters: &[u64]) -> Self {
        self.snap_of(index, term, &conf_state(voters, &[]))
    }

    /// A `.snap` file with an encoded membership, and its payload.
    pub fn snap_of(self, index: u64, term: u64, members: &[u8]) -> Self {
        let crc = crc32c::crc32c(PAYLOAD);
        let bytes = snap_file(index, term, members, &token(index, crc));
        let payload = [PAYLOAD, &crc.to_be_bytes()].concat();
        self.file(&format!("snap/{term:016x}-{index:016x}.snap"), &bytes).file(&format!("fsm-snap/{index:016x}.fsm"), &payload)
    }

    /// A peers file.
    pub fn peers(self, index: u64, raft_ids: &[&str]) -> Self {
        let mut peers: Vec<_> = raft_ids.iter().map(|raft_id| (id(raft_id), *raft_id, format!("{raft_id}:7000"))).collect();
        peers.sort();
        let peers: Vec<_> = peers.iter().map(|(id, raft_id, address)| (*id, *raft_id, address.as_str())).collect();
        self.file("etcd-raft-peers.bin", &peers_file(index, &peers))
    }
}
