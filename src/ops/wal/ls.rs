//! `wal ls`

use std::path::PathBuf;

use crate::analysis::server::log::EndKind;
use crate::error::Result;
use crate::readers::source::Run;
use crate::readers::wal::{Item, SegmentScan};
use crate::report::Report;
use crate::report::body::wal::{LsBody, SegmentRow};
use crate::types::ServerVersion;

use super::{join, read_all, segment_path};

/// Lists the segments of the logs at `paths`.
pub fn ls(paths: &[PathBuf], run: &Run<'_>) -> Result<Report<LsBody>> {
    let mut logs = read_all(paths, run)?;
    let (mut segments, mut others) = (Vec::new(), Vec::new());
    for log in &logs {
        let last = log.scan.segments.len().saturating_sub(1);
        for (position, segment) in log.scan.segments.iter().enumerate() {
            segments.push(row(&log.prefix, segment, position == last));
        }
        if !log.scan.dir.partial {
            let dir = &log.scan.dir;
            let names = dir.temporary.iter().chain(&dir.broken).chain(&dir.foreign);
            others.extend(names.map(|entry| segment_path(&log.prefix, &entry.name)));
        }
    }
    let (findings, coverage) = join(&mut logs);
    Ok(Report::new(LsBody { segments, others }, findings, coverage))
}

fn row(prefix: &str, segment: &SegmentScan, last: bool) -> SegmentRow {
    let trace = segment.trace(ServerVersion::NEWEST);
    let spans = || {
        trace.items.iter().filter_map(|item| match item {
            Item::Run(run) => run.entries,
            _ => None,
        })
    };
    let snapshots = trace.items.iter().filter(|item| matches!(item, Item::Snapshot { .. })).count();
    SegmentRow {
        path: segment_path(prefix, &segment.file.file_name),
        seq: segment.seq(),
        name_index: segment.name_index().0,
        size_bytes: segment.size,
        records: trace.records,
        entries: trace.entries,
        first_index: spans().map(|span| span.first.0).min(),
        last_index: spans().map(|span| span.last.0).max(),
        first_term: spans().map(|span| span.term.0).min(),
        last_term: spans().map(|span| span.term.0).max(),
        hard_states: trace.states,
        snapshots: snapshots as u64,
        end: EndKind::of(&trace.stop, last).name(),
        end_offset: trace.stop.at(),
    }
}
