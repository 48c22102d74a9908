//! `plan`: in which order are the nodes of a fleet restarted, so that every group keeps its quorum?

pub mod batches;
pub mod fleet;
mod gather;
mod judge;
mod order;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use ekv_tool::Run;
use ekv_tool::analysis::facts::Document;
use ekv_tool::analysis::judge::codes::compare::CROSS_GROUP_MISMATCH;
use ekv_tool::analysis::judge::codes::gate::START_REFUSED;
use ekv_tool::analysis::{Coverage, Finding};
use ekv_tool::formats::raftpb::ConfState;
use ekv_tool::ops::{ComparedCopies, TakenGroup, compare_copies, match_copies};
use ekv_tool::report::Report;
use ekv_tool::types::{Count, NodeId, UnixMillis, beside};

use crate::error::{Error, Result};
use crate::facts::{APART, Cost, FactsFile, FactsRead, Gone, Newest};
use crate::progress::{Unit, Watch};
use crate::report::own;
use crate::report::plan::{Absent, Batch, Left, PlanBody, PlannedNode, Reason, Why};
use crate::simulate::{Electorate, simulate};

use batches::{Limits, batches};
use fleet::{Fleet, Group, Node};
use judge::{Copy, label};

pub use gather::{facts_at, facts_in};

/// What the caller wants to know.
#[derive(Debug, Clone, Default)]
pub struct PlanOptions {
    /// Nodes of a batch, at most.
    pub max_batch: usize,
    /// Members of one group in a batch, at most.
    pub per_group: usize,
    /// Bytes per second that a start reads and writes; else the rate at which the payload was read when the facts were taken.
    pub restore_rate: Option<u64>,
    /// Facts that were taken longer ago do not tell how a node is now.
    pub max_age: Option<Duration>,
    /// Nodes that are down now.
    pub down: Vec<String>,
}

/// Groups that are named one by one.
const NAMED: usize = 8;

/// What is known of one node.
#[derive(Debug, Default)]
struct State {
    reasons: Vec<Reason>,
    leads: Vec<Option<u64>>,
    groups: usize,
    cost: Cost,
}

/// One group with what `compare` says of it.
struct Judged {
    group_id: Option<u64>,
    copies: Vec<Copy>,
    compared: ComparedCopies,
}

