//! Pieces of snapshots that no start uses.

use super::history::SnapshotSeen;
use super::snap_identity_mismatch::is_recorded;
use super::{Check, Evidence, Found, History, codes};
use crate::analysis::judge::snapshot::{LOST_ENVELOPE, envelope_gone, payload_alone};
use crate::analysis::{Finding, Severity};
use crate::formats::fsm::FsmName;
use crate::formats::layout;
use crate::types::LogIndex;

/// Matches snapshot files with the log's records.
#[derive(Debug)]
pub struct SnapOrphan;

impl Check for SnapOrphan {
    fn finish(&mut self, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let info = |message: String| Finding::new(&codes::SNAP_ORPHAN, message).severity(Severity::Info);
        let mut newest_file = LogIndex(0);
        for file in evidence.snap_files() {
            let path = evidence.path(&layout::in_snap(&file.name));
            match &file.content {
                Err(_) if is_recorded(file, history) && file.malformed => {}
                Err(problem) => {
                    let message = format!("The file cannot be read ({problem}); a start that reaches it renames it to .broken.");
                    found.push(info(message).at(path));
                }
                Ok(contents) => {
                    let id = contents.metadata.id();
                    newest_file = newest_file.max(id.index);
                    if history.snapshot(id).is_none() && !history.lost && history.complete {
                        let message = format!("No record of the log names the snapshot at {}; a start passes over it.", id.index);
                        found.push(info(message).at(path));
                    }
                }
            }
        }
        let newest_record = history.effective_snapshot().filter(|seen| seen.id.index > newest_file);
        let is_there = |seen: &SnapshotSeen| evidence.snap_files().iter().any(|file| file.named == Some(seen.id));
        if let Some(seen) = newest_record.filter(|seen| !is_there(seen)) {
            let finding =
                info(envelope_gone(seen.id.index)).severity(Severity::Warning).offset(seen.place.offset).advice(LOST_ENVELOPE);
            found.push(super::at_segment(finding, seen.place, evidence));
        }
        for seen in history.snapshots.iter().filter(|seen| seen.id.index > history.commit) {
            let message = format!(
                "The log records a snapshot at {} that was received and never taken over: the node stopped before that. A \
                 start goes on from the older state.",
                seen.id.index
            );
            found.push(super::at_segment(info(message).offset(seen.place.offset), seen.place, evidence));
        }
        let recorded = |index: LogIndex| history.snapshots.iter().any(|seen| seen.id.index == index && index <= history.commit);
        for leftover in &evidence.leftovers {
            let name = leftover.path.rsplit('/').next().and_then(FsmName::parse);
            if let Some(name) = name.filter(|name| name.canonical && name.index > newest_file && recorded(name.index)) {
                found.push(payload_alone(name.index).at(evidence.path(&leftover.path)));
                continue;
            }
            let finding = info(leftover.what.to_owned()).at(evidence.path(&leftover.path));
            found.push(if leftover.refused {
                finding.severity(Severity::Error).advice("Move the directory away, and keep it, before the node is started.")
            } else {
                finding
            });
        }
    }
}
