//! The contents of the stores of several nodes: a hash per class of keys first, rows only of the classes whose hashes differ.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use super::store_diff::{cover_store, diff_judged};
use crate::analysis::judge::divergence::{DivergenceFound, divergence_finding, not_judged};
use crate::analysis::{Coverage, Finding};
use crate::error::{Error, Result};
use crate::formats::kv::KeySpace;
use crate::readers::keys::Opener;
use crate::readers::pebble_scan::KeyRange;
use crate::readers::source::Run;
use crate::readers::store_diff::{ClassContent, RowsOf, StoreContent, store_content};
use crate::readers::wal::WalScan;
use crate::report::body::compare_stores::{ClassOnNodes, NodeStore, StoreAgreement};
use crate::types::Count;

/// Rows that differ and are looked at closely, of each pair.
const KEPT: usize = 8;

/// The store of one node.
pub(super) struct StoreOfNode<'a> {
    /// The node's raft id, or its directory.
    pub name: String,
    /// The store.
    pub dir: PathBuf,
    /// The same as the caller named it.
    pub shown: String,
    /// The log beside it.
    pub log: Option<&'a WalScan>,
    /// Files changed while they were read.
    pub changed: bool,
}

/// What comparing them came to.
#[derive(Default)]
pub(super) struct StoresCompared {
    pub stores: Vec<NodeStore>,
    pub classes: Vec<ClassOnNodes>,
    pub findings: Vec<Finding>,
}

