//! Terms never fall along the log.

use super::{Check, Evidence, Found, History, RecordPlace, codes};
use crate::analysis::{Finding, Severity};
use crate::types::{LogIndex, Term};

/// Compares the terms of neighbours in the log that counts.
#[derive(Debug)]
pub struct LogTermRegress;

impl Check for LogTermRegress {
    fn finish(&mut self, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let mut before: Option<(LogIndex, Term)> = None;
        for held in &history.log {
            let range = held.range;
            let place = || RecordPlace { segment: range.segment, offset: super::offset_of(evidence, range) };
            if held.stale {
                let snapshot =
                    history.effective_snapshot().filter(|seen| range.last > seen.id.index && range.term < seen.id.term);
                if let Some(seen) = snapshot {
                    let place = place();
                    let message = format!(
                        "Entries up to {} of term {} are left over from before the snapshot at {} of term {} was received. A \
                         start reads them again; the next leader replaces them.",
                        range.last, range.term, seen.id.index, seen.id.term
                    );
                    let finding = Finding::new(&codes::LOG_TERM_REGRESS, message).severity(Severity::Info).offset(place.offset);
                    found.push(super::at_segment(finding, place, evidence));
                }
                continue;
            }
            if let Some((index, term)) = before.filter(|(_, term)| range.term < *term) {
                let place = place();
                let message = format!(
                    "Entry {} has term {}, but entry {index} before it has term {term}. A leader appends with its own term, so \
                     two histories are mixed here.",
                    range.first, range.term
                );
                let finding = Finding::new(&codes::LOG_TERM_REGRESS, message)
                    .offset(place.offset)
                    .expected(format!("term {term} or above"))
                    .found(format!("term {}", range.term));
                found.push(super::at_segment(finding, place, evidence));
            } else if let Some((index, term)) = below_snapshot(history, range.first, range.term) {
                let place = place();
                let message = format!(
                    "Entry {} has term {}, but it follows the snapshot at {index}, whose term is {term}.",
                    range.first, range.term
                );
                let finding = Finding::new(&codes::LOG_TERM_REGRESS, message).offset(place.offset);
                found.push(super::at_segment(finding, place, evidence));
            }
            before = Some((range.last, range.term));
        }
    }
}

/// The snapshot directly before an entry, when its term is above the entry's.
fn below_snapshot(history: &History, first: LogIndex, term: Term) -> Option<(LogIndex, Term)> {
    let before = LogIndex(first.0.checked_sub(1)?);
    let mut taken = history.snapshots_at(before).filter(|seen| seen.taken == Some(true));
    taken.find(|seen| seen.id.term > term).map(|seen| (seen.id.index, seen.id.term))
}
