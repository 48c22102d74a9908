//! The stores of two nodes: by their sums, and by their rows where both are here and the sums differ.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::analysis::judge::divergence::{DivergenceFound, divergence_finding, not_judged};
use crate::analysis::judge::facts::{Hash, StoreFacts, StoreSums};
use crate::analysis::{Coverage, Finding};
use crate::error::{Error, Result};
use crate::formats::kv::{KeySpace, LOCAL_CHUNKS};
use crate::ops::store_diff::{cover_store, diff_judged};
use crate::readers::keys::Opener;
use crate::readers::pebble_scan::KeyRange;
use crate::readers::source::Run;
use crate::readers::store_content::ClassContent;
use crate::readers::store_diff::RowsOf;
use crate::readers::wal::WalScan;
use crate::report::body::compare_stores::{NodeStore, StoreAgreement};
use crate::types::Count;

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
pub(super) struct Content {
    pub sums: StoreSums,
    /// The classes of keys; none of a store that is elsewhere.
    pub here: Option<Vec<ClassContent>>,
}

/// Chunks that each node stores for itself say nothing about others.
pub(super) fn is_shared(class: &ClassContent) -> bool {
    class.space.label() != LOCAL_CHUNKS
}

/// Rows and hash of each class that all nodes hold alike.
fn shared_classes(sums: &StoreSums) -> BTreeMap<&str, (u64, Hash)> {
    let shared = sums.classes.iter().filter(|class| class.space != LOCAL_CHUNKS);
    shared.map(|class| (class.space.as_str(), (class.rows, class.hash))).collect()
}

/// The reference and another node.
pub(super) struct Pair<'n, 'a> {
    pub nodes: [&'n StoreOfNode<'a>; 2],
    pub contents: [&'n Content; 2],
    pub opener: Option<&'a Opener>,
}

impl Pair<'_, '_> {
    /// How the other's rows stand to those of the reference; what they are is counted in `row`.
    pub(super) fn agreement(
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
            let shared = sums.classes.iter().filter(|class| class.space != LOCAL_CHUNKS && class.rows > 0);
            shared.map(|class| (class.space.clone(), (class.rows, class.sum.0))).collect()
        };
        let (mut up_to, mut later) = (sums(ahead), 0_u64);
        for rows in ahead.newest.iter().filter(|rows| rows.commit_ts > at && rows.space != LOCAL_CHUNKS) {
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
