//! The rows of blocks, whichever way the table stores them.

use super::problem::BlockKind;
use crate::formats::DecodeResult;
use crate::formats::pebble::columnar::{ColumnarData, ColumnarIndex, ColumnarPairs, ColumnarRows, ColumnarSpans};
use crate::formats::pebble::internal_key::TRAILER_LEN;
use crate::formats::pebble::sstable::{DataEntry, IndexEntry, RestartCheck, RowBlock, RowEntries, TableFormat};

/// Walks the records of a data block in order. Offsets in errors count from the start of the block.
#[derive(Debug)]
pub(super) struct DataRows<B> {
    format: TableFormat,
    form: Form<B>,
    /// Check what no lookup needs as well.
    strict: bool,
    /// The user key of the row before, where a strict walk over columns has one to compare.
    before: Option<Vec<u8>>,
}

#[derive(Debug)]
enum Form<B> {
    Rows(RowEntries<B>, RestartCheck),
    Columns(Box<ColumnarRows<B>>),
}

impl<B: AsRef<[u8]>> DataRows<B> {
    /// Starts before the first record of an uncompressed block.
    pub(super) fn new(format: TableFormat, bytes: B) -> DecodeResult<Self> {
        let form = if format.has_row_blocks() {
            Form::Rows(RowBlock::decode(bytes)?.into_entries(), RestartCheck::default())
        } else {
            Form::Columns(Box::new(ColumnarData::decode(bytes)?.into_rows()))
        };
        Ok(Self { format, form, strict: false, before: None })
    }

    /// As [`DataRows::new`], and checks what no lookup needs on the way: restart points, or what columns say of keys.
    pub(super) fn strict(format: TableFormat, bytes: B) -> DecodeResult<Self> {
        Ok(Self { strict: true, ..Self::new(format, bytes)? })
    }

    /// Moves to the next record; false at the end.
    pub(super) fn next(&mut self) -> DecodeResult<bool> {
        match &mut self.form {
            Form::Rows(entries, restarts) => {
                let moved = entries.next()?;
                match (self.strict, moved) {
                    (false, _) => {}
                    (true, true) => restarts.entry(entries)?,
                    (true, false) => restarts.end(entries.block())?,
                }
                Ok(moved)
            }
            Form::Columns(rows) => {
                let moved = rows.next();
                if self.strict && moved {
                    rows.check(self.before.as_deref())?;
                    let before = self.before.get_or_insert_default();
                    before.clear();
                    before.extend_from_slice(rows.user_key());
                }
                Ok(moved)
            }
        }
    }

    /// The user key of the present record, as stored.
    pub(super) fn user_key(&self) -> &[u8] {
        match &self.form {
            Form::Rows(entries, _) => user_key_of(entries.key()),
            Form::Columns(rows) => rows.user_key(),
        }
    }

    /// The present record.
    pub(super) fn entry(&self) -> DecodeResult<DataEntry<'_>> {
        match &self.form {
            Form::Rows(entries, _) => DataEntry::decode(self.format, entries.key(), entries.value())
                .map_err(|error| error.shifted(entries.entry_at() as u64)),
            Form::Columns(rows) => rows.entry(),
        }
    }

    /// What is stored as the value of the present record; a value in place is its end.
    pub(super) fn stored_value(&self) -> &[u8] {
        match &self.form {
            Form::Rows(entries, _) => entries.value(),
            Form::Columns(rows) => rows.value(),
        }
    }

    /// Offset of the present record in the block; in columns, that of what it adds to the key.
    pub(super) fn entry_at(&self) -> u64 {
        match &self.form {
            Form::Rows(entries, _) => entries.entry_at() as u64,
            Form::Columns(rows) => rows.entry_at() as u64,
        }
    }

    /// Moves so that the first record at or behind the user key lies ahead, and not far.
    pub(super) fn seek(&mut self, user_key: &[u8]) -> DecodeResult<()> {
        match &mut self.form {
            Form::Rows(entries, _) => entries.seek_restart(|key| user_key_of(key) < user_key),
            Form::Columns(rows) => {
                rows.seek(user_key);
                Ok(())
            }
        }
    }
}

impl DataRows<Vec<u8>> {
    /// Takes the block's buffer out, to be filled with another block; nothing is left to walk.
    pub(super) fn take_bytes(&mut self) -> Vec<u8> {
        match &mut self.form {
            Form::Rows(entries, _) => entries.take_bytes(),
            Form::Columns(rows) => rows.take_bytes(),
        }
    }

