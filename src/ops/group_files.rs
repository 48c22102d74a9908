//! One group directory read for the checks.

use std::collections::BTreeMap;

use super::{engine, unread};
use crate::analysis::judge::group::{
    Evidence, Leftover, LogEvidence, Part, Payload, PeerFacts, PeersContent, PeersFacts, PeersRefusal, SnapContents, SnapFile,
    StoreEvidence,
};
use crate::analysis::judge::log as judge_log;
use crate::analysis::server::directory;
use crate::analysis::server::log::{read_from, valid_snapshots};
use crate::analysis::server::peers::{LocalNode, accept, check_conf_state};
use crate::analysis::server::snapshot::{self, Forecast};
use crate::analysis::server::store::{AppliedIndexState, StoreOpen, StoreVerdict, open_verdict};
use crate::analysis::{Coverage, Finding, ServerError};
use crate::error::Result;
use crate::formats::fsm::{FsmName, is_received_spool, is_unfinished};
use crate::formats::peers::{PeersFile, Suffrage};
use crate::formats::raftpb::ConfState;
use crate::formats::snap::{SnapshotData, SnapshotToken};
use crate::io::{IoOptions, Progress};
use crate::readers::fsm_file::examine_with;
use crate::readers::pebble::{self, StoreCheck};
use crate::readers::wal::WalScan;
use crate::readers::{
    Examine, FsmFacts, GroupDir, GroupListing, SmallFact, SnapContent, SnapDir, SnapReadError, SubDir, discover,
};
use crate::types::{Escaped, HlcTimestamp, LogIndex, ServerVersion, SnapshotId};

/// Payloads up to this size are read row by row: their own applied index is worth it.
pub(super) const WALK_UP_TO: u64 = 64 << 20;

/// How a group is read.
#[derive(Debug, Clone, Default)]
pub(super) struct ReadOptions {
    /// The node's raft id instead of the directory's name.
    pub raft_id: Option<String>,
    /// Payloads up to this size are read whole and their checksums compared; of larger ones only both ends are read.
    pub payloads: u64,
    /// Threads that read and check.
    pub threads: usize,
}

/// Everything that the checks need of one group, owned.
pub(super) struct GroupFiles {
    pub dir: GroupDir,
    pub raft_id: String,
    pub listing: GroupListing,
    pub engine: ServerVersion,
    pub log: Option<WalScan>,
    pub coverage: Coverage,
    /// True when something changed while it was read.
    pub changed: bool,
    pub snaps: SnapDir,
    pub payloads: BTreeMap<LogIndex, FsmFacts>,
    payloads_up_to: u64,
    pub store: StoreVerdict,
}

/// Finds the groups below the paths, each once.
pub(super) fn groups_below(paths: &[std::path::PathBuf]) -> Result<Vec<GroupDir>> {
    let mut dirs: Vec<GroupDir> = Vec::new();
    for path in paths {
        for dir in discover(path)? {
            if !dirs.iter().any(|known| known.path == dir.path) {
                dirs.push(dir);
            }
        }
    }
    Ok(dirs)
}

