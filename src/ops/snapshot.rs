//! `snapshot ls`, `snapshot stat`, `snapshot diff` and `snapshot rebuild`. `snapshot show` is the page of `inspect` on one file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::group::{one_of, several};
use super::verify_snapshot::{VerifySnapshotOptions, verify};
use crate::analysis::Coverage;
use crate::analysis::judge::snapshot::{Subject, remake, verify_lone_payload};
use crate::analysis::server::log::valid_snapshots;
use crate::error::{Error, Result};
use crate::formats::fsm::body::BodyFormat;
use crate::formats::layout;
use crate::io::IoOptions;
use crate::readers::dump::find_dump;
use crate::readers::fsm_diff::diff_payloads;
use crate::readers::keys::Opener;
use crate::readers::source::Run;
use crate::readers::wal::WalScan;
use crate::readers::{Depth, Discovered, FsmFacts, SnapDir, SnapshotTarget, SnapshotsFound};
use crate::report::Report;
use crate::report::body::snapshot::SnapshotBody;
use crate::report::body::snapshot_diff::{Side, SnapshotDiffBody};
use crate::report::body::snapshot_ls::SnapshotListBody;
use crate::report::body::snapshot_rebuild::SnapshotRebuildBody;
use crate::report::body::snapshot_stat::SnapshotStatBody;
use crate::types::{Count, ServerVersion};

/// Refuses dumps and stores of offloaded snapshots, which another command lists.
fn in_place(paths: &[PathBuf], run: &Run<'_>) -> Result<()> {
    if let Some(path) = paths.iter().find(|path| find_dump(path, &*run.source).is_some()) {
        return Err(Error::Unsuitable {
            path: path.clone(),
            problem: "is a dump of the offline tools".to_owned(),
            hint: "`verify-snapshot` checks it".to_owned(),
        });
    }
    match paths.iter().find(|path| matches!(SnapshotTarget::at(path, &*run.source), Ok(SnapshotTarget::Offloaded(_)))) {
        Some(path) => Err(Error::Unsuitable {
            path: path.clone(),
            problem: "holds offloaded snapshots".to_owned(),
            hint: "`verify-snapshot` lists and checks them".to_owned(),
        }),
        None => Ok(()),
    }
}

/// Verifies the snapshots of nodes, and says what lies beside them and is left to another command.
fn of_nodes(paths: &[PathBuf], options: &VerifySnapshotOptions, run: &Run<'_>) -> Result<(Report<SnapshotBody>, Coverage)> {
    let mut found = paths.iter().map(|path| SnapshotsFound::at(path, &*run.source)).collect::<Result<Vec<_>>>()?;
    let mut beside = Coverage::default();
    for found in &mut found {
        for dump in std::mem::take(&mut found.dumps) {
            beside.skipped(dump.display().to_string(), "it is a dump of the offline tools: `verify-snapshot` checks it");
        }
        found.targets.retain(|(path, target)| {
            let is_offloaded = matches!(target, SnapshotTarget::Offloaded(_));
            if is_offloaded {
                let why = "it holds offloaded snapshots: `verify-snapshot` lists and checks them";
                beside.skipped(path.display().to_string(), why);
            }
            !is_offloaded
        });
    }
    Ok((verify(found, options, run)?, beside))
}

/// Lists the snapshots at or below `paths`. Payloads are not read, only their ends.
pub fn ls(paths: &[PathBuf], run: &Run<'_>) -> Result<Report<SnapshotListBody>> {
    in_place(paths, run)?;
    let options = VerifySnapshotOptions { depth: Depth::Header, ..VerifySnapshotOptions::default() };
    let (Report { body, findings, mut coverage, .. }, beside) = of_nodes(paths, &options, run)?;
    // Said once for all payloads.
    coverage.keep_needed();
    coverage.absorb(beside);
    coverage.skipped("the payloads", "verify-snapshot compares them with their checksums, snapshot stat reads their rows");
    Ok(Report::new(SnapshotListBody::new(&body), findings, coverage))
}

/// Reads every row of the payloads at or below `paths` and counts them by what they belong to.
pub fn stat(paths: &[PathBuf], newest: bool, opener: Option<Arc<Opener>>, run: &Run<'_>) -> Result<Report<SnapshotStatBody>> {
    in_place(paths, run)?;
    let options = VerifySnapshotOptions { depth: Depth::Usage, newest, opener, ..VerifySnapshotOptions::default() };
    let (Report { body, findings, mut coverage, .. }, beside) = of_nodes(paths, &options, run)?;
    coverage.absorb(beside);
    for view in body.snapshots.iter().filter(|view| view.size_bytes.is_some() && view.rows.is_none()) {
        coverage.missing(format!("rows of {}", view.path), "they could not be read to the end");
    }
    if body.snapshots.is_empty() && coverage.not_examined.iter().all(|part| !part.needed) {
        coverage.missing("the rows of a payload", "no payload was read; name a payload or the group directory");
    }
    Ok(Report::new(SnapshotStatBody::new(body), findings, coverage))
}

