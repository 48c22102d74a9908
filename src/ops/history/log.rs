//! What the log of a node holds of the keys in question.

use super::Reader;
use crate::analysis::history::{Content, EntryFact, Leaders, LogState, Operation, Origin, Place, RowId};
use crate::analysis::judge::unread::of_segment;
use crate::analysis::server::log::EffectiveLog;
use crate::crypto::{OpenError, Opened};
use crate::error::{Error, Result};
use crate::formats::envelope::Envelope;
use crate::formats::kv::{
    ConfContext, EncryptionOp, EntryClass, EntryView, Mutation, Op, Payload, Request, RequestClass, TXN_COMMIT_PREFIX,
    TXN_INTENT_PREFIX, TXN_LOCK_PREFIX, TXN_META_PREFIX, TXN_ROLLBACK_PREFIX, classify_above, classify_payload,
};
use crate::formats::raftpb::{ConfChange, ConfChangeType, Entry, HardState, ProtoRules};
use crate::formats::wal::{Frame, FrameStep, Record, RecordKind};
use crate::ops::wal::{ReadLog, SecondPass, Standing, Standings, segment_path};
use crate::readers::source::Run;
use crate::readers::wal::SegmentScan;
use crate::types::{Count, HlcTimestamp, LogIndex, NodeId, ServerVersion, Term};

/// Records between two looks at whether the user wants to stop.
const INTERRUPT_EVERY: u64 = 1 << 14;

/// What is found on the way beside the versions.
#[derive(Default)]
struct Aside {
    /// Sealed entries that were not opened.
    sealed: u64,
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
}

/// Reads one log to its end: segments, what stands behind their holes, and what repair set aside.
pub(super) fn read_log(reader: &mut Reader<'_>, log: &ReadLog, own: NodeId, run: &Run<'_>) -> Result<(LogState, Leaders)> {
    let scan = &log.scan;
    let effective = EffectiveLog::of(scan, ServerVersion::NEWEST);
    let standings = Standings::of(&effective, scan);
    let mut aside = Aside::default();
    let mut whole = true;
    for (position, segment) in scan.segments.iter().enumerate() {
        let standing = Some(standings.in_segment(position));
        whole &= read_segment(reader, log, segment, standing, own, &mut aside, run)?;
    }
    for segment in &scan.set_aside {
        read_segment(reader, log, segment, None, own, &mut aside, run)?;
        if let Some(unread) = of_segment(segment) {
            let name = segment_path(&log.prefix, &segment.file.file_name);
            reader.coverage.missing(name, format!("it cannot be read: {}", unread.why));
        }
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
        for voter in snapshot.conf_state.iter().flat_map(|members| members.voters.iter().chain(&members.voters_outgoing)) {
            aside.leaders.voter(*voter);
        }
    }
    let committed = effective.hard_state.map_or(LogIndex(0), |state| state.commit);
    let snapshots = effective.snapshots.iter().map(|record| record.id.index).filter(|index| *index <= committed);
    let commit = snapshots.fold(committed, LogIndex::max);
    let state = LogState { entries: effective.entries, commit, commit_aside: aside.committed, whole };
    Ok((state, aside.leaders))
}

