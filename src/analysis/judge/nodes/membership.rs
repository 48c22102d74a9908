//! How the members changed, told by all nodes together: snapshots, the changes in the logs, and the peers files.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::Replica;
use super::names::Names;
use crate::analysis::server::membership::Membership;
use crate::formats::raftpb::ConfState;
use crate::types::{LogIndex, NodeId, count_work};

/// A membership and the index from which on it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct MembershipStep {
    /// Index of the change; of the first file with this membership where the change itself is not in any log.
    pub index: LogIndex,
    /// The members, by raft id where it is known.
    pub members: String,
    /// What changed; empty for the oldest membership that is known.
    pub changes: Vec<MemberChange>,
    /// False when no log has the change, so that it may have happened before `index`.
    pub exact: bool,
    /// False for a change that no node knows to be committed.
    pub committed: bool,
    /// Given nodes whose files do not go that far, by raft id.
    pub unknown_to: Vec<String>,
}

/// What happened to one member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct MemberChange {
    /// Its raft id where it is known.
    pub member: String,
    /// What it became.
    pub change: ChangeKind,
}

/// What a member became.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It joined without a vote.
    JoinedAsLearner,
    /// It joined with a vote.
    JoinedAsVoter,
    /// A learner got a vote.
    Promoted,
    /// A voter lost its vote.
    Demoted,
    /// It is not a member any more.
    Removed,
}

impl ChangeKind {
    /// As it stands behind the member's name.
    pub const fn words(self) -> &'static str {
        match self {
            Self::JoinedAsLearner => "joined as a learner",
            Self::JoinedAsVoter => "joined as a voter",
            Self::Promoted => "became a voter",
            Self::Demoted => "became a learner",
            Self::Removed => "was removed",
        }
    }
}

/// The history, with the node ids that changed.
#[derive(Debug, Default)]
pub(super) struct MembershipHistory {
    pub steps: Vec<MembershipStep>,
    /// Index at which a node was removed, unless it joined again.
    pub removed: BTreeMap<NodeId, LogIndex>,
    /// The memberships after changes that no node knows to be committed.
    pub pending: Vec<ConfState>,
    /// Changes that were not followed.
    pub left_out: u64,
}

/// Members that are looked at in all steps together. A group has a handful of them, and changes them now and then.
const LOOKED_AT: usize = 16 << 20;

/// One source of knowledge about the members at an index.
enum Known<'r> {
    /// A change in a log, with the node whose log it is.
    Change(usize, usize),
    /// A membership on record.
    State(&'r ConfState),
}

