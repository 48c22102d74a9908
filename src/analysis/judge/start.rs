//! What the forecast means for the operator: hazards and reasons as findings.

use std::fmt::Write as _;

use crate::analysis::judge::codes::{gate as codes, snapshot as snapshot_codes};
use crate::analysis::judge::outlook;
use crate::analysis::judge::snapshot::{LOST_ENVELOPE, Recorded};
use crate::analysis::server::conditions;
use crate::analysis::server::log::{EffectiveLog, read_from};
use crate::analysis::server::replay::HaltEffect;
use crate::analysis::server::{Abort, ChosenSnapshot, Forecast, OtherEngine, Outcome, StartFacts};
use crate::analysis::{Finding, Severity};
use crate::formats::fsm::FsmName;
use crate::formats::layout::{self, PEERS};
use crate::formats::snap::SnapName;
use crate::readers::{FsmFacts, Group, SmallFact};
use crate::types::{LogIndex, ServerVersion, SnapshotId};

/// What to do about a node that its own peers file does not list.
const NOT_LISTED: &str = "Do not restart this node. If it was removed from its group, archive the directory, and let it join with an \
                          empty one to use it again. If the directory was renamed or copied, ask again with --raft-id and the \
                          node's own name.";

/// Findings of one group's forecast. Paths are below the group directory `dir`.
pub fn findings(facts: &StartFacts, engine: ServerVersion, seen: &Forecast, others: &[OtherEngine], dir: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    refusals(facts, seen, engine, others, dir, &mut found);
    store_against_log(facts, seen, dir, &mut found);
    snapshots(facts, engine, seen, dir, &mut found);
    replay(facts, seen, dir, &mut found);
    encryption(facts, seen, dir, &mut found);
    outlook::hazards(facts, engine, seen, dir, &mut found);
    for finding in &mut found {
        finding.group = Some(dir.to_owned());
    }
    found
}

/// What a refusal comes from, where its text does not say it: the file, the cause, and what to do about it when that is more than
/// what is always done.
fn cause_of(facts: &StartFacts, seen: &Forecast, abort: &Abort, dir: &str) -> Option<(String, String, String)> {
    if abort.stage == "peers" {
        let path = format!("{dir}/{PEERS}");
        let cause = match &facts.group.listing.peers {
            SmallFact::Absent => return None,
            SmallFact::Bytes(bytes) if bytes.is_empty() => format!("The file {PEERS} is empty."),
            _ if abort.condition == &conditions::LOCAL_PEER_MISSING => {
                let cause = format!("{PEERS} does not list {}.", facts.raft_id);
                return Some((path, cause, NOT_LISTED.to_owned()));
            }
            _ => format!("The file {PEERS} cannot be used."),
        };
        return Some((path, cause, String::new()));
    }
    if abort.condition == &conditions::FSM_SNAPSHOT_NOT_FOUND {
        let token = seen.snapshot.as_ref()?.token.as_ref()?;
        let name = format!("{:016x}.fsm", token.index);
        let mut cause = format!("The payload fsm-snap/{name} is not there.");
        let folders = [("", facts.group.listing.root.as_slice()), ("snap/", facts.group.listing.snap.entries())];
        let elsewhere = folders.iter().find(|(_, entries)| entries.iter().any(|entry| entry.name == name));
        let advice = elsewhere.map_or_else(String::new, |(folder, _)| {
            let _ = write!(cause, " A file of exactly this name lies at {folder}{name}.");
            format!(
                "Verify {folder}{name} with `ekv-tool verify-snapshot`, then move it into fsm-snap/, with all others of its kind."
            )
        });
        return Some((format!("{dir}/fsm-snap/{name}"), cause, advice));
    }
    if abort.condition == &conditions::WAL_SLICE_BOUNDS || abort.condition == &conditions::WAL_NO_MATCHING_SEGMENT {
        let unusable = seen.would_rename.iter().filter(|rename| rename.from.starts_with("snap/")).count();
        if unusable > 0 {
            let files = if unusable == 1 { "file cannot" } else { "files cannot" };
            let cause = format!(
                "{unusable} .snap {files} be read, so that a start would choose an older snapshot, or none, with which the log does not \
                 connect."
            );
            let advice = "Do not start the node. The log records which snapshots there were, and a .snap file can be made again from the \
                          record and the payload in fsm-snap/: `ekv-tool snapshot rebuild` with the group's directory shows the bytes. \
                          It can also be copied from a node that has the same index and term.";
            return Some((format!("{dir}/snap"), cause, advice.to_owned()));
        }
    }
    None
}

