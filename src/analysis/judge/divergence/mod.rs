//! Whether two stores of a group differ as they may: each difference is explained by the entries between what the two have applied, is one
//! of those that every node may have of its own, or must not be there.

mod finding;
mod found;
mod log;
mod reason;
mod writers;

use std::collections::BTreeMap;

use crate::formats::kv::{CATALOG_PREFIX, LOCAL_CHUNKS, WrittenKind, WrittenRow, WrittenValue};
use crate::formats::mvcc::StoreKey;
use crate::readers::row_diff::{ComparedRow, RowDifference, SHOWN};
use crate::readers::store_diff::{DiffVisitor, StoreNumbers};
use crate::types::{HlcTimestamp, LogIndex};

pub use finding::{divergence_finding, not_judged};
pub use found::{DifferenceKind, DifferenceSums, DivergenceFound, KeptDifference};
pub use log::{AppliedLog, Logs, RowWriters, WrittenBy};
pub use reason::{Judged, Reason};
use writers::{Writer, Writers};

/// Bytes that the differences which are kept may take: keys may be a MiB long.
const ROOM: usize = 8 << 20;

/// When a node commits the catalog that it writes into an empty store.
pub const FIRST_CATALOG: HlcTimestamp = HlcTimestamp(1);
/// The entry that a group begins with, in the snapshot that every node makes for itself: the first one of a log is the next.
pub const BEFORE_ALL: LogIndex = LogIndex(1);

/// Judges the differences of two stores while they are found.
#[derive(Debug)]
pub struct Divergence<'a> {
    logs: Logs<'a>,
    /// How many are kept of each judgement.
    keep: usize,
    /// Bytes that more of them may take.
    room: usize,
    numbers: [StoreNumbers; 2],
    writers: Writers,
    /// Rows of the catalog that entries wrote, once such a row is met.
    catalog: Option<Writers>,
    classes: BTreeMap<&'static str, DifferenceSums>,
    reasons: BTreeMap<Reason, u64>,
    kept: BTreeMap<Judged, Vec<KeptDifference>>,
    not_held: u64,
}

impl<'a> Divergence<'a> {
    /// Differences are judged by `logs`; at most `keep` of them are kept.
    pub fn new(logs: Logs<'a>, keep: usize) -> Self {
        Self {
            logs,
            keep,
            room: ROOM,
            numbers: [StoreNumbers::default(); 2],
            writers: Writers::default(),
            catalog: None,
            classes: BTreeMap::new(),
            reasons: BTreeMap::new(),
            kept: BTreeMap::new(),
            not_held: 0,
        }
    }

    /// Everything has been seen: finds the entries behind those that are kept.
    pub fn finish(mut self) -> DivergenceFound {
        let mut kept: Vec<_> = std::mem::take(&mut self.kept).into_values().flatten().collect();
        kept.truncate(self.keep);
        let keys: Vec<_> = kept.iter().map(|difference| difference.key().to_vec()).collect();
        let wanted: Vec<_> = keys
            .iter()
            .zip(&kept)
            .map(|(key, difference)| WrittenRow::of_stored(key).filter(|_| difference.reason.judged() != Judged::Expected))
            .collect();
        self.logs.look_for(&wanted, |number, by, value| {
            let Some(difference) = kept.get_mut(number) else { return };
            difference.entry = Some(by);
            let holds = |row: &Option<ComparedRow>| match (row, value) {
                (Some(row), WrittenValue::Bytes(bytes)) => row.holds(Some(bytes)),
                (Some(row), WrittenValue::Deletion) => row.holds(None),
                (None, _) | (_, WrittenValue::NotSaid | WrittenValue::OfIntent { .. } | WrittenValue::Intent { .. }) => None,
            };
            difference.first_as_written = holds(&difference.first);
            difference.second_as_written = holds(&difference.second);
        });
        let [a, b] = self.numbers.map(|numbers| numbers.applied);
        let missing_entry = a.zip(b).and_then(|(a, b)| self.writers.gap(a.min(b), a.max(b)));
        let Self { numbers, classes, reasons, not_held, .. } = self;
        DivergenceFound { numbers, classes, reasons, kept, missing_entry, not_held }
    }

    /// Why a row that `having` has is not in `lacking`.
    fn only_one(&mut self, row: &ComparedRow, (having, lacking): (StoreNumbers, StoreNumbers)) -> (Reason, Option<LogIndex>) {
        let written = match StoreKey::of(&row.key) {
            StoreKey::Meta(_) => return (Reason::OwnNumber, None),
            _ if row.space().label() == LOCAL_CHUNKS => return (Reason::OwnChunk, None),
            _ => WrittenRow::of_stored(&row.key),
        };
        let (Some(has), Some(lacks)) = (having.applied, lacking.applied) else { return (Reason::AppliedUnknown, None) };
        let writer = written.and_then(|written| self.writers.writer_of(&written, row.held()));
        let last = writer.map(|writer| writer.index);
        if let Some(writer) = writer.filter(|writer| writer.index > lacks) {
            return (self.of_entry(writer), last);
        }
        if row.superseded {
            return (Reason::Retention, last);
        }
        let missing = last.is_none() && self.writers.gap(lacks, has).is_some();
        if let Some(reason) = self.of_its_own(written, lacks).filter(|reason| *reason != Reason::CatalogGone || !missing) {
            return (reason, last);
        }
        if missing {
            let is_newer = written.zip(lacking.last_commit).is_some_and(|(written, newest)| written.commit_ts > newest);
            return (if is_newer { Reason::NewerCommit } else { Reason::EntriesMissing }, None);
        }
        (Reason::NoEntry, last)
    }

