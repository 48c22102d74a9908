//! The record stream, replayed: what was known at each record.

use std::collections::{BTreeMap, BTreeSet};

use crate::formats::raftpb::{ConfState, HardState, WalSnapshot};
use crate::formats::wal::RecordKind;
use crate::readers::wal::{EntryRange, EntryRanges, EntrySpan, Item, StateSpan, WalScan};
use crate::types::{LogIndex, ServerVersion, SnapshotId, Term, count_work};

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordPlace {
    /// Position of the segment in the scan.
    pub segment: usize,
    /// Offset of the frame.
    pub offset: u64,
}

/// A step of the stream. [`History`] is what was known before it.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// Entries of one term with consecutive indexes.
    Entries {
        /// The entries.
        span: EntrySpan,
        /// Their place in the scan.
        range: EntryRange,
        /// What they replace, in the order of indexes.
        replaced: &'a [LogRange],
        /// Of the first of them.
        place: RecordPlace,
    },
    /// Hard states of one term and vote.
    States {
        /// The hard states.
        span: StateSpan,
        /// Of the last of them.
        place: RecordPlace,
    },
    /// A snapshot record.
    Snapshot {
        /// Its content.
        snapshot: &'a WalSnapshot,
        /// Its frame.
        place: RecordPlace,
    },
    /// A record whose data is not what its type announces.
    Malformed {
        /// The record's type.
        kind: RecordKind,
        /// The complaint.
        error: &'a str,
        /// Its frame.
        place: RecordPlace,
    },
    /// Records are missing here: a segment is not there, or bytes could not be decoded.
    Lost,
}

/// Consecutive entries of the effective log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRange {
    /// The entries.
    pub range: EntryRange,
    /// A snapshot was received above what was known to be committed when these were in the log: Raft has dropped them in
    /// memory, although they are still in the file.
    pub stale: bool,
}

/// A snapshot record that was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotSeen {
    /// Which snapshot.
    pub id: SnapshotId,
    /// The members then; `None` when the record does not say.
    pub conf_state: Option<ConfState>,
    /// Its frame.
    pub place: RecordPlace,
    /// True when it was above every commit when it was met, so that it came from the leader.
    pub received: bool,
    /// Whether the node went on from it: a received one is followed by a commit that covers it, unless the node stopped
    /// before that. `None` while nothing follows it.
    pub taken: Option<bool>,
}

/// Everything that the records so far say.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// True from the first record of segment 0 on, as long as nothing is missing.
    pub complete: bool,
    /// True once records are missing somewhere.
    pub lost: bool,
    /// The last hard state.
    pub state: Option<HardState>,
    /// The highest commit of any hard state.
    pub commit: LogIndex,
    /// The last entry or snapshot record; `None` while it is not known.
    pub last: Option<LogIndex>,
    /// The highest term of any entry.
    pub entry_term: Term,
    /// The effective log: a later entry has replaced the one of its index and everything above.
    pub log: Vec<LogRange>,
    /// The snapshot records, in order.
    pub snapshots: Vec<SnapshotSeen>,
    /// The entries that were replaced, in order.
    pub replaced: Vec<EntryRange>,
    /// The snapshot records by index and term, each with its last position in the list.
    recorded: BTreeMap<(LogIndex, Term), usize>,
    /// Index and position of the snapshots of which nothing tells yet whether the node went on from them.
    open: BTreeSet<(LogIndex, usize)>,
    /// Index and position of the highest snapshot that the node went on from.
    effective: Option<(LogIndex, usize)>,
}

