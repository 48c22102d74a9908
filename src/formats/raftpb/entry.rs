//! `raftpb.Entry`.

use std::fmt;

use super::wire::{MessageReader, ProtoRules, low_i32};
use crate::formats::{DecodeResult, varint};
use crate::types::{LogIndex, Term};

/// What an entry asks of Raft itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EntryType {
    /// 0: a proposal, or empty for a new leader's first entry.
    #[default]
    Normal,
    /// 1: the data is a [`ConfChange`](super::ConfChange).
    ConfChange,
    /// 2: the data is a [`ConfChangeV2`](super::ConfChangeV2).
    ConfChangeV2,
    /// A number that no version defines; the runtimes keep it.
    Other(i32),
}

/// One log entry. Absent fields are zero, as written by server `main` for every default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Entry<'a> {
    /// Field 1.
    pub kind: EntryType,
    /// Field 2: the term of the leader that appended it.
    pub term: Term,
    /// Field 3: its position in the log.
    pub index: LogIndex,
    /// Field 4; empty when absent.
    pub data: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Decodes an entry that is laid out as both servers write it: fields in ascending order, each at most once, nothing
    /// else. `None` for any other layout, which [`Entry::decode`] may still accept.
    #[inline]
    pub fn decode_canonical(bytes: &'a [u8]) -> Option<Self> {
        let mut entry = Self::default();
        let mut rest = bytes;
        if let &[0x08, kind, ref after @ ..] = rest
            && kind < 0x80
        {
            entry.kind = EntryType::of_wire(kind.into());
            rest = after;
        }
        if let [0x10, after @ ..] = rest {
            let (term, len) = varint::decode(after).ok()?;
            entry.term = Term(term);
            rest = after.get(len..)?;
        }
        if let [0x18, after @ ..] = rest {
            let (index, len) = varint::decode(after).ok()?;
            entry.index = LogIndex(index);
            rest = after.get(len..)?;
        }
        match rest {
            [] => Some(entry),
            [0x22, after @ ..] => {
                let (data_len, len) = varint::decode(after).ok()?;
                entry.data = after.get(len..)?;
                (entry.data.len() as u64 == data_len).then_some(entry)
            }
            _ => None,
        }
    }

    /// Decodes the data of a WAL record of type 2.
    #[inline]
    pub fn decode(bytes: &'a [u8], rules: ProtoRules) -> DecodeResult<Self> {
        let mut reader = MessageReader::new("Entry", bytes, rules);
        let mut entry = Self::default();
        while let Some(tag) = reader.tag()? {
            match tag.number {
                1 => entry.kind = reader.varint(tag, "Type")?.map_or(entry.kind, EntryType::of_wire),
                2 => entry.term = reader.varint(tag, "Term")?.map_or(entry.term, Term),
                3 => entry.index = reader.varint(tag, "Index")?.map_or(entry.index, LogIndex),
                4 => entry.data = reader.bytes(tag, "Data")?.unwrap_or(entry.data),
                _ => reader.skip(tag)?,
            }
        }
        Ok(entry)
    }
}

impl EntryType {
    const fn of_wire(value: u64) -> Self {
        match low_i32(value) {
            0 => Self::Normal,
            1 => Self::ConfChange,
            2 => Self::ConfChangeV2,
            other => Self::Other(other),
        }
    }

    /// The number on disk.
    pub const fn number(self) -> i32 {
        match self {
            Self::Normal => 0,
            Self::ConfChange => 1,
            Self::ConfChangeV2 => 2,
            Self::Other(other) => other,
        }
    }
}

/// The library's own name.
impl fmt::Display for EntryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal => f.write_str("EntryNormal"),
            Self::ConfChange => f.write_str("EntryConfChange"),
            Self::ConfChangeV2 => f.write_str("EntryConfChangeV2"),
            Self::Other(other) => other.fmt(f),
        }
    }
}
