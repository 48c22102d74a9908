//! One thread's way of bringing windows.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::Ordering;

use super::buffer::{AlignedBuffer, DirectRefusal};
use super::residency::{Residency, residency};
use super::{BulkFile, Served, Strategy};
use crate::error::{Error, Result};
use crate::io::map::MappedFile;

/// Ordinary reads from the page cache go through a piece of memory that the processor's own cache holds.
const CACHED_PIECE: usize = 256 << 10;
/// Ordinary reads from the disk pay for being larger.
const DISK_PIECE: usize = 1 << 20;

/// How a window is going to be brought.
enum Way<'f> {
    Mapped(&'f MappedFile),
    Direct { direct: &'f File, plain: &'f File },
    Buffered { piece: usize },
}

/// Where a window's bytes are for somebody else to look at.
#[derive(Debug, Clone)]
pub(super) enum Loaded {
    /// In the file's mapping.
    Mapped,
    /// In the buffer; fewer than asked when the file ends.
    Buffer(Range<usize>),
}

/// One thread's means: where it reads from and what it has done.
pub(super) struct Lane<'f> {
    file: &'f BulkFile<'f>,
    strategy: Strategy,
    /// The range is small, and questions would cost more than reading it.
    small: bool,
    buffer: AlignedBuffer,
    /// Ordinary reads: a descriptor with a read-ahead of its own.
    own: Option<File>,
    pub(super) served: Served,
}

impl<'f> Lane<'f> {
    pub(super) fn new(file: &'f BulkFile<'f>, strategy: Strategy, range: &Range<u64>) -> Self {
        let small = range.end - range.start <= file.geometry.small;
        Self { file, strategy, small, buffer: AlignedBuffer::default(), own: None, served: Served::default() }
    }

    fn way(&mut self, range: &Range<u64>) -> Way<'f> {
        let mapped = || self.file.map().map(Way::Mapped);
        let direct = || Some(Way::Direct { direct: self.file.direct()?, plain: self.file.file().local()? });
        let way = match self.strategy {
            Strategy::Mmap => mapped(),
            Strategy::Pread => None,
            Strategy::Direct => direct(),
            // Where it lies in memory; there is no page cache to ask about.
            Strategy::Auto if self.file.file().local().is_none() => mapped(),
            Strategy::Auto if self.small => self.file.map_at_hand().map(Way::Mapped),
            Strategy::Auto => {
                let asked = residency(self.file, range);
                let len = range.end - range.start;
                self.served.asked += if asked.is_some() { len } else { 0 };
                match asked {
                    Some(Residency::Cached) => {
                        self.served.cached += len;
                        mapped().or(Some(Way::Buffered { piece: CACHED_PIECE }))
                    }
                    Some(Residency::Absent) => direct(),
                    Some(Residency::BeingWritten) | None => None,
                }
            }
        };
        way.unwrap_or(Way::Buffered { piece: if self.small { CACHED_PIECE } else { DISK_PIECE } })
    }

    /// Folds the bytes of a range that is not empty into `state`, piece by piece in order. Returns the new state and how
    /// many bytes there were: fewer than asked when the file ends.
    pub(super) fn fold<S: Copy>(&mut self, range: &Range<u64>, state: S, fold: impl Fn(S, &[u8]) -> S) -> Result<(S, u64)> {
        let mut piece = DISK_PIECE;
        match self.way(range) {
            Way::Mapped(map) => {
                if let Some(bytes) = present(map, range) {
                    let folded = fold(state, bytes);
                    map.release(range.clone());
                    // What was read may have been zeros in place of the file's bytes: whole pages after a fault, and
                    // without one what follows the file's end in its last page.
                    if !map.faulted() && map.file().now().is_ok_and(|now| now.size >= range.end) {
                        self.served.mapped += bytes.len() as u64;
                        return Ok((folded, bytes.len() as u64));
                    }
                }
            }
            Way::Direct { direct, plain } => match self.buffer.read_direct(direct, plain, range) {
                Ok(part) => {
                    let folded = fold(state, self.buffer.get(part.clone()));
                    self.served.direct += part.len() as u64;
                    return Ok((folded, self.note_end(range, part.len() as u64)));
                }
                Err(refusal) => self.note_refusal(refusal),
            },
            Way::Buffered { piece: usual } => piece = usual,
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let (mut state, mut done) = (state, 0);
        let len = range.end - range.start;
        while done < len {
            let wanted = piece.min(usize::try_from(len - done).unwrap_or(piece));
            let read = self.read_plain(&mut buffer, range.start + done, wanted)?;
            state = fold(state, buffer.get(0..read));
            done += read as u64;
            if read < wanted {
                break;
            }
        }
        self.buffer = buffer;
        self.served.buffered += done;
        Ok((state, self.note_end(range, done)))
    }

    /// Brings a window that is not empty for another thread, into `buffer` unless it can be used where it lies.
    pub(super) fn load(&mut self, range: &Range<u64>, buffer: &mut AlignedBuffer) -> Result<Loaded> {
        match self.way(range) {
            Way::Mapped(map) => {
                if present(map, range).is_some() {
                    self.served.mapped += range.end - range.start;
                    return Ok(Loaded::Mapped);
                }
            }
            Way::Direct { direct, plain } => match buffer.read_direct(direct, plain, range) {
                Ok(part) => {
                    self.served.direct += self.note_end(range, part.len() as u64);
                    return Ok(Loaded::Buffer(part));
                }
                Err(refusal) => self.note_refusal(refusal),
            },
            Way::Buffered { .. } => {}
        }
        let wanted = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let read = self.read_plain(buffer, range.start, wanted)?;
        self.served.buffered += self.note_end(range, read as u64);
        Ok(Loaded::Buffer(0..read))
    }

    /// Fills the buffer with ordinary reads; fewer bytes only where the file ends.
    fn read_plain(&mut self, buffer: &mut AlignedBuffer, offset: u64, wanted: usize) -> Result<usize> {
        if self.own.is_none() && !self.small {
            self.own = self.file.reopen(0);
            #[cfg(target_os = "linux")]
            if let Some(own) = &self.own {
                let _ = rustix::fs::fadvise(own, 0, None, rustix::fs::Advice::Sequential);
            }
        }
        let file = self.file.file();
        let room = buffer.ensure(wanted).map_err(|source| Error::io(self.file.path(), "read the file", source))?;
        let mut done = 0;
        while done < wanted {
            let (room, at) = (&mut room[done..wanted], offset + done as u64);
            let read = match &self.own {
                Some(own) => own.read_at(room, at),
                None => file.read_some(at, room),
            };
            match read {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(Error::read(self.file.path(), offset + done as u64, source)),
            }
        }
        Ok(done)
    }

    fn note_refusal(&self, refusal: DirectRefusal) {
        if refusal == DirectRefusal::Never {
            self.file.direct_refused.store(true, Ordering::Relaxed);
        }
    }

    /// Remembers the end of a file that ended before the range did.
    fn note_end(&self, range: &Range<u64>, read: u64) -> u64 {
        if read < range.end - range.start {
            self.file.note_end(range.start + read);
        }
        read
    }
}

/// The bytes of a mapped range, resident, unless they are known not to be in the file any more.
fn present<'m>(map: &'m MappedFile, range: &Range<u64>) -> Option<&'m [u8]> {
    let bytes = map.slice(range)?;
    (map.populate(range.clone()) && !map.faulted()).then_some(bytes)
}
