//! The envelopes and payloads of one group, read together.

use std::collections::HashSet;
use std::path::Path;

use super::fsm_file::{Examine, FsmFacts};
use super::keys::Opener;
use super::sealed_rows::{OpenedRows, examine_opening};
use super::snap_dir::SnapDir;
use super::{GroupListing, SubDir};
use crate::error::{Error, Result};
use crate::formats::fsm::{FsmName, is_received_spool, is_unfinished};
use crate::formats::layout;
use crate::io::{DirEntry, EntryKind, IoOptions};
use crate::readers::source::{Run, Source};
use crate::types::LogIndex;

/// How closely payloads are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Depth {
    /// Size, footer and header.
    Header,
    /// Also the checksum over the payload.
    #[default]
    Checksum,
    /// Also every row.
    Deep,
    /// Also who uses the space.
    Usage,
}

/// Store payloads up to this many bytes are walked along with their checksum: it costs next to nothing, and shows the
/// applied index they carry.
const ALWAYS_WALKED: u64 = 64 << 20;

impl Depth {
    /// What to read of a payload in a file of `size` bytes.
    pub fn examine(self, size: u64) -> Examine {
        let walk = self >= Self::Deep || (self == Self::Checksum && size <= ALWAYS_WALKED);
        Examine { crc: self >= Self::Checksum, walk, usage: self == Self::Usage }
    }
}

/// Snapshots in a group directory, or in a folder of `.snap` and `.fsm` files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SnapshotSet {
    /// The `.snap` files; `None` when there is no such directory.
    pub snap: Option<SnapDir>,
    /// Every name ending in `.fsm`, ascending.
    pub payloads: Vec<PayloadEntry>,
    /// Unfinished and half received payloads, below the directory.
    pub leftovers: Vec<String>,
    /// Where `.snap` files lie below the directory: `snap/`, or nothing.
    pub snap_prefix: &'static str,
    /// Where `.fsm` files lie below the directory: `fsm-snap/`, or nothing.
    pub fsm_prefix: &'static str,
    /// `.snap` names that were gone when everything else had been read: retention removed them meanwhile.
    pub purged: HashSet<String>,
}

/// One name ending in `.fsm`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadEntry {
    /// The name.
    pub name: String,
    /// The index it stands for; `None` when cleanup would not recognise the name.
    pub id: Option<FsmName>,
    /// What stands there.
    pub facts: FsmFacts,
    /// What keys made of its sealed rows, if there were any and it was walked.
    pub opened: Option<OpenedRows>,
}

/// What to read of a set.
#[derive(Clone, Copy)]
pub struct ReadSet<'r> {
    /// How closely.
    pub depth: Depth,
    /// Keys for the sealed rows of payloads that are walked.
    pub opener: Option<&'r Opener>,
    /// Payloads of these indexes only.
    pub only: Option<&'r [LogIndex]>,
    /// Threads.
    pub io: IoOptions,
    /// Source, and who watches.
    pub run: &'r Run<'r>,
}

impl SnapshotSet {
    /// Reads the snapshots of a group directory. `.snap` files first: a payload is complete before its `.snap` appears.
    pub fn of_group(group: &Path, wanted: &ReadSet<'_>) -> Result<Self> {
        let source = &*wanted.run.source;
        let snap = optional(SnapDir::read(&group.join(layout::SNAP), source))?;
        let payloads = optional(source.list_sized(&group.join(layout::PAYLOADS), &is_payload_name))?.unwrap_or_default();
        let mut set = Self { snap, snap_prefix: "snap/", fsm_prefix: "fsm-snap/", ..Self::default() };
        set.leftovers = leftovers(&source.list_kinds(group)?, "").collect();
        set.leftovers.extend(leftovers(&payloads, "fsm-snap/"));
        set.read_payloads(&group.join(layout::PAYLOADS), payloads, wanted)?;
        set.note_purged(&group.join(layout::SNAP), source)?;
        Ok(set)
    }

    /// The snapshots of a group that was read, without its payloads.
    pub fn listed(listing: &GroupListing, snaps: &SnapDir) -> Self {
        let snap = matches!(listing.snap, SubDir::Listed(_)).then(|| snaps.clone());
        let mut set = Self { snap, snap_prefix: "snap/", fsm_prefix: "fsm-snap/", ..Self::default() };
        set.leftovers = leftovers(&listing.root, "").collect();
        set.leftovers.extend(leftovers(listing.fsm_snap.entries(), "fsm-snap/"));
        set
    }

    /// Reads a folder that holds `.snap` or `.fsm` files itself.
    pub fn of_folder(folder: &Path, wanted: &ReadSet<'_>) -> Result<Self> {
        let source = &*wanted.run.source;
        let snap = SnapDir::read(folder, source)?;
        let entries = source.list_sized(folder, &is_payload_name)?;
        let mut set = Self { leftovers: leftovers(&entries, "").collect(), ..Self::default() };
        set.snap = (!snap.snaps.is_empty()).then_some(snap);
        set.read_payloads(folder, entries, wanted)?;
        set.note_purged(folder, source)?;
        Ok(set)
    }

    fn read_payloads(&mut self, dir: &Path, entries: Vec<DirEntry>, wanted: &ReadSet<'_>) -> Result<()> {
        for entry in entries.into_iter().filter(is_payload) {
            let id = FsmName::parse(&entry.name);
            if wanted.only.is_some_and(|only| !id.is_some_and(|id| only.contains(&id.index))) {
                continue;
            }
            let depth = wanted.depth.examine(entry.size);
            let (facts, opened) = examine_opening(&dir.join(&entry.name), depth, wanted.opener, &wanted.io, wanted.run)?;
            self.payloads.push(PayloadEntry { name: entry.name, id, facts, opened });
        }
        Ok(())
    }

    /// Notes which `.snap` files are gone by now from the directory that they were read from.
    pub fn note_purged(&mut self, dir: &Path, source: &dyn Source) -> Result<()> {
        let Some(snap) = &self.snap else { return Ok(()) };
        let now = optional(source.list_names(dir))?.unwrap_or_default();
        let gone = snap.snaps.iter().filter(|entry| now.binary_search_by(|(name, _)| name.cmp(&entry.name)).is_err());
        self.purged = gone.map(|entry| entry.name.clone()).collect();
        Ok(())
    }

    /// The payload under the canonical name of an index.
    pub fn payload(&self, index: LogIndex) -> Option<&PayloadEntry> {
        // In the order of their names, which for canonical ones is that of their indexes.
        let name = FsmName::of(index);
        let at = self.payloads.binary_search_by(|entry| entry.name.as_str().cmp(&name)).ok()?;
        self.payloads.get(at)
    }
}

/// True for a name that stands for a complete payload.
pub fn is_payload(entry: &DirEntry) -> bool {
    is_payload_name(&entry.name)
}

fn is_payload_name(name: &str) -> bool {
    name.ends_with(".fsm") && !is_received_spool(name)
}

fn optional<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotADirectory => Ok(None),
        Err(error) => Err(error),
    }
}

fn leftovers<'e>(entries: &'e [DirEntry], prefix: &'static str) -> impl Iterator<Item = String> + 'e {
    // What it is comes before what it is called: a directory is no payload that was being written.
    let left =
        |entry: &&DirEntry| entry.kind != EntryKind::Directory && (is_received_spool(&entry.name) || is_unfinished(&entry.name));
    entries.iter().filter(left).map(move |entry| format!("{prefix}{}", entry.name))
}
