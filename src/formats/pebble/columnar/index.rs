//! Index blocks, of either level.

use super::{BytesColumn, Columns, UintColumn};
use crate::formats::DecodeResult;
use crate::formats::pebble::internal_key::{InternalKey, Trailer};
use crate::formats::pebble::sstable::{BlockHandle, IndexEntry};

/// An uncompressed columnar index block, owned or borrowed.
#[derive(Debug, Clone)]
pub struct ColumnarIndex<B> {
    bytes: B,
    rows: usize,
    separators: BytesColumn,
    offsets: UintColumn,
    lengths: UintColumn,
    properties: BytesColumn,
}

impl<B: AsRef<[u8]>> ColumnarIndex<B> {
    /// Decodes the columns of a block.
    pub fn decode(bytes: B) -> DecodeResult<Self> {
        let columns = Columns::decode(bytes.as_ref(), 0)?;
        let rows = columns.rows();
        let mut walk = columns.walk();
        let separators = walk.bytes(rows)?;
        let offsets = walk.uints(rows)?;
        let lengths = walk.uints(rows)?;
        let properties = walk.bytes(rows)?;
        walk.end()?;
        Ok(Self { bytes, rows, separators, offsets, lengths, properties })
    }

    /// Number of entries: none in a table without points.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// An entry. A columnar index stores user keys alone; the trailer given to them sorts behind every record of the key.
    pub fn entry(&self, row: usize) -> IndexEntry<'_> {
        let block = self.bytes.as_ref();
        IndexEntry {
            separator: InternalKey { user_key: self.separators.get(block, row), trailer: Trailer(0) },
            block: BlockHandle { offset: self.offsets.get(block, row), length: self.lengths.get(block, row) },
            properties: self.properties.get(block, row),
        }
    }

    /// The first entry whose separator is at or behind `user_key`; the number of entries if there is none.
    pub fn seek(&self, user_key: &[u8]) -> usize {
        let (mut low, mut high) = (0, self.rows);
        while low < high {
            let middle = low.midpoint(high);
            if self.separators.get(self.bytes.as_ref(), middle) < user_key {
                low = middle.saturating_add(1);
            } else {
                high = middle;
            }
        }
        low
    }

    /// Gives the bytes back.
    pub fn into_bytes(self) -> B {
        self.bytes
    }
}
