//! `store diff`: the rows of two stores of a group, or of a store and a payload, row by row.

use std::path::{Path, PathBuf};

use super::group::{Opened, Opening};
use crate::analysis::judge::divergence::{AppliedLog, Divergence, DivergenceFound, Logs, divergence_finding, not_judged};
use crate::analysis::judge::nodes::{self, NodeStart, Replica};
use crate::analysis::judge::snapshot::{Subject, VerifiedSet, verify_lone_payload};
use crate::analysis::judge::store::scanned;
use crate::analysis::judge::unread;
use crate::analysis::{Coverage, Finding, Severity};
use crate::error::{Error, Result};
use crate::formats::fsm::FsmName;
use crate::formats::fsm::body::BodyFormat;
use crate::formats::layout;
use crate::formats::mvcc::MetaKey;
use crate::io::IoOptions;
use crate::readers::fsm_file::examine_with;
use crate::readers::group::Reading;
use crate::readers::keys::Opener;
use crate::readers::locate::{group_number, is_group};
use crate::readers::pebble::StoreCheck;
use crate::readers::pebble_scan::KeyRange;
use crate::readers::source::Run;
use crate::readers::store_diff::{DiffedStore, RowsOf, SideRead, StoreDiff, StoreNumbers, diff_stores};
use crate::readers::wal::WalScan;
use crate::readers::{BodyFacts, Depth, EntryKind, FsmFacts, GroupDir, SnapshotTarget, Unplaced, store_dirs};
use crate::report::Report;
use crate::report::body::store_diff::{StoreDiffBody, StoreSide};
use crate::types::{Count, HlcTimestamp, beside};

/// One of the two that are compared.
struct Side {
    /// As the caller named it.
    name: String,
    rows: Rows,
    unplaced: Vec<Unplaced>,
    /// The group around it, if there is one.
    opened: Option<Opened>,
    log: Option<WalScan>,
}

/// What is compared of a side.
enum Rows {
    /// The store in this directory.
    Store(PathBuf),
    /// A payload, what it says of itself, and what is wrong with its bytes.
    Payload(PathBuf, StoreNumbers, Box<VerifiedSet>),
}

impl Rows {
    fn path(&self) -> &Path {
        match self {
            Self::Store(path) | Self::Payload(path, ..) => path,
        }
    }

    fn of(&self) -> RowsOf<'_> {
        match self {
            Self::Store(path) => RowsOf::Store(path),
            Self::Payload(path, numbers, _) => RowsOf::Payload(path, *numbers),
        }
    }

    /// The directory of the group that they are of, if they lie where a group keeps them.
    fn group(&self) -> Option<PathBuf> {
        match self {
            Self::Store(store) => Some(group_of(store)),
            Self::Payload(path, ..) => {
                let folder = path.parent().filter(|folder| folder.file_name().is_some_and(|name| name == layout::PAYLOADS))?;
                Some(group_of(folder))
            }
        }
    }
}

