//! Directories in memory.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::memory_file::MemoryFile;
use super::{Source, answer};
use crate::error::{Error, Result};
use crate::io::{Access, DirEntry, EntryKind, FileStamp, LockState, OpenFile, Standing, not_regular};

/// Links that are followed on the way to one place, as the kernel counts them.
const MOST_LINKS: usize = 40;
/// The longest name and the longest path that the kernel takes, in bytes.
const NAME_MAX: usize = 255;
const PATH_MAX: usize = 4096;

/// Directories and files in memory, under absolute paths. Relative ones begin at the working directory of the process.
///
/// ```
/// use std::path::Path;
///
/// use ekv_tool::Run;
/// use ekv_tool::ops::{CheckOptions, check};
/// use ekv_tool::readers::{Local, Memory};
///
/// # fn main() -> Result<(), ekv_tool::Error> {
/// let group = Path::new("fixtures/demo/n1/group-1");
/// let copy = Memory::of(&Local, group, 64 << 20)?;
/// let report = check(&[group.to_owned()], &CheckOptions::default(), &Run::over(copy))?;
/// assert_eq!(report.findings.len(), 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Memory {
    nodes: BTreeMap<PathBuf, Node>,
    made: u64,
}

#[derive(Debug, Clone)]
enum Node {
    Directory {
        standing: Standing,
        names: BTreeSet<OsString>,
    },
    File(Arc<MemoryFile>),
    Link(PathBuf),
    /// What is neither; what it is in words.
    Special {
        standing: Standing,
        what: String,
    },
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Memory {
    /// Nothing but an empty root.
    pub fn new() -> Self {
        let mut memory = Self { nodes: BTreeMap::new(), made: 0 };
        let standing = memory.plain(EntryKind::Directory);
        memory.nodes.insert(PathBuf::from("/"), Node::Directory { standing, names: BTreeSet::new() });
        memory
    }

    /// What another source has at `dir` and below it, as far as its names are text; links are kept and not followed. More than
    /// `limit` bytes of files are refused.
    pub fn of(source: &dyn Source, dir: &Path, limit: u64) -> Result<Self> {
        let mut memory = Self::new();
        memory.copy(source, dir, limit)?;
        Ok(memory)
    }

    /// Adds what another source has at `dir` and below it; see [`Memory::of`].
    pub fn copy(&mut self, source: &dyn Source, dir: &Path, limit: u64) -> Result<()> {
        let (mut left, mut waiting) = (limit, vec![dir.to_owned()]);
        while let Some(path) = waiting.pop() {
            if let Some(target) = source.link_target(&path).filter(|_| path != dir) {
                self.link(&path, &target)?;
                continue;
            }
            let standing = match source.look(&path) {
                Ok(standing) => standing,
                // Gone meanwhile, or not to be named.
                Err(error) if error.kind() == io::ErrorKind::NotFound && path != dir => continue,
                Err(error) => return Err(Error::io(&path, "examine the file", error)),
            };
            match standing.kind {
                EntryKind::Directory => {
                    let place = self.make(&path)?;
                    if let Some(Node::Directory { standing: made, .. }) = self.nodes.get_mut(&place) {
                        *made = standing;
                    }
                    waiting.extend(source.list_names(&path)?.into_iter().map(|(name, _)| path.join(name)));
                }
                EntryKind::File => {
                    let bytes = source.read_small(&path, left)?.bytes;
                    left -= bytes.len() as u64;
                    self.insert(&path, Node::File(Arc::new(MemoryFile::new(bytes, standing))))?;
                }
                EntryKind::Other | EntryKind::Nowhere => {
                    let problem = source.open(&path).err().map(|error| error.reason()).unwrap_or_default();
                    let what = problem.strip_prefix("is a ").and_then(|what| what.strip_suffix(", not a regular file"));
                    let what = what.unwrap_or("special file").to_owned();
                    self.insert(&path, Node::Special { standing, what })?;
                }
            }
        }
        Ok(())
    }

    /// Puts a file at `path` in the place of what stands there; directories around it are made.
    pub fn put(&mut self, path: &Path, bytes: impl Into<Arc<[u8]>>) -> Result<()> {
        let standing = self.plain(EntryKind::File);
        self.insert(path, Node::File(Arc::new(MemoryFile::new(bytes, standing)))).map(drop)
    }

    /// Makes a directory and those around it.
    pub fn make_dir(&mut self, path: &Path) -> Result<()> {
        self.make(path).map(drop)
    }

    /// Makes a symbolic link at `path` in the place of what stands there.
    pub fn link(&mut self, path: &Path, target: &Path) -> Result<()> {
        self.insert(path, Node::Link(target.to_owned())).map(drop)
    }

    /// What is seen of something that nobody else has made: it belongs to root, is as old as the clock, and is like nothing else.
    fn plain(&mut self, kind: EntryKind) -> Standing {
        self.made += 1;
        let mode = if kind == EntryKind::Directory { 0o755 } else { 0o644 };
        let stamp = FileStamp { dev: u64::MAX, ino: self.made, size: 0, mtime: (0, 0) };
        Standing { kind, stamp, access: Access { mode, uid: 0, gid: 0 } }
    }

    /// Makes a directory and those around it; its place.
    fn make(&mut self, path: &Path) -> Result<PathBuf> {
        let mut place = PathBuf::from("/");
        for part in lexical(path).map_err(|source| Error::io(path, "make the directory", source))?.components().skip(1) {
            let inner = place.join(part);
            if !matches!(self.nodes.get(&inner), Some(Node::Directory { .. })) {
                let standing = self.plain(EntryKind::Directory);
                self.add(&place, &inner, Node::Directory { standing, names: BTreeSet::new() });
            }
            place = inner;
        }
        Ok(place)
    }

    fn insert(&mut self, path: &Path, node: Node) -> Result<()> {
        let refused = |source| Error::io(path, "put the file", source);
        let place = lexical(path).map_err(refused)?;
        let Some(parent) = place.parent() else { return Err(refused(answer(libc::EISDIR))) };
        let parent = self.make(parent)?;
        self.remove_below(&place);
        self.add(&parent, &place, node);
        Ok(())
    }

    fn add(&mut self, parent: &Path, place: &Path, node: Node) {
        if let (Some(Node::Directory { names, .. }), Some(name)) = (self.nodes.get_mut(parent), place.file_name()) {
            names.insert(name.to_owned());
        }
        self.nodes.insert(place.to_owned(), node);
    }

    /// Takes away what stands in a directory that something else takes the place of.
    fn remove_below(&mut self, place: &Path) {
        let Some(Node::Directory { .. }) = self.nodes.get(place) else { return };
        self.nodes.retain(|path, _| path == place || !path.starts_with(place));
    }

    /// Where a path leads, and what stands there; a link in its last part is followed on demand.
    fn resolve(&self, path: &Path, follow: bool) -> io::Result<(PathBuf, &Node)> {
        let absolute = absolute(path)?;
        let mut parts: VecDeque<OsString> = parts(&absolute).collect();
        let (mut place, mut links) = (PathBuf::from("/"), 0);
        let mut node = self.nodes.get(&place).ok_or_else(|| answer(libc::ENOENT))?;
        while let Some(part) = parts.pop_front() {
            let Node::Directory { .. } = node else { return Err(answer(libc::ENOTDIR)) };
            if part == ".." {
                place.pop();
            } else {
                place.push(&part);
            }
            node = self.nodes.get(&place).ok_or_else(|| answer(libc::ENOENT))?;
            if let Node::Link(target) = node
                && (follow || !parts.is_empty())
            {
                links += 1;
                if links > MOST_LINKS {
                    return Err(answer(libc::ELOOP));
                }
                place = if target.is_absolute() {
                    PathBuf::from("/")
                } else {
                    place.parent().map(Path::to_owned).unwrap_or_default()
                };
                node = self.nodes.get(&place).ok_or_else(|| answer(libc::ENOENT))?;
                for part in self::parts(target).collect::<Vec<_>>().into_iter().rev() {
                    parts.push_front(part);
                }
            }
        }
        Ok((place, node))
    }
}

/// The names in a path, `..` among them.
fn parts(path: &Path) -> impl Iterator<Item = OsString> + '_ {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    })
}

