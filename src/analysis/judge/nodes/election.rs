//! Who would vote for whom, and who can be handed the leadership.

use std::collections::BTreeSet;

use serde::Serialize;

use super::holdings::{Holdings, IndexRange};
use super::{Group, Replica};
use crate::formats::raftpb::ConfState;
use crate::types::NodeId;

/// A candidate and who would vote for it.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct ElectionRow {
    /// Raft id of the candidate.
    pub candidate: String,
    /// Whether it votes in the latest membership.
    pub is_voter: bool,
    /// What each voter of the candidate's own membership answers.
    pub votes: Vec<VoteRow>,
    /// Voters that would grant it their vote, itself included.
    pub granted_by: Vec<String>,
    /// Votes that it needs.
    pub needed: usize,
    /// `yes`, `no`, or `unknown` when it depends on voters that were not given.
    pub can_win: &'static str,
    /// Committed entries that would be lost with it as leader, since it does not have them.
    pub would_lose: Option<IndexRange>,
    /// Why it cannot.
    pub why_not: Option<String>,
    /// Nodes without which it could not win.
    pub depends_on: Vec<String>,
    /// Whether leadership can be handed to it at once.
    pub transfer: bool,
    /// Why leadership cannot be handed to it at once.
    pub no_transfer: Option<String>,
}

/// A voter's answer to a candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct VoteRow {
    /// Raft id of the voter.
    pub voter: String,
    /// What it answers.
    pub vote: Vote,
}

/// A voter's answer to a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Vote {
    /// It votes for the candidate.
    Yes,
    /// Not in the candidate's next term, since it is in a later one or has voted in it; in the one after that.
    Later,
    /// Its own log is ahead of the candidate's.
    No,
    /// Its start is refused.
    Down,
    /// Its directory was not given, or its start cannot be foretold.
    Unknown,
}

impl Vote {
    const fn granted(self) -> bool {
        matches!(self, Self::Yes | Self::Later)
    }
}

/// The votes of one candidate.
struct Ballot {
    votes: Vec<(NodeId, Vote)>,
    needed: usize,
    wins: bool,
    open: bool,
}

fn majority(voters: &[NodeId]) -> usize {
    voters.len() / 2 + 1
}

/// Who votes for `candidate` when `without` is not there. `None`: it cannot be a candidate.
fn ballot(group: &Group<'_, '_>, candidate: usize, without: Option<usize>) -> Option<Ballot> {
    let this = group.replicas.get(candidate).filter(|_| without != Some(candidate))?;
    // A candidate goes by its own membership, whatever the others know.
    let members = this.facts.members.as_ref().filter(|members| members.voters.contains(&this.node_id()))?;
    if this.start.comes_up() == Some(false) {
        return None;
    }
    let vote = |id: &NodeId| {
        let Some(number) = group.number_of(*id) else { return Vote::Unknown };
        let (voter, away) = (&group.replicas[number], without == Some(number));
        match voter.start.comes_up() {
            _ if away => Vote::Down,
            Some(false) => Vote::Down,
            None if number != candidate => Vote::Unknown,
            // Ordered by term first, as a voter compares the ends of two logs.
            _ if voter.facts.last > this.facts.last => Vote::No,
            _ if is_taken(voter, this) => Vote::Later,
            _ => Vote::Yes,
        }
    };
    let votes: Vec<_> = members.voters.iter().chain(&members.voters_outgoing).map(|id| (*id, vote(id))).collect();
    let has = |voters: &[NodeId], also: bool| {
        let of_them: BTreeSet<_> = voters.iter().collect();
        let yes = votes.iter().filter(|(id, vote)| of_them.contains(id) && (vote.granted() || (also && *vote == Vote::Unknown)));
        voters.is_empty() || yes.count() >= majority(voters)
    };
    let all = |also| has(&members.voters, also) && has(&members.voters_outgoing, also);
    let (wins, open) = (all(false), all(true));
    Some(Ballot { needed: majority(&members.voters), votes, wins, open })
}

