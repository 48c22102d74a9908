//! Every byte of a table: what is wrong with it and what it holds.

mod rows;

use std::collections::BTreeMap;

use self::rows::{DataWalk, Separator};
use super::block::check_structure;
use super::index::IndexWalk;
use super::iter::ValueBlocks;
use super::problem::{BlockKind, TableProblem, TableProblemKind, TableResult, separate};
use super::source::BlockReader;
use super::{Table, TableView, check_interrupt};
use crate::error::Result;
use crate::formats::pebble::sstable::BlockHandle;
use crate::formats::pebble::version_edit::OwnedKey;
use crate::formats::pebble::{KeyKind, SeqNum, Trailer};
use crate::io::Progress;

/// Bytes of data blocks read at once.
const READ_AHEAD: usize = 1 << 20;
/// Problems kept of one table; the rest are counted.
const MAX_PROBLEMS: usize = 32;

/// How far a table is looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TableDepth {
    /// The checksum of every block, and what leads to them. Data and value blocks are not uncompressed.
    Checksums,
    /// Every row as well.
    #[default]
    Rows,
}

/// Number and stored bytes, trailers included, of the blocks of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BlockTally {
    /// Blocks whose checksum is right.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The first and the last internal key met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundsSeen {
    /// Smallest.
    pub smallest: OwnedKey,
    /// Largest.
    pub largest: OwnedKey,
}

/// What reading a whole table brought to light.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TableSurvey {
    /// How far it was looked into; what only rows can tell is zero or absent without them.
    pub depth: TableDepth,
    /// What is wrong, in the order in which it was met; at most a few dozen.
    pub problems: Vec<TableProblem>,
    /// Further problems that are only counted.
    pub problems_left_out: u64,
    /// Good blocks by kind.
    pub blocks: BTreeMap<BlockKind, BlockTally>,
    /// Bytes read and checked, footer included.
    pub bytes_examined: u64,
    /// Bytes before the footer that no block covers, as offset and length. The server never reads them.
    pub gaps: Vec<(u64, u64)>,
    /// Point records.
    pub points: u64,
    /// Point records that delete.
    pub point_deletions: u64,
    /// Point records that a newer one of the same table hides.
    pub obsolete: u64,
    /// Values that stand in value blocks.
    pub values_in_value_blocks: u64,
    /// Values that stand in blob files, which are not read.
    pub values_in_blob_files: u64,
    /// Range deletions.
    pub range_deletions: u64,
    /// Range keys: set, unset, deleted.
    pub range_keys: [u64; 3],
    /// First and last of points and range deletions, as stored.
    pub point_bounds: Option<BoundsSeen>,
    /// First and last of range keys, as stored.
    pub range_key_bounds: Option<BoundsSeen>,
    /// Smallest and largest sequence number, as stored.
    pub seqs: Option<(SeqNum, SeqNum)>,
    /// True when the index led to every data block and each of them was read to its end, so that counts and bounds are
    /// those of the whole table.
    pub complete: bool,
}

impl Table {
    /// Reads every block that the table leads to and checks checksums, decompression, structure, the order of keys within
    /// and across blocks, separators, value handles and spans. Goes on behind a problem where it can.
    pub fn survey(&self, progress: &dyn Progress) -> Result<TableSurvey> {
        self.survey_to(TableDepth::Rows, progress)
    }

