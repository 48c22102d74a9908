//! A suffix of the log was replaced.

use std::fmt::Write as _;

use super::members::conf_entries;
use super::{Check, Event, Evidence, Found, History, codes};
use crate::analysis::Finding;
use crate::readers::wal::EntryRange;

/// Notes every replaced suffix.
#[derive(Debug)]
pub struct ConflictTruncation;

impl Check for ConflictTruncation {
    fn observe(&mut self, event: &Event<'_>, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let Event::Entries { span, replaced, place, .. } = event else { return };
        let live: Vec<EntryRange> = replaced.iter().filter(|held| !held.stale).map(|held| held.range).collect();
        let (Some(first), Some(last)) = (live.first(), live.last()) else { return };
        let count: u64 = live.iter().map(EntryRange::count).sum();
        let members = conf_entries(evidence, live.iter().copied());
        let mut message = format!(
            "At index {} the log of term {} took the place of {count} entries, {} to {} of terms {} to {}. They were not \
             committed; what was proposed in them was never acknowledged.",
            span.first, span.term, first.first, last.last, first.term, last.term
        );
        if span.first.0 <= history.commit.0 {
            message = format!("At index {}, at or below the commit, {count} entries were replaced.", span.first);
        }
        if let Some(change) = members.first() {
            let _ = write!(message, " A membership change at {} was among them.", change.index);
        }
        let finding = Finding::new(&codes::LOG_CONFLICT_TRUNCATION, message).offset(place.offset);
        found.push(super::at_segment(finding, *place, evidence));
    }
}
