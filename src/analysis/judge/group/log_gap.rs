//! Every entry follows the one before it.

use super::{Check, Event, Evidence, Found, History, RecordPlace, codes};
use crate::analysis::Finding;
use crate::types::LogIndex;

/// Looks for indexes that are missing between two entries.
#[derive(Debug, Default)]
pub struct LogGap {
    /// The first entry of a log that begins late: fine if a snapshot record explains it afterwards.
    begins_late: Option<(LogIndex, RecordPlace)>,
}

impl Check for LogGap {
    fn observe(&mut self, event: &Event<'_>, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        match event {
            Event::Entries { span, place, .. } => {
                let Some(last) = history.last else { return };
                let continues = last.next().is_none_or(|next| span.first <= next);
                let before = span.first.0.checked_sub(1).map(LogIndex);
                if continues || before.is_some_and(|index| history.snapshots_at(index).next().is_some()) {
                    return;
                }
                if last == LogIndex(0) && history.log.is_empty() {
                    self.begins_late = Some((span.first, *place));
                    return;
                }
                found.push(gap(last, span.first, *place, evidence));
            }
            Event::Snapshot { snapshot, .. } => {
                self.begins_late = self.begins_late.filter(|(first, _)| snapshot.index.next() != Some(*first));
            }
            _ => {}
        }
    }

    fn finish(&mut self, _history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        if let Some((first, place)) = self.begins_late.take() {
            found.push(gap(LogIndex(0), first, place, evidence));
        }
    }
}

fn gap(last: LogIndex, first: LogIndex, place: RecordPlace, evidence: &Evidence<'_>) -> Finding {
    let missing = match (last.0 + 1, first.0 - 1) {
        (from, to) if from == to => format!("entry {from} is"),
        (from, to) => format!("entries {from} to {to} are"),
    };
    let message = format!(
        "Entry {first} follows entry {last} and {missing} missing, with no snapshot that would cover the jump. A start that \
         reads across it ends with \"wal: slice bounds out of range\"."
    );
    let finding = Finding::new(&codes::LOG_GAP, message).offset(place.offset).expected(last.0 + 1).found(first);
    super::at_segment(finding, place, evidence)
}