fn refusals(
    facts: &StartFacts,
    seen: &Forecast,
    engine: ServerVersion,
    others: &[OtherEngine],
    dir: &str,
    found: &mut Vec<Finding>,
) {
    if let Some(abort) = &seen.abort {
        let said = format!("A start of {engine} ends at the stage {:?} with: {}", abort.stage, abort.text);
        let finding = match cause_of(facts, seen, abort, dir) {
            Some((path, cause, advice)) => {
                let finding = Finding::new(&codes::START_REFUSED, format!("{cause} {said}")).at(path);
                if advice.is_empty() { finding } else { finding.advice(advice) }
            }
            None => Finding::new(&codes::START_REFUSED, said).at(dir),
        };
        found.push(if is_blank(facts, engine) {
            finding
                .severity(Severity::Warning)
                .advice("Nothing is here yet that could be lost: bootstrap the node, or let it join.")
        } else {
            finding
        });
    }
    for other in others {
        let (Some(abort), None) = (&other.abort, &seen.abort) else { continue };
        let message = format!("A start of {} would end with: {}", other.engine, abort.text);
        found.push(Finding::new(&codes::OTHER_ENGINE_REFUSES, message).at(dir));
    }
}

/// True for a group that no server has bootstrapped to its end, so that a refused start tells of no loss: no peers file, which
/// is written last, no entry in the log, which can be read, no state files, and a store, if any, that has applied nothing.
fn is_blank(facts: &StartFacts, version: ServerVersion) -> bool {
    let Group { listing, log, .. } = &facts.group;
    let applied = facts.store.values().any(|store| store.applied.value.is_some() || store.refusal.is_some());
    let empty = log.as_ref().is_none_or(|scan| {
        scan.unread().is_none()
            && EffectiveLog::of(scan, version).entries.ranges().is_empty()
            && (scan.segments.is_empty() || read_from(scan, SnapshotId::default(), version).result.is_ok())
    });
    listing.peers == SmallFact::Absent && empty && facts.legacy.is_empty() && !applied
}

/// The store's applied index against the log that a start would have.
fn store_against_log(facts: &StartFacts, seen: &Forecast, dir: &str, found: &mut Vec<Finding>) {
    let (Some(applied), Some(last)) = (seen.applied_index.value, seen.last_index) else { return };
    if applied <= last || seen.abort.is_some() {
        return;
    }
    // Beside a log it is a rule about the directory that says so.
    if !facts.group.listing.has_log() && facts.legacy.is_empty() {
        let path = format!("{dir}/fsm.db");
        let message =
            format!("The store has applied {applied} entries of a log that is not there; the new log would end at {last}.");
        found.push(Finding::new(&codes::BOOTSTRAP_OVER_STORE, message).at(path).found(applied));
    }
}

/// True unless the payload's own applied index says that the restored store would not be behind its snapshot.
fn stays_behind(facts: &StartFacts, chosen: &ChosenSnapshot) -> bool {
    let payload = chosen.token.as_ref().and_then(|token| facts.group.payloads.get(&LogIndex(token.index)));
    let applied = match payload {
        Some(FsmFacts::File(file)) => file.payload.as_ref().and_then(|payload| payload.body.as_ref()?.applied_index()),
        _ => None,
    };
    applied.is_none_or(|applied| applied.0 < chosen.index)
}

