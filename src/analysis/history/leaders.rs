//! Who proposed an entry, as far as votes and nonces tell.
//!
//! Every entry of a term was appended by the leader of that term, and only a leader proposes. Who that was stands nowhere: the votes in
//! the hard states of the nodes that were read tell, and of a sealed entry its nonce, which begins with the low half of the proposer's
//! node id.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::types::{Count, NodeId, Term, in_words};

/// What tells who proposed an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KnownBy {
    /// The nonce of the envelope that it stands in.
    Nonce,
    /// The group has one voter.
    OnlyVoter,
    /// A majority of the voters voted for it in that term.
    Majority,
    /// Votes of that term, which are no majority: nobody else is known to have got one.
    Votes,
    /// Nothing.
    Unknown,
}

/// Who proposed an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Proposer {
    /// Its raft id, or its node id in hex when no file names it; `null` when it is not known.
    pub node: Option<String>,
    /// Its node id in hex; `null` when it is not known.
    pub node_id: Option<String>,
    /// What tells.
    pub known_by: KnownBy,
    /// False when another node may have been it.
    pub certain: bool,
    /// The same in words.
    pub how: String,
}

/// What the files of one group's nodes tell.
#[derive(Debug, Clone, Default)]
pub struct Leaders {
    /// By term: who voted, and for whom.
    votes: BTreeMap<Term, BTreeMap<NodeId, NodeId>>,
    voters: BTreeSet<NodeId>,
    /// Everyone that a membership in these files names.
    members: BTreeSet<NodeId>,
    names: BTreeMap<NodeId, String>,
    /// Nodes that are known to seal, by the low half of their ids.
    writers: BTreeMap<u16, BTreeSet<NodeId>>,
}

impl Leaders {
    /// A vote stands in a hard state.
    pub fn vote(&mut self, by: NodeId, term: Term, candidate: NodeId) {
        if candidate.0 != 0 {
            self.votes.entry(term).or_default().insert(by, candidate);
        }
    }

    /// A node votes, or did.
    pub fn voter(&mut self, id: NodeId) {
        if id.0 != 0 {
            self.voters.insert(id);
            self.members.insert(id);
        }
    }

    /// A node is a member, or was one.
    pub fn member(&mut self, id: NodeId) {
        if id.0 != 0 {
            self.members.insert(id);
        }
    }

    /// Everyone that a membership in these files names.
    pub const fn members(&self) -> &BTreeSet<NodeId> {
        &self.members
    }

    /// A node is called so.
    pub fn name(&mut self, id: NodeId, raft_id: &str) {
        if id.0 != 0 && !raft_id.is_empty() {
            self.names.entry(id).or_insert_with(|| raft_id.to_owned());
            self.writer(id);
        }
    }

    /// A node that may seal.
    pub fn writer(&mut self, id: NodeId) {
        self.writers.entry(low(id)).or_default().insert(id);
    }

    /// Adds what the files of another node tell.
    pub fn absorb(&mut self, other: Self) {
        for (term, votes) in other.votes {
            self.votes.entry(term).or_default().extend(votes);
        }
        self.voters.extend(other.voters);
        self.members.extend(other.members);
        for (id, name) in other.names {
            self.names.entry(id).or_insert(name);
        }
        for (half, ids) in other.writers {
            self.writers.entry(half).or_default().extend(ids);
        }
    }

    /// Who proposed an entry of `term`, which was sealed by that node and in that start of it.
    pub fn proposer(&self, term: Term, sealer: Option<(u16, u16)>) -> Proposer {
        let Some((half, start)) = sealer else { return self.of_term(term) };
        let nonce = format!("the nonce of the sealed entry begins with {half:04x}, start {start}");
        let known = self.writers.get(&half);
        match known.map(|ids| ids.iter().collect::<Vec<_>>()).as_deref() {
            Some([only]) => self.is(**only, KnownBy::Nonce, true, nonce),
            Some([_, ..]) => {
                let names: Vec<_> = known.into_iter().flatten().map(|id| self.called(*id)).collect();
                Proposer::unknown(format!("{nonce}, as do {}", in_words(&names)))
            }
            _ => Proposer::unknown(format!("{nonce}, and no member that is known does")),
        }
    }

