//! Every place with snapshots behind one path: several kinds of them may lie side by side.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::dump::{DumpPlace, find_dump};
use super::locate::{Discovered, GroupDir, SnapshotTarget, StorePlace, Unplaced, below, find_store, is_part_of_group};
use super::source::Source;
use crate::error::Result;
use crate::io::{DirEntry, EntryKind};

/// Levels of directories beside groups that are searched for snapshots.
const LEVELS: usize = 3;

/// Everything that was found behind one path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SnapshotsFound {
    /// What holds snapshots, with its path; one of a directory with several kinds of them is that directory itself.
    pub targets: Vec<(PathBuf, SnapshotTarget)>,
    /// Dumps of the offline tools beside them, which are of another kind and were not entered.
    pub dumps: Vec<PathBuf>,
    /// What was left out beside them.
    pub unplaced: Vec<Unplaced>,
}

impl SnapshotsFound {
    /// Finds out. Of a directory, loose files in it, groups at and below it, and folders and stores of snapshots beside these are
    /// all taken; dumps there are named. Anything that cannot be read as asked is an error.
    pub fn at(path: &Path, source: &dyn Source) -> Result<Self> {
        let first = SnapshotTarget::at(path, source)?;
        let mut all = Self::default();
        if source.kind_at(path) != Some(EntryKind::Directory) || matches!(first, SnapshotTarget::Offloaded(StorePlace::Store)) {
            all.targets.push((path.to_owned(), first));
            return Ok(all);
        }
        let entries = source.list_kinds(path)?;
        let found = match first {
            SnapshotTarget::Groups(found) => found,
            folder => {
                all.targets.push((path.to_owned(), folder));
                below(path, &entries, source)?
            }
        };
        // What a group has in its own directory is judged with it.
        if all.targets.is_empty() && !found.groups.iter().any(|group| group.path == path) {
            let own = SnapshotTarget::own_files(path, &entries, source);
            all.targets.extend(own.map(|own| (path.to_owned(), own)));
        }
        all.unplaced.clone_from(&found.unplaced);
        let mut entered = HashSet::new();
        all.beside(path, &entries, &found.groups, LEVELS, &mut entered, source);
        all.unplaced.retain(|part| !entered.contains(&part.path));
        if !found.groups.is_empty() {
            let groups = SnapshotTarget::Groups(Discovered { unplaced: Vec::new(), ..found });
            all.targets.push((path.to_owned(), groups));
        }
        Ok(all)
    }

    /// Adds what stands in the directories of `dir` that are no group's and lie around none of `groups`, which are sorted by path. Those
    /// that were taken or named are `entered`.
    fn beside(
        &mut self,
        dir: &Path,
        entries: &[DirEntry],
        groups: &[GroupDir],
        levels: usize,
        entered: &mut HashSet<PathBuf>,
        source: &dyn Source,
    ) {
        let Some(levels) = levels.checked_sub(1) else { return };
        let dirs = entries.iter().filter(|entry| entry.kind == EntryKind::Directory && !is_part_of_group(&entry.name));
        // The keys of a store in `dir` itself were taken with it.
        let is_taken = self.targets.iter().any(|(at, own)| at == dir && *own == SnapshotTarget::Offloaded(StorePlace::Store));
        for path in dirs.map(|entry| dir.join(&entry.name)) {
            if is_taken && path.ends_with("v1") {
                entered.insert(path);
                continue;
            }
            let next = groups.partition_point(|group| group.path < path);
            if groups.get(next).is_some_and(|group| group.path.starts_with(&path)) {
                continue;
            }
            let Ok(inside) = source.list_kinds(&path) else { continue };
            if find_dump(&path, source) == Some(DumpPlace::Directory) {
                entered.insert(path.clone());
                self.dumps.push(path);
                continue;
            }
            let target = match find_store(&path, source) {
                Some(place) if !is_taken => Some(SnapshotTarget::Offloaded(place)),
                _ => SnapshotTarget::own_files(&path, &inside, source),
            };
            if target.is_some() {
                entered.insert(path.clone());
            }
            let is_store = matches!(target, Some(SnapshotTarget::Offloaded(StorePlace::Store)));
            self.targets.extend(target.map(|target| (path.clone(), target)));
            if !is_store {
                self.beside(&path, &inside, groups, levels, entered, source);
            }
        }
    }
}
