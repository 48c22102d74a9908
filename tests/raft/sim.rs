//! A group of nodes that follows Raft, and the accidents that happen to it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::disk::{Disk, Stopped, Watch};
use super::model::{Change, Conf, Entry, Kind, Rng, name};
use super::node::{Node, Settings};

/// More members than this never join.
const MOST: usize = 5;

/// Names of nodes.
pub type Removed = Rc<RefCell<BTreeSet<String>>>;

pub struct Group {
    pub rng: Rng,
    pub nodes: Vec<Node>,
    root: PathBuf,
    settings: Settings,
    peers_version: u32,
    watch: Watch,
    /// Pairs that do not hear each other.
    cut_off: Vec<(usize, usize)>,
    proposed: u64,
    /// Names of nodes that are, or are to be, no members any more.
    pub removed: Removed,
    /// No accidents while a story is told.
    pub calm: bool,
}

impl Group {
    /// A group of founding members below `root`.
    pub fn new(root: &Path, seed: u64, watch: &Watch, removed: &Removed) -> Self {
        let mut rng = Rng::new(seed);
        let settings = Settings {
            segment_size: usize::try_from(600 + 400 * rng.below(6)).unwrap(),
            keep_segments: usize::try_from(1 + rng.below(5)).unwrap(),
            tidy_first: rng.one_in(2),
        };
        let founders = [1, 3, 3, 3, 5][usize::try_from(rng.below(5)).unwrap()];
        let mut group = Self::of(root, rng, founders, settings, watch);
        group.removed = removed.clone();
        group
    }

    /// A group of so many founding members.
    pub fn of(root: &Path, rng: Rng, founders: usize, settings: Settings, watch: &Watch) -> Self {
        let peers_version = if settings.tidy_first { 3 } else { 2 };
        let mut group = Self {
            rng,
            nodes: Vec::new(),
            root: root.to_owned(),
            settings,
            peers_version,
            watch: watch.clone(),
            cut_off: Vec::new(),
            proposed: 0,
            removed: Rc::default(),
            calm: false,
        };
        let conf = Conf { voters: (0..founders).collect(), ..Conf::default() };
        for number in 0..founders {
            let mut node = group.fresh(number);
            node.bootstrap(&conf).unwrap();
            group.nodes.push(node);
        }
        group
    }

    fn fresh(&self, number: usize) -> Node {
        let disk = Disk::new(self.root.join(name(number)), self.peers_version, self.watch.clone());
        Node::new(number, disk, self.settings)
    }

    /// Runs a history of so many events.
    pub fn live(&mut self, events: usize) {
        for _ in 0..events {
            self.event();
        }
    }

    fn event(&mut self) {
        let up: Vec<usize> = self.nodes.iter().filter(|node| node.up).map(|node| node.number).collect();
        let leaders: Vec<usize> = up.iter().copied().filter(|number| self.nodes[*number].leader).collect();
        let everyone: Vec<usize> = (0..self.nodes.len()).collect();
        let one = self.rng.pick(&everyone);
        if !self.calm && self.nodes[one].up && self.rng.one_in(12) {
            // Somewhere in the middle of what it does next.
            self.nodes[one].disk.fuse = Some(u32::try_from(self.rng.below(12)).unwrap());
        }
        match (self.rng.below(24), leaders.as_slice()) {
            (0, _) if !self.nodes[one].up => self.start(one),
            (0, _) if self.rng.one_in(3) => self.stop(one),
            (0 | 1, _) => self.partition(),
            (2, _) => drop(self.act(one, Node::local_snapshot)),
            (3, leaders) if leaders.is_empty() || self.rng.one_in(3) => self.campaign(one),
            (4, [leader, ..]) => self.change_members(*leader),
            (5, _) => everyone.iter().for_each(|number| self.start(*number)),
            (6..=12, leaders @ [_, ..]) => {
                let leader = self.rng.pick(leaders);
                self.propose(leader);
            }
            (_, leaders @ [_, ..]) => {
                let leader = self.rng.pick(leaders);
                self.replicate(leader, one);
            }
            (_, []) => self.campaign(one),
        }
    }

