//! Each node beside the others: how far it is, what only it has, and whether it can be restarted.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;

use super::Group;
use super::election::leaders;
use super::facts::RecordedMembers;
use super::holdings::{Holdings, IndexRange};
use crate::analysis::judge::codes::{compare as codes, invariants};
use crate::analysis::{Finding, Severity};
use crate::formats::raftpb::ConfState;
use crate::types::LogIndex;

/// Terms ahead of all others that are worth a look.
const TERMS_AHEAD: u64 = 10;

/// One node.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
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
    /// Index of the last entry, or of the snapshot; `null` when the log cannot be decoded to its end.
    pub last_index: Option<u64>,
    /// Term of that.
    pub last_term: u64,
    /// Snapshot that a start takes.
    pub snapshot_index: u64,
    /// Applied index of the store.
    pub applied_index: Option<u64>,
    /// Entries up to the highest commit that the node does not have.
    pub behind: u64,
    /// Entries that no other node given has, as first and last index; lost if this directory is.
    pub only_here: Option<IndexRange>,
    /// What the next start does in a word; `refused` when it ends early.
    pub start: Option<String>,
    /// Why the start is refused or not known.
    pub start_reason: Option<String>,
    /// Codes of what a start that is not refused would lose or corrupt.
    pub start_harm: Vec<&'static str>,
}

/// One node of a rolling restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct RestartStep {
    /// Raft id.
    pub node: String,
    /// Who can lead while it is down, by raft id.
    pub leaders_meanwhile: Vec<String>,
    /// Whether anybody can: `yes`, `no`, or `unknown` when it depends on voters that were not given.
    pub group_lives: &'static str,
    /// Why it is better left as it is.
    pub objection: Option<String>,
    /// True when the objection is to its being down: others could lead that lack what it holds. Then it is the first to start.
    pub keep_up: bool,
}

pub(super) fn row(group: &Group<'_, '_>, node: usize, holdings: Option<&Holdings<'_, '_>>) -> NodeRow {
    let replica = &group.replicas[node];
    NodeRow {
        dir: replica.facts.dir.clone(),
        raft_id: replica.name().to_owned(),
        role: if holdings.is_some() { group.role(node) } else { "unknown" },
        term: replica.facts.hard_state.term.0,
        commit: replica.facts.hard_state.commit.0,
        last_index: replica.facts.end_of_log.map(|index| index.0),
        last_term: replica.facts.last.term.0,
        snapshot_index: replica.facts.snapshot.index.0,
        applied_index: replica.facts.applied.map(|index| index.0),
        behind: holdings.and_then(|holdings| holdings.lacks(node)).map_or(0, |(first, last)| last - first + 1),
        only_here: holdings.and_then(|holdings| holdings.only_here(node)),
        start: Some(replica.start.outcome.to_owned()).filter(|outcome| !outcome.is_empty()),
        start_reason: replica.start.reason.clone(),
        start_harm: replica.start.harm.clone(),
    }
}

/// Members in the order in which they are best restarted, as `before` has it ([`restart_before`]): who is least needed first. Those whose
/// start is objected to come last.
pub(super) fn restart(group: &Group<'_, '_>, holdings: &Holdings<'_, '_>, before: &[(usize, usize)]) -> Vec<RestartStep> {
    let mut waiting: Vec<_> = (0..group.replicas.len()).filter(|node| group.is_member(*node)).collect();
    waiting.sort_by_key(|node| {
        let replica = &group.replicas[*node];
        (replica.start.objection().is_some(), group.role(*node) == "voter", replica.facts.last)
    });
    let objected = |node: usize| group.replicas[node].start.objection().is_some();
    let mut waits_for = vec![0_usize; group.replicas.len()];
    let mut behind = vec![Vec::new(); group.replicas.len()];
    for (one, other) in before.iter().filter(|(one, other)| objected(*one) == objected(*other)) {
        waits_for[*other] += 1;
        behind[*one].push(*other);
    }
    // The pairs make no circle: of two logs the shorter one is before the longer one, or the leader is the second.
    let mut order = Vec::new();
    while !waiting.is_empty() {
        let next = waiting.iter().position(|node| waits_for[*node] == 0).unwrap_or(0);
        let node = waiting.remove(next);
        behind[node].iter().for_each(|other| waits_for[*other] = waits_for[*other].saturating_sub(1));
        order.push(node);
    }
    let step = |node: usize| {
        let replica = &group.replicas[node];
        let (winners, open) = leaders(group, Some(node));
        let group_lives = match (winners.is_empty(), open) {
            (false, _) => "yes",
            (true, true) => "unknown",
            (true, false) => "no",
        };
        let name = |node: usize| group.replicas[node].name().to_owned();
        let lossy = winners.iter().find_map(|winner| Some((*winner, holdings.lacks(*winner)?)));
        let harm = replica.start.objection();
        let keep_up = harm.is_none() && lossy.is_some();
        let objection = harm.or_else(|| {
            let (winner, (first, last)) = lossy?;
            let who = name(winner);
            Some(format!("while it is down {who} could be elected, which lacks the committed entries {first} to {last}"))
        });
        let leaders_meanwhile = winners.into_iter().map(name).collect();
        RestartStep { node: name(node), leaders_meanwhile, group_lives, objection, keep_up }
    };
    order.into_iter().map(step).collect()
}

