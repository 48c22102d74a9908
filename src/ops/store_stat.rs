//! `store stat`: who uses the space of a store.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use crate::analysis::judge::envelopes::Closed;
use crate::analysis::judge::store::scanned;
use crate::analysis::{Coverage, Finding};
use crate::crypto::Opened;
use crate::error::{Error, Result};
use crate::formats::envelope::Envelope;
use crate::formats::kv::{CatalogRoute, Shown};
use crate::formats::mvcc::{MetaKey, ROW_HEADER_LEN, RowHeader, StoreKey, is_sealed, meta_value};
use crate::readers::keys::Opener;
use crate::readers::pebble::{KeyState, Store, StorePresence, TableTrouble};
use crate::readers::pebble_scan::{KeyRange, Live, Step, walk_open, walk_views};
use crate::readers::source::Run;
use crate::readers::usage::{Route, UsageCollector, UsageRequest};
use crate::report::Report;
use crate::report::body::store_stat::{StoreStat, StoreStatBody};
use crate::types::{Count, HlcTimestamp, free_budget};

/// Where the catalog keeps its routes.
const ROUTES: &[u8] = b"!dist|route|";
/// How often a store that compacts its routes away under the reader is looked at.
const ROUNDS: u32 = 5;

/// Who uses the space of each store. At most `top` of the largest names, keys and values are listed.
pub fn store_stat(dirs: &[PathBuf], top: usize, opener: Option<&Opener>, run: &Run<'_>) -> Result<Report<StoreStatBody>> {
    let mut stores = Vec::new();
    let (mut findings, mut coverage) = (Vec::new(), Coverage::default());
    for dir in dirs {
        let (stat, mut found, covered) = one(dir, top, opener, run)?;
        if dirs.len() > 1 {
            for finding in &mut found {
                finding.group = Some(stat.dir.clone());
            }
        }
        stores.push(stat);
        findings.extend(found);
        coverage.absorb(covered);
    }
    Ok(Report::new(StoreStatBody { stores }, findings, coverage))
}

fn one(dir: &Path, top: usize, opener: Option<&Opener>, run: &Run<'_>) -> Result<(StoreStat, Vec<Finding>, Coverage)> {
    for _ in 1..ROUNDS {
        if let Some(stat) = in_one_pass(dir, top, opener, run, true)? {
            return Ok(stat);
        }
    }
    let stat = in_one_pass(dir, top, opener, run, false)?;
    stat.ok_or_else(|| Error::Usage("the store could not be looked at".to_owned()))
}

/// Opens the store once, asks it for what the pass must know before, and shows it every row. `None` when a compaction took the routes
/// away before they were read, and the caller will have it tried again.
fn in_one_pass(
    dir: &Path,
    top: usize,
    opener: Option<&Opener>,
    run: &Run<'_>,
    again: bool,
) -> Result<Option<(StoreStat, Vec<Finding>, Coverage)>> {
    let name = dir.display().to_string();
    let everything = [KeyRange::new(None, None, None, true)];
    let (mut closed, mut sealed) = (Closed::default(), 0);
    let mut usage = None;
    // What the view says that the first row is read from.
    let (asked, begun) = (Cell::new(None), Cell::new(false));
    let mut before = Ok(true);
    let mut opened = |store: &Store| {
        if !begun.get() {
            before = Before::of(store, dir, run).map(|Before { as_of, routes, vanished }| {
                asked.set(Some(UsageRequest { as_of, routes, top }));
                !(vanished && again)
            });
        }
        matches!(before, Ok(true))
    };
    let mut visit = |live: Live<'_>| {
        let usage = usage.get_or_insert_with(|| {
            begun.set(true);
            UsageCollector::new(asked.take().unwrap_or_default())
        });
        let mut inside = None;
        // Flags that say so come first: most rows are in clear text.
        if live.value.first().is_some_and(|flags| *flags > 1) && is_sealed(live.key, live.value) {
            let envelope = Envelope::decode(live.value.get(ROW_HEADER_LEN..).unwrap_or_default());
            match opener.map(|opener| opener.row(live.key, live.value)) {
                Some(Ok(clear)) => inside = Some(clear),
                Some(Err(error)) => {
                    closed.add(&format!("Row {}", Shown(live.key)), name.clone(), None, envelope.as_ref().ok(), &error);
                }
                None => sealed += 1,
            }
        }
        usage.row(live.key, live.value.len() as u64, live.value, inside.as_ref().map(Opened::bytes));
        Step::Next
    };
    let outcome = walk_views(dir, &everything, run, &mut opened, &mut visit)?;
    if !before? {
        return Ok(None);
    }
    let usage = usage.unwrap_or_else(|| UsageCollector::new(asked.take().unwrap_or_default())).finish();
    let (mut findings, mut coverage) = scanned(&outcome);
    findings.extend(closed.finish("the store", &mut coverage));
    if sealed > 0 {
        coverage.skipped(format!("what {} of {name} hold", Count(sealed, "sealed row")), "they open with --sidecar and --kek");
    }
    if usage.ranges.is_none() {
        coverage.skipped(format!("the ranges of the catalog in {name}"), "the store has no routes, or they cannot be read");
    }
    Ok(Some((StoreStat::new(name, &outcome, usage), findings, coverage)))
}