/// Plans the restart of all nodes that `facts` tell of. The plan is restarted on paper before anybody sees it.
pub fn plan(facts: FactsRead, options: &PlanOptions, watch: &dyn Watch) -> Result<Report<PlanBody>> {
    if facts.files.is_empty() {
        let refused = facts.coverage.needed().next();
        let why = refused.map_or_else(|| "there are no facts".to_owned(), |part| format!("{}: {}", part.what, part.why));
        return Err(Error::Usage(why));
    }
    let newest = facts.newest();
    let now = ekv_tool::io::now();
    let mut findings = newest.mixed.clone();
    let mut coverage = newest.coverage.clone();
    let (mut states, times) = states(&newest, options, now, &mut findings, &mut coverage);
    let held = newest.files.iter().map(FactsFile::memory).fold(0, u64::saturating_add);
    let Newest { files, counting, gone, mut mixed, .. } = newest;
    let mut copies = Vec::new();
    for (file, counting) in files.into_iter().zip(counting) {
        let FactsFile { shown, document, .. } = file;
        let Document { taken_at_ms, tool_version, fast, salt, groups, .. } = document;
        copies.extend(groups.into_iter().zip(counting).filter(|(_, counts)| *counts).map(|(facts, _)| TakenGroup {
            file: PathBuf::from(&shown),
            taken_at: taken_at_ms,
            tool_version: tool_version.clone(),
            salt: salt.clone(),
            is_fast: fast,
            facts,
            memory: 0,
        }));
    }
    if states.is_empty() {
        return Err(Error::Usage("the facts tell of no node".to_owned()));
    }
    let mut judged = compare_all(match_copies(copies), held, watch)?;
    for finding in judged.iter_mut().flat_map(|judged| &mut judged.compared.findings) {
        if finding.code.code == CROSS_GROUP_MISMATCH.code {
            finding.message = format!("{} {APART}", finding.message);
            mixed.push(finding.clone());
        }
    }
    let mut absent: BTreeMap<String, Vec<Option<u64>>> = BTreeMap::new();
    for Judged { group_id, copies, compared } in &judged {
        for (copy, reasons) in copies.iter().zip(judge::reasons(*group_id, copies, compared)) {
            let state = states.entry(copy.name.clone()).or_default();
            state.groups += 1;
            state.reasons.extend(reasons);
        }
        let leader = compared.group.comparison.leader.and_then(|leader| copies.get(leader));
        if let Some(state) = leader.and_then(|leader| states.get_mut(&leader.name)) {
            state.leads.push(*group_id);
        }
        for name in absent_members(copies, compared) {
            absent.entry(name).or_default().push(*group_id);
        }
    }
    for (name, groups) in &absent {
        // A copy that nobody has looked at is started with the others.
        if let (Some(state), Some(group_id)) = (states.get_mut(name), groups.first()) {
            let text = format!("it is a member of {}, of which there are no facts on it", label(*group_id));
            state.reasons.push(Reason { why: Why::NotExamined, group_id: *group_id, code: None, text });
        }
    }
    told_by_older(&gone, &judged, &mut states, &mut coverage);
    if let Some(finding) = mixed.first() {
        // Which node is of which cluster nobody knows.
        let text = "facts of two clusters are mixed; nothing is planned before they are kept apart".to_owned();
        let reason = Reason { why: Why::GroupInQuestion, group_id: None, code: Some(finding.code.code), text };
        for state in states.values_mut() {
            state.reasons.insert(0, reason.clone());
        }
    }
    for name in &options.down {
        if let Some(state) = states.get_mut(name) {
            let text = "it is said to be down; start it first".to_owned();
            state.reasons.push(Reason { why: Why::Down, group_id: None, code: None, text });
        } else if !absent.contains_key(name) {
            return Err(Error::Usage(format!("--down {name}: no node of that name is in the facts")));
        }
    }
    let away: BTreeSet<String> = states.iter().filter(|(_, state)| !is_available(state)).map(|(name, _)| name.clone()).collect();
    let fleet = fleet(&states, &judged, &away);
    let names: Vec<String> = states.keys().cloned().collect();
    let made = batches(&fleet, Limits { nodes: options.max_batch, per_group: options.per_group });
    for needed in &made.needed {
        let group_id = judged[needed.group].group_id;
        let (label, there, of) = (label(group_id), needed.there, needed.needed);
        let text = format!("while it is down {label} would have {there} of the {of} voters that it needs");
        if let Some(state) = states.get_mut(&names[needed.node]) {
            state.reasons.push(Reason { why: Why::Needed, group_id, code: None, text });
        }
    }
    let batches: Vec<Vec<String>> =
        made.batches.iter().map(|batch| batch.iter().map(|node| names[*node].clone()).collect()).collect();
    let left = states.iter().filter(|(_, state)| !state.reasons.is_empty()).map(|(name, _)| name.clone()).collect();
    let electorates: Vec<_> = judged.iter().map(electorate).collect();
    simulate(&electorates, &batches, &away, &left)
        .map_err(|refusal| Error::Fault(format!("the plan does not hold: {refusal}")))?;
    for judged in judged.iter().map(|judged| &judged.compared) {
        findings.extend(judged.findings.iter().chain(judged.of_copies.iter().flatten()).cloned());
    }
    cover(judged, &states, &absent, &mut coverage);
    let against = made.against.iter().map(|group| fleet_label(&electorates, *group)).collect();
    let body = PlanBody {
        nodes: states.len(),
        groups: electorates.len(),
        taken_from_ms: times.iter().min().copied(),
        taken_to_ms: times.iter().max().copied(),
        max_batch: options.max_batch,
        per_group: options.per_group,
        restore_rate: options.restore_rate,
        order_not_kept: against,
        absent: absent.into_iter().map(|(node, groups)| Absent { node, groups }).collect(),
        ..PlanBody::default()
    };
    Ok(own(Report::new(filled(body, &batches, states), findings, coverage)))
}

fn fleet_label(groups: &[Electorate], number: usize) -> String {
    groups.get(number).map(|group| group.label.clone()).unwrap_or_default()
}

/// Compares every group, on as many threads as there are processors.
fn compare_all(groups: BTreeMap<Option<u64>, Vec<TakenGroup>>, held: u64, watch: &dyn Watch) -> Result<Vec<Judged>> {
    watch.begin("groups", Unit::Objects, Some(groups.len() as u64));
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(groups.len().max(1));
    let work = Mutex::new(groups.into_iter().enumerate());
    let done: Mutex<Vec<(usize, Result<Judged, ekv_tool::Error>)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let next = work.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
                    let Some((number, (group_id, taken))) = next else { break };
                    let copies: Vec<_> = taken.iter().map(Copy::of).collect();
                    let compared = beside(held, || compare_copies(group_id, taken, &Run::local()));
                    let judged = compared.map(|compared| Judged { group_id, copies, compared });
                    done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((number, judged));
                    watch.advance(1);
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(number, _)| *number);
    Ok(done.into_iter().map(|(_, judged)| judged).collect::<Result<_, _>>()?)
}

