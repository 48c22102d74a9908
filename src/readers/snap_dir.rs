//! The `snap/` directory as facts.

use std::path::Path;

use super::fsm_file::PayloadFacts;
use super::source::Source;
use crate::error::Result;
use crate::formats::etcd::is_v2_store;
use crate::formats::raftpb::{ProtoRules, SnapshotMetadata};
use crate::formats::snap::{self, SnapError, SnapName, SnapshotData};
use crate::io::{DirEntry, EntryKind};
use crate::types::{LogIndex, ProtobufRuntime, ServerVersion, UnixMillis, count_work};

/// What `snap/` holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SnapDir {
    /// Every name ending in `.snap`, in the order in which a start tries them: from the highest name down.
    pub snaps: Vec<SnapEntry>,
    /// Every other name, ascending.
    pub others: Vec<DirEntry>,
}

/// One name ending in `.snap`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapEntry {
    /// The name.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// Length in bytes.
    pub size: u64,
    /// Term and index as the name has them; `None` when it has none.
    pub id: Option<SnapName>,
    /// When it was last changed; `None` when it could not be opened, or before 1970.
    pub modified: Option<UnixMillis>,
    /// True when the file has no byte other than zero, or none at all.
    pub blank: bool,
    /// True when the file changed or vanished while it was read.
    pub changed: bool,
    gogo: Result<SnapContent, SnapReadError>,
    google: Result<SnapContent, SnapReadError>,
}

/// A `.snap` file that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapContent {
    /// What it stands for.
    pub metadata: SnapshotMetadata,
    /// What it carries.
    pub data: SnapshotData,
    /// The payload it carries instead of a token: its header, and where a restore of it would stop.
    pub legacy: Option<PayloadFacts>,
    /// The data is the v2 store of etcd, as of a snapshot of a member of that; a server of elastickv would take it for a payload.
    pub etcd: bool,
}

/// Why a name ending in `.snap` could not be read. A start renames such a name to `.broken` when it reaches it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapReadError {
    /// It is a directory.
    #[error("is a directory")]
    Directory,
    /// It is a link to nothing.
    #[error("is a link to nothing")]
    Nowhere,
    /// The system refused; whether it would refuse the server too is not known.
    #[error("{0}")]
    Unreadable(String),
    /// Its bytes are not a snapshot.
    #[error(transparent)]
    Format(#[from] SnapError),
}

type Result2 = Result<SnapContent, SnapReadError>;

impl SnapEntry {
    /// What a server of that version reads. The two differ only in how they take malformed messages.
    pub const fn read(&self, engine: ServerVersion) -> &Result2 {
        match engine.traits().protobuf {
            ProtobufRuntime::Gogo => &self.gogo,
            ProtobufRuntime::Google => &self.google,
        }
    }

    /// A link to nothing of that name.
    fn nowhere(name: String) -> Self {
        let refused = || Err(SnapReadError::Nowhere);
        let id = SnapName::parse(&name);
        let kind = EntryKind::Nowhere;
        Self { name, kind, size: 0, id, modified: None, blank: false, changed: false, gogo: refused(), google: refused() }
    }

    /// Reads one file. `name` need not end in `.snap`.
    pub fn open(path: &Path, name: String, source: &dyn Source) -> Self {
        let id = SnapName::parse(&name);
        let refused = |error: SnapReadError| (Err(error.clone()), Err(error));
        let (mut kind, mut size, mut changed, mut blank) = (EntryKind::File, 0, false, false);
        let mut modified = None;
        let (gogo, google) = match source.map(path) {
            Ok(file) => {
                let read = (content(file.bytes(), ProtoRules::Gogo), content(file.bytes(), ProtoRules::Google));
                blank = file.bytes().iter().all(|&byte| byte == 0);
                size = file.stamp().size;
                modified = file.stamp().modified();
                match file.fault() {
                    Ok(fault) => {
                        changed = fault.is_some() || file.changed();
                        read
                    }
                    Err(error) => {
                        blank = false;
                        refused(SnapReadError::Unreadable(error.reason()))
                    }
                }
            }
            Err(error) => {
                kind = source.kind_at(path).unwrap_or(EntryKind::Other);
                changed = kind != EntryKind::Directory && error.is_not_found();
                if kind == EntryKind::Directory {
                    refused(SnapReadError::Directory)
                } else {
                    refused(SnapReadError::Unreadable(error.reason()))
                }
            }
        };
        Self { name, kind, size, id, modified, blank, changed, gogo, google }
    }
}

fn content(bytes: &[u8], rules: ProtoRules) -> Result2 {
    let snapshot = snap::decode(bytes, rules)?;
    let data = SnapshotData::of(snapshot.data);
    let etcd = is_v2_store(snapshot.data);
    let legacy = matches!(data, SnapshotData::LegacyPayload { .. }).then(|| PayloadFacts::of(snapshot.data, true));
    Ok(SnapContent { metadata: snapshot.metadata, data, legacy, etcd })
}

impl SnapDir {
    /// Reads every `.snap` file below `dir`, which is the `snap/` directory itself.
    pub fn read(dir: &Path, source: &dyn Source) -> Result<Self> {
        let (snaps, others): (Vec<_>, Vec<_>) =
            source.list_kinds(dir)?.into_iter().partition(|entry| entry.name.ends_with(".snap"));
        let open = |entry: DirEntry| match entry.kind {
            EntryKind::Nowhere => SnapEntry::nowhere(entry.name),
            _ => SnapEntry::open(&dir.join(&entry.name), entry.name, source),
        };
        let mut snaps: Vec<_> = snaps.into_iter().map(open).collect();
        snaps.reverse();
        Ok(Self { snaps, others })
    }

    /// Indexes whose payloads a start of that version keeps, ascending: those in the names, whatever the files hold.
    pub fn live_indexes(&self, engine: ServerVersion) -> Vec<LogIndex> {
        count_work(self.snaps.len() as u64);
        let mut live: Vec<_> = self.live_among(engine, |_| true).collect();
        live.sort_unstable();
        live.dedup();
        live
    }

    /// The same for the names that `counts` accepts, as they come.
    pub fn live_among(&self, engine: ServerVersion, counts: impl Fn(&str) -> bool) -> impl Iterator<Item = LogIndex> {
        let files = self.snaps.iter().filter(move |entry| entry.kind != EntryKind::Directory && counts(&entry.name));
        files.filter_map(move |entry| SnapName::live_index(&entry.name, engine))
    }
}