/// What the pass must know before the first row.
struct Before {
    /// The newest commit, as the store itself says.
    as_of: Option<HlcTimestamp>,
    /// The routes of the catalog; `None` when there are none, or not all of them can be read. The rows before the catalog's belong to
    /// its ranges too, so that they are read first.
    routes: Option<Vec<Route>>,
    /// True if a table that may hold them was gone.
    vanished: bool,
}

impl Before {
    fn of(store: &Store, dir: &Path, run: &Run<'_>) -> Result<Self> {
        if store.facts.presence != StorePresence::Directory {
            return Err(Error::Unsuitable {
                path: dir.to_owned(),
                problem: "is no store".to_owned(),
                hint: "name a store, a group directory or a node directory".to_owned(),
            });
        }
        let as_of = match store.get(MetaKey::LastCommitTs.name().as_bytes()) {
            KeyState::Value(found) => meta_value(&found.value).map(HlcTimestamp),
            KeyState::Deleted { .. } | KeyState::Absent | KeyState::Unreadable(_) => None,
        };
        let (routes, vanished) = routes(store, run)?;
        Ok(Self { as_of, routes, vanished })
    }
}

fn routes(store: &Store, run: &Run<'_>) -> Result<(Option<Vec<Route>>, bool)> {
    let mut room = free_budget() / 16;
    let (mut routes, mut last, mut complete) = (Vec::new(), Vec::new(), true);
    let ranges = KeyRange::of_prefixes(&[ROUTES.to_vec()]);
    let stopped = walk_open(store, &ranges, run, &mut |live| {
        let StoreKey::Row(row) = StoreKey::of(live.key) else { return Step::Next };
        if last == row.user_key {
            return Step::Next;
        }
        last.clear();
        last.extend_from_slice(row.user_key);
        if RowHeader::decode(live.value).is_ok_and(|header| header.tombstone) {
            return Step::Next;
        }
        let body = live.value.get(ROW_HEADER_LEN..).filter(|_| !is_sealed(live.key, live.value));
        let left = room.checked_sub(live.value.len() as u64 + 256);
        match (body.and_then(CatalogRoute::decode), left) {
            (Some(route), Some(left)) => {
                room = left;
                routes.push(Route::of(&route));
                Step::Next
            }
            _ => {
                complete = false;
                Step::Enough
            }
        }
    })?;
    let vanished = stopped.as_ref().is_some_and(|damage| damage.trouble == TableTrouble::Missing) && !store.is_unchanged()?;
    Ok(((complete && stopped.is_none() && !routes.is_empty()).then_some(routes), vanished))
}