impl History {
    /// Replays the log. `visit` sees each event with what was known before it.
    pub fn replay(scan: &WalScan, engine: ServerVersion, mut visit: impl FnMut(&Event<'_>, &Self)) -> Self {
        let mut history = Self { complete: scan.segments.first().is_some_and(|first| first.seq() == 0), ..Self::default() };
        let mut expected_seq = None;
        let mut dangling = false;
        for (segment, scanned) in scan.segments.iter().enumerate() {
            let gap = expected_seq.is_some_and(|seq| seq != scanned.seq());
            if gap || dangling {
                visit(&Event::Lost, &history);
                history.lose();
            }
            expected_seq = scanned.seq().checked_add(1);
            let trace = scanned.trace(engine);
            for (position, item) in trace.items.iter().enumerate() {
                history.step(segment, position, item, &mut visit);
            }
            dangling = !trace.stop.is_end();
        }
        history
    }

    fn lose(&mut self) {
        self.complete = false;
        self.lost = true;
        self.last = None;
        // What was known of the log may have been replaced in what is missing.
        self.log.clear();
    }

    fn step(&mut self, segment: usize, position: usize, item: &Item, visit: &mut impl FnMut(&Event<'_>, &Self)) {
        count_work(1);
        match item {
            Item::Run(run) => {
                if let Some(span) = run.entries {
                    let range = EntryRange { segment, item: position, first: span.first, last: span.last, term: span.term };
                    let replaced = self.above(span.first);
                    let place = RecordPlace { segment, offset: run.at };
                    visit(&Event::Entries { span, range, replaced: &replaced, place }, self);
                    for (_, position) in self.open.split_off(&(span.first, 0)) {
                        self.settle(position, false);
                    }
                    self.take_entries(range, &replaced);
                }
                if let Some(span) = run.states {
                    let place = RecordPlace { segment, offset: span.last_at };
                    visit(&Event::States { span, place }, self);
                    for (index, position) in std::mem::take(&mut self.open) {
                        self.settle(position, span.first.commit >= index);
                    }
                    self.commit = self.commit.max(span.first.commit).max(span.last.commit);
                    self.state = Some(span.last);
                }
            }
            Item::Snapshot { at, snapshot } => {
                let place = RecordPlace { segment, offset: *at };
                visit(&Event::Snapshot { snapshot, place }, self);
                let received = snapshot.index > self.commit;
                if received {
                    self.mark_stale();
                }
                if snapshot.index == LogIndex(0) && self.last.is_none() && !self.lost {
                    self.last = Some(LogIndex(0));
                }
                // Behind a front that is gone the log may already reach far beyond the snapshot.
                self.last = self.last.map(|last| last.max(snapshot.index));
                let conf_state = snapshot.conf_state.clone();
                let position = self.snapshots.len();
                self.recorded.insert((snapshot.index, snapshot.term), position);
                self.snapshots.push(SnapshotSeen { id: snapshot.id(), conf_state, place, received, taken: None });
                if received {
                    self.open.insert((snapshot.index, position));
                } else {
                    self.settle(position, true);
                }
            }
            Item::Malformed { at, kind, error, .. } => {
                visit(&Event::Malformed { kind: *kind, error, place: RecordPlace { segment, offset: *at } }, self);
            }
            Item::Metadata { .. } | Item::Crc { .. } | Item::Unknown { .. } => {}
        }
    }

    /// Decides about a snapshot.
    fn settle(&mut self, position: usize, taken: bool) {
        count_work(1);
        let Some(seen) = self.snapshots.get_mut(position) else { return };
        seen.taken = Some(taken);
        if taken {
            self.effective = self.effective.max(Some((seen.id.index, position)));
        }
    }

    /// The entries from `index` on.
    fn above(&self, index: LogIndex) -> Vec<LogRange> {
        let start = self.log.partition_point(|held| held.range.last < index);
        let held = self.log.get(start..).unwrap_or_default().iter();
        held.map(|held| LogRange { range: EntryRange { first: held.range.first.max(index), ..held.range }, ..*held }).collect()
    }

    fn take_entries(&mut self, range: EntryRange, replaced: &[LogRange]) {
        while let Some(held) = self.log.last_mut() {
            if held.range.last < range.first {
                break;
            }
            if held.range.first >= range.first {
                self.log.pop();
            } else {
                held.range.last = LogIndex(range.first.0 - 1);
                break;
            }
        }
        self.replaced.extend(replaced.iter().map(|held| held.range));
        self.log.push(LogRange { range, stale: false });
        self.entry_term = self.entry_term.max(range.term);
        // Below a snapshot record that was never taken over the log goes on from where it was.
        self.last = Some(range.last);
    }

    /// What stands above the commit was dropped in memory when the snapshot arrived. Where something there is stale already, all
    /// before it down to the commit is too: the commit only rises.
    fn mark_stale(&mut self) {
        let mut from = self.log.len();
        while let Some(held) = from.checked_sub(1).and_then(|before| self.log.get_mut(before)) {
            count_work(1);
            if held.stale || held.range.last <= self.commit {
                break;
            }
            from -= 1;
            if held.range.first <= self.commit {
                let below = LogRange { range: EntryRange { last: self.commit, ..held.range }, ..*held };
                held.range.first = LogIndex(self.commit.0 + 1);
                held.stale = true;
                self.log.insert(from, below);
                break;
            }
            held.stale = true;
        }
    }

    /// Term of the entry at `index`, and whether it is stale.
    pub fn term_at(&self, index: LogIndex) -> Option<(Term, bool)> {
        let at = self.log.partition_point(|held| held.range.last < index);
        self.log.get(at).filter(|held| held.range.first <= index).map(|held| (held.range.term, held.stale))
    }

    /// The highest snapshot that the node went on from.
    pub fn effective_snapshot(&self) -> Option<&SnapshotSeen> {
        self.effective.and_then(|(_, position)| self.snapshots.get(position))
    }

    /// The records of snapshots at `index`, of each term the last.
    pub fn snapshots_at(&self, index: LogIndex) -> impl Iterator<Item = &SnapshotSeen> {
        let of_index = self.recorded.range((index, Term(0))..=(index, Term(u64::MAX)));
        of_index.filter_map(|(_, position)| self.snapshots.get(*position))
    }

    /// The last record that names that snapshot.
    pub fn snapshot(&self, id: SnapshotId) -> Option<&SnapshotSeen> {
        self.recorded.get(&(id.index, id.term)).and_then(|position| self.snapshots.get(*position))
    }

    /// The highest index of any snapshot record.
    pub fn highest_snapshot(&self) -> Option<LogIndex> {
        self.recorded.last_key_value().map(|((index, _), _)| *index)
    }

    /// The entries that count: those of the effective log that are not stale.
    pub fn entries(&self) -> EntryRanges {
        let mut ranges = EntryRanges::default();
        self.log.iter().filter(|held| !held.stale).for_each(|held| ranges.push(held.range));
        ranges
    }
}
