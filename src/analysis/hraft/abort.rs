//! How a start ends when it does not succeed.

use serde::{Deserialize, Serialize};

/// What ends the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AbortKind {
    /// The library returns an error.
    Error,
    /// The process ends with a panic, a memory fault, or without memory.
    Panic,
    /// The library never returns.
    Hang,
}

/// How far a start gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Stage {
    /// While the files are opened.
    #[serde(rename = "open-stores")]
    OpenStores,
    /// While the node is put together.
    NewRaft,
    /// After it began to run.
    #[serde(rename = "running")]
    Running,
}

/// What the library does instead of going on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Crash {
    /// What kind of end.
    pub kind: AbortKind,
    /// The text that it leaves; addresses and goroutines left out.
    pub text: String,
}

/// The end of a start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StartAbort {
    /// What kind of end.
    pub kind: AbortKind,
    /// When.
    pub stage: Stage,
    /// The text.
    pub text: String,
}

impl Crash {
    /// An error that the library returns.
    pub fn error(text: impl Into<String>) -> Self {
        Self { kind: AbortKind::Error, text: text.into() }
    }

    /// A panic.
    pub fn panic(text: impl Into<String>) -> Self {
        Self { kind: AbortKind::Panic, text: text.into() }
    }

    /// A touch of memory that is not there: the process cannot catch it.
    pub fn fault(at: u64) -> Self {
        Self::panic(format!("fatal error: fault at offset {at} of the file"))
    }

    /// An endless descent.
    pub fn hang(text: impl Into<String>) -> Self {
        Self { kind: AbortKind::Hang, text: text.into() }
    }

    /// Where it happens.
    pub fn during(self, stage: Stage) -> StartAbort {
        StartAbort { kind: self.kind, stage, text: self.text }
    }

    /// An error gets words in front; a panic passes through them.
    #[must_use]
    pub fn wrap(self, prefix: &str) -> Self {
        match self.kind {
            AbortKind::Error => Self::error(format!("{prefix}: {}", self.text)),
            AbortKind::Panic | AbortKind::Hang => self,
        }
    }
}

impl Stage {
    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenStores => "open-stores",
            Self::NewRaft => "NewRaft",
            Self::Running => "running",
        }
    }
}

impl AbortKind {
    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Panic => "panic",
            Self::Hang => "hang",
        }
    }
}
