//! Name, content, token and log agree about each snapshot.

use super::members::describe;
use super::{Check, Evidence, Found, History, SnapContents, SnapFile, codes};
use crate::analysis::judge::snapshot::recorded_and_lost;
use crate::analysis::{Finding, Severity};
use crate::formats::layout;

/// Compares what the parts of a snapshot say about it.
#[derive(Debug)]
pub struct IdentityMismatch;

impl Check for IdentityMismatch {
    fn finish(&mut self, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        for file in evidence.snap_files() {
            let path = evidence.path(&layout::in_snap(&file.name));
            let finding = |message: String| Finding::new(&codes::SNAP_IDENTITY_MISMATCH, message).at(path.clone());
            let contents = match &file.content {
                Ok(contents) => contents,
                Err(problem) if file.malformed && is_recorded(file, history) => {
                    // A copy that took the file before the log may have caught it empty.
                    let severity = if evidence.quiescent { Severity::Error } else { Severity::Warning };
                    found.push(recorded_and_lost(problem).at(path).severity(severity));
                    continue;
                }
                Err(_) => continue,
            };
            let id = contents.metadata.id();
            if file.named.is_none() {
                found.push(foreign_name(file, contents, evidence));
            }
            if let Some(named) = file.named.filter(|named| *named != id) {
                let message = format!(
                    "The file is named after index {} of term {}, but holds index {} of term {}. A start goes by the content, \
                     retention by the name.",
                    named.index, named.term, id.index, id.term
                );
                found.push(finding(message).expected(named).found(id));
            }
            if let Some(token) = contents.token_index.filter(|token| *token != id.index) {
                let message = format!("The snapshot is at {}, but its token points to the payload of {token}.", id.index);
                found.push(finding(message).expected(id.index).found(token));
            }
            // One record of another term tells it, and there may be very many.
            let other_term = history.snapshots_at(id.index).find(|seen| seen.id.term != id.term);
            for seen in other_term.into_iter().chain(history.snapshot(id)).filter(|_| id.index.0 > 0) {
                if seen.id.term != id.term {
                    let message = format!(
                        "The log records the snapshot at {} with term {}, the file has term {}. A start from it ends with \
                         \"wal: snapshot mismatch\".",
                        id.index, seen.id.term, id.term
                    );
                    found.push(finding(message).expected(seen.id.term).found(id.term));
                } else if let Some(recorded) = seen.conf_state.as_ref()
                    && !recorded.same_members(&contents.metadata.conf_state)
                {
                    let message = format!("The log records the snapshot at {} with other members than the file.", id.index);
                    let finding = finding(message).expected(describe(recorded, evidence));
                    found.push(finding.found(describe(&contents.metadata.conf_state, evidence)));
                }
            }
        }
    }
}

/// A `.snap` file with a name that no server gives: a copy that somebody, or a program that keeps directories in step, put there.
fn foreign_name(file: &SnapFile, contents: &SnapContents, evidence: &Evidence<'_>) -> Finding {
    let id = contents.metadata.id();
    let chosen = if file.chosen { "A start takes it all the same, because it orders them by name. " } else { "" };
    let message = format!(
        "{} holds index {} of term {}; its name says neither, so that it protects no payload from deletion. {chosen}It is a copy that no \
         server made, as a file synchroniser leaves one in a conflict.",
        file.name, id.index, id.term
    );
    Finding::new(&codes::SNAP_IDENTITY_MISMATCH, message).at(evidence.path(&layout::in_snap(&file.name))).found(&file.name)
}

/// Whether the log has a committed record of the snapshot that the file is named after. It is written when the file is complete;
/// only a snapshot that was received and never taken over is received, and written, again.
pub(super) fn is_recorded(file: &SnapFile, history: &History) -> bool {
    file.named.is_some_and(|named| named.index <= history.commit && history.snapshot(named).is_some())
}
