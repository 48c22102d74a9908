//! From a path to the group directories below it.
//!
//! A server keeps each Raft group in a directory of its own: `<base>/<raft id>` when the node has one data group, else
//! `<base>/<raft id>/group-<n>`. Newer servers nest the reserved group 0 inside the directory of a single data group, so
//! that a group directory may hold another.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::formats::layout;
use crate::io::{DirEntry, EntryKind};
use crate::readers::source::Source;

use super::inside::{DEEPER, MIGRATION, group_below, inside, is_known_beside_nodes, no_group, unlistable};
use super::names::{Unplaced, group_number, is_group};
use super::stray::Stray;

/// One Raft group's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupDir {
    /// The directory, below what the caller named.
    pub path: PathBuf,
    /// The node's raft id: the name of the node directory.
    pub raft_id: String,
    /// The group number, where the directory's name tells it.
    pub group_id: Option<u64>,
}

impl GroupDir {
    /// A directory that the caller says is one group's, whatever it holds.
    pub fn at(path: &Path, source: &dyn Source) -> Self {
        let name = name_of(path, source);
        match group_number(&name) {
            Some(number) => {
                let parent = real(path, source).parent().map(|node| name_of(node, source)).unwrap_or_default();
                Self { path: path.to_owned(), raft_id: parent, group_id: Some(number) }
            }
            None => Self { path: path.to_owned(), raft_id: name, group_id: None },
        }
    }

    /// The path as reports show it.
    pub fn display(&self) -> String {
        self.path.display().to_string()
    }
}

/// What stands at or below a path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Discovered {
    /// Group directories, sorted by path.
    pub groups: Vec<GroupDir>,
    /// Everything else that could be taken for one, or could not be looked at.
    pub unplaced: Vec<Unplaced>,
    /// Of several paths: each of them leads to exactly one group.
    pub one_each: bool,
}

/// The groups of [`discover_all`].
pub fn discover(path: &Path, source: &dyn Source) -> Result<Vec<GroupDir>> {
    discover_all(path, source).map(|found| found.groups)
}

/// What stands at or below all of `paths`, each group once. Of several paths, one that holds nothing is left out with the
/// reason; if none of them holds anything, the first reason is the error.
pub fn discover_paths(paths: &[PathBuf], source: &dyn Source) -> Result<Discovered> {
    let mut all = Discovered { one_each: paths.len() > 1, ..Discovered::default() };
    let mut failure = None;
    let mut known = HashSet::new();
    for path in paths {
        match discover_all(path, source) {
            Ok(found) => {
                all.one_each &= found.groups.len() == 1;
                // One directory has many names: `demo` and `demo/n1/group-1` lead to the same group.
                all.groups.extend(
                    found.groups.into_iter().filter(|group| source.directory_id(&group.path).is_none_or(|id| known.insert(id))),
                );
                all.unplaced.extend(found.unplaced);
            }
            Err(error @ Error::Interrupted) => return Err(error),
            Err(error) => {
                all.one_each = false;
                all.unplaced.push(Unplaced { path: path.clone(), why: error.reason(), needed: true });
                failure = failure.or(Some(error));
            }
        }
    }
    match failure {
        Some(error) if all.groups.is_empty() => Err(error),
        _ => Ok(all),
    }
}

