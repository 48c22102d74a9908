//! Which keys the history is asked of.

use std::borrow::Cow;

use crate::formats::kv::{
    KeySpace, KeyText, LogicalKey, Selection, TXN_COMMIT_PREFIX, TXN_INTENT_PREFIX, TXN_LOCK_PREFIX, TXN_ROLLBACK_PREFIX,
    WrittenKind, WrittenRow,
};
use crate::formats::mvcc::RowKey;
use crate::readers::pebble_scan::KeyRange;
use crate::types::{HlcTimestamp, unescape};

/// Timestamps above this have never been given away, and user keys of text sort in between.
const LAST_TIMESTAMP: HlcTimestamp = HlcTimestamp(u64::MAX >> 1);
/// The first byte of the start of a transaction is below this until the year 2500; that of a longer key of text is not.
const START_BELOW: u8 = 0x10;

/// Shows the user keys of the rows that stand for a row as an entry names it, and whether it is an intent. `buffer` is used on the way.
pub(super) fn each_key(row: &WrittenRow<'_>, buffer: &mut Vec<u8>, mut show: impl FnMut(&[u8], bool)) {
    let mut joined = |parts: &[&[u8]], is_intent: bool| {
        buffer.clear();
        for part in parts {
            buffer.extend_from_slice(part);
        }
        show(buffer, is_intent);
    };
    match row.kind {
        WrittenKind::Plain => show(row.key, false),
        WrittenKind::Pending => {
            joined(&[TXN_LOCK_PREFIX, row.key], false);
            joined(&[TXN_INTENT_PREFIX, row.key], true);
        }
        WrittenKind::CommitRecord => joined(&[TXN_COMMIT_PREFIX, row.key, &row.number.to_be_bytes()], false),
        WrittenKind::RollbackRecord => joined(&[TXN_ROLLBACK_PREFIX, row.key, &row.number.to_be_bytes()], false),
        // Of no key.
        WrittenKind::Registry => {}
    }
}

/// A key, and a name that it may be meant as: both are looked for in one pass.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// The key itself.
    pub key: Vec<u8>,
    /// Everything that belongs to a name.
    names: Option<Selection>,
    /// The name is what was asked for, and the key only the text of it.
    pub name_first: bool,
}

impl Wanted {
    /// A key also stands for the name that it has in redis, and a name for the key that reads like it.
    pub fn of(text: &KeyText) -> Self {
        match text {
            KeyText::Bytes(bytes) => {
                // A key with a prefix of the server's own is nobody's name.
                let is_name = KeySpace::of_user_key(bytes) == KeySpace::USER;
                let names = is_name.then(|| Selection::of(LogicalKey::Redis(Cow::Owned(bytes.clone()))));
                Self { key: bytes.clone(), names, name_first: false }
            }
            KeyText::Name(name) => {
                // The text without its escapes, as a user may have written it.
                let key = unescape(&name.to_string()).unwrap_or_default();
                Self { key, names: Some(Selection::of(name.clone())), name_first: true }
            }
        }
    }

    /// True for a key that may be shown.
    pub fn matches(&self, user_key: &[u8]) -> bool {
        self.is_key(user_key) || self.names.as_ref().is_some_and(|names| names.matches(user_key))
    }

    /// True for a key that is what was asked for, and not only what it may be meant as.
    pub fn is_first(&self, user_key: &[u8]) -> bool {
        if self.name_first { self.names.as_ref().is_some_and(|names| names.matches(user_key)) } else { self.is_key(user_key) }
    }

    /// The key itself, and rows of transactions that are about it.
    fn is_key(&self, user_key: &[u8]) -> bool {
        let inside = [TXN_LOCK_PREFIX, TXN_INTENT_PREFIX].into_iter().find_map(|before| user_key.strip_prefix(before));
        let record = [TXN_COMMIT_PREFIX, TXN_ROLLBACK_PREFIX].into_iter().find_map(|before| user_key.strip_prefix(before));
        user_key == self.key
            || inside.is_some_and(|key| key == self.key)
            || record.and_then(<[u8]>::split_last_chunk::<8>).is_some_and(|(key, _)| key == self.key)
    }

