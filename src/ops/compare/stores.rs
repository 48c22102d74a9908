//! The contents of the stores of several nodes: a hash per class of keys first, rows only of the classes whose hashes differ.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use super::pair::{Content, Pair, RowsAt, StoreOfNode, is_shared};
use crate::analysis::judge::divergence::RowWriters;
use crate::analysis::judge::facts::{ClassSums, CommitSums, Hash, StoreSums};
use crate::analysis::server::log::EffectiveLog;
use crate::analysis::{Coverage, Finding};
use crate::error::{Error, Result};
use crate::formats::facts::Salt;
use crate::ops::store_diff::cover_store;
use crate::readers::keys::Opener;
use crate::readers::source::Run;
use crate::readers::store_content::{ClassContent, StoreContent, Summing, store_content};
use crate::readers::wal::WalScan;
use crate::report::body::compare_stores::{ClassOnNodes, NodeStore, StoreAgreement};
use crate::types::{Count, LogIndex, ServerVersion};

/// Entries at the end of a log that are asked which rows they write.
const LOOKED_AT: u64 = 4 << 10;
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
    salt: &Salt,
    coverage: &mut Coverage,
    run: &Run<'_>,
) -> Result<StoresCompared> {
    let mut compared = StoresCompared::default();
    let (mut read, mut contents) = (Vec::new(), Vec::new());
    let taken = nodes.iter().any(|node| matches!(node.rows, RowsAt::Taken(_)));
    let salt = taken.then_some(salt);
    for node in nodes {
        if let Some(content) = content_of(node, opener, salt, coverage, run)? {
            read.push(node);
            contents.push(content);
        }
    }
    if contents.len() < 2 {
        return Ok(compared);
    }
    let reference = reference(&contents);
    let closed = contents.iter().map(|content| content.sums.closed).fold(0, u64::saturating_add);
    if closed > 0 {
        let why = if opener.is_some() { "they were not opened" } else { "they open with --sidecar and --kek" };
        coverage.skipped(format!("the values of {} in the stores", Count(closed, "sealed row")), why);
    }
    for (number, (node, content)) in read.iter().zip(&contents).enumerate() {
        let mut row = NodeStore {
            node: node.name.clone(),
            store: node.shown.clone(),
            applied_index: content.sums.applied,
            rows: content.sums.rows,
            content_hash: String::from(content.sums.content_hash),
            agreement: StoreAgreement::Reference,
            explained: 0,
            expected: 0,
            diverged: 0,
            unknown: 0,
        };
        if number != reference {
            let pair = Pair { nodes: [read[reference], node], contents: [&contents[reference], content], opener };
            row.agreement = pair.agreement(&mut row, &mut compared.findings, coverage, run)?;
        }
        compared.stores.push(row);
    }
    compared.classes = classes(&contents);
    alone(&mut compared, &contents);
    Ok(compared)
}

/// What a store holds. None where that could not be read, which is said.
fn content_of(
    node: &StoreOfNode<'_>,
    opener: Option<&Opener>,
    salt: Option<&Salt>,
    coverage: &mut Coverage,
    run: &Run<'_>,
) -> Result<Option<Content>> {
    match &node.rows {
        RowsAt::Here { dir, log } => {
            let (sums, classes, covered) =
                store_sums(dir, &node.shown, node.changed, opener, salt.map(|salt| (salt, *log)), run)?;
            coverage.absorb(covered);
            Ok(sums.map(|sums| Content { sums, here: Some(classes) }))
        }
        RowsAt::Taken(facts) => {
            coverage.not_examined.extend(facts.not_examined.iter().cloned());
            Ok(facts.content.clone().map(|sums| Content { sums, here: None }))
        }
    }
}

