//! The newest state of every key of a store, in order.
//!
//! Logs, level 0, each deeper level and tables that the logs add are sorted runs; a [`Scan`] merges them and applies
//! deletions, range deletions and merges as a lookup would. Tables of the deeper levels are opened one at a time, so that
//! memory does not grow with the store.

mod hidden;
mod leaping;
mod range;
mod source;
mod walk;

use std::cmp::Ordering;

use crate::error::Result;
use crate::formats::pebble::version_edit::LEVELS;
use crate::formats::pebble::{FileNum, InternalKey, KeyKind, NewTable, SeqNum, Trailer};
use crate::readers::pebble::{Source, Store, TableDamage};
use crate::readers::pebble_table::{OwnedRangeDel, TableFailure, TableView};
use crate::types::beside;

pub use leaping::first_met;
pub use range::KeyRange;
pub use walk::{Live, ScanOutcome, Step, walk, walk_open, walk_ranges, walk_views};

use hidden::Hidden;
use source::{Run, read_ahead, replaced_suffix};

/// Rank of the logs; tables that logs add share it, because their order among each other is their numbers' alone.
const LOG_RANK: usize = 0;
/// Rank of all tables of level 0. Level n below has rank n + 1.
const LEVEL_0_RANK: usize = 1;

/// Walks the live keys of a store forward.
pub struct Scan<'s> {
    runs: Vec<Run<'s>>,
    /// Bytes of memory that their blocks take.
    held: u64,
    /// Indexes of the runs that stand at a record, a binary heap with the smallest internal key on top.
    heap: Vec<usize>,
    hidden: Hidden,
    /// Records from here on are not seen, as a start does not see them.
    next_seq: SeqNum,
    key: Vec<u8>,
    /// The last key that was handed out.
    last_live: Vec<u8>,
    value: Vec<u8>,
    trailer: Trailer,
    place: Option<Source>,
    operands: Vec<Vec<u8>>,
    stats: ScanStats,
}

/// What a scan passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScanStats {
    /// Records of any kind and age.
    pub records: u64,
    /// Keys with any record.
    pub keys: u64,
    /// Keys that have a value.
    pub live: u64,
    /// Keys of which an older record lies above a newer one; a lookup would not find the newest.
    pub misplaced: u64,
    /// Stored bytes of the data blocks read.
    pub table_bytes: u64,
    /// How many data blocks these are; one that is read again counts again.
    pub blocks: u64,
}

impl ScanStats {
    /// Adds what another scan passed.
    pub const fn add(&mut self, other: Self) {
        let Self { records, keys, live, misplaced, table_bytes, blocks } = other;
        self.records += records;
        self.keys += keys;
        self.live += live;
        self.misplaced += misplaced;
        self.table_bytes += table_bytes;
        self.blocks += blocks;
    }
}

/// Result of a step of a scan.
pub type ScanResult<T> = std::result::Result<T, ScanFailure>;

/// Why a scan ended before its end.
#[derive(Debug)]
pub enum ScanFailure {
    /// A table cannot be read from here on; what follows would not be the newest state.
    Damage(TableDamage),
    /// The system refused.
    Error(crate::Error),
}

impl<'s> Scan<'s> {
    /// A scan of all keys at or behind `from`.
    pub fn new(store: &'s Store, from: &'s [u8]) -> ScanResult<Self> {
        Self::within(store, from, None)
    }

