//! From a path to the store directories at or below it.

use std::path::{Path, PathBuf};

use super::data_dir::discover;
use super::pebble::STORE_DIR;
use crate::error::{Error, Result};
use crate::formats::pebble::StoreFileName;
use crate::io::{EntryKind, list_dir};

/// Finds the stores at or below `path`: a store directory itself, or those of the groups that [`discover`] finds there.
/// Sorted by path.
pub fn store_dirs(path: &Path) -> Result<Vec<PathBuf>> {
    let entries = list_dir(path)?;
    let has_store = entries.iter().any(|entry| entry.name == STORE_DIR && entry.kind == EntryKind::Directory);
    let is_store = entries.iter().any(|entry| {
        entry.kind == EntryKind::File
            && matches!(
                StoreFileName::parse(&entry.name),
                StoreFileName::Manifest(_) | StoreFileName::Table(_) | StoreFileName::Options(_) | StoreFileName::Marker(_)
            )
    });
    if is_store && !has_store {
        return Ok(vec![path.to_owned()]);
    }
    // A store that has lost everything is still where the server would open it.
    if path.file_name().is_some_and(|name| name == STORE_DIR) {
        return Ok(vec![path.to_owned()]);
    }
    let stores: Vec<_> =
        discover(path)?.into_iter().map(|group| group.path.join(STORE_DIR)).filter(|store| store.is_dir()).collect();
    if stores.is_empty() {
        return Err(Error::Unsuitable {
            path: path.to_owned(),
            problem: format!("holds no {STORE_DIR}"),
            hint: "name a store, a group directory, a node directory or the server's --raftDataDir".to_owned(),
        });
    }
    Ok(stores)
}
