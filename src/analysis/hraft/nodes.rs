//! Several nodes against each other: logs, snapshots and memberships, read from directories or told by files of facts.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::committed::{Replica, snapshots_contradict, under_replicated};
use super::facts::{HashiFacts, HashiSnapshot, Member, Place};
use crate::analysis::judge::codes::compare as codes;
use crate::analysis::judge::facts::Hash;
use crate::analysis::{Finding, Severity};
use crate::formats::facts::{SummedLog, Unknown, Unlike, overlap};
use crate::types::LogIndex;

/// One node, as it is compared.
#[derive(Debug)]
pub struct Held {
    /// What its files say.
    pub facts: HashiFacts,
    /// True when another node was written to after its facts were taken: what it lacks it may have got since.
    pub overtaken: bool,
    log: SummedLog,
    membership: Option<Vec<Member>>,
}

/// Entries of two nodes of which it is not known whether they are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Apart {
    /// Positions of the two nodes.
    pub nodes: (usize, usize),
    /// Which entries.
    pub entries: Unknown,
}

/// What comparing the nodes came to.
#[derive(Debug, Default)]
pub struct Compared {
    /// What is wrong with them together.
    pub findings: Vec<Finding>,
    /// Entries that could not be compared.
    pub apart: Vec<Apart>,
    /// True when a majority lacks what is committed, as far as facts say that another node was written to after.
    pub outdated: bool,
}

impl Held {
    /// A node. Without `comparable` its sums were made with another salt than those of the others.
    pub fn new(facts: HashiFacts, comparable: bool) -> Self {
        let log = SummedLog::new(facts.entries.clone(), facts.log.as_ref().filter(|_| comparable));
        let state = facts.start.at_start.as_ref();
        let servers = state.and_then(|state| state.configuration.as_deref()).filter(|servers| !servers.is_empty());
        // Addresses are not compared here.
        let member = |server: &crate::formats::hraft::Server| Member {
            id: server.id.clone(),
            suffrage: server.suffrage,
            address: Hash::default(),
        };
        let membership = servers.map(|servers| servers.iter().map(member).collect());
        Self { facts, overtaken: false, log, membership }
    }

    /// Takes out what depends on the salt in snapshots and memberships.
    pub fn without_salted(&mut self) {
        for snapshot in &mut self.facts.snapshots {
            snapshot.payload = None;
            snapshot.members.iter_mut().for_each(|member| member.address = Hash::default());
        }
    }

    /// Its id.
    pub fn name(&self) -> &str {
        &self.facts.raft_id
    }

    /// The highest index that it knows to be committed; 0 when it knows none.
    pub fn committed(&self) -> u64 {
        self.facts.committed().map_or(0, |place| place.index)
    }

    /// The members in force, when it has some and starts.
    pub fn members(&self) -> &[Member] {
        self.membership.as_deref().unwrap_or_default()
    }

    fn term_at(&self, index: u64) -> Option<u64> {
        self.log.runs.term_at(LogIndex(index)).map(|term| term.0)
    }

    /// The committed index, when its log has the snapshot's last entry: then what stands before that in the log is what was committed. Entries
    /// that a snapshot from another node has replaced may be left in a log.
    fn vouched(&self) -> u64 {
        let place = self.facts.committed().filter(|place| self.term_at(place.index) == Some(place.term));
        place.map_or(0, |place| place.index)
    }

    fn replica(&self) -> Replica<'_> {
        let membership = self.membership.as_deref();
        let in_log = self.facts.memberships.iter().map(|entry| (entry.index, entry.members.as_slice()));
        let at_start = membership.zip(self.facts.start.at_start.as_ref());
        Replica {
            name: self.name(),
            end: self.facts.end(),
            sound: self.facts.sound,
            snapshots: &self.facts.snapshots,
            membership,
            memberships: in_log.chain(at_start.map(|(members, state)| (state.configuration_index, members))).collect(),
        }
    }
}

/// Directories of Consul, Nomad and Vault have all the same name, which is not their id. Those of which several have one id that no
/// membership knows are told apart by their paths, which are returned.
pub fn name_apart<'f>(nodes: impl IntoIterator<Item = &'f mut HashiFacts>) -> Vec<String> {
    let mut nodes: Vec<_> = nodes.into_iter().filter(|facts| !facts.identified).collect();
    let mut names = BTreeMap::<String, usize>::new();
    for facts in &nodes {
        *names.entry(facts.raft_id.clone()).or_default() += 1;
    }
    let shared = nodes.iter_mut().filter(|facts| names.get(&facts.raft_id).is_some_and(|&count| count > 1));
    shared
        .map(|facts| {
            facts.raft_id.clone_from(&facts.dir);
            facts.dir.clone()
        })
        .collect()
}

