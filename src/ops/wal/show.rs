//! `wal show`

use std::path::Path;

use crate::analysis::judge::envelopes::Closed;
use crate::analysis::judge::log::settle;
use crate::analysis::judge::unread;
use crate::analysis::server::log::EffectiveLog;
use crate::analysis::{Coverage, Finding};
use crate::error::{Error, Result};
use crate::formats::envelope::Envelope;
use crate::formats::etcd::{LogOwner, Metadata};
use crate::formats::kv::{Payload, classify, classify_above, classify_etcd};
use crate::formats::layout;
use crate::formats::raftpb::{Entry, HardState, ProtoRules, WalSnapshot};
use crate::formats::wal::{Frame, FrameStep, Record, RecordKind};
use crate::readers::Unplaced;
use crate::readers::keys::Opener;
use crate::readers::locate::logs;
use crate::readers::source::Run;
use crate::readers::wal::{EntryRange, EntryRanges, Item, SegmentScan, WalScan};
use crate::report::Report;
use crate::report::body::wal::{EtcdFields, RecordPlace, ShowBody, ShownRecord};
use crate::types::{Crc32c, LogIndex, ServerVersion};

use super::fields::{Inside, explain};
use super::{ReadLog, read, segment_path};

/// Which record is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordRef {
    /// The entry of an index, with the records that it replaced.
    Index(LogIndex),
    /// The frame at an offset of a segment: its sequence number or file name, or nothing when there is only one.
    At {
        /// The segment.
        segment: String,
        /// Offset of the frame.
        offset: u64,
    },
}

/// Explains one record of the log at `path`. With an opener, what is sealed in it is taken apart too.
pub fn show(path: &Path, place: &RecordRef, opener: Option<&Opener>, run: &Run<'_>) -> Result<Report<ShowBody>> {
    let (mut targets, mut unplaced) = logs(path, &*run.source)?;
    // Of a group with others of its node in it, its own log is meant.
    let own = path.join(layout::WAL);
    let mut others = match targets.iter().position(|target| target.dir.path == own) {
        Some(at) if targets.len() > 1 => targets.split_off(at + 1),
        _ => Vec::new(),
    };
    let target = match targets.pop() {
        Some(only) if targets.is_empty() => only,
        last => {
            targets.extend(last);
            targets.append(&mut others);
            let names: Vec<_> = targets.iter().map(|target| target.prefix.as_str()).collect();
            return Err(Error::Unsuitable {
                path: path.to_owned(),
                problem: format!("has {} logs", targets.len()),
                hint: format!("name one of {}", names.join(", ")),
            });
        }
    };
    unplaced.extend(others.into_iter().map(|other| {
        let why = "the log of another group of the node; name it by itself".to_owned();
        Unplaced { path: other.dir.path, why, needed: false }
    }));
    let log = read(&target, run)?;
    let scan = &log.scan;
    let effective = EffectiveLog::of(scan, ServerVersion::NEWEST);
    let places = match place {
        RecordRef::At { segment, offset } => vec![(find_segment(scan, path, segment)?, *offset)],
        RecordRef::Index(index) => {
            let mut places = places_behind(scan, *index);
            places.reverse();
            places.extend(places_of(scan, *index));
            // The record that stands comes first, the replaced ones follow from the newest to the oldest.
            places.reverse();
            places.sort_by_key(|&(segment, offset)| !stands(scan, &effective, segment, offset));
            places
        }
    };
    if places.is_empty() {
        let range = match (effective.first_index(), effective.last_index()) {
            (Some(first), Some(last)) => format!("it holds {first} to {last}"),
            _ => "it holds no entries".to_owned(),
        };
        return Err(Error::Unsuitable {
            path: path.to_owned(),
            problem: match place {
                RecordRef::Index(index) => format!("has no entry with index {index}"),
                RecordRef::At { .. } => "has no such record".to_owned(),
            },
            hint: range,
        });
    }
    let mut records = Vec::new();
    let mut closed = Closed::default();
    for (segment, offset) in places {
        records.push(shown(&log, &effective, opener, segment, offset, &mut closed)?);
    }
    let near = |finding: &Finding| {
        records.iter().any(|record| {
            // Of a record behind a hole the hole is what is wrong.
            let from = if record.place == RecordPlace::Log { record.offset } else { 0 };
            finding.path.as_deref() == Some(&record.segment)
                && finding.offset.is_some_and(|at| (from..record.offset + record.length.max(1)).contains(&at))
        })
    };
    let mut findings: Vec<_> = log.findings.iter().filter(|finding| near(finding)).cloned().collect();
    let mut coverage = Coverage::default();
    findings.extend(closed.finish("what is shown", &mut coverage));
    coverage.skipped("the rest of the log", "only one record was asked for");
    coverage.files = 1;
    coverage.bytes_examined = records.iter().map(|record| record.length).sum();
    settle(scan, &log.prefix, &mut coverage);
    unread::cover_unplaced(&unplaced, &mut coverage);
    Ok(Report::new(ShowBody { records }, findings, coverage))
}

