//! Replaying the logs as a start does.

use std::path::Path;

use super::listing::StoreFile;
use super::memory::{IngestedTable, LogPlace, Memory};
use crate::error::{Error, Result};
use crate::formats::pebble::batch::{Batch, HEADER_LEN};
use crate::formats::pebble::{ChunkDefect, FileNum, KeyKind, Records, RecordsEnd, SeqNum};
use crate::formats::{DecodeError, DecodeErrorKind};
use crate::readers::source::Source;
use crate::types::OverBudget;

/// One file of a log and how reading it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFacts {
    /// The log's number.
    pub number: FileNum,
    /// The segment; 0 without failover.
    pub segment: u64,
    /// The file's name.
    pub name: String,
    /// The file's size in bytes; a recycled file is longer than its log.
    pub size: u64,
    /// Batches replayed.
    pub batches: u64,
    /// Entries replayed.
    pub entries: u64,
    /// First and last sequence number replayed.
    pub seqs: Option<(SeqNum, SeqNum)>,
    /// How its records end.
    pub end: RecordsEnd,
    /// An intact chunk of the same log behind the end, or at it under a damaged number: the end is a hole, not a tail.
    pub hidden_chunk: Option<u64>,
    /// The end of an unreadable last record that was written completely: its bytes changed afterwards.
    pub whole_chunk: Option<u64>,
    /// Where sequence numbers are missing: records that neither the logs nor the tables of the MANIFEST hold.
    pub gap: Option<SequenceGap>,
    /// A batch that does not decode.
    pub failure: Option<LogFailure>,
    /// True if reading stopped at a record that ingests tables, as the server does.
    pub stopped_at_ingest: bool,
}

/// A batch that the server refuses; it then refuses to open the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFailure {
    /// Offset of the record.
    pub offset: u64,
    /// The reason, in the words of the server where it has some.
    pub text: String,
}

/// Sequence numbers that are in no log, although the MANIFEST does not account for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SequenceGap {
    /// Offset of the record behind the gap.
    pub offset: u64,
    /// The first number that is missing.
    pub expected: SeqNum,
    /// The number with which the record begins.
    pub found: SeqNum,
}

/// Replays the files of one log, in the order of their segments, into `memory`.
///
/// Stops at the first batch that does not decode. Batches that repeat a number are passed over: they are copies that a
/// failover left. `next` is the number that the next batch may have at most; every write goes through the log, and numbers
/// that were given to tables directly are accounted for by the MANIFEST.
pub(super) fn replay(
    dir: &Path,
    number: FileNum,
    files: &[(u64, &StoreFile)],
    next: &mut SeqNum,
    memory: &mut Memory,
    source: &dyn Source,
) -> Result<Vec<LogFacts>> {
    let mut facts = Vec::with_capacity(files.len());
    let mut last = SeqNum(0);
    for (segment, listed) in files {
        let file = source.map(&dir.join(&listed.name))?;
        memory.make_room(file.stamp().size);
        let mut records = Records::of_log(file.bytes(), number);
        let mut log = LogFacts {
            number,
            segment: *segment,
            name: listed.name.clone(),
            size: file.stamp().size,
            batches: 0,
            entries: 0,
            seqs: None,
            end: RecordsEnd::Clean { at: 0 },
            hidden_chunk: None,
            whole_chunk: None,
            gap: None,
            failure: None,
            stopped_at_ingest: false,
        };
        for record in records.by_ref() {
            let place = LogPlace { log: number, segment: *segment, offset: record.offset };
            match add_batch(&record.payload, place, &mut last, next, &mut log, memory) {
                Ok(false) => {}
                Ok(true) => {
                    log.stopped_at_ingest = true;
                    break;
                }
                Err(NotAdded::Refused(text)) => {
                    log.failure = Some(LogFailure { offset: record.offset, text });
                    break;
                }
                Err(NotAdded::OverBudget(over)) => {
                    return Err(over_budget(dir, &listed.name, over));
                }
            }
        }
        if let Some(over) = records.too_large() {
            return Err(over_budget(dir, &listed.name, over));
        }
        log.end = records.end().unwrap_or(RecordsEnd::Clean { at: log.size });
        let own_record = match log.end.defect() {
            Some(ChunkDefect::DamagedNumber(_)) => Some(log.end.at()),
            _ => records.false_trailer(),
        };
        log.hidden_chunk = own_record.or_else(|| records.intact_chunk_behind_end().map(|(offset, _)| offset));
        log.whole_chunk = records.whole_chunk_at_end();
        // Zeros in place of bytes that nobody saw are no end of a log.
        file.delivered()?;
        let done = log.failure.is_some() || log.stopped_at_ingest;
        facts.push(log);
        if done {
            break;
        }
    }
    Ok(facts)
}

