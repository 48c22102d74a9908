//! Directories of etcd: the same questions, by the rules of etcd.

use std::path::PathBuf;
use std::time::Duration;

use crate::analysis::etcd::{
    ComparedMember, EtcdOutcome, EtcdStart, Generation, Judged, compare_members, forecast, judge, judge_snapshots, operations,
};
use crate::analysis::judge::log::settle;
use crate::analysis::server::HardStateView;
use crate::analysis::server::log::{EffectiveLog, valid_snapshots};
use crate::analysis::{Coverage, Finding, Severity};
use crate::error::{Error, Result};
use crate::readers::EntryKind;
use crate::readers::etcd::{EtcdFound, EtcdMember, EtcdPlace, StoreRead, discover_etcd};
use crate::readers::source::{Run, Source};
use crate::report::body::etcd::{EtcdBody, EtcdBucket, EtcdLogView, EtcdSnapshotView, EtcdStoreView, EtcdView, Shown};
use crate::report::body::hraft::page::{Check, Compare, GateDryrun, Inspect, VerifySnapshot};
use crate::report::{Body, Report};
use crate::types::{EtcdId, LogIndex, SnapshotId, grant};

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

/// Whether the logs of the members agree.
pub fn etcd_compare(found: &EtcdFound, run: &Run<'_>) -> Result<Report<EtcdBody<Compare>>> {
    if found.places.len() < 2 {
        return Err(Error::Usage("one directory has nothing to be compared with; name several members' directories".to_owned()));
    }
    let mut all = Parts::default();
    let mut compared = Vec::new();
    for place in &found.places {
        let (member, starts) = read(place, run)?;
        let judged = judged(&member, &starts);
        if let Some(scan) = member.log.as_ref().filter(|scan| scan.unread().is_none()) {
            let version = starts.first().map_or(crate::types::ServerVersion::NEWEST, |start| start.releases.library());
            let entries: u64 = scan.segments.iter().map(|segment| segment.trace(version).entries).sum();
            match grant(entries.saturating_mul(ComparedMember::ENTRY)) {
                Ok(()) => compared.push(ComparedMember::of(place.display(), scan, version)),
                Err(over) => all.coverage.missing(place.display(), over.to_string()),
            }
        }
        all.add(&member, true, view(&member, &judged, starts), judged);
    }
    let first = compared.iter().filter_map(ComparedMember::range).map(|range| range.0);
    if let (Some(least), Some(most)) = (first.clone().min(), first.max())
        && least < most
    {
        let what = format!("entries {least} to {}", most - 1);
        all.coverage.skipped(what, "not every member has them in its log any more");
    }
    all.coverage.skipped("the contents of the stores", "only the logs are compared; `etcdctl endpoint hashkv` compares stores");
    all.findings.extend(compare_members(&compared));
    Ok(all.report(Shown::Comparison).leave_out(&found.unplaced))
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

fn view(member: &EtcdMember, judged: &Judged, starts: Vec<EtcdStart>) -> EtcdView {
    let own = wrote(member);
    let version = own.library();
    let readable = member.log.as_ref().filter(|scan| scan.unread().is_none());
    let valid = readable.and_then(|scan| valid_snapshots(scan, version).ok());
    let snapshots = judged.snapshots.iter().map(|envelope| {
        let id = envelope.index.zip(envelope.term).map(|(index, term)| SnapshotId { term, index });
        let recorded = id.zip(valid.as_ref()).map(|(id, valid)| valid.contains(id));
        EtcdSnapshotView { recorded, envelope: envelope.clone() }
    });
    let owner = member.owner();
    EtcdView {
        dir: member.place.display(),
        member_id: owner.map(|owner| EtcdId(owner.node_id)),
        cluster_id: owner.map(|owner| EtcdId(owner.cluster_id)),
        written_by: member.log.as_ref().and_then(Generation::that_wrote).map(Generation::name),
        log: readable.map(|scan| {
            let log = EffectiveLog::of(scan, version);
            EtcdLogView {
                path: member.wal_path(),
                segments: scan.segments.len() as u64,
                size_bytes: scan.total_bytes(),
                records: log.records,
                entries: log.entries.count(),
                first_index: log.first_index().map(|LogIndex(index)| index),
                last_index: log.last_index().map(|LogIndex(index)| index),
                hard_state: log.hard_state.map(|state| HardStateView {
                    term: state.term.0,
                    vote: state.vote.0,
                    commit: state.commit.0,
                }),
                snapshot_records: log.snapshots.len() as u64,
                operations: operations(scan, &log.entries, version),
            }
        }),
        store: store_view(member),
        buckets: match &member.store {
            StoreRead::Read(store) => {
                let bucket =
                    |bucket: &crate::readers::hraft::BucketFact| EtcdBucket { name: bucket.name.clone(), keys: bucket.keys };
                store.survey.buckets.iter().map(bucket).collect()
            }
            StoreRead::NotAsked | StoreRead::Absent | StoreRead::Unreadable(_) => Vec::new(),
        },
        snapshots: snapshots.collect(),
        starts,
        rules: judged.rules.len() as u64,
    }
}

fn store_view(member: &EtcdMember) -> Option<EtcdStoreView> {
    let store = member.store.read()?;
    Some(EtcdStoreView {
        path: member.store_path(),
        size_bytes: store.survey.size,
        consistent_index: store.content.consistent_index,
        term: store.content.term,
        storage_version: store.content.storage_version.clone(),
        revision: store.content.revision.map(|revision| revision.main),
        compacted_revision: store.content.compacted.map(|revision| revision.main),
        changes: store.content.changes,
        deletions: store.content.deletions,
        pages: store.survey.reached,
        problems: store.survey.problems.len() as u64 + store.survey.more_problems,
    })
}
