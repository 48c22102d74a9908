//! What a path that a user names holds in the way of snapshots.

use std::path::{Path, PathBuf};

use super::groups::{Discovered, discover_all};
use super::names::is_group;
use super::offloaded::{StorePlace, begins_here, find_store};
use crate::error::{Error, Result};
use crate::formats::fsm::FsmName;
use crate::formats::layout;
use crate::formats::offload::payload_digest;
use crate::io::{DirEntry, EntryKind};
use crate::readers::snap_dir::SnapEntry;
use crate::readers::source::Source;
use crate::types::LogIndex;

/// Snapshots behind a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotTarget {
    /// One `.snap` file, also one that a start has put aside.
    Envelope(PathBuf),
    /// One payload, whatever its name.
    Payload(PathBuf),
    /// A folder of `.snap` or `.fsm` files.
    Folder(PathBuf),
    /// Group directories at or below the path, and what lies beside them.
    Groups(Discovered),
    /// A store of offloaded snapshots, or a part of one.
    Offloaded(StorePlace),
}

impl SnapshotTarget {
    /// Finds out. Anything that cannot be read as asked is an error.
    pub fn at(path: &Path, source: &dyn Source) -> Result<Self> {
        if source.kind_at(path) != Some(EntryKind::Directory) {
            // A FIFO, a device, a missing file or one without permission is refused here, without blocking.
            source.open(path)?;
            if let Some(place) = find_store(path, source) {
                return Ok(Self::Offloaded(place));
            }
            let name = source.name_of(path);
            let envelope = name.ends_with(".snap") || name.ends_with(".snap.broken");
            return Ok(if envelope { Self::Envelope(path.to_owned()) } else { Self::Payload(path.to_owned()) });
        }
        let entries = source.list_kinds(path)?;
        if holds_files(&entries) && !is_group(&entries) {
            return Ok(match find_store(path, source) {
                Some(place) if place == StorePlace::Payloads || begins_here(path, source) => Self::Offloaded(place),
                _ => Self::Folder(path.to_owned()),
            });
        }
        match discover_all(path, source) {
            // No group is there: a store, perhaps.
            Err(error @ Error::Unsuitable { .. }) => find_store(path, source).map(Self::Offloaded).ok_or(error),
            found => found.map(Self::Groups),
        }
    }

    /// What the files of a directory are that no group owns; `None` when none of them is of a snapshot.
    pub(in crate::readers) fn own_files(path: &Path, entries: &[DirEntry], source: &dyn Source) -> Option<Self> {
        let is_payload = |entry: &DirEntry| entry.kind == EntryKind::File && payload_digest(&entry.name).is_some();
        if begins_here(path, source) {
            Some(Self::Offloaded(StorePlace::Store))
        } else if holds_files(entries) {
            Some(Self::Folder(path.to_owned()))
        } else if entries.iter().any(is_payload) {
            Some(Self::Offloaded(StorePlace::Payloads))
        } else {
            None
        }
    }
}

/// True for a listing with envelopes or payloads in it.
fn holds_files(entries: &[DirEntry]) -> bool {
    entries.iter().any(|entry| entry.name.ends_with(".snap") || entry.name.ends_with(".fsm"))
}

/// Reads one `.snap` file by its path.
pub fn read_envelope(path: &Path, source: &dyn Source) -> SnapEntry {
    SnapEntry::open(path, source.name_of(path), source)
}

/// The path of the payload that a token in the `.snap` file at `envelope` names, when that lies in a group directory. `None` when
/// there is no such directory.
pub fn payload_beside(envelope: &Path, index: LogIndex, source: &dyn Source) -> Option<PathBuf> {
    let dir = envelope.parent()?;
    let payloads = dir.join("../fsm-snap");
    if name_of(dir) != layout::SNAP || source.kind_at(&payloads) != Some(EntryKind::Directory) {
        return None;
    }
    let payloads = dir.parent().map_or_else(|| payloads.clone(), |group| group.join(layout::PAYLOADS));
    Some(payloads.join(FsmName::of(index)))
}

/// The last part of a path as text.
pub fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
