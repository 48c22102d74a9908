//! From a path to the store of offloaded snapshots around it.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use super::names::is_group;
use crate::formats::offload::{KeyKind, payload_digest};
use crate::io::EntryKind;
use crate::readers::source::Source;

/// What a path has to do with a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorePlace {
    /// It holds a store, at some depth.
    Store,
    /// One manifest; the directory that holds its `v1`, and its place below that.
    Manifest {
        /// The directory that holds `v1`.
        root: PathBuf,
        /// `v1/groups/...`
        below: String,
    },
    /// One payload, or a folder of payloads, which are named by their digests.
    Payloads,
}

/// Directories that are looked into before a path is taken for no store.
const LOOKED_INTO: usize = 4096;
/// A prefix of more parts than this is not searched for.
const DEPTH: usize = 16;

/// What `path` has to do with a store; `None` for nothing. A path that cannot be read is nothing, too: whoever reads it next
/// says why.
pub fn find_store(path: &Path, source: &dyn Source) -> Option<StorePlace> {
    match source.kind_at(path)? {
        EntryKind::File => of_file(path),
        EntryKind::Directory if begins_here(path, source) => Some(StorePlace::Store),
        EntryKind::Directory if is_payload_folder(path, source) => Some(StorePlace::Payloads),
        EntryKind::Directory if holds_store(path, source) => Some(StorePlace::Store),
        EntryKind::Directory | EntryKind::Other | EntryKind::Nowhere => None,
    }
}

fn of_file(path: &Path) -> Option<StorePlace> {
    let name = path.file_name()?.to_str()?;
    if payload_digest(name).is_some() {
        return Some(StorePlace::Payloads);
    }
    // The directories above are asked for by their full names, so that a relative path has them too.
    let full = std::path::absolute(path).ok()?;
    let mut parts = Vec::new();
    let mut above = full.as_path();
    for _ in 0..5 {
        parts.insert(0, above.file_name()?.to_str()?.to_owned());
        above = above.parent()?;
    }
    let below = parts.join("/");
    match KeyKind::of(&below) {
        KeyKind::Manifest { prefix, .. } if prefix.is_empty() => Some(StorePlace::Manifest { root: shorten(path, above), below }),
        _ => None,
    }
}

/// The directory five levels above `path` as the caller would write it, where the path as given has that many levels.
fn shorten(path: &Path, full: &Path) -> PathBuf {
    match path.ancestors().nth(5) {
        Some(given) if given.as_os_str().is_empty() => PathBuf::from("."),
        Some(given) => given.to_owned(),
        None => full.to_owned(),
    }
}

/// True for a directory with payloads by digest and nothing that would make it a group.
fn is_payload_folder(path: &Path, source: &dyn Source) -> bool {
    source.list_kinds(path).is_ok_and(|entries| {
        !is_group(&entries) && entries.iter().any(|entry| entry.kind == EntryKind::File && payload_digest(&entry.name).is_some())
    })
}

/// True when the keys of a store, or of one prefix of it, begin in `dir`.
pub fn begins_here(dir: &Path, source: &dyn Source) -> bool {
    let is = |name: &str| source.kind_at(&dir.join(name)) == Some(EntryKind::Directory);
    is("v1/groups") || is("v1/payloads/sha256")
}

/// Looks for `v1/groups` or `v1/payloads`, nearest directories first, and not inside of Raft groups.
fn holds_store(path: &Path, source: &dyn Source) -> bool {
    let mut waiting = VecDeque::from([(path.to_owned(), 0)]);
    let mut looked_into = 0;
    while let Some((dir, depth)) = waiting.pop_front() {
        if begins_here(&dir, source) {
            return true;
        }
        looked_into += 1;
        if looked_into > LOOKED_INTO {
            return false;
        }
        if depth == DEPTH {
            continue;
        }
        let Ok(entries) = source.list_kinds(&dir) else { continue };
        if is_group(&entries) {
            continue;
        }
        let dirs = entries.into_iter().filter(|entry| entry.kind == EntryKind::Directory);
        waiting.extend(dirs.map(|entry| (dir.join(entry.name), depth + 1)));
    }
    false
}
