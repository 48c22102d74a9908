//! Reading much of a file once, at the speed of the memory or the disk it lies on, in little memory.

mod buffer;
mod checksum;
mod lane;
mod residency;
mod windows;

use std::fs::{File, OpenOptions};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::file::FileStamp;
use super::map::MappedFile;
use super::open::OpenFile;
use super::threads::cores;
use crate::error::Result;

pub use checksum::{ChecksumOutcome, checksum_range};

/// How bytes are brought from the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strategy {
    /// Decided for every window: what lies in the page cache is mapped, everything else is read past the page cache.
    #[default]
    Auto,
    /// Everything through a memory mapping.
    Mmap,
    /// Everything with ordinary reads.
    Pread,
    /// Everything past the page cache, where the file system allows it.
    Direct,
}

/// How a file is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IoOptions {
    /// Threads at most; 0 stands for as many as one disk rewards.
    pub threads: usize,
    /// Where the bytes are brought from.
    pub strategy: Strategy,
}

/// More threads than this read no faster from one disk.
const MOST_THREADS: usize = 4;

impl IoOptions {
    /// Files of `count` to read at the same time, one thread each.
    pub fn lanes(self, count: usize) -> usize {
        self.threads_for(count as u64)
    }

    /// Threads to use when there is work for `pieces`.
    fn threads_for(self, pieces: u64) -> usize {
        let wanted = match self.threads {
            // One thread cannot keep a disk busy while it sums, even on one core.
            0 => cores().clamp(2, MOST_THREADS),
            threads => threads.min(MOST_THREADS),
        };
        wanted.min(usize::try_from(pieces).unwrap_or(wanted)).max(1)
    }
}

/// What happened to a file while it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileChange {
    /// It became shorter.
    Shrunk {
        /// Offset where it was seen to end.
        at: u64,
    },
    /// It became longer. What was read may still be what it was: a log grows so.
    Grown,
    /// It was written to without a change of its size.
    Modified,
    /// Another file has taken its name; the one that was opened was read.
    Replaced,
    /// Its name is gone; the file that was opened was read.
    Vanished,
}

/// How the bytes of a read were brought, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Served {
    /// Through a memory mapping.
    pub mapped: u64,
    /// From the disk past the page cache.
    pub direct: u64,
    /// With ordinary reads.
    pub buffered: u64,
    /// In windows of which was asked whether they lay in the page cache; small files are not asked about.
    pub asked: u64,
    /// In windows that lay in the page cache.
    pub cached: u64,
}

impl Served {
    /// The share of the bytes that lay in the page cache, from 0 to 1; `None` when nobody asked.
    pub fn cached_share(&self) -> Option<f64> {
        (self.asked > 0).then(|| self.cached as f64 / self.asked as f64)
    }

    fn add(&mut self, other: Self) {
        self.mapped += other.mapped;
        self.direct += other.direct;
        self.buffered += other.buffered;
        self.asked += other.asked;
        self.cached += other.cached;
    }
}

/// What came of reading a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadOutcome {
    /// Bytes handed over, from the start of the range on without a gap.
    pub bytes: u64,
    /// How they were brought.
    pub served: Served,
    /// What happened to the file meanwhile.
    pub change: Option<FileChange>,
}

/// The sizes that reading is cut into; only tests have other ones.
#[derive(Debug, Clone, Copy)]
struct Geometry {
    /// What a thread takes from the work at a time, in bytes.
    unit: u64,
    /// What is asked about, mapped and read at a time; a multiple of [`buffer::ALIGNMENT`].
    window: u64,
    /// A range of at most this many bytes is read by one thread without questions.
    small: u64,
}

impl Geometry {
    const USUAL: Self = Self { unit: 16 << 20, window: 4 << 20, small: 1 << 20 };
}

/// A range cut where multiples of a size lie, so that only its first and last cell can be shorter.
#[derive(Debug, Clone)]
struct Cells {
    range: Range<u64>,
    size: u64,
}

impl Cells {
    fn count(&self) -> u64 {
        if self.range.is_empty() { 0 } else { self.range.end.div_ceil(self.size) - self.range.start / self.size }
    }

    /// The cell of that number, counted from 0; empty behind the last.
    fn get(&self, number: u64) -> Range<u64> {
        let first = (self.range.start / self.size).saturating_add(number).saturating_mul(self.size);
        first.max(self.range.start)..first.saturating_add(self.size).min(self.range.end)
    }

    fn iter(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        (0..self.count()).map(|number| self.get(number))
    }
}

/// A regular file opened to be read in bulk.
///
/// Reading past the page cache leaves the cache of a running server as it is; pages that lie there are used in place.
/// Whatever other processes do to the file gives a [`FileChange`]; only a disk that fails to deliver gives an error.
#[derive(Debug)]
pub struct BulkFile<'m> {
    source: Source<'m>,
    geometry: Geometry,
    reopened: Reopened,
    /// Reading past the page cache was tried and refused.
    direct_refused: AtomicBool,
    /// Offset where the file was seen to end too early; the highest value when it was not.
    end_seen: AtomicU64,
}

