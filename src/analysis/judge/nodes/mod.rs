//! The same group on several nodes: do their copies agree, who could lead, and what would be lost with which node.

mod change;
mod copy;
mod election;
mod facts;
mod held;
mod holdings;
mod identity;
mod leader;
mod log;
mod lost_end;
mod membership;
mod names;
mod replicas;
mod snapshots;
mod start;
mod without;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::analysis::judge::group::Evidence;
use crate::analysis::{Finding, Severity};
use crate::formats::facts::Salt;
use crate::formats::raftpb::ConfState;
use crate::types::{LogIndex, NodeId};

pub use change::{ChangeFacts, PeerName, SingleChange};
pub use copy::Identity;
pub use election::{ElectionRow, Vote, VoteRow};
pub use facts::{CommitFacts, NodeFacts, PeerInList, PeersList, RecordedMembers, SnapshotFacts, SnapshotRecord};
pub use held::{HeldLog, LogFacts};
pub use holdings::IndexRange;
pub use identity::{duplicates, numbers_differ, strangers};
pub use log::Apart;
pub use membership::{ChangeKind, MemberChange, MembershipStep};
pub use replicas::{NodeRow, RestartStep};
pub use start::NodeStart;
pub use without::WithoutRow;

use holdings::Holdings;
use membership::MembershipHistory;
use names::Names;

/// One node's copy of the group.
#[derive(Debug)]
pub struct Replica<'a> {
    /// What its files say.
    pub facts: NodeFacts,
    /// What its next start does.
    pub start: NodeStart,
    /// True when another node was written to after this one was looked at: what it lacks it may have got since.
    pub overtaken: bool,
    log: Option<HeldLog<'a>>,
}

/// Everything about one group.
#[derive(Debug, Clone, Default, Serialize, schemars::JsonSchema)]
pub struct Comparison {
    /// One row a node.
    pub nodes: Vec<NodeRow>,
    /// Who could be elected now.
    pub election: Vec<ElectionRow>,
    /// What is left when one node's directory is discarded.
    pub without: Vec<WithoutRow>,
    /// How the members changed, as far as snapshots, logs and peers files tell.
    pub membership: Vec<MembershipStep>,
    /// Changes of it that were not followed, because there are very many among very many members.
    #[serde(skip)]
    pub membership_left_out: u64,
    /// Nodes in the order in which they are best restarted, least needed first and the leader, where the votes tell it, last.
    pub restart_order: Vec<String>,
    /// The same order with what holds meanwhile, and the nodes that are better left as they are.
    pub restart: Vec<RestartStep>,
    /// Code of a contradiction that has to be explained before any node is restarted; there is then no order.
    pub hold: Option<&'static str>,
    /// Voters of the latest membership whose directories were not given, by raft id where it is known.
    pub missing_voters: Vec<String>,
    /// Highest commit that any node records.
    pub commit: LogIndex,
    /// False when the directories are not of one group, so that nothing was compared.
    pub comparable: bool,
    /// The membership that counts, and those that changes above the commit would make of it. Empty when none is known.
    #[serde(skip)]
    pub memberships: Vec<ConfState>,
    /// What the members are called, where that is known.
    #[serde(skip)]
    pub names: BTreeMap<NodeId, String>,
    /// Position in `nodes` of the one that leads, as far as the votes tell.
    #[serde(skip)]
    pub leader: Option<usize>,
    /// Positions in `nodes`, in pairs: the first is better restarted before the second.
    #[serde(skip)]
    pub restart_before: Vec<(usize, usize)>,
    /// Entries of two logs that could not be held against each other, because no sum of them is on both sides.
    #[serde(skip)]
    pub apart: Vec<Apart>,
}

impl Comparison {
    /// Takes the order of restarts back for a contradiction that was found later; the first one stays.
    pub fn hold_for(&mut self, code: &'static str) {
        self.hold.get_or_insert(code);
        self.restart.clear();
        self.restart_order.clear();
        self.restart_before.clear();
    }
}

