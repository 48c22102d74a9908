//! Versions of which places hold different things that should hold the same.

use std::collections::{BTreeMap, BTreeSet};

use super::lacking::{Held, Lacking};
use super::{EntryFact, EntryState, Ledger, NodeState, Origin, Place, Settled};
use crate::analysis::judge::codes::compare::{CROSS_COMMITTED_DIVERGENCE, CROSS_LOG_MATCHING, NODES_STORES_DIVERGE};
use crate::analysis::judge::codes::store::STORE_NOT_AS_WRITTEN;
use crate::analysis::judge::divergence::BEFORE_ALL;
use crate::analysis::{Coverage, Finding, Severity};
use crate::types::{Count, Escaped, in_words};

/// What places are called by.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// The files.
    pub ledger: &'a Ledger,
    /// The nodes.
    pub nodes: &'a [NodeState],
    /// Where the store of each of them lies.
    pub stores: &'a [String],
}

/// What is to be said of these versions. What is not known goes to `coverage`.
pub fn divergences<'a>(
    versions: impl IntoIterator<Item = &'a Settled>,
    named: Named<'_>,
    coverage: &mut Coverage,
) -> Vec<Finding> {
    let (mut findings, mut lacks) = (Vec::new(), Lacks::default());
    for settled in versions {
        findings.extend(of_version(settled, named));
        findings.extend(part_of_request(settled, named, coverage));
        lacks.add(settled, named);
    }
    findings.extend(lacks.finish(named, coverage));
    findings
}

/// Stores that lack versions, by the positions of their nodes.
#[derive(Default)]
struct Lacks {
    /// With how many, and what is to be said of the first.
    wrong: BTreeMap<usize, (u64, Finding)>,
    /// With how many of which that is not known, and why of the first.
    unknown: BTreeMap<usize, (u64, String)>,
}

impl Lacks {
    fn add(&mut self, settled: &Settled, named: Named<'_>) {
        for (node, lacking) in held(settled).lacking(named.nodes) {
            match lacking {
                Lacking::Allowed => {}
                Lacking::Unknown(why) => self.unknown.entry(node).or_insert_with(|| (0, why.words())).0 += 1,
                Lacking::Wrong { holder } => {
                    self.wrong.entry(node).or_insert_with(|| (0, lacking_finding(settled, node, holder, named))).0 += 1;
                }
            }
        }
    }

    fn finish(self, named: Named<'_>, coverage: &mut Coverage) -> Vec<Finding> {
        for (node, (versions, why)) in self.unknown {
            let store = named.stores.get(node).map_or("a store", String::as_str);
            coverage.missing(format!("whether {store} may lack {}", Count(versions, "version")), why);
        }
        let findings = self.wrong.into_values().map(|(versions, mut finding)| {
            if versions > 1 {
                finding.message = format!("{} It lacks {} in this way.", finding.message, Count(versions, "version"));
            }
            finding
        });
        findings.collect()
    }
}

/// A store holds other rows of the request and not this one.
fn part_of_request(settled: &Settled, named: Named<'_>, coverage: &mut Coverage) -> Option<Finding> {
    let (part, entry) = (settled.part_of?, settled.fact()?);
    let store = named.stores.get(part.node).map_or("A store", String::as_str);
    let key = Escaped(&settled.row.key);
    let wrote = format!("entry {} of term {}", entry.index, entry.term);
    if !part.is_certain {
        let why = format!("{store} holds other rows of the commit in {wrote}, which passes over keys whose locks are gone");
        coverage.missing(format!("whether {key} at {} was lost", settled.row.ts), why);
        return None;
    }
    let message = format!(
        "{store} holds other rows of the request of {wrote}, which is applied as a whole or not at all, and not {key} at {}.",
        settled.row.ts
    );
    let mut finding = Finding::new(&STORE_NOT_AS_WRITTEN, message);
    finding.path = named.stores.get(part.node).cloned();
    finding.expected = Some(format!("what {wrote} wrote"));
    Some(finding)
}

/// The version as far as it matters who holds it.
fn held(settled: &Settled) -> Held<'_> {
    let Settled { row, version, states, replaced_at, .. } = settled;
    Held { row, version, states, replaced_at: *replaced_at }
}

/// A store lacks what the place at `holder` holds, and must not.
fn lacking_finding(settled: &Settled, node: usize, holder: usize, named: Named<'_>) -> Finding {
    let held = held(settled);
    let store = named.stores.get(node).map_or("A store", String::as_str);
    let holders: Vec<_> = settled.version.places.get(holder).into_iter().collect();
    let applied = named.nodes.get(node).and_then(|node| node.store).and_then(|store| store.applied);
    let applied = applied.map_or_else(String::new, |applied| format!("has applied entry {applied} and "));
    let by = match held.writer() {
        Some(entry) => format!("and entry {} of term {} wrote", entry.index, entry.term),
        None => "and no later entry wrote".to_owned(),
    };
    let message = format!(
        "{store} {applied}does not hold the version of {} at {}, which {} holds {by}; its retention does not explain that.",
        Escaped(&settled.row.key),
        settled.row.ts,
        paths(&holders, named.ledger)
    );
    let mut finding = Finding::new(&NODES_STORES_DIVERGE, message);
    finding.path = named.stores.get(node).cloned();
    finding.expected = held.writer().map(|entry| format!("what entry {} of term {} wrote", entry.index, entry.term));
    finding
}

