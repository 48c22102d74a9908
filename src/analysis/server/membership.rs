//! What membership changes do to a group, step by step, as the Raft library and the server would apply them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::peers::Member;
use super::{ServerError, conditions};
use crate::formats::kv::ConfContext;
use crate::formats::raftpb::{ConfChange, ConfChangeSingle, ConfChangeTransition, ConfChangeType, ConfChangeV2, ConfState};
use crate::types::{LogIndex, NodeId, ServerVersion, count_work};

/// The members of a group at one index, with the addresses that the server knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    config: Config,
    /// Address by node id: the server's own list, from the peers file and the contexts of changes.
    addresses: BTreeMap<NodeId, Vec<u8>>,
    /// Voters and learners without one.
    without_address: BTreeSet<NodeId>,
}

/// The library's configuration: voters, the voters being left in a joint configuration, and learners.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Config {
    voters: BTreeSet<NodeId>,
    /// The voters being left, by what has changed since.
    joint: Option<Joint>,
    learners: BTreeSet<NodeId>,
    learners_next: BTreeSet<NodeId>,
    auto_leave: bool,
    /// Every node that is tracked, with the mark that makes it a learner.
    tracked: BTreeMap<NodeId, bool>,
}

/// How the voters that are being left differ from the present ones, of which there may be many.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Joint {
    /// Voters now that were none.
    added: BTreeSet<NodeId>,
    /// Voters then that are none now.
    removed: BTreeSet<NodeId>,
}

/// What a node is in a configuration.
#[derive(Debug, Clone, Copy)]
struct Role {
    voter: bool,
    learner: bool,
    learner_next: bool,
    tracked: Option<bool>,
}

/// One membership change of either version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change<'a> {
    /// `raftpb.ConfChange`.
    V1(ConfChange<'a>),
    /// `raftpb.ConfChangeV2`.
    V2(ConfChangeV2<'a>),
}

impl Change<'_> {
    /// What happens to each member that it names.
    pub fn singles(&self) -> Cow<'_, [ConfChangeSingle]> {
        match self {
            Self::V1(change) => Cow::Owned(vec![ConfChangeSingle { kind: change.kind, node_id: change.node_id }]),
            Self::V2(change) => Cow::Borrowed(&change.changes),
        }
    }

    /// The application's bytes.
    pub const fn context(&self) -> &[u8] {
        match self {
            Self::V1(change) => change.context,
            Self::V2(change) => change.context,
        }
    }
}

impl Membership {
    /// The members of a snapshot, with the addresses of a peers list. `Err`: the library ends the process when it restores
    /// such a membership.
    ///
    /// The address of the `local` node comes from the server's command line, so that it is never unknown.
    pub fn restore(local: NodeId, conf_state: &ConfState, members: &[Member]) -> Result<Self, ServerError> {
        let mut addresses: BTreeMap<_, _> = members.iter().map(|m| (m.node_id, m.address.clone())).collect();
        if let Some(address) = addresses.get_mut(&local).filter(|address| address.is_empty()) {
            *address = b"local".to_vec();
        }
        let mut membership = Self { config: Config::restore(conf_state)?, addresses, without_address: BTreeSet::new() };
        for id in conf_state.voters.iter().chain(&conf_state.learners) {
            membership.look_for_address(*id);
        }
        Ok(membership)
    }

    /// The membership as a snapshot would record it.
    pub fn conf_state(&self) -> ConfState {
        self.config.conf_state()
    }

    /// True when `node` needs nobody's vote but its own: it elects itself in the startup and commits all that its log holds.
    pub fn elects_alone(&self, node: NodeId) -> bool {
        self.config.votes_alone(node)
    }

    /// True when `node` has a part in the group: votes, leaves, or learns.
    pub fn holds(&self, node: NodeId) -> bool {
        self.config.tracked.contains_key(&node)
    }

