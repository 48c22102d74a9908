//! The store belongs to this log.
//!
//! A store keeps the largest commit timestamp that it has applied. That is the timestamp of a request in an entry of its own log, at or
//! below its applied index; or, while nothing behind the snapshot was applied, the one at the front of the payload that it was restored
//! from. A payload that stands for as much as the store has applied, or more, has seen every commit of it. Entries that the state machine turned down leave no trace, so that it need not be the largest one of the log.

use std::collections::BTreeSet;

use super::{Check, Evidence, Found, History, SnapContents};
use crate::analysis::judge::codes::directory as codes;
use crate::analysis::{Finding, Severity};
use crate::formats::kv::{EntryClass, EntryView, RequestClass, classify};
use crate::formats::layout;
use crate::readers::wal::EntryRanges;
use crate::types::{HlcTimestamp, LogIndex};

/// Entries before the applied index that are asked first, and next: nearly every store is found there.
const RECENT: [u64; 2] = [32, 2000];
/// Writes above the store's newest commit that it cannot all have turned down.
const TURNED_DOWN: u64 = 8;

/// Clocks run ahead by the length of a lease, 10 s at most: a commit nearer than that to one of the log does not prove another log,
/// and is a remark. As a difference of timestamps, whose upper bits are milliseconds.
const TOO_CLOSE: u64 = 10_000 << 16;

/// Looks for the store's newest commit in the log and the payloads.
#[derive(Debug)]
pub struct StoreForeign;

impl Check for StoreForeign {
    fn finish(&mut self, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let (Some(store), Some(log)) = (evidence.store.read(), evidence.log.read()) else { return };
        let (Some(applied), Some(commit)) = (store.applied, store.last_commit) else {
            return found.not_applicable("the store records no applied index and commit");
        };
        if log.last_index().is_none_or(|last| applied > last) {
            return found.not_applicable("the store is ahead of the log, which is a check of its own");
        }
        let payloads: Vec<_> = evidence.snap_files().iter().filter_map(|file| file.content.as_ref().ok()).collect();
        if payloads.iter().any(|contents| contents.payload.last_commit == Some(commit)) {
            return;
        }
        let entries = history.entries().within(LogIndex(0), applied);
        let mut seen = Seen::default();
        let mut above = applied.0.saturating_add(1);
        for from in RECENT.map(|recent| applied.0.saturating_sub(recent)).into_iter().chain([0]) {
            if above > from && seen.look_for(commit, &entries.within(LogIndex(from), LogIndex(above - 1)), evidence) {
                return;
            }
            above = from;
        }
        if seen.sealed {
            return found.not_applicable("entries are sealed, so that their commits cannot be seen");
        }
        // Everything that the store can hold is known from the newest snapshot on whose commit is known.
        let base = payloads.iter().filter(|contents| contents.metadata.index <= applied);
        let base = base.filter_map(|contents| Some((contents.metadata.index, contents.payload.last_commit?))).max();
        let all_of = |first: u64| entries.within(LogIndex(first), applied).count() == (applied.0 + 1).saturating_sub(first);
        let newest = seen.newest.max(base.map(|(_, commit)| commit));
        let known = base.is_some_and(|(index, _)| all_of(index.0 + 1));
        let newer = newest.is_none_or(|newest| commit > newest);
        let Some(latest) = newest.filter(|newest| newest.0 > 0) else {
            return found.not_applicable("neither the log nor a snapshot names a commit to compare with");
        };
        // A snapshot that stands for as much has seen every commit of the store.
        let later = payloads.iter().filter(|contents| contents.metadata.index >= applied);
        let later = later.filter_map(|contents| contents.payload.last_commit).filter(|later| later.0 > 0).min();
        let later = later.filter(|later| commit > *later);
        let latest = later.unwrap_or(latest);
        let why = if later.is_some() {
            "is newer than that of a snapshot of this log which stands for as much"
        } else if seen.newest.is_none() && base.is_none_or(|(_, base)| commit < base) {
            return found.not_applicable("no entry up to the applied index commits anything");
        } else if known && newer {
            "is newer than every one of this log and of its snapshots up to that index"
        } else if seen.plain_above >= TURNED_DOWN {
            "is older than writes of this log that the store says it has applied"
        } else {
            return found.not_applicable("too little of the log is left to tell");
        };
        // Log and payloads must agree with each other before both are held against the store.
        if !agree(&history.entries(), &payloads, evidence) {
            return found.not_applicable("log and payloads do not bear each other out");
        }
        let says = format!("The store says that it has applied {applied}, and its newest commit, {commit}, {why}");
        let finding = if commit.0.abs_diff(latest.0) <= TOO_CLOSE {
            let message = format!(
                "{says}. It is within ten seconds of this log's, which proves nothing: fsm.db may be that of another group of the same \
                 node, or of this log at another moment."
            );
            let advice = "If directories were copied or moved by hand, see whether the stores of two groups were exchanged: `store meta` \
                          shows the newest commit of each, and `wal dump` of which log it is. Otherwise nothing has to be done.";
            Finding::new(&codes::STORE_FOREIGN, message).advice(advice).severity(Severity::Info)
        } else {
            let message =
                format!("{says}: fsm.db belongs to another log, as when it was copied from another cluster or another group.");
            Finding::new(&codes::STORE_FOREIGN, message)
        };
        let finding = finding.at(evidence.path(layout::STORE)).found(commit.0);
        found.push(finding.expected(format!("one of this log's, at most {}", latest.0)));
    }
}

