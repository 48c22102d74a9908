//! From a path to the store directories at or below it.

use std::path::{Path, PathBuf};

use super::groups::{Discovered, below, discover_all};
use super::kind::is_store_file;
use super::names::Unplaced;
use crate::error::{Error, Result};
use crate::formats::layout;
use crate::formats::pebble::StoreFileName;
use crate::io::{DirEntry, EntryKind, entry_named};
use crate::readers::source::Source;

/// Finds the stores at or below `path`: a store directory itself, or those of the groups that [`discover_all`] finds there,
/// sorted by path; and what lies beside them, groups without a store among it. A store with groups below it stands for itself and
/// for theirs; single files of one do not make a store of a directory with groups below it.
pub fn store_dirs(path: &Path, source: &dyn Source) -> Result<(Vec<PathBuf>, Vec<Unplaced>)> {
    let entries = source.list_kinds(path)?;
    let has_store = entry_named(&entries, layout::STORE).is_some_and(|entry| entry.kind == EntryKind::Directory);
    let holds_files = !has_store && entries.iter().any(is_store_file);
    // A store that has lost everything is still where the server would open it.
    let is_named = path.file_name().is_some_and(|name| name == layout::STORE);
    let (mut stores, found) = if holds_files || is_named {
        let found = below(path, &entries, source)?;
        if is_named || found.groups.is_empty() || entries.iter().any(names_tables) {
            (vec![path.to_owned()], found)
        } else {
            let mut found = found;
            let loose = entries.iter().filter(|entry| is_store_file(entry));
            found.unplaced.extend(loose.map(|entry| {
                let why = "a file of a store that is not here, beside nodes; `store dump` shows it".to_owned();
                Unplaced { path: path.join(&entry.name), why, needed: false }
            }));
            (Vec::new(), found)
        }
    } else {
        (Vec::new(), discover_all(path, source)?)
    };
    let Discovered { groups, mut unplaced, .. } = found;
    for store in groups.into_iter().map(|group| group.path.join(layout::STORE)) {
        match source.kind_at(&store) {
            Some(EntryKind::Directory) => stores.push(store),
            kind => {
                let why = if kind.is_none() { "the group has no store" } else { "it is no directory that can be read" };
                unplaced.push(Unplaced { path: store, why: why.to_owned(), needed: kind.is_some() });
            }
        }
    }
    if stores.is_empty() {
        return Err(Error::Unsuitable {
            path: path.to_owned(),
            problem: format!("holds no {}", layout::STORE),
            hint: "name a store, a group directory, a node directory or the server's --raftDataDir".to_owned(),
        });
    }
    Ok((stores, unplaced))
}

/// True for a file that says which tables a store has.
fn names_tables(entry: &DirEntry) -> bool {
    entry.kind == EntryKind::File
        && matches!(StoreFileName::parse(&entry.name), StoreFileName::Manifest(_) | StoreFileName::Marker(_))
}
