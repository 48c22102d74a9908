//! What the checks look at, from what was read of a group.

use std::collections::BTreeSet;

use super::{
    Evidence, Leftover, LogEvidence, Part, Payload, PeerFacts, PeersContent, PeersFacts, PeersRefusal, SnapContents, SnapFile,
    StoreEvidence,
};
use crate::analysis::judge::unread;
use crate::analysis::server::StartFacts;
use crate::analysis::server::log::{ValidSnapshots, read_from, valid_snapshots};
use crate::analysis::server::peers::{LocalNode, accept, check_conf_state};
use crate::analysis::server::snapshot::{self as server_snapshot, PayloadForecast};
use crate::analysis::server::store::{AppliedIndexState, StoreOpen, StoreVerdict};
use crate::formats::fsm::{FsmName, is_received_spool, is_unfinished};
use crate::formats::layout;
use crate::formats::peers::{PeersFile, Suffrage};
use crate::formats::raftpb::ConfState;
use crate::formats::snap::SnapshotToken;
use crate::readers::{EntryKind, FsmFacts, Group, PayloadFacts, SmallFact, SnapContent, SnapEntry, SnapReadError, SubDir};
use crate::types::{Escaped, HlcTimestamp, LogIndex, ServerVersion, UnixMillis};

/// A group as one server version sees it.
struct View<'g> {
    facts: &'g StartFacts,
    group: &'g Group,
    store: &'g StoreVerdict,
    version: ServerVersion,
    quiescent: bool,
    payloads_up_to: u64,
}

impl<'g> Evidence<'g> {
    /// What the files of a group show to `version`, which makes `store` of the store. Of payloads above `payloads_up_to` bytes
    /// nobody asked for the content.
    pub fn of(facts: &'g StartFacts, store: &'g StoreVerdict, version: ServerVersion, payloads_up_to: u64) -> Self {
        let group = &facts.group;
        View { facts, group, store, version, quiescent: !group.changed(), payloads_up_to }.evidence()
    }
}

