//! The cold start of one group, step by step in the server's order.

use std::collections::{BTreeSet, HashSet};

use super::access::{HOME, Wish, is_denied};
use super::directory::{defragmentation_leftovers, prepare, refuse_by_name, replace_temps, replaced_by_a_new_log};
use super::entries::Entries;
use super::facts::StartFacts;
use super::guards::{self, Before};
use super::legacy::{LegacyLog, LegacyView};
use super::outcome::report_gate;
use super::plan::{Base, replay_log};
use super::replay::{Halt, HaltEffect};
use super::types::{Abort, ChosenSnapshot, Forecast, HardStateView, Outcome, RepairView, TokenView};
use super::{GateDecision, GateNumbers, Rule};
use crate::analysis::ServerError;
use crate::analysis::server::conditions;
use crate::analysis::server::log::{self as wal, LogContent};
use crate::analysis::server::peers::{self, LocalNode, Member};
use crate::analysis::server::snapshot::{self, PayloadForecast};
use crate::formats::fsm::body::BodyFormat;
use crate::formats::layout;
use crate::formats::peers::PeersFile;
use crate::formats::raftpb::{ConfState, HardState};
use crate::formats::snap::{SnapshotData, SnapshotToken};
use crate::readers::snap_dir::SnapReadError;
use crate::readers::wal::WalScan;
use crate::readers::{EntryKind, FsmFacts, PayloadFacts, SmallFact, SnapEntry, SubDir};
use crate::types::{LogIndex, NodeId, ServerVersion, SnapshotId, Term};

/// How far a forecast got.
#[derive(Debug)]
pub enum Step {
    /// It is complete.
    Done(Box<Forecast>),
    /// The payload with this index has to be examined first; `restore` when its content will be loaded.
    Needs {
        /// Index in the payload's name.
        index: LogIndex,
        /// True when the start loads the payload, false when it only reads and sums it.
        restore: bool,
    },
}

/// The segment that is prepared for the time when the last one is full.
const RESERVE: &str = "0.tmp";

/// Why the walk through the start ends before its end.
enum EndOfStart {
    Refused(&'static str, ServerError),
    Undecided(String),
    Needs { index: LogIndex, restore: bool },
}

type Walk<T> = Result<T, EndOfStart>;

/// Forecasts the start of `engine` on `facts`. Ask again with the payload when one is needed.
pub fn forecast(facts: &StartFacts, engine: ServerVersion) -> Step {
    let mut start = Start { facts, engine, rule: engine.traits().rule, seen: Forecast::default() };
    match start.walk() {
        Ok(()) => {}
        Err(EndOfStart::Needs { index, restore }) => return Step::Needs { index, restore },
        Err(EndOfStart::Refused(stage, error)) => {
            let seen = &mut start.seen;
            if error.ends_the_process() {
                // Nothing is closed any more.
                seen.would_delete.retain(|path| layout::segment_of(path) != Some(RESERVE));
            }
            seen.outcome = Outcome::Abort;
            seen.reason = format!("the start would be refused with {}", error.condition.name);
            seen.fallback_reason = None;
            seen.effective_applied = None;
            seen.abort = Some(Abort { condition: error.condition, error: error.error.into_owned(), stage, text: error.text });
        }
        Err(EndOfStart::Undecided(why)) => {
            start.seen.outcome = Outcome::Unknown;
            start.seen.reason = why;
        }
    }
    start.seen.would_delete.sort();
    start.seen.would_rename.sort();
    // A guard and the start itself may both have come to the snapshots.
    start.seen.would_rename.dedup();
    Step::Done(Box::new(start.seen))
}

struct Start<'f> {
    facts: &'f StartFacts,
    engine: ServerVersion,
    rule: Rule,
    seen: Forecast,
}

fn refused(stage: &'static str) -> impl Fn(ServerError) -> EndOfStart {
    move |error| EndOfStart::Refused(stage, error)
}