    /// As [`Table::survey`], as far as `depth` goes.
    pub fn survey_to(&self, depth: TableDepth, progress: &dyn Progress) -> Result<TableSurvey> {
        let mut survey = TableSurvey { depth, complete: true, ..TableSurvey::default() };
        let mut handles = vec![(BlockKind::Metaindex, self.footer.metaindex)];
        handles.extend(self.metaindex.properties.map(|handle| (BlockKind::Properties, handle)));
        for &(kind, handle) in &handles {
            let checked = self.check_small(kind, handle);
            survey.block(checked, kind, handle)?;
        }
        let filters = self.metaindex.filters.iter().map(|&(_, handle)| (BlockKind::Filter, handle));
        let references = self.metaindex.blob_references.map(|handle| (BlockKind::BlobReferences, handle));
        for (kind, handle) in filters.chain(references) {
            handles.push((kind, handle));
            let checked = BlockReader::new(self, 0).verify_only(kind, handle);
            survey.block(checked, kind, handle)?;
        }
        let value_lens = self.survey_values(&mut survey, &mut handles)?;
        self.survey_data(&mut survey, &mut handles, value_lens.as_deref(), progress)?;
        self.survey_spans(&mut survey, &mut handles)?;
        survey.find_gaps(handles, self.footer.offset);
        survey.bytes_examined = survey.blocks.values().map(|tally| tally.bytes).sum::<u64>() + (self.size - self.footer.offset);
        Ok(survey)
    }

    fn check_small(&self, kind: BlockKind, handle: BlockHandle) -> TableResult<()> {
        let mut reader = BlockReader::new(self, 0);
        let bytes = reader.read(kind, handle)?;
        Ok(check_structure(self.footer.format, kind, bytes).map_err(|error| TableProblem::in_block(kind, handle, &error))?)
    }

    /// Checks value index and value blocks; returns the uncompressed length of each value block, `None` for a bad one.
    fn survey_values(
        &self,
        survey: &mut TableSurvey,
        handles: &mut Vec<(BlockKind, BlockHandle)>,
    ) -> Result<Option<Vec<Option<u64>>>> {
        let Some(index) = self.metaindex.value_index else { return Ok(Some(Vec::new())) };
        handles.push((BlockKind::ValueIndex, index.handle));
        let mut values = ValueBlocks::new(self);
        let Some(blocks) = survey.block(values.handles(), BlockKind::ValueIndex, index.handle)? else { return Ok(None) };
        let mut reader = BlockReader::new(self, READ_AHEAD);
        let mut lens = Vec::with_capacity(blocks.len());
        for &handle in blocks {
            handles.push((BlockKind::Value, handle));
            let read = match survey.depth {
                TableDepth::Checksums => reader.verify_only(BlockKind::Value, handle).map(|()| 0),
                TableDepth::Rows => reader.read(BlockKind::Value, handle).map(|bytes| bytes.len() as u64),
            };
            lens.push(survey.block(read, BlockKind::Value, handle)?);
        }
        Ok(Some(lens))
    }

    fn survey_data(
        &self,
        survey: &mut TableSurvey,
        handles: &mut Vec<(BlockKind, BlockHandle)>,
        value_lens: Option<&[Option<u64>]>,
        progress: &dyn Progress,
    ) -> Result<()> {
        let mut index = IndexWalk::strict(self);
        let mut reader = BlockReader::new(self, READ_AHEAD);
        let mut walk = DataWalk::new(self, value_lens);
        let mut separator = Separator::new(self);
        loop {
            check_interrupt(progress)?;
            let block = match separate(index.next())? {
                Ok(Some(block)) => block.handle,
                Ok(None) => break,
                Err(problem) => {
                    survey.problem(problem);
                    survey.complete = false;
                    // What comes next cannot be compared with what was passed over.
                    walk.forget();
                    separator = Separator::new(self);
                    if index.is_open() {
                        continue;
                    }
                    break;
                }
            };
            handles.push((BlockKind::Data, block));
            progress.advance(block.len_with_trailer());
            let walked = match survey.depth {
                TableDepth::Checksums => reader.verify_only(BlockKind::Data, block),
                TableDepth::Rows => reader.read(BlockKind::Data, block).and_then(|bytes| walk.block(survey, block, bytes)),
            };
            if survey.block(walked, BlockKind::Data, block)?.is_none() {
                survey.complete = false;
                walk.forget();
            }
            if let Err(problem) = separate(separator.check(&index, &walk, block))? {
                survey.problem(problem);
            }
        }
        for &(kind, handle) in index.visited() {
            handles.push((kind, handle));
            survey.tally(kind, handle);
        }
        if !index.is_open() {
            handles.push((BlockKind::Index, self.footer.index));
        }
        walk.finish(survey);
        Ok(())
    }

