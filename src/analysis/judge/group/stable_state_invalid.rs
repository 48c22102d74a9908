//! Term and vote are there.

use super::{Check, Event, Evidence, Found, History, RecordPlace, codes};
use crate::analysis::{Finding, Severity};
use crate::formats::wal::RecordKind;
use crate::types::Term;

/// Looks for a hard state that can be used.
#[derive(Debug, Default)]
pub struct StableStateInvalid {
    last_entry: Option<RecordPlace>,
}

impl Check for StableStateInvalid {
    fn observe(&mut self, event: &Event<'_>, _history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        match event {
            Event::Malformed { kind: RecordKind::State, error, place } => {
                let message =
                    format!("The record's checksum is right, but its data is no hard state: {error}. A start ends here.");
                let finding = Finding::new(&codes::STABLE_STATE_INVALID, message).offset(place.offset);
                found.push(super::at_segment(finding, *place, evidence));
            }
            Event::Entries { place, .. } => self.last_entry = Some(*place),
            _ => {}
        }
    }

    fn finish(&mut self, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let Some(place) = self.last_entry else { return };
        let at = |message: String, severity| {
            let finding = Finding::new(&codes::STABLE_STATE_INVALID, message).severity(severity).offset(place.offset);
            super::at_segment(finding, place, evidence)
        };
        match history.state {
            None if history.complete => found.push(at(
                "The log has entries but no hard state. A crash during the node's very first write leaves it so.".to_owned(),
                Severity::Info,
            )),
            None => found.push(at(
                "The log has entries but no hard state: the node would start in term 0 and vote again in every term in which it \
                 has already voted."
                    .to_owned(),
                Severity::Error,
            )),
            Some(state) if state.term == Term(0) => found.push(at(
                "The last hard state has term 0 although there are entries: the node would vote again in every term in which it \
                 has already voted."
                    .to_owned(),
                Severity::Error,
            )),
            Some(_) => {}
        }
    }
}
