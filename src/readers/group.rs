//! One group's directory, read once: everything that its files say, owned, and its payloads when they are asked for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::fsm_file::examine_with;
use super::pebble::{self, GroupStoreFacts, StoreCheck};
use super::snap_dir::SnapContent;
use super::snapshot_set::{Depth, PayloadEntry, is_payload};
use super::source::{Run, Source};
use super::wal::{Change, WalScan};
use super::{Examine, FsmFacts, GroupDir, GroupListing, SnapDir, SnapshotSet, SubDir};
use crate::error::Result;
use crate::formats::fsm::FsmName;
use crate::formats::layout;
use crate::formats::snap::{SnapshotData, SnapshotToken};
use crate::io::{EntryKind, IoOptions, now};
use crate::types::{LogIndex, ServerVersion, UnixMillis, beside};

/// A store up to this size, in bytes of its tables, is read whole when nothing else is asked for.
const FULL_CHECK_UP_TO: u64 = 256 << 20;
/// Payloads up to this size are read row by row along with their checksum: their own applied index is worth it.
pub const WALK_UP_TO: u64 = 64 << 20;

/// How a group is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading {
    /// How much of the store is read; `None` decides by its size.
    pub store: Option<StoreCheck>,
}

/// Everything that the files of one group say.
#[derive(Debug)]
pub struct Group {
    /// Where it is.
    pub dir: GroupDir,
    /// Names in the directory, and its smallest files.
    pub listing: GroupListing,
    /// The store, and what stands beside it.
    pub store: GroupStoreFacts,
    /// `snap/`.
    pub snaps: SnapDir,
    /// The log, when there is one.
    pub log: Option<WalScan>,
    /// Payloads examined so far, by the index in their name.
    pub payloads: BTreeMap<LogIndex, FsmFacts>,
    /// What was examined of each.
    examined: BTreeMap<LogIndex, Examine>,
    /// Bytes read of payloads.
    pub payload_bytes: u64,
    /// How long that took.
    pub payload_time: Duration,
    source: Arc<dyn Source>,
}

impl Group {
    /// Reads a group in the order in which its files depend on each other: what comes later is at least as new.
    pub fn read(dir: &GroupDir, reading: Reading, run: &Run<'_>) -> Result<Self> {
        let listing = GroupListing::read(&dir.path, &*run.source)?;
        beside(listing.memory(), || Self::read_listed(dir, listing, reading, run))
    }

    fn read_listed(dir: &GroupDir, listing: GroupListing, reading: Reading, run: &Run<'_>) -> Result<Self> {
        let source = &*run.source;
        let check = match reading.store {
            Some(check) => check,
            None => {
                let is_table = |name: &str| name.ends_with(".sst");
                let tables = source.list_sized(&dir.path.join(layout::STORE), &is_table).unwrap_or_default();
                let size: u64 = tables.iter().filter(|entry| is_table(&entry.name)).map(|entry| entry.size).sum();
                if size <= FULL_CHECK_UP_TO { StoreCheck::Full } else { StoreCheck::Meta }
            }
        };
        let store = pebble::examine(&dir.path, check, run)?;
        let snaps = match listing.snap {
            SubDir::Listed(_) => SnapDir::read(&dir.path.join(layout::SNAP), source)?,
            SubDir::Absent | SubDir::NotADirectory => SnapDir::default(),
        };
        let log = listing.has_log().then(|| WalScan::read(&dir.path.join(layout::WAL), run)).transpose()?;
        Ok(Self {
            dir: dir.clone(),
            listing,
            store,
            snaps,
            log,
            payloads: BTreeMap::new(),
            examined: BTreeMap::new(),
            payload_bytes: 0,
            payload_time: Duration::ZERO,
            source: Arc::clone(&run.source),
        })
    }

