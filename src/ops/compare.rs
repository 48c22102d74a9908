//! `compare`: holds the copies of a group on several nodes against each other.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::gate::{GateOptions, gate_dryrun};
use super::group_files::{GroupFiles, ReadOptions, groups_below};
use crate::analysis::compare::{self, Replica};
use crate::analysis::{Coverage, Finding, Severity};
use crate::error::{Error, Result};
use crate::io::Progress;
use crate::readers::pebble::StoreCheck;
use crate::report::Report;
use crate::report::body::compare::{CompareBody, GroupComparison};

/// What the caller wants to know.
#[derive(Debug, Clone, Default)]
pub struct CompareOptions {
    /// Threads that read and check.
    pub threads: usize,
}

/// Compares every group that at least two of the nodes at or below `paths` hold.
pub fn compare(paths: &[PathBuf], options: &CompareOptions, progress: &dyn Progress) -> Result<Report<CompareBody>> {
    let dirs = groups_below(paths)?;
    if dirs.len() < 2 {
        return Err(Error::Usage("one directory has nothing to be compared with; name several nodes' directories".to_owned()));
    }
    // Tables of segment sizes and checksums are not needed here, so payloads are not read whole.
    let read = ReadOptions { raft_id: None, payloads: false, threads: options.threads };
    let mut coverage = Coverage::default();
    let mut by_group: BTreeMap<Option<u64>, Vec<GroupFiles>> = BTreeMap::new();
    for dir in &dirs {
        let files = GroupFiles::read(dir, &read, progress)?;
        coverage.absorb(files.coverage.clone());
        if let Some(refusal) = files.foreign() {
            coverage.missing(dir.display(), refusal.text);
            continue;
        }
        by_group.entry(dir.group_id).or_default().push(files);
    }
    coverage.skipped("payloads", "compare looks at their stated checksums only; verify-snapshot reads them");
    let starts = starts(&dirs.iter().map(|dir| dir.path.clone()).collect::<Vec<_>>(), options, progress);
    let mut groups = Vec::new();
    let mut findings = Vec::new();
    for (group_id, files) in by_group {
        if let [alone] = files.as_slice() {
            coverage.skipped(alone.dir.display(), "only one node holds this group");
            continue;
        }
        let replicas: Vec<_> = files.iter().map(|files| Replica::new(files.evidence())).collect();
        let (mut comparison, mut found) = compare::compare(&replicas);
        for node in &mut comparison.nodes {
            node.start = starts.get(&node.dir).cloned();
        }
        for files in files.iter().filter(|files| files.changed) {
            // A later copy has a later commit: only what is certain stays an error.
            for finding in found.iter_mut().filter(|finding| finding.code.code == "cross-under-replicated") {
                finding.severity = finding.severity.max(Severity::Warning);
            }
            coverage.skipped(files.dir.display(), "files changed while they were read");
        }
        findings.append(&mut found);
        for files in &files {
            if let Some(log) = &files.log
                && log.segments.iter().any(|segment| !segment.trace(files.engine).stop.is_end())
            {
                let why = "its log cannot be decoded to its end; see `wal verify`";
                coverage.missing(files.dir.display(), why);
            }
        }
        groups.push(GroupComparison { group_id, comparison });
    }
    if groups.is_empty() && findings.is_empty() {
        coverage.missing("everything", "no group is held by two of the given nodes");
    }
    let next = next_step(&groups, &findings);
    Ok(Report::new(CompareBody { groups }, findings, coverage).next_step(next))
}

/// What the next start of each directory does, in a word.
fn starts(paths: &[PathBuf], options: &CompareOptions, progress: &dyn Progress) -> BTreeMap<String, String> {
    let gate = GateOptions {
        no_body_crc: true,
        store_check: Some(StoreCheck::Meta),
        threads: options.threads,
        ..GateOptions::default()
    };
    let mut starts = BTreeMap::new();
    for path in paths {
        // A forecast that cannot be made leaves the column empty; it is no part of the comparison.
        let Ok(report) = gate_dryrun(std::slice::from_ref(path), &gate, progress) else { continue };
        for group in report.body.groups {
            let outcome = match &group.forecast.abort {
                Some(_) => "refused".to_owned(),
                None => serde_json::to_value(group.forecast.outcome)
                    .ok()
                    .and_then(|value| value.as_str().map(str::to_owned))
                    .unwrap_or_default(),
            };
            starts.insert(group.dir, outcome);
        }
    }
    starts
}

/// The one thing to do next.
fn next_step(groups: &[GroupComparison], findings: &[Finding]) -> String {
    let worst = findings.iter().filter(|finding| finding.severity != Severity::Info).min_by_key(|finding| finding.severity);
    if let Some(finding) = worst {
        return format!("ekv-tool explain {}", finding.code.code);
    }
    let first = groups.first().and_then(|group| group.comparison.restart_order.first().map(|id| (group, id)));
    let dir = first.and_then(|(group, id)| group.comparison.nodes.iter().find(|node| node.raft_id == *id));
    dir.map_or_else(
        || "name the directories of the same group on several nodes".to_owned(),
        |node| format!("ekv-tool gate-dryrun {}", node.dir),
    )
}
