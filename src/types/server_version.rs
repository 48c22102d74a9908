//! The two server versions whose behaviour is told apart.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which server would open the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerVersion {
    /// The head of pull request 934: skips a restore when the store has reached max(snapshot, commit).
    Pr934,
    /// Today's main: skips a restore when the store has reached the snapshot.
    Main,
}

impl ServerVersion {
    /// Both, in the order in which reports show them.
    pub const ALL: [Self; 2] = [Self::Pr934, Self::Main];

    /// The name used on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pr934 => "pr934",
            Self::Main => "main",
        }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Pr934 => Self::Main,
            Self::Main => Self::Pr934,
        }
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
