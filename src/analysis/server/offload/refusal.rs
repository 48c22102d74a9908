//! How the server's program ends without having done its work.

use crate::analysis::ServerError;
use crate::analysis::server::conditions::{self, Condition};
use crate::formats::offload::{ManifestRefusal, Sentinel};

/// An error of the server's program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its exit status.
    pub status: u8,
    /// Its text, without the `publish persisted snapshot: ` or `restore physical snapshot: ` that begins most.
    pub error: String,
    /// What `explain` says about it, where that is known.
    pub condition: Option<&'static Condition>,
}

/// Why a plan ends before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halted {
    /// The program ends with an error.
    Refused(Refusal),
    /// It is not known, for the reason given.
    Undecided(String),
}

impl Refusal {
    /// An error of one of the program's own kinds.
    pub fn of(text: impl std::fmt::Display, sentinel: Sentinel, condition: &'static Condition) -> Self {
        Self { status: sentinel.status(), error: format!("{text}: {}", sentinel.text()), condition: Some(condition) }
    }

    /// Any other error.
    pub fn plain(error: impl Into<String>, condition: &'static Condition) -> Self {
        Self { status: 1, error: error.into(), condition: Some(condition) }
    }

    /// An error that a start would end with too, behind what the program says before it.
    pub fn as_start(prefix: &str, error: &ServerError) -> Self {
        if error.ends_the_process() {
            // The runtime's own status after a panic, and nobody is left to say more.
            return Self { status: 2, error: error.text.clone(), condition: Some(error.condition) };
        }
        Self { status: 1, error: format!("{prefix}: {}", error.text), condition: Some(error.condition) }
    }

    /// What is said of a manifest.
    pub fn manifest(prefix: &str, refusal: &ManifestRefusal) -> Self {
        let condition = match refusal {
            ManifestRefusal::Digest { .. } => &conditions::OFFLOAD_MANIFEST_SHA256,
            _ => &conditions::OFFLOAD_MANIFEST_REFUSED,
        };
        match refusal.sentinel() {
            Some(sentinel) => Self::of(format!("{prefix}{refusal}"), sentinel, condition),
            None => Self::plain(format!("{prefix}{refusal}"), condition),
        }
    }
}

impl From<Refusal> for Halted {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
