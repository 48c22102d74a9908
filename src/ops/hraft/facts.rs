//! Facts of nodes of hashicorp/raft: what a comparison has to know, gathered from their directories.

use std::ops::ControlFlow;
use std::path::PathBuf;

use super::node::{Depth, Node};
use super::questions::hashicorp_check;
use super::rows::rows_of;
use crate::analysis::hraft::Candidate;
use crate::analysis::hraft::facts::{HashiFacts, HashiSnapshot, Place, newest_memberships};
use crate::analysis::hraft::findings::findings as findings_of;
use crate::analysis::{Coverage, Finding, Severity, Verdict};
use crate::error::Result;
use crate::formats::facts::{LogSums, Salt, Summer, TermRun, TermRuns};
use crate::formats::hraft::{Server, decode_peers_json};
use crate::io::now;
use crate::ops::facts::{FactsOptions, redact};
use crate::readers::source::Run;
use crate::report::Report;
use crate::report::body::facts::FactsBody;
use crate::types::{LogIndex, Term, free_budget};

/// Entries of a log that each have a sum when the directory is at hand, at most. Beyond that one stands for several.
const SINGLE: u64 = 1 << 20;
/// Bytes of memory that an entry with a sum of its own takes, once in a list and once where it is compared.
const ENTRY: u64 = 32;
/// Shortest address that is looked for in texts: shorter ones are none.
const SHORTEST: usize = 3;

/// What the comparison has to know of a node that was read, and what else of it was not.
pub(super) fn gather(node: &Node, salt: &Salt, at_most: u64, run: &Run<'_>) -> Result<(HashiFacts, Coverage)> {
    let mut coverage = Coverage::default();
    node.cover(&mut coverage);
    let mut own = findings_of(&node.view());
    own.retain(|finding| finding.severity == Severity::Error);
    let sound = own.is_empty() && node.facts().is_some() && !node.dir.changed();
    node.settle(&mut own, &mut coverage);
    own.retain(|finding| finding.severity == Severity::Error);
    for finding in &mut own {
        finding.group = Some(node.dir.display());
    }
    let (entries, log) = log_of(node, salt, at_most, run)?;
    if log.is_none() {
        coverage.missing(node.dir.display(), "its log changed while its sums were made; try again");
    }
    let state = node.start.at_start.as_ref();
    let members = state.and_then(|state| state.configuration.as_deref()).unwrap_or_default();
    let in_log = node.facts().into_iter().flat_map(|facts| &facts.memberships);
    let in_log: Vec<_> =
        in_log.filter_map(|entry| Some((entry.key, entry.decoded.as_ref().ok()?.0.servers.as_slice()))).collect();
    let (memberships, memberships_left_out) = newest_memberships(in_log.into_iter(), salt);
    if memberships_left_out > 0 {
        coverage.skipped(
            format!("{memberships_left_out} older memberships in the log of {}", node.dir.display()),
            "only the newest ones are compared",
        );
    }
    let restored = node.snapshots.listed.iter().filter(|candidate| candidate.restores());
    let facts = HashiFacts {
        dir: node.dir.display(),
        raft_id: node.dir.raft_id.clone(),
        identified: members.is_empty() || members.iter().any(|server| server.id == node.dir.raft_id),
        changed: node.dir.changed(),
        last_written_ms: node.dir.last_written(&*run.source),
        start: node.start.clone(),
        voted_for: candidate_of(node).or_else(|| candidate(node).map(|address| String::from_utf8_lossy(address).into_owned())),
        last: node.facts().and_then(|facts| facts.last_decoded).map(|(index, term)| Place { index, term }),
        sound,
        entries,
        log,
        snapshots: restored.map(|candidate: &Candidate| HashiSnapshot::of(&candidate.meta, salt)).collect(),
        memberships,
        memberships_left_out,
        findings: own,
        not_examined: coverage.not_examined.clone(),
    };
    Ok((facts, coverage))
}

/// How many sums a log may have that is compared where it is.
pub(super) fn singles() -> u64 {
    (free_budget() / 4 / ENTRY).min(SINGLE)
}

/// The entries that can be decoded and count, and sums over them.
fn log_of(node: &Node, salt: &Salt, at_most: u64, run: &Run<'_>) -> Result<(TermRuns, Option<LogSums>)> {
    let mut ranges: Vec<TermRun> = Vec::new();
    each_entry(node, run, |index, term, _| match ranges.last_mut() {
        Some(last) if last.term == term && last.last.next() == Some(index) => last.last = index,
        _ => ranges.push(TermRun { first: index, last: index, term }),
    })?;
    let runs = TermRuns::of(ranges);
    let mut summer = Summer::new(&runs, at_most);
    each_entry(node, run, |index, term, entry| {
        let sum = salt.of_hashicorp_entry(index, term, entry.kind.number(), &entry.data, &entry.extensions);
        summer.add(index, sum);
    })?;
    Ok((runs, summer.finish()))
}

