//! `store get` of a name: every row that belongs to it, in one walk over the few places where they can lie.

use std::path::Path;

use super::sealed_value;
use crate::analysis::judge::envelopes::Closed;
use crate::analysis::judge::store::scanned;
use crate::analysis::{Coverage, Finding};
use crate::error::Result;
use crate::formats::kv::{LogicalKey, Selection};
use crate::formats::mvcc::{RowKey, StoreKey};
use crate::readers::keys::Opener;
use crate::readers::pebble_scan::{KeyRange, Live, Step, walk_ranges};
use crate::readers::source::Run;
use crate::report::body::store_name::{NameRow, NameRows};
use crate::report::body::store_scan::Inside;
use crate::types::HlcTimestamp;

/// What is asked about a name.
pub(super) struct NameRequest {
    /// Only versions committed at or before this.
    pub at: Option<HlcTimestamp>,
    /// How many versions of each key.
    pub versions: usize,
    /// How many rows are listed.
    pub limit: usize,
}

/// What a store holds under a name.
pub(super) struct Named {
    /// The rows.
    pub rows: NameRows,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What was not read.
    pub coverage: Coverage,
}

/// The rows that belong to `name`: of each key at most so many versions as are asked for, newest first.
pub(super) fn rows_of_name(
    dir: &Path,
    name: &LogicalKey<'static>,
    asked: &NameRequest,
    opener: Option<&Opener>,
    run: &Run<'_>,
) -> Result<Named> {
    let selection = Selection::of(name.clone());
    let ranges = KeyRange::of_prefixes(&selection.prefixes());
    let mut rows = NameRows::new(asked.limit);
    let mut closed = Closed::default();
    let store = dir.display().to_string();
    let mut present = Present::default();
    let outcome = walk_ranges(dir, &ranges, run, &mut |live| {
        let StoreKey::Row(row) = StoreKey::of(live.key) else { return Step::Next };
        if !selection.matches(row.user_key) {
            return selection.next_place(live.key).map_or(Step::Next, Step::Leap);
        }
        if asked.at.is_none_or(|at| row.commit_ts <= at) {
            if present.admits(row, asked.versions) {
                rows.add(|| shown(live, row, opener, &store, &mut closed));
            } else {
                rows.older += 1;
            }
        }
        Step::Next
    })?;
    let (mut findings, mut coverage) = scanned(&outcome);
    findings.extend(closed.finish("the store", &mut coverage));
    Ok(Named { rows, findings, coverage })
}

/// The key that is being shown, and how many of its versions were.
#[derive(Default)]
struct Present {
    key: Vec<u8>,
    versions: usize,
}

impl Present {
    fn admits(&mut self, row: RowKey<'_>, versions: usize) -> bool {
        if self.versions == 0 || self.key != row.user_key {
            self.key.clear();
            self.key.extend_from_slice(row.user_key);
            self.versions = 0;
        }
        self.versions += 1;
        self.versions <= versions
    }
}

fn shown(live: Live<'_>, row: RowKey<'_>, opener: Option<&Opener>, store: &str, closed: &mut Closed) -> NameRow {
    let mut view = NameRow::new(row, live.value, live.trailer);
    sealed_value::opened((live.key, live.value), opener, store, closed, |inside| match inside {
        Inside::Untried => {}
        Inside::Opened { clear, shown } => view.open(row, clear, shown),
        Inside::Closed => view.opened = Some(false),
    });
    view
}
