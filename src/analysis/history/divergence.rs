//! Versions of which places hold different things that should hold the same.

use std::collections::BTreeSet;

use super::{EntryFact, EntryState, Ledger, NodeState, Origin, Place, Settled};
use crate::analysis::judge::codes::compare::{CROSS_COMMITTED_DIVERGENCE, CROSS_LOG_MATCHING, NODES_STORES_DIVERGE};
use crate::analysis::judge::codes::store::STORE_NOT_AS_WRITTEN;
use crate::analysis::{Finding, Severity};
use crate::types::{Escaped, in_words};

/// What places are called by.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// The files.
    pub ledger: &'a Ledger,
    /// The nodes.
    pub nodes: &'a [NodeState],
}

/// What is to be said of one version: rows that differ are the stores' divergence, as `store diff` has it; records of one entry that differ are
/// the logs', as `compare` has it; and a row holds what an entry wrote that is at hand.
pub fn divergences(settled: &Settled, named: Named<'_>) -> Vec<Finding> {
    let mut findings: Vec<_> = not_as_written(settled, named).into_iter().collect();
    if !settled.version.differs() {
        return findings;
    }
    let what = format!("{} at {}", Escaped(&settled.row.key), settled.row.ts);
    let places = || settled.version.places.iter();
    let rows: Vec<_> = places().filter(|place| place.entry.is_none()).collect();
    if differ(&rows) {
        let message = format!("The version of {what} does not say the same in {}.", paths(&rows, named.ledger));
        findings.push(Finding::new(&NODES_STORES_DIVERGE, message));
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

/// Whether the record stands in a log whose node regards the entry as committed.
fn is_committed(place: &Place, entry: &EntryFact, nodes: &[NodeState]) -> bool {
    let log = nodes.get(place.node).and_then(|node| node.log.as_ref());
    place.origin == Origin::Log && log.is_some_and(|log| log.commit >= entry.index)
}

fn differ(places: &[&Place]) -> bool {
    places.iter().filter_map(|place| place.digest).collect::<BTreeSet<_>>().len() > 1
}

fn paths(places: &[&Place], ledger: &Ledger) -> String {
    let paths: Vec<_> = places.iter().filter_map(|place| ledger.files.get(place.file)).map(String::as_str).collect();
    in_words(&paths)
}
