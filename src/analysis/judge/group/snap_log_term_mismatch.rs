//! Snapshot and log agree about the term at the snapshot's index.

use super::{Check, Event, Evidence, Found, History, codes};
use crate::analysis::Finding;

/// Compares each local snapshot with the entry at its index.
#[derive(Debug)]
pub struct LogTermMismatch;

impl Check for LogTermMismatch {
    fn observe(&mut self, event: &Event<'_>, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let Event::Snapshot { snapshot, place } = event else { return };
        // A received snapshot may replace a suffix that conflicts with it.
        if snapshot.index > history.commit {
            return;
        }
        let Some((term, false)) = history.term_at(snapshot.index).filter(|(term, _)| *term != snapshot.term) else { return };
        let message = format!(
            "The snapshot at {} was made here with term {}, but the log holds entry {} with term {term}.",
            snapshot.index, snapshot.term, snapshot.index
        );
        let finding = Finding::new(&codes::SNAP_LOG_TERM_MISMATCH, message).offset(place.offset);
        found.push(super::at_segment(finding.expected(term).found(snapshot.term), *place, evidence));
    }
}