fn find_segment(scan: &WalScan, path: &Path, wanted: &str) -> Result<usize> {
    let by_number = match wanted.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => wanted.parse().ok(),
    };
    let matches = |segment: &SegmentScan| {
        segment.file.file_name == wanted
            || segment_path(layout::WAL, &segment.file.file_name) == wanted
            || by_number == Some(segment.seq())
            || (wanted.is_empty() && scan.segments.len() == 1)
    };
    scan.segments.iter().position(matches).ok_or_else(|| Error::Unsuitable {
        path: path.to_owned(),
        problem: format!("has no segment {wanted:?}"),
        hint: "give its sequence number or its file name, as `wal ls` shows them".to_owned(),
    })
}

/// True for a place where no server reads, because it takes the segment for finished before, or cannot decode it.
fn is_behind(segment: Option<&SegmentScan>, offset: u64) -> bool {
    segment.is_some_and(|segment| offset >= segment.trace(ServerVersion::NEWEST).stop.at())
}

/// Every place behind a hole where an entry record with this index stands, in file order.
fn places_behind(scan: &WalScan, index: LogIndex) -> Vec<(usize, u64)> {
    let mut places = Vec::new();
    for (position, segment) in scan.segments.iter().enumerate() {
        if let Some(beyond) = &segment.trace(ServerVersion::NEWEST).beyond {
            beyond.for_each_entry(segment.bytes(), |at, entry| {
                if entry.index == index {
                    places.push((position, at));
                }
            });
        }
    }
    places
}

/// Every place where an entry record with this index stands, in file order.
fn places_of(scan: &WalScan, index: LogIndex) -> Vec<(usize, u64)> {
    let mut places = Vec::new();
    for (segment, scanned) in scan.segments.iter().enumerate() {
        for (item, step) in scanned.trace(ServerVersion::NEWEST).items.iter().enumerate() {
            let Item::Run(run) = step else { continue };
            let Some(span) = run.entries.filter(|span| span.first <= index && index <= span.last) else { continue };
            let range = EntryRanges::of(EntryRange { segment, item, first: index, last: index, term: span.term });
            places.extend(range.iter(scan, ServerVersion::NEWEST).map(|entry| (segment, entry.offset)));
        }
    }
    places
}

/// True when the entry record at a place is part of the log that a server reads.
fn stands(scan: &WalScan, log: &EffectiveLog, segment: usize, offset: u64) -> bool {
    log.entries.ranges().iter().filter(|range| range.segment == segment).any(|range| {
        let run = scan.segments.get(segment).and_then(|scanned| scanned.trace(ServerVersion::NEWEST).items.get(range.item));
        let Some(Item::Run(run)) = run else { return false };
        let Some(span) = run.entries else { return false };
        run.at <= offset && offset <= span.last_at && {
            let one = entry_at(scan, segment, offset);
            one.is_some_and(|index| range.first <= index && index <= range.last)
        }
    })
}

fn entry_at(scan: &WalScan, segment: usize, offset: u64) -> Option<LogIndex> {
    let FrameStep::Frame(frame) = Frame::read(scan.segments.get(segment)?.bytes(), offset) else { return None };
    let record = Record::decode(frame.payload(), ProtoRules::Google).ok()?;
    (record.kind == RecordKind::Entry).then(|| Entry::decode(record.bytes(), ProtoRules::Google).ok()).flatten().map(|e| e.index)
}

