//! A file that is no file of this machine: its bytes in memory, delivered as a rule has it.

use std::{fmt, io};

use ekv_tool::io::{Access, FileStamp, ReadAt, Standing};

/// Bytes, of which a read at an offset for so many gets at most as many as `most` says.
pub struct Object<F> {
    pub bytes: Vec<u8>,
    pub standing: Standing,
    pub most: F,
}

impl<F> fmt::Debug for Object<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").field("standing", &self.standing).finish_non_exhaustive()
    }
}

impl<F: Fn(u64, usize) -> io::Result<usize> + Send + Sync> ReadAt for Object<F> {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let most = (self.most)(offset, buffer.len())?;
        let rest = self.bytes.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let len = rest.len().min(buffer.len()).min(most);
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn stamp(&self) -> io::Result<FileStamp> {
        Ok(self.standing.stamp)
    }

    fn access(&self) -> Access {
        self.standing.access
    }
}
