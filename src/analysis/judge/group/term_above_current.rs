//! Nothing that is committed belongs to a term that the node has not reached.

use super::{Check, Event, Evidence, Found, History, RecordPlace, codes};
use crate::analysis::{Finding, Severity};
use crate::formats::layout;
use crate::types::{LogIndex, Term};

/// Compares terms with the hard states behind them.
#[derive(Debug, Default)]
pub struct TermAboveCurrent {
    /// An entry above the last hard state's term, not committed, and whether it was noted.
    ahead: Option<(LogIndex, Term, RecordPlace)>,
    told: bool,
}

impl Check for TermAboveCurrent {
    fn observe(&mut self, event: &Event<'_>, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        match event {
            Event::Entries { span, place, .. } if history.state.is_some_and(|state| span.term > state.term) => {
                self.ahead = Some((span.first, span.term, *place));
            }
            Event::States { span, place } => {
                let (state, commit) = (span.last, span.last.commit);
                if let Some((term, false)) = history.term_at(commit).filter(|(term, _)| *term > state.term) {
                    let message = format!(
                        "The hard state of term {} commits entry {commit}, whose term is {term}. The node may vote again in \
                         a term in which it has already taken part.",
                        state.term
                    );
                    found.push(above(message, state.term, term, *place, evidence));
                }
                if let Some((index, term, entry_place)) = self.ahead.take_if(|(_, term, _)| *term > state.term)
                    && !self.told
                    && commit < index
                {
                    self.told = true;
                    found.push(crashed(index, term, state.term, entry_place, evidence));
                }
                if self.ahead.is_some_and(|(_, term, _)| term <= state.term) {
                    self.ahead = None;
                }
            }
            Event::Lost => self.ahead = None,
            _ => {}
        }
    }

    fn finish(&mut self, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let Some(state) = history.state else { return };
        if let Some((index, term, place)) = self.ahead.take() {
            found.push(crashed(index, term, state.term, place, evidence));
        }
        if let Some((file, contents)) = evidence.chosen().filter(|(_, contents)| contents.metadata.term > state.term) {
            let term = contents.metadata.term;
            let message = format!(
                "The snapshot that a start takes has term {term}, but the last hard state has term {}. The node may vote \
                 again in a term in which it has already taken part.",
                state.term
            );
            let finding = Finding::new(&codes::TERM_ABOVE_CURRENT, message);
            found.push(finding.at(evidence.path(&layout::in_snap(&file.name))).expected(state.term).found(term));
        }
    }
}

fn above(message: String, state: Term, term: Term, place: RecordPlace, evidence: &Evidence<'_>) -> Finding {
    let finding = Finding::new(&codes::TERM_ABOVE_CURRENT, message).offset(place.offset);
    super::at_segment(finding.expected(format!("term {term} or above")).found(format!("term {state}")), place, evidence)
}

fn crashed(index: LogIndex, term: Term, state: Term, place: RecordPlace, evidence: &Evidence<'_>) -> Finding {
    let message = format!(
        "Entry {index} of term {term} is not followed by a hard state of that term; the last one has term {state}. A crash \
         between the two leaves it so, and nothing was promised."
    );
    above(message, state, term, place, evidence).severity(Severity::Info)
}
