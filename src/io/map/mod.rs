//! Files as byte slices, and the other few system calls that need `unsafe` code: all of it is in this module.
#![expect(unsafe_code, reason = "memory mappings and signal handlers are unsafe by nature; all of it is kept in this module")]

mod fault_guard;
#[cfg(target_os = "linux")]
mod page_cache;

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use memmap2::{Mmap, MmapOptions, UncheckedAdvice};

use self::fault_guard::GuardedRange;
pub use self::fault_guard::ignore_file_size_signal;
use super::file::{FileStamp, open_regular, read_at};
use crate::error::{Error, Result};

#[cfg(target_os = "linux")]
pub(super) use page_cache::cached_pages;

/// A file that cannot be mapped (some network and user-space file systems, an address space limit) is read into memory
/// instead when it is no larger than this.
const LARGEST_COPY: u64 = 128 << 20;
/// [`Mapping::release_before`] makes a system call once for this many bytes.
const RELEASE_STEP: usize = 1 << 20;

/// What went wrong under a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapFault {
    /// The file is shorter than it was when it was opened: bytes from `len` on read as zero and were not there.
    Shrunk {
        /// Length of the file when this was asked, in bytes.
        len: u64,
    },
    /// A page could not be read although the file is as long as it was, and is readable now: bytes from `at` on may have
    /// read as zero.
    Unreadable {
        /// Offset of the page.
        at: u64,
    },
}

/// A regular file mapped read-only, as long as it was when it was opened.
///
/// Bytes of the mapping can change while they are read, because the file belongs to someone else: a length is copied
/// before it is checked. When the file shrinks or a page cannot be read, the bytes concerned read as zero, the process
/// lives on, and [`Mapping::faulted`] is true from then on.
#[derive(Debug)]
pub struct MappedFile {
    mapping: Mapping,
    file: File,
}

/// The bytes of a [`MappedFile`] whose file was closed: a process may have many mappings and few descriptors. What becomes of the
/// file is asked by its name from then on.
#[derive(Debug)]
pub struct Mapping {
    // Dropped before the mapping: nothing may be patched where other memory has taken its place.
    guard: Option<GuardedRange>,
    backing: Backing,
    path: PathBuf,
    stamp: FileStamp,
    /// Everything before this offset was given back.
    released: AtomicUsize,
}

#[derive(Debug)]
enum Backing {
    Map(Mmap),
    Copy(Vec<u8>),
}

impl MappedFile {
    /// Opens and maps `path`. An empty file has no mapping and no bytes.
    pub fn open(path: &Path) -> Result<Self> {
        let (file, stamp) = open_regular(path)?;
        Self::of(file, path, stamp)
    }

    /// Maps a file that is open already, or reads it into memory.
    fn of(file: File, path: &Path, stamp: FileStamp) -> Result<Self> {
        let (guard, backing) = if stamp.size == 0 {
            (None, Backing::Copy(Vec::new()))
        } else {
            match map_whole(&file, stamp.size) {
                Ok(map) => (Some(GuardedRange::new(map.as_ptr() as usize, map.len())), Backing::Map(map)),
                Err(_) if stamp.size <= LARGEST_COPY => (None, Backing::Copy(copy_whole(&file, path, stamp.size)?)),
                Err(source) => return Err(Error::io(path, "map the file", source)),
            }
        };
        let mapping = Mapping { guard, backing, path: path.to_owned(), stamp, released: AtomicUsize::new(0) };
        Ok(Self { mapping, file })
    }

    /// Maps a file that is open already and not empty, or says that it cannot be mapped.
    pub(super) fn strictly(file: File, path: &Path, stamp: FileStamp) -> io::Result<Self> {
        let map = map_whole(&file, stamp.size)?;
        let guard = Some(GuardedRange::new(map.as_ptr() as usize, map.len()));
        let (path, released) = (path.to_owned(), AtomicUsize::new(0));
        Ok(Self { mapping: Mapping { guard, backing: Backing::Map(map), path, stamp, released }, file })
    }

