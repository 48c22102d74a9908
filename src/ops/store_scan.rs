//! `store scan`: the newest state of every key of a store, written while it is read.

use std::ops::ControlFlow;
use std::path::Path;

use crate::analysis::judge::store::scanned;
use crate::error::{Error, Result};
use crate::io::Progress;
use crate::readers::pebble_scan::{KeyRange, walk};
use crate::report::body::store_scan::{RawRow, RowMaker, StoreScanBody};
use crate::report::{Report, RowStream};

/// What is asked of a scan.
#[derive(Debug, Clone)]
pub struct ScanOptions {
    /// The keys.
    pub range: KeyRange,
    /// End after this many rows.
    pub limit: Option<u64>,
    /// Keys and values as stored, not taken apart.
    pub raw: bool,
    /// Bytes of a value that are shown.
    pub value_bytes: usize,
}

/// Writes the keys of the store in `dir` to `rows`. Returns what was passed, for the end of the stream.
pub fn store_scan(
    dir: &Path,
    options: &ScanOptions,
    progress: &dyn Progress,
    rows: &mut RowStream<'_>,
) -> Result<Report<StoreScanBody>> {
    let ScanOptions { range, limit, raw, value_bytes } = options;
    let mut maker = RowMaker::default();
    let mut written = Ok(false);
    let mut limited = false;
    let outcome = walk(dir, range.start(), progress, &mut |live| {
        if range.is_past(live.key) {
            return ControlFlow::Break(());
        }
        if !range.contains(live.key) {
            return ControlFlow::Continue(());
        }
        if *limit == Some(rows.written()) {
            limited = true;
            return ControlFlow::Break(());
        }
        written = if *raw { rows.row(&RawRow::new(live, *value_bytes)) } else { rows.row(&maker.row(live, *value_bytes)) };
        if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    written.map_err(Error::Output)?;
    let outcome = outcome?;
    let (findings, coverage) = scanned(&outcome);
    let body = StoreScanBody {
        dir: dir.display().to_string(),
        rows_shown: rows.written(),
        live_keys: outcome.stats.live,
        keys: outcome.stats.keys,
        records: outcome.stats.records,
        limited,
        views: outcome.views,
    };
    Ok(Report::new(body, findings, coverage))
}
