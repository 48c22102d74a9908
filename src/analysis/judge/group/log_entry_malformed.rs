//! Entries that do not decode or contradict themselves.

use super::{Check, Event, Evidence, Found, History, codes};
use crate::analysis::{Finding, Severity};
use crate::formats::kv::EntryClass;
use crate::formats::raftpb::EntryType;
use crate::formats::wal::RecordKind;
use crate::readers::wal::{EntryRanges, Trace};
use crate::types::{LogIndex, Term};

/// Looks at every entry's own fields.
#[derive(Debug)]
pub struct EntryMalformed;

impl Check for EntryMalformed {
    fn observe(&mut self, event: &Event<'_>, _history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        match event {
            Event::Malformed { kind: RecordKind::Entry, error, place } => {
                let message = format!("The record's checksum is right, but its data is no entry: {error}. A start ends here.");
                let finding = Finding::new(&codes::LOG_ENTRY_MALFORMED, message).offset(place.offset);
                found.push(super::at_segment(finding, *place, evidence));
            }
            Event::Entries { span, place, .. } => {
                let zero = match (span.first, span.term) {
                    (LogIndex(0), _) => "index",
                    (_, Term(0)) => "term",
                    _ => return,
                };
                let message = format!("Entry {} of term {} has a {zero} of 0, which no leader writes.", span.first, span.term);
                let finding = Finding::new(&codes::LOG_ENTRY_MALFORMED, message).offset(place.offset);
                found.push(super::at_segment(finding, *place, evidence));
            }
            _ => {}
        }
    }

    fn finish(&mut self, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let Some(scan) = evidence.scan() else { return };
        let mut suspects = EntryRanges::default();
        for range in history.entries().ranges() {
            let trace = scan.segments.get(range.segment).map(|segment| segment.trace(evidence.engine));
            if trace.is_some_and(worth_a_look) {
                suspects.push(*range);
            }
        }
        let mut ignored = None;
        let mut count = 0_u64;
        for entry in suspects.iter(scan, evidence.engine) {
            match entry.kind {
                EntryType::Other(number) => {
                    let message = format!("Entry {} has type {number}, which no server version knows.", entry.index);
                    let finding = Finding::new(&codes::LOG_ENTRY_MALFORMED, message).range(entry.offset, entry.frame_len);
                    found.push(super::in_segment(finding, entry.segment, evidence));
                }
                // What an entry of etcd is, is another question.
                EntryType::Normal if scan.owner.is_etcd() => {}
                EntryType::Normal if !entry.data.is_empty() && (entry.data.first() != Some(&1) || entry.data.len() < 9) => {
                    ignored = ignored.or(Some((entry.index, entry.segment, entry.offset)));
                    count += 1;
                }
                _ => {}
            }
        }
        if let Some((index, segment, offset)) = ignored {
            let message = format!(
                "{count} entries, the first of them {index}, hold data that is no proposal. The server passes over them when it \
                 applies them."
            );
            let finding = Finding::new(&codes::LOG_ENTRY_MALFORMED, message).severity(Severity::Info).offset(offset);
            found.push(super::in_segment(finding, segment, evidence));
        }
    }
}

/// A segment with entries that no server proposes, or with some that do nothing, which leaders' empty ones are among.
fn worth_a_look(trace: &Trace) -> bool {
    trace.classes.get(EntryClass::Unknown) + trace.classes.get(EntryClass::Noop) > 0
}
