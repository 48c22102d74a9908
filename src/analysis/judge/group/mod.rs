//! The safety rules of Raft, and what the server adds to them, as far as one node's files can show them.
//!
//! Each check is a small state machine of its own over one replay of the log's records, or over the facts of the
//! directory; [`CHECKS`] lists them. A check has the name of the finding it emits. Nothing that a crash, a slow follower or
//! a received snapshot may legally leave is more than a remark.

mod checks;
mod evidence;
mod found;
mod history;
mod members;
mod view;

mod clock_ahead;
mod conf_invalid;
mod conf_local_not_member;
mod conf_peers_file_mismatch;
mod conf_uncommitted_tail;
mod conf_undecodable;
mod conf_unsafe_transition;
mod fsm_log;
mod fsm_snapshot;
mod hardstate;
mod link_to_nothing;
mod log_append_below_snapshot;
mod log_conflict_truncation;
mod log_entry_malformed;
mod log_gap;
mod log_gone;
mod log_rewrite;
mod log_term_regress;
mod snap_configuration;
mod snap_identity_mismatch;
mod snap_log_term_mismatch;
mod snap_orphan;
mod snap_payload_short;
mod snap_regress;
mod snap_replay_hole;
mod stable_state_invalid;
mod store_foreign;
mod term_above_current;
mod term_churn;
mod vote_for_non_voter;

pub use checks::CHECKS;
pub use evidence::{
    Evidence, Leftover, LogEvidence, Part, Payload, PeerFacts, PeersContent, PeersFacts, PeersRefusal, Received, SnapContents,
    SnapFile, StoreEvidence,
};
pub use found::Found;
pub use history::{Event, History, LogRange, RecordPlace, SnapshotSeen};
pub(in crate::analysis) use members::{ConfEntry, conf_entries};

use serde::Serialize;

use super::codes::CodeInfo;
use super::codes::invariants as codes;
use super::{Finding, Severity};
use crate::formats::raftpb::ConfState;
use crate::readers::wal::{EntryRange, EntryRanges};
use crate::types::NodeId;

/// A check of one node's directory.
pub trait Check {
    /// Sees one step of the record stream. `history` is what was known before it.
    fn observe(&mut self, event: &Event<'_>, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let _ = (event, history, evidence, found);
    }

    /// Sees the whole directory, after the last record.
    fn finish(&mut self, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let _ = (history, evidence, found);
    }
}

/// What a check has to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// The log.
    Log,
    /// The `.snap` files.
    Snapshots,
    /// The log and the `.snap` files.
    LogAndSnapshots,
    /// The peers file.
    Peers,
    /// The log and the store.
    LogAndStore,
    /// The `.snap` files and the store.
    SnapshotsAndStore,
    /// Any file that tells the members.
    Anything,
    /// Nothing that an etcd log has: the rule is about the older engine.
    OtherEngine,
}

/// One entry of the list of checks.
#[derive(Debug, Clone, Copy)]
pub struct CheckInfo {
    /// The finding it emits; its name is the check's name.
    pub code: &'static CodeInfo,
    /// What it has to have.
    pub needs: Needs,
    /// True when it compares files that change at different times, so that it needs a copy taken at one instant.
    pub quiescent: bool,
    /// What a clean result shows.
    pub proves: &'static str,
    /// What it does not show.
    pub cannot: &'static str,
    /// True when it decides whether a start on these files does harm, so that a forecast asks it too.
    pub start: bool,
    /// A fresh state machine.
    pub make: fn() -> Box<dyn Check>,
}

/// What became of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum CheckOutcome {
    /// It was made and nothing is wrong; remarks do not count.
    Clean,
    /// It found something.
    Found {
        /// The worst of it.
        severity: Severity,
        /// How many findings there are, those that are not shown included.
        count: u64,
    },
    /// There is nothing here that it could be made on.
    NotApplicable {
        /// Why.
        why: String,
    },
    /// It could not be made here.
    NotCheckable {
        /// Why.
        why: String,
    },
}

/// A check and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct CheckResult {
    /// The check's name.
    pub check: &'static str,
    /// The worst severity that it usually has.
    pub severity: Severity,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: CheckOutcome,
    /// What it found and could not decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undecided: Option<String>,
}

impl CheckResult {
    /// Why the check leaves the verdict open: it could not be made, or found something that it could not decide.
    pub fn open(&self) -> Option<&str> {
        match &self.outcome {
            CheckOutcome::NotCheckable { why } => Some(why),
            _ => self.undecided.as_deref(),
        }
    }
}