pub(super) fn history(replicas: &[Replica<'_>], names: &Names, commit: LogIndex) -> MembershipHistory {
    let from_peers: Vec<_> = replicas.iter().filter_map(peers_state).collect();
    let mut known: BTreeMap<(LogIndex, u8), Known<'_>> = BTreeMap::new();
    for (number, replica) in replicas.iter().enumerate() {
        for (position, entry) in replica.facts.changes.iter().enumerate() {
            // What one node alone holds above every commit may still be replaced; it is told last, as pending.
            if entry.index <= replica.commit() || entry.index > commit {
                known.entry((entry.index, 0)).or_insert(Known::Change(number, position));
            }
        }
        for recorded in &replica.facts.recorded {
            known.entry((recorded.index, 1)).or_insert(Known::State(&recorded.members));
        }
    }
    for (index, members) in &from_peers {
        // The list of addresses is the weakest word on who votes.
        if known.contains_key(&(*index, 0)) || known.contains_key(&(*index, 1)) {
            continue;
        }
        known.entry((*index, 2)).or_insert(Known::State(members));
    }
    let mut history = MembershipHistory::default();
    let mut now: Option<ConfState> = None;
    let mut left = LOOKED_AT;
    for ((index, _), source) in known.into_iter().filter(|((index, _), _)| *index > LogIndex(0)) {
        let members = now.as_ref().map_or(0, count);
        count_work(1 + members as u64);
        match left.checked_sub(1 + members) {
            Some(rest) => left = rest,
            None => {
                history.left_out += 1;
                continue;
            }
        }
        let (next, exact) = match (&source, &now) {
            (Known::State(members), None) => {
                history.push(index, None, members, replicas, names, (true, commit));
                now = Some((*members).clone());
                continue;
            }
            // A change without a beginning: what it led to is in a later file.
            (Known::Change(..), None) => continue,
            (Known::State(members), Some(_)) => ((*members).clone(), false),
            (Known::Change(number, position), Some(before)) => match applied(&replicas[*number], *position, before) {
                Some(members) => (members, true),
                None => continue,
            },
        };
        let Some(before) = now.as_ref().filter(|before| !before.same_members(&next)) else { continue };
        history.push(index, Some(before), &next, replicas, names, (exact, commit));
        now = Some(next);
    }
    history
}

/// How many members a membership names, some of them twice.
const fn count(members: &ConfState) -> usize {
    members.voters.len() + members.learners.len() + members.voters_outgoing.len() + members.learners_next.len()
}

fn applied(replica: &Replica<'_>, position: usize, before: &ConfState) -> Option<ConfState> {
    let change = replica.facts.changes.get(position)?.change()?;
    let mut membership = Membership::restore(NodeId(0), before, &[]).ok()?;
    // A configuration has no addresses.
    membership.follow(&change).ok()?;
    Some(membership.conf_state())
}

/// The members of the peers file, which is written before the snapshot of the same change.
fn peers_state(replica: &Replica<'_>) -> Option<(LogIndex, ConfState)> {
    let peers = replica.facts.peers.as_ref()?;
    let of = |voter| peers.members.iter().filter(move |member| member.voter == voter).map(|member| member.node_id).collect();
    let members = ConfState { voters: of(true), learners: of(false), ..ConfState::default() };
    (!members.voters.is_empty()).then_some((peers.index, members))
}

impl MembershipHistory {
    fn push(
        &mut self,
        index: LogIndex,
        before: Option<&ConfState>,
        after: &ConfState,
        replicas: &[Replica<'_>],
        names: &Names,
        (exact, commit): (bool, LogIndex),
    ) {
        let committed = index <= commit;
        if !committed {
            self.pending.push(after.clone());
        }
        let differences = before.map_or_else(Vec::new, |before| differences(before, after));
        for (id, change) in &differences {
            match change {
                ChangeKind::Removed if committed => drop(self.removed.insert(*id, index)),
                ChangeKind::Removed => {}
                _ => drop(self.removed.remove(id)),
            }
        }
        let changes = differences.iter().map(|(id, change)| MemberChange { member: names.name(*id), change: *change }).collect();
        let behind = replicas.iter().filter(|replica| replica.facts.knows_up_to() < index);
        let unknown_to = behind.map(|replica| replica.name().to_owned()).collect();
        self.steps.push(MembershipStep { index, members: names.describe(after), changes, exact, committed, unknown_to });
    }
}

/// Who changed, in the order of node ids.
fn differences(before: &ConfState, after: &ConfState) -> Vec<(NodeId, ChangeKind)> {
    let everyone: BTreeSet<_> = [before, after]
        .iter()
        .flat_map(|members| members.voters.iter().chain(&members.learners).chain(&members.voters_outgoing))
        .copied()
        .collect();
    let sets = |members: &ConfState| -> [BTreeSet<NodeId>; 2] {
        [&members.voters, &members.learners].map(|ids| ids.iter().copied().collect())
    };
    let (before, after) = (sets(before), sets(after));
    let role = |[voters, learners]: &[BTreeSet<NodeId>; 2], id: &NodeId| (voters.contains(id), learners.contains(id));
    let change = |id: NodeId| {
        let change = match (role(&before, &id), role(&after, &id)) {
            ((false, false), (true, _)) => ChangeKind::JoinedAsVoter,
            ((false, false), (_, true)) => ChangeKind::JoinedAsLearner,
            ((false, true), (true, _)) => ChangeKind::Promoted,
            ((true, _), (false, true)) => ChangeKind::Demoted,
            ((true, _) | (_, true), (false, false)) => ChangeKind::Removed,
            _ => return None,
        };
        Some((id, change))
    };
    everyone.into_iter().filter_map(change).collect()
}
