//! A node's directory of hashicorp/raft: which files there are, and the bytes of them.

pub mod archive;
mod checkpoints;
mod log_facts;
mod pebble_log;
mod snapshots;
mod survey;
pub mod wal;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::formats::bolt::{BIG_ENDIAN_MAGIC, MAGIC};
use crate::formats::layout::{self, LOGS_DAT, NODE_ID, PEERS_JSON, RAFT_DB, SNAPSHOTS, STABLE_DAT, VAULT_DB, WAL_META};
use crate::io::{DirEntry, EntryKind, MappedFile, entry_named, parent_of};
use crate::readers::locate::{group_number, is_group};
use crate::readers::pebble::StoreFacts;
use crate::readers::source::{Run, Source};
use crate::types::UnixMillis;

pub use checkpoints::CheckpointFault;
pub use log_facts::{EntryFault, Fault, LogFacts, MembershipEntry, OddKey, Range, TermRun, TypeCount, number};
pub use pebble_log::PebbleLog;
pub use snapshots::{ListedDir, MetaFault, OpenedState, SnapshotDirs, StateFile, open_snapshot, read_state, state_head};
use wal::{WalLog, is_wal_dir};

pub use survey::{BucketFact, FreelistFact, MetaFact, PageProblem, Row, Survey, chosen_meta};

/// Larger than any `peers.json` or `meta.json`.
const SMALL_LIMIT: u64 = 16 << 20;

/// Names that only a group directory of the present elastickv has: with one of them, the server's refusal is the answer.
const ELASTICKV: &[&str] = &[
    layout::ENGINE_MARKER,
    layout::WAL,
    layout::SNAP,
    layout::PAYLOADS,
    layout::PEERS,
    layout::LEGACY_STATE,
    layout::LEGACY_METADATA,
    layout::LEGACY_ENTRIES,
];

/// How the stores are kept.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one a node")]
pub enum StoreFilesOf {
    /// `raft.db`, or nothing yet.
    Combined(Option<MappedFile>),
    /// `logs.dat` and `stable.dat`.
    Split {
        /// The log; `None` when the file is missing.
        logs: Option<MappedFile>,
        /// The stable store.
        stable: Option<MappedFile>,
    },
    /// `raft.db` is a directory of Pebble.
    Pebble(Box<PebbleLog>),
    /// A log of raft-wal, with its own list and stable store.
    Wal(Box<WalLog>),
}

/// Takes the key of an entry, the offset of its value where it has one, and the value; `None` for a bucket in its place. Says
/// whether there is a need for more.
pub type EachEntry<'v> = dyn FnMut(u64, Option<u64>, Option<&[u8]>) -> ControlFlow<()> + 'v;

/// A node's directory.
#[derive(Debug)]
pub struct HashiDir {
    /// As the caller named it.
    pub path: PathBuf,
    /// The node's id: the name of the directory, unless the caller knows better.
    pub raft_id: String,
    /// Log and stable store.
    pub stores: StoreFilesOf,
    /// A log of raft-wal that is not read, because `raft.db` is there as well.
    pub unread_wal: Option<PathBuf>,
    /// Where Vault and OpenBao keep their snapshots, where that stands in or beside the directory: the library's own store of
    /// snapshots is then not what a start asks.
    pub vault_db: Option<PathBuf>,
    /// The snapshots.
    pub snapshots: SnapshotDirs,
    /// `peers.json`, if it is there.
    pub peers_json: Option<std::result::Result<Vec<u8>, String>>,
    /// Everything in the directory.
    pub entries: Vec<DirEntry>,
}