/// Makes the checks in `selected` on one directory.
pub fn run(evidence: &Evidence<'_>, selected: &[&CheckInfo]) -> (Vec<CheckResult>, Vec<Finding>) {
    let mut running: Vec<_> = selected
        .iter()
        .map(|info| {
            let mut found = Found::new(info.quiescent && !evidence.quiescent);
            found.outcome = lacking(info.needs, evidence);
            (*info, (info.make)(), found)
        })
        .collect();
    let history = match evidence.scan() {
        Some(scan) => History::replay(scan, evidence.engine, |event, history| {
            for (_, check, found) in running.iter_mut().filter(|(_, _, found)| found.outcome.is_none()) {
                check.observe(event, history, evidence, found);
            }
        }),
        None => History::default(),
    };
    let mut results = Vec::new();
    let mut findings = Vec::new();
    for (info, mut check, mut found) in running {
        if found.outcome.is_none() {
            check.finish(&history, evidence, &mut found);
        }
        let undecided = found.undecided.take();
        let (outcome, mut its) = found.into_outcome();
        results.push(CheckResult { check: info.code.code, severity: info.code.severity, outcome, undecided });
        findings.append(&mut its);
    }
    (results, findings)
}

/// Why a check cannot be made, if something that it needs is not there.
fn lacking(needs: Needs, evidence: &Evidence<'_>) -> Option<CheckOutcome> {
    let absent = |what: &str| Some(CheckOutcome::NotApplicable { why: format!("there is no {what}") });
    let unread = |why: &str| Some(CheckOutcome::NotCheckable { why: why.to_owned() });
    let log = || match &evidence.log {
        Part::Absent => absent("log"),
        Part::NotRead(why) => unread(why),
        Part::Read(_) => None,
    };
    let snapshots = || match &evidence.snapshots {
        Part::Absent => absent("snapshot"),
        Part::NotRead(why) => unread(why),
        Part::Read(_) => None,
    };
    let store = || match &evidence.store {
        Part::Absent => absent("store"),
        Part::NotRead(why) => unread(why),
        Part::Read(_) => None,
    };
    match needs {
        Needs::Log => log(),
        Needs::Snapshots => snapshots(),
        Needs::LogAndSnapshots => log().or_else(snapshots),
        Needs::LogAndStore => log().or_else(store),
        Needs::SnapshotsAndStore => snapshots().or_else(store),
        Needs::Anything => None,
        Needs::Peers => match &evidence.peers {
            Part::Absent => absent("peers file"),
            Part::NotRead(why) => unread(why),
            Part::Read(_) => None,
        },
        Needs::OtherEngine => {
            Some(CheckOutcome::NotApplicable { why: "only the log of the older engine can show it".to_owned() })
        }
    }
}

/// Names the segment of a place.
fn at_segment(finding: Finding, place: RecordPlace, evidence: &Evidence<'_>) -> Finding {
    in_segment(finding, place.segment, evidence)
}

/// Names a segment.
fn in_segment(finding: Finding, segment: usize, evidence: &Evidence<'_>) -> Finding {
    match evidence.segment_path(segment) {
        Some(path) => finding.at(path),
        None => finding,
    }
}

/// Offset of the first entry of a range.
fn offset_of(evidence: &Evidence<'_>, range: EntryRange) -> u64 {
    let Some(scan) = evidence.scan() else { return 0 };
    let mut one = EntryRanges::default();
    one.push(EntryRange { last: range.first, ..range });
    one.iter(scan, evidence.engine).next().map_or(0, |entry| entry.offset)
}

/// A membership in a few words: `voters n1 n2 n3, learners n4`.
pub fn describe_members(conf_state: &ConfState, evidence: &Evidence<'_>) -> String {
    members::describe(conf_state, evidence)
}

/// The raft id of a member where the peers file tells it, else its node id in hex.
pub fn member_name(id: NodeId, evidence: &Evidence<'_>) -> String {
    members::name_of(id, evidence)
}

/// The membership of the snapshot that a start takes, with the committed changes behind it.
pub fn configuration_at_commit(history: &History, evidence: &Evidence<'_>) -> Option<ConfState> {
    let (_, contents) = evidence.chosen()?;
    let from = &contents.metadata.conf_state;
    let mut changes = conf_entries(evidence, history.entries().ranges().iter().copied());
    changes.retain(|entry| entry.index > contents.metadata.index && entry.index <= history.commit);
    Some(members::replay(from, &changes, evidence.engine).unwrap_or_else(|_| from.clone()))
}

/// The check of links alone.
pub fn of_links() -> Vec<&'static CheckInfo> {
    find(super::codes::directory::LINK_TO_NOTHING.code).into_iter().collect()
}

/// The checks that a forecast of a start asks as well.
pub fn of_a_start() -> Vec<&'static CheckInfo> {
    CHECKS.iter().filter(|info| info.start).collect()
}

/// The check of that name.
pub fn find(name: &str) -> Option<&'static CheckInfo> {
    CHECKS.iter().find(|info| info.code.code == name)
}

/// A check that is listed so that its absence is explained.
struct Never;

impl Check for Never {}
