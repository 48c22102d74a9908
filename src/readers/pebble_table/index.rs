//! From the index of a table to its data blocks, in order.

use super::TableRef;
use super::block::{IndexRows, check_structure};
use super::problem::{BlockKind, TableProblem, TableProblemKind, TableResult};
use super::source::BlockReader;
use crate::formats::pebble::sstable::{BlockHandle, IndexEntry};

/// One level of the index that is being walked.
#[derive(Debug)]
struct Level {
    kind: BlockKind,
    handle: BlockHandle,
    entries: IndexRows,
    /// True when the present entry has been reached by a seek and not been handed out yet.
    pending: bool,
}

impl Level {
    fn open(
        reader: &mut BlockReader<'_>,
        kind: BlockKind,
        handle: BlockHandle,
        mut buffer: Vec<u8>,
        strict: bool,
    ) -> TableResult<Self> {
        reader.read_into(kind, handle, &mut buffer)?;
        let format = reader.format();
        let in_block = |error| TableProblem::in_block(kind, handle, &error);
        if strict {
            check_structure(format, kind, &buffer).map_err(in_block)?;
        }
        Ok(Self { kind, handle, entries: IndexRows::new(format, buffer).map_err(in_block)?, pending: false })
    }

    fn advance(&mut self) -> TableResult<bool> {
        if std::mem::take(&mut self.pending) {
            return Ok(true);
        }
        Ok(self.entries.next().map_err(|error| TableProblem::in_block(self.kind, self.handle, &error))?)
    }

    /// Moves to the first entry whose separator is at or behind the user key; false when there is none.
    fn seek(&mut self, user_key: &[u8]) -> TableResult<bool> {
        self.pending = false;
        Ok(self.entries.seek(user_key).map_err(|error| TableProblem::in_block(self.kind, self.handle, &error))?)
    }

    fn entry(&self) -> TableResult<IndexEntry<'_>> {
        Ok(self.entries.entry().map_err(|error| TableProblem::in_block(self.kind, self.handle, &error))?)
    }
}

/// Where a walk over the index stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DataBlock {
    /// The data block.
    pub(super) handle: BlockHandle,
    /// Every record in it is hidden by a newer one of the same table.
    pub(super) all_obsolete: bool,
}

/// Walks the data blocks of a table in order, through one or two levels of index.
#[derive(Debug)]
pub(super) struct IndexWalk<'t> {
    table: TableRef<'t>,
    reader: BlockReader<'t>,
    /// The block that the footer names: the only one, or the top of two levels.
    top: Option<Level>,
    /// The present block of the lower level, if there are two.
    leaf: Option<Level>,
    /// End of the last data block handed out: the next must lie behind it, so that no index can lead in a circle.
    passed: u64,
    /// The same for index blocks of the lower level.
    leaves_passed: u64,
    /// Check the structure of every index block, and remember the blocks.
    strict: bool,
    visited: Vec<(BlockKind, BlockHandle)>,
}

impl<'t> IndexWalk<'t> {
    pub(super) fn new(table: impl Into<TableRef<'t>>) -> Self {
        let table = table.into();
        Self {
            reader: BlockReader::new(table.clone(), 0),
            table,
            top: None,
            leaf: None,
            passed: 0,
            leaves_passed: 0,
            strict: false,
            visited: Vec::new(),
        }
    }

    /// A walk that also checks the structure of every index block.
    pub(super) fn strict(table: impl Into<TableRef<'t>>) -> Self {
        Self { strict: true, ..Self::new(table) }
    }

    /// True once the block that the footer names has been read.
    pub(super) const fn is_open(&self) -> bool {
        self.top.is_some()
    }

    /// The index blocks that a strict walk has read so far.
    pub(super) fn visited(&self) -> &[(BlockKind, BlockHandle)] {
        &self.visited
    }

