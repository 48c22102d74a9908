//! What stands in the bbolt file of a member: `snap/db`.

use crate::formats::bolt::{LeafElement, META_END, Meta, PageHeader, PageKind};
use crate::formats::protobuf;

/// Buckets that every store of etcd 3 has.
const BUCKETS: [&[u8]; 3] = [b"key", b"lease", b"meta"];
/// Page sizes that are looked for, as powers of two.
const PAGES: std::ops::RangeInclusive<u32> = 12..=16;

/// True for a bbolt file with the buckets of etcd in its directory, as the newer of its meta pages names it.
pub fn is_store(bytes: &[u8]) -> bool {
    let meta_at = |at: usize| {
        let page = bytes.get(at..)?.get(..META_END)?;
        Meta::decode(page).ok().filter(|meta| meta.problem().is_none())
    };
    let second = PAGES.filter_map(|shift| meta_at(1 << shift)).find(|meta| (1 << 12..=1 << 16).contains(&meta.page_size));
    let Some(meta) = meta_at(0).into_iter().chain(second).max_by_key(|meta| meta.txid) else { return false };
    let page = meta.root.checked_mul(u64::from(meta.page_size)).and_then(|at| usize::try_from(at).ok());
    let Some(page) = page.and_then(|at| bytes.get(at..)) else { return false };
    let Ok(header) = PageHeader::decode(page) else { return false };
    if header.kind() != Some(PageKind::Leaf) {
        return false;
    }
    let name = |index: u16| Some(LeafElement::decode(page, index).ok()?.key_value(page, index).ok()?.0);
    let names: Vec<&[u8]> = (0..header.count.min(64)).filter_map(name).collect();
    BUCKETS.iter().all(|bucket| names.contains(bucket))
}

/// Keys of the bucket `meta`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetaKey {
    /// Index of the last entry that the store holds, 8 bytes.
    ConsistentIndex,
    /// Term of that entry, 8 bytes, from 3.5 on.
    Term,
    /// The members as Raft knows them, in JSON, from 3.5 on.
    ConfState,
    /// Version of the schema, from 3.6 on.
    StorageVersion,
    /// The revision that a compaction was asked for.
    ScheduledCompactRev,
    /// The revision that a compaction was finished for.
    FinishedCompactRev,
    /// Another one.
    Other,
}

impl MetaKey {
    /// By its name.
    pub fn of(key: &[u8]) -> Self {
        match key {
            b"consistent_index" => Self::ConsistentIndex,
            b"term" => Self::Term,
            b"confState" => Self::ConfState,
            b"storageVersion" => Self::StorageVersion,
            b"scheduledCompactRev" => Self::ScheduledCompactRev,
            b"finishedCompactRev" => Self::FinishedCompactRev,
            _ => Self::Other,
        }
    }

    /// A number as the store keeps it: 8 bytes, the highest first.
    pub fn number(value: &[u8]) -> Option<u64> {
        <[u8; 8]>::try_from(value).ok().map(u64::from_be_bytes)
    }
}

/// A revision: of a transaction, and of the change in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Revision {
    /// Number of the transaction.
    pub main: u64,
    /// Number of the change in it.
    pub sub: u64,
}

/// A key of the bucket `key`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreKey {
    /// The revision.
    pub revision: Revision,
    /// A deletion.
    pub tombstone: bool,
}

impl Revision {
    /// 8 bytes, `_`, 8 bytes.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (main, rest) = bytes.split_first_chunk::<8>()?;
        let rest = rest.strip_prefix(b"_")?;
        Some(Self { main: u64::from_be_bytes(*main), sub: u64::from_be_bytes(rest.try_into().ok()?) })
    }
}

/// True for what a member can read as `mvccpb.KeyValue`: key, create and mod revision, version, value, lease. It ends with a fatal error
/// over anything else in the bucket `key`. Fields that it does not know are passed over.
pub fn is_key_value(value: &[u8]) -> bool {
    protobuf::fields(value).all(|field| {
        field.is_ok_and(|field| match field.number {
            1 | 5 => field.value.as_bytes().is_some(),
            2 | 3 | 4 | 6 => field.value.as_varint().is_some(),
            number => number > 0,
        })
    })
}

impl StoreKey {
    /// A revision, with a `t` behind it for a deletion.
    pub fn decode(key: &[u8]) -> Option<Self> {
        match Revision::decode(key) {
            Some(revision) => Some(Self { revision, tombstone: false }),
            None => Some(Self { revision: Revision::decode(key.strip_suffix(b"t")?)?, tombstone: true }),
        }
    }
}
