//! Range deletions on the way of a scan.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::formats::pebble::SeqNum;
use crate::readers::pebble_table::OwnedRangeDel;

/// Start, end and number.
type Ahead = (Vec<u8>, Vec<u8>, SeqNum);

/// The range deletions that lie ahead of a scan and those that it is in.
#[derive(Debug)]
pub(super) struct Hidden {
    /// Numbers from here on are not seen.
    next_seq: SeqNum,
    /// By start key, nearest first.
    ahead: BinaryHeap<Reverse<Ahead>>,
    active: Vec<OwnedRangeDel>,
}

impl Hidden {
    /// Nothing yet; range deletions with a number of at least `next_seq` will not count.
    pub(super) const fn new(next_seq: SeqNum) -> Self {
        Self { next_seq, ahead: BinaryHeap::new(), active: Vec::new() }
    }

    /// Adds a range deletion, in any order.
    pub(super) fn add(&mut self, span: OwnedRangeDel) {
        if span.seq < self.next_seq {
            self.ahead.push(Reverse((span.start, span.end, span.seq)));
        }
    }

    /// Records of `user_key` with a smaller number than this are hidden. Keys must be asked for in ascending order.
    pub(super) fn below(&mut self, user_key: &[u8]) -> Option<SeqNum> {
        while self.ahead.peek().is_some_and(|Reverse((start, _, _))| start.as_slice() <= user_key) {
            if let Some(Reverse((start, end, seq))) = self.ahead.pop() {
                self.active.push(OwnedRangeDel { start, end, seq });
            }
        }
        if self.active.is_empty() {
            return None;
        }
        self.active.retain(|span| user_key < span.end.as_slice());
        self.active.iter().map(|span| span.seq).max()
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
}
