//! The start of a node, and a forced recovery: what the library does with the files, step by step.

use serde::{Deserialize, Serialize};

use super::abort::{AbortKind, Crash, Stage, StartAbort};
use super::entry::Read;
use super::node::{Node, StoreFiles};
use super::snapshots::{Candidate, Snapshots};
use crate::formats::hraft::{Configuration, LogType, Server, decode_peers};
use crate::readers::hraft::LogFacts;

/// Everything that a start looks at.
#[derive(Debug, Clone, Copy)]
pub struct StartInput<'a> {
    /// The node's id in memberships.
    pub raft_id: &'a str,
    /// The log and the stable store.
    pub stores: StoreFiles<'a>,
    /// The snapshots.
    pub snapshots: &'a Snapshots,
    /// What is known of the log, where every page of its file was read and none is wrong: entries are then taken from here.
    pub sound: Option<&'a LogFacts>,
}

/// How many entries a start reads one after another: those behind the snapshot that it restores. 0 when that cannot be told by the
/// paths to the log's ends.
pub fn entries_to_read(stores: StoreFiles<'_>, snapshots: &Snapshots) -> u64 {
    let ends = Node::open(stores, None).and_then(|node| Ok((node.first_index()?, node.last_index()?)));
    let Ok((first, last)) = ends else { return 0 };
    let covered = snapshots.listed.iter().find(|snapshot| snapshot.restores()).map_or(0, |snapshot| snapshot.meta.index);
    last.saturating_sub(covered.max(first.saturating_sub(1)))
}

/// Whether it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StartOutcome {
    /// It does.
    Start,
    /// It does not.
    Abort,
    /// Not all that decides it could be read.
    Unknown,
}

impl StartOutcome {
    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Abort => "abort",
            Self::Unknown => "unknown",
        }
    }
}

/// The snapshot that is restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Restored {
    /// Its id.
    pub id: String,
    /// Index that it claims.
    pub index: u64,
    /// Term that it claims.
    pub term: u64,
    /// Index of the membership that it brings.
    pub configuration_index: u64,
}

/// The node's state when it has started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AtStart {
    /// Its term.
    pub term: u64,
    /// Index of the last entry, as its value says.
    pub last_log_index: u64,
    /// Term of the last entry.
    pub last_log_term: u64,
    /// Index of the restored snapshot; 0 without one.
    pub last_snapshot_index: u64,
    /// Term of the restored snapshot.
    pub last_snapshot_term: u64,
    /// The membership in force; `null` when there is none.
    pub configuration: Option<Vec<Server>>,
    /// Index of the entry that brought it.
    pub configuration_index: u64,
}

/// What a node is after the first election timeout, alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum FirstState {
    /// It elected itself.
    #[serde(rename = "Leader")]
    Leader,
    /// It does not campaign.
    #[serde(rename = "Follower")]
    Follower,
    /// It asks the others.
    #[serde(rename = "Candidate")]
    Candidate,
}

/// How a forced recovery ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Recovery {
    /// It goes through.
    Ok,
    /// It returns an error.
    Error,
    /// The process ends.
    Panic,
    /// Not all that decides it could be read.
    Unknown,
}

/// The forecast of a start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StartForecast {
    /// Whether it starts.
    pub outcome: StartOutcome,
    /// What keeps it from being told, when it cannot be.
    pub unknown: Option<String>,
    /// How it ends otherwise.
    pub abort: Option<StartAbort>,
    /// The snapshot that is restored.
    pub snapshot: Option<Restored>,
    /// The state then; kept for a start that ends while it runs.
    pub at_start: Option<AtStart>,
    /// What the node is alone; `null` when it does not get that far.
    pub first_state: Option<FirstState>,
    /// Why it is that.
    pub first_state_reason: Option<String>,
    /// How a forced recovery would end, with a membership that the library accepts.
    pub recovery: Recovery,
    /// What the recovery would say.
    pub recovery_text: Option<String>,
    /// What a recovery that goes through would lose.
    pub recovery_loses: Option<String>,
    /// Index of the first log key; `null` when it cannot be told.
    pub first_index: Option<u64>,
    /// Index of the last log key.
    pub last_index: Option<u64>,
}

