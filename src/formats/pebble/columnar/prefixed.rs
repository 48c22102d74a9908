//! Columns of byte strings in order that share their beginnings.

use super::UintColumn;
use super::bytes::data_end;
use crate::formats::{Cursor, DecodeError, DecodeErrorKind, DecodeResult};

/// Bundles larger than this are never written; a writer uses 16.
const MAX_SHIFT: u8 = 31;

/// Sorted byte strings: what all have in common, then bundles of rows, each with what its rows have in common, and the rest
/// of each row. A row without a rest repeats the row before it in its bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PrefixColumn {
    /// One for the block's prefix, then the ends of bundle prefixes and rows, bundle by bundle.
    offsets: UintColumn,
    data_at: usize,
    /// A bundle has 2^shift rows.
    shift: u32,
    rows: usize,
}

impl PrefixColumn {
    /// Decodes a column of `rows` strings that begins at `at`; returns it and where it ends.
    pub fn decode(block: &[u8], at: usize, rows: usize) -> DecodeResult<(Self, usize)> {
        if rows == 0 {
            return Ok((Self { data_at: at, ..Self::default() }, at));
        }
        let mut cursor = Cursor::new(block);
        cursor.take("column", at as u64)?;
        let shift = cursor.u8("bundle size")?;
        if shift > MAX_SHIFT {
            let (found, limit) = (u64::from(shift), u64::from(MAX_SHIFT));
            return Err(DecodeError::new(at as u64, DecodeErrorKind::Limit { what: "bundle size", found, limit }));
        }
        let bundles = rows.div_ceil(1 << shift);
        let slices = rows.saturating_add(bundles);
        let (offsets, data_at) = UintColumn::decode_offsets(block, at.saturating_add(1), slices.saturating_add(1))?;
        let end = data_end(block, data_at, offsets.offset(block, slices))?;
        Ok((Self { offsets, data_at, shift: u32::from(shift), rows }, end))
    }

    /// Number of strings.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// True for the first row of a bundle.
    pub const fn begins_bundle(&self, row: usize) -> bool {
        row & ((1 << self.shift) - 1) == 0
    }

    /// What all strings of the block that the column was decoded from begin with.
    pub fn shared<'a>(&self, block: &'a [u8]) -> &'a [u8] {
        let end = self.data_at.saturating_add(self.offsets.offset(block, 0));
        block.get(self.data_at..end).unwrap_or_default()
    }

    /// What the strings of a row's bundle have in common beyond [`PrefixColumn::shared`].
    pub fn bundle_prefix<'a>(&self, block: &'a [u8], row: usize) -> &'a [u8] {
        let first = row >> self.shift << self.shift;
        self.slice(block, self.slice_of(first).saturating_sub(1))
    }

    /// The rest of a row: empty if it repeats the row before it in its bundle.
    pub fn rest<'a>(&self, block: &'a [u8], row: usize) -> &'a [u8] {
        self.slice(block, self.slice_of(row))
    }

    /// Offset of a row's rest in the block.
    pub fn rest_at(&self, block: &[u8], row: usize) -> usize {
        self.data_at.saturating_add(self.offsets.offset(block, self.slice_of(row)))
    }

    /// Puts the whole string of a row into `out`.
    pub fn write(&self, block: &[u8], row: usize, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(self.shared(block));
        out.extend_from_slice(self.bundle_prefix(block, row));
        let first = row >> self.shift << self.shift;
        let mut rests = (first..=row).rev().map(|row| self.rest(block, row));
        out.extend_from_slice(rests.find(|rest| !rest.is_empty()).unwrap_or_default());
    }

    fn slice_of(&self, row: usize) -> usize {
        row.saturating_add(row >> self.shift).saturating_add(1)
    }

    fn slice<'a>(&self, block: &'a [u8], slice: usize) -> &'a [u8] {
        if slice.saturating_add(1) >= self.offsets.rows() {
            return &[];
        }
        let start = self.data_at.saturating_add(self.offsets.offset(block, slice));
        let end = self.data_at.saturating_add(self.offsets.offset(block, slice.saturating_add(1)));
        block.get(start..end).unwrap_or_default()
    }
}
