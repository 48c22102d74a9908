//! Verified blocks of one table.

use std::sync::Arc;

use super::problem::{BlockKind, TableFailure, TableProblem, TableProblemKind, TableResult};
use super::{Table, TableRef};
use crate::error::Result;
use crate::formats::pebble::sstable::{BlockHandle, Compression, StoredBlock, TableFormat};
use crate::io::OpenFile;
use crate::types::grant;

/// Where a table's bytes come from.
#[derive(Debug)]
pub(super) enum Source {
    /// An open file: bytes are copied out of it, so that nothing changes between a check and its use.
    File {
        file: Arc<OpenFile>,
        /// Where the table begins in the file.
        start: u64,
        /// Its length in bytes.
        len: u64,
    },
    Memory(Vec<u8>),
}

impl Source {
    /// Fills `buffer` from `offset` as far as there are bytes.
    pub(super) fn fill(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        match self {
            Self::File { file, start, len } => {
                let rest = usize::try_from(len.saturating_sub(offset)).unwrap_or(usize::MAX).min(buffer.len());
                file.fill_at(start.saturating_add(offset), &mut buffer[..rest])
            }
            Self::Memory(bytes) => {
                let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
                let len = rest.len().min(buffer.len());
                buffer[..len].copy_from_slice(&rest[..len]);
                Ok(len)
            }
        }
    }
}

/// Reads blocks of one table, verifies and uncompresses them, in buffers that it keeps.
#[derive(Debug)]
pub(super) struct BlockReader<'t> {
    table: TableRef<'t>,
    /// Stored bytes from `window_at` on.
    window: Vec<u8>,
    window_at: u64,
    window_len: usize,
    /// How many bytes to read at once; a block that is longer is read whole.
    read_ahead: usize,
    scratch: Vec<u8>,
}

impl<'t> BlockReader<'t> {
    /// A reader that reads `read_ahead` bytes at once, or exactly one block with 0.
    pub(super) fn new(table: impl Into<TableRef<'t>>, read_ahead: usize) -> Self {
        Self { table: table.into(), window: Vec::new(), window_at: 0, window_len: 0, read_ahead, scratch: Vec::new() }
    }

    /// Bytes of memory that its buffers take.
    pub(super) fn held(&self) -> u64 {
        (self.window.capacity() + self.scratch.capacity()) as u64
    }

    /// The uncompressed bytes of a block.
    pub(super) fn read(&mut self, kind: BlockKind, handle: BlockHandle) -> TableResult<&[u8]> {
        self.load(kind, handle)?;
        let Self { table, window, window_at, scratch, .. } = self;
        let stored = verified(table, stored_bytes(window, *window_at, handle), kind, handle)?;
        uncompress(table, &stored, scratch, kind, handle)
    }

    /// The uncompressed bytes of a block, put into `out`.
    pub(super) fn read_into(&mut self, kind: BlockKind, handle: BlockHandle, out: &mut Vec<u8>) -> TableResult<()> {
        self.load(kind, handle)?;
        let stored = verified(&self.table, stored_bytes(&self.window, self.window_at, handle), kind, handle)?;
        if stored.compression == 0 {
            out.clear();
            out.extend_from_slice(stored.payload);
        } else {
            uncompress(&self.table, &stored, out, kind, handle)?;
        }
        Ok(())
    }

    /// The format of the table.
    pub(super) fn format(&self) -> TableFormat {
        self.table.footer.format
    }

    /// Verifies a block's checksum and nothing else.
    pub(super) fn verify_only(&mut self, kind: BlockKind, handle: BlockHandle) -> TableResult<()> {
        self.load(kind, handle)?;
        verified(&self.table, stored_bytes(&self.window, self.window_at, handle), kind, handle).map(|_| ())
    }

