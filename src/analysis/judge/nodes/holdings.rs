//! Who holds which part of whose history.

use super::log::Agreement;
use super::{Group, Replica};
use crate::types::LogIndex;

/// First and last index, both included.
pub type IndexRange = (u64, u64);

/// Pairwise agreement of all replicas.
pub(super) struct Holdings<'g, 'a> {
    replicas: &'g [Replica<'a>],
    voters: Vec<usize>,
    pairs: Vec<Vec<Agreement>>,
}

impl<'g, 'a> Holdings<'g, 'a> {
    pub(super) fn new(group: &Group<'g, 'a>, pairs: Vec<Vec<Agreement>>) -> Self {
        Self { replicas: group.replicas, voters: group.given_voters(), pairs }
    }

    /// The given node that has committed most, among those that `allowed` lets pass; of several the one that most voters follow.
    pub(super) fn most_committed(&self, allowed: impl Fn(usize) -> bool) -> Option<usize> {
        let key = |node: &usize| {
            let replica = &self.replicas[*node];
            let followers = self.voters.iter().filter(|voter| self.covered(*node, **voter) >= replica.commit()).count();
            (replica.commit(), followers, replica.facts.last, std::cmp::Reverse(*node))
        };
        (0..self.replicas.len()).filter(|node| allowed(*node)).max_by_key(key)
    }

    /// Committed entries of the group that `node` does not have, when it is behind.
    pub(super) fn lacks(&self, node: usize) -> Option<IndexRange> {
        let best = self.most_committed(|_| true)?;
        let (has, all) = (self.covered(best, node), self.replicas[best].commit().min(self.replicas[best].facts.last.index));
        (has < all).then(|| (has.0 + 1, all.0))
    }

    /// The highest index up to which `other` holds everything that `one` holds; at most `one`'s last.
    pub(super) fn covered(&self, one: usize, other: usize) -> LogIndex {
        let (Some(a), Some(b)) = (self.replicas.get(one), self.replicas.get(other)) else { return LogIndex(0) };
        if one == other {
            return a.facts.last.index;
        }
        let Some(pair) = self.pairs.get(one).and_then(|row| row.get(other)) else { return LogIndex(0) };
        // What is committed on both is the same on both, unless they are found to differ; a snapshot holds all before it.
        let committed = a.commit().min(b.commit()).min(b.facts.last.index.max(b.facts.snapshot.index));
        let fits = a.facts.entries.term_at(b.facts.snapshot.index).is_none_or(|term| term == b.facts.snapshot.term);
        let snapshot = if fits { b.facts.snapshot.index } else { LogIndex(0) };
        let upto = pair.agreed.max(committed).max(snapshot).min(a.facts.last.index);
        pair.differs_at.map_or(upto, |at| upto.min(LogIndex(at.0.saturating_sub(1))))
    }

    /// Entries of a node that no other node given holds.
    pub(super) fn only_here(&self, node: usize) -> Option<IndexRange> {
        let last = self.replicas.get(node)?.facts.last.index;
        let elsewhere = self.others(node).map(|other| self.covered(node, other)).max().unwrap_or_default();
        (last > elsewhere).then_some((elsewhere.0 + 1, last.0))
    }

    pub(super) fn others(&self, node: usize) -> impl Iterator<Item = usize> + use<> {
        (0..self.replicas.len()).filter(move |other| *other != node)
    }

    /// The highest index of `one`'s history that `needed` voters hold: those in `among`, and `missing` more that are taken to hold it all.
    pub(super) fn held_by_majority(&self, one: usize, among: &[usize], needed: usize, missing: usize) -> LogIndex {
        let mut held: Vec<_> = among.iter().map(|voter| self.covered(one, *voter)).collect();
        held.sort_unstable_by(|a, b| b.cmp(a));
        match needed.saturating_sub(missing).checked_sub(1) {
            Some(position) => held.get(position).copied().unwrap_or_default(),
            // Those that were not given could make up the majority by themselves.
            None => LogIndex(u64::MAX),
        }
    }
}
