//! What the entries of a log ask for.

use std::collections::BTreeMap;

use crate::formats::etcd::Request;
use crate::formats::kv::{EntryClass, classify_etcd};
use crate::formats::raftpb::EntryType;
use crate::readers::wal::{EntryRanges, WalScan};
use crate::types::ServerVersion;

/// Number of requests by operation among the entries in `ranges`.
pub fn operations(scan: &WalScan, ranges: &EntryRanges, version: ServerVersion) -> BTreeMap<&'static str, u64> {
    let mut operations = BTreeMap::new();
    let entries = ranges.iter(scan, version).filter(|entry| entry.kind == EntryType::Normal);
    for request in entries.filter_map(|entry| Request::decode(entry.data)) {
        *operations.entry(request.name()).or_default() += 1;
    }
    operations
}

/// Entries at which a member that applies them ends: ordinary ones whose data is no request. Segment, offset and index of each.
pub fn malformed(scan: &WalScan, ranges: &EntryRanges, version: ServerVersion) -> Vec<(usize, u64, u64)> {
    let entries = ranges.iter(scan, version);
    let odd = entries
        .filter(|entry| entry.kind == EntryType::Normal && classify_etcd(entry.kind, entry.data).class == EntryClass::Unknown);
    odd.map(|entry| (entry.segment, entry.offset, entry.index.0)).collect()
}
