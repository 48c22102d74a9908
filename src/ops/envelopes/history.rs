//! What the log tells about sealing: which writers were registered, whether start counters rose, and when values began to be
//! sealed.

use std::collections::BTreeMap;

use super::Source;
use super::opening;
use super::walk::{cutover, for_each_entry};
use crate::analysis::Finding;
use crate::analysis::judge::epochs::{Epochs, WRITERS};
use crate::analysis::server::log::EffectiveLog;
use crate::crypto::open_raft;
use crate::formats::envelope::Envelope;
use crate::formats::kv::{EncryptionOp, EntryClass, Payload, RotationKind, classify};
use crate::readers::wal::WalScan;
use crate::types::{HlcTimestamp, LogIndex, ServerVersion, count_work};

/// Entries on each side of the storage cutover whose commit timestamps are looked at.
const BESIDE_CUTOVER: u64 = 256;

/// Entries that switch the storage envelope on and are looked at; one is all that a server writes.
const CUTOVERS: usize = 64;

/// What the entries of one log say.
#[derive(Default)]
pub(super) struct LogHistory {
    /// What is wrong with the start counters.
    pub findings: Vec<Finding>,
    /// True when an entry is sealed.
    pub sealed: bool,
    /// The highest start counter that entries register, by key id and full node id.
    pub registered: BTreeMap<(u32, u64), u16>,
    /// What is committed from here on was proposed after the entry with which values began to be sealed. `None` where that
    /// cannot be told.
    pub sealed_from: Option<HlcTimestamp>,
    /// There were more writers than are kept.
    pub more_writers: bool,
}

impl LogHistory {
    pub(super) fn of(source: &Source<'_>) -> Self {
        let mut history = Self::default();
        let Some(scan) = &source.facts.group.log else { return history };
        let mut cutovers = Vec::new();
        for_each_entry(scan, cutover(source), |index, _, payload| match payload {
            Payload::Sealed(bytes) => history.sealed |= Envelope::decode(bytes).is_ok(),
            Payload::Encryption(tag, body) => {
                let Ok(opcode) = EncryptionOp::decode(tag, body) else { return };
                for row in opcode.rows() {
                    count_work(1);
                    let writer = (row.dek_id, row.full_node_id);
                    if history.registered.len() >= WRITERS && !history.registered.contains_key(&writer) {
                        history.more_writers = true;
                        break;
                    }
                    let epoch = history.registered.entry(writer).or_default();
                    *epoch = row.local_epoch.max(*epoch);
                }
                if is_storage_cutover(&opcode) && cutovers.len() < CUTOVERS {
                    cutovers.push(LogIndex(index));
                }
            }
            _ => {}
        });
        if history.sealed || !cutovers.is_empty() {
            let effective = EffectiveLog::of(scan, ServerVersion::NEWEST);
            if history.sealed {
                let epochs = epochs(source, &effective, scan);
                history.findings = epochs.findings(&format!("{}/wal", source.name));
                history.more_writers |= epochs.is_full();
            }
            // Only the entry that stands in this log tells when this group began; the sidecar's index is one group's, and entries
            // that were replaced never counted.
            let stands = |index: &LogIndex| {
                effective.entries.within(*index, *index).iter(scan, ServerVersion::NEWEST).any(|at| {
                    matches!(classify(at.kind, at.data).payload, Payload::Encryption(tag, body)
                        if EncryptionOp::decode(tag, body).is_ok_and(|opcode| is_storage_cutover(&opcode)))
                })
            };
            history.sealed_from = cutovers.into_iter().find(stands).and_then(|cutover| sealed_from(&effective, scan, cutover));
        }
        history
    }
}

const fn is_storage_cutover(opcode: &EncryptionOp<'_>) -> bool {
    matches!(opcode, EncryptionOp::Rotation { kind: RotationKind::EnableStorageEnvelope, .. })
}

/// The start counters and counters of the entries that stand. Those that were replaced may stand again later, as they were.
fn epochs(source: &Source<'_>, effective: &EffectiveLog, scan: &WalScan) -> Epochs {
    let keys = opening(source);
    let mut epochs = Epochs::default();
    for at in effective.entries.iter(scan, ServerVersion::NEWEST) {
        let view = classify(at.kind, at.data);
        if let Payload::Sealed(bytes) = view.payload
            && let Ok(envelope) = Envelope::decode(bytes)
            // A header that is not authentic says nothing.
            && keys.is_none_or(|keys| open_raft(&keys.ring, bytes).is_ok())
        {
            epochs.add(at.index, at.term, &envelope);
        }
    }
    epochs
}

/// The first commit timestamp behind the cutover, if the log holds entries there and those before it committed earlier.
fn sealed_from(effective: &EffectiveLog, scan: &WalScan, cutover: LogIndex) -> Option<HlcTimestamp> {
    let committed = |from: u64, to: u64| {
        let entries = effective.entries.within(LogIndex(from), LogIndex(to));
        let times = entries.iter(scan, ServerVersion::NEWEST).map(|at| classify(at.kind, at.data));
        times.filter(|view| view.class != EntryClass::Sealed).filter_map(|view| view.commit_ts).collect::<Vec<_>>()
    };
    let before = committed(cutover.0.saturating_sub(BESIDE_CUTOVER), cutover.0);
    let behind = committed(cutover.0.saturating_add(1), cutover.0.saturating_add(BESIDE_CUTOVER));
    let from = behind.into_iter().min()?;
    before.into_iter().all(|earlier| earlier < from).then_some(from)
}
