//! The entries behind the snapshot, one by one.

use std::collections::BTreeMap;

use super::entries::Entries;
use super::facts::StartFacts;
use super::guards::{open_entry, unwrap_halt};
use super::replay::{Action, Bounds, Kind, Replay, ReplayEntry, applied_floor};
use super::types::{Forecast, Outcome, PlanRow, ReplayNotes};
use crate::analysis::ServerError;
use crate::analysis::server::apply::{Effect, Sealing, clear_effect, entry_effect};
use crate::analysis::server::conditions;
use crate::analysis::server::membership::Membership;
use crate::analysis::server::peers::Member;
use crate::crypto::{OpenError, Opened};
use crate::formats::kv::{EncryptionOp, EntryView, KeySpaceCounts, RegistrationRow, classify, classify_payload};
use crate::formats::raftpb::{ConfState, Entry, EntryType};
use crate::types::{NodeId, ServerVersion, SnapshotId};

/// What the replay starts from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Base<'a> {
    /// The snapshot.
    pub id: SnapshotId,
    /// Its members; `None` without a snapshot.
    pub conf_state: Option<&'a ConfState>,
    /// The members of the peers file.
    pub members: &'a [Member],
    /// The commit that raft starts with, K.
    pub commit: u64,
}

/// Replays the entries behind the snapshot and fills in what the start leaves behind: counts, clock, plan.
pub(super) fn replay_log(
    facts: &StartFacts,
    engine: ServerVersion,
    source: Entries<'_>,
    base: Base<'_>,
    seen: &mut Forecast,
) -> Result<(), ServerError> {
    let Base { id, commit, .. } = base;
    let applied = seen.effective_applied.unwrap_or(id.index.0).max(id.index.0);
    let entries = || source.iter(engine);
    let floor = applied_floor(
        engine.traits().rule,
        id.index.0,
        commit,
        applied,
        entries().map(|at| {
            let opened = open_entry(facts, engine, at.index, at.kind, at.data);
            describe(facts, engine, &at, opened.as_ref(), None).0
        }),
    );
    let mut bounds = Bounds { snapshot: id.index.0, commit, applied, floor, commits_alone: false };

    let (own, empty) = (NodeId::of_raft_id(&facts.raft_id), ConfState::default());
    let mut membership = Membership::restore(own, base.conf_state.unwrap_or(&empty), base.members)?;
    let mut replay = Replay::new(bounds, base.members.len() <= 1);
    let mut epochs = BTreeMap::new();
    // A restore replaces the registry by the snapshot's.
    let mut registry = if seen.outcome == Outcome::Skip { facts.registry().clone() } else { BTreeMap::new() };
    let mut plan = facts.want_plan.then(Vec::new);
    let mut past_commit = false;
    for at in entries() {
        if at.index.0 > commit && !past_commit {
            past_commit = true;
            bounds.commits_alone = replay.halt.is_none() && membership.elects_alone(own);
        }
        // Only what is delivered changes the membership.
        let delivered = at.index.0 > floor && (at.index.0 <= commit || bounds.commits_alone) && replay.halt.is_none();
        let opened = open_entry(facts, engine, at.index, at.kind, at.data);
        let (mut entry, view) = describe(facts, engine, &at, opened.as_ref(), delivered.then_some((&mut membership, own)));
        if let Some(Ok(EncryptionOp::Registration(row))) = view.encryption() {
            entry.halts = rollback(&mut registry, row);
        }
        if entry.halts_always.is_none() && delivered && replay.single_peer && entry.removes_self {
            entry.halts_always = Some(ServerError::plain(&conditions::ENGINE_CLOSED));
        } else if entry.halts_always.is_none() && delivered && entry.removes_self {
            entry.halts_always = Some(own_removal());
        }
        if at.index.0 <= commit {
            seen.notes.bytes_committed += at.data.len() as u64;
        }
        let action = replay.observe(bounds, &entry);
        note(&mut seen.notes, &mut epochs, bounds, &entry, &view, action);
        if let Some(plan) = &mut plan {
            plan.push(row(&at, &view, action, bounds, &replay));
        }
    }
    seen.notes.commits_alone =
        if past_commit { bounds.commits_alone } else { replay.halt.is_none() && membership.elects_alone(own) };
    let ceiling = seen.header.and_then(|header| header.ceiling_ms).map_or(0, |ceiling| ceiling.0);
    // The server casts the ceiling to a signed number; one above its range does not move the clock.
    let ceiling = if i64::try_from(ceiling).is_ok() { ceiling } else { 0 };
    seen.ceiling_after_start_ms = Some(ceiling.max(replay.lease_ceiling_ms));
    seen.replay = Some(replay);
    seen.plan = plan;
    Ok(())
}

