//! Which part of the server a key belongs to.
//!
//! The adapters share one key space and mark their keys with prefixes. The longest prefix wins; a key with none of
//! them is a user's own.

use std::fmt;

use crate::formats::mvcc::StoreKey;

/// A family of keys, for example the fields of redis hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeySpace(u8);

/// Label of the chunks that each node stores for itself, outside of the log.
pub const LOCAL_CHUNKS: &str = "s3-chunk-local";
/// Begins the keys of the shard catalog.
pub const CATALOG_PREFIX: &[u8] = b"!dist|";

/// One row of the table.
struct Prefix {
    bytes: &'static [u8],
    label: &'static str,
    whole_key: bool,
    log_only: bool,
}

const fn stored(bytes: &'static [u8], label: &'static str) -> Prefix {
    Prefix { bytes, label, whole_key: false, log_only: false }
}

const fn exact(bytes: &'static [u8], label: &'static str) -> Prefix {
    Prefix { bytes, label, whole_key: true, log_only: false }
}

/// Only ever in the log or in routing, never in the store.
const fn routing(bytes: &'static [u8], label: &'static str) -> Prefix {
    Prefix { bytes, label, whole_key: false, log_only: true }
}

/// In byte order.
#[rustfmt::skip]
static PREFIXES: [Prefix; 79] = [
    stored(b"!ddb|gsi|", "dynamodb-gsi"),
    stored(b"!ddb|item|", "dynamodb-item"),
    stored(b"!ddb|meta|gen|", "dynamodb-generation"),
    stored(b"!ddb|meta|table|", "dynamodb-table"),
    routing(b"!ddb|route|table|", "dynamodb-route"),
    stored(b"!dist|delta|", "catalog-delta"),
    stored(b"!dist|jobhist|", "catalog-job-history"),
    stored(b"!dist|job|", "catalog-job"),
    exact(b"!dist|meta|delta_floor", "catalog-counter"),
    exact(b"!dist|meta|next_job_id", "catalog-counter"),
    exact(b"!dist|meta|next_route_id", "catalog-counter"),
    exact(b"!dist|meta|version", "catalog-version"),
    stored(b"!dist|route|", "catalog-route"),
    stored(b"!fs|chk|", "fs-chunk"),
    stored(b"!fs|dirv|", "fs-dir-version"),
    stored(b"!fs|dir|", "fs-dir-entry"),
    stored(b"!fs|home|", "fs-home"),
    stored(b"!fs|ino|", "fs-inode"),
    stored(b"!fs|intent|", "fs-intent"),
    stored(b"!fs|job|move|", "fs-move-job"),
    stored(b"!fs|reffence|", "fs-gc-fence"),
    stored(b"!fs|ref|", "fs-handle"),
    routing(b"!fs|route|chk|", "fs-route"),
    exact(b"!fs|usage", "fs-usage"),
    stored(b"!fs|usage|route|", "fs-usage"),
    stored(b"!hs|fld|", "redis-hash-field"),
    stored(b"!hs|meta|", "redis-hash-meta"),
    stored(b"!hs|meta|d|", "redis-hash-delta"),
    stored(b"!lst|claim|", "redis-list-claim"),
    stored(b"!lst|itm|", "redis-list-item"),
    stored(b"!lst|meta|", "redis-list-meta"),
    stored(b"!lst|meta|d|", "redis-list-delta"),
    stored(b"!redis|hash|", "redis-hash-blob"),
    stored(b"!redis|hll|", "redis-hll"),
    stored(b"!redis|read-fence-route-changed", "redis-fence"),
    routing(b"!redis|route|", "redis-route"),
    stored(b"!redis|set|", "redis-set-blob"),
    stored(b"!redis|stream|", "redis-stream-blob"),
    stored(b"!redis|str|", "redis-string"),
    stored(b"!redis|ttl|", "redis-ttl"),
    stored(b"!redis|txn-wide-hash|", "redis-fence"),
    stored(b"!redis|txn-wide-list|", "redis-fence"),
    stored(b"!redis|txn-wide-set|", "redis-fence"),
    stored(b"!redis|txn-wide-zset|", "redis-fence"),
    stored(b"!redis|zset|", "redis-zset-blob"),
    routing(b"!s3route|", "s3-route"),
    stored(b"!s3|blob|", "s3-chunk"),
    stored(b"!s3|bucket|gen|", "s3-bucket-generation"),
    stored(b"!s3|bucket|meta|", "s3-bucket"),
    stored(b"!s3|chunkblob|", LOCAL_CHUNKS),
    stored(b"!s3|chunkref|", "s3-chunk-ref"),
    stored(b"!s3|gc|upload|", "s3-upload-gc"),
    stored(b"!s3|obj|head|", "s3-object"),
    stored(b"!s3|upload|meta|", "s3-upload"),
    stored(b"!s3|upload|part|", "s3-part"),
    stored(b"!sqs|msg|byage|", "sqs-age-index"),
    stored(b"!sqs|msg|data|", "sqs-message"),
    stored(b"!sqs|msg|dedup|", "sqs-dedup"),
    stored(b"!sqs|msg|group|", "sqs-group-lock"),
    stored(b"!sqs|msg|vis|", "sqs-visibility"),
    stored(b"!sqs|queue|gen|", "sqs-generation"),
    stored(b"!sqs|queue|meta|", "sqs-queue"),
    stored(b"!sqs|queue|seq|", "sqs-sequence"),
    stored(b"!sqs|queue|tombstone|", "sqs-tombstone"),
    routing(b"!sqs|route|", "sqs-route"),
    stored(b"!stream|entry|", "redis-stream-entry"),
    stored(b"!stream|meta|", "redis-stream-meta"),
    stored(b"!st|mem|", "redis-set-member"),
    stored(b"!st|meta|", "redis-set-meta"),
    stored(b"!st|meta|d|", "redis-set-delta"),
    stored(b"!txn|cmt|", "txn-commit"),
    stored(b"!txn|int|", "txn-intent"),
    stored(b"!txn|lock|", "txn-lock"),
    routing(b"!txn|meta|", "txn-meta"),
    stored(b"!txn|rb|", "txn-rollback"),
    stored(b"!zs|mem|", "redis-zset-member"),
    stored(b"!zs|meta|", "redis-zset-meta"),
    stored(b"!zs|meta|d|", "redis-zset-delta"),
    stored(b"!zs|scr|", "redis-zset-score"),
];