    /// Starts anew on another block, keeping the key buffer.
    pub(super) fn restart_on(&mut self, bytes: Vec<u8>) -> DecodeResult<()> {
        match &mut self.form {
            Form::Rows(entries, restarts) => {
                entries.restart_on(RowBlock::decode(bytes)?);
                *restarts = RestartCheck::default();
            }
            Form::Columns(rows) => rows.restart_on(ColumnarData::decode(bytes)?),
        }
        Ok(())
    }
}

/// Walks the entries of an index block, of either level.
#[derive(Debug)]
pub(super) enum IndexRows {
    Rows(RowEntries<Vec<u8>>),
    Columns {
        index: ColumnarIndex<Vec<u8>>,
        /// The entry behind the present one.
        next: usize,
    },
}

impl IndexRows {
    /// Starts before the first entry of an uncompressed block.
    pub(super) fn new(format: TableFormat, bytes: Vec<u8>) -> DecodeResult<Self> {
        Ok(if format.has_row_blocks() {
            Self::Rows(RowBlock::decode(bytes)?.into_entries())
        } else {
            Self::Columns { index: ColumnarIndex::decode(bytes)?, next: 0 }
        })
    }

    /// Moves to the next entry; false at the end.
    pub(super) fn next(&mut self) -> DecodeResult<bool> {
        match self {
            Self::Rows(entries) => entries.next(),
            Self::Columns { index, next } => {
                let moved = *next < index.rows();
                *next += usize::from(moved);
                Ok(moved)
            }
        }
    }

    /// Moves to the first entry whose separator is at or behind the user key; false when there is none.
    pub(super) fn seek(&mut self, user_key: &[u8]) -> DecodeResult<bool> {
        match self {
            Self::Rows(entries) => {
                entries.seek_restart(|key| user_key_of(key) < user_key)?;
                while entries.next()? {
                    if user_key_of(entries.key()) >= user_key {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Columns { index, next } => {
                *next = index.seek(user_key);
                self.next()
            }
        }
    }

    /// The present entry.
    pub(super) fn entry(&self) -> DecodeResult<IndexEntry<'_>> {
        match self {
            Self::Rows(entries) => {
                IndexEntry::decode(entries.key(), entries.value()).map_err(|error| error.shifted(entries.entry_at() as u64))
            }
            Self::Columns { index, next } => Ok(index.entry(next.saturating_sub(1))),
        }
    }

    /// Gives the bytes back.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Rows(entries) => entries.into_bytes(),
            Self::Columns { index, .. } => index.into_bytes(),
        }
    }
}

/// Checks that an uncompressed block that holds rows is built as the format says, to its end.
pub(super) fn check_structure(format: TableFormat, kind: BlockKind, block: &[u8]) -> DecodeResult<()> {
    let columnar = match kind {
        BlockKind::Metaindex => format.has_columnar_metaindex(),
        BlockKind::Properties => format.has_columnar_properties(),
        _ => !format.has_row_blocks(),
    };
    match kind {
        _ if !columnar => check_rows(block),
        BlockKind::Data => ColumnarData::decode(block).map(|_| ()),
        BlockKind::Index | BlockKind::TopIndex => ColumnarIndex::decode(block).map(|_| ()),
        BlockKind::RangeDel | BlockKind::RangeKey => ColumnarSpans::decode(block).map(|_| ()),
        BlockKind::Metaindex | BlockKind::Properties => ColumnarPairs::decode(block).map(|_| ()),
        BlockKind::Filter | BlockKind::ValueIndex | BlockKind::Value | BlockKind::BlobReferences => Ok(()),
    }
}

/// Walks a row block to its end and checks its restart points.
fn check_rows(block: &[u8]) -> DecodeResult<()> {
    let mut entries = RowBlock::decode(block)?.into_entries();
    let mut restarts = RestartCheck::default();
    while entries.next()? {
        restarts.entry(&entries)?;
    }
    restarts.end(entries.block())
}

/// The user key in a stored internal key; empty if the key is too short to be one.
fn user_key_of(key: &[u8]) -> &[u8] {
    key.split_last_chunk::<TRAILER_LEN>().map_or(&[], |(user_key, _)| user_key)
}
