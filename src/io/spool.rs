//! What can be read only once, as a file that can be read again.

use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal as _, Read, Seek as _, Write as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use super::progress::Progress;
use super::space::free_space;

/// Bytes that are moved at a time.
const PIECE: usize = 256 << 10;

/// A file in the directory for temporary ones that never has a name, so that it is gone with the process whatever happens to that, and
/// how much may still be written to it: never more than half of what was free.
#[derive(Debug)]
pub struct Spool {
    file: File,
    room: u64,
}

impl Spool {
    /// An empty one in `dir`.
    pub fn in_dir(dir: &Path) -> io::Result<Self> {
        let file = tempfile::tempfile_in(dir)?;
        Ok(Self { file, room: free_space(dir).map_or(u64::MAX, |free| free / 2) })
    }

    /// Adds bytes at the end. More than there is room for are refused with [`ErrorKind::StorageFull`].
    pub fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.room = self.room.checked_sub(bytes.len() as u64).ok_or(ErrorKind::StorageFull)?;
        self.file.write_all(bytes)
    }

    /// The file with everything that was added.
    pub fn into_file(self) -> File {
        self.file
    }

    /// Adds everything that `stream` still has. Ends with [`ErrorKind::Interrupted`] when whoever watches wants it.
    pub fn drain(&mut self, stream: &mut dyn Read, progress: &dyn Progress) -> io::Result<()> {
        let mut piece = vec![0; PIECE];
        loop {
            if progress.interrupted() {
                return Err(ErrorKind::Interrupted.into());
            }
            match stream.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(read) => {
                    self.add(piece.get(..read).unwrap_or_default())?;
                    progress.advance(read as u64);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// What stands behind standard input, or behind a descriptor that a shell opened for `<(command)`.
#[derive(Debug)]
pub enum Stream {
    /// A regular file from its beginning: it can be read like any other.
    File(File),
    /// A pipe or socket, which gives its bytes once.
    Once(File),
}

impl Stream {
    /// Standard input. A terminal is refused: nobody types a snapshot.
    pub fn of_stdin() -> io::Result<Self> {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            return Err(io::Error::new(ErrorKind::InvalidInput, "standard input is a terminal"));
        }
        Self::of(rustix::io::dup(&stdin)?.into())
    }

    /// What a path leads to, where that is a pipe that this process was given: one below `/dev/fd`, `/proc/self/fd`, or `/dev/stdin`.
    /// Nothing for any other path, so that no FIFO of a data directory is ever waited for.
    pub fn of_descriptor(path: &Path) -> Option<io::Result<Self>> {
        let given = ["/dev/fd", "/proc/self/fd"].iter().any(|dir| path.parent() == Some(Path::new(dir)));
        if !given && path != Path::new("/dev/stdin") {
            return None;
        }
        let meta = std::fs::metadata(path).ok()?;
        meta.file_type().is_fifo().then(|| File::open(path).map(Self::Once))
    }

    fn of(mut file: File) -> io::Result<Self> {
        let meta = file.metadata()?;
        Ok(if meta.is_file() && file.stream_position()? == 0 { Self::File(file) } else { Self::Once(file) })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;

    use super::*;
    use crate::io::NoProgress;

    #[test]
    fn what_was_added_can_be_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut spool = Spool::in_dir(dir.path()).unwrap();
        let bytes: Vec<u8> = (0..=250).cycle().take(PIECE * 2 + 5).collect();
        spool.drain(&mut bytes.as_slice(), &NoProgress).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "it has no name");
        let file = spool.into_file();
        let mut read = vec![0; bytes.len()];
        file.read_exact_at(&mut read, 0).unwrap();
        assert!(read == bytes && file.metadata().unwrap().len() == bytes.len() as u64);
    }

    #[test]
    fn no_more_is_added_than_there_is_room_for() {
        let dir = tempfile::tempdir().unwrap();
        let mut spool = Spool { room: 10, ..Spool::in_dir(dir.path()).unwrap() };
        spool.add(b"12345678").unwrap();
        assert_eq!(spool.add(b"123").unwrap_err().kind(), ErrorKind::StorageFull);
    }

    #[test]
    fn only_descriptors_of_this_process_are_streams() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        assert!(Stream::of_descriptor(&fifo).is_none());
        assert!(Stream::of_descriptor(Path::new("/dev/null")).is_none());
    }
}
