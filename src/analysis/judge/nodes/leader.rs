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

#[cfg(test)]
mod tests {
    use super::super::{NodeFacts, NodeStart, Replica, compare};
    use super::*;
    use crate::formats::raftpb::{ConfState, HardState};
    use crate::types::{LogIndex, SnapshotId, Term};

    /// A node of a group of `n1`, `n2` and `n3`, in a term in which it has voted, whose log ends at `last`.
    fn node(name: &str, term: u64, vote: &str, last: u64) -> Replica<'static> {
        let voters = ["n1", "n2", "n3"].map(NodeId::of_raft_id).to_vec();
        let facts = NodeFacts {
            dir: name.to_owned(),
            raft_id: name.to_owned(),
            hard_state: HardState { term: Term(term), vote: NodeId::of_raft_id(vote), commit: LogIndex(5) },
            last: SnapshotId { index: LogIndex(last), term: Term(2) },
            snapshot: SnapshotId { index: LogIndex(5), term: Term(2) },
            members: Some(ConfState { voters, ..ConfState::default() }),
            ..NodeFacts::default()
        };
        Replica::of_facts(facts, NodeStart { outcome: "skip", ..NodeStart::default() }, None)
    }

    fn leader(replicas: &[Replica<'_>]) -> Option<usize> {
        compare(replicas).0.leader
    }

    #[test]
    fn a_majority_of_votes_in_the_highest_term_tells_the_leader() {
        assert_eq!(leader(&[node("n1", 3, "n2", 9), node("n2", 3, "n2", 9), node("n3", 2, "n3", 9)]), Some(1));
        // In a later term, or without a majority, nobody is known to lead.
        assert_eq!(leader(&[node("n1", 3, "n2", 9), node("n2", 3, "n2", 9), node("n3", 4, "n3", 9)]), None);
        assert_eq!(leader(&[node("n1", 3, "n2", 9), node("n2", 3, "", 9), node("n3", 3, "n3", 9)]), None);
        // A voter that is not here may be the leader all the same.
        assert_eq!(leader(&[node("n1", 3, "n3", 9), node("n2", 3, "n3", 9)]), None);
        assert_eq!(leader(&[node("n1", 3, "n1", 9), node("n2", 3, "n1", 9)]), Some(0));
    }

    #[test]
    fn who_is_behind_comes_first_and_the_leader_last() {
        let before = |replicas: &[Replica<'_>]| compare(replicas).0.restart_before;
        let nodes = || [node("n1", 3, "n1", 9), node("n2", 3, "n1", 9), node("n3", 3, "n1", 8)];
        assert_eq!(before(&nodes()), [(1, 0), (2, 0), (2, 1)]);
        // It may have caught up since.
        let mut late = nodes();
        late[2].overtaken = true;
        assert_eq!(before(&late), [(1, 0), (2, 0)]);
        // A leader that was looked at first seems to be behind and is not.
        let mut early = nodes();
        (early[0].facts.last.index, early[0].overtaken) = (LogIndex(6), true);
        assert_eq!(before(&early), [(1, 0), (2, 0), (2, 1)]);
        early[0].overtaken = false;
        assert_eq!(before(&early), [(0, 1), (0, 2), (2, 1)]);
    }

    #[test]
    fn the_order_of_one_group_keeps_every_pair() {
        let order = |replicas: &[Replica<'_>]| compare(replicas).0.restart_order;
        // Two logs end alike: the leader comes last whatever its place is.
        assert_eq!(order(&[node("n1", 3, "n1", 9), node("n2", 3, "n1", 9), node("n3", 3, "n1", 8)]), ["n3", "n2", "n1"]);
        assert_eq!(order(&[node("n1", 3, "n3", 9), node("n2", 3, "n3", 9), node("n3", 3, "n3", 9)]), ["n1", "n2", "n3"]);
        // A leader that was looked at first seems to be behind and is not.
        let mut early = [node("n1", 3, "n1", 6), node("n2", 3, "n1", 9), node("n3", 3, "n1", 8)];
        early[0].overtaken = true;
        assert_eq!(order(&early), ["n3", "n2", "n1"]);
        // What an overtaken node lacks does not count.
        let mut late = [node("n1", 3, "n1", 9), node("n2", 3, "n1", 9), node("n3", 3, "n1", 8)];
        late[2].overtaken = true;
        for replicas in [early, late] {
            let (comparison, order) = (compare(&replicas).0, order(&replicas));
            let at = |node: usize| order.iter().position(|name| *name == comparison.nodes[node].raft_id).unwrap();
            assert!(comparison.restart_before.iter().all(|(one, other)| at(*one) < at(*other)), "{order:?}");
        }
    }
}
