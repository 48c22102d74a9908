//! What the log of a node holds of the keys in question.

use super::Reader;
use super::notes::{KeyNotes, Part};
use super::wanted::each_key;
use crate::analysis::history::{Content, EntryFact, Leaders, LogState, Operation, Origin, Place, RowId};
use crate::analysis::server::log::EffectiveLog;
use crate::crypto::{OpenError, Opened};
use crate::error::{Error, Result};
use crate::formats::envelope::Envelope;
use crate::formats::kv::{
    ConfContext, EncryptionOp, EntryClass, EntryView, Payload, Request, Writes, WrittenKind, WrittenRow, WrittenValue,
    classify_above, classify_payload,
};
use crate::formats::raftpb::{ConfChange, ConfChangeType, Entry, HardState, ProtoRules};
use crate::formats::wal::{Frame, FrameStep, Record, RecordKind};
use crate::ops::wal::{Notes, ReadLog, Standing, Standings, segment_path};
use crate::readers::source::Run;
use crate::readers::wal::{Item, SegmentScan};
use crate::types::{Count, HlcTimestamp, LogIndex, NodeId, ServerVersion, Term, count_work};

/// Records between two looks at whether the user wants to stop.
const INTERRUPT_EVERY: u64 = 1 << 14;

/// What is found on the way beside the versions.
#[derive(Default)]
struct Aside {
    /// Sealed entries that were not opened.
    sealed: u64,
    /// Sealed entries that the keys at hand do not open.
    closed: u64,
    /// Entries behind holes that were found and not kept.
    unseen: u64,
    leaders: Leaders,
    /// What hard states say to which no start gets.
    committed: LogIndex,
}

/// Where an entry was met.
#[derive(Clone, Copy)]
struct Met {
    origin: Origin,
    file: usize,
    offset: u64,
    /// Sealed entries of there were counted when the log was read first.
    counted: bool,
}

/// Takes in what one log holds: segments, what stands behind their holes, and what repair set aside. All of it was read once, and of that
/// only the parts are looked at again that `notes` names.
pub(super) fn read_log(
    reader: &mut Reader<'_>,
    log: &ReadLog,
    (notes, of_set_aside): &Notes<KeyNotes>,
    own: NodeId,
    run: &Run<'_>,
) -> Result<(LogState, Leaders)> {
    let scan = &log.scan;
    let effective = EffectiveLog::of(scan, ServerVersion::NEWEST);
    let standings = Standings::of(&effective, scan);
    let mut aside = Aside::default();
    let mut whole = true;
    for (position, (segment, notes)) in scan.segments.iter().zip(notes).enumerate() {
        let standing = Some(standings.in_segment(position));
        whole &= read_segment(reader, log, (segment, notes), standing, own, &mut aside, run)?;
    }
    for (segment, notes) in scan.set_aside.iter().zip(of_set_aside) {
        read_segment(reader, log, (segment, notes), None, own, &mut aside, run)?;
    }
    for foreign in scan.dir.foreign.iter().filter(|entry| entry.name.contains(".wal")) {
        let name = segment_path(&log.prefix, &foreign.name);
        reader.coverage.skipped(name, "it has no name of a segment; give it one in a copy to have it read");
    }
    if aside.sealed > 0 {
        let what = format!("{} of {}", Count(aside.sealed, "sealed entry"), log.prefix);
        reader.coverage.missing(what, "they may write the key; --sidecar and --kek open them");
    }
    if aside.unseen > 0 {
        let what = format!("{} behind holes of {}", Count(aside.unseen, "entry"), log.prefix);
        reader.coverage.missing(what, "there are more rows of records behind a hole than are kept");
    }
    for snapshot in &effective.snapshots {
        if let Some(members) = &snapshot.conf_state {
            members.voters.iter().chain(&members.voters_outgoing).for_each(|voter| aside.leaders.voter(*voter));
            members.learners.iter().chain(&members.learners_next).for_each(|learner| aside.leaders.member(*learner));
        }
    }
    let committed = effective.hard_state.map_or(LogIndex(0), |state| state.commit);
    let snapshots = effective.snapshots.iter().map(|record| record.id.index).filter(|index| *index <= committed);
    let commit = snapshots.fold(committed, LogIndex::max);
    whole &= aside.unseen == 0;
    let state = LogState {
        entries: effective.entries,
        commit,
        commit_aside: aside.committed,
        whole,
        sealed: aside.sealed + aside.closed,
    };
    Ok((state, aside.leaders))
}

