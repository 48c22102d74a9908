//! The point records of a table in order.

use super::block::DataRows;
use super::index::IndexWalk;
use super::problem::{BlockKind, TableProblem, TableResult};
use super::source::BlockReader;
use super::{TableRef, TableView};
use crate::formats::pebble::sstable::{BlobHandle, BlockHandle, EntryValue, ValueHandle};
use crate::formats::pebble::{KeyKind, SeqNum, Trailer};

/// Walks the point records of a table forward, under a [`TableView`].
///
/// Starts before the first record. User key and value are lent until the next move. After a failure the iterator is at
/// its end.
#[derive(Debug)]
pub struct TableIter<'t> {
    table: TableRef<'t>,
    view: TableView,
    index: IndexWalk<'t>,
    reader: BlockReader<'t>,
    values: ValueBlocks<'t>,
    data: Option<DataRows<Vec<u8>>>,
    block: BlockHandle,
    /// The present user key where the view adds a prefix; otherwise it is lent from the block.
    whole_key: Vec<u8>,
    trailer: Trailer,
    kind: KeyKind,
    obsolete: bool,
    value: ValuePlace,
    /// The present record was found by a seek and not handed out yet.
    pending: bool,
    done: bool,
    /// Leave out what newer records of this table hide.
    hides_obsolete: bool,
    bytes_read: u64,
    blocks_read: u64,
    /// Bytes of the buffer of the present data block.
    data_len: u64,
}

/// Where the present record's value is.
#[derive(Debug, Clone, Copy)]
enum ValuePlace {
    /// The last bytes of the entry's value, this many of them.
    InPlace(usize),
    Handle(ValueHandle),
    File(BlobHandle),
}

impl<'t> TableIter<'t> {
    /// An iterator that reads `read_ahead` bytes of data blocks at once, or block by block with 0.
    pub fn new(table: impl Into<TableRef<'t>>, view: TableView, read_ahead: usize) -> Self {
        let table = table.into();
        Self {
            index: IndexWalk::new(table.clone()),
            reader: BlockReader::new(table.clone(), read_ahead),
            values: ValueBlocks::new(table.clone()),
            table,
            view,
            data: None,
            block: BlockHandle::default(),
            whole_key: Vec::new(),
            trailer: Trailer::new(SeqNum(0), KeyKind::Delete),
            kind: KeyKind::Delete,
            obsolete: false,
            value: ValuePlace::InPlace(0),
            pending: false,
            done: false,
            hides_obsolete: false,
            bytes_read: 0,
            blocks_read: 0,
            data_len: 0,
        }
    }

    /// As Pebble reads the newest state: records that newer ones of the same table hide are passed over, and blocks of
    /// nothing else are not read.
    #[must_use]
    pub fn hiding_obsolete(self) -> Self {
        Self { hides_obsolete: true, ..self }
    }

    /// Moves so that [`TableIter::next`] goes to the first record at or behind `user_key`.
    pub fn seek(&mut self, user_key: &[u8]) -> TableResult<()> {
        let start = self.view.bounds.as_ref().map_or(&[][..], |bounds| &bounds.smallest.user_key);
        let from = user_key.max(start).to_vec();
        self.data = None;
        self.pending = false;
        self.done = false;
        let Some(stored) = self.view.stored_seek(&from) else {
            self.done = true;
            return Ok(());
        };
        let sought = self.seek_stored(stored);
        self.done |= sought.is_err();
        sought
    }

    fn seek_stored(&mut self, stored: &[u8]) -> TableResult<()> {
        self.index.seek(stored)?;
        if !self.next_block()? {
            return Ok(());
        }
        let block = self.block;
        if let Some(data) = &mut self.data {
            data.seek(stored).map_err(|error| TableProblem::in_block(BlockKind::Data, block, &error))?;
        }
        while self.step()? {
            if self.data.as_ref().is_some_and(|data| data.user_key() >= stored) {
                self.pending = true;
                return Ok(());
            }
        }
        Ok(())
    }

    /// Moves to the next record; false at the end.
    #[expect(clippy::should_implement_trait, reason = "the record is lent, which `Iterator` cannot say")]
    pub fn next(&mut self) -> TableResult<bool> {
        let moved = self.next_in_view();
        self.done |= !matches!(moved, Ok(true));
        moved
    }

    fn next_in_view(&mut self) -> TableResult<bool> {
        loop {
            if self.done || !(std::mem::take(&mut self.pending) || self.step()?) {
                return Ok(false);
            }
            if !self.view.prefix.is_empty()
                && let Some(data) = &self.data
            {
                self.whole_key.clear();
                self.whole_key.extend_from_slice(&self.view.prefix);
                self.whole_key.extend_from_slice(data.user_key());
            }
            if self.view.admits(self.user_key()) {
                return Ok(true);
            }
            if self.view.ends_before(self.user_key()) {
                return Ok(false);
            }
        }
    }

    /// Goes on behind a failure in a data block, with the next one that the index names. What the failed block still had is passed over.
    pub fn pass_over(&mut self) {
        self.data = None;
        self.pending = false;
        self.done = false;
    }

    /// Moves to the next stored record, whatever the view says.
    fn step(&mut self) -> TableResult<bool> {
        loop {
            let block = self.block;
            let in_block = |error| TableProblem::in_block(BlockKind::Data, block, &error);
            if let Some(data) = &mut self.data
                && data.next().map_err(in_block)?
            {
                let entry = data.entry().map_err(in_block)?;
                if self.hides_obsolete && entry.obsolete {
                    continue;
                }
                self.trailer = self.view.trailer(entry.key.trailer);
                self.kind = entry.kind;
                self.obsolete = entry.obsolete;
                self.value = match entry.value {
                    EntryValue::InPlace(value) => ValuePlace::InPlace(value.len()),
                    EntryValue::InValueBlock(handle) => ValuePlace::Handle(handle),
                    EntryValue::InBlobFile(handle) => ValuePlace::File(handle),
                };
                return Ok(true);
            }
            if !self.next_block()? {
                return Ok(false);
            }
        }
    }

