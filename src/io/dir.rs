//! Sorted listings.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::access::Access;
use super::file::FileStamp;
use crate::error::{Error, Result};
use crate::types::{UnixMillis, count_work, grant};

/// What a directory entry is, without following symbolic links except to classify their target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file (or a link to one).
    File,
    /// A directory (or a link to one).
    Directory,
    /// A socket, FIFO or device, or a link that leads to itself.
    Other,
    /// A link to nothing. Opening it says that there is no such file, and creating it writes where the link points.
    Nowhere,
}

/// One name in a directory. Two are equal whenever they were changed: a file that is written in place stays the same entry.
#[derive(Debug, Clone, Eq)]
pub struct DirEntry {
    /// The name; bytes that are not UTF-8 are replaced, which no name of ours contains.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// Size in bytes; 0 for anything but a file.
    pub size: u64,
    /// Whose it is, where that came with the size.
    pub access: Option<Access>,
    /// When it was last changed, where that came with the size; `None` also when that is before 1970.
    pub modified: Option<UnixMillis>,
}

impl DirEntry {
    /// A name and what it is, of which nothing else was asked.
    pub const fn named(name: String, kind: EntryKind) -> Self {
        Self { name, kind, size: 0, access: None, modified: None }
    }

    /// The same with a size in bytes.
    #[must_use]
    pub fn of_size(self, size: u64) -> Self {
        Self { size, ..self }
    }
}

/// The entry of that name in a listing, which is sorted by the bytes of the names: a directory may hold very many.
pub fn entry_named<'e>(entries: &'e [DirEntry], name: &str) -> Option<&'e DirEntry> {
    let at = entries.binary_search_by(|entry| entry.name.as_str().cmp(name)).ok()?;
    entries.get(at)
}

/// True when a name in a listing, which is sorted by the bytes of the names, begins so.
pub fn holds_prefix(entries: &[DirEntry], prefix: &str) -> bool {
    let at = entries.partition_point(|entry| entry.name.as_str() < prefix);
    entries.get(at).is_some_and(|entry| entry.name.starts_with(prefix))
}

/// Bytes of memory that a listing takes.
pub fn memory_of_listing(entries: &[DirEntry]) -> u64 {
    entries.iter().map(|entry| memory_of_name::<DirEntry>(&entry.name)).sum()
}

fn memory_of_name<T>(name: &str) -> u64 {
    (size_of::<T>() + name.len()) as u64
}

/// Names that are kept without asking for the memory again.
const ASKED_EVERY: usize = 1 << 10;

/// Names while they are listed, in memory that the budget grants. Names that do not fit are counted and not kept: the refusal says
/// what all of them take.
struct Granted<T> {
    names: Vec<T>,
    bytes: u64,
    refused: bool,
}

impl<T> Granted<T> {
    const fn new() -> Self {
        Self { names: Vec::new(), bytes: 0, refused: false }
    }

    fn keep(&mut self, memory: u64, entry: impl FnOnce() -> T) {
        self.bytes = self.bytes.saturating_add(memory);
        if !self.refused && self.names.len().is_multiple_of(ASKED_EVERY) && grant(self.bytes).is_err() {
            self.refused = true;
            self.names = Vec::new();
        }
        if !self.refused {
            self.names.push(entry());
        }
    }

    fn finish(self) -> io::Result<Vec<T>> {
        grant(self.bytes).map_err(|over| io::Error::new(ErrorKind::OutOfMemory, over.to_string()))?;
        Ok(self.names)
    }
}

impl PartialEq for DirEntry {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.kind, self.size, self.access) == (&other.name, other.kind, other.size, other.access)
    }
}

/// What stands at a path, links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What it is; never [`EntryKind::Nowhere`].
    pub kind: EntryKind,
    /// Which file or directory it is, its size in bytes, and when it was last changed.
    pub stamp: FileStamp,
    /// Whose it is.
    pub access: Access,
}

impl Standing {
    /// When it was last changed; `None` when that is before 1970.
    pub fn modified(&self) -> Option<UnixMillis> {
        self.stamp.modified()
    }
}

/// Looks at what stands at `path`, links followed.
pub fn look(path: &Path) -> io::Result<Standing> {
    count_work(1);
    let meta = fs::metadata(path)?;
    let kind = if meta.is_file() {
        EntryKind::File
    } else if meta.is_dir() {
        EntryKind::Directory
    } else {
        EntryKind::Other
    };
    Ok(Standing { kind, stamp: FileStamp::of(&meta), access: Access::of(&meta) })
}

