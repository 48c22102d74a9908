//! What the next start of a member does.

use serde::{Deserialize, Serialize};

use super::generation::Generation;
use crate::analysis::server::conditions;
use crate::analysis::server::log::{LogContent, Repair, read_from, valid_snapshots};
use crate::analysis::server::{HardStateView, ServerError};
use crate::formats::raftpb::HardState;
use crate::readers::SnapReadError;
use crate::readers::etcd::{EtcdMember, StoreRead};
use crate::readers::wal::WalScan;
use crate::types::{LogIndex, SnapshotId};

/// How a start ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EtcdOutcome {
    /// It starts from these files.
    Start,
    /// There is no log: it starts as a member that has never been, with the members that its flags name.
    NewMember,
    /// It ends with an error or a panic.
    Abort,
    /// Something that decides it could not be read, or was not named.
    Unknown,
}

impl EtcdOutcome {
    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::NewMember => "new-member",
            Self::Abort => "abort",
            Self::Unknown => "unknown",
        }
    }
}

/// Where a start stands when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StartAt {
    /// The store is opened, before anything else.
    OpenStore,
    /// The snapshots that the log names are listed.
    ListSnapshots,
    /// The store is held against the snapshot.
    RecoverStore,
    /// The log is read.
    ReadLog,
    /// Raft begins.
    StartRaft,
}

/// The snapshot that a start begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct EtcdSnapshot {
    /// Last index that it covers.
    pub index: u64,
    /// Term of that entry.
    pub term: u64,
    /// The `.snap` file; `null` where none is opened.
    pub file: Option<String>,
}

/// The start of one generation of etcd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct EtcdStart {
    /// Which releases.
    pub releases: Generation,
    /// How it ends.
    pub outcome: EtcdOutcome,
    /// Why it is unknown.
    pub unknown: Option<String>,
    /// What it says when it ends, as far as the files determine it.
    pub abort: Option<ServerError>,
    /// Where it stands then.
    pub stage: Option<StartAt>,
    /// The snapshot that it begins with; `null` for the beginning of the log.
    pub snapshot: Option<EtcdSnapshot>,
    /// `.snap` files that it renames to `.broken` on the way.
    pub would_rename: Vec<String>,
    /// A received store that it puts in the place of `db`.
    pub takes_store: Option<String>,
    /// The repair of the log.
    pub repair: Option<String>,
    /// The hard state that it reads.
    pub hard_state: Option<HardStateView>,
    /// Last entry of the log, or the snapshot when none follows it.
    pub last_index: Option<u64>,
    /// Index of the last entry that the store holds.
    pub consistent_index: Option<u64>,
    /// Committed entries behind the snapshot that the store holds already.
    pub passed_over: Option<u64>,
    /// Committed entries that are applied to it.
    pub applied: Option<u64>,
    /// Entries above the commit.
    pub uncommitted: Option<u64>,
}

impl EtcdStart {
    fn of(releases: Generation, outcome: EtcdOutcome) -> Self {
        Self {
            releases,
            outcome,
            unknown: None,
            abort: None,
            stage: None,
            snapshot: None,
            would_rename: Vec::new(),
            takes_store: None,
            repair: None,
            hard_state: None,
            last_index: None,
            consistent_index: None,
            passed_over: None,
            applied: None,
            uncommitted: None,
        }
    }

    fn unknown(releases: Generation, why: impl Into<String>) -> Self {
        Self { unknown: Some(why.into()), ..Self::of(releases, EtcdOutcome::Unknown) }
    }

    fn ends(mut self, stage: StartAt, error: ServerError) -> Self {
        self.outcome = EtcdOutcome::Abort;
        self.stage = Some(stage);
        self.abort = Some(error);
        self
    }
}

