//! The same group on several nodes: do their copies agree, who could lead, and what would be lost with which node.

mod log;
mod replicas;

use std::collections::BTreeSet;

use serde::Serialize;

use crate::analysis::Finding;
use crate::analysis::codes::compare as codes;
use crate::analysis::invariants::{Evidence, History, LogEvidence, configuration_at_commit, describe_members};
use crate::formats::raftpb::{ConfState, HardState};
use crate::readers::wal::EntryRanges;
use crate::types::{LogIndex, NodeId, SnapshotId, Term};

pub use replicas::{ElectionRow, NodeRow};

/// One node's copy of the group, replayed.
#[derive(Debug)]
pub struct Replica<'a> {
    /// The directory as facts.
    pub evidence: Evidence<'a>,
    entries: EntryRanges,
    hard_state: HardState,
    snapshot: SnapshotId,
    last: SnapshotId,
    members: Option<ConfState>,
    recorded: Vec<(LogIndex, ConfState)>,
}

/// A membership and the index from which on it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MembershipStep {
    /// Index of the first snapshot with it.
    pub index: LogIndex,
    /// The members, by raft id where it is known.
    pub members: String,
}

/// Everything about one group.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Comparison {
    /// One row a node.
    pub nodes: Vec<NodeRow>,
    /// Who could be elected now.
    pub election: Vec<ElectionRow>,
    /// How the members changed, as far as snapshots tell.
    pub membership: Vec<MembershipStep>,
    /// Nodes in the order in which they are best restarted, least needed first.
    pub restart_order: Vec<String>,
    /// Voters of the latest membership whose directories were not given, by raft id where it is known.
    pub missing_voters: Vec<String>,
    /// Highest commit that any node records.
    pub commit: LogIndex,
    /// False when the directories are not of one group, so that nothing was compared.
    pub comparable: bool,
}

impl<'a> Replica<'a> {
    /// Replays one node.
    pub fn new(evidence: Evidence<'a>) -> Self {
        let history = match evidence.scan() {
            Some(scan) => History::replay(scan, evidence.engine, |_, _| {}),
            None => History::default(),
        };
        let hard_state = evidence.log.read().and_then(LogEvidence::hard_state).or(history.state).unwrap_or_default();
        let snapshot = evidence.chosen().map(|(_, contents)| contents.metadata.id()).unwrap_or_default();
        let entries = history.entries();
        let start = evidence.log.read().and_then(|log| log.start.as_ref()?.result.as_ref().ok());
        let last = match start {
            Some(content) => match content.entries.last() {
                Some(index) => SnapshotId { index, term: content.entries.term_at(index).unwrap_or_default() },
                None => snapshot,
            },
            None => snapshot,
        };
        let members = configuration_at_commit(&history, &evidence);
        let mut recorded: Vec<_> = history
            .snapshots
            .iter()
            .filter(|seen| seen.taken == Some(true))
            .filter_map(|seen| Some((seen.id.index, seen.conf_state.clone()?)))
            .collect();
        recorded.extend(evidence.conf_states().into_iter().map(|(id, members)| (id.index, members.clone())));
        Self { evidence, entries, hard_state, snapshot, last, members, recorded }
    }

    fn name(&self) -> &str {
        &self.evidence.raft_id
    }

    fn node_id(&self) -> NodeId {
        self.evidence.node_id()
    }

    fn commit(&self) -> LogIndex {
        self.hard_state.commit.max(self.snapshot.index)
    }

    /// True when the node has the entry, or a snapshot that covers it.
    fn holds(&self, index: LogIndex, term: Option<Term>) -> bool {
        self.snapshot.index >= index
            || (self.last.index >= index && self.entries.term_at(index).is_some_and(|held| term.is_none_or(|term| held == term)))
    }

    /// Everyone that any configuration here names.
    fn everyone(&self) -> BTreeSet<NodeId> {
        let states = self.recorded.iter().map(|(_, members)| members).chain(&self.members);
        states.flat_map(|members| members.voters.iter().chain(&members.learners).copied()).collect()
    }
}

/// Compares the copies of one group.
pub fn compare(replicas: &[Replica<'_>]) -> (Comparison, Vec<Finding>) {
    let mut findings = Vec::new();
    let comparable = same_group(replicas, &mut findings);
    let mut comparison = replicas::describe(replicas, &mut findings);
    comparison.comparable = comparable;
    if comparable {
        identities(replicas, &mut findings);
        for (number, a) in replicas.iter().enumerate() {
            for b in replicas.iter().skip(number + 1) {
                log::compare(a, b, &mut findings);
                snapshots(a, b, &mut findings);
            }
        }
        replicas::replication(replicas, &comparison, &mut findings);
        replicas::terms(replicas, &mut findings);
        replicas::removed(replicas, &mut findings);
    }
    (comparison, findings)
}

fn same_group(replicas: &[Replica<'_>], findings: &mut Vec<Finding>) -> bool {
    let Some(first) = replicas.iter().find(|replica| !replica.everyone().is_empty()) else { return true };
    let members = first.everyone();
    let stranger = replicas.iter().find(|replica| {
        let its = replica.everyone();
        !its.is_empty() && its.is_disjoint(&members)
    });
    let Some(stranger) = stranger else { return true };
    let message = format!(
        "{} and {} have no member in common: these directories are not of one group, and nothing else was compared.",
        first.evidence.dir, stranger.evidence.dir
    );
    findings.push(Finding::new(&codes::CROSS_GROUP_MISMATCH, message).at(stranger.evidence.dir.clone()));
    false
}

fn identities(replicas: &[Replica<'_>], findings: &mut Vec<Finding>) {
    for (number, a) in replicas.iter().enumerate() {
        for b in replicas.iter().skip(number + 1).filter(|b| b.node_id() == a.node_id()) {
            let message = format!(
                "{} and {} are both {}. If these are two copies of one node on purpose, compare only one of them with the others.",
                a.evidence.dir,
                b.evidence.dir,
                a.name()
            );
            findings.push(Finding::new(&codes::CROSS_DUPLICATE_IDENTITY, message).at(b.evidence.dir.clone()));
        }
    }
}

/// Snapshots of equal index and term.
fn snapshots(a: &Replica<'_>, b: &Replica<'_>, findings: &mut Vec<Finding>) {
    for mine in a.evidence.snap_files() {
        let Ok(mine) = &mine.content else { continue };
        for theirs in b.evidence.snap_files() {
            let Ok(other) = &theirs.content else { continue };
            if mine.metadata.id() != other.metadata.id() {
                continue;
            }
            let index = mine.metadata.index;
            let finding = |message: String| {
                let path = b.evidence.path(&format!("snap/{}", theirs.name));
                Finding::new(&codes::CROSS_SNAPSHOT_DIVERGENCE, message).at(path)
            };
            if !mine.metadata.conf_state.same_members(&other.metadata.conf_state) {
                let message = format!("{} and {} have different members in their snapshots at {index}.", a.name(), b.name());
                findings.push(
                    finding(message)
                        .expected(describe_members(&mine.metadata.conf_state, &a.evidence))
                        .found(describe_members(&other.metadata.conf_state, &b.evidence)),
                );
            } else if mine.payload.footer.is_some()
                && other.payload.footer.is_some()
                && mine.payload.footer != other.payload.footer
            {
                let message = format!(
                    "The payloads of {} and {} at {index} differ in their bytes. Garbage collection and clock values are local, \
                     so that alone is no sign of different contents.",
                    a.name(),
                    b.name()
                );
                findings.push(finding(message).severity(crate::analysis::Severity::Info));
            }
        }
    }
}
