//! Anything that a path may name, read as far as one page needs it.

use std::path::{Path, PathBuf};

use super::dump::{DumpPlace, find_dump};
use super::fsm_file::{self, Examine, FsmFacts};
use super::group_listing::GroupListing;
use super::hraft::archive::{ArchiveFacts, read_archive};
use super::locate::{DirectoryKind, Discovered, GroupDir, StorePlace, Unplaced, below, discover_all, find_store};
use super::offload::{ObjectRead, OffloadStore, read_object};
use super::pebble::{StoreCheck, StoreFacts, examine_store};
use super::pebble_table::{Table, TableProblem, TableSurvey, separate};
use super::snap_dir::{SnapDir, SnapEntry, SnapReadError};
use super::wal::{Change, WalDir, WalScan};
use crate::error::Result;
use crate::formats::detect::{Detection, FileKind, detect};
use crate::formats::fsm::FsmName;
use crate::formats::layout;
use crate::formats::wal::SegmentName;
use crate::io::{DirEntry, EntryKind, IoOptions, MappedFile};
use crate::readers::source::{Run, Source};
use crate::types::{ServerVersion, UnixMillis};

/// Payloads and tables up to this size are checked whole; above it only both ends are read.
const WHOLE: u64 = 256 << 20;
/// More payloads than a node ever keeps.
const READ_PAYLOADS: usize = 64;

/// What a path names.
#[derive(Debug)]
pub struct Subject {
    /// The path as the caller gave it.
    pub display: String,
    /// Its last component.
    pub name: String,
    /// Bytes of a file.
    pub size: u64,
    /// What a file is; `None` for a directory.
    pub detection: Option<Detection>,
    /// When it was last written; of a directory of a node, the newest of its files.
    pub modified: Option<UnixMillis>,
    /// True when a segment of the log has a segment's name.
    pub named_as_segment: bool,
    /// Whether the first bytes of what is not recognised are wanted.
    pub show_bytes: bool,
    /// What is in it.
    pub content: Content,
}

/// What is in it, by kind.
#[derive(Debug)]
pub enum Content {
    /// A file that is described from its bytes.
    Bytes(MappedFile),
    /// A snapshot payload.
    Payload(FsmFacts),
    /// The payload of an offloaded snapshot.
    OffloadPayload(ObjectRead),
    /// A snapshot envelope.
    Envelope(Box<SnapEntry>),
    /// A snapshot archive of another product.
    Archive(Box<ArchiveFacts>),
    /// A segment of the log.
    Log(WalScan),
    /// A sorted table, or why it cannot be opened.
    Table(Result<Box<TableFacts>, TableProblem>),
    /// A directory.
    Directory(DirectoryFacts),
}

/// A table that could be opened.
#[derive(Debug)]
pub struct TableFacts {
    /// Its footer and properties.
    pub table: Table,
    /// What every block of it says; `None` for a table that is too large for one page.
    pub survey: Option<TableSurvey>,
}

/// A directory.
#[derive(Debug)]
pub struct DirectoryFacts {
    /// The path as the caller gave it.
    pub display: String,
    /// What it is.
    pub kind: DirectoryKind,
    /// Its entries, sorted by name.
    pub entries: Vec<DirEntry>,
    /// The groups at and below it.
    pub groups: Vec<GroupFacts>,
    /// What lies beside them.
    pub unplaced: Vec<Unplaced>,
    /// What the files of a directory of one kind say.
    pub inside: Inside,
}

/// What the files of a directory of one kind say.
#[derive(Debug, Default)]
pub enum Inside {
    /// They were not read.
    #[default]
    Unread,
    /// They cannot be read; the reason.
    Unreadable(String),
    /// `wal/`
    Log(WalScan),
    /// `snap/`
    Envelopes(SnapDir),
    /// `fsm-snap/`: both ends of each payload, by name.
    Payloads(Vec<(String, FsmFacts)>),
    /// A store, as far as it has to be read for what it says about itself.
    Store(Box<StoreFacts>),
    /// Offloaded snapshots: the manifests, read, and what lies beside them.
    Offload(Box<OffloadStore>),
}

/// One group at or below a directory.
#[derive(Debug)]
pub struct GroupFacts {
    /// Where it is and whose.
    pub group: GroupDir,
    /// What stands in it.
    pub listing: GroupListing,
    /// Files in its store.
    pub store: Vec<DirEntry>,
}