/// True when the voter cannot vote for the candidate in the candidate's next term.
fn is_taken(voter: &Replica<'_>, candidate: &Replica<'_>) -> bool {
    let next = candidate.facts.hard_state.term.0.saturating_add(1);
    let (term, vote) = (voter.facts.hard_state.term.0, voter.facts.hard_state.vote);
    term > next || (term == next && vote != NodeId(0) && vote != candidate.node_id())
}

/// Who could be elected when `without` is not there, and whether anybody could if voters that were not given help.
pub(super) fn leaders(group: &Group<'_, '_>, without: Option<usize>) -> (Vec<usize>, bool) {
    let ballots: Vec<_> = (0..group.replicas.len()).filter_map(|node| Some((node, ballot(group, node, without)?))).collect();
    let winners = ballots.iter().filter(|(_, ballot)| ballot.wins).map(|(node, _)| *node);
    (winners.collect(), ballots.iter().any(|(_, ballot)| ballot.open))
}

/// One row a node.
pub(super) fn rows(group: &Group<'_, '_>, holdings: &Holdings<'_, '_>) -> Vec<ElectionRow> {
    let Some(latest) = &group.members else { return Vec::new() };
    (0..group.replicas.len()).map(|node| row(group, holdings, node, latest)).collect()
}

fn row(group: &Group<'_, '_>, holdings: &Holdings<'_, '_>, node: usize, latest: &ConfState) -> ElectionRow {
    let this = &group.replicas[node];
    let ballot = ballot(group, node, None);
    let is_voter = latest.voters.contains(&this.node_id());
    let why_not = match &ballot {
        None if is_voter && this.start.comes_up() == Some(false) => Some("its start is refused".to_owned()),
        None => Some(group.standing(node)),
        Some(ballot) if !ballot.wins && !ballot.open => {
            let behind = ballot.votes.iter().any(|(_, vote)| *vote == Vote::No);
            Some(if behind { "its log is behind" } else { "too few voters come up" }.to_owned())
        }
        Some(_) => None,
    };
    let no_transfer = no_transfer(group, node);
    let can_win = match &ballot {
        Some(ballot) if ballot.wins => "yes",
        Some(ballot) if ballot.open => "unknown",
        _ => "no",
    };
    let mut votes: Vec<_> = ballot.iter().flat_map(|ballot| &ballot.votes).collect();
    votes.sort_by_key(|(id, _)| group.names.name(*id));
    let granted: Vec<_> = votes.iter().filter(|(_, vote)| vote.granted()).map(|(id, _)| group.names.name(*id)).collect();
    let depends_on = match &ballot {
        Some(ballot) if ballot.wins && granted.len() == ballot.needed => {
            granted.iter().filter(|name| *name != this.name()).cloned().collect()
        }
        _ => Vec::new(),
    };
    ElectionRow {
        candidate: this.name().to_owned(),
        is_voter,
        votes: votes.iter().map(|(id, vote)| VoteRow { voter: group.names.name(*id), vote: *vote }).collect(),
        granted_by: granted,
        needed: ballot.map_or_else(|| majority(&latest.voters), |ballot| ballot.needed),
        would_lose: holdings.lacks(node).filter(|_| can_win == "yes"),
        can_win,
        why_not,
        depends_on,
        transfer: no_transfer.is_none(),
        no_transfer,
    }
}

/// Why the leader cannot hand over to the node at once.
fn no_transfer(group: &Group<'_, '_>, node: usize) -> Option<String> {
    let this = &group.replicas[node];
    let latest = group.members.as_ref()?;
    if !latest.voters.contains(&this.node_id()) {
        return Some(group.standing(node));
    }
    if this.start.comes_up() == Some(false) {
        return Some("its start is refused".to_owned());
    }
    if let Some(index) = group.pending_loss_of_vote(this.node_id()) {
        return Some(format!("a change at {index} is pending"));
    }
    let best = group.replicas.iter().map(|replica| replica.facts.last).max()?;
    match best.index.0.saturating_sub(this.facts.last.index.0) {
        0 if this.facts.last.term < best.term => Some("its log ends in an older term".to_owned()),
        0 => None,
        behind => Some(format!("behind by {behind}")),
    }
}