    /// The open file.
    pub const fn file(&self) -> &File {
        &self.file
    }

    /// Closes the file; its bytes stay mapped.
    pub fn close(self) -> Mapping {
        self.mapping
    }

    /// Why bytes could not be read, found out now; `None` when there was no fault. The error of a disk that fails to
    /// deliver the bytes is this function's error.
    pub fn fault(&self) -> Result<Option<MapFault>> {
        if self.faulted() { self.fault_of(&self.file) } else { Ok(None) }
    }

    /// An error when bytes could not be read: for readers that can say nothing about part of a file.
    pub fn delivered(&self) -> Result<()> {
        let problem = match self.fault()? {
            None => return Ok(()),
            Some(MapFault::Shrunk { len }) => format!("was cut to {len} bytes while it was read"),
            Some(MapFault::Unreadable { at }) => format!("could not be read at offset {at} for a moment"),
        };
        Err(Error::Unsuitable { path: self.path.clone(), problem, hint: "try again".to_owned() })
    }

    /// True when the file's size, inode or modification time is no longer what it was at opening.
    pub fn changed(&self) -> bool {
        self.file.metadata().map(|meta| FileStamp::of(&meta)).ok() != Some(self.stamp)
    }
}

impl std::ops::Deref for MappedFile {
    type Target = Mapping;

    fn deref(&self) -> &Mapping {
        &self.mapping
    }
}

impl Mapping {
    /// The file's bytes.
    pub fn bytes(&self) -> &[u8] {
        match &self.backing {
            Backing::Map(map) => map,
            Backing::Copy(copy) => copy,
        }
    }

    /// What the file looked like when it was opened.
    pub const fn stamp(&self) -> FileStamp {
        self.stamp
    }

    /// The path it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Tells the system that bytes before `offset` will not be read again soon, so that they leave resident memory. The
    /// page cache keeps them, and reading them again is allowed. Cheap enough to call for every record.
    pub fn release_before(&self, offset: u64) {
        let Backing::Map(map) = &self.backing else { return };
        let end = usize::try_from(offset).unwrap_or(usize::MAX).min(map.len());
        let from = self.released.load(Ordering::Relaxed);
        if end < from.saturating_add(RELEASE_STEP) {
            return;
        }
        let end = end / RELEASE_STEP * RELEASE_STEP;
        if self.released.compare_exchange(from, end, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.release(from as u64..end as u64);
        }
    }

    /// Another pass over the bytes begins: [`Mapping::release_before`] starts again at the front.
    pub fn rewind(&self) {
        self.released.store(0, Ordering::Relaxed);
    }

    /// Lets the pages of a range leave resident memory, from the beginning of the page that it starts in.
    pub(super) fn release(&self, range: Range<u64>) {
        if let Some((map, range)) = self.clamp(range) {
            // SAFETY: the pages belong to a read-only mapping of a file: their bytes come back from the file (or as the
            // zeros that took their place) when they are touched again, so no reference sees anything new.
            let _ = unsafe { map.unchecked_advise_range(UncheckedAdvice::DontNeed, range.start, range.len()) };
        }
    }

    /// The bytes of a range, if it lies in the file as it was when it was opened.
    pub(super) fn slice(&self, range: &Range<u64>) -> Option<&[u8]> {
        self.bytes().get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
    }

    /// Starts reading a byte range from the disk without waiting for it. A sequential reader asks for the next few MiB
    /// before it works on the present ones.
    pub fn prefetch(&self, range: Range<u64>) {
        if let Some((map, range)) = self.clamp(range) {
            let _ = map.advise_range(memmap2::Advice::WillNeed, range.start, range.len());
        }
    }

    /// Makes a byte range resident, waiting for the disk, so that touching it costs no page faults. False when part of
    /// it is not in the file any more (which a later touch survives); true also where the system has no such call.
    pub fn populate(&self, range: Range<u64>) -> bool {
        #[cfg(target_os = "linux")]
        if let Some((map, range)) = self.clamp(range)
            && let Err(refused) = map.advise_range(memmap2::Advice::PopulateRead, range.start, range.len())
        {
            return !matches!(refused.raw_os_error(), Some(libc::EFAULT | libc::EIO | libc::EHWPOISON));
        }
        #[cfg(not(target_os = "linux"))]
        let _ = range;
        true
    }

