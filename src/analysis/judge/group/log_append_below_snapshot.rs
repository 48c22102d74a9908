//! Nothing is appended at or below a snapshot that is in force.

use super::log_rewrite::changes_committed;
use super::{Check, Event, Evidence, Found, History, codes};
use crate::analysis::Finding;

/// Looks for entries at or below the last snapshot that was taken over.
#[derive(Debug)]
pub struct AppendBelowSnapshot;

impl Check for AppendBelowSnapshot {
    fn observe(&mut self, event: &Event<'_>, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let Event::Entries { span, place, .. } = event else { return };
        let Some(snapshot) = history.effective_snapshot().filter(|seen| span.first <= seen.id.index) else { return };
        // A changed entry is the graver fact and is reported as such.
        if changes_committed(evidence, history, event) {
            return;
        }
        let message = format!(
            "Entry {} was appended after the snapshot at {} was in force. A snapshot is committed, so nothing at or below it \
             can be appended again.",
            span.first, snapshot.id.index
        );
        let finding = Finding::new(&codes::LOG_APPEND_BELOW_SNAPSHOT, message)
            .offset(place.offset)
            .expected(format!("an index above {}", snapshot.id.index))
            .found(span.first);
        found.push(super::at_segment(finding, *place, evidence));
    }
}
