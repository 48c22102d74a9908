//! `raftpb.HardState`.

use serde::Serialize;

use super::wire::{MessageReader, ProtoRules};
use crate::formats::DecodeResult;
use crate::types::{LogIndex, NodeId, Term};

/// What a node must remember across a restart. All zero stands for "no hard state".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
pub struct HardState {
    /// Field 1: current term.
    pub term: Term,
    /// Field 2: the node voted for in that term, 0 for none.
    pub vote: NodeId,
    /// Field 3: highest index known to be committed.
    pub commit: LogIndex,
}

impl HardState {
    /// Decodes the data of a WAL record of type 3.
    pub fn decode(bytes: &[u8], rules: ProtoRules) -> DecodeResult<Self> {
        let mut reader = MessageReader::new(bytes, rules);
        let mut state = Self::default();
        while let Some(tag) = reader.tag()? {
            match tag.number {
                1 => state.term = reader.varint(tag, "Term")?.map_or(state.term, Term),
                2 => state.vote = reader.varint(tag, "Vote")?.map_or(state.vote, NodeId),
                3 => state.commit = reader.varint(tag, "Commit")?.map_or(state.commit, LogIndex),
                _ => reader.skip(tag)?,
            }
        }
        Ok(state)
    }

    /// True when nothing is set; such a state is never written.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
