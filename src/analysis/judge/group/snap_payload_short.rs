//! Payloads are whole.

use super::{Check, Evidence, Found, History, codes};
use crate::analysis::{Finding, Severity};
use crate::formats::layout;

/// Looks at each snapshot's payload.
#[derive(Debug)]
pub struct PayloadShort;

impl Check for PayloadShort {
    fn finish(&mut self, _history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let mut unchecked = None;
        let valid = evidence.log.read().and_then(|log| log.valid.as_ref().ok());
        for file in evidence.snap_files() {
            let Ok(contents) = &file.content else { continue };
            let payload = &contents.payload;
            unchecked = unchecked.or(payload.unchecked.as_ref());
            let Some(problem) = &payload.problem else { continue };
            let name = payload.file.clone().unwrap_or_else(|| layout::in_snap(&file.name));
            let index = contents.metadata.index;
            let (severity, message) = if file.chosen {
                let message = format!(
                    "A start takes the snapshot at {index} and cannot use its payload: {problem}. It is refused; there is no \
                     falling back to an older snapshot."
                );
                (Severity::Error, message)
            } else if valid.is_some_and(|valid| !valid.contains(contents.metadata.id())) {
                let message = format!(
                    "No committed record of the log names the snapshot at {index}, and its payload does not fit it: {problem}. A \
                     start passes over it; a node that stopped twice while it made this snapshot leaves that."
                );
                (Severity::Info, message)
            } else {
                (Severity::Warning, format!("The snapshot at {index} cannot be used as a fallback: {problem}."))
            };
            found.push(Finding::new(&codes::SNAP_PAYLOAD_SHORT, message).severity(severity).at(evidence.path(&name)));
        }
        if let Some(why) = unchecked {
            found.not_checkable(why.clone());
        }
    }
}