    /// Applies a change at `index`. `Err`: the start ends here, at every attempt.
    pub fn apply(&mut self, engine: ServerVersion, index: LogIndex, change: &Change<'_>) -> Result<(), ServerError> {
        self.follow(change)?;
        if !engine.traits().wants_member_addresses {
            return Ok(());
        }
        self.check_addresses().map_err(|error| {
            let version = if matches!(change, Change::V1(_)) { "" } else { " v2" };
            error.wrapped(&format!("build peer inventory for config change{version} index={index}"))
        })
    }

    /// Applies a change by the rules of the Raft library alone, which knows nothing of addresses.
    pub fn follow(&mut self, change: &Change<'_>) -> Result<(), ServerError> {
        let singles = change.singles();
        let become_learners = if singles.is_empty() { self.config.learners_next.iter().copied().collect() } else { Vec::new() };
        match change {
            Change::V2(v2) if v2.leaves_joint() => self.config.leave_joint(),
            Change::V2(v2) if v2.enters_joint() => match v2.transition {
                ConfChangeTransition::Auto | ConfChangeTransition::JointImplicit => self.config.enter_joint(true, &singles),
                ConfChangeTransition::JointExplicit => self.config.enter_joint(false, &singles),
                ConfChangeTransition::Other(number) => Err(panic(format!("unknown transition: {number}"))),
            },
            Change::V1(_) | Change::V2(_) => self.config.simple(&singles),
        }?;
        for single in singles.iter() {
            let named = self.apply_address(*single, change.context());
            self.look_for_address(single.node_id);
            if let Some(id) = named {
                self.look_for_address(id);
            }
        }
        for id in become_learners {
            self.look_for_address(id);
        }
        Ok(())
    }

    /// Notes whether a voter or learner has no address.
    fn look_for_address(&mut self, id: NodeId) {
        let known = self.addresses.get(&id).is_some_and(|address| !address.trim_ascii().is_empty());
        if !known && (self.config.voters.contains(&id) || self.config.learners.contains(&id)) {
            self.without_address.insert(id);
        } else {
            self.without_address.remove(&id);
        }
    }

    /// Follows the address in a change; tells which other node it names.
    fn apply_address(&mut self, single: ConfChangeSingle, context: &[u8]) -> Option<NodeId> {
        let context = ConfContext::decode_for(single.node_id, context);
        match single.kind {
            ConfChangeType::AddNode | ConfChangeType::AddLearnerNode => match context {
                Some(context) => Some(self.learn(&context)),
                None => {
                    if single.node_id != NodeId(0) {
                        self.addresses.entry(single.node_id).or_default();
                    }
                    None
                }
            },
            ConfChangeType::UpdateNode => context.map(|context| self.learn(&context)),
            ConfChangeType::RemoveNode => {
                let named = context.map(|context| context.node_id).filter(|id| *id != NodeId(0));
                self.addresses.remove(&named.unwrap_or(single.node_id));
                named
            }
            ConfChangeType::Other(_) => None,
        }
    }

    fn learn(&mut self, context: &ConfContext<'_>) -> NodeId {
        let node_id = match context.node_id {
            NodeId(0) => NodeId::of_bytes(context.id),
            given => given,
        };
        self.addresses.insert(node_id, context.address.to_vec());
        node_id
    }

    fn check_addresses(&self) -> Result<(), ServerError> {
        let lacks = |ids: &BTreeSet<NodeId>| self.without_address.iter().find(|id| ids.contains(id)).copied();
        match lacks(&self.config.voters).or_else(|| lacks(&self.config.learners)) {
            Some(id) => {
                let error = ServerError::of(&conditions::PEER_ADDRESS_REQUIRED, "etcd raft peer address is required");
                Err(error.wrapped(&format!("conf state node id={}", id.0)))
            }
            None => Ok(()),
        }
    }
}

/// The library ends the process with its error's text.
fn panic(text: impl Into<String>) -> ServerError {
    let text = text.into();
    ServerError::of(&conditions::MEMBERSHIP_PANIC, format!("panic: {text}")).named(text)
}

