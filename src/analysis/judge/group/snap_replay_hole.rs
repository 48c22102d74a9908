//! The log connects to the snapshots.

use std::fmt::Write as _;

use super::{Check, Evidence, Found, History, LogEvidence, codes};
use crate::analysis::server::log::read_from;
use crate::analysis::{Finding, Severity};
use crate::formats::layout;
use crate::types::{LogIndex, SnapshotId, count_work};

/// Steps of readings from older snapshots, of which a node keeps a handful. The newest ones are always tried.
const STEPS: u64 = 16 << 20;
const TRIED: u64 = 64;

/// Reads the log from each snapshot as a start would.
#[derive(Debug)]
pub struct SnapReplayHole;

impl Check for SnapReplayHole {
    fn finish(&mut self, _history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let Some(log) = evidence.log.read() else { return };
        let Ok(valid) = &log.valid else {
            found.not_checkable("the log cannot be read to its end");
            return;
        };
        let chosen = evidence.chosen();
        match &log.start {
            None => {
                found.not_checkable("which snapshot a start takes is not known");
                return;
            }
            Some(read) => {
                if let Err(error) = &read.result {
                    found.push(chosen_hole(chosen.map(|(_, contents)| contents.metadata.id()), &error.text, evidence));
                    // No fallback is better known than the start itself.
                    return;
                }
            }
        }
        let steps: u64 = log.scan.segments.iter().map(|segment| 1 + segment.trace(evidence.engine).items.len() as u64).sum();
        let (mut tries, mut left_out) = (TRIED.max(STEPS / steps.max(1)), 0_u64);
        for file in evidence.snap_files().iter().filter(|file| !file.chosen) {
            let Ok(contents) = &file.content else { continue };
            let id = contents.metadata.id();
            let older = chosen.is_some_and(|(_, chosen)| id.index < chosen.metadata.index);
            if !older || !valid.contains(id) {
                continue;
            }
            let Some(rest) = tries.checked_sub(1) else {
                left_out += 1;
                continue;
            };
            tries = rest;
            count_work(steps);
            if let Err(error) = read_from(log.scan, id, evidence.engine).result {
                let message = format!(
                    "The older snapshot at {} is kept, but the log no longer connects to it ({}): if the newest one cannot \
                         be used, a start from this one fails.",
                    id.index, error.text
                );
                let finding = Finding::new(&codes::SNAP_REPLAY_HOLE, message).severity(Severity::Info);
                found.push(finding.at(evidence.path(&layout::in_snap(&file.name))));
            }
        }
        if left_out > 0 {
            found.undecided(format!(
                "whether the log connects to {left_out} of the older snapshots was not tried: there are too many"
            ));
        }
    }
}

fn chosen_hole(chosen: Option<SnapshotId>, error: &str, evidence: &Evidence<'_>) -> Finding {
    let from = match chosen {
        Some(id) => format!("from the snapshot at {}", id.index),
        None => "without a snapshot".to_owned(),
    };
    let newest = evidence.snap_files().iter().filter_map(|file| file.content.as_ref().ok()).map(|c| c.metadata.index).max();
    let mut message = format!("A start would go {from}, and the log cannot be read from there: {error}.");
    if let Some(index) = newest.filter(|newest| chosen.is_none_or(|id| id.index < *newest) && *newest > LogIndex(0)) {
        let commit = evidence.log.read().and_then(|log: &LogEvidence<'_>| Some(log.valid.as_ref().ok()?.hard_state.commit));
        let _ = write!(
            message,
            " There is a snapshot at {index}, but no record of the log up to its commit{} names it, so that the start passes \
             over it: the log is older than the snapshots, as in a copy that took wal/ first.",
            commit.map(|commit| format!(" {commit}")).unwrap_or_default()
        );
    }
    Finding::new(&codes::SNAP_REPLAY_HOLE, message).at(evidence.path(layout::WAL))
}
