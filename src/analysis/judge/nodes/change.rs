//! The changes of a membership that a log holds, as plain numbers.

use serde::{Deserialize, Serialize};

use crate::analysis::judge::group::ConfEntry;
use crate::analysis::server::membership::Change;
use crate::formats::kv::ConfContext;
use crate::formats::raftpb::{ConfChange, ConfChangeSingle, ConfChangeTransition, ConfChangeType, ConfChangeV2};
use crate::types::{Escaped, LogIndex, NodeId, ServerVersion};

/// A change of the membership in a log, without addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ChangeFacts {
    /// Index of the entry.
    pub index: LogIndex,
    /// Which message it is: 1 or 2; `null` when it cannot be decoded.
    pub version: Option<u8>,
    /// How a change of version 2 passes through a joint configuration: the number on disk.
    pub transition: i32,
    /// What happens to which member.
    pub changes: Vec<SingleChange>,
    /// The member that its context names, where that has a raft id.
    pub named: Option<PeerName>,
}

/// What happens to one member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SingleChange {
    /// What: the number on disk.
    pub kind: i32,
    /// The member.
    pub node_id: NodeId,
}

/// The name of a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PeerName {
    /// Its node id.
    pub node_id: NodeId,
    /// Its raft id, escaped.
    pub raft_id: String,
}

impl ChangeFacts {
    /// What a log entry says, as `engine` decodes it.
    pub(super) fn of(entry: &ConfEntry, engine: ServerVersion) -> Self {
        let mut facts = Self { index: entry.index, version: None, transition: 0, changes: Vec::new(), named: None };
        let Ok(change) = entry.change(engine) else { return facts };
        let singles = change.singles();
        facts.changes = singles.iter().map(|one| SingleChange { kind: one.kind.number(), node_id: one.node_id }).collect();
        match &change {
            Change::V1(_) => facts.version = Some(1),
            Change::V2(change) => (facts.version, facts.transition) = (Some(2), change.transition.number()),
        }
        if let [single] = &*singles
            && let Some(context) =
                ConfContext::decode_for(single.node_id, change.context()).filter(|context| !context.id.is_empty())
        {
            let node_id = if context.node_id == NodeId(0) { single.node_id } else { context.node_id };
            facts.named = Some(PeerName { node_id, raft_id: Escaped(context.id).to_string() });
        }
        facts
    }

    /// The change, without its context.
    pub(super) fn change(&self) -> Option<Change<'static>> {
        let single = |one: &SingleChange| ConfChangeSingle { kind: ConfChangeType::of_number(one.kind), node_id: one.node_id };
        match (self.version?, self.changes.as_slice()) {
            (1, [one]) => {
                let ConfChangeSingle { kind, node_id } = single(one);
                Some(Change::V1(ConfChange { id: 0, kind, node_id, context: &[] }))
            }
            (2, changes) => Some(Change::V2(ConfChangeV2 {
                transition: ConfChangeTransition::of_number(self.transition),
                changes: changes.iter().map(single).collect(),
                context: &[],
            })),
            _ => None,
        }
    }
}
