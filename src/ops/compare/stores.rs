//! The contents of the stores of several nodes: a hash per class of keys first, rows only of the classes whose hashes differ.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::analysis::judge::divergence::{DivergenceFound, RowWriters, divergence_finding, not_judged};
use crate::analysis::judge::facts::{ClassSums, CommitSums, Hash, StoreFacts, StoreSums};
use crate::analysis::server::log::EffectiveLog;
use crate::analysis::{Coverage, Finding};
use crate::error::{Error, Result};
use crate::formats::facts::Salt;
use crate::formats::kv::KeySpace;
use crate::ops::store_diff::{cover_store, diff_judged};
use crate::readers::keys::Opener;
use crate::readers::pebble_scan::KeyRange;
use crate::readers::source::Run;
use crate::readers::store_content::{ClassContent, StoreContent, Summing, store_content};
use crate::readers::store_diff::RowsOf;
use crate::readers::wal::WalScan;
use crate::report::body::compare_stores::{ClassOnNodes, NodeStore, StoreAgreement};
use crate::types::{Count, LogIndex, ServerVersion};

/// Entries at the end of a log that are asked which rows they write.
const LOOKED_AT: u64 = 4 << 10;
/// Rows that differ and are looked at closely, of each pair.
const KEPT: usize = 8;

/// The store of one node.
pub(super) struct StoreOfNode<'a> {
    /// The node's raft id, or its directory.
    pub name: String,
    /// The store as the caller named it.
    pub shown: String,
    /// Where its rows are.
    pub rows: RowsAt<'a>,
    /// Files changed while they were read.
    pub changed: bool,
}