/// Which member is better restarted before which other one: without a vote before those with one, then who is behind before who is ahead,
/// since the most complete log can lead while the others are down, and the leader after all others. What an overtaken node lacks it may
/// have got since, so that its log decides nothing; that of the leader is never behind.
pub(super) fn restart_before(group: &Group<'_, '_>, leader: Option<usize>) -> Vec<(usize, usize)> {
    let members: Vec<_> = (0..group.replicas.len()).filter(|node| group.is_member(*node)).collect();
    let before = |one: usize, other: usize| {
        let votes = |node: usize| group.role(node) == "voter";
        let (first, second) = (&group.replicas[one], &group.replicas[other]);
        match (votes(one), votes(other)) {
            (false, true) => true,
            (true, false) => false,
            _ if leader == Some(one) && first.overtaken => false,
            _ if first.facts.last < second.facts.last && !first.overtaken => true,
            _ => leader == Some(other) && (second.overtaken || second.facts.last >= first.facts.last),
        }
    };
    let pairs = members.iter().flat_map(|one| members.iter().map(move |other| (*one, *other)));
    pairs.filter(|(one, other)| one != other && before(*one, *other)).collect()
}

/// Is what is committed held by a majority?
pub(super) fn replication(group: &Group<'_, '_>, holdings: &Holdings<'_, '_>, findings: &mut Vec<Finding>) {
    let (Some(best), false) = (holdings.most_committed(|_| true), group.voters().is_empty()) else { return };
    let (index, needed, total) = (group.commit, group.needed(), group.voters().len());
    let voters = group.given_voters();
    let (holders, others): (Vec<_>, Vec<_>) = voters.iter().partition(|voter| holdings.covered(best, **voter) >= index);
    if holders.len() >= needed {
        return;
    }
    let missing = group.missing_voters();
    let name = |node: &usize| group.replicas[*node].name().to_owned();
    let mut others = others;
    others.sort_by_key(|node| name(node));
    let names = match holders.as_slice() {
        [] => "none of the given voters holds it".to_owned(),
        [one] => format!("only {} of {total} voters holds it", name(one)),
        several => format!("only {} of {total} voters hold it", several.iter().map(name).collect::<Vec<_>>().join(" and ")),
    };
    let (severity, tail) = if let Some(changed) = committed_before(group, holdings, index) {
        (
            Severity::Info,
            format!("the voters before the change at {changed} committed it, and the new ones are still catching up."),
        )
    } else if let Some(node) = others.iter().find(|node| group.replicas[**node].overtaken) {
        let who = name(node);
        (
            Severity::Info,
            format!(
                "{who} was looked at before another node was written to, and may have got it since. Take the facts closer together."
            ),
        )
    } else if missing.is_empty() {
        let lagging = others.iter().map(|node| match group.replicas[*node].facts.end_of_log {
            Some(last) => format!("{} ends at {last}", name(node)),
            None => format!("where {} ends cannot be told", name(node)),
        });
        let lagging = lagging.collect::<Vec<_>>().join(", ");
        let copies = "if the directories were copied at different times, copy them again closer together";
        (Severity::Error, format!("{lagging}. Losing a holder may lose acknowledged writes; {copies}."))
    } else if holders.len() + missing.len() < needed {
        (Severity::Warning, "even the voters that were not given could not complete a majority.".to_owned())
    } else {
        (Severity::Info, format!("it depends on {}, whose directories were not given.", missing.join(", ")))
    };
    let message = format!("Entry {index} is committed, but {names}, and {needed} are needed: {tail}");
    findings.push(Finding::new(&codes::CROSS_UNDER_REPLICATED, message).severity(severity).found(holders.len()));
}