impl Config {
    /// Adds the members of a snapshot one by one, then requires that nothing was lost on the way.
    fn restore(state: &ConfState) -> Result<Self, ServerError> {
        let single = |kind, ids: &[NodeId]| ids.iter().map(|&node_id| ConfChangeSingle { kind, node_id }).collect::<Vec<_>>();
        let learners = [
            single(ConfChangeType::AddLearnerNode, &state.learners),
            single(ConfChangeType::AddLearnerNode, &state.learners_next),
        ]
        .concat();
        let voters = single(ConfChangeType::AddNode, &state.voters);
        let mut config = Self::default();
        if state.voters_outgoing.is_empty() {
            for change in voters.iter().chain(&learners) {
                config.simple(std::slice::from_ref(change))?;
            }
        } else {
            for change in single(ConfChangeType::AddNode, &state.voters_outgoing) {
                config.simple(&[change])?;
            }
            let removals = single(ConfChangeType::RemoveNode, &state.voters_outgoing);
            config.enter_joint(state.auto_leave, &[removals, voters, learners].concat())?;
        }
        let (mut wanted, mut found) = (state.clone(), config.conf_state());
        for state in [&mut wanted, &mut found] {
            for ids in [&mut state.voters, &mut state.learners, &mut state.voters_outgoing, &mut state.learners_next] {
                ids.sort_unstable();
            }
        }
        if wanted == found { Ok(config) } else { Err(panic("ConfStates not equivalent after sorting")) }
    }

    fn conf_state(&self) -> ConfState {
        let list = |ids: &BTreeSet<NodeId>| ids.iter().copied().collect();
        let outgoing = self.joint.as_ref().map_or_else(Vec::new, |joint| {
            let kept = self.voters.difference(&joint.added).chain(&joint.removed).copied();
            kept.collect::<BTreeSet<_>>().into_iter().collect()
        });
        ConfState {
            voters: list(&self.voters),
            learners: list(&self.learners),
            voters_outgoing: outgoing,
            learners_next: list(&self.learners_next),
            auto_leave: self.auto_leave,
            unknown_fields: false,
        }
    }

    /// True for a voter that is being left.
    fn is_outgoing(&self, id: NodeId) -> bool {
        let Some(joint) = &self.joint else { return false };
        joint.removed.contains(&id) || (self.voters.contains(&id) && !joint.added.contains(&id))
    }

    /// Whether `node` is the only voter, of those that are being left too.
    fn votes_alone(&self, node: NodeId) -> bool {
        let only = |count: usize, has: bool| count == 1 && has;
        let outgoing = self.joint.as_ref().map(|joint| self.voters.len() - joint.added.len() + joint.removed.len());
        only(self.voters.len(), self.voters.contains(&node)) && outgoing.is_none_or(|count| only(count, self.is_outgoing(node)))
    }

    fn simple(&mut self, changes: &[ConfChangeSingle]) -> Result<(), ServerError> {
        if self.joint.is_some() {
            return Err(panic("can't apply simple config change in joint config"));
        }
        let before = self.roles_of(changes);
        let applied = self.apply(changes).and_then(|()| {
            let changed = before.iter().filter(|(id, role)| self.voters.contains(id) != role.voter).take(2).count();
            if changed > 1 { Err(panic("more than one voter changed without entering joint config")) } else { Ok(()) }
        });
        applied.inspect_err(|_| self.give_back(before))
    }

    fn enter_joint(&mut self, auto_leave: bool, changes: &[ConfChangeSingle]) -> Result<(), ServerError> {
        if self.joint.is_some() {
            return Err(panic("config is already joint"));
        }
        if self.voters.is_empty() {
            return Err(panic("can't make a zero-voter config joint"));
        }
        let before = self.roles_of(changes);
        self.joint = Some(Joint::default());
        match self.apply(changes) {
            Ok(()) => self.auto_leave = auto_leave,
            Err(error) => {
                self.joint = None;
                self.give_back(before);
                return Err(error);
            }
        }
        Ok(())
    }

