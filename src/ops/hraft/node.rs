//! One node: its files, the snapshots in the order in which the library tries them, and what a start does.

use std::path::Path;
use std::time::Duration;

use crate::analysis::hraft::findings::{NodeView, cover_pebble};
use crate::analysis::hraft::{
    Candidate, Crash, DEFAULT_RETAIN, Opened, PebbleStores, Snapshots, StartForecast, StartInput, StoreFile, StoreFiles, compare,
    entries_to_read, forecast, vote_request,
};
use crate::analysis::server::directory::refuse_hashicorp;
use crate::analysis::{Coverage, Finding, ServerError, Severity};
use crate::error::Result;
use crate::formats::hraft::{Machine, StateView};
use crate::formats::layout::{LOGS_DAT, META_JSON, PEERS_JSON, STABLE_DAT, STATE_BIN};
use crate::io::{EntryKind, MappedFile};
use crate::readers::hraft::{
    HashiDir, LogFacts, OpenedState, PebbleLog, SnapshotDirs, StateFile, StoreFilesOf, Survey, open_snapshot, state_head,
};
use crate::readers::pebble::StoreFacts;
use crate::readers::source::{Run, Source};
use crate::types::LibraryVersion;

/// What a start is made of, and what it does.
#[derive(Debug)]
pub(super) struct Node {
    pub dir: HashiDir,
    pub snapshots: Snapshots,
    pub start: StartForecast,
    /// Payloads that were read.
    pub read: Vec<StateFile>,
    /// True when the payload that is restored is of no state machine that is known: that it is taken is assumed.
    pub machine_unknown: bool,
    /// Every page and entry of files of bbolt; `None` when they are too long for the question, and for a Pebble directory.
    stores: Option<(Vec<(&'static str, Survey)>, LogFacts)>,
    vote: Option<Crash>,
}

/// How much of the stores is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Paths, and every page of files up to this size.
    Paths,
    /// Every page of the stores; of the snapshots only what a start reads.
    Stores,
    /// Every page, every snapshot.
    Everything,
}

/// How often a directory that changes while it is read is read again.
const ATTEMPTS: u32 = 4;
/// Pause before the next attempt.
const PAUSE: Duration = Duration::from_millis(40);
/// Why what Vault and OpenBao keep is not known.
const VAULT_UNREAD: &str = "Vault and OpenBao keep their snapshots in it, which is not read";
/// Files that are read whole even when only a start is asked for.
const SMALL_STORE: u64 = 64 << 20;
/// Bytes of a file that are read in their order in the time in which one entry is searched from the root on.
const SEARCH: u64 = 3000;

fn store_file(file: Option<&MappedFile>) -> StoreFile<'_> {
    file.map_or(StoreFile::Absent, StoreFile::Mapped)
}

/// The stores as the analysis sees them.
pub(super) fn stores_of(dir: &HashiDir) -> StoreFiles<'_> {
    match &dir.stores {
        StoreFilesOf::Combined(file) => StoreFiles::Combined(store_file(file.as_ref())),
        StoreFilesOf::Split { logs, stable } => {
            StoreFiles::Split { logs: store_file(logs.as_ref()), stable: store_file(stable.as_ref()) }
        }
        StoreFilesOf::Pebble(log) => StoreFiles::Pebble(pebble(log)),
        StoreFilesOf::Wal(log) => StoreFiles::Wal(log),
    }
}

fn pebble(log: &PebbleLog) -> PebbleStores<'_> {
    PebbleStores {
        store: log.facts(),
        log: &log.log,
        stopped: log.stopped.as_ref().map(|(damage, _)| damage),
        stable_unread: log.stable_unread,
    }
}

impl Node {
    /// Reads a node and forecasts its start. With everything, the snapshots behind the restored one are opened too.
    /// A directory that changes meanwhile is read again.
    pub(super) fn read(path: &Path, raft_id: Option<&str>, depth: Depth, run: &Run<'_>) -> Result<Self> {
        for _ in 1..ATTEMPTS {
            let node = Self::read_once(path, raft_id, depth, run)?;
            if !node.dir.changed() {
                return Ok(node);
            }
            std::thread::sleep(PAUSE);
        }
        let mut node = Self::read_once(path, raft_id, depth, run)?;
        if node.dir.changed() {
            node.start.unsettle();
        }
        Ok(node)
    }

