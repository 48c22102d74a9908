//! `store diff`: the rows of two stores of a group, row by row.

use std::path::{Path, PathBuf};

use crate::analysis::judge::divergence::{AppliedLog, Divergence, DivergenceFound, Logs, divergence_finding, not_judged};
use crate::analysis::judge::store::scanned;
use crate::analysis::judge::unread;
use crate::analysis::{Coverage, Finding, Severity};
use crate::error::{Error, Result};
use crate::formats::layout;
use crate::readers::keys::Opener;
use crate::readers::locate::group_number;
use crate::readers::pebble_scan::KeyRange;
use crate::readers::source::Run;
use crate::readers::store_diff::{DiffedStore, StoreDiff, diff_stores};
use crate::readers::wal::WalScan;
use crate::readers::{EntryKind, Unplaced, store_dirs};
use crate::report::body::store_diff::{StoreDiffBody, StoreSide};
use crate::report::{NextStep, Report};
use crate::types::{Count, beside};

/// One of the two that are compared.
struct Side {
    /// As the caller named it.
    name: String,
    store: PathBuf,
    unplaced: Vec<Unplaced>,
    log: Option<WalScan>,
}

impl Side {
    fn read(path: &Path, run: &Run<'_>) -> Result<Self> {
        if run.source.look(path).is_ok_and(|standing| standing.kind != EntryKind::Directory) {
            return Err(Error::Unsuitable {
                path: path.to_owned(),
                problem: "is no store".to_owned(),
                hint: "name two stores or group directories; `snapshot diff` compares two payloads".to_owned(),
            });
        }
        let (stores, unplaced) = store_dirs(path, &*run.source)?;
        let [store] = stores.as_slice() else {
            return Err(Error::Usage(format!("{}: holds {} stores; name one of them", path.display(), stores.len())));
        };
        let log = match WalScan::read(&group_of(store).join(layout::WAL), run) {
            Ok(log) => Some(log),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        Ok(Self { name: path.display().to_string(), store: store.clone(), unplaced, log })
    }

    /// The group's number, by the name of its directory.
    fn group_id(&self) -> Option<u64> {
        group_number(group_of(&self.store).file_name()?.to_str()?)
    }
}

/// The group that a store is of: the directory around it.
fn group_of(store: &Path) -> PathBuf {
    match store.parent() {
        Some(parent) if store.file_name().is_some() && !parent.as_os_str().is_empty() => parent.to_owned(),
        Some(_) if store.file_name().is_some() => PathBuf::from("."),
        _ => store.join(".."),
    }
}

/// Compares two stores row by row. At most `keep` of the rows that differ are listed; all of them are counted.
pub fn store_diff(paths: [&Path; 2], keep: usize, opener: Option<&Opener>, run: &Run<'_>) -> Result<Report<StoreDiffBody>> {
    let first = Side::read(paths[0], run)?;
    let held = first.log.as_ref().map_or(0, WalScan::memory);
    let second = beside(held, || Side::read(paths[1], run))?;
    let held = held.saturating_add(second.log.as_ref().map_or(0, WalScan::memory));
    if let [Some(one), Some(other)] = [&first, &second].map(Side::group_id)
        && one != other
    {
        return Err(Error::Usage(format!(
            "{} and {}: stores of two groups, {one} and {other}; name two nodes' copies of one group",
            first.name, second.name
        )));
    }
    let everything = [KeyRange::new(None, None, None, true)];
    let sides = [&first, &second];
    let logs = sides.iter().filter_map(|side| side.log.as_ref()).collect::<Vec<_>>();
    let (diff, mut found) =
        beside(held, || diff_judged(sides.map(|side| side.store.as_path()), &everything, &logs, keep, opener, run))?;
    let names = sides.map(|side| side.store.display().to_string());
    let (mut findings, mut coverage) = (Vec::new(), Coverage::default());
    let complete = cover_sides(&diff, &names, &mut findings, &mut coverage);
    if !complete {
        found.distrust();
    }
    for side in sides {
        match &side.log {
            Some(log) => {
                coverage.files += log.segments.len() as u64;
                if let Some(unread) = unread::segment(log) {
                    coverage.missing(format!("the log of {}", side.name), unread.sentence());
                }
            }
            None => coverage.skipped(format!("the log of {}", side.name), "there is none beside the store"),
        }
        unread::cover_unplaced(&side.unplaced, &mut coverage);
    }
    let called = [(first.name.as_str(), names[0].as_str()), (second.name.as_str(), names[1].as_str())];
    let mut divergence = divergence_finding(&found, called);
    if let Some(finding) = &mut divergence
        && diff.alike.rows == 0
    {
        finding.message.push_str(" Not one row is the same in both: they may be stores of two groups.");
    }
    findings.extend(divergence);
    not_judged(&found, called, opener.is_some(), true, &mut coverage);
    let views = names.iter().zip(&diff.sides).map(|(name, store)| StoreSide::new(name.clone(), store));
    let body = StoreDiffBody::new(views.collect(), complete, diff.alike.rows, diff.alike.sealed_once, &found);
    let next = NextStep::explain_first_error(&findings);
    Ok(Report::new(body, findings, coverage).next_step(next))
}

/// Compares two stores in `ranges` and judges what differs by the logs that there are.
pub(super) fn diff_judged(
    stores: [&Path; 2],
    ranges: &[KeyRange],
    logs: &[&WalScan],
    keep: usize,
    opener: Option<&Opener>,
    run: &Run<'_>,
) -> Result<(StoreDiff, DivergenceFound)> {
    let logs = logs.iter().map(|scan| AppliedLog::of(scan)).collect();
    // One is kept even if none is to be listed: a finding names it.
    let mut judge = Divergence::new(Logs::new(logs, opener), keep.max(1));
    let diff = diff_stores(stores, ranges, opener, run, &mut judge)?;
    let mut found = judge.finish();
    if keep == 0 {
        found.kept.truncate(1);
    }
    Ok((diff, found))
}

/// What a store that was read through says about itself; false if it is damaged, was not read whole, or not as of one moment. What it
/// seems to lack it may then have.
pub(super) fn cover_store(store: &DiffedStore, name: &str, findings: &mut Vec<Finding>, coverage: &mut Coverage) -> bool {
    let (mut found, covered) = scanned(&store.outcome);
    let is_whole = found.iter().all(|finding| finding.severity != Severity::Error)
        && covered.not_examined.iter().all(|part| !part.needed)
        && store.outcome.stopped.is_none()
        && !store.moved;
    for finding in &mut found {
        finding.group = Some(name.to_owned());
    }
    findings.extend(found);
    coverage.absorb(covered);
    if let Some(opened) = store.opened.as_ref().filter(|opened| opened.closed > 0) {
        let why = "they do not open; `store scan` with the same keys names them";
        coverage.missing(format!("{} of {name}", Count(opened.closed, "sealed row")), why);
    }
    if store.moved {
        coverage.missing(format!("{name} as of one moment"), "a server was writing to it while it was read; try again");
    }
    is_whole
}

fn cover_sides(diff: &StoreDiff, names: &[String; 2], findings: &mut Vec<Finding>, coverage: &mut Coverage) -> bool {
    let mut complete = true;
    for (store, name) in diff.sides.iter().zip(names) {
        complete &= cover_store(store, name, findings, coverage);
    }
    complete
}