/// Where a symbolic link leads, as it says so itself; `None` for anything else.
pub fn link_target(path: &Path) -> Option<PathBuf> {
    count_work(1);
    fs::read_link(path).ok()
}

/// The path with `.`, `..` and links resolved; `None` when nothing stands there.
pub fn real_path(path: &Path) -> Option<PathBuf> {
    count_work(1);
    fs::canonicalize(path).ok()
}

/// The machine's clock; `None` when it stands before 1970.
pub fn now() -> Option<UnixMillis> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(UnixMillis(u64::try_from(since.as_millis()).ok()?))
}

/// True for the answers about a link that leads to nothing, or to itself.
fn leads_nowhere(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) || error.raw_os_error() == Some(libc::ELOOP)
}

/// The names in `dir` and which of them are directories (links followed), sorted, without looking at anything else.
pub fn list_names(dir: &Path) -> Result<Vec<(String, bool)>> {
    let failed = |source| Error::io(dir, "list the directory", source);
    let mut names = Granted::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        count_work(1);
        let is_directory = match entry.file_type() {
            Ok(kind) if kind.is_symlink() => entry.path().is_dir(),
            Ok(kind) => kind.is_dir(),
            Err(_) => false,
        };
        let name = entry.file_name();
        let name = name.to_string_lossy();
        names.keep(memory_of_name::<(String, bool)>(&name), || (name.to_string(), is_directory));
    }
    let mut names = names.finish().map_err(failed)?;
    names.sort_unstable();
    Ok(names)
}

/// The directory around a path, as it can be listed: `.` for a bare name. `None` for a root.
pub fn parent_of(path: &Path) -> Option<&Path> {
    path.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
}

/// Lists `dir`, sorted by the bytes of the names. An entry that vanishes while listing is left out. Only files whose name `sized`
/// accepts are asked for their size; that of others is 0. With many files in a directory, asking each is most of the work.
pub fn list_dir(dir: &Path, sized: &dyn Fn(&str) -> bool) -> Result<Vec<DirEntry>> {
    let failed = |source| Error::io(dir, "list the directory", source);
    let mut entries = Granted::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        count_work(1);
        let name = entry.file_name().to_string_lossy().into_owned();
        let memory = memory_of_name::<DirEntry>(&name);
        let found = match entry.file_type() {
            Ok(kind) if kind.is_dir() => DirEntry::named(name, EntryKind::Directory),
            Ok(kind) if kind.is_file() && !sized(&name) => DirEntry::named(name, EntryKind::File),
            Ok(kind) => match examine(&entry, name, kind.is_symlink())? {
                Some(found) => found,
                None => continue,
            },
            // A file that cannot be looked at is not a file of another kind or size.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(source) => return Err(Error::io(&entry.path(), "examine the file", source)),
        };
        entries.keep(memory, || found);
    }
    let mut entries = entries.finish().map_err(failed)?;
    entries.sort_unstable_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    Ok(entries)
}

/// An entry with all that the system tells of it, links followed; `None` when it is gone meanwhile.
fn examine(entry: &fs::DirEntry, name: String, is_link: bool) -> Result<Option<DirEntry>> {
    // What is no link is asked by its name in the directory that is open already.
    let found = if is_link { fs::metadata(entry.path()) } else { entry.metadata() };
    Ok(Some(match found {
        Ok(meta) if meta.is_file() => DirEntry {
            name,
            kind: EntryKind::File,
            size: meta.len(),
            access: Some(Access::of(&meta)),
            modified: FileStamp::of(&meta).modified(),
        },
        Ok(meta) if meta.is_dir() => DirEntry::named(name, EntryKind::Directory),
        // It became a link meanwhile.
        Ok(meta) if meta.is_symlink() => return examine(entry, name, true),
        Ok(_) => DirEntry::named(name, EntryKind::Other),
        Err(error) if leads_nowhere(&error) => match entry.metadata() {
            Ok(_) if error.kind() == ErrorKind::NotFound => DirEntry::named(name, EntryKind::Nowhere),
            Ok(_) => DirEntry::named(name, EntryKind::Other),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::io(&entry.path(), "examine the file", source)),
        },
        Err(source) => return Err(Error::io(&entry.path(), "examine the file", source)),
    }))
}
