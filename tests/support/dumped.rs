//! What `wal dump` writes of a log of hashicorp/raft, as JSON.

use ekv_tool::error::Result;
use ekv_tool::report::body::hraft::page::{HashiBody, WalDump};
use ekv_tool::report::{OutputFormat, Report, RowStream, Style};
use serde_json::Value;

/// Runs a dump; returns the report and its rows.
pub fn dumped(
    dump: impl FnOnce(&mut RowStream<'_>) -> Result<Report<HashiBody<WalDump>>>,
) -> (Report<HashiBody<WalDump>>, Vec<Value>) {
    let mut out = Vec::new();
    let mut rows = RowStream::new(OutputFormat::Json, Style::default(), HashiBody::LIST, &mut out);
    let report = dump(&mut rows).unwrap();
    rows.finish(&report).unwrap();
    let whole: Value = serde_json::from_slice(&out).unwrap();
    let entries = whole["entries"].as_array().unwrap().clone();
    assert_eq!(report.body.nodes[0].facts["entries_written"], entries.len());
    (report, entries)
}