impl<'a> Replica<'a> {
    /// Replays one node.
    pub fn new(evidence: &Evidence<'a>, start: NodeStart) -> Self {
        let (facts, entries) = facts::gather(evidence);
        let log = evidence.scan().map(|scan| HeldLog::of(scan, entries, evidence.engine));
        Self { facts, start, overtaken: false, log }
    }

    /// A node that was looked at elsewhere, with the sums of its log if it has one.
    pub fn of_facts(facts: NodeFacts, start: NodeStart, log: Option<&LogFacts>) -> Self {
        let log = Some(HeldLog::of_sums(&facts.entries, log));
        Self { facts, start, overtaken: false, log }
    }

    /// The sums of its log, when that is at hand.
    pub fn sums(&self, salt: &Salt) -> Option<LogFacts> {
        self.log.as_ref()?.sums(salt)
    }

    /// The same with sums, so that it can be held against a node that was looked at elsewhere.
    #[must_use]
    pub fn with_sums(mut self, sums: Option<&LogFacts>) -> Self {
        self.log = self.log.map(|log| log.with(sums));
        self
    }

    fn name(&self) -> &str {
        &self.facts.raft_id
    }

    fn node_id(&self) -> NodeId {
        self.facts.node_id()
    }

    fn commit(&self) -> LogIndex {
        self.facts.commit()
    }

    /// What tells it from other copies.
    pub fn identity(&self) -> Identity<'_> {
        Identity {
            dir: self.facts.dir.clone(),
            name: self.name(),
            node_id: self.node_id(),
            everyone: self.facts.everyone(),
            log: self.log.as_ref(),
        }
    }
}

/// What the nodes know together.
struct Group<'r, 'a> {
    replicas: &'r [Replica<'a>],
    names: Names,
    /// The membership of the node that has committed most, and its position.
    members: Option<ConfState>,
    best_informed: usize,
    commit: LogIndex,
    history: MembershipHistory,
}

impl<'r, 'a> Group<'r, 'a> {
    fn new(replicas: &'r [Replica<'a>]) -> Self {
        let commit = replicas.iter().map(Replica::commit).max().unwrap_or_default();
        let names = Names::of(replicas);
        let history = membership::history(replicas, &names, commit);
        let known = replicas.iter().enumerate().filter(|(_, replica)| replica.facts.members.is_some());
        let best = known.max_by_key(|(number, replica)| (replica.commit(), std::cmp::Reverse(*number)));
        let best_informed = best.map_or(0, |(number, _)| number);
        Self {
            replicas,
            names,
            members: best.and_then(|(_, replica)| replica.facts.members.clone()),
            best_informed,
            commit,
            history,
        }
    }

    fn number_of(&self, id: NodeId) -> Option<usize> {
        self.replicas.iter().position(|replica| replica.node_id() == id)
    }

    fn voters(&self) -> &[NodeId] {
        self.members.as_ref().map_or(&[], |members| &members.voters)
    }

    fn given_voters(&self) -> Vec<usize> {
        self.voters().iter().filter_map(|id| self.number_of(*id)).collect()
    }

    fn missing_voters(&self) -> Vec<String> {
        self.voters().iter().filter(|id| self.number_of(**id).is_none()).map(|id| self.names.name(*id)).collect()
    }

    fn needed(&self) -> usize {
        self.voters().len() / 2 + 1
    }

    fn is_member(&self, node: usize) -> bool {
        let id = self.replicas[node].node_id();
        self.members.as_ref().is_none_or(|members| {
            members.voters.contains(&id) || members.learners.contains(&id) || members.voters_outgoing.contains(&id)
        })
    }

    /// `voter`, `learner`, `removed` or `unknown`, by the latest membership.
    fn role(&self, node: usize) -> &'static str {
        let id = self.replicas[node].node_id();
        match &self.members {
            Some(members) if members.voters.contains(&id) => "voter",
            Some(members) if members.learners.contains(&id) => "learner",
            Some(members) if members.voters_outgoing.contains(&id) => "voter",
            Some(_) if self.replicas.iter().any(|replica| replica.facts.everyone().contains(&id)) => "removed",
            Some(_) | None => "unknown",
        }
    }

    /// Why a node that has no vote has none.
    fn standing(&self, node: usize) -> String {
        match (self.role(node), self.history.removed.get(&self.replicas[node].node_id())) {
            ("removed", Some(index)) => format!("removed at {index}"),
            ("removed", None) => "removed".to_owned(),
            ("learner", _) => "a learner".to_owned(),
            // A voter for the others, but not as far as it knows itself.
            ("voter", _) => "it does not know that it may vote".to_owned(),
            _ => "not a member".to_owned(),
        }
    }

    /// Index of a change above the commit that would take the node's vote away.
    fn pending_loss_of_vote(&self, id: NodeId) -> Option<LogIndex> {
        let name = self.names.name(id);
        let loses =
            |change: &MemberChange| change.member == name && matches!(change.change, ChangeKind::Removed | ChangeKind::Demoted);
        self.history.steps.iter().find(|step| !step.committed && step.changes.iter().any(loses)).map(|step| step.index)
    }
}