impl Subject {
    /// Reads what `path` names.
    pub fn read(path: &Path, run: &Run<'_>) -> Result<Self> {
        let display = path.display().to_string();
        let source = &*run.source;
        let name = source.name_of(path);
        if source.kind_at(path) == Some(EntryKind::Directory) {
            let content = DirectoryFacts::read(path, display.clone(), run)?;
            return Ok(Self {
                display,
                name,
                size: 0,
                modified: newest(path, &content, source),
                detection: None,
                named_as_segment: false,
                show_bytes: false,
                content: Content::Directory(content),
            });
        }
        let map = source.map(path)?;
        let size = map.stamp().size;
        let detection = detect(&name, map.bytes());
        let named_as_segment = SegmentName::parse(name.strip_suffix(".broken").unwrap_or(&name)).is_some();
        let content = match detection.kind {
            FileKind::SnapshotPayload => {
                let wanted = Examine { crc: size <= WHOLE, walk: false, usage: false };
                Content::Payload(fsm_file::examine(path, wanted, run)?)
            }
            FileKind::OffloadPayload => {
                let wanted = Examine { crc: size <= WHOLE, walk: false, usage: false };
                Content::OffloadPayload(read_object(path, wanted, &IoOptions::default(), run)?)
            }
            FileKind::SnapshotEnvelope => Content::Envelope(Box::new(SnapEntry::open(path, name.clone(), source))),
            FileKind::HashicorpArchive => Content::Archive(Box::new(read_archive(path, run)?)),
            FileKind::WalSegment => Content::Log(log(path, &map, named_as_segment, run)?),
            FileKind::Table => Content::Table(match separate(Table::open(path, source))? {
                Ok(table) => Ok(Box::new(TableFacts::read(table, run)?)),
                Err(problem) => Err(problem),
            }),
            _ => Content::Bytes(map),
        };
        Ok(Self {
            display,
            name,
            size,
            modified: source.modified_at(path),
            detection: Some(detection),
            named_as_segment,
            show_bytes: false,
            content,
        })
    }

    /// Why what was read may not be what is there: the file changed meanwhile, or the disk did not deliver all of it.
    pub fn unsettled(&self) -> Option<String> {
        let changed = match &self.content {
            Content::Bytes(map) => match map.fault() {
                Ok(fault) => fault.is_some() || map.changed(),
                Err(error) => return Some(not_delivered(&error.reason())),
            },
            Content::Payload(FsmFacts::File(file)) => match &file.unread {
                Some(why) => return Some(not_delivered(why)),
                None => file.change.is_some(),
            },
            Content::Payload(FsmFacts::Unreadable(why)) => return Some(not_delivered(why)),
            Content::Payload(_) => false,
            Content::OffloadPayload(ObjectRead::Object(facts)) => match &facts.unread {
                Some(why) => return Some(not_delivered(why)),
                None => facts.change.is_some(),
            },
            Content::OffloadPayload(_) => false,
            Content::Archive(facts) => facts.changed,
            Content::Envelope(entry) => match entry.read(ServerVersion::NEWEST) {
                Err(SnapReadError::Unreadable(why)) => return Some(not_delivered(why)),
                _ => entry.changed,
            },
            // Growth of the segment that a server writes to is ordinary; the log's own examination judges it.
            Content::Log(scan) => match scan.unread().map(|segment| &segment.change) {
                Some(Some(Change::Unreadable(why))) => return Some(not_delivered(why)),
                Some(_) => true,
                None => match scan.disturbed() {
                    Some((_, why)) => return Some(why),
                    None => false,
                },
            },
            Content::Table(Ok(facts)) => facts.table.changed(),
            Content::Table(Err(_)) | Content::Directory(_) => false,
        };
        changed.then(|| "it changed while it was read; run again".to_owned())
    }
}

fn not_delivered(why: &str) -> String {
    format!("it cannot be read: {why}")
}

impl TableFacts {
    fn read(table: Table, run: &Run<'_>) -> Result<Self> {
        let survey = if table.size() <= WHOLE { Some(table.survey(run)?) } else { None };
        Ok(Self { table, survey })
    }
}

/// A segment by itself. One that has another name is read as if it were the first.
fn log(path: &Path, map: &MappedFile, named: bool, run: &Run<'_>) -> Result<WalScan> {
    match WalDir::of_segment(path, &*run.source)?.filter(|_| named) {
        Some(dir) => WalScan::read_listed(dir, run),
        None => WalScan::read_listed(WalDir::of_renamed(path, map.stamp().size), run),
    }
}