const COUNT: u8 = 79;

impl KeySpace {
    /// The store's own counters.
    pub const STORE_META: Self = Self(COUNT);
    /// Rows of the writer registry.
    pub const WRITER_REGISTRY: Self = Self(COUNT + 1);
    /// Keys without any of the prefixes: the raw key-value interface and old redis strings.
    pub const USER: Self = Self(COUNT + 2);

    /// The family of a key as requests name it, that is without timestamp suffix.
    pub fn of_user_key(key: &[u8]) -> Self {
        if key.first() != Some(&b'!') {
            return Self::USER;
        }
        let mut probe = key;
        loop {
            // The last prefix that is not above `probe` is either a prefix of the key, or every other candidate is a prefix
            // of what the two have in common.
            let above = PREFIXES.partition_point(|prefix| prefix.bytes <= probe);
            let Some((position, row)) = above.checked_sub(1).and_then(|at| Some((at, PREFIXES.get(at)?))) else {
                return Self::USER;
            };
            let matches = key.starts_with(row.bytes) && (!row.whole_key || key.len() == row.bytes.len());
            if let (true, Ok(position)) = (matches, u8::try_from(position)) {
                return Self(position);
            }
            let common = row.bytes.iter().zip(probe).take_while(|(a, b)| a == b).count();
            // A whole-key row that the key merely starts with is passed over by looking below it.
            let shorter = if common == row.bytes.len() { common.saturating_sub(1) } else { common };
            match key.get(..shorter) {
                Some(rest) if shorter > 1 => probe = rest,
                _ => return Self::USER,
            }
        }
    }

    /// The family of a key as requests name it, when that of the key before it in their order is known: neighbours mostly share it.
    #[must_use]
    pub fn of_next_user_key(self, key: &[u8]) -> Self {
        let at = usize::from(self.0);
        let Some(row) = PREFIXES.get(at).filter(|row| !row.whole_key && key.starts_with(row.bytes)) else {
            return Self::of_user_key(key);
        };
        // A longer prefix that begins with this one stands right behind it.
        let is_extended = PREFIXES.get(at + 1).is_some_and(|next| next.bytes.starts_with(row.bytes));
        if is_extended { Self::of_user_key(key) } else { self }
    }

    /// The family of a key as it lies in the store.
    pub fn of_store_key(key: StoreKey<'_>) -> Self {
        match key {
            StoreKey::Meta(_) => Self::STORE_META,
            StoreKey::Registry(_) => Self::WRITER_REGISTRY,
            StoreKey::Row(row) => Self::of_user_key(row.user_key),
            StoreKey::Short(_) => Self::USER,
        }
    }

    /// The name used in reports. Several prefixes may share one.
    pub fn label(self) -> &'static str {
        match self {
            Self::STORE_META => "store-meta",
            Self::WRITER_REGISTRY => "writer-registry",
            Self(position) => PREFIXES.get(usize::from(position)).map_or("user", |row| row.label),
        }
    }

    /// True for families that a store never holds.
    pub fn log_only(self) -> bool {
        PREFIXES.get(usize::from(self.0)).is_some_and(|row| row.log_only)
    }

    /// The prefix that marks the family; empty for a user's own keys.
    pub fn prefix(self) -> &'static [u8] {
        match self {
            Self::STORE_META => b"_meta_",
            Self::WRITER_REGISTRY => b"!encryption|writers|",
            Self(position) => PREFIXES.get(usize::from(position)).map_or(b"", |row| row.bytes),
        }
    }
}