/// What is found on the way.
#[derive(Debug, Default)]
struct Progress {
    snapshot: Option<Restored>,
    at_start: Option<AtStart>,
    first_state: Option<(FirstState, String)>,
}

/// Forecasts a start and a recovery.
pub fn forecast(input: &StartInput<'_>) -> StartForecast {
    if let StoreFiles::Pebble(stores) = input.stores
        && let Some(why) = stores.doubt()
    {
        return StartForecast::unknown(why);
    }
    if let Some((path, why)) = input.snapshots.unread.first() {
        return StartForecast::unknown(format!(
            "{path} cannot be read, so that the snapshot that is restored is not known: {why}"
        ));
    }
    if let StoreFiles::Wal(log) = input.stores
        && let Some(segment) = log.unread_segment()
    {
        return StartForecast::unknown(format!("the segment {} cannot be read", segment.name));
    }
    let mut progress = Progress::default();
    let abort = start(input, &mut progress).err();
    let recovered = recover(input);
    let (recovery, recovery_text, recovery_loses) = match recovered {
        Ok(loses) => (Recovery::Ok, None, loses),
        Err(crash) => (if crash.kind == AbortKind::Error { Recovery::Error } else { Recovery::Panic }, Some(crash.text), None),
    };
    let node = Node::open(input.stores, input.sound).ok();
    let (first_state, first_state_reason) = progress.first_state.unzip();
    StartForecast {
        outcome: if abort.is_some() { StartOutcome::Abort } else { StartOutcome::Start },
        unknown: None,
        first_state: first_state.filter(|_| abort.is_none()),
        first_state_reason: first_state_reason.filter(|_| abort.is_none()),
        abort,
        snapshot: progress.snapshot,
        at_start: progress.at_start,
        recovery,
        recovery_text,
        recovery_loses,
        first_index: node.as_ref().and_then(|node| node.first_index().ok()),
        last_index: node.as_ref().and_then(|node| node.last_index().ok()),
    }
}

/// An error of reading an entry that the caller turns into a panic.
fn panics(crash: Crash) -> Crash {
    match crash.kind {
        AbortKind::Error => Crash::panic(crash.text),
        AbortKind::Panic | AbortKind::Hang => crash,
    }
}

fn start(input: &StartInput<'_>, progress: &mut Progress) -> Result<(), StartAbort> {
    let mut node = Node::open(input.stores, input.sound).map_err(|crash| crash.during(Stage::OpenStores))?;
    if let Some(refusal) = &input.snapshots.refusal {
        return Err(Crash::error(refusal).during(Stage::OpenStores));
    }
    let mut memberships = Memberships::default();
    let new_raft = new_raft(input, &mut node, &mut memberships, progress);
    let last = new_raft.map_err(|crash| crash.during(Stage::NewRaft))?;
    run(input, &mut node, &memberships, last, progress).map_err(|crash| crash.during(Stage::Running))
}

/// The membership in force and the one before.
#[derive(Debug, Default)]
struct Memberships {
    latest: Configuration,
    latest_index: u64,
}

