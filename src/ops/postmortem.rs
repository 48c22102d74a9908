//! `report`: the questions that are asked after a failure, one after the other, and what they say on one page. Nothing is judged here
//! that the commands do not judge.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use super::check::{CheckOptions, check};
use super::compare::{CompareOptions, compare};
use super::etcd::{etcd_check, etcd_compare, etcd_gate_dryrun, etcd_places, etcd_verify_snapshot};
use super::gate::{GateOptions, gate_dryrun};
use super::hraft::{
    Backend, hashicorp_check, hashicorp_compare, hashicorp_gate_dryrun, hashicorp_verify_snapshot, hashicorp_wal_stat,
};
use super::store_lsm::store_lsm;
use super::verify_snapshot::{VerifySnapshotOptions, verify_snapshot};
use super::wal;
use crate::analysis::hraft::StartOutcome;
use crate::analysis::server::Outcome;
use crate::analysis::{Coverage, Finding, Verdict};
use crate::error::{Error, Result};
use crate::readers::etcd::EtcdFound;
use crate::readers::source::Run;
use crate::readers::{Depth, GroupDir, discover_paths, store_dirs};
use crate::report::body::postmortem::{Part, PostmortemBody};
use crate::report::body::store_lsm::StoreLsmBody;
use crate::report::{Body, NextStep, Report};

/// What the caller wants to know.
#[derive(Debug, Clone, Default)]
pub struct PostmortemOptions {
    /// Leave out the content of payloads and tables, and the rows of stores.
    pub fast: bool,
    /// The server is started with encryption and this key sidecar.
    pub sidecar: Option<PathBuf>,
    /// And with this file of the key encryption key.
    pub kek: Option<PathBuf>,
    /// The server is started without any encryption flag.
    pub no_encryption: bool,
}

/// The page, and whether a start would be refused, which is no clean end whatever the verdict is.
pub struct Postmortem {
    /// The page.
    pub report: Report<PostmortemBody>,
    /// True when `gate-dryrun` says so of some start.
    pub refused: bool,
}

/// Asks everything about the directories at or below `paths`.
pub fn postmortem(paths: &[PathBuf], options: &PostmortemOptions, run: &Run<'_>) -> Result<Postmortem> {
    if let Backend::Hashicorp(nodes) = Backend::of(paths, &*run.source)? {
        return of_hashicorp(&nodes, run);
    }
    let members = etcd_places(paths, &*run.source)?;
    if members.places.is_empty() { of_elastickv(paths, options, run) } else { of_etcd(paths, &members, run) }
}

fn of_elastickv(paths: &[PathBuf], options: &PostmortemOptions, run: &Run<'_>) -> Result<Postmortem> {
    let PostmortemOptions { fast, sidecar, kek, no_encryption } = options.clone();
    let groups = discover_paths(paths, &*run.source)?.groups;
    // Two copies of one node are two.
    let nodes: BTreeSet<_> = groups.iter().map(node_of).collect();
    let asked = CheckOptions { fast, sidecar: sidecar.clone(), kek: kek.clone(), no_encryption, ..CheckOptions::default() };
    let mut page = Page::begin(check(paths, &asked, run)?);
    let asked = GateOptions { no_body_crc: fast, sidecar, kek, no_encryption, ..GateOptions::default() };
    let forecast = gate_dryrun(paths, &asked, run)?;
    let refused = forecast.body.groups.iter().any(|group| group.forecast.outcome == Outcome::Abort);
    page.add(forecast);
    if on_several_nodes(&groups) {
        page.add(compare(paths, &CompareOptions { fast, ..CompareOptions::default() }, run)?);
    }
    let depth = if fast { Depth::Header } else { Depth::Deep };
    let asked = VerifySnapshotOptions { depth, ..VerifySnapshotOptions::default() };
    page.add_of_each("verify-snapshot", paths, |paths| verify_snapshot(paths, &asked, run))?;
    page.add_of_each("wal-stat", paths, |paths| wal::stat(paths, None, run))?;
    page.add_of_each("store-lsm", paths, |paths| levels(paths, run))?;
    Ok(Postmortem { report: page.end(nodes.len()), refused })
}

/// The levels of every store, each once.
fn levels(paths: &[PathBuf], run: &Run<'_>) -> Result<Report<StoreLsmBody>> {
    let (mut dirs, mut beside) = (BTreeSet::new(), Vec::new());
    for path in paths {
        let (stores, unplaced) = store_dirs(path, &*run.source)?;
        dirs.extend(stores);
        beside.extend(unplaced);
    }
    let report = store_lsm(&dirs.into_iter().collect::<Vec<_>>(), false, run)?;
    Ok(report.leave_out(&beside))
}

/// The directory of the node that the group is of: its own, where it lies in its node's.
fn node_of(group: &GroupDir) -> &Path {
    if group.group_id.is_some() { group.path.parent().unwrap_or(&group.path) } else { &group.path }
}

/// True when there is something to compare: two directories that may be copies of one group. A group that lies in its node's own directory
/// is taken for the first one, as `compare` does.
fn on_several_nodes(groups: &[GroupDir]) -> bool {
    let mut first: HashMap<u64, &Path> = HashMap::new();
    groups.iter().any(|group| {
        let node = node_of(group);
        *first.entry(group.group_id.unwrap_or(1)).or_insert(node) != node
    })
}

