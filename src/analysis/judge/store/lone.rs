//! What one file of a store says about itself, without the others.

use crate::analysis::judge::codes::files::FILE_DAMAGED;
use crate::analysis::{Coverage, Finding};
use crate::formats::pebble::RecordsEnd;
use crate::readers::pebble_table::TableProblem;

/// Something at an offset of a file that does not fit its format.
pub fn damaged(path: &str, at: u64, message: impl Into<String>) -> Finding {
    Finding::new(&FILE_DAMAGED, message).at(path).offset(at)
}

/// A problem of a table; `what` says what it keeps from being read. What is not damage leaves that unknown.
pub fn table_problem(path: &str, problem: &TableProblem, what: &str, coverage: &mut Coverage) -> Option<Finding> {
    let TableProblem { kind, block, offset, length, expected, found, detail } = problem;
    if !kind.is_damage() {
        coverage.missing(format!("what stands at {offset} of {path}"), detail.clone());
        return None;
    }
    let block = block.map_or_else(String::new, |block| format!(" ({} block)", block.name()));
    let mut finding = Finding::new(&FILE_DAMAGED, format!("{what}{block}: {detail}.")).at(path).range(*offset, *length);
    finding.expected.clone_from(expected);
    finding.found.clone_from(found);
    Some(finding)
}

/// How a file of records ends. Zeros to the end of the file are space reserved in advance; anything else behind a bad chunk may be a torn
/// write or lost data, which one file alone does not tell.
pub fn records_end(path: &str, end: RecordsEnd, bytes: &[u8], coverage: &mut Coverage) -> Option<Finding> {
    let (at, defect) = (end.at(), end.defect()?);
    let behind = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
    if at == 0 && behind.iter().any(|byte| *byte != 0) {
        return Some(damaged(path, at, format!("No record can be read: {defect}.")));
    }
    if let RecordsEnd::Corrupt { proof, .. } = end {
        let message = format!("A chunk that had been synced cannot be read: {defect}; the chunk at {proof} proves it.");
        return Some(damaged(path, at, message));
    }
    if behind.iter().any(|byte| *byte != 0) {
        let why = "whether it is a torn write or lost data is not told by this file alone; use store verify";
        coverage.missing(format!("what follows offset {at} of {path}"), why);
    }
    None
}
