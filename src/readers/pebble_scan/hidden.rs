//! Range deletions on the way of a scan.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::formats::pebble::SeqNum;
use crate::readers::pebble_table::OwnedRangeDel;
use crate::types::count_work;

/// Start, end and number.
type Ahead = (Vec<u8>, Vec<u8>, SeqNum);

/// The range deletions that lie ahead of a scan and those that it is in.
///
/// Each is taken up and dropped once, so that a step costs the logarithm of their number.
#[derive(Debug)]
pub(super) struct Hidden {
    /// Numbers from here on are not seen.
    next_seq: SeqNum,
    /// By start key, nearest first.
    ahead: BinaryHeap<Reverse<Ahead>>,
    /// Ends of those that the scan is in, nearest first.
    ends: BinaryHeap<Reverse<(Vec<u8>, SeqNum)>>,
    /// Their numbers, with how many have each.
    numbers: BTreeMap<SeqNum, usize>,
}

impl Hidden {
    /// Nothing yet; range deletions with a number of at least `next_seq` will not count.
    pub(super) const fn new(next_seq: SeqNum) -> Self {
        Self { next_seq, ahead: BinaryHeap::new(), ends: BinaryHeap::new(), numbers: BTreeMap::new() }
    }

    /// Adds a range deletion, in any order.
    pub(super) fn add(&mut self, span: OwnedRangeDel) {
        if span.seq < self.next_seq && span.start < span.end {
            self.ahead.push(Reverse((span.start, span.end, span.seq)));
        }
    }

    /// Records of `user_key` with a smaller number than this are hidden. Keys must be asked for in ascending order.
    pub(super) fn below(&mut self, user_key: &[u8]) -> Option<SeqNum> {
        while self.ahead.peek().is_some_and(|Reverse((start, _, _))| start.as_slice() <= user_key) {
            let Some(Reverse((_, end, seq))) = self.ahead.pop() else { break };
            count_work(1);
            if user_key < end.as_slice() {
                *self.numbers.entry(seq).or_default() += 1;
                self.ends.push(Reverse((end, seq)));
            }
        }
        while self.ends.peek().is_some_and(|Reverse((end, _))| end.as_slice() <= user_key) {
            let Some(Reverse((_, seq))) = self.ends.pop() else { break };
            count_work(1);
            if let Some(count) = self.numbers.get_mut(&seq) {
                *count -= 1;
                if *count == 0 {
                    self.numbers.remove(&seq);
                }
            }
        }
        self.numbers.last_key_value().map(|(seq, _)| *seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_number_of_the_spans_around_a_key() {
        let mut hidden = Hidden::new(SeqNum(10));
        for (start, end, seq) in [("c", "f", 9), ("a", "d", 5), ("b", "c", 7), ("a", "z", 10)] {
            hidden.add(OwnedRangeDel { start: start.into(), end: end.into(), seq: SeqNum(seq) });
        }
        let seen: Vec<_> = ["a", "b", "c", "d", "f"].map(|key| hidden.below(key.as_bytes()).map(|seq| seq.0)).to_vec();
        assert_eq!(seen, [Some(5), Some(7), Some(9), Some(9), None]);
    }

    #[test]
    fn many_spans_at_once_cost_what_they_are() {
        let work = |count: u64| {
            let mut hidden = Hidden::new(SeqNum(u64::MAX));
            for number in 0..count {
                let start = format!("a{number:08}").into_bytes();
                hidden.add(OwnedRangeDel { start, end: b"z".to_vec(), seq: SeqNum(number) });
            }
            let before = crate::types::work_counted();
            for number in 0..count {
                assert_eq!(hidden.below(format!("a{number:08}x").as_bytes()), Some(SeqNum(number)));
            }
            assert_eq!(hidden.below(b"zz"), None);
            crate::types::work_counted() - before
        };
        assert!(work(20_000) * 10 < work(10_000) * 23);
    }
}
