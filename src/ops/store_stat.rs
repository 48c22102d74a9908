//! `store stat`: who uses the space of a store.

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
use crate::readers::pebble::{KeyState, Store, StorePresence};
use crate::readers::pebble_scan::{KeyRange, Step, walk_ranges};
use crate::readers::source::Run;
use crate::readers::usage::{Route, UsageCollector, UsageRequest};
use crate::report::Report;
use crate::report::body::store_stat::{StoreStat, StoreStatBody};
use crate::types::{Count, HlcTimestamp, free_budget};

/// Where the catalog keeps its routes.
const ROUTES: &[u8] = b"!dist|route|";

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
    let name = dir.display().to_string();
    let as_of = newest_commit(dir, run)?;
    let routes = routes(dir, run)?;
    let mut usage = UsageCollector::new(UsageRequest { as_of, routes, top });
    let mut closed = Closed::default();
    let mut sealed = 0;
    let everything = [KeyRange::new(None, None, None, true)];
    let outcome = walk_ranges(dir, &everything, run, &mut |live| {
        let mut opened = None;
        if is_sealed(live.key, live.value) {
            let envelope = Envelope::decode(live.value.get(ROW_HEADER_LEN..).unwrap_or_default());
            match opener.map(|opener| opener.row(live.key, live.value)) {
                Some(Ok(clear)) => opened = Some(clear),
                Some(Err(error)) => {
                    closed.add(&format!("Row {}", Shown(live.key)), name.clone(), None, envelope.as_ref().ok(), &error);
                }
                None => sealed += 1,
            }
        }
        usage.row(live.key, live.value.len() as u64, live.value, opened.as_ref().map(Opened::bytes));
        Step::Next
    })?;
    let (mut findings, mut coverage) = scanned(&outcome);
    findings.extend(closed.finish("the store", &mut coverage));
    if sealed > 0 {
        coverage.skipped(format!("what {} of {name} hold", Count(sealed, "sealed row")), "they open with --sidecar and --kek");
    }
    let usage = usage.finish();
    if usage.ranges.is_none() {
        coverage.skipped(format!("the ranges of the catalog in {name}"), "the store has no routes, or they cannot be read");
    }
    Ok((StoreStat::new(name, &outcome, usage), findings, coverage))
}

/// The newest commit, as the store itself says.
fn newest_commit(dir: &Path, run: &Run<'_>) -> Result<Option<HlcTimestamp>> {
    let store = Store::open(dir, run)?;
    if store.facts.presence != StorePresence::Directory {
        return Err(Error::Unsuitable {
            path: dir.to_owned(),
            problem: "is no store".to_owned(),
            hint: "name a store, a group directory or a node directory".to_owned(),
        });
    }
    Ok(match store.get(MetaKey::LastCommitTs.name().as_bytes()) {
        KeyState::Value(found) => meta_value(&found.value).map(HlcTimestamp),
        KeyState::Deleted { .. } | KeyState::Absent | KeyState::Unreadable(_) => None,
    })
}

/// The routes of the catalog; `None` when there are none, or not all of them can be read. The rows before the catalog's belong to
/// its ranges too, so that they are read first.
fn routes(dir: &Path, run: &Run<'_>) -> Result<Option<Vec<Route>>> {
    let mut room = free_budget() / 16;
    let (mut routes, mut last, mut complete) = (Vec::new(), Vec::new(), true);
    let ranges = KeyRange::of_prefixes(&[ROUTES.to_vec()]);
    let outcome = walk_ranges(dir, &ranges, run, &mut |live| {
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
    Ok((complete && outcome.stopped.is_none() && !routes.is_empty()).then_some(routes))
}
