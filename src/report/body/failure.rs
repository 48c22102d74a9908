//! What a run that could not do its work leaves for scripts.

use serde::Serialize;

use crate::analysis::Coverage;
use crate::report::{Body, Lines, Report, Section};

/// A run that ended with status 1. Nothing is known of the data: the verdict is `unknown`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct FailureBody {
    /// The command that was run, as in the `schema` of its own reports.
    pub command: String,
    /// Why there is no other report.
    pub error: Failure,
}

/// Why the work could not be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Failure {
    /// The line that stands on standard error, without the name of the program.
    pub message: String,
    /// The exit status.
    pub status: u8,
}

impl FailureBody {
    /// The report of a run of `command` that ended with `status` because of `message`.
    pub fn report(command: String, message: String, status: u8) -> Report<Self> {
        let mut coverage = Coverage::default();
        coverage.missing("everything", message.clone());
        Report::new(Self { command, error: Failure { message, status } }, Vec::new(), coverage)
    }
}

impl Body for FailureBody {
    const NAME: &'static str = "failure";
    const LINES: &'static [Lines] = &[Lines::of("error", "error")];
    const FAILED: bool = true;

    fn command(&self) -> &str {
        &self.command
    }

    fn headline(&self) -> String {
        format!("the work could not be done: {}", self.error.message)
    }

    fn sections(&self) -> Vec<Section> {
        Vec::new()
    }
}
