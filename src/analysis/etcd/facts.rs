//! What a comparison has to know of a member, as a file of facts tells it: without keys and values.

use serde::{Deserialize, Serialize};

use super::generation::Generation;
use super::start::EtcdStart;
use super::view::{EtcdLogView, EtcdStoreView};
use crate::analysis::{Finding, NotExamined};
use crate::formats::facts::{LogSums, TermRuns};
use crate::types::{EtcdId, UnixMillis};

/// One member of etcd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct EtcdFacts {
    /// The directory as the caller named it.
    pub dir: String,
    /// The member's id; `null` when no segment says it.
    pub member_id: Option<EtcdId>,
    /// The cluster's id.
    pub cluster_id: Option<EtcdId>,
    /// The releases of which one wrote the newest entries; `null` when they do not tell.
    pub written_by: Option<Generation>,
    /// True when files changed while they were read.
    pub changed: bool,
    /// When a file of the log or of the snapshots was last changed, in milliseconds since 1970; `null` when that is not known.
    pub last_written_ms: Option<UnixMillis>,
    /// The log; `null` when there is none, or it was not read.
    pub log: Option<EtcdLogView>,
    /// The entries that stand, as runs of one term.
    pub entries: TermRuns,
    /// Sums over them; `null` when there is no log, or when its bytes changed while they were read.
    pub sums: Option<LogSums>,
    /// The store; `null` when there is none, or it was not read.
    pub store: Option<EtcdStoreView>,
    /// What a start does, by release; first the releases that wrote the log.
    pub starts: Vec<EtcdStart>,
    /// Rules of Raft that were held against the log.
    pub rules: u64,
    /// What is wrong with the member by itself.
    pub findings: Vec<Finding>,
    /// What of it was not read.
    pub not_examined: Vec<NotExamined>,
}

impl EtcdFacts {
    /// True when the sums are of its entries.
    pub fn is_whole(&self) -> bool {
        self.entries.is_in_order() && self.sums.as_ref().is_none_or(|sums| sums.is_of(&self.entries))
    }
}