/// The engine stops when it has applied the removal of its own node, and calls that no error.
fn own_removal() -> ServerError {
    let text = "no error: this node's own removal is applied, its group shuts down, and nothing is logged";
    ServerError::of(&conditions::OWN_REMOVAL, text)
}

/// One entry as the replay sees it; `opened` is what its envelope held, where the keys are at hand. With a membership a change
/// is applied to it.
fn describe<'a>(
    facts: &StartFacts,
    engine: ServerVersion,
    at: &Entry<'a>,
    opened: Option<&'a Result<Opened, OpenError>>,
    membership: Option<(&mut Membership, NodeId)>,
) -> (ReplayEntry, EntryView<'a>) {
    let mut view = classify(at.kind, at.data);
    let sealing = Sealing::of(facts.cutover(), at.index);
    let mut entry = ReplayEntry {
        index: at.index.0,
        kind: Kind::Data,
        lease_ms: view.lease.map(|lease| lease.0.cast_signed()),
        sealed: false,
        halts: None,
        halts_always: None,
        removes_self: false,
    };
    let effect = match opened {
        Some(Ok(opened)) => {
            let request_id = view.request_id;
            view = EntryView { request_id, ..classify_payload(opened.bytes()) };
            entry.lease_ms = view.lease.map(|lease| lease.0.cast_signed());
            clear_effect(&view)
        }
        // Whether the server minds a flag that none of its versions sets is not known.
        Some(Err(OpenError::Flags(_) | OpenError::Compression)) => {
            entry.sealed = true;
            return (entry, view);
        }
        Some(Err(error)) => {
            entry.halts_always = Some(unwrap_halt(error));
            return (entry, view);
        }
        None => match membership {
            Some((membership, own)) => {
                let before = membership.holds(own);
                let effect = entry_effect(engine, at.index, &view, sealing, Some(membership));
                entry.removes_self = before && !membership.holds(own);
                effect
            }
            None => entry_effect(engine, at.index, &view, sealing, None),
        },
    };
    let is_conf = matches!(at.kind, EntryType::ConfChange | EntryType::ConfChangeV2);
    match effect {
        Effect::Noop => entry.kind = Kind::Empty,
        Effect::Apply => entry.halts = without_kek(facts, &view),
        Effect::VolatileApply => entry.kind = Kind::Volatile,
        Effect::ConfApply => entry.kind = Kind::Conf,
        Effect::Sealed => entry.sealed = true,
        Effect::Halt(error) if is_conf => {
            entry.kind = Kind::Conf;
            entry.halts_always = Some(error);
        }
        // An envelope is opened before anybody asks whether its entry is a duplicate.
        Effect::Halt(error) if error.condition == &conditions::RAFT_UNWRAP_FAILED => entry.halts_always = Some(error),
        Effect::Halt(error) => entry.halts = Some(error),
    }
    (entry, view)
}

/// A bootstrap or rotation brings a key that only the key encryption key opens. Where nobody said how the server is started, a
/// node that has a sidecar has that too.
fn without_kek(facts: &StartFacts, view: &EntryView<'_>) -> Option<ServerError> {
    let has_keys = !facts.no_encryption && (facts.keys.is_some() || facts.sidecar_beside.is_some());
    let needs_kek = matches!(view.encryption(), Some(Ok(EncryptionOp::Bootstrap { .. } | EncryptionOp::Rotation { .. })));
    (needs_kek && !has_keys).then(|| {
        ServerError::of(&conditions::KEK_NOT_CONFIGURED, "encryption: kek not configured on this node")
            .wrapped("raftengine/etcd: FSM-requested apply halt")
    })
}