/// Compares the copies of one group.
pub fn compare(replicas: &[Replica<'_>]) -> (Comparison, Vec<Finding>) {
    let mut findings = Vec::new();
    let group = Group::new(replicas);
    let copies: Vec<_> = replicas.iter().map(Replica::identity).collect();
    if let Some(mismatch) = strangers(&copies) {
        findings.push(mismatch);
        // Everything else would be said about one group.
        let nodes = (0..replicas.len()).map(|node| replicas::row(&group, node, None)).collect();
        return (Comparison { nodes, ..Comparison::default() }, findings);
    }
    findings.extend(duplicates(&copies));
    let mut pairs = vec![vec![log::Agreement::default(); replicas.len()]; replicas.len()];
    let (mut clashes, mut apart) = (Vec::new(), Vec::new());
    for (number, _) in replicas.iter().enumerate() {
        for (other, _) in replicas.iter().enumerate().skip(number + 1) {
            let agreement = log::compare(replicas, (number, other), &mut clashes, &mut apart);
            (pairs[number][other], pairs[other][number]) = (agreement, agreement);
        }
    }
    findings.extend(log::findings(replicas, &clashes));
    let hold = findings.iter().find(|finding| finding.severity == Severity::Error).map(|finding| finding.code.code);
    snapshots::compare(&group, &mut findings);
    lost_end::findings(&group, &mut findings);
    let holdings = Holdings::new(&group, pairs);
    if hold.is_none() {
        replicas::replication(&group, &holdings, &mut findings);
    }
    replicas::terms(&group, &mut findings);
    replicas::not_members(&group, &mut findings);
    let leader = leader::elected(&group);
    let restart_before = if hold.is_none() { replicas::restart_before(&group, leader) } else { Vec::new() };
    let restart = if hold.is_none() { replicas::restart(&group, &holdings, &restart_before) } else { Vec::new() };
    let comparison = Comparison {
        memberships: group.members.iter().chain(&group.history.pending).cloned().collect(),
        names: group.names.known().clone(),
        leader,
        restart_before,
        nodes: (0..replicas.len()).map(|node| replicas::row(&group, node, Some(&holdings))).collect(),
        election: election::rows(&group, &holdings),
        without: without::rows(&group, &holdings),
        restart_order: restart.iter().filter(|step| step.objection.is_none()).map(|step| step.node.clone()).collect(),
        restart,
        hold,
        missing_voters: group.missing_voters(),
        commit: group.commit,
        comparable: true,
        apart,
        membership_left_out: group.history.left_out,
        membership: group.history.steps,
    };
    (comparison, findings)
}
