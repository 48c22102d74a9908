//! `wal verify`

use std::path::PathBuf;

use crate::analysis::etcd;
use crate::analysis::judge::codes::gate::START_REFUSED;
use crate::analysis::server::log::{LogRead, read_from, valid_snapshots};
use crate::analysis::{Finding, Severity};
use crate::error::Result;
use crate::readers::source::Run;
use crate::report::Report;
use crate::report::body::wal::{LogVerdict, Reading, VerifyBody};
use crate::types::{ServerVersion, SnapshotId};

use super::{ReadLog, join, read_all};

/// Checks every record of the logs at `paths`, and what each server's start would make of them.
pub fn verify(paths: &[PathBuf], run: &Run<'_>) -> Result<Report<VerifyBody>> {
    let mut logs = read_all(paths, run)?;
    let mut verdicts = Vec::new();
    for log in &mut logs {
        // A single segment is no log that a server could start from, and nobody knows what a server would make of bytes
        // that were not seen.
        let empty = log.scan.segments.is_empty();
        if empty {
            // What a start makes of a missing log depends on the rest of the directory.
            log.coverage.missing(log.prefix.clone(), "it holds no segment; `check` says what that means");
        }
        let whole = !empty && !log.scan.dir.partial && log.scan.unread().is_none();
        let readings: Vec<_> = if whole { ServerVersion::ALL.map(|rules| reading(log, rules)).into() } else { Vec::new() };
        if !log.findings.iter().any(|finding| finding.severity == Severity::Error) {
            log.findings.extend(refusals(log, &readings));
        }
        let traces = || log.scan.segments.iter().map(|segment| segment.trace(ServerVersion::NEWEST));
        verdicts.push(LogVerdict {
            path: log.prefix.clone(),
            segments: log.scan.segments.len() as u64,
            size_bytes: log.scan.total_bytes(),
            records: traces().map(|trace| trace.records).sum(),
            entries: traces().map(|trace| trace.entries).sum(),
            readings,
        });
    }
    let (findings, coverage) = join(&mut logs);
    Ok(Report::new(VerifyBody { logs: verdicts }, findings, coverage))
}

/// A start from the newest snapshot that the log allows; which snapshot files there are is not looked at.
fn reading(log: &ReadLog, engine: ServerVersion) -> Reading {
    let name = if log.scan.owner.is_etcd() { etcd::Generation::of(engine).name() } else { engine.name() };
    let mut reading = Reading { engine: name, snapshot_index: 0, snapshot_term: 0, last_index: None, error: None, repair: None };
    let valid = match valid_snapshots(&log.scan, engine) {
        Ok(valid) => valid,
        Err(error) => {
            reading.error = Some(error.text);
            return reading;
        }
    };
    let newest = valid.snapshots.iter().map(|record| record.id).max().unwrap_or(SnapshotId::default());
    reading.snapshot_index = newest.index.0;
    reading.snapshot_term = newest.term.0;
    let LogRead { result, repair, .. } = read_from(&log.scan, newest, engine);
    reading.repair = repair.and_then(|repair| {
        let name = &log.scan.segments.get(repair.segment)?.file.file_name;
        Some(format!("{name} cut at {}, {} bytes dropped", repair.truncate_at, repair.bytes_dropped))
    });
    match result {
        Ok(content) => {
            let state = content.hard_state;
            if !state.is_empty() && (state.commit < newest.index || state.commit > content.last_index) {
                reading.error =
                    Some(format!("state.commit {} is out of range [{}, {}]", state.commit, newest.index, content.last_index));
            }
            reading.last_index = Some(content.last_index.0);
        }
        Err(error) => reading.error = Some(error.text),
    }
    reading
}

/// Refused starts that no finding about the bytes explains.
fn refusals(log: &ReadLog, readings: &[Reading]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for reading in readings {
        let Some(error) = &reading.error else { continue };
        let message = format!(
            "A start of {} from the snapshot at index {} would be refused: {error}",
            if log.scan.owner.is_etcd() { reading.engine.to_owned() } else { format!("server {}", reading.engine) },
            reading.snapshot_index
        );
        findings.push(Finding::new(&START_REFUSED, message).at(&log.prefix));
    }
    findings
}
