//! Data blocks.

use super::{BoolColumn, BytesColumn, Columns, PrefixColumn, UintColumn};
use crate::formats::pebble::internal_key::Trailer;
use crate::formats::pebble::sstable::DataEntry;
use crate::formats::{Cursor, DecodeError, DecodeResult};

/// Bytes of the block's own header under the default key schema: an upper bound of the length of user keys.
const CUSTOM_HEADER: usize = 4;

/// An uncompressed columnar data block of the default key schema, owned or borrowed.
#[derive(Debug, Clone)]
pub struct ColumnarData<B> {
    bytes: B,
    max_key_len: u32,
    rows: usize,
    keys: PrefixColumn,
    suffixes: BytesColumn,
    trailers: UintColumn,
    changes: BoolColumn,
    values: BytesColumn,
    external: BoolColumn,
    obsolete: BoolColumn,
}

impl<B: AsRef<[u8]>> ColumnarData<B> {
    /// Decodes the columns of a block. Up to three further ones, which the newest format knows, are checked and left out.
    pub fn decode(bytes: B) -> DecodeResult<Self> {
        let block = bytes.as_ref();
        let max_key_len = Cursor::new(block).u32_le("longest key")?;
        let columns = Columns::decode(block, CUSTOM_HEADER)?;
        let rows = columns.rows();
        let mut walk = columns.walk();
        let keys = walk.prefixed(rows)?;
        let suffixes = walk.bytes(rows)?;
        let trailers = walk.uints(rows)?;
        let changes = walk.bools(rows)?;
        let values = walk.bytes(rows)?;
        let external = walk.bools(rows)?;
        let obsolete = walk.bools(rows)?;
        // Tiering span and attribute, and a second blob handle.
        if walk.has_more() {
            walk.uints(rows)?;
        }
        if walk.has_more() {
            walk.uints(rows)?;
        }
        if walk.has_more() {
            walk.bytes(rows)?;
        }
        walk.end()?;
        Ok(Self { bytes, max_key_len, rows, keys, suffixes, trailers, changes, values, external, obsolete })
    }

    /// Number of records.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// No user key of the block is longer.
    pub const fn max_key_len(&self) -> u32 {
        self.max_key_len
    }

    /// Puts the user key of a record into `out`.
    pub fn write_key(&self, row: usize, out: &mut Vec<u8>) {
        self.keys.write(self.bytes.as_ref(), row, out);
        out.extend_from_slice(self.suffixes.get(self.bytes.as_ref(), row));
    }

    /// Sequence number and kind of a record.
    pub fn trailer(&self, row: usize) -> Trailer {
        Trailer(self.trailers.get(self.bytes.as_ref(), row))
    }

    /// The value of a record as it is stored: a handle if it stands elsewhere.
    pub fn value(&self, row: usize) -> &[u8] {
        self.values.get(self.bytes.as_ref(), row)
    }

    /// Starts before the first record.
    pub const fn into_rows(self) -> ColumnarRows<B> {
        ColumnarRows { block: self, next: 0, key: Vec::new(), prefix_len: 0, bundle_len: 0, fresh: true }
    }
}

/// Walks the records of a block in order. The user key is rebuilt in a buffer of its own; the value is borrowed.
#[derive(Debug, Clone)]
pub struct ColumnarRows<B> {
    block: ColumnarData<B>,
    /// The row behind the present one.
    next: usize,
    /// The present user key.
    key: Vec<u8>,
    /// Bytes of it that the first column holds.
    prefix_len: usize,
    /// Bytes of it that all rows of its bundle have in common.
    bundle_len: usize,
    /// The buffer does not hold the key of the row before the next.
    fresh: bool,
}

impl<B: AsRef<[u8]>> ColumnarRows<B> {
    /// Moves to the next record; false at the end.
    #[expect(clippy::should_implement_trait, reason = "the record is lent, which `Iterator` cannot say")]
    pub fn next(&mut self) -> bool {
        let row = self.next;
        if row >= self.block.rows {
            return false;
        }
        let Self { block: data, key, prefix_len, bundle_len, fresh, .. } = self;
        let block = data.bytes.as_ref();
        if *fresh || data.keys.begins_bundle(row) {
            data.keys.write(block, row, key);
            *bundle_len = data.keys.shared(block).len().saturating_add(data.keys.bundle_prefix(block, row).len());
            *fresh = false;
        } else {
            let rest = data.keys.rest(block, row);
            if rest.is_empty() {
                key.truncate(*prefix_len);
            } else {
                key.truncate(*bundle_len);
                key.extend_from_slice(rest);
            }
        }
        *prefix_len = key.len();
        key.extend_from_slice(data.suffixes.get(block, row));
        self.next = row.saturating_add(1);
        true
    }

    /// The present user key.
    pub fn user_key(&self) -> &[u8] {
        &self.key
    }

    /// The present record. Offsets in errors count from the start of the block.
    pub fn entry(&self) -> DecodeResult<DataEntry<'_>> {
        let row = self.row();
        let block = self.block.bytes.as_ref();
        let (trailers, values) = (&self.block.trailers, &self.block.values);
        DataEntry::of_columns(
            &self.key,
            (Trailer(trailers.get(block, row)), trailers.value_at(row) as u64),
            (values.get(block, row), values.string_at(block, row) as u64),
            self.block.external.get(block, row),
            self.block.obsolete.get(block, row),
        )
    }

    /// The present value as it is stored.
    pub fn value(&self) -> &[u8] {
        self.block.value(self.row())
    }

    /// Offset in the block of what the present row adds to the key.
    pub fn entry_at(&self) -> usize {
        self.block.keys.rest_at(self.block.bytes.as_ref(), self.row())
    }

    /// Holds the present row, reached from `before`, against what else the block says of it: the bound of key lengths, and
    /// whether its key is another than that of the row before.
    pub fn check(&self, before: Option<&[u8]>) -> DecodeResult<()> {
        let at = self.entry_at() as u64;
        if self.key.len() as u64 > u64::from(self.block.max_key_len) {
            let detail =
                format!("a key of {} bytes, and none is said to be longer than {}", self.key.len(), self.block.max_key_len);
            return Err(DecodeError::invalid(at, "longest key", detail));
        }
        let changes = before != Some(self.key.as_slice());
        if self.block.changes.get(self.block.bytes.as_ref(), self.row()) != changes {
            let detail =
                format!("row {} is said {}to have the key of the row before", self.row(), if changes { "" } else { "not " });
            return Err(DecodeError::invalid(at, "changes of key", detail));
        }
        Ok(())
    }

    /// Moves before the first record at or behind `user_key`.
    pub fn seek(&mut self, user_key: &[u8]) {
        // Invariant: every row before `low` is below the key, `high` is not.
        let (mut low, mut high) = (0, self.block.rows);
        while low < high {
            let middle = low.midpoint(high);
            self.block.write_key(middle, &mut self.key);
            if self.key.as_slice() < user_key {
                low = middle.saturating_add(1);
            } else {
                high = middle;
            }
        }
        self.next = low;
        self.fresh = true;
    }

    /// Starts anew on another block, keeping the key buffer.
    pub fn restart_on(&mut self, block: ColumnarData<B>) {
        self.block = block;
        (self.next, self.fresh) = (0, true);
    }

    const fn row(&self) -> usize {
        self.next.saturating_sub(1)
    }
}

impl ColumnarRows<Vec<u8>> {
    /// Takes the block's buffer out, to be filled with another block; nothing is left to walk.
    pub fn take_bytes(&mut self) -> Vec<u8> {
        self.block.rows = 0;
        std::mem::take(&mut self.block.bytes)
    }
}
