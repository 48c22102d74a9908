//! The entries behind the snapshot, one by one.

use std::collections::BTreeMap;

use super::facts::GateFacts;
use super::replay::{Action, Bounds, Kind, Replay, ReplayEntry, applied_floor};
use super::types::{Forecast, Outcome, PlanRow, ReplayNotes};
use crate::analysis::ServerError;
use crate::analysis::server::apply::{Effect, Sealing, entry_effect};
use crate::analysis::server::log::LogContent;
use crate::analysis::server::membership::Membership;
use crate::analysis::server::peers::Member;
use crate::formats::kv::{EncryptionOp, EntryView, KeySpaceCounts, RegistrationRow, classify};
use crate::formats::raftpb::{ConfState, EntryType};
use crate::readers::wal::{EntryAt, WalScan};
use crate::types::{NodeId, ServerVersion, SnapshotId};

/// Replays the log behind `id` and fills in what the start leaves behind: counts, clock, plan.
#[expect(clippy::too_many_arguments, reason = "the whole state of the start at this point")]
pub(super) fn replay_log(
    facts: &GateFacts,
    engine: ServerVersion,
    scan: &WalScan,
    log: &LogContent,
    id: SnapshotId,
    conf_state: Option<&ConfState>,
    members: &[Member],
    seen: &mut Forecast,
) -> Result<(), ServerError> {
    let rule = engine.traits().rule;
    let commit = seen.hard_state.map_or(id.index.0, |state| state.commit);
    let applied = seen.effective_applied.unwrap_or(id.index.0).max(id.index.0);
    let entries = || log.entries.iter(scan, engine);
    let floor = applied_floor(rule, id.index.0, commit, applied, entries().map(|at| describe(facts, engine, &at, None).0));
    let bounds = Bounds { snapshot: id.index.0, commit, applied, floor };

    let empty = ConfState::default();
    let mut membership = Membership::restore(NodeId::of_raft_id(&facts.raft_id), conf_state.unwrap_or(&empty), members)?;
    // A lone voter elects itself and commits what its log holds, so that uncommitted leases count at once.
    let alone = conf_state.is_some_and(|conf| conf.voters == [NodeId::of_raft_id(&facts.raft_id)] && !conf.is_joint());
    let mut replay = Replay::new(bounds);
    let mut epochs = BTreeMap::new();
    // A restore replaces the registry by the snapshot's.
    let mut registry = if seen.outcome == Outcome::Skip { facts.registry.clone() } else { BTreeMap::new() };
    let mut plan = facts.want_plan.then(Vec::new);
    for at in entries() {
        // Only what is delivered changes the membership.
        let delivered = at.index.0 > floor && at.index.0 <= commit && replay.halt.is_none();
        let (mut entry, view) = describe(facts, engine, &at, delivered.then_some(&mut membership));
        if let Some(Ok(EncryptionOp::Registration(row))) = view.encryption() {
            entry.halts = rollback(&mut registry, row);
        }
        let action = replay.observe(bounds, &entry);
        if alone && action == Action::Uncommitted && entry.kind == Kind::Volatile {
            replay.count_lease(&entry);
        }
        note(&mut seen.notes, &mut epochs, applied, &entry, &view, action);
        if let Some(plan) = &mut plan {
            plan.push(row(&at, &view, action, &replay));
        }
    }
    let ceiling = seen.header.and_then(|header| header.ceiling_ms).map_or(0, |ceiling| ceiling.0);
    // The server casts the ceiling to a signed number; one above its range does not move the clock.
    let ceiling = if i64::try_from(ceiling).is_ok() { ceiling } else { 0 };
    seen.ceiling_after_start_ms = Some(ceiling.max(replay.lease_ceiling_ms));
    seen.replay = Some(replay);
    seen.plan = plan;
    Ok(())
}

/// One entry as the replay sees it. With `membership` a membership change is applied to it.
fn describe<'a>(
    facts: &GateFacts,
    engine: ServerVersion,
    at: &EntryAt<'a>,
    membership: Option<&mut Membership>,
) -> (ReplayEntry, EntryView<'a>) {
    let view = classify(at.kind, at.data);
    let sealing = Sealing::of(facts.cutover(), at.index);
    let mut entry = ReplayEntry {
        index: at.index.0,
        kind: Kind::Data,
        lease_ms: view.lease.map(|lease| lease.0.cast_signed()),
        sealed: false,
        halts: None,
        halts_always: None,
    };
    let is_conf = matches!(at.kind, EntryType::ConfChange | EntryType::ConfChangeV2);
    match entry_effect(engine, at.index, &view, sealing, membership) {
        Effect::Noop => entry.kind = Kind::Empty,
        Effect::Apply => {}
        Effect::VolatileApply => entry.kind = Kind::Volatile,
        Effect::ConfApply => entry.kind = Kind::Conf,
        Effect::Sealed => entry.sealed = true,
        Effect::Halt(error) if is_conf => {
            entry.kind = Kind::Conf;
            entry.halts_always = Some(error);
        }
        Effect::Halt(error) => entry.halts = Some(error),
    }
    (entry, view)
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
    Some(ServerError::new("ErrEncryptionApply", text))
}

/// Remembers what the hazards are judged from. `epochs`: the first epoch of each writer and key that is applied.
fn note(
    notes: &mut ReplayNotes,
    epochs: &mut BTreeMap<(u32, u64), (u64, u16)>,
    applied: u64,
    entry: &ReplayEntry,
    view: &EntryView<'_>,
    action: Action,
) {
    // An entry above the recorded commit may have been applied by an earlier start all the same.
    if let (Action::Apply | Action::Uncommitted, Some(Ok(opcode))) = (action, view.encryption()) {
        for row in opcode.rows() {
            let (first, epoch) = *epochs.entry((row.dek_id, row.full_node_id)).or_insert((entry.index, row.local_epoch));
            if row.local_epoch > epoch {
                notes.rising_epochs.get_or_insert((first, row.dek_id, row.full_node_id));
            }
        }
    }
    if view.encryption().is_some_and(|opcode| opcode.is_ok()) {
        notes.encryption_from.get_or_insert(entry.index);
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

fn row(at: &EntryAt<'_>, view: &EntryView<'_>, action: Action, replay: &Replay) -> PlanRow {
    let mut counts = KeySpaceCounts::default();
    view.count_keys(&mut counts);
    let keys: Vec<_> = counts.by_label().into_iter().map(|(label, n)| format!("{label} x{n}")).collect();
    let note = match (action, &replay.halt) {
        (Action::Halt, Some(halt)) if halt.index == at.index.0 => Some(halt.text.clone()),
        (Action::Halt, Some(halt)) => Some(format!("not reached: the run loop ends at {}", halt.index)),
        (Action::ConfApply | Action::ConfReapplied, _) => Some(format!("writes a snapshot at {}", at.index)),
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
