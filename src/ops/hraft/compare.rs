//! `compare`: several nodes of one group.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::path::PathBuf;

use super::node::{Depth, Node};
use super::page::page;
use super::rows::rows_of;
use crate::analysis::hraft::Opened;
use crate::analysis::hraft::committed::{Place, Replica, snapshots_contradict, under_replicated};
use crate::analysis::hraft::findings::findings as findings_of;
use crate::analysis::judge::codes::compare as codes;
use crate::analysis::{Coverage, Finding, Severity};
use crate::error::{Error, Result};
use crate::formats::hraft::crc64;
use crate::readers::source::Run;
use crate::report::body::hraft::page::{Compare, HashiBody};
use crate::report::{Cell, Report, Section};
use crate::types::Count;

/// Entries of each node that are compared: the last ones.
const COMPARED: usize = 1 << 20;

/// What one node holds.
struct Held {
    node: Node,
    /// Term and sum of the content of each of its last entries.
    entries: VecDeque<(u64, u64, u64)>,
    /// True when nothing is wrong with it by itself: what it does not show, it does not have.
    sound: bool,
    /// False when its id is only the name of its directory, and no membership has it.
    identified: bool,
}

impl Held {
    fn of(node: Node, sound: bool, run: &Run<'_>) -> Result<Self> {
        let mut entries = VecDeque::new();
        rows_of(&node.dir, run, |row| {
            let Some(entry) = row.entry.as_ref().ok().filter(|_| row.removed.is_none()) else { return ControlFlow::Continue(()) };
            // The clock and the form of writing may differ between members.
            let sum = crc64(&entry.data) ^ crc64(&entry.extensions).rotate_left(17) ^ u64::from(entry.kind.number());
            if entries.len() == COMPARED {
                entries.pop_front();
            }
            entries.push_back((row.key, entry.term, sum));
            ControlFlow::Continue(())
        })?;
        let state = node.start.at_start.as_ref();
        let members = state.and_then(|state| state.configuration.as_deref()).unwrap_or_default();
        let member = members.is_empty() || members.iter().any(|server| server.id == node.dir.raft_id);
        Ok(Self { node, entries, sound, identified: member })
    }

    fn name(&self) -> &str {
        &self.node.dir.raft_id
    }

    fn at(&self, index: u64) -> Option<(u64, u64)> {
        let position = self.entries.binary_search_by_key(&index, |entry| entry.0).ok()?;
        self.entries.get(position).map(|entry| (entry.1, entry.2))
    }

    /// Term and index of the end of its log, the order in which votes are given.
    fn end(&self) -> (u64, u64) {
        let snapshot = self.node.start.snapshot.as_ref().map_or((0, 0), |snapshot| (snapshot.term, snapshot.index));
        let log = self.node.facts().and_then(|facts| facts.last_decoded).map_or((0, 0), |(index, term)| (term, index));
        if log.1 > snapshot.1 { log } else { snapshot }
    }

    /// The highest index that it knows to be committed: its snapshot's.
    fn committed(&self) -> u64 {
        self.replica().committed().map_or(0, |place| place.index)
    }

    /// The same, when its log has the snapshot's last entry: then what stands before that in the log is what was committed. Entries that a snapshot
    /// from another node has replaced may be left in a log.
    fn vouched(&self) -> u64 {
        let place = self.replica().committed().filter(|place| self.at(place.index).is_some_and(|(term, _)| term == place.term));
        place.map_or(0, |place| place.index)
    }

    /// Its term; a leader of a later one was elected after everything that it knows to be committed. `None` when it does not start.
    fn term(&self) -> Option<u64> {
        self.node.start.at_start.as_ref().map(|state| state.term)
    }

    fn replica(&self) -> Replica<'_> {
        let (term, index) = self.end();
        let state = self.node.start.at_start.as_ref();
        let membership = state.and_then(|state| state.configuration.as_deref()).filter(|members| !members.is_empty());
        let in_log = self.node.facts().into_iter().flat_map(|facts| &facts.memberships);
        let in_log = in_log.filter_map(|entry| Some((entry.key, entry.decoded.as_ref().ok()?.0.servers.as_slice())));
        let whole = self.node.snapshots.listed.iter().filter(|candidate| candidate.restores());
        Replica {
            name: self.name(),
            end: Place { index, term },
            sound: self.sound,
            snapshots: whole.map(|candidate| &candidate.meta).collect(),
            membership,
            memberships: in_log
                .chain(membership.zip(state).map(|(members, state)| (state.configuration_index, members)))
                .collect(),
        }
    }
}