    fn next_block(&mut self) -> TableResult<bool> {
        let next = loop {
            match self.index.next()? {
                Some(next) if self.hides_obsolete && next.all_obsolete => {}
                Some(next) => break next,
                None => {
                    self.data = None;
                    return Ok(false);
                }
            }
        };
        self.block = next.handle;
        self.bytes_read += next.handle.len_with_trailer();
        self.blocks_read += 1;
        let in_block = |error| TableProblem::in_block(BlockKind::Data, next.handle, &error);
        match self.data.take() {
            // The buffers of the block before are used again.
            Some(mut data) => {
                let mut bytes = data.take_bytes();
                self.reader.read_into(BlockKind::Data, next.handle, &mut bytes)?;
                self.data_len = bytes.capacity() as u64;
                data.restart_on(bytes).map_err(in_block)?;
                self.data = Some(data);
            }
            None => {
                let mut bytes = Vec::new();
                self.reader.read_into(BlockKind::Data, next.handle, &mut bytes)?;
                self.data_len = bytes.capacity() as u64;
                self.data = Some(DataRows::new(self.table.footer.format, bytes).map_err(in_block)?);
            }
        }
        Ok(true)
    }

    /// The present user key.
    pub fn user_key(&self) -> &[u8] {
        if self.view.prefix.is_empty() { self.data.as_ref().map_or(&[], DataRows::user_key) } else { &self.whole_key }
    }

    /// Sequence number and kind of the present record, as they count.
    pub const fn trailer(&self) -> Trailer {
        self.trailer
    }

    /// Kind of the present record.
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// True when a newer record of the same table hides the present one.
    pub const fn obsolete(&self) -> bool {
        self.obsolete
    }

    /// Bytes of memory that its blocks take at present.
    pub fn held(&self) -> u64 {
        self.data_len.saturating_add(self.reader.held()).saturating_add(self.values.held())
    }

    /// Stored bytes of the data blocks read so far.
    pub const fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Data blocks read so far.
    pub const fn blocks_read(&self) -> u64 {
        self.blocks_read
    }

    /// The data block that holds the present record.
    pub const fn block(&self) -> BlockHandle {
        self.block
    }

    /// Offset of the present record in its uncompressed block.
    pub fn entry_at(&self) -> u64 {
        self.data.as_ref().map_or(0, DataRows::entry_at)
    }

    /// The present value; reads a value block if it stands in one. Values in blob files are not read.
    pub fn value(&mut self) -> TableResult<&[u8]> {
        match self.value {
            ValuePlace::InPlace(len) => {
                let stored = self.data.as_ref().map_or(&[][..], DataRows::stored_value);
                Ok(stored.len().checked_sub(len).and_then(|start| stored.get(start..)).unwrap_or_default())
            }
            ValuePlace::Handle(handle) => self.values.resolve(handle, self.block),
            ValuePlace::File(handle) => {
                let detail =
                    format!("a value of {} bytes stands in a blob file, which this program does not read", handle.length);
                Err(TableProblem::not_read(BlockKind::Data, self.block, detail).into())
            }
        }
    }
}

/// The value blocks of a table; the last one read is kept.
#[derive(Debug)]
pub(super) struct ValueBlocks<'t> {
    table: TableRef<'t>,
    reader: BlockReader<'t>,
    handles: Option<Vec<BlockHandle>>,
    present: Option<u64>,
    bytes: Vec<u8>,
}

impl<'t> ValueBlocks<'t> {
    pub(super) fn new(table: impl Into<TableRef<'t>>) -> Self {
        let table = table.into();
        Self { reader: BlockReader::new(table.clone(), 0), table, handles: None, present: None, bytes: Vec::new() }
    }

    /// Bytes of memory that the last block takes.
    fn held(&self) -> u64 {
        self.reader.held().saturating_add(self.bytes.capacity() as u64)
    }

    /// The handles in the value index; none if the table has no value index.
    pub(super) fn handles(&mut self) -> TableResult<&[BlockHandle]> {
        if self.handles.is_none() {
            let handles = match self.table.metaindex.value_index {
                Some(index) => {
                    let block = self.reader.read(BlockKind::ValueIndex, index.handle)?;
                    index.blocks(block).map_err(|error| TableProblem::in_block(BlockKind::ValueIndex, index.handle, &error))?
                }
                None => Vec::new(),
            };
            self.handles = Some(handles);
        }
        Ok(self.handles.as_deref().unwrap_or_default())
    }

    /// The value that an entry of the data block `of` refers to.
    pub(super) fn resolve(&mut self, value: ValueHandle, of: BlockHandle) -> TableResult<&[u8]> {
        let handles = self.handles()?;
        let count = handles.len();
        let Some(&handle) = usize::try_from(value.block).ok().and_then(|number| handles.get(number)) else {
            let detail = format!("a value is said to be in value block {} of {count}", value.block);
            return Err(TableProblem::dangling(BlockKind::Data, of, detail).into());
        };
        if self.present != Some(value.block) {
            self.present = None;
            self.reader.read_into(BlockKind::Value, handle, &mut self.bytes)?;
            self.present = Some(value.block);
        }
        let found = value.resolve(&self.bytes);
        Ok(found.map_err(|error| TableProblem::dangling(BlockKind::Value, handle, error.to_string()))?)
    }
}