    /// What was found when a payload was compared with its checksum; `None` when it was not.
    pub fn checked_payload(&self, name: &str) -> Option<&FsmFacts> {
        let id = FsmName::parse(name).filter(|id| id.canonical)?;
        self.payloads.get(&id.index).filter(|_| self.examined.get(&id.index).is_some_and(|examined| examined.crc))
    }

    /// Examines a payload for everything that was wanted of it so far. What was read before is not read again for less.
    pub fn examine(&mut self, index: LogIndex, wanted: Examine, run: &Run<'_>) -> Result<&FsmFacts> {
        let before = self.examined.get(&index).copied();
        let wanted = before.map_or(wanted, |before| Examine {
            crc: wanted.crc || before.crc,
            walk: wanted.walk || before.walk,
            usage: wanted.usage || before.usage,
        });
        if before != Some(wanted) {
            let path = self.dir.path.join(layout::PAYLOADS).join(FsmName::of(index));
            let started = Instant::now();
            let io = IoOptions { threads: run.threads, ..IoOptions::default() };
            let facts = examine_with(&path, wanted, &io, run)?;
            if let FsmFacts::File(file) = &facts {
                self.payload_bytes += file.bytes_read;
                self.payload_time += started.elapsed();
            }
            self.examined.insert(index, wanted);
            self.payloads.insert(index, facts);
        }
        Ok(self.payloads.get(&index).unwrap_or(&FsmFacts::Absent))
    }

    /// Examines every payload that a `.snap` names, those of up to `whole` bytes against their checksums.
    pub fn examine_named(&mut self, version: ServerVersion, whole: u64, run: &Run<'_>) -> Result<()> {
        let tokens = self.snaps.snaps.iter().filter_map(|snap| snap.read(version).as_ref().ok()?.token());
        for SnapshotToken { index, .. } in tokens.collect::<Vec<_>>() {
            let size = self.payload_size(index);
            let crc = size <= whole;
            self.examine(index, Examine { crc, walk: crc && size <= WALK_UP_TO, usage: false }, run)?;
        }
        Ok(())
    }

    /// All snapshots as a set; payloads that were examined closely enough are taken as they are.
    pub fn snapshot_set(&mut self, depth: Depth, run: &Run<'_>) -> Result<SnapshotSet> {
        let mut set = SnapshotSet::listed(&self.listing, &self.snaps);
        let io = IoOptions { threads: run.threads, ..IoOptions::default() };
        let payloads: Vec<_> = self.listing.fsm_snap.entries().iter().filter(|entry| is_payload(entry)).cloned().collect();
        for entry in payloads {
            let id = FsmName::parse(&entry.name);
            let wanted = depth.examine(entry.size);
            let facts = match id {
                Some(id) if id.canonical => self.examine(id.index, wanted, run)?.clone(),
                _ => examine_with(&self.dir.path.join(layout::PAYLOADS).join(&entry.name), wanted, &io, run)?,
            };
            set.payloads.push(PayloadEntry { name: entry.name, id, facts, opened: None });
        }
        set.note_purged(&self.dir.path.join(layout::SNAP), &*run.source)?;
        Ok(set)
    }

    /// Payloads that no `.snap` file names and that stand for at least what the store has applied: a received snapshot leaves such a one.
    pub fn ahead_of_the_store(&self, version: ServerVersion, applied: Option<LogIndex>) -> Vec<LogIndex> {
        let Some(applied) = applied else { return Vec::new() };
        let live = self.snaps.live_indexes(version);
        let files = self.listing.fsm_snap.entries().iter().filter(|entry| entry.kind == EntryKind::File);
        let named = files.filter_map(|entry| FsmName::parse(&entry.name)).filter(|name| name.canonical).map(|name| name.index);
        named.filter(|index| *index >= applied && live.binary_search(index).is_err()).collect()
    }

    /// Now, or when a file of the log or of the snapshots was last changed if that is later: the clock of a machine that only looks at
    /// the files may stand still.
    pub fn latest(&self) -> Option<UnixMillis> {
        self.last_written().into_iter().chain(now()).max()
    }

