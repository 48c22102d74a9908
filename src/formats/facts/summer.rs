//! Makes the sums of a log while its entries go by.

use super::runs::{LogSums, Merger, TermRuns};
use crate::types::LogIndex;

/// Takes the sum of each entry of some runs, in order.
#[derive(Debug)]
pub struct Summer {
    made: LogSums,
    /// The pieces that are still to be made, the last one first.
    shape: Vec<(u64, u32)>,
    merger: Merger,
    /// The next entry of the piece that is being made.
    next: u64,
    /// True when something else came than the entries of the runs.
    strayed: bool,
}

impl Summer {
    /// For the entries of `runs`, with `at_most` sums or, where that is less, those of a file of facts.
    pub fn new(runs: &TermRuns, at_most: u64) -> Self {
        let made = LogSums::shaped(runs, at_most);
        let mut shape: Vec<_> = made.shape(runs).collect();
        shape.reverse();
        let next = shape.last().map_or(0, |(first, _)| *first);
        Self { made, shape, merger: Merger::default(), next, strayed: false }
    }

    /// The sums of the entries of `runs`, which are handed over in order with the sum of each. `None` when they are others than those.
    pub fn of(runs: &TermRuns, at_most: u64, entries: impl Iterator<Item = (LogIndex, u64)>) -> Option<LogSums> {
        let mut summer = Self::new(runs, at_most);
        for (index, sum) in entries {
            summer.add(index, sum);
            if summer.strayed {
                return None;
            }
        }
        summer.finish()
    }

    /// The sum of the next entry.
    pub fn add(&mut self, index: LogIndex, sum: u64) {
        let Some(&(first, level)) = self.shape.last().filter(|_| !self.strayed && index.0 == self.next) else {
            self.strayed = true;
            return;
        };
        self.merger.add(0, sum);
        let last = first.saturating_add((1_u64 << level) - 1);
        if index.0 < last {
            self.next = index.0 + 1;
            return;
        }
        match self.merger.take(level) {
            Some(sum) => self.made.sums.push(sum),
            None => self.strayed = true,
        }
        self.shape.pop();
        self.next = self.shape.last().map_or(0, |(first, _)| *first);
    }

    /// The sums; `None` when other entries came than those of the runs.
    pub fn finish(self) -> Option<LogSums> {
        (!self.strayed && self.shape.is_empty()).then_some(self.made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::facts::TermRun;
    use crate::types::Term;

    #[test]
    fn only_the_entries_of_the_runs_make_sums() {
        let run = |first, last, term| TermRun { first: LogIndex(first), last: LogIndex(last), term: Term(term) };
        let runs = TermRuns::of([run(3, 70_000, 1), run(70_002, 70_009, 2)]);
        let entries = || runs.runs().iter().flat_map(|run| run.first.0..=run.last.0).map(LogIndex);
        let made = |at_most, entries: &mut dyn Iterator<Item = LogIndex>| {
            Summer::of(&runs, at_most, entries.map(|index| (index, index.0 + 1)))
        };
        let few = made(0, &mut entries()).unwrap();
        assert!(few.run_level > 0 && few.is_of(&runs));
        let all = made(1 << 20, &mut entries()).unwrap();
        assert!(all.run_level == 0 && all.sums.len() as u64 == runs.count());
        assert_eq!(made(0, &mut entries().skip(1)), None);
        assert_eq!(made(0, &mut entries().filter(|index| index.0 != 500)), None);
        assert_eq!(made(0, &mut entries().take(900)), None);
        assert_eq!(made(0, &mut entries().chain([LogIndex(80_000)])), None);
    }

    /// Sixteen digits each: a file of facts stays below 1 MiB.
    #[test]
    fn a_long_log_has_few_sums() {
        for entries in [1_u64, 24_576, 24_577, 1 << 20, 20_000_000] {
            let run = TermRun { first: LogIndex(17), last: LogIndex(16 + entries), term: Term(1) };
            let sums = Summer::new(&TermRuns::of([run]), 0).shape.len();
            assert!(sums as u64 <= entries.min(24_576 + 4 * 1024), "{entries}: {sums}");
        }
    }
}