/// Forecasts the start of one generation on the files of `member`.
pub fn forecast(member: &EtcdMember, releases: Generation) -> EtcdStart {
    if !member.place.is_whole() {
        return EtcdStart::unknown(releases, "only a part of the member was named: name its data directory");
    }
    let version = releases.library();
    if let StoreRead::Unreadable(why) = &member.store {
        return EtcdStart::unknown(releases, format!("the store cannot be read: {why}"));
    }
    let mut start = EtcdStart::of(releases, EtcdOutcome::Start);
    start.consistent_index = consistent_index(member);
    // It is opened first, whatever else is there.
    if let Some(store) = member.store.read()
        && store.survey.meta().is_none()
        && store.survey.size > 0
    {
        return start.ends(StartAt::OpenStore, ServerError::of(&conditions::ETCD_STORE_OPEN, "panic: failed to open database"));
    }
    let Some(scan) = member.log.as_ref().filter(|scan| !scan.segments.is_empty()) else {
        return EtcdStart { outcome: EtcdOutcome::NewMember, ..start };
    };
    if let Some(segment) = scan.unread() {
        return EtcdStart::unknown(releases, format!("the segment {} of the log could not be read", segment.file.file_name));
    }
    let valid = match valid_snapshots(scan, version) {
        Ok(valid) => valid,
        Err(error) => return start.ends(StartAt::ListSnapshots, error),
    };
    let chosen = match releases {
        Generation::From37 => {
            let last = valid.snapshots.last().map(|record| record.id).filter(|id| id.index.0 > 0);
            last.map(|id| (id, None))
        }
        Generation::UpTo36 => match choose(member, &mut start, |id| valid.contains(id)) {
            Ok(chosen) => chosen.map(|(id, file)| (id, Some(file))),
            Err(why) => return EtcdStart::unknown(releases, why),
        },
    };
    let from = chosen.as_ref().map_or(SnapshotId::default(), |(id, _)| *id);
    start.snapshot = chosen.map(|(id, file)| EtcdSnapshot { index: id.index.0, term: id.term.0, file });
    if from.index.0 > 0 && start.consistent_index.unwrap_or_default() < from.index.0 {
        if !member.received.contains(&from.index) {
            let text = "failed to recover v3 backend from snapshot: failed to find database snapshot file (snap: snapshot file \
                        doesn't exist)";
            return start.ends(StartAt::RecoverStore, ServerError::of(&conditions::ETCD_STORE_BEHIND, text));
        }
        start.takes_store = Some(member.snap_path(&format!("{:016x}.snap.db", from.index.0)));
        start.consistent_index = None;
    }
    let read = read_from(scan, from, version);
    start.repair = read.repair.as_ref().map(|repair| describe_repair(scan, repair));
    match read.result {
        Ok(content) => begin(start, from, &content),
        Err(error) => start.ends(StartAt::ReadLog, error),
    }
}

/// The index that the store holds; an empty store, and one without the key, hold none.
fn consistent_index(member: &EtcdMember) -> Option<u64> {
    member.store.read().and_then(|store| store.content.consistent_index)
}

/// The first file in the order of names that can be read and that the log names. Files that cannot be read are renamed on the way.
fn choose(
    member: &EtcdMember,
    start: &mut EtcdStart,
    named: impl Fn(SnapshotId) -> bool,
) -> Result<Option<(SnapshotId, String)>, String> {
    let Some(snaps) = &member.snaps else { return Ok(None) };
    for entry in &snaps.snaps {
        match entry.read(start.releases.library()) {
            Ok(content) if named(content.metadata.id()) => {
                return Ok(Some((content.metadata.id(), member.snap_path(&entry.name))));
            }
            Ok(_) => {}
            Err(SnapReadError::Unreadable(why)) => {
                return Err(format!("{} cannot be read: {why}", member.snap_path(&entry.name)));
            }
            Err(_) => start.would_rename.push(member.snap_path(&entry.name)),
        }
    }
    Ok(None)
}

fn begin(mut start: EtcdStart, from: SnapshotId, content: &LogContent) -> EtcdStart {
    let HardState { term, vote, commit } = content.hard_state;
    start.last_index = Some(content.last_index.0);
    start.hard_state = Some(HardStateView { term: term.0, vote: vote.0, commit: commit.0 });
    if !content.hard_state.is_empty() && (commit < from.index || commit > content.last_index) {
        let error = &conditions::COMMIT_OUT_OF_RANGE;
        let text = format!("panic: state.commit {commit} is out of range [{}, {}]", from.index, content.last_index);
        return start.ends(StartAt::StartRaft, ServerError::of(error, text));
    }
    let commit = commit.max(from.index);
    let committed = commit.0 - from.index.0;
    let held = start.consistent_index.unwrap_or_default().clamp(from.index.0, commit.0) - from.index.0;
    if start.takes_store.is_none() {
        start.passed_over = Some(held);
        start.applied = Some(committed - held);
    }
    start.uncommitted = Some(content.last_index.0 - commit.0.min(content.last_index.0));
    start
}

fn describe_repair(scan: &WalScan, repair: &Repair) -> String {
    let name = scan.segments.get(repair.segment).map(|segment| segment.file.file_name.as_str()).unwrap_or_default();
    let lost = match repair.entries_dropped {
        Some((LogIndex(first), LogIndex(last))) => format!(", entries {first} to {last} among them"),
        None => String::new(),
    };
    format!("{name} cut at {}, {} bytes dropped{lost}", repair.truncate_at, repair.bytes_dropped)
}
