//! From a path to the store directories at or below it.

use std::path::{Path, PathBuf};

use super::groups::{Discovered, Unplaced, discover_all};
use super::kind::is_store_file;
use crate::error::{Error, Result};
use crate::formats::layout;
use crate::io::{EntryKind, entry_named};
use crate::readers::source::Source;

/// Finds the stores at or below `path`: a store directory itself, or those of the groups that [`discover_all`] finds there,
/// sorted by path; and what lies beside them, groups without a store among it.
pub fn store_dirs(path: &Path, source: &dyn Source) -> Result<(Vec<PathBuf>, Vec<Unplaced>)> {
    let entries = source.list_kinds(path)?;
    let has_store = entry_named(&entries, layout::STORE).is_some_and(|entry| entry.kind == EntryKind::Directory);
    let is_store = entries.iter().any(is_store_file);
    if is_store && !has_store {
        return Ok((vec![path.to_owned()], Vec::new()));
    }
    // A store that has lost everything is still where the server would open it.
    if path.file_name().is_some_and(|name| name == layout::STORE) {
        return Ok((vec![path.to_owned()], Vec::new()));
    }
    let Discovered { groups, mut unplaced, .. } = discover_all(path, source)?;
    let mut stores = Vec::new();
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
