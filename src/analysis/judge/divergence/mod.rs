//! Whether two stores of a group differ as they may: each difference is explained by the entries between what the two have applied, is one
//! of those that every node may have of its own, or must not be there.

mod finding;
mod log;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::formats::kv::{WrittenKind, WrittenRow, WrittenValue};
use crate::formats::mvcc::StoreKey;
use crate::readers::row_diff::{ComparedRow, RowDifference, SHOWN};
use crate::readers::store_diff::{DiffVisitor, StoreNumbers};
use crate::types::{HlcTimestamp, LogIndex};

pub use finding::{divergence_finding, not_judged};
pub use log::{AppliedLog, Logs, RowWriters, WrittenBy};
use log::{CATALOG, Writers};

/// Bytes that the differences which are kept may take: keys may be a MiB long.
const ROOM: usize = 8 << 20;

/// When a node commits the catalog that it writes into an empty store.
const FIRST_CATALOG: HlcTimestamp = HlcTimestamp(1);
/// The entry that a group begins with, in the snapshot that every node makes for itself: the first one of a log is the next.
const BEFORE_ALL: LogIndex = LogIndex(1);

/// What a difference is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Judged {
    /// No entry explains it, and no node may have it of its own: the stores have diverged.
    Diverged,
    /// It is not known whether it may be there.
    Unknown,
    /// An entry that only one of the two has applied made it.
    Explained,
    /// Every node may have it of its own.
    Expected,
}

/// Why a difference is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Both have applied the entry that should have written it, or no entry did.
    NoEntry,
    /// Its values are sealed and were not opened.
    Sealed,
    /// Not all entries between the two applied indexes are in the logs.
    EntriesMissing,
    /// A store does not say what it has applied.
    AppliedUnknown,
    /// Rows of the writer registry do not move the applied index, and the logs do not have all entries behind it.
    Registry,
    /// A row of the shard catalog that is not of the first one, and the logs begin behind what may have written it.
    CatalogGone,
    /// It must not be there, but one of the stores is damaged, was not read whole, or not as of one moment.
    StoreNotWhole,
    /// An entry that only one has applied.
    Entry,
    /// It was committed after everything that the other has applied, which is behind.
    NewerCommit,
    /// One of the numbers that each store keeps of itself.
    OwnNumber,
    /// A chunk that each node stores for itself, outside of the log.
    OwnChunk,
    /// A row of the first catalog, which each node writes for itself, outside of the log.
    OwnCatalog,
    /// A version that one has removed: a newer one is older than what it retains.
    Retention,
}

impl Reason {
    /// What follows from it.
    pub const fn judged(self) -> Judged {
        match self {
            Self::NoEntry => Judged::Diverged,
            Self::Sealed
            | Self::EntriesMissing
            | Self::AppliedUnknown
            | Self::Registry
            | Self::CatalogGone
            | Self::StoreNotWhole => Judged::Unknown,
            Self::Entry | Self::NewerCommit => Judged::Explained,
            Self::OwnNumber | Self::OwnChunk | Self::OwnCatalog | Self::Retention => Judged::Expected,
        }
    }

    /// The reason in words, for who reads a table.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NoEntry => "no entry that only one has applied wrote them",
            Self::Sealed => "their envelopes differ and were not opened",
            Self::EntriesMissing => "not all entries between the applied indexes are in the logs",
            Self::AppliedUnknown => "a store does not say what it has applied",
            Self::Registry => "rows of the writer registry, of which the applied index says nothing, and the logs begin later",
            Self::CatalogGone => "rows of a later shard catalog, and the logs begin behind what may have written them",
            Self::StoreNotWhole => "one of the stores is damaged, was not read whole, or not as of one moment",
            Self::Entry => "written by entries that only one has applied",
            Self::NewerCommit => "committed after everything that the other has applied",
            Self::OwnNumber => "numbers that each store keeps of itself",
            Self::OwnChunk => "chunks that each node stores for itself, outside of the log",
            Self::OwnCatalog => "the first catalog, which each node writes for itself, outside of the log",
            Self::Retention => "versions that one has removed, older than what it retains",
        }
    }
}

/// Differences of one class of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
pub struct DifferenceSums {
    /// Rows that only the first store has.
    pub only_first: u64,
    /// Rows that only the second store has.
    pub only_second: u64,
    /// Rows of the same key and version with other values.
    pub other_value: u64,
    /// Rows whose envelopes differ and were not opened.
    pub sealed: u64,
    /// How many of all of these an entry explains that only one store has applied.
    pub explained: u64,
    /// How many every node may have of its own.
    pub expected: u64,
    /// How many must not be there.
    pub diverged: u64,
    /// Of how many that is not known.
    pub unknown: u64,
}

impl DifferenceSums {
    /// Adds the sums of another class.
    pub const fn add(&mut self, other: &Self) {
        let Self { only_first, only_second, other_value, sealed, explained, expected, diverged, unknown } = *other;
        self.only_first += only_first;
        self.only_second += only_second;
        self.other_value += other_value;
        self.sealed += sealed;
        self.explained += explained;
        self.expected += expected;
        self.diverged += diverged;
        self.unknown += unknown;
    }

    /// All of them.
    pub const fn total(&self) -> u64 {
        self.only_first + self.only_second + self.other_value + self.sealed
    }
}

/// In which of the stores a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceKind {
    /// Only in the first.
    OnlyFirst,
    /// Only in the second.
    OnlySecond,
    /// In both, with other values.
    OtherValue,
    /// In both, and it is not known whether the values differ.
    Sealed,
}