/// Holds all of them against each other.
pub fn compare_nodes(held: &[Held]) -> Compared {
    let mut compared = Compared::default();
    for (number, one) in held.iter().enumerate() {
        for (other, its) in held.iter().enumerate().skip(number + 1) {
            let apart = pair(one, its, &mut compared.findings);
            compared.apart.extend(apart.map(|entries| Apart { nodes: (number, other), entries }));
        }
    }
    if let Some(finding) = lost_with_a_majority(held) {
        let overtaken = held.iter().any(|one| one.overtaken);
        // Nodes that run are read one after another: a later one has committed more, and that is no finding. Neither is what an older
        // membership that is not told may allow.
        let open = overtaken || held.iter().any(|one| one.facts.changed || one.facts.memberships_left_out > 0);
        compared.outdated = overtaken && finding.severity == Severity::Error;
        compared.findings.push(if open { finding.severity(Severity::Info) } else { finding });
    }
    compared
}

/// What a snapshot says is committed, and too few have.
fn lost_with_a_majority(held: &[Held]) -> Option<Finding> {
    let replicas: Vec<_> = held.iter().map(Held::replica).collect();
    let term_at = |number: usize, index: u64| held.get(number).and_then(|one| one.term_at(index));
    under_replicated(&replicas, &term_at)
}

/// An entry of a log, which is not the one that another node's snapshot says is committed.
fn lost_entry(holder: &Held, other: &Held, index: u64, term: u64, its_term: u64) -> Finding {
    let (covered, own) = (holder.committed(), holder.facts.term().unwrap_or_default());
    let message = format!(
        "{} has committed the entry of term {term} at index {index}: its snapshot reaches to {covered}. {} holds one of term {its_term} there. Its \
         leader came after term {own}, in which {} is, and did not have what was committed.",
        holder.name(),
        other.name(),
        holder.name()
    );
    Finding::new(&codes::CROSS_COMMITTED_LOST, message)
}

/// The first entry of another node's log in the place of one that is committed, whose leader was elected after that: its index and both terms. One of
/// an older leader may stand there legally until it is replaced.
fn lost(holder: &Held, other: &Held) -> Option<(u64, u64, u64)> {
    let (vouched, own) = (holder.vouched(), holder.facts.term()?);
    let Place { index, term } = holder.facts.committed()?;
    let below = overlap(&holder.log.runs, &other.log.runs)
        .into_iter()
        .filter(|part| part.first.0 <= vouched && part.first.0 < index)
        .map(|part| (part.first.0, part.terms.0.0, part.terms.1.0));
    let at = other.term_at(index).map(|its_term| (index, term, its_term));
    below.chain(at).find(|(_, term, its_term)| term != its_term && *its_term > own)
}

/// Returns the entries of which it is not known whether they are the same.
fn pair(one: &Held, other: &Held, findings: &mut Vec<Finding>) -> Option<Unknown> {
    let names = format!("{} and {}", one.name(), other.name());
    if one.name() == other.name() {
        let message = format!("{} and {} have the same id.", one.facts.dir, other.facts.dir);
        findings.push(Finding::new(&codes::CROSS_DUPLICATE_IDENTITY, message));
    }
    let (mut content, mut terms, mut apart) = (None, None, None);
    // It is never broken off: all that is not known is counted.
    let _ = one.log.unlike(&other.log, |unlike| {
        match unlike {
            Unlike::Terms(index, (term, its_term)) => {
                terms.get_or_insert((index.0, term.0, its_term.0));
            }
            Unlike::Contents(first, last, term) => {
                content.get_or_insert((first.0, last.0, term.0));
            }
            Unlike::Apart(first, last) => Unknown::add(&mut apart, first, last),
        }
        ControlFlow::Continue(())
    });
    if let Some((first, last, term)) = content {
        let place = if first == last {
            format!("different entries at index {first}, both of term {term}")
        } else {
            format!("different entries at one of the indexes {first} to {last}, both of term {term}")
        };
        let message = format!("{names} hold {place}: two leaders wrote in one term, or one of them was damaged.");
        findings.push(Finding::new(&codes::CROSS_LOG_MATCHING, message));
    }
    findings.extend(other_terms(one, other, &names, terms));
    findings.extend(snapshots_contradict(&one.replica(), &other.replica()));
    let sums = |held: &Held| -> BTreeMap<Place, Hash> {
        let stated = |snapshot: &HashiSnapshot| Some((snapshot.place(), snapshot.payload?));
        held.facts.snapshots.iter().filter_map(stated).collect()
    };
    let (own, its) = (sums(one), sums(other));
    let differs = |(place, sum): &(&Place, &Hash)| its.get(place).is_some_and(|its| its != *sum);
    // The one of the lowest term is named.
    let first = own.iter().filter(differs).map(|(place, _)| (place.term, place.index)).min();
    if let Some((term, index)) = first {
        let message = format!(
            "The snapshots of {names} at index {index} (term {term}) have different payloads. A state machine that does not write \
             the same state the same way leaves that too."
        );
        findings.push(Finding::new(&codes::CROSS_SNAPSHOT_DIVERGENCE, message).severity(Severity::Warning));
    }
    apart
}