/// What the facts of each node say of it by themselves, and when they were taken.
fn states(
    newest: &Newest,
    options: &PlanOptions,
    now: Option<UnixMillis>,
    findings: &mut Vec<Finding>,
    coverage: &mut Coverage,
) -> (BTreeMap<String, State>, Vec<UnixMillis>) {
    let (mut states, mut counted) = (BTreeMap::<String, State>::new(), BTreeSet::new());
    let contradictions: Vec<_> = newest.files.iter().map(FactsFile::contradiction).collect();
    for (name, numbers) in &newest.of_nodes {
        let state = states.entry(name.clone()).or_default();
        state.cost.estimate_ms = Some(0);
        for number in numbers {
            let file = &newest.files[*number];
            let units = file.units().remove(name.as_str()).unwrap_or_default();
            let counts = |group_id| newest.counts(*number, name, units.of(group_id));
            state.cost = state.cost.and(cost(file.cost_of(name, |copy| counts(copy.group_id)), options.restore_rate));
            state.reasons.extend(file.left_out().map(unexamined));
            for start in file.foretold(name).filter(|start| counts(start.group_id)) {
                start.tell(findings, coverage);
                let (why, code) = if start.refused { (Why::Refused, Some(START_REFUSED.code)) } else { (Why::Unforetold, None) };
                state.reasons.push(Reason { why, group_id: start.group_id, code, text: start.text });
            }
            if let Some(text) = file.of_the_future(now).or_else(|| file.outdated(now, options.max_age)) {
                coverage.missing(format!("what {name} is like now"), text.clone());
                state.reasons.push(unexamined(text));
            }
            if let Some(text) = contradictions.get(*number).cloned().flatten() {
                coverage.missing(format!("what {name} is like"), text.clone());
                state.reasons.push(unexamined(text));
            }
            counted.insert(*number);
        }
    }
    for (number, file) in newest.files.iter().enumerate() {
        if counted.contains(&number) || file.units().is_empty() {
            coverage.also_left_out(file.document.left_out.iter().cloned());
        }
    }
    (states, counted.into_iter().map(|number| newest.files[number].document.taken_at_ms).collect())
}

/// Groups of which only older facts tell: they are not there any more, or nobody has looked. A node that is no member misses nothing.
fn told_by_older(gone: &[Gone], judged: &[Judged], states: &mut BTreeMap<String, State>, coverage: &mut Coverage) {
    for gone in gone {
        let group = judged.iter().find(|judged| judged.group_id.or(Some(1)) == gone.unit.or(Some(1)));
        let id = NodeId::of_raft_id(&gone.node);
        let members = group.map(|judged| judged.compared.group.comparison.memberships.as_slice()).unwrap_or_default();
        let is_in = |state: &ConfState| {
            let all = [&state.voters, &state.voters_outgoing, &state.learners, &state.learners_next];
            all.into_iter().flatten().any(|member| *member == id)
        };
        if gone.surely && !members.is_empty() && !members.iter().any(is_in) {
            coverage.skipped(
                format!("what {} had of {}", gone.node, label(gone.unit)),
                format!("it is no member of it; {}", gone.text),
            );
            continue;
        }
        if let Some(state) = states.get_mut(&gone.node) {
            state.reasons.push(unexamined(gone.text.clone()));
        }
        coverage.missing(format!("{} on {}", label(gone.unit), gone.node), gone.text.clone());
    }
}

fn unexamined(text: String) -> Reason {
    Reason { why: Why::NotExamined, group_id: None, code: None, text }
}

/// True for a node that counts when a group needs a majority.
fn is_available(state: &State) -> bool {
    state.reasons.iter().all(|reason| reason.why.stays_up())
}

/// The cost with the time at a given rate.
fn cost(cost: Cost, rate: Option<u64>) -> Cost {
    let Some(rate) = rate else { return cost };
    let millis = (u128::from(cost.read_bytes) + u128::from(cost.write_bytes)) * 1000 / u128::from(rate.max(1));
    Cost { estimate_ms: Some(u64::try_from(millis).unwrap_or(u64::MAX)), ..cost }
}

/// Members that no copy is of, by name where it is known.
fn absent_members(copies: &[Copy], compared: &ComparedCopies) -> BTreeSet<String> {
    let comparison = &compared.group.comparison;
    let there: BTreeSet<_> = copies.iter().map(|copy| copy.id).collect();
    let members = comparison.memberships.iter();
    let ids = members.flat_map(|state| state.voters.iter().chain(&state.voters_outgoing).chain(&state.learners));
    let missing = ids.filter(|id| !there.contains(id));
    missing.map(|id| comparison.names.get(id).cloned().unwrap_or_else(|| id.to_string())).collect()
}

