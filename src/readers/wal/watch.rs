//! Who sees the entries of a log while it is read first, so that nobody has to read all of it a second time.

use crate::formats::raftpb::{Entry, HardState};
use crate::types::Crc32c;

/// Where a record stands in its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordSpan {
    /// Offset of its frame.
    pub at: u64,
    /// Offset of the byte behind the frame.
    pub end: u64,
    /// The checksum that the record before it stores; `None` for the first record of a segment.
    pub before: Option<Crc32c>,
}

/// Sees the records of all segments, of several at once, each segment's in order and up to where the newest server stops reading.
pub trait LogWatch: Sync {
    /// What it notes of one segment.
    type Notes: Default + Send;

    /// An entry.
    fn entry(&self, notes: &mut Self::Notes, span: RecordSpan, entry: &Entry<'_>);

    /// A hard state.
    fn state(&self, notes: &mut Self::Notes, span: RecordSpan, state: HardState);
}

/// Nobody.
impl LogWatch for () {
    type Notes = ();

    fn entry(&self, (): &mut (), _: RecordSpan, _: &Entry<'_>) {}

    fn state(&self, (): &mut (), _: RecordSpan, _: HardState) {}
}
