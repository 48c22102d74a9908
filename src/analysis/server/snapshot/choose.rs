//! Which `.snap` a start takes.

use std::collections::{BTreeSet, HashMap};

use crate::analysis::server::types::Rename;
use crate::formats::layout;
use crate::readers::{EntryKind, SnapDir, SnapEntry, SnapReadError};
use crate::types::{ServerVersion, SnapshotId};

/// What the search for a snapshot does to the names in `snap/`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Choice<'d> {
    /// The snapshot that the start uses; without one it starts from an empty snapshot at index 0.
    pub chosen: Option<&'d SnapEntry>,
    /// Names that would get `.broken` appended, in the order in which the search reaches them.
    pub renamed: Vec<&'d SnapEntry>,
    /// Readable names that were passed over, because no usable record of the log names what they hold.
    pub not_eligible: Vec<&'d SnapEntry>,
    /// Names below the chosen one, which the search never reaches.
    pub not_reached: Vec<&'d SnapEntry>,
    /// The first name of which this process could not tell whether the server can read it; everything after it depends on that.
    pub uncertain: Option<&'d SnapEntry>,
}

/// Follows the search of a start: names from the highest down as text, until one can be read and its own term and index
/// (not those of its name) are among `valid`, the log's snapshot records up to its last commit.
pub fn choose<'d>(dir: &'d SnapDir, engine: ServerVersion, valid: &BTreeSet<SnapshotId>) -> Choice<'d> {
    let mut choice = Choice::default();
    let mut entries = dir.snaps.iter();
    for entry in entries.by_ref() {
        if entry.changed || matches!(entry.read(engine), Err(SnapReadError::Unreadable(_))) {
            choice.uncertain.get_or_insert(entry);
        }
        match entry.read(engine) {
            Err(_) => choice.renamed.push(entry),
            Ok(content) if valid.contains(&content.metadata.id()) => {
                choice.chosen = Some(entry);
                break;
            }
            Ok(_) => choice.not_eligible.push(entry),
        }
    }
    choice.not_reached = entries.collect();
    choice
}

/// The renames that the search makes. A file cannot be put in the place of a directory, nor the other way round; the search goes
/// on all the same.
pub fn renames(dir: &SnapDir, choice: &Choice<'_>) -> Vec<Rename> {
    let is_dir = |kind| kind == EntryKind::Directory;
    let others: HashMap<_, _> = dir.others.iter().map(|other| (other.name.as_str(), other.kind)).collect();
    let possible = |entry: &&&SnapEntry| {
        let standing = others.get(format!("{}.broken", entry.name).as_str());
        standing.is_none_or(|standing| is_dir(*standing) == is_dir(entry.kind))
    };
    let rename = |entry: &&SnapEntry| {
        let from = layout::in_snap(&entry.name);
        Rename { to: format!("{from}.broken"), from }
    };
    choice.renamed.iter().filter(possible).map(rename).collect()
}
