//! Each node beside the others: how far it is, whom it would vote for, what only it has.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Comparison, MembershipStep, Replica};
use crate::analysis::codes::{compare as codes, invariants};
use crate::analysis::invariants::{describe_members, member_name};
use crate::analysis::{Finding, Severity};
use crate::formats::raftpb::ConfState;
use crate::types::{LogIndex, NodeId};

/// Terms ahead of all others that are worth a look.
const TERMS_AHEAD: u64 = 10;

/// One node.
#[derive(Debug, Clone, Serialize)]
pub struct NodeRow {
    /// The directory.
    pub dir: String,
    /// Raft id.
    pub raft_id: String,
    /// `voter`, `learner`, `removed` or `unknown`, by the latest membership.
    pub role: &'static str,
    /// Term of the last hard state.
    pub term: u64,
    /// Commit of the last hard state.
    pub commit: u64,
    /// Index and term of the last entry, or of the snapshot.
    pub last_index: u64,
    /// Term of that.
    pub last_term: u64,
    /// Snapshot that a start takes.
    pub snapshot_index: u64,
    /// Applied index of the store.
    pub applied_index: Option<u64>,
    /// Entries up to the highest commit that the node does not have.
    pub behind: u64,
    /// Entries that no other node given has, as first and last index; lost if this directory is.
    pub only_here: Option<(u64, u64)>,
    /// What the next start does, filled in by who can tell.
    pub start: Option<String>,
}

/// A candidate and who would vote for it.
#[derive(Debug, Clone, Serialize)]
pub struct ElectionRow {
    /// Raft id of the candidate.
    pub candidate: String,
    /// Whether it votes in the latest membership.
    pub is_voter: bool,
    /// Voters that would grant it their vote, itself included.
    pub granted_by: Vec<String>,
    /// Votes that it needs.
    pub needed: usize,
    /// `yes`, `no`, or `unknown` when it depends on voters that were not given.
    pub can_win: &'static str,
    /// Nodes without which it could not win.
    pub depends_on: Vec<String>,
}

/// The membership of the node that has committed most.
fn latest<'r>(replicas: &'r [Replica<'_>]) -> Option<(&'r ConfState, &'r Replica<'r>)> {
    let known = replicas.iter().filter(|replica| replica.members.is_some());
    let best = known.max_by_key(|replica| replica.commit())?;
    Some((best.members.as_ref()?, best))
}

