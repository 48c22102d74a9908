//! Elections without progress.

use super::{Check, Event, Evidence, Found, History, RecordPlace, codes};
use crate::analysis::{Finding, Severity};
use crate::types::{NodeId, Term};

/// Elections in a row that are worth a remark, and that are worth a look.
const REMARK: u64 = 5;
const LOOK: u64 = 50;

/// Counts how often the term rises between two entries.
#[derive(Debug, Default)]
pub struct TermChurn {
    now: Churn,
    worst: Churn,
}

#[derive(Debug, Default, Clone, Copy)]
struct Churn {
    elections: u64,
    own: u64,
    from: Term,
    to: Term,
    place: Option<RecordPlace>,
}

impl Check for TermChurn {
    fn observe(&mut self, event: &Event<'_>, history: &History, evidence: &Evidence<'_>, _found: &mut Found) {
        match event {
            Event::Entries { .. } | Event::Lost => self.now = Churn::default(),
            Event::States { span, place } => {
                let Some(before) = history.state.filter(|before| span.first.term > before.term) else { return };
                if self.now.elections == 0 {
                    self.now.from = before.term;
                }
                self.now.elections += 1;
                self.now.own += u64::from(span.last.vote == evidence.node_id() && span.last.vote != NodeId(0));
                self.now.to = span.last.term;
                self.now.place = Some(*place);
                if self.now.elections > self.worst.elections {
                    self.worst = self.now;
                }
            }
            _ => {}
        }
    }

    fn finish(&mut self, _history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let Churn { elections, own, from, to, place: Some(place) } = self.worst else { return };
        if elections < REMARK {
            return;
        }
        let message = format!(
            "The term rose {elections} times in a row, from {from} to {to}, without an entry in between; {own} times this node \
             voted for itself."
        );
        let severity = if elections < LOOK { Severity::Info } else { Severity::Warning };
        let finding = Finding::new(&codes::TERM_CHURN, message).severity(severity).offset(place.offset);
        found.push(super::at_segment(finding, place, evidence));
    }
}