    /// Lets a node do something; if it stops in the middle, it stops.
    fn act<T: Default>(&mut self, number: usize, what: impl FnOnce(&mut Node) -> Result<T, Stopped>) -> Option<T> {
        let node = &mut self.nodes[number];
        if !node.up {
            return None;
        }
        let result = what(node).ok();
        if result.is_none() {
            node.stop(&mut self.rng);
        }
        result
    }

    pub fn stop(&mut self, number: usize) {
        if self.nodes[number].up {
            self.nodes[number].stop(&mut self.rng);
        }
    }

    pub fn start(&mut self, number: usize) {
        if self.nodes[number].up {
            return;
        }
        self.nodes[number].up = true;
        self.act(number, Node::start);
    }

    fn partition(&mut self) {
        self.cut_off.clear();
        for a in 0..self.nodes.len() {
            for b in 0..a {
                if self.rng.one_in(4) {
                    self.cut_off.extend([(a, b), (b, a)]);
                }
            }
        }
    }

    fn hears(&self, from: usize, to: usize) -> bool {
        to < self.nodes.len() && self.nodes[to].up && !self.cut_off.contains(&(from, to))
    }

    fn lost(&mut self) -> bool {
        !self.calm && self.rng.one_in(8)
    }

    /// Asks for votes; first without meaning it, as pre-vote does.
    pub fn campaign(&mut self, candidate: usize) {
        let node = &self.nodes[candidate];
        if !node.up || node.leader || !node.conf.voters.contains(&candidate) {
            return;
        }
        let (voters, last, next) = (node.conf.voters.clone(), (node.last().1, node.last().0), node.state.term + 1);
        let willing = |number: &&usize| {
            let other = &self.nodes[**number];
            other.state.term <= next && (other.last().1, other.last().0) <= last
        };
        let reachable: Vec<usize> =
            voters.iter().copied().filter(|number| *number == candidate || self.hears(candidate, *number)).collect();
        if reachable.iter().filter(willing).count() < Conf::quorum(voters.len()) && !self.rng.one_in(20) {
            return;
        }
        let own = self.nodes[candidate].id();
        let stood = self.act(candidate, |node| {
            (node.state.term, node.state.vote) = (next, own);
            node.save(&[])
        });
        if stood.is_none() {
            return;
        }
        let mut votes = 1;
        for voter in reachable.into_iter().filter(|voter| *voter != candidate) {
            let granted = self.act(voter, |node| {
                if next > node.state.term {
                    node.follow(next);
                }
                let free = node.state.vote == 0 || node.state.vote == own;
                let grant = next == node.state.term && free && (node.last().1, node.last().0) <= last;
                if grant {
                    node.state.vote = own;
                }
                node.save(&[]).map(|()| grant)
            });
            votes += usize::from(granted == Some(true) && !self.lost());
        }
        if votes >= Conf::quorum(voters.len()) {
            self.act(candidate, |node| {
                node.leader = true;
                node.matched.clear();
                let noop = Entry { index: node.last().0 + 1, term: node.state.term, kind: Kind::Noop };
                node.log.push(noop.clone());
                node.save(&[noop])
            });
            self.commit(candidate);
        }
    }

    /// Appends on the leader.
    pub fn propose(&mut self, leader: usize) {
        let count = 1 + self.rng.below(3);
        let first = self.proposed;
        self.proposed += count;
        self.act(leader, |node| {
            let from = node.last().0 + 1;
            let entry = |n| Entry { index: from + n, term: node.state.term, kind: Kind::Data(first + n) };
            let new: Vec<_> = (0..count).map(entry).collect();
            node.log.extend(new.iter().cloned());
            node.save(&new)
        });
        self.commit(leader);
    }

    fn change_members(&mut self, leader: usize) {
        let node = &self.nodes[leader];
        let pending = node.log.iter().any(|entry| entry.index > node.applied && matches!(entry.kind, Kind::Conf { .. }));
        if pending || !node.leader {
            return;
        }
        let conf = node.conf.clone();
        let voters: Vec<_> = conf.voters.iter().copied().collect();
        let learners: Vec<_> = conf.learners.iter().copied().collect();
        let change = match self.rng.below(4) {
            0 if !learners.is_empty() => Change::AddVoter(self.rng.pick(&learners)),
            1 if voters.len() > 2 => Change::Remove(self.rng.pick(&voters)),
            2 if voters.len() > 2 => Change::AddLearner(self.rng.pick(&voters)),
            _ if self.nodes.len() < MOST => {
                let number = self.nodes.len();
                self.join(number, &conf);
                if self.rng.one_in(3) { Change::AddVoter(number) } else { Change::AddLearner(number) }
            }
            _ => return,
        };
        let v2 = self.rng.one_in(4);
        self.change(leader, change, v2);
    }