/// Reads one segment; false when something of it may not have been seen. `standing` is that of a segment which a start reads.
fn read_segment(
    reader: &mut Reader<'_>,
    log: &ReadLog,
    segment: &SegmentScan,
    mut standing: Option<Standing<'_>>,
    own: NodeId,
    aside: &mut Aside,
    run: &Run<'_>,
) -> Result<bool> {
    let file = reader.ledger.file(segment_path(&log.prefix, &segment.file.file_name));
    let trace = segment.trace(ServerVersion::NEWEST);
    let (bytes, end) = (segment.bytes(), trace.stop.at());
    segment.rewind();
    let mut again = SecondPass::of(trace);
    let (mut at, mut records) = (0, 0_u64);
    while at < end {
        let FrameStep::Frame(frame) = Frame::read(bytes, at) else { break };
        let decoded =
            Record::decode_canonical(frame.payload()).or_else(|| Record::decode(frame.payload(), ProtoRules::Google).ok());
        let Some(record) = decoded else { break };
        at = frame.end();
        again.record(&record);
        records += 1;
        if records.is_multiple_of(INTERRUPT_EVERY) {
            if run.progress.interrupted() {
                return Err(Error::Interrupted);
            }
            segment.release_before(frame.at);
        }
        let data = record.bytes();
        match record.kind {
            RecordKind::Entry => {
                let decoded = Entry::decode_canonical(data).or_else(|| Entry::decode(data, ProtoRules::Google).ok());
                let Some(entry) = decoded else { continue };
                let stands = standing.as_mut().map(|standing| standing.contains(frame.at, entry.index));
                let origin = match stands {
                    Some(true) => Origin::Log,
                    Some(false) => Origin::LogUnused,
                    None => Origin::LogBroken,
                };
                see(reader, &entry, Met { origin, file, offset: frame.at }, aside);
            }
            RecordKind::State => {
                if let Ok(HardState { term, vote, commit }) = HardState::decode(data, ProtoRules::Google) {
                    aside.leaders.vote(own, term, vote);
                    if standing.is_none() {
                        aside.committed = aside.committed.max(commit);
                    }
                }
            }
            _ => {}
        }
    }
    // The scan read on to there.
    if at < end || !again.agrees(trace) {
        segment.mark_as_different();
    }
    if let Some(beyond) = &trace.beyond {
        let origin = if standing.is_some() { Origin::LogHole } else { Origin::LogBroken };
        let unseen = beyond.for_each_entry(bytes, |offset, entry| see(reader, &entry, Met { origin, file, offset }, aside));
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
                aside.sealed += u64::from(envelope.is_ok());
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
                if change.kind == ConfChangeType::AddNode {
                    aside.leaders.voter(change.node_id);
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
        let ts = request.commit_ts().unwrap_or(HlcTimestamp(request.ts));
        let start = Some(HlcTimestamp(request.ts)).filter(|_| request.is_txn);
        let meta = if request.is_txn { request.txn_meta().ok() } else { None };
        let repeats = meta.map(|meta| HlcTimestamp(meta.previous_commit_ts)).filter(|ts| ts.0 != 0);
        let fact = |key: &[u8], content: Content| EntryFact {
            index: self.index,
            term: self.term,
            request_id: self.request_id,
            phase: class,
            operation: Operation::of(key, content.deletes),
            start_ts: start,
            repeats,
            sealer: self.sealer,
            refusal: refusal.clone(),
            content,
        };
        if let (RequestClass::DeletePrefix, Some(prefix)) = (class, request.delete_prefix) {
            if reader.wanted.is_below(prefix) {
                let fact = EntryFact { operation: Operation::DeletePrefix, ..fact(prefix, Content::unknown(Some(true))) };
                let row = RowId { group: reader.group, key: prefix.to_vec(), ts };
                reader.ledger.see_deletion(row, self.place(reader.node), fact);
            }
            return;
        }
        let mut see = |key: &[u8], content: Content| {
            if reader.wanted.matches(key) {
                let row = RowId { group: reader.group, key: key.to_vec(), ts };
                reader.ledger.see_entry(row, self.place(reader.node), fact(key, content));
            }
        };
        let mut primary_is_here = false;
        for Mutation { op, key, value, .. } in request.mutations() {
            if request.is_txn && key.starts_with(TXN_META_PREFIX) {
                continue;
            }
            primary_is_here |= meta.is_some_and(|meta| meta.primary_key == key);
            let deletes = match op {
                Op::Put => Some(false),
                Op::Del => Some(true),
                Op::DelPrefix | Op::Unknown(_) => None,
            };
            let written = |deletes: Option<bool>| match deletes {
                Some(deletes) => Content::of_write(deletes, value, self.shows),
                None => Content::unknown(None),
            };
            let about = |before: &[u8]| [before, key].concat();
            match class {
                RequestClass::Raw | RequestClass::OnePhase | RequestClass::DeletePrefix | RequestClass::Unknown => {
                    see(key, written(deletes));
                }
                RequestClass::Prepare => {
                    see(&about(TXN_LOCK_PREFIX), Content::unknown(Some(false)));
                    let record = intent(request.ts, deletes == Some(true), value);
                    see(&about(TXN_INTENT_PREFIX), Content::of_write(false, &record, self.shows));
                }
                RequestClass::Commit => {
                    see(key, Content::unknown(None));
                    see(&about(TXN_LOCK_PREFIX), Content::unknown(Some(true)));
                    see(&about(TXN_INTENT_PREFIX), Content::unknown(Some(true)));
                }
                RequestClass::Abort => {
                    see(&about(TXN_LOCK_PREFIX), Content::unknown(Some(true)));
                    see(&about(TXN_INTENT_PREFIX), Content::unknown(Some(true)));
                }
            }
        }
        let (before, record) = match class {
            RequestClass::Commit => (TXN_COMMIT_PREFIX, [&[1], ts.0.to_be_bytes().as_slice()].concat()),
            RequestClass::Abort => (TXN_ROLLBACK_PREFIX, vec![1]),
            _ => return,
        };
        if let Some(meta) = meta.filter(|_| primary_is_here) {
            let key = [before, meta.primary_key, &request.ts.to_be_bytes()].concat();
            see(&key, Content::of_write(false, &record, self.shows));
        }
    }

    const fn place(&self, node: usize) -> Place {
        let Met { origin, file, offset } = self.met;
        Place { node, origin, file, offset: Some(offset), level: None, entry: None, digest: None }
    }
}

/// An intent as the store keeps it: `01`, start (8), 0 to put or 1 to delete, length (8), value.
fn intent(start: u64, deletes: bool, value: &[u8]) -> Vec<u8> {
    let value = if deletes { &[] } else { value };
    [&[1], start.to_be_bytes().as_slice(), &[u8::from(deletes)], &(value.len() as u64).to_be_bytes(), value].concat()
}
