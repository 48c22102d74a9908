//! Blocks of keys and values: metaindex and properties.

use super::{BytesColumn, Columns};
use crate::formats::DecodeResult;

/// An uncompressed block of keys and values.
#[derive(Debug, Clone, Copy)]
pub struct ColumnarPairs<'a> {
    block: &'a [u8],
    keys: BytesColumn,
    values: BytesColumn,
}

impl<'a> ColumnarPairs<'a> {
    /// Decodes the two columns of a block.
    pub fn decode(block: &'a [u8]) -> DecodeResult<Self> {
        let columns = Columns::decode(block, 0)?;
        let rows = columns.rows();
        let mut walk = columns.walk();
        let keys = walk.bytes(rows)?;
        let values = walk.bytes(rows)?;
        walk.end()?;
        Ok(Self { block, keys, values })
    }

    /// Key, value, and the offset of the value in the block, in stored order.
    pub fn iter(self) -> impl Iterator<Item = (&'a [u8], &'a [u8], u64)> {
        let Self { block, keys, values } = self;
        (0..keys.rows()).map(move |row| (keys.get(block, row), values.get(block, row), values.string_at(block, row) as u64))
    }
}