/// What is to be said of one version: rows that differ are the stores' divergence, as `store diff` has it; records of one entry that differ are
/// the logs', as `compare` has it; and a row holds what an entry wrote that is at hand.
fn of_version(settled: &Settled, named: Named<'_>) -> Vec<Finding> {
    let mut findings: Vec<_> = not_as_written(settled, named).into_iter().chain(by_nobody(settled, named)).collect();
    if !settled.version.differs() {
        return findings;
    }
    let what = format!("{} at {}", Escaped(&settled.row.key), settled.row.ts);
    let places = || settled.version.places.iter();
    let rows: Vec<_> = places().filter(|place| place.entry.is_none()).collect();
    if differ(&rows) {
        let message = format!("The version of {what} does not say the same in {}.", paths(&rows, named.ledger));
        let mut finding = Finding::new(&NODES_STORES_DIVERGE, message);
        if let Some(place) = most_alone(&rows) {
            finding.path = named.ledger.files.get(place.file).cloned();
            finding.offset = place.offset;
        }
        findings.push(finding);
    }
    for entry in &settled.version.entries {
        let records: Vec<_> = places().filter(|place| place.entry == Some((entry.index, entry.term))).collect();
        if !differ(&records) {
            continue;
        }
        let committed: Vec<_> = records.iter().copied().filter(|place| is_committed(place, entry, named.nodes)).collect();
        let both = differ(&committed);
        let (code, of) = if both { (&CROSS_COMMITTED_DIVERGENCE, &committed) } else { (&CROSS_LOG_MATCHING, &records) };
        let held = if both { ", and all regard it as committed" } else { "" };
        let message = format!(
            "The records of entry {} of term {} that write {what} are not the same in {}{held}.",
            entry.index,
            entry.term,
            paths(of, named.ledger)
        );
        let mut finding = Finding::new(code, message);
        if !both && !settled.fate.counts() {
            finding.weigh(Severity::Info);
        }
        findings.push(finding);
    }
    findings
}

/// Rows that hold what no entry wrote, while every entry that writes the version says what it writes.
fn not_as_written(settled: &Settled, named: Named<'_>) -> Option<Finding> {
    let version = &settled.version;
    let wrote: Option<BTreeSet<u64>> = version.entries.iter().map(|entry| entry.content.digest).collect();
    let wrote = wrote?;
    let rows = version.places.iter().filter(|place| place.entry.is_none());
    let others: Vec<_> = rows.filter(|place| place.digest.is_some_and(|digest| !wrote.contains(&digest))).collect();
    // What was replaced, or is turned down, leaves the row to an entry that may be gone.
    let entries = version.entries.iter().zip(&settled.states);
    let stands = |(entry, state): &(&EntryFact, &EntryState)| **state == EntryState::Committed && entry.refusal.is_none();
    let (entry, _) = entries.into_iter().find(stands).filter(|_| !others.is_empty())?;
    let message = format!(
        "The version of {} at {} in {} is not what entry {} of term {} wrote, and no other entry wrote it.",
        Escaped(&settled.row.key),
        settled.row.ts,
        paths(&others, named.ledger),
        entry.index,
        entry.term
    );
    let mut finding = Finding::new(&STORE_NOT_AS_WRITTEN, message);
    let place = others.first()?;
    finding.path = named.ledger.files.get(place.file).cloned();
    finding.offset = place.offset;
    finding.expected = Some(format!("what entry {} of term {} wrote", entry.index, entry.term));
    Some(finding)
}

/// A row that no entry wrote, in a store all of whose entries stand in its node's log.
fn by_nobody(settled: &Settled, named: Named<'_>) -> Option<Finding> {
    let version = &settled.version;
    if !version.entries.is_empty() || version.more_places > 0 || held(settled).is_of_its_own() {
        return None;
    }
    let wrote_nothing = |place: &&Place| {
        let node = named.nodes.get(place.node);
        let applied = node.and_then(|node| node.store).and_then(|store| store.applied);
        let log = node.and_then(|node| node.log.as_ref());
        place.origin.is_store() && applied.zip(log).is_some_and(|(applied, log)| log.has_all_between(BEFORE_ALL, applied))
    };
    let place = version.places.iter().find(wrote_nothing)?;
    let message = format!(
        "No entry wrote the version of {} at {} in {}, whose log has every entry that the store has applied.",
        Escaped(&settled.row.key),
        settled.row.ts,
        paths(&[place], named.ledger)
    );
    let mut finding = Finding::new(&STORE_NOT_AS_WRITTEN, message);
    finding.path = named.ledger.files.get(place.file).cloned();
    finding.offset = place.offset;
    Some(finding)
}

/// Whether the record stands in a log whose node regards the entry as committed.
fn is_committed(place: &Place, entry: &EntryFact, nodes: &[NodeState]) -> bool {
    let log = nodes.get(place.node).and_then(|node| node.log.as_ref());
    place.origin == Origin::Log && log.is_some_and(|log| log.commit >= entry.index)
}

fn differ(places: &[&Place]) -> bool {
    places.iter().filter_map(|place| place.digest).collect::<BTreeSet<_>>().len() > 1
}

/// The place that holds what the fewest hold; the last of several.
fn most_alone<'p>(places: &[&'p Place]) -> Option<&'p Place> {
    let mut holders: BTreeMap<u64, usize> = BTreeMap::new();
    for digest in places.iter().filter_map(|place| place.digest) {
        *holders.entry(digest).or_default() += 1;
    }
    let holders_of = |place: &&Place| place.digest.and_then(|digest| holders.get(&digest).copied()).unwrap_or(usize::MAX);
    places.iter().rev().copied().min_by_key(holders_of)
}

fn paths(places: &[&Place], ledger: &Ledger) -> String {
    let paths: Vec<_> = places.iter().filter_map(|place| ledger.files.get(place.file)).map(String::as_str).collect();
    in_words(&paths)
}
