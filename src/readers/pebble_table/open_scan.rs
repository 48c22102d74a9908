//! What reading every row of a table, as a server may do when it opens a store, meets first.

use super::block::check_structure;
use super::index::IndexWalk;
use super::problem::{BlockKind, TableProblem, TableResult, separate};
use super::source::BlockReader;
use super::{Table, TableView, check_interrupt};
use crate::error::Result;
use crate::io::Progress;

/// Bytes of data blocks read at once.
const READ_AHEAD: usize = 1 << 20;

/// The outcome of reading the rows of one table up to the first block that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenScan {
    /// Data blocks read and found good.
    pub blocks: u64,
    /// Their stored bytes.
    pub bytes: u64,
    /// Data blocks that such a scan does not read: outside the view, all hidden, or in the range left out.
    pub skipped_blocks: u64,
    /// Where reading ended, if it did not get to the end.
    pub problem: Option<TableProblem>,
}

impl Table {
    /// Reads every data block that holds rows counting under `view`, in order, until one cannot be read: checksum,
    /// decompression and the structure of its rows. Keys are not compared.
    ///
    /// Blocks whose rows are all hidden by newer ones of this table are left out, as Pebble leaves them out, and so are
    /// blocks whose keys all lie in `[leave_out.0, leave_out.1)`.
    pub fn scan_rows(&self, view: &TableView, leave_out: Option<(&[u8], &[u8])>, progress: &dyn Progress) -> Result<OpenScan> {
        let mut scan = OpenScan::default();
        if let Err(problem) = separate(self.scan_into(view, leave_out, progress, &mut scan))? {
            scan.problem = Some(problem);
        }
        Ok(scan)
    }

    fn scan_into(
        &self,
        view: &TableView,
        leave_out: Option<(&[u8], &[u8])>,
        progress: &dyn Progress,
        scan: &mut OpenScan,
    ) -> TableResult<()> {
        let mut index = IndexWalk::new(self);
        let mut reader = BlockReader::new(self, READ_AHEAD);
        // The user key of the separator before the present block: none of its keys lies below.
        let mut floor: Vec<u8> = Vec::new();
        while let Some(block) = index.next()? {
            let Some(entry) = index.entry()? else { break };
            let ceiling = view.whole_key(entry.separator.user_key).into_owned();
            let left_out = leave_out.is_some_and(|(start, end)| floor.as_slice() >= start && ceiling.as_slice() < end);
            let outside =
                view.bounds.as_ref().is_some_and(|bounds| ceiling < bounds.smallest.user_key || floor > bounds.largest.user_key);
            if block.all_obsolete || left_out || outside {
                scan.skipped_blocks += 1;
            } else {
                check_interrupt(progress)?;
                let bytes = reader.read(BlockKind::Data, block.handle)?;
                check_structure(self.footer.format, BlockKind::Data, bytes)
                    .map_err(|error| TableProblem::in_block(BlockKind::Data, block.handle, &error))?;
                scan.blocks += 1;
                scan.bytes += block.handle.len_with_trailer();
                progress.advance(block.handle.len_with_trailer());
            }
            floor = ceiling;
        }
        Ok(())
    }
}
