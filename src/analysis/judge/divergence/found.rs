//! What was judged, counted and kept.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Judged, Reason, WrittenBy};
use crate::readers::row_diff::ComparedRow;
use crate::readers::store_diff::StoreNumbers;
use crate::types::LogIndex;

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
    /// Rows that an entry explains, and whose value could not be held against what that writes.
    pub not_held: u64,
}

impl DivergenceFound {
    /// One of the stores is damaged, was not read whole, or not as of one moment: what must not be there may come from that.
    pub fn distrust(&mut self) {
        for sums in self.classes.values_mut() {
            sums.unknown += std::mem::take(&mut sums.diverged);
        }
        let doubted = |reason: Reason| reason.judged() == Judged::Diverged;
        let rows: u64 = self.reasons.iter().filter(|(reason, _)| doubted(**reason)).map(|(_, rows)| rows).sum();
        self.reasons.retain(|reason, _| !doubted(*reason));
        if rows > 0 {
            self.reasons.insert(Reason::StoreNotWhole, rows);
        }
        for difference in self.kept.iter_mut().filter(|difference| doubted(difference.reason)) {
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