/// The nodes and groups as numbers.
fn fleet(states: &BTreeMap<String, State>, judged: &[Judged], away: &BTreeSet<String>) -> Fleet {
    let position: HashMap<&str, usize> = states.keys().enumerate().map(|(number, name)| (name.as_str(), number)).collect();
    let node = |(name, state): (&String, &State)| Node {
        may: state.reasons.is_empty(),
        available: !away.contains(name),
        leads: state.leads.len(),
    };
    let group = |Judged { copies, compared, .. }: &Judged| {
        let comparison = &compared.group.comparison;
        let at: HashMap<_, _> = copies.iter().map(|copy| (copy.id, position[copy.name.as_str()])).collect();
        let halves = comparison.memberships.iter().flat_map(|state| [&state.voters, &state.voters_outgoing]);
        let sets = halves.filter(|voters| !voters.is_empty()).map(|voters| {
            let voters: BTreeSet<_> = voters.iter().collect();
            voters.into_iter().map(|id| at.get(id).copied()).collect()
        });
        let members = || copies.iter().zip(&comparison.nodes).filter(|(_, row)| row.role != "removed");
        let name = |number: usize| copies.get(number).map(|copy| position[copy.name.as_str()]);
        Group {
            sets: sets.collect(),
            members: members().map(|(copy, _)| position[copy.name.as_str()]).collect(),
            before: comparison.restart_before.iter().filter_map(|(one, other)| Some((name(*one)?, name(*other)?))).collect(),
        }
    };
    Fleet { nodes: states.iter().map(node).collect(), groups: judged.iter().map(group).collect() }
}

/// Who votes in a group, for the restart on paper.
fn electorate(judged: &Judged) -> Electorate {
    let memberships = &judged.compared.group.comparison.memberships;
    let halves = memberships.iter().flat_map(|state| [&state.voters, &state.voters_outgoing]);
    Electorate {
        label: label(judged.group_id),
        configurations: halves.filter(|voters| !voters.is_empty()).map(|voters| voters.iter().map(|id| id.0).collect()).collect(),
        nodes: judged.copies.iter().map(|copy| (copy.name.clone(), copy.id.0)).collect(),
    }
}

/// Says what is not known, once for the fleet.
fn cover(
    judged: Vec<Judged>,
    states: &BTreeMap<String, State>,
    absent: &BTreeMap<String, Vec<Option<u64>>>,
    coverage: &mut Coverage,
) {
    for (name, groups) in absent {
        let shown: Vec<_> = groups.iter().take(NAMED).map(|group| label(*group)).collect();
        let more = if groups.len() > NAMED { format!(" and {} more", groups.len() - NAMED) } else { String::new() };
        let what = if states.contains_key(name) { format!("a copy on {name}") } else { format!("the facts of {name}") };
        coverage.missing(what, format!("it is a member of {}{more}, and counts as down", shown.join(", ")));
    }
    for (name, state) in states {
        if let Some(reason) = state.reasons.iter().find(|reason| reason.why == Why::Unforetold) {
            coverage.missing(format!("what the next start of {name} does"), reason.text.clone());
        }
        if let Some(reason) = state.reasons.iter().find(|reason| reason.why == Why::MembersUnknown) {
            coverage.missing(format!("which nodes are members beside {name}"), reason.text.clone());
        }
    }
    // A fleet has many groups of which the same is left out.
    let mut skipped: BTreeMap<String, Vec<(Option<u64>, String)>> = BTreeMap::new();
    for Judged { group_id, compared, .. } in judged {
        for part in compared.coverage.not_examined {
            if part.needed {
                coverage.missing(format!("{}: {}", label(group_id), part.what), part.why);
            } else {
                skipped.entry(part.what).or_default().push((group_id, part.why));
            }
        }
    }
    for (what, groups) in skipped {
        let Some((first, why)) = groups.first() else { continue };
        let more = groups.len() - 1;
        let alike = if more > 0 { format!("; and alike in {}", Count::of(more, "more group")) } else { String::new() };
        coverage.skipped(format!("{}: {what}", label(*first)), format!("{why}{alike}"));
    }
}

/// The body with its batches and what is left.
fn filled(mut body: PlanBody, batches: &[Vec<String>], mut states: BTreeMap<String, State>) -> PlanBody {
    for (number, batch) in batches.iter().enumerate() {
        let nodes = batch.iter().filter_map(|name| {
            let State { leads, groups, cost, .. } = states.remove(name)?;
            let Cost { read_bytes, write_bytes, estimate_ms } = cost;
            Some(PlannedNode { node: name.clone(), groups, leads, read_bytes, write_bytes, estimate_ms })
        });
        body.batches.push(Batch::of(number + 1, nodes.collect()));
    }
    body.left = states.into_iter().map(|(node, state)| Left { node, reasons: state.reasons }).collect();
    body.total();
    body
}