/// What follows from the first index at which the terms differ.
fn other_terms(one: &Held, other: &Held, names: &str, terms: Option<(u64, u64, u64)>) -> Option<Finding> {
    let both = one.vouched().min(other.vouched());
    let lost = [(one, other), (other, one)].into_iter().find_map(|(holder, other)| Some((holder, other, lost(holder, other)?)));
    Some(match (terms, lost) {
        (Some((index, term, its_term)), _) if index <= both => {
            let message = format!(
                "{names} hold entries of terms {term} and {its_term} at index {index}, which the snapshots of both say are committed (to {}, {}).",
                one.committed(),
                other.committed()
            );
            Finding::new(&codes::CROSS_COMMITTED_DIVERGENCE, message)
        }
        (_, Some((holder, other, (index, term, its_term)))) => lost_entry(holder, other, index, term, its_term),
        (Some((index, term, its_term)), None) if index <= one.vouched().max(other.vouched()) => {
            let holder = if index <= one.vouched() { one } else { other };
            let message = format!(
                "From index {index} on, {names} hold entries of terms {term} and {its_term}. What {} holds is committed, to {}; the other's are \
                 left from an older leader, and a leader replaces them.",
                holder.name(),
                holder.vouched()
            );
            Finding::new(&codes::CROSS_LOG_MATCHING, message).severity(Severity::Info)
        }
        (Some((index, term, its_term)), None) => {
            let message = format!(
                "From index {index} on, {names} hold entries of terms {term} and {its_term}. At most one of the two is committed, and \
                 the files do not say which: hashicorp/raft does not record its commit."
            );
            Finding::new(&codes::CROSS_LOG_MATCHING, message).severity(Severity::Warning)
        }
        (None, None) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::facts::{LogSums, Summer, TermRun, TermRuns};
    use crate::types::Term;

    /// A node with a snapshot at 100 of term 1, and a log of so many entries of term 1 and 2.
    fn node(name: &str, changed: &[u64], at_most: u64) -> HashiFacts {
        let run = |first, last, term| TermRun { first: LogIndex(first), last: LogIndex(last), term: Term(term) };
        let entries = TermRuns::of([run(1, 60_000, 1), run(60_001, 90_000, 2)]);
        let sums = (1..=90_000).map(|index| (LogIndex(index), index * 2 + u64::from(changed.contains(&index))));
        let log: Option<LogSums> = Summer::of(&entries, at_most, sums);
        let mut start = crate::analysis::hraft::StartForecast::unknown("not asked".to_owned());
        start.last_index = Some(90_000);
        HashiFacts {
            dir: name.to_owned(),
            raft_id: name.to_owned(),
            identified: true,
            changed: false,
            last_written_ms: None,
            start,
            voted_for: None,
            last: Some(Place { index: 90_000, term: 2 }),
            sound: true,
            entries,
            log,
            snapshots: Vec::new(),
            memberships: Vec::new(),
            memberships_left_out: 0,
            findings: Vec::new(),
            not_examined: Vec::new(),
        }
    }

    fn compared(nodes: [HashiFacts; 2]) -> Compared {
        compare_nodes(&nodes.map(|facts| Held::new(facts, true)))
    }

    #[test]
    fn long_logs_are_compared_by_ranges() {
        let same = compared([node("n1", &[], 0), node("n2", &[], 1 << 20)]);
        assert!(same.findings.is_empty() && same.apart.is_empty());
        let other = compared([node("n1", &[], 0), node("n2", &[7777], 0)]);
        let [finding] = other.findings.as_slice() else { panic!("{:?}", other.findings) };
        assert!(finding.message.contains("at one of the indexes 7776 to 7779, both of term 1"), "{}", finding.message);
        let exact = compared([node("n1", &[], 1 << 20), node("n2", &[7777], 1 << 20)]);
        assert!(exact.findings[0].message.contains("at index 7777, both of term 1"), "{}", exact.findings[0].message);
    }

    #[test]
    fn sums_that_are_not_there_are_counted() {
        let other = compared([node("n1", &[], 0), HashiFacts { log: None, ..node("n2", &[], 0) }]);
        assert_eq!(other.apart[0].entries, Unknown { first: LogIndex(1), last: LogIndex(90_000), entries: 90_000 });
    }
}
