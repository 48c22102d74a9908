//! Values that stand apart from their keys, in blocks of their own within the same table.

use super::handle::BlockHandle;
use crate::formats::{Cursor, DecodeError, DecodeErrorKind, DecodeResult};

/// Names a value in a value block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueHandle {
    /// Length of the value.
    pub length: u64,
    /// Position of the block in the value index.
    pub block: u64,
    /// Offset of the value in the uncompressed block.
    pub offset: u64,
}

impl ValueHandle {
    /// Three base-128 integers.
    pub fn decode(cursor: &mut Cursor<'_>) -> DecodeResult<Self> {
        Ok(Self {
            length: cursor.varint("value length")?,
            block: cursor.varint("value block number")?,
            offset: cursor.varint("value offset")?,
        })
    }

    /// Finds the value in its uncompressed block.
    pub fn resolve<'b>(&self, block: &'b [u8]) -> DecodeResult<&'b [u8]> {
        let range = || {
            let start = usize::try_from(self.offset).ok()?;
            let end = start.checked_add(usize::try_from(self.length).ok()?)?;
            block.get(start..end)
        };
        range().ok_or_else(|| {
            let (found, limit) = (self.offset.saturating_add(self.length), block.len() as u64);
            DecodeError::new(self.offset.min(limit), DecodeErrorKind::Limit { what: "end of a value", found, limit })
        })
    }
}

/// Where the value index is and how wide its columns are: what the metaindex says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValueIndexHandle {
    /// The block.
    pub handle: BlockHandle,
    /// Bytes of a block number.
    pub number_width: u8,
    /// Bytes of a block offset.
    pub offset_width: u8,
    /// Bytes of a block length.
    pub length_width: u8,
}

impl ValueIndexHandle {
    /// A handle and three single bytes.
    pub fn decode(cursor: &mut Cursor<'_>) -> DecodeResult<Self> {
        let handle = BlockHandle::decode(cursor)?;
        let mut width = |what| {
            let at = cursor.offset();
            match cursor.u8(what)? {
                width @ 0..=8 => Ok(width),
                found => Err(DecodeError::new(at, DecodeErrorKind::Limit { what, found: u64::from(found), limit: 8 })),
            }
        };
        Ok(Self {
            handle,
            number_width: width("width of block numbers")?,
            offset_width: width("width of block offsets")?,
            length_width: width("width of block lengths")?,
        })
    }

    /// Decodes the value index: the handles of the value blocks in order.
    pub fn blocks(&self, index: &[u8]) -> DecodeResult<Vec<BlockHandle>> {
        let mut cursor = Cursor::new(index);
        let mut blocks = Vec::new();
        if self.number_width == 0 && self.offset_width == 0 && self.length_width == 0 {
            return Err(DecodeError::invalid(0, "value index", "rows of no width"));
        }
        while !cursor.is_empty() {
            let at = cursor.offset();
            let number = little_endian(&mut cursor, self.number_width)?;
            let offset = little_endian(&mut cursor, self.offset_width)?;
            let length = little_endian(&mut cursor, self.length_width)?;
            if number != blocks.len() as u64 {
                let detail = format!("block {number} in row {}", blocks.len());
                return Err(DecodeError::invalid(at, "value index", detail));
            }
            blocks.push(BlockHandle { offset, length });
        }
        Ok(blocks)
    }
}

fn little_endian(cursor: &mut Cursor<'_>, width: u8) -> DecodeResult<u64> {
    let bytes = cursor.take("value index row", u64::from(width))?;
    Ok(bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_index() {
        let handle = ValueIndexHandle::decode(&mut Cursor::new(&[9, 8, 1, 2, 1])).unwrap();
        assert_eq!(handle.handle, BlockHandle { offset: 9, length: 8 });
        let blocks = handle.blocks(&[0, 0x10, 0x20, 7, 1, 0x34, 0x12, 8]).unwrap();
        assert_eq!(blocks, [BlockHandle { offset: 0x2010, length: 7 }, BlockHandle { offset: 0x1234, length: 8 }]);
        assert_eq!(handle.blocks(&[]).unwrap(), []);
        assert!(handle.blocks(&[0, 0x10, 0x20, 7, 2, 0, 0, 0]).is_err(), "a number out of order");
        for len in 1..4 {
            assert!(handle.blocks(&[0, 0x10, 0x20, 7][..len]).unwrap_err().is_truncation());
        }
    }

    #[test]
    fn widths_are_bounded_and_rows_have_some() {
        assert!(ValueIndexHandle::decode(&mut Cursor::new(&[9, 8, 1, 9, 1])).is_err());
        let empty = ValueIndexHandle::decode(&mut Cursor::new(&[9, 8, 0, 0, 0])).unwrap();
        assert!(empty.blocks(&[1]).is_err(), "would never end");
    }

    #[test]
    fn values_lie_inside_their_block() {
        let handle = |length, offset| ValueHandle { length, block: 0, offset };
        assert_eq!(handle(2, 1).resolve(b"abcd").unwrap(), b"bc");
        assert_eq!(handle(0, 4).resolve(b"abcd").unwrap(), b"");
        for wrong in [handle(2, 3), handle(1, 5), handle(u64::MAX, 1), handle(1, u64::MAX)] {
            assert!(wrong.resolve(b"abcd").is_err(), "{wrong:?}");
        }
    }
}
