//! Directories in memory.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
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
    /// Everything that was ever made; what something else took the place of is in no directory any more. The root is the first.
    things: Vec<Thing>,
    made: u64,
}

/// Number of a thing.
type Id = usize;
const ROOT: Id = 0;

/// Something in a directory.
#[derive(Debug, Clone)]
struct Thing {
    /// The directory it is in; the root is in itself.
    parent: Id,
    name: OsString,
    node: Node,
}

#[derive(Debug, Clone)]
enum Node {
    Directory {
        standing: Standing,
        names: BTreeMap<OsString, Id>,
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
        let mut memory = Self { things: Vec::new(), made: 0 };
        let node = memory.directory();
        memory.things.push(Thing { parent: ROOT, name: OsString::new(), node });
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
                    let made = self.make(&path)?;
                    if let Node::Directory { standing: made, .. } = &mut self.things[made].node {
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

    fn directory(&mut self) -> Node {
        Node::Directory { standing: self.plain(EntryKind::Directory), names: BTreeMap::new() }
    }

    /// Makes a directory and those around it. There are no links on the way: `..` takes away the name before it.
    fn make(&mut self, path: &Path) -> Result<Id> {
        let absolute = absolute(path).map_err(|source| Error::io(path, "make the directory", source))?;
        let mut place = ROOT;
        for name in parts(&absolute) {
            place = if name == b".." { self.things[place].parent } else { self.make_in(place, OsStr::from_bytes(name)) };
        }
        Ok(place)
    }

    /// The directory of that name in another; what else stands there gives way.
    fn make_in(&mut self, parent: Id, name: &OsStr) -> Id {
        match self.child(parent, name) {
            Some(id) if matches!(self.things[id].node, Node::Directory { .. }) => id,
            _ => {
                let node = self.directory();
                self.put_in(parent, name, node)
            }
        }
    }

    fn insert(&mut self, path: &Path, node: Node) -> Result<()> {
        let refused = |source| Error::io(path, "put the file", source);
        let absolute = absolute(path).map_err(refused)?;
        let mut around: Vec<&[u8]> = Vec::new();
        for name in parts(&absolute) {
            if name == b".." {
                around.pop();
            } else {
                around.push(name);
            }
        }
        let Some(name) = around.pop() else { return Err(refused(answer(libc::EISDIR))) };
        let parent = around.into_iter().fold(ROOT, |parent, name| self.make_in(parent, OsStr::from_bytes(name)));
        self.put_in(parent, OsStr::from_bytes(name), node);
        Ok(())
    }

    /// Puts something into a directory, in the place of what has that name.
    fn put_in(&mut self, parent: Id, name: &OsStr, node: Node) -> Id {
        let id = self.things.len();
        self.things.push(Thing { parent, name: name.to_owned(), node });
        if let Node::Directory { names, .. } = &mut self.things[parent].node {
            names.insert(name.to_owned(), id);
        }
        id
    }

    fn child(&self, parent: Id, name: &OsStr) -> Option<Id> {
        match &self.things[parent].node {
            Node::Directory { names, .. } => names.get(name).copied(),
            _ => None,
        }
    }

    /// What stands at a path; a link in its last part is followed on demand.
    fn resolve(&self, path: &Path, follow: bool) -> io::Result<Id> {
        self.walk(ROOT, &absolute(path)?, follow)
    }

    /// The same from a directory on.
    fn walk(&self, from: Id, path: &Path, follow: bool) -> io::Result<Id> {
        let ahead = |path| {
            let mut names: Vec<_> = parts(path).collect();
            names.reverse();
            names
        };
        let (mut place, mut rest, mut links) = (from, ahead(path), 0);
        while let Some(name) = rest.pop() {
            let Node::Directory { names, .. } = &self.things[place].node else { return Err(answer(libc::ENOTDIR)) };
            let around = place;
            place = if name == b".." {
                self.things[place].parent
            } else {
                *names.get(OsStr::from_bytes(name)).ok_or_else(|| answer(libc::ENOENT))?
            };
            if let Node::Link(target) = &self.things[place].node
                && (follow || !rest.is_empty())
            {
                links += 1;
                if links > MOST_LINKS {
                    return Err(answer(libc::ELOOP));
                }
                place = if target.is_absolute() { ROOT } else { around };
                rest.append(&mut ahead(target));
            }
        }
        Ok(place)
    }

    fn standing(&self, id: Id) -> io::Result<Standing> {
        match &self.things[id].node {
            Node::Directory { standing, .. } | Node::Special { standing, .. } => Ok(*standing),
            Node::File(file) => Ok(file.standing()),
            Node::Link(_) => Err(answer(libc::ELOOP)),
        }
    }
}

/// The names in a path, `..` among them.
fn parts(path: &Path) -> impl Iterator<Item = &[u8]> {
    path.as_os_str().as_bytes().split(|&byte| byte == b'/').filter(|name| !name.is_empty() && *name != b".")
}

/// A path from the root on; an error for one that the kernel would not take.
fn absolute(path: &Path) -> io::Result<Cow<'_, Path>> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.contains(&0) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "file name contained an unexpected NUL byte"));
    }
    if bytes.is_empty() {
        return Err(answer(libc::ENOENT));
    }
    if bytes.len() >= PATH_MAX || parts(path).any(|name| name.len() > NAME_MAX) {
        return Err(answer(libc::ENAMETOOLONG));
    }
    if path.is_absolute() { Ok(Cow::Borrowed(path)) } else { std::path::absolute(path).map(Cow::Owned) }
}

impl Source for Memory {
    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>> {
        let refused = |source| Error::io(dir, "list the directory", source);
        let dir = self.resolve(dir, true).map_err(refused)?;
        let Node::Directory { names, .. } = &self.things[dir].node else { return Err(refused(answer(libc::ENOTDIR))) };
        let mut entries: Vec<_> = names
            .iter()
            .map(|(name, id)| {
                let standing = match self.things[*id].node {
                    Node::Link(_) => self.walk(dir, Path::new(name), true).and_then(|id| self.standing(id)),
                    _ => self.standing(*id),
                };
                let (kind, size) = match standing {
                    Ok(standing) if standing.kind == EntryKind::File => (EntryKind::File, standing.stamp.size),
                    Ok(standing) => (standing.kind, 0),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => (EntryKind::Nowhere, 0),
                    Err(_) => (EntryKind::Other, 0),
                };
                DirEntry::named(name.to_string_lossy().into_owned(), kind).of_size(size)
            })
            .collect();
        entries.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
        Ok(entries)
    }

    fn list_names(&self, dir: &Path) -> Result<Vec<(String, bool)>> {
        Ok(self.list(dir)?.into_iter().map(|entry| (entry.name, entry.kind == EntryKind::Directory)).collect())
    }

    fn look(&self, path: &Path) -> io::Result<Standing> {
        self.standing(self.resolve(path, true)?)
    }

    fn link_target(&self, path: &Path) -> Option<PathBuf> {
        match &self.things[self.resolve(path, false).ok()?].node {
            Node::Link(target) => Some(target.clone()),
            _ => None,
        }
    }

    fn real_path(&self, path: &Path) -> Option<PathBuf> {
        let mut id = self.resolve(path, true).ok()?;
        let mut names = Vec::new();
        while id != ROOT {
            names.push(&self.things[id].name);
            id = self.things[id].parent;
        }
        Some(Path::new("/").join(names.into_iter().rev().collect::<PathBuf>()))
    }

    fn open(&self, path: &Path) -> Result<OpenFile> {
        let id = self.resolve(path, true).map_err(|source| Error::io(path, "open the file", source))?;
        match &self.things[id].node {
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
