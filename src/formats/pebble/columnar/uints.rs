//! Columns of unsigned integers, and of offsets.

use crate::formats::{Cursor, DecodeError, DecodeErrorKind, DecodeResult};

/// The stored values count from a base.
const DELTA: u8 = 0x80;

/// Unsigned integers: all of one width, with an optional base that is added to each, modulo 2^64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UintColumn {
    /// First stored value.
    at: usize,
    /// Bytes of a value: 0, 1, 2, 4 or 8.
    width: u8,
    base: u64,
    rows: usize,
}

impl UintColumn {
    /// Decodes a column of `rows` values that begins at `at`; returns it and where it ends.
    pub fn decode(block: &[u8], at: usize, rows: usize) -> DecodeResult<(Self, usize)> {
        if rows == 0 {
            return Ok((Self { at, ..Self::default() }, at));
        }
        let mut cursor = Cursor::new(block);
        cursor.take("column", at as u64)?;
        let encoding = cursor.u8("encoding of integers")?;
        let width = encoding & !DELTA;
        let delta = encoding & DELTA != 0;
        if !matches!(width, 0 | 1 | 2 | 4 | 8) || (delta && width == 8) {
            let found = u64::from(encoding);
            return Err(DecodeError::new(at as u64, DecodeErrorKind::Unknown { what: "encoding of integers", found }));
        }
        let base = if delta { cursor.u64_le("base of integers")? } else { 0 };
        if width > 0 {
            let unaligned = cursor.offset();
            let aligned = unaligned.next_multiple_of(u64::from(width));
            cursor.take("padding", aligned.saturating_sub(unaligned))?;
        }
        let first = cursor.offset();
        cursor.take("integers", (rows as u64).saturating_mul(u64::from(width)))?;
        let column = Self { at: usize::try_from(first).unwrap_or(usize::MAX), width, base, rows };
        Ok((column, usize::try_from(cursor.offset()).unwrap_or(usize::MAX)))
    }

    /// Decodes `rows` offsets, which ascend and are stored without a base in at most four bytes each.
    pub(super) fn decode_offsets(block: &[u8], at: usize, rows: usize) -> DecodeResult<(Self, usize)> {
        let (offsets, end) = Self::decode(block, at, rows)?;
        if offsets.base != 0 || offsets.width > 4 {
            let detail = format!("{} bytes each, counted from {}", offsets.width, offsets.base);
            return Err(DecodeError::invalid(at as u64, "offsets", detail));
        }
        let mut last = 0;
        for row in 0..rows {
            let offset = offsets.get(block, row);
            if offset < last {
                let detail = format!("offset {row} is {offset}, behind {last}");
                return Err(DecodeError::invalid(offsets.value_at(row) as u64, "offsets", detail));
            }
            last = offset;
            // All are the same.
            if offsets.width == 0 {
                break;
            }
        }
        Ok((offsets, end))
    }

    /// Number of values.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The value of a row of the block that the column was decoded from. There is none beyond the last row: the base.
    pub fn get(&self, block: &[u8], row: usize) -> u64 {
        let stored = block.get(self.value_at(row)..).unwrap_or_default();
        let stored = match self.width {
            1 => stored.first().map(|&byte| u64::from(byte)),
            2 => stored.first_chunk().map(|bytes| u64::from(u16::from_le_bytes(*bytes))),
            4 => stored.first_chunk().map(|bytes| u64::from(u32::from_le_bytes(*bytes))),
            8 => stored.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)),
            _ => None,
        };
        let stored = if row < self.rows { stored.unwrap_or_default() } else { 0 };
        self.base.wrapping_add(stored)
    }

    /// As [`UintColumn::get`], for offsets, which have at most four bytes.
    pub(super) fn offset(&self, block: &[u8], row: usize) -> usize {
        usize::try_from(self.get(block, row)).unwrap_or(usize::MAX)
    }

    /// Offset of a row's value in the block.
    pub fn value_at(&self, row: usize) -> usize {
        self.at.saturating_add(row.saturating_mul(usize::from(self.width)))
    }
}
