//! What a table says about whole key ranges.

use std::cmp::Ordering;

use super::problem::{BlockKind, TableProblem, TableProblemKind, TableResult};
use super::source::BlockReader;
use super::{Table, TableView};
use crate::formats::DecodeResult;
use crate::formats::pebble::columnar::ColumnarSpans;
use crate::formats::pebble::sstable::{BlockHandle, RangeDel, RangeKey, RangeKeyChange, RestartCheck, RowBlock};
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
        let Some(handle) = self.metaindex.range_del else { return Ok(Vec::new()) };
        let spans = self.spans(BlockKind::RangeDel, handle, view)?;
        Ok(spans.into_iter().map(|OwnedRangeKey { start, end, seq, .. }| OwnedRangeDel { start, end, seq }).collect())
    }

    /// The range keys that count under `view`, in stored order.
    pub fn range_keys(&self, view: &TableView) -> TableResult<Vec<OwnedRangeKey>> {
        let Some(handle) = self.metaindex.range_key else { return Ok(Vec::new()) };
        self.spans(BlockKind::RangeKey, handle, view)
    }

    fn spans(&self, kind: BlockKind, handle: BlockHandle, view: &TableView) -> TableResult<Vec<OwnedRangeKey>> {
        let mut spans = self.stored_spans(kind, handle)?;
        spans.retain_mut(|span| clip(view, &mut span.start, &mut span.end));
        for span in &mut spans {
            span.seq = view.seq_override.unwrap_or(span.seq);
        }
        Ok(spans)
    }

    /// The rows of a span block, and the checks that hold for both kinds: structure, keys in order, ranges that are not
    /// empty, and ranges that either do not meet or are the same.
    fn stored_spans(&self, kind: BlockKind, handle: BlockHandle) -> TableResult<Vec<OwnedRangeKey>> {
        let in_block = |error| TableProblem::in_block(kind, handle, &error);
        let mut reader = BlockReader::new(self, 0);
        let bytes = reader.read(kind, handle)?;
        let mut spans: Vec<OwnedRangeKey> = Vec::new();
        let mut push = |span: OwnedRangeKey, at: u64| {
            if let Err(detail) = in_order(spans.last(), &span) {
                let detail = format!("uncompressed, at offset {at}: {detail}");
                return Err(TableProblem::of_block(TableProblemKind::Order, kind, handle, detail));
            }
            spans.push(span);
            Ok(())
        };
        if self.footer.format.has_row_blocks() {
            let mut entries = RowBlock::decode(bytes).map_err(in_block)?.into_entries();
            let mut restarts = RestartCheck::default();
            while entries.next().map_err(in_block)? {
                restarts.entry(&entries).map_err(in_block)?;
                let at = entries.entry_at() as u64;
                let span = match kind {
                    BlockKind::RangeDel => RangeDel::decode(entries.key(), entries.value()).map(OwnedRangeKey::deletion),
                    _ => RangeKey::decode(entries.key(), entries.value()).map(|key| OwnedRangeKey::of(&key)),
                };
                push(span.map_err(|error| in_block(error.shifted(at)))?, at)?;
            }
            restarts.end(entries.block()).map_err(in_block)?;
        } else {
            for row in ColumnarSpans::decode(bytes).map_err(in_block)?.iter() {
                let span: DecodeResult<_> = match kind {
                    BlockKind::RangeDel => row.range_del().map(OwnedRangeKey::deletion),
                    _ => row.range_key().map(|key| OwnedRangeKey::of(&key)),
                };
                push(span.map_err(in_block)?, row.at)?;
            }
        }
        Ok(spans)
    }
}

impl OwnedRangeKey {
    fn of(key: &RangeKey<'_>) -> Self {
        let kind = match &key.change {
            RangeKeyChange::Set(_) => KeyKind::RangeKeySet,
            RangeKeyChange::Unset(_) => KeyKind::RangeKeyUnset,
            RangeKeyChange::Delete => KeyKind::RangeKeyDelete,
        };
        Self { start: key.start.to_vec(), end: key.end.to_vec(), seq: key.seq, kind, count: key.change.count() }
    }

    /// A range deletion in the form of a range key.
    fn deletion(span: RangeDel<'_>) -> Self {
        Self { start: span.start.to_vec(), end: span.end.to_vec(), seq: span.seq, kind: KeyKind::RangeDelete, count: 1 }
    }
}

/// Whether a span may follow the one before it; otherwise why not.
fn in_order(last: Option<&OwnedRangeKey>, span: &OwnedRangeKey) -> Result<(), &'static str> {
    if span.start >= span.end {
        return Err("a range that ends before it starts");
    }
    let Some(last) = last else { return Ok(()) };
    match last.start.cmp(&span.start) {
        Ordering::Greater => Err("ranges out of order"),
        Ordering::Equal if last.end != span.end => Err("ranges that overlap"),
        Ordering::Less if last.end > span.start => Err("ranges that overlap"),
        Ordering::Equal | Ordering::Less => Ok(()),
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
