//! Where the files come from. Readers and questions touch the file system only through a [`Source`], so that a directory may as well
//! lie in memory, under an overlay, or in a store far away.

mod local;
mod memory;
mod memory_file;
mod overlay;
mod streams;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Result;
use crate::io::{
    Access, BulkFile, DirEntry, EntryKind, FileStamp, LockState, MappedFile, NoProgress, OpenFile, Progress, SmallFile, Standing,
};
use crate::readers::content::ContentPlan;
use crate::types::UnixMillis;

pub use crate::formats::unpack::Packing;
pub use local::Local;
pub use memory::Memory;
pub use overlay::Overlay;
pub use streams::{STDIN, Streams};

/// Where the files come from.
///
/// Everything is asked by path, and only reading is asked for. The first seven functions are what another source has to answer;
/// errors are those that the file system of this machine would give, since they decide what a start does: what is not there
/// is [`io::ErrorKind::NotFound`], a name below a file [`io::ErrorKind::NotADirectory`].
pub trait Source: fmt::Debug + Send + Sync {
    /// Lists a directory, sorted by the bytes of the names. An entry that vanishes while listing is left out.
    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>>;

    /// The names in a directory and which of them are directories (links followed), sorted, without looking at anything else.
    fn list_names(&self, dir: &Path) -> Result<Vec<(String, bool)>>;

    /// Looks at what stands at a path, links followed.
    fn look(&self, path: &Path) -> io::Result<Standing>;

    /// Where a symbolic link leads, as it says so itself; `None` for anything else.
    fn link_target(&self, path: &Path) -> Option<PathBuf>;

    /// The path with `.`, `..` and links resolved; `None` when nothing stands there.
    fn real_path(&self, path: &Path) -> Option<PathBuf>;

    /// Opens a regular file for reading. Anything else is refused without blocking.
    fn open(&self, path: &Path) -> Result<OpenFile>;

    /// Whether another process holds a write lock on a file. Takes none.
    fn lock_state(&self, path: &Path) -> Result<LockState>;

    /// The same where only the sizes of some files matter: those whose name `sized` accepts. Sizes of other files are 0, where
    /// asking for them costs something.
    fn list_sized(&self, dir: &Path, sized: &dyn Fn(&str) -> bool) -> Result<Vec<DirEntry>> {
        let _ = sized;
        self.list(dir)
    }

    /// The same where no size matters.
    fn list_kinds(&self, dir: &Path) -> Result<Vec<DirEntry>> {
        self.list_sized(dir, &|_| false)
    }

    /// The name by which a file says what it is: the last part of its path, as text. What a compressed file unpacks to has the name
    /// without the ending.
    fn name_of(&self, path: &Path) -> String {
        path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
    }

    /// Bytes that may still be written below a directory; `None` where nobody can say.
    fn free_space(&self, dir: &Path) -> Option<u64> {
        let _ = dir;
        None
    }

    /// Opens a regular file with its bytes in place.
    fn map(&self, path: &Path) -> Result<MappedFile> {
        self.open(path)?.map()
    }

    /// Opens a regular file to be read once.
    fn bulk(&self, path: &Path) -> Result<BulkFile<'static>> {
        Ok(self.open(path)?.bulk())
    }

    /// Reads a file of at most `limit` bytes whole; a larger one is refused.
    fn read_small(&self, path: &Path, limit: u64) -> Result<SmallFile> {
        self.open(path)?.read_small(limit)
    }

    /// What stands at a path, links followed; `None` when there is nothing, or a link to nothing.
    fn kind_at(&self, path: &Path) -> Option<EntryKind> {
        match self.look(path) {
            Ok(standing) => Some(standing.kind),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(_) => Some(EntryKind::Other),
        }
    }

    /// Size in bytes of what stands at a path; 0 when it cannot be opened.
    fn openable_size(&self, path: &Path) -> u64 {
        self.open(path).map_or(0, |file| file.stamp().size)
    }

    /// The stamp of whatever stands at a path, or `None` when it is gone.
    fn stamp_at(&self, path: &Path) -> Option<FileStamp> {
        self.look(path).ok().map(|standing| standing.stamp)
    }

    /// Owner and rights of what stands at a path; `None` when that cannot be asked.
    fn access_at(&self, path: &Path) -> Option<Access> {
        self.look(path).ok().map(|standing| standing.access)
    }

    /// When a file or directory was last changed; `None` when that is not to be had.
    fn modified_at(&self, path: &Path) -> Option<UnixMillis> {
        self.look(path).ok()?.modified()
    }

    /// What makes a directory the same one under every path: device and inode.
    fn directory_id(&self, dir: &Path) -> Option<(u64, u64)> {
        let standing = self.look(dir).ok()?;
        (standing.kind == EntryKind::Directory).then_some((standing.stamp.dev, standing.stamp.ino))
    }

    /// True for a link to nothing through which a file can be made: the directory that it leads into is there.
    fn leads_into_a_directory(&self, link: &Path) -> bool {
        let Some(target) = self.link_target(link) else { return false };
        let target = link.parent().map_or_else(|| target.clone(), |parent| parent.join(&target));
        target.parent().is_some_and(|parent| self.kind_at(parent) == Some(EntryKind::Directory))
    }
}

/// What every reader and every question is given: where the files come from, who watches, and how many threads there are.
///
/// ```
/// use ekv_tool::Run;
///
/// let run = Run::local().on_threads(2);
/// ```
#[derive(Clone)]
pub struct Run<'r> {
    /// Where the files come from. Whoever comes back to its files later keeps it.
    pub source: Arc<dyn Source>,
    /// Who watches.
    pub progress: &'r dyn Progress,
    /// Threads that read and check, at most.
    pub threads: usize,
    /// Whose content is read.
    pub content: Arc<ContentPlan>,
}

impl Run<'static> {
    /// The file system of this machine, one thread, and nobody watching.
    pub fn local() -> Self {
        Self::over(Local)
    }

    /// Another source, one thread, and nobody watching.
    pub fn over(source: impl Source + 'static) -> Self {
        Self { source: Arc::new(source), progress: &NoProgress, threads: 1, content: Arc::default() }
    }
}

impl Run<'_> {
    /// The same with another number of threads.
    #[must_use]
    pub fn on_threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// The same with somebody watching.
    #[must_use]
    pub fn watched_by(self, progress: &dyn Progress) -> Run<'_> {
        Run { source: self.source, progress, threads: self.threads, content: self.content }
    }

    /// The same where not all content is read.
    #[must_use]
    pub fn reading(self, content: Arc<ContentPlan>) -> Self {
        Self { content, ..self }
    }
}

/// Whoever watches the run sees what is read for it.
impl Progress for Run<'_> {
    fn advance(&self, bytes: u64) {
        self.progress.advance(bytes);
    }

    fn expect(&self, bytes: u64) {
        self.progress.expect(bytes);
    }

    fn interrupted(&self) -> bool {
        self.progress.interrupted()
    }
}

/// A refusal as the system gives it.
fn answer(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}