fn of_hashicorp(nodes: &[PathBuf], run: &Run<'_>) -> Result<Postmortem> {
    let mut page = Page::begin(hashicorp_check(nodes, None, None, run)?);
    let forecast = hashicorp_gate_dryrun(nodes, None, run)?;
    let refused = forecast.body.groups.iter().any(|node| node.start.outcome == StartOutcome::Abort);
    page.add(forecast);
    if nodes.len() > 1 {
        page.add(hashicorp_compare(nodes, run)?);
    }
    page.add_of_each("verify-snapshot", nodes, |nodes| hashicorp_verify_snapshot(nodes, run))?;
    page.add_of_each("wal-stat", nodes, |nodes| hashicorp_wal_stat(nodes, run))?;
    Ok(Postmortem { report: page.end(nodes.len()), refused })
}

fn of_etcd(paths: &[PathBuf], members: &EtcdFound, run: &Run<'_>) -> Result<Postmortem> {
    let mut page = Page::begin(etcd_check(members, None, run)?);
    page.add(etcd_gate_dryrun(members, run)?);
    if members.places.len() > 1 {
        page.add(etcd_compare(members, run)?);
    }
    page.add_if_any("verify-snapshot", etcd_verify_snapshot(members, run))?;
    page.add_of_each("wal-stat", paths, |paths| wal::stat(paths, None, run))?;
    Ok(Postmortem { report: page.end(members.places.len()), refused: false })
}

/// What has been said so far.
struct Page {
    parts: Vec<Part>,
    findings: Vec<Finding>,
    coverage: Coverage,
    next: Option<NextStep>,
    /// The verdict of the report whose next step that is.
    next_of: Verdict,
}

/// Where a finding is.
type Place = (&'static str, Option<String>, Option<u64>);

fn place(finding: &Finding) -> Place {
    (finding.code.code, finding.path.clone().or_else(|| finding.group.clone()), finding.offset)
}

impl Page {
    /// `check` looks at everything, so that what it has examined is what was examined.
    fn begin<B: Body + Debug + 'static>(check: Report<B>) -> Self {
        let (findings, coverage, next) = (check.findings.clone(), check.coverage.clone(), check.next_step.clone());
        let next_of = check.verdict;
        Self { parts: vec![Part::new(Box::new(check))], findings, coverage, next, next_of }
    }

    /// Adds what a command says. What `check` has said as well is one finding, with the worse of their severities.
    fn add<B: Body + Debug + 'static>(&mut self, report: Report<B>) {
        let mut known: HashMap<Place, usize> = HashMap::with_capacity(self.findings.len());
        for (number, finding) in self.findings.iter().enumerate() {
            known.entry(place(finding)).or_insert(number);
        }
        for finding in &report.findings {
            let number = *known.entry(place(finding)).or_insert(self.findings.len());
            match self.findings.get_mut(number) {
                Some(first) => first.severity = first.severity.min(finding.severity),
                None => self.findings.push(finding.clone()),
            }
        }
        self.coverage.also_left_out(report.coverage.not_examined.iter().cloned());
        let is_worse = self.next_of.worse(report.verdict) != self.next_of;
        if report.next_step.is_some() && (self.next.is_none() || is_worse) {
            self.next.clone_from(&report.next_step);
            self.next_of = report.verdict;
        }
        self.parts.push(Part::new(Box::new(report)));
    }

    /// [`Self::add_if_any`] of all `paths` together; where one of them cannot be asked, of each by itself.
    fn add_of_each<B: Body + Debug + 'static>(
        &mut self,
        command: &str,
        paths: &[PathBuf],
        ask: impl Fn(&[PathBuf]) -> Result<Report<B>>,
    ) -> Result<()> {
        match ask(paths) {
            Err(Error::Interrupted) => Err(Error::Interrupted),
            Err(_) if paths.len() > 1 => {
                paths.iter().try_for_each(|path| self.add_if_any(command, ask(std::slice::from_ref(path))))
            }
            report => self.add_if_any(command, report),
        }
    }

    /// Adds what a command says of something that need not be there: a snapshot, a log, a store. That it is missing is for `check` to
    /// judge; nobody else needs it.
    fn add_if_any<B: Body + Debug + 'static>(&mut self, command: &str, report: Result<Report<B>>) -> Result<()> {
        let report = match report {
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(error) => {
                self.coverage.skipped(format!("what {command} says"), error.to_string());
                return Ok(());
            }
            Ok(report) => report,
        };
        let is_well = self.parts.first().is_some_and(|check| check.report.verdict() == Verdict::Clean);
        if is_well && report.verdict == Verdict::Unknown && report.findings.is_empty() {
            for part in report.coverage.needed() {
                self.coverage.skipped(format!("what {command} says: {}", part.told()), part.why.clone());
            }
            return Ok(());
        }
        self.add(report);
        Ok(())
    }

    fn end(self, nodes: usize) -> Report<PostmortemBody> {
        let Self { parts, findings, coverage, next, .. } = self;
        let report = Report::new(PostmortemBody { nodes, parts }, findings, coverage);
        // Of all that is damaged the error that leads the page, whichever part has it, is explained.
        if report.verdict == Verdict::Damaged { report } else { report.next_step(next) }
    }
}
