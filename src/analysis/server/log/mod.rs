//! The two readings of the log that a server makes when it starts, exactly as each server makes them.
//!
//! 1. [`valid_snapshots`]: which snapshot records may be started from. All segments, no look at their sequence numbers;
//!    a log that stops in the middle of something simply ends there.
//! 2. [`read_from`]: the log after the chosen snapshot, read for writing. A log that stops in the middle of something is
//!    repaired once and read again.
//!
//! Nothing is changed: what the server would change is part of the result.

use std::collections::BTreeSet;

use crate::analysis::ServerError;
use crate::analysis::server::conditions;
use crate::formats::raftpb::{ConfState, HardState};
use crate::formats::wal::RecordKind;
use crate::readers::wal::{EntryRange, EntryRanges, EntrySpan, Item, NOWHERE, Stop, WalScan};
use crate::types::{LogIndex, ServerVersion, SnapshotId};

mod effective;
mod walk;

pub use effective::{EffectiveLog, EndKind, LogicalEnd};
use walk::{End, Repaired, walk};

/// What the first reading finds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ValidSnapshots {
    /// Snapshot records that the commit covers, in the order of the log; duplicates are kept.
    pub snapshots: Vec<SnapshotRecord>,
    /// Snapshot records above the commit: received, but the node stopped before it had taken them over.
    pub too_new: Vec<SnapshotRecord>,
    /// The last hard state read; all zero when there is none.
    pub hard_state: HardState,
    /// Where the reading ended before the end of the log without the server noticing: segment and offset.
    pub cut_short: Option<(usize, u64)>,
    /// What the usable records name.
    eligible: BTreeSet<SnapshotId>,
}

/// A snapshot record of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRecord {
    /// Which snapshot.
    pub id: SnapshotId,
    /// The members then; `None` when the record does not say.
    pub conf_state: Option<ConfState>,
    /// Position of the segment in the scan.
    pub segment: usize,
    /// Offset of the frame.
    pub offset: u64,
}

impl ValidSnapshots {
    /// True when a start from `id` is allowed.
    pub fn contains(&self, id: SnapshotId) -> bool {
        self.eligible.contains(&id)
    }

    /// The snapshots that a start may be made from.
    pub const fn eligible(&self) -> &BTreeSet<SnapshotId> {
        &self.eligible
    }
}

/// What the second reading does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRead {
    /// The snapshot that it starts from.
    pub snapshot: SnapshotId,
    /// Position of the first segment that is read.
    pub start_segment: Option<usize>,
    /// The repair that happens before the log can be read, or before the server gives up.
    pub repair: Option<Repair>,
    /// The log, or the error that ends the start.
    pub result: Result<LogContent, ServerError>,
}

/// A truncation of the last segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// The error that it is the answer to.
    pub because: String,
    /// Position of the segment in the scan.
    pub segment: usize,
    /// The segment will end here; a copy of the whole is kept as `*.broken`.
    pub truncate_at: u64,
    /// Bytes that are cut off, zeros at the end of the file not counted.
    pub bytes_dropped: u64,
    /// Lowest and highest index of the entries that can still be read in what is cut off.
    pub entries_dropped: Option<(LogIndex, LogIndex)>,
}

/// The log after a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogContent {
    /// The last hard state; all zero when there is none.
    pub hard_state: HardState,
    /// Index of the last entry, or of the snapshot when no entry follows it.
    pub last_index: LogIndex,
    /// The entries after the snapshot, without a gap. [`EntryRanges::iter`] gives their bytes.
    pub entries: EntryRanges,
    /// False when no record of the log names the snapshot, which a read for writing tolerates.
    pub snapshot_recorded: bool,
    /// The last segment is overwritten with zeros from here on: its position in the scan and the offset.
    pub zeroed_from: (usize, u64),
}

