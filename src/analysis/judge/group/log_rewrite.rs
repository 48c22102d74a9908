//! Entries that were written again: at or below the commit, under the same term, or without a newer leader.

use std::collections::BTreeMap;

use super::{Check, Event, Evidence, Found, History, RecordPlace, codes};
use crate::analysis::{Finding, Severity};
use crate::formats::raftpb::HardState;
use crate::readers::wal::{EntryRange, EntryRanges};
use crate::types::{LogIndex, Term};

/// Looks for committed entries that were written again.
#[derive(Debug, Default)]
pub struct OverwritesCommitted {
    /// Committed entries that an append cut off without replacing them yet.
    cut_off: Vec<EntryRange>,
}

impl Check for OverwritesCommitted {
    fn observe(&mut self, event: &Event<'_>, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let Event::Entries { range, replaced, place, .. } = event else { return };
        if range.first > history.commit {
            return;
        }
        let committed = |held: EntryRange| clip(held, LogIndex(0), history.commit);
        let now = replaced.iter().filter(|held| !held.stale).filter_map(|held| committed(held.range));
        let before: Vec<_> = self.cut_off.iter().copied().chain(now).collect();
        for old in &before {
            match first_difference(evidence, *old, *range) {
                Some(index) => found.push(overwritten(index, *old, *range, history.commit, *place, evidence)),
                None => {
                    if let Some(same) = overlap(*old, *range) {
                        let message = format!(
                            "Entries {} to {} were written again with the same content although they were committed. \
                             Raft never does that, but nothing is lost by it.",
                            same.first, same.last
                        );
                        let finding = Finding::new(&codes::LOG_OVERWRITES_COMMITTED, message);
                        found.push(super::at_segment(finding.severity(Severity::Info).offset(place.offset), *place, evidence));
                    }
                }
            }
        }
        self.cut_off =
            before.into_iter().filter_map(|old| clip(old, LogIndex(range.last.0.saturating_add(1)), old.last)).collect();
    }
}

fn overwritten(
    index: LogIndex,
    old: EntryRange,
    new: EntryRange,
    commit: LogIndex,
    place: RecordPlace,
    evidence: &Evidence<'_>,
) -> Finding {
    let what = if old.term == new.term { "other content" } else { "another term" };
    let message = format!(
        "Entry {index} was written again with {what} although the log had recorded everything up to {commit} as committed. \
         A committed entry never changes: acknowledged writes were lost, or two histories are mixed."
    );
    let finding = Finding::new(&codes::LOG_OVERWRITES_COMMITTED, message)
        .offset(place.offset)
        .expected(format!("term {} as before", old.term))
        .found(format!("term {}", new.term));
    super::at_segment(finding, place, evidence)
}

/// True when an append changes an entry that the log says is committed.
pub(super) fn changes_committed(evidence: &Evidence<'_>, history: &History, event: &Event<'_>) -> bool {
    let Event::Entries { range, replaced, .. } = event else { return false };
    let live = replaced.iter().filter(|held| !held.stale);
    live.filter_map(|held| clip(held.range, LogIndex(0), history.commit))
        .any(|old| first_difference(evidence, old, *range).is_some())
}

/// Looks for an index and term with two contents, and for a replacement that no newer leader explains.
#[derive(Debug, Default)]
pub struct IllegalRewrite {
    /// What was replaced, by term; the newest version of each index only.
    by_term: BTreeMap<Term, Vec<EntryRange>>,
    /// A replacement of an entry whose term is not below any hard state so far, waiting for the one behind it.
    open: Option<Unexplained>,
}

#[derive(Debug, Clone, Copy)]
struct Unexplained {
    first: LogIndex,
    old_term: Term,
    new_term: Term,
    place: RecordPlace,
    before: HardState,
}