    /// Why a row has another value in the one than in the other.
    fn other_value(&mut self, rows: [&ComparedRow; 2]) -> (Reason, Option<LogIndex>) {
        let [row, other] = rows;
        if matches!(StoreKey::of(&row.key), StoreKey::Meta(_)) {
            return (Reason::OwnNumber, None);
        }
        let [Some(a), Some(b)] = self.numbers.map(|numbers| numbers.applied) else { return (Reason::AppliedUnknown, None) };
        let written = WrittenRow::of_stored(&row.key);
        // The one that is behind may hold what an older entry wrote.
        let ahead = if a >= b { row } else { other };
        let writer = written.and_then(|written| self.writers.writer_of(&written, ahead.held()));
        let last = writer.map(|writer| writer.index);
        if let Some(writer) = writer.filter(|writer| writer.index > a.min(b)) {
            return (self.of_entry(writer), last);
        }
        if let Some(reason) = self.of_its_own(written, a.min(b)) {
            return (reason, last);
        }
        let missing = last.is_none() && self.writers.gap(a.min(b), a.max(b)).is_some();
        (if missing { Reason::EntriesMissing } else { Reason::NoEntry }, last)
    }

    /// What a row is that an entry writes which only one store has applied.
    fn of_entry(&mut self, writer: Writer) -> Reason {
        match writer.agrees {
            Some(false) => return Reason::NotAsWritten,
            None => self.not_held += 1,
            Some(true) => {}
        }
        Reason::Entry
    }

    /// Rows that not only entries write, and those of which the applied index says nothing: entries behind it may have been applied, and
    /// have to be known.
    fn of_its_own(&mut self, written: Option<WrittenRow<'_>>, applied: LogIndex) -> Option<Reason> {
        let written = written?;
        if written.kind == WrittenKind::Registry {
            return (!self.writers.begins_behind(applied)).then_some(Reason::Registry);
        }
        if !written.key.starts_with(CATALOG_PREFIX) {
            return None;
        }
        let catalog = self.catalog.get_or_insert_with(|| self.logs.catalog());
        if catalog.writes(&written) {
            return None;
        }
        // A node that begins writes its catalog before anything else. What came later an entry wrote, or again the node itself: that there
        // is no such entry is known only where the logs begin with the group.
        let is_first = written.commit_ts == FIRST_CATALOG || catalog.begins_behind(BEFORE_ALL);
        Some(if is_first { Reason::OwnCatalog } else { Reason::CatalogGone })
    }

    fn keep(&mut self, difference: RowDifference<'_>, kind: DifferenceKind, (reason, index): (Reason, Option<LogIndex>)) {
        let kept = self.kept.entry(reason.judged()).or_default();
        let cost = match difference {
            RowDifference::OnlyFirst(row) | RowDifference::OnlySecond(row) => size_of_row(row),
            RowDifference::Value(one, other) | RowDifference::Sealed(one, other) => size_of_row(one) + size_of_row(other),
        };
        // The first of each judgement is kept in any case.
        if kept.len() >= self.keep || (cost > self.room && !kept.is_empty()) {
            return;
        }
        self.room = self.room.saturating_sub(cost);
        let (first, second) = match difference {
            RowDifference::OnlyFirst(row) => (Some(row.clone()), None),
            RowDifference::OnlySecond(row) => (None, Some(row.clone())),
            RowDifference::Value(one, other) | RowDifference::Sealed(one, other) => (Some(one.clone()), Some(other.clone())),
        };
        let entry = index.and_then(|index| Some(WrittenBy { index, term: self.logs.term_at(index)? }));
        let (first_as_written, second_as_written) = (None, None);
        kept.push(KeptDifference { kind, reason, first, second, entry, first_as_written, second_as_written });
    }
}

const fn size_of_row(row: &ComparedRow) -> usize {
    size_of::<ComparedRow>() + row.key.len() + SHOWN
}

impl DiffVisitor for Divergence<'_> {
    fn begin(&mut self, numbers: &[StoreNumbers; 2]) {
        self.numbers = *numbers;
        let [a, b] = numbers.map(|numbers| numbers.applied.unwrap_or_default());
        if b > a {
            // What the one that is ahead has applied is committed; the other's log may end in entries that are not.
            self.logs.reverse();
        }
        self.writers = self.logs.writers(a.min(b));
    }

    fn differs(&mut self, difference: RowDifference<'_>) {
        let [a, b] = self.numbers;
        let (kind, row, found) = match difference {
            RowDifference::OnlyFirst(row) => (DifferenceKind::OnlyFirst, row, self.only_one(row, (a, b))),
            RowDifference::OnlySecond(row) => (DifferenceKind::OnlySecond, row, self.only_one(row, (b, a))),
            RowDifference::Value(row, other) => (DifferenceKind::OtherValue, row, self.other_value([row, other])),
            RowDifference::Sealed(row, _) => (DifferenceKind::Sealed, row, (Reason::Sealed, None)),
        };
        let sums = self.classes.entry(row.space().label()).or_default();
        *match kind {
            DifferenceKind::OnlyFirst => &mut sums.only_first,
            DifferenceKind::OnlySecond => &mut sums.only_second,
            DifferenceKind::OtherValue => &mut sums.other_value,
            DifferenceKind::Sealed => &mut sums.sealed,
        } += 1;
        *match found.0.judged() {
            Judged::Diverged => &mut sums.diverged,
            Judged::Unknown => &mut sums.unknown,
            Judged::Explained => &mut sums.explained,
            Judged::Expected => &mut sums.expected,
        } += 1;
        *self.reasons.entry(found.0).or_default() += 1;
        self.keep(difference, kind, found);
    }
}