/// Takes in one segment; false when something of it may not have been seen. `standing` is that of a segment which a start reads.
fn read_segment(
    reader: &mut Reader<'_>,
    log: &ReadLog,
    (segment, notes): (&SegmentScan, &KeyNotes),
    mut standing: Option<Standing<'_>>,
    own: NodeId,
    aside: &mut Aside,
    run: &Run<'_>,
) -> Result<bool> {
    let file = reader.ledger.file(segment_path(&log.prefix, &segment.file.file_name));
    let trace = segment.trace(ServerVersion::NEWEST);
    let bytes = segment.bytes();
    aside.sealed += notes.sealed;
    if standing.is_none() {
        let states = trace.items.iter().filter_map(|item| if let Item::Run(run) = item { run.states } else { None });
        aside.committed = states.map(|states| states.last.commit).fold(aside.committed, LogIndex::max);
    }
    segment.rewind();
    for part in notes.parts.iter().filter(|_| trace.records > 0) {
        let whole = read_part(segment, part, run, &mut |at, record| {
            let data = record.bytes();
            match record.kind {
                RecordKind::Entry => {
                    let decoded = Entry::decode_canonical(data).or_else(|| Entry::decode(data, ProtoRules::Google).ok());
                    let Some(entry) = decoded else { return };
                    let origin = match standing.as_mut().map(|standing| standing.contains(at, entry.index)) {
                        Some(true) => Origin::Log,
                        Some(false) => Origin::LogUnused,
                        None => Origin::LogBroken,
                    };
                    see(reader, &entry, Met { origin, file, offset: at, counted: true }, aside);
                }
                RecordKind::State => {
                    if let Ok(HardState { term, vote, .. }) = HardState::decode(data, ProtoRules::Google) {
                        aside.leaders.vote(own, term, vote);
                    }
                }
                _ => {}
            }
        })?;
        if !whole {
            // It was found whole when it was read first.
            segment.mark_as_different();
        }
        segment.release_before(part.at);
    }
    if let Some(beyond) = &trace.beyond {
        let origin = if standing.is_some() { Origin::LogHole } else { Origin::LogBroken };
        let unseen = beyond
            .for_each_entry(bytes, |offset, entry| see(reader, &entry, Met { origin, file, offset, counted: false }, aside));
        aside.unseen += unseen;
        if let Some(state) = beyond.total.state {
            aside.leaders.vote(own, state.term, state.vote);
            aside.committed = aside.committed.max(state.commit);
        }
        if let Some(given_up) = beyond.given_up_at {
            let what = format!("{} behind {given_up}", segment_path(&log.prefix, &segment.file.file_name));
            reader.coverage.missing(what, "the search for records behind its hole was given up");
        }
    }
    Ok(trace.stop.is_end() && trace.beyond.is_none() && !segment.is_unread())
}

/// Shows the records of a part of a segment, each with its offset. False when they are not those that were read first.
fn read_part(segment: &SegmentScan, part: &Part, run: &Run<'_>, show: &mut dyn FnMut(u64, &Record<'_>)) -> Result<bool> {
    let (mut at, mut running, mut records) = (part.at, part.before, 0_u64);
    while at < part.end {
        let FrameStep::Frame(frame) = Frame::read(segment.bytes(), at) else { return Ok(false) };
        let decoded =
            Record::decode_canonical(frame.payload()).or_else(|| Record::decode(frame.payload(), ProtoRules::Google).ok());
        let Some(record) = decoded else { return Ok(false) };
        if record.kind != RecordKind::Crc && running.is_some_and(|before| record.running(before) != record.crc) {
            return Ok(false);
        }
        running = Some(record.crc);
        at = frame.end();
        count_work(1);
        records += 1;
        if records.is_multiple_of(INTERRUPT_EVERY) {
            if run.progress.interrupted() {
                return Err(Error::Interrupted);
            }
            segment.release_before(frame.at);
        }
        show(frame.at, &record);
    }
    Ok(true)
}

/// Takes one entry in.
fn see(reader: &mut Reader<'_>, entry: &Entry<'_>, met: Met, aside: &mut Aside) {
    let cutover = reader.opener.map_or(LogIndex(0), crate::readers::keys::Opener::cutover);
    let mut view = classify_above(cutover, entry.index, entry.kind, entry.data);
    let mut sealer = None;
    let opened: Opened;
    let mut shows = true;
    match view.payload {
        Payload::Sealed(payload) => {
            let envelope = Envelope::decode(payload);
            sealer = envelope.as_ref().ok().map(|envelope| (envelope.node, envelope.local_epoch));
            let Some(opener) = reader.opener else {
                // What is no envelope holds nothing that the server could apply.
                aside.sealed += u64::from(envelope.is_ok() && !met.counted);
                return;
            };
            match opener.entry(payload) {
                Ok(clear) => {
                    opened = clear;
                    view = EntryView { request_id: view.request_id, ..classify_payload(opened.bytes()) };
                    shows = opener.shows_values;
                }
                Err(error) => {
                    let error = envelope.as_ref().err().map_or(error, OpenError::of_decoding);
                    let path = reader.ledger.files.get(met.file).cloned().unwrap_or_default();
                    aside.closed += 1;
                    reader.closed.add(&format!("Entry {}", entry.index), path, Some(met.offset), envelope.as_ref().ok(), &error);
                    return;
                }
            }
        }
        Payload::Encryption(tag, body) => {
            if let Ok(operation) = EncryptionOp::decode(tag, body) {
                operation.rows().for_each(|row| aside.leaders.writer(NodeId(row.full_node_id)));
            }
            return;
        }
        Payload::None if view.class == EntryClass::ConfChange => {
            if let Ok(change) = ConfChange::decode(entry.data, ProtoRules::Google) {
                match change.kind {
                    ConfChangeType::AddNode => aside.leaders.voter(change.node_id),
                    ConfChangeType::AddLearnerNode => aside.leaders.member(change.node_id),
                    _ => {}
                }
                if let Some(context) = ConfContext::decode_for(change.node_id, change.context) {
                    aside.leaders.name(change.node_id, &String::from_utf8_lossy(context.id));
                }
            }
            return;
        }
        _ => {}
    }
    if view.requests == 0 {
        return;
    }
    let seen = Seen { index: entry.index, term: entry.term, request_id: view.request_id, sealer, shows, met };
    for request in view.requests().filter_map(std::result::Result::ok) {
        seen.request(reader, &request);
    }
}