/// True when `entries` are those of a node of hashicorp/raft, and not of an elastickv that would refuse them.
pub fn is_hashicorp(path: &Path, entries: &[DirEntry], source: &dyn Source) -> bool {
    let kind = |name: &str| entry_named(entries, name).map(|entry| entry.kind);
    if is_wal_dir(entries) {
        return true;
    }
    // Consul's directory is called like elastickv's log.
    let beside = ELASTICKV.iter().all(|name| *name == layout::WAL || kind(name).is_none());
    if beside && kind(layout::WAL) == Some(EntryKind::Directory) && holds_wal(&path.join(layout::WAL), source) {
        return true;
    }
    let stores = [RAFT_DB, LOGS_DAT, STABLE_DAT];
    let pebble = kind(RAFT_DB) == Some(EntryKind::Directory);
    // The servers of the Pebble store began to write the marker.
    let own_marker = |name: &str| pebble && name == layout::ENGINE_MARKER && names_hashicorp(&path.join(name), source);
    if ELASTICKV.iter().any(|name| kind(name).is_some() && !own_marker(name)) {
        return false;
    }
    if pebble {
        // What a migration to Pebble read stays beside it.
        let rest = [LOGS_DAT, STABLE_DAT].iter().all(|name| matches!(kind(name), None | Some(EntryKind::File)));
        let inside = || source.list_kinds(&path.join(RAFT_DB)).unwrap_or_default();
        return rest && (kind(SNAPSHOTS) == Some(EntryKind::Directory) || pebble_log::is_pebble(&inside()));
    }
    let usual = |kind| matches!(kind, EntryKind::File | EntryKind::Nowhere);
    if stores.iter().any(|name| kind(name).is_some_and(|kind| !usual(kind))) {
        return false;
    }
    if kind(RAFT_DB) == Some(EntryKind::Nowhere) {
        // A link to a volume that is not there: its name says whose it is.
        return true;
    }
    let store = stores.into_iter().find(|name| kind(name) == Some(EntryKind::File));
    match (store, kind(SNAPSHOTS)) {
        (Some(_), Some(_)) => true,
        (Some(name), None) => looks_like_bolt(&path.join(name), source),
        (None, Some(EntryKind::Directory)) => has_snapshots(&path.join(SNAPSHOTS), source),
        (None, _) => false,
    }
}

/// True when the marker of a group's engine names the older one.
fn names_hashicorp(marker: &Path, source: &dyn Source) -> bool {
    let read = source.read_small(marker, SMALL_LIMIT).map(|file| file.bytes).unwrap_or_default();
    String::from_utf8_lossy(&read).trim().eq_ignore_ascii_case("hashicorp")
}

/// True for a store's file, or its directory, in a directory that is one of hashicorp/raft.
pub fn is_store_file(path: &Path, source: &dyn Source) -> bool {
    let named = path.file_name().is_some_and(|name| [RAFT_DB, LOGS_DAT, STABLE_DAT].iter().any(|known| name == *known));
    named
        && parent_of(path)
            .is_some_and(|parent| source.list_kinds(parent).is_ok_and(|entries| is_hashicorp(parent, &entries, source)))
}

/// True when a page size stands behind one of the two meta pages.
fn looks_like_bolt(path: &Path, source: &dyn Source) -> bool {
    let Ok(file) = source.open(path) else { return false };
    let magic = |at: u64| {
        let bytes = file.read_at(at, 4).unwrap_or_default();
        bytes.first_chunk::<4>().is_some_and(|word| [MAGIC, BIG_ENDIAN_MAGIC].contains(&u32::from_le_bytes(*word)))
    };
    magic(16) || (10..=24).any(|shift| magic(16 + (1 << shift)))
}

fn holds_wal(path: &Path, source: &dyn Source) -> bool {
    source.list_kinds(path).is_ok_and(|entries| is_wal_dir(&entries))
}

/// The node of which this directory is the log, where it is one: what stands around a log of raft-wal that is called `wal`.
fn node_of_wal(path: &Path, entries: &[DirEntry], source: &dyn Source) -> Option<PathBuf> {
    if !is_wal_dir(entries) || path.file_name().is_none_or(|name| name != layout::WAL) {
        return None;
    }
    let parent = parent_of(path)?;
    source.list_kinds(parent).is_ok_and(|around| is_hashicorp(parent, &around, source)).then(|| parent.to_owned())
}

fn has_snapshots(path: &Path, source: &dyn Source) -> bool {
    let Ok(entries) = source.list_kinds(path) else { return false };
    entries.iter().any(|entry| {
        entry.kind == EntryKind::Directory
            && source.list_kinds(&path.join(&entry.name)).is_ok_and(|files| entry_named(&files, layout::META_JSON).is_some())
    })
}

