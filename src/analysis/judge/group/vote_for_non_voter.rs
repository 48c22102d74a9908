//! Votes for members without a vote.

use std::collections::BTreeSet;

use super::members::{conf_entries, name_of};
use super::{Check, Event, Evidence, Found, History, RecordPlace, codes};
use crate::analysis::{Finding, Severity};
use crate::formats::raftpb::ConfChangeType;
use crate::types::{NodeId, SnapshotId, Term};

/// Looks up the candidate of each vote in the members of the time.
#[derive(Debug, Default)]
pub struct VoteForNonVoter {
    votes: Vec<Vote>,
    /// The voters of the snapshot whose index and term come first, which many votes may ask for.
    voters: Option<(SnapshotId, BTreeSet<NodeId>)>,
}

/// Votes that are kept.
const MAX_VOTES: usize = 1000;

#[derive(Debug, Clone)]
struct Vote {
    candidate: NodeId,
    term: Term,
    /// Of the snapshot then, where it told the members.
    members: Option<SnapshotId>,
    place: RecordPlace,
}

impl Check for VoteForNonVoter {
    fn observe(&mut self, event: &Event<'_>, history: &History, _evidence: &Evidence<'_>, _found: &mut Found) {
        let Event::States { span, place } = event else { return };
        let before = history.state.unwrap_or_default();
        let now = span.last;
        if now.vote == NodeId(0) || (now.term, now.vote) == (before.term, before.vote) {
            return;
        }
        if self.votes.len() == MAX_VOTES {
            return;
        }
        let members = history.effective_snapshot().and_then(|seen| Some((seen.id, seen.conf_state.as_ref()?)));
        if let Some((id, members)) = members {
            if self.voters.as_ref().is_none_or(|(known, _)| *known != id) {
                self.voters = Some((id, members.voters.iter().copied().collect()));
            }
            if self.voters.as_ref().is_some_and(|(_, voters)| voters.contains(&now.vote)) {
                return;
            }
        }
        self.votes.push(Vote { candidate: now.vote, term: now.term, members: members.map(|(id, _)| id), place: *place });
    }

    fn finish(&mut self, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        if self.votes.is_empty() {
            return;
        }
        let asked = self.votes.iter().map(|vote| vote.candidate).chain([evidence.node_id()]).collect();
        let (voters, seen) = ever_voters(&asked, history, evidence);
        let mut learners: Option<(SnapshotId, BTreeSet<NodeId>)> = None;
        for vote in std::mem::take(&mut self.votes) {
            let Vote { candidate, term, members, place } = vote;
            // Its promotion may not have reached this node when it voted.
            if voters.contains(&candidate) {
                continue;
            }
            // Without a membership of the time nothing is known about who had a vote then.
            let itself = candidate == evidence.node_id() && members.is_some();
            // Until something of that term, or a later one, is committed here, the promotion may still be on its way.
            let settled = history.term_at(history.commit).is_some_and(|(committed, _)| committed >= term);
            if let Some(id) = members.filter(|id| learners.as_ref().is_none_or(|(known, _)| known != id)) {
                let of_snapshot = history.snapshot(id).and_then(|seen| seen.conf_state.as_ref());
                learners = Some((id, of_snapshot.into_iter().flat_map(|members| members.learners.iter().copied()).collect()));
            }
            let is_learner = || learners.as_ref().is_some_and(|(_, learners)| learners.contains(&candidate));
            let learner = settled && members.is_some() && is_learner();
            // Without any list that names this node the directory's name says nothing about who it is.
            let known_by_name = seen.contains(&evidence.node_id());
            let name = name_of(candidate, evidence);
            let (severity, message) = if itself && known_by_name {
                (Severity::Warning, format!("In term {term} this node, {name}, voted for itself without having a vote."))
            } else if learner {
                (Severity::Warning, format!("In term {term} this node voted for {name}, which has no vote."))
            } else {
                (
                    Severity::Info,
                    format!("In term {term} this node voted for {name}, which none of its own files lists as a voter."),
                )
            };
            let finding = Finding::new(&codes::VOTE_FOR_NON_VOTER, message).severity(severity).offset(place.offset);
            found.push(super::at_segment(finding.found(candidate), place, evidence));
        }
    }
}

/// Those of `asked` that any file here shows as a voter or as about to become one, and those that are named at all.
fn ever_voters(asked: &BTreeSet<NodeId>, history: &History, evidence: &Evidence<'_>) -> (BTreeSet<NodeId>, BTreeSet<NodeId>) {
    let mut voters = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let is_asked = |id: &&NodeId| asked.contains(*id);
    let recorded = history.snapshots.iter().filter_map(|seen| seen.conf_state.as_ref());
    let filed = evidence.conf_states();
    for state in recorded.chain(filed.iter().map(|(_, state)| *state)) {
        voters.extend(state.voters.iter().chain(&state.voters_outgoing).filter(is_asked));
        seen.extend(super::members::every(state).filter(is_asked));
    }
    if let Some(Ok(peers)) = evidence.peers.read().map(|peers| peers.content.as_ref()) {
        let members = peers.members.iter().filter(|member| asked.contains(&member.node_id));
        for member in members {
            seen.insert(member.node_id);
            if member.voter {
                voters.insert(member.node_id);
            }
        }
    }
    let ranges = history.log.iter().map(|held| held.range).chain(history.replaced.iter().copied());
    for entry in conf_entries(evidence, ranges) {
        let Ok(change) = entry.change(evidence.engine) else { continue };
        for single in change.singles().iter().filter(|single| asked.contains(&single.node_id)) {
            seen.insert(single.node_id);
            if single.kind == ConfChangeType::AddNode {
                voters.insert(single.node_id);
            }
        }
    }
    (voters, seen)
}
