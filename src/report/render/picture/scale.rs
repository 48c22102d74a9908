//! From numbers to columns or to points of a picture.

/// Maps the numbers from `low` to `high`, both in it, to `room` columns. Every number has a column of its own as long as there are
/// enough of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    low: u64,
    high: u64,
    room: usize,
}

impl Scale {
    /// A scale over all of `numbers`; none without one.
    pub(super) fn over(numbers: impl Iterator<Item = u64> + Clone, room: usize) -> Option<Self> {
        Some(Self { low: numbers.clone().min()?, high: numbers.max()?, room })
    }

    /// The smallest number.
    pub(super) const fn low(&self) -> u64 {
        self.low
    }

    /// The largest one.
    pub(super) const fn high(&self) -> u64 {
        self.high
    }

    /// The first column of a number.
    pub(super) fn at(&self, number: u64) -> usize {
        self.column(number.clamp(self.low, self.high) - self.low, 0)
    }

    /// The first column of a range, and the one behind its last: there is one in any case. Ranges that follow each other share no
    /// column as long as each has one.
    pub(super) fn range(&self, first: u64, last: u64) -> (usize, usize) {
        let from = self.at(first);
        (from, self.column(last.clamp(self.low, self.high) - self.low, 1).max(from + 1))
    }

    fn column(&self, steps: u64, more: u128) -> usize {
        let units = u128::from(self.high - self.low) + 1;
        usize::try_from((u128::from(steps) + more) * self.room as u128 / units).unwrap_or(self.room).min(self.room)
    }
}

/// Most shapes of one row. What there is more of is drawn several at a time.
pub(super) const MOST_SHAPES: usize = 240;

/// Neighbours that are drawn as one, so that there are at most [`MOST_SHAPES`].
pub(super) fn together<T>(all: &[T]) -> impl Iterator<Item = &[T]> {
    all.chunks(all.len().div_ceil(MOST_SHAPES).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_within_the_room_whatever_the_numbers() {
        for (numbers, room) in [(vec![0, u64::MAX], 66), (vec![5], 10), (vec![u64::MAX; 2], 3), (vec![1, 2, 3], 60)] {
            let scale = Scale::over(numbers.iter().copied(), room).unwrap();
            for number in [0, 1, 2, 3, 4, 5, 6, u64::MAX / 2, u64::MAX] {
                let (from, end) = scale.range(number, number);
                assert!(from == scale.at(number) && from < end && end <= room, "{scale:?} {number}");
                assert!(scale.range(number, u64::MAX).1 == room && scale.range(0, number).0 == 0);
            }
        }
        assert!(Scale::over(std::iter::empty(), 9).is_none());
        let scale = Scale::over([701, 710].into_iter(), 10).unwrap();
        assert_eq!((scale.range(701, 704), scale.range(705, 710)), ((0, 4), (4, 10)));
        let scale = Scale::over([0, 119].into_iter(), 67).unwrap();
        assert_eq!((scale.range(36, 45), scale.range(46, 55)), ((20, 25), (25, 31)));
    }

    #[test]
    fn there_are_never_too_many_shapes() {
        for count in [0, 1, MOST_SHAPES, MOST_SHAPES + 1, 50_000] {
            let all: Vec<_> = (0..count).collect();
            let drawn: Vec<_> = together(&all).collect();
            assert!(drawn.len() <= MOST_SHAPES && drawn.concat() == all, "{count}");
        }
    }
}