    fn leave_joint(&mut self) -> Result<(), ServerError> {
        let Some(joint) = self.joint.take() else { return Err(panic("can't leave a non-joint config")) };
        for id in std::mem::take(&mut self.learners_next) {
            self.learners.insert(id);
            self.tracked.insert(id, true);
        }
        for id in joint.removed {
            if !self.voters.contains(&id) && !self.learners.contains(&id) {
                self.tracked.remove(&id);
            }
        }
        self.auto_leave = false;
        Ok(())
    }

    /// What the nodes that changes name are now.
    fn roles_of(&self, changes: &[ConfChangeSingle]) -> BTreeMap<NodeId, Role> {
        count_work(changes.len() as u64);
        let role = |id: NodeId| Role {
            voter: self.voters.contains(&id),
            learner: self.learners.contains(&id),
            learner_next: self.learners_next.contains(&id),
            tracked: self.tracked.get(&id).copied(),
        };
        changes.iter().map(|change| (change.node_id, role(change.node_id))).collect()
    }

    /// Undoes a change that the library refuses.
    fn give_back(&mut self, roles: BTreeMap<NodeId, Role>) {
        let set = |ids: &mut BTreeSet<NodeId>, id: NodeId, is: bool| if is { ids.insert(id) } else { ids.remove(&id) };
        for (id, role) in roles {
            set(&mut self.voters, id, role.voter);
            set(&mut self.learners, id, role.learner);
            set(&mut self.learners_next, id, role.learner_next);
            match role.tracked {
                Some(mark) => self.tracked.insert(id, mark),
                None => self.tracked.remove(&id),
            };
        }
    }

    fn apply(&mut self, changes: &[ConfChangeSingle]) -> Result<(), ServerError> {
        // A node id of 0 is how the library marks a change that was turned down when it was proposed.
        for change in changes.iter().filter(|change| change.node_id != NodeId(0)) {
            let id = change.node_id;
            match change.kind {
                ConfChangeType::AddNode => self.make_voter(id),
                ConfChangeType::AddLearnerNode => self.make_learner(id),
                ConfChangeType::RemoveNode => self.remove(id),
                ConfChangeType::UpdateNode => {}
                ConfChangeType::Other(number) => return Err(panic(format!("unexpected conf type {number}"))),
            }
        }
        if self.voters.is_empty() { Err(panic("removed all voters")) } else { Ok(()) }
    }

    fn make_voter(&mut self, id: NodeId) {
        self.tracked.insert(id, false);
        self.learners.remove(&id);
        self.learners_next.remove(&id);
        if self.voters.insert(id)
            && let Some(joint) = &mut self.joint
            && !joint.removed.remove(&id)
        {
            joint.added.insert(id);
        }
    }

    fn make_learner(&mut self, id: NodeId) {
        match self.tracked.get(&id) {
            None => {
                self.learners.insert(id);
                self.tracked.insert(id, true);
            }
            Some(true) => {}
            Some(false) => {
                self.remove(id);
                let demoted_later = self.is_outgoing(id);
                self.tracked.insert(id, !demoted_later);
                if demoted_later {
                    self.learners_next.insert(id);
                } else {
                    self.learners.insert(id);
                }
            }
        }
    }

