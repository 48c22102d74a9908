//! A walk over all records of a store the way Pebble's iterator walks: what a range deletion of a newer level covers is leapt
//! over, and the blocks in between are never read.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::formats::pebble::version_edit::LEVELS;
use crate::formats::pebble::{FileNum, InternalKey, NewTable, SeqNum};
use crate::io::Progress;
use crate::readers::pebble::{Store, TableDamage};
use crate::readers::pebble_table::{OwnedRangeDel, TableFailure, TableIter, TableResult, TableView};

/// How much of a table is read at once. Reading ahead does not look at what is read.
const READ_AHEAD: usize = 256 << 10;
/// Records between two looks at whether the user wants to stop.
const INTERRUPT_EVERY: u32 = 1 << 12;

/// What a walk over all records of `store` meets first that it cannot read; nothing if it gets to the end.
///
/// The smallest record of all levels is looked at. If a range deletion of a newer level covers it, this level and all below it
/// move to the end of that deletion, whatever its number: blocks and tables in between are not read. Otherwise its level moves
/// on by one record. A table is opened, and its range deletions are read, when its level gets there.
pub fn first_met(store: &Store, progress: &dyn Progress) -> Result<Option<TableDamage>> {
    let mut walk = Leaping { levels: levels(store) };
    let mut steps: u32 = 0;
    let met = walk.start().and_then(|()| {
        while walk.step()? {
            steps = steps.wrapping_add(1);
            if steps.is_multiple_of(INTERRUPT_EVERY) && progress.interrupted() {
                return Err((FileNum::default(), None, Error::Interrupted.into()));
            }
        }
        Ok(())
    });
    match met {
        Ok(()) => Ok(None),
        Err((_, _, TableFailure::Error(Error::Interrupted))) => Err(Error::Interrupted),
        Err((file, level, failure)) => Ok(Some(TableDamage::new(file, level, failure))),
    }
}

/// File, level, reason.
type Met = (FileNum, Option<usize>, TableFailure);

/// Newest first: the logs, tables that they add, each table of level 0, each deeper level.
fn levels(store: &Store) -> Vec<Level<'_>> {
    let mut levels = vec![Level { spans: fragments(store), ..Level::new(store, None) }];
    for ingested in store.memory.ingested.iter().rev() {
        let view = TableView { seq_override: Some(ingested.seq), ..TableView::default() };
        let mut level = Level::new(store, None);
        level.ahead.push_back(Ahead { file: ingested.table, view, described: None });
        levels.push(level);
    }
    let Some(version) = store.version() else { return levels };
    let ahead = |table| TableView::of(table).map(|view| Ahead { file: table.file(), view, described: Some(table) });
    for table in version.level_0_newest_first() {
        let mut level = Level::new(store, Some(0));
        level.ahead.extend(ahead(table));
        levels.push(level);
    }
    for number in 1..LEVELS {
        let mut level = Level::new(store, Some(number));
        level.ahead.extend(version.level_by_key(number).into_iter().filter(|table| table.points.is_some()).filter_map(ahead));
        levels.push(level);
    }
    levels
}

/// The range deletions of the logs, cut at each other's bounds as a table would hold them.
fn fragments(store: &Store) -> Vec<OwnedRangeDel> {
    let ranges = &store.memory.ranges;
    let mut bounds: Vec<&[u8]> = ranges.iter().flat_map(|range| [range.start.as_slice(), range.end.as_slice()]).collect();
    bounds.sort_unstable();
    bounds.dedup();
    let mut by_start: Vec<_> = ranges.iter().filter(|range| range.start < range.end).collect();
    by_start.sort_by(|a, b| a.start.cmp(&b.start));
    let mut next = by_start.into_iter().peekable();
    // How far what has begun reaches.
    let mut reach: &[u8] = &[];
    let mut spans = Vec::new();
    for pair in bounds.windows(2) {
        let &[start, end] = pair else { continue };
        while let Some(range) = next.next_if(|range| range.start.as_slice() <= start) {
            reach = reach.max(&range.end);
        }
        if reach >= end {
            spans.push(OwnedRangeDel { start: start.to_vec(), end: end.to_vec(), seq: SeqNum(0) });
        }
    }
    spans
}

struct Leaping<'s> {
    levels: Vec<Level<'s>>,
}

