//! Which `.snap` files can be made again: the log's record of a snapshot and its payload hold everything that stood in them.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::VerifiedPayload;
use crate::analysis::server::log::{SnapshotRecord, ValidSnapshots};
use crate::formats::fsm::FsmName;
use crate::formats::layout;
use crate::formats::raftpb::{ProtoRules, WalSnapshot};
use crate::formats::snap::{SnapName, SnapshotData, SnapshotToken, decode, encode};
use crate::formats::wal::{Frame, FrameStep, Record, RecordKind};
use crate::readers::wal::WalScan;
use crate::readers::{SnapContent, SnapDir, SnapEntry};
use crate::types::{Crc32c, LogIndex, NodeId, ServerVersion, Term};

/// As the newest server reads messages.
const RULES: ProtoRules = ProtoRules::Google;

/// What stands under the name of a `.snap` file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EnvelopeState {
    /// A file that says what record and payload say.
    Same,
    /// A file that says something else.
    Different,
    /// A file that can be read, and nothing to hold it against.
    Readable,
    /// Something that cannot be read as a snapshot.
    Unreadable,
    /// Nothing.
    Missing,
}

/// The `.snap` file of one recorded snapshot, made from the record and the payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct RemadeEnvelope {
    /// The file that it is.
    pub path: String,
    /// Last entry that the snapshot covers.
    pub index: LogIndex,
    /// Term of that entry.
    pub term: Term,
    /// Members that vote; `null` when the record does not say.
    pub voters: Option<Vec<NodeId>>,
    /// Members that do not vote.
    pub learners: Option<Vec<NodeId>>,
    /// The payload.
    pub payload: String,
    /// The checksum that the payload has, for the token.
    pub token_crc32c: Option<Crc32c>,
    /// What stands there now.
    pub state: EnvelopeState,
    /// Why the file cannot be made again.
    pub problem: Option<String>,
    /// Bytes of the file that was made.
    pub size_bytes: Option<u64>,
    /// Those bytes in hex.
    pub bytes_hex: Option<String>,
    /// Those bytes.
    #[serde(skip)]
    pub bytes: Option<Vec<u8>>,
}

/// Every recorded snapshot of the group directory `base` of which envelope or payload is there, oldest first, and how many have
/// neither any more. `payloads` are those of the directory, each read to its end.
pub fn remake(
    (scan, valid): (&WalScan, &ValidSnapshots),
    snap: &SnapDir,
    payloads: &[VerifiedPayload],
    base: &str,
) -> (Vec<RemadeEnvelope>, u64) {
    let mut records: Vec<&SnapshotRecord> = valid.snapshots.iter().filter(|record| record.id.index > LogIndex(0)).collect();
    // A later record of the same snapshot is as good; a stable sort keeps it behind the others.
    records.sort_by_key(|record| record.id);
    records.reverse();
    records.dedup_by_key(|record| record.id);
    records.reverse();
    let there = payloads.iter().filter(|view| view.size_bytes.is_some());
    let payloads: HashMap<_, _> = there.map(|view| (view.path.as_str(), view)).collect();
    let envelopes: HashMap<_, _> = snap.snaps.iter().map(|entry| (entry.name.as_str(), entry)).collect();
    let (mut remade, mut retired) = (Vec::new(), 0);
    for record in records {
        let base = base.trim_end_matches('/');
        let name = SnapName::of(record.id);
        let payload = format!("{base}/{}", layout::in_payloads(FsmName::of(record.id.index)));
        match (envelopes.get(name.as_str()), payloads.get(payload.as_str())) {
            (None, None) => retired += 1,
            (envelope, view) => {
                let path = format!("{base}/{}", layout::in_snap(name));
                remade.push(one((scan, record), path, envelope.copied(), payload, view.copied()));
            }
        }
    }
    (remade, retired)
}

fn one(
    (scan, record): (&WalScan, &SnapshotRecord),
    path: String,
    envelope: Option<&SnapEntry>,
    payload: String,
    view: Option<&VerifiedPayload>,
) -> RemadeEnvelope {
    let index = record.id.index;
    let token = view.ok_or("its payload is not there").and_then(token_of);
    let bytes = token.and_then(|token| {
        let members = conf_state_bytes(scan, record).ok_or("the record does not say who the members were")?;
        Ok(encode(members, record.id, token))
    });
    let state = match (envelope.map(|entry| entry.read(ServerVersion::NEWEST)), &bytes) {
        (None, _) => EnvelopeState::Missing,
        (Some(Err(_)), _) => EnvelopeState::Unreadable,
        (Some(Ok(_)), Err(_)) => EnvelopeState::Readable,
        (Some(Ok(there)), Ok(bytes)) if says_the_same(there, bytes) => EnvelopeState::Same,
        (Some(Ok(_)), Ok(_)) => EnvelopeState::Different,
    };
    let members = record.conf_state.as_ref();
    RemadeEnvelope {
        path,
        index,
        term: record.id.term,
        voters: members.map(|members| members.voters.clone()),
        learners: members.map(|members| members.learners.clone()),
        payload,
        token_crc32c: token.ok().map(|token| token.crc32c),
        state,
        problem: bytes.as_ref().err().map(|why| (*why).to_owned()),
        size_bytes: bytes.as_ref().ok().map(|bytes| bytes.len() as u64),
        bytes_hex: bytes.as_deref().ok().map(hex),
        bytes: bytes.ok(),
    }
}

/// The members in the record, as the server encoded them.
fn conf_state_bytes<'s>(scan: &'s WalScan, record: &SnapshotRecord) -> Option<&'s [u8]> {
    let segment = scan.segments.get(record.segment)?;
    let FrameStep::Frame(frame) = Frame::read(segment.bytes(), record.offset) else { return None };
    let decoded = Record::decode(frame.payload(), RULES).ok().filter(|decoded| decoded.kind == RecordKind::Snapshot)?;
    WalSnapshot::conf_state_bytes(decoded.bytes())
}

/// True when the file that is there means what these bytes do.
fn says_the_same(there: &SnapContent, bytes: &[u8]) -> bool {
    decode(bytes, RULES).is_ok_and(|made| made.metadata == there.metadata && SnapshotData::of(made.data) == there.data)
}

/// The token that means this payload; it is the payload's checksum that the server wrote into both.
fn token_of(view: &VerifiedPayload) -> Result<SnapshotToken, &'static str> {
    let (Some(index), Some(footer), Some(computed)) = (view.index, view.footer_crc32c, view.computed_crc32c) else {
        return Err("its payload could not be read to its end");
    };
    if footer != computed {
        return Err("its payload does not have the checksum that it claims, so that nothing tells which one the token had");
    }
    Ok(SnapshotToken { index, crc32c: footer })
}

/// Lower-case hex.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
