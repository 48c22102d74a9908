//! A second pass over the records of a log that was scanned.

use crate::analysis::server::log::EffectiveLog;
use crate::formats::wal::{Record, RecordKind};
use crate::readers::wal::{Entering, Item, Trace, TypeCounts, WalScan};
use crate::types::{Crc32c, LogIndex, ServerVersion};

/// The entry records of a log that stand, by place.
pub(in crate::ops) struct Standings {
    /// In the order of segments, and of the file in each.
    runs: Vec<StandingRun>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct StandingRun {
    segment: usize,
    /// Offset of the first frame.
    at: u64,
    last_at: u64,
    first: LogIndex,
    last: LogIndex,
}

impl Standings {
    /// Those of a scanned log.
    pub(in crate::ops) fn of(log: &EffectiveLog, scan: &WalScan) -> Self {
        let ranges = log.entries.ranges().iter();
        let runs = ranges.filter_map(|range| {
            let trace = scan.segments.get(range.segment)?.trace(ServerVersion::NEWEST);
            match trace.items.get(range.item)? {
                Item::Run(run) => {
                    let (segment, last_at) = (range.segment, run.entries?.last_at);
                    Some(StandingRun { segment, at: run.at, last_at, first: range.first, last: range.last })
                }
                _ => None,
            }
        });
        let mut runs: Vec<_> = runs.collect();
        runs.sort_unstable();
        Self { runs }
    }

    /// Those of the segment at this position of the log.
    pub(in crate::ops) fn in_segment(&self, segment: usize) -> Standing<'_> {
        let from = self.runs.partition_point(|run| run.segment < segment);
        let len = self.runs[from..].partition_point(|run| run.segment == segment);
        Standing { runs: &self.runs[from..from + len], next: 0 }
    }
}

/// The entry records of a segment that stand, by place.
pub(in crate::ops) struct Standing<'l> {
    runs: &'l [StandingRun],
    next: usize,
}

impl Standing<'_> {
    /// Whether the entry at `offset` stands. Asked in file order.
    pub(in crate::ops) fn contains(&mut self, offset: u64, index: LogIndex) -> bool {
        while self.runs.get(self.next).is_some_and(|run| run.last_at < offset) {
            self.next += 1;
        }
        self.runs.get(self.next).is_some_and(|run| run.at <= offset && run.first <= index && index <= run.last)
    }
}

/// Whether the records that are written are those that the scan found: bytes may have changed since.
pub(super) struct SecondPass {
    entering: Entering,
    running: Option<Crc32c>,
    types: TypeCounts,
    differs: bool,
}

impl SecondPass {
    /// Of a segment that this was found in.
    pub(super) fn of(trace: &Trace) -> Self {
        Self { entering: trace.entering, running: None, types: TypeCounts::default(), differs: false }
    }

    /// The next record.
    #[inline]
    pub(super) fn record(&mut self, record: &Record<'_>) {
        self.types.add(record.kind);
        self.differs |= match (self.running, record.kind) {
            // What a first record with data has to fit stands in the segment before.
            (None, _) => match self.entering {
                Entering::Nothing => true,
                Entering::Crc(stored) => record.crc != stored,
                Entering::Data(first) => record.crc != first.stored || Crc32c::of(record.bytes()) != first.data_crc,
            },
            // A crc record may begin anew where nothing was summed yet.
            (Some(running), RecordKind::Crc) => running != Crc32c(0) && running != record.crc,
            (Some(running), _) => record.running(running) != record.crc,
        };
        self.running = Some(record.crc);
    }

    /// True when the records were those that were found.
    pub(super) fn agrees(&self, trace: &Trace) -> bool {
        !self.differs && self.running == trace.running && self.types == trace.types
    }
}
