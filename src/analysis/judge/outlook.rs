//! What a start makes of damage in the bytes, and dangers of starts that nothing in the bytes is to blame for.
//!
//! A forecast is about the start: damage that the start replaces, replays or does not read is a warning there that says so.
//! `check` and the commands that verify judge the bytes alone, and call the same damage an error.

use crate::analysis::judge::codes::{gate as codes, store};
use crate::analysis::server::legacy::LegacyView;
use crate::analysis::server::{Forecast, Outcome, StartFacts, StoreView};
use crate::analysis::{Finding, Severity};
use crate::formats::layout;
use crate::readers::EntryKind;
use crate::types::ServerVersion;

/// Entries between two snapshots, unless the server is told otherwise.
const SNAPSHOT_COUNT: u64 = 10_000;
/// Bytes of entries that Raft hands out at once.
const BATCH_BYTES: u64 = 1 << 20;

/// Turns errors about bytes that do not matter for this start into warnings that say why. `dir` is the group directory in
/// the findings' paths.
pub fn weigh(findings: &mut [Finding], facts: &StartFacts, engine: ServerVersion, seen: &Forecast, dir: &str) {
    for finding in findings.iter_mut().filter(|finding| finding.severity == Severity::Error) {
        let path = finding.path.as_deref().and_then(|path| path.strip_prefix(dir)).unwrap_or_default();
        let Some((why, advice)) = harmless(finding, path.trim_start_matches('/'), facts, engine, seen) else { continue };
        finding.severity = Severity::Warning;
        finding.message = format!("{}. {why}", finding.message.trim_end_matches('.'));
        advice.clone_into(&mut finding.advice);
    }
}

/// Why a damage below the group directory does not matter for this start, and what to do then.
fn harmless(
    finding: &Finding,
    path: &str,
    facts: &StartFacts,
    engine: ServerVersion,
    seen: &Forecast,
) -> Option<(String, &'static str)> {
    if path.starts_with(layout::STORE) {
        if matches!(seen.outcome, Outcome::Execute | Outcome::Fallback | Outcome::LegacyRestore) {
            let advice =
                "For this start nothing needs to be done. Copy the store first if the cause of the damage is to be found.";
            return Some(("This start replaces the whole store by the snapshot.".to_owned(), advice));
        }
        let dropped_end = [&store::STORE_LOG_HOLE, &store::STORE_LOG_MISSING].contains(&finding.code)
            && is_newest_log(path, facts.store.get(&engine));
        let advice = "For this start nothing needs to be done. Keep wal/ as it is: it holds what the store lost.";
        return match (seen.outcome, seen.applied_index.value) {
            (Outcome::Skip, Some(applied)) if dropped_end => Some((
                format!(
                    "This start applies it again: every entry above {applied}, which the store is at without it, is in the log."
                ),
                advice,
            )),
            (Outcome::None, _) if dropped_end && facts.group.log.is_some() => {
                Some(("This start applies the whole log again, from its first entry.".to_owned(), advice))
            }
            _ => None,
        };
    }
    let name = layout::segment_of(path)?;
    let segments = &facts.group.log.as_ref()?.segments;
    let first = seen.first_segment?;
    let position = segments.iter().position(|segment| segment.file.file_name == name)?;
    let begins_at = &segments.get(first).filter(|_| position < first)?.file.file_name;
    matches!(seen.outcome, Outcome::Skip | Outcome::Execute | Outcome::Fallback | Outcome::None | Outcome::LegacyRestore).then(
        || {
            let why = format!("This start takes no entry from it: it begins with {begins_at}, where the chosen snapshot is.");
            (why, "For this start nothing needs to be done. An older snapshot could not be started from.")
        },
    )
}

/// True unless a newer log follows, of which the server would read the records although those before are lost.
fn is_newest_log(path: &str, store: Option<&StoreView>) -> bool {
    let Some((_, name)) = path.rsplit_once('/').filter(|(_, name)| !name.is_empty()) else { return true };
    store.and_then(|store| store.newest_log.as_deref()).is_none_or(|newest| newest == name)
}

/// Dangers of a start that the forecast of its outcome does not show.
pub fn hazards(facts: &StartFacts, engine: ServerVersion, seen: &Forecast, dir: &str, found: &mut Vec<Finding>) {
    compaction_race(engine, seen, dir, found);
    lost_body(facts, engine, seen, dir, found);
    let reserve = facts.group.listing.wal.entries().iter().find(|entry| entry.name == "0.tmp");
    if reserve.is_some_and(|entry| entry.kind == EntryKind::Directory) && seen.abort.is_none() {
        let message = "A directory stands where the server prepares the next segment of the log: the start succeeds, and the engine \
                       dies when the last segment is full.";
        found.push(Finding::new(&codes::SEGMENT_RESERVE_BLOCKED, message).at(format!("{dir}/wal/0.tmp")));
    }
}

/// The entries that are delivered again trigger a snapshot, and that compacts the log while Raft still hands it out.
fn compaction_race(engine: ServerVersion, seen: &Forecast, dir: &str, found: &mut Vec<Finding>) {
    let (Some(applied), Some(snapshot)) = (seen.effective_applied, &seen.snapshot) else { return };
    let ahead = applied.saturating_sub(snapshot.index);
    let redelivers = !engine.traits().rule.computes_floor() && seen.outcome == Outcome::Skip;
    if redelivers && ahead >= SNAPSHOT_COUNT && seen.notes.bytes_committed > BATCH_BYTES {
        let message = format!(
            "The store is {ahead} entries ahead of the snapshot, and {} bytes of log are handed out again. The first part of them \
             triggers a snapshot that compacts the log while the rest is still needed: about every second start like this one ends \
             with `panic: requested index is unavailable due to compaction`.",
            seen.notes.bytes_committed
        );
        found.push(
            Finding::new(&codes::REPLAY_COMPACTION_RACE, message).at(format!("{dir}/wal")).found(format!("{ahead} entries")),
        );
    }
}

/// State files whose snapshot has no body, and a store that does not hold it either.
fn lost_body(facts: &StartFacts, engine: ServerVersion, seen: &Forecast, dir: &str, found: &mut Vec<Finding>) {
    let Some(LegacyView::Migrates(log)) = facts.legacy.get(&engine) else { return };
    let snapshot = log.snapshot.index.0;
    let holds = seen.applied_index.value.is_some_and(|applied| applied >= snapshot);
    if log.body.is_none() && snapshot > 1 && !holds && seen.abort.is_none() {
        let has =
            seen.applied_index.value.map_or_else(|| "does not say how far it is".to_owned(), |index| format!("is at {index}"));
        let message = format!(
            "The state files stand for a snapshot at {snapshot} and have no body for it, and the store {has}: the rows of the entries \
             up to {snapshot} would be missing without a word from the server."
        );
        found.push(Finding::new(&codes::MIGRATION_WITHOUT_BODY, message).at(format!("{dir}/etcd-fsm-snapshot.bin")));
    }
}