impl<'f> Start<'f> {
    fn walk(&mut self) -> Walk<()> {
        self.check_keys()?;
        self.open_store()?;
        if let Some(error) = refuse_by_name(&self.facts.group.listing) {
            return Err(EndOfStart::Refused("marker", error));
        }
        if let SmallFact::Unreadable(why) = &self.facts.group.listing.marker {
            return Err(EndOfStart::Undecided(format!("raft-engine cannot be read: {why}")));
        }
        self.allowed("marker", layout::ENGINE_MARKER, Wish::Read, "open raft-engine")?;
        self.allowed("peers", layout::PEERS, Wish::Read, "open etcd-raft-peers.bin")?;
        let (members, peers_index) = self.read_peers()?;
        self.prepare_directory()?;
        if !self.facts.group.listing.has_log() {
            return self.start_without_log(&members, peers_index);
        }
        let Some(scan) = &self.facts.group.log else {
            return Err(EndOfStart::Undecided("the log could not be read".to_owned()));
        };
        self.read_cost(scan);
        for segment in &scan.segments {
            let path = layout::in_wal(&segment.file.file_name);
            let says = format!("[openWALFiles] os.OpenFile failed ({path:?}): open {path}");
            self.allowed("log", &path, Wish::Read, &says)?;
        }
        let valid = wal::valid_snapshots(scan, self.engine).map_err(refused("log"))?;
        let chosen = self.choose_snapshot(valid.eligible())?;
        let id = chosen.map_or(SnapshotId::default(), |(id, ..)| id);
        let read = wal::read_from(scan, id, self.engine);
        self.seen.first_segment = read.start_segment;
        for segment in scan.segments.iter().skip(read.start_segment.unwrap_or(usize::MAX)) {
            let path = layout::in_wal(&segment.file.file_name);
            let says = format!("openAtIndex failed: [openAtIndex] openWALFiles failed: open {path}");
            self.allowed("log", &path, Wish::ReadWrite, &says)?;
        }
        // Opening the log for writing takes over the next segment that was being prepared, and closing it removes that.
        let reserve = self.facts.group.listing.wal.entries().iter().find(|entry| entry.name == RESERVE);
        if read.start_segment.is_some() && reserve.is_some_and(|entry| entry.kind != EntryKind::Directory) {
            self.seen.would_delete.push(layout::in_wal(RESERVE));
        }
        if let Some(repair) = read.repair {
            let name = scan.segments.get(repair.segment).map(|segment| segment.file.file_name.clone()).unwrap_or_default();
            let copy = format!("{name}.broken");
            if self.facts.group.listing.wal.entries().iter().any(|entry| entry.name == copy && entry.kind == EntryKind::Directory)
            {
                let error = ServerError::of(&conditions::WAL_UNREPAIRABLE, format!("WAL unrepairable: {}", repair.because));
                return Err(EndOfStart::Refused("log", error));
            }
            self.seen.would_repair = Some(RepairView {
                path: layout::in_wal(name),
                truncate_at: repair.truncate_at,
                bytes_dropped: repair.bytes_dropped,
            });
        }
        let log = read.result.map_err(refused("log"))?;
        let commit = self.take_log(&log, id);
        self.restore_or_skip(chosen, id, commit, &log)?;
        let conf_state = chosen.map(|(_, _, conf)| conf);
        self.check_members(&members, peers_index, id, conf_state)?;
        self.allowed("members", HOME, Wish::Change, "replace etcd-raft-peers.bin: open etcd-raft-peers.bin.tmp")?;
        self.check_range(log.hard_state, log.last_index, id)?;
        let base = Base { id, conf_state, members: &members, commit };
        let entries = Entries::Log(scan, &log);
        replay_log(self.facts, self.engine, entries, base, &mut self.seen).map_err(refused("members"))?;
        self.check_keys_again(entries, log.last_index, id)
    }

