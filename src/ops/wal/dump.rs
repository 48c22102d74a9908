//! `wal dump`: every record, written as it is read.

use std::path::PathBuf;

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
use crate::readers::wal::SegmentScan;
use crate::report::body::wal::{
    CrcFields, DumpBody, EntryFields, EtcdFields, MetadataFields, RecordContent, RecordRow, RecordType, SealedFields,
    UnknownFields,
};
use crate::report::{Report, RowStream};
use crate::types::{LogIndex, ServerVersion, Term};

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

/// Writes the records of the logs at `paths` to `rows`, in the order in which they stand in the files, up to where a server
/// stops reading. Returns the totals, for the end of the stream.
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
    for log in &logs {
        dump_log(log, filter, opener, rows, &mut totals, &mut closed)?;
    }
    let (mut findings, mut coverage) = join(&mut logs);
    findings.extend(closed.finish("the log", &mut coverage));
    Ok(Report::new(totals, findings, coverage))
}

/// Says where records begin if none of the wanted segments has one at `offset`.
fn frame_at(logs: &[ReadLog], filter: &DumpFilter, offset: u64) -> Result<()> {
    let segments = logs.iter().flat_map(|log| &log.scan.segments);
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
    let end = segment.trace(ServerVersion::NEWEST).stop.at();
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
    Err((before, None))
}

fn dump_log(
    log: &ReadLog,
    filter: &DumpFilter,
    opener: Option<&Opener>,
    rows: &mut RowStream<'_>,
    totals: &mut DumpBody,
    closed: &mut Closed,
) -> Result<()> {
    let standings = Standings::of(&EffectiveLog::of(&log.scan, ServerVersion::NEWEST), &log.scan);
    let mut any = false;
    for (position, segment) in log.scan.segments.iter().enumerate() {
        if !filter.segment.as_deref().is_none_or(|wanted| is_segment(segment, wanted)) {
            continue;
        }
        any = true;
        segment.rewind();
        let mut dump = SegmentDump {
            filter,
            opener,
            closed,
            path: segment_path(&log.prefix, &segment.file.file_name),
            standing: standings.in_segment(position),
            owner: log.scan.owner,
        };
        dump.run(segment, rows, totals)?;
    }
    if !any && let Some(wanted) = &filter.segment {
        return Err(Error::Usage(format!(
            "--segment {wanted}: no such segment in {}; give its sequence number or its file name",
            log.prefix
        )));
    }
    Ok(())
}

fn is_segment(segment: &SegmentScan, wanted: &str) -> bool {
    let number = match wanted.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => wanted.parse().ok(),
    };
    segment.file.file_name == wanted || number == Some(segment.seq())
}

struct SegmentDump<'a> {
    filter: &'a DumpFilter,
    opener: Option<&'a Opener>,
    closed: &'a mut Closed,
    path: String,
    standing: Standing<'a>,
    owner: LogOwner,
}

impl SegmentDump<'_> {
    fn run(&mut self, segment: &SegmentScan, rows: &mut RowStream<'_>, totals: &mut DumpBody) -> Result<()> {
        let trace = segment.trace(ServerVersion::NEWEST);
        let end = trace.stop.at();
        let wanted_from = match self.filter.offset {
            // Another segment has a record there.
            Some(offset) if begins_at(segment, offset).is_err() => return Ok(()),
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
            totals.records_read += 1;
            let mut opened = None;
            let Some(content) = self.content(&frame, &record, &mut opened) else { continue };
            totals.records_written += 1;
            let row = RecordRow { kind: content.kind(), segment: &path, offset: frame.at, length: frame.len(), content };
            if rows.row(&row).map_err(Error::Output)? {
                segment.release_before(frame.at);
            }
        }
        // The scan read on to there.
        if at < end || !again.agrees(trace) {
            segment.mark_as_different();
        }
        Ok(())
    }

    /// What a record says, if the filter lets it through.
    fn content<'r>(
        &mut self,
        frame: &Frame<'r>,
        record: &Record<'r>,
        opened: &'r mut Option<Opened>,
    ) -> Option<RecordContent<'r>> {
        let data = record.bytes();
        match record.kind {
            RecordKind::Entry => {
                let entry = Entry::decode_canonical(data).or_else(|| Entry::decode(data, ProtoRules::Google).ok())?;
                if self.owner.is_etcd() {
                    return self.etcd_entry(frame, &entry).map(RecordContent::Entry);
                }
                self.entry(frame, &entry, opened).map(RecordContent::Entry)
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
    fn wants_entry(&mut self, frame: &Frame<'_>, entry: &Entry<'_>) -> Option<bool> {
        let filter = self.filter;
        let of_type = filter.types.is_empty() || filter.types.contains(&RecordType::Entry);
        let in_range = filter.from.is_none_or(|from| from <= entry.index.0) && filter.to.is_none_or(|to| entry.index.0 <= to);
        if !of_type || !in_range || filter.term.is_some_and(|term| term != entry.term.0) {
            return None;
        }
        let effective = self.standing.contains(frame.at, entry.index);
        (effective || !filter.effective_only).then_some(effective)
    }

    /// An entry of a log of etcd.
    fn etcd_entry<'r>(&mut self, frame: &Frame<'_>, entry: &Entry<'r>) -> Option<EntryFields<'r>> {
        let filter = self.filter;
        let effective = self.wants_entry(frame, entry)?;
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
    fn entry<'r>(&mut self, frame: &Frame<'_>, entry: &Entry<'r>, opened: &'r mut Option<Opened>) -> Option<EntryFields<'r>> {
        let filter = self.filter;
        let effective = self.wants_entry(frame, entry)?;
        let cutover = self.opener.map_or(LogIndex(0), Opener::cutover);
        let mut view = classify_above(cutover, entry.index, entry.kind, entry.data);
        let mut sealed = None;
        let decoded = match view.payload {
            Payload::Sealed(payload) => Some((payload, Envelope::decode(payload))),
            _ => None,
        };
        if let (Some((_, Err(error))), Some(_)) = (&decoded, self.opener) {
            let what = format!("Entry {}", entry.index);
            self.closed.add(&what, self.path.clone(), Some(frame.at), None, &OpenError::of_decoding(error));
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
                    self.closed.add(
                        &format!("Entry {}", entry.index),
                        self.path.clone(),
                        Some(frame.at),
                        Some(&envelope),
                        &error,
                    );
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