impl Side {
    fn read(path: &Path, run: &Run<'_>) -> Result<Self> {
        let is_file = run.source.look(path).is_ok_and(|standing| standing.kind != EntryKind::Directory);
        let (rows, unplaced) = if is_file { (payload(path, run)?, Vec::new()) } else { store(path, run)? };
        let name = path.display().to_string();
        let Some(group) = rows.group() else { return Ok(Self { name, rows, unplaced, opened: None, log: None }) };
        let is_whole = run.source.list_kinds(&group).is_ok_and(|entries| is_group(&entries));
        if is_whole {
            let opening = Opening { reading: Reading { store: Some(StoreCheck::None) }, ..Opening::default() };
            let opened = Opened::read(&GroupDir::at(&group, &*run.source), &opening, run)?;
            return Ok(Self { name, rows, unplaced, opened: Some(opened), log: None });
        }
        let log = match WalScan::read(&group.join(layout::WAL), run) {
            Ok(log) => Some(log),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        Ok(Self { name, rows, unplaced, opened: None, log })
    }

    /// The group's number, by the name of its directory.
    fn group_id(&self) -> Option<u64> {
        group_number(self.rows.group()?.file_name()?.to_str()?)
    }

    fn log(&self) -> Option<&WalScan> {
        self.log.as_ref().or_else(|| self.opened.as_ref()?.facts.group.log.as_ref())
    }
}

/// The one store at or below a directory.
fn store(path: &Path, run: &Run<'_>) -> Result<(Rows, Vec<Unplaced>)> {
    let (stores, unplaced) = store_dirs(path, &*run.source)?;
    let [store] = stores.as_slice() else {
        let names: Vec<_> = stores.iter().map(|store| store.display().to_string()).collect();
        let text = format!("{}: holds {} stores; name one of {}", path.display(), stores.len(), names.join(", "));
        return Err(Error::Usage(text));
    };
    Ok((Rows::Store(store.clone()), unplaced))
}

/// A payload, read once for what it says of itself: its rows may differ from those of a store for its bytes alone.
fn payload(path: &Path, run: &Run<'_>) -> Result<Rows> {
    let unsuitable = |problem: &str| Error::Unsuitable {
        path: path.to_owned(),
        problem: problem.to_owned(),
        hint: "name a store, a group directory, or a payload (.fsm) with the rows of a Pebble store".to_owned(),
    };
    let name = run.source.name_of(path);
    if name.ends_with(".snap") {
        return Err(unsuitable("is an envelope, which holds no rows"));
    }
    if matches!(SnapshotTarget::at(path, &*run.source), Ok(SnapshotTarget::Offloaded(_))) {
        return Err(unsuitable("is the payload of an offloaded snapshot, which has no footer"));
    }
    run.source.open(path)?;
    let depth = Depth::Deep;
    let io = IoOptions { threads: run.threads, ..IoOptions::default() };
    let facts = examine_with(path, depth.examine(run.source.openable_size(path)), &io, run)?;
    let FsmFacts::File(file) = &facts else { return Err(unsuitable("is no file that can be read")) };
    let format = file.payload.as_ref().and_then(|payload| payload.format);
    if format == Some(BodyFormat::MvccStream) {
        return Err(unsuitable("holds the rows of an in-memory store, which are kept in another form"));
    }
    if !matches!(format, Some(BodyFormat::Empty | BodyFormat::PebbleStream | BodyFormat::SstIngest)) {
        return Err(unsuitable("is neither a store nor a payload that can be read"));
    }
    let body = file.payload.as_ref().and_then(|payload| payload.body.as_deref());
    let number = |key: MetaKey| body.and_then(|body| body.rows.meta.get(&key).copied().flatten());
    // What it was made of had applied at least what its name says.
    let by_name = FsmName::parse(&name).filter(|name| name.canonical).map(|name| name.index);
    let numbers = StoreNumbers {
        applied: file.applied_index().or(by_name),
        last_commit: body.and_then(BodyFacts::last_commit_ts),
        retained: HlcTimestamp(number(MetaKey::MinRetainedTs).max(number(MetaKey::PendingMinRetainedTs)).unwrap_or(0)),
    };
    let shown = path.display().to_string();
    let subject = Subject { path: shown, name: &name, facts: &facts, opened: None, token: None, expendable: false, depth };
    Ok(Rows::Payload(path.to_owned(), numbers, Box::new(verify_lone_payload(&subject))))
}

/// What `compare` says of two groups that have nothing to do with each other.
fn strangers(sides: [&Side; 2]) -> Option<Finding> {
    let [Some(one), Some(other)] = sides.map(|side| side.opened.as_ref()) else { return None };
    let replicas = [one, other].map(|opened| Replica::new(&opened.evidence(), NodeStart::default()));
    nodes::strangers(&replicas.each_ref().map(Replica::identity))
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
    let held = first.log().map_or(0, WalScan::memory);
    let second = beside(held, || Side::read(paths[1], run))?;
    let held = held.saturating_add(second.log().map_or(0, WalScan::memory));
    if let [Some(one), Some(other)] = [&first, &second].map(Side::group_id)
        && one != other
    {
        return Err(Error::Usage(format!(
            "{} and {}: stores of two groups, {one} and {other}; name two nodes' copies of one group",
            first.name, second.name
        )));
    }
    let sides = [&first, &second];
    let names = sides.map(|side| side.rows.path().display().to_string());
    let (mut findings, mut coverage) = (Vec::new(), Coverage::default());
    if let Some(finding) = strangers(sides) {
        coverage.skipped("the rows", "the directories are not of one group");
        return Ok(Report::new(StoreDiffBody::of_strangers(), vec![finding], coverage));
    }
    let everything = [KeyRange::new(None, None, None, true)];
    let logs = sides.iter().filter_map(|side| side.log()).collect::<Vec<_>>();
    let rows = sides.map(|side| side.rows.of());
    let (diff, mut found) = beside(held, || diff_judged(rows, &everything, &logs, keep, opener, run))?;
    let complete = cover_sides(&diff, sides, &names, &mut findings, &mut coverage);
    if !complete {
        found.distrust();
    }
    for side in sides {
        match side.log() {
            Some(log) => {
                coverage.files += log.segments.len() as u64;
                if let Some(unread) = unread::segment(log) {
                    coverage.missing(format!("the log of {}", side.name), unread.sentence());
                }
            }
            None => coverage.skipped(format!("the log of {}", side.name), "there is none beside it"),
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
    Ok(Report::new(body, findings, coverage))
}

/// Compares two stores in `ranges` and judges what differs by the logs that there are.
pub(super) fn diff_judged(
    sides: [RowsOf<'_>; 2],
    ranges: &[KeyRange],
    logs: &[&WalScan],
    keep: usize,
    opener: Option<&Opener>,
    run: &Run<'_>,
) -> Result<(StoreDiff, DivergenceFound)> {
    let logs = logs.iter().map(|scan| AppliedLog::of(scan)).collect();
    // One is kept even if none is to be listed: a finding names it.
    let mut judge = Divergence::new(Logs::new(logs, opener), keep.max(1));
    let diff = diff_stores(sides, ranges, opener, run, &mut judge)?;
    let mut found = judge.finish();
    if keep == 0 {
        found.kept.truncate(1);
    }
    Ok((diff, found))
}

/// What a store that was read through says about itself; false if it is damaged, was not read whole, or not as of one moment. What it
/// seems to lack it may then have.
pub(super) fn cover_store(store: &DiffedStore, name: &str, findings: &mut Vec<Finding>, coverage: &mut Coverage) -> bool {
    let (mut found, covered) = match &store.read {
        SideRead::Store(outcome) => scanned(outcome),
        SideRead::Payload(_) => (Vec::new(), Coverage::default()),
    };
    let is_whole = found.iter().all(|finding| finding.severity != Severity::Error)
        && covered.not_examined.iter().all(|part| !part.needed)
        && store.read.is_through()
        && !store.moved;
    for finding in &mut found {
        finding.group = Some(name.to_owned());
        // Of two stores the path has to say which.
        if let (SideRead::Store(outcome), Some(path)) = (&store.read, &mut finding.path)
            && let Some(below) = path.strip_prefix(&outcome.facts.name).and_then(|below| below.strip_prefix('/'))
        {
            *path = format!("{}/{below}", name.trim_end_matches('/'));
        }
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

fn cover_sides(
    diff: &StoreDiff,
    sides: [&Side; 2],
    names: &[String; 2],
    findings: &mut Vec<Finding>,
    coverage: &mut Coverage,
) -> bool {
    let mut complete = true;
    for ((store, side), name) in diff.sides.iter().zip(sides).zip(names) {
        complete &= cover_store(store, name, findings, coverage);
        if let Rows::Payload(_, _, verified) = &side.rows {
            let is_damaged = verified.findings.iter().any(|finding| finding.severity == Severity::Error);
            complete &= !is_damaged && verified.coverage.not_examined.iter().all(|part| !part.needed);
            findings.extend(verified.findings.iter().cloned());
            coverage.absorb(verified.coverage.clone());
            if !store.read.is_through() && !is_damaged {
                coverage.missing(format!("all rows of {name}"), "it could not be read to its end in order");
            }
        }
    }
    complete
}
