//! A node's log as far as another one can be held against it: the log itself, or sums over its entries and records.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use crate::formats::facts::{
    Compared, LogSums, Piece, RecordChain, RecordSums, Salt, Summer, TermRun, TermRuns, records_in_common, walk,
};
use crate::formats::wal::{Frame, FrameStep};
use crate::readers::wal::{EntryRanges, SegmentScan, WalScan};
use crate::types::{LogIndex, ServerVersion};

/// Sums over the records of a log, at most.
const RECORD_SUMS: u64 = 4 << 10;

/// Sums of a log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LogFacts {
    /// Sums over the entries that count.
    #[serde(flatten)]
    pub entries: LogSums,
    /// Sums over the records of each segment.
    pub segments: Vec<RecordSums>,
}

/// A log, or what is known of it.
#[derive(Debug, Clone, Default)]
pub struct HeldLog<'a> {
    runs: TermRuns,
    live: Option<Live<'a>>,
    sums: Option<Summed>,
}

/// A log that is at hand.
#[derive(Debug, Clone)]
struct Live<'a> {
    scan: &'a WalScan,
    entries: EntryRanges,
    engine: ServerVersion,
}

#[derive(Debug, Clone)]
struct Summed {
    pieces: Vec<Piece>,
    segments: Vec<RecordSums>,
}

impl<'a> HeldLog<'a> {
    /// The log of a directory, of which these entries count.
    pub fn of(scan: &'a WalScan, entries: EntryRanges, engine: ServerVersion) -> Self {
        let runs = entries.ranges().iter().map(|range| TermRun { first: range.first, last: range.last, term: range.term });
        Self { runs: TermRuns::of(runs), live: Some(Live { scan, entries, engine }), sums: None }
    }

    /// What is known of a log that is not at hand. Without sums nothing is known of its contents.
    pub fn of_sums(runs: &TermRuns, sums: Option<&LogFacts>) -> Self {
        Self { runs: runs.clone(), live: None, sums: None }.with(sums)
    }

    /// The same with sums, so that it can be compared with a log that is not at hand.
    #[must_use]
    pub fn with(mut self, sums: Option<&LogFacts>) -> Self {
        self.sums = sums.map(|sums| Summed { pieces: sums.entries.pieces(&self.runs), segments: sums.segments.clone() });
        self
    }

    /// The sums of a log that is at hand. `None` for one that is not, or of which bytes have changed since it was read.
    pub fn sums(&self, salt: &Salt) -> Option<LogFacts> {
        let Live { scan, entries, engine } = self.live.as_ref()?;
        let of_entry = |index, term, kind, data: &[u8]| (index, salt.of_entry(index, term, kind, data));
        let entries = entries.iter(scan, *engine).map(|entry| of_entry(entry.index, entry.term, entry.kind, entry.data));
        let entries = Summer::of(&self.runs, 0, entries)?;
        let at_most = (RECORD_SUMS / (scan.segments.len() as u64).max(1)).max(1);
        let segments = scan.segments.iter().map(|segment| records_of(segment, *engine, salt, at_most)).collect();
        Some(LogFacts { entries, segments })
    }

    pub(super) fn runs(&self) -> &TermRuns {
        &self.runs
    }

    /// Holds the entries from `first` to `last`, which both have, against each other, in the order of their indexes.
    pub(super) fn compare(
        &self,
        other: &HeldLog<'_>,
        (first, last): (LogIndex, LogIndex),
        mut visit: impl FnMut(Compared) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if let (Some(one), Some(other)) = (&self.live, &other.live) {
            let (ours, its) = (one.entries.within(first, last), other.entries.within(first, last));
            let both = ours.iter(one.scan, one.engine).zip(its.iter(other.scan, other.engine));
            for (a, b) in both {
                let same = (a.kind, a.data) == (b.kind, b.data);
                visit(if same { Compared::Same(!a.data.is_empty()) } else { Compared::Differ(a.index, a.index) })?;
            }
            return ControlFlow::Continue(());
        }
        match (&self.sums, &other.sums) {
            (Some(one), Some(other)) => walk([&one.pieces, &other.pieces], first, last, visit),
            _ => visit(Compared::Apart(first, last)),
        }
    }

    /// Records of the shorter log, if all its bytes are those of the other; segments that one of them has purged do not count.
    pub(super) fn records_in_common(&self, other: &HeldLog<'_>) -> Option<u64> {
        match (&self.live, &other.live, &self.sums, &other.sums) {
            (Some(one), Some(other), ..) => bytes_in_common([one, other]),
            (.., Some(one), Some(other)) => records_in_common(&one.segments, &other.segments),
            _ => None,
        }
    }
}

fn records_of(segment: &SegmentScan, engine: ServerVersion, salt: &Salt, at_most: u64) -> RecordSums {
    let trace = segment.trace(engine);
    let (bytes, end) = (segment.bytes(), trace.stop.at());
    segment.rewind();
    let mut chain = RecordChain::new(salt, trace.records, at_most);
    let mut at = 0;
    while at < end
        && let FrameStep::Frame(frame) = Frame::read(bytes, at)
        && frame.end() <= end
    {
        let range = usize::try_from(at).ok().zip(usize::try_from(frame.end()).ok());
        chain.add(range.and_then(|(from, to)| bytes.get(from..to)).unwrap_or_default());
        at = frame.end();
        segment.release_before(at);
    }
    chain.finish(segment.seq(), segment.name_index())
}

fn bytes_in_common([one, other]: [&Live<'_>; 2]) -> Option<u64> {
    let mut records = 0;
    let by_seq: std::collections::HashMap<_, _> = other.scan.segments.iter().rev().map(|its| (its.seq(), its)).collect();
    let pairs = one.scan.segments.iter().filter_map(|mine| Some((mine, *by_seq.get(&mine.seq())?)));
    for (mine, its) in pairs {
        let (ours, theirs) = (mine.trace(one.engine), its.trace(other.engine));
        let ends = (ours.stop.at(), theirs.stop.at());
        let (shorter, end) = if ends.0 <= ends.1 { (ours, ends.0) } else { (theirs, ends.1) };
        let len = usize::try_from(end).ok()?;
        if mine.name_index() != its.name_index() || mine.bytes().get(..len)? != its.bytes().get(..len)? {
            return None;
        }
        records += shorter.records;
        if ends.0 != ends.1 {
            break;
        }
    }
    (records > 0).then_some(records)
}
