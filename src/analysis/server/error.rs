//! An error that the server itself would raise.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::conditions::Condition;

/// What the server would report. Part of a forecast, not an error of the tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ServerError {
    /// Which condition it is; what is decided by an error is decided by this.
    #[serde(skip, default = "told")]
    pub condition: &'static Condition,
    /// The server's own name for the condition (`ErrFSMSnapshotFileCRC`), or the library's text when it has none
    /// (`walpb: crc mismatch`).
    pub error: Cow<'static, str>,
    /// The whole line as it would be logged, as far as the files determine it.
    pub text: String,
}

/// The condition of an error that another run has told: its name and its text are all that is known.
static TOLD: Condition = Condition {
    name: "told by a file of facts",
    says: &[],
    engine: None,
    title: "",
    meaning: "",
    decided_by: "",
    safe: "",
    not_safe: "",
    more: "",
};

fn told() -> &'static Condition {
    &TOLD
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
