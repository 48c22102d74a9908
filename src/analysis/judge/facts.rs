//! Files of facts: what `ekv-tool facts` gathers of a node, and `compare` takes in place of its directories.

use serde::{Deserialize, Serialize};

use super::envelopes::EnvelopeCensus;
use super::nodes::{LogFacts, NodeFacts, NodeStart};
use super::{Finding, NotExamined};
use crate::formats::facts::{Broken, SCHEMA, open};
use crate::types::{HlcTimestamp, LogIndex, OverBudget, ServerVersion, Sha256Sum, UnixMillis, grant};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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

/// What is read of a file of facts; the rest of it is for others.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Document {
    /// Version of the program that wrote it.
    pub tool_version: String,
    /// When it was begun, in milliseconds since 1970.
    pub taken_at_ms: UnixMillis,
    /// True when the rows of the stores were left out as asked.
    pub fast: bool,
    /// Tells which salt is mixed into the sums.
    pub salt: String,
    /// True when single groups were named, so that the nodes may have others; `None` of a version that did not say it.
    #[serde(default)]
    pub single_groups: Option<bool>,
    /// The groups of the node.
    pub groups: Vec<GroupFacts>,
    /// What stands beside them and was left out, and groups that could not be read.
    pub left_out: Vec<NotExamined>,
    /// Its checksum, over everything before it.
    #[serde(skip)]
    pub sha256: Option<Sha256Sum>,
}

/// Bytes of memory for a byte of a document: a number may be two bytes long, and is eight in a list that grows.
const MEMORY: u64 = 12;
/// Copies of groups in one file, of which each is held against all others of the same group.
const GROUPS: usize = 1 << 10;

/// Why a file cannot be taken as facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactsError {
    /// It is no whole document of this version.
    Broken(Broken),
    /// It needs more memory than there is.
    TooLarge(OverBudget),
    /// The checksum is right, and what it covers is not understood.
    NotUnderstood(String),
}

impl Document {
    /// Decodes the bytes of a file. Memory is asked for before it is taken.
    pub fn decode(bytes: &[u8]) -> Result<Self, FactsError> {
        let sha256 = open(bytes).map_err(FactsError::Broken)?;
        grant(Self::memory_of(bytes.len() as u64)).map_err(FactsError::TooLarge)?;
        let not_understood = |what: String| FactsError::NotUnderstood(what);
        let mut document: Self = serde_json::from_slice(bytes).map_err(|error| not_understood(error.to_string()))?;
        document.sha256 = Some(sha256);
        if document.groups.len() > GROUPS {
            return Err(not_understood(format!("it has {} groups; more than {GROUPS} are not taken", document.groups.len())));
        }
        for group in &document.groups {
            let runs = &group.node.entries;
            let sums_fit = group.log.as_ref().is_none_or(|log| log.entries.is_of(runs));
            if !runs.is_in_order() || !sums_fit {
                return Err(not_understood(format!("the log of {} has other sums than entries", group.node.dir)));
            }
        }
        Ok(document)
    }

    /// Bytes of memory that a document of so many bytes takes from the budget.
    pub const fn memory_of(len: u64) -> u64 {
        len.saturating_mul(MEMORY)
    }
}

impl FactsError {
    /// What the file is instead, and what to do.
    pub fn words(&self) -> (String, String) {
        let again = "make the facts again with `ekv-tool facts DIR --output n1.facts`, and copy the file as it is";
        let (problem, hint) = match self {
            Self::Broken(Broken::NotFacts) => (
                "is neither a directory nor a file of facts".to_owned(),
                "name a node's directory, or what `ekv-tool facts DIR` has written",
            ),
            Self::Broken(Broken::AnotherReport(schema)) => (
                format!("is a report ({schema}) and no file of facts"),
                "name a node's directory, or what `ekv-tool facts DIR` has written",
            ),
            Self::Broken(Broken::Version(schema)) => (
                format!("has facts of another version ({schema}; {SCHEMA} is known here)"),
                "use the ekv-tool that wrote it, or the newer one of the two",
            ),
            Self::Broken(Broken::Ending) => {
                ("is cut off, or was written again by another program: a file of facts ends with its checksum".to_owned(), again)
            }
            Self::Broken(Broken::Changed) => (
                "was changed since it was written, or written again by another program: its checksum is of other bytes"
                    .to_owned(),
                again,
            ),
            Self::TooLarge(over) => {
                // Who says this names the file before it.
                let words = over.to_string();
                (words.strip_prefix("it ").unwrap_or(&words).to_owned(), "name the node's directory instead")
            }
            Self::NotUnderstood(why) => (format!("has facts that are not understood: {why}"), "use the ekv-tool that wrote it"),
        };
        (problem, hint.to_owned())
    }
}
