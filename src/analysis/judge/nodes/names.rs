//! Raft ids for node ids.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Replica;
use crate::formats::raftpb::ConfState;
use crate::types::NodeId;

/// What the nodes are called, from the directories that were given, the peers files, and the membership changes in the logs.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<NodeId, String>);

impl Names {
    pub(super) fn of(replicas: &[Replica<'_>]) -> Self {
        let mut names = BTreeMap::new();
        for replica in replicas {
            names.insert(replica.node_id(), replica.name().to_owned());
        }
        for replica in replicas {
            let peers = replica.facts.peers.iter().flat_map(|peers| &peers.members);
            for member in peers.filter(|member| !member.raft_id.is_empty()) {
                names.entry(member.node_id).or_insert_with(|| member.raft_id.clone());
            }
            for named in replica.facts.changes.iter().filter_map(|change| change.named.as_ref()) {
                names.entry(named.node_id).or_insert_with(|| named.raft_id.clone());
            }
        }
        Self(names)
    }

    /// All that are known.
    pub(super) const fn known(&self) -> &BTreeMap<NodeId, String> {
        &self.0
    }

    pub(super) fn name(&self, id: NodeId) -> String {
        self.0.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    pub(super) fn list(&self, ids: &[NodeId]) -> String {
        let mut names: Vec<_> = ids.iter().map(|id| self.name(*id)).collect();
        names.sort();
        names.join(" ")
    }

    /// A membership in a few words.
    pub(super) fn describe(&self, members: &ConfState) -> String {
        let mut text = match members.voters.as_slice() {
            [] => "no voters".to_owned(),
            voters => format!("voters {}", self.list(voters)),
        };
        for (what, ids) in [
            ("learners", &members.learners),
            ("leaving voters", &members.voters_outgoing),
            ("next learners", &members.learners_next),
        ] {
            if !ids.is_empty() {
                let _ = write!(text, ", {what} {}", self.list(ids));
            }
        }
        text
    }
}
