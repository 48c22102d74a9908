//! Sealed entries that the keys at hand do not open.

use crate::analysis::Finding;
use crate::analysis::judge::envelopes::open_failed;
use crate::crypto::OpenError;
use crate::formats::envelope::Envelope;

/// Entries that are named; more are only counted.
const NAMED: u64 = 16;

/// Collects them while a log is read.
#[derive(Debug, Default)]
pub(super) struct Closed {
    findings: Vec<Finding>,
    count: u64,
}

impl Closed {
    /// One entry, with its segment and the offset of its frame.
    pub(super) fn add(&mut self, what: &str, segment: String, offset: u64, envelope: &Envelope<'_>, error: &OpenError) {
        self.count += 1;
        if self.count <= NAMED {
            self.findings.push(open_failed(what, segment, Some(offset), Some(envelope), error));
        }
    }

    /// The findings; the last one counts those that are not named.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        if let Some(last) = self.findings.last_mut().filter(|_| self.count > NAMED) {
            last.message = format!("{} {} more do not open.", last.message, self.count - NAMED);
        }
        self.findings
    }
}