    /// A scan of the keys at or behind `from` of which those before `end` are wanted: tables that hold none of these are not opened.
    pub fn within(store: &'s Store, from: &'s [u8], end: Option<&[u8]>) -> ScanResult<Self> {
        let admits = |table: &NewTable| {
            table.points.as_ref().is_some_and(|points| {
                let begins_before = end.is_none_or(|end| points.smallest.user_key.as_slice() < end);
                begins_before && points.largest.user_key.as_slice() >= from
            })
        };
        let next_seq = store.facts.next_seq;
        let mut hidden = Hidden::new(next_seq);
        for range in &store.memory.ranges {
            hidden.add(OwnedRangeDel { start: range.start.clone(), end: range.end.clone(), seq: range.seq });
        }
        let mut runs = vec![Run::memory(store, from, LOG_RANK)];
        let of_level_0 = store.version().map_or(0, |version| version.level_0_newest_first().len());
        let from_ahead = (from, read_ahead(store.memory.ingested.len() + of_level_0 + LEVELS));
        // Every table that lies above others stays open to the end of the scan, with one block of each.
        let mut held = 0;
        for ingested in &store.memory.ingested {
            let view = TableView { seq_override: Some(ingested.seq), ..TableView::default() };
            let run = beside(held, || Run::table(store, ingested.table, None, view, from_ahead, LOG_RANK, &mut hidden));
            runs.push(run.map_err(failed)?);
            held += runs.last().map_or(0, Run::held);
        }
        if let Some(version) = store.version() {
            for table in version.level_0_newest_first() {
                if !admits(table) {
                    continue;
                }
                let Some(view) = TableView::of(table) else {
                    return Err(failed((table.file(), Some(0), replaced_suffix().into())));
                };
                let run = beside(held, || Run::table(store, table.file(), Some(0), view, from_ahead, LEVEL_0_RANK, &mut hidden));
                runs.push(run.map_err(failed)?);
                held += runs.last().map_or(0, Run::held);
            }
            for level in 1..LEVELS {
                let tables: Vec<_> = version.level_by_key(level).into_iter().filter(|table| admits(table)).collect();
                if !tables.is_empty() {
                    runs.push(Run::level(store, level, tables, from_ahead, LEVEL_0_RANK + level));
                }
            }
        }
        let mut scan = Self {
            runs,
            held,
            heap: Vec::new(),
            hidden,
            next_seq,
            key: Vec::new(),
            last_live: Vec::new(),
            value: Vec::new(),
            trailer: Trailer(0),
            place: None,
            operands: Vec::new(),
            stats: ScanStats::default(),
        };
        for index in 0..scan.runs.len() {
            if scan.advance(index)? {
                scan.heap.push(index);
            }
        }
        for at in (0..scan.heap.len() / 2).rev() {
            scan.sift_down(at);
        }
        Ok(scan)
    }