fn shown(
    read: &ReadLog,
    log: &EffectiveLog,
    opener: Option<&Opener>,
    segment: usize,
    offset: u64,
    closed: &mut Closed,
) -> Result<ShownRecord> {
    let scan = &read.scan;
    let scanned = scan.segments.get(segment);
    let bytes = scanned.map(SegmentScan::bytes).unwrap_or_default();
    let name = scanned.map(|segment| segment_path(&read.prefix, &segment.file.file_name)).unwrap_or_default();
    let problem = match Frame::read(bytes, offset) {
        FrameStep::Frame(frame) => {
            let record = Record::decode(frame.payload(), ProtoRules::Google).ok();
            let before = checksum_before(bytes, offset);
            let computed =
                record.filter(|record| record.kind != RecordKind::Crc).and_then(|record| Some(record.running(before?)));
            if let Some(scanned) = scanned.filter(|scanned| offset < scanned.trace(ServerVersion::NEWEST).stop.at())
                && record.is_none_or(|record| computed.is_some_and(|computed| computed != record.crc))
            {
                // The scan found it good.
                scanned.mark_as_different();
            }
            let computed = computed.or(before.filter(|_| record.is_some_and(|record| record.kind == RecordKind::Crc)));
            let effective = entry_at(scan, segment, offset).map(|_| stands(scan, log, segment, offset));
            let cutover = opener.map_or(LogIndex(0), Opener::cutover);
            let inside = opener.zip(record.as_ref().and_then(|record| sealed_payload(record, cutover)));
            let inside = inside.map(|(opener, (index, payload))| {
                let result = opener.entry(payload);
                if let Err(error) = &result {
                    let envelope = Envelope::decode(payload).ok();
                    closed.add(&format!("Entry {index}"), name.clone(), Some(offset), envelope.as_ref(), error);
                }
                Inside { result, shows_values: opener.shows_values }
            });
            return Ok(ShownRecord {
                segment: name,
                offset,
                length: frame.len(),
                summary: record.map_or_else(|| "no record".to_owned(), |record| summary(scan.owner, &record)),
                place: RecordPlace::of(false, is_behind(scanned, offset)),
                effective,
                computed_crc: computed.map(|crc| crc.to_string()),
                fields: explain(scan.owner, &frame, record.as_ref(), computed, inside.as_ref()),
            });
        }
        FrameStep::Eof => format!("ends at {}", bytes.len()),
        FrameStep::Zero => format!("has a length word of zero at {offset}: the log ends there"),
        FrameStep::ShortWord { left } => format!("has only {left} bytes left at {offset}"),
        FrameStep::TooLong { word, left } => {
            format!("has no frame at {offset}: {} bytes announced, {left} left", word.record_len())
        }
    };
    let hint = "frames are found by `wal dump`".to_owned();
    Err(Error::Unsuitable { path: name.into(), problem, hint })
}

/// Index and payload of an entry that stands in an envelope.
fn sealed_payload<'r>(record: &Record<'r>, cutover: LogIndex) -> Option<(LogIndex, &'r [u8])> {
    if record.kind != RecordKind::Entry {
        return None;
    }
    let entry = Entry::decode(record.bytes(), ProtoRules::Google).ok()?;
    match classify_above(cutover, entry.index, entry.kind, entry.data).payload {
        Payload::Sealed(payload) => Some((entry.index, payload)),
        _ => None,
    }
}

/// The checksum that the record before `offset` stores, when frames lead there from the start of the segment.
fn checksum_before(segment: &[u8], offset: u64) -> Option<Crc32c> {
    let mut at = 0;
    let mut stored = None;
    while at < offset {
        let FrameStep::Frame(frame) = Frame::read(segment, at) else { return None };
        stored = Some(Record::decode(frame.payload(), ProtoRules::Google).ok()?.crc);
        at = frame.end();
    }
    stored.filter(|_| at == offset)
}

fn summary(owner: LogOwner, record: &Record<'_>) -> String {
    let data = record.bytes();
    match record.kind {
        RecordKind::Entry => match Entry::decode(data, ProtoRules::Google) {
            Ok(entry) if owner.is_etcd() => {
                let class = classify_etcd(entry.kind, entry.data).class;
                let asked = EtcdFields::of(&entry).map(|fields| format!(": {}", fields.summary)).unwrap_or_default();
                format!("entry {} of term {}, {class}{asked}", entry.index, entry.term)
            }
            Ok(entry) => {
                let class = classify(entry.kind, entry.data).class;
                format!("entry {} of term {}, {class}", entry.index, entry.term)
            }
            Err(_) => "entry that does not parse".to_owned(),
        },
        RecordKind::State => match HardState::decode(data, ProtoRules::Google) {
            Ok(state) => format!("hard state, term {} vote {} commit {}", state.term, state.vote, state.commit),
            Err(_) => "hard state that does not parse".to_owned(),
        },
        RecordKind::Snapshot => match WalSnapshot::decode(data, ProtoRules::Google) {
            Ok(snapshot) => format!("snapshot record, {}", snapshot.id()),
            Err(_) => "snapshot record that does not parse".to_owned(),
        },
        RecordKind::Metadata => match Metadata::decode(data) {
            Some(Metadata { node_id, cluster_id }) => format!("metadata, etcd member {node_id:x} of cluster {cluster_id:x}"),
            None => format!("metadata of {} bytes", data.len()),
        },
        RecordKind::Crc => format!("checksum record {}", record.crc),
        RecordKind::Unknown(kind) => format!("record of unknown type {kind}"),
    }
}
