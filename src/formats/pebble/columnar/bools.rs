//! Columns of truth values.

use crate::formats::{Cursor, DecodeError, DecodeErrorKind, DecodeResult};

/// Bits follow.
const BITMAP: u8 = 0;
/// Nothing follows: all are false.
const ALL_FALSE: u8 = 1;
/// Bytes of a word of bits.
const WORD: u64 = 8;

/// Truth values: bits in words, and a second, shorter row of bits that says which of these words are not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BoolColumn {
    /// First word; `None` when all are false.
    at: Option<usize>,
    rows: usize,
}

impl BoolColumn {
    /// Decodes a column of `rows` values that begins at `at`; returns it and where it ends.
    pub fn decode(block: &[u8], at: usize, rows: usize) -> DecodeResult<(Self, usize)> {
        let mut cursor = Cursor::new(block);
        cursor.take("column", at as u64)?;
        let first = match cursor.u8("encoding of truth values")? {
            ALL_FALSE => None,
            BITMAP => {
                let unaligned = cursor.offset();
                let aligned = unaligned.next_multiple_of(WORD);
                cursor.take("padding", aligned.saturating_sub(unaligned))?;
                let words = (rows as u64).div_ceil(64);
                cursor.take("truth values", words.saturating_mul(WORD))?;
                cursor.take("summary of truth values", words.div_ceil(64).saturating_mul(WORD))?;
                Some(usize::try_from(aligned).unwrap_or(usize::MAX))
            }
            other => {
                let found = u64::from(other);
                return Err(DecodeError::new(at as u64, DecodeErrorKind::Unknown { what: "encoding of truth values", found }));
            }
        };
        Ok((Self { at: first, rows }, usize::try_from(cursor.offset()).unwrap_or(usize::MAX)))
    }

    /// Number of values.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The value of a row of the block that the column was decoded from; false beyond the last row.
    pub fn get(&self, block: &[u8], row: usize) -> bool {
        // The words are little-endian, so that their bits are those of the bytes in order.
        let byte = self.at.and_then(|at| block.get(at.saturating_add(row / 8)));
        row < self.rows && byte.is_some_and(|byte| byte >> (row % 8) & 1 != 0)
    }
}
