//! What a server with encryption checks around the cold start, in its order.
//!
//! Before anything is opened: the cutover in the newest snapshot's header against the sidecar's, the KEK file, the keys, the start
//! counters, the configuration. Behind the cold start, when the log has been replayed: the counters again, and the entries between
//! the sidecar's position and what is applied. A guard that fails behind the cold start ends the process all the same.

use super::conditions::{self, Condition};
use super::entries::Entries;
use super::facts::StartFacts;
use super::log::valid_snapshots;
use super::types::{Forecast, Rename};
use super::{ServerError, snapshot};
use crate::crypto::{OpenError, Opened, open_raft};
use crate::formats::fsm::FsmHeader;
use crate::formats::kv::{EncryptionOp, ProposalEnvelope, classify, classify_payload};
use crate::formats::peers::PeersFile;
use crate::formats::raftpb::EntryType;
use crate::formats::sidecar::{Sidecar, SidecarError, SidecarKey};
use crate::formats::snap::{SnapshotData, SnapshotToken};
use crate::readers::keys::{Kek, Keys, SidecarFile};
use crate::readers::{FsmFacts, SmallFact};
use crate::types::{LogIndex, NodeId, ServerVersion, SnapshotId};

/// Layer of the server that puts its name in front of what a guard says.
const GUARD: &str = "encryption startup guard";
/// First bytes of payloads that the scan of the log takes for entries about keys.
const SCANNED_TAGS: std::ops::RangeInclusive<u8> = 4..=7;
/// No start counter goes beyond this.
const LAST_EPOCH: u16 = u16::MAX;

/// How the guards before the cold start end.
#[derive(Debug)]
pub(super) enum Before {
    /// Nothing stands in the way.
    Passed,
    /// The start ends here.
    Refused(ServerError),
    /// What decides cannot be told.
    Undecided(String),
    /// The payload of the newest snapshot has to be read first.
    Needs(LogIndex),
}

/// The guards that run before store and log are opened, and the names in `snap/` that looking for the newest snapshot changes.
pub(super) fn before_open(facts: &StartFacts, keys: &Keys, engine: ServerVersion) -> (Before, Vec<Rename>) {
    let mut renames = Vec::new();
    // The guard looks into the directory of the default group alone.
    if engine.traits().knows_sealed && facts.neighbours.is_default {
        let header = match newest_header(facts, engine, &mut renames) {
            Header::None => None,
            Header::Found(header) => header.cutover,
            Header::Needs(index) => return (Before::Needs(index), renames),
            Header::Undecided(why) => return (Before::Undecided(why), renames),
            Header::Refused(error) => {
                return (Before::Refused(error.wrapped("open newest FSM snapshot payload").wrapped(GUARD)), renames);
            }
        };
        let restored = header.map_or(0, |cutover| cutover.0);
        if let Some(LogIndex(active)) = keys.cutover()
            && restored != 0
            && restored != active
        {
            return (Before::Refused(divergence(facts, restored, active)), renames);
        }
    }
    let before = match guards(facts, keys, engine) {
        Ok(()) => Before::Passed,
        Err(Failed::Refused(error)) => Before::Refused(error),
        Err(Failed::Unknown(why)) => Before::Undecided(why),
    };
    (before, renames)
}

enum Failed {
    Refused(ServerError),
    Unknown(String),
}