/// Finds the group directories at or below `path`: a group directory with the groups of its node that lie in it, a node
/// directory, or the raft data directory with many nodes. Sorted by path. An empty directory counts as a group directory that
/// has nothing yet. Entries of a group directory that hold nothing do not make one of a directory with nodes below it. What
/// looks like a group or a node and is none of those that a start opens is told as well.
pub fn discover_all(path: &Path, source: &dyn Source) -> Result<Discovered> {
    let entries = source.list_kinds(path)?;
    let mut found = Discovered::default();
    if entries.is_empty() {
        found.groups.push(GroupDir::at(path, source));
        return Ok(found);
    }
    match Stray::beside_nodes(path, &entries, source) {
        Some(stray) => stray.tell(&mut found.unplaced),
        None => collect(path, &entries, source, &mut found),
    }
    let mut refused = None;
    if found.groups.is_empty() {
        // One level more: the raft data directory.
        let mut empty = Vec::new();
        for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Directory) {
            let child = path.join(&entry.name);
            if entry.name.ends_with(layout::MIGRATING) {
                found.unplaced.push(Unplaced { path: child, why: MIGRATION.to_owned(), needed: false });
                continue;
            }
            match source.list_kinds(&child) {
                Ok(inside) if inside.is_empty() => empty.push(entry),
                Ok(inside) => {
                    let before = (found.groups.len(), found.unplaced.len());
                    collect(&child, &inside, source, &mut found);
                    if (found.groups.len(), found.unplaced.len()) == before {
                        no_group(&child, entry, &inside, source, &mut found.unplaced);
                    }
                }
                Err(error) => refused = unlistable(&child, entry, error, &mut found.unplaced).or(refused),
            }
        }
        // Those of a group that hold nothing were told.
        let told: HashSet<_> = found.unplaced.iter().map(|part| part.path.clone()).collect();
        let is_new = |entry: &&DirEntry| !is_known_beside_nodes(&entry.name) && !told.contains(&path.join(&entry.name));
        for entry in empty.into_iter().filter(is_new) {
            let why = "an empty directory beside nodes: is the volume of a node not mounted?".to_owned();
            found.unplaced.push(Unplaced { path: path.join(&entry.name), why, needed: true });
        }
    }
    if found.groups.is_empty() {
        return Err(refused.unwrap_or_else(|| Error::Unsuitable {
            path: path.to_owned(),
            problem:
                "holds no Raft group (no wal/, snap/, fsm-snap/, fsm.db/ or etcd-raft-peers.bin, and no raft.db with snapshots/)"
                    .to_owned(),
            hint: "name a group directory, a node directory or the server's --raftDataDir".to_owned(),
        }));
    }
    found.groups.sort_by(|a, b| a.path.cmp(&b.path));
    found.unplaced.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// What stands at or below a directory that is something else by its own files; nothing when no group is there. A group that lies deeper
/// than one is looked for, and a directory that keeps this from being told, are left out with the reason.
pub fn below(path: &Path, entries: &[DirEntry], source: &dyn Source) -> Result<Discovered> {
    if !entries.iter().any(|entry| entry.kind == EntryKind::Directory) {
        return Ok(Discovered::default());
    }
    match discover_all(path, source) {
        Err(Error::Unsuitable { .. }) => {
            let deeper = group_below(path, entries, source).map(|path| Unplaced { path, why: DEEPER.to_owned(), needed: true });
            Ok(Discovered { unplaced: deeper.into_iter().collect(), ..Discovered::default() })
        }
        Err(error @ Error::Interrupted) => Err(error),
        Err(error) => {
            let why = format!("what lies below it was not looked for: {}", error.reason());
            let unplaced = vec![Unplaced { path: path.to_owned(), why, needed: true }];
            Ok(Discovered { unplaced, ..Discovered::default() })
        }
        found => found,
    }
}

/// The other groups of the node inside of `group`'s directory.
fn nested_groups(group: &GroupDir, source: &dyn Source) -> Result<Vec<GroupDir>> {
    let mut found = Discovered::default();
    collect(&group.path, &source.list_kinds(&group.path)?, source, &mut found);
    found.groups.retain(|nested| nested.path != group.path);
    Ok(found.groups)
}

/// What else is configured beside a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbours {
    /// The node has more groups than this one; group 0 counts.
    pub several: bool,
    /// This is the default group: the lowest number above 0.
    pub is_default: bool,
}

impl Default for Neighbours {
    /// A group that is alone.
    fn default() -> Self {
        Self { several: false, is_default: true }
    }
}

/// The other groups of the node, as far as the directories show them.
pub fn neighbours(group: &GroupDir, source: &dyn Source) -> Result<Neighbours> {
    let Some(own) = group.group_id else {
        return Ok(Neighbours { several: !nested_groups(group, source)?.is_empty(), is_default: true });
    };
    let path = real(&group.path, source);
    // Nearly every node has the group 1, and a node may have very many others.
    if own == 1
        || path.parent().is_some_and(|node| own > 1 && source.kind_at(&node.join("group-1")) == Some(EntryKind::Directory))
    {
        return Ok(Neighbours { several: true, is_default: own == 1 });
    }
    // What cannot be listed hides nothing that matters more than this group.
    let beside = path.parent().and_then(|node| source.list_names(node).ok()).unwrap_or_default();
    let mut lower = beside.iter().filter(|(_, is_directory)| *is_directory).filter_map(|(name, _)| group_number(name));
    Ok(Neighbours { several: true, is_default: own != 0 && !lower.any(|number| (1..own).contains(&number)) })
}