/// Shows the entries that count, in the order of their keys. What is not in order is no log, and is found by `check`.
fn each_entry(
    node: &Node,
    run: &Run<'_>,
    mut each: impl FnMut(LogIndex, Term, &crate::formats::hraft::LogEntry<'_>),
) -> Result<()> {
    let mut before = None;
    rows_of(&node.dir, run, |row| {
        let Some(entry) = row.entry.as_ref().ok().filter(|_| row.removed.is_none()) else { return ControlFlow::Continue(()) };
        if before.is_none_or(|before| before < row.key) {
            before = Some(row.key);
            each(LogIndex(row.key), Term(entry.term), entry);
        }
        ControlFlow::Continue(())
    })
}

/// All servers of which something in the directory tells.
fn servers(node: &Node) -> impl Iterator<Item = &Server> {
    let in_log = node.facts().into_iter().flat_map(|facts| &facts.memberships);
    let in_log = in_log.filter_map(|entry| entry.decoded.as_ref().ok()).flat_map(|(configuration, _)| &configuration.servers);
    let in_snapshots = node.snapshots.listed.iter().flat_map(|candidate| &candidate.meta.configuration.servers);
    let state = node.start.at_start.as_ref();
    in_log.chain(in_snapshots).chain(state.and_then(|state| state.configuration.as_ref()).into_iter().flatten())
}

/// Whom it voted for, as the library keeps it: by the address.
fn candidate(node: &Node) -> Option<&[u8]> {
    node.facts()?.vote_candidate.as_deref()
}

/// Id of the member that it voted for.
fn candidate_of(node: &Node) -> Option<String> {
    let candidate = candidate(node)?;
    let is_it = |server: &&Server| server.address.as_bytes() == candidate || server.id.as_bytes() == candidate;
    servers(node).find(is_it).map(|server| server.id.clone())
}

/// Addresses that stand in the files of a node, and are left out of texts.
struct Addresses(Vec<String>);

impl Addresses {
    /// The longest first: one may begin with another. An address that is an id stays.
    fn of(node: &Node) -> Self {
        let mut all: Vec<String> = servers(node).map(|server| server.address.clone()).collect();
        let listed = node.dir.peers_json.as_ref().and_then(|read| decode_peers_json(read.as_ref().ok()?).ok());
        all.extend(listed.into_iter().flat_map(|file| file.configuration.servers).map(|server| server.address));
        all.extend(candidate(node).map(|bytes| String::from_utf8_lossy(bytes).into_owned()));
        let ids: std::collections::BTreeSet<_> = servers(node).map(|server| server.id.as_str()).collect();
        all.retain(|address| address.len() >= SHORTEST && !ids.contains(address.as_str()));
        all.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        all.dedup();
        Self(all)
    }

    fn hide(&self, text: &mut String) {
        for address in &self.0 {
            if text.contains(address.as_str()) {
                *text = text.replace(address.as_str(), "(address)");
            }
        }
    }

    fn hide_in(&self, finding: &mut Finding) {
        let Finding { message, advice, expected, found, .. } = finding;
        [message, advice].into_iter().chain(expected).chain(found).for_each(|text| self.hide(text));
    }
}

/// Takes out of the facts what may be a key, a value or an address.
fn hide(facts: &mut HashiFacts, node: &Node, addresses: &Addresses) {
    facts.voted_for = candidate_of(node);
    facts.findings = std::mem::take(&mut facts.findings).into_iter().map(redact::finding).collect();
    for finding in &mut facts.findings {
        addresses.hide_in(finding);
    }
    redact::parts(&mut facts.not_examined);
    facts.not_examined.iter_mut().for_each(|part| addresses.hide(&mut part.why));
    let start = &mut facts.start;
    let servers = start.at_start.iter_mut().filter_map(|state| state.configuration.as_mut()).flatten();
    servers.for_each(|server| server.address.clear());
    let texts = [&mut start.unknown, &mut start.first_state_reason, &mut start.recovery_text, &mut start.recovery_loses];
    for text in texts.into_iter().flatten().chain(start.abort.as_mut().map(|abort| &mut abort.text)) {
        redact::hide(text);
        addresses.hide(text);
    }
}

/// Gathers the facts of nodes, with what `check` says of them.
pub fn hashicorp_facts(dirs: &[PathBuf], options: &FactsOptions, run: &Run<'_>) -> Result<Report<FactsBody>> {
    let taken_at = now().unwrap_or_default();
    let checked = hashicorp_check(dirs, None, None, run)?;
    let mut findings: Vec<_> = checked.findings.into_iter().map(redact::finding).collect();
    let mut coverage = checked.coverage;
    redact::parts(&mut coverage.not_examined);
    let mut nodes = Vec::new();
    for dir in dirs {
        let node = Node::read(dir, None, Depth::Everything, run)?;
        let (mut facts, _) = gather(&node, &options.salt, 0, run)?;
        let addresses = Addresses::of(&node);
        hide(&mut facts, &node, &addresses);
        for finding in &mut findings {
            addresses.hide_in(finding);
        }
        coverage.not_examined.iter_mut().for_each(|part| addresses.hide(&mut part.why));
        coverage.also_left_out(facts.not_examined.iter().cloned());
        nodes.push(facts);
    }
    let next = checked.next_step.filter(|_| Verdict::of(&findings, &coverage) != Verdict::Clean);
    let body = FactsBody { hashicorp: nodes, ..FactsBody::begun(taken_at, options.fast, options.salt.name()) };
    Ok(Report::new(body, findings, coverage).next_step(next))
}