/// The node directories at or below `path`: the path itself, or its children when it is none.
pub fn discover_hashicorp(path: &Path, source: &dyn Source) -> Result<Vec<PathBuf>> {
    let Ok(entries) = source.list_kinds(path) else { return Ok(Vec::new()) };
    if let Some(node) = node_of_wal(path, &entries, source) {
        return Ok(vec![node]);
    }
    if is_hashicorp(path, &entries, source) {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    let mut other = None;
    for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Directory) {
        let child = path.join(&entry.name);
        match source.list_kinds(&child) {
            Ok(entries) if is_hashicorp(&child, &entries, source) => found.push(child),
            Ok(entries) if holds_groups(&entries) => other = other.or(Some(child)),
            Ok(_) => {}
            Err(error) if error.is_not_found() => {}
            // Whatever it is, it cannot be looked at; the reader of the other kind says so.
            Err(_) => return Ok(Vec::new()),
        }
    }
    match (found.first(), other) {
        (Some(own), Some(other)) => Err(Error::Usage(format!(
            "{}: {} is a directory of hashicorp/raft, and {} is none; name each of them by itself",
            path.display(),
            own.display(),
            other.display()
        ))),
        _ => Ok(found),
    }
}

/// True for a group directory of the present server, and for one that holds such.
fn holds_groups(entries: &[DirEntry]) -> bool {
    let group = |entry: &DirEntry| entry.kind == EntryKind::Directory && group_number(&entry.name).is_some();
    is_group(entries) || entries.iter().any(group)
}

/// Longest id that a file has.
const ID_LIMIT: u64 = 256;

/// The id that Consul, Nomad and Vault keep in a file beside a directory that they call `raft`.
fn own_id(path: &Path, name: &str, source: &dyn Source) -> Option<String> {
    if name != "raft" {
        return None;
    }
    let around = path.parent().filter(|parent| !parent.as_os_str().is_empty()).map_or_else(|| path.join(".."), Path::to_owned);
    let file = source.read_small(&around.join(NODE_ID), ID_LIMIT).ok()?;
    let id = String::from_utf8(file.bytes).ok()?.trim().to_owned();
    (!id.is_empty()).then_some(id)
}

impl HashiDir {
    /// Reads the directory; `raft_id` in the place of its name. Of a Pebble store every block is read where `blocks` says so.
    pub fn read(path: &Path, raft_id: Option<&str>, blocks: impl FnOnce(&StoreFacts) -> bool, run: &Run<'_>) -> Result<Self> {
        let source = &*run.source;
        let entries = source.list_kinds(path)?;
        let file = |name: &str| -> Result<Option<MappedFile>> {
            match source.map(&path.join(name)) {
                Ok(file) => Ok(Some(file)),
                Err(error) if error.is_not_found() => Ok(None),
                Err(error) => Err(error),
            }
        };
        let split = entries.iter().any(|entry| entry.name == LOGS_DAT || entry.name == STABLE_DAT);
        let pebble = entry_named(&entries, RAFT_DB).is_some_and(|entry| entry.kind == EntryKind::Directory);
        let wal = if is_wal_dir(&entries) {
            Some(path.to_owned())
        } else {
            Some(path.join(layout::WAL)).filter(|wal| holds_wal(wal, source))
        };
        // Consul reads `raft.db` as long as it is there, whatever it is told to use.
        let passed_over = entries.iter().any(|entry| entry.name == RAFT_DB && entry.kind == EntryKind::File);
        let (wal, unread_wal) = if passed_over { (None, wal.filter(|wal| *wal != path)) } else { (wal, None) };
        let combined = if pebble || wal.is_some() { None } else { file(RAFT_DB)? };
        let stores = if let Some(wal) = wal {
            StoreFilesOf::Wal(Box::new(WalLog::read(&wal, source)?))
        } else if pebble {
            StoreFilesOf::Pebble(Box::new(PebbleLog::read(&path.join(RAFT_DB), blocks, run)?))
        } else if combined.is_none() && split {
            StoreFilesOf::Split { logs: file(LOGS_DAT)?, stable: file(STABLE_DAT)? }
        } else {
            StoreFilesOf::Combined(combined)
        };
        let peers_json = match source.read_small(&path.join(PEERS_JSON), SMALL_LIMIT) {
            Ok(file) => Some(Ok(file.bytes)),
            Err(error) if error.is_not_found() => None,
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => Some(Err(error.reason())),
        };
        let snapshots = SnapshotDirs::read(&path.join(SNAPSHOTS), source)?;
        let name = crate::readers::GroupDir::at(path, source).raft_id;
        let raft_id = raft_id.map(str::to_owned).or_else(|| own_id(path, &name, source)).unwrap_or(name);
        let around = [path.join(VAULT_DB), path.join("..").join(VAULT_DB)];
        let vault_db = around.into_iter().find(|path| source.kind_at(path) == Some(EntryKind::File));
        Ok(Self { path: path.to_owned(), raft_id, stores, unread_wal, vault_db, snapshots, peers_json, entries })
    }

