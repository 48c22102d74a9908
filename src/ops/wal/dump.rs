//! `wal dump`: every record, written as it is read.

use std::cmp::Ordering;
use std::path::PathBuf;

use crate::analysis::Coverage;
use crate::analysis::judge::envelopes::Closed;
use crate::analysis::server::log::EffectiveLog;
use crate::crypto::OpenError;
use crate::crypto::Opened;
use crate::error::{Error, Result};
use crate::formats::envelope::Envelope;
use crate::formats::etcd::{LogOwner, Request};
use crate::formats::kv::{EntryClass, EntryView, KeyFilter, Payload, classify_above, classify_etcd, classify_payload};
use crate::formats::raftpb::{Entry, EntryType, HardState, ProtoRules, WalSnapshot};
use crate::formats::wal::{Frame, FrameStep, Record, RecordKind};
use crate::readers::keys::Opener;
use crate::readers::source::Run;
use crate::readers::wal::{Behind, SegmentScan};
use crate::report::body::wal::{
    CrcFields, DumpBody, EntryFields, EtcdFields, MetadataFields, RecordContent, RecordPlace, RecordRow, RecordType,
    SealedFields, UnknownFields,
};
use crate::report::{Report, RowStream};
use crate::types::{Count, LogIndex, ServerVersion, Term};

use super::pass::{SecondPass, Standing, Standings};
use super::{ReadLog, join, read_all, segment_path};

/// Which records are written. Everything that is set must hold.
#[derive(Debug, Clone, Default)]
pub struct DumpFilter {
    /// Entries and snapshots with this index or a higher one.
    pub from: Option<u64>,
    /// Entries and snapshots with this index or a lower one.
    pub to: Option<u64>,
    /// Records of this term.
    pub term: Option<u64>,
    /// Records of these types; all when empty.
    pub types: Vec<RecordType>,
    /// Entries of these classes; everything when empty.
    pub classes: Vec<EntryClass>,
    /// Entries that touch one of these keys.
    pub keys: Option<KeyFilter>,
    /// Only this segment: a sequence number or a file name.
    pub segment: Option<String>,
    /// From the frame at this offset of a segment on.
    pub offset: Option<u64>,
    /// Only entries that stand in the log that a server reads.
    pub effective_only: bool,
}

/// Writes the records of the logs at `paths` to `rows`, in the order in which they stand in the files: of each segment those up to
/// where a server stops reading, then what still can be read behind that place, and at last the copies that repair set aside. Returns
/// the totals, for the end of the stream.
pub fn dump(
    paths: &[PathBuf],
    filter: &DumpFilter,
    opener: Option<&Opener>,
    run: &Run<'_>,
    rows: &mut RowStream<'_>,
) -> Result<Report<DumpBody>> {
    let mut logs = read_all(paths, run)?;
    let mut totals = DumpBody::default();
    if let Some(offset) = filter.offset {
        frame_at(&logs, filter, offset)?;
    }
    let mut closed = Closed::default();
    for log in &mut logs {
        let left_out = dump_log(log, filter, opener, rows, &mut totals, &mut closed)?;
        log.coverage.absorb(left_out);
    }
    let (mut findings, mut coverage) = join(&mut logs);
    findings.extend(closed.finish("the log", &mut coverage));
    Ok(Report::new(totals, findings, coverage))
}

/// Says where records begin if none of the wanted segments has one at `offset`.
fn frame_at(logs: &[ReadLog], filter: &DumpFilter, offset: u64) -> Result<()> {
    let segments = logs.iter().flat_map(|log| log.scan.segments.iter().chain(&log.scan.set_aside));
    let wanted = segments.filter(|segment| filter.segment.as_deref().is_none_or(|wanted| is_segment(segment, wanted)));
    let mut nearest = None;
    for segment in wanted {
        match begins_at(segment, offset) {
            Ok(()) => return Ok(()),
            Err(places) => drop(nearest.get_or_insert((&segment.file.file_name, places))),
        }
    }
    let Some((name, (before, after))) = nearest else { return Ok(()) };
    let after = after.map_or_else(|| "the log ends before it".to_owned(), |after| format!("the next at {after}"));
    Err(Error::Usage(format!(
        "--offset {offset}: no record begins there; in {name} the last one before begins at {before}, {after}"
    )))
}