impl DifferenceKind {
    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OnlyFirst => "only-first",
            Self::OnlySecond => "only-second",
            Self::OtherValue => "other-value",
            Self::Sealed => "sealed",
        }
    }
}

/// A row that differs, kept to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptDifference {
    /// Where it is.
    pub kind: DifferenceKind,
    /// Why that is, or is not, as it should be.
    pub reason: Reason,
    /// The row in the first store.
    pub first: Option<ComparedRow>,
    /// The row in the second store.
    pub second: Option<ComparedRow>,
    /// The last entry that writes it, if the logs have it.
    pub entry: Option<WrittenBy>,
    /// Whether the row of the first store holds what that entry wrote; `None` where that cannot be told.
    pub first_as_written: Option<bool>,
    /// The same of the second.
    pub second_as_written: Option<bool>,
}

impl KeptDifference {
    /// The stored key.
    pub fn key(&self) -> &[u8] {
        self.first.as_ref().or(self.second.as_ref()).map_or(&[], |row| &row.key)
    }
}

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
}

/// Everything that was judged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DivergenceFound {
    /// What the stores say of themselves.
    pub numbers: [StoreNumbers; 2],
    /// Differences by class of keys.
    pub classes: BTreeMap<&'static str, DifferenceSums>,
    /// And by reason.
    pub reasons: BTreeMap<Reason, u64>,
    /// The first of them, those that must not be there before all others.
    pub kept: Vec<KeptDifference>,
    /// The first entry that is missing between the two applied indexes, where one is.
    pub missing_entry: Option<LogIndex>,
}

impl DivergenceFound {
    /// One of the stores is damaged, was not read whole, or not as of one moment: what must not be there may come from that.
    pub fn distrust(&mut self) {
        for sums in self.classes.values_mut() {
            sums.unknown += std::mem::take(&mut sums.diverged);
        }
        if let Some(rows) = self.reasons.remove(&Reason::NoEntry) {
            self.reasons.insert(Reason::StoreNotWhole, rows);
        }
        for difference in self.kept.iter_mut().filter(|difference| difference.reason == Reason::NoEntry) {
            difference.reason = Reason::StoreNotWhole;
        }
    }

    /// All classes together.
    pub fn total(&self) -> DifferenceSums {
        let mut total = DifferenceSums::default();
        self.classes.values().for_each(|sums| total.add(sums));
        total
    }
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
                (None, _) | (_, WrittenValue::NotSaid | WrittenValue::Intent { .. }) => None,
            };
            difference.first_as_written = holds(&difference.first);
            difference.second_as_written = holds(&difference.second);
        });
        let [a, b] = self.numbers.map(|numbers| numbers.applied);
        let missing_entry = a.zip(b).and_then(|(a, b)| self.writers.gap(a.min(b), a.max(b)));
        DivergenceFound { numbers: self.numbers, classes: self.classes, reasons: self.reasons, kept, missing_entry }
    }

    /// Why a row that `having` has is not in `lacking`.
    fn only_one(&mut self, row: &ComparedRow, (having, lacking): (StoreNumbers, StoreNumbers)) -> (Reason, Option<LogIndex>) {
        let written = match StoreKey::of(&row.key) {
            StoreKey::Meta(_) => return (Reason::OwnNumber, None),
            _ if row.space().label() == "s3-chunk-local" => return (Reason::OwnChunk, None),
            _ => WrittenRow::of_stored(&row.key),
        };
        let (Some(has), Some(lacks)) = (having.applied, lacking.applied) else { return (Reason::AppliedUnknown, None) };
        let last = written.and_then(|written| self.writers.last_of(&written, row.is_deletion()));
        if let Some(index) = last.filter(|index| *index > lacks) {
            return (Reason::Entry, Some(index));
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
    fn other_value(&mut self, row: &ComparedRow) -> (Reason, Option<LogIndex>) {
        if matches!(StoreKey::of(&row.key), StoreKey::Meta(_)) {
            return (Reason::OwnNumber, None);
        }
        let [Some(a), Some(b)] = self.numbers.map(|numbers| numbers.applied) else { return (Reason::AppliedUnknown, None) };
        let written = WrittenRow::of_stored(&row.key);
        let last = written.and_then(|written| self.writers.last_of(&written, row.is_deletion()));
        if let Some(index) = last.filter(|index| *index > a.min(b)) {
            return (Reason::Entry, Some(index));
        }
        if let Some(reason) = self.of_its_own(written, a.min(b)) {
            return (reason, last);
        }
        let missing = last.is_none() && self.writers.gap(a.min(b), a.max(b)).is_some();
        (if missing { Reason::EntriesMissing } else { Reason::NoEntry }, last)
    }

    /// Rows that not only entries write, and those of which the applied index says nothing: entries behind it may have been applied, and
    /// have to be known.
    fn of_its_own(&mut self, written: Option<WrittenRow<'_>>, applied: LogIndex) -> Option<Reason> {
        let written = written?;
        if written.kind == WrittenKind::Registry {
            return (!self.writers.begins_behind(applied)).then_some(Reason::Registry);
        }
        if !written.key.starts_with(CATALOG) {
            return None;
        }
        let catalog = self.catalog.get_or_insert_with(|| self.logs.catalog());
        if catalog.last_of(&written, None).is_some() {
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
            RowDifference::Value(row, _) => (DifferenceKind::OtherValue, row, self.other_value(row)),
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
