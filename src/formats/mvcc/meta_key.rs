//! Keys that stand for themselves, without a timestamp.

use std::fmt;

use crate::types::NodeId;

/// The store's own numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MetaKey {
    /// Raft index of the last entry known durable in the store.
    AppliedIndex,
    /// Largest commit timestamp.
    LastCommitTs,
    /// Versions below this timestamp may be gone.
    MinRetainedTs,
    /// Where that watermark is being moved to.
    PendingMinRetainedTs,
}

/// Key of a writer registry row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegistryKey {
    /// Id of the data encryption key.
    pub dek_id: u32,
    /// Low 16 bits of the node id.
    pub node_low: u16,
}

/// Value of a writer registry row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegistryValue {
    /// The writer.
    pub node_id: NodeId,
    /// Local epoch at which it was first seen.
    pub first_epoch: u16,
    /// Local epoch at which it was last seen.
    pub last_epoch: u16,
}

impl MetaKey {
    /// All of them, in key order.
    pub const ALL: [Self; 4] = [Self::AppliedIndex, Self::LastCommitTs, Self::MinRetainedTs, Self::PendingMinRetainedTs];

    /// The key's bytes as text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AppliedIndex => "_meta_applied_index",
            Self::LastCommitTs => "_meta_last_commit_ts",
            Self::MinRetainedTs => "_meta_min_retained_ts",
            Self::PendingMinRetainedTs => "_meta_pending_min_retained_ts",
        }
    }

    /// Exact match only.
    pub fn of(key: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|meta| meta.name().as_bytes() == key)
    }
}

impl fmt::Display for MetaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A meta value: the first eight bytes, little-endian. A shorter value counts as missing.
pub fn meta_value(value: &[u8]) -> Option<u64> {
    value.first_chunk().copied().map(u64::from_le_bytes)
}

impl RegistryKey {
    /// With what the key of every row of the registry begins.
    pub const PREFIX: &[u8] = b"!encryption|writers|";

    /// The row of one writer under one key.
    pub const fn of(dek_id: u32, node_id: u64) -> Self {
        let [.., high, low] = node_id.to_be_bytes();
        Self { dek_id, node_low: u16::from_be_bytes([high, low]) }
    }

    /// Exact shape only: anything else with this prefix is an ordinary row.
    pub fn decode(key: &[u8]) -> Option<Self> {
        let &[k0, k1, k2, k3, b'|', n0, n1] = key.strip_prefix(Self::PREFIX)? else { return None };
        Some(Self { dek_id: u32::from_be_bytes([k0, k1, k2, k3]), node_low: u16::from_be_bytes([n0, n1]) })
    }
}

impl RegistryValue {
    /// Exactly twelve bytes.
    pub fn decode(value: &[u8]) -> Option<Self> {
        let (node, epochs) = value.split_first_chunk()?;
        let &[f0, f1, l0, l1] = epochs else { return None };
        Some(Self {
            node_id: NodeId(u64::from_be_bytes(*node)),
            first_epoch: u16::from_be_bytes([f0, f1]),
            last_epoch: u16::from_be_bytes([l0, l1]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meta_keys_match_exactly_and_are_little_endian() {
        assert_eq!(MetaKey::of(b"_meta_applied_index"), Some(MetaKey::AppliedIndex));
        assert_eq!(MetaKey::of(b"_meta_applied_index2"), None);
        assert_eq!(meta_value(&[0x2a, 0, 0, 0, 0, 0, 0, 0]), Some(42));
        assert_eq!(meta_value(&[0x2a, 0, 0, 0, 0, 0, 0, 0, 9]), Some(42), "a longer value is read by its first bytes");
        assert_eq!(meta_value(&[0x2a, 0, 0, 0, 0, 0, 0]), None);
        assert!(MetaKey::ALL.is_sorted_by_key(|meta| meta.name()));
    }

    #[test]
    fn registry_rows_have_one_shape() {
        let key = b"!encryption|writers|\0\0\0\x07|\x12\x34";
        assert_eq!(RegistryKey::decode(key), Some(RegistryKey { dek_id: 7, node_low: 0x1234 }));
        for cut in 0..key.len() {
            assert_eq!(RegistryKey::decode(&key[..cut]), None);
        }
        let value = b"\x08\xb3\x7b\x07\xb5\x58\xd4\xc0\0\x01\0\x02";
        let decoded = RegistryValue { node_id: NodeId(0x08b3_7b07_b558_d4c0), first_epoch: 1, last_epoch: 2 };
        assert_eq!(RegistryValue::decode(value), Some(decoded));
        for cut in 0..value.len() {
            assert_eq!(RegistryValue::decode(&value[..cut]), None);
        }
    }
}
