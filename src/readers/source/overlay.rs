//! Another source with some of its files changed: what if this payload were not there?

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::memory_file::MemoryFile;
use super::{Source, answer};
use crate::error::{Error, Result};
use crate::io::{DirEntry, EntryKind, FileStamp, LockState, OpenFile, Standing, parent_of};

/// Links that are followed, one from another.
const MOST_LINKS: usize = 40;

/// Another source under changes: names that are not there any more, and files that are, with bytes in memory. Nothing below is
/// touched, and nothing is read of a file that was replaced or hidden.
///
/// A change is one of a place, not of a path: it is seen by every path that leads there. What lies below a hidden directory is
/// hidden, whatever was put there.
///
/// ```
/// use ekv_tool::Run;
/// use ekv_tool::ops::{GateOptions, gate_dryrun};
/// use ekv_tool::readers::{Local, Overlay};
///
/// # fn main() -> Result<(), ekv_tool::Error> {
/// let group = std::path::Path::new("fixtures/demo/n1/group-2");
/// let mut what_if = Overlay::over(Local);
/// what_if.hide(&group.join("fsm-snap/00000000000000c9.fsm"))?;
///
/// let report = gate_dryrun(&[group.to_owned()], &GateOptions::default(), &Run::over(what_if))?;
/// println!("without its payload: {}", report.body.groups[0].forecast.reason);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Overlay {
    below: Arc<dyn Source>,
    /// By the real path of the directory and the name in it.
    changes: BTreeMap<PathBuf, Change>,
    /// Files that were put so far.
    put: u64,
}

#[derive(Debug, Clone)]
enum Change {
    Hidden,
    File(Arc<MemoryFile>),
}

/// What became of a path.
enum Found<'o> {
    /// It is as it is below.
    Below,
    /// It leads to a file of the overlay.
    File(&'o Arc<MemoryFile>),
    /// It leads nowhere; the system's answer.
    Nowhere(i32),
}

impl Overlay {
    /// No change yet.
    pub fn over(below: impl Source + 'static) -> Self {
        Self { below: Arc::new(below), changes: BTreeMap::new(), put: 0 }
    }

    /// Takes away what stands at `path`: a file, a link itself, or a directory with everything in it. Nothing need stand there, but the
    /// directory around it must.
    pub fn hide(&mut self, path: &Path) -> Result<()> {
        let place = self.place(path).ok_or_else(|| Error::io(path, "hide the file", answer(libc::ENOENT)))?;
        self.changes.insert(place, Change::Hidden);
        Ok(())
    }

    /// Puts a file at `path`, in the place of what stands there. The directory around it must be there. A file that takes the
    /// place of another has its owner, rights and time; a new one those of the directory, and may not be executed.
    pub fn put(&mut self, path: &Path, bytes: impl Into<Arc<[u8]>>) -> Result<()> {
        let refused = |source| Error::io(path, "put the file", source);
        let place = self.place(path).ok_or_else(|| refused(answer(libc::ENOENT)))?;
        let mut like = match self.below.look(&place) {
            Ok(standing) if standing.kind == EntryKind::File => standing,
            _ => self.below.look(place.parent().unwrap_or(Path::new("/"))).map_err(refused)?,
        };
        if like.kind == EntryKind::Directory {
            like.access.mode &= 0o666;
        }
        // A file of its own, whatever it replaces.
        self.put += 1;
        like.stamp = FileStamp { dev: u64::MAX, ino: self.put, ..like.stamp };
        self.changes.insert(place, Change::File(Arc::new(MemoryFile::new(bytes, like))));
        Ok(())
    }

    /// The real path of the directory around `path`, and the name in it.
    fn place(&self, path: &Path) -> Option<PathBuf> {
        let Some(name) = path.file_name() else { return self.below.real_path(path) };
        let parent = parent_of(path).unwrap_or(Path::new("."));
        Some(self.below.real_path(parent)?.join(name))
    }