    /// Moves to the next key that has a value; false at the end.
    #[expect(clippy::should_implement_trait, reason = "the entry is lent, which `Iterator` cannot say")]
    pub fn next(&mut self) -> ScanResult<bool> {
        while let Some(&top) = self.heap.first() {
            self.key.clear();
            self.key.extend_from_slice(self.runs[top].user_key());
            self.stats.keys += 1;
            if self.resolve()? {
                self.stats.live += 1;
                self.last_live.clear();
                self.last_live.extend_from_slice(&self.key);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes all records of the present key; true if it has a value.
    fn resolve(&mut self) -> ScanResult<bool> {
        let hidden_below = self.hidden.below(&self.key);
        let mut state = State::Open;
        self.operands.clear();
        let mut deepest = 0;
        let mut misplaced = false;
        while let Some(&top) = self.heap.first() {
            let run = &mut self.runs[top];
            if run.user_key() != self.key.as_slice() {
                break;
            }
            self.stats.records += 1;
            // Records come newest first, so they must come from ever deeper places.
            misplaced |= run.rank < deepest;
            deepest = deepest.max(run.rank);
            if state == State::Open && run.trailer().seq() < self.next_seq {
                let others = self.held.saturating_sub(run.held());
                let (operands, value, newest) = (&mut self.operands, &mut self.value, (&mut self.trailer, &mut self.place));
                state = beside(others, || Self::take(run, hidden_below, operands, value, newest))?;
                self.held = others.saturating_add(run.held());
            }
            if self.advance(top)? {
                self.sift_down(0);
            } else {
                let last = self.heap.len() - 1;
                self.heap.swap(0, last);
                self.heap.truncate(last);
                self.sift_down(0);
            }
        }
        self.stats.misplaced += u64::from(misplaced);
        if !self.operands.is_empty() {
            if state != State::Value {
                self.value.clear();
            }
            for operand in self.operands.drain(..).rev() {
                self.value.extend_from_slice(&operand);
            }
            return Ok(true);
        }
        Ok(state == State::Value)
    }

    /// Applies one record, newer ones having left the key open.
    fn take(
        run: &mut Run<'_>,
        hidden_below: Option<SeqNum>,
        operands: &mut Vec<Vec<u8>>,
        value: &mut Vec<u8>,
        (trailer, place): (&mut Trailer, &mut Option<Source>),
    ) -> ScanResult<State> {
        let seen = run.trailer();
        // Strictly greater hides; equal does not.
        if hidden_below.is_some_and(|seq| seq > seen.seq()) {
            return Ok(State::Gone);
        }
        let (file, level, standing) = (run.file.unwrap_or_default(), run.level, run.source());
        let mut read =
            || -> ScanResult<Vec<u8>> { run.value().map(<[u8]>::to_vec).map_err(|failure| failed((file, level, failure))) };
        match seen.kind() {
            Some(KeyKind::Set | KeyKind::SetWithDelete) => {
                if operands.is_empty() {
                    (*trailer, *place) = (seen, standing);
                }
                value.clear();
                value.extend_from_slice(run.value().map_err(|failure| failed((file, level, failure)))?);
                Ok(State::Value)
            }
            Some(KeyKind::Merge) => {
                if operands.is_empty() {
                    (*trailer, *place) = (seen, standing);
                }
                operands.push(read()?);
                Ok(State::Open)
            }
            _ => Ok(State::Gone),
        }
    }

    fn advance(&mut self, index: usize) -> ScanResult<bool> {
        let run = &mut self.runs[index];
        let others = self.held.saturating_sub(run.held());
        let moved = beside(others, || run.next(&mut self.hidden));
        self.held = others.saturating_add(run.held());
        moved.map_err(|failure| failed((run.file.unwrap_or_default(), run.level, failure)))
    }

    fn order(&self, a: usize, b: usize) -> Ordering {
        let (a, b) = (&self.runs[a], &self.runs[b]);
        let key = |run: &Run<'_>| run.trailer();
        let of = |run| InternalKey { user_key: Run::user_key(run), trailer: key(run) };
        of(a).cmp(&of(b)).then(a.rank.cmp(&b.rank))
    }

    fn sift_down(&mut self, mut at: usize) {
        loop {
            let left = 2 * at + 1;
            if left >= self.heap.len() {
                return;
            }
            let right = left + 1;
            let smaller = if right < self.heap.len() && self.order(self.heap[right], self.heap[left]) == Ordering::Less {
                right
            } else {
                left
            };
            if self.order(self.heap[smaller], self.heap[at]) != Ordering::Less {
                return;
            }
            self.heap.swap(at, smaller);
            at = smaller;
        }
    }

    /// The present key.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The last key that had a value; empty before the first.
    pub fn last_live(&self) -> &[u8] {
        &self.last_live
    }

    /// Its value; merged operands are joined, oldest first.
    pub fn value(&self) -> &[u8] {
        &self.value
    }

    /// The newest record that the value comes from.
    pub const fn trailer(&self) -> Trailer {
        self.trailer
    }

    /// Where that record stands.
    pub const fn place(&self) -> Option<Source> {
        self.place
    }

    /// What has been passed so far.
    pub fn stats(&self) -> ScanStats {
        let mut stats = self.stats;
        for (blocks, bytes) in self.runs.iter().map(Run::read) {
            stats.blocks += blocks;
            stats.table_bytes += bytes;
        }
        stats
    }

    /// Keys with a value passed so far.
    pub const fn live(&self) -> u64 {
        self.stats.live
    }
}

/// What the records of a key seen so far say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Older records count.
    Open,
    /// It has a value.
    Value,
    /// It is deleted or hidden.
    Gone,
}

fn failed((file, level, failure): (FileNum, Option<usize>, TableFailure)) -> ScanFailure {
    match failure {
        TableFailure::Error(error @ crate::Error::Interrupted) => ScanFailure::Error(error),
        failure => ScanFailure::Damage(TableDamage::new(file, level, failure)),
    }
}

/// Separates damage from what the system refused.
pub fn separate<T>(result: ScanResult<T>) -> Result<std::result::Result<T, TableDamage>> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(ScanFailure::Damage(damage)) => Ok(Err(damage)),
        Err(ScanFailure::Error(error)) => Err(error),
    }
}
