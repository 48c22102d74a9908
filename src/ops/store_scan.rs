//! `store scan`: the newest state of every key of a store, written while it is read.

use std::path::Path;

use super::sealed_value;
use crate::analysis::judge::envelopes::Closed;
use crate::analysis::judge::store::scanned;
use crate::error::{Error, Result};
use crate::formats::kv::Selection;
use crate::formats::mvcc::StoreKey;
use crate::readers::keys::Opener;
use crate::readers::pebble_scan::{KeyRange, Step, walk_ranges};
use crate::readers::source::Run;
use crate::report::body::store_scan::{RawRow, RowMaker, StoreScanBody};
use crate::report::{Report, RowStream};

/// What is asked of a scan.
#[derive(Debug, Clone)]
pub struct ScanOptions {
    /// The keys.
    pub range: KeyRange,
    /// Only keys that belong to these names; `range` is then not looked at.
    pub names: Option<Selection>,
    /// End after this many rows.
    pub limit: Option<u64>,
    /// Keys and values as stored, not taken apart.
    pub raw: bool,
    /// Bytes of a value that are shown.
    pub value_bytes: usize,
}

/// Writes the keys of the store in `dir` to `rows`; with an opener, sealed values are opened. Returns what was passed, for the end
/// of the stream.
pub fn store_scan(
    dir: &Path,
    options: &ScanOptions,
    opener: Option<&Opener>,
    run: &Run<'_>,
    rows: &mut RowStream<'_>,
) -> Result<Report<StoreScanBody>> {
    let ScanOptions { range, names, limit, raw, value_bytes } = options;
    let mut maker = RowMaker::default();
    let mut written = Ok(false);
    let mut limited = false;
    let mut closed = Closed::default();
    let path = dir.display().to_string();
    let ranges = match names {
        Some(names) => KeyRange::of_prefixes(&names.prefixes()),
        None => vec![range.clone()],
    };
    let outcome = walk_ranges(dir, &ranges, run, &mut |live| {
        match names {
            Some(names) if !names.matches_stored(StoreKey::of(live.key)) => {
                return names.next_place(live.key).map_or(Step::Next, Step::Leap);
            }
            None if !range.contains(live.key) => return Step::Next,
            _ => {}
        }
        if *limit == Some(rows.written()) {
            limited = true;
            return Step::Enough;
        }
        if *raw {
            written = rows.row(&RawRow::new(live, *value_bytes));
        } else {
            written = sealed_value::opened((live.key, live.value), opener, &path, &mut closed, |inside| {
                rows.row(&maker.row(live, *value_bytes, inside))
            });
        }
        if written.is_ok() { Step::Next } else { Step::Enough }
    });
    written.map_err(Error::Output)?;
    let outcome = outcome?;
    let (mut findings, mut coverage) = scanned(&outcome);
    findings.extend(closed.finish("the store", &mut coverage));
    let body = StoreScanBody {
        dir: path,
        rows_shown: rows.written(),
        live_keys: outcome.stats.live,
        keys: outcome.stats.keys,
        records: outcome.stats.records,
        limited,
        views: outcome.views,
    };
    Ok(Report::new(body, findings, coverage))
}
