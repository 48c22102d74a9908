//! The releases of hashicorp/raft whose behaviour is told apart: one row of traits each, as for the server's versions.
//!
//! A question asks for a trait and never compares releases.

use std::fmt;

use serde::Serialize;

/// A release of hashicorp/raft.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, schemars::JsonSchema)]
pub enum LibraryVersion {
    /// 1.7.3, of March 2025.
    #[serde(rename = "1.7.3")]
    V1_7_3,
    /// 1.8.0.
    #[serde(rename = "1.8.0")]
    V1_8_0,
}

/// What a release does differently from another one.
///
/// Everything else that a start does with files, and every text, was seen to be the same in both: 209 nodes were started with each.
#[derive(Debug, PartialEq, Eq)]
pub struct LibraryTraits {
    /// The name in reports.
    pub name: &'static str,
    /// Whether it asks a log store for a commit index and applies up to it at a start (hashicorp/raft, pull request 613). None of the
    /// stores that this program reads records one: not raft-boltdb, not raft-wal, not elastickv's store over Pebble.
    pub applies_recorded_commit: bool,
}

const V1_7_3: LibraryTraits = LibraryTraits { name: "1.7.3", applies_recorded_commit: false };
const V1_8_0: LibraryTraits = LibraryTraits { name: "1.8.0", applies_recorded_commit: true };

impl LibraryVersion {
    /// All, oldest first.
    pub const ALL: [Self; 2] = [Self::V1_7_3, Self::V1_8_0];

    /// What it does differently from others.
    pub const fn traits(self) -> &'static LibraryTraits {
        match self {
            Self::V1_7_3 => &V1_7_3,
            Self::V1_8_0 => &V1_8_0,
        }
    }

    /// The releases for which one forecast over a log store holds; `records_commit` says whether that store keeps a commit index.
    pub fn forecast_alike(records_commit: bool) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |version| !(records_commit && version.traits().applies_recorded_commit))
    }
}

impl fmt::Display for LibraryVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.traits().name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_has_its_name_and_a_forecast_the_releases_for_which_it_holds() {
        for version in LibraryVersion::ALL {
            assert_eq!(serde_json::to_string(&version).unwrap(), format!("\"{version}\""));
        }
        assert_eq!(LibraryVersion::forecast_alike(false).count(), 2);
        assert_eq!(LibraryVersion::forecast_alike(true).collect::<Vec<_>>(), [LibraryVersion::V1_7_3]);
    }
}