/// A registration that is older than what the registry has seen ends the run loop; a newer one moves the registry on.
fn rollback(registry: &mut BTreeMap<(u32, u64), u16>, row: RegistrationRow) -> Option<ServerError> {
    let seen = registry.get_mut(&(row.dek_id, row.full_node_id))?;
    if row.local_epoch >= *seen {
        *seen = row.local_epoch;
        return None;
    }
    let text = format!(
        "raftengine/etcd: FSM-requested apply halt: writer-registry local_epoch rollback at dek_id={} full_node_id=0x{:x} \
         (existing last_seen={seen}, incoming={})",
        row.dek_id, row.full_node_id, row.local_epoch
    );
    Some(ServerError::of(&conditions::REGISTRY_ROLLBACK, text).named("ErrEncryptionApply"))
}

/// Remembers what the hazards are judged from. `epochs`: the first epoch of each writer and key that is applied.
fn note(
    notes: &mut ReplayNotes,
    epochs: &mut BTreeMap<(u32, u64), (u64, u16)>,
    bounds: Bounds,
    entry: &ReplayEntry,
    view: &EntryView<'_>,
    action: Action,
) {
    let applied = bounds.applied;
    let handed = match action {
        Action::Apply | Action::Halt => true,
        Action::Uncommitted => bounds.commits_alone && entry.index > applied,
        _ => false,
    };
    // An entry above the recorded commit may have been applied by an earlier start all the same.
    if let (Action::Apply | Action::Uncommitted, Some(Ok(opcode))) = (action, view.encryption()) {
        for row in opcode.rows() {
            let (first, epoch) = *epochs.entry((row.dek_id, row.full_node_id)).or_insert((entry.index, row.local_epoch));
            if row.local_epoch > epoch {
                notes.rising_epochs.get_or_insert((first, row.dek_id, row.full_node_id));
            }
        }
    }
    if let Some(Ok(opcode)) = view.encryption() {
        notes.encryption_from.get_or_insert(entry.index);
        if handed && !matches!(opcode, EncryptionOp::Registration(_)) {
            notes.keys_from.get_or_insert(entry.index);
        }
    }
    match action {
        Action::ConfReapplied if entry.index < applied => notes.conf_behind_store.push(entry.index),
        Action::Apply | Action::Halt if entry.sealed => drop(notes.sealed_from.get_or_insert(entry.index)),
        _ => {}
    }
    if entry.index == applied {
        notes.requests_at_applied = view.requests;
    }
}

fn row(at: &Entry<'_>, view: &EntryView<'_>, action: Action, bounds: Bounds, replay: &Replay) -> PlanRow {
    let mut counts = KeySpaceCounts::default();
    view.count_keys(&mut counts);
    let keys: Vec<_> = counts.by_label().into_iter().map(|(label, n)| format!("{label} x{n}")).collect();
    let note = match (action, &replay.halt) {
        (Action::Halt, Some(halt)) if halt.index == at.index.0 => Some(halt.text.clone()),
        (Action::Halt, Some(halt)) => Some(format!("not reached: the run loop ends at {}", halt.index)),
        (Action::Noop, _) if view.request_id.is_some() => {
            Some("a proposal without a payload, which the state machine rejects".to_owned())
        }
        (Action::ConfApply | Action::ConfReapplied, _) => Some(format!("writes a snapshot at {}", at.index)),
        (Action::Uncommitted, _) if bounds.commits_alone && at.index.0 <= bounds.applied => {
            Some("self-committed; dropped as a duplicate".to_owned())
        }
        (Action::Uncommitted, _) if bounds.commits_alone => Some("self-committed".to_owned()),
        _ => None,
    };
    PlanRow {
        index: at.index.0,
        term: at.term.0,
        class: view.class.name(),
        action,
        requests: (view.requests > 0).then_some(u64::from(view.requests)),
        keys: (!keys.is_empty()).then(|| keys.join(", ")),
        commit_ts: view.commit_ts.map(|ts| ts.0),
        commit_time: view.commit_ts.and_then(|ts| ts.millis().to_rfc3339()),
        lease_ms: view.lease.map(|lease| lease.0.cast_signed()),
        note,
    }
}