    /// The guards behind the cold start, and what stays open without a key.
    fn check_keys_again(&mut self, entries: Entries<'_>, last: LogIndex, id: SnapshotId) -> Walk<()> {
        if let Some(error) = guards::after_open(self.facts, self.engine, entries, last, id, &self.seen) {
            self.end_behind_start(error);
            return Ok(());
        }
        // What ends the process is known whatever the KEK is.
        if self.seen.replay.as_ref().is_some_and(|replay| replay.halt.is_some()) {
            return Ok(());
        }
        if let Some(why) = guards::missing_kek(self.facts, &self.seen) {
            return Err(EndOfStart::Undecided(why));
        }
        match self.seen.notes.sealed_from {
            Some(index) => {
                Err(EndOfStart::Undecided(format!("the entry at {index} is sealed and cannot be opened without its key")))
            }
            None => Ok(()),
        }
    }

    /// The guards of a server that is started with encryption.
    fn check_keys(&mut self) -> Walk<()> {
        let Some(keys) = &self.facts.keys else { return Ok(()) };
        let (before, renames) = guards::before_open(self.facts, keys, self.engine);
        self.seen.would_rename.extend(renames);
        match before {
            Before::Passed => Ok(()),
            Before::Refused(error) => Err(EndOfStart::Refused("encryption", error)),
            Before::Undecided(why) => Err(EndOfStart::Undecided(why)),
            Before::Needs(index) => Err(EndOfStart::Needs { index, restore: false }),
        }
    }

    /// The cold start succeeds, and a guard ends the process behind it, unless an entry has done so before.
    fn end_behind_start(&mut self, error: ServerError) {
        let commit = self.seen.hard_state.map_or(0, |state| state.commit);
        let reached = self.seen.effective_applied.unwrap_or(0).max(commit);
        if let Some(replay) = self.seen.replay.as_mut().filter(|replay| replay.halt.is_none()) {
            replay.halt = Some(Halt {
                condition: error.condition,
                index: reached,
                guard: true,
                effect: HaltEffect::ProcessEnds,
                error: error.error.into_owned(),
                text: error.text,
            });
        }
    }

    /// Refuses when the owner of the group directory may not do that with `path`; `says` is the server's line.
    fn allowed(&self, stage: &'static str, path: &str, wish: Wish, says: &str) -> Walk<()> {
        if is_denied(&self.facts.group.listing.access, path, wish) {
            return Err(EndOfStart::Refused(
                stage,
                ServerError::of(&conditions::PERMISSION_DENIED, format!("{says}: permission denied")),
            ));
        }
        Ok(())
    }

    fn open_store(&mut self) -> Walk<()> {
        match self.facts.group.listing.kind(layout::STORE) {
            Some(EntryKind::Directory) => {
                let lock = self.facts.group.listing.access.contains_key("fsm.db/LOCK");
                let (asked, wish) = if lock { ("fsm.db/LOCK", Wish::ReadWrite) } else { (layout::STORE, Wish::Change) };
                self.allowed("store", asked, wish, "open fsm.db/LOCK")?;
            }
            None => self.allowed("store", HOME, Wish::Change, "error opening database at \"fsm.db\": mkdir fsm.db")?,
            Some(_) => {}
        }
        let Some(store) = self.facts.store.get(&self.engine) else {
            return Err(EndOfStart::Undecided("the store was not looked at".to_owned()));
        };
        self.seen.applied_index = store.applied.clone();
        self.seen.would_rename.extend(store.renames.iter().cloned());
        self.seen.would_delete.extend(store.deletes.iter().cloned());
        self.seen.cost.read_bytes += store.read_bytes;
        if let Some(why) = &store.unknown {
            return Err(EndOfStart::Undecided(why.clone()));
        }
        if let Some(error) = store.refusal.clone() {
            return Err(EndOfStart::Refused("store", error));
        }
        // The library repeats the flush that makes a table of the log, for ever.
        self.allowed("store", layout::STORE, Wish::Change, "the store never comes up, because it cannot make a file in fsm.db")
    }

