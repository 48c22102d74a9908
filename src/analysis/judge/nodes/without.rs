//! What would be left without one node.

use serde::Serialize;

use super::Group;
use super::election::leaders;
use super::holdings::{Holdings, IndexRange};
use crate::types::LogIndex;

/// What is left when one node's directory is discarded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct WithoutRow {
    /// Raft id of the node that is taken away.
    pub node: String,
    /// Who could be elected then, by raft id.
    pub leaders: Vec<String>,
    /// `yes`, `no`, or `unknown` when it depends on voters that were not given.
    pub can_lead: &'static str,
    /// Committed entries that no other node given holds.
    pub lost: Option<IndexRange>,
    /// Entries that may have been acknowledged and that fewer voters than a majority hold then.
    pub below_majority: Option<IndexRange>,
    /// Entries that a majority holds then only if voters do that were not given.
    pub depends_on_missing: Option<IndexRange>,
}

/// One row a member.
pub(super) fn rows(group: &Group<'_, '_>, holdings: &Holdings<'_, '_>) -> Vec<WithoutRow> {
    let Some(best) = holdings.most_committed(|_| true) else { return Vec::new() };
    let voters = group.given_voters();
    let needed = group.needed();
    let missing = group.missing_voters().len();
    // Entries that a majority holds may have been acknowledged although nobody has recorded the commit yet.
    let promised = group.commit.max(holdings.held_by_majority(best, &voters, needed, 0));
    let range = |from: LogIndex, to: LogIndex| (from < to).then(|| (from.0 + 1, to.0));
    let members = (0..group.replicas.len()).filter(|node| group.is_member(*node));
    members
        .map(|node| {
            let replica = &group.replicas[node];
            let elsewhere = holdings.others(node).map(|other| holdings.covered(node, other)).max().unwrap_or_default();
            let lost = range(elsewhere, replica.commit().min(replica.facts.last.index));
            let rest: Vec<_> = voters.iter().copied().filter(|voter| *voter != node).collect();
            // The history of the most advanced of those that are left.
            let best = holdings.most_committed(|other| other != node).unwrap_or(best);
            let at_most = holdings.held_by_majority(best, &rest, needed, missing);
            let at_least = holdings.held_by_majority(best, &rest, needed, 0);
            let (winners, open) = leaders(group, Some(node));
            let names: Vec<_> = winners.iter().map(|winner| group.replicas[*winner].name().to_owned()).collect();
            let can_lead = match (names.is_empty(), open) {
                (false, _) => "yes",
                (true, true) => "unknown",
                (true, false) => "no",
            };
            WithoutRow {
                node: replica.name().to_owned(),
                leaders: names,
                can_lead,
                lost,
                below_majority: range(at_most, promised),
                depends_on_missing: range(at_least, at_most.min(promised)),
            }
        })
        .collect()
}
