//! What a file of facts tells of a copy of a group.

use serde::{Deserialize, Serialize};

use super::envelopes::EnvelopeCensus;
use super::nodes::{LogFacts, NodeFacts, NodeStart};
use super::{Finding, NotExamined};
use crate::types::{HlcTimestamp, LogIndex, ServerVersion, UnixMillis};

/// What a comparison has to know of one copy of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct GroupFacts {
    /// The group number, where the directory's name tells it.
    pub group_id: Option<u64>,
    /// The server version by whose rules the files were read.
    pub engine: ServerVersion,
    /// What the files say.
    pub node: NodeFacts,
    /// What the next start does.
    pub start: NodeStart,
    /// Sums over the log; `null` when there is none, or when its bytes changed while they were read.
    pub log: Option<LogFacts>,
    /// True when the log cannot be decoded to its end.
    pub log_is_cut: bool,
    /// True when files changed while they were read.
    pub changed: bool,
    /// When a file of the log or of the snapshots was last changed, in milliseconds since 1970.
    pub last_written_ms: Option<UnixMillis>,
    /// Bytes of the largest payload that was examined.
    pub largest_payload: Option<u64>,
    /// What is wrong with the node by itself and matters to the group: the errors of its files, of its start and of `check`'s rules.
    pub findings: Vec<Finding>,
    /// What of the node could not be read.
    pub not_examined: Vec<NotExamined>,
    /// What its store holds.
    pub store: StoreFacts,
    /// What is sealed in it; `null` without a sign of encryption.
    pub encryption: Option<EnvelopeCensus>,
    /// What is wrong with its envelopes.
    pub encryption_findings: Vec<Finding>,
}

/// The store of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StoreFacts {
    /// Whether there is one that opens.
    pub state: StoreState,
    /// What it holds; `null` when it was not read.
    pub content: Option<StoreSums>,
    /// What of its rows could not be read, and why.
    pub not_examined: Vec<NotExamined>,
}

impl StoreFacts {
    /// True when its rows were not read because that was asked for.
    pub const fn was_left_out(&self) -> bool {
        matches!(self.state, StoreState::Opens) && self.content.is_none() && self.not_examined.is_empty()
    }
}

/// Whether a node has a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StoreState {
    /// One that the server opens.
    Opens,
    /// One that it does not open.
    Refused,
    /// None.
    Absent,
}

/// The rows of a store as sums.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StoreSums {
    /// What the store says it has applied.
    pub applied: Option<LogIndex>,
    /// Its rows, its own numbers among them.
    pub rows: u64,
    /// A hash of all rows but its own numbers and what it stores outside of the log, sixteen hex digits.
    pub content_hash: Hash,
    /// True when it is undamaged and was read to its end.
    pub read_through: bool,
    /// Sealed rows that were not opened.
    pub closed: u64,
    /// The newest commit that the store says it holds.
    pub last_commit: Option<HlcTimestamp>,
    /// Its rows by class of keys, in the order in which they were met.
    pub classes: Vec<ClassSums>,
    /// The rows of the newest commits, by commit and class.
    pub newest: Vec<CommitSums>,
    /// Every row that was committed after this is in `newest`.
    pub newest_behind: HlcTimestamp,
}

/// Rows of one class that were committed at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CommitSums {
    /// The time.
    pub commit_ts: HlcTimestamp,
    /// The class.
    pub space: String,
    /// How many there are.
    pub rows: u64,
    /// Their sums added up, sixteen hex digits.
    pub sum: Hash,
    /// How many of them an entry of the node's own log writes.
    pub written: u64,
    /// The first of these entries; 0 when there is none.
    pub first_entry: LogIndex,
}

/// The rows of one class of keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ClassSums {
    /// What the keys belong to.
    pub space: String,
    /// Its rows.
    pub rows: u64,
    /// Hash of their keys and values, sixteen hex digits.
    pub hash: Hash,
    /// The sums of the same rows added up, sixteen hex digits.
    pub sum: Hash,
}

/// A hash that is written as sixteen hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hash(pub u64);

crate::types::text_schema!(Hash, "A hash in lower-case hex.", "pattern": "^[0-9a-f]{16}$");

impl From<Hash> for String {
    fn from(hash: Hash) -> Self {
        format!("{:016x}", hash.0)
    }
}

impl TryFrom<String> for Hash {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_hash = text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = is_hash.then(|| u64::from_str_radix(&text, 16).ok()).flatten();
        number.map(Self).ok_or("no hash of sixteen lower-case hex digits")
    }
}
