//! Columns of byte strings.

use super::UintColumn;
use crate::formats::{DecodeError, DecodeErrorKind, DecodeResult};

/// Byte strings one behind another, with the offsets between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BytesColumn {
    /// One more than there are rows.
    offsets: UintColumn,
    data_at: usize,
    rows: usize,
}

impl BytesColumn {
    /// Decodes a column of `rows` strings that begins at `at`; returns it and where it ends.
    pub fn decode(block: &[u8], at: usize, rows: usize) -> DecodeResult<(Self, usize)> {
        if rows == 0 {
            return Ok((Self { data_at: at, ..Self::default() }, at));
        }
        let (offsets, data_at) = UintColumn::decode_offsets(block, at, rows.saturating_add(1))?;
        if offsets.get(block, 0) != 0 {
            let detail = format!("the first is {}, not 0", offsets.get(block, 0));
            return Err(DecodeError::invalid(offsets.value_at(0) as u64, "offsets", detail));
        }
        let end = data_end(block, data_at, offsets.offset(block, rows))?;
        Ok((Self { offsets, data_at, rows }, end))
    }

    /// Number of strings.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// The string of a row of the block that the column was decoded from; empty beyond the last row.
    pub fn get<'a>(&self, block: &'a [u8], row: usize) -> &'a [u8] {
        if row >= self.rows {
            return &[];
        }
        let end = self.data_at.saturating_add(self.offsets.offset(block, row.saturating_add(1)));
        block.get(self.string_at(block, row)..end).unwrap_or_default()
    }

    /// Offset of a row's string in the block.
    pub fn string_at(&self, block: &[u8], row: usize) -> usize {
        self.data_at.saturating_add(self.offsets.offset(block, row))
    }
}

/// Where the strings behind offsets end.
pub(super) fn data_end(block: &[u8], data_at: usize, len: usize) -> DecodeResult<usize> {
    data_at.checked_add(len).filter(|&end| end <= block.len()).ok_or_else(|| {
        let (needed, available) = (len as u64, block.len().saturating_sub(data_at) as u64);
        DecodeError::new(data_at as u64, DecodeErrorKind::Truncated { what: "strings", needed, available })
    })
}