    fn clamp(&self, range: Range<u64>) -> Option<(&Mmap, Range<usize>)> {
        let Backing::Map(map) = &self.backing else { return None };
        let end = usize::try_from(range.end).unwrap_or(usize::MAX).min(map.len());
        let start = usize::try_from(range.start).ok()?;
        (start < end).then_some((map, start..end))
    }

    /// True when bytes could not be read, because the file shrank while it was mapped or the disk failed: they read as
    /// zero. [`MappedFile::fault`] says which.
    pub fn faulted(&self) -> bool {
        match (&self.guard, &self.backing) {
            (Some(guard), _) => guard.fault().is_some(),
            (None, Backing::Copy(copy)) => (copy.len() as u64) < self.stamp.size,
            (None, Backing::Map(_)) => false,
        }
    }

    /// As [`MappedFile::fault`], of the file that has the name now. One that lost its name, or gave it to another, is taken for
    /// what it was.
    pub fn fault_by_name(&self) -> Result<Option<MapFault>> {
        if !self.faulted() {
            return Ok(None);
        }
        match self.reopened()? {
            Some(file) => self.fault_of(&file),
            None => Ok(Some(MapFault::Shrunk { len: self.first_fault() })),
        }
    }

    /// Length of the file now, by its name; `None` when it lost it or the system will not say.
    pub fn len_by_name(&self) -> Option<u64> {
        let now = FileStamp::at(&self.path)?;
        ((now.dev, now.ino) == (self.stamp.dev, self.stamp.ino)).then_some(now.size)
    }

    fn reopened(&self) -> Result<Option<File>> {
        match open_regular(&self.path) {
            Ok((file, now)) => Ok(((now.dev, now.ino) == (self.stamp.dev, self.stamp.ino)).then_some(file)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Offset of the first byte that was not there.
    fn first_fault(&self) -> u64 {
        match &self.guard {
            Some(guard) => guard.fault().unwrap_or_default() as u64,
            None => self.bytes().len() as u64,
        }
    }

    fn fault_of(&self, file: &File) -> Result<Option<MapFault>> {
        let len = file.metadata().map_err(|source| Error::io(&self.path, "examine the file", source))?.len();
        if len < self.stamp.size {
            return Ok(Some(MapFault::Shrunk { len }));
        }
        // The same page, asked for in a way that can answer.
        let at = self.first_fault();
        read_at(file, &self.path, at, 1)?;
        Ok(Some(MapFault::Unreadable { at }))
    }
}

/// Size of a page in bytes.
fn page_size() -> usize {
    // SAFETY: a question without arguments in memory.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

fn map_whole(file: &File, size: u64) -> io::Result<Mmap> {
    let len = usize::try_from(size).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    // SAFETY: the mapping is read-only and private. Other processes may change the file; every decoder above copies
    // what it checks and bounds-checks what it copied. A shrinking file is the guard's business.
    unsafe { MmapOptions::new().len(len).map_copy_read_only(file) }
}

/// As much of a file as there is, up to `size` bytes.
fn copy_whole(file: &File, path: &Path, size: u64) -> Result<Vec<u8>> {
    const PIECE: usize = 1 << 20;
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < size {
        let done = bytes.len();
        let piece = usize::try_from(size - done as u64).unwrap_or(PIECE).min(PIECE);
        bytes.try_reserve(piece).map_err(|_| Error::io(path, "read the file", io::ErrorKind::OutOfMemory.into()))?;
        bytes.resize(done + piece, 0);
        let read = match file.read_at(&mut bytes[done..], done as u64) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                bytes.truncate(done);
                continue;
            }
            Err(source) => return Err(Error::read(path, done as u64, source)),
        };
        bytes.truncate(done + read);
        if read == 0 {
            break;
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
