//! `raftpb.HardState`.

use serde::{Deserialize, Serialize};

use super::wire::{MessageReader, ProtoRules};
use crate::formats::{DecodeResult, varint};
use crate::types::{LogIndex, NodeId, Term};

/// What a node must remember across a restart. All zero stands for "no hard state".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct HardState {
    /// Field 1: current term.
    pub term: Term,
    /// Field 2: the node voted for in that term, 0 for none.
    pub vote: NodeId,
    /// Field 3: highest index known to be committed.
    pub commit: LogIndex,
}

impl HardState {
    /// Decodes a state that is laid out as both servers write it: fields in ascending order, each at most once, nothing
    /// else. `None` for any other layout, which [`HardState::decode`] may still accept.
    #[inline]
    pub fn decode_canonical(bytes: &[u8]) -> Option<Self> {
        let mut values = [0; 3];
        let mut rest = bytes;
        for (value, tag) in values.iter_mut().zip([0x08, 0x10, 0x18]) {
            if let Some((&first, after)) = rest.split_first()
                && first == tag
            {
                let (decoded, len) = varint::decode(after).ok()?;
                *value = decoded;
                rest = after.get(len..)?;
            }
        }
        let [term, vote, commit] = values;
        rest.is_empty().then_some(Self { term: Term(term), vote: NodeId(vote), commit: LogIndex(commit) })
    }

    /// Decodes the data of a WAL record of type 3.
    pub fn decode(bytes: &[u8], rules: ProtoRules) -> DecodeResult<Self> {
        let mut reader = MessageReader::new("HardState", bytes, rules);
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
