//! Raft ids for node ids.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Replica;
use crate::analysis::server::membership::Change;
use crate::formats::kv::ConfContext;
use crate::formats::raftpb::ConfState;
use crate::types::{Escaped, NodeId};

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
            let peers = replica.evidence.peers.read().and_then(|peers| peers.content.as_ref().ok());
            for member in peers.iter().flat_map(|peers| &peers.members).filter(|member| !member.id.is_empty()) {
                names.entry(member.node_id).or_insert_with(|| member.id.clone());
            }
            for entry in &replica.changes {
                let Ok(change) = entry.change(replica.evidence.engine) else { continue };
                let (node, context) = match &change {
                    Change::V1(v1) => (v1.node_id, v1.context),
                    Change::V2(v2) => match v2.changes.as_slice() {
                        [single] => (single.node_id, v2.context),
                        _ => continue,
                    },
                };
                if let Some(context) = ConfContext::decode_for(node, context).filter(|context| !context.id.is_empty()) {
                    let node = if context.node_id == NodeId(0) { node } else { context.node_id };
                    names.entry(node).or_insert_with(|| Escaped(context.id).to_string());
                }
            }
        }
        Self(names)
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