/// The first reading: the snapshot records that a start may use.
///
/// Fails where the server fails: no segment at all (`wal: file not found`), a checksum that does not fit, bytes that are no
/// record, a hard state or snapshot that does not parse.
pub fn valid_snapshots(scan: &WalScan, engine: ServerVersion) -> Result<ValidSnapshots, ServerError> {
    if scan.segments.is_empty() {
        return Err(ServerError::plain(&conditions::WAL_FILE_NOT_FOUND));
    }
    // All segments are opened before the first one is read.
    if let Some(nowhere) =
        scan.segments.iter().find(|segment| matches!(segment.trace(engine).stop, Stop::NotAFile { reason: NOWHERE }))
    {
        return Err(walk::not_opened(nowhere));
    }
    let mut found = Vec::new();
    let mut hard_state = HardState::default();
    let end = walk(scan, engine, 0, None, |segment, _, item| match item {
        Item::Snapshot { at, snapshot } => {
            found.push(SnapshotRecord { id: snapshot.id(), conf_state: snapshot.conf_state.clone(), segment, offset: *at });
            Ok(())
        }
        Item::Run(run) => {
            hard_state = run.states.map_or(hard_state, |states| states.last);
            Ok(())
        }
        Item::Malformed { kind: RecordKind::State | RecordKind::Snapshot, error, .. } => Err(unmarshal_panic(error)),
        Item::Malformed { .. } | Item::Metadata { .. } | Item::Crc { .. } | Item::Unknown { .. } => Ok(()),
    });
    let cut_short = match end {
        End::Eof => None,
        End::UnexpectedEof { segment, at, .. } => Some((segment, at)),
        End::Failed { error, .. } => return Err(error),
    };
    let (snapshots, too_new): (Vec<_>, Vec<_>) = found.into_iter().partition(|record| record.id.index <= hard_state.commit);
    let eligible = snapshots.iter().map(|record: &SnapshotRecord| record.id).collect();
    Ok(ValidSnapshots { snapshots, too_new, hard_state, cut_short, eligible })
}

/// The second reading: the log after `snapshot`, `SnapshotId::default()` for the start of the log.
pub fn read_from(scan: &WalScan, snapshot: SnapshotId, engine: ServerVersion) -> LogRead {
    let start = match start_segment(scan, snapshot.index) {
        Ok(start) => start,
        Err(error) => return LogRead { snapshot, start_segment: None, repair: None, result: Err(error) },
    };
    let mut read = LogRead {
        snapshot,
        start_segment: Some(start),
        repair: None,
        result: Err(ServerError::plain(&conditions::WAL_FILE_NOT_FOUND)),
    };
    read.result = match read_once(scan, snapshot, start, engine, None) {
        Ok(content) => Ok(content),
        Err(Refusal::Error(error)) => Err(error),
        Err(Refusal::UnexpectedEof(text)) => match repair(scan, engine) {
            Err(GivesUp) => Err(ServerError::of(&conditions::WAL_UNREPAIRABLE, format!("WAL unrepairable: {text}"))),
            Ok(repaired) => {
                read.repair = repaired.map(|repaired| describe(scan, engine, repaired, text));
                match read_once(scan, snapshot, start, engine, repaired) {
                    Ok(content) => Ok(content),
                    Err(Refusal::Error(error)) => Err(error),
                    Err(Refusal::UnexpectedEof(text)) => {
                        let error = "WAL unrepairable after repair";
                        Err(ServerError::of(&conditions::WAL_UNREPAIRABLE, format!("{error}: {text}")).named(error))
                    }
                }
            }
        },
    };
    read
}

/// Chooses the segment to start from and checks the sequence numbers from there on.
fn start_segment(scan: &WalScan, index: LogIndex) -> Result<usize, ServerError> {
    const PREFIX: &str = "openAtIndex failed: [openAtIndex] selectWALFiles failed";
    if scan.segments.is_empty() {
        return Err(ServerError::plain(&conditions::WAL_FILE_NOT_FOUND).wrapped(PREFIX));
    }
    let Some(start) = scan.segments.iter().rposition(|segment| segment.name_index() <= index) else {
        let error = &conditions::WAL_NO_MATCHING_SEGMENT;
        return Err(ServerError::of(error, format!("{} '{index}'", error.name)).wrapped(PREFIX));
    };
    // The server takes 0 for "no predecessor", so whatever follows segment 0 passes.
    let mut last = 0;
    for segment in scan.segments.iter().skip(start) {
        if last != 0 && last != segment.seq().wrapping_sub(1) {
            return Err(ServerError::of(
                &conditions::WAL_FILE_NOT_FOUND,
                format!("wal: file sequence numbers (starting from {start}) do not increase continuously"),
            )
            .named("wal: file sequence numbers do not increase continuously")
            .wrapped(PREFIX));
        }
        last = segment.seq();
    }
    Ok(start)
}

enum Refusal {
    UnexpectedEof(String),
    Error(ServerError),
}

fn read_once(
    scan: &WalScan,
    snapshot: SnapshotId,
    start: usize,
    engine: ServerVersion,
    repaired: Option<Repaired>,
) -> Result<LogContent, Refusal> {
    let mut reading = Reading {
        snapshot,
        engine,
        metadata: None,
        state: HardState::default(),
        entries: EntryRanges::default(),
        matched: false,
    };
    match walk(scan, engine, start, repaired, |segment, position, item| reading.take(segment, position, item)) {
        End::Eof => {}
        End::UnexpectedEof { text, .. } => return Err(Refusal::UnexpectedEof(text)),
        End::Failed { error, .. } => return Err(Refusal::Error(error)),
    }
    let last = scan.segments.len().saturating_sub(1);
    let end = scan.segments.get(last).map_or(0, |segment| segment.trace(engine).stop.at());
    Ok(LogContent {
        hard_state: reading.state,
        last_index: reading.entries.last().unwrap_or(snapshot.index),
        entries: reading.entries,
        snapshot_recorded: reading.matched,
        zeroed_from: (last, repaired.map_or(end, |repaired| repaired.truncate_at)),
    })
}