/// Adds `dir` if it is a group directory, its `group-<n>` children that are, and what looks like one and is none.
fn collect(dir: &Path, entries: &[DirEntry], source: &dyn Source, found: &mut Discovered) {
    let before = found.groups.len();
    let own = is_group(entries);
    match Stray::beside_groups(dir, entries, source) {
        Some(stray) => stray.tell(&mut found.unplaced),
        None if own => found.groups.push(GroupDir::at(dir, source)),
        None => {}
    }
    let mut empty = Vec::new();
    for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Directory && group_number(&entry.name).is_some()) {
        let child = dir.join(&entry.name);
        match source.list_kinds(&child) {
            Ok(entries) if is_group(&entries) => {
                found.groups.push(GroupDir::at(&child, source));
                inside(&child, &entries, source, &mut found.unplaced);
            }
            Ok(entries) if entries.is_empty() => empty.push(child),
            Ok(entries) => match group_below(&child, &entries, source) {
                Some(path) => found.unplaced.push(Unplaced { path, why: DEEPER.to_owned(), needed: true }),
                None => {
                    let why = "it holds nothing of a Raft group".to_owned();
                    found.unplaced.push(Unplaced { path: child, why, needed: false });
                }
            },
            Err(error) => drop(unlistable(&child, entry, error, &mut found.unplaced)),
        }
    }
    if found.groups.len() > before {
        for path in empty {
            let why = "an empty directory beside groups: is its volume not mounted?".to_owned();
            found.unplaced.push(Unplaced { path, why, needed: true });
        }
        inside(dir, entries, source, &mut found.unplaced);
    }
}