/// A path from the root on; an error for one that the kernel would not take.
fn absolute(path: &Path) -> io::Result<PathBuf> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.contains(&0) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "file name contained an unexpected NUL byte"));
    }
    if bytes.is_empty() {
        return Err(answer(libc::ENOENT));
    }
    if bytes.len() >= PATH_MAX || path.components().any(|part| part.as_os_str().len() > NAME_MAX) {
        return Err(answer(libc::ENAMETOOLONG));
    }
    std::path::absolute(path)
}

/// The same without `..`, for what is made: there are no links on the way.
fn lexical(path: &Path) -> io::Result<PathBuf> {
    let mut place = PathBuf::from("/");
    for part in parts(&absolute(path)?) {
        if part == ".." {
            place.pop();
        } else {
            place.push(part);
        }
    }
    Ok(place)
}

impl Source for Memory {
    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>> {
        let refused = |source| Error::io(dir, "list the directory", source);
        let (place, node) = self.resolve(dir, true).map_err(refused)?;
        let Node::Directory { names, .. } = node else { return Err(refused(answer(libc::ENOTDIR))) };
        let mut entries: Vec<_> = names
            .iter()
            .map(|name| {
                let (kind, size) = match self.look(&place.join(name)) {
                    Ok(standing) if standing.kind == EntryKind::File => (EntryKind::File, standing.stamp.size),
                    Ok(standing) => (standing.kind, 0),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => (EntryKind::Nowhere, 0),
                    Err(_) => (EntryKind::Other, 0),
                };
                DirEntry { name: name.to_string_lossy().into_owned(), kind, size }
            })
            .collect();
        entries.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
        Ok(entries)
    }