impl Check for IllegalRewrite {
    fn observe(&mut self, event: &Event<'_>, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        match event {
            Event::Entries { range, replaced, place, .. } => {
                for held in *replaced {
                    self.by_term.entry(held.range.term).or_default().push(held.range);
                }
                self.same_term(*range, *place, evidence, found);
                let newest =
                    replaced.iter().filter(|held| !held.stale && held.range.first == range.first).map(|h| h.range.term).next();
                if let (Some(old_term), Some(before)) = (newest, history.state)
                    && old_term != range.term
                    && before.term <= old_term
                    && range.term <= old_term
                {
                    self.open = Some(Unexplained { first: range.first, old_term, new_term: range.term, place: *place, before });
                }
            }
            Event::States { span, .. } => {
                if let Some(open) = self.open.take_if(|open| span.first.term > open.old_term || covers(span.first, open)) {
                    unexplained(open, span.first, evidence, found);
                }
            }
            Event::Lost => self.open = None,
            _ => {}
        }
    }
}

/// The state behind a replacement shows that it was taken for good under the old term.
fn covers(state: HardState, open: &Unexplained) -> bool {
    state.commit >= open.first || state == open.before
}

fn unexplained(open: Unexplained, state: HardState, evidence: &Evidence<'_>, found: &mut Found) {
    let Unexplained { first, old_term, new_term, place, .. } = open;
    if state.term > old_term {
        return;
    }
    let message = format!(
        "Entry {first} of term {old_term} was replaced by one of term {new_term}, but the node never reached a term above \
         {old_term}: no leader could have asked for that."
    );
    let finding = Finding::new(&codes::LOG_ILLEGAL_REWRITE, message)
        .offset(place.offset)
        .expected(format!("a hard state of a term above {old_term}"))
        .found(format!("term {} with commit {}", state.term, state.commit));
    found.push(super::at_segment(finding, place, evidence));
}

impl IllegalRewrite {
    fn same_term(&mut self, range: EntryRange, place: RecordPlace, evidence: &Evidence<'_>, found: &mut Found) {
        let Some(earlier) = self.by_term.get_mut(&range.term) else { return };
        let mut kept = Vec::new();
        for old in std::mem::take(earlier) {
            if overlap(old, range).is_none() {
                kept.push(old);
                continue;
            }
            if let Some(index) = first_difference(evidence, old, range) {
                let message = format!(
                    "Entry {index} of term {} was written twice with different content. One leader per term writes each \
                     index once: two processes may share this identity, or bytes were changed.",
                    range.term
                );
                let finding = Finding::new(&codes::LOG_ILLEGAL_REWRITE, message).offset(place.offset);
                found.push(super::at_segment(finding, place, evidence));
            }
            // What the new version replaces is compared no more; the new version stands for it.
            kept.extend(clip(old, LogIndex(0), LogIndex(range.first.0.saturating_sub(1))));
            kept.extend(clip(old, LogIndex(range.last.0.saturating_add(1)), old.last));
        }
        *earlier = kept;
    }
}

/// The part of a range between two indexes.
fn clip(range: EntryRange, first: LogIndex, last: LogIndex) -> Option<EntryRange> {
    let clipped = EntryRange { first: range.first.max(first), last: range.last.min(last), ..range };
    (clipped.first <= clipped.last).then_some(clipped)
}

/// The part of `old` whose indexes `new` has too.
fn overlap(old: EntryRange, new: EntryRange) -> Option<EntryRange> {
    clip(old, new.first, new.last)
}

/// The first index at which two ranges differ in term, type or data, where both have it.
fn first_difference(evidence: &Evidence<'_>, old: EntryRange, new: EntryRange) -> Option<LogIndex> {
    let old = overlap(old, new)?;
    if old.term != new.term {
        return Some(old.first);
    }
    let new = overlap(new, old)?;
    let scan = evidence.scan()?;
    let (mut a, mut b) = (EntryRanges::default(), EntryRanges::default());
    a.push(old);
    b.push(new);
    a.iter(scan, evidence.engine)
        .zip(b.iter(scan, evidence.engine))
        .find(|(a, b)| (a.kind, a.data) != (b.kind, b.data))
        .map(|(a, _)| a.index)
}
