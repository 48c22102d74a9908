//! From a path to the group directories below it.
//!
//! A server keeps each Raft group in a directory of its own: `<base>/<raft id>` when the node has one data group, else
//! `<base>/<raft id>/group-<n>`. Newer servers nest the reserved group 0 inside the directory of a single data group, so
//! that a group directory may hold another.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::io::{DirEntry, EntryKind, list_dir};

/// Entries that only a group directory has.
const GROUP_ENTRIES: &[&str] = &[
    "raft-engine",
    "wal",
    "snap",
    "fsm-snap",
    "fsm.db",
    "etcd-raft-peers.bin",
    "etcd-raft-state.bin",
    "etcd-raft-meta.bin",
    "etcd-raft-entries.bin",
    "raft.db",
    "logs.dat",
    "stable.dat",
];

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
    pub fn at(path: &Path) -> Self {
        let name = name_of(path);
        match group_number(&name) {
            Some(number) => {
                let parent = real(path).parent().map(name_of).unwrap_or_default();
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

/// Finds the group directories at or below `path`: a group directory (which then stands for itself alone), a node directory,
/// or the raft data directory with many nodes. Sorted by path. An empty directory counts as a group directory that has
/// nothing yet.
pub fn discover(path: &Path) -> Result<Vec<GroupDir>> {
    let entries = list_dir(path)?;
    if entries.is_empty() {
        return Ok(vec![GroupDir::at(path)]);
    }
    if is_group(&entries) {
        return Ok(vec![GroupDir::at(path)]);
    }
    let mut found = Vec::new();
    collect(path, &entries, &mut found)?;
    if found.is_empty() {
        // One level more: the raft data directory.
        for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Directory) {
            let child = path.join(&entry.name);
            match list_dir(&child) {
                Ok(entries) => collect(&child, &entries, &mut found)?,
                // Gone meanwhile, or not ours to read: it is not one of the groups that can be examined.
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
    }
    if found.is_empty() {
        return Err(Error::Unsuitable {
            path: path.to_owned(),
            problem: "holds no Raft group (no wal/, snap/, fsm-snap/, fsm.db/ or etcd-raft-peers.bin)".to_owned(),
            hint: "name a group directory, a node directory or the server's --raftDataDir".to_owned(),
        });
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Group directories inside `group`, which [`discover`] leaves out when `group` itself was named.
pub fn nested_groups(group: &GroupDir) -> Result<Vec<GroupDir>> {
    let mut found = Vec::new();
    collect(&group.path, &list_dir(&group.path)?, &mut found)?;
    found.retain(|nested| nested.path != group.path);
    Ok(found)
}

/// True when `entries` are those of a group directory.
pub fn is_group(entries: &[DirEntry]) -> bool {
    entries.iter().any(|entry| GROUP_ENTRIES.contains(&entry.name.as_str()) || entry.name.starts_with("fsm.db-"))
}

/// Adds `dir` if it is a group directory, and its `group-<n>` children that are.
fn collect(dir: &Path, entries: &[DirEntry], found: &mut Vec<GroupDir>) -> Result<()> {
    if is_group(entries) {
        found.push(GroupDir::at(dir));
    }
    for entry in entries {
        if entry.kind == EntryKind::Directory && group_number(&entry.name).is_some() {
            let child = dir.join(&entry.name);
            if is_group(&list_dir(&child)?) {
                found.push(GroupDir::at(&child));
            }
        }
    }
    Ok(())
}

/// The number in `group-<n>`; decimal without padding, as the server writes it.
fn group_number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("group-")?;
    let number: u64 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

fn name_of(path: &Path) -> String {
    real(path).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The path with `.`, `..` and links resolved where the last component does not name the directory itself.
fn real(path: &Path) -> PathBuf {
    match path.file_name() {
        Some(_) if path.parent().is_some_and(|parent| parent.file_name().is_some()) => path.to_owned(),
        _ => path.canonicalize().unwrap_or_else(|_| path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn tree(dirs: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for dir in dirs {
            fs::create_dir_all(root.path().join(dir)).unwrap();
        }
        root
    }

    fn found(path: &Path) -> Vec<(String, String, Option<u64>)> {
        let groups = discover(path).unwrap();
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
        let group = discover(&root.path().join("n2/group-1")).unwrap();
        assert_eq!(group.len(), 1);
        assert_eq!((group[0].raft_id.as_str(), group[0].group_id), ("n2", Some(1)));
    }

    #[test]
    fn an_empty_directory_is_a_group_and_a_foreign_one_is_an_error() {
        let root = tree(&["n1", "other/photos"]);
        assert_eq!(discover(&root.path().join("n1")).unwrap().len(), 1);
        assert!(matches!(discover(&root.path().join("other")), Err(Error::Unsuitable { .. })));
        assert!(discover(&root.path().join("gone")).unwrap_err().is_not_found());
    }

    #[test]
    fn group_names_are_canonical_decimal() {
        assert_eq!(group_number("group-7"), Some(7));
        for name in ["group-07", "group-", "group-x", "group--1", "groups-1"] {
            assert_eq!(group_number(name), None, "{name}");
        }
    }
}