    /// What the changes say of a place and of the directories around it.
    fn at(&self, place: &Path) -> Found<'_> {
        for around in place.ancestors().skip(1) {
            match self.changes.get(around) {
                Some(Change::Hidden) => return Found::Nowhere(libc::ENOENT),
                Some(Change::File(_)) => return Found::Nowhere(libc::ENOTDIR),
                None => {}
            }
        }
        match self.changes.get(place) {
            Some(Change::Hidden) => Found::Nowhere(libc::ENOENT),
            Some(Change::File(file)) => Found::File(file),
            None => Found::Below,
        }
    }

    /// The system's answer about a path on whose way something was taken away.
    fn blocked(&self, path: &Path) -> Option<i32> {
        let around = path.ancestors().skip(1).filter(|around| !around.as_os_str().is_empty());
        around.filter_map(|around| self.place(around)).find_map(|place| match self.at(&place) {
            Found::Below => None,
            Found::File(_) => Some(libc::ENOTDIR),
            Found::Nowhere(code) => Some(code),
        })
    }

    /// Where a path leads, links followed.
    fn find(&self, path: &Path) -> Found<'_> {
        if self.changes.is_empty() {
            return Found::Below;
        }
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            if let Some(code) = self.blocked(&path) {
                return Found::Nowhere(code);
            }
            let Some(place) = self.place(&path) else { return Found::Below };
            match self.at(&place) {
                Found::Below => {}
                changed => return changed,
            }
            // The target may be a link in its turn, or a file that is only here.
            let Some(target) = self.below.link_target(&place) else { return Found::Below };
            path = place.parent().unwrap_or(Path::new("/")).join(target);
        }
        Found::Nowhere(libc::ELOOP)
    }
}

impl Source for Overlay {
    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>> {
        self.list_sized(dir, &|_| true)
    }

    fn list_sized(&self, dir: &Path, sized: &dyn Fn(&str) -> bool) -> Result<Vec<DirEntry>> {
        match self.find(dir) {
            Found::Below => {}
            Found::File(_) => return Err(Error::io(dir, "list the directory", answer(libc::ENOTDIR))),
            Found::Nowhere(code) => return Err(Error::io(dir, "list the directory", answer(code))),
        }
        let mut entries = self.below.list_sized(dir, sized)?;
        let Some(real) = self.below.real_path(dir).filter(|_| !self.changes.is_empty()) else { return Ok(entries) };
        entries.retain_mut(|entry| {
            let place = real.join(&entry.name);
            let changed = match self.at(&place) {
                Found::Nowhere(_) => return false,
                Found::Below if self.below.link_target(&place).is_none() => return true,
                Found::Below => self.find(&place),
                file @ Found::File(_) => file,
            };
            match changed {
                Found::Below => {}
                Found::File(file) => (entry.kind, entry.size) = (EntryKind::File, file.standing().stamp.size),
                Found::Nowhere(libc::ENOENT) => (entry.kind, entry.size) = (EntryKind::Nowhere, 0),
                Found::Nowhere(_) => (entry.kind, entry.size) = (EntryKind::Other, 0),
            }
            true
        });
        let mut added = Vec::new();
        for (place, change) in &self.changes {
            let (Change::File(file), true, Some(name)) = (change, place.parent() == Some(&*real), place.file_name()) else {
                continue;
            };
            let name = name.to_string_lossy().into_owned();
            if entries.binary_search_by(|entry| entry.name.as_bytes().cmp(name.as_bytes())).is_err() {
                added.push(DirEntry::named(name, EntryKind::File).of_size(file.standing().stamp.size));
            }
        }
        entries.extend(added);
        entries.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
        Ok(entries)
    }

    fn list_names(&self, dir: &Path) -> Result<Vec<(String, bool)>> {
        if self.changes.is_empty() {
            return self.below.list_names(dir);
        }
        Ok(self.list(dir)?.into_iter().map(|entry| (entry.name, entry.kind == EntryKind::Directory)).collect())
    }

    fn look(&self, path: &Path) -> io::Result<Standing> {
        match self.find(path) {
            Found::Below => self.below.look(path),
            Found::File(file) => Ok(file.standing()),
            Found::Nowhere(code) => Err(answer(code)),
        }
    }

    fn link_target(&self, path: &Path) -> Option<PathBuf> {
        let gone = |place: PathBuf| !matches!(self.at(&place), Found::Below);
        if self.blocked(path).is_some() || self.place(path).is_some_and(gone) { None } else { self.below.link_target(path) }
    }

    fn real_path(&self, path: &Path) -> Option<PathBuf> {
        match self.find(path) {
            Found::Below => self.below.real_path(path),
            Found::File(_) => self.place(path),
            Found::Nowhere(_) => None,
        }
    }

    fn open(&self, path: &Path) -> Result<OpenFile> {
        match self.find(path) {
            Found::Below => self.below.open(path),
            Found::File(file) => OpenFile::object(path, Arc::<MemoryFile>::clone(file)),
            Found::Nowhere(code) => Err(Error::io(path, "open the file", answer(code))),
        }
    }

    fn free_space(&self, dir: &Path) -> Option<u64> {
        self.below.free_space(dir)
    }

    fn lock_state(&self, path: &Path) -> Result<LockState> {
        match self.find(path) {
            Found::Below => self.below.lock_state(path),
            // Nobody can have locked it.
            Found::File(_) => Ok(LockState::Free),
            Found::Nowhere(code) => Err(Error::io(path, "open the file", answer(code))),
        }
    }
}
