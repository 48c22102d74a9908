//! What a table says about whole key ranges.

use std::cmp::Ordering;

use super::problem::{BlockKind, TableProblem, TableProblemKind, TableResult};
use super::source::BlockReader;
use super::{Table, TableView};
use crate::formats::DecodeResult;
use crate::formats::pebble::sstable::{BlockHandle, RangeDel, RangeKey, RestartCheck, RowBlock};
use crate::formats::pebble::{KeyKind, SeqNum};

/// A range deletion with keys of its own, as it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedRangeDel {
    /// First user key.
    pub start: Vec<u8>,
    /// First user key behind the range.
    pub end: Vec<u8>,
    /// Hides records with a smaller number.
    pub seq: SeqNum,
}

impl OwnedRangeDel {
    /// True when the user key lies in the range.
    pub fn covers(&self, user_key: &[u8]) -> bool {
        self.start.as_slice() <= user_key && user_key < self.end.as_slice()
    }
}

/// A range key with keys of its own, as it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedRangeKey {
    /// First user key.
    pub start: Vec<u8>,
    /// First user key behind the range.
    pub end: Vec<u8>,
    /// When it was written.
    pub seq: SeqNum,
    /// What it does.
    pub kind: KeyKind,
    /// Range keys that the row stands for.
    pub count: usize,
}

impl Table {
    /// True when the table has a range-deletion block.
    pub const fn has_range_dels(&self) -> bool {
        self.metaindex.range_del.is_some()
    }

    /// The range deletions that count under `view`, in stored order.
    pub fn range_dels(&self, view: &TableView) -> TableResult<Vec<OwnedRangeDel>> {
        let mut spans = Vec::new();
        if let Some(handle) = self.metaindex.range_del {
            self.span_rows(BlockKind::RangeDel, handle, |key, value| {
                let span = RangeDel::decode(key, value)?;
                spans.push(OwnedRangeDel { start: span.start.to_vec(), end: span.end.to_vec(), seq: span.seq });
                Ok((span.start.to_vec(), span.end.to_vec()))
            })?;
        }
        spans.retain_mut(|span| clip(view, &mut span.start, &mut span.end));
        for span in &mut spans {
            span.seq = view.seq_override.unwrap_or(span.seq);
        }
        Ok(spans)
    }

    /// The range keys that count under `view`, in stored order.
    pub fn range_keys(&self, view: &TableView) -> TableResult<Vec<OwnedRangeKey>> {
        let mut spans = Vec::new();
        if let Some(handle) = self.metaindex.range_key {
            self.span_rows(BlockKind::RangeKey, handle, |key, value| {
                let span = RangeKey::decode(key, value)?;
                let kind = match &span.change {
                    crate::formats::pebble::sstable::RangeKeyChange::Set(_) => KeyKind::RangeKeySet,
                    crate::formats::pebble::sstable::RangeKeyChange::Unset(_) => KeyKind::RangeKeyUnset,
                    crate::formats::pebble::sstable::RangeKeyChange::Delete => KeyKind::RangeKeyDelete,
                };
                let (start, end) = (span.start.to_vec(), span.end.to_vec());
                spans.push(OwnedRangeKey {
                    start: start.clone(),
                    end: end.clone(),
                    seq: span.seq,
                    kind,
                    count: span.change.count(),
                });
                Ok((start, end))
            })?;
        }
        spans.retain_mut(|span| clip(view, &mut span.start, &mut span.end));
        for span in &mut spans {
            span.seq = view.seq_override.unwrap_or(span.seq);
        }
        Ok(spans)
    }

    /// Walks the rows of a span block and checks what holds for both kinds: restarts, keys in order, ranges that are not
    /// empty, and ranges that either do not meet or are the same.
    fn span_rows(
        &self,
        kind: BlockKind,
        handle: BlockHandle,
        mut row: impl FnMut(&[u8], &[u8]) -> DecodeResult<(Vec<u8>, Vec<u8>)>,
    ) -> TableResult<()> {
        let in_block = |error| TableProblem::in_block(kind, handle, &error);
        let mut reader = BlockReader::new(self, 0);
        let bytes = reader.read(kind, handle)?;
        let mut entries = RowBlock::decode(bytes).map_err(in_block)?.into_entries();
        let mut restarts = RestartCheck::default();
        let mut last: Option<(Vec<u8>, Vec<u8>)> = None;
        while entries.next().map_err(in_block)? {
            restarts.entry(&entries).map_err(in_block)?;
            let at = entries.entry_at() as u64;
            let span = row(entries.key(), entries.value()).map_err(|error| in_block(error.shifted(at)))?;
            let order = |detail: &str| {
                TableProblem::of_block(TableProblemKind::Order, kind, handle, format!("uncompressed, at offset {at}: {detail}"))
            };
            if span.0 >= span.1 {
                return Err(order("a range that ends before it starts").into());
            }
            if let Some(last) = &last {
                match last.0.cmp(&span.0) {
                    Ordering::Greater => return Err(order("ranges out of order").into()),
                    Ordering::Equal if last.1 != span.1 => return Err(order("ranges that overlap").into()),
                    Ordering::Less if last.1 > span.0 => return Err(order("ranges that overlap").into()),
                    Ordering::Equal | Ordering::Less => {}
                }
            }
            last = Some(span);
        }
        restarts.end(entries.block()).map_err(in_block)?;
        Ok(())
    }
}

/// Applies prefix and bounds of the view to a range; false when nothing is left.
fn clip(view: &TableView, start: &mut Vec<u8>, end: &mut Vec<u8>) -> bool {
    if !view.prefix.is_empty() {
        *start = view.whole_key(start).into_owned();
        *end = view.whole_key(end).into_owned();
    }
    if let Some(bounds) = &view.bounds {
        if *start < bounds.smallest.user_key {
            start.clone_from(&bounds.smallest.user_key);
        }
        if *end > bounds.largest.user_key {
            end.clone_from(&bounds.largest.user_key);
        }
    }
    start < end
}