/// Compares the nodes' logs, snapshots, votes and memberships.
pub fn hashicorp_compare(dirs: &[PathBuf], run: &Run<'_>) -> Result<Report<HashiBody<Compare>>> {
    if dirs.len() < 2 {
        return Err(Error::Usage("compare: name the directories of at least two nodes".to_owned()));
    }
    let mut coverage = Coverage::default();
    let mut held = Vec::new();
    let mut findings = Vec::new();
    for dir in dirs {
        let node = Node::read(dir, None, Depth::Everything, run)?;
        node.cover(&mut coverage);
        let mut own = findings_of(&node.view());
        own.retain(|finding| finding.severity == Severity::Error);
        for finding in &mut own {
            finding.group = Some(node.dir.display());
        }
        let sound = own.is_empty() && node.facts().is_some();
        findings.extend(own);
        held.push(Held::of(node, sound, run)?);
    }
    name_apart(&mut held, &mut coverage);
    for (number, one) in held.iter().enumerate() {
        for other in held.iter().skip(number + 1) {
            pair(one, other, &mut findings);
        }
    }
    findings.extend(lost_with_a_majority(&held));
    let pages = held.iter().map(|one| {
        let (term, index) = one.end();
        page(&one.node).fact("last_term", term).fact("last_index", index).fact("start", &one.node.start)
    });
    let mut pages: Vec<_> = pages.collect();
    if let Some(first) = pages.first_mut() {
        let table = Section::table("Nodes", &COLUMNS, held.iter().map(|one| row(one, &held)).collect());
        first.sections.push(table);
    }
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let headline = format!("{} of hashicorp/raft: {}", Count::of(held.len(), "node"), Count::of(errors, "error"));
    Ok(Report::new(HashiBody::new(headline, pages), findings, coverage))
}

/// Directories of Consul, Nomad and Vault have all the same name, which is not their id. Those of which several have one id that no
/// membership knows are told apart by their paths.
fn name_apart(held: &mut [Held], coverage: &mut Coverage) {
    let mut names = BTreeMap::<String, usize>::new();
    for one in held.iter().filter(|one| !one.identified) {
        *names.entry(one.name().to_owned()).or_default() += 1;
    }
    for one in held.iter_mut().filter(|one| !one.identified && names.get(one.name()).is_some_and(|&count| count > 1)) {
        let path = one.node.dir.display();
        coverage.missing(
            format!("which member {path} is"),
            "its id is neither the directory's name nor in a file node-id beside it; copy that file along",
        );
        one.node.dir.raft_id = path;
    }
}

const COLUMNS: [&str; 8] = ["node", ">term", "voted", ">last", ">of term", ">snapshot", "membership", "could win"];

fn row(one: &Held, all: &[Held]) -> Vec<Cell> {
    let state = one.node.start.at_start.as_ref();
    let (term, index) = one.end();
    let facts = one.node.facts();
    let vote = facts.and_then(|facts| facts.vote_candidate.as_deref()).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let members = state.and_then(|state| state.configuration.clone()).unwrap_or_default();
    let voters: Vec<&str> = members.iter().filter(|server| server.suffrage.votes()).map(|server| server.id.as_str()).collect();
    let list: Vec<_> = members.iter().map(|server| server.id.clone()).collect();
    let votes = all.iter().filter(|other| voters.contains(&other.name()) && other.end() <= one.end()).count();
    let wins = match (state.is_some(), voters.contains(&one.name())) {
        (false, _) => "does not start".to_owned(),
        (true, false) if !one.identified => "not known: its id is in no membership".to_owned(),
        (true, false) => "no, it has no vote".to_owned(),
        (true, true) if votes * 2 > voters.len() => format!("yes, {votes} of {} would vote", voters.len()),
        (true, true) => format!("no, {votes} of {} would vote", voters.len()),
    };
    vec![
        Cell::new(one.name()),
        Cell::option(state.map(|state| state.term)),
        Cell::option(vote),
        Cell::new(index),
        Cell::new(term),
        Cell::new(one.committed()),
        Cell::new(format!("{} (index {})", list.join(", "), state.map_or(0, |state| state.configuration_index))),
        Cell::new(wins),
    ]
}

