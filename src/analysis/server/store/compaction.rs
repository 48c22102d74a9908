//! Which tables a start reads in the background, right after it has opened the store.

use crate::formats::pebble::NewTable;
use crate::readers::pebble::{StoreFacts, TableDamage};

/// Tables of level 0 that lie over one another at one key before they are merged downwards at once.
///
/// A start makes a table of what it replays from the logs; two tables over one another are enough then.
const DEPTH: usize = 2;

/// True if the compaction that follows the start reads the damaged table.
pub(super) fn reads(facts: &StoreFacts, damage: &TableDamage) -> bool {
    let Some(version) = facts.version() else { return false };
    let level_0 = version.level_0_newest_first();
    let mut ranges: Vec<Range<'_>> = level_0.iter().map(|table| Range::of(table)).collect();
    if let Some((first, last)) = &facts.replayed_bounds {
        ranges.push(Range { first, last });
    }
    let Some(merged) = deepest(&ranges) else { return false };
    let below = (1..version.levels.len()).find(|&level| version.levels.get(level).is_some_and(|tables| !tables.is_empty()));
    let below = below.into_iter().flat_map(|level| version.level_by_key(level));
    level_0.into_iter().chain(below).any(|table| table.file() == damage.table && Range::of(table).meets(merged))
}

/// Keys from first to last, both included.
#[derive(Debug, Clone, Copy)]
struct Range<'k> {
    first: &'k [u8],
    last: &'k [u8],
}

impl<'k> Range<'k> {
    fn of(table: &'k NewTable) -> Self {
        Self { first: &table.bounds.smallest.user_key, last: &table.bounds.largest.user_key }
    }

    fn meets(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// The range over which the tables that lie deepest extend, if they are deep enough to be merged.
fn deepest<'k>(ranges: &[Range<'k>]) -> Option<Range<'k>> {
    // The depth changes only where a range begins.
    let stack_at =
        |key: &[u8]| ranges.iter().filter(|range| range.first <= key && key <= range.last).copied().collect::<Vec<_>>();
    let stack = ranges.iter().map(|range| stack_at(range.first)).max_by_key(Vec::len).filter(|stack| stack.len() >= DEPTH)?;
    let first = stack.iter().map(|range| range.first).min()?;
    let last = stack.iter().map(|range| range.last).max()?;
    Some(Range { first, last })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tables_over_one_another_are_merged() {
        let range = |first: &'static str, last: &'static str| Range { first: first.as_bytes(), last: last.as_bytes() };
        assert!(deepest(&[]).is_none());
        assert!(deepest(&[range("a", "c"), range("d", "f")]).is_none());
        let merged = deepest(&[range("a", "c"), range("x", "z"), range("b", "f")]).unwrap();
        assert_eq!((merged.first, merged.last), (b"a".as_slice(), b"f".as_slice()));
        assert!(merged.meets(range("f", "g")) && !merged.meets(range("x", "z")));
    }
}
