//! What the logs hold, as the server has it in memory after a start.

use std::ops::Range;

use crate::formats::pebble::batch::BatchEntry;
use crate::formats::pebble::{FileNum, KeyKind, SeqNum, Trailer};
use crate::types::{OverBudget, grant};

/// Where in the logs a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPlace {
    /// The log.
    pub log: FileNum,
    /// The segment of it; 0 without failover.
    pub segment: u64,
    /// Offset of the record that holds the batch.
    pub offset: u64,
}

/// One point record of the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryEntry<'a> {
    /// The user key.
    pub key: &'a [u8],
    /// Sequence number and kind.
    pub trailer: Trailer,
    /// The value; empty for deletions.
    pub value: &'a [u8],
    /// Where it stands.
    pub place: LogPlace,
}

/// A range deletion or an excise of the logs: hides smaller numbers in `start..end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryRange {
    /// First key hidden.
    pub start: Vec<u8>,
    /// First key no longer hidden.
    pub end: Vec<u8>,
    /// Records with smaller numbers are hidden.
    pub seq: SeqNum,
    /// Where it stands.
    pub place: LogPlace,
}

/// A table that a log adds to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IngestedTable {
    /// The table's number.
    pub table: FileNum,
    /// The number that all its keys are read with.
    pub seq: SeqNum,
    /// Where the log says so.
    pub place: LogPlace,
}

/// The content of the replayed logs: one run sorted by key, newest first among equal keys.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    bytes: Vec<u8>,
    entries: Vec<Slot>,
    /// Where batches stand, in the order in which they were added.
    places: Vec<LogPlace>,
    /// Bytes of the keys of `ranges`.
    range_bytes: u64,
    /// Range deletions and excises, oldest first.
    pub ranges: Vec<MemoryRange>,
    /// Tables that the logs add, oldest first.
    pub ingested: Vec<IngestedTable>,
}

/// A record; small, because a record of a log may have two bytes.
#[derive(Debug, Clone, Copy)]
struct Slot {
    /// Where the key begins in the bytes; the value follows it.
    at: usize,
    key_len: u32,
    value_len: u32,
    trailer: Trailer,
    /// Position of its batch's place.
    place: u32,
}

impl Slot {
    const fn key(&self) -> Range<usize> {
        self.at..self.at + self.key_len as usize
    }

    const fn value(&self) -> Range<usize> {
        let start = self.at + self.key_len as usize;
        start..start + self.value_len as usize
    }
}

/// Entries after which the memory that they take is asked for again.
const ASK_AFTER: usize = 4096;

/// Room that is made ahead, in bytes; the server begins a new log after 64 MiB as a rule.
const ROOM_AT_MOST: u64 = 16 << 20;

