//! The store against the log.

use super::{Check, Evidence, Found, History, Received, codes};
use crate::analysis::{Finding, Severity};
use crate::formats::kv::classify;
use crate::formats::layout;
use crate::types::{HlcTimestamp, LogIndex};

/// Entries at the end of the log that are asked for their commit timestamps.
const RECENT: u64 = 2000;

/// The store holds nothing that the log does not account for.
#[derive(Debug)]
pub struct AppliedBeyondLog;

impl Check for AppliedBeyondLog {
    fn finish(&mut self, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let Some((applied, last)) = applied_and_last(evidence, found) else { return };
        if applied <= last {
            return;
        }
        let alone = evidence.has_other_voters() != Some(true);
        let store = evidence.store.read();
        let by_entries = store.is_some_and(|store| store.applied_by_entries);
        let received = if alone || by_entries { Received::None } else { evidence.received(applied) };
        if let Received::Explains(payload) = &received {
            let message = format!(
                "The store says that it has applied {applied}, and the log ends at {last}: the payload {payload} was received and \
                 restored, and the node stopped before the log knew of it. The leader sends the snapshot again."
            );
            let finding =
                Finding::new(&codes::APPLIED_BEYOND_LOG, message).severity(Severity::Info).advice("Nothing needs to be done.");
            found.push(finding.at(evidence.path(layout::STORE)).expected(format!("at most {last}")).found(applied));
            return;
        }
        let certain = alone || by_entries;
        let severity = if certain { Severity::Error } else { Severity::Warning };
        let cause = match (evidence.store.read().and_then(|store| store.last_commit), newest_commit(history, evidence)) {
            _ if log_is_cut(history, evidence) => {
                "The bytes of the log are damaged, so that it ends early; see the findings about them."
            }
            _ if begun_over_a_store(evidence, applied) => {
                "The store belongs to an older log: the very first snapshot of this log already holds its contents, so the node \
                 was bootstrapped over an old fsm.db."
            }
            (Some(store), Some(log)) if log > store => {
                "The log is newer than the store's last write: the store probably belongs to another log, as when a node is \
                 bootstrapped over an old fsm.db."
            }
            _ if by_entries => {
                "The store has applied the entries one after another, which a snapshot that was received never leaves: the log lost \
                 its end, or fsm.db was copied after wal/."
            }
            (Some(store), Some(log)) if store > log => {
                "The store has later writes than the log: fsm.db was copied after wal/, or the log lost its end, or a received \
                 snapshot was restored just before the node stopped."
            }
            _ => "Either the store belongs to another log or the log lost its end.",
        };
        let message = format!(
            "The store says that it has applied {applied}, but the log ends at {last}. {cause} The server drops every new entry \
             up to {applied} as a duplicate, so that {} writes would be lost without an error.",
            applied.0 - last.0
        );
        let finding = Finding::new(&codes::APPLIED_BEYOND_LOG, message).severity(severity).at(evidence.path(layout::STORE));
        let finding = finding.expected(format!("at most {last}")).found(applied);
        let finding = match (certain, alone) {
            (true, true) => finding.advice(ONLY_VOTER),
            (true, false) => finding.advice(ONE_OF_SEVERAL),
            (false, _) => {
                let why = match received {
                    Received::NotRead(payload) => format!("whether {payload} explains it could not be read"),
                    _ => "a received snapshot explains it, and so does a log that lost its end; compare the other voters"
                        .to_owned(),
                };
                found.undecided(format!("the store has applied {applied} and the log ends at {last}: {why}"));
                finding.advice(UNDECIDED)
            }
        };
        found.push(finding);
    }
}

const ONLY_VOTER: &str = "Do not start the node on this directory. Keep a copy of all of it, and look for the rest of the log: a \
                          *.wal.broken beside it, a backup, the disk it was copied from. There is no other voter that could send what \
                          it lacks; without it, what the store holds is all there is.";
const ONE_OF_SEVERAL: &str = "Do not start the node on this directory. Keep a copy, then remove this member from the group and let it join \
                              as a new one, once the others are seen to hold the entries.";
const UNDECIDED: &str =
    "Hold the directory against those of the other voters with `ekv-tool compare` before the node serves anything.";

/// What the store has applied and where the log ends; says why when one of them is not there.
fn applied_and_last(evidence: &Evidence<'_>, found: &mut Found) -> Option<(LogIndex, LogIndex)> {
    let (log, store) = (evidence.log.read()?, evidence.store.read()?);
    let Some(applied) = store.applied else {
        found.not_applicable("the store records no applied index");
        return None;
    };
    let Some(last) = log.last_index() else {
        found.not_checkable("where the log ends is not known");
        return None;
    };
    Some((applied, last))
}

/// True when bytes of the log could not be decoded, or more records stand behind its end.
fn log_is_cut(history: &History, evidence: &Evidence<'_>) -> bool {
    let mut segments = evidence.scan().map(|scan| scan.segments.as_slice()).unwrap_or_default().iter();
    history.lost
        || segments.any(|segment| {
            let trace = segment.trace(evidence.engine);
            !trace.stop.is_end() || trace.beyond.as_ref().is_some_and(|beyond| beyond.total.has_entries())
        })
}

/// True when the snapshot with which a log begins already holds more than its index says.
fn begun_over_a_store(evidence: &Evidence<'_>, applied: LogIndex) -> bool {
    let contents = evidence.snap_files().iter().filter_map(|file| file.content.as_ref().ok());
    contents
        .filter(|contents| contents.metadata.index <= LogIndex(1))
        .any(|contents| contents.payload.applied.is_some_and(|held| held > contents.metadata.index && held <= applied))
}

/// The largest commit timestamp, or clock lease, among the last entries.
fn newest_commit(history: &History, evidence: &Evidence<'_>) -> Option<HlcTimestamp> {
    let scan = evidence.scan()?;
    let entries = history.entries();
    let last = entries.last()?;
    let recent = entries.within(LogIndex(last.0.saturating_sub(RECENT)), last);
    recent
        .iter(scan, evidence.engine)
        .filter_map(|entry| {
            let view = classify(entry.kind, entry.data);
            // A lease reaches a few seconds into the future; it still tells years from yesterday.
            view.commit_ts.or_else(|| view.lease.map(|lease| HlcTimestamp(lease.0.saturating_sub(20_000) << 16)))
        })
        .max()
}

/// How far the store is ahead of the recorded commit.
#[derive(Debug)]
pub struct FsmAheadOfLog;

impl Check for FsmAheadOfLog {
    fn finish(&mut self, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let Some((applied, last)) = applied_and_last(evidence, found) else { return };
        if applied <= history.commit || applied > last {
            return;
        }
        let message = format!(
            "The store has applied {applied}, above the recorded commit {} and within the log: the last commit rarely reaches \
             the disk before a node stops.",
            history.commit
        );
        let finding = Finding::new(&codes::FSM_AHEAD_OF_LOG, message).at(evidence.path(layout::STORE));
        found.push(finding.found(applied));
    }
}