/// Whether a record of the segment begins at `offset`; else where the last one before and the next one do.
fn begins_at(segment: &SegmentScan, offset: u64) -> std::result::Result<(), (u64, Option<u64>)> {
    let trace = segment.trace(ServerVersion::NEWEST);
    let end = trace.stop.at();
    let (mut at, mut before) = (0, 0);
    while at < end {
        if at == offset {
            return Ok(());
        }
        if at > offset {
            return Err((before, Some(at)));
        }
        let FrameStep::Frame(frame) = Frame::read(segment.bytes(), at) else { break };
        before = at;
        at = frame.end();
    }
    for behind in trace.beyond.iter().flat_map(|beyond| beyond.records(segment.bytes())) {
        match behind.at.cmp(&offset) {
            Ordering::Less => before = behind.at,
            Ordering::Equal => return Ok(()),
            Ordering::Greater => return Err((before, Some(behind.at))),
        }
    }
    Err((before, None))
}

/// Writes the records of one log. Returns what of it was left out.
fn dump_log(
    log: &ReadLog,
    filter: &DumpFilter,
    opener: Option<&Opener>,
    rows: &mut RowStream<'_>,
    totals: &mut DumpBody,
    closed: &mut Closed,
) -> Result<Coverage> {
    let standings = Standings::of(&EffectiveLog::of(&log.scan, ServerVersion::NEWEST), &log.scan);
    let (mut any, mut left_out) = (false, Coverage::default());
    let segments = log.scan.segments.iter().enumerate().map(|(position, segment)| {
        let is_read = !segment.is_set_aside();
        (segment, is_read.then(|| standings.in_segment(position)))
    });
    for (segment, standing) in segments.chain(log.scan.set_aside.iter().map(|segment| (segment, None))) {
        if !filter.segment.as_deref().is_none_or(|wanted| is_segment(segment, wanted)) {
            continue;
        }
        any = true;
        let path = segment_path(&log.prefix, &segment.file.file_name);
        segment.rewind();
        let mut dump = SegmentDump {
            filter,
            opener,
            closed,
            path,
            place: RecordPlace::of(segment.is_set_aside(), false),
            standing,
            owner: log.scan.owner,
        };
        let unseen = dump.run(segment, rows, totals)?;
        if unseen > 0 {
            let what = format!("{} behind a hole of {}", Count(unseen, "record"), dump.path);
            left_out.missing(what, "there are more rows of records behind a hole than are kept");
        }
    }
    if !any && let Some(wanted) = &filter.segment {
        return Err(Error::Usage(format!(
            "--segment {wanted}: no such segment in {}; give its sequence number or its file name",
            log.prefix
        )));
    }
    Ok(left_out)
}

fn is_segment(segment: &SegmentScan, wanted: &str) -> bool {
    let number = match wanted.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => wanted.parse().ok(),
    };
    // A copy has the number of its segment.
    segment.file.file_name == wanted || (number == Some(segment.seq()) && !segment.is_set_aside())
}

struct SegmentDump<'a> {
    filter: &'a DumpFilter,
    opener: Option<&'a Opener>,
    closed: &'a mut Closed,
    path: String,
    /// Where the record stands that is looked at.
    place: RecordPlace,
    /// The records that stand; `None` for a copy that repair set aside.
    standing: Option<Standing<'a>>,
    owner: LogOwner,
}

