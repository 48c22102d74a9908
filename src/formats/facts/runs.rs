//! Sums over the entries of a log, in runs whose places do not depend on where the log begins.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::formats::raftpb::EntryType;
use crate::types::{LogIndex, Sha256Sum, Term, count_work};

/// Consecutive entries of one term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct TermRun {
    /// First entry.
    pub first: LogIndex,
    /// Last entry.
    pub last: LogIndex,
    /// Term of them all.
    pub term: Term,
}

/// The entries of a log by term, in the order of their indexes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct TermRuns(Vec<TermRun>);

impl TermRuns {
    /// Of ranges in the order of their indexes; neighbours of one term become one run. What is not in order is left out.
    pub fn of(ranges: impl IntoIterator<Item = TermRun>) -> Self {
        let mut runs = Self::default();
        for range in ranges {
            runs.push(range);
        }
        runs
    }

    fn push(&mut self, range: TermRun) {
        match self.0.last_mut() {
            _ if range.last < range.first => {}
            Some(last) if range.first <= last.last => {}
            Some(last) if last.term == range.term && last.last.next() == Some(range.first) => last.last = range.last,
            _ => self.0.push(range),
        }
    }

    /// True when they stand in order and none is empty, as [`TermRuns::of`] makes them.
    pub fn is_in_order(&self) -> bool {
        self.0.iter().all(|run| run.first <= run.last)
            && self.0.iter().zip(self.0.iter().skip(1)).all(|(one, next)| one.last < next.first)
    }

    /// The runs.
    pub fn runs(&self) -> &[TermRun] {
        &self.0
    }

    /// Number of entries.
    pub fn count(&self) -> u64 {
        self.0.iter().map(TermRun::count).fold(0, u64::saturating_add)
    }

    /// Term of the entry at `index`.
    pub fn term_at(&self, index: LogIndex) -> Option<Term> {
        let at = self.0.partition_point(|run| {
            count_work(1);
            run.last < index
        });
        self.0.get(at).filter(|run| run.first <= index).map(|run| run.term)
    }

    /// Number of entries from `first` to `last`, both included.
    pub fn count_within(&self, first: LogIndex, last: LogIndex) -> u64 {
        let clipped = self.0.iter().filter_map(|run| {
            let (from, to) = (run.first.max(first), run.last.min(last));
            (from <= to).then(|| TermRun { first: from, last: to, ..*run }.count())
        });
        clipped.fold(0, u64::saturating_add)
    }
}

impl TermRun {
    /// Number of entries; at most `u64::MAX`.
    pub const fn count(&self) -> u64 {
        (self.last.0 - self.first.0).saturating_add(1)
    }
}

/// What is mixed into every sum. Two files compare when they were made with the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Salt(Sha256Sum);

impl Default for Salt {
    /// The one that everybody knows.
    fn default() -> Self {
        Self::of(b"")
    }
}

impl Salt {
    /// Made of the bytes of a file that is the same on every node.
    pub fn of(secret: &[u8]) -> Self {
        let mut sum = Sha256::new_with_prefix(b"ekv-tool facts salt\0");
        sum.update(secret);
        Self(Sha256Sum(sum.finalize().into()))
    }

    /// Tells one salt from another, without telling the salt.
    pub fn name(&self) -> String {
        let mut sum = Sha256::new_with_prefix(b"ekv-tool facts salt name\0");
        sum.update(self.0.0);
        Sha256Sum(sum.finalize().into()).to_string()[..16].to_owned()
    }

    /// Sum of one entry, of its index, term and kind and of its data; 0 for a normal entry without data, which every leader writes first.
    pub fn of_entry(&self, index: LogIndex, term: Term, kind: EntryType, data: &[u8]) -> u64 {
        if data.is_empty() && kind == EntryType::Normal {
            return 0;
        }
        let mut sum = self.begin(b"entry");
        sum.update(index.0.to_be_bytes());
        sum.update(term.0.to_be_bytes());
        sum.update(kind.number().to_be_bytes());
        sum.update(data);
        short(sum)
    }

    /// Sum of an entry of hashicorp/raft, of its index, term and type and of what it carries. The time at which it was appended is the
    /// member's own, and so is the form in which it is written.
    pub fn of_hashicorp_entry(&self, index: LogIndex, term: Term, kind: u8, data: &[u8], extensions: &[u8]) -> u64 {
        let mut sum = self.begin(b"hashicorp entry");
        sum.update(index.0.to_be_bytes());
        sum.update(term.0.to_be_bytes());
        sum.update([kind]);
        sum.update((data.len() as u64).to_be_bytes());
        sum.update(data);
        sum.update(extensions);
        short(sum)
    }

    /// Sum of a text that is not shown.
    pub fn of_text(&self, text: &[u8]) -> u64 {
        let mut sum = self.begin(b"text");
        sum.update(text);
        short(sum)
    }