    pub fn change(&mut self, leader: usize, change: Change, v2: bool) {
        if let Change::Remove(number) = change {
            self.removed.borrow_mut().insert(name(number));
        }
        self.act(leader, |node| {
            let new = Entry { index: node.last().0 + 1, term: node.state.term, kind: Kind::Conf { change, v2 } };
            node.log.push(new.clone());
            node.save(&[new])
        });
        self.commit(leader);
    }

    /// A node that is started with the list of members and itself, and waits for the leader.
    pub fn join(&mut self, number: usize, conf: &Conf) {
        let mut node = self.fresh(number);
        node.disk.write_peers(0, &conf.after(Change::AddVoter(number))).unwrap();
        self.nodes.push(node);
    }

    /// One exchange between a leader and a follower: entries, a heartbeat or a snapshot.
    pub fn replicate(&mut self, leader: usize, follower: usize) {
        let [from, to] = [&self.nodes[leader], &self.nodes[follower]];
        if leader == follower || !from.leader || !from.conf.has(follower) || !self.hears(leader, follower) {
            return;
        }
        let term = from.state.term;
        if term < to.state.term {
            let newer = to.state.term;
            self.act(leader, |node| {
                node.follow(newer);
                node.save(&[])
            });
            return;
        }
        // Where the two agree; what a follower has committed always does.
        let agree = (to.base.0.max(from.base.0)..=to.last().0.min(from.last().0))
            .rev()
            .find(|index| from.term_at(*index) == to.term_at(*index))
            .or((to.state.commit >= from.base.0 && to.state.commit <= from.last().0 && to.state.commit > 0)
                .then_some(to.state.commit));
        let (entries, commit) = match agree {
            Some(agree) => {
                let end = if self.calm { from.last().0 } else { agree + self.rng.below(from.last().0 - agree + 1) };
                let entries: Vec<_> = (agree + 1..=end).map(|index| from.entry(index).unwrap().clone()).collect();
                (entries, from.state.commit.min(end))
            }
            None => {
                let Some(snap) = from.snap.clone() else { return };
                let installed = self.act(follower, |node| {
                    node.follow(term);
                    node.install(&snap)
                });
                if installed.is_some() && !self.lost() {
                    self.acknowledge(leader, follower, snap.index.min(self.nodes[follower].last().0));
                }
                return;
            }
        };
        let reached = agree.unwrap() + entries.len() as u64;
        let done = self.act(follower, |node| {
            node.follow(term);
            let new = node.append(&entries);
            node.state.commit = node.state.commit.max(commit);
            node.save(&new)?;
            node.apply()
        });
        if done.is_some() && !self.lost() {
            self.acknowledge(leader, follower, reached);
        }
    }

    fn acknowledge(&mut self, leader: usize, follower: usize, index: u64) {
        let known = self.nodes[leader].matched.entry(follower).or_default();
        *known = index.max(*known);
        self.commit(leader);
    }

    /// Commits what a majority holds, if the last of it is of the leader's own term.
    fn commit(&mut self, leader: usize) {
        let node = &self.nodes[leader];
        if !node.up || !node.leader {
            return;
        }
        let held =
            |number: &usize| if *number == leader { node.last().0 } else { node.matched.get(number).copied().unwrap_or(0) };
        let mut indexes: Vec<u64> = node.conf.voters.iter().map(held).collect();
        indexes.sort_unstable();
        let index = indexes[indexes.len() - Conf::quorum(indexes.len())];
        if index > node.state.commit && node.term_at(index) == Some(node.state.term) {
            self.act(leader, |node| {
                node.state.commit = index;
                node.save(&[])?;
                node.apply()
            });
        }
    }
}