    fn of_term(&self, term: Term) -> Proposer {
        let voters: Vec<_> = self.voters.iter().copied().collect();
        let votes = self.votes.get(&term);
        if let [only] = voters.as_slice()
            && votes.is_none_or(|votes| votes.values().all(|candidate| candidate == only))
        {
            return self.is(*only, KnownBy::OnlyVoter, true, "it is the only voter".to_owned());
        }
        let Some(votes) = votes else {
            return Proposer::unknown(format!("no vote of term {term} stands in the logs that were read"));
        };
        let mut counts: BTreeMap<NodeId, usize> = BTreeMap::new();
        for (by, candidate) in votes {
            // The vote of one who is no voter elects nobody.
            if voters.is_empty() || self.voters.contains(by) {
                *counts.entry(*candidate).or_default() += 1;
            }
        }
        let majority = voters.len() / 2 + 1;
        let winner = counts.iter().find(|(_, count)| !voters.is_empty() && **count >= majority);
        if let Some((candidate, count)) = winner {
            let how = format!("{count} of {} voted for it in term {term}", Count::of(voters.len(), "voter"));
            return self.is(*candidate, KnownBy::Majority, true, how);
        }
        match counts.iter().collect::<Vec<_>>().as_slice() {
            [(candidate, _)] => {
                let by: Vec<_> = votes.keys().map(|by| self.called(*by)).collect();
                let how = format!("probably: {} voted for it in term {term}, and no other vote of it is known", in_words(&by));
                self.is(**candidate, KnownBy::Votes, false, how)
            }
            [] => Proposer::unknown(format!("no vote of term {term} stands in the logs that were read")),
            several => {
                let names: Vec<_> = several.iter().map(|(candidate, _)| self.called(**candidate)).collect();
                Proposer::unknown(format!("in term {term} {} got votes, none of them known to be a majority", in_words(&names)))
            }
        }
    }

    fn called(&self, id: NodeId) -> String {
        self.names.get(&id).cloned().unwrap_or_else(|| id.padded())
    }

    fn is(&self, id: NodeId, known_by: KnownBy, certain: bool, how: String) -> Proposer {
        Proposer { node: Some(self.called(id)), node_id: Some(id.padded()), known_by, certain, how }
    }
}

fn low(id: NodeId) -> u16 {
    let [.., high, low] = id.0.to_be_bytes();
    u16::from_be_bytes([high, low])
}

impl Proposer {
    /// Nobody is known.
    pub const fn unknown(how: String) -> Self {
        Self { node: None, node_id: None, known_by: KnownBy::Unknown, certain: false, how }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const N1: NodeId = NodeId(0x1_0001);
    const N2: NodeId = NodeId(0x1_0002);
    const N3: NodeId = NodeId(0x2_0002);

    fn leaders(voters: &[NodeId], votes: &[(NodeId, u64, NodeId)]) -> Leaders {
        let mut leaders = Leaders::default();
        for id in voters {
            leaders.voter(*id);
        }
        for (by, term, candidate) in votes {
            leaders.vote(*by, Term(*term), *candidate);
        }
        leaders.name(N1, "n1");
        leaders.name(N2, "n2");
        leaders
    }

    fn said(leaders: &Leaders, sealer: Option<(u16, u16)>) -> (Option<String>, KnownBy, bool) {
        let said = leaders.proposer(Term(2), sealer);
        assert!(!said.how.is_empty());
        (said.node, said.known_by, said.certain)
    }

    #[test]
    fn votes_make_a_leader_only_with_a_majority() {
        let n1 = || Some("n1".to_owned());
        let all = [N1, N2, N3];
        assert_eq!(said(&leaders(&[N1], &[]), None), (n1(), KnownBy::OnlyVoter, true));
        assert_eq!(said(&leaders(&all, &[(N1, 2, N1), (N3, 2, N1)]), None), (n1(), KnownBy::Majority, true));
        assert_eq!(said(&leaders(&all, &[(N2, 2, N1)]), None), (n1(), KnownBy::Votes, false));
        for votes in [&[][..], &[(N1, 3, N1)], &[(N1, 2, N1), (N2, 2, N2)], &[(N1, 2, NodeId(0))], &[(NodeId(9), 2, N1)]] {
            assert_eq!(said(&leaders(&all, votes), None), (None, KnownBy::Unknown, false), "{votes:?}");
        }
        assert_eq!(said(&leaders(&[], &[(N1, 2, N1)]), None), (n1(), KnownBy::Votes, false), "who votes is not known");
        let other = leaders(&all, &[(N1, 2, N3), (N2, 2, N3)]);
        assert_eq!(said(&other, None).0, Some(N3.padded()), "no file names it");
    }

    #[test]
    fn a_nonce_names_its_node_unless_two_begin_alike() {
        let mut leaders = leaders(&[N1, N2], &[]);
        assert_eq!(said(&leaders, Some((1, 5))), (Some("n1".to_owned()), KnownBy::Nonce, true));
        assert_eq!(said(&leaders, Some((7, 5))).0, None);
        leaders.writer(N3);
        assert_eq!(said(&leaders, Some((2, 5))).0, None);
    }
}