    /// A sum that stands for another one, which cannot be had from it without the salt.
    pub fn of_sum(&self, sum: u64) -> u64 {
        let mut mixed = self.begin(b"sum");
        mixed.update(sum.to_be_bytes());
        short(mixed)
    }

    /// Begins a sum over something of this kind.
    pub(super) fn begin(&self, kind: &[u8]) -> Sha256 {
        let mut sum = Sha256::new_with_prefix(self.0.0);
        sum.update(kind);
        sum
    }
}

/// The first eight bytes, of which 0 has a meaning of its own.
pub(super) fn short(sum: Sha256) -> u64 {
    let digest: [u8; 32] = sum.finalize().into();
    digest.first_chunk().map_or(1, |first| u64::from_be_bytes(*first).max(1))
}

/// Sum of two halves of a run.
fn combine(first: u64, second: u64) -> u64 {
    if first == 0 && second == 0 {
        return 0;
    }
    let mut sum = Sha256::new_with_prefix(b"ekv-tool facts run\0");
    sum.update(first.to_be_bytes());
    sum.update(second.to_be_bytes());
    short(sum)
}

/// Makes the sum of a run of those of its parts, which are handed over in order.
#[derive(Debug, Clone, Default)]
pub struct Merger(Vec<(u32, u64)>);

impl Merger {
    /// Adds the part of `2^level` entries.
    pub fn add(&mut self, mut level: u32, mut sum: u64) {
        while let Some((_, before)) = self.0.pop_if(|(known, _)| *known == level) {
            sum = combine(before, sum);
            level += 1;
        }
        self.0.push((level, sum));
    }

    /// The sum, when the parts make up `2^level` entries.
    pub fn take(&mut self, level: u32) -> Option<u64> {
        let whole = match self.0.as_slice() {
            [(known, sum)] if *known == level => Some(*sum),
            _ => None,
        };
        self.0.clear();
        whole
    }
}

/// A part of a log that has one sum: `2^level` entries from a multiple of that on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// First entry.
    pub first: u64,
    /// Its length as a power of two.
    pub level: u32,
    /// The sum.
    pub sum: u64,
}

impl Piece {
    /// Last entry.
    pub const fn last(&self) -> u64 {
        self.first.saturating_add((1 << self.level) - 1)
    }
}

/// The sums of a log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LogSums {
    /// The longest run that has one sum is two to the power of this.
    pub run_level: u32,
    /// From this index on every entry has a sum of its own.
    pub single_from: LogIndex,
    /// The sums, sixteen hex digits each. Each run of one term is cut into the longest pieces that begin at a multiple of their length.
    #[serde(with = "super::text")]
    #[schemars(with = "String")]
    pub sums: Vec<u64>,
}

/// Sums of runs of a log, at most; then come those of single entries.
const RUNS: u64 = 24 << 10;
/// Entries at the end of a log that have a sum of their own, at least.
const SINGLE: u64 = 1 << 10;
/// Longest runs as a power of two: no log has as many entries.
const MAX_LEVEL: u32 = 62;

impl LogSums {
    /// Which pieces there are for the entries of `runs`: `at_most` runs, or as many as a file of facts has where that is more.
    pub(super) fn shaped(runs: &TermRuns, at_most: u64) -> Self {
        let last = runs.runs().last().map_or(0, |run| run.last.0);
        let mut made = Self { run_level: level_of(runs.count(), at_most.max(RUNS)), ..Self::default() };
        let end = last.saturating_sub(SINGLE) >> made.run_level << made.run_level;
        made.single_from = LogIndex(if made.run_level == 0 { 0 } else { end });
        made
    }

    /// First entry and length, as a power of two, of each piece of `runs`.
    pub(super) fn shape<'r>(&self, runs: &'r TermRuns) -> impl Iterator<Item = (u64, u32)> + use<'r> {
        let (run_level, single_from) = (self.run_level.min(MAX_LEVEL), self.single_from.0);
        runs.runs().iter().flat_map(move |run| {
            let mut next = Some(run.first.0);
            std::iter::from_fn(move || {
                let first = next.filter(|first| *first <= run.last.0)?;
                let most = if first < single_from { run_level } else { 0 };
                let aligned = if first == 0 { most } else { first.trailing_zeros() };
                // As many as are left, one more than the distance.
                let left = (run.last.0 - first).checked_add(1).map_or(MAX_LEVEL, u64::ilog2);
                let level = most.min(aligned).min(left);
                next = first.checked_add(1 << level);
                Some((first, level))
            })
        })
    }

    /// The pieces of `runs` with their sums; as many as there are sums.
    pub fn pieces(&self, runs: &TermRuns) -> Vec<Piece> {
        let shape = self.shape(runs).zip(&self.sums);
        shape.map(|((first, level), sum)| Piece { first, level, sum: *sum }).collect()
    }

    /// True when there is one sum for each piece of `runs`.
    pub fn is_of(&self, runs: &TermRuns) -> bool {
        self.run_level <= MAX_LEVEL && self.shape(runs).take(self.sums.len() + 1).count() == self.sums.len()
    }
}

