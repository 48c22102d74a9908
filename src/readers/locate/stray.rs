//! Entries of a group's directory that hold nothing, in a directory around nodes or groups.
//!
//! An empty `wal` that somebody made in the wrong place does not make a Raft group of a raft data directory: the nodes below it are what
//! a server starts with.

use std::path::{Path, PathBuf};

use super::inside::is_part_of_group;
use super::names::{Unplaced, group_number, is_group, is_own};
use crate::formats::layout;
use crate::io::{DirEntry, EntryKind};
use crate::readers::source::Source;

/// Entries that alone would make a group of the directory around them.
#[derive(Debug)]
pub(super) struct Stray(Vec<(PathBuf, EntryKind)>);

impl Stray {
    /// Those in a directory around nodes; `None` when something of a group is there, or no node.
    pub(super) fn beside_nodes(dir: &Path, entries: &[DirEntry], source: &dyn Source) -> Option<Self> {
        let stray = Self::of(dir, entries, source)?;
        if has_groups(dir, entries, source) {
            // It is the directory of a node.
            return None;
        }
        let mut dirs = entries.iter().filter(|entry| {
            entry.kind == EntryKind::Directory && !is_part_of_group(&entry.name) && !entry.name.ends_with(layout::MIGRATING)
        });
        let is_node = |entry: &DirEntry| {
            let path = dir.join(&entry.name);
            source.list_kinds(&path).is_ok_and(|inside| is_group(&inside) || has_groups(&path, &inside, source))
        };
        dirs.any(is_node).then_some(stray)
    }

    /// Those in a node's directory, beside groups with a number above 0. The group 0 may lie in the directory of another group.
    pub(super) fn beside_groups(dir: &Path, entries: &[DirEntry], source: &dyn Source) -> Option<Self> {
        let stray = Self::of(dir, entries, source)?;
        has_groups(dir, entries, source).then_some(stray)
    }

    /// The entries of a group in `dir`; `None` when there are none, or one of them holds something.
    fn of(dir: &Path, entries: &[DirEntry], source: &dyn Source) -> Option<Self> {
        let mut found = Vec::new();
        for entry in entries.iter().filter(|entry| is_own(&entry.name)) {
            let path = dir.join(&entry.name);
            let holds_nothing = match entry.kind {
                EntryKind::Directory => source.list_kinds(&path).is_ok_and(|inside| inside.is_empty()),
                EntryKind::File => entry.name == layout::ENGINE_MARKER,
                EntryKind::Other | EntryKind::Nowhere => false,
            };
            if !holds_nothing {
                return None;
            }
            found.push((path, entry.kind));
        }
        (!found.is_empty()).then_some(Self(found))
    }

    /// Names them. What was meant to be in them may be on a volume that is not there.
    pub(super) fn tell(self, unplaced: &mut Vec<Unplaced>) {
        unplaced.extend(self.0.into_iter().map(|(path, kind)| {
            let why = if kind == EntryKind::Directory {
                "an empty directory of a Raft group beside nodes or groups, which were taken instead: a stray one to be removed, \
                 or a volume that is not mounted?"
            } else {
                "it marks the directory of a Raft group of which nothing else is there; the nodes or groups beside it were taken \
                 instead: a stray file to be removed?"
            };
            Unplaced { path, why: why.to_owned(), needed: true }
        }));
    }
}

/// True when `dir` holds a group with a number above 0.
fn has_groups(dir: &Path, entries: &[DirEntry], source: &dyn Source) -> bool {
    let numbered =
        |entry: &&DirEntry| entry.kind == EntryKind::Directory && group_number(&entry.name).is_some_and(|number| number > 0);
    let mut groups = entries.iter().filter(numbered);
    groups.any(|entry| source.list_kinds(&dir.join(&entry.name)).is_ok_and(|inside| is_group(&inside)))
}
