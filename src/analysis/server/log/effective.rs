//! The log that is left when later entries have replaced earlier ones, without regard to any snapshot file.

use std::collections::HashSet;

use serde::Serialize;

use crate::formats::raftpb::{Entry, HardState};
use crate::readers::wal::{ClassCounts, EntryRange, EntryRanges, Item, Stop, WalScan};
use crate::types::{LogIndex, ServerVersion};

use super::SnapshotRecord;
use super::walk::{End, walk};

/// What the records of a log amount to, as far as a server could read them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveLog {
    /// The entries that stand, without a gap. A snapshot that was received from the leader begins them anew.
    pub entries: EntryRanges,
    /// Entry records by class, those that stand only.
    pub classes: ClassCounts,
    /// Number of entry records that were replaced or left behind.
    pub replaced: u64,
    /// The last hard state.
    pub hard_state: Option<HardState>,
    /// All snapshot records, in the order of the log.
    pub snapshots: Vec<SnapshotRecord>,
    /// Jumps in the indexes that no snapshot explains: the last index before, and the first one after.
    pub gaps: Vec<(LogIndex, LogIndex)>,
    /// Number of good records.
    pub records: u64,
    /// Where the log ends.
    pub end: LogicalEnd,
}

/// Where a server stops reading the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogicalEnd {
    /// Position of the segment in the scan.
    pub segment: usize,
    /// Offset of the first byte that is not read.
    pub offset: u64,
    /// What is there.
    pub kind: EndKind,
}

/// What ends a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EndKind {
    /// A length word of zero, as in a preallocated segment.
    Zero,
    /// The end of the file.
    Eof,
    /// A record that was being written.
    Torn,
    /// Something that cannot be read.
    Damaged,
}

impl EndKind {
    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zero => "zero",
            Self::Eof => "eof",
            Self::Torn => "torn",
            Self::Damaged => "damaged",
        }
    }

    /// What a single segment's stop is; only the last segment can be torn.
    pub const fn of(stop: &Stop, last: bool) -> Self {
        match stop {
            Stop::Zero { .. } => Self::Zero,
            Stop::Eof { .. } => Self::Eof,
            Stop::ShortWord { .. } | Stop::TooLong { .. } if last => Self::Torn,
            Stop::BadRecord { torn: true, .. } | Stop::BadCrc { torn: true, .. } if last => Self::Torn,
            _ => Self::Damaged,
        }
    }
}

impl EffectiveLog {
    /// Index of the first entry that stands.
    pub fn first_index(&self) -> Option<LogIndex> {
        self.entries.first()
    }

    /// Index of the last entry that stands, or of a later committed snapshot.
    pub fn last_index(&self) -> Option<LogIndex> {
        let commit = self.hard_state.unwrap_or_default().commit;
        let snapshot = self.snapshots.iter().map(|record| record.id.index).filter(|index| index.0 > 0 && *index <= commit).max();
        self.entries.last().max(snapshot)
    }

    /// Reads the whole log as `engine` does.
    pub fn of(scan: &WalScan, engine: ServerVersion) -> Self {
        let mut log = Self {
            entries: EntryRanges::default(),
            classes: ClassCounts::ZERO,
            replaced: 0,
            hard_state: None,
            snapshots: Vec::new(),
            gaps: Vec::new(),
            records: 0,
            end: LogicalEnd { segment: 0, offset: 0, kind: EndKind::Eof },
        };
        let mut taking = Taking::default();
        let mut counted = None;
        let end = walk(scan, engine, 0, None, |segment, position, item| {
            if counted != Some(segment) {
                counted = Some(segment);
                if let Some(scanned) = scan.segments.get(segment) {
                    log.classes.absorb(&scanned.trace(engine).classes);
                    log.records += scanned.trace(engine).records;
                }
            }
            log.take(segment, position, item, &mut taking);
            Ok(())
        });
        log.end = logical_end(scan, engine, &end);
        for range in taking.dropped {
            log.replaced += range.count();
            let one = EntryRanges::of(range);
            for entry in one.iter(scan, engine) {
                let entry = Entry { kind: entry.kind, term: entry.term, index: entry.index, data: entry.data };
                log.classes.remove(ClassCounts::class_of(scan.owner, entry.kind, entry.data));
            }
        }
        log
    }

    fn take(&mut self, segment: usize, position: usize, item: &Item, taking: &mut Taking) {
        match item {
            Item::Run(run) => {
                if let Some(entries) = run.entries {
                    let range =
                        EntryRange { segment, item: position, first: entries.first, last: entries.last, term: entries.term };
                    self.append(range, taking);
                }
                self.hard_state = run.states.map(|states| states.last).or(self.hard_state);
            }
            Item::Snapshot { at, snapshot } => {
                taking.snapshots.insert(snapshot.index);
                let conf_state = snapshot.conf_state.clone();
                self.snapshots.push(SnapshotRecord { id: snapshot.id(), conf_state, segment, offset: *at });
            }
            Item::Metadata { .. } | Item::Crc { .. } | Item::Unknown { .. } | Item::Malformed { .. } => {}
        }
    }

    fn append(&mut self, range: EntryRange, taking: &mut Taking) {
        if let Some(last) = self.entries.last()
            && last.next().is_none_or(|next| range.first > next)
        {
            let received = range.first.0.checked_sub(1).is_some_and(|before| taking.snapshots.contains(&LogIndex(before)));
            if !received {
                self.gaps.push((last, range.first));
            }
            self.entries.truncate_from(LogIndex(0), |range| taking.dropped.push(range));
        }
        self.entries.truncate_from(range.first, |range| taking.dropped.push(range));
        self.entries.push(range);
    }
}

/// What is known on the way.
#[derive(Default)]
struct Taking {
    /// Entries that do not stand.
    dropped: Vec<EntryRange>,
    /// Indexes of the snapshot records.
    snapshots: HashSet<LogIndex>,
}

fn logical_end(scan: &WalScan, engine: ServerVersion, end: &End) -> LogicalEnd {
    let last = scan.segments.len().saturating_sub(1);
    match *end {
        End::Eof => {
            let stop = scan.segments.get(last).map(|segment| &segment.trace(engine).stop);
            let kind = stop.map_or(EndKind::Eof, |stop| EndKind::of(stop, true));
            LogicalEnd { segment: last, offset: stop.map_or(0, Stop::at), kind }
        }
        End::UnexpectedEof { segment, at, .. } => {
            LogicalEnd { segment, offset: at, kind: if segment == last { EndKind::Torn } else { EndKind::Damaged } }
        }
        End::Failed { segment, at, .. } => LogicalEnd { segment, offset: at, kind: EndKind::Damaged },
    }
}