    /// The entry of the top level that led to the present block of the lower one.
    pub(super) fn top_entry(&self) -> TableResult<Option<IndexEntry<'_>>> {
        if self.table.two_levels() { self.top.as_ref().map(Level::entry).transpose() } else { Ok(None) }
    }

    /// Moves so that [`IndexWalk::next`] returns the first block that may hold a stored user key at or behind this one.
    pub(super) fn seek(&mut self, user_key: &[u8]) -> TableResult<()> {
        (self.passed, self.leaves_passed) = (0, 0);
        self.leaf = None;
        self.open_top()?;
        let Some(top) = &mut self.top else { return Ok(()) };
        if !top.seek(user_key)? {
            return Ok(());
        }
        if self.table.two_levels() {
            self.open_leaf()?;
            if let Some(leaf) = &mut self.leaf {
                let found = leaf.seek(user_key)?;
                leaf.pending = found;
            }
        } else {
            top.pending = true;
        }
        Ok(())
    }

    /// The next data block.
    pub(super) fn next(&mut self) -> TableResult<Option<DataBlock>> {
        self.open_top()?;
        let two_levels = self.table.two_levels();
        loop {
            let level = if two_levels { self.leaf.as_mut() } else { self.top.as_mut() };
            if let Some(level) = level
                && level.advance()?
            {
                return self.hand_out().map(Some);
            }
            if !two_levels {
                return Ok(None);
            }
            let Some(top) = &mut self.top else { return Ok(None) };
            if !top.advance()? {
                return Ok(None);
            }
            self.open_leaf()?;
        }
    }

    /// The index entry that led to the block returned last.
    pub(super) fn entry(&self) -> TableResult<Option<IndexEntry<'_>>> {
        let level = if self.table.two_levels() { self.leaf.as_ref() } else { self.top.as_ref() };
        level.map(Level::entry).transpose()
    }

    fn hand_out(&mut self) -> TableResult<DataBlock> {
        let level = if self.table.two_levels() { self.leaf.as_ref() } else { self.top.as_ref() };
        let Some(level) = level else {
            return Ok(DataBlock { handle: BlockHandle::default(), all_obsolete: false });
        };
        let collector = self.table.properties.obsolete_collector;
        let entry = level.entry()?;
        let block = DataBlock { handle: entry.block, all_obsolete: entry.all_obsolete(collector) };
        if block.handle.offset < self.passed {
            return Err(backwards(level, BlockKind::Data, block.handle, self.passed).into());
        }
        self.passed = block.handle.end();
        Ok(block)
    }

    fn open_top(&mut self) -> TableResult<()> {
        if self.top.is_none() {
            let kind = if self.table.two_levels() { BlockKind::TopIndex } else { BlockKind::Index };
            let handle = self.table.footer.index;
            self.top = Some(Level::open(&mut self.reader, kind, handle, Vec::new(), self.strict)?);
            self.remember(kind, handle);
        }
        Ok(())
    }

    fn open_leaf(&mut self) -> TableResult<()> {
        let buffer = self.leaf.take().map_or_else(Vec::new, |leaf| leaf.entries.into_bytes());
        let Some(top) = &self.top else { return Ok(()) };
        let handle = top.entry()?.block;
        if handle.offset < self.leaves_passed {
            return Err(backwards(top, BlockKind::Index, handle, self.leaves_passed).into());
        }
        self.leaves_passed = handle.end();
        self.leaf = Some(Level::open(&mut self.reader, BlockKind::Index, handle, buffer, self.strict)?);
        self.remember(BlockKind::Index, handle);
        Ok(())
    }

    fn remember(&mut self, kind: BlockKind, handle: BlockHandle) {
        if self.strict {
            self.visited.push((kind, handle));
        }
    }
}

fn backwards(level: &Level, of: BlockKind, handle: BlockHandle, passed: u64) -> TableProblem {
    let detail = format!("leads back to the {of} {handle}, before {passed}, where the one before it ends");
    TableProblem::of_block(TableProblemKind::Handle, level.kind, level.handle, detail)
}
