//! Two logs where they overlap: by the terms of their entries, which are exact, and by the sums of their contents.

use std::ops::ControlFlow;

use super::compare::{Compared, walk};
use super::runs::{LogSums, Piece, TermRuns};
use crate::types::{LogIndex, Term, count_work};

/// Consecutive indexes that both hold, each side under one term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Common {
    /// The first of them.
    pub first: LogIndex,
    /// The last of them.
    pub last: LogIndex,
    /// Term of the first log and of the second.
    pub terms: (Term, Term),
}

/// Where two logs overlap, in order.
pub fn overlap(a: &TermRuns, b: &TermRuns) -> Vec<Common> {
    let (mut left, mut right) = (a.runs().iter().peekable(), b.runs().iter().peekable());
    let mut found = Vec::new();
    while let (Some(one), Some(other)) = (left.peek(), right.peek()) {
        count_work(1);
        let (first, last) = (one.first.max(other.first), one.last.min(other.last));
        if first <= last {
            found.push(Common { first, last, terms: (one.term, other.term) });
        }
        if one.last <= other.last {
            left.next();
        } else {
            right.next();
        }
    }
    found
}

/// A log as its terms and the sums of its contents.
#[derive(Debug, Clone, Default)]
pub struct SummedLog {
    /// Its entries by term.
    pub runs: TermRuns,
    /// The sums; fewer than entries, and none where they cannot be compared.
    pieces: Vec<Piece>,
}

/// What two logs do not share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlike {
    /// From this index on the entries are of other terms.
    Terms(LogIndex, (Term, Term)),
    /// At least one of these entries, all of one term on both, has another content.
    Contents(LogIndex, LogIndex, Term),
    /// Whether these have the same contents is not known.
    Apart(LogIndex, LogIndex),
}

impl SummedLog {
    /// The log with these sums; `None` where there are none that can be compared.
    pub fn new(runs: TermRuns, sums: Option<&LogSums>) -> Self {
        let pieces = sums.map(|sums| sums.pieces(&runs)).unwrap_or_default();
        Self { runs, pieces }
    }

    /// Shows where it is not known to be the same as another one, in the order of the indexes, until `visit` breaks off. The work is that of
    /// the runs and pieces of both.
    pub fn unlike(&self, other: &Self, mut visit: impl FnMut(Unlike) -> ControlFlow<()>) -> ControlFlow<()> {
        let (mut ours, mut its) = (self.pieces.as_slice(), other.pieces.as_slice());
        for part in overlap(&self.runs, &other.runs) {
            let (term, its_term) = part.terms;
            if term != its_term {
                visit(Unlike::Terms(part.first, part.terms))?;
                continue;
            }
            // What lies before the part is not looked at again.
            for side in [&mut ours, &mut its] {
                let passed = side.partition_point(|piece| piece.last() < part.first.0);
                *side = side.get(passed..).unwrap_or_default();
            }
            walk([ours, its], part.first, part.last, |seen| match seen {
                Compared::Same(_) => ControlFlow::Continue(()),
                Compared::Differ(first, last) => visit(Unlike::Contents(first, last, term)),
                Compared::Apart(first, last) => visit(Unlike::Apart(first, last)),
            })?;
        }
        ControlFlow::Continue(())
    }
}

/// Entries of two logs of which it is not known whether they are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown {
    /// The first of them.
    pub first: LogIndex,
    /// The last of them; some in between may have been compared.
    pub last: LogIndex,
    /// How many there are.
    pub entries: u64,
}

impl Unknown {
    /// Adds entries behind those that are known.
    pub fn add(known: &mut Option<Self>, first: LogIndex, last: LogIndex) {
        let count = (last.0 - first.0).saturating_add(1);
        match known {
            Some(known) => (known.last, known.entries) = (last, known.entries.saturating_add(count)),
            None => *known = Some(Self { first, last, entries: count }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::runs::TermRun;
    use super::super::summer::Summer;
    use super::*;

    /// A log of runs in which the entries of `odd` have other contents, with so many sums.
    fn log(parts: &[(u64, u64, u64)], odd: &[u64], at_most: u64) -> SummedLog {
        let run = |&(first, last, term)| TermRun { first: LogIndex(first), last: LogIndex(last), term: Term(term) };
        let runs = TermRuns::of(parts.iter().map(run));
        let mut summer = Summer::new(&runs, at_most);
        for (index, term) in runs.runs().iter().flat_map(|run| (run.first.0..=run.last.0).map(|index| (index, run.term.0))) {
            summer.add(LogIndex(index), index << 8 | term << 1 | u64::from(odd.contains(&index)));
        }
        SummedLog::new(runs.clone(), summer.finish().as_ref())
    }

    fn unlike(one: &SummedLog, other: &SummedLog) -> Vec<Unlike> {
        let mut all = Vec::new();
        let _ = one.unlike(other, |unlike| {
            all.push(unlike);
            ControlFlow::Continue(())
        });
        all
    }

    #[test]
    fn terms_are_exact_and_contents_as_exact_as_the_sums() {
        let whole = log(&[(1, 100, 1), (101, 90_000, 2)], &[], 1 << 20);
        assert_eq!(unlike(&whole, &whole.clone()), []);
        let other = log(&[(1, 100, 1), (101, 80_000, 2), (80_001, 80_100, 3)], &[50, 5000], 1 << 20);
        let at = |index, last, term| Unlike::Contents(LogIndex(index), LogIndex(last), Term(term));
        let end = Unlike::Terms(LogIndex(80_001), (Term(2), Term(3)));
        assert_eq!(unlike(&whole, &other), [at(50, 50, 1), at(5000, 5000, 2), end]);
        let few = log(&[(1, 100, 1), (101, 90_000, 2)], &[], 0);
        let found = unlike(&few, &other);
        assert!(
            matches!(found[..2], [Unlike::Contents(a, b, Term(1)), Unlike::Contents(c, d, Term(2))]
            if (a.0..=b.0).contains(&50) && (c.0..=d.0).contains(&5000) && d.0 - c.0 < 8),
            "{found:?}"
        );
        // The run of the one goes on where the other's ends.
        assert!(found[2..].iter().all(|unlike| *unlike == end || matches!(unlike, Unlike::Apart(first, _) if first.0 > 79_990)));
    }

    #[test]
    fn without_sums_nothing_is_the_same() {
        let whole = log(&[(1, 100, 1), (101, 200, 2)], &[], 1 << 20);
        let none = SummedLog::new(whole.runs.clone(), None);
        let apart = [Unlike::Apart(LogIndex(1), LogIndex(100)), Unlike::Apart(LogIndex(101), LogIndex(200))];
        assert_eq!(unlike(&whole, &none), apart);
        let mut unknown = None;
        Unknown::add(&mut unknown, LogIndex(1), LogIndex(100));
        Unknown::add(&mut unknown, LogIndex(150), LogIndex(200));
        assert_eq!(unknown, Some(Unknown { first: LogIndex(1), last: LogIndex(200), entries: 151 }));
    }
}
