//! Which entries write which row, and what.

use std::hash::{Hash as _, Hasher as _};

use twox_hash::XxHash64;

use crate::formats::kv::{WrittenKind, WrittenRow, WrittenValue};
use crate::readers::store_diff::{HeldValue, hash_of_written};
use crate::types::{HlcTimestamp, LogIndex};

/// What an entry writes into a row, with a hash in the place of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wrote {
    /// A value.
    Value(u64),
    /// That the key is deleted.
    Deletion,
    /// A lock, and an intent to write this value, or with `None` to delete.
    Intent(Option<u64>),
    /// What the intent of the transaction says that began then.
    OfIntent(HlcTimestamp),
    /// The entry does not say.
    NotSaid,
}

/// A row that an entry writes, by hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Known {
    row: u64,
    index: LogIndex,
    wrote: Wrote,
}

/// An entry that writes a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Writer {
    /// The last one that does.
    pub index: LogIndex,
    /// Whether the row holds what it, or an earlier one, writes; `None` where that cannot be told.
    pub agrees: Option<bool>,
}

/// Which of the entries behind some index writes which row.
#[derive(Debug, Default)]
pub(super) struct Writers {
    pub rows: Vec<Known>,
    /// What entries delete by a prefix, in the order of the times at which they do.
    pub prefixes: Vec<(HlcTimestamp, Vec<u8>, LogIndex)>,
    /// Consecutive entries that are in here whole, each part with its first and last one, in order.
    pub parts: Vec<(LogIndex, LogIndex)>,
}

/// Stands for a row among those that are looked for.
pub(super) fn row_hash(row: &WrittenRow<'_>) -> u64 {
    let mut hash = XxHash64::with_seed(0);
    row.hash(&mut hash);
    hash.finish()
}

impl Known {
    /// The entry at `index` writes this.
    pub(super) fn of(row: &WrittenRow<'_>, value: WrittenValue<'_>, index: LogIndex) -> Self {
        let wrote = match value {
            WrittenValue::Bytes(bytes) => Wrote::Value(hash_of_written(bytes)),
            WrittenValue::Deletion => Wrote::Deletion,
            WrittenValue::Intent { value, .. } => Wrote::Intent(value.map(hash_of_written)),
            WrittenValue::OfIntent { start } => Wrote::OfIntent(start),
            WrittenValue::NotSaid => row.record().map_or(Wrote::NotSaid, |record| Wrote::Value(hash_of_written(&record))),
        };
        Self { row: row_hash(row), index, wrote }
    }
}

impl Writers {
    /// Everything that entries write into the row.
    fn of_row(&self, row: &WrittenRow<'_>) -> &[Known] {
        let hash = row_hash(row);
        let from = self.rows.partition_point(|known| known.row < hash);
        let of_it = self.rows.get(from..).unwrap_or_default();
        of_it.get(..of_it.partition_point(|known| known.row == hash)).unwrap_or_default()
    }

    /// The last entry that writes the row, which holds this.
    pub(super) fn writer_of(&self, row: &WrittenRow<'_>, held: HeldValue) -> Option<Writer> {
        let of_row = self.of_row(row);
        let of_prefix = if row.kind == WrittenKind::Plain && held.deletes == Some(true) { self.last_prefix(row) } else { None };
        let last = of_row.last().map(|known| known.index).max(of_prefix)?;
        let mut agrees = Some(false);
        for known in of_row {
            match self.holds(row, known.wrote, held) {
                Some(true) => return Some(Writer { index: last, agrees: Some(true) }),
                Some(false) => {}
                None => agrees = None,
            }
        }
        Some(Writer { index: last, agrees: if of_prefix.is_some() { Some(true) } else { agrees } })
    }

    /// Whether any entry writes the row.
    pub(super) fn writes(&self, row: &WrittenRow<'_>) -> bool {
        !self.of_row(row).is_empty()
    }

    fn holds(&self, row: &WrittenRow<'_>, wrote: Wrote, held: HeldValue) -> Option<bool> {
        match wrote {
            Wrote::Value(hash) => held.is_value(hash),
            Wrote::Deletion => held.deletes,
            Wrote::OfIntent(start) => self.of_row(&row.pending_since(start)).iter().find_map(|known| match known.wrote {
                Wrote::Intent(Some(hash)) => held.is_value(hash),
                Wrote::Intent(None) => held.deletes,
                _ => None,
            }),
            Wrote::Intent(_) | Wrote::NotSaid => None,
        }
    }