    /// True when a deletion of everything that begins with `prefix` may touch one of them.
    pub fn is_below(&self, prefix: &[u8]) -> bool {
        let meets = |own: &[u8]| own.starts_with(prefix) || prefix.starts_with(own);
        self.key.starts_with(prefix) || self.names.as_ref().is_some_and(|names| names.prefixes().iter().any(|own| meets(own)))
    }

    /// Where they lie in a store.
    pub fn ranges(&self) -> Vec<KeyRange> {
        let versions = |user_key: Vec<u8>| {
            let from = RowKey { user_key: &user_key, commit_ts: LAST_TIMESTAMP }.encode();
            let mut to = RowKey { user_key: &user_key, commit_ts: HlcTimestamp(0) }.encode();
            to.push(0);
            KeyRange::new(None, Some(&from), Some(&to), true)
        };
        let about = |before: &[u8]| [before, &self.key].concat();
        let records = |before: &[u8]| {
            let (mut from, mut to) = (about(before), about(before));
            from.push(0);
            to.push(START_BELOW);
            KeyRange::new(None, Some(&from), Some(&to), true)
        };
        let mut ranges = vec![versions(self.key.clone())];
        ranges.extend([TXN_LOCK_PREFIX, TXN_INTENT_PREFIX].map(|before| versions(about(before))));
        ranges.extend([TXN_COMMIT_PREFIX, TXN_ROLLBACK_PREFIX].map(records));
        if let Some(names) = &self.names {
            ranges.extend(KeyRange::of_prefixes(&names.prefixes()));
        }
        ranges
    }

    /// For a stored key that is none of them, the first one behind it that may be.
    pub fn next_place(&self, stored: &[u8]) -> Option<Vec<u8>> {
        self.names.as_ref().and_then(|names| names.next_place(stored))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_for_itself_and_for_its_name() {
        let wanted = Wanted::of(&"k".parse().unwrap());
        let record = [b"!txn|cmt|k".as_slice(), &7_u64.to_be_bytes()].concat();
        for key in [&b"k"[..], b"!txn|lock|k", b"!txn|int|k", &record] {
            assert!(wanted.matches(key) && wanted.is_first(key), "{key:?}");
        }
        assert!(wanted.matches(b"!redis|str|k") && !wanted.is_first(b"!redis|str|k"));
        for key in [&b"kk"[..], b"!txn|lock|kk", b"!redis|str|kk", b"!txn|cmt|k"] {
            assert!(!wanted.matches(key), "{key:?}");
        }
        assert!(wanted.is_below(b"") && wanted.is_below(b"k") && wanted.is_below(b"!redis|") && !wanted.is_below(b"j"));
        let inner = Wanted::of(&"!redis|str|k".parse().unwrap());
        assert!(inner.is_first(b"!redis|str|k") && !inner.matches(b"!redis|ttl|k"));
        let name = Wanted::of(&"redis:k".parse().unwrap());
        assert!(name.is_first(b"!hs|meta|\0\0\0\x01k") && name.is_first(b"k") && !name.is_first(b"redis:k"));
        assert!(name.matches(b"redis:k"));
    }

    #[test]
    fn its_ranges_hold_every_row_of_it() {
        let wanted = Wanted::of(&"k".parse().unwrap());
        let ranges = wanted.ranges();
        let record = [b"!txn|rb|k".as_slice(), &0x01a2_0000_0000_0007_u64.to_be_bytes()].concat();
        for user_key in [&b"k"[..], b"!txn|int|k", &record, b"!lst|meta|k"] {
            for ts in [0, 1, u64::MAX >> 1] {
                let stored = RowKey { user_key, commit_ts: HlcTimestamp(ts) }.encode();
                let within = |range: &KeyRange| range.start() <= stored.as_slice() && !range.is_past(&stored);
                assert!(ranges.iter().any(within), "{user_key:?} at {ts}");
            }
        }
    }
}