/// A file of which a part takes more memory than the run may.
pub(super) fn over_budget(dir: &Path, name: &str, over: OverBudget) -> Error {
    Error::Unsuitable { path: dir.join(name), problem: over.to_string(), hint: "give it more memory".to_owned() }
}

/// Why a batch was not added.
enum NotAdded {
    /// The server refuses it, in its words.
    Refused(String),
    /// It takes more memory than the run may.
    OverBudget(OverBudget),
}

/// Adds one batch; true if it ingests tables, after which nothing of the log is replayed.
fn add_batch(
    payload: &[u8],
    place: LogPlace,
    last: &mut SeqNum,
    next: &mut SeqNum,
    log: &mut LogFacts,
    memory: &mut Memory,
) -> std::result::Result<bool, NotAdded> {
    let batch = Batch::decode(payload).map_err(|_| {
        let len = payload.len();
        let text = format!("pebble: corrupt log file logNum={}: invalid batch ({len} bytes, {HEADER_LEN} needed)", place.log.0);
        NotAdded::Refused(text)
    })?;
    // Batches of log data alone repeat a number and are skipped before the test for copies.
    if batch.count == 0 || batch.seq <= *last {
        return Ok(false);
    }
    *last = batch.seq;
    if batch.seq > *next {
        log.gap.get_or_insert(SequenceGap { offset: place.offset, expected: *next, found: batch.seq });
    }
    *next = SeqNum(batch.seq.0.saturating_add(u64::from(batch.count))).max(*next);
    let mut ingests = None;
    let mut tables = Vec::new();
    for entry in batch.entries() {
        let entry = entry.map_err(|error| NotAdded::Refused(in_server_words(&error)))?;
        let ingest_kind = matches!(entry.kind, KeyKind::IngestSst | KeyKind::IngestSstWithBlobs | KeyKind::Excise);
        if *ingests.get_or_insert(ingest_kind) != ingest_kind {
            return Err(NotAdded::Refused(format!("pebble: invalid batch: {} beside other entries", entry.kind)));
        }
        if ingest_kind && entry.kind != KeyKind::Excise {
            let invalid = |error| NotAdded::Refused(format!("pebble: ingest sstable file num is invalid: {error}"));
            tables.push(entry.table_number().map_err(invalid)?);
        }
        memory.add(&entry, place).map_err(NotAdded::OverBudget)?;
        log.entries += 1;
    }
    log.batches += 1;
    let end = SeqNum(batch.seq.0.saturating_add(u64::from(batch.count).saturating_sub(1)));
    log.seqs = Some((log.seqs.map_or(batch.seq, |(first, _)| first), end));
    // An excise takes the batch's own number, and the tables follow it.
    let excised = u64::from(tables.len() < usize::try_from(batch.count).unwrap_or(usize::MAX));
    for (position, table) in tables.into_iter().enumerate() {
        let seq = SeqNum(batch.seq.0.wrapping_add(excised).wrapping_add(position as u64));
        memory.ingested.push(IngestedTable { table, seq, place });
    }
    Ok(ingests == Some(true))
}

/// A batch's defect as the server would say it, where it has words of its own.
fn in_server_words(error: &DecodeError) -> String {
    match &error.kind {
        DecodeErrorKind::Unknown { what: "entry kind", found } => format!("invalid key kind {found:#x}: pebble: invalid batch"),
        DecodeErrorKind::Invalid { what: "batch count", detail } => format!("pebble: inconsistent batch count: {detail}"),
        _ => format!("{error}: pebble: invalid batch"),
    }
}
