//! Directories of etcd: the same questions, by the rules of etcd.

mod compare;
mod facts;
mod view;

use std::path::PathBuf;
use std::time::Duration;

use crate::analysis::etcd::{EtcdOutcome, EtcdStart, Generation, Judged, forecast, judge, judge_snapshots};
use crate::analysis::judge::log::settle;
use crate::analysis::{Coverage, Finding, Severity};
use crate::error::{Error, Result};
use crate::readers::EntryKind;
use crate::readers::etcd::{EtcdFound, EtcdMember, EtcdPlace, discover_etcd};
use crate::readers::source::{Run, Source};
use crate::report::body::etcd::{EtcdBody, EtcdView, Shown};
use crate::report::body::hraft::page::{Check, GateDryrun, Inspect, VerifySnapshot};
use crate::report::{Body, Report};

use view::view;

pub use compare::{EtcdCopy, etcd_compare, etcd_compare_told};
pub use facts::etcd_facts;

/// How often a member that changes while it is read is read again.
const ATTEMPTS: u32 = 4;
/// Pause before the next attempt.
const PAUSE: Duration = Duration::from_millis(40);

/// The members of etcd that `paths` name; none when they name something else.
///
/// # Errors
///
/// Members of etcd beside directories that are none.
pub fn etcd_places(paths: &[PathBuf], source: &dyn Source) -> Result<EtcdFound> {
    let mut found = EtcdFound::default();
    let mut other = None;
    for path in paths {
        let EtcdFound { places, unplaced } = match source.kind_at(path) {
            Some(EntryKind::Directory) => discover_etcd(path, source)?,
            _ => EtcdFound::default(),
        };
        if places.is_empty() {
            other = Some(path);
        }
        found.places.extend(places);
        found.unplaced.extend(unplaced);
    }
    match (found.places.first(), other) {
        (Some(own), Some(other)) => Err(Error::Usage(format!(
            "{}: not a directory of etcd, which {} is; name directories of one kind",
            other.display(),
            own.display()
        ))),
        _ => Ok(found),
    }
}

/// Holds the files of each member against the log, the store and each other.
pub fn etcd_check(found: &EtcdFound, severity: Option<Severity>, run: &Run<'_>) -> Result<Report<EtcdBody<Check>>> {
    let mut report = report(found, Shown::All, run)?;
    if let Some(least) = severity {
        report.findings.retain(|finding| finding.severity <= least);
    }
    Ok(report)
}

/// One page on each member.
pub fn etcd_inspect(found: &EtcdFound, run: &Run<'_>) -> Result<Report<EtcdBody<Inspect>>> {
    report(found, Shown::Page, run)
}

/// What the next start of each member does.
pub fn etcd_gate_dryrun(found: &EtcdFound, run: &Run<'_>) -> Result<Report<EtcdBody<GateDryrun>>> {
    report(found, Shown::Start, run)
}

/// Whether the snapshots are intact.
pub fn etcd_verify_snapshot(found: &EtcdFound, run: &Run<'_>) -> Result<Report<EtcdBody<VerifySnapshot>>> {
    let mut all = Parts::default();
    for place in &found.places {
        let (member, _) = read(place, run)?;
        let judged = judge_snapshots(&member);
        let mut view = view(&member, &judged, Vec::new());
        // The log and the store were looked at for what they say of the snapshots, and not judged.
        (view.store, view.buckets) = (None, Vec::new());
        all.add(&member, found.places.len() > 1, view, judged);
        if member.snaps.is_none() {
            all.coverage.missing(place.display(), "there is no directory of snapshots");
        }
    }
    Ok(all.report(Shown::Snapshots).leave_out(&found.unplaced))
}

fn report<Q>(found: &EtcdFound, shown: Shown, run: &Run<'_>) -> Result<Report<EtcdBody<Q>>>
where
    EtcdBody<Q>: Body,
{
    let mut all = Parts::default();
    for place in &found.places {
        let (member, starts) = read(place, run)?;
        let judged = judged(&member, &starts);
        // A page on the part that was named says what is there.
        let asked = place.is_whole() || shown != Shown::Page;
        for start in starts.iter().take(1).filter(|start| asked && start.outcome == EtcdOutcome::Unknown) {
            let why = start.unknown.clone().unwrap_or_default();
            all.coverage.missing(format!("the next start of {}", place.display()), why);
        }
        all.add(&member, found.places.len() > 1, view(&member, &judged, starts), judged);
    }
    Ok(all.report(shown).leave_out(&found.unplaced))
}

/// Reads a member until it rests, and forecasts its start: first that of the releases that wrote it.
fn read(place: &EtcdPlace, run: &Run<'_>) -> Result<(EtcdMember, Vec<EtcdStart>)> {
    let mut member = EtcdMember::read(place, run)?;
    for _ in 1..ATTEMPTS {
        if !member.changed() {
            break;
        }
        std::thread::sleep(PAUSE);
        member = EtcdMember::read(place, run)?;
    }
    let own = wrote(&member);
    let mut generations = Generation::ALL;
    generations.sort_by_key(|generation| *generation != own);
    let starts = generations.map(|generation| forecast(&member, generation));
    Ok((member, starts.into()))
}

fn wrote(member: &EtcdMember) -> Generation {
    member.log.as_ref().and_then(Generation::that_wrote).unwrap_or(Generation::UpTo36)
}

fn judged(member: &EtcdMember, starts: &[EtcdStart]) -> Judged {
    let mut judged = match starts.first() {
        Some(start) => judge(member, start),
        None => judge_snapshots(member),
    };
    if member.changed() {
        // What looks like damage may be the reader's own doing.
        judged.findings.retain(|finding| finding.severity != Severity::Error);
        judged.coverage.missing(member.place.display(), "it changed during every attempt to read it; try again");
    }
    judged
}

/// What the members of a run say together.
#[derive(Default)]
struct Parts {
    members: Vec<EtcdView>,
    findings: Vec<Finding>,
    coverage: Coverage,
}

impl Parts {
    fn add(&mut self, member: &EtcdMember, several: bool, view: EtcdView, judged: Judged) {
        let Judged { mut findings, coverage, .. } = judged;
        if several {
            for finding in &mut findings {
                finding.group = Some(member.place.display());
            }
        }
        self.findings.append(&mut findings);
        self.coverage.absorb(coverage);
        if let Some(scan) = &member.log {
            settle(scan, &member.wal_path(), &mut self.coverage);
        }
        self.members.push(view);
    }

    fn report<Q>(self, shown: Shown) -> Report<EtcdBody<Q>>
    where
        EtcdBody<Q>: Body,
    {
        Report::new(EtcdBody::new(self.members, shown), self.findings, self.coverage)
    }
}
