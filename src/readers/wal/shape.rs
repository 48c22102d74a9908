//! What an entry is, from its first bytes alone.

use crate::formats::raftpb::{Entry, EntryType};

/// Kinds of entries that can be told apart without parsing what they carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryShape {
    /// No data: a new leader's first entry.
    Noop,
    /// Data that is no proposal; the server passes over it like an empty one.
    Ignored,
    /// Proposal tag 0: one request.
    Data,
    /// Proposal tag 1 followed by a list of requests.
    Batch,
    /// Proposal tag 2: a clock lease.
    Lease,
    /// Proposal tags 3 to 7: key management.
    Encryption,
    /// Another tag: requests from before tags, or nothing the server knows.
    Legacy,
    /// Tag 1 followed by 0: an encrypted proposal.
    Sealed,
    /// Membership change of the first kind.
    ConfChange,
    /// Membership change of the second kind.
    ConfChangeV2,
    /// An entry type that no version defines.
    Unknown,
}

/// Number of entries of each shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ShapeCounts([u64; EntryShape::ALL.len()]);

/// First byte of a proposal.
const PROPOSAL: u8 = 1;
/// Bytes before the payload of a proposal: the byte above and a request id.
const PROPOSAL_HEADER: usize = 9;

impl EntryShape {
    /// All shapes, in the order in which reports show them.
    pub const ALL: [Self; 11] = [
        Self::Data,
        Self::Batch,
        Self::Lease,
        Self::Encryption,
        Self::Legacy,
        Self::Sealed,
        Self::Noop,
        Self::Ignored,
        Self::ConfChange,
        Self::ConfChangeV2,
        Self::Unknown,
    ];

    /// Looks at an entry's type and its first bytes.
    #[inline]
    pub fn of(entry: &Entry<'_>) -> Self {
        match entry.kind {
            EntryType::Normal => {}
            EntryType::ConfChange => return Self::ConfChange,
            EntryType::ConfChangeV2 => return Self::ConfChangeV2,
            EntryType::Other(_) => return Self::Unknown,
        }
        match *entry.data {
            [] => Self::Noop,
            [PROPOSAL, ..] if entry.data.len() >= PROPOSAL_HEADER => {
                match entry.data.get(PROPOSAL_HEADER..).unwrap_or_default() {
                    [0, ..] => Self::Data,
                    [1, 0, ..] => Self::Sealed,
                    [1, ..] => Self::Batch,
                    [2, ..] => Self::Lease,
                    [3..=7, ..] => Self::Encryption,
                    _ => Self::Legacy,
                }
            }
            _ => Self::Ignored,
        }
    }

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Noop => "noop",
            Self::Ignored => "ignored",
            Self::Data => "data",
            Self::Batch => "batch",
            Self::Lease => "lease",
            Self::Encryption => "encryption",
            Self::Legacy => "legacy-data",
            Self::Sealed => "sealed",
            Self::ConfChange => "conf-change",
            Self::ConfChangeV2 => "conf-change-v2",
            Self::Unknown => "unknown",
        }
    }

    const fn position(self) -> usize {
        match self {
            Self::Data => 0,
            Self::Batch => 1,
            Self::Lease => 2,
            Self::Encryption => 3,
            Self::Legacy => 4,
            Self::Sealed => 5,
            Self::Noop => 6,
            Self::Ignored => 7,
            Self::ConfChange => 8,
            Self::ConfChangeV2 => 9,
            Self::Unknown => 10,
        }
    }
}

impl ShapeCounts {
    /// Nothing counted.
    pub const ZERO: Self = Self([0; EntryShape::ALL.len()]);

    /// Counts one entry.
    #[inline]
    pub const fn add(&mut self, shape: EntryShape) {
        self.0[shape.position()] += 1;
    }

    /// Takes one entry back.
    pub const fn remove(&mut self, shape: EntryShape) {
        self.0[shape.position()] = self.0[shape.position()].saturating_sub(1);
    }

    /// Number of entries of one shape.
    pub const fn get(&self, shape: EntryShape) -> u64 {
        self.0[shape.position()]
    }

    /// Adds all counts of another.
    pub fn absorb(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{LogIndex, Term};

    fn shape(kind: EntryType, data: &[u8]) -> EntryShape {
        EntryShape::of(&Entry { kind, term: Term(1), index: LogIndex(1), data })
    }

    #[test]
    fn shapes() {
        let proposal = |rest: &[u8]| [&[1, 0, 0, 0, 0, 0, 0, 0, 9][..], rest].concat();
        let normal = EntryType::Normal;
        assert_eq!(shape(normal, &[]), EntryShape::Noop);
        assert_eq!(shape(normal, &[1, 2, 3]), EntryShape::Ignored);
        assert_eq!(shape(normal, &proposal(&[0, 8])), EntryShape::Data);
        assert_eq!(shape(normal, &proposal(&[1, 0x0a])), EntryShape::Batch);
        assert_eq!(shape(normal, &proposal(&[1, 0, 0, 0])), EntryShape::Sealed);
        assert_eq!(shape(normal, &proposal(&[2])), EntryShape::Lease);
        assert_eq!(shape(normal, &proposal(&[5])), EntryShape::Encryption);
        assert_eq!(shape(normal, &proposal(&[0x0a])), EntryShape::Legacy);
        assert_eq!(shape(EntryType::ConfChange, &proposal(&[0])), EntryShape::ConfChange);
        assert_eq!(shape(EntryType::Other(7), &[]), EntryShape::Unknown);
        for (position, shape) in EntryShape::ALL.into_iter().enumerate() {
            assert_eq!(shape.position(), position);
        }
    }
}