/// What a snapshot says is committed, and too few have.
fn lost_with_a_majority(held: &[Held]) -> Option<Finding> {
    let replicas: Vec<_> = held.iter().map(Held::replica).collect();
    let term_at = |number: usize, index: u64| held.get(number).and_then(|one| one.at(index)).map(|(term, _)| term);
    let finding = under_replicated(&replicas, &term_at)?;
    // Nodes that run are read one after another: a later one has committed more, and that is no finding.
    let moving = held.iter().any(|one| one.node.dir.changed());
    Some(if moving { finding.severity(Severity::Info) } else { finding })
}

/// An entry of a log, which is not the one that another node's snapshot says is committed.
fn lost_entry(holder: &Held, other: &Held, index: u64, term: u64, its_term: u64) -> Finding {
    let (covered, own) = (holder.committed(), holder.term().unwrap_or_default());
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
    let (vouched, own) = (holder.vouched(), holder.term()?);
    let committed = holder.replica().committed()?;
    other.entries.iter().take_while(|entry| entry.0 <= committed.index).find_map(|&(index, its_term, _)| {
        let term = if index == committed.index { committed.term } else { holder.at(index).filter(|_| index <= vouched)?.0 };
        (term != its_term && its_term > own).then_some((index, term, its_term))
    })
}

fn pair(one: &Held, other: &Held, findings: &mut Vec<Finding>) {
    let names = format!("{} and {}", one.name(), other.name());
    if one.name() == other.name() {
        let message = format!("{} and {} have the same id.", one.node.dir.display(), other.node.dir.display());
        findings.push(Finding::new(&codes::CROSS_DUPLICATE_IDENTITY, message));
    }
    let mut content = None;
    let mut terms = None;
    for &(index, term, sum) in &one.entries {
        let Some((its_term, its_sum)) = other.at(index) else { continue };
        if term == its_term && sum != its_sum {
            content.get_or_insert((index, term));
        } else if term != its_term {
            terms.get_or_insert((index, term, its_term));
        }
    }
    if let Some((index, term)) = content {
        let message = format!(
            "{names} hold different entries at index {index}, both of term {term}: two leaders wrote in one term, or one of them was damaged."
        );
        findings.push(Finding::new(&codes::CROSS_LOG_MATCHING, message));
    }
    let both = one.vouched().min(other.vouched());
    let lost = [(one, other), (other, one)].into_iter().find_map(|(holder, other)| Some((holder, other, lost(holder, other)?)));
    match (terms, lost) {
        (Some((index, term, its_term)), _) if index <= both => {
            let message = format!(
                "{names} hold entries of terms {term} and {its_term} at index {index}, which the snapshots of both say are committed (to {}, {}).",
                one.committed(),
                other.committed()
            );
            findings.push(Finding::new(&codes::CROSS_COMMITTED_DIVERGENCE, message));
        }
        (_, Some((holder, other, (index, term, its_term)))) => {
            findings.push(lost_entry(holder, other, index, term, its_term));
        }
        (Some((index, term, its_term)), None) if index <= one.vouched().max(other.vouched()) => {
            let holder = if index <= one.vouched() { one } else { other };
            let message = format!(
                "From index {index} on, {names} hold entries of terms {term} and {its_term}. What {} holds is committed, to {}; the other's are \
                 left from an older leader, and a leader replaces them.",
                holder.name(),
                holder.vouched()
            );
            findings.push(Finding::new(&codes::CROSS_LOG_MATCHING, message).severity(Severity::Info));
        }
        (Some((index, term, its_term)), None) => {
            let message = format!(
                "From index {index} on, {names} hold entries of terms {term} and {its_term}. At most one of the two is committed, and \
                 the files do not say which: hashicorp/raft does not record its commit."
            );
            findings.push(Finding::new(&codes::CROSS_LOG_MATCHING, message).severity(Severity::Warning));
        }
        (None, None) => {}
    }
    findings.extend(snapshots_contradict(&one.replica(), &other.replica()));
    let sums = |held: &Held| -> BTreeMap<(u64, u64), Vec<u8>> {
        let whole = held.node.snapshots.listed.iter().filter(|candidate| candidate.opened == Opened::Restores);
        whole.filter_map(|it| Some(((it.meta.term, it.meta.index), it.meta.crc.clone()?))).collect()
    };
    let (own, its) = (sums(one), sums(other));
    if let Some(((term, index), _)) = own.iter().find(|(id, sum)| its.get(id).is_some_and(|its| its != *sum)) {
        let message = format!(
            "The snapshots of {names} at index {index} (term {term}) have different payloads. A state machine that does not write \
             the same state the same way leaves that too."
        );
        findings.push(Finding::new(&codes::CROSS_SNAPSHOT_DIVERGENCE, message).severity(Severity::Warning));
    }
}