/// An entry whose requests are taken apart.
struct Seen {
    index: LogIndex,
    term: Term,
    request_id: Option<u64>,
    sealer: Option<(u16, u16)>,
    shows: bool,
    met: Met,
}

impl Seen {
    fn request(&self, reader: &mut Reader<'_>, request: &Request<'_>) {
        let class = request.class();
        let refusal = request.rejection().map(|refusal| refusal.to_string());
        let start = Some(HlcTimestamp(request.ts)).filter(|_| request.is_txn);
        let meta = if request.is_txn { request.txn_meta().ok() } else { None };
        let repeats = meta.map(|meta| HlcTimestamp(meta.previous_commit_ts)).filter(|ts| ts.0 != 0);
        let fact = |key: &[u8], content: Content| EntryFact {
            index: self.index,
            term: self.term,
            request_id: self.request_id,
            phase: class,
            request_ts: HlcTimestamp(request.ts),
            operation: Operation::of(key, content.deletes),
            start_ts: start,
            repeats,
            sealer: self.sealer,
            refusal: refusal.clone(),
            content,
        };
        let mut buffer = Vec::new();
        request.for_each_write(|write| match write {
            Writes::Prefix(prefix, ts) => {
                if reader.wanted.is_below(prefix) {
                    let fact = EntryFact { operation: Operation::DeletePrefix, ..fact(prefix, Content::unknown(Some(true))) };
                    let row = RowId { group: reader.group, key: prefix.to_vec(), ts };
                    reader.ledger.see_deletion(row, self.place(reader.node), fact);
                }
            }
            Writes::Row(row, value) => each_key(&row, &mut buffer, |key, is_intent| {
                if reader.wanted.matches(key) {
                    let id = RowId { group: reader.group, key: key.to_vec(), ts: row.commit_ts };
                    let content = content(&row, value, is_intent, self.shows);
                    reader.ledger.see_entry(id, self.place(reader.node), fact(key, content));
                }
            }),
        });
    }

    const fn place(&self, node: usize) -> Place {
        let Met { origin, file, offset, .. } = self.met;
        Place { node, origin, file, offset: Some(offset), level: None, entry: None, digest: None, as_of: None }
    }
}

/// What the entry writes into a row; `is_intent`: of lock and intent the intent.
fn content(row: &WrittenRow<'_>, value: WrittenValue<'_>, is_intent: bool, shows: bool) -> Content {
    match (value, row.kind) {
        (WrittenValue::Bytes(value), _) => Content::of_write(false, value, shows),
        (WrittenValue::Deletion, WrittenKind::Pending) => Content::unknown(Some(true)),
        (WrittenValue::Deletion, _) => Content::of_write(true, &[], shows),
        (WrittenValue::Intent { start, value }, _) if is_intent => Content::of_write(false, &intent(start, value), shows),
        (WrittenValue::Intent { .. }, _) => Content::unknown(Some(false)),
        (WrittenValue::NotSaid, _) => {
            row.record().map_or_else(|| Content::unknown(None), |record| Content::of_write(false, &record, shows))
        }
        (WrittenValue::OfIntent { .. }, _) => Content::unknown(None),
    }
}

/// An intent as the store keeps it: `01`, start (8), 0 to put or 1 to delete, length (8), value.
fn intent(start: HlcTimestamp, value: Option<&[u8]>) -> Vec<u8> {
    let bytes = value.unwrap_or_default();
    let deletes = [u8::from(value.is_none())];
    [&[1], start.0.to_be_bytes().as_slice(), &deletes, &(bytes.len() as u64).to_be_bytes(), bytes].concat()
}