/// The index of the latest change of voters, when the entry may have been committed by a majority of those before it. The
/// leader goes by the new voters once it has applied the change, and then it makes a snapshot: an entry that was appended
/// before that may have been committed together with the change.
fn committed_before(group: &Group<'_, '_>, holdings: &Holdings<'_, '_>, index: LogIndex) -> Option<LogIndex> {
    let now: BTreeSet<_> = group.voters().iter().collect();
    let voters = |members: &ConfState| members.voters.iter().copied().collect::<BTreeSet<_>>();
    let mut recorded: Vec<_> = group.replicas.iter().flat_map(|replica| replica.facts.recorded.iter()).collect();
    recorded.sort_by_key(|recorded| recorded.index);
    let other = |members: &ConfState| !members.voters.is_empty() && voters(members).iter().ne(now.iter().copied());
    let RecordedMembers { index: before_at, members: before } =
        recorded.iter().rev().find(|recorded| other(&recorded.members))?;
    // A change that was committed just now may not have got its snapshot yet.
    let by_entry = group.replicas.iter().flat_map(|replica| replica.facts.changes.iter().map(|entry| entry.index));
    let by_entry = || by_entry.filter(|at| at > before_at && *at <= index).min();
    let by_snapshot = recorded.iter().find(|recorded| recorded.index > *before_at && !other(&recorded.members));
    let by_snapshot = by_snapshot.map(|recorded| recorded.index);
    let changed = by_snapshot.or_else(by_entry)?;
    let best = holdings.most_committed(|_| true)?;
    let held: Vec<_> = (0..group.replicas.len()).filter(|node| holdings.covered(best, *node) >= index).collect();
    let applied_first = held.iter().all(|node| {
        let mut snapshots = group.replicas[*node].facts.snapshots_after.iter();
        snapshots.any(|snapshot| snapshot.index >= changed && snapshot.behind < index)
    });
    let old = held.iter().filter(|node| before.voters.contains(&group.replicas[**node].node_id())).count();
    (old > before.voters.len() / 2 && !applied_first).then_some(changed)
}

/// Is one node's term far ahead?
pub(super) fn terms(group: &Group<'_, '_>, findings: &mut Vec<Finding>) {
    for (number, replica) in group.replicas.iter().enumerate() {
        let others = group.replicas.iter().enumerate().filter(|(other, _)| *other != number);
        let Some(highest) = others.map(|(_, other)| other.facts.hard_state.term.0).max() else { continue };
        let term = replica.facts.hard_state.term.0;
        if term <= highest {
            continue;
        }
        // A node that does not know yet that it lost its vote campaigns legally. With a change in its log, it is not known
        // on which side of it the node campaigned.
        let believes = replica.facts.members.as_ref().is_some_and(|members| members.voters.contains(&replica.node_id()));
        let votes = group.role(number) == "voter" || believes || !replica.facts.changes.is_empty();
        let severity = if term - highest > TERMS_AHEAD || !votes { Severity::Warning } else { Severity::Info };
        let message = format!(
            "{} is in term {term}, the others in {highest} at most: when it starts it makes the leader step down, unless \
             pre-vote stops it.{}",
            replica.name(),
            if votes { "" } else { " It is no voter, so that it should not have campaigned." }
        );
        findings.push(Finding::new(&codes::CROSS_TERM_AHEAD, message).severity(severity).at(replica.facts.dir.clone()));
    }
}

/// Is a node no longer a member for the others, or never was?
pub(super) fn not_members(group: &Group<'_, '_>, findings: &mut Vec<Finding>) {
    let Some(members) = &group.members else { return };
    let best_informed = &group.replicas[group.best_informed];
    for (number, replica) in group.replicas.iter().enumerate().filter(|(number, _)| !group.is_member(*number)) {
        let who = replica.name();
        let removed = group.history.removed.get(&replica.node_id());
        let waits = replica.facts.is_empty() && removed.is_none();
        let mut message = match (group.role(number), removed) {
            _ if waits => format!("{who} was started and waits for the group to add it, or to send it something."),
            ("removed", Some(index)) => {
                let knows = if replica.facts.knows_up_to() >= *index {
                    "its own files say so too"
                } else {
                    "its own files end before that, so that it does not know"
                };
                format!("{who} was removed from the group at index {index}; {knows}.")
            }
            ("removed", None) => {
                format!("{who} was a member once, and is none any more as far as {} knows.", best_informed.name())
            }
            _ => format!(
                "{who} was never a member as far as the given directories tell. If the directory was renamed, give it the name of \
                 the node's raft id again: a server takes its identity from it."
            ),
        };
        if let (Some(false), Some(reason)) = (replica.start.comes_up(), &replica.start.reason) {
            let _ = write!(message, " A start is refused: \"{reason}\".");
        }
        let severity = if waits { Severity::Info } else { invariants::CONF_LOCAL_NOT_MEMBER.severity };
        let finding = Finding::new(&invariants::CONF_LOCAL_NOT_MEMBER, message).severity(severity);
        let finding = finding.at(replica.facts.dir.clone());
        findings.push(finding.expected(who).found(group.names.describe(members)));
    }
}
