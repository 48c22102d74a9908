//! The header that says which columns a block has and where they begin.

use super::{BoolColumn, BytesColumn, PrefixColumn, UintColumn};
use crate::formats::{Cursor, DecodeError, DecodeErrorKind, DecodeResult};

/// The only version of the container.
const VERSION: u8 = 1;
/// Version, number of columns, number of rows.
const HEADER_LEN: usize = 7;
/// Type and offset of a column.
const COLUMN_LEN: usize = 5;
/// Bytes behind the last column.
const PADDING_LEN: usize = 1;

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// Truth values.
    Bool = 1,
    /// Unsigned integers.
    Uint = 2,
    /// Byte strings.
    Bytes = 3,
    /// Byte strings in order that share their beginnings.
    PrefixBytes = 4,
}

/// The container of a columnar block.
#[derive(Debug, Clone, Copy)]
pub struct Columns<'a> {
    block: &'a [u8],
    /// Offset of the first column's type.
    headers_at: usize,
    count: u16,
    rows: usize,
}

impl<'a> Columns<'a> {
    /// Decodes the header of a block whose own header has `custom_header` bytes.
    ///
    /// A block has at most as many rows as bytes: two rows differ in a byte of a column. Without that bound a block of a few
    /// bytes could claim billions of equal rows.
    pub fn decode(block: &'a [u8], custom_header: usize) -> DecodeResult<Self> {
        let mut cursor = Cursor::new(block);
        cursor.take("block header", custom_header as u64)?;
        let at = cursor.offset();
        let version = cursor.u8("version of the columns")?;
        if version != VERSION {
            let found = u64::from(version);
            return Err(DecodeError::new(at, DecodeErrorKind::Unknown { what: "version of the columns", found }));
        }
        let count = cursor.u16_le("number of columns")?;
        let rows_at = cursor.offset();
        let rows = row_count(block, cursor.u32_le("number of rows")?, rows_at)?;
        cursor.take("columns", u64::from(count).saturating_mul(COLUMN_LEN as u64))?;
        Ok(Self { block, headers_at: custom_header.saturating_add(HEADER_LEN), count, rows })
    }

    /// Number of columns.
    pub const fn count(&self) -> u16 {
        self.count
    }

    /// Number of rows of every column that does not say otherwise.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Starts before the first column.
    pub fn walk(&self) -> ColumnWalk<'a> {
        let at = self.headers_at.saturating_add(usize::from(self.count).saturating_mul(COLUMN_LEN));
        ColumnWalk { columns: *self, next: 0, at }
    }

    /// Type byte and offset of a column, and where they stand.
    fn header(&self, index: u16) -> DecodeResult<(u8, usize, u64)> {
        let header_at = self.headers_at.saturating_add(usize::from(index).saturating_mul(COLUMN_LEN));
        let mut cursor = Cursor::new(self.block);
        cursor.take("columns", header_at as u64)?;
        let kind = cursor.u8("type of a column")?;
        let at = cursor.u32_le("offset of a column")?;
        Ok((kind, usize::try_from(at).unwrap_or(usize::MAX), header_at as u64))
    }
}

/// A number of rows, held against the bytes that are there.
pub(super) fn row_count(block: &[u8], found: u32, at: u64) -> DecodeResult<usize> {
    match usize::try_from(found) {
        Ok(rows) if rows <= block.len() => Ok(rows),
        _ => {
            let limit = block.len() as u64;
            Err(DecodeError::new(at, DecodeErrorKind::Limit { what: "number of rows", found: u64::from(found), limit }))
        }
    }
}

/// Decodes the columns of a block in order. Each must begin where the one before ends, and the last end before the padding.
#[derive(Debug, Clone)]
pub struct ColumnWalk<'a> {
    columns: Columns<'a>,
    next: u16,
    /// Where the next column must begin.
    at: usize,
}

impl ColumnWalk<'_> {
    /// The next column, of truth values.
    pub fn bools(&mut self, rows: usize) -> DecodeResult<BoolColumn> {
        let block = self.columns.block;
        self.begin(ColumnType::Bool)?;
        let (column, end) = BoolColumn::decode(block, self.at, rows)?;
        self.at = end;
        Ok(column)
    }

    /// The next column, of integers.
    pub fn uints(&mut self, rows: usize) -> DecodeResult<UintColumn> {
        let block = self.columns.block;
        self.begin(ColumnType::Uint)?;
        let (column, end) = UintColumn::decode(block, self.at, rows)?;
        self.at = end;
        Ok(column)
    }

    /// The next column, of byte strings.
    pub fn bytes(&mut self, rows: usize) -> DecodeResult<BytesColumn> {
        let block = self.columns.block;
        self.begin(ColumnType::Bytes)?;
        let (column, end) = BytesColumn::decode(block, self.at, rows)?;
        self.at = end;
        Ok(column)
    }

    /// The next column, of byte strings that share their beginnings.
    pub fn prefixed(&mut self, rows: usize) -> DecodeResult<PrefixColumn> {
        let block = self.columns.block;
        self.begin(ColumnType::PrefixBytes)?;
        let (column, end) = PrefixColumn::decode(block, self.at, rows)?;
        self.at = end;
        Ok(column)
    }

    /// True when there is a further column.
    pub const fn has_more(&self) -> bool {
        self.next < self.columns.count
    }

    /// Nothing but the padding may be left.
    pub fn end(&self) -> DecodeResult<()> {
        if self.has_more() {
            let at = self.columns.headers_at.saturating_add(usize::from(self.next).saturating_mul(COLUMN_LEN));
            let detail = format!("{} of them, {} expected", self.columns.count, self.next);
            return Err(DecodeError::invalid(at as u64, "columns", detail));
        }
        let len = self.columns.block.len();
        if self.at.checked_add(PADDING_LEN) == Some(len) {
            return Ok(());
        }
        let detail = format!("the last one ends at {}, and the block has {len} bytes", self.at);
        Err(DecodeError::invalid(self.at.min(len) as u64, "columns", detail))
    }

    fn begin(&mut self, wanted: ColumnType) -> DecodeResult<()> {
        if !self.has_more() {
            let at = self.columns.headers_at.saturating_sub(HEADER_LEN).saturating_add(1);
            let detail = format!("only {} of them", self.columns.count);
            return Err(DecodeError::invalid(at as u64, "columns", detail));
        }
        let (kind, at, header_at) = self.columns.header(self.next)?;
        if kind != wanted as u8 {
            let detail = format!("column {} has type {kind}, not {}", self.next, wanted as u8);
            return Err(DecodeError::invalid(header_at, "type of a column", detail));
        }
        if at != self.at {
            let detail = format!("column {} begins at {at}, and what is before it ends at {}", self.next, self.at);
            return Err(DecodeError::invalid(header_at.saturating_add(1), "offset of a column", detail));
        }
        self.next = self.next.saturating_add(1);
        Ok(())
    }
}
