//! The rows of data blocks: their order, and how they go with the index and the value blocks.

use super::{TableSurvey, widen};
use crate::formats::pebble::sstable::data_block::OBSOLETE_BIT;
use crate::formats::pebble::sstable::{BlockHandle, EntryValue, ValueHandle};
use crate::formats::pebble::version_edit::OwnedKey;
use crate::formats::pebble::{InternalKey, KeyKind, SeqNum, Trailer};
use crate::readers::pebble_table::Table;
use crate::readers::pebble_table::block::DataRows;
use crate::readers::pebble_table::index::IndexWalk;
use crate::readers::pebble_table::problem::{BlockKind, TableProblem, TableProblemKind, TableResult};

/// Walks data blocks and remembers the last key, so that order is checked across blocks.
pub(super) struct DataWalk<'s> {
    table: &'s Table,
    value_lens: Option<&'s [Option<u64>]>,
    last_key: Vec<u8>,
    last_trailer: Option<Trailer>,
    /// First key of the block walked last.
    block_first: Option<OwnedKey>,
    first: Option<OwnedKey>,
    /// Largest key before anything was forgotten.
    largest: Option<OwnedKey>,
}

impl<'s> DataWalk<'s> {
    pub(super) const fn new(table: &'s Table, value_lens: Option<&'s [Option<u64>]>) -> Self {
        Self { table, value_lens, last_key: Vec::new(), last_trailer: None, block_first: None, first: None, largest: None }
    }

    pub(super) fn block(&mut self, survey: &mut TableSurvey, handle: BlockHandle, bytes: &[u8]) -> TableResult<()> {
        let in_block = |error| TableProblem::in_block(BlockKind::Data, handle, &error);
        let format = self.table.footer.format;
        let mut rows = DataRows::strict(format, bytes).map_err(in_block)?;
        let (mut low, mut high) = (SeqNum::MAX, SeqNum(0));
        let (mut points, mut deletions, mut obsolete, mut values, mut in_files) = (0, 0, 0, 0, 0);
        self.block_first = None;
        while rows.next().map_err(in_block)? {
            let at = rows.entry_at();
            let entry = rows.entry().map_err(in_block)?;
            if let Some(last) = self.last_trailer {
                let last = InternalKey { user_key: &self.last_key, trailer: last };
                if last >= entry.key {
                    let detail = format!("uncompressed, at offset {at}: {} does not come after {last}", entry.key);
                    return Err(TableProblem::of_block(TableProblemKind::Order, BlockKind::Data, handle, detail).into());
                }
            }
            if self.block_first.is_none() {
                let first = OwnedKey { user_key: entry.key.user_key.to_vec(), trailer: entry.key.trailer };
                self.first.get_or_insert_with(|| first.clone());
                self.block_first = Some(first);
            }
            match entry.value {
                EntryValue::InPlace(_) => {}
                EntryValue::InValueBlock(value) => {
                    values += 1;
                    self.check_value(value, handle, at)?;
                }
                EntryValue::InBlobFile(_) => in_files += 1,
            }
            self.last_key.clear();
            self.last_key.extend_from_slice(entry.key.user_key);
            self.last_trailer = Some(entry.key.trailer);
            let seq = entry.key.trailer.seq();
            (low, high) = (low.min(seq), high.max(seq));
            points += 1;
            obsolete += u64::from(entry.obsolete);
            let deletes = matches!(entry.kind, KeyKind::Delete | KeyKind::SingleDelete | KeyKind::DeleteSized);
            deletions += u64::from(deletes);
        }
        survey.points += points;
        survey.point_deletions += deletions;
        survey.obsolete += obsolete;
        survey.values_in_value_blocks += values;
        survey.values_in_blob_files += in_files;
        if points > 0 {
            survey.see_seqs(low, high);
        }
        Ok(())
    }

    fn check_value(&self, value: ValueHandle, of: BlockHandle, at: u64) -> TableResult<()> {
        // Nothing can be said about values whose index or block is bad; that is reported already.
        let Some(lens) = self.value_lens else { return Ok(()) };
        let detail = match usize::try_from(value.block).ok().and_then(|number| lens.get(number)) {
            None => {
                format!("uncompressed, at offset {at}: a value is said to be in value block {} of {}", value.block, lens.len())
            }
            Some(Some(len)) if value.offset.saturating_add(value.length) > *len => {
                format!(
                    "uncompressed, at offset {at}: a value of {} bytes at {} is said to be in value block {}, which has {len} bytes",
                    value.length, value.offset, value.block
                )
            }
            Some(_) => return Ok(()),
        };
        Err(TableProblem::of_block(TableProblemKind::Value, BlockKind::Data, of, detail).into())
    }

    /// Breaks the chain of keys: what follows is not compared with what came before.
    pub(super) fn forget(&mut self) {
        self.remember_largest();
        self.last_trailer = None;
        self.block_first = None;
    }

    fn last(&self) -> Option<InternalKey<'_>> {
        self.last_trailer.map(|trailer| InternalKey { user_key: &self.last_key, trailer })
    }

    fn remember_largest(&mut self) {
        if let Some(trailer) = self.last_trailer {
            self.largest = Some(OwnedKey { user_key: self.last_key.clone(), trailer });
        }
    }

    pub(super) fn finish(mut self, survey: &mut TableSurvey) {
        self.remember_largest();
        if let (Some(smallest), Some(largest)) = (self.first, self.largest) {
            widen(&mut survey.point_bounds, smallest, largest);
        }
    }
}

/// Checks that separators lie between the blocks that they separate.
pub(super) struct Separator {
    last: Option<OwnedKey>,
    user_keys_alone: bool,
}

impl Separator {
    /// Nothing has been seen yet.
    pub(super) fn new(table: &Table) -> Self {
        Self { last: None, user_keys_alone: !table.footer.format.has_row_blocks() }
    }

    pub(super) fn check(&mut self, index: &IndexWalk<'_>, walk: &DataWalk<'_>, block: BlockHandle) -> TableResult<()> {
        let Some(entry) = index.entry()? else { return Ok(()) };
        let wrong = |detail: String| TableProblem::of_block(TableProblemKind::Order, BlockKind::Data, block, detail);
        // A separator that is the block's last key may carry that key's obsolete bit.
        let trailer = Trailer(entry.separator.trailer.0 & !OBSOLETE_BIT);
        let separator = InternalKey { user_key: entry.separator.user_key, trailer };
        let before = self.last.replace(OwnedKey { user_key: separator.user_key.to_vec(), trailer: separator.trailer });
        // A columnar index stores user keys alone, and versions of one may stand on both sides of a separator.
        let is_behind = |before: InternalKey<'_>, first: InternalKey<'_>| {
            if self.user_keys_alone { before.user_key > first.user_key } else { before >= first }
        };
        if let (Some(before), Some(first)) = (&before, &walk.block_first)
            && is_behind(before.borrowed(), first.borrowed())
        {
            let detail = format!("its first key {} is not behind the separator {}", first.borrowed(), before.borrowed());
            return Err(wrong(detail).into());
        }
        if let (Some(last), Some(_)) = (walk.last(), &walk.block_first)
            && last > separator
        {
            return Err(wrong(format!("its last key {last} is behind its separator {separator}")).into());
        }
        if let Some(top) = index.top_entry()?
            && separator > top.separator
        {
            let detail = format!("its separator {separator} is behind that of its index block, {}", top.separator);
            return Err(wrong(detail).into());
        }
        Ok(())
    }
}