    /// The members as the server takes them from the peers file, and the index that the list is valid for.
    fn read_peers(&mut self) -> Walk<(Vec<Member>, Option<LogIndex>)> {
        let local = LocalNode { raft_id: &self.facts.raft_id, address: None };
        let file = match &self.facts.group.listing.peers {
            SmallFact::Absent | SmallFact::Nowhere => None,
            SmallFact::Directory => {
                let error = ServerError::of(&conditions::IS_A_DIRECTORY, "read etcd-raft-peers.bin: is a directory");
                return Err(EndOfStart::Refused("peers", error));
            }
            SmallFact::Unreadable(why) => {
                return Err(EndOfStart::Undecided(format!("etcd-raft-peers.bin cannot be read: {why}")));
            }
            SmallFact::Bytes(bytes) => Some(
                PeersFile::decode(bytes, self.engine)
                    .map_err(|error| EndOfStart::Refused("peers", peers::decode_refusal(&error)))?,
            ),
        };
        let members = peers::accept(&local, file.as_ref()).map_err(refused("peers"))?;
        Ok((members, file.map(|file| file.index)))
    }

    fn prepare_directory(&mut self) -> Walk<()> {
        if self.facts.group.listing.snap == SubDir::NotADirectory {
            let error = ServerError::of(&conditions::NOT_A_DIRECTORY, "mkdir snap: not a directory");
            return Err(EndOfStart::Refused("prepare", error));
        }
        // What a guard has renamed before protects no payload any more.
        let gone: HashSet<_> = self.seen.would_rename.iter().filter_map(|rename| layout::envelope_of(&rename.from)).collect();
        let snaps = &self.facts.group.snaps;
        let mut live: Vec<u64> = snaps.live_among(self.engine, |name| !gone.contains(name)).map(|index| index.0).collect();
        live.sort_unstable();
        let prepared = prepare(&self.facts.group.listing, &live);
        self.seen.would_delete.extend(prepared.deletes);
        prepared.abort.map_or(Ok(()), |error| Err(EndOfStart::Refused("prepare", error)))
    }

    /// Legacy state, bootstrap or join.
    fn start_without_log(&mut self, members: &[Member], peers_index: Option<LogIndex>) -> Walk<()> {
        self.allowed("log", HOME, Wish::Change, "mkdir wal.tmp")?;
        self.seen.would_delete.extend(replace_temps(&self.facts.group.listing));
        self.seen.alone = members.len() <= 1;
        match self.facts.legacy.get(&self.engine) {
            Some(LegacyView::Refused(error)) => Err(EndOfStart::Refused("legacy state", error.clone())),
            Some(LegacyView::Undecided(why)) => Err(EndOfStart::Undecided(why.clone())),
            Some(LegacyView::Migrates(log)) => self.migrate(log, members, peers_index),
            None => {
                self.seen.would_delete.extend(replaced_by_a_new_log(&self.facts.group.listing));
                self.seen.outcome = Outcome::None;
                self.seen.ceiling_after_start_ms = Some(0);
                if members.len() == 1 {
                    self.seen.reason = "there is no log; the only member would bootstrap a new one".into();
                    self.settle(1, 1, 1, 1, 1);
                } else {
                    self.seen.reason = "there is no log; the node would wait for the others to send it one".into();
                    self.settle(0, 0, 0, 0, 0);
                }
                Ok(())
            }
        }
    }

