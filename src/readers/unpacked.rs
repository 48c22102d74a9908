//! An archive read once from front to back: the bytes of a tar, as they lie there or unpacked on the way.

use std::path::Path;

use crate::error::{Error, Result};
use crate::formats::tar::TAR_BLOCK;
use crate::formats::unpack::Unpack;
use crate::readers::source::Run;

/// The bytes of a tar.
pub(super) enum Unpacked<'a, U> {
    /// Compressed.
    Packed(Box<U>),
    /// As they are, and how many were read.
    Plain(&'a [u8], usize),
}

impl<U: Unpack> Unpacked<'_, U> {
    /// Reads the next bytes; 0 at the end.
    pub(super) fn read(&mut self, out: &mut [u8]) -> std::result::Result<usize, U::Fault> {
        match self {
            Self::Packed(packed) => packed.read(out),
            Self::Plain(bytes, at) => {
                let rest = bytes.get(*at..).unwrap_or_default();
                let len = rest.len().min(out.len());
                if let (Some(to), Some(from)) = (out.get_mut(..len), rest.get(..len)) {
                    to.copy_from_slice(from);
                }
                *at += len;
                Ok(len)
            }
        }
    }

    /// Offset in the file.
    pub(super) fn offset(&self) -> u64 {
        match self {
            Self::Packed(packed) => packed.offset(),
            Self::Plain(_, at) => *at as u64,
        }
    }

    /// Reads a block of the tar as far as there is one, and moves `at`, the offset in the tar, on by what was read.
    pub(super) fn block(&mut self, at: &mut u64) -> std::result::Result<([u8; TAR_BLOCK], usize), U::Fault> {
        let mut block = [0; TAR_BLOCK];
        let mut done = 0;
        while let Some(room) = block.get_mut(done..).filter(|room| !room.is_empty()) {
            match self.read(room)? {
                0 => break,
                read => {
                    done += read;
                    *at += read as u64;
                }
            }
        }
        Ok((block, done))
    }
}

/// Maps a file and has it examined, with progress, giving back what was passed. Also tells whether it changed meanwhile.
pub(super) fn in_one_pass<T>(
    path: &Path,
    run: &Run<'_>,
    examine: impl FnOnce(&[u8], &mut dyn FnMut(u64) -> bool) -> Option<T>,
) -> Result<(T, bool)> {
    let file = run.source.map(path)?;
    run.progress.expect(file.bytes().len() as u64);
    let mut seen = 0;
    let read = examine(file.bytes(), &mut |offset| {
        run.progress.advance(offset.saturating_sub(seen));
        seen = seen.max(offset);
        file.release_before(offset);
        !run.progress.interrupted()
    });
    file.delivered()?;
    Ok((read.ok_or(Error::Interrupted)?, file.changed_by_name()))
}