    fn read_once(path: &Path, raft_id: Option<&str>, depth: Depth, run: &Run<'_>) -> Result<Self> {
        let small = |store: &StoreFacts| depth != Depth::Paths || store.live_bytes <= SMALL_STORE;
        let dir = HashiDir::read(path, raft_id, small, run)?;
        let mut read = Vec::new();
        let every = depth == Depth::Everything;
        let (mut snapshots, machine_unknown) = snapshots(&dir.snapshots, every, &mut read, run)?;
        snapshots.unread.extend(dir.vault_db.iter().map(|vault| (vault.display().to_string(), VAULT_UNREAD.to_owned())));
        let size: u64 =
            dir.store_files().iter().filter_map(|(_, file)| *file).map(|file| file.stamp().size).fold(0, u64::saturating_add);
        let whole = depth != Depth::Paths || size <= SMALL_STORE || {
            // One after another by their paths, they would take longer than every page in its order.
            let searched = entries_to_read(stores_of(&dir), &snapshots).saturating_mul(SEARCH);
            searched > size
        };
        let stores = (whole && dir.pebble().is_none()).then(|| {
            let mut facts = LogFacts::default();
            let mut surveys = Vec::new();
            if let Some(log) = dir.wal() {
                LogFacts::read_wal(log, &mut facts);
                let name = dir.store_files().first().map(|(name, _)| *name);
                surveys.extend(name.zip(log.survey.clone()));
                return (surveys, facts);
            }
            for (name, file) in dir.store_files() {
                surveys.extend(file.map(|file| (name, LogFacts::read_file(file, &mut facts))));
            }
            (surveys, facts)
        });
        let is_sound = |(surveys, facts): &(Vec<(_, Survey)>, LogFacts)| {
            surveys.iter().all(|(_, survey)| survey.is_sound()) && facts.is_whole()
        };
        let sound = stores.as_ref().filter(|read| is_sound(read)).map(|(_, facts)| facts);
        let files = stores_of(&dir);
        let start = forecast(&StartInput { raft_id: &dir.raft_id, stores: files, snapshots: &snapshots, sound });
        let vote = vote_request(files).err();
        for (_, file) in dir.store_files() {
            file.map_or(Ok(()), MappedFile::delivered)?;
        }
        Ok(Self { dir, snapshots, start, read, machine_unknown, stores, vote })
    }

    /// What stands in the stores; `None` when they were not read.
    pub(super) fn facts(&self) -> Option<&LogFacts> {
        self.dir.pebble().map(|log| &log.log).or_else(|| self.stores.as_ref().map(|(_, facts)| facts))
    }

    /// The releases of the library for which the forecast holds: no store that is read here records a commit.
    pub(super) fn libraries(&self) -> Vec<LibraryVersion> {
        LibraryVersion::forecast_alike(self.dir.records_commit()).collect()
    }

    /// What elastickv's present server says of the directory.
    pub(super) fn server_refusal(&self) -> Option<ServerError> {
        let entries = &self.dir.entries;
        let there = |name: &str| entries.iter().any(|entry| entry.name == name && entry.kind != EntryKind::Nowhere);
        refuse_hashicorp(there)
    }

    /// The files of bbolt that were read, page by page.
    pub(super) fn surveys(&self) -> &[(&'static str, Survey)] {
        self.stores.as_ref().map_or(&[], |(surveys, _)| surveys)
    }

    /// The node as the judge sees it.
    pub(super) fn view(&self) -> NodeView<'_> {
        NodeView {
            dir: &self.dir,
            snapshots: &self.snapshots,
            start: &self.start,
            stores: self.facts().map(|facts| (self.surveys(), facts)),
            pebble: self.dir.pebble().map(pebble),
            vote: self.vote.as_ref(),
        }
    }

    /// What was read while a process wrote to the files may mix two states: nothing of it is said for certain.
    pub(super) fn settle(&self, found: &mut [Finding], coverage: &mut Coverage) {
        if !self.dir.changed() {
            return;
        }
        for finding in found.iter_mut().filter(|finding| finding.severity == Severity::Error) {
            finding.severity = Severity::Warning;
            finding.message = format!("Seen while the store was changing: {}", finding.message);
        }
        coverage.missing(self.dir.display(), "the store changed while it was read; try again, or read a copy of one instant");
    }

    /// What was read of it.
    pub(super) fn cover(&self, coverage: &mut Coverage) {
        if let Some(log) = self.dir.pebble() {
            cover_pebble(&self.dir.path.display().to_string(), log.facts(), log.stopped.as_ref(), &self.start, coverage);
        }
        for (name, file) in self.dir.store_files() {
            let Some(file) = file else { continue };
            coverage.add_file(if self.stores.is_some() { file.stamp().size } else { 0 });
            if self.stores.is_none() {
                let path = self.dir.path.join(name).display().to_string();
                coverage.skipped(path, "only the pages that a start reads were read; `check` reads all");
            }
        }
        for state in &self.read {
            coverage.add_file(state.size);
        }
        if let Some(log) = self.dir.wal() {
            for segment in &log.segments {
                if let Some(Err(reason)) = &segment.file {
                    coverage.missing(log.path.join(&segment.name).display().to_string(), reason.clone());
                    continue;
                }
                coverage.add_file(segment.bytes().len() as u64);
            }
            if log.path == self.dir.path && !self.dir.snapshots.exists {
                let what = format!("snapshots of the node whose log {} is", self.dir.display());
                coverage.skipped(what, "there are none beside it; name the node's directory");
            }
        }
        self.cover_unread(coverage);
        if self.machine_unknown {
            let path = self.dir.path.join(crate::formats::layout::SNAPSHOTS).display().to_string();
            coverage.skipped(path, "whether the state machine takes the payload: its format is not known here");
        }
    }