    /// Brings a block and its trailer into the window.
    fn load(&mut self, kind: BlockKind, handle: BlockHandle) -> TableResult<()> {
        let limit = self.table.footer.offset;
        if !handle.fits_below(limit) {
            let detail = format!("the handle {handle} leads beyond the last block, which ends at {limit}");
            return Err(TableProblem::of_block(TableProblemKind::Handle, kind, handle, detail).into());
        }
        let window_end = self.window_at.saturating_add(self.window_len as u64);
        if handle.offset >= self.window_at && handle.end() <= window_end {
            return Ok(());
        }
        fits(handle.len_with_trailer(), kind, handle)?;
        // Both lengths are below the size of the file, which is really there.
        let ahead = (self.read_ahead as u64).min(limit - handle.offset);
        let wanted = usize::try_from(handle.len_with_trailer().max(ahead)).unwrap_or(usize::MAX);
        if self.window.len() < wanted || self.window.len() > 2 * wanted.max(self.read_ahead) {
            self.window.resize(wanted, 0);
            self.window.shrink_to(wanted);
        }
        self.window_len = 0;
        let read = self.table.source.fill(handle.offset, &mut self.window[..wanted])?;
        self.window_at = handle.offset;
        self.window_len = read;
        if (read as u64) < handle.len_with_trailer() {
            let detail = format!("the file ends after {read} of {} bytes", handle.len_with_trailer());
            return Err(blame(&self.table, TableProblem::of_block(TableProblemKind::Cut, kind, handle, detail)));
        }
        Ok(())
    }
}

/// The block's bytes in a window that holds them.
fn stored_bytes(window: &[u8], window_at: u64, handle: BlockHandle) -> &[u8] {
    let range = || {
        let start = usize::try_from(handle.offset.checked_sub(window_at)?).ok()?;
        let end = start.checked_add(usize::try_from(handle.len_with_trailer()).ok()?)?;
        window.get(start..end)
    };
    range().unwrap_or_default()
}

fn verified<'b>(table: &Table, bytes: &'b [u8], kind: BlockKind, handle: BlockHandle) -> TableResult<StoredBlock<'b>> {
    let checksum = table.footer.checksum;
    let stored = StoredBlock::split(bytes).map_err(|error| blame(table, TableProblem::in_block(kind, handle, &error)))?;
    match stored.verify(checksum) {
        Ok(()) => Ok(stored),
        Err(mismatch) => {
            let detail = format!("its bytes do not match its {}", checksum.name());
            let problem = TableProblem::of_block(TableProblemKind::Checksum, kind, handle, detail)
                .expected_found(format_args!("{:08x}", mismatch.stored), format_args!("{:08x}", mismatch.computed));
            Err(blame(table, problem))
        }
    }
}

/// Bytes that are not what was written are damage, unless somebody changed the file after it was opened: no server does that
/// to a finished table, and what it holds now is not known.
fn blame(table: &Table, problem: TableProblem) -> TableFailure {
    match &table.source {
        Source::File { file, .. } if table.changed() => TableFailure::Error(crate::Error::Unsuitable {
            path: file.path().to_owned(),
            problem: "changed while it was read".to_owned(),
            hint: "try again".to_owned(),
        }),
        Source::File { .. } | Source::Memory(_) => problem.into(),
    }
}

/// Asks for the memory of a block before it is taken.
fn fits(bytes: u64, kind: BlockKind, handle: BlockHandle) -> TableResult<()> {
    grant(bytes).map_err(|over| TableProblem::of_block(TableProblemKind::OverBudget, kind, handle, over.to_string()).into())
}

fn uncompress<'b>(
    table: &Table,
    stored: &StoredBlock<'b>,
    scratch: &'b mut Vec<u8>,
    kind: BlockKind,
    handle: BlockHandle,
) -> TableResult<&'b [u8]> {
    let refuse = |error: crate::formats::DecodeError| {
        TableProblem::of_block(TableProblemKind::Decompression, kind, handle, format!("compressed, {error}"))
    };
    let codec = stored.codec().map_err(|error| blame(table, refuse(error)))?;
    if codec != Compression::None {
        let claimed = codec.claimed_len(stored.payload).map_err(|error| blame(table, refuse(error)))?;
        // The decoder of ZSTD keeps as much of what it wrote as the frame asks for.
        let kept = if codec == Compression::Zstd { claimed } else { 0 };
        fits(handle.len_with_trailer().saturating_add(claimed).saturating_add(kept), kind, handle)?;
    }
    codec.decompress(stored.payload, scratch).map_err(|error| blame(table, refuse(error)))
}