fn guards(facts: &StartFacts, keys: &Keys, engine: ServerVersion) -> Result<(), Failed> {
    let path = keys.display();
    let sidecar = match &keys.sidecar {
        SidecarFile::Absent => None,
        SidecarFile::Read(sidecar) => Some(sidecar),
        SidecarFile::Unreadable(why) => return Err(Failed::Unknown(format!("{path} cannot be read: {why}"))),
        SidecarFile::Refused(error) => {
            let condition = match error {
                SidecarError::Json(_) | SidecarError::Version(_) => &conditions::SIDECAR_VERSION,
                _ => &conditions::SIDECAR_KEY,
            };
            let name = error.name().unwrap_or("encryption: parse sidecar");
            let prefix = format!("{GUARD}: read sidecar {path:?}");
            return Err(Failed::Refused(ServerError::of(condition, error.at(&path)).named(name).wrapped(&prefix)));
        }
    };
    if let Kek::Refused(problem) = &keys.kek {
        return Err(Failed::Refused(ServerError::of(&conditions::INSECURE_KEK_FILE, problem.to_string()).named(problem.name())));
    }
    let Some(sidecar) = sidecar else { return Ok(()) };
    if let Some((id, error)) = keys.closed.first() {
        return Err(Failed::Refused(mismatch(&path, sidecar, *id, error)));
    }
    exhausted(&path, sidecar).map_or(Ok(()), |error| Err(Failed::Refused(error)))?;
    let cutover = sidecar.raft_envelope_cutover_index;
    if !engine.traits().knows_sealed {
        return if cutover.0 == 0 { Ok(()) } else { Err(Failed::Refused(knows_no_envelope(cutover))) };
    }
    if sidecar.active_storage != 0 && facts.neighbours.is_default {
        collision(facts, engine).map_or(Ok(()), |error| Err(Failed::Refused(error)))?;
        rollback(facts, &path, sidecar, engine).map_or(Ok(()), |error| Err(Failed::Refused(error)))?;
    }
    if cutover.0 != 0 && facts.neighbours.several {
        let text = "encryption: active raft envelope sidecar requires exactly one shard group";
        return Err(Failed::Refused(ServerError::of(&conditions::ENVELOPE_RUNTIME, text).named(text)));
    }
    if cutover.0 != 0 && sidecar.active_raft == 0 {
        let text = "encryption: active raft envelope sidecar requires active raft DEK";
        return Err(Failed::Refused(
            ServerError::of(&conditions::ENVELOPE_RUNTIME, text).named(text).wrapped("raft envelope runtime"),
        ));
    }
    Ok(())
}

/// An active cutover stops a server that cannot open what lies above it.
pub(super) fn knows_no_envelope(cutover: LogIndex) -> ServerError {
    let text = format!(
        "encryption: sidecar reports raft envelope cutover active at index {cutover} but this binary does not install the wrap \
         closure on shard groups"
    );
    ServerError::of(&conditions::CUTOVER_UNSUPPORTED, text).named("encryption: sidecar reports raft envelope cutover active")
}

fn divergence(facts: &StartFacts, restored: u64, active: u64) -> ServerError {
    let text = format!(
        "restored_snapshot_cutover={restored} sidecar_raft_envelope_cutover={active} default_group={}: encryption: raft envelope \
         cutover index differs between restored snapshot header and sidecar; refusing to start (verify sidecar and snapshot belong \
         to the same data dir)",
        default_group(facts)
    );
    ServerError::of(&conditions::ENVELOPE_CUTOVER_DIVERGENCE, text).wrapped(GUARD)
}

fn mismatch(path: &str, sidecar: &Sidecar, id: u32, error: &OpenError) -> ServerError {
    let purpose = sidecar.keys.get(&id.to_string()).map_or("", |key| key.purpose.as_str());
    let text = format!(
        "sidecar={path:?} key_id={id} purpose={purpose:?}: {error}: encryption: configured KEK cannot unwrap one or more wrapped \
         DEKs in the sidecar; refusing to start (verify --kekFile matches the KEK that bootstrapped this data dir)"
    );
    ServerError::of(&conditions::KEK_MISMATCH, text)
}

fn exhausted(path: &str, sidecar: &Sidecar) -> Option<ServerError> {
    let (purpose, id, _) = active(sidecar).find(|(_, _, key)| key.local_epoch == LAST_EPOCH)?;
    let text = format!(
        "sidecar={path:?} purpose={purpose:?} active_key_id={id} local_epoch=0xFFFF (max=0xFFFF): encryption: active DEK has \
         reached local_epoch=0xFFFF saturation; refusing to start (rotate the affected DEK via `encryption rotate-dek` before the \
         next startup or risk GCM nonce reuse — see §4.1)"
    );
    Some(ServerError::of(&conditions::LOCAL_EPOCH_EXHAUSTED, text))
}

/// Number of the group in the guards' texts.
fn default_group(facts: &StartFacts) -> u64 {
    facts.group.dir.group_id.unwrap_or(1)
}

/// The active keys: purpose, id, key.
fn active(sidecar: &Sidecar) -> impl Iterator<Item = (&'static str, u32, &SidecarKey)> {
    [("storage", sidecar.active_storage), ("raft", sidecar.active_raft)]
        .into_iter()
        .filter_map(|(purpose, id)| Some((purpose, id, sidecar.keys.get(&id.to_string())?)))
}

