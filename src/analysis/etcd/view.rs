//! What reports and files of facts say of the files of a member.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::analysis::server::HardStateView;

/// The log of a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct EtcdLogView {
    /// The log directory.
    pub path: String,
    /// Number of segments.
    pub segments: u64,
    /// Bytes of all segments.
    pub size_bytes: u64,
    /// Records whose checksums fit.
    pub records: u64,
    /// Entries that stand.
    pub entries: u64,
    /// First of them.
    pub first_index: Option<u64>,
    /// Last of them, or a later committed snapshot.
    pub last_index: Option<u64>,
    /// The last hard state.
    pub hard_state: Option<HardStateView>,
    /// Snapshot records.
    pub snapshot_records: u64,
    /// Number of requests by operation.
    pub operations: BTreeMap<Cow<'static, str>, u64>,
}

/// The store of a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct EtcdStoreView {
    /// The file.
    pub path: String,
    /// Its length in bytes.
    pub size_bytes: u64,
    /// Index of the last entry that it holds.
    pub consistent_index: Option<u64>,
    /// Term of that entry; from 3.5 on.
    pub term: Option<u64>,
    /// Version of its schema; from 3.6 on.
    pub storage_version: Option<String>,
    /// Revision of the last change.
    pub revision: Option<u64>,
    /// Revision up to which history was forgotten.
    pub compacted_revision: Option<u64>,
    /// Changes of keys that it holds.
    pub changes: u64,
    /// Deletions among them.
    pub deletions: u64,
    /// Pages that are in use.
    pub pages: u64,
    /// Pages with something wrong.
    pub problems: u64,
}