/// Compares two payloads row by row. At most `shown` of the rows that differ are kept; all of them are counted.
pub fn diff(paths: [&Path; 2], shown: usize, opener: Option<&Opener>, run: &Run<'_>) -> Result<Report<SnapshotDiffBody>> {
    for path in paths {
        if !matches!(SnapshotTarget::at(path, &*run.source)?, SnapshotTarget::Payload(_)) {
            return Err(Error::Unsuitable {
                path: path.to_owned(),
                problem: "is no payload".to_owned(),
                hint: "name two .fsm files".to_owned(),
            });
        }
    }
    let mut body = SnapshotDiffBody::new(shown);
    // Both sides are read at the same time, in order.
    let options = IoOptions { threads: 1, ..IoOptions::default() };
    let diff = diff_payloads(paths, opener, &options, run, &mut |difference| body.add(difference))?;
    let (mut findings, mut coverage) = (Vec::new(), Coverage::default());
    let mut sides = Vec::new();
    for ((path, facts), opened) in paths.into_iter().zip([&diff.first, &diff.second]).zip(&diff.opened) {
        let opened = opened.as_ref();
        let name = run.source.name_of(path);
        let subject = Subject {
            path: path.display().to_string(),
            name: &name,
            facts,
            opened,
            token: None,
            expendable: false,
            depth: Depth::Deep,
        };
        let mut verified = verify_lone_payload(&subject);
        // Which token means a payload was not asked.
        verified.coverage.keep_needed();
        findings.extend(verified.findings);
        coverage.absorb(verified.coverage);
        sides.extend(verified.payloads.iter().map(Side::new));
        if let Some(why) = incomparable(facts) {
            coverage.missing(format!("the rows of {}", subject.path), why);
        }
    }
    if let [first, second] = sides.as_slice()
        && orders_by_time(first) != orders_by_time(second)
    {
        coverage.missing("which rows differ", "the two payloads have different formats and order their rows differently");
    }
    let unknown = body.finish(sides, &diff);
    if unknown > 0 {
        let why = match opener {
            Some(_) => "their envelopes differ, and not both of them were opened",
            None => "their envelopes differ, as those of two nodes always do; --sidecar and --kek open them",
        };
        coverage.missing(format!("whether the values of {} differ", Count(unknown, "sealed row")), why);
    }
    Ok(Report::new(body, findings, coverage))
}

/// True for a payload that keeps commit timestamps beside the keys, where the others have them in the keys, newest first. `None`
/// for one that has no rows.
fn orders_by_time(side: &Side) -> Option<bool> {
    side.body_format.filter(|format| *format != BodyFormat::Empty).map(|format| format == BodyFormat::MvccStream)
}

/// Makes the `.snap` files of a group again from the records of its log and its payloads, without writing them.
pub fn rebuild(path: &Path, run: &Run<'_>) -> Result<Report<SnapshotRebuildBody>> {
    let SnapshotsFound { targets, mut unplaced, .. } = SnapshotsFound::at(path, &*run.source)?;
    let groups = targets.into_iter().find_map(|(_, target)| match target {
        SnapshotTarget::Groups(found) => Some(found.groups),
        _ => None,
    });
    let Some(groups) = groups else {
        return Err(Error::Unsuitable {
            path: path.to_owned(),
            problem: "is no group directory".to_owned(),
            hint: "the log of a group is needed to make its .snap files again".to_owned(),
        });
    };
    let (group, others) = one_of(path, &groups).ok_or_else(|| several(path, &groups))?;
    unplaced.extend(others);
    let found = Discovered { groups: vec![group.clone()], unplaced: Vec::new(), one_each: false };
    let found = SnapshotsFound { targets: vec![(path.to_owned(), SnapshotTarget::Groups(found))], dumps: Vec::new(), unplaced };
    let Report { body: verified, findings, mut coverage, .. } = verify(vec![found], &VerifySnapshotOptions::default(), run)?;
    let mut body = SnapshotRebuildBody { dir: group.display(), snapshots: Vec::new(), retired: 0 };
    let snap = match SnapDir::read(&group.path.join(layout::SNAP), &*run.source) {
        Err(error) if error.is_not_found() => SnapDir::default(),
        read => read?,
    };
    let scan = match WalScan::read(&group.path.join(layout::WAL), run) {
        Ok(scan) if scan.unread().is_some() => Err("a segment could not be read".to_owned()),
        Ok(scan) => Ok(scan),
        Err(error) if error.is_not_found() => Err("there is no log".to_owned()),
        Err(error) => return Err(error),
    };
    let valid = scan
        .as_ref()
        .map_err(String::clone)
        .and_then(|scan| valid_snapshots(scan, ServerVersion::NEWEST).map(|valid| (scan, valid)).map_err(|error| error.text));
    match valid {
        Ok((scan, valid)) => (body.snapshots, body.retired) = remake((scan, &valid), &snap, &verified.snapshots, &body.dir),
        Err(why) => coverage.missing("which snapshots the log records", why),
    }
    Ok(Report::new(body, findings, coverage))
}

/// Why the rows of a payload say nothing beside those of another.
fn incomparable(facts: &FsmFacts) -> Option<&'static str> {
    let FsmFacts::File(file) = facts else { return Some("there is no payload to read") };
    let Some(body) = file.payload.as_ref().and_then(|payload| payload.body.as_deref()) else {
        return Some("they could not be read");
    };
    if !body.is_complete() {
        Some("they could not be read to the end")
    } else if body.rows.unordered.count > 0 {
        Some("they are not in order, so that the same rows may have been counted as different")
    } else {
        None
    }
}