fn snapshots(facts: &StartFacts, engine: ServerVersion, seen: &Forecast, dir: &str, found: &mut Vec<Finding>) {
    let recorded = || Recorded::of(&facts.group.listing, facts.group.log.as_ref(), engine);
    let payloads = facts.group.listing.fsm_snap.entries().iter().filter(|entry| entry.name.ends_with(".fsm")).count();
    let deleted = seen.would_delete.iter().filter(|path| path.starts_with("fsm-snap/") && path.ends_with(".fsm")).count();
    if payloads > 0 && payloads == deleted && facts.group.listing.has_log() {
        let message = format!("All {payloads} payloads in fsm-snap/ would be deleted, because no name in snap/ protects them.");
        let finding = Finding::new(&codes::PAYLOADS_DELETED, message).at(format!("{dir}/fsm-snap"));
        // One that was received is complete before anything names it.
        let recorded = recorded();
        let mut names = facts.group.listing.fsm_snap.entries().iter().filter_map(|entry| FsmName::parse(&entry.name));
        let ever = recorded.is_none_or(|recorded| names.any(|name| recorded.names_index(name.index)));
        found.push(if ever { finding } else { finding.severity(Severity::Info).advice("Nothing needs to be done.") });
    }
    let odd = |chosen: &&ChosenSnapshot| facts.group.listing.has_log() && SnapName::parse(name_of(&chosen.file)).is_none();
    if let Some(chosen) = seen.snapshot.as_ref().filter(odd) {
        let message = format!(
            "The start takes {}, a copy that no server made, as a file synchroniser leaves one in a conflict: names are ordered as text. It \
             goes on from index {}.",
            chosen.file, chosen.index
        );
        let finding = Finding::new(&snapshot_codes::SNAP_IDENTITY_MISMATCH, message).severity(Severity::Warning);
        found.push(finding.at(format!("{dir}/{}", chosen.file)).advice(COPY));
    }
    if let (Some(chosen), Some(newest)) = (&seen.snapshot, facts.group.snaps.snaps.first())
        && facts.group.listing.has_log()
        && chosen.file != layout::in_snap(&newest.name)
    {
        let why = if newest.name.is_empty() || seen.would_rename.iter().any(|rename| rename.from.ends_with(&newest.name)) {
            "cannot be read and would be renamed"
        } else {
            "is not among the committed snapshot records of the log"
        };
        let message = format!("The start uses index {} instead of the newest name, which {why}.", chosen.index);
        let finding = Finding::new(&codes::SNAPSHOT_NOT_NEWEST, message).at(format!("{dir}/snap/{}", newest.name));
        let recorded = recorded();
        found.push(if recorded.is_some_and(|recorded| recorded.lost(newest).is_some()) {
            // No crash did this: the record is written when the file is complete.
            let said = format!("{} The log recorded it after its file was complete: it was damaged since.", finding.message);
            Finding { message: said, ..finding }.severity(Severity::Warning).advice(LOST_ENVELOPE)
        } else {
            finding
        });
    }
    if let (Outcome::Execute, Some(applied), Some(chosen)) = (seen.outcome, seen.applied_index.value, &seen.snapshot)
        && applied < chosen.index
        && stays_behind(facts, chosen)
    {
        let message = format!(
            "The store has applied {applied}, below the snapshot at {}. The restored store will say so again, until the next write.",
            chosen.index
        );
        found.push(Finding::new(&codes::STICKY_RESTORE, message).at(format!("{dir}/fsm.db")));
    }
}

const COPY: &str = "Move the copy out of snap/, and keep it: a start then takes the newest snapshot of the node's own.";