    /// The state files become a log. The gate is not asked: a body is restored whatever the store holds, the applied counter
    /// starts at the snapshot, and everything behind that is handed to the state machine.
    fn migrate(&mut self, log: &LegacyLog, members: &[Member], peers_index: Option<LogIndex>) -> Walk<()> {
        let id = SnapshotId { index: log.snapshot.index, term: log.snapshot.term };
        self.seen.reason = "there is no log; the legacy state files would be migrated".into();
        self.seen.outcome = Outcome::None;
        if let Some(body) = log.body.as_ref().filter(|_| id.index.0 > 0) {
            self.restore_whole(body)?;
            self.seen.outcome = Outcome::LegacyRestore;
        }
        self.seen.would_delete.extend(replaced_by_a_new_log(&self.facts.group.listing));
        let entries = log.behind_snapshot().map_err(refused("raft"))?;
        let last = entries.last().map_or(id.index, |entry| entry.index);
        let state = log.hard_state;
        self.settle(id.index.0, id.term.0, state.commit.0, state.term.0, last.0);
        let conf_state = (id.index.0 > 0).then_some(&log.snapshot.conf_state);
        self.check_members(members, peers_index, id, conf_state)?;
        self.check_range(state, last, id)?;
        let commit = if state.is_empty() { id.index.0 } else { state.commit.0 };
        let base = Base { id, conf_state, members, commit };
        let source = Entries::Files(&entries);
        replay_log(self.facts, self.engine, source, base, &mut self.seen).map_err(refused("members"))?;
        self.check_keys_again(source, last, id)
    }

    fn settle(&mut self, snapshot: u64, snapshot_term: u64, commit: u64, term: u64, last: u64) {
        if snapshot > 0 {
            let file = format!("snap/{snapshot_term:016x}-{snapshot:016x}.snap");
            self.seen.snapshot = Some(ChosenSnapshot { index: snapshot, term: snapshot_term, file, token: None });
        }
        self.seen.hard_state = Some(HardStateView { term, vote: 0, commit });
        self.seen.last_index = Some(last);
        self.seen.effective_applied = Some(snapshot);
    }

    /// The log is read twice: for its snapshot records, and from the snapshot on. Both stop at the end of its records.
    fn read_cost(&mut self, scan: &WalScan) {
        let log: u64 = scan.segments.iter().map(|segment| segment.trace(self.engine).stop.at()).sum();
        self.seen.cost.read_bytes += 2 * log;
    }

    /// The newest readable `.snap` that the log names. `None`: the start begins at index 0.
    fn choose_snapshot(&mut self, valid: &BTreeSet<SnapshotId>) -> Walk<Option<(SnapshotId, &'f SnapEntry, &'f ConfState)>> {
        let leftovers = defragmentation_leftovers(&self.facts.group.listing);
        self.seen.would_delete.extend(leftovers.deletes);
        if let Some(error) = leftovers.abort {
            return Err(EndOfStart::Refused("snapshot", error));
        }
        let choice = snapshot::choose(&self.facts.group.snaps, self.engine, valid);
        self.seen.would_rename.extend(snapshot::renames(&self.facts.group.snaps, &choice));
        if let Some(entry) = choice.uncertain {
            let why = match entry.read(self.engine) {
                Err(SnapReadError::Unreadable(why)) if !entry.changed => format!("cannot be read: {why}"),
                _ => "changed while it was read".to_owned(),
            };
            return Err(EndOfStart::Undecided(format!("snap/{} {why}", entry.name)));
        }
        let Some(entry) = choice.chosen else { return Ok(None) };
        let Ok(content) = entry.read(self.engine) else { return Ok(None) };
        let id = content.metadata.id();
        let token = match content.data {
            SnapshotData::Token(SnapshotToken { index, crc32c }) => Some(TokenView { index: index.0, crc32c }),
            _ => None,
        };
        self.seen.snapshot =
            Some(ChosenSnapshot { index: id.index.0, term: id.term.0, file: layout::in_snap(&entry.name), token });
        if id.index.0 == 0 {
            return Ok(None);
        }
        Ok(Some((id, entry, &content.metadata.conf_state)))
    }

    /// Takes over hard state and last index; returns the commit as the Raft library starts with it.
    fn take_log(&mut self, log: &LogContent, id: SnapshotId) -> u64 {
        let state = log.hard_state;
        // Without a hard state the library starts at the snapshot.
        let (term, commit) = if state.is_empty() { (Term(0), id.index) } else { (state.term, state.commit) };
        self.seen.hard_state = Some(HardStateView { term: term.0, vote: state.vote.0, commit: commit.0 });
        self.seen.last_index = Some(log.last_index.0);
        commit.0
    }

