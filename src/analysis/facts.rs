//! Files of facts: what `ekv-tool facts` gathers of a node, and `compare` takes in place of its directories.

use serde::Deserialize;

use super::NotExamined;
use super::etcd::facts::EtcdFacts;
use super::hraft::facts::HashiFacts;
use super::judge::facts::GroupFacts;
use crate::formats::facts::{Broken, SCHEMA, open};
use crate::types::{OverBudget, Sha256Sum, UnixMillis, grant};

/// Whose nodes a file of facts tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Groups of elastickv, or nothing.
    Elastickv,
    /// Nodes of hashicorp/raft.
    Hashicorp,
    /// Members of etcd.
    Etcd,
}

impl Engine {
    /// The name in sentences.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Elastickv => "elastickv",
            Self::Hashicorp => "hashicorp/raft",
            Self::Etcd => "etcd",
        }
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
    /// Nodes of hashicorp/raft.
    #[serde(default)]
    pub hashicorp: Vec<HashiFacts>,
    /// Members of etcd.
    #[serde(default)]
    pub etcd: Vec<EtcdFacts>,
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
        let kinds = [document.groups.len(), document.hashicorp.len(), document.etcd.len()];
        let copies: usize = kinds.iter().sum();
        if copies > GROUPS {
            return Err(not_understood(format!("it has {copies} groups; more than {GROUPS} are not taken")));
        }
        if kinds.iter().filter(|copies| **copies > 0).count() > 1 {
            return Err(not_understood("it tells of nodes of several kinds".to_owned()));
        }
        for group in &document.groups {
            let runs = &group.node.entries;
            let sums_fit = group.log.as_ref().is_none_or(|log| log.entries.is_of(runs));
            if !runs.is_in_order() || !sums_fit {
                return Err(not_understood(format!("the log of {} has other sums than entries", group.node.dir)));
            }
        }
        let of_others = document.hashicorp.iter().map(|node| (&node.dir, node.is_whole()));
        let mut of_others = of_others.chain(document.etcd.iter().map(|member| (&member.dir, member.is_whole())));
        if let Some((dir, _)) = of_others.find(|(_, is_whole)| !is_whole) {
            return Err(not_understood(format!("the log of {dir} has other sums than entries")));
        }
        Ok(document)
    }

    /// Whose nodes it tells.
    pub const fn engine(&self) -> Engine {
        match (self.hashicorp.is_empty(), self.etcd.is_empty()) {
            (false, _) => Engine::Hashicorp,
            (true, false) => Engine::Etcd,
            (true, true) => Engine::Elastickv,
        }
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