    /// What decides a start, or may, and was not read.
    fn cover_unread(&self, coverage: &mut Coverage) {
        let dirs = &self.dir.snapshots;
        let path = |name: &str, file: &str| dirs.path.join(name).join(file).display().to_string();
        for (dir, reason) in dirs.unread() {
            coverage.missing(path(&dir.name, META_JSON), reason);
        }
        for candidate in &self.snapshots.listed {
            if let Opened::Unread(reason) = &candidate.opened {
                coverage.missing(path(&candidate.name, STATE_BIN), reason.clone());
            }
        }
        if let Some(vault) = &self.dir.vault_db {
            coverage.missing(vault.display().to_string(), VAULT_UNREAD);
        }
        if let Some(wal) = &self.dir.unread_wal {
            let why =
                "raft.db stands beside it, which Consul reads alone as long as it is there; name this directory to have it read";
            coverage.missing(wal.display().to_string(), why);
        }
        let counts = self.dir.pebble().is_some() || matches!(self.dir.stores, StoreFilesOf::Combined(Some(_)));
        for name in
            [LOGS_DAT, STABLE_DAT].into_iter().filter(|name| counts && self.dir.entries.iter().any(|it| it.name == **name))
        {
            coverage.skipped(self.dir.path.join(name).display().to_string(), "raft.db is what a server reads");
        }
        if let Some(Err(reason)) = &self.dir.peers_json {
            coverage.missing(self.dir.path.join(PEERS_JSON).display().to_string(), reason.clone());
        }
    }
}

/// The snapshots that the library lists, opened until one is restored.
fn snapshots(dirs: &SnapshotDirs, every: bool, read: &mut Vec<StateFile>, run: &Run<'_>) -> Result<(Snapshots, bool)> {
    let mut listed: Vec<_> = dirs.dirs.iter().filter_map(|dir| Some((dir, dir.listed()?))).collect();
    // The order of directories breaks ties of equal metadata, as the library's sort does for short lists.
    listed.sort_by(|(_, (a, _)), (_, (b, _))| compare(b, a));
    listed.truncate(DEFAULT_RETAIN);
    let machine = machine_of(dirs, &*run.source);
    let unread = dirs.unread().map(|(dir, reason)| (dirs.path.join(&dir.name).display().to_string(), reason.to_owned()));
    let mut snapshots = Snapshots { refusal: dirs.refusal.clone(), unread: unread.collect(), listed: Vec::new() };
    let (mut restored, mut unknown) = (false, false);
    for (dir, (meta, notes)) in listed {
        let mut size_read = None;
        let opened = if restored && !every {
            Opened::NotTried
        } else {
            match open_snapshot(&dirs.path, &meta.id, run)? {
                OpenedState::Fails(reason) => Opened::Fails(reason),
                OpenedState::Unread(reason) => {
                    // Behind the one that is restored it decides nothing.
                    if !restored {
                        snapshots.unread.push((dirs.path.join(&dir.name).display().to_string(), reason.clone()));
                    }
                    Opened::Unread(reason)
                }
                OpenedState::Mismatch(state) => {
                    size_read = Some(state.size);
                    read.push(state);
                    Opened::Fails("CRC mismatch".to_owned())
                }
                OpenedState::Whole(state) => {
                    let accepts = machine.and_then(|machine| machine.accepts(&state.head, state.size));
                    unknown |= !restored && accepts.is_none();
                    size_read = Some(state.size);
                    read.push(state);
                    if accepts == Some(false) { Opened::RefusedByMachine } else { Opened::Restores }
                }
            }
        };
        restored |= opened == Opened::Restores;
        let state_size = size_read;
        snapshots.listed.push(Candidate { name: dir.name.clone(), meta: meta.clone(), notes: *notes, opened, state_size });
    }
    Ok((snapshots, unknown))
}

/// The state machine whose streams stand in the directory, where one is recognised by any of them.
fn machine_of(dirs: &SnapshotDirs, source: &dyn Source) -> Option<Machine> {
    dirs.dirs.iter().find_map(|dir| match Machine::of(&state_head(&dirs.path, &dir.name, source)) {
        StateView::Own(machine) => Some(machine),
        StateView::Unknown => None,
    })
}
