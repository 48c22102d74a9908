//! Keys as the store holds them.

use super::{MetaKey, RegistryKey};
use crate::types::HlcTimestamp;

/// A versioned key: the user key and, behind it, the complement of the commit timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowKey<'a> {
    /// The key as the client named it; not escaped, so that one user key may be a prefix of another.
    pub user_key: &'a [u8],
    /// When this version was committed.
    pub commit_ts: HlcTimestamp,
}

/// What a key of the store stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKey<'a> {
    /// One of the store's own numbers.
    Meta(MetaKey),
    /// A row of the writer registry.
    Registry(RegistryKey),
    /// A version of a user key.
    Row(RowKey<'a>),
    /// Too short to carry a timestamp; no server writes such a key.
    Short(&'a [u8]),
}

impl<'a> RowKey<'a> {
    /// Splits at `length − 8`; `None` when the key is shorter than its suffix.
    pub fn decode(key: &'a [u8]) -> Option<Self> {
        let (user_key, inverted) = key.split_last_chunk()?;
        Some(Self { user_key, commit_ts: HlcTimestamp(!u64::from_be_bytes(*inverted)) })
    }

    /// The key under which the store keeps this version.
    pub fn encode(self) -> Vec<u8> {
        [self.user_key, &(!self.commit_ts.0).to_be_bytes()].concat()
    }
}

impl<'a> StoreKey<'a> {
    /// Classifies any key of the store.
    pub fn of(key: &'a [u8]) -> Self {
        // The first byte rules most keys out before they are compared with names.
        let special = match key.first() {
            Some(b'_') => MetaKey::of(key).map(Self::Meta),
            Some(b'!') => RegistryKey::decode(key).map(Self::Registry),
            _ => None,
        };
        special.unwrap_or_else(|| RowKey::decode(key).map_or(Self::Short(key), Self::Row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn golden() {
        let raw = b"!redis|str|a\xfe\x68\x8b\xdf\x27\xe7\xff\xfc";
        let key = RowKey { user_key: b"!redis|str|a", commit_ts: HlcTimestamp(114_687_999_934_464_003) };
        assert_eq!(StoreKey::of(raw), StoreKey::Row(key));
        assert_eq!(key.encode(), raw);
        assert_eq!(StoreKey::of(b"_meta_applied_index"), StoreKey::Meta(MetaKey::AppliedIndex));
        assert_eq!(StoreKey::of(b"1234567"), StoreKey::Short(b"1234567"));
        assert_eq!(
            StoreKey::of(b"\xff\xff\xff\xff\xff\xff\xff\xff"),
            StoreKey::Row(RowKey { user_key: b"", commit_ts: HlcTimestamp(0) })
        );
    }

    proptest! {
        #[test]
        fn round_trip(user_key in proptest::collection::vec(any::<u8>(), 0..40), ts in any::<u64>()) {
            let key = RowKey { user_key: &user_key, commit_ts: HlcTimestamp(ts) };
            let raw = key.encode();
            prop_assert_eq!(RowKey::decode(&raw), Some(key));
            for cut in 0..8.min(raw.len()) {
                prop_assert_eq!(RowKey::decode(&raw[..cut]), None);
            }
        }

        #[test]
        fn newer_versions_sort_first(a in any::<u64>(), b in any::<u64>()) {
            let key = |ts| RowKey { user_key: b"k", commit_ts: HlcTimestamp(ts) }.encode();
            prop_assert_eq!(key(a).cmp(&key(b)), b.cmp(&a));
        }
    }
}