fn name_of(path: &Path, source: &dyn Source) -> String {
    real(path, source).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The path with `.`, `..` and links resolved where the last component does not name the directory itself.
fn real(path: &Path, source: &dyn Source) -> PathBuf {
    match path.file_name() {
        Some(_) if path.parent().is_some_and(|parent| parent.file_name().is_some()) => path.to_owned(),
        _ => source.real_path(path).unwrap_or_else(|| path.to_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "these tests make what they read")]
mod tests {
    use super::*;
    use crate::readers::Local;
    use std::fs;

    fn tree(dirs: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for dir in dirs {
            fs::create_dir_all(root.path().join(dir)).unwrap();
        }
        root
    }

    fn found(path: &Path) -> Vec<(String, String, Option<u64>)> {
        let groups = discover(path, &Local).unwrap();
        groups.into_iter().map(|g| (g.path.strip_prefix(path).unwrap().display().to_string(), g.raft_id, g.group_id)).collect()
    }

    #[test]
    fn a_base_directory_has_nodes_with_one_or_many_groups() {
        let root = tree(&["n1/wal", "n2/group-1/wal", "n2/group-10/snap", "n3/wal", "n3/group-0/fsm.db", "lost+found"]);
        assert_eq!(
            found(root.path()),
            vec![
                ("n1".into(), "n1".into(), None),
                ("n2/group-1".into(), "n2".into(), Some(1)),
                ("n2/group-10".into(), "n2".into(), Some(10)),
                ("n3".into(), "n3".into(), None),
                ("n3/group-0".into(), "n3".into(), Some(0)),
            ]
        );
    }

    #[test]
    fn a_group_directory_finds_itself() {
        let root = tree(&["n2/group-1/wal"]);
        let group = discover(&root.path().join("n2/group-1"), &Local).unwrap();
        assert_eq!(group.len(), 1);
        assert_eq!((group[0].raft_id.as_str(), group[0].group_id), ("n2", Some(1)));
    }

    #[test]
    fn an_empty_directory_is_a_group_and_a_foreign_one_is_an_error() {
        let root = tree(&["n1", "other/photos"]);
        assert_eq!(discover(&root.path().join("n1"), &Local).unwrap().len(), 1);
        assert!(matches!(discover(&root.path().join("other"), &Local), Err(Error::Unsuitable { .. })));
        assert!(discover(&root.path().join("gone"), &Local).unwrap_err().is_not_found());
    }

    fn left_out(path: &Path) -> Vec<(String, bool)> {
        let unplaced = discover_all(path, &Local).unwrap().unplaced;
        unplaced.into_iter().map(|part| (part.path.strip_prefix(path).unwrap().display().to_string(), part.needed)).collect()
    }

    #[test]
    fn what_is_no_group_of_a_start_is_told() {
        let root = tree(&["n1", "n2/wal", "n3/group-1/wal", "n3/group-2", "n4/n4/wal", "lost+found", "backup/old"]);
        assert_eq!(found(root.path()).len(), 2);
        let expected = [("backup", false), ("n1", true), ("n3/group-2", true), ("n4/n4", true)];
        assert_eq!(left_out(root.path()), expected.map(|(path, needed)| (path.to_owned(), needed)));
        let node = tree(&["group-1/wal", "group-007/wal", "group-1.old/snap", "notes/x", "group-3/photos"]);
        assert_eq!(found(node.path()).len(), 1);
        let expected = [("group-007", false), ("group-1.old", false), ("group-3", false)];
        assert_eq!(left_out(node.path()), expected.map(|(path, needed)| (path.to_owned(), needed)));
        let moved = tree(&["n1/wal", "n1.migrating/wal", "n2/wal", "n2/raft.db.migrating/x"]);
        assert_eq!(found(moved.path()).len(), 2);
        assert_eq!(left_out(moved.path()), [("n1.migrating".to_owned(), false), ("n2/raft.db.migrating".to_owned(), false)]);
        // A node that was restored into itself, named by itself.
        let twice = tree(&["wal/0.tmp", "n1/wal", "fsm.db", "elastickv-etcd-snapshot-7/wal", "old/n2/group-1/wal"]);
        assert_eq!(left_out(twice.path()), [("n1".to_owned(), true), ("old/n2/group-1".to_owned(), true)]);
        assert_eq!(found(twice.path()).len(), 1);
        let into_itself = tree(&["n1/group-1/wal", "n1/n1/group-1/wal", "n2/x/y/wal"]);
        assert_eq!(left_out(into_itself.path()), [("n1/n1/group-1".to_owned(), true), ("n2/x/y".to_owned(), true)]);
    }

    #[test]
    fn entries_that_hold_nothing_make_no_group_of_what_lies_around_nodes() {
        for name in ["wal", "snap", "fsm-snap", "fsm.db"] {
            let root = tree(&["n1/wal", "n2/group-1/wal", name]);
            assert_eq!(found(root.path()).len(), 2, "{name}");
            assert_eq!(left_out(root.path()), [(name.to_owned(), true)]);
        }
        let root = tree(&["n1/wal"]);
        fs::write(root.path().join("raft-engine"), "etcd\n").unwrap();
        assert_eq!((found(root.path()).len(), left_out(root.path())), (1, vec![("raft-engine".to_owned(), true)]));
        // The same in the directory of a node, by itself and below that of all nodes.
        let root = tree(&["n1/group-1/wal", "n1/snap"]);
        for path in [root.path().to_owned(), root.path().join("n1")] {
            assert_eq!(found(&path).len(), 1);
            assert!(matches!(left_out(&path).as_slice(), [(part, true)] if part.ends_with("snap")), "{path:?}");
        }
        // Without anything below, they are those of a group that begins.
        let root = tree(&["wal", "snap"]);
        assert_eq!((found(root.path()).len(), left_out(root.path()).len()), (1, 0));
    }

    #[test]
    fn a_node_that_is_a_group_itself_has_those_in_it() {
        let root = tree(&["n1/wal", "n1/group-0/wal"]);
        let both = [(String::new(), "n1".into(), None), ("group-0".into(), "n1".into(), Some(0))];
        assert_eq!(found(&root.path().join("n1")), both);
        assert_eq!(found(root.path()).len(), 2);
    }

    #[test]
    fn a_name_that_is_no_text_is_told() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt as _;
        let root = tree(&["n1/wal"]);
        fs::create_dir_all(root.path().join(OsStr::from_bytes(b"n\xff2")).join("wal")).unwrap();
        assert_eq!(left_out(root.path()), [("n\u{fffd}2".to_owned(), true)]);
        fs::create_dir_all(root.path().join("n1").join(OsStr::from_bytes(b"group-\xff")).join("wal")).unwrap();
        assert_eq!(left_out(&root.path().join("n1")), [("group-\u{fffd}".to_owned(), true)]);
    }

    #[test]
    fn several_paths_give_each_group_once_and_what_can_be_had() {
        let root = tree(&["n1/group-1/wal", "n2/wal"]);
        let paths = ["", "n1", "n1/group-1", "n2/../n2", "gone"].map(|path| root.path().join(path));
        let all = discover_paths(&paths, &Local).unwrap();
        assert_eq!(all.groups.len(), 2);
        assert!(matches!(all.unplaced.as_slice(), [part] if part.needed && part.path.ends_with("gone")), "{all:?}");
        assert!(discover_paths(&paths[4..], &Local).unwrap_err().is_not_found());
    }
}
