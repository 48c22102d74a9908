//! A file that is open for reading, wherever its bytes come from.

use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::access::Access;
use super::file::{FileStamp, SmallFile, identity_of, open_regular};
use crate::error::{Error, Result};
use crate::types::FileIdentity;

/// What is read of a small file at a time, in bytes.
const SMALL_PIECE: usize = 64 << 10;

/// Bytes that do not come from a file of this machine's file system: an object in memory, or in a store far away.
pub trait ReadAt: fmt::Debug + Send + Sync {
    /// Reads some bytes from `offset` into `buffer`; 0 only at the end of the object.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// What the object looks like now.
    fn stamp(&self) -> io::Result<FileStamp>;

    /// Whose it is.
    fn access(&self) -> Access;

    /// All of its bytes where they lie in memory, the same at every call; `None` where they have to be fetched.
    fn bytes(&self) -> Option<&[u8]> {
        None
    }
}

/// A regular file opened for reading.
#[derive(Debug)]
pub struct OpenFile {
    path: PathBuf,
    stamp: FileStamp,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Local(File),
    /// A file of this machine that has no name, or not that by which it goes here.
    Nameless(File),
    Object(Arc<dyn ReadAt>),
}

impl OpenFile {
    /// Opens a regular file of this machine. Anything else is refused without blocking.
    pub fn open(path: &Path) -> Result<Self> {
        let (file, stamp) = open_regular(path)?;
        Ok(Self { path: path.to_owned(), stamp, body: Body::Local(file) })
    }

    /// A file of this machine that is open already and goes by `path` here, whatever stands there.
    pub fn nameless(path: &Path, file: File) -> Result<Self> {
        let meta = file.metadata().map_err(|source| Error::io(path, "examine the file", source))?;
        Ok(Self { path: path.to_owned(), stamp: FileStamp::of(&meta), body: Body::Nameless(file) })
    }

    /// A file that is open already.
    #[cfg(test)]
    pub(super) fn of_local(file: File, path: &Path, stamp: FileStamp) -> Self {
        Self { path: path.to_owned(), stamp, body: Body::Local(file) }
    }

    /// An object that goes by the name `path`.
    pub fn object(path: &Path, object: Arc<dyn ReadAt>) -> Result<Self> {
        let stamp = object.stamp().map_err(|source| Error::io(path, "open the file", source))?;
        Ok(Self { path: path.to_owned(), stamp, body: Body::Object(object) })
    }

    /// The path it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it looked like when it was opened.
    pub const fn stamp(&self) -> FileStamp {
        self.stamp
    }

    /// What it looks like now.
    pub fn now(&self) -> Result<FileStamp> {
        let stamp = match &self.body {
            Body::Local(file) | Body::Nameless(file) => file.metadata().map(|meta| FileStamp::of(&meta)),
            Body::Object(object) => object.stamp(),
        };
        stamp.map_err(|source| Error::io(&self.path, "examine the file", source))
    }

    /// What tells a later run that it is still this file, as it is now; `None` for what has no name on this machine.
    pub fn identity(&self) -> Option<FileIdentity> {
        match &self.body {
            Body::Local(file) => identity_of(&file.metadata().ok()?),
            Body::Nameless(_) | Body::Object(_) => None,
        }
    }

    /// Whose it is now.
    pub fn access(&self) -> Result<Access> {
        match &self.body {
            Body::Local(file) | Body::Nameless(file) => {
                let meta = file.metadata().map_err(|source| Error::io(&self.path, "examine the file", source))?;
                Ok(Access::of(&meta))
            }
            Body::Object(object) => Ok(object.access()),
        }
    }

    /// True when the size, inode or modification time is no longer what it was at opening.
    pub fn changed(&self) -> bool {
        self.now().ok() != Some(self.stamp)
    }

    /// Fills `buffer` from `offset` and returns how many bytes there were; fewer than asked for when the file ends there.
    pub fn fill_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            let at = offset.saturating_add(done as u64);
            match self.read_some(at, &mut buffer[done..]) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(Error::read(&self.path, at, source)),
            }
        }
        Ok(done)
    }

    /// Reads at most `len` bytes from `offset`; fewer when the file ends there. `len` is the caller's bound, never a length
    /// from the file.
    pub fn read_at(&self, offset: u64, len: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        let done = self.fill_at(offset, &mut bytes)?;
        bytes.truncate(done);
        Ok(bytes)
    }

    /// Reads a file of at most `limit` bytes whole; a larger one is refused.
    pub fn read_small(&self, limit: u64) -> Result<SmallFile> {
        let mut bytes = Vec::new();
        loop {
            let done = bytes.len();
            // One byte more tells a file of just that size from a larger one.
            let room = limit.max(done as u64) - done as u64 + 1;
            let expected = self.stamp.size.saturating_sub(done as u64).saturating_add(1);
            let piece = usize::try_from(room.min(expected)).unwrap_or(SMALL_PIECE).min(SMALL_PIECE);
            bytes.resize(done + piece, 0);
            let read = self.fill_at(done as u64, &mut bytes[done..])?;
            bytes.truncate(done + read);
            if read < piece || bytes.len() as u64 > limit {
                break;
            }
        }
        if bytes.len() as u64 > limit {
            return Err(Error::Unsuitable {
                path: self.path.clone(),
                problem: format!("is larger than the {limit} bytes that such a file can have"),
                hint: "check that it is what its name says".to_owned(),
            });
        }
        Ok(SmallFile { bytes, stamp: self.stamp })
    }

    /// One read, of which the caller handles the outcome.
    pub(super) fn read_some(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.body {
            Body::Local(file) | Body::Nameless(file) => file.read_at(buffer, offset),
            Body::Object(object) => object.read_at(offset, buffer),
        }
    }

    /// The file of this machine that it is.
    pub(super) const fn local(&self) -> Option<&File> {
        match &self.body {
            Body::Local(file) | Body::Nameless(file) => Some(file),
            Body::Object(_) => None,
        }
    }

    /// What it is instead of a file of this machine.
    pub(super) const fn as_object(&self) -> Option<&Arc<dyn ReadAt>> {
        match &self.body {
            Body::Local(_) | Body::Nameless(_) => None,
            Body::Object(object) => Some(object),
        }
    }

    /// The stamp of what has its name now; `None` when nothing has.
    pub(super) fn by_name(&self) -> Option<FileStamp> {
        match &self.body {
            Body::Local(_) => FileStamp::at(&self.path),
            Body::Nameless(_) => self.now().ok(),
            Body::Object(object) => object.stamp().ok(),
        }
    }

    /// The same open file once more.
    pub(super) fn try_clone(&self) -> io::Result<Self> {
        let body = match &self.body {
            Body::Local(file) => Body::Local(file.try_clone()?),
            Body::Nameless(file) => Body::Nameless(file.try_clone()?),
            Body::Object(object) => Body::Object(Arc::clone(object)),
        };
        Ok(Self { path: self.path.clone(), stamp: self.stamp, body })
    }
}