impl GroupFiles {
    /// Reads a group in the order in which its files depend on each other: what comes later is at least as new.
    pub(super) fn read(dir: &GroupDir, options: &ReadOptions, progress: &dyn Progress) -> Result<Self> {
        let listing = GroupListing::read(&dir.path)?;
        let mut coverage = Coverage::default();
        let (engine, _) = engine::guess(&dir.path, &listing, progress)?;
        let store = open_verdict(&pebble::examine(&dir.path, StoreCheck::Meta, progress)?, engine);
        let snaps = match listing.snap {
            SubDir::Listed(_) => SnapDir::read(&dir.path.join("snap"))?,
            SubDir::Absent | SubDir::NotADirectory => SnapDir::default(),
        };
        let mut changed = snaps.snaps.iter().any(|snap| snap.changed);
        snaps.snaps.iter().for_each(|snap| coverage.add_file(snap.size));
        let mut payloads = BTreeMap::new();
        for token in snaps.snaps.iter().filter_map(|snap| token_of(snap.read(engine).as_ref().ok()?)) {
            if payloads.contains_key(&token.index) {
                continue;
            }
            let facts = read_payload(dir, token.index, options, progress)?;
            if let FsmFacts::File(file) = &facts {
                coverage.add_file(file.bytes_read);
                changed |= file.change.is_some();
            }
            payloads.insert(token.index, facts);
        }
        let log = match &listing.wal {
            SubDir::Listed(_) if directory::has_log(&listing) => {
                Some(WalScan::read(&dir.path.join("wal"), options.threads, progress)?)
            }
            _ => None,
        };
        for segment in log.iter().flat_map(|scan| &scan.segments) {
            coverage.add_file(segment.size);
            changed |= segment.change.is_some();
        }
        if let SmallFact::Bytes(bytes) = &listing.peers {
            coverage.add_file(bytes.len() as u64);
        }
        unread::cover(&dir.display(), &listing, (&snaps, engine), &payloads, log.as_ref(), &store, &mut coverage);
        coverage.files += store.coverage.files;
        coverage.bytes_examined += store.coverage.bytes_examined;
        changed |= store.moving;
        changed |= GroupListing::read(&dir.path).map_or(true, |now| now != listing);
        let raft_id = options.raft_id.clone().unwrap_or_else(|| dir.raft_id.clone());
        let dir = dir.clone();
        let payloads_up_to = options.payloads;
        Ok(Self { dir, raft_id, listing, engine, log, coverage, changed, snaps, payloads, payloads_up_to, store })
    }

    /// A file without which nothing can be said about the group, if one could not be read.
    pub(super) fn unread(&self) -> Option<String> {
        let unread = self.log.as_ref().and_then(unread::segment).or_else(|| unread::envelope(&self.snaps, self.engine));
        unread.map(|unread| unread.sentence())
    }

    /// The refusal of a directory that belongs to another engine.
    pub(super) fn foreign(&self) -> Option<ServerError> {
        directory::refuse_by_name(&self.listing)
    }

    /// Bytes of the largest payload that a `.snap` file names.
    pub(super) fn largest_payload(&self) -> Option<u64> {
        let files =
            self.payloads.values().filter_map(|facts| if let FsmFacts::File(file) = facts { Some(file.size) } else { None });
        files.max()
    }

    /// What is wrong with the bytes of the log and with the store, as `wal verify` and `store meta` say it.
    pub(super) fn bytes(&self) -> (Vec<Finding>, Coverage) {
        let dir = self.dir.display();
        let (mut findings, coverage) = match &self.log {
            Some(scan) => judge_log::examine(scan, &format!("{}/wal", dir.trim_end_matches('/'))),
            None => (Vec::new(), Coverage::default()),
        };
        for finding in &self.store.findings {
            let path = finding.path.as_ref().map(|path| format!("{}/{path}", dir.trim_end_matches('/')));
            findings.push(Finding { path, ..finding.clone() });
        }
        (findings, coverage)
    }