    fn remove(&mut self, id: NodeId) {
        if !self.tracked.contains_key(&id) {
            return;
        }
        if self.voters.remove(&id)
            && let Some(joint) = &mut self.joint
            && !joint.added.remove(&id)
        {
            joint.removed.insert(id);
        }
        self.learners.remove(&id);
        self.learners_next.remove(&id);
        if !self.is_outgoing(id) {
            self.tracked.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::raftpb::ProtoRules;

    const LOCAL: NodeId = NodeId(1);

    fn ids(ids: &[u64]) -> Vec<NodeId> {
        ids.iter().copied().map(NodeId).collect()
    }

    fn voters(voters: &[u64]) -> ConfState {
        ConfState { voters: ids(voters), ..ConfState::default() }
    }

    fn members(known: &[u64]) -> Vec<Member> {
        known
            .iter()
            .map(|&id| Member {
                node_id: NodeId(id),
                suffrage: crate::formats::peers::Suffrage::Voter,
                id: format!("n{id}").into_bytes(),
                address: if id == LOCAL.0 { Vec::new() } else { b"host:1".to_vec() },
            })
            .collect()
    }

    fn group(of: &[u64]) -> Membership {
        Membership::restore(LOCAL, &voters(of), &members(of)).unwrap()
    }

    fn v1(kind: ConfChangeType, node_id: u64, context: &[u8]) -> Change<'_> {
        Change::V1(ConfChange { id: 0, kind, node_id: NodeId(node_id), context })
    }

    fn v2(transition: ConfChangeTransition, changes: &[(ConfChangeType, u64)]) -> Change<'static> {
        let changes = changes.iter().map(|&(kind, id)| ConfChangeSingle { kind, node_id: NodeId(id) }).collect();
        Change::V2(ConfChangeV2 { transition, changes, context: &[] })
    }

    fn context(node_id: u64, address: &[u8]) -> Vec<u8> {
        let mut bytes = vec![3];
        bytes.extend(0_u64.to_be_bytes());
        bytes.extend(node_id.to_be_bytes());
        bytes.extend(2_u16.to_be_bytes());
        bytes.extend(u16::try_from(address.len()).unwrap().to_be_bytes());
        bytes.extend(b"nx");
        bytes.extend(address);
        bytes
    }

    fn apply(group: &mut Membership, engine: ServerVersion, change: &Change<'_>) -> Result<(), String> {
        group.apply(engine, LogIndex(13), change).map_err(|error| error.text)
    }

    use ConfChangeType::{AddLearnerNode, AddNode, RemoveNode, UpdateNode};

    #[test]
    fn a_member_is_added_promoted_and_removed() {
        let mut group = group(&[1]);
        let context = context(4, b"host:4");
        apply(&mut group, ServerVersion::Main, &v1(AddLearnerNode, 4, &context)).unwrap();
        assert_eq!(group.conf_state(), ConfState { learners: ids(&[4]), ..voters(&[1]) });
        apply(&mut group, ServerVersion::Main, &v1(AddNode, 4, b"")).unwrap();
        assert_eq!(group.conf_state(), voters(&[1, 4]));
        apply(&mut group, ServerVersion::Main, &v1(RemoveNode, 4, b"")).unwrap();
        assert_eq!(group.conf_state(), voters(&[1]));
    }

    #[test]
    fn main_stops_at_a_member_without_address_and_pr934_goes_on() {
        let unknown = v1(AddNode, 4, b"");
        assert_eq!(apply(&mut group(&[1]), ServerVersion::Pr934, &unknown), Ok(()));
        let text = apply(&mut group(&[1]), ServerVersion::Main, &unknown).unwrap_err();
        assert_eq!(
            text,
            "build peer inventory for config change index=13: conf state node id=4: etcd raft peer address is required"
        );
        let blank = context(4, b"  ");
        assert!(apply(&mut group(&[1]), ServerVersion::Main, &v1(AddNode, 4, &blank)).is_err());
        let text = apply(&mut group(&[1]), ServerVersion::Main, &v2(ConfChangeTransition::Auto, &[(AddNode, 4)])).unwrap_err();
        assert!(text.starts_with("build peer inventory for config change v2 index=13: "), "{text}");
    }

    #[test]
    fn a_change_of_node_0_changes_nothing() {
        let mut group = group(&[1, 2]);
        apply(&mut group, ServerVersion::Main, &v1(ConfChangeType::Other(9), 0, b"")).unwrap();
        apply(&mut group, ServerVersion::Main, &v1(AddNode, 0, b"")).unwrap();
        assert_eq!(group.conf_state(), voters(&[1, 2]));
    }