/// The state of one reading for writing.
#[derive(Debug)]
struct Reading {
    snapshot: SnapshotId,
    engine: ServerVersion,
    metadata: Option<Vec<u8>>,
    state: HardState,
    entries: EntryRanges,
    matched: bool,
}

impl Reading {
    fn take(&mut self, segment: usize, position: usize, item: &Item) -> Result<(), ServerError> {
        match item {
            Item::Run(run) => {
                if let Some(entries) = run.entries {
                    self.take_entries(segment, position, entries)?;
                }
                self.state = run.states.map_or(self.state, |states| states.last);
                Ok(())
            }
            Item::Metadata { data, .. } => {
                if self.metadata.as_deref().is_some_and(|known| known != data.as_deref().unwrap_or_default()) {
                    return Err(ServerError::plain(&conditions::WAL_METADATA_CONFLICT));
                }
                self.metadata.clone_from(data);
                Ok(())
            }
            Item::Snapshot { snapshot, .. } => {
                if snapshot.index == self.snapshot.index {
                    if snapshot.term != self.snapshot.term {
                        return Err(ServerError::plain(&conditions::WAL_SNAPSHOT_MISMATCH));
                    }
                    self.matched = true;
                }
                Ok(())
            }
            Item::Crc { .. } => Ok(()),
            Item::Unknown { kind, .. } => {
                // The newer runtime has an address printed instead of the number.
                let text = if self.engine.traits().names_unknown_record {
                    format!("unexpected block type {kind}")
                } else {
                    "unexpected block type".to_owned()
                };
                Err(ServerError::of(&conditions::WAL_BLOCK_TYPE, text))
            }
            Item::Malformed { error, .. } => Err(unmarshal_panic(error)),
        }
    }

    fn take_entries(&mut self, segment: usize, item: usize, entries: EntrySpan) -> Result<(), ServerError> {
        let start = self.snapshot.index;
        let Some(first) = start.next().map(|after| after.max(entries.first)).filter(|first| *first <= entries.last) else {
            return Ok(());
        };
        let held = self.entries.last().map_or(0, |last| last.0 - start.0);
        if first.0 - start.0 - 1 > held {
            let error = &conditions::WAL_SLICE_BOUNDS;
            let text = format!(
                "{}, snapshot[Index: {start}, Term: {}], current entry[Index: {first}, Term: {}], len(ents): {held}",
                error.name, self.snapshot.term, entries.term
            );
            return Err(ServerError::of(error, text));
        }
        self.entries.truncate_from(first, |_| {});
        self.entries.push(EntryRange { segment, item, first, last: entries.last, term: entries.term });
        Ok(())
    }
}

/// Repair does not understand the last segment and leaves it alone.
struct GivesUp;

/// What repair makes of the last segment: it looks at nothing else, so a log that stops earlier is not helped by it.
fn repair(scan: &WalScan, engine: ServerVersion) -> Result<Option<Repaired>, GivesUp> {
    let last = scan.segments.len().saturating_sub(1);
    match walk(scan, engine, last, None, |_, _, _| Ok(())) {
        End::Eof => Ok(None),
        End::UnexpectedEof { at, .. } => Ok(Some(Repaired { truncate_at: at })),
        End::Failed { .. } => Err(GivesUp),
    }
}

fn describe(scan: &WalScan, engine: ServerVersion, repaired: Repaired, because: String) -> Repair {
    let position = scan.segments.len().saturating_sub(1);
    let at = repaired.truncate_at;
    let mut repair = Repair { because, segment: position, truncate_at: at, bytes_dropped: 0, entries_dropped: None };
    let Some(segment) = scan.segments.get(position) else { return repair };
    let trace = segment.trace(engine);
    let frame_end = match trace.stop {
        Stop::ShortWord { at, left } => at + left,
        Stop::BadRecord { at, len, .. } | Stop::BadCrc { at, len, .. } => at + len,
        _ => at,
    };
    let end = trace.beyond.as_ref().map_or(frame_end, |beyond| beyond.end.max(frame_end));
    repair.bytes_dropped = end.saturating_sub(at);
    repair.entries_dropped = trace.beyond.as_ref().filter(|beyond| beyond.total.has_entries()).map(|beyond| beyond.total.indexes);
    repair
}

/// A message that does not parse although its checksum fits: the server does not return from that.
fn unmarshal_panic(error: &str) -> ServerError {
    ServerError::of(&conditions::UNMARSHAL_PANIC, format!("unmarshal should never fail: {error}"))
}
