//! A store that is a directory, entry by entry.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::facts::ObjectRead;
use super::store::{ManifestObject, ManifestRead, OffloadStore, PayloadObject, Temporary};
use crate::error::{Error, Result};
use crate::formats::offload::{KeyKind, MAX_MANIFEST_LEN, ManifestName, ManifestRefusal, is_temporary};
use crate::io::{DirEntry, EntryKind};
use crate::readers::source::{Run, Source};

/// How often an object that changes is read.
const ATTEMPTS: usize = 3;
/// Deeper directories are not entered.
const MAX_DEPTH: usize = 64;

impl OffloadStore {
    /// Lists the directory and reads its manifests.
    pub fn read(root: &Path, run: &Run<'_>) -> Result<Self> {
        let mut store = Walk::of(root, run).finish()?;
        store.place(&*run.source);
        Ok(store)
    }

    /// Reads one manifest, `below` the directory that holds `v1`.
    pub fn of_manifest(root: &Path, below: &str, run: &Run<'_>) -> Result<Self> {
        let mut store = Self { root: root.to_owned(), only_manifest: true, ..Self::default() };
        let size = run.source.open(&root.join(below))?.stamp().size;
        let entry = DirEntry::named(below.to_owned(), EntryKind::File).of_size(size);
        let KeyKind::Manifest { prefix, name } = KeyKind::of(below) else { return Ok(store) };
        Walk::of(root, run).stop()?;
        store.manifests.push(read_manifest(root, below, prefix, name, &entry, &*run.source));
        store.place(&*run.source);
        Ok(store)
    }
}

struct Walk<'p> {
    store: OffloadStore,
    /// Directories that were entered, so that a link into one above ends.
    seen: HashSet<(u64, u64)>,
    run: &'p Run<'p>,
}

impl<'p> Walk<'p> {
    fn of(root: &Path, run: &'p Run<'p>) -> Self {
        Self { store: OffloadStore { root: root.to_owned(), ..OffloadStore::default() }, seen: HashSet::new(), run }
    }

    /// Everything below the directory that was named, under keys that begin there.
    fn finish(mut self) -> Result<OffloadStore> {
        let root = self.store.root.clone();
        self.dir(&root, "", 0)?;
        Ok(self.store)
    }

    fn stop(&self) -> Result<()> {
        if self.run.progress.interrupted() { Err(Error::Interrupted) } else { Ok(()) }
    }

    fn dir(&mut self, path: &Path, key: &str, depth: usize) -> Result<()> {
        self.stop()?;
        if file_id(path, &*self.run.source).is_some_and(|id| !self.seen.insert(id)) {
            self.store.unlisted.push((key.to_owned(), "it leads back to a directory above it, or was met before".to_owned()));
            return Ok(());
        }
        let entries = match self.run.source.list(path) {
            Ok(entries) => entries,
            Err(error) if depth == 0 => return Err(error),
            Err(error) => {
                self.store.unlisted.push((key.to_owned(), error.reason()));
                return Ok(());
            }
        };
        let mut names = None;
        for entry in &entries {
            let below = format!("{key}{}", entry.name);
            let at = path.join(&entry.name);
            match (KeyKind::of(&below), entry.kind) {
                (kind @ (KeyKind::Foreign | KeyKind::Temporary), EntryKind::Directory) => {
                    if self.run.source.kind_at(&at).is_none() {
                        self.store.unlisted.push((below, "its name is not text, or it is gone".to_owned()));
                    } else if depth == MAX_DEPTH {
                        self.store.unlisted.push((below, format!("it lies more than {MAX_DEPTH} directories deep")));
                    } else if matches!(kind, KeyKind::Foreign | KeyKind::Temporary) {
                        self.dir(&at, &format!("{below}/"), depth + 1)?;
                    }
                }
                (KeyKind::Manifest { prefix, name }, _) => {
                    self.stop()?;
                    let manifest = read_manifest(&self.store.root, &below, prefix, name, entry, &*self.run.source);
                    self.store.manifests.push(manifest);
                }
                (KeyKind::Payload { digest, .. }, _) => {
                    let modified = self.run.source.modified_at(&at);
                    let it = PayloadObject { digest, listed: true, modified, read: ObjectRead::NotAsked, recorded: None };
                    self.store.payloads.insert(below, it);
                }
                (KeyKind::Temporary, EntryKind::File) => {
                    let linked = names
                        .get_or_insert_with(|| names_by_file(path, &entries, &*self.run.source))
                        .get(&file_id(&at, &*self.run.source).unwrap_or_default())
                        .map(|name| format!("{key}{name}"));
                    self.store.temporaries.push(Temporary { key: below, size: entry.size, linked });
                }
                (KeyKind::Foreign | KeyKind::Temporary, _) => self.store.foreign.push(below),
            }
        }
        Ok(())
    }
}

/// What tells a file from every other one.
fn file_id(path: &Path, source: &dyn Source) -> Option<(u64, u64)> {
    source.stamp_at(path).map(|stamp| (stamp.dev, stamp.ino))
}

/// The objects of a directory by what they are; writers name a file twice when it is complete.
fn names_by_file(dir: &Path, entries: &[DirEntry], source: &dyn Source) -> HashMap<(u64, u64), String> {
    let objects = entries.iter().filter(|entry| entry.kind == EntryKind::File && !is_temporary(&entry.name));
    objects.filter_map(|entry| Some((file_id(&dir.join(&entry.name), source)?, entry.name.clone()))).collect()
}

fn read_manifest(
    root: &Path,
    below: &str,
    prefix: String,
    name: Option<ManifestName>,
    entry: &DirEntry,
    source: &dyn Source,
) -> ManifestObject {
    let path = root.join(below);
    let modified = source.modified_at(&path);
    let read = if entry.kind == EntryKind::File { read_settled(&path, source) } else { ManifestRead::NotRegular };
    ManifestObject { key: below.to_owned(), prefix, name, size: entry.size, modified, read, recorded: None }
}

fn read_settled(path: &Path, source: &dyn Source) -> ManifestRead {
    for _ in 0..ATTEMPTS {
        let file = match source.read_small(path, MAX_MANIFEST_LEN) {
            Ok(file) => file,
            Err(Error::Unsuitable { .. }) => {
                let large = source.open(path).is_ok_and(|file| file.stamp().size > MAX_MANIFEST_LEN);
                return if large { ManifestRead::Refused(ManifestRefusal::TooLarge) } else { ManifestRead::NotRegular };
            }
            Err(error) => return ManifestRead::Unreadable(error.reason()),
        };
        if source.stamp_at(path) != Some(file.stamp) || file.stamp.size != file.bytes.len() as u64 {
            continue;
        }
        return ManifestRead::of(&file.bytes);
    }
    ManifestRead::Unsettled
}