    /// When a file of the log or of the snapshots was last changed.
    pub fn last_written(&self) -> Option<UnixMillis> {
        let path = self.dir.path.join(layout::WAL);
        let segments = self.listing.wal.entries().iter().filter(|entry| entry.name.ends_with(".wal"));
        let segments = segments.filter_map(|entry| entry.modified.or_else(|| self.source.modified_at(&path.join(&entry.name))));
        let snaps = self.snaps.snaps.iter().filter_map(|snap| snap.modified);
        segments.chain(snaps).max()
    }

    /// Length of a payload's file in bytes by the listing; 0 when there is none.
    pub fn payload_size(&self, index: LogIndex) -> u64 {
        let name = FsmName::of(index);
        let entries = self.listing.fsm_snap.entries();
        entries.binary_search_by(|entry| entry.name.as_str().cmp(&name)).map_or(0, |at| entries[at].size)
    }

    /// True when names, sizes or contents are no longer what was read.
    pub fn changed(&self) -> bool {
        // What cannot be read here will not be readable in a moment either.
        let moved = |change: &Option<Change>| !matches!(change, None | Some(Change::Unreadable(_)));
        self.store.store.is_moving()
            || self.snaps.snaps.iter().any(|snap| snap.changed)
            || self.log.as_ref().is_some_and(|scan| scan.segments.iter().any(|segment| moved(&segment.change)))
            || self.payloads.values().any(|facts| matches!(facts, FsmFacts::File(file) if file.change.is_some()))
            || GroupListing::read(&self.dir.path, &*self.source)
                .map_or_else(|error| error.is_not_found(), |now| now != self.listing)
    }
}

impl SnapContent {
    /// The token it carries, when its data is one.
    pub fn token(&self) -> Option<SnapshotToken> {
        match self.data {
            SnapshotData::Token(token) => Some(token),
            SnapshotData::Empty | SnapshotData::BadTokenVersion { .. } | SnapshotData::LegacyPayload { .. } => None,
        }
    }
}

/// How often a directory that changes while it is read is read again.
const ATTEMPTS: u32 = 4;
/// Pause before the next attempt.
const PAUSE: Duration = Duration::from_millis(40);

/// Whether an answer can be due to the reader meeting a writer, and whether there was one.
pub trait Settled {
    /// True when something looks wrong, which a change under the reader could have made.
    fn is_doubtful(&self) -> bool;
    /// True when something changed while it was read.
    fn changed(&self) -> bool;
    /// The directory changed during every attempt: what looks like damage may be the reader's own doing.
    fn unsettle(&mut self);
}

/// Reads until nothing changes underneath, or nothing looks wrong, or patience ends.
pub fn settle<T: Settled>(mut read: impl FnMut() -> Result<T>) -> Result<T> {
    for _ in 1..ATTEMPTS {
        let answer = read()?;
        if !answer.is_doubtful() || !answer.changed() {
            return Ok(answer);
        }
        std::thread::sleep(PAUSE);
    }
    let mut answer = read()?;
    if answer.is_doubtful() && answer.changed() {
        answer.unsettle();
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Answer {
        doubtful: bool,
        changed: bool,
        unsettled: bool,
    }

    impl Settled for Answer {
        fn is_doubtful(&self) -> bool {
            self.doubtful
        }
        fn changed(&self) -> bool {
            self.changed
        }
        fn unsettle(&mut self) {
            self.unsettled = true;
        }
    }

    #[test]
    fn a_directory_that_never_rests_is_read_a_few_times_and_then_doubted() {
        for (doubtful, changed, reads, unsettled) in
            [(false, true, 1, false), (true, false, 1, false), (true, true, ATTEMPTS, true)]
        {
            let mut count = 0;
            let answer = settle(|| {
                count += 1;
                Ok(Answer { doubtful, changed, unsettled: false })
            });
            assert_eq!((count, answer.unwrap().unsettled), (reads, unsettled));
        }
    }
}
