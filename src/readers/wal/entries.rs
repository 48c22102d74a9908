//! Back from an index to the bytes of an entry.

use crate::formats::raftpb::{Entry, EntryType, ProtoRules};
use crate::formats::wal::{Frame, FrameStep, Record, RecordKind};
use crate::types::{Crc32c, LogIndex, ServerVersion, Term, count_work};

use super::scan::WalScan;
use super::trace::Item;

/// Consecutive entries of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryRange {
    /// Position of the segment in [`WalScan::segments`].
    pub segment: usize,
    /// Position of the run in the items of the segment's trace.
    pub item: usize,
    /// First entry.
    pub first: LogIndex,
    /// Last entry.
    pub last: LogIndex,
    /// Term of them all.
    pub term: Term,
}

/// Entries in the order of their indexes, as ranges of runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EntryRanges {
    ranges: Vec<EntryRange>,
}

/// One entry with its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryAt<'a> {
    /// Its index.
    pub index: LogIndex,
    /// Its term.
    pub term: Term,
    /// Its type.
    pub kind: EntryType,
    /// Its data.
    pub data: &'a [u8],
    /// Position of the segment in [`WalScan::segments`].
    pub segment: usize,
    /// Offset of its frame.
    pub offset: u64,
    /// Length of its frame.
    pub frame_len: u64,
}

impl EntryRange {
    /// Number of entries.
    pub const fn count(&self) -> u64 {
        self.last.0 - self.first.0 + 1
    }
}

impl EntryRanges {
    /// A single range.
    pub fn of(range: EntryRange) -> Self {
        Self { ranges: vec![range] }
    }

    /// The ranges, in order.
    pub fn ranges(&self) -> &[EntryRange] {
        &self.ranges
    }

    /// Number of entries.
    pub fn count(&self) -> u64 {
        self.ranges.iter().map(EntryRange::count).sum()
    }

    /// Index of the first entry.
    pub fn first(&self) -> Option<LogIndex> {
        self.ranges.first().map(|range| range.first)
    }

    /// Index of the last entry.
    pub fn last(&self) -> Option<LogIndex> {
        self.ranges.last().map(|range| range.last)
    }

    /// Term of the entry at `index`.
    pub fn term_at(&self, index: LogIndex) -> Option<Term> {
        let at = self.ranges.partition_point(|range| {
            count_work(1);
            range.last < index
        });
        self.ranges.get(at).filter(|range| range.first <= index).map(|range| range.term)
    }

    /// The part from `first` to `last`, both included.
    #[must_use]
    pub fn within(&self, first: LogIndex, last: LogIndex) -> Self {
        let from = self.ranges.partition_point(|range| range.last < first);
        let clipped = self.ranges.iter().skip(from).take_while(|range| range.first <= last).filter_map(|range| {
            let range = EntryRange { first: range.first.max(first), last: range.last.min(last), ..*range };
            (range.first <= range.last).then_some(range)
        });
        Self { ranges: clipped.collect() }
    }

    /// Removes every entry from `index` on; what was removed is handed to `removed`.
    pub fn truncate_from(&mut self, index: LogIndex, mut removed: impl FnMut(EntryRange)) {
        while let Some(range) = self.ranges.last_mut() {
            if range.last < index {
                break;
            }
            if range.first >= index {
                removed(*range);
                self.ranges.pop();
            } else {
                removed(EntryRange { first: index, ..*range });
                range.last = LogIndex(index.0 - 1);
                break;
            }
        }
    }

    /// Adds a range whose first index follows the last one.
    pub fn push(&mut self, range: EntryRange) {
        self.ranges.push(range);
    }

    /// Decodes the entries again, one after another, as `engine` reads them. Only their frames are touched, and those
    /// passed on the way from the nearest known place.
    pub fn iter<'a>(&'a self, scan: &'a WalScan, engine: ServerVersion) -> impl Iterator<Item = EntryAt<'a>> + 'a {
        self.ranges.iter().flat_map(move |range| RangeIter::new(scan, engine, *range))
    }
}

/// Walks the frames of one range.
struct RangeIter<'a> {
    bytes: &'a [u8],
    scan: &'a WalScan,
    rules: ProtoRules,
    range: EntryRange,
    next: Option<LogIndex>,
    at: u64,
    /// The checksum of the record before, once one was passed.
    running: Option<Crc32c>,
}

impl<'a> RangeIter<'a> {
    fn new(scan: &'a WalScan, engine: ServerVersion, range: EntryRange) -> Self {
        let mut at = 0;
        let mut bytes: &[u8] = &[];
        if let Some(segment) = scan.segments.get(range.segment) {
            bytes = segment.bytes();
            let trace = segment.trace(engine);
            if let Some(Item::Run(run)) = trace.items.get(range.item) {
                at = run.at;
            }
            let upto = trace.checkpoints.partition_point(|point| (point.item, point.index) <= (range.item, range.first));
            if let Some(point) = upto.checked_sub(1).and_then(|last| trace.checkpoints.get(last))
                && point.item == range.item
            {
                at = point.at;
            }
        }
        Self { bytes, scan, rules: engine.into(), range, next: Some(range.first), at, running: None }
    }
}

impl<'a> Iterator for RangeIter<'a> {
    type Item = EntryAt<'a>;

    fn next(&mut self) -> Option<EntryAt<'a>> {
        let wanted = self.next.filter(|&index| index <= self.range.last)?;
        let found = self.find(wanted);
        let segment = self.scan.segments.get(self.range.segment);
        match (&found, segment) {
            (Some(entry), Some(segment)) => segment.release_before(entry.offset),
            // The scan found these frames good, so the bytes have changed since.
            (None, Some(segment)) => segment.mark_as_different(),
            (_, None) => {}
        }
        self.next = found.and(wanted.next());
        found
    }
}

impl<'a> RangeIter<'a> {
    /// The entry with the index `wanted`, at or behind the place that was reached.
    fn find(&mut self, wanted: LogIndex) -> Option<EntryAt<'a>> {
        loop {
            let FrameStep::Frame(frame) = Frame::read(self.bytes, self.at) else { return None };
            self.at = frame.end();
            let record =
                Record::decode_canonical(frame.payload()).or_else(|| Record::decode(frame.payload(), self.rules).ok())?;
            // Good when it was scanned: another sum means that the bytes have changed since.
            if record.kind != RecordKind::Crc && self.running.is_some_and(|before| record.running(before) != record.crc) {
                return None;
            }
            self.running = Some(record.crc);
            if record.kind != RecordKind::Entry {
                continue;
            }
            let data = record.bytes();
            let entry = Entry::decode_canonical(data).or_else(|| Entry::decode(data, self.rules).ok())?;
            if entry.index < wanted {
                continue;
            }
            return (entry.index == wanted).then_some(EntryAt {
                index: entry.index,
                term: entry.term,
                kind: entry.kind,
                data: entry.data,
                segment: self.range.segment,
                offset: frame.at,
                frame_len: frame.len(),
            });
        }
    }
}