/// Compares the contents of the stores of at least two nodes.
pub(super) fn compare_stores(
    nodes: &[StoreOfNode<'_>],
    opener: Option<&Opener>,
    coverage: &mut Coverage,
    run: &Run<'_>,
) -> Result<StoresCompared> {
    let mut compared = StoresCompared::default();
    let (mut read, mut contents, mut complete) = (Vec::new(), Vec::new(), Vec::new());
    for node in nodes {
        let content = match store_content(&node.dir, opener, run) {
            Ok(content) => content,
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => {
                coverage.missing(format!("the rows of {}", node.shown), error.reason());
                continue;
            }
        };
        let mut covered = Coverage::default();
        // What is wrong with the store's own files is said where its start is.
        let read_through = cover_store(&content.store, &node.shown, &mut Vec::new(), &mut covered);
        if node.changed {
            // Whoever runs is read again and again; the next look may do.
            covered.not_examined.iter_mut().for_each(|part| part.needed = false);
        }
        coverage.absorb(covered);
        read.push(node);
        complete.push(read_through);
        contents.push(content);
    }
    if contents.len() < 2 {
        return Ok(compared);
    }
    let reference = reference(&contents);
    let closed: u64 = contents.iter().map(|content| content.store.closed).sum();
    if closed > 0 {
        let why = if opener.is_some() { "they were not opened" } else { "they open with --sidecar and --kek" };
        coverage.skipped(format!("the values of {} in the stores", Count(closed, "sealed row")), why);
    }
    for (number, (node, content)) in read.iter().zip(&contents).enumerate() {
        let mut row = NodeStore {
            node: node.name.clone(),
            store: node.shown.clone(),
            applied_index: content.store.numbers.applied,
            rows: content.store.rows,
            content_hash: format!("{:016x}", total_hash(content)),
            agreement: StoreAgreement::Reference,
            explained: 0,
            expected: 0,
            diverged: 0,
            unknown: 0,
        };
        if number != reference {
            let ranges = ranges(&differing(&contents[reference], content));
            let whole = complete[reference] && complete[number];
            row.agreement = match (whole, ranges.is_empty()) {
                (true, true) => StoreAgreement::Same,
                (false, true) => StoreAgreement::Unknown,
                (_, false) => {
                    let pair = Pair { nodes: [read[reference], node], whole, opener };
                    pair.compare(&ranges, &mut row, &mut compared.findings, coverage, run)?
                }
            };
        }
        compared.stores.push(row);
    }
    compared.classes = classes(&contents);
    alone(&mut compared, &contents);
    Ok(compared)
}

/// Two stores that do not hold the same.
struct Pair<'n, 'a> {
    /// The reference and the other.
    nodes: [&'n StoreOfNode<'a>; 2],
    /// Both are undamaged and were read whole.
    whole: bool,
    opener: Option<&'a Opener>,
}

impl Pair<'_, '_> {
    fn compare(
        &self,
        ranges: &[KeyRange],
        row: &mut NodeStore,
        findings: &mut Vec<Finding>,
        coverage: &mut Coverage,
        run: &Run<'_>,
    ) -> Result<StoreAgreement> {
        let stores = self.nodes.map(|node| RowsOf::Store(&node.dir));
        let logs: Vec<_> = self.nodes.iter().filter_map(|node| node.log).collect();
        let (diff, mut found) = match diff_judged(stores, ranges, &logs, KEPT, self.opener, run) {
            Ok(done) => done,
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => {
                let [one, other] = self.nodes.map(|node| &node.shown);
                coverage.missing(format!("which rows of {one} and {other} differ"), error.reason());
                return Ok(StoreAgreement::Unknown);
            }
        };
        // With both at once each has less memory than alone: a log that was read for the hashes may not fit now.
        let mut covered = Coverage::default();
        let sides = diff.sides.iter().zip(self.nodes);
        let mut read_through = true;
        for (side, node) in sides {
            read_through &= cover_store(side, &node.shown, &mut Vec::new(), &mut covered) && !side.moved;
        }
        if self.nodes.iter().any(|node| node.changed) {
            covered.not_examined.iter_mut().for_each(|part| part.needed = false);
        }
        coverage.also_left_out(covered.not_examined);
        let doubtful = !(self.whole && read_through) || self.nodes.iter().any(|node| node.changed);
        let settled = found.total().diverged == 0;
        if doubtful {
            found.distrust();
        }
        let total = found.total();
        (row.explained, row.expected) = (total.explained, total.expected);
        (row.diverged, row.unknown) = (total.diverged, total.unknown.saturating_sub(total.sealed));
        self.report(&found, settled, findings, coverage);
        Ok(if total.diverged > 0 {
            StoreAgreement::Diverged
        } else if row.unknown > 0 || !(self.whole && read_through) {
            StoreAgreement::Unknown
        } else {
            StoreAgreement::Explained
        })
    }

    /// With `settled` nothing was found that must not be there.
    fn report(&self, found: &DivergenceFound, settled: bool, findings: &mut Vec<Finding>, coverage: &mut Coverage) {
        let called = self.nodes.map(|node| (node.name.as_str(), node.shown.as_str()));
        let mut covered = Coverage::default();
        not_judged(found, called, self.opener.is_some(), false, &mut covered);
        if settled && self.nodes.iter().any(|node| node.changed) {
            // The log was read a moment before the store: what it does not have yet is no matter.
            covered.not_examined.iter_mut().for_each(|part| part.needed = false);
        }
        coverage.also_left_out(covered.not_examined);
        findings.extend(divergence_finding(found, called));
    }
}

/// The node that has applied most; among several that of which most others hold the same.
fn reference(contents: &[StoreContent]) -> usize {
    let twins = |content: &StoreContent| contents.iter().filter(|other| total_hash(other) == total_hash(content)).count();
    let rank = |number: &usize| {
        let content = &contents[*number];
        (content.store.numbers.applied, twins(content), std::cmp::Reverse(*number))
    };
    (0..contents.len()).max_by_key(rank).unwrap_or(0)
}

/// Chunks that each node stores for itself say nothing about others.
fn is_shared(class: &ClassContent) -> bool {
    class.space.label() != "s3-chunk-local"
}

fn total_hash(content: &StoreContent) -> u64 {
    let mut sorted: Vec<_> = content.classes.iter().filter(|class| is_shared(class)).collect();
    sorted.sort_by_key(|class| class.space.prefix());
    // Each is a hash itself; the order counts.
    sorted.iter().fold(0, |sum: u64, class| sum.rotate_left(7).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ class.hash)
}

/// The classes of which two stores do not hold the same.
fn differing(one: &StoreContent, other: &StoreContent) -> Vec<KeySpace> {
    let of = |content: &StoreContent, space: KeySpace| {
        content.classes.iter().find(|class| class.space == space).map(|class| (class.rows, class.hash))
    };
    let all = one.classes.iter().chain(&other.classes).filter(|class| is_shared(class));
    let mut spaces: Vec<KeySpace> = Vec::new();
    for space in all.map(|class| class.space) {
        if !spaces.contains(&space) && of(one, space) != of(other, space) {
            spaces.push(space);
        }
    }
    spaces
}

/// Where their keys lie, each place once, in order.
fn ranges(spaces: &[KeySpace]) -> Vec<KeyRange> {
    let mut prefixes: Vec<_> = spaces.iter().map(|space| space.prefix().to_vec()).collect();
    prefixes.sort();
    // One that begins with the one before lies in it.
    prefixes.dedup_by(|later, before| later.starts_with(before));
    KeyRange::of_prefixes(&prefixes)
}

fn classes(contents: &[StoreContent]) -> Vec<ClassOnNodes> {
    let mut by_label: BTreeMap<&'static str, Vec<(u64, u64)>> = BTreeMap::new();
    for (number, content) in contents.iter().enumerate() {
        for class in &content.classes {
            let on_nodes = by_label.entry(class.space.label()).or_insert_with(|| vec![(0, 0); contents.len()]);
            let (rows, hash) = &mut on_nodes[number];
            *rows += class.rows;
            *hash = hash.rotate_left(7) ^ class.hash;
        }
    }
    let class = |(space, on_nodes): (&'static str, Vec<(u64, u64)>)| ClassOnNodes {
        space,
        same: on_nodes.windows(2).all(|pair| pair[0] == pair[1]),
        rows: on_nodes.iter().map(|(rows, _)| *rows).collect(),
        hashes: on_nodes.iter().map(|(_, hash)| format!("{hash:016x}")).collect(),
    };
    by_label.into_iter().map(class).collect()
}

/// Says in each finding which nodes hold the same.
fn alone(compared: &mut StoresCompared, contents: &[StoreContent]) {
    let mut alike: BTreeMap<(u64, u64), Vec<&str>> = BTreeMap::new();
    for (row, content) in compared.stores.iter().zip(contents) {
        let applied = content.store.numbers.applied.unwrap_or_default();
        alike.entry((applied.0, total_hash(content))).or_default().push(&row.node);
    }
    let groups: Vec<_> = alike.values().filter(|nodes| nodes.len() > 1).map(|nodes| nodes.join(" and ")).collect();
    if let [agreeing] = groups.as_slice() {
        for finding in &mut compared.findings {
            // The writing can only fail for want of memory.
            let _ = write!(finding.message, " {agreeing} hold the same rows.");
        }
    }
}
