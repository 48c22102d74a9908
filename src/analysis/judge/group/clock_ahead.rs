//! No timestamp lies far in the future.

use super::{Check, Evidence, Found, History, in_segment};
use crate::analysis::Finding;
use crate::analysis::judge::codes::directory as codes;
use crate::formats::etcd::LogOwner;
use crate::formats::kv::{EntryClass, classify};
use crate::formats::layout;
use crate::readers::wal::{ClassCounts, EntryRanges};
use crate::types::{HlcTimestamp, UnixMillis};

/// A lease is 3 or 10 seconds ahead; clocks of servers are not a day apart.
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// Entries at the end of the log that are asked for leases.
const RECENT: u64 = 20_000;

/// Holds leases, ceilings, the store's newest commit and its retention mark against the present.
#[derive(Debug)]
pub struct ClockAhead;

impl Check for ClockAhead {
    fn finish(&mut self, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let Some(now) = evidence.now else { return found.not_applicable("the time is not known") };
        let is_ahead = |time: UnixMillis| time.0 > now.0.saturating_add(DAY_MS);
        let finding = |what: String, time: UnixMillis| {
            let message = format!(
                "{what} is {time}, {} ahead of the time at which it can have been written. The server never gives a timestamp below it.",
                ahead(time.0 - now.0)
            );
            Finding::new(&codes::CLOCK_AHEAD, message).expected(format!("at most a few seconds after {now}")).found(time)
        };
        for file in evidence.snap_files() {
            let Ok(contents) = &file.content else { continue };
            if let Some(ceiling) = contents.payload.ceiling.filter(|ceiling| is_ahead(*ceiling)) {
                let path = contents.payload.file.clone().unwrap_or_else(|| layout::in_snap(&file.name));
                found.push(finding("The ceiling in the header".to_owned(), ceiling).at(evidence.path(&path)));
            }
        }
        if let Some(commit) = evidence.store.read().and_then(|store| store.last_commit).filter(|commit| is_ahead(commit.millis()))
        {
            found.push(finding("The store's newest commit".to_owned(), commit.millis()).at(evidence.path(layout::STORE)));
        }
        let retained = evidence.store.read().and_then(|store| store.retained);
        if let Some(retained) = retained.map(HlcTimestamp::millis).filter(|time| is_ahead(*time)) {
            let message = format!(
                "The store's retention mark is {retained}, {} ahead. A compaction may remove every version but the newest of each key, and \
                 the loss of an older one is not told from that.",
                ahead(retained.0 - now.0)
            );
            let finding = Finding::new(&codes::CLOCK_AHEAD, message).expected("a time that has passed").found(retained);
            found.push(finding.at(evidence.path(layout::STORE)));
        }
        if let Some((index, segment, offset, lease)) = highest_lease(history, evidence).filter(|lease| is_ahead(lease.3)) {
            let finding = finding(format!("The lease of entry {index}"), lease).offset(offset);
            found.push(in_segment(finding, segment, evidence));
        }
    }
}

/// The highest lease near the end of the log: index, segment, offset and time.
fn highest_lease(history: &History, evidence: &Evidence<'_>) -> Option<(u64, usize, u64, UnixMillis)> {
    let scan = evidence.scan()?;
    let entries = history.entries();
    let last = entries.last()?;
    let recent = entries.within(crate::types::LogIndex(last.0.saturating_sub(RECENT)), last);
    let mut with_leases = EntryRanges::default();
    for range in recent.ranges() {
        let classes = scan.segments.get(range.segment).map(|segment| segment.trace(evidence.engine).classes);
        if classes.is_some_and(|classes| classes.get(EntryClass::Lease) > 0) {
            with_leases.push(*range);
        }
    }
    with_leases
        .iter(scan, evidence.engine)
        .filter(|entry| ClassCounts::class_of(LogOwner::Elastickv, entry.kind, entry.data) == EntryClass::Lease)
        .filter_map(|entry| Some((entry.index.0, entry.segment, entry.offset, classify(entry.kind, entry.data).lease?)))
        .max_by_key(|(.., lease)| *lease)
}

/// A span of time in round numbers.
fn ahead(ms: u64) -> String {
    let days = ms / DAY_MS;
    if days >= 730 { format!("{} years", days / 365) } else { format!("{days} days") }
}
