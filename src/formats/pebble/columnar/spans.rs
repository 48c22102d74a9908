//! Blocks of range deletions and of range keys.

use super::container::row_count;
use super::{BytesColumn, Columns, UintColumn};
use crate::formats::pebble::internal_key::{KeyKind, Trailer};
use crate::formats::pebble::sstable::{RangeDel, RangeKey, RangeKeyChange};
use crate::formats::{Cursor, DecodeError, DecodeErrorKind, DecodeResult};

/// Bytes of the block's own header: the number of boundary keys.
const CUSTOM_HEADER: usize = 4;

/// An uncompressed block of spans: boundary keys, and between two of them the rows that concern this range.
#[derive(Debug, Clone, Copy)]
pub struct ColumnarSpans<'a> {
    block: &'a [u8],
    rows: usize,
    boundaries: BytesColumn,
    starts: UintColumn,
    trailers: UintColumn,
    suffixes: BytesColumn,
    values: BytesColumn,
}

/// One row of a block of spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanRow<'a> {
    /// First user key.
    pub start: &'a [u8],
    /// First user key behind the range.
    pub end: &'a [u8],
    /// Sequence number and kind.
    pub trailer: Trailer,
    /// The suffix of a range key.
    pub suffix: &'a [u8],
    /// The value of a range key.
    pub value: &'a [u8],
    /// Offset of the trailer in the block.
    pub at: u64,
}

impl<'a> ColumnarSpans<'a> {
    /// Decodes the columns of a block. The indexes of the boundaries ascend from 0 to the number of rows.
    pub fn decode(block: &'a [u8]) -> DecodeResult<Self> {
        let count = row_count(block, Cursor::new(block).u32_le("number of boundaries")?, 0)?;
        let columns = Columns::decode(block, CUSTOM_HEADER)?;
        let rows = columns.rows();
        let mut walk = columns.walk();
        let boundaries = walk.bytes(count)?;
        let starts = walk.uints(count)?;
        let trailers = walk.uints(rows)?;
        let suffixes = walk.bytes(rows)?;
        let values = walk.bytes(rows)?;
        walk.end()?;
        let spans = Self { block, rows, boundaries, starts, trailers, suffixes, values };
        spans.check_starts()?;
        Ok(spans)
    }

    fn check_starts(&self) -> DecodeResult<()> {
        let wrong = |boundary: usize, detail: String| {
            Err(DecodeError::invalid(self.starts.value_at(boundary) as u64, "first rows of ranges", detail))
        };
        let mut last = 0;
        for boundary in 0..self.boundaries.rows() {
            let start = self.starts.get(self.block, boundary);
            if start < last || (boundary == 0 && start != 0) {
                return wrong(boundary, format!("boundary {boundary} begins with row {start}, behind {last}"));
            }
            last = start;
        }
        if last == self.rows as u64 {
            return Ok(());
        }
        wrong(self.boundaries.rows().saturating_sub(1), format!("the last boundary is at row {last} of {}", self.rows))
    }

    /// The rows in stored order.
    pub fn iter(self) -> impl Iterator<Item = SpanRow<'a>> {
        let mut boundary: usize = 0;
        (0..self.rows).map(move |row| {
            let Self { block, boundaries, starts, .. } = self;
            // The next boundary begins at a later row, or this one has none of its own.
            while boundary.saturating_add(2) < boundaries.rows() && starts.get(block, boundary.saturating_add(1)) <= row as u64 {
                boundary = boundary.saturating_add(1);
            }
            SpanRow {
                start: boundaries.get(block, boundary),
                end: boundaries.get(block, boundary.saturating_add(1)),
                trailer: Trailer(self.trailers.get(block, row)),
                suffix: self.suffixes.get(block, row),
                value: self.values.get(block, row),
                at: self.trailers.value_at(row) as u64,
            }
        })
    }
}

impl<'a> SpanRow<'a> {
    /// The row of a block of range deletions, which have neither suffix nor value.
    pub fn range_del(&self) -> DecodeResult<RangeDel<'a>> {
        if self.trailer.kind() != Some(KeyKind::RangeDelete) {
            return Err(self.unknown("kind of a range deletion"));
        }
        if !self.suffix.is_empty() || !self.value.is_empty() {
            return Err(DecodeError::invalid(self.at, "range deletion", "it has a suffix or a value"));
        }
        Ok(RangeDel { start: self.start, end: self.end, seq: self.trailer.seq() })
    }

    /// The row of a block of range keys.
    pub fn range_key(&self) -> DecodeResult<RangeKey<'a>> {
        let change = match self.trailer.kind() {
            Some(KeyKind::RangeKeySet) => RangeKeyChange::Set(vec![(self.suffix, self.value)]),
            Some(KeyKind::RangeKeyUnset) => RangeKeyChange::Unset(vec![self.suffix]),
            Some(KeyKind::RangeKeyDelete) => RangeKeyChange::Delete,
            _ => return Err(self.unknown("kind of a range key")),
        };
        Ok(RangeKey { start: self.start, end: self.end, seq: self.trailer.seq(), change })
    }

    fn unknown(&self, what: &'static str) -> DecodeError {
        let found = u64::from(self.trailer.kind_byte());
        DecodeError::new(self.at, DecodeErrorKind::Unknown { what, found })
    }
}