    /// The last entry that deletes the row with all others of a prefix.
    fn last_prefix(&self, row: &WrittenRow<'_>) -> Option<LogIndex> {
        let from = self.prefixes.partition_point(|(at, ..)| *at < row.commit_ts);
        let at_once = self.prefixes.iter().skip(from).take_while(|(at, ..)| *at == row.commit_ts);
        at_once.filter(|(at, prefix, _)| row.is_of_prefix(prefix, *at)).map(|(.., index)| *index).max()
    }

    /// True if every entry behind `after` that the logs have is in here, from the first on.
    pub(super) fn begins_behind(&self, after: LogIndex) -> bool {
        self.parts.last().is_some_and(|(_, last)| self.gap(after, *last).is_none())
    }

    /// The first entry behind `after` and up to `last` that is not in here.
    pub(super) fn gap(&self, after: LogIndex, last: LogIndex) -> Option<LogIndex> {
        let next = after.next()?;
        if next > last {
            return None;
        }
        match self.parts.iter().find(|(first, end)| *first <= next && next <= *end) {
            Some((_, end)) if *end >= last => None,
            Some((_, end)) => end.next(),
            None => Some(next),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::kv::testing::{MutationMsg, RequestMsg, proposal, tagged};
    use crate::formats::kv::{Writes, classify};
    use crate::formats::raftpb::EntryType;

    /// Prepares (1), or commits (2) at 9, a transaction that begins at 7 and puts `k`, or deletes it.
    fn transaction(phase: i32, value: Option<&[u8]>) -> Vec<u8> {
        let meta = [&[1][..], &[0; 8], &9_u64.to_be_bytes(), &1_u64.to_be_bytes(), b"k"].concat();
        let meta = MutationMsg { key: b"!txn|meta|k".to_vec(), value: meta, ..MutationMsg::default() };
        let body = value.filter(|_| phase == 1).unwrap_or_default().to_vec();
        let key = MutationMsg { op: i32::from(value.is_none()), key: b"k".to_vec(), value: body, ..MutationMsg::default() };
        proposal(&tagged(0, &RequestMsg { is_txn: true, phase, ts: 7, mutations: vec![meta, key], ..RequestMsg::default() }))
    }

    fn writers(entries: &[Vec<u8>]) -> Writers {
        let mut writers = Writers::default();
        for (data, index) in entries.iter().zip(1..) {
            classify(EntryType::Normal, data).for_each_write(|write| match write {
                Writes::Row(row, value) => writers.rows.push(Known::of(&row, value, LogIndex(index))),
                Writes::Prefix(..) => panic!("no entry here deletes by a prefix"),
            });
        }
        writers.rows.sort_unstable();
        writers
    }

    const fn row(kind: WrittenKind, number: u64) -> WrittenRow<'static> {
        WrittenRow { kind, key: b"k", number, commit_ts: HlcTimestamp(9) }
    }

    fn held(value: Option<&[u8]>) -> HeldValue {
        HeldValue::of_clear(value)
    }

    #[test]
    fn a_committed_value_is_that_of_its_intent() {
        let row = row(WrittenKind::Plain, 0);
        let (put, gone) = (&b"v"[..], None);
        for (intended, other) in [(Some(put), gone), (Some(put), Some(&b"w"[..])), (gone, Some(put)), (Some(b""), gone)] {
            let writers = writers(&[transaction(1, intended), transaction(2, intended)]);
            let writer = |value| writers.writer_of(&row, held(value)).unwrap();
            assert_eq!(writer(intended), Writer { index: LogIndex(2), agrees: Some(true) });
            assert_eq!(writer(other), Writer { index: LogIndex(2), agrees: Some(false) });
        }
        // Its intent is in an older entry.
        let alone = writers(&[transaction(2, Some(put))]);
        assert_eq!(alone.writer_of(&row, held(Some(put))), Some(Writer { index: LogIndex(1), agrees: None }));
    }

    #[test]
    fn the_record_of_a_commit_is_known_from_its_row() {
        let writers = writers(&[transaction(2, Some(b"v"))]);
        let row = row(WrittenKind::CommitRecord, 7);
        let agrees = |value: &[u8]| writers.writer_of(&row, held(Some(value))).unwrap().agrees;
        assert_eq!(agrees(b"\x01\0\0\0\0\0\0\0\x09"), Some(true));
        assert_eq!(agrees(b"\x01\0\0\0\0\0\0\0\x08"), Some(false));
    }
}