    /// The gate, and what follows from it for the payload.
    fn restore_or_skip(
        &mut self,
        chosen: Option<(SnapshotId, &'f SnapEntry, &'f ConfState)>,
        id: SnapshotId,
        commit: u64,
        log: &LogContent,
    ) -> Walk<()> {
        let content = chosen.and_then(|(_, entry, _)| entry.read(self.engine).as_ref().ok());
        let Some(content) = content.filter(|content| content.data != SnapshotData::Empty) else {
            self.seen.outcome = Outcome::None;
            self.seen.reason = if id.index.0 == 0 {
                "no snapshot was taken yet; the log is applied from its start".to_owned()
            } else {
                "the snapshot holds no data".to_owned()
            };
            self.seen.effective_applied = Some(id.index.0);
            return Ok(());
        };
        if let Some(error) = snapshot::token_refusal(content.data) {
            return Err(EndOfStart::Refused("snapshot", error));
        }
        let SnapshotData::Token(token) = content.data else {
            return self.restore_legacy(content.legacy.as_ref(), id);
        };
        let numbers =
            GateNumbers { token_index: token.index.0, snapshot_index: id.index.0, commit, last_index: log.last_index.0 };
        self.seen.threshold = Some(self.rule.threshold(numbers));
        let applied = self.seen.applied_index.clone();
        let decision = match applied.state {
            "present" => self.rule.decide(numbers, applied.value),
            "missing" | "unreadable" => GateDecision::Fallback,
            _ => return Err(EndOfStart::Undecided("the applied index in the store was not read".to_owned())),
        };
        self.read_payload(token, decision)?;
        report_gate(&mut self.seen, self.engine, numbers, decision, &applied);
        Ok(())
    }

    /// Reads or restores the payload that the token names; any error ends the start.
    fn read_payload(&mut self, token: SnapshotToken, decision: GateDecision) -> Walk<()> {
        let restore = decision != GateDecision::Skip;
        let path = format!("fsm-snap/{:016x}.fsm", token.index.0);
        // The preparation has already deleted what no name in snap/ protects.
        let gone = FsmFacts::Absent;
        let facts =
            if self.seen.would_delete.contains(&path) { Some(&gone) } else { self.facts.group.payloads.get(&token.index) };
        self.allowed("payload", &path, Wish::Read, &format!("open {path}"))?;
        let Some(facts) = facts else {
            return Err(EndOfStart::Needs { index: token.index, restore });
        };
        if let (true, FsmFacts::File(file)) = (restore, facts)
            && let Some(payload) = &file.payload
            && file.footer.is_some_and(|footer| footer.0 == token.crc32c)
        {
            self.clears_restore_area(payload);
        }
        let verdict =
            if restore { snapshot::restore(facts, token, self.engine, &path) } else { snapshot::skip(facts, token, &path) };
        if let FsmFacts::File(file) = facts {
            self.seen.cost.read_bytes += file.size;
            if restore {
                self.seen.cost.write_bytes += file.size;
            }
        }
        match verdict {
            PayloadForecast::Refused(error) => return Err(EndOfStart::Refused("payload", error)),
            PayloadForecast::Undetermined(why) => return Err(EndOfStart::Undecided(why)),
            PayloadForecast::FineSoFar(_) if !self.facts.skip_payload_body => {
                return Err(EndOfStart::Needs { index: token.index, restore });
            }
            PayloadForecast::Fine | PayloadForecast::FineSoFar(_) => {}
        }
        if let FsmFacts::File(file) = facts
            && let Some(payload) = &file.payload
        {
            self.take_header(payload);
        }
        Ok(())
    }

