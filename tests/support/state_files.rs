//! Writes the state files from before the log.

use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use super::log_writer::{conf_state, peers_file};
use super::node_dir::{id, ids};

/// Metadata and entries in files of their own; no body unless one is written beside them.
pub struct StateFiles<'a> {
    /// Index of the snapshot, of term 2.
    pub snapshot: u64,
    /// The commit, of term 2.
    pub commit: u64,
    /// Indexes of the entries.
    pub entries: RangeInclusive<u64>,
    /// Raft ids of the members.
    pub voters: &'a [&'a str],
}

fn field(number: u8, value: u64) -> Vec<u8> {
    let mut out = vec![number << 3];
    ekv_tool::formats::varint::encode(value, &mut out);
    out
}

fn bytes(number: u8, value: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    ekv_tool::formats::varint::encode(value.len() as u64, &mut out);
    [out, value.to_vec()].concat()
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&u32::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
}

/// An entry of term 2 as the entries file holds it: data is a proposal with this payload.
pub fn entry(index: u64, payload: &[u8]) -> Vec<u8> {
    let data = [&[1, 0, 0, 0, 0, 0, 0, 0, 7], payload].concat();
    framed(&[field(1, 0), field(2, 2), field(3, index), bytes(4, &data)].concat())
}

impl StateFiles<'_> {
    /// Writes a group directory that holds them and a peers file.
    pub fn write(&self, dir: &Path) {
        fs::create_dir_all(dir).unwrap();
        let hard_state = [field(1, 2), field(2, 0), field(3, self.commit)].concat();
        let metadata = [bytes(1, &conf_state(&ids(self.voters), &[])), field(2, self.snapshot), field(3, 2)].concat();
        let meta = [&b"EKVM\0\0\0\x01"[..], &framed(&hard_state), &framed(&bytes(2, &metadata))].concat();
        fs::write(dir.join("etcd-raft-meta.bin"), meta).unwrap();
        let entries: Vec<u8> = self.entries.clone().flat_map(|index| entry(index, b"\0")).collect();
        fs::write(dir.join("etcd-raft-entries.bin"), [&b"EKVW\0\0\0\x01"[..], &entries].concat()).unwrap();
        let mut peers: Vec<_> = self.voters.iter().map(|voter| (id(voter), *voter, "host:1")).collect();
        peers.sort_unstable();
        fs::write(dir.join("etcd-raft-peers.bin"), peers_file(self.snapshot, &peers)).unwrap();
    }
}