/// The shortest runs of which a log of so many entries has few enough.
fn level_of(entries: u64, at_most: u64) -> u32 {
    entries.div_ceil(at_most.max(1)).max(1).next_power_of_two().ilog2()
}

#[cfg(test)]
mod tests {
    use super::super::summer::Summer;
    use super::*;

    pub(crate) fn runs(parts: &[(u64, u64, u64)]) -> TermRuns {
        TermRuns::of(parts.iter().map(|&(first, last, term)| TermRun {
            first: LogIndex(first),
            last: LogIndex(last),
            term: Term(term),
        }))
    }

    fn sums(runs: &TermRuns) -> LogSums {
        let salt = Salt::default();
        let of = |run: &TermRun| {
            let term = run.term;
            (run.first.0..=run.last.0)
                .map(move |index| (LogIndex(index), salt.of_entry(LogIndex(index), term, EntryType::Normal, b"x")))
        };
        Summer::of(runs, 0, runs.runs().iter().flat_map(of)).unwrap()
    }

    #[test]
    fn neighbours_of_one_term_are_one_run() {
        let known = runs(&[(1, 4, 1), (5, 9, 1), (11, 12, 1), (12, 20, 2), (13, 15, 2)]);
        assert_eq!(known, runs(&[(1, 9, 1), (11, 12, 1), (13, 15, 2)]));
        assert!(known.is_in_order() && known.count() == 14);
        assert_eq!((known.term_at(LogIndex(10)), known.term_at(LogIndex(12))), (None, Some(Term(1))));
        assert_eq!(known.count_within(LogIndex(9), LogIndex(13)), 4);
    }

    #[test]
    fn a_small_log_has_a_sum_per_entry_and_a_large_one_few() {
        let small = runs(&[(7, 300, 2)]);
        let made = sums(&small);
        assert!(made.run_level == 0 && made.sums.len() == 294 && made.is_of(&small));
        let large = runs(&[(1, 100_000, 1), (100_001, 400_000, 3)]);
        let made = sums(&large);
        assert_eq!(made.run_level, 5);
        assert!(made.is_of(&large) && made.sums.len() < 14_000, "{}", made.sums.len());
        let pieces = made.pieces(&large);
        assert!(pieces.iter().all(|piece| piece.first % (1 << piece.level) == 0));
        assert!(pieces.windows(2).all(|pair| pair[0].last() + 1 == pair[1].first));
        assert!(pieces.iter().rev().take(1024).all(|piece| piece.level == 0));
    }

    #[test]
    fn the_sum_of_a_run_is_that_of_its_parts() {
        let (mut all, mut parts) = (Merger::default(), Merger::default());
        (1..=8).for_each(|sum| all.add(0, sum));
        let mut quarter = |sums: [u64; 2]| {
            let mut merger = Merger::default();
            for sum in sums {
                merger.add(0, sum);
            }
            parts.add(1, merger.take(1).unwrap());
        };
        [[1, 2], [3, 4], [5, 6], [7, 8]].into_iter().for_each(&mut quarter);
        let whole = all.take(3);
        assert!(whole.is_some() && parts.take(3) == whole);
        assert_eq!(Merger::default().take(0), None);
    }

    #[test]
    fn claims_of_endless_logs_cost_nothing() {
        let endless = runs(&[(0, u64::MAX, 1)]);
        for run_level in [0, 5, 63, u32::MAX] {
            let claimed = LogSums { run_level, single_from: LogIndex(u64::MAX), sums: vec![1, 2, 3] };
            assert!(claimed.pieces(&endless).len() <= 3);
            assert!(!claimed.is_of(&endless) || run_level == 63 || run_level <= MAX_LEVEL);
        }
    }

    #[test]
    fn sums_hide_what_they_are_of_and_tell_entries_apart() {
        let (plain, salted) = (Salt::default(), Salt::of(b"secret"));
        let of = |salt: &Salt, index, data: &[u8]| salt.of_entry(LogIndex(index), Term(1), EntryType::Normal, data);
        assert_ne!(of(&plain, 1, b"x"), of(&salted, 1, b"x"));
        assert_ne!(of(&plain, 1, b"x"), of(&plain, 2, b"x"), "equal values at two indexes do not look equal");
        assert_eq!((of(&plain, 1, b""), of(&salted, 9, b"")), (0, 0));
        assert_ne!(plain.name(), salted.name());
        assert_eq!(salted.name(), Salt::of(b"secret").name());
    }
}
