//! Facts of members of etcd: what a comparison has to know, gathered from their directories.

use super::view::{log_view, store_view};
use super::{judged, read, wrote};
use crate::analysis::Coverage;
use crate::analysis::etcd::facts::EtcdFacts;
use crate::analysis::etcd::{EtcdOutcome, EtcdStart, Generation, Judged, SummedEntries};
use crate::analysis::judge::log::settle;
use crate::error::Result;
use crate::formats::facts::{Salt, TermRuns};
use crate::io::now;
use crate::ops::facts::{FactsOptions, redact};
use crate::readers::etcd::{EtcdFound, EtcdMember};
use crate::readers::source::Run;
use crate::report::Report;
use crate::report::body::facts::FactsBody;
use crate::types::{EtcdId, UnixMillis};

/// What the comparison has to know of a member that was read.
pub(super) fn gather(
    member: &EtcdMember,
    judged: &Judged,
    starts: &[EtcdStart],
    salt: &Salt,
    at_most: u64,
    run: &Run<'_>,
) -> (EtcdFacts, Coverage) {
    let version = wrote(member).library();
    let mut coverage = judged.coverage.clone();
    if let Some(scan) = &member.log {
        settle(scan, &member.wal_path(), &mut coverage);
    }
    let readable = member.log.as_ref().filter(|scan| scan.unread().is_none());
    let summed = readable.map(|scan| SummedEntries::of(scan, version, salt, at_most));
    if summed.as_ref().is_some_and(|summed| summed.sums.is_none()) {
        coverage.missing(member.wal_path(), "it changed while its sums were made; try again");
    }
    let (entries, sums) = summed.map_or((TermRuns::default(), None), |summed| (summed.runs, summed.sums));
    let mut findings = judged.findings.clone();
    for finding in &mut findings {
        finding.group = Some(member.place.display());
    }
    let owner = member.owner();
    let facts = EtcdFacts {
        dir: member.place.display(),
        member_id: owner.map(|owner| EtcdId(owner.node_id)),
        cluster_id: owner.map(|owner| EtcdId(owner.cluster_id)),
        written_by: member.log.as_ref().and_then(Generation::that_wrote),
        changed: member.changed(),
        last_written_ms: last_written(member, run),
        log: log_view(member, version),
        entries,
        sums,
        store: store_view(member),
        starts: starts.to_vec(),
        rules: judged.rules.len() as u64,
        findings,
        not_examined: coverage.not_examined.clone(),
    };
    (facts, coverage)
}

/// When a file of the log or of the snapshots was last changed.
fn last_written(member: &EtcdMember, run: &Run<'_>) -> Option<UnixMillis> {
    let segments = member.log.iter().flat_map(|scan| &scan.segments).zip(std::iter::repeat(member.place.wal.as_ref()));
    let segments = segments.filter_map(|(segment, wal)| run.source.modified_at(&wal?.join(&segment.file.file_name)));
    let snaps = member.snaps.iter().flat_map(|snaps| &snaps.snaps).filter_map(|snap| snap.modified);
    segments.chain(snaps).max()
}

/// Gathers the facts of members, with what `check` says of them.
///
/// # Errors
///
/// When a directory cannot be read at all.
pub fn etcd_facts(found: &EtcdFound, options: &FactsOptions, run: &Run<'_>) -> Result<Report<FactsBody>> {
    let taken_at = now().unwrap_or_default();
    let (mut members, mut findings, mut coverage) = (Vec::new(), Vec::new(), Coverage::default());
    for place in &found.places {
        let (member, starts) = read(place, run)?;
        let judged = judged(&member, &starts);
        let (mut facts, own) = gather(&member, &judged, &starts, &options.salt, 0, run);
        coverage.absorb(own);
        for start in starts.iter().take(1).filter(|start| start.outcome == EtcdOutcome::Unknown) {
            coverage.missing(format!("the next start of {}", place.display()), start.unknown.clone().unwrap_or_default());
        }
        facts.findings = std::mem::take(&mut facts.findings).into_iter().map(redact::finding).collect();
        redact::parts(&mut facts.not_examined);
        for start in &mut facts.starts {
            redact::reason(&mut start.unknown);
            start.abort.iter_mut().for_each(|abort| redact::hide(&mut abort.text));
        }
        let one = found.places.len() == 1;
        findings.extend(facts.findings.iter().cloned().map(|mut finding| {
            finding.group = finding.group.filter(|_| !one);
            finding
        }));
        members.push(facts);
    }
    redact::parts(&mut coverage.not_examined);
    let body = FactsBody { etcd: members, ..FactsBody::begun(taken_at, options.fast, options.salt.name()) };
    Ok(Report::new(body, findings, coverage).leave_out(&found.unplaced))
}