    fn survey_spans(&self, survey: &mut TableSurvey, handles: &mut Vec<(BlockKind, BlockHandle)>) -> Result<()> {
        let whole = TableView::default();
        if let Some(handle) = self.metaindex.range_del {
            handles.push((BlockKind::RangeDel, handle));
            if let Some(spans) = survey.block(self.range_dels(&whole), BlockKind::RangeDel, handle)? {
                survey.range_deletions = spans.len() as u64;
                for span in spans {
                    survey.see_span(KeyKind::RangeDelete, span.start, span.end, span.seq);
                }
            } else {
                survey.complete = false;
            }
        }
        if let Some(handle) = self.metaindex.range_key {
            handles.push((BlockKind::RangeKey, handle));
            if let Some(spans) = survey.block(self.range_keys(&whole), BlockKind::RangeKey, handle)? {
                for span in spans {
                    let column = match span.kind {
                        KeyKind::RangeKeySet => 0,
                        KeyKind::RangeKeyUnset => 1,
                        _ => 2,
                    };
                    survey.range_keys[column] += span.count as u64;
                    survey.see_span(span.kind, span.start, span.end, span.seq);
                }
            } else {
                survey.complete = false;
            }
        }
        Ok(())
    }
}

impl TableSurvey {
    /// Counts a good block, or keeps what is wrong with it.
    fn block<T>(&mut self, outcome: TableResult<T>, kind: BlockKind, handle: BlockHandle) -> Result<Option<T>> {
        Ok(match separate(outcome)? {
            Ok(value) => {
                self.tally(kind, handle);
                Some(value)
            }
            Err(problem) => {
                self.problem(problem);
                None
            }
        })
    }

    fn tally(&mut self, kind: BlockKind, handle: BlockHandle) {
        let tally = self.blocks.entry(kind).or_default();
        tally.blocks += 1;
        tally.bytes += handle.len_with_trailer();
    }

    fn problem(&mut self, problem: TableProblem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        } else {
            self.problems_left_out += 1;
        }
    }

    fn see_seqs(&mut self, smallest: SeqNum, largest: SeqNum) {
        self.seqs = Some(self.seqs.map_or((smallest, largest), |(low, high)| (low.min(smallest), high.max(largest))));
    }

    fn see_span(&mut self, kind: KeyKind, start: Vec<u8>, end: Vec<u8>, seq: SeqNum) {
        let smallest = OwnedKey { user_key: start, trailer: Trailer::new(seq, kind) };
        let largest = OwnedKey { user_key: end, trailer: Trailer::new(SeqNum::MAX, kind) };
        let bounds = if kind == KeyKind::RangeDelete { &mut self.point_bounds } else { &mut self.range_key_bounds };
        widen(bounds, smallest, largest);
        self.see_seqs(seq, seq);
    }

    /// Finds what lies between the blocks.
    fn find_gaps(&mut self, mut handles: Vec<(BlockKind, BlockHandle)>, footer_at: u64) {
        handles.sort_by_key(|(_, handle)| *handle);
        let mut covered = 0;
        for (kind, handle) in handles {
            if handle.offset > covered {
                self.gaps.push((covered, handle.offset - covered));
            } else if handle.offset < covered && handle.fits_below(footer_at) {
                let detail = format!("begins at {} inside the block that ends at {covered}", handle.offset);
                self.problem(TableProblem::of_block(TableProblemKind::Handle, kind, handle, detail));
            }
            covered = covered.max(handle.end().min(footer_at));
        }
        if covered < footer_at {
            self.gaps.push((covered, footer_at - covered));
        }
    }
}

fn widen(bounds: &mut Option<BoundsSeen>, smallest: OwnedKey, largest: OwnedKey) {
    match bounds {
        None => *bounds = Some(BoundsSeen { smallest, largest }),
        Some(bounds) => {
            if smallest.borrowed() < bounds.smallest.borrowed() {
                bounds.smallest = smallest;
            }
            if largest.borrowed() > bounds.largest.borrowed() {
                bounds.largest = largest;
            }
        }
    }
}
