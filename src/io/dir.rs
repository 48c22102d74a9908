//! Sorted listings.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::error::{Error, Result};
use crate::types::UnixMillis;

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

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// The name; bytes that are not UTF-8 are replaced, which no name of ours contains.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// Size in bytes; 0 for anything but a file.
    pub size: u64,
}

/// When the file or directory was last changed; `None` when that is not to be had.
pub fn modified_at(path: &Path) -> Option<UnixMillis> {
    let modified = fs::metadata(path).ok()?.modified().ok()?;
    let since = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(UnixMillis(u64::try_from(since.as_millis()).ok()?))
}

/// Where a symbolic link leads, as it says so itself; `None` for anything else.
pub fn link_target(path: &Path) -> Option<String> {
    Some(fs::read_link(path).ok()?.to_string_lossy().into_owned())
}

/// The machine's clock; `None` when it stands before 1970.
pub fn now() -> Option<UnixMillis> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(UnixMillis(u64::try_from(since.as_millis()).ok()?))
}

/// What stands at `path`, links followed; `None` when there is nothing, or a link to nothing.
pub fn kind_at(path: &Path) -> Option<EntryKind> {
    match fs::metadata(path) {
        Ok(meta) if meta.is_file() => Some(EntryKind::File),
        Ok(meta) if meta.is_dir() => Some(EntryKind::Directory),
        Ok(_) => Some(EntryKind::Other),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(_) => Some(EntryKind::Other),
    }
}

/// True for a link to nothing through which a file can be made: the directory that it leads into is there.
pub fn leads_into_a_directory(link: &Path) -> bool {
    let Ok(target) = fs::read_link(link) else { return false };
    let target = link.parent().map_or_else(|| target.clone(), |parent| parent.join(&target));
    target.parent().is_some_and(Path::is_dir)
}

/// True for the answers about a link that leads to nothing, or to itself.
fn leads_nowhere(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) || error.raw_os_error() == Some(libc::ELOOP)
}

/// The names in `dir` and which of them are directories (links followed), sorted, without looking at anything else.
pub fn list_names(dir: &Path) -> Result<Vec<(String, bool)>> {
    let failed = |source| Error::io(dir, "list the directory", source);
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let is_directory = match entry.file_type() {
            Ok(kind) if kind.is_symlink() => kind_at(&entry.path()) == Some(EntryKind::Directory),
            Ok(kind) => kind.is_dir(),
            Err(_) => false,
        };
        names.push((entry.file_name().to_string_lossy().into_owned(), is_directory));
    }
    names.sort();
    Ok(names)
}

/// Lists `dir`, sorted by the bytes of the names. An entry that vanishes while listing is left out.
pub fn list_dir(dir: &Path) -> Result<Vec<DirEntry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(dir).map_err(|source| Error::io(dir, "list the directory", source))? {
        let entry = entry.map_err(|source| Error::io(dir, "list the directory", source))?;
        let (kind, size) = match fs::metadata(entry.path()) {
            Ok(meta) if meta.is_file() => (EntryKind::File, meta.len()),
            Ok(meta) if meta.is_dir() => (EntryKind::Directory, 0),
            Ok(_) => (EntryKind::Other, 0),
            Err(error) if leads_nowhere(&error) => match fs::symlink_metadata(entry.path()) {
                Ok(_) if error.kind() == ErrorKind::NotFound => (EntryKind::Nowhere, 0),
                Ok(_) => (EntryKind::Other, 0),
                // Gone meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(source) => return Err(Error::io(&entry.path(), "examine the file", source)),
            },
            // A file that cannot be looked at is not a file of another kind or size.
            Err(source) => return Err(Error::io(&entry.path(), "examine the file", source)),
        };
        entries.push(DirEntry { name: entry.file_name().to_string_lossy().into_owned(), kind, size });
    }
    entries.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    Ok(entries)
}
