//! Questions about the Raft log.

mod dump;
mod fields;
mod ls;
mod show;
mod stat;
mod verify;

use std::path::{Path, PathBuf};

use super::advice;
use crate::analysis::judge::log::{judge_segments, settle};
use crate::analysis::judge::unread;
use crate::analysis::{Coverage, Finding};
use crate::error::{Error, Result};
use crate::formats::layout;
use crate::io::EntryKind;
use crate::readers::source::Run;
use crate::readers::source::Source;
use crate::readers::wal::{Change, WalDir, WalScan};
use crate::readers::{Discovered, Unplaced, discover_all, is_group};
use crate::types::ServerVersion;

pub use dump::{DumpFilter, dump};
pub use ls::ls;
pub use show::{RecordRef, show};
pub use stat::stat;
pub use verify::verify;

/// A log that was found below a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogTarget {
    /// The log directory as reports name it.
    pub prefix: String,
    /// Its listing, narrowed to one segment when one was named.
    pub dir: WalDir,
}

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

/// Finds the logs at `path`: a segment, a log directory, a group directory, or a node or raft data directory with several
/// groups.
pub fn locate(path: &Path, source: &dyn Source) -> Result<Vec<LogTarget>> {
    locate_all(path, source).map(|(targets, _)| targets)
}

/// As [`locate`], with what lies beside the groups and what in them is no log.
fn locate_all(path: &Path, source: &dyn Source) -> Result<(Vec<LogTarget>, Vec<Unplaced>)> {
    let standing = source.look(path).map_err(|error| Error::io(path, "examine the path", error))?;
    if standing.kind != EntryKind::Directory {
        let Some(dir) = WalDir::of_segment(path, source)? else {
            return Err(unsuitable(path, "is not named like a log segment"));
        };
        let prefix = path.parent().map(|parent| parent.display().to_string()).unwrap_or_default();
        return Ok((vec![LogTarget { prefix, dir }], Vec::new()));
    }
    let target = |path: PathBuf| WalDir::list(&path, source).map(|dir| LogTarget { prefix: path.display().to_string(), dir });
    let entries = source.list(path)?;
    let has_log = |entries: &[crate::io::DirEntry]| {
        entries.iter().any(|entry| entry.name == layout::WAL && entry.kind == EntryKind::Directory)
    };
    let direct = target(path.to_owned())?;
    if !direct.dir.segments.is_empty() || (path.file_name().is_some_and(|name| name == layout::WAL) && !has_log(&entries)) {
        return Ok((vec![direct], Vec::new()));
    }
    if has_log(&entries) {
        return Ok((vec![target(path.join(layout::WAL))?], discover_all(path, source)?.unplaced));
    }
    if is_group(&entries) {
        return Err(unsuitable(path, "has no log: there is no directory wal in it"));
    }
    let mut targets = Vec::new();
    let Discovered { groups, mut unplaced, .. } = discover_all(path, source)?;
    for group in groups {
        let read = source
            .list(&group.path)
            .and_then(|entries| if has_log(&entries) { target(group.path.join(layout::WAL)).map(Some) } else { Ok(None) });
        match read {
            Ok(Some(found)) => targets.push(found),
            Ok(None) => {
                let why = "the group has no log: there is no directory wal in it".to_owned();
                unplaced.push(Unplaced { path: group.path.join(layout::WAL), why, needed: true });
            }
            Err(error) => unplaced.push(Unplaced { path: group.path, why: error.reason(), needed: true }),
        }
    }
    if targets.is_empty() { Err(unsuitable(path, "has no log at or below it")) } else { Ok((targets, unplaced)) }
}

fn unsuitable(path: &Path, problem: &str) -> Error {
    Error::Unsuitable {
        path: path.to_owned(),
        problem: problem.to_owned(),
        hint: "name a segment or its .wal.broken, a wal directory, a group directory or a node directory".to_owned(),
    }
}

/// Rescans of a log whose end was being written.
const ATTEMPTS: usize = 3;

/// Reads one log and examines its bytes. A log that a live node is writing to is read again when its end looks wrong.
pub fn read(target: &LogTarget, run: &Run<'_>) -> Result<ReadLog> {
    let mut attempt = 1;
    loop {
        let scan = if target.dir.partial {
            WalScan::read_listed(target.dir.clone(), run)?
        } else {
            WalScan::read(&target.dir.path, run)?
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
        return Ok(ReadLog { prefix: target.prefix.clone(), scan, findings, coverage });
    }
}

/// Reads all logs at `paths`.
fn read_all(paths: &[PathBuf], run: &Run<'_>) -> Result<Vec<ReadLog>> {
    let mut logs = Vec::new();
    for path in paths {
        let (targets, unplaced) = locate_all(path, &*run.source)?;
        for (number, target) in targets.iter().enumerate() {
            let mut log = read(target, run)?;
            if number == 0 {
                unread::cover_unplaced(&unplaced, &mut log.coverage);
            }
            logs.push(log);
        }
    }
    Ok(logs)
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
fn segment_path(prefix: &str, file_name: &str) -> String {
    if prefix.is_empty() { file_name.to_owned() } else { format!("{prefix}/{file_name}") }
}
