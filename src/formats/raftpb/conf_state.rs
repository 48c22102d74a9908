//! `raftpb.ConfState`.

use serde::{Deserialize, Serialize};

use super::wire::{MessageReader, ProtoRules};
use crate::formats::DecodeResult;
use crate::types::NodeId;

/// The members of a group. The order of ids carries no meaning but is kept as written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ConfState {
    /// Field 1: members with a vote.
    pub voters: Vec<NodeId>,
    /// Field 2: members without one.
    pub learners: Vec<NodeId>,
    /// Field 3: voters of the configuration being left; not empty only in a joint configuration.
    pub voters_outgoing: Vec<NodeId>,
    /// Field 4: voters that become learners when the joint configuration is left.
    pub learners_next: Vec<NodeId>,
    /// Field 5: leave the joint configuration without being asked.
    pub auto_leave: bool,
    /// True if there is anything else that the runtime keeps: unknown fields, or known ones of another wire type. Only one
    /// of the two runtimes does; its server then finds the members it starts with unequal to these.
    #[serde(skip)]
    pub unknown_fields: bool,
}

impl ConfState {
    /// Decodes one message; repeated ids may be packed or not.
    pub fn decode(bytes: &[u8], rules: ProtoRules) -> DecodeResult<Self> {
        let mut state = Self::default();
        state.merge(bytes, rules)?;
        Ok(state)
    }

    /// Adds the fields of another occurrence of the same message, as the runtimes do when a sub-message is repeated.
    pub(super) fn merge(&mut self, bytes: &[u8], rules: ProtoRules) -> DecodeResult<()> {
        let mut reader = MessageReader::new("ConfState", bytes, rules);
        while let Some(tag) = reader.tag()? {
            let known = match tag.number {
                1..=4 => matches!(tag.wire, 0 | 2),
                5 => tag.wire == 0,
                _ => false,
            };
            self.unknown_fields |= !known && rules == ProtoRules::Google;
            match tag.number {
                1 => reader.repeated(tag, "Voters", |id| self.voters.push(NodeId(id)))?,
                2 => reader.repeated(tag, "Learners", |id| self.learners.push(NodeId(id)))?,
                3 => reader.repeated(tag, "VotersOutgoing", |id| self.voters_outgoing.push(NodeId(id)))?,
                4 => reader.repeated(tag, "LearnersNext", |id| self.learners_next.push(NodeId(id)))?,
                5 => self.auto_leave = reader.varint(tag, "AutoLeave")?.map_or(self.auto_leave, |value| value != 0),
                _ => reader.skip(tag)?,
            }
        }
        Ok(())
    }

    /// True in a joint configuration, or with anything else left of one.
    pub fn is_joint(&self) -> bool {
        !self.voters_outgoing.is_empty() || !self.learners_next.is_empty() || self.auto_leave
    }

    /// True when both name the same members, whatever the order.
    pub fn same_members(&self, other: &Self) -> bool {
        let sorted = |ids: &[NodeId]| {
            let mut ids = ids.to_vec();
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        sorted(&self.voters) == sorted(&other.voters)
            && sorted(&self.learners) == sorted(&other.learners)
            && sorted(&self.voters_outgoing) == sorted(&other.voters_outgoing)
            && sorted(&self.learners_next) == sorted(&other.learners_next)
            && self.auto_leave == other.auto_leave
    }
}