#[derive(Debug)]
enum Source<'m> {
    Own(Box<Own>),
    Mapped(&'m MappedFile),
}

#[derive(Debug)]
struct Own {
    file: OpenFile,
    map: OnceLock<Option<MappedFile>>,
}

/// Further descriptors of the same file, opened when they are first needed.
#[derive(Debug, Default)]
struct Reopened {
    /// Reads past the page cache.
    direct: OnceLock<Option<File>>,
    /// Asks what lies in the page cache without making the system read ahead.
    #[cfg(target_os = "linux")]
    probe: OnceLock<Option<File>>,
}

impl OpenFile {
    /// Its bytes once, at the speed of what they lie on.
    pub fn bulk(self) -> BulkFile<'static> {
        BulkFile::of(self)
    }
}

impl BulkFile<'static> {
    /// Opens `path`; anything but a regular file is refused without blocking.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self::of(OpenFile::open(path)?))
    }

    /// Reads a file that is open already.
    fn of(file: OpenFile) -> Self {
        Self::new(Source::Own(Box::new(Own { file, map: OnceLock::new() })))
    }
}

impl<'m> BulkFile<'m> {
    /// Reads a file that is mapped already. Changes count from when it was opened.
    pub fn over(map: &'m MappedFile) -> Self {
        Self::new(Source::Mapped(map))
    }

    fn new(source: Source<'m>) -> Self {
        Self {
            source,
            geometry: Geometry::USUAL,
            reopened: Reopened::default(),
            direct_refused: AtomicBool::new(false),
            end_seen: AtomicU64::new(u64::MAX),
        }
    }

    /// What the file looked like when it was opened.
    pub fn stamp(&self) -> FileStamp {
        self.file().stamp()
    }

    /// The path it was opened by.
    pub fn path(&self) -> &Path {
        self.file().path()
    }

    fn file(&self) -> &OpenFile {
        match &self.source {
            Source::Own(own) => &own.file,
            Source::Mapped(map) => map.file(),
        }
    }

    /// The whole file mapped, where that is possible.
    fn map(&self) -> Option<&MappedFile> {
        match &self.source {
            Source::Own(own) => own.map.get_or_init(|| MappedFile::strictly(own.file.try_clone().ok()?).ok()).as_ref(),
            Source::Mapped(map) => Some(map),
        }
    }

    /// The mapping, if there has been need of one.
    fn map_at_hand(&self) -> Option<&MappedFile> {
        match &self.source {
            Source::Own(own) => own.map.get()?.as_ref(),
            Source::Mapped(map) => Some(map),
        }
    }

    /// The same file opened again, with other flags or to have a read-ahead of its own.
    fn reopen(&self, flags: libc::c_int) -> Option<File> {
        self.file().local()?;
        let flags = flags | libc::O_NONBLOCK | libc::O_NOCTTY;
        let open = |flags| OpenOptions::new().read(true).custom_flags(flags).open(self.path());
        #[cfg(target_os = "linux")]
        let file = open(flags | libc::O_NOATIME).or_else(|_| open(flags)).ok()?;
        #[cfg(not(target_os = "linux"))]
        let file = open(flags).ok()?;
        // Another file may have taken the name.
        let (now, then) = (FileStamp::of(&file.metadata().ok()?), self.stamp());
        (now.dev == then.dev && now.ino == then.ino).then_some(file)
    }

    #[cfg(target_os = "linux")]
    fn direct(&self) -> Option<&File> {
        if self.direct_refused.load(Ordering::Relaxed) {
            return None;
        }
        self.reopened.direct.get_or_init(|| self.reopen(libc::O_DIRECT)).as_ref()
    }

    #[cfg(not(target_os = "linux"))]
    fn direct(&self) -> Option<&File> {
        self.reopened.direct.get_or_init(|| None).as_ref()
    }

    /// As much of `range` as the file had when it was opened.
    fn clamp(&self, range: &Range<u64>) -> Range<u64> {
        let end = range.end.min(self.stamp().size);
        range.start.min(end)..end
    }

    /// The file was seen to end at `offset`, which is too early.
    fn note_end(&self, offset: u64) {
        self.end_seen.fetch_min(offset, Ordering::SeqCst);
    }

    /// What has happened to the file since it was opened.
    pub fn change(&self) -> Result<Option<FileChange>> {
        let (then, now) = (self.stamp(), self.file().now()?);
        let end = self.end_seen.load(Ordering::SeqCst).min(now.size);
        Ok(if end < then.size {
            Some(FileChange::Shrunk { at: end })
        } else if now.size > then.size {
            Some(FileChange::Grown)
        } else if now.mtime != then.mtime {
            Some(FileChange::Modified)
        } else {
            match self.file().by_name() {
                None => Some(FileChange::Vanished),
                Some(other) if (other.dev, other.ino) != (then.dev, then.ino) => Some(FileChange::Replaced),
                Some(_) => None,
            }
        })
    }
}

#[cfg(test)]
mod tests;