    /// The path as reports show it.
    pub fn display(&self) -> String {
        self.path.display().to_string()
    }

    /// The files of the stores with their names.
    pub fn store_files(&self) -> Vec<(&'static str, Option<&MappedFile>)> {
        match &self.stores {
            StoreFilesOf::Combined(file) => vec![(RAFT_DB, file.as_ref())],
            StoreFilesOf::Split { logs, stable } => vec![(LOGS_DAT, logs.as_ref()), (STABLE_DAT, stable.as_ref())],
            StoreFilesOf::Pebble(_) => Vec::new(),
            StoreFilesOf::Wal(log) if log.path == self.path => vec![(WAL_META, log.meta.as_ref())],
            StoreFilesOf::Wal(log) => vec![("wal/wal-meta.db", log.meta.as_ref())],
        }
    }

    /// The Pebble directory, where the stores are one.
    pub const fn pebble(&self) -> Option<&PebbleLog> {
        match &self.stores {
            StoreFilesOf::Pebble(log) => Some(log),
            StoreFilesOf::Combined(_) | StoreFilesOf::Split { .. } | StoreFilesOf::Wal(_) => None,
        }
    }

    /// The log, where it is one of raft-wal.
    pub const fn wal(&self) -> Option<&WalLog> {
        match &self.stores {
            StoreFilesOf::Wal(log) => Some(log),
            StoreFilesOf::Combined(_) | StoreFilesOf::Split { .. } | StoreFilesOf::Pebble(_) => None,
        }
    }

    /// Whether the log's store keeps the commit index: none of these kinds does.
    pub const fn records_commit(&self) -> bool {
        match &self.stores {
            StoreFilesOf::Combined(_) | StoreFilesOf::Split { .. } | StoreFilesOf::Pebble(_) | StoreFilesOf::Wal(_) => false,
        }
    }

    /// Shows every entry of the log to `each`, as long as it wants more: its key, its value, and the offset of that where it has one.
    pub fn each_entry(&self, run: &Run<'_>, each: &mut EachEntry<'_>) -> Result<()> {
        if let Some(log) = self.pebble() {
            return log.entries(run, &mut |index, value| each(index, None, Some(value)));
        }
        if let Some(file) = self.store_files().first().and_then(|(_, file)| *file) {
            Survey::of_file(file, &mut |row| match (row.bucket, <[u8; 8]>::try_from(row.key)) {
                (b"logs", Ok(key)) => each(u64::from_be_bytes(key), Some(row.at), row.value),
                _ => ControlFlow::Continue(()),
            });
        }
        Ok(())
    }

    /// When a file of the log or of the stable store was last changed.
    pub fn last_written(&self, source: &dyn Source) -> Option<UnixMillis> {
        let files = self.store_files().into_iter().filter_map(|(_, file)| file?.stamp().modified());
        let segments = self.wal().into_iter().flat_map(|log| &log.segments);
        let segments = segments.filter_map(|segment| segment.file.as_ref()?.as_ref().ok()?.stamp().modified());
        let pebble = self.pebble().and_then(|_| source.list(&self.path.join(RAFT_DB)).ok()).unwrap_or_default();
        files.chain(segments).chain(pebble.into_iter().filter_map(|entry| entry.modified)).max()
    }

    /// True when a file of the stores has changed since it was opened.
    pub fn changed(&self) -> bool {
        self.pebble().is_some_and(PebbleLog::changed)
            || self.wal().is_some_and(WalLog::changed)
            || self.store_files().iter().filter_map(|(_, file)| *file).any(|file| file.changed_by_name() || file.faulted())
    }
}
