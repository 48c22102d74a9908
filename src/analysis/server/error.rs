//! An error that the server itself would raise.

use std::borrow::Cow;

use serde::Serialize;

/// What the server would report. Part of a forecast, not an error of the tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServerError {
    /// The server's own name for the condition (`ErrFSMSnapshotFileCRC`), or the library's text when it has none
    /// (`walpb: crc mismatch`).
    pub error: Cow<'static, str>,
    /// The whole line as it would be logged, as far as the files determine it.
    pub text: String,
}

impl ServerError {
    /// An error with a name of its own and its text.
    pub fn new(error: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Self {
        Self { error: error.into(), text: text.into() }
    }

    /// An error that is known by its text alone.
    pub fn text(text: &'static str) -> Self {
        Self { error: Cow::Borrowed(text), text: text.to_owned() }
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