impl fmt::Display for KeySpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// Keys counted by family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySpaceCounts([u64; COUNT as usize + 3]);

impl Default for KeySpaceCounts {
    fn default() -> Self {
        Self([0; COUNT as usize + 3])
    }
}

impl KeySpaceCounts {
    /// Counts one key.
    pub fn add(&mut self, space: KeySpace) {
        if let Some(count) = self.0.get_mut(usize::from(space.0)) {
            *count = count.saturating_add(1);
        }
    }

    /// Adds another tally.
    pub fn absorb(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(&other.0) {
            *count = count.saturating_add(*more);
        }
    }

    /// Number of keys in all.
    pub fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The counts that are not zero by label, in the order of the labels.
    pub fn by_label(&self) -> std::collections::BTreeMap<&'static str, u64> {
        let mut labels = std::collections::BTreeMap::new();
        for (position, &count) in (0_u8..).zip(&self.0) {
            if count > 0 {
                *labels.entry(KeySpace(position).label()).or_default() += count;
            }
        }
        labels
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The rule without the search.
    fn by_scan(key: &[u8]) -> &'static str {
        PREFIXES
            .iter()
            .filter(|row| if row.whole_key { key == row.bytes } else { key.starts_with(row.bytes) })
            .max_by_key(|row| row.bytes.len())
            .map_or("user", |row| row.label)
    }

    #[test]
    fn the_table_is_sorted_and_complete() {
        assert!(PREFIXES.is_sorted_by(|a, b| a.bytes < b.bytes));
        assert_eq!(PREFIXES.len(), usize::from(COUNT));
        for row in &PREFIXES {
            assert_eq!(row.bytes.first(), Some(&b'!'), "only keys that start with ! are searched");
            assert_eq!(KeySpace::of_user_key(row.bytes).label(), row.label);
        }
    }

    #[test]
    fn the_longest_prefix_wins() {
        for (key, label) in [
            (&b"!hs|meta|d|x"[..], "redis-hash-delta"),
            (b"!hs|meta|dx", "redis-hash-meta"),
            (b"!hs|meta|", "redis-hash-meta"),
            (b"!hs|metb", "user"),
            (b"!fs|usage", "fs-usage"),
            (b"!fs|usage|x", "user"),
            (b"!fs|usage|route|x", "fs-usage"),
            (b"!dist|meta|version", "catalog-version"),
            (b"!dist|meta|version2", "user"),
            (b"!stream|other", "user"),
            (b"!sqs|msg|data|p|q", "sqs-message"),
            (b"!redis|read-fence-route-changed", "redis-fence"),
            (b"!", "user"),
            (b"", "user"),
            (b"zzz", "user"),
            (b"!zzz", "user"),
        ] {
            assert_eq!(KeySpace::of_user_key(key).label(), label, "{}", crate::types::Escaped(key));
            assert_eq!(by_scan(key), label);
        }
        assert!(KeySpace::of_user_key(b"!txn|meta|k").log_only());
        assert!(!KeySpace::of_user_key(b"!txn|lock|k").log_only());
    }

    #[test]
    fn keys_of_the_store() {
        let space = |key: &[u8]| KeySpace::of_store_key(StoreKey::of(key)).label();
        assert_eq!(space(b"!redis|str|a\xfe\x68\x8b\xdf\x27\xe7\xff\xfc"), "redis-string");
        assert_eq!(space(b"_meta_applied_index"), "store-meta");
        assert_eq!(space(b"!encryption|writers|\x00\x00\x00\x01|\xd4\xc0"), "writer-registry");
        assert_eq!(space(b"!encryption|writers|\x00\x00\x00\x01|\xd4\xc0x"), "user");
        assert_eq!(space(b"short"), "user");
    }

    #[test]
    fn counts_add_up_by_label() {
        let mut counts = KeySpaceCounts::default();
        for key in [&b"!redis|txn-wide-set|"[..], b"!redis|txn-wide-list|", b"mine"] {
            counts.add(KeySpace::of_user_key(key));
        }
        let mut twice = counts.clone();
        twice.absorb(&counts);
        assert_eq!(twice.by_label().into_iter().collect::<Vec<_>>(), [("redis-fence", 4), ("user", 2)]);
        assert_eq!(twice.total(), 6);
    }

    proptest! {
        #[test]
        fn the_search_agrees_with_a_scan(row in 0..79_usize, cut in 0..40_usize, tail in "[d|pmetargn!]{0,8}") {
            let bytes = PREFIXES[row].bytes;
            let mut key = bytes[..cut.min(bytes.len())].to_vec();
            key.extend(tail.bytes());
            prop_assert_eq!(KeySpace::of_user_key(&key).label(), by_scan(&key));
            // Whatever the key before it was.
            for before in 0..COUNT + 3 {
                prop_assert_eq!(KeySpace(before).of_next_user_key(&key), KeySpace::of_user_key(&key));
            }
        }
    }
}
