//! `facts`: everything that a comparison has to know of a node, as a file that can be sent where the other nodes' are.

pub(super) mod redact;

use std::path::PathBuf;

use crate::analysis::judge::facts::{GroupFacts, StoreFacts, StoreState};
use crate::analysis::judge::nodes::Replica;
use crate::analysis::judge::unread;
use crate::analysis::{Coverage, NotExamined, Verdict};
use crate::error::Result;
use crate::formats::facts::Salt;
use crate::formats::layout;
use crate::io::now;
use crate::ops::check::{CheckOptions, check};
use crate::ops::compare::stores::store_sums;
use crate::ops::compare::{CompareOptions, ReadNode, source_of};
use crate::ops::envelopes;
use crate::ops::gate::{GateOptions, gate_dryrun};
use crate::ops::group::leave_out;
use crate::readers::source::Run;
use crate::readers::{Discovered, GroupDir, discover_paths, settle};
use crate::report::Report;
use crate::report::body::facts::FactsBody;
use crate::types::beside;

/// What the caller wants to know.
#[derive(Debug, Clone, Default)]
pub struct FactsOptions {
    /// Leave out the rows of the stores, and the content of payloads and tables.
    pub fast: bool,
    /// What is mixed into the sums.
    pub salt: Salt,
}

/// Gathers the facts of every group at or below `paths`, with what `check` and `gate-dryrun` say of them.
pub fn facts(paths: &[PathBuf], options: &FactsOptions, run: &Run<'_>) -> Result<Report<FactsBody>> {
    let taken_at = now().unwrap_or_default();
    let Discovered { groups: dirs, unplaced, .. } = discover_paths(paths, &*run.source)?;
    let mut left_out = Coverage::default();
    unread::cover_unplaced(&unplaced, &mut left_out);
    let compare = CompareOptions { opener: None, fast: options.fast, salt: options.salt, names: Vec::new() };
    let mut groups = Vec::new();
    for dir in &dirs {
        let node = match settle(|| ReadNode::read(dir, &compare, run)) {
            Ok(node) => node,
            Err(error) => {
                leave_out(error, &dir.display(), dirs.len() > 1, &mut left_out)?;
                continue;
            }
        };
        if let Some(why) = node.left_out() {
            left_out.missing(dir.display(), why);
            continue;
        }
        groups.push(beside(node.opened.log_memory(), || of_node(&node, options, run))?);
    }
    // As far as the comparison reads, so that both say the same of a start.
    let payloads_up_to = Some(compare.payloads_up_to());
    // By their directories, so that a group inside of another's has a forecast too.
    let named: Vec<PathBuf> = dirs.iter().map(|dir| dir.path.clone()).collect();
    let mut forecasts = gate_dryrun(&named, &GateOptions { payloads_up_to, ..GateOptions::default() }, run)?.body.groups;
    forecasts.iter_mut().for_each(redact::forecast);
    let checked = check(paths, &CheckOptions { fast: options.fast, ..CheckOptions::default() }, run)?;
    let mut coverage = checked.coverage;
    coverage.also_left_out(left_out.not_examined.iter().cloned());
    coverage.also_left_out(groups.iter().flat_map(unread_of).cloned());
    redact::parts(&mut coverage.not_examined);
    redact::parts(&mut left_out.not_examined);
    let mut findings: Vec<_> = checked.findings.into_iter().map(redact::finding).collect();
    // What the comparison found of a node by itself: with `fast` it reads more than the checks.
    for finding in groups.iter().flat_map(|group| &group.findings) {
        if !findings.iter().any(|known| known.code.code == finding.code.code && known.group == finding.group) {
            findings.push(finding.clone());
        }
    }
    let next = checked.next_step.filter(|_| Verdict::of(&findings, &coverage) != Verdict::Clean);
    let body = FactsBody {
        single_groups: is_of_single_groups(paths, &dirs),
        groups,
        left_out: left_out.not_examined,
        forecasts,
        ..FactsBody::begun(taken_at, options.fast, options.salt.name())
    };
    Ok(Report::new(body, findings, coverage).next_step(next))
}

/// True when each of `paths` is the directory of one group by itself, so that what else the node has was not looked for.
fn is_of_single_groups(paths: &[PathBuf], found: &[GroupDir]) -> bool {
    paths.iter().all(|path| {
        let mut below = found.iter().filter(|dir| dir.path.starts_with(path));
        below.next().is_some_and(|dir| dir.path == *path) && below.next().is_none()
    })
}

/// What of a group was not read and should have been.
fn unread_of(group: &GroupFacts) -> impl Iterator<Item = &NotExamined> {
    group.not_examined.iter().chain(&group.store.not_examined).filter(|part| part.needed)
}

/// The facts of one group.
fn of_node(node: &ReadNode, options: &FactsOptions, run: &Run<'_>) -> Result<GroupFacts> {
    let opened = &node.opened;
    let group = &opened.facts.group;
    let replica = Replica::new(&opened.evidence(), node.start.clone());
    let findings = node.by_itself().into_iter().map(redact::finding).collect();
    let log = replica.sums(&options.salt);
    let store = store_of(node, options, run)?;
    let mut audited = envelopes::audit(&[source_of(opened, None)], run)?;
    let mut coverage = node.coverage.clone();
    if group.log.is_some() && log.is_none() {
        coverage.missing(opened.path(layout::WAL), "it changed while its sums were made; try again");
    }
    coverage.also_left_out(audited.coverage.not_examined);
    opened.settle(&mut coverage);
    redact::parts(&mut coverage.not_examined);
    let mut start = node.start.clone();
    redact::reason(&mut start.reason);
    Ok(GroupFacts {
        group_id: group.dir.group_id,
        engine: opened.version,
        node: replica.facts,
        start,
        log,
        log_is_cut: node.log_is_cut(),
        changed: node.changed,
        last_written_ms: group.last_written(),
        largest_payload: opened.largest_payload(),
        findings,
        not_examined: coverage.not_examined,
        store,
        encryption: audited.census.pop().flatten(),
        encryption_findings: audited.findings.into_iter().map(redact::finding).collect(),
    })
}

fn store_of(node: &ReadNode, options: &FactsOptions, run: &Run<'_>) -> Result<StoreFacts> {
    let state = node.store_state();
    if options.fast || state != StoreState::Opens {
        return Ok(StoreFacts { state, content: None, not_examined: Vec::new() });
    }
    let dir = node.opened.facts.group.dir.path.join(layout::STORE);
    let log = node.opened.facts.group.log.as_ref();
    let (content, _, mut coverage) =
        store_sums(&dir, &node.opened.path(layout::STORE), node.changed, None, Some((&options.salt, log)), run)?;
    redact::parts(&mut coverage.not_examined);
    Ok(StoreFacts { state, content, not_examined: coverage.not_examined })
}