impl<'g> View<'g> {
    fn evidence(&self) -> Evidence<'g> {
        let valid = self.group.log.as_ref().map(|scan| valid_snapshots(scan, self.version).map_err(|error| error.text));
        let none = BTreeSet::new();
        let eligible = valid.as_ref().and_then(|valid| valid.as_ref().ok()).map_or(&none, ValidSnapshots::eligible);
        let chosen = server_snapshot::choose(&self.group.snaps, self.version, eligible).chosen;
        let content = |snap: &SnapEntry| snap.read(self.version).clone().map_err(|error| error.to_string());
        let snapshots: Vec<_> = self
            .group
            .snaps
            .snaps
            .iter()
            .map(|snap| SnapFile {
                name: snap.name.clone(),
                named: snap.id.map(|name| name.id),
                content: content(snap).map(|content| self.contents(&content)),
                malformed: snap.read(self.version).as_ref().is_err_and(|error| !matches!(error, SnapReadError::Unreadable(_))),
                chosen: chosen.is_some_and(|chosen| chosen.name == snap.name),
            })
            .collect();
        let start = snapshots.iter().find(|snap| snap.chosen).and_then(|snap| snap.content.as_ref().ok());
        let from = start.map(|contents| contents.metadata.id()).unwrap_or_default();
        let conf_state = start.map(|contents| contents.metadata.conf_state.clone());
        // Nothing follows from what is not in bytes that were not seen.
        let unread_log = self.group.log.as_ref().and_then(unread::segment);
        let unread_snap = unread::envelope(&self.group.snaps, self.version);
        let log = match (&self.group.log, valid, unread_log) {
            (_, _, Some(unread)) => Part::NotRead(unread.sentence()),
            (Some(scan), Some(valid), None) => {
                let start = (valid.is_ok() && unread_snap.is_none()).then(|| read_from(scan, from, self.version));
                Part::Read(LogEvidence { scan, valid, start })
            }
            _ => match self.group.listing.wal {
                SubDir::NotADirectory => Part::NotRead("wal is not a directory".to_owned()),
                SubDir::Absent | SubDir::Listed(_) => Part::Absent,
            },
        };
        Evidence {
            dir: self.group.dir.display(),
            raft_id: self.facts.raft_id.clone(),
            engine: self.version,
            quiescent: self.quiescent,
            now: self.group.latest(),
            listing: &self.group.listing,
            log,
            leftovers: self.leftovers(),
            peers: self.peers(from.index, conf_state.as_ref()),
            snapshots: match (&self.group.listing.snap, unread_snap) {
                (_, Some(unread)) => Part::NotRead(unread.sentence()),
                (SubDir::Listed(_), None) => Part::Read(snapshots),
                (SubDir::NotADirectory, None) => Part::NotRead("snap is not a directory".to_owned()),
                (SubDir::Absent, None) => Part::Absent,
            },
            store: self.store_evidence(),
        }
    }

    fn contents(&self, content: &SnapContent) -> SnapContents {
        let token = content.token();
        let payload = match token {
            Some(token) => self.payload(token),
            None => Payload {
                file: None,
                footer: None,
                size: content.legacy.as_ref().map(|legacy| legacy.len),
                problem: match &content.legacy {
                    Some(legacy) => {
                        server_snapshot::legacy_restore(legacy, self.version).error().map(|error| format!("\"{}\"", error.text))
                    }
                    None => server_snapshot::token_refusal(content.data).map(|error| format!("\"{}\"", error.text)),
                },
                unchecked: None,
                applied: None,
                walked: false,
                last_commit: content.legacy.as_ref().and_then(|legacy| legacy.last_commit),
                ceiling: content.legacy.as_ref().and_then(ceiling_of),
            },
        };
        SnapContents { metadata: content.metadata.clone(), token_index: token.map(|token| token.index), payload }
    }

    fn payload(&self, token: SnapshotToken) -> Payload {
        let name = layout::in_payloads(FsmName::of(token.index));
        let facts = self.group.payloads.get(&token.index).unwrap_or(&FsmFacts::Absent);
        let (mut problem, mut unchecked) = (None, None);
        let size = if let FsmFacts::File(file) = facts { file.size } else { 0 };
        match server_snapshot::skip(facts, token, &name) {
            PayloadForecast::Fine => {}
            PayloadForecast::FineSoFar(_) if size > self.payloads_up_to => {}
            PayloadForecast::FineSoFar(what) => unchecked = Some(format!("{what} was not read")),
            PayloadForecast::Refused(error) => problem = Some(format!("\"{}\"", error.text)),
            PayloadForecast::Undetermined(why) => unchecked = Some(why),
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
            walked: rows_of(facts).is_some(),
            last_commit: file.and_then(|file| file.payload.as_ref()?.last_commit),
            ceiling: file.and_then(|file| ceiling_of(file.payload.as_ref()?)),
        }
    }

    fn leftovers(&self) -> Vec<Leftover> {
        let leftover = |path: String, what| Leftover { path, what, refused: false, payload: None, applied: None };
        let listing = &self.group.listing;
        let mut found = Vec::new();
        for entry in listing.snap.entries().iter().filter(|entry| entry.name.ends_with(".snap.broken")) {
            let what = "A snapshot file that a start could not read and renamed; nothing uses it.";
            found.push(leftover(layout::in_snap(&entry.name), what));
        }
        let live = self.group.snaps.live_indexes(self.version);
        for (prefix, entries) in [("fsm-snap/", listing.fsm_snap.entries()), ("", listing.root.as_slice())] {
            for entry in entries {
                let path = format!("{prefix}{}", entry.name);
                if is_received_spool(&entry.name) {
                    // What it is comes before what it is called.
                    found.push(match listing.spool_dirs.get(&path) {
                        Some(0) => leftover(path, "An empty directory with the name of a spool; the next start deletes it."),
                        Some(_) => Leftover { refused: true, ..leftover(path, FULL_SPOOL) },
                        None => leftover(path, "A payload that was being received; the next start deletes it."),
                    });
                } else if prefix.is_empty() || entry.kind == EntryKind::Directory {
                    // Nothing that a start takes for a payload.
                } else if is_unfinished(&entry.name) {
                    found.push(leftover(path, "A payload that was being written; the next start deletes it."));
                } else if let Some(index) =
                    FsmName::parse(&entry.name).map(|name| name.index).filter(|index| live.binary_search(index).is_err())
                {
                    found.push(Leftover {
                        payload: (entry.kind == EntryKind::File).then_some(index),
                        applied: self.group.payloads.get(&index).and_then(rows_of),
                        ..leftover(path, "A payload that no .snap file names; the next start deletes it.")
                    });
                }
            }
        }
        found
    }

    fn peers(&self, snapshot: LogIndex, conf_state: Option<&ConfState>) -> Part<PeersFacts> {
        let bytes = match &self.group.listing.peers {
            SmallFact::Absent | SmallFact::Nowhere => return Part::Absent,
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
        let local = LocalNode { raft_id: &self.facts.raft_id, address: None };
        let refusal = accept(&local, Some(&file))
            .and_then(|members| match conf_state {
                Some(conf_state) => check_conf_state(snapshot, conf_state, Some(file.index), &members),
                None => Ok(()),
            })
            .err()
            .map(|error| PeersRefusal { condition: error.condition, text: error.text });
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
            by_node: file.peers.iter().enumerate().rev().map(|(position, peer)| (peer.node_id, position)).collect(),
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
        if !self.group.listing.has(layout::STORE) && applied.is_none() {
            return Part::Absent;
        }
        let last_commit = self.store.last_commit_ts.map(HlcTimestamp);
        let retained = self.store.retained_ts.map(HlcTimestamp);
        let applied_by_entries = self.store.applied_by_entries;
        Part::Read(StoreEvidence { applied, last_commit, retained, applied_by_entries, refusal })
    }
}

const FULL_SPOOL: &str = "A directory with the name of a spool, and with content: a start cannot delete it and ends.";

/// The applied index that the rows of a payload record, if they were read to their end.
#[expect(clippy::option_option, reason = "not read, and read without one, are two answers")]
fn rows_of(facts: &FsmFacts) -> Option<Option<LogIndex>> {
    let FsmFacts::File(file) = facts else { return None };
    let body = file.payload.as_ref()?.body.as_ref()?;
    body.result.is_ok().then(|| file.applied_index())
}

fn ceiling_of(payload: &PayloadFacts) -> Option<UnixMillis> {
    payload.header.as_ref().ok().and_then(|header| header.ceiling_ms).filter(|ceiling| ceiling.0 > 0)
}
