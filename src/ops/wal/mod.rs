//! Questions about the Raft log.

mod dump;
mod etcd_fields;
mod fields;
mod ls;
mod pass;
mod schema;
mod show;
mod stat;
mod verify;

use std::path::{Path, PathBuf};

use super::advice;
use crate::analysis::judge::log::{judge_segments, settle};
use crate::analysis::judge::unread;
use crate::analysis::{Coverage, Finding};
use crate::error::Result;
use crate::readers::locate::{LogTarget, logs};
use crate::readers::source::Run;
use crate::readers::wal::{Change, LogWatch, WalScan, WatchedLog};
use crate::types::ServerVersion;

pub use dump::{DumpFilter, dump};
pub use ls::ls;
pub(super) use pass::{Standing, Standings};
pub use show::{RecordRef, show};
pub use stat::stat;
pub use verify::verify;

/// A log that was read.
#[derive(Debug)]
pub struct ReadLog {
    /// The log directory as reports name it.
    pub prefix: String,
    /// Its content.
    pub scan: WalScan,
    /// What is wrong or odd about its bytes.
    pub findings: Vec<Finding>,
    /// What was read.
    pub coverage: Coverage,
}

/// Rescans of a log whose end was being written.
const ATTEMPTS: usize = 3;

/// Reads one log and examines its bytes. A log that a live node is writing to is read again when its end looks wrong.
pub fn read(target: &LogTarget, run: &Run<'_>) -> Result<ReadLog> {
    read_watched(target, &(), run).map(|(log, _)| log)
}

/// What was noted of each segment, and of each copy that repair set aside.
pub(super) type Notes<N> = (Vec<N>, Vec<N>);

/// As [`read`], with somebody who sees the entries.
pub(super) fn read_watched<W: LogWatch>(target: &LogTarget, watch: &W, run: &Run<'_>) -> Result<(ReadLog, Notes<W::Notes>)> {
    let mut attempt = 1;
    loop {
        let WatchedLog { scan, segments, set_aside } = if target.dir.partial {
            WalScan::read_listed_watched(target.dir.clone(), watch, run)?
        } else {
            WalScan::read_watched(&target.dir.path, watch, run)?
        };
        let unsettled = scan.segments.last().is_some_and(|last| {
            let trace = last.trace(ServerVersion::NEWEST);
            last.change == Some(Change::Modified) && (!trace.stop.is_end() || trace.beyond.is_some())
        });
        if unsettled && attempt < ATTEMPTS {
            attempt += 1;
            continue;
        }
        let (mut findings, coverage) = judge_segments(&scan, &target.prefix);
        // The group is the directory around the log.
        let path = if target.dir.path.as_os_str().is_empty() { Path::new(".") } else { &target.dir.path };
        advice::fit(&mut findings, &path.join(".."), &*run.source);
        let log = ReadLog { prefix: target.prefix.clone(), scan, findings, coverage };
        return Ok((log, (segments, set_aside)));
    }
}

/// Reads all logs at `paths`.
fn read_all(paths: &[PathBuf], run: &Run<'_>) -> Result<Vec<ReadLog>> {
    let mut read_logs = Vec::new();
    for path in paths {
        let (targets, unplaced) = logs(path, &*run.source)?;
        for (number, target) in targets.iter().enumerate() {
            let mut log = read(target, run)?;
            if number == 0 {
                unread::cover_unplaced(&unplaced, &mut log.coverage);
            }
            read_logs.push(log);
        }
    }
    Ok(read_logs)
}

/// Joins what the examination of several logs gave; with more than one, findings say whose they are.
fn join(logs: &mut [ReadLog]) -> (Vec<Finding>, Coverage) {
    let several = logs.len() > 1;
    let (mut findings, mut coverage) = (Vec::new(), Coverage::default());
    for log in logs {
        let mut found = std::mem::take(&mut log.findings);
        if several {
            for finding in &mut found {
                finding.group = Some(log.prefix.clone());
            }
        }
        findings.append(&mut found);
        coverage.absorb(std::mem::take(&mut log.coverage));
        settle(&log.scan, &log.prefix, &mut coverage);
    }
    (findings, coverage)
}

/// The name of a segment in reports.
pub(super) fn segment_path(prefix: &str, file_name: &str) -> String {
    if prefix.is_empty() { file_name.to_owned() } else { format!("{prefix}/{file_name}") }
}
