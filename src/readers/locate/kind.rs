//! What a directory is by the names in it.

use std::path::Path;

use super::names::is_group;
use crate::formats::fsm::FsmName;
use crate::formats::layout;
use crate::formats::pebble::StoreFileName;
use crate::formats::wal::WalName;
use crate::io::{DirEntry, EntryKind};
use crate::readers::source::Source;

/// What a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectoryKind {
    /// Nodes below it.
    RaftData,
    /// One node with its groups.
    Node,
    /// One Raft group.
    Group,
    /// `wal/`
    Wal,
    /// `snap/`
    Snap,
    /// `fsm-snap/`
    FsmSnap,
    /// A Pebble store.
    Store,
    /// Where the key sidecar lies.
    Encryption,
    /// Offloaded snapshots.
    OffloadStore,
    /// A dump of the offline tools.
    Dump,
    /// Something else.
    Unknown,
}

impl DirectoryKind {
    /// What a directory is by the names in it; unknown when it cannot be listed.
    pub fn at(path: &Path, source: &dyn Source) -> Self {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        source.list_kinds(path).map_or(Self::Unknown, |entries| Self::of(&name, &entries))
    }

    /// The same of a directory that was listed.
    pub fn of(name: &str, entries: &[DirEntry]) -> Self {
        let any = |test: &dyn Fn(&str) -> bool| entries.iter().any(|e| e.kind == EntryKind::File && test(&e.name));
        if is_group(entries) {
            Self::Group
        } else if entries.iter().any(is_store_file) || name == layout::STORE {
            Self::Store
        } else if any(&|name| matches!(WalName::of(name), WalName::Segment(_))) || name == layout::WAL {
            Self::Wal
        } else if any(&|name| name.ends_with(".snap")) || name == layout::SNAP {
            Self::Snap
        } else if any(&|name| FsmName::parse(name).is_some()) || name == layout::PAYLOADS {
            Self::FsmSnap
        } else if any(&|name| name == layout::SIDECAR) {
            Self::Encryption
        } else {
            Self::Unknown
        }
    }
}

/// True for a file that only a store has.
pub(super) fn is_store_file(entry: &DirEntry) -> bool {
    entry.kind == EntryKind::File
        && matches!(
            StoreFileName::parse(&entry.name),
            StoreFileName::Manifest(_) | StoreFileName::Options(_) | StoreFileName::Marker(_) | StoreFileName::Table(_)
        )
}