impl Leaping<'_> {
    fn start(&mut self) -> std::result::Result<(), Met> {
        self.levels.iter_mut().try_for_each(Level::next)
    }

    /// Moves past the smallest record; false at the end.
    fn step(&mut self) -> std::result::Result<bool, Met> {
        let place = |index: &usize| self.levels.get(*index).and_then(Level::key);
        let standing = (0..self.levels.len()).filter(|index| place(index).is_some());
        // Of equal keys the first is the newest.
        let Some(top) = standing.min_by(|a, b| place(a).cmp(&place(b))) else { return Ok(false) };
        let Some(key) = self.levels.get(top).and_then(Level::key).map(|key| key.user_key.to_vec()) else { return Ok(false) };
        let (newer, rest) = self.levels.split_at_mut(top);
        match newer.iter_mut().find_map(|level| level.deleted_until(&key)) {
            Some(mut until) => {
                for level in rest {
                    level.leap(&until)?;
                    if let Some(further) = level.deleted_until(&until) {
                        until = further;
                    }
                }
            }
            None => {
                if let Some(level) = rest.first_mut() {
                    level.next()?;
                }
            }
        }
        Ok(true)
    }
}

/// A table that a level has not got to.
struct Ahead<'s> {
    file: FileNum,
    view: TableView,
    described: Option<&'s NewTable>,
}

impl Ahead<'_> {
    /// True when no record of it is at or behind the key.
    fn ends_before(&self, user_key: &[u8]) -> bool {
        self.described.and_then(|table| table.points.as_ref()).is_some_and(|points| {
            let largest = points.largest.user_key.as_slice();
            largest < user_key || (largest == user_key && points.largest.trailer.is_exclusive_bound())
        })
    }
}

/// Tables that do not overlap, in the order of their keys.
struct Level<'s> {
    store: &'s Store,
    number: Option<usize>,
    ahead: VecDeque<Ahead<'s>>,
    present: Option<(Ahead<'s>, TableIter<'static>)>,
    /// True when the present table stands at a record.
    standing: bool,
    /// Range deletions of the tables opened so far, in order.
    spans: Vec<OwnedRangeDel>,
    /// How many of them end at or before what was asked for last.
    passed: usize,
}

impl<'s> Level<'s> {
    const fn new(store: &'s Store, number: Option<usize>) -> Self {
        Self { store, number, ahead: VecDeque::new(), present: None, standing: false, spans: Vec::new(), passed: 0 }
    }

    fn key(&self) -> Option<InternalKey<'_>> {
        let (_, iter) = self.present.as_ref().filter(|_| self.standing)?;
        Some(InternalKey { user_key: iter.user_key(), trailer: iter.trailer() })
    }

    /// Moves to the next record, in the next table if need be.
    fn next(&mut self) -> std::result::Result<(), Met> {
        loop {
            if let Some((table, iter)) = &mut self.present {
                self.standing = iter.next().map_err(|failure| (table.file, self.number, failure))?;
                if self.standing {
                    return Ok(());
                }
            }
            if !self.open_next(None)? {
                self.standing = false;
                return Ok(());
            }
        }
    }

    /// Moves to the first record at or behind the key, unless the level stands there already. Tables before it stay closed.
    fn leap(&mut self, user_key: &[u8]) -> std::result::Result<(), Met> {
        if self.key().is_none_or(|key| key.user_key >= user_key) {
            return Ok(());
        }
        match &mut self.present {
            Some((table, iter)) if !table.ends_before(user_key) => {
                iter.seek(user_key).map_err(|failure| (table.file, self.number, failure))?;
            }
            _ => {
                self.present = None;
                while self.ahead.front().is_some_and(|table| table.ends_before(user_key)) {
                    self.ahead.pop_front();
                }
                self.open_next(Some(user_key))?;
            }
        }
        self.next()
    }

    fn open_next(&mut self, from: Option<&[u8]>) -> std::result::Result<bool, Met> {
        self.present = None;
        let Some(table) = self.ahead.pop_front() else { return Ok(false) };
        let opened = self.open(&table, from).map_err(|failure| (table.file, self.number, failure))?;
        self.present = Some((table, opened));
        Ok(true)
    }

    fn open(&mut self, ahead: &Ahead<'s>, from: Option<&[u8]>) -> TableResult<TableIter<'static>> {
        let table = self.store.open_table(ahead.file)?;
        let visible = |span: &OwnedRangeDel| span.seq < self.store.facts.next_seq;
        self.spans.extend(table.range_dels(&ahead.view)?.into_iter().filter(visible));
        let mut iter = TableIter::new(Arc::new(table), ahead.view.clone(), READ_AHEAD).hiding_obsolete();
        if let Some(from) = from {
            iter.seek(from)?;
        }
        Ok(iter)
    }

    /// Where a range deletion of this level ends that covers the key. Keys are asked for in ascending order.
    fn deleted_until(&mut self, user_key: &[u8]) -> Option<Vec<u8>> {
        while self.spans.get(self.passed).is_some_and(|span| span.end.as_slice() <= user_key) {
            self.passed += 1;
        }
        self.spans.get(self.passed).filter(|span| span.start.as_slice() <= user_key).map(|span| span.end.clone())
    }
}