pub(super) fn describe(replicas: &[Replica<'_>], _findings: &mut Vec<Finding>) -> Comparison {
    let commit = replicas.iter().map(Replica::commit).max().unwrap_or_default();
    let membership = latest(replicas);
    let role = |id: NodeId| match membership {
        Some((members, _)) if members.voters.contains(&id) => "voter",
        Some((members, _)) if members.learners.contains(&id) => "learner",
        Some(_) => "removed",
        None => "unknown",
    };
    let nodes: Vec<_> = replicas
        .iter()
        .map(|replica| {
            let others = replicas.iter().filter(|other| !std::ptr::eq(*other, replica));
            let elsewhere = others.map(|other| other.last.index).max().unwrap_or_default();
            let only_here = (replica.last.index > elsewhere).then_some((elsewhere.0 + 1, replica.last.index.0));
            NodeRow {
                dir: replica.evidence.dir.clone(),
                raft_id: replica.name().to_owned(),
                role: role(replica.node_id()),
                term: replica.hard_state.term.0,
                commit: replica.hard_state.commit.0,
                last_index: replica.last.index.0,
                last_term: replica.last.term.0,
                snapshot_index: replica.snapshot.index.0,
                applied_index: replica.evidence.store.read().and_then(|store| store.applied).map(|index| index.0),
                behind: commit.0.saturating_sub(replica.last.index.0),
                only_here,
                start: None,
            }
        })
        .collect();
    let mut order: Vec<_> = nodes.iter().collect();
    // Who is least needed goes first: no vote, then furthest behind; the most complete log last.
    order.sort_by_key(|node| (node.role == "voter", node.last_term, node.last_index));
    let restart_order = order.iter().filter(|node| node.role != "removed").map(|node| node.raft_id.clone()).collect();
    let given = |id: &NodeId| replicas.iter().any(|replica| replica.node_id() == *id);
    let missing_voters = membership.map_or_else(Vec::new, |(members, teller)| {
        members.voters.iter().filter(|id| !given(id)).map(|id| member_name(*id, &teller.evidence)).collect()
    });
    Comparison {
        election: election(replicas, membership.map(|(members, _)| members)),
        membership: steps(replicas),
        nodes,
        restart_order,
        missing_voters,
        commit,
        comparable: true,
    }
}

fn election(replicas: &[Replica<'_>], members: Option<&ConfState>) -> Vec<ElectionRow> {
    let Some(members) = members else { return Vec::new() };
    let needed = members.voters.len() / 2 + 1;
    let missing = members.voters.iter().filter(|id| !replicas.iter().any(|replica| replica.node_id() == **id)).count();
    let voters: Vec<_> = replicas.iter().filter(|replica| members.voters.contains(&replica.node_id())).collect();
    replicas
        .iter()
        .map(|candidate| {
            let is_voter = members.voters.contains(&candidate.node_id());
            // Ordered by term first, as a voter compares the ends of two logs.
            let grants: Vec<_> =
                voters.iter().filter(|voter| voter.last <= candidate.last).map(|voter| voter.name().to_owned()).collect();
            let count = if is_voter { grants.len() } else { 0 };
            let can_win = match () {
                () if !is_voter => "no",
                () if count >= needed => "yes",
                () if count + missing >= needed => "unknown",
                () => "no",
            };
            let depends_on = if can_win == "yes" && count == needed {
                grants.iter().filter(|name| *name != candidate.name()).cloned().collect()
            } else {
                Vec::new()
            };
            ElectionRow { candidate: candidate.name().to_owned(), is_voter, granted_by: grants, needed, can_win, depends_on }
        })
        .collect()
}

/// Memberships in the order of the indexes, each when it first appears.
fn steps(replicas: &[Replica<'_>]) -> Vec<MembershipStep> {
    let mut by_index = BTreeMap::new();
    for replica in replicas {
        for (index, members) in replica.recorded.iter().filter(|(index, _)| *index > LogIndex(0)) {
            by_index.entry(*index).or_insert_with(|| (members, replica));
        }
    }
    let mut steps: Vec<MembershipStep> = Vec::new();
    let mut before: Option<&ConfState> = None;
    for (index, (members, replica)) in by_index {
        if before.is_none_or(|before| !before.same_members(members)) {
            let mut text = describe_members(members, &replica.evidence);
            // A node that was removed since is in nobody's peers file, but its directory may have been given.
            for known in replicas {
                text = text.replace(&known.node_id().to_string(), known.name());
            }
            steps.push(MembershipStep { index, members: text });
        }
        before = Some(members);
    }
    steps
}

/// Is what is committed held by a majority?
pub(super) fn replication(replicas: &[Replica<'_>], comparison: &Comparison, findings: &mut Vec<Finding>) {
    let Some((members, _)) = latest(replicas) else { return };
    let index = comparison.commit;
    let term = replicas.iter().filter(|replica| replica.commit() == index).find_map(|replica| replica.entries.term_at(index));
    let voters: Vec<_> = replicas.iter().filter(|replica| members.voters.contains(&replica.node_id())).collect();
    let holders: Vec<_> = voters.iter().filter(|voter| voter.holds(index, term)).map(|voter| voter.name()).collect();
    let needed = members.voters.len() / 2 + 1;
    if holders.len() >= needed || members.voters.is_empty() {
        return;
    }
    let missing = comparison.missing_voters.len();
    let names = if holders.is_empty() { "none of the given voters".to_owned() } else { holders.join(", ") };
    let (severity, tail) = if missing == 0 {
        (Severity::Error, "the loss of a holder may lose acknowledged writes.".to_owned())
    } else if holders.len() + missing < needed {
        (Severity::Warning, "even the voters that were not given could not complete a majority.".to_owned())
    } else {
        (Severity::Info, format!("it depends on {}, whose directories were not given.", comparison.missing_voters.join(", ")))
    };
    let message = format!(
        "Entry {index} is committed, but {names} of {} voters hold it, and {needed} are needed: {tail}",
        members.voters.len()
    );
    findings.push(Finding::new(&codes::CROSS_UNDER_REPLICATED, message).severity(severity).found(holders.len()));
}

/// Is one node's term far ahead?
pub(super) fn terms(replicas: &[Replica<'_>], findings: &mut Vec<Finding>) {
    for replica in replicas {
        let others = replicas.iter().filter(|other| !std::ptr::eq(*other, replica));
        let Some(highest) = others.map(|other| other.hard_state.term.0).max() else { continue };
        let term = replica.hard_state.term.0;
        if term <= highest {
            continue;
        }
        let severity = if term - highest > TERMS_AHEAD { Severity::Warning } else { Severity::Info };
        let message = format!(
            "{} is in term {term}, the others in {highest} at most: when it starts it makes the leader step down, unless \
             pre-vote stops it.",
            replica.name()
        );
        findings.push(Finding::new(&codes::CROSS_TERM_AHEAD, message).severity(severity).at(replica.evidence.dir.clone()));
    }
}

/// Is a node no longer a member for the others?
pub(super) fn removed(replicas: &[Replica<'_>], findings: &mut Vec<Finding>) {
    let Some((members, teller)) = latest(replicas) else { return };
    for replica in replicas {
        let id = replica.node_id();
        if members.voters.contains(&id) || members.learners.contains(&id) || members.voters_outgoing.contains(&id) {
            continue;
        }
        let message = format!(
            "{} is not a member any more as far as {} knows, which has committed up to {}.",
            replica.name(),
            teller.name(),
            teller.commit()
        );
        let finding = Finding::new(&invariants::CONF_LOCAL_NOT_MEMBER, message).at(replica.evidence.dir.clone());
        findings.push(finding.found(describe_members(members, &teller.evidence)));
    }
}