    fn restore_legacy(&mut self, payload: Option<&PayloadFacts>, id: SnapshotId) -> Walk<()> {
        let Some(payload) = payload else {
            return Err(EndOfStart::Undecided("the payload inside the .snap was not read".to_owned()));
        };
        self.restore_whole(payload)?;
        self.seen.outcome = Outcome::LegacyRestore;
        self.seen.reason = "the snapshot's data is a whole payload, which is always restored".into();
        self.seen.effective_applied = Some(id.index.0);
        Ok(())
    }

    /// Restores a payload that is at hand whole, without a checksum of its own.
    fn restore_whole(&mut self, payload: &PayloadFacts) -> Walk<()> {
        self.clears_restore_area(payload);
        match snapshot::legacy_restore(payload, self.engine) {
            PayloadForecast::Refused(error) => return Err(EndOfStart::Refused("payload", error)),
            PayloadForecast::Undetermined(why) => return Err(EndOfStart::Undecided(why)),
            PayloadForecast::Fine | PayloadForecast::FineSoFar(_) => {}
        }
        self.take_header(payload);
        self.seen.cost.read_bytes += payload.len;
        self.seen.cost.write_bytes += payload.len;
        Ok(())
    }

    /// A stream of the in-memory format is loaded into a store of its own name, in whose place nothing may stand.
    fn clears_restore_area(&mut self, payload: &PayloadFacts) {
        const AREA: &str = "fsm.db.restore-tmp";
        if payload.format == Some(BodyFormat::MvccStream) && self.facts.group.listing.has(AREA) {
            self.seen.would_delete.push(AREA.to_owned());
        }
    }

    fn take_header(&mut self, payload: &PayloadFacts) {
        self.seen.header = payload.header.ok();
    }

    /// The Raft library ends the process when the commit lies outside the log, or when it is asked for entries that it does
    /// not have.
    fn check_range(&mut self, state: HardState, last: LogIndex, id: SnapshotId) -> Walk<()> {
        let first = id.index;
        // The floor that this server hands to raft is computed by reading the log up to the store's index, commit permitting.
        let reach = self.seen.effective_applied.unwrap_or(0).max(first.0).min(state.commit.max(first).0);
        if self.rule.computes_floor() && reach > first.0 && reach > last.0 {
            let error = format!("entries' hi({}) is out of bound lastindex({last})", reach.saturating_add(1));
            return Err(EndOfStart::Refused(
                "raft",
                ServerError::of(&conditions::MISSING_LOG_ENTRY, format!("panic: {error}")).named(error),
            ));
        }
        if !state.is_empty() && (state.commit < first || state.commit > last) {
            let node = NodeId::of_raft_id(&self.facts.raft_id);
            let text = format!("panic: {node} state.commit {} is out of range [{first}, {last}]", state.commit);
            return Err(EndOfStart::Refused(
                "raft",
                ServerError::of(&conditions::COMMIT_OUT_OF_RANGE, text).named("state.commit"),
            ));
        }
        if self.engine.traits().fences_pending_changes && last.0 == u64::MAX {
            let text = "restore pending conf-change fence: last index overflows half-open range";
            return Err(EndOfStart::Refused("raft", ServerError::of(&conditions::CONF_CHANGE_FENCE, text).named(text)));
        }
        Ok(())
    }

    /// The membership in the snapshot against the peers file, unless the file is the newer of the two.
    fn check_members(
        &mut self,
        members: &[Member],
        peers_index: Option<LogIndex>,
        id: SnapshotId,
        conf_state: Option<&ConfState>,
    ) -> Walk<()> {
        let own = NodeId::of_raft_id(&self.facts.raft_id);
        self.seen.alone = match conf_state {
            Some(conf) => conf.voters.iter().all(|voter| *voter == own),
            None => members.len() <= 1,
        };
        match conf_state {
            Some(conf_state) => peers::check_conf_state(id.index, conf_state, peers_index, members).map_err(refused("members")),
            None => Ok(()),
        }
    }
}
