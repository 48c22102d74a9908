//! `raftpb.ConfChange` and `raftpb.ConfChangeV2`: membership changes inside entries.

use std::fmt;

use super::wire::{MessageReader, ProtoRules, low_i32};
use crate::formats::DecodeResult;
use crate::types::NodeId;

/// What happens to one member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ConfChangeType {
    /// 0: becomes a voter; also promotes a learner.
    #[default]
    AddNode,
    /// 1: leaves.
    RemoveNode,
    /// 2: its context changes, its role does not.
    UpdateNode,
    /// 3: becomes a learner.
    AddLearnerNode,
    /// A number that no version defines.
    Other(i32),
}

/// How a V2 change passes through a joint configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ConfChangeTransition {
    /// 0: only if several members change at once.
    #[default]
    Auto,
    /// 1: always, and leaves it by itself.
    JointImplicit,
    /// 2: always, and stays until told to leave.
    JointExplicit,
    /// A number that no version defines.
    Other(i32),
}

/// The data of an entry of type `EntryConfChange`; the server proposes only these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConfChange<'a> {
    /// Field 1: request id.
    pub id: u64,
    /// Field 2.
    pub kind: ConfChangeType,
    /// Field 3: the member.
    pub node_id: NodeId,
    /// Field 4: the application's bytes.
    pub context: &'a [u8],
}

/// One change of a V2 message. Field numbers differ from [`ConfChange`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConfChangeSingle {
    /// Field 1.
    pub kind: ConfChangeType,
    /// Field 2: the member.
    pub node_id: NodeId,
}

/// The data of an entry of type `EntryConfChangeV2`. Empty data means "leave the joint configuration".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConfChangeV2<'a> {
    /// Field 1.
    pub transition: ConfChangeTransition,
    /// Field 2, in order.
    pub changes: Vec<ConfChangeSingle>,
    /// Field 3: the application's bytes.
    pub context: &'a [u8],
}

impl<'a> ConfChange<'a> {
    /// Decodes one message.
    pub fn decode(bytes: &'a [u8], rules: ProtoRules) -> DecodeResult<Self> {
        let mut reader = MessageReader::new("ConfChange", bytes, rules);
        let mut change = Self::default();
        while let Some(tag) = reader.tag()? {
            match tag.number {
                1 => change.id = reader.varint(tag, "ID")?.unwrap_or(change.id),
                2 => change.kind = reader.varint(tag, "Type")?.map_or(change.kind, ConfChangeType::of_wire),
                3 => change.node_id = reader.varint(tag, "NodeID")?.map_or(change.node_id, NodeId),
                4 => change.context = reader.bytes(tag, "Context")?.unwrap_or(change.context),
                _ => reader.skip(tag)?,
            }
        }
        Ok(change)
    }
}

impl ConfChangeSingle {
    fn decode(bytes: &[u8], rules: ProtoRules) -> DecodeResult<Self> {
        let mut reader = MessageReader::new("ConfChangeSingle", bytes, rules);
        let mut change = Self::default();
        while let Some(tag) = reader.tag()? {
            match tag.number {
                1 => change.kind = reader.varint(tag, "Type")?.map_or(change.kind, ConfChangeType::of_wire),
                2 => change.node_id = reader.varint(tag, "NodeID")?.map_or(change.node_id, NodeId),
                _ => reader.skip(tag)?,
            }
        }
        Ok(change)
    }
}

impl<'a> ConfChangeV2<'a> {
    /// Decodes one message.
    pub fn decode(bytes: &'a [u8], rules: ProtoRules) -> DecodeResult<Self> {
        let mut reader = MessageReader::new("ConfChangeV2", bytes, rules);
        let mut change = Self::default();
        while let Some(tag) = reader.tag()? {
            match tag.number {
                1 => {
                    let transition = reader.varint(tag, "Transition")?;
                    change.transition = transition.map_or(change.transition, ConfChangeTransition::of_wire);
                }
                2 => change.changes.extend(reader.message(tag, "Changes", ConfChangeSingle::decode)?),
                3 => change.context = reader.bytes(tag, "Context")?.unwrap_or(change.context),
                _ => reader.skip(tag)?,
            }
        }
        Ok(change)
    }

    /// True for the message that ends a joint configuration.
    pub fn leaves_joint(&self) -> bool {
        self.transition == ConfChangeTransition::Auto && self.changes.is_empty()
    }

    /// True when the change goes through a joint configuration.
    pub fn enters_joint(&self) -> bool {
        self.transition != ConfChangeTransition::Auto || self.changes.len() > 1
    }
}

impl ConfChangeType {
    const fn of_wire(value: u64) -> Self {
        Self::of_number(low_i32(value))
    }

    /// The type with this number on disk.
    pub const fn of_number(number: i32) -> Self {
        match number {
            0 => Self::AddNode,
            1 => Self::RemoveNode,
            2 => Self::UpdateNode,
            3 => Self::AddLearnerNode,
            other => Self::Other(other),
        }
    }

    /// The number on disk.
    pub const fn number(self) -> i32 {
        match self {
            Self::AddNode => 0,
            Self::RemoveNode => 1,
            Self::UpdateNode => 2,
            Self::AddLearnerNode => 3,
            Self::Other(number) => number,
        }
    }
}

impl ConfChangeTransition {
    const fn of_wire(value: u64) -> Self {
        Self::of_number(low_i32(value))
    }

    /// The transition with this number on disk.
    pub const fn of_number(number: i32) -> Self {
        match number {
            0 => Self::Auto,
            1 => Self::JointImplicit,
            2 => Self::JointExplicit,
            other => Self::Other(other),
        }
    }

    /// The number on disk.
    pub const fn number(self) -> i32 {
        match self {
            Self::Auto => 0,
            Self::JointImplicit => 1,
            Self::JointExplicit => 2,
            Self::Other(number) => number,
        }
    }
}

/// The library's own name.
impl fmt::Display for ConfChangeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddNode => f.write_str("ConfChangeAddNode"),
            Self::RemoveNode => f.write_str("ConfChangeRemoveNode"),
            Self::UpdateNode => f.write_str("ConfChangeUpdateNode"),
            Self::AddLearnerNode => f.write_str("ConfChangeAddLearnerNode"),
            Self::Other(other) => other.fmt(f),
        }
    }
}
