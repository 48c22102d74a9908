//! The server versions whose behaviour is told apart: one row of traits each.
//!
//! Nothing else in the program compares versions. It asks for a trait, so that another version is one row here, its rule if
//! it has a new one, its texts and its fixtures. `tests/layering.rs` holds that.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which server would open the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ServerVersion {
    /// The head of pull request 934: skips a restore when the store has reached max(snapshot, commit).
    Pr934,
    /// Today's main: skips a restore when the store has reached the snapshot.
    Main,
    /// A version that does not exist: what a third one would have to say.
    #[cfg(test)]
    Next,
}

/// What a server version does differently from another one.
#[derive(Debug, PartialEq, Eq)]
pub struct ServerTraits {
    /// The name used on the command line and in reports.
    pub name: &'static str,
    /// Newest version of the peers file that it reads; it writes this one.
    pub peers_up_to: u32,
    /// The runtime that decodes its messages.
    pub protobuf: ProtobufRuntime,
    /// The rule by which it skips a restore.
    pub rule: Rule,
    /// Whether it puts the only backup of an interrupted restore in the place of a missing store.
    pub promotes_restore_backup: bool,
    /// Whether it removes work areas of interrupted snapshots and restores beside the store.
    pub removes_work_areas: bool,
    /// Whether it reads every row of the store when it opens it.
    pub reads_rows_on_open: bool,
    /// Whether it opens sealed entries of the log.
    pub knows_sealed: bool,
    /// Whether it restores payloads that are bundles of tables (`EKVSSTI1`).
    pub reads_table_bundles: bool,
    /// Whether a name in `snap/` keeps a payload alive only if its term is a number too.
    pub wants_term_in_snap_name: bool,
    /// Whether every member needs a readable address after a membership change.
    pub wants_member_addresses: bool,
    /// Whether it looks through the log for membership changes in (K, L] before Raft starts, so that a last index of 2^64-1
    /// ends the start.
    pub fences_pending_changes: bool,
    /// Whether its line about a skipped restore says how far the store is behind the commit.
    pub logs_gap_behind_commit: bool,
    /// Whether its error about a record of an unknown type names the type.
    pub names_unknown_record: bool,
}

/// How a server takes malformed protobuf messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProtobufRuntime {
    /// The generated code of gogo/protobuf.
    Gogo,
    /// The reflective runtime of google.golang.org/protobuf.
    Google,
}

/// One version of the decision whether a start may skip the full restore.
///
/// The rules differ in the threshold that the store's applied index must reach, and in what follows from a skip. Rules that
/// no version of the table uses any more are told beside the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
pub enum Rule {
    /// First version: threshold is the token's index; decided before the log is opened.
    #[serde(rename = "a")]
    A,
    /// Threshold max(snapshot, last entry), uncommitted entries included.
    #[serde(rename = "b")]
    B,
    /// As `b`; the applied counter starts at the store's index and duplicates are dropped, leases among them.
    #[serde(rename = "b'")]
    BPrime,
    /// Threshold max(snapshot, commit); leases are applied again. The server called `pr934`.
    #[serde(rename = "c")]
    C,
    /// As `c`, with a computed applied floor.
    #[serde(rename = "c'")]
    CPrime,
    /// Threshold is the snapshot; volatile entries are replayed before raft starts. The server called `main`.
    #[serde(rename = "d")]
    D,
}

const PR934: ServerTraits = ServerTraits {
    name: "pr934",
    peers_up_to: 2,
    protobuf: ProtobufRuntime::Gogo,
    rule: Rule::C,
    promotes_restore_backup: false,
    removes_work_areas: false,
    reads_rows_on_open: false,
    knows_sealed: false,
    reads_table_bundles: false,
    wants_term_in_snap_name: false,
    wants_member_addresses: false,
    fences_pending_changes: false,
    logs_gap_behind_commit: false,
    names_unknown_record: true,
};

const MAIN: ServerTraits = ServerTraits {
    name: "main",
    peers_up_to: 3,
    protobuf: ProtobufRuntime::Google,
    rule: Rule::D,
    promotes_restore_backup: true,
    removes_work_areas: true,
    reads_rows_on_open: true,
    knows_sealed: true,
    reads_table_bundles: true,
    wants_term_in_snap_name: true,
    wants_member_addresses: true,
    fences_pending_changes: true,
    logs_gap_behind_commit: true,
    names_unknown_record: false,
};

#[cfg(test)]
const NEXT: ServerTraits = ServerTraits { name: "next", peers_up_to: 4, rule: Rule::CPrime, reads_rows_on_open: false, ..MAIN };

impl ServerVersion {
    /// All, oldest first, in the order in which reports show them.
    pub const ALL: [Self; 2] = [Self::Pr934, Self::Main];

    /// The one whose reading is taken where no server is in question: it refuses least.
    pub const NEWEST: Self = Self::Main;

    /// What it does differently from others.
    pub const fn traits(self) -> &'static ServerTraits {
        match self {
            Self::Pr934 => &PR934,
            Self::Main => &MAIN,
            #[cfg(test)]
            Self::Next => &NEXT,
        }
    }

    /// The name used on the command line and in reports.
    pub const fn name(self) -> &'static str {
        self.traits().name
    }

    /// The version of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.name() == name)
    }

    /// All others, oldest first.
    pub fn others(self) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |other| *other != self)
    }

    /// The oldest version that does what `shows` asks for: it, or a newer one, left the trace.
    pub fn oldest_that(shows: impl Fn(&ServerTraits) -> bool) -> Option<Self> {
        Self::ALL.into_iter().find(|version| shows(version.traits()))
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_has_a_name_of_its_own() {
        for version in ServerVersion::ALL {
            assert_eq!(ServerVersion::named(version.name()), Some(version));
            assert_eq!(serde_json::to_string(&version).unwrap(), format!("\"{version}\""));
            assert_eq!(version.others().count(), ServerVersion::ALL.len() - 1);
        }
        assert_eq!(ServerVersion::named("auto"), None);
        assert_eq!(ServerVersion::ALL.last(), Some(&ServerVersion::NEWEST));
    }
}