impl Memory {
    /// Adds one entry of a batch; log data and range keys change nothing that a reader of points sees.
    pub(super) fn add(&mut self, entry: &BatchEntry<'_>, place: LogPlace) -> Result<(), OverBudget> {
        let Some(seq) = entry.seq else { return Ok(()) };
        match entry.kind {
            kind if kind.is_point() => {
                // A sized deletion carries a size, which is not a value.
                let value = if matches!(kind, KeyKind::Set | KeyKind::Merge) { entry.value } else { &[] };
                if self.entries.len().is_multiple_of(ASK_AFTER) || entry.key.len() + value.len() > ASK_AFTER {
                    grant(self.size().saturating_add((entry.key.len() + value.len()) as u64))?;
                }
                if self.places.last() != Some(&place) {
                    self.places.push(place);
                }
                // Lengths in a batch have 32 bits, and a record of a log is far shorter than 2^32 batches.
                let len = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
                let slot = Slot {
                    at: self.bytes.len(),
                    key_len: len(entry.key),
                    value_len: len(value),
                    trailer: Trailer::new(seq, kind),
                    place: u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX),
                };
                self.bytes.extend_from_slice(entry.key);
                self.bytes.extend_from_slice(value);
                self.entries.push(slot);
            }
            KeyKind::RangeDelete | KeyKind::Excise => {
                if self.ranges.len().is_multiple_of(ASK_AFTER) || entry.key.len() + entry.value.len() > ASK_AFTER {
                    grant(self.size().saturating_add((entry.key.len() + entry.value.len()) as u64))?;
                }
                self.range_bytes += (entry.key.len() + entry.value.len()) as u64;
                self.ranges.push(MemoryRange { start: entry.key.to_vec(), end: entry.value.to_vec(), seq, place });
            }
            _ => {}
        }
        Ok(())
    }

    /// Makes room for what a log of that many bytes can hold, so that what is there need not be moved again and again. Very long
    /// files get none: they may be holes for the most part.
    pub(super) fn make_room(&mut self, log_bytes: u64) {
        if log_bytes <= ROOM_AT_MOST && grant(self.size().saturating_add(log_bytes)).is_ok() {
            self.bytes.reserve(usize::try_from(log_bytes).unwrap_or_default());
        }
    }

    /// Bytes that it takes.
    fn size(&self) -> u64 {
        let slots = self.entries.len() * size_of::<Slot>() + self.places.len() * size_of::<LogPlace>();
        let ranges = self.ranges.len() * size_of::<MemoryRange>();
        ((self.bytes.len() + slots + ranges) as u64).saturating_add(self.range_bytes)
    }

    /// Sorts the run; to be called once everything is added.
    pub(super) fn seal(&mut self) {
        let mut entries = std::mem::take(&mut self.entries);
        // Numbers rise along the logs. From the newest on a stable sort need not compare them, and is much faster where few keys are
        // written again and again, as the server's own.
        entries.reverse();
        let by_key = |a: &Slot, b: &Slot| self.bytes[a.key()].cmp(&self.bytes[b.key()]);
        if entries.is_sorted_by(|a, b| a.trailer >= b.trailer) {
            entries.sort_by(by_key);
        } else {
            entries.sort_by(|a, b| by_key(a, b).then_with(|| b.trailer.cmp(&a.trailer)));
        }
        self.entries = entries;
    }

    fn entry(&self, slot: &Slot) -> MemoryEntry<'_> {
        MemoryEntry {
            key: &self.bytes[slot.key()],
            trailer: slot.trailer,
            value: &self.bytes[slot.value()],
            place: self.places[slot.place as usize],
        }
    }

    /// Number of point records.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if the logs hold no point record.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// First and last user key of points and ranges.
    pub fn bounds(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let keys = self.entries.first().into_iter().chain(self.entries.last()).map(|slot| &self.bytes[slot.key()]);
        let ends = self.ranges.iter().flat_map(|range| [range.start.as_slice(), range.end.as_slice()]);
        let (mut first, mut last): (Option<&[u8]>, Option<&[u8]>) = (None, None);
        for key in keys.chain(ends) {
            first = Some(first.map_or(key, |first| first.min(key)));
            last = Some(last.map_or(key, |last| last.max(key)));
        }
        Some((first?.to_vec(), last?.to_vec()))
    }

    /// Every point record with a key of at least `from`, in key order, newest first among equal keys.
    pub fn iter_from(&self, from: &[u8]) -> impl Iterator<Item = MemoryEntry<'_>> {
        let start = self.entries.partition_point(|slot| &self.bytes[slot.key()] < from);
        self.entries[start..].iter().map(|slot| self.entry(slot))
    }

    /// Every point record of one key, newest first.
    pub fn of_key<'a>(&'a self, key: &'a [u8]) -> impl Iterator<Item = MemoryEntry<'a>> {
        self.iter_from(key).take_while(move |entry| entry.key == key)
    }

    /// The largest number under which `key` is hidden by a range deletion or an excise.
    pub fn hidden_below(&self, key: &[u8]) -> Option<&MemoryRange> {
        self.ranges
            .iter()
            .filter(|range| range.start.as_slice() <= key && key < range.end.as_slice())
            .max_by_key(|range| range.seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::cmp::Reverse;

    fn memory(entries: &[(&[u8], u64, KeyKind, &[u8])]) -> Memory {
        let mut memory = Memory::default();
        for &(key, seq, kind, value) in entries {
            let place = LogPlace { log: FileNum(2), segment: 0, offset: seq * 100 };
            memory.add(&BatchEntry { kind, key, value, seq: Some(SeqNum(seq)) }, place).unwrap();
        }
        memory.seal();
        memory
    }

    #[test]
    fn the_newest_record_of_a_key_comes_first() {
        let memory = memory(&[
            (b"b", 10, KeyKind::Set, b"1"),
            (b"a", 11, KeyKind::Set, b"2"),
            (b"b", 12, KeyKind::Delete, b""),
            (b"ba", 13, KeyKind::Set, b"3"),
        ]);
        let seen: Vec<_> = memory.of_key(b"b").map(|entry| (entry.trailer.to_string(), entry.place.offset)).collect();
        assert_eq!(seen, [("12,DEL".to_owned(), 1200), ("10,SET".to_owned(), 1000)]);
        assert_eq!(memory.of_key(b"c").count(), 0);
        assert_eq!(memory.iter_from(b"b").count(), 3);
    }

    proptest! {
        #[test]
        fn keys_are_sorted_as_bytes_and_equal_ones_by_number(keys in vec("[ab]{0,3}", 0..60), swap in any::<bool>()) {
            let mut entries: Vec<_> =
                keys.iter().zip(10..).map(|(key, seq)| (key.as_bytes(), seq, KeyKind::Set, &b""[..])).collect();
            if swap {
                entries.reverse();
            }
            let memory = memory(&entries);
            let found: Vec<_> = memory.iter_from(b"").map(|entry| (entry.key, Reverse(entry.trailer.seq().0))).collect();
            let mut expected: Vec<_> = entries.iter().map(|entry| (entry.0, Reverse(entry.1))).collect();
            expected.sort_unstable();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn ranges_hide_from_start_to_before_end() {
        let memory = memory(&[(b"a", 10, KeyKind::RangeDelete, b"c"), (b"b", 14, KeyKind::Excise, b"d")]);
        let hidden = |key: &[u8]| memory.hidden_below(key).map(|range| range.seq.0);
        assert_eq!([hidden(b"a"), hidden(b"b"), hidden(b"c"), hidden(b"d")], [Some(10), Some(14), Some(14), None]);
    }
}
