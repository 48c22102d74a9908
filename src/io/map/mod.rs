//! Files as byte slices, and the other few system calls that need `unsafe` code: all of it is in this module.
#![expect(unsafe_code, reason = "memory mappings and signal handlers are unsafe by nature; all of it is kept in this module")]

mod fault_guard;
#[cfg(target_os = "linux")]
mod page_cache;

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use memmap2::{Mmap, MmapOptions, UncheckedAdvice};

use self::fault_guard::GuardedRange;
pub use self::fault_guard::ignore_file_size_signal;
use super::file::FileStamp;
use super::open::{OpenFile, ReadAt};
use crate::error::{Error, Result};

#[cfg(target_os = "linux")]
pub(super) use page_cache::cached_pages;

/// A file that cannot be mapped (some network and user-space file systems, an address space limit) is read into memory
/// instead when it is no larger than this.
const LARGEST_COPY: u64 = 128 << 20;
/// A smaller file is read instead: a mapping takes a page of memory, one of the mappings that a process may have, and longer.
const SMALLEST_MAP: u64 = 2 << 10;
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
    file: OpenFile,
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
    /// What was opened, when it is no file of this machine.
    object: Option<Arc<dyn ReadAt>>,
    /// Everything before this offset was given back.
    released: AtomicUsize,
}

#[derive(Debug)]
enum Backing {
    Map(Mmap),
    Copy(Vec<u8>),
    /// Bytes of an object that lies in memory.
    Lent(Arc<dyn ReadAt>),
}

impl Backing {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Map(map) => map,
            Self::Copy(copy) => copy,
            Self::Lent(object) => object.bytes().unwrap_or_default(),
        }
    }
}

impl MappedFile {
    /// Opens and maps `path`. An empty file has no mapping and no bytes.
    pub fn open(path: &Path) -> Result<Self> {
        Self::of(OpenFile::open(path)?)
    }

    /// Maps a file that is open already, or reads it into memory. An object that lies in memory is used where it lies.
    fn of(file: OpenFile) -> Result<Self> {
        let size = file.stamp().size;
        let backing = if size == 0 {
            really_empty(&file)?;
            Backing::Copy(Vec::new())
        } else if size <= SMALLEST_MAP && file.local().is_some() {
            Backing::Copy(copy_whole(&file)?)
        } else {
            match map_whole(&file) {
                Ok(backing) => backing,
                Err(_) if size <= LARGEST_COPY => Backing::Copy(copy_whole(&file)?),
                Err(source) => return Err(Error::io(file.path(), "map the file", source)),
            }
        };
        Ok(Self::over(file, backing))
    }

    /// Maps a file that is open already and not empty, or says that it cannot be mapped.
    pub(super) fn strictly(file: OpenFile) -> io::Result<Self> {
        let backing = map_whole(&file)?;
        Ok(Self::over(file, backing))
    }

    fn over(file: OpenFile, backing: Backing) -> Self {
        let guard = match &backing {
            Backing::Map(map) => Some(GuardedRange::new(map.as_ptr() as usize, map.len())),
            Backing::Copy(_) | Backing::Lent(_) => None,
        };
        let (path, stamp, released) = (file.path().to_owned(), file.stamp(), AtomicUsize::new(0));
        let object = file.as_object().map(Arc::clone);
        Self { mapping: Mapping { guard, backing, path, stamp, object, released }, file }
    }

    /// The open file.
    pub const fn file(&self) -> &OpenFile {
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
        self.file.changed()
    }

    /// True when what has its name now is not what was opened, or has another size or modification time than it had.
    pub fn changed_by_name(&self) -> bool {
        self.file.by_name() != Some(self.stamp)
    }
}

/// Files of the kernel say that they are empty, and are not.
fn really_empty(file: &OpenFile) -> Result<()> {
    match file.read_some(0, &mut [0]) {
        Ok(0) => Ok(()),
        // It has grown meanwhile, as its new size tells.
        Ok(_) if file.now()?.size > 0 => Ok(()),
        Ok(_) => Err(Error::Unsuitable {
            path: file.path().to_owned(),
            problem: "has no size and yet bytes in it, as files of the kernel do".to_owned(),
            hint: "name a file of a data directory".to_owned(),
        }),
        Err(source) => Err(Error::read(file.path(), 0, source)),
    }
}

impl OpenFile {
    /// Its bytes in place: mapped, where it is a file of this machine.
    pub fn map(self) -> Result<MappedFile> {
        MappedFile::of(self)
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
        self.backing.bytes()
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

    /// Lets all pages leave resident memory, for a reader that goes through the file in no order. The page cache keeps them.
    pub fn let_go(&self) {
        self.release(0..self.bytes().len() as u64);
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
            (None, Backing::Map(_)) => false,
            (None, held) => (held.bytes().len() as u64) < self.stamp.size,
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
        let now = match &self.object {
            None => FileStamp::at(&self.path)?,
            Some(object) => object.stamp().ok()?,
        };
        ((now.dev, now.ino) == (self.stamp.dev, self.stamp.ino)).then_some(now.size)
    }

    fn reopened(&self) -> Result<Option<OpenFile>> {
        let opened = match &self.object {
            None => OpenFile::open(&self.path),
            Some(object) => OpenFile::object(&self.path, Arc::clone(object)),
        };
        match opened {
            Ok(file) => {
                let now = file.stamp();
                Ok(((now.dev, now.ino) == (self.stamp.dev, self.stamp.ino)).then_some(file))
            }
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

    fn fault_of(&self, file: &OpenFile) -> Result<Option<MapFault>> {
        let len = file.now()?.size;
        if len < self.stamp.size {
            return Ok(Some(MapFault::Shrunk { len }));
        }
        // The same page, asked for in a way that can answer.
        let at = self.first_fault();
        file.read_at(at, 1)?;
        Ok(Some(MapFault::Unreadable { at }))
    }
}

/// Size of a page in bytes.
fn page_size() -> usize {
    // SAFETY: a question without arguments in memory.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

fn map_whole(file: &OpenFile) -> io::Result<Backing> {
    let Some(local) = file.local() else {
        let lent = file.as_object().filter(|object| object.bytes().is_some()).map(|object| Backing::Lent(Arc::clone(object)));
        return lent.ok_or_else(|| io::ErrorKind::Unsupported.into());
    };
    map_file(local, file.stamp().size).map(Backing::Map)
}

fn map_file(file: &File, size: u64) -> io::Result<Mmap> {
    let len = usize::try_from(size).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    // SAFETY: the mapping is read-only and private. Other processes may change the file; every decoder above copies
    // what it checks and bounds-checks what it copied. A shrinking file is the guard's business.
    unsafe { MmapOptions::new().len(len).map_copy_read_only(file) }
}

/// As much of a file as there is, up to the size that it had when it was opened.
fn copy_whole(file: &OpenFile) -> Result<Vec<u8>> {
    const PIECE: usize = 1 << 20;
    let (path, size) = (file.path(), file.stamp().size);
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < size {
        let done = bytes.len();
        let piece = usize::try_from(size - done as u64).unwrap_or(PIECE).min(PIECE);
        bytes.try_reserve(piece).map_err(|_| Error::io(path, "read the file", io::ErrorKind::OutOfMemory.into()))?;
        bytes.resize(done + piece, 0);
        let read = file.fill_at(done as u64, &mut bytes[done..])?;
        bytes.truncate(done + read);
        if read < piece {
            break;
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