/// Two members whose nonces would begin alike.
fn collision(facts: &StartFacts, engine: ServerVersion) -> Option<ServerError> {
    let SmallFact::Bytes(bytes) = &facts.group.listing.peers else { return None };
    let file = PeersFile::decode(bytes, engine).ok()?;
    let mut ids: Vec<NodeId> = file.peers.iter().map(|peer| NodeId(peer.node_id.0)).collect();
    ids.sort_by_key(|id| (id.0 & 0xffff, id.0));
    ids.dedup();
    let pair = ids.windows(2).find(|pair| pair[0].0 & 0xffff == pair[1].0 & 0xffff)?;
    let text = format!(
        "full_node_id=0x{:x} full_node_id=0x{:x}: encryption: two distinct full_node_id values in the local route-catalog hash to \
         the same 16-bit node_id",
        pair[0].0, pair[1].0
    );
    Some(ServerError::of(&conditions::NODE_ID_COLLISION, text).wrapped(GUARD))
}

/// The active key's start counter against the writer registry in the store.
fn rollback(facts: &StartFacts, path: &str, sidecar: &Sidecar, engine: ServerVersion) -> Option<ServerError> {
    if !facts.knows_registry(engine) {
        return None;
    }
    let (id, epoch) = (sidecar.active_storage, sidecar.storage_key()?.local_epoch);
    let own = NodeId::of_raft_id(&facts.raft_id).0;
    let refused = |what: String| {
        let text = format!(
            "sidecar={path:?} active_key_id={id} full_node_id=0x{own:x} {what}: encryption: sidecar local_epoch for the active \
             storage DEK is at or below the local writer-registry last_seen_local_epoch; refusing to start"
        );
        Some(ServerError::of(&conditions::LOCAL_EPOCH_ROLLBACK, text).wrapped(&format!("{GUARD}: local_epoch rollback")))
    };
    let rows = facts.registry().iter().filter(|((key, node), _)| *key == id && node & 0xffff == own & 0xffff);
    let mut missing = sidecar.storage_envelope_active;
    for ((_, node), &last) in rows {
        missing = false;
        if *node != own {
            return refused(format!("the registry's row belongs to full_node_id=0x{node:x}"));
        }
        if epoch < last {
            return refused(format!("local_epoch={epoch} last_seen_local_epoch={last}"));
        }
    }
    if missing { refused("the registry has no row of this node".to_owned()) } else { None }
}

/// What the newest snapshot's header says.
enum Header {
    None,
    Found(FsmHeader),
    Refused(ServerError),
    Needs(LogIndex),
    Undecided(String),
}

/// Reads the newest snapshot as the guard does: its checksum is compared before its token and its header.
fn newest_header(facts: &StartFacts, engine: ServerVersion, renames: &mut Vec<Rename>) -> Header {
    let Some(scan) = &facts.group.log else { return Header::None };
    let valid = match valid_snapshots(scan, engine) {
        Ok(valid) => valid,
        Err(error) => return Header::Refused(error),
    };
    let choice = snapshot::choose(&facts.group.snaps, engine, valid.eligible());
    *renames = snapshot::renames(&facts.group.snaps, &choice);
    if let Some(entry) = choice.uncertain {
        return Header::Undecided(format!("snap/{} could not be read, or changed while it was read", entry.name));
    }
    let Some(Ok(content)) = choice.chosen.map(|entry| entry.read(engine)) else { return Header::None };
    if let Some(error) = snapshot::token_refusal(content.data) {
        return Header::Refused(error);
    }
    let SnapshotData::Token(token) = content.data else { return Header::None };
    let Some(payload) = facts.group.payloads.get(&token.index) else { return Header::Needs(token.index) };
    match payload_header(payload, token, facts.skip_payload_body) {
        Ok(header) => Header::Found(header),
        Err(Ok(error)) => Header::Refused(error),
        Err(Err(why)) => Header::Undecided(why),
    }
}