    fn list_names(&self, dir: &Path) -> Result<Vec<(String, bool)>> {
        Ok(self.list(dir)?.into_iter().map(|entry| (entry.name, entry.kind == EntryKind::Directory)).collect())
    }

    fn look(&self, path: &Path) -> io::Result<Standing> {
        match self.resolve(path, true)?.1 {
            Node::Directory { standing, .. } | Node::Special { standing, .. } => Ok(*standing),
            Node::File(file) => Ok(file.standing()),
            Node::Link(_) => Err(answer(libc::ELOOP)),
        }
    }

    fn link_target(&self, path: &Path) -> Option<PathBuf> {
        match self.resolve(path, false).ok()?.1 {
            Node::Link(target) => Some(target.clone()),
            _ => None,
        }
    }

    fn real_path(&self, path: &Path) -> Option<PathBuf> {
        self.resolve(path, true).ok().map(|(place, _)| place)
    }

    fn open(&self, path: &Path) -> Result<OpenFile> {
        match self.resolve(path, true).map_err(|source| Error::io(path, "open the file", source))?.1 {
            Node::File(file) => OpenFile::object(path, Arc::<MemoryFile>::clone(file)),
            Node::Directory { .. } => Err(not_regular(path, "directory")),
            Node::Special { what, .. } => Err(not_regular(path, what)),
            Node::Link(_) => Err(Error::io(path, "open the file", answer(libc::ELOOP))),
        }
    }

    fn lock_state(&self, path: &Path) -> Result<LockState> {
        // Nobody can have locked it.
        self.open(path).map(|_| LockState::Free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_where_the_kernel_would_lead_them() {
        let mut memory = Memory::new();
        memory.put(Path::new("/n1/group-1/wal/a"), *b"abc").unwrap();
        memory.make_dir(Path::new("/n1/empty")).unwrap();
        for (link, target) in [
            ("/n1/log", "group-1/wal"),
            ("/there", "/n1/log/a"),
            ("/gone", "nothing"),
            ("/loop", "loop"),
            ("/through", "there/b"),
        ] {
            memory.link(Path::new(link), Path::new(target)).unwrap();
        }
        let size =
            |path: &str| memory.look(Path::new(path)).map(|standing| standing.stamp.size).map_err(|error| error.raw_os_error());
        for path in ["/n1/group-1/wal/a", "/n1/log/a", "/there", "/n1/empty/../log/../wal/a", "/../there", "//n1/./log/a"] {
            assert_eq!(size(path), Ok(3), "{path}");
        }
        for (path, error) in [
            ("/n1/log/b", libc::ENOENT),
            ("/gone", libc::ENOENT),
            ("/there/b", libc::ENOTDIR),
            ("/there/..", libc::ENOTDIR),
            ("/through", libc::ENOTDIR),
            ("/loop", libc::ELOOP),
            ("", libc::ENOENT),
        ] {
            assert_eq!(size(path), Err(Some(error)), "{path}");
        }
        let kinds: Vec<_> = memory.list(Path::new("/")).unwrap().into_iter().map(|entry| (entry.name, entry.kind)).collect();
        let expected = [
            ("gone", EntryKind::Nowhere),
            ("loop", EntryKind::Other),
            ("n1", EntryKind::Directory),
            ("there", EntryKind::File),
            ("through", EntryKind::Other),
        ];
        assert_eq!(kinds, expected.map(|(name, kind)| (name.to_owned(), kind)));
        assert_eq!(memory.real_path(Path::new("/there")), Some("/n1/group-1/wal/a".into()));
        assert!(memory.open(Path::new("/n1")).unwrap_err().reason().contains("is a directory"));
        assert_eq!(memory.open(Path::new("/there")).unwrap().read_at(1, 9).unwrap(), b"bc");
    }

    #[test]
    fn a_file_takes_the_place_of_a_directory_and_back() {
        let mut memory = Memory::new();
        memory.put(Path::new("/a/b/c"), *b"1").unwrap();
        memory.put(Path::new("/a/b"), *b"22").unwrap();
        assert_eq!(memory.list(Path::new("/a")).unwrap().len(), 1);
        assert!(memory.look(Path::new("/a/b/c")).is_err());
        memory.put(Path::new("/a/b/d"), *b"3").unwrap();
        let names: Vec<_> = memory.list(Path::new("/a/b")).unwrap().into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["d"]);
    }
}
