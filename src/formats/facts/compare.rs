//! Two logs by their sums.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use super::runs::{Merger, Piece};
use crate::types::{LogIndex, count_work};

/// What the sums say of some consecutive entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// They are the same; true when any of them has data.
    Same(bool),
    /// At least one of these is not the same.
    Differ(LogIndex, LogIndex),
    /// These have no sum on both sides: a longer run of one log begins or ends in them on the other.
    Apart(LogIndex, LogIndex),
}

/// Holds two logs against each other from `first` to `last`, which both have, and shows what is found in the order of the indexes until
/// `visit` breaks off. The work is that of the pieces in between.
pub fn walk(
    [a, b]: [&[Piece]; 2],
    first: LogIndex,
    last: LogIndex,
    mut visit: impl FnMut(Compared) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let from = |pieces: &[Piece]| pieces.partition_point(|piece| piece.last() < first.0);
    let (mut a, mut b) = (a.get(from(a)..).unwrap_or_default(), b.get(from(b)..).unwrap_or_default());
    let mut at = first.0;
    while at <= last.0 {
        count_work(1);
        let (step, end) = match (a.first(), b.first()) {
            (Some(one), Some(other)) => together(a, b, one, other, at, last.0),
            _ => (Compared::Apart(LogIndex(at), last), last.0),
        };
        visit(step)?;
        let Some(next) = end.checked_add(1) else { break };
        at = next;
        for side in [&mut a, &mut b] {
            while side.first().is_some_and(|piece| piece.last() < at) {
                count_work(1);
                *side = side.get(1..).unwrap_or_default();
            }
        }
    }
    ControlFlow::Continue(())
}

/// Compares what begins at `at`; also tells the last entry that this is about.
fn together(a: &[Piece], b: &[Piece], one: &Piece, other: &Piece, at: u64, last: u64) -> (Compared, u64) {
    let is_whole = |piece: &Piece| piece.first == at && piece.last() <= last;
    if !is_whole(one) || !is_whole(other) {
        let cut = [one, other].into_iter().filter(|piece| !is_whole(piece));
        // One that begins later says nothing about what is before it.
        let end = cut.map(|piece| if piece.first > at { piece.first - 1 } else { piece.last() }).max().unwrap_or(last).min(last);
        return (Compared::Apart(LogIndex(at), LogIndex(end)), end);
    }
    let (sums, end) = match one.level.cmp(&other.level) {
        Ordering::Equal => (Some((one.sum, other.sum)), one.last()),
        Ordering::Less => (merged(a, other).map(|sum| (sum, other.sum)), other.last()),
        Ordering::Greater => (merged(b, one).map(|sum| (one.sum, sum)), one.last()),
    };
    let compared = match sums {
        Some((one, other)) if one == other => Compared::Same(one != 0),
        Some(_) => Compared::Differ(LogIndex(at), LogIndex(end)),
        None => Compared::Apart(LogIndex(at), LogIndex(end)),
    };
    (compared, end)
}

/// The sum of the pieces that make up `run`.
fn merged(pieces: &[Piece], run: &Piece) -> Option<u64> {
    let (mut merger, mut next) = (Merger::default(), run.first);
    for piece in pieces.iter().take_while(|piece| piece.last() <= run.last()) {
        count_work(1);
        if piece.first != next {
            return None;
        }
        merger.add(piece.level, piece.sum);
        next = piece.last().saturating_add(1);
    }
    merger.take(run.level)
}

#[cfg(test)]
mod tests {
    use super::super::runs::{LogSums, Salt, TermRun, TermRuns};
    use super::*;
    use crate::formats::raftpb::EntryType;
    use crate::types::{Term, work_counted};

    /// The pieces of a log of one term in which the entries of `odd` have other data.
    fn log(first: u64, last: u64, level: u32, odd: &[u64]) -> Vec<Piece> {
        let runs = TermRuns::of([TermRun { first: LogIndex(first), last: LogIndex(last), term: Term(1) }]);
        let salt = Salt::default();
        let data = |index| if odd.contains(&index) { &b"other"[..] } else { b"x" };
        let sum = |index| salt.of_entry(LogIndex(index), Term(1), EntryType::Normal, data(index));
        let shape = LogSums {
            run_level: level,
            single_from: LogIndex(last.saturating_sub(100) >> level << level),
            sums: vec![0; 1 << 20],
        };
        let mut merger = Merger::default();
        let made = shape.pieces(&runs).into_iter().map(|piece| {
            (piece.first..=piece.last()).for_each(|index| merger.add(0, sum(index)));
            Piece { sum: merger.take(piece.level).unwrap(), ..piece }
        });
        made.collect()
    }

    fn seen(a: &[Piece], b: &[Piece], first: u64, last: u64) -> Vec<Compared> {
        let mut all = Vec::new();
        let _ = walk([a, b], LogIndex(first), LogIndex(last), |seen| {
            all.push(seen);
            ControlFlow::Continue(())
        });
        all.retain(|seen| !matches!(seen, Compared::Same(true)));
        all
    }

    #[test]
    fn logs_of_any_shape_meet() {
        for (one, other) in [(0, 0), (0, 4), (3, 5), (5, 5), (6, 1)] {
            let (a, b) = (log(1, 5000, one, &[]), log(1, 5000, other, &[]));
            assert_eq!(seen(&a, &b, 1, 5000), []);
            let b = log(1, 5000, other, &[1234]);
            let [Compared::Differ(first, last)] = seen(&a, &b, 1, 5000)[..] else { panic!("one place") };
            assert!(first.0 <= 1234 && last.0 >= 1234 && last.0 - first.0 < 1 << one.max(other));
            // At the end every entry has its own.
            let b = log(1, 4990, other, &[4980]);
            assert_eq!(seen(&a, &b, 1, 4990).last(), Some(&Compared::Differ(LogIndex(4980), LogIndex(4980))), "{one} {other}");
        }
    }

    #[test]
    fn logs_that_begin_elsewhere_meet_but_for_one_run() {
        let (a, b) = (log(1, 9000, 5, &[]), log(1001, 9000, 5, &[]));
        assert_eq!(seen(&a, &b, 1001, 9000), [Compared::Apart(LogIndex(1001), LogIndex(1023))]);
        let (a, b) = (log(1, 9000, 5, &[]), log(1001, 9000, 0, &[]));
        assert_eq!(seen(&a, &b, 1001, 9000), [Compared::Apart(LogIndex(1001), LogIndex(1023))]);
        let (a, b) = (log(1, 9000, 0, &[]), log(1001, 9000, 5, &[]));
        assert_eq!(seen(&a, &b, 1001, 9000), []);
        // Sums that are missing are told.
        let told = seen(&a[..2000], &b, 1001, 9000);
        assert_eq!(told.last(), Some(&Compared::Apart(LogIndex(2016), LogIndex(9000))));
    }

    #[test]
    fn the_work_is_that_of_the_pieces() {
        let work = |last| {
            let (a, b) = (log(1, last, 0, &[]), log(1, last, 6, &[]));
            let before = work_counted();
            let _ = walk([&a, &b], LogIndex(1), LogIndex(last), |_| ControlFlow::Continue(()));
            work_counted() - before
        };
        assert!(work(20_000) < 3 * work(10_000));
    }
}