/// Returns the range of entries that are applied once they are committed.
fn new_raft(
    input: &StartInput<'_>,
    node: &mut Node<'_>,
    memberships: &mut Memberships,
    progress: &mut Progress,
) -> Result<(u64, u64), Crash> {
    let term = node.current_term().map_err(|crash| crash.wrap("failed to load current term"))?.unwrap_or(0);
    let last_key = node.last_index()?;
    let (mut last_index, mut last_term) = (0, 0);
    if last_key > 0 {
        let last = node.entry(last_key).map_err(|crash| crash.wrap(&format!("failed to get last log at index {last_key}")))?;
        (last_index, last_term) = (last.index, last.term);
    }
    node.store_stable()?;
    let restored = restore(input.snapshots)?;
    let (snapshot_index, snapshot_term) = restored.map_or((0, 0), |candidate| (candidate.meta.index, candidate.meta.term));
    if let Some(candidate) = restored {
        let meta = &candidate.meta;
        let configuration_index = if meta.version > 0 { meta.configuration_index } else { meta.index };
        progress.snapshot =
            Some(Restored { id: meta.id.clone(), index: snapshot_index, term: snapshot_term, configuration_index });
        memberships.begin(candidate)?;
    }
    let mut index = snapshot_index;
    while index < last_index {
        index = node.next_of_note(index + 1).min(last_index);
        memberships.scan(node.entry(index).map_err(panics)?)?;
    }
    progress.at_start = Some(AtStart {
        term,
        last_log_index: last_index,
        last_log_term: last_term,
        last_snapshot_index: snapshot_index,
        last_snapshot_term: snapshot_term,
        configuration: (!memberships.latest.servers.is_empty()).then(|| memberships.latest.servers.clone()),
        configuration_index: memberships.latest_index,
    });
    Ok((snapshot_index, last_index))
}

/// The snapshot that is restored, if there are any.
fn restore(snapshots: &Snapshots) -> Result<Option<&Candidate>, Crash> {
    let restored = snapshots.listed.iter().find(|candidate| candidate.restores());
    if restored.is_none() && !snapshots.listed.is_empty() {
        return Err(Crash::error("failed to load any existing snapshots"));
    }
    Ok(restored)
}

impl Memberships {
    /// The membership that a snapshot brings.
    fn begin(&mut self, candidate: &Candidate) -> Result<(), Crash> {
        let meta = &candidate.meta;
        if meta.version > 0 {
            self.latest = meta.configuration.clone();
            self.latest_index = meta.configuration_index;
            return Ok(());
        }
        let peers = meta.peers.as_deref().unwrap_or_default();
        let decoded = decode_peers(peers).map_err(|error| Crash::error(format!("failed to decode peers: {error}")))?;
        self.latest = decoded.0;
        self.latest_index = meta.index;
        Ok(())
    }

    fn scan(&mut self, entry: Read) -> Result<(), Crash> {
        let Some(membership) = entry.membership else { return Ok(()) };
        self.latest = membership.map_err(|error| match entry.kind {
            LogType::Configuration => Crash::panic(format!("failed to decode configuration: {error}")),
            _ => Crash::error(format!("failed to decode peers: {error}")),
        })?;
        self.latest_index = entry.index;
        Ok(())
    }
}

/// What the node becomes alone, and what that writes and applies.
fn run(
    input: &StartInput<'_>,
    node: &mut Node<'_>,
    memberships: &Memberships,
    (applied, last): (u64, u64),
    progress: &mut Progress,
) -> Result<(), Crash> {
    let (state, reason) = first_state(memberships, input.raft_id);
    progress.first_state = Some((state, reason));
    if state != FirstState::Leader {
        return Ok(());
    }
    // The new term, the vote's term, the vote's candidate.
    for _ in 0..3 {
        node.store_stable()?;
    }
    node.store_log()?;
    let voters = &memberships.latest.servers;
    let alone = voters.iter().filter(|server| server.suffrage.votes()).all(|server| server.id == input.raft_id);
    if !alone {
        return Ok(());
    }
    let mut applied = applied;
    while applied < last {
        applied = node.next_of_note(applied + 1).min(last);
        let Read { index, term, kind, .. } = node.entry(applied).map_err(panics)?;
        if let LogType::Unknown(number) = kind {
            return Err(Crash::panic(format!(
                "unrecognized log type: &raft.Log{{Index:{index:#x}, Term:{term:#x}, Type:{number:#x}, ...}}"
            )));
        }
    }
    Ok(())
}

