//! What an earlier run found in a payload, for a run that does not read it again.

use serde::{Deserialize, Serialize};

use super::as_file::as_file;
use crate::analysis::Finding;
use crate::analysis::judge::coverage::NotExamined;
use crate::analysis::judge::snapshot::RowCounts;
use crate::readers::Depth;
use crate::readers::offload::ObjectFacts;
use crate::types::LogIndex;

/// What is in a payload, whatever manifest names it. As JSON it is read by the same version of this program only.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KnownContents {
    /// What is wrong with it, without its path: who asks says what the payload is called.
    findings: Vec<Finding>,
    not_examined: Vec<NotExamined>,
    applied_index: Option<LogIndex>,
    rows: Option<RowCounts>,
}

impl KnownContents {
    /// Of a payload that was read whole; reports call it `shown`.
    pub fn of(shown: &str, facts: &ObjectFacts, depth: Depth) -> Self {
        // Which index it is filed under stands in manifests alone.
        let examined = as_file(shown, LogIndex(u64::MAX), facts, facts.sums, depth);
        Self {
            findings: examined.findings.into_iter().map(|finding| Finding { path: None, group: None, ..finding }).collect(),
            not_examined: examined.coverage.not_examined,
            applied_index: examined.view.applied_index,
            rows: examined.view.rows,
        }
    }

    /// The findings, of a payload that is called `shown`.
    pub fn findings(&self, shown: &str) -> impl Iterator<Item = Finding> {
        self.findings.iter().map(move |finding| finding.clone().at(shown))
    }

    /// What was not looked at.
    pub fn not_examined(&self) -> impl Iterator<Item = NotExamined> + '_ {
        self.not_examined.iter().cloned()
    }

    /// The applied index among its rows.
    pub const fn applied_index(&self) -> Option<LogIndex> {
        self.applied_index
    }

    /// What its rows add up to, when they were walked to the end.
    pub const fn rows(&self) -> Option<RowCounts> {
        self.rows
    }
}
