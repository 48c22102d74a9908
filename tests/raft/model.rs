//! Words of Raft: entries, hard states, memberships; and numbers by chance.

use std::collections::BTreeSet;

use crate::support::log_writer::{conf_change, conf_context, conf_state};
use crate::support::node_dir::id;

/// A small generator of numbers: equal seeds give equal histories.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def1)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub fn pick(&mut self, from: &[usize]) -> usize {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HardState {
    pub term: u64,
    pub vote: u64,
    pub commit: u64,
}

/// Name of a node; its id is the hash of it.
pub fn name(node: usize) -> String {
    format!("n{}", node + 1)
}

pub fn node_id(node: usize) -> u64 {
    id(&name(node))
}

/// Who belongs to the group, by number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Conf {
    pub voters: BTreeSet<usize>,
    pub learners: BTreeSet<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    AddVoter(usize),
    AddLearner(usize),
    Remove(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Noop,
    Data(u64),
    Conf { change: Change, v2: bool },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub index: u64,
    pub term: u64,
    pub kind: Kind,
}

impl Conf {
    pub fn has(&self, node: usize) -> bool {
        self.voters.contains(&node) || self.learners.contains(&node)
    }

    pub const fn quorum(voters: usize) -> usize {
        voters / 2 + 1
    }

    pub fn after(&self, change: Change) -> Self {
        let mut conf = self.clone();
        match change {
            Change::AddVoter(node) => {
                conf.learners.remove(&node);
                conf.voters.insert(node);
            }
            Change::AddLearner(node) => {
                conf.voters.remove(&node);
                conf.learners.insert(node);
            }
            Change::Remove(node) => {
                conf.voters.remove(&node);
                conf.learners.remove(&node);
            }
        }
        conf
    }

    /// As a snapshot records it, in the order of node ids.
    pub fn encoded(&self) -> Vec<u8> {
        let ids = |nodes: &BTreeSet<usize>| {
            let mut ids: Vec<_> = nodes.iter().map(|node| node_id(*node)).collect();
            ids.sort_unstable();
            ids
        };
        conf_state(&ids(&self.voters), &ids(&self.learners))
    }

    /// As the peers file lists it.
    pub fn peers_file(&self, index: u64, version: u32) -> Vec<u8> {
        let mut peers: Vec<_> = self.voters.iter().map(|node| (*node, 0)).collect();
        peers.extend(self.learners.iter().map(|node| (*node, 1)));
        peers.sort_by_key(|(node, _)| node_id(*node));
        let mut out = b"EKVP".to_vec();
        out.extend(version.to_be_bytes());
        out.extend(index.to_be_bytes());
        out.extend(u32::try_from(peers.len()).unwrap().to_be_bytes());
        for (node, suffrage) in peers {
            out.extend(node_id(node).to_be_bytes());
            out.push(suffrage);
            for text in [name(node), address(node)] {
                out.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
                out.extend(text.as_bytes());
            }
        }
        if version == 3 {
            out.push(0);
            out.extend(0_u32.to_be_bytes());
        }
        out
    }
}

fn address(node: usize) -> String {
    format!("{}:7000", name(node))
}

impl Entry {
    /// Type of the entry: normal, change, change of the second version.
    pub const fn kind_number(&self) -> u64 {
        match self.kind {
            Kind::Noop | Kind::Data(_) => 0,
            Kind::Conf { v2: false, .. } => 1,
            Kind::Conf { v2: true, .. } => 2,
        }
    }

    /// Its data as a server proposes it.
    pub fn data(&self) -> Vec<u8> {
        match self.kind {
            Kind::Noop => Vec::new(),
            Kind::Data(number) => crate::support::wal_writer::put(number, format!("key{number}").as_bytes(), b"value"),
            Kind::Conf { change, v2 } => {
                let (kind, node) = match change {
                    Change::AddVoter(node) => (0, node),
                    Change::Remove(node) => (1, node),
                    Change::AddLearner(node) => (3, node),
                };
                let context = conf_context(node_id(node), &name(node), &address(node));
                if v2 { conf_change_v2(kind, node_id(node), &context) } else { conf_change(kind.into(), node_id(node), &context) }
            }
        }
    }
}

/// An encoded `raftpb.ConfChangeV2` of one change.
fn conf_change_v2(kind: u8, node: u64, context: &[u8]) -> Vec<u8> {
    let mut single = vec![0x08, kind, 0x10];
    ekv_tool::formats::varint::encode(node, &mut single);
    let mut out = vec![0x08, 0, 0x12, u8::try_from(single.len()).unwrap()];
    out.extend(single);
    out.push(0x1a);
    out.push(u8::try_from(context.len()).unwrap());
    out.extend(context);
    out
}