fn first_state(memberships: &Memberships, raft_id: &str) -> (FirstState, String) {
    let latest = &memberships.latest;
    if memberships.latest_index == 0 {
        return (FirstState::Follower, "no known peers, aborting election".to_owned());
    }
    if !latest.has_vote(raft_id) {
        let listed = latest.servers.iter().any(|server| server.id == raft_id);
        let reason = if listed {
            format!("{raft_id} is not a voter in the membership of index {}", memberships.latest_index)
        } else {
            format!("{raft_id} is not in the membership of index {}", memberships.latest_index)
        };
        return (FirstState::Follower, reason);
    }
    let (own, quorum) = (latest.own_votes(raft_id), latest.quorum());
    if own >= quorum {
        (FirstState::Leader, format!("its own {own} of {quorum} votes needed elect it"))
    } else {
        (FirstState::Candidate, format!("it has {own} of {quorum} votes needed and asks the others"))
    }
}

/// What reading the last vote does, as the first vote request and the node's own campaign do it.
///
/// # Errors
///
/// How the process ends over it.
pub fn vote_request(stores: StoreFiles<'_>) -> Result<(), Crash> {
    let Ok(node) = Node::open(stores, None) else { return Ok(()) };
    match node.vote_term_len() {
        Some(len) if len < 8 => Err(Crash::panic(format!("runtime error: index out of range [7] with length {len}"))),
        _ => Ok(()),
    }
}

/// A forced recovery with a membership that is sound: what it would lose, where it goes through.
fn recover(input: &StartInput<'_>) -> Result<Option<String>, Crash> {
    let mut node = Node::open(input.stores, input.sound)?;
    if let Some(refusal) = &input.snapshots.refusal {
        return Err(Crash::error(refusal));
    }
    let term = node
        .current_term()
        .map_err(|crash| crash.wrap("failed to read current term").wrap("failed to check for existing state"))?;
    let has_state = term.is_some_and(|term| term > 0) || node.last_index()? > 0 || !input.snapshots.listed.is_empty();
    if !has_state {
        return Err(Crash::error("refused to recover cluster with no initial state, this is probably an operator error"));
    }
    let restored = input.snapshots.listed.iter().find(|candidate| candidate.restores());
    let (index, term) = restored.map_or((0, 0), |candidate| (candidate.meta.index, candidate.meta.term));
    if !input.snapshots.listed.is_empty() && (index == 0 || term == 0) {
        return Err(Crash::error("failed to restore any of the available snapshots"));
    }
    let last = node.last_index()?;
    let mut next = index;
    let mut end = (term, index);
    while next < last {
        next = node.next_of_note(next + 1).min(last);
        let entry = node.entry(next).map_err(|crash| crash.wrap(&format!("failed to get log at index {next}")))?;
        end = (entry.term, entry.index);
    }
    node.first_index()?;
    node.delete_log(last)?;
    Ok(lost_by_recovery(input.snapshots, end))
}

/// A recovery writes a snapshot of the log's end and deletes the log. One that is there already and sorts behind it, by its term, is
/// what the next start restores all the same.
fn lost_by_recovery(snapshots: &Snapshots, (term, index): (u64, u64)) -> Option<String> {
    let newer = |candidate: &&Candidate| (candidate.meta.term, candidate.meta.index) > (term, index);
    let before = snapshots.listed.iter().find(newer).filter(|candidate| candidate.meta.index < index)?;
    let meta = &before.meta;
    Some(format!(
        "its snapshot (index {index} term {term}) sorts before {}, the log is deleted, and the next start restores that one: \
         everything behind index {} is lost",
        meta.id, meta.index
    ))
}

impl StartForecast {
    /// A start of which nothing can be told.
    pub(super) fn unknown(why: String) -> Self {
        Self {
            outcome: StartOutcome::Unknown,
            unknown: Some(why),
            abort: None,
            snapshot: None,
            at_start: None,
            first_state: None,
            first_state_reason: None,
            recovery: Recovery::Unknown,
            recovery_text: None,
            recovery_loses: None,
            first_index: None,
            last_index: None,
        }
    }

    /// The files changed while they were read: how the start ends is not known.
    pub fn unsettle(&mut self) {
        self.outcome = StartOutcome::Unknown;
        self.unknown = Some("the store changed while it was read".to_owned());
        self.abort = None;
        self.first_state = None;
        self.first_state_reason = None;
    }
}