/// Where the rows of a store are.
pub(super) enum RowsAt<'a> {
    /// Here, with the log beside the store.
    Here { dir: PathBuf, log: Option<&'a WalScan> },
    /// Elsewhere; a file of facts has sums of them.
    Taken(&'a StoreFacts),
}

/// What one store holds.
struct Content {
    sums: StoreSums,
    /// The classes of keys; none of a store that is elsewhere.
    here: Option<Vec<ClassContent>>,
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
    let entry_of = |key: &[u8], deletes| writers.as_ref().and_then(|writers| writers.entry_of(key, deletes));
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

/// The reference and another node.
struct Pair<'n, 'a> {
    nodes: [&'n StoreOfNode<'a>; 2],
    contents: [&'n Content; 2],
    opener: Option<&'a Opener>,
}

impl Pair<'_, '_> {
    fn agreement(
        &self,
        row: &mut NodeStore,
        findings: &mut Vec<Finding>,
        coverage: &mut Coverage,
        run: &Run<'_>,
    ) -> Result<StoreAgreement> {
        // Both are undamaged and were read whole.
        let whole = self.contents.iter().all(|content| content.sums.read_through);
        let of_rows = match self.contents.map(|content| content.here.as_deref()) {
            [Some(one), Some(other)] => Some(ranges(&differing(one, other))),
            _ => None,
        };
        let same = match &of_rows {
            Some(ranges) => ranges.is_empty(),
            None => shared_classes(&self.contents[0].sums) == shared_classes(&self.contents[1].sums),
        };
        match (whole, same, of_rows) {
            (true, true, _) => Ok(StoreAgreement::Same),
            (false, true, _) => Ok(StoreAgreement::Unknown),
            (_, false, Some(ranges)) => self.compare(&ranges, whole, row, findings, coverage, run),
            (_, false, None) => {
                let [one, other] = self.nodes.map(|node| &node.name);
                if let Some(later) = self.later_rows().filter(|_| whole) {
                    row.explained = later;
                    let what = format!("whether {} of {one} are what the log says", Count(later, "row"));
                    coverage.skipped(
                        what,
                        format!("entries behind what {other} has applied write them; facts hold their sums alone"),
                    );
                    return Ok(StoreAgreement::Explained);
                }
                let applied = self.contents.map(|content| content.sums.applied.map_or("?".to_owned(), |index| index.to_string()));
                let why = format!(
                    "facts hold a sum of each class of keys and not the rows; they have applied {} and {}; `ekv-tool compare` of the \
                     directories tells, or `ekv-tool store diff` of copies of the two",
                    applied[0], applied[1]
                );
                coverage.missing(format!("which rows of the stores of {one} and {other} differ"), why);
                Ok(StoreAgreement::Unknown)
            }
        }
    }

    /// Rows of the reference that entries wrote which the other has not applied, when both hold the same but for these.
    fn later_rows(&self) -> Option<u64> {
        let [ahead, behind] = self.contents.map(|content| &content.sums);
        let at = behind.last_commit?;
        let applied = behind.applied?;
        if ahead.applied? <= applied || at < ahead.newest_behind {
            return None;
        }
        let sums = |sums: &StoreSums| -> BTreeMap<String, (u64, u64)> {
            let shared = sums.classes.iter().filter(|class| class.space != LOCAL && class.rows > 0);
            shared.map(|class| (class.space.clone(), (class.rows, class.sum.0))).collect()
        };
        let (mut up_to, mut later) = (sums(ahead), 0_u64);
        for rows in ahead.newest.iter().filter(|rows| rows.commit_ts > at && rows.space != LOCAL) {
            // Rows that no entry writes which only this one has applied must not be there.
            if rows.written != rows.rows || rows.first_entry <= applied {
                return None;
            }
            let (left, sum) = up_to.get_mut(&rows.space)?;
            (*left, *sum) = (left.checked_sub(rows.rows)?, sum.wrapping_sub(rows.sum.0));
            later = later.saturating_add(rows.rows);
        }
        up_to.retain(|_, (rows, _)| *rows > 0);
        (up_to == sums(behind)).then_some(later)
    }

    fn compare(
        &self,
        ranges: &[KeyRange],
        whole: bool,
        row: &mut NodeStore,
        findings: &mut Vec<Finding>,
        coverage: &mut Coverage,
        run: &Run<'_>,
    ) -> Result<StoreAgreement> {
        let [RowsAt::Here { dir: one, log: log_of_one }, RowsAt::Here { dir: other, log: log_of_other }] =
            self.nodes.map(|node| &node.rows)
        else {
            return Ok(StoreAgreement::Unknown);
        };
        let stores = [one, other].map(|dir| RowsOf::Store(dir));
        let logs: Vec<_> = [log_of_one, log_of_other].into_iter().filter_map(|log| *log).collect();
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
        let doubtful = !(whole && read_through) || self.nodes.iter().any(|node| node.changed);
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
        } else if row.unknown > 0 || !(whole && read_through) {
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

/// What each node stores for itself.
const LOCAL: &str = "s3-chunk-local";

/// Chunks that each node stores for itself say nothing about others.
fn is_shared(class: &ClassContent) -> bool {
    class.space.label() != LOCAL
}

/// Rows and hash of each class that all nodes hold alike.
fn shared_classes(sums: &StoreSums) -> BTreeMap<&str, (u64, Hash)> {
    let shared = sums.classes.iter().filter(|class| class.space != LOCAL);
    shared.map(|class| (class.space.as_str(), (class.rows, class.hash))).collect()
}

fn total_hash(content: &StoreContent) -> u64 {
    let mut sorted: Vec<_> = content.classes.iter().filter(|class| is_shared(class)).collect();
    sorted.sort_by_key(|class| class.space.prefix());
    // Each is a hash itself; the order counts.
    sorted.iter().fold(0, |sum: u64, class| sum.rotate_left(7).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ class.hash)
}

/// The classes of which two stores do not hold the same.
fn differing(one: &[ClassContent], other: &[ClassContent]) -> Vec<KeySpace> {
    let of = |classes: &[ClassContent], space: KeySpace| {
        classes.iter().find(|class| class.space == space).map(|class| (class.rows, class.hash))
    };
    let all = one.iter().chain(other).filter(|class| is_shared(class));
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
