//! One file in memory.

use std::io;
use std::sync::Arc;

use crate::io::{Access, EntryKind, FileStamp, ReadAt, Standing};

/// A file in memory, which never changes.
#[derive(Debug, Clone)]
pub(super) struct MemoryFile {
    bytes: Arc<[u8]>,
    standing: Standing,
}

impl MemoryFile {
    /// A file whose size is that of `bytes`; everything else that can be asked about it is that of `like`.
    pub(super) fn new(bytes: impl Into<Arc<[u8]>>, like: Standing) -> Self {
        let bytes = bytes.into();
        let stamp = FileStamp { size: bytes.len() as u64, ..like.stamp };
        Self { bytes, standing: Standing { kind: EntryKind::File, stamp, ..like } }
    }

    /// What is seen of it from outside.
    pub(super) const fn standing(&self) -> Standing {
        self.standing
    }
}

impl ReadAt for MemoryFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.bytes.get(offset..)).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn stamp(&self) -> io::Result<FileStamp> {
        Ok(self.standing.stamp)
    }

    fn access(&self) -> Access {
        self.standing.access
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(&self.bytes)
    }
}