fn payload_header(facts: &FsmFacts, token: SnapshotToken, skip_body: bool) -> Result<FsmHeader, Result<ServerError, String>> {
    let path = format!("fsm-snap/{:016x}.fsm", token.index.0);
    if let FsmFacts::File(file) = facts
        && let (Some(computed), Some(footer)) = (file.computed, file.footer)
        && computed != footer.0
        && file.change.is_none()
        && file.unread.is_none()
    {
        let text =
            format!("path={path} footer={} computed={computed}: fsm snapshot: file CRC32C mismatch (file corrupt)", footer.0);
        return Err(Ok(ServerError::of(&conditions::FSM_SNAPSHOT_FILE_CRC, text)));
    }
    match snapshot::skip(facts, token, &path) {
        snapshot::PayloadForecast::Refused(error) => return Err(Ok(error)),
        snapshot::PayloadForecast::Undetermined(why) => return Err(Err(why)),
        snapshot::PayloadForecast::FineSoFar(what) if !skip_body => return Err(Err(format!("{what} was not read"))),
        snapshot::PayloadForecast::Fine | snapshot::PayloadForecast::FineSoFar(_) => {}
    }
    match facts {
        FsmFacts::File(file) => match &file.payload {
            Some(payload) => payload.header.map_err(|_| Err(format!("{path}: the header cannot be read"))),
            None => Err(Err(format!("{path}: too small"))),
        },
        _ => Err(Err(format!("{path}: not a file"))),
    }
}

/// Opens the payload of an entry above the cutover, if the keys are at hand. `None`: the entry is clear, or there are no keys.
pub(super) fn open_entry(
    facts: &StartFacts,
    engine: ServerVersion,
    index: LogIndex,
    kind: EntryType,
    data: &[u8],
) -> Option<Result<Opened, OpenError>> {
    let keys = facts.keys.as_deref()?;
    let cutover = facts.cutover().filter(|cutover| cutover.0 != 0 && index > *cutover)?;
    let sealed = engine.traits().knows_sealed && cutover.0 != 0 && kind == EntryType::Normal;
    if !sealed || !keys.has_kek() {
        return None;
    }
    let proposal = ProposalEnvelope::decode(data)?;
    // Without an active key for values the server takes encryption for not set up, and loads no key at all.
    let none = crate::crypto::Keyring::default();
    let set_up = keys.accepted().is_some_and(|sidecar| sidecar.active_storage != 0);
    Some(open_raft(if set_up { &keys.ring } else { &none }, proposal.payload))
}

/// How the run loop ends over an entry that does not open.
pub(super) fn unwrap_halt(error: &OpenError) -> ServerError {
    let (name, step) = match error {
        OpenError::Short { .. } | OpenError::Version(_) => (conditions::RAFT_UNWRAP_FAILED.name, "decode"),
        _ => (error.name(), "decrypt"),
    };
    ServerError::of(&conditions::RAFT_UNWRAP_FAILED, error.to_string())
        .named(name)
        .wrapped(&format!("encryption: raft envelope {step}"))
        .wrapped("raftengine/etcd: raft envelope unwrap")
}

/// The guards that run when the groups are open and the log is replayed. What they refuse ends the process.
pub(super) fn after_open(
    facts: &StartFacts,
    engine: ServerVersion,
    entries: Entries<'_>,
    last: LogIndex,
    id: SnapshotId,
    seen: &Forecast,
) -> Option<ServerError> {
    let keys = facts.keys.as_deref()?;
    let sidecar = keys.accepted()?;
    if facts.neighbours.is_default {
        let replayed = replayed(facts, engine, entries, last, id, seen);
        if replayed.bootstrap && sidecar.active_storage != 0 && engine.traits().knows_sealed {
            return Some(reset_epoch(facts, sidecar));
        }
        if let Some(error) = scan(facts, keys, &replayed, id, sidecar.raft_applied_index.0) {
            return Some(error);
        }
    }
    let restored = seen.header.and_then(|header| header.cutover).map_or(0, |cutover| cutover.0);
    let active = sidecar.raft_envelope_cutover_index.0;
    (engine.traits().knows_sealed && restored != 0 && restored != active).then(|| divergence(facts, restored, active))
}

/// Entries about keys, as the guards see them.
#[derive(Debug, Default)]
struct Replayed {
    /// How far entries are applied when the guards run.
    reached: u64,
    /// The last entry that the log then holds.
    last: u64,
    /// A bootstrap was handed to the state machine.
    bootstrap: bool,
    /// The last entry about keys that was handed to the state machine: the sidecar knows of it.
    handed: u64,
    /// The last one that was not.
    not_handed: u64,
}

