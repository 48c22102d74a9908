//! Where a scan takes records from: logs, tables, levels.

use std::sync::Arc;

use super::hidden::Hidden;
use crate::formats::pebble::{FileNum, NewTable, Trailer};
use crate::readers::pebble::{MemoryEntry, Source, Store};
use crate::readers::pebble_table::{TableFailure, TableIter, TableProblem, TableResult, TableView};
use crate::types::free_budget;

/// How much of a table a scan reads at once, at most.
const READ_AHEAD: u64 = 256 << 10;
/// And at least, however many tables are open.
const LEAST_AHEAD: u64 = 8 << 10;

/// How much each of so many tables that are open together reads at once: a quarter of the budget in all.
pub(super) fn read_ahead(open: usize) -> usize {
    let share = free_budget() / 4 / (open as u64).max(1);
    usize::try_from(share.clamp(LEAST_AHEAD, READ_AHEAD)).unwrap_or_default()
}

/// A sorted run of records, standing at one of them.
pub(super) struct Run<'s> {
    records: Records<'s>,
    /// Order among records of the same key and number: newer sources first. Levels are told apart by it.
    pub(super) rank: usize,
    /// What a failure names.
    pub(super) file: Option<FileNum>,
    pub(super) level: Option<usize>,
}

enum Records<'s> {
    Memory { rest: Box<dyn Iterator<Item = MemoryEntry<'s>> + 's>, present: Option<MemoryEntry<'s>> },
    Table(Box<TableIter<'static>>),
    Level(Box<Level<'s>>),
}

/// The tables of a level below 0, opened one after another.
struct Level<'s> {
    store: &'s Store,
    tables: std::vec::IntoIter<&'s NewTable>,
    from: Vec<u8>,
    present: Option<TableIter<'static>>,
    ahead: usize,
    /// Data blocks read of the tables before, and their stored bytes.
    before: (u64, u64),
}

impl<'s> Run<'s> {
    /// The records of the logs. Not yet at the first.
    pub(super) fn memory(store: &'s Store, from: &'s [u8], rank: usize) -> Self {
        let rest = Box::new(store.memory.iter_from(from));
        Self { records: Records::Memory { rest, present: None }, rank, file: None, level: None }
    }

    /// The records of one table under `view`.
    pub(super) fn table(
        store: &Store,
        file: FileNum,
        level: Option<usize>,
        view: TableView,
        (from, ahead): (&[u8], usize),
        rank: usize,
        hidden: &mut Hidden,
    ) -> Result<Self, (FileNum, Option<usize>, TableFailure)> {
        let iter = open(store, file, view, (from, ahead), hidden).map_err(|failure| (file, level, failure))?;
        Ok(Self { records: Records::Table(Box::new(iter)), rank, file: Some(file), level })
    }

    /// The records of a level below 0, whose `tables` are those that may hold keys that are wanted.
    pub(super) fn level(
        store: &'s Store,
        level: usize,
        tables: Vec<&'s NewTable>,
        (from, ahead): (&[u8], usize),
        rank: usize,
    ) -> Self {
        let run = Level { store, tables: tables.into_iter(), from: from.to_vec(), present: None, ahead, before: (0, 0) };
        Self { records: Records::Level(Box::new(run)), rank, file: None, level: Some(level) }
    }

    /// Moves to the next record; false at the end. Range deletions of tables opened on the way go to `hidden`.
    pub(super) fn next(&mut self, hidden: &mut Hidden) -> TableResult<bool> {
        match &mut self.records {
            Records::Memory { rest, present } => {
                *present = rest.next();
                Ok(present.is_some())
            }
            Records::Table(iter) => iter.next(),
            Records::Level(level) => loop {
                if let Some(iter) = &mut level.present
                    && iter.next()?
                {
                    return Ok(true);
                }
                let Some(table) = level.tables.next() else { return Ok(false) };
                self.file = Some(table.file());
                level.before = level.read();
                level.present = None;
                let Some(view) = TableView::of(table) else { return Err(replaced_suffix().into()) };
                level.present = Some(open(level.store, table.file(), view, (&level.from, level.ahead), hidden)?);
            },
        }
    }

    pub(super) fn user_key(&self) -> &[u8] {
        match &self.records {
            Records::Memory { present, .. } => present.as_ref().map_or(&[], |entry| entry.key),
            Records::Table(iter) => iter.user_key(),
            Records::Level(level) => level.present.as_ref().map_or(&[], TableIter::user_key),
        }
    }

    pub(super) fn trailer(&self) -> Trailer {
        let none = Trailer(0);
        match &self.records {
            Records::Memory { present, .. } => present.as_ref().map_or(none, |entry| entry.trailer),
            Records::Table(iter) => iter.trailer(),
            Records::Level(level) => level.present.as_ref().map_or(none, TableIter::trailer),
        }
    }

    /// Where the present record stands.
    pub(super) fn source(&self) -> Option<Source> {
        let of_table =
            |iter: &TableIter<'_>| Source::Table { table: self.file.unwrap_or_default(), level: self.level, block: iter.block() };
        match &self.records {
            Records::Memory { present, .. } => present.as_ref().map(|entry| Source::Log(entry.place)),
            Records::Table(iter) => Some(of_table(iter)),
            Records::Level(level) => level.present.as_ref().map(of_table),
        }
    }

    /// Bytes of memory that its blocks take at present.
    pub(super) fn held(&self) -> u64 {
        match &self.records {
            Records::Memory { .. } => 0,
            Records::Table(iter) => iter.held(),
            Records::Level(level) => level.present.as_ref().map_or(0, TableIter::held),
        }
    }

    /// How many data blocks were read so far, and their stored bytes.
    pub(super) fn read(&self) -> (u64, u64) {
        match &self.records {
            Records::Memory { .. } => (0, 0),
            Records::Table(iter) => (iter.blocks_read(), iter.bytes_read()),
            Records::Level(level) => level.read(),
        }
    }

    pub(super) fn value(&mut self) -> TableResult<&[u8]> {
        match &mut self.records {
            Records::Memory { present, .. } => Ok(present.as_ref().map_or(&[], |entry| entry.value)),
            Records::Table(iter) => iter.value(),
            Records::Level(level) => level.present.as_mut().map_or(Ok(&[]), TableIter::value),
        }
    }
}

impl Level<'_> {
    /// How many data blocks of its tables were read so far, and their stored bytes.
    fn read(&self) -> (u64, u64) {
        let (blocks, bytes) = self.before;
        self.present.as_ref().map_or(self.before, |iter| (blocks + iter.blocks_read(), bytes + iter.bytes_read()))
    }
}

fn open(
    store: &Store,
    file: FileNum,
    view: TableView,
    (from, ahead): (&[u8], usize),
    hidden: &mut Hidden,
) -> TableResult<TableIter<'static>> {
    let table = store.open_table(file)?;
    for span in table.range_dels(&view)? {
        hidden.add(span);
    }
    let mut iter = TableIter::new(Arc::new(table), view, ahead);
    if !from.is_empty() {
        iter.seek(from)?;
    }
    Ok(iter)
}

/// The one kind of view that cannot be read.
pub(super) fn replaced_suffix() -> TableProblem {
    TableProblem::unsupported_view("its keys have a replaced suffix, which the one supported key order rules out")
}