/// Sums of the rows of the store in `dir`, and what of it could not be read; `changed`: its files changed while they were read. Without a
/// salt, and the log beside the store if there is one, they are of no use beside facts.
pub(in crate::ops) fn store_sums(
    dir: &Path,
    shown: &str,
    changed: bool,
    opener: Option<&Opener>,
    summing: Option<(&Salt, Option<&WalScan>)>,
    run: &Run<'_>,
) -> Result<(Option<StoreSums>, Vec<ClassContent>, Coverage)> {
    let mut coverage = Coverage::default();
    let mut writers = None;
    if let Some((_, Some(log))) = summing {
        // The newest commits are those of the last entries.
        let last = EffectiveLog::of(log, ServerVersion::NEWEST).entries.last().unwrap_or_default();
        writers = Some(RowWriters::of(log, LogIndex(last.0.saturating_sub(LOOKED_AT))));
    }
    let entry_of = |key: &[u8], held| writers.as_ref().and_then(|writers| writers.entry_of(key, held));
    let content = match store_content(dir, opener, summing.map(|(salt, _)| Summing { salt, entry_of: &entry_of }), run) {
        Ok(content) => content,
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        Err(error) => {
            coverage.missing(format!("the rows of {shown}"), error.reason());
            return Ok((None, Vec::new(), coverage));
        }
    };
    // What is wrong with the store's own files is said where its start is.
    let read_through = cover_store(&content.store, shown, &mut Vec::new(), &mut coverage);
    if changed {
        // Whoever runs is read again and again; the next look may do.
        coverage.not_examined.iter_mut().for_each(|part| part.needed = false);
    }
    let salt = summing.map(|(salt, _)| salt).filter(|salt| **salt != Salt::default());
    let hidden = |hash| Hash(salt.map_or(hash, |salt| salt.of_sum(hash)));
    let newest = content.newest.iter().map(|rows| CommitSums {
        commit_ts: rows.commit_ts,
        space: rows.space.label().to_owned(),
        rows: rows.rows,
        sum: Hash(rows.sum),
        written: rows.written,
        first_entry: rows.first_entry,
    });
    let sums = StoreSums {
        applied: content.store.numbers.applied,
        rows: content.store.rows,
        content_hash: hidden(total_hash(&content)),
        read_through,
        closed: content.store.closed,
        last_commit: content.store.numbers.last_commit,
        newest: newest.collect(),
        newest_behind: content.all_behind,
        classes: by_label(&content).into_iter().map(|class| ClassSums { hash: hidden(class.hash.0), ..class }).collect(),
    };
    Ok((Some(sums), content.classes, coverage))
}

/// The node that has applied most; among several that of which most others hold the same.
fn reference(contents: &[Content]) -> usize {
    let mut twins: BTreeMap<Hash, usize> = BTreeMap::new();
    for content in contents {
        *twins.entry(content.sums.content_hash).or_default() += 1;
    }
    let rank = |number: &usize| {
        let sums = &contents[*number].sums;
        (sums.applied, twins.get(&sums.content_hash).copied(), std::cmp::Reverse(*number))
    };
    (0..contents.len()).max_by_key(rank).unwrap_or(0)
}

fn total_hash(content: &StoreContent) -> u64 {
    let mut sorted: Vec<_> = content.classes.iter().filter(|class| is_shared(class)).collect();
    sorted.sort_by_key(|class| class.space.prefix());
    // Each is a hash itself; the order counts.
    sorted.iter().fold(0, |sum: u64, class| sum.rotate_left(7).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ class.hash)
}

/// The classes by what people call them, of which several may have one name.
fn by_label(content: &StoreContent) -> Vec<ClassSums> {
    let mut labelled: Vec<ClassSums> = Vec::new();
    for class in &content.classes {
        let space = class.space.label();
        let at = labelled.iter().position(|known| known.space == space).unwrap_or_else(|| {
            labelled.push(ClassSums { space: space.to_owned(), rows: 0, hash: Hash(0), sum: Hash(0) });
            labelled.len() - 1
        });
        let known = &mut labelled[at];
        known.rows += class.rows;
        known.hash.0 = known.hash.0.rotate_left(7) ^ class.hash;
        known.sum.0 = known.sum.0.wrapping_add(class.sum);
    }
    labelled
}

fn classes(contents: &[Content]) -> Vec<ClassOnNodes> {
    let mut by_label: BTreeMap<&str, Vec<(u64, Hash)>> = BTreeMap::new();
    for (number, content) in contents.iter().enumerate() {
        for class in &content.sums.classes {
            let on_nodes = by_label.entry(&class.space).or_insert_with(|| vec![(0, Hash(0)); contents.len()]);
            on_nodes[number] = (class.rows, class.hash);
        }
    }
    let class = |(space, on_nodes): (&str, Vec<(u64, Hash)>)| ClassOnNodes {
        space: space.to_owned(),
        same: on_nodes.windows(2).all(|pair| pair[0] == pair[1]),
        rows: on_nodes.iter().map(|(rows, _)| *rows).collect(),
        hashes: on_nodes.iter().map(|(_, hash)| String::from(*hash)).collect(),
    };
    by_label.into_iter().map(class).collect()
}

/// Says in each finding which nodes hold the same.
fn alone(compared: &mut StoresCompared, contents: &[Content]) {
    let mut alike: BTreeMap<(u64, Hash), Vec<&str>> = BTreeMap::new();
    for (row, content) in compared.stores.iter().zip(contents) {
        let applied = content.sums.applied.unwrap_or_default();
        alike.entry((applied.0, content.sums.content_hash)).or_default().push(&row.node);
    }
    let groups: Vec<_> = alike.values().filter(|nodes| nodes.len() > 1).map(|nodes| nodes.join(" and ")).collect();
    if let [agreeing] = groups.as_slice() {
        for finding in &mut compared.findings {
            // The writing can only fail for want of memory.
            let _ = write!(finding.message, " {agreeing} hold the same rows.");
        }
    }
}
