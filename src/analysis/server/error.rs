//! An error that the server itself would raise.

use std::borrow::Cow;

use serde::Serialize;

use super::conditions::Condition;

/// What the server would report. Part of a forecast, not an error of the tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ServerError {
    /// Which condition it is; what is decided by an error is decided by this.
    #[serde(skip)]
    pub condition: &'static Condition,
    /// The server's own name for the condition (`ErrFSMSnapshotFileCRC`), or the library's text when it has none
    /// (`walpb: crc mismatch`).
    pub error: Cow<'static, str>,
    /// The whole line as it would be logged, as far as the files determine it.
    pub text: String,
}

impl ServerError {
    /// An error under the name of its condition, with its text.
    pub fn of(condition: &'static Condition, text: impl Into<String>) -> Self {
        Self { condition, error: Cow::Borrowed(condition.name), text: text.into() }
    }

    /// An error whose text is the name of its condition.
    pub fn plain(condition: &'static Condition) -> Self {
        Self::of(condition, condition.name)
    }

    /// The same error under another name than its condition has: one of several texts that mean the same.
    #[must_use]
    pub fn named(mut self, error: impl Into<Cow<'static, str>>) -> Self {
        self.error = error.into();
        self
    }

    /// True when a library ends the process with this text instead of returning it.
    pub fn ends_the_process(&self) -> bool {
        self.text.starts_with("panic: ")
    }

    /// The same error with a prefix, as each layer of the server adds one: `prefix: text`.
    #[must_use]
    pub fn wrapped(mut self, prefix: &str) -> Self {
        self.text = format!("{prefix}: {}", self.text);
        self
    }
}