impl SegmentDump<'_> {
    /// Writes what is wanted. Returns how many records behind a hole were found and not kept.
    fn run(&mut self, segment: &SegmentScan, rows: &mut RowStream<'_>, totals: &mut DumpBody) -> Result<u64> {
        let trace = segment.trace(ServerVersion::NEWEST);
        let end = trace.stop.at();
        let wanted_from = match self.filter.offset {
            // Another segment has a record there.
            Some(offset) if begins_at(segment, offset).is_err() => return Ok(0),
            Some(offset) => offset,
            None => 0,
        };
        let mut at = 0;
        let mut again = SecondPass::of(trace);
        rows.group(&self.path);
        let path = self.path.clone();
        while at < end {
            let FrameStep::Frame(frame) = Frame::read(segment.bytes(), at) else { break };
            let Some(record) =
                Record::decode_canonical(frame.payload()).or_else(|| Record::decode(frame.payload(), ProtoRules::Google).ok())
            else {
                break;
            };
            at = frame.end();
            again.record(&record);
            if frame.at < wanted_from {
                continue;
            }
            if self.record(&path, (frame.at, frame.end()), &record, rows, totals)? {
                segment.release_before(frame.at);
            }
        }
        // The scan read on to there.
        if at < end || !again.agrees(trace) {
            segment.mark_as_different();
        }
        let Some(beyond) = &trace.beyond else { return Ok(0) };
        self.place = RecordPlace::of(segment.is_set_aside(), true);
        let mut shown = 0;
        for Behind { at, end, record } in beyond.records(segment.bytes()) {
            if shown == 0 {
                rows.group(&format!("{path}, behind a hole"));
            }
            shown += 1;
            if at >= wanted_from {
                self.record(&path, (at, end), &record, rows, totals)?;
            }
        }
        Ok(beyond.total.records.saturating_sub(shown))
    }

    /// Writes one record if it is wanted. True when a batch of rows was handed on.
    fn record(
        &mut self,
        path: &str,
        (at, end): (u64, u64),
        record: &Record<'_>,
        rows: &mut RowStream<'_>,
        totals: &mut DumpBody,
    ) -> Result<bool> {
        totals.records_read += 1;
        match self.place {
            RecordPlace::Log => {}
            RecordPlace::LogHole => totals.records_behind_holes += 1,
            RecordPlace::LogBroken | RecordPlace::LogBrokenHole => totals.records_set_aside += 1,
        }
        let mut opened = None;
        let Some(content) = self.content(at, record, &mut opened) else { return Ok(false) };
        totals.records_written += 1;
        let row = RecordRow {
            kind: content.kind(),
            segment: path,
            offset: at,
            length: end.saturating_sub(at),
            place: self.place,
            content,
        };
        rows.row(&row).map_err(Error::Output)
    }

    /// What a record says, if the filter lets it through.
    fn content<'r>(&mut self, at: u64, record: &Record<'r>, opened: &'r mut Option<Opened>) -> Option<RecordContent<'r>> {
        let data = record.bytes();
        match record.kind {
            RecordKind::Entry => {
                let entry = Entry::decode_canonical(data).or_else(|| Entry::decode(data, ProtoRules::Google).ok())?;
                if self.owner.is_etcd() {
                    return self.etcd_entry(at, &entry).map(RecordContent::Entry);
                }
                self.entry(at, &entry, opened).map(RecordContent::Entry)
            }
            RecordKind::State => {
                let state = HardState::decode(data, ProtoRules::Google).ok()?;
                let wanted = self.wants(RecordType::HardState, None, Some(state.term));
                wanted.then(|| RecordContent::HardState((&state).into()))
            }
            RecordKind::Snapshot => {
                let snapshot = WalSnapshot::decode(data, ProtoRules::Google).ok()?;
                let wanted = self.wants(RecordType::Snapshot, Some(snapshot.index), Some(snapshot.term));
                wanted.then(|| RecordContent::Snapshot(snapshot.into()))
            }
            RecordKind::Metadata => {
                let fields = MetadataFields::of(data);
                self.wants(RecordType::Metadata, None, None).then_some(RecordContent::Metadata(fields))
            }
            RecordKind::Crc => {
                let fields = CrcFields { crc32c: record.crc };
                self.wants(RecordType::Crc, None, None).then_some(RecordContent::Crc(fields))
            }
            RecordKind::Unknown(record_type) => {
                let wanted = self.filter.types.is_empty() && self.wants_unfiltered();
                wanted.then_some(RecordContent::Unknown(UnknownFields { record_type }))
            }
        }
    }

    /// Whether an entry stands in the log that counts; `None` for one that is not wanted, whatever it holds.
    fn wants_entry(&mut self, at: u64, entry: &Entry<'_>) -> Option<bool> {
        let filter = self.filter;
        let of_type = filter.types.is_empty() || filter.types.contains(&RecordType::Entry);
        let in_range = filter.from.is_none_or(|from| from <= entry.index.0) && filter.to.is_none_or(|to| entry.index.0 <= to);
        if !of_type || !in_range || filter.term.is_some_and(|term| term != entry.term.0) {
            return None;
        }
        let in_log = self.place == RecordPlace::Log;
        let effective = in_log && self.standing.as_mut().is_some_and(|standing| standing.contains(at, entry.index));
        (effective || !filter.effective_only).then_some(effective)
    }

    /// An entry of a log of etcd.
    fn etcd_entry<'r>(&mut self, at: u64, entry: &Entry<'r>) -> Option<EntryFields<'r>> {
        let filter = self.filter;
        let effective = self.wants_entry(at, entry)?;
        let view = classify_etcd(entry.kind, entry.data);
        if !filter.classes.is_empty() && !filter.classes.contains(&view.class) {
            return None;
        }
        if let Some(keys) = &filter.keys {
            let mut found = false;
            if let Some(request) = Request::decode(entry.data).filter(|_| entry.kind == EntryType::Normal) {
                request.for_each_key(|key| found = found || keys.matches(key));
            }
            if !found {
                return None;
            }
        }
        let etcd = EtcdFields::of(entry);
        let request_id = Request::decode(entry.data).filter(|_| entry.kind == EntryType::Normal).and_then(|request| request.id);
        Some(EntryFields { request_id, etcd, ..EntryFields::new(entry, &view, effective) })
    }

    /// `opened` keeps what an envelope held while the row is written.
    fn entry<'r>(&mut self, at: u64, entry: &Entry<'r>, opened: &'r mut Option<Opened>) -> Option<EntryFields<'r>> {
        let filter = self.filter;
        let effective = self.wants_entry(at, entry)?;
        let cutover = self.opener.map_or(LogIndex(0), Opener::cutover);
        let mut view = classify_above(cutover, entry.index, entry.kind, entry.data);
        let mut sealed = None;
        let decoded = match view.payload {
            Payload::Sealed(payload) => Some((payload, Envelope::decode(payload))),
            _ => None,
        };
        if let (Some((_, Err(error))), Some(_)) = (&decoded, self.opener) {
            let what = format!("Entry {}", entry.index);
            self.closed.add(&what, self.path.clone(), Some(at), None, &OpenError::of_decoding(error));
        }
        if let Some((payload, Ok(envelope))) = decoded {
            let mut fields = SealedFields::of(&envelope);
            match self.opener.map(|opener| opener.entry(payload)) {
                None => {}
                Some(Ok(clear)) => {
                    fields.opened = Some(true);
                    view = EntryView { request_id: view.request_id, ..classify_payload(opened.insert(clear).bytes()) };
                }
                Some(Err(error)) => {
                    fields.opened = Some(false);
                    self.closed.add(&format!("Entry {}", entry.index), self.path.clone(), Some(at), Some(&envelope), &error);
                }
            }
            sealed = Some(fields);
        }
        if !filter.classes.is_empty() && !filter.classes.contains(&view.class) {
            return None;
        }
        if let Some(keys) = &filter.keys {
            let mut found = false;
            view.for_each_key(|key| found = found || keys.matches(key));
            if !found {
                return None;
            }
        }
        Some(EntryFields { sealed, ..EntryFields::new(entry, &view, effective) })
    }

    /// Whether a record that is no entry is wanted.
    fn wants(&self, kind: RecordType, index: Option<LogIndex>, term: Option<Term>) -> bool {
        let filter = self.filter;
        let in_range = |index: u64| filter.from.is_none_or(|from| from <= index) && filter.to.is_none_or(|to| index <= to);
        if !filter.types.is_empty() {
            // Asked for by name: only what it has can be held against it.
            return filter.types.contains(&kind)
                && index.is_none_or(|index| in_range(index.0))
                && filter.term.is_none_or(|wanted| term.is_none_or(|term| term.0 == wanted));
        }
        match index {
            Some(index) => {
                in_range(index.0)
                    && filter.term.is_none_or(|wanted| term.is_some_and(|term| term.0 == wanted))
                    && filter.classes.is_empty()
                    && filter.keys.is_none()
            }
            None => self.wants_unfiltered(),
        }
    }

    /// True when nothing was asked that only entries have.
    fn wants_unfiltered(&self) -> bool {
        let filter = self.filter;
        filter.from.is_none()
            && filter.to.is_none()
            && filter.term.is_none()
            && filter.classes.is_empty()
            && filter.keys.is_none()
            && !filter.effective_only
    }
}
