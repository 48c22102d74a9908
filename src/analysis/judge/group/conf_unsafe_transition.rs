//! Membership changes one voter at a time, and one change at a time.

use super::members::{ConfEntry, conf_entries};
use super::{Check, Event, Evidence, Found, History, codes};
use crate::analysis::server::membership::Change;
use crate::analysis::{Finding, Severity};
use crate::readers::wal::EntryRange;
use crate::types::LogIndex;

/// Looks at changes of several members, and at changes that were appended while one was open.
#[derive(Debug, Default)]
pub struct UnsafeTransition {
    open: Option<LogIndex>,
}

impl Check for UnsafeTransition {
    fn observe(&mut self, event: &Event<'_>, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        match event {
            Event::Entries { range, .. } => {
                self.open = self.open.filter(|open| *open > history.commit && *open < range.first);
                for entry in conf_entries(evidence, [EntryRange { ..*range }]) {
                    if let Some(open) = self.open {
                        let message = format!(
                            "The membership change at {} was appended while the one at {open} was not committed as far as this \
                             node knew. On a follower that catches up this is usual.",
                            entry.index
                        );
                        found.push(at(message, Severity::Info, &entry, evidence));
                    }
                    if let Ok(Change::V2(v2)) = entry.change(evidence.engine)
                        && v2.enters_joint()
                    {
                        let message = format!(
                            "The membership change at {} changes {} members at once through a joint configuration, which the \
                             server never proposes and refuses to start from.",
                            entry.index,
                            v2.changes.len()
                        );
                        found.push(at(message, Severity::Warning, &entry, evidence));
                    }
                    self.open = Some(entry.index);
                }
            }
            Event::States { span, .. } => self.open = self.open.filter(|open| *open > span.last.commit),
            Event::Lost => self.open = None,
            _ => {}
        }
    }
}

fn at(message: String, severity: Severity, entry: &ConfEntry, evidence: &Evidence<'_>) -> Finding {
    let finding = Finding::new(&codes::CONF_UNSAFE_TRANSITION, message).severity(severity);
    super::at_segment(finding.range(entry.place.offset, entry.frame_len), entry.place, evidence)
}
