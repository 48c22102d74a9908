//! What is noted of a log while it is read first: where entries stand that may have to do with the keys in question.

use super::wanted::{Wanted, each_key};
use crate::formats::envelope::Envelope;
use crate::formats::kv::{EntryClass, Payload, Writes, classify_above};
use crate::formats::raftpb::{Entry, HardState};
use crate::readers::wal::{LogWatch, RecordSpan};
use crate::types::{Crc32c, LogIndex, NodeId, Term};

/// Consecutive records of a segment that are looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// Offset of the first frame.
    pub at: u64,
    /// Offset of the byte behind the last one.
    pub end: u64,
    /// The checksum that the record before stores.
    pub before: Option<Crc32c>,
}

/// What is noted of one segment, in memory that does not grow with it.
#[derive(Debug, Default)]
pub(super) struct KeyNotes {
    /// Where to look again, in order. What stands in between may be of no use.
    pub parts: Vec<Part>,
    /// Sealed entries that nobody can open.
    pub sealed: u64,
    /// The last vote that was noted.
    vote: Option<(Term, NodeId)>,
}

/// Bytes between two parts that are looked at as one.
const NEAR: u64 = 512;
/// Parts of a segment: what is found when there are as many is added to the last one.
const PARTS: usize = 256;

impl KeyNotes {
    fn note(&mut self, span: RecordSpan) {
        let full = self.parts.len() >= PARTS;
        match self.parts.last_mut() {
            Some(last) if full || span.at.saturating_sub(last.end) <= NEAR => last.end = span.end,
            _ => self.parts.push(Part { at: span.at, end: span.end, before: span.before }),
        }
    }
}

/// Looks out for some keys.
pub(super) struct KeyWatch<'w> {
    /// The keys.
    pub wanted: &'w Wanted,
    /// Proposals above this index are sealed.
    pub cutover: LogIndex,
    /// Whether sealed entries can be opened, so that each is worth a look.
    pub opens: bool,
}

impl LogWatch for KeyWatch<'_> {
    type Notes = KeyNotes;

    fn entry(&self, notes: &mut KeyNotes, span: RecordSpan, entry: &Entry<'_>) {
        let view = classify_above(self.cutover, entry.index, entry.kind, entry.data);
        let matters = match view.payload {
            Payload::Sealed(payload) => {
                // What is no envelope holds nothing that the server could apply.
                notes.sealed += u64::from(!self.opens && Envelope::decode(payload).is_ok());
                self.opens
            }
            Payload::Encryption(..) => true,
            Payload::None => view.class == EntryClass::ConfChange,
            _ if view.requests == 0 => false,
            _ => {
                let (mut found, mut buffer) = (false, Vec::new());
                for request in view.requests().filter_map(Result::ok) {
                    request.for_each_write(|write| match write {
                        Writes::Prefix(prefix, _) => found |= self.wanted.is_below(prefix),
                        Writes::Row(row, _) => each_key(&row, &mut buffer, |key, _| found |= self.wanted.matches(key)),
                    });
                }
                found
            }
        };
        if matters {
            notes.note(span);
        }
    }

    fn state(&self, notes: &mut KeyNotes, span: RecordSpan, state: HardState) {
        let vote = Some((state.term, state.vote));
        if notes.vote != vote {
            notes.vote = vote;
            notes.note(span);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_are_near_are_one_and_their_number_is_bounded() {
        let mut notes = KeyNotes::default();
        let span = |at: u64| RecordSpan { at, end: at + 8, before: Some(Crc32c(1)) };
        for at in [0, 8, 8 + 8 + NEAR, 10_000] {
            notes.note(span(at));
        }
        let parts: Vec<_> = notes.parts.iter().map(|part| (part.at, part.end)).collect();
        assert_eq!(parts, [(0, 24 + NEAR), (10_000, 10_008)]);
        for number in 2..10_000 {
            notes.note(span(number * 10_000));
        }
        assert_eq!(notes.parts.len(), PARTS);
        assert_eq!(notes.parts.last().unwrap().end, 9_999 * 10_000 + 8);
    }
}