/// The last part of a path.
fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn replay(facts: &StartFacts, seen: &Forecast, dir: &str, found: &mut Vec<Finding>) {
    let _ = facts;
    let wal = format!("{dir}/wal");
    if let Some(halt) = seen.replay.as_ref().and_then(|replay| replay.halt.as_ref()) {
        let committed = seen.hard_state.is_none_or(|state| halt.index <= state.commit);
        let behind = if committed { "" } else { ", which no vote but its own is needed to commit" };
        let effect = match halt.effect {
            HaltEffect::ProcessEnds => "The process ends",
            HaltEffect::StartFails => "The start fails, because it waits for the only member to lead",
            HaltEffect::GroupStops => "The process lives on with this group shut down",
        };
        found.push(if halt.guard {
            let gap = halt.condition == &conditions::SIDECAR_GAP;
            let code = if gap { &codes::SIDECAR_GAP } else { &codes::GUARD_BEHIND_START };
            let message = format!("The process ends when the log has been replayed: {}", halt.text);
            Finding::new(code, message).at(dir)
        } else {
            let code = if halt.condition == &conditions::OWN_REMOVAL { &codes::OWN_REMOVAL } else { &codes::REPLAY_HALT };
            let message =
                format!("The run loop ends at entry {}{behind}: {}. {effect}.", halt.index, halt.text.trim_end_matches('.'));
            Finding::new(code, message).at(&wal).found(format!("entry {}", halt.index))
        });
    }
    let notes = &seen.notes;
    let applied = seen.effective_applied.unwrap_or(0);
    if let [first, ..] = notes.conf_behind_store.as_slice() {
        let message = format!(
            "{} membership changes from {first} on are applied again while the store is at {applied}; each writes a snapshot with \
             the store's contents under its own index.",
            notes.conf_behind_store.len()
        );
        found.push(Finding::new(&codes::CONF_REPLAY_AHEAD, message).at(&wal).found(format!("entry {first}")));
    }
    if seen.outcome == Outcome::Skip && notes.requests_at_applied > 1 {
        let message = format!("Entry {applied}, the last one applied, holds {} requests.", notes.requests_at_applied);
        found.push(Finding::new(&codes::PARTIAL_BATCH, message).at(&wal).found(format!("entry {applied}")));
    }
    if let (Outcome::Skip, Some((index, dek, node))) = (seen.outcome, notes.rising_epochs) {
        let message = format!(
            "Registrations of node {node:x} for key {dek} with rising epochs are applied again from entry {index} on; the first \
             one is older than what the registry already holds."
        );
        found.push(Finding::new(&codes::REGISTRATION_REPLAY, message).at(&wal).found(format!("entry {index}")));
    }
}

/// A sign that encryption is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptionSign {
    /// The sign in words.
    pub text: String,
    /// True when the forecast depends on what the sidecar says. A cutover in a snapshot's header alone does not stop a start
    /// that has no encryption flags.
    pub decisive: bool,
}

/// The strongest sign that encryption is in use.
pub fn encryption_sign(facts: &StartFacts, seen: &Forecast) -> Option<EncryptionSign> {
    let decisive = |text: String| Some(EncryptionSign { text, decisive: true });
    if let Some(index) = seen.notes.sealed_from {
        return decisive(format!("the entry at {index} is sealed"));
    }
    if let Some(index) = seen.notes.keys_from {
        return decisive(format!("the entry at {index} brings a key or moves a cutover"));
    }
    if !facts.registry().is_empty() {
        return decisive(format!("the store registers {} writers of encrypted values", facts.registry().len()));
    }
    if let Some(path) = &facts.sidecar_beside {
        return decisive(format!("a key sidecar stands at {path}"));
    }
    if let Some(index) = seen.notes.encryption_from {
        let text = format!("the entry at {index} changes encryption keys or registers a writer");
        return Some(EncryptionSign { text, decisive: false });
    }
    let cutover = seen.header.and_then(|header| header.cutover).filter(|cutover| cutover.0 != 0)?;
    Some(EncryptionSign { text: format!("the snapshot says that entries above {cutover} are sealed"), decisive: false })
}

fn encryption(facts: &StartFacts, seen: &Forecast, dir: &str, found: &mut Vec<Finding>) {
    let Some(sign) = encryption_sign(facts, seen) else { return };
    let decided = facts.keys.as_ref().is_some_and(|keys| keys.has_kek());
    if facts.no_encryption || decided || seen.abort.is_some() {
        return;
    }
    let (rest, severity) = match facts.keys.as_ref().and_then(|keys| keys.cutover()) {
        None => ("What a start makes of it also depends on the key sidecar and the server's flags.", Severity::Warning),
        Some(_) => ("The sidecar was checked; whether the KEK opens its keys is not known without --kek.", Severity::Info),
    };
    let message = format!("Encryption is in use: {}. {rest}", sign.text);
    found.push(Finding::new(&codes::ENCRYPTION_UNDECIDED, message).severity(severity).at(dir));
}
