//! Memory that a disk can write into directly.
#![expect(clippy::cast_possible_truncation, reason = "a window and what it is aligned to fit in memory")]

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

/// What memory, offsets and lengths are aligned to when the page cache is passed by, in bytes: a multiple of every
/// block size in use.
pub(super) const ALIGNMENT: u64 = 4096;

/// A block of memory whose usable part begins at a multiple of [`ALIGNMENT`]; it grows when asked to.
#[derive(Debug, Default)]
pub(super) struct AlignedBuffer {
    bytes: Vec<u8>,
    skip: usize,
    len: usize,
}

/// Why bytes could not be read past the page cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DirectRefusal {
    /// The file system does not do it.
    Never,
    /// Not this time.
    Now,
}

impl AlignedBuffer {
    /// At least `len` usable bytes; an error when the system has no memory.
    pub(super) fn ensure(&mut self, len: usize) -> io::Result<&mut [u8]> {
        if self.len < len {
            let room = len + ALIGNMENT as usize;
            let mut bytes = Vec::new();
            bytes.try_reserve_exact(room).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
            bytes.resize(room, 0);
            self.skip = bytes.as_ptr().align_offset(ALIGNMENT as usize).min(ALIGNMENT as usize);
            self.bytes = bytes;
            self.len = len;
        }
        Ok(&mut self.bytes[self.skip..self.skip + self.len])
    }

    /// Part of what was read last.
    pub(super) fn get(&self, part: Range<usize>) -> &[u8] {
        &self.bytes[self.skip..][part]
    }

    /// Reads `range` from a descriptor that passes the page cache by, and what that one leaves at the end of the file
    /// from an ordinary one. Returns where in the buffer the bytes lie; they are fewer than asked when the file ends.
    pub(super) fn read_direct(&mut self, direct: &File, plain: &File, range: &Range<u64>) -> Result<Range<usize>, DirectRefusal> {
        let from = range.start / ALIGNMENT * ALIGNMENT;
        let to = range.end.next_multiple_of(ALIGNMENT);
        let (skip, wanted) = ((range.start - from) as usize, (range.end - from) as usize);
        let room = self.ensure((to - from) as usize).map_err(|_| DirectRefusal::Now)?;
        let mut done = 0;
        while done < wanted {
            // Where an unaligned piece was delivered, the file ends for this descriptor.
            if !(done as u64).is_multiple_of(ALIGNMENT) {
                break;
            }
            match direct.read_at(&mut room[done..(to - from) as usize], from + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let never = matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EOPNOTSUPP | libc::ENOSYS));
                    return Err(if never { DirectRefusal::Never } else { DirectRefusal::Now });
                }
            }
        }
        while done < wanted {
            match plain.read_at(&mut room[done..wanted], from + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(DirectRefusal::Now),
            }
        }
        Ok(skip.min(done)..done.min(wanted).max(skip.min(done)))
    }
}
