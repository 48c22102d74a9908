//! Which snapshots the library sees, and in which order it tries them.

use std::cmp::Ordering;

use crate::formats::hraft::{SnapshotMeta, SnapshotMetaNotes};

/// Snapshots that the library keeps and tries, unless the program that embeds it says otherwise.
pub const DEFAULT_RETAIN: usize = 3;

/// The snapshots of a node, as far as the library sees them.
#[derive(Debug, Clone, Default)]
pub struct Snapshots {
    /// Why the store cannot be opened at all.
    pub refusal: Option<String>,
    /// What could not be read and decides which snapshot is restored: its path, and the reason.
    pub unread: Vec<(String, String)>,
    /// In the order in which they are tried, the newest first; no more than are kept.
    pub listed: Vec<Candidate>,
}

/// One snapshot that is listed.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Name of the directory in which its `meta.json` was found.
    pub name: String,
    /// What that says.
    pub meta: SnapshotMeta,
    /// What the library passes over in it.
    pub notes: SnapshotMetaNotes,
    /// What opening it by its id gives.
    pub opened: Opened,
    /// Length of the `state.bin` that was read for it.
    pub state_size: Option<u64>,
}

/// What opening a snapshot by its id gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// The state machine takes it, as far as that is known.
    Restores,
    /// It can be opened, but the state machine refuses it.
    RefusedByMachine,
    /// It cannot be opened; with the library's reason.
    Fails(String),
    /// The system does not deliver it; with its reason.
    Unread(String),
    /// Not tried, because a newer one is restored.
    NotTried,
}

impl Candidate {
    /// True when the library restores it if it gets that far.
    pub fn restores(&self) -> bool {
        self.opened == Opened::Restores
    }
}

/// Order of the library, oldest first: term, index, id.
pub fn compare(a: &SnapshotMeta, b: &SnapshotMeta) -> Ordering {
    a.term.cmp(&b.term).then(a.index.cmp(&b.index)).then_with(|| a.id.as_bytes().cmp(b.id.as_bytes()))
}
