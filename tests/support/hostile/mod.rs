//! Directories of files whose checksums are right and whose content is hostile: numbers at their boundaries, records that no
//! server writes, names that look like something else. Small ones, so that many are tried; one thing to a file.
#![allow(clippy::cast_possible_truncation, clippy::range_plus_one, reason = "numbers are cut to the width of their field")]

pub mod dice;
mod hashicorp;
mod legacy;
mod log;
mod manifest;
mod names;
mod payload;
mod peers;
mod snapshots;
mod store;
mod table;

use std::path::{Path, PathBuf};

pub use dice::Dice;
use ekv_tool::readers::Memory;
use ekv_tool::types::NodeId;

/// What stands under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thing {
    File(Vec<u8>),
    Directory,
    /// A link and where it leads.
    Link(String),
}

/// Names below a directory, and what stands there. A later thing takes the place of an earlier one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    pub things: Vec<(String, Thing)>,
}

impl Directory {
    pub(crate) fn file(&mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.things.push((name.into(), Thing::File(bytes.into())));
    }

    pub(crate) fn dir(&mut self, name: impl Into<String>) {
        self.things.push((name.into(), Thing::Directory));
    }

    pub(crate) fn link(&mut self, name: impl Into<String>, target: impl Into<String>) {
        self.things.push((name.into(), Thing::Link(target.into())));
    }

    /// Puts everything below `at`. A name that no file system would take is left out.
    pub fn lay_out(&self, at: &Path, memory: &mut Memory) {
        let _ = memory.make_dir(at);
        for (name, thing) in &self.things {
            let path = at.join(name);
            let _ = match thing {
                Thing::File(bytes) => memory.put(&path, bytes.as_slice()),
                Thing::Directory => memory.make_dir(&path),
                Thing::Link(target) => memory.link(&path, Path::new(target)),
            };
        }
    }

    /// The files, by their path below the directory.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> + '_ {
        self.things.iter().filter(|(_, thing)| matches!(thing, Thing::File(_))).map(|(name, _)| PathBuf::from(name))
    }
}

/// What the files of a group speak of, mostly as one.
pub(crate) struct Plan {
    /// Raft ids of the members; the first is the node itself.
    pub members: Vec<&'static str>,
    /// Where the newest snapshot is; 0 for none.
    pub snapshot: u64,
    /// Last index of the log.
    pub last: u64,
    pub term: u64,
    pub commit: u64,
    pub applied: u64,
}

impl Plan {
    fn new(dice: &mut Dice<'_>) -> Self {
        let members = vec!["n1", "n2", "n3"][..1 + dice.roll(3)].to_vec();
        let snapshot = dice.roll(4) as u64 * 3;
        let last = snapshot + dice.roll(6) as u64;
        let commit = last - (last - snapshot).min(dice.roll(3) as u64);
        let applied = dice.number(commit);
        Self { members, snapshot, last, term: 1 + dice.roll(2) as u64, commit, applied }
    }

    /// Their node ids in ascending order.
    pub fn ids(&self) -> Vec<u64> {
        let mut ids: Vec<_> = self.members.iter().map(|member| id(member)).collect();
        ids.sort_unstable();
        ids
    }
}

/// Node id of a raft id.
pub(crate) fn id(raft_id: &str) -> u64 {
    NodeId::of_raft_id(raft_id).0
}

/// A group directory.
pub fn group(dice: &mut Dice<'_>) -> Directory {
    let mut dir = Directory::default();
    let plan = Plan::new(dice);
    for below in ["wal", "snap", "fsm-snap"] {
        dir.dir(below);
    }
    if !dice.seldom(16) {
        let marker: &[u8] = dice.one_of(&[b"etcd\n", b"etcd", b"", b"hashicorp\n", b" ETCD ", b"\xff\n"]);
        dir.file("raft-engine", if dice.seldom(8) { marker } else { b"etcd\n" });
    }
    if dice.seldom(24) {
        legacy::state_files(dice, &plan, &mut dir);
    } else {
        log::segments(dice, &plan, &mut dir);
    }
    snapshots::envelopes(dice, &plan, &mut dir);
    if !dice.seldom(6) {
        dir.file("etcd-raft-peers.bin", peers::file(dice, &plan));
    }
    if !dice.seldom(5) {
        store::store(dice, plan.applied, "fsm.db", &mut dir);
    }
    names::strange(dice, &mut dir);
    dir
}

/// A directory of a node of hashicorp/raft.
pub fn hashicorp_node(dice: &mut Dice<'_>) -> Directory {
    let mut dir = Directory::default();
    hashicorp::node(dice, &mut dir);
    names::strange(dice, &mut dir);
    dir
}
