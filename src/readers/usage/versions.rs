//! Which version of a key is the newest, and which ones a compaction would free.

use crate::types::HlcTimestamp;

/// Keys that are remembered at a time. Keys are not escaped, so that rows of a longer key may lie between those of one that it begins
/// with; deeper nesting than this does not come from anything that is text.
const MOST_NESTED: usize = 64;

/// What is known of a version by those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::readers) struct Version {
    /// The first of its key.
    pub(in crate::readers) is_newest: bool,
    /// A newer version of the key is older than the retention, and so is this.
    pub(in crate::readers) is_reclaimable: bool,
}

/// The present key, and those that it begins with whose rows may go on behind it.
#[derive(Debug, Default)]
pub(in crate::readers) struct Versions {
    key: Vec<u8>,
    /// Length of each of them, shortest first, and whether a version at or below the horizon was met.
    nested: Vec<(usize, bool)>,
    horizon: Option<HlcTimestamp>,
}

impl Versions {
    /// Versions committed at or before `horizon` are older than the retention.
    pub(in crate::readers) fn new(horizon: Option<HlcTimestamp>) -> Self {
        Self { horizon, ..Self::default() }
    }

    /// Takes the next version in the order of the stored keys.
    pub(in crate::readers) fn pass(&mut self, user_key: &[u8], committed: HlcTimestamp) -> Version {
        while let Some(&(len, _)) = self.nested.last() {
            if user_key.get(..len).is_some_and(|front| self.key.get(..len) == Some(front)) {
                break;
            }
            self.nested.pop();
        }
        let is_newest = self.nested.last().is_none_or(|(len, _)| *len != user_key.len());
        if is_newest {
            if self.nested.len() == MOST_NESTED {
                self.nested.remove(0);
            }
            self.nested.push((user_key.len(), false));
            self.key.clear();
            self.key.extend_from_slice(user_key);
        }
        let is_old = self.horizon.is_some_and(|horizon| committed <= horizon);
        let mut is_reclaimable = false;
        if let (true, Some((_, met))) = (is_old, self.nested.last_mut()) {
            is_reclaimable = std::mem::replace(met, true);
        }
        Version { is_newest, is_reclaimable }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::mvcc::RowKey;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn rows_of_longer_keys_may_lie_between() {
        let mut versions = Versions::new(Some(HlcTimestamp(5)));
        let mut pass = |key: &[u8], ts| {
            let version = versions.pass(key, HlcTimestamp(ts));
            (version.is_newest, version.is_reclaimable)
        };
        assert_eq!(pass(b"a", 9), (true, false));
        assert_eq!(pass(b"a\xff\xff", 7), (true, false));
        assert_eq!(pass(b"a", 5), (false, false), "what a reader at the horizon sees stays");
        assert_eq!(pass(b"a", 4), (false, true));
        assert_eq!(pass(b"b", 4), (true, false));
        assert_eq!(pass(b"a", 3), (true, false), "out of order");
    }

    proptest! {
        /// However the keys nest, the first row of each is the newest.
        #[test]
        fn the_first_of_each_key_is_the_newest(rows in proptest::collection::btree_set(("[a\u{0}]{0,3}", 0..4_u64), 0..30)) {
            // High timestamps, as they are given, have a suffix that sorts behind text.
            let stored: BTreeSet<_> = rows.iter().map(|(key, ts)| {
                RowKey { user_key: key.as_bytes(), commit_ts: HlcTimestamp((1 << 56) + ts) }.encode()
            }).collect();
            let mut versions = Versions::new(None);
            let mut seen = BTreeSet::new();
            for key in &stored {
                let row = RowKey::decode(key).unwrap();
                prop_assert_eq!(versions.pass(row.user_key, row.commit_ts).is_newest, seen.insert(row.user_key.to_vec()));
            }
        }
    }
}