    #[test]
    fn the_library_ends_the_process_where_a_change_makes_no_sense() {
        let mut one = group(&[1]);
        assert_eq!(apply(&mut one, ServerVersion::Pr934, &v1(RemoveNode, 1, b"")), Err("panic: removed all voters".into()));
        let odd = v1(ConfChangeType::Other(9), 5, b"");
        assert_eq!(apply(&mut one, ServerVersion::Pr934, &odd), Err("panic: unexpected conf type 9".into()));
        let leave = v2(ConfChangeTransition::Auto, &[]);
        assert_eq!(apply(&mut one, ServerVersion::Main, &leave), Err("panic: can't leave a non-joint config".into()));
    }

    #[test]
    fn a_joint_configuration_is_entered_and_left() {
        let mut group = group(&[1, 2, 3]);
        let swap = v2(ConfChangeTransition::JointExplicit, &[(AddLearnerNode, 3), (AddNode, 2), (UpdateNode, 1)]);
        apply(&mut group, ServerVersion::Main, &swap).unwrap();
        let joint = ConfState { voters_outgoing: ids(&[1, 2, 3]), learners_next: ids(&[3]), ..voters(&[1, 2]) };
        assert_eq!(group.conf_state(), joint);
        let again = apply(&mut group.clone(), ServerVersion::Main, &swap);
        assert_eq!(again, Err("panic: config is already joint".into()));
        apply(&mut group, ServerVersion::Main, &v2(ConfChangeTransition::Auto, &[])).unwrap();
        assert_eq!(group.conf_state(), ConfState { learners: ids(&[3]), ..voters(&[1, 2]) });
        let restored = Membership::restore(LOCAL, &joint, &members(&[1, 2, 3])).unwrap();
        assert_eq!(restored.conf_state(), joint);
    }

    #[test]
    fn a_node_elects_itself_while_nobody_else_votes() {
        let mut group = group(&[1]);
        assert!(group.elects_alone(LOCAL));
        let learner = v2(ConfChangeTransition::JointImplicit, &[(AddLearnerNode, 4)]);
        apply(&mut group, ServerVersion::Pr934, &learner).unwrap();
        assert!(group.elects_alone(LOCAL), "both halves are the node itself");
        let leave = v2(ConfChangeTransition::Auto, &[]);
        apply(&mut group, ServerVersion::Pr934, &leave).unwrap();
        let swap = v2(ConfChangeTransition::JointImplicit, &[(AddNode, 5), (RemoveNode, 1)]);
        apply(&mut group, ServerVersion::Pr934, &swap).unwrap();
        assert!(!group.elects_alone(LOCAL));
        assert!(group.holds(LOCAL), "it is being left, and still needed");
        apply(&mut group, ServerVersion::Pr934, &leave).unwrap();
        assert!(!group.holds(LOCAL));
    }

    #[test]
    fn a_membership_that_is_not_one_cannot_be_restored() {
        let restore = |state: &ConfState| Membership::restore(LOCAL, state, &[]).map_err(|error| error.text);
        assert!(restore(&ConfState::default()).is_ok());
        assert_eq!(restore(&voters(&[1, 1])), Err("panic: ConfStates not equivalent after sorting".into()));
        let both = ConfState { learners: ids(&[2]), ..voters(&[1, 2]) };
        assert_eq!(restore(&both), Err("panic: ConfStates not equivalent after sorting".into()));
        // The newer runtime keeps what it does not know, and compares that too; the other forgets it.
        for (rules, refused) in [(ProtoRules::Google, true), (ProtoRules::Gogo, false)] {
            let state = ConfState::decode(&[0x08, 1, 0x48, 5], rules).unwrap();
            assert_eq!(restore(&state).is_err(), refused, "{rules:?}");
        }
        let learners_only = ConfState { learners: ids(&[2]), ..ConfState::default() };
        assert_eq!(restore(&learners_only), Err("panic: removed all voters".into()));
    }
}