fn replayed(
    facts: &StartFacts,
    engine: ServerVersion,
    entries: Entries<'_>,
    last: LogIndex,
    id: SnapshotId,
    seen: &Forecast,
) -> Replayed {
    let commit = seen.hard_state.map_or(id.index.0, |state| state.commit);
    let applied = seen.effective_applied.unwrap_or(id.index.0).max(id.index.0);
    // A lone voter commits what its log holds, and an empty entry of its new term behind that.
    let last = if seen.notes.commits_alone { last.0.saturating_add(1) } else { last.0 };
    let reached = if seen.notes.commits_alone { last.max(applied) } else { applied.max(commit) };
    let mut found = Replayed { reached, last, ..Replayed::default() };
    for at in entries.iter(engine).take_while(|at| at.index.0 <= reached).filter(|at| at.kind == EntryType::Normal) {
        if at.index.0 <= applied {
            // The scan looks at the first byte alone and opens nothing.
            let tag = ProposalEnvelope::decode(at.data).and_then(|proposal| proposal.payload.first().copied());
            if tag.is_some_and(|tag| SCANNED_TAGS.contains(&tag)) {
                found.not_handed = at.index.0;
            }
            continue;
        }
        let opened = open_entry(facts, engine, at.index, at.kind, at.data);
        let view = match &opened {
            Some(Ok(opened)) => classify_payload(opened.bytes()),
            _ => classify(at.kind, at.data),
        };
        match view.encryption() {
            None | Some(Err(_) | Ok(EncryptionOp::Registration(_))) => {}
            Some(Ok(opcode)) => {
                found.bootstrap |= matches!(opcode, EncryptionOp::Bootstrap { .. });
                found.handed = at.index.0;
            }
        }
    }
    found
}

/// Replaying the bootstrap writes the sidecar anew, with the start counter at 0.
fn reset_epoch(facts: &StartFacts, sidecar: &Sidecar) -> ServerError {
    let own = NodeId::of_raft_id(&facts.raft_id).0;
    let last = facts.registry().get(&(sidecar.active_storage, own)).copied().unwrap_or(0);
    let text = format!(
        "{GUARD}: local_epoch rollback after raft replay: sidecar local_epoch=0 <= registry last_seen_local_epoch={last}"
    );
    ServerError::of(&conditions::LOCAL_EPOCH_ROLLBACK, text)
}

/// The scan of the log from the sidecar's position up to what is applied.
fn scan(facts: &StartFacts, keys: &Keys, replayed: &Replayed, id: SnapshotId, position: u64) -> Option<ServerError> {
    let Replayed { reached, last, .. } = *replayed;
    // An entry that is applied writes the sidecar with its own index.
    let position = if position == 0 { 0 } else { position.max(replayed.handed) };
    if position == 0 || position >= reached {
        return None;
    }
    let guard = |condition: &'static Condition, name: &'static str, text: String| {
        let place = format!(
            "{GUARD}: sidecar={:?} default_group={}: encryption: scan raft entries ({position}, {reached}] for encryption-relevant \
             opcodes",
            keys.display(),
            default_group(facts)
        );
        Some(ServerError::of(condition, text).named(name).wrapped(&place))
    };
    if position < id.index.0 {
        let text = format!(
            "encryption scanner: read raft entries [{}, {}) from MemoryStorage: requested index is unavailable due to compaction",
            position.saturating_add(1),
            reached.saturating_add(1)
        );
        return guard(&conditions::SIDECAR_GAP, "requested index is unavailable due to compaction", text);
    }
    if reached > last {
        let text = format!("panic: entries' hi({}) is out of bound lastindex({last})", reached.saturating_add(1));
        return guard(&conditions::MISSING_LOG_ENTRY, "is out of bound lastindex", text);
    }
    if replayed.not_handed > position {
        let text = "encryption: sidecar raft_applied_index is behind the raftengine's persisted applied index with an \
                    encryption-relevant entry in between; refusing to start";
        return guard(&conditions::SIDECAR_BEHIND_RAFT_LOG, "ErrSidecarBehindRaftLog", text.to_owned());
    }
    None
}

/// Why a start with this sidecar stays open as long as the KEK was not given.
pub(super) fn missing_kek(facts: &StartFacts, seen: &Forecast) -> Option<String> {
    let keys = facts.keys.as_deref()?;
    let has_keys = keys.accepted().is_some_and(|sidecar| !sidecar.keys.is_empty());
    let wanted = matches!(keys.kek, Kek::NotGiven) && (has_keys || seen.notes.keys_from.is_some());
    wanted.then(|| format!("whether the KEK opens the keys in {} is not known; give --kek", keys.display()))
}
