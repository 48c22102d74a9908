//! What of a file of facts `compare` does not need: the forecasts, and what `check` found.

use ekv_tool::analysis::facts::Document;
use ekv_tool::analysis::{Coverage, Finding, NotExamined};
use serde::{Deserialize, Serialize};

/// The parts of the report. What another version of the program has not written is empty.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Sheet {
    /// `clean`, `damaged`, `unknown`: what `check` says of the node.
    pub verdict: String,
    /// What it found.
    pub findings: Vec<FindingLine>,
    /// What the next start of each group would do.
    #[serde(default)]
    pub forecasts: Vec<Forecast>,
    /// What was looked at, and what was not.
    pub coverage: Coverage,
}

/// What the next start of one group would do.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Forecast {
    /// The group directory.
    pub dir: String,
    /// The node's raft id.
    pub raft_id: String,
    /// The group's number, where the directory's name tells it.
    #[serde(default)]
    pub group_id: Option<u64>,
    /// The outcome in a word.
    pub outcome: String,
    /// Why.
    pub reason: String,
    /// What it reads and writes.
    pub cost: Cost,
}

/// What a start reads and writes.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Cost {
    /// Bytes that the server reads.
    pub read_bytes: u64,
    /// Bytes that it writes.
    pub write_bytes: u64,
    /// Milliseconds at the rate at which the payload was read when the facts were taken.
    pub estimate_ms: Option<u64>,
}

impl Cost {
    /// Both, one after the other. Without a time when that of one of them is not known.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            read_bytes: self.read_bytes.saturating_add(other.read_bytes),
            write_bytes: self.write_bytes.saturating_add(other.write_bytes),
            estimate_ms: self.estimate_ms.zip(other.estimate_ms).map(|(one, other)| one.saturating_add(other)),
        }
    }
}

/// A finding in words, of a code that this version may not know.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct FindingLine {
    /// Its code.
    pub code: String,
    /// `error`, `warning` or `info`.
    pub severity: String,
    /// The group directory.
    #[serde(default)]
    pub group: Option<String>,
    /// The file.
    pub path: Option<String>,
    /// First byte concerned.
    pub offset: Option<u64>,
    /// Number of bytes concerned.
    pub length: Option<u64>,
    /// What should be there.
    pub expected: Option<String>,
    /// What is there.
    pub found: Option<String>,
    /// What it means.
    pub message: String,
    /// What to do.
    pub advice: String,
    /// The code of the finding that explains it.
    #[serde(default)]
    pub derived_from: Option<String>,
    /// Further ones of the same kind.
    #[serde(default)]
    pub more: u64,
}

impl Forecast {
    /// The name of the node: its raft id, or its directory where that is not known.
    pub fn node(&self) -> &str {
        if self.raft_id.is_empty() { &self.dir } else { &self.raft_id }
    }
}

impl Sheet {
    /// Decodes the bytes of a file whose checksum is right.
    pub fn decode(bytes: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(bytes)
    }

    /// The findings as this version of the program knows them; of others it is said that they are not known.
    pub fn known(&self, shown: &str, coverage: &mut Coverage) -> Vec<Finding> {
        let mut known = Vec::new();
        for line in &self.findings {
            match serde_json::to_value(line).and_then(Finding::deserialize) {
                Ok(finding) => known.push(finding),
                Err(error) => coverage.missing(format!("a finding of {shown}"), error.to_string()),
            }
        }
        known
    }

    /// What was not looked at when the facts were taken, once.
    pub fn not_examined<'s>(&'s self, document: &'s Document) -> impl Iterator<Item = &'s NotExamined> {
        self.coverage.not_examined.iter().chain(&document.left_out)
    }
}
