//! Entries that were written again: at or below the commit, under the same term, or without a newer leader.

use std::collections::BTreeMap;

use super::{Check, Event, Evidence, Found, History, RecordPlace, codes};
use crate::analysis::{Finding, Severity};
use crate::formats::raftpb::HardState;
use crate::readers::wal::{EntryRange, EntryRanges};
use crate::types::{LogIndex, Term, count_work};

/// Looks for committed entries that were written again.
#[derive(Debug, Default)]
pub struct OverwritesCommitted {
    /// Committed entries that an append cut off without replacing them yet, by their first index; they do not overlap.
    cut_off: BTreeMap<LogIndex, EntryRange>,
}

impl Check for OverwritesCommitted {
    fn observe(&mut self, event: &Event<'_>, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let Event::Entries { range, replaced, place, .. } = event else { return };
        if range.first > history.commit {
            return;
        }
        let committed = |held: EntryRange| clip(held, LogIndex(0), history.commit);
        let now = replaced.iter().filter(|held| !held.stale).filter_map(|held| committed(held.range));
        self.cut_off.extend(now.map(|old| (old.first, old)));
        while let Some(first) = self.cut_off.first_entry().filter(|first| *first.key() <= range.last) {
            count_work(1);
            let old = first.remove();
            match first_difference(evidence, old, *range) {
                Some(index) => found.push(overwritten(index, old, *range, history.commit, *place, evidence)),
                None => {
                    if let Some(same) = overlap(old, *range) {
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
            if let Some(rest) = above(old, *range) {
                self.cut_off.insert(rest.first, rest);
            }
        }
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
    /// What was replaced, by term and first index; the newest version of each index only, so that nothing overlaps.
    by_term: BTreeMap<Term, BTreeMap<LogIndex, EntryRange>>,
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
                    self.by_term.entry(held.range.term).or_default().insert(held.range.first, held.range);
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
        let reaches_in = earlier.range(..range.first).next_back().filter(|(_, old)| old.last >= range.first);
        let from = reaches_in.map_or(range.first, |(first, _)| *first);
        let again: Vec<_> = earlier.range(from..=range.last).map(|(first, _)| *first).collect();
        for old in again.iter().filter_map(|first| earlier.remove(first)).collect::<Vec<_>>() {
            count_work(1);
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
            let below = range.first.0.checked_sub(1).and_then(|last| clip(old, LogIndex(0), LogIndex(last)));
            earlier.extend(below.into_iter().chain(above(old, range)).map(|rest| (rest.first, rest)));
        }
    }
}

/// The part of a range between two indexes.
fn clip(range: EntryRange, first: LogIndex, last: LogIndex) -> Option<EntryRange> {
    let clipped = EntryRange { first: range.first.max(first), last: range.last.min(last), ..range };
    (clipped.first <= clipped.last).then_some(clipped)
}

/// The part of `old` above the indexes of `new`.
fn above(old: EntryRange, new: EntryRange) -> Option<EntryRange> {
    clip(old, new.last.next()?, old.last)
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