    /// The facts that the checks work on.
    pub(super) fn evidence(&self) -> Evidence<'_> {
        let valid = self.log.as_ref().map(|scan| valid_snapshots(scan, self.engine).map_err(|error| error.text));
        let eligible: Vec<SnapshotId> = match &valid {
            Some(Ok(valid)) => valid.snapshots.iter().map(|record| record.id).collect(),
            Some(Err(_)) | None => Vec::new(),
        };
        let chosen = snapshot::choose(&self.snaps, self.engine, &eligible).chosen;
        let content = |snap: &crate::readers::SnapEntry| snap.read(self.engine).clone().map_err(|error| error.to_string());
        let snapshots: Vec<_> = self
            .snaps
            .snaps
            .iter()
            .map(|snap| SnapFile {
                name: snap.name.clone(),
                named: snap.id.map(|name| name.id),
                content: content(snap).map(|content| self.contents(&content)),
                malformed: snap.read(self.engine).as_ref().is_err_and(|error| !matches!(error, SnapReadError::Unreadable(_))),
                chosen: chosen.is_some_and(|chosen| chosen.name == snap.name),
            })
            .collect();
        let start = snapshots.iter().find(|snap| snap.chosen).and_then(|snap| snap.content.as_ref().ok());
        let from = start.map(|contents| contents.metadata.id()).unwrap_or_default();
        let conf_state = start.map(|contents| contents.metadata.conf_state.clone());
        // Nothing follows from what is not in bytes that were not seen.
        let unread_log = self.log.as_ref().and_then(unread::segment);
        let unread_snap = unread::envelope(&self.snaps, self.engine);
        let log = match (&self.log, valid, unread_log) {
            (_, _, Some(unread)) => Part::NotRead(unread.sentence()),
            (Some(scan), Some(valid), None) => {
                let start = (valid.is_ok() && unread_snap.is_none()).then(|| read_from(scan, from, self.engine));
                Part::Read(LogEvidence { scan, valid, start })
            }
            _ => match self.listing.wal {
                SubDir::NotADirectory => Part::NotRead("wal is not a directory".to_owned()),
                SubDir::Absent | SubDir::Listed(_) => Part::Absent,
            },
        };
        Evidence {
            dir: self.dir.display(),
            raft_id: self.raft_id.clone(),
            engine: self.engine,
            quiescent: !self.changed,
            log,
            leftovers: self.leftovers(),
            peers: self.peers(from.index, conf_state.as_ref()),
            snapshots: match (&self.listing.snap, unread_snap) {
                (_, Some(unread)) => Part::NotRead(unread.sentence()),
                (SubDir::Listed(_), None) => Part::Read(snapshots),
                (SubDir::NotADirectory, None) => Part::NotRead("snap is not a directory".to_owned()),
                (SubDir::Absent, None) => Part::Absent,
            },
            store: self.store_evidence(),
        }
    }

    fn contents(&self, content: &SnapContent) -> SnapContents {
        let token = token_of(content);
        let payload = match token {
            Some(token) => self.payload(token),
            None => Payload {
                file: None,
                footer: None,
                size: content.legacy.as_ref().map(|legacy| legacy.len),
                problem: match &content.legacy {
                    Some(legacy) => {
                        snapshot::legacy_restore(legacy, self.engine).error().map(|error| format!("\"{}\"", error.text))
                    }
                    None => snapshot::token_refusal(content.data).map(|error| format!("\"{}\"", error.text)),
                },
                unchecked: None,
                applied: None,
            },
        };
        SnapContents { metadata: content.metadata.clone(), token_index: token.map(|token| token.index), payload }
    }

    fn payload(&self, token: SnapshotToken) -> Payload {
        let name = format!("fsm-snap/{}", FsmName::of(token.index));
        let facts = self.payloads.get(&token.index).unwrap_or(&FsmFacts::Absent);
        let (mut problem, mut unchecked) = (None, None);
        let size = if let FsmFacts::File(file) = facts { file.size } else { 0 };
        match snapshot::skip(facts, token, &name) {
            Forecast::Fine => {}
            Forecast::FineSoFar(_) if size > self.payloads_up_to => {}
            Forecast::FineSoFar(what) => unchecked = Some(format!("{what} was not read")),
            Forecast::Refused(error) => problem = Some(format!("\"{}\"", error.text)),
            Forecast::Undetermined(why) => unchecked = Some(why),
        }
        let file = match facts {
            FsmFacts::File(file) => Some(file),
            _ => None,
        };
        Payload {
            file: Some(name),
            footer: file.and_then(|file| file.footer).map(|footer| footer.0.to_string()),
            size: file.map(|file| file.size),
            problem,
            unchecked,
            applied: file.and_then(|file| file.applied_index()),
        }
    }

    fn leftovers(&self) -> Vec<Leftover> {
        let mut found = Vec::new();
        for entry in self.listing.snap.entries().iter().filter(|entry| entry.name.ends_with(".snap.broken")) {
            let what = "A snapshot file that a start could not read and renamed; nothing uses it.";
            found.push(Leftover { path: format!("snap/{}", entry.name), what, payload: None });
        }
        let live = self.snaps.live_indexes(self.engine);
        for entry in self.listing.fsm_snap.entries() {
            let payload = FsmName::parse(&entry.name).map(|name| name.index).filter(|index| !live.contains(index));
            let what = if is_unfinished(&entry.name) {
                "A payload that was being written; the next start deletes it."
            } else if is_received_spool(&entry.name) {
                "A payload that was being received; the next start deletes it."
            } else if payload.is_some() {
                "A payload that no .snap file names; the next start deletes it."
            } else {
                continue;
            };
            found.push(Leftover { path: format!("fsm-snap/{}", entry.name), what, payload });
        }
        let spools = self.listing.root.iter().filter(|entry| is_received_spool(&entry.name));
        found.extend(spools.map(|entry| Leftover {
            path: entry.name.clone(),
            what: "A payload that was being received; the next start deletes it.",
            payload: None,
        }));
        found
    }

    fn peers(&self, snapshot: LogIndex, conf_state: Option<&ConfState>) -> Part<PeersFacts> {
        let bytes = match &self.listing.peers {
            SmallFact::Absent => return Part::Absent,
            SmallFact::Directory => return Part::NotRead("etcd-raft-peers.bin is a directory".to_owned()),
            SmallFact::Unreadable(why) => return Part::NotRead(format!("etcd-raft-peers.bin cannot be read: {why}")),
            SmallFact::Bytes(bytes) => bytes,
        };
        let file = match PeersFile::decode_any(bytes) {
            Ok(file) => file,
            Err(error) => {
                let content = Err((error.at, error.kind.to_string()));
                return Part::Read(PeersFacts { content, refusal: None });
            }
        };
        let local = LocalNode { raft_id: &self.raft_id, address: None };
        let refusal = accept(&local, Some(&file))
            .and_then(|members| match conf_state {
                Some(conf_state) => check_conf_state(snapshot, conf_state, Some(file.index), &members),
                None => Ok(()),
            })
            .err()
            .map(|error| PeersRefusal { error: error.error.into_owned(), text: error.text });
        let text = |bytes: &[u8]| Escaped(bytes).to_string();
        let members = file.peers.iter().map(|peer| PeerFacts {
            node_id: peer.node_id,
            id: text(peer.id),
            address: text(peer.address),
            voter: peer.suffrage == Suffrage::Voter,
        });
        let active_seed =
            file.seed.as_ref().filter(|seed| seed.active).map(|seed| seed.peers.iter().map(|p| p.node_id).collect());
        let content = PeersContent {
            version: file.version,
            index: file.index,
            members: members.collect(),
            active_seed,
            trailing: file.trailing,
        };
        Part::Read(PeersFacts { content: Ok(content), refusal })
    }

    fn store_evidence(&self) -> Part<StoreEvidence> {
        let refusal = match &self.store.open {
            StoreOpen::Refused(error) => Some(error.text.clone()),
            StoreOpen::Unknown(why) => return Part::NotRead(format!("fsm.db: {why}")),
            StoreOpen::NotChecked | StoreOpen::Opens => None,
        };
        let applied = match self.store.applied_index {
            AppliedIndexState::Present(index) => Some(LogIndex(index)),
            AppliedIndexState::Missing => None,
            AppliedIndexState::NotRead => return Part::NotRead("fsm.db was not read".to_owned()),
            AppliedIndexState::Unreadable => return Part::NotRead("fsm.db cannot be opened".to_owned()),
        };
        if !self.listing.has("fsm.db") {
            return Part::Absent;
        }
        Part::Read(StoreEvidence { applied, last_commit: self.store.last_commit_ts.map(HlcTimestamp), refusal })
    }
}

fn token_of(content: &SnapContent) -> Option<SnapshotToken> {
    match content.data {
        SnapshotData::Token(token) => Some(token),
        SnapshotData::Empty | SnapshotData::BadTokenVersion { .. } | SnapshotData::LegacyPayload { .. } => None,
    }
}

fn read_payload(dir: &GroupDir, index: LogIndex, options: &ReadOptions, progress: &dyn Progress) -> Result<FsmFacts> {
    let path = dir.path.join("fsm-snap").join(FsmName::of(index));
    let io = IoOptions { threads: options.threads, ..IoOptions::default() };
    let size = std::fs::metadata(&path).map_or(0, |meta| meta.len());
    let crc = size <= options.payloads;
    examine_with(&path, Examine { crc, walk: crc && size <= WALK_UP_TO }, &io, progress)
}
