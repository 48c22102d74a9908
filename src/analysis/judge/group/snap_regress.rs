//! Snapshots only move forward.

use super::{Check, Event, Evidence, Found, History, codes};
use crate::analysis::Finding;
use crate::types::LogIndex;

/// Compares each snapshot record with the highest one that was taken over.
#[derive(Debug)]
pub struct SnapRegress;

impl Check for SnapRegress {
    fn observe(&mut self, event: &Event<'_>, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let (Event::Snapshot { snapshot, place }, Some(before)) = (event, history.effective_snapshot()) else { return };
        let now = snapshot.id();
        let back = now.index < before.id.index || now.term < before.id.term;
        if !back || now.index == LogIndex(0) {
            return;
        }
        let message = format!(
            "A snapshot at {} of term {} follows the one at {} of term {} that was already in force: the state machine was set \
             back.",
            now.index, now.term, before.id.index, before.id.term
        );
        let finding = Finding::new(&codes::SNAP_REGRESS, message).offset(place.offset);
        found.push(super::at_segment(finding.expected(format!("above {}", before.id)).found(now), *place, evidence));
    }
}