/// Whether the newest commit of a payload is one of the log, and that of every payload which stands for an index of the log.
fn agree(entries: &EntryRanges, payloads: &[&SnapContents], evidence: &Evidence<'_>) -> bool {
    let Some(first) = entries.first() else { return false };
    let commits =
        payloads.iter().filter(|contents| contents.metadata.index >= first).filter_map(|contents| contents.payload.last_commit);
    let commits: BTreeSet<_> = commits.filter(|commit| commit.0 > 0).collect();
    !commits.is_empty() && commits.into_iter().all(|commit| Seen::default().look_for(commit, entries, evidence))
}

/// What the entries say that were looked at.
#[derive(Debug, Default)]
struct Seen {
    /// The largest commit timestamp.
    newest: Option<HlcTimestamp>,
    /// Plain writes with a larger one than was looked for.
    plain_above: u64,
    /// True when one of them cannot be read without a key.
    sealed: bool,
}

impl Seen {
    /// True when one of the entries has the commit timestamp.
    fn look_for(&mut self, wanted: HlcTimestamp, entries: &EntryRanges, evidence: &Evidence<'_>) -> bool {
        let Some(scan) = evidence.scan() else { return false };
        entries.iter(scan, evidence.engine).any(|entry| {
            let view = classify(entry.kind, entry.data);
            self.sealed |= matches!(view.class, EntryClass::Sealed | EntryClass::Unknown);
            self.newest = self.newest.max(view.commit_ts);
            self.plain_above += u64::from(view.commit_ts.is_some_and(|ts| ts > wanted) && is_plain(&view));
            view.commit_ts.is_some_and(|newest| newest >= wanted) && has_commit(&view, wanted)
        })
    }
}

/// Whether one of its requests commits, or begins, at that time.
fn has_commit(view: &EntryView<'_>, wanted: HlcTimestamp) -> bool {
    let mut requests = view.requests().filter_map(Result::ok);
    requests.any(|request| request.ts == wanted.0 || request.commit_ts().is_ok_and(|ts| ts == wanted))
}

/// True for writes that nothing but a conflict turns down.
fn is_plain(view: &EntryView<'_>) -> bool {
    view.rejection.is_none() && view.requests().filter_map(Result::ok).all(|request| request.class() == RequestClass::Raw)
}
