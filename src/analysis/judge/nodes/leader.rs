//! Who leads, as far as the votes of the nodes tell.

use std::collections::BTreeMap;

use super::Group;
use crate::types::NodeId;

/// The node for which a majority of the voters has voted in the highest term that any of them is in. A vote is on the disk before it is
/// given, so that this node had the votes to lead in that term, and nobody else can have led in it.
///
/// Source: the raft paper, section 5.2, "at most one candidate can win the election for a particular term".
pub(super) fn elected(group: &Group<'_, '_>) -> Option<usize> {
    let members = group.members.as_ref()?;
    let term = group.replicas.iter().map(|replica| replica.facts.hard_state.term).max()?;
    let vote = |voter: &NodeId| {
        let state = group.replicas[group.number_of(*voter)?].facts.hard_state;
        (state.term == term && state.vote != NodeId(0)).then_some(state.vote)
    };
    let elected_by = |voters: &[NodeId]| {
        let mut votes: BTreeMap<NodeId, usize> = BTreeMap::new();
        for vote in voters.iter().filter_map(vote) {
            *votes.entry(vote).or_default() += 1;
        }
        votes.into_iter().find(|(_, count)| *count > voters.len() / 2).map(|(id, _)| id)
    };
    let leader = elected_by(&members.voters)?;
    let also = members.voters_outgoing.is_empty() || elected_by(&members.voters_outgoing) == Some(leader);
    group.number_of(leader).filter(|_| also)
}