impl DirectoryFacts {
    fn read(path: &Path, display: String, run: &Run<'_>) -> Result<Self> {
        let source = &*run.source;
        let entries = source.list(path)?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut kind = DirectoryKind::of(&name, &entries);
        let found = match kind {
            DirectoryKind::Group | DirectoryKind::Unknown => match discover_all(path, source) {
                Ok(found) if !(kind == DirectoryKind::Unknown && entries.is_empty()) => found,
                // Nothing of ours below it is a fact, not a failure.
                Ok(_) | Err(crate::Error::Unsuitable { .. }) => Discovered::default(),
                Err(error) => return Err(error),
            },
            // Loose files do not tell what lies below them.
            _ => below(path, &entries, source)?,
        };
        let Discovered { groups: dirs, unplaced, .. } = found;
        let of_names = matches!(kind, DirectoryKind::Group | DirectoryKind::Unknown);
        let is_one = matches!(dirs.as_slice(), [only] if only.path == path);
        if of_names && !dirs.is_empty() && !is_one {
            let direct = dirs.iter().any(|group| group.path.parent() == Some(path) && group.group_id.is_some());
            kind = if direct { DirectoryKind::Node } else { DirectoryKind::RaftData };
        }
        let groups = dirs.into_iter().map(|group| GroupFacts::read(group, source)).collect::<Result<Vec<_>>>()?;
        if kind == DirectoryKind::Unknown && groups.is_empty() && find_store(path, source) == Some(StorePlace::Store) {
            kind = DirectoryKind::OffloadStore;
        }
        if kind == DirectoryKind::Unknown && groups.is_empty() && find_dump(path, source) == Some(DumpPlace::Directory) {
            kind = DirectoryKind::Dump;
        }
        let inside = match Inside::read(path, kind, &entries, run) {
            Ok(inside) => inside,
            Err(crate::Error::Interrupted) => return Err(crate::Error::Interrupted),
            Err(error) => Inside::Unreadable(error.to_string()),
        };
        Ok(Self { display, kind, entries, groups, unplaced, inside })
    }
}

impl Inside {
    fn read(path: &Path, kind: DirectoryKind, entries: &[DirEntry], run: &Run<'_>) -> Result<Self> {
        Ok(match kind {
            DirectoryKind::Wal => Self::Log(WalScan::read(path, run)?),
            DirectoryKind::Snap => Self::Envelopes(SnapDir::read(path, &*run.source)?),
            DirectoryKind::FsmSnap => {
                let named = entries.iter().filter(|entry| FsmName::parse(&entry.name).is_some()).take(READ_PAYLOADS);
                let read = |entry: &DirEntry| {
                    Ok((entry.name.clone(), fsm_file::examine(&path.join(&entry.name), Examine::default(), run)?))
                };
                Self::Payloads(named.map(read).collect::<Result<_>>()?)
            }
            DirectoryKind::OffloadStore => Self::Offload(Box::new(OffloadStore::read(path, run)?)),
            DirectoryKind::Store => Self::Store(Box::new(examine_store(path, StoreCheck::Meta, run)?)),
            _ => Self::Unread,
        })
    }
}

/// The newest file in a directory, and in those below it that a node has.
fn newest(path: &Path, facts: &DirectoryFacts, source: &dyn Source) -> Option<UnixMillis> {
    let newest_of = |dir: &Path, entries: &[DirEntry]| {
        let files = entries.iter().filter(|entry| entry.kind == EntryKind::File);
        files.filter_map(|file| file.modified.or_else(|| source.modified_at(&dir.join(&file.name)))).max()
    };
    let below = [layout::WAL, layout::SNAP, layout::PAYLOADS, layout::STORE].map(|name| path.join(name));
    // Those of the group that the directory itself is were listed already.
    let own = facts.groups.iter().find(|group| group.group.path == path);
    let [wal, snap, payloads, store] = &below;
    let listed = own.map(|own| {
        let listing = &own.listing;
        [
            (wal, listing.wal.entries()),
            (snap, listing.snap.entries()),
            (payloads, listing.fsm_snap.entries()),
            (store, &own.store),
        ]
    });
    let below = match listed {
        Some(listed) => listed.iter().filter_map(|(dir, entries)| newest_of(dir, entries)).max(),
        None => below.iter().filter_map(|dir| newest_of(dir, &source.list(dir).ok()?)).max(),
    };
    newest_of(path, &facts.entries).into_iter().chain(below).max()
}

impl GroupFacts {
    fn read(group: GroupDir, source: &dyn Source) -> Result<Self> {
        let listing = GroupListing::read(&group.path, source)?;
        let store: PathBuf = group.path.join(layout::STORE);
        let store = match source.list(&store) {
            Ok(entries) => entries,
            Err(error) if error.is_not_found() => Vec::new(),
            // A file of that name has no entries either.
            Err(_) if source.kind_at(&store) != Some(EntryKind::Directory) => Vec::new(),
            Err(error) => return Err(error),
        };
        Ok(Self { group, listing, store })
    }
}
