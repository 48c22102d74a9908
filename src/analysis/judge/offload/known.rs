//! What an earlier run found in a payload, for a run that does not read it again.

use serde::{Deserialize, Serialize};

use super::as_file::as_file;
use crate::analysis::judge::codes;
use crate::analysis::judge::coverage::NotExamined;
use crate::analysis::judge::snapshot::RowCounts;
use crate::analysis::{Finding, Severity};
use crate::readers::Depth;
use crate::readers::offload::ObjectFacts;
use crate::types::LogIndex;

/// What is in a payload, whatever manifest names it. As JSON it is read by the same version of this program only.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KnownContents {
    /// What is wrong with it.
    findings: Vec<Known>,
    /// What was not looked at: part, reason, and whether the verdict needs it.
    not_examined: Vec<(String, String, bool)>,
    /// The applied index among its rows.
    applied_index: Option<u64>,
    /// What its rows add up to, when they were walked to the end.
    rows: Option<KnownRows>,
}

/// A finding, as far as it does not follow from its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    code: String,
    severity: u8,
    offset: Option<u64>,
    length: Option<u64>,
    expected: Option<String>,
    found: Option<String>,
    message: String,
    advice: String,
    derived_from: Option<String>,
    more: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct KnownRows {
    rows: u64,
    versions: u64,
    tombstones: u64,
    sealed: u64,
    key_bytes: u64,
    value_bytes: u64,
}

impl KnownContents {
    /// Of a payload that was read whole; reports call it `shown`.
    pub fn of(shown: &str, facts: &ObjectFacts, depth: Depth) -> Self {
        // Which index it is filed under stands in manifests alone.
        let examined = as_file(shown, LogIndex(u64::MAX), facts, facts.sums, depth);
        Self {
            findings: examined.findings.into_iter().map(Known::of).collect(),
            not_examined: examined.coverage.not_examined.into_iter().map(|it| (it.what, it.why, it.needed)).collect(),
            applied_index: examined.view.applied_index.map(|index| index.0),
            rows: examined.view.rows.map(|it| KnownRows {
                rows: it.rows,
                versions: it.versions,
                tombstones: it.tombstones,
                sealed: it.sealed,
                key_bytes: it.key_bytes,
                value_bytes: it.value_bytes,
            }),
        }
    }

    /// The findings, of a payload that is called `shown`. `None` for a code that this version does not have.
    pub fn findings(&self, shown: &str) -> Option<Vec<Finding>> {
        self.findings.iter().map(|known| known.finding(shown)).collect()
    }

    /// What was not looked at.
    pub fn not_examined(&self) -> impl Iterator<Item = NotExamined> + '_ {
        self.not_examined.iter().map(|(what, why, needed)| NotExamined { what: what.clone(), why: why.clone(), needed: *needed })
    }

    /// The applied index among its rows.
    pub fn applied_index(&self) -> Option<LogIndex> {
        self.applied_index.map(LogIndex)
    }

    /// What its rows add up to.
    pub fn rows(&self) -> Option<RowCounts> {
        let KnownRows { rows, versions, tombstones, sealed, key_bytes, value_bytes } = self.rows?;
        Some(RowCounts { rows, versions, tombstones, sealed, opened: None, key_bytes, value_bytes })
    }
}

impl Known {
    fn of(finding: Finding) -> Self {
        Self {
            code: finding.code.code.to_owned(),
            severity: match finding.severity {
                Severity::Error => 0,
                Severity::Warning => 1,
                Severity::Info => 2,
            },
            offset: finding.offset,
            length: finding.length,
            expected: finding.expected,
            found: finding.found,
            message: finding.message,
            advice: finding.advice,
            derived_from: finding.derived_from.map(str::to_owned),
            more: finding.more,
        }
    }

    fn finding(&self, shown: &str) -> Option<Finding> {
        let severity = match self.severity {
            0 => Severity::Error,
            1 => Severity::Warning,
            2 => Severity::Info,
            _ => return None,
        };
        let derived_from = match &self.derived_from {
            Some(code) => Some(codes::find(code)?.code),
            None => None,
        };
        Some(Finding {
            code: codes::find(&self.code)?,
            severity,
            group: None,
            path: Some(shown.to_owned()),
            offset: self.offset,
            length: self.length,
            expected: self.expected.clone(),
            found: self.found.clone(),
            message: self.message.clone(),
            advice: self.advice.clone(),
            derived_from,
            more: self.more,
        })
    }
}
