//! A second pass over the records of a log that was scanned.

use crate::analysis::server::log::EffectiveLog;
use crate::formats::wal::{Record, RecordKind};
use crate::readers::wal::{Entering, Item, SegmentScan, Trace, TypeCounts};
use crate::types::{Crc32c, LogIndex, ServerVersion};

/// The entry records of a segment that stand, by place.
pub(in crate::ops) struct Standing {
    /// Offsets of the first and last frame of a run, and the indexes that stand in it; in file order.
    runs: Vec<(u64, u64, LogIndex, LogIndex)>,
    next: usize,
}

impl Standing {
    /// Those of the segment at this position of the log.
    pub(in crate::ops) fn of(log: &EffectiveLog, segment: usize, scanned: &SegmentScan) -> Self {
        let items = &scanned.trace(ServerVersion::NEWEST).items;
        let mut runs: Vec<_> = (log.entries.ranges().iter())
            .filter(|range| range.segment == segment)
            .filter_map(|range| match items.get(range.item) {
                Some(Item::Run(run)) => Some((run.at, run.entries?.last_at, range.first, range.last)),
                _ => None,
            })
            .collect();
        runs.sort_unstable();
        Self { runs, next: 0 }
    }

    /// Whether the entry at `offset` stands. Asked in file order.
    pub(in crate::ops) fn contains(&mut self, offset: u64, index: LogIndex) -> bool {
        while self.runs.get(self.next).is_some_and(|run| run.1 < offset) {
            self.next += 1;
        }
        self.runs.get(self.next).is_some_and(|&(from, _, first, last)| from <= offset && first <= index && index <= last)
    }
}

/// Whether the records that are written are those that the scan found: bytes may have changed since.
pub(in crate::ops) struct SecondPass {
    entering: Entering,
    running: Option<Crc32c>,
    types: TypeCounts,
    differs: bool,
}

impl SecondPass {
    /// Of a segment that this was found in.
    pub(in crate::ops) fn of(trace: &Trace) -> Self {
        Self { entering: trace.entering, running: None, types: TypeCounts::default(), differs: false }
    }

    /// The next record.
    #[inline]
    pub(in crate::ops) fn record(&mut self, record: &Record<'_>) {
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
    pub(in crate::ops) fn agrees(&self, trace: &Trace) -> bool {
        !self.differs && self.running == trace.running && self.types == trace.types
    }
}
