//! What lies in the directory of a group or a node, or beside nodes, and is no group that a start opens.

use std::path::{Path, PathBuf};

use super::names::{Unplaced, group_number, is_group, own_entry};
use crate::error::Error;
use crate::formats::layout;
use crate::io::{DirEntry, EntryKind};
use crate::readers::group_listing::SPOOL_PREFIX;
use crate::readers::source::Source;

/// What a directory with the name of an unfinished migration is.
pub(super) const MIGRATION: &str = "a migration worked in it and was aborted; no start opens it";
/// What a group below the places of groups is.
pub(super) const DEEPER: &str = "a Raft group one level deeper than a start looks for it: was a node restored into itself?";

/// Levels below a directory that are searched for a group: a raft data directory, a node, a group.
const LEVELS: usize = 3;
/// Directories that are looked into before one is taken for none with a group below it.
const LOOKED_INTO: usize = 4096;

/// What stands beside nodes without being one.
pub(super) fn is_known_beside_nodes(name: &str) -> bool {
    matches!(name, "lost+found" | layout::ENCRYPTION) || name.starts_with('.')
}

/// A directory that cannot be listed. The error comes back where it might be a node's.
pub(super) fn unlistable(child: &Path, entry: &DirEntry, error: Error, unplaced: &mut Vec<Unplaced>) -> Option<Error> {
    if error.is_not_found() {
        if entry.name.contains(char::REPLACEMENT_CHARACTER) {
            let why = "its name is not UTF-8, so it was not opened; give it another name in a copy".to_owned();
            unplaced.push(Unplaced { path: child.to_owned(), why, needed: true });
        }
        // Gone meanwhile, or not to be opened.
        return None;
    }
    let needed = !is_known_beside_nodes(&entry.name);
    unplaced.push(Unplaced { path: child.to_owned(), why: format!("it cannot be listed: {}", error.reason()), needed });
    needed.then_some(error)
}

/// A directory beside nodes that holds no group where a start looks for one.
pub(super) fn no_group(child: &Path, entry: &DirEntry, inside: &[DirEntry], source: &dyn Source, unplaced: &mut Vec<Unplaced>) {
    let mut deeper = false;
    let mut left = LOOKED_INTO;
    for below in inside.iter().filter(|below| below.kind == EntryKind::Directory) {
        let path = child.join(&below.name);
        let Ok(entries) = source.list_kinds(&path) else { continue };
        let group = if is_group(&entries) { Some(path) } else { search(&path, &entries, LEVELS - 1, &mut left, source) };
        if let Some(path) = group {
            deeper = true;
            unplaced.push(Unplaced { path, why: DEEPER.to_owned(), needed: true });
        }
    }
    if !deeper && !is_known_beside_nodes(&entry.name) {
        let why = "it holds no Raft group".to_owned();
        unplaced.push(Unplaced { path: child.to_owned(), why, needed: false });
    }
}

/// What stands in a group's or node's directory and looks like a group that no start opens. In a node's own directory a group
/// under another name is one that was put aside; in a group's it may be a node that the group only seems to lie around.
pub(super) fn inside(dir: &Path, entries: &[DirEntry], source: &dyn Source, unplaced: &mut Vec<Unplaced>) {
    let own = own_entry(entries);
    for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Directory && !is_part_of_group(&entry.name)) {
        let child = dir.join(&entry.name);
        match source.list_kinds(&child) {
            Ok(_) if entry.name.ends_with(layout::MIGRATING) => {
                unplaced.push(Unplaced { path: child, why: MIGRATION.to_owned(), needed: false });
            }
            Ok(inside) if is_group(&inside) => {
                let why = "a Raft group under a name that no start opens".to_owned();
                let why = own.map_or(why.clone(), |own| {
                    format!("{why}, in a directory that is a group's by its {own}; name it by itself")
                });
                unplaced.push(Unplaced { path: child, why, needed: own.is_some() });
            }
            Ok(inside) => {
                if let Some(path) = group_below(&child, &inside, source) {
                    unplaced.push(Unplaced { path, why: DEEPER.to_owned(), needed: true });
                }
            }
            Err(error) => {
                // Whatever it is, no start depends on it; one that looks like a group's might be meant to be one.
                let looks_like_group = entry.name.starts_with("group");
                if unlistable(&child, entry, error, unplaced).is_some()
                    && let Some(last) = unplaced.last_mut()
                {
                    last.needed = looks_like_group;
                }
            }
        }
    }
}

/// The first group below `dir`, which is none itself.
pub(super) fn group_below(dir: &Path, entries: &[DirEntry], source: &dyn Source) -> Option<PathBuf> {
    search(dir, entries, LEVELS, &mut LOOKED_INTO.clone(), source)
}

fn search(dir: &Path, entries: &[DirEntry], levels: usize, left: &mut usize, source: &dyn Source) -> Option<PathBuf> {
    let levels = levels.checked_sub(1)?;
    let passed_over = |name: &str| is_known_beside_nodes(name) || name.starts_with(SPOOL_PREFIX);
    let dirs = entries.iter().filter(|entry| entry.kind == EntryKind::Directory && !passed_over(&entry.name));
    for entry in dirs {
        *left = left.checked_sub(1)?;
        let path = dir.join(&entry.name);
        let Ok(inside) = source.list_kinds(&path) else { continue };
        if is_group(&inside) {
            return Some(path);
        }
        if let Some(path) = search(&path, &inside, levels, left, source) {
            return Some(path);
        }
    }
    None
}

/// Directories that a server makes in a group's directory, and groups in it that are found by their name.
pub(in crate::readers) fn is_part_of_group(name: &str) -> bool {
    matches!(name, layout::WAL | "wal.tmp" | layout::SNAP | layout::PAYLOADS | layout::ETCD_MEMBER | layout::SNAPSHOTS)
        || name.starts_with(layout::STORE)
        || name.starts_with(SPOOL_PREFIX)
        || is_known_beside_nodes(name)
        || group_number(name).is_some()
}
