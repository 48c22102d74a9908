//! The entries: gaps, values that do not decode, indexes and terms that do not fit.

use std::fmt::Write as _;

use super::NodeView;
use crate::analysis::judge::codes::hashicorp as codes;
use crate::analysis::judge::codes::{invariants, raftwal};
use crate::analysis::{Finding, Severity};
use crate::readers::hraft::{Fault, LogFacts};

/// Findings of one kind before the rest is only counted by the first.
const SHOWN: usize = 20;

/// Judges the log.
pub(super) fn judge(view: &NodeView<'_>, facts: &LogFacts, found: &mut Vec<Finding>) {
    let path = view.log_file();
    let covered = view.covered();
    gaps(view, facts, &path, covered, found);
    for fault in facts.faults.iter().take(SHOWN) {
        // A bucket is in the way of every compaction, wherever it stands.
        let counts = fault.key > covered || facts.last == Some(fault.key) || fault.fault == Fault::Nested;
        let (code, what) = match &fault.fault {
            Fault::Undecodable(error) => (&codes::ENTRY_UNDECODABLE, format!("does not decode: {error}")),
            Fault::Malformed(_, text) => (&codes::ENTRY_UNDECODABLE, format!("does not decode: {text}")),
            Fault::Nested => (
                &codes::ENTRY_UNDECODABLE,
                "is a bucket, which the library takes for a missing entry and cannot delete".to_owned(),
            ),
            Fault::Index(index) => (&codes::INDEX_MISMATCH, format!("says that it is entry {index}")),
            Fault::Odd(what) => (&codes::ENTRY_ODD, what.clone()),
            Fault::Type(number) => {
                (&codes::TYPE_UNKNOWN, format!("has type {number}, at which every process that applies it ends"))
            }
        };
        let place = if counts { "" } else { ". The snapshot covers it: no start reads it" };
        let within = match &fault.fault {
            Fault::Undecodable(error) => error.offset(),
            Fault::Malformed(at, _) => *at,
            _ => 0,
        };
        let within_value =
            if view.pebble.is_some() && within > 0 { format!(" at byte {within} of its value") } else { String::new() };
        let finding = Finding::new(code, format!("Entry {} {what}{within_value}{place}.", fault.key));
        let path = view.entry_file(fault.key);
        // An entry of raft-wal that is not found has no place.
        let placed = fault.at > 0 || view.dir.wal().is_none();
        let mut finding = if placed { view.place(finding, &path, fault.at + within) } else { finding.at(path) };
        if !counts {
            finding = finding
                .severity(Severity::Warning)
                .advice("A follower that needs this entry cannot get it from this node; the next compaction removes it.");
        }
        found.push(finding);
    }
    for odd in facts.odd_keys.iter().take(SHOWN) {
        let mut key = String::new();
        for byte in odd.key.iter().take(16) {
            let _ = write!(key, "{byte:02x}");
        }
        let (short, len) = (odd.key.len() < 8, odd.key.len());
        let when = match (short, odd.first, odd.last) {
            (_, _, true) if view.pebble.is_some() => "it is read as index 0, and the whole log counts as empty",
            (_, true, false) if view.pebble.is_some() => "it is read as index 0, where the first index is asked for",
            (_, false, false) if view.pebble.is_some() => "nothing reads it",
            (true, _, true) => "the start reads it as the last one and panics",
            (true, true, false) => "the first compaction reads it as the first one and panics",
            (true, false, false) => "a compaction that comes by panics",
            (false, _, true) => "the start reads its first eight bytes as the last index and finds no such entry",
            (false, _, false) => "it is read by its first eight bytes and never found",
        };
        let finding = Finding::new(&codes::KEY_ODD, format!("The key {key} has {len} bytes: {when}."));
        let finding = view.place(finding, &path, odd.at);
        let harmless = !odd.last && (!short || view.pebble.is_some());
        found.push(if harmless {
            finding.severity(Severity::Warning).advice("Rebuild the node when it is convenient.")
        } else {
            finding
        });
    }
    for fault in facts.checkpoint_faults.iter().take(SHOWN) {
        let message = format!(
            "Checkpoint {} says what entries {} to {} add up to; they do not.",
            fault.index,
            fault.start,
            fault.index - 1
        );
        let finding = Finding::new(&raftwal::CHECKPOINT, message).at(view.entry_file(fault.index)).offset(fault.at);
        found.push(finding.expected(format_args!("{:016x}", fault.stored)).found(format_args!("{:016x}", fault.computed)));
    }
    terms(view, facts, &path, covered, found);
}

