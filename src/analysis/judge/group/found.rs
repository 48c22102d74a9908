//! What a check collects.

use std::fmt::Write as _;

use crate::analysis::{Finding, Severity};

use super::CheckOutcome;

/// Findings of one check that are kept; the rest is counted.
const KEPT: usize = 50;

/// The findings of one check so far.
#[derive(Debug, Default)]
pub struct Found {
    findings: Vec<Finding>,
    count: u64,
    worst: Option<Severity>,
    /// Of the findings that are kept.
    mildest: Option<Severity>,
    /// True when the files were not of one instant although the check needs that.
    moving: bool,
    /// What was found and cannot be decided.
    pub(super) undecided: Option<String>,
    /// Set when the check cannot say anything.
    pub(super) outcome: Option<CheckOutcome>,
}

impl Found {
    pub(super) fn new(moving: bool) -> Self {
        Self { moving, ..Self::default() }
    }

    /// Adds a finding. An error that a moving directory can explain becomes a warning.
    pub fn push(&mut self, mut finding: Finding) {
        if self.moving && finding.severity == Severity::Error {
            finding.weigh(Severity::Warning);
            finding.message.push_str(" Files changed while they were read, which alone can explain it.");
        }
        self.count += 1;
        self.worst = Some(self.worst.map_or(finding.severity, |worst| worst.min(finding.severity)));
        if self.findings.len() < KEPT {
            self.findings.push(finding);
        } else if let Some(last) = self.findings.iter_mut().rev().find(|kept| kept.severity > finding.severity) {
            // A worse finding is never lost behind a long list of remarks.
            *last = finding;
        }
        self.mildest = self.findings.iter().map(|kept| kept.severity).max();
    }

    /// As [`Found::push`] of a finding of that severity, which is made only when it will be kept: a record can name millions
    /// of members.
    pub fn note(&mut self, severity: Severity, make: impl FnOnce() -> Finding) {
        if self.findings.len() < KEPT || self.mildest > Some(severity) {
            self.push(make());
        } else {
            self.count += 1;
        }
    }

    /// The check has nothing to work on.
    pub fn not_applicable(&mut self, why: impl Into<String>) {
        self.outcome = Some(CheckOutcome::NotApplicable { why: why.into() });
    }

    /// Something was found, and whether it is damage cannot be decided from these files.
    pub fn undecided(&mut self, why: impl Into<String>) {
        self.undecided = Some(why.into());
    }

    /// The check cannot be made.
    pub fn not_checkable(&mut self, why: impl Into<String>) {
        self.outcome = Some(CheckOutcome::NotCheckable { why: why.into() });
    }

    pub(super) fn into_outcome(mut self) -> (CheckOutcome, Vec<Finding>) {
        if let (Some(last), true) = (self.findings.last_mut(), self.count > KEPT as u64) {
            let more = self.count - KEPT as u64;
            let _ = write!(last.message, " {more} more of this kind are not shown.");
        }
        let outcome = match self.worst {
            Some(severity) => CheckOutcome::Found { severity, count: self.count },
            None => self.outcome.unwrap_or(CheckOutcome::Clean),
        };
        (outcome, self.findings)
    }
}
