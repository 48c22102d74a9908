//! `check`: holds one node's files against the rules of Raft and of the server.

use std::path::PathBuf;
use std::time::Duration;

use super::group_files::{GroupFiles, ReadOptions, groups_below};
use crate::analysis::judge::group::{self, CHECKS, CheckInfo, CheckOutcome, Evidence};
use crate::analysis::{Coverage, Finding, Severity, Verdict, fold};
use crate::error::{Error, Result};
use crate::io::Progress;
use crate::readers::GroupDir;
use crate::report::Report;
use crate::report::body::check::{CheckBody, GroupChecks, GroupEngine, NodeState};

/// How often a directory that changes while it is read is read again, if something looks wrong.
const ATTEMPTS: u32 = 3;
/// Pause before the next attempt.
const PAUSE: Duration = Duration::from_millis(40);

/// What the caller wants to know.
#[derive(Debug, Clone, Default)]
pub struct CheckOptions {
    /// Make these checks only; empty for all.
    pub only: Vec<String>,
    /// Do not make these.
    pub skip: Vec<String>,
    /// Show findings of this severity and worse.
    pub severity: Option<Severity>,
    /// The node's raft id instead of the directory's name.
    pub raft_id: Option<String>,
    /// Do not read payloads.
    pub no_body_crc: bool,
    /// Threads that read and check.
    pub threads: usize,
}

/// Checks every group at or below `paths`.
pub fn check(paths: &[PathBuf], options: &CheckOptions, progress: &dyn Progress) -> Result<Report<CheckBody>> {
    let selected = select(&options.only, &options.skip)?;
    let dirs = groups_below(paths)?;
    if options.raft_id.is_some() && dirs.iter().any(|dir| dir.raft_id != dirs[0].raft_id) {
        return Err(Error::Usage("--raft-id: several nodes are examined; name one node's directory".to_owned()));
    }
    let read = ReadOptions {
        raft_id: options.raft_id.clone(),
        payloads: if options.no_body_crc { 0 } else { u64::MAX },
        threads: options.threads,
    };
    let mut groups = Vec::new();
    let mut findings = Vec::new();
    let mut coverage = Coverage::default();
    for dir in &dirs {
        let (group, found, covered) = one_group(dir, &read, &selected, options.only.is_empty(), progress)?;
        groups.push(group);
        findings.extend(found);
        coverage.absorb(covered);
    }
    if options.no_body_crc {
        coverage.skipped("payloads", "--no-body-crc");
    }
    if selected.len() < CHECKS.len() {
        coverage.skipped(format!("{} checks", CHECKS.len() - selected.len()), "--only or --skip");
    }
    fold(&mut findings);
    let verdict = Verdict::of(&findings, &coverage);
    if let Some(least) = options.severity {
        findings.retain(|finding| finding.severity <= least);
    }
    let next = next_step(verdict, &groups, &findings);
    Ok(Report::new(CheckBody { groups }, findings, coverage).next_step(next))
}

/// The checks that are asked for.
fn select(only: &[String], skip: &[String]) -> Result<Vec<&'static CheckInfo>> {
    for (flag, name) in only.iter().map(|name| ("--only", name)).chain(skip.iter().map(|name| ("--skip", name))) {
        if group::find(name).is_none() {
            return Err(Error::Usage(format!("{flag} {name}: there is no such check; `ekv-tool check --list` shows them all")));
        }
    }
    let has = |list: &[String], info: &CheckInfo| list.iter().any(|name| name == info.code.code);
    Ok(CHECKS.iter().filter(|info| (only.is_empty() || has(only, info)) && !has(skip, info)).collect())
}

/// Reads and checks one group, with the bytes of its log and its store if `bytes` says so; again when it changed meanwhile and something looks wrong.
fn one_group(
    dir: &GroupDir,
    options: &ReadOptions,
    selected: &[&CheckInfo],
    bytes: bool,
    progress: &dyn Progress,
) -> Result<(GroupChecks, Vec<Finding>, Coverage)> {
    for attempt in 1.. {
        let files = GroupFiles::read(dir, options, progress)?;
        let result = judge(&files, selected, bytes);
        let doubtful = result.1.iter().any(|finding| finding.severity != Severity::Info);
        if !files.changed || !doubtful || attempt == ATTEMPTS {
            return Ok(result);
        }
        std::thread::sleep(PAUSE);
    }
    Err(Error::Interrupted)
}

fn judge(files: &GroupFiles, selected: &[&CheckInfo], bytes: bool) -> (GroupChecks, Vec<Finding>, Coverage) {
    let mut coverage = files.coverage.clone();
    let dir = files.dir.display();
    let mut group = GroupChecks {
        dir: dir.clone(),
        raft_id: files.raft_id.clone(),
        group_id: files.dir.group_id,
        engine: files.engine.into(),
        quiescent: !files.changed,
        state: NodeState::default(),
        checks: Vec::new(),
    };
    if let Some(refusal) = files.foreign() {
        group.engine = GroupEngine::Hashicorp;
        coverage.missing(dir, format!("the checks are about the engine in use: {}", refusal.text));
        return (group, Vec::new(), coverage);
    }
    let evidence = files.evidence();
    let (checks, mut findings) = group::run(&evidence, selected);
    group.state = state_of(&evidence);
    for result in &checks {
        if let CheckOutcome::NotCheckable { why } = &result.outcome {
            coverage.missing(format!("{dir}: {}", result.check), why.clone());
        }
    }
    group.checks = checks;
    if bytes {
        // Rules about records mean little where the records themselves are damaged.
        let (found, covered) = files.bytes();
        findings.extend(found);
        coverage.also_left_out(covered.not_examined);
    }
    for finding in &mut findings {
        finding.group = Some(dir.clone());
    }
    (group, findings, coverage)
}

/// What a start would find, for people.
pub(super) fn state_of(evidence: &Evidence<'_>) -> NodeState {
    let log = evidence.log.read();
    let hard_state = log.and_then(group::LogEvidence::hard_state);
    let snapshot = evidence.chosen().map(|(_, contents)| &contents.metadata);
    let last = log.and_then(group::LogEvidence::last_index);
    let first = log.and_then(|log| log.start.as_ref()?.result.as_ref().ok()?.entries.first());
    let store = evidence.store.read();
    NodeState {
        term: hard_state.map(|state| state.term.0),
        commit: hard_state.map(|state| state.commit.0),
        first_index: first.map(|index| index.0),
        last_index: last.map(|index| index.0),
        snapshot_index: snapshot.map(|metadata| metadata.index.0),
        applied_index: store.and_then(|store| store.applied).map(|index| index.0),
        last_commit_ts: store.and_then(|store| store.last_commit),
        members: snapshot.map(|metadata| group::describe_members(&metadata.conf_state, evidence)),
    }
}

/// The one thing to do next.
fn next_step(verdict: Verdict, groups: &[GroupChecks], findings: &[Finding]) -> String {
    let causes = findings.iter().filter(|finding| finding.severity != Severity::Info && finding.derived_from.is_none());
    let worst = causes.min_by_key(|finding| finding.severity);
    if let Some(finding) = worst {
        return format!("ekv-tool explain {}", finding.code.code);
    }
    let dirs: Vec<&str> = groups.iter().map(|group| group.dir.as_str()).collect();
    match (verdict, dirs.as_slice()) {
        (Verdict::Clean, [one]) => format!("ekv-tool gate-dryrun {one}"),
        (Verdict::Clean, _) => "ekv-tool compare with the directories of the same group on several nodes".to_owned(),
        _ => "see what was not examined, and run the command again on a complete copy".to_owned(),
    }
}