fn gaps(view: &NodeView<'_>, facts: &LogFacts, path: &str, covered: u64, found: &mut Vec<Finding>) {
    let restore_hole = |from: u64, to: u64| from == to && from == covered && view.start.snapshot.is_some();
    for gap in facts.gaps.iter().take(SHOWN) {
        let range =
            if gap.from == gap.to { format!("Entry {} is", gap.from) } else { format!("Entries {} to {} are", gap.from, gap.to) };
        if gap.to > covered {
            found.push(Finding::new(&codes::LOG_GAP, format!("{range} missing; the snapshot reaches to {covered}.")).at(path));
        } else if restore_hole(gap.from, gap.to) {
            let message = format!(
                "{range} missing, exactly at the snapshot: a restore by hand uses up an index like this, and so does a received \
                 snapshot."
            );
            found.push(Finding::new(&invariants::SNAP_USER_RESTORE_HOLE, message).at(path));
        } else {
            let message = format!("{range} missing, at or below the snapshot at {covered}: a received snapshot leaves that.");
            let finding = Finding::new(&codes::LOG_GAP, message).severity(Severity::Info);
            found.push(finding.advice("Nothing has to be done.").at(path));
        }
    }
    let (Some(first), Some(last)) = (facts.first, facts.last) else { return };
    // Which snapshot covers the beginning is not known, where one could not be read.
    if first > covered.saturating_add(1) && view.snapshots.unread.is_empty() {
        let message = format!(
            "The log begins at {first}, the snapshot reaches to {covered}: entries {} to {} are missing.",
            covered + 1,
            first - 1
        );
        found.push(Finding::new(&codes::LOG_GAP, message).at(path));
    }
    if covered > 0 && last > covered && !facts.has(covered) && facts.has(covered + 1) {
        let message = format!(
            "The entry at the snapshot's index {covered} is gone while later ones are there. A follower refuses an append that \
             follows it until its leader sends a snapshot."
        );
        found.push(Finding::new(&invariants::SNAP_BOUNDARY_PREV_UNAVAILABLE, message).at(path));
    }
}

fn terms(view: &NodeView<'_>, facts: &LogFacts, path: &str, covered: u64, found: &mut Vec<Finding>) {
    for pair in facts.terms.windows(2).filter(|pair| pair[1].term < pair[0].term).take(SHOWN) {
        let message = format!("Entry {} has term {}, the one before it has term {}.", pair[1].from, pair[1].term, pair[0].term);
        found.push(Finding::new(&codes::TERM_REGRESS, message).at(path));
    }
    let Some(snapshot) = &view.start.snapshot else { return };
    if let Some(term) = facts.term_at(covered).filter(|&term| term != snapshot.term) {
        let message = format!("Entry {covered} has term {term}, snapshot {} says term {}.", snapshot.id, snapshot.term);
        // A received snapshot leaves the older history that it replaces, this entry included.
        let stale = term < snapshot.term && facts.terms.iter().all(|run| run.to <= covered || run.term < snapshot.term);
        let finding = Finding::new(&codes::SNAPSHOT_LOG_TERM, message).at(path);
        found.push(if stale {
            finding
                .severity(Severity::Info)
                .advice("Nothing has to be done about the entry; see hraft-stale-suffix for those above.")
        } else {
            finding
        });
    }
    if let Some(run) = facts.terms.iter().find(|run| run.to > covered && run.term < snapshot.term) {
        let message = format!(
            "Entries {} to {} have term {}, the snapshot at {covered} has term {}.",
            run.from.max(covered + 1),
            run.to,
            run.term,
            snapshot.term
        );
        found.push(Finding::new(&codes::STALE_SUFFIX, message).at(path));
    }
}
