//! Files that lie there in another form: what comes through standard input or a pipe, and what a compressed file unpacks to.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Source, answer};
use crate::error::{Error, Result};
use crate::formats::detect::{FileKind, detect};
use crate::formats::gzip::Gunzip;
use crate::formats::unpack::{PIECE, Packing, Unpack};
use crate::formats::zstd::Unzstd;
use crate::io::{Access, DirEntry, EntryKind, LockState, MappedFile, OpenFile, Progress, Spool, Standing, Stream};

/// The path that stands for standard input.
pub const STDIN: &str = "-";

/// What a compressed file may unpack to: so many times its size, as much as gzip can at all, and some bytes more.
const MOST_RATIO: u64 = 1032;
const ALWAYS: u64 = 64 << 20;
/// Another source, with some paths that stand for files which are kept elsewhere. Each of them is read to its end before it is looked
/// at, into a file without a name in the directory for temporary ones.
#[derive(Debug)]
pub struct Streams {
    below: Arc<dyn Source>,
    spool_dir: PathBuf,
    kept: BTreeMap<PathBuf, Kept>,
}

#[derive(Debug)]
struct Kept {
    file: File,
    /// What it was packed in.
    packing: Option<Packing>,
}

impl Streams {
    /// All that `below` has; files are kept in `spool_dir`.
    pub fn over(below: impl Source + 'static, spool_dir: PathBuf) -> Self {
        Self { below: Arc::new(below), spool_dir, kept: BTreeMap::new() }
    }

    /// True when no path stands for anything else.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Makes `path` stand for what a stream gives, unpacked if it is compressed. Reads it to its end.
    pub fn take(&mut self, path: &Path, stream: Stream, progress: &dyn Progress) -> Result<()> {
        let file = match stream {
            Stream::File(file) => file,
            Stream::Once(mut pipe) => {
                let mut spool = self.spool()?;
                spool.drain(&mut pipe, progress).map_err(|error| self.failed(path, error))?;
                spool.into_file()
            }
        };
        self.kept.insert(path.to_owned(), Kept { file, packing: None });
        self.unpack(path, progress).map(drop)
    }

    /// Makes `path` stand for what the file there unpacks to; how it was packed. Nothing is done with a file that is not compressed, nor
    /// with an archive, which is read as it is. Fails with [`Error::Unsuitable`] where the bytes do not unpack.
    pub fn unpack(&mut self, path: &Path, progress: &dyn Progress) -> Result<Option<Packing>> {
        let packed = self.map(path)?;
        let Some(packing) = Packing::of(packed.bytes()) else { return Ok(None) };
        if matches!(detect(&self.name_of(path), packed.bytes()).kind, FileKind::HashicorpArchive | FileKind::DumpArchive) {
            return Ok(None);
        }
        progress.expect(packed.bytes().len() as u64);
        let mut spool = self.spool()?;
        match packing {
            Packing::Gzip => self.unpacked(path, &packed, packing, &mut spool, progress, Gunzip::new(packed.bytes()))?,
            Packing::Zstd => self.unpacked(path, &packed, packing, &mut spool, progress, Unzstd::new(packed.bytes()))?,
        }
        packed.delivered()?;
        drop(packed);
        self.kept.insert(path.to_owned(), Kept { file: spool.into_file(), packing: Some(packing) });
        Ok(Some(packing))
    }

    fn unpacked<U: Unpack<Fault: fmt::Display>>(
        &self,
        path: &Path,
        packed: &MappedFile,
        packing: Packing,
        spool: &mut Spool,
        progress: &dyn Progress,
        mut stream: U,
    ) -> Result<()> {
        let (mut piece, mut passed, mut left) =
            (vec![0; PIECE], 0, ALWAYS.saturating_add(MOST_RATIO.saturating_mul(packed.bytes().len() as u64)));
        loop {
            if progress.interrupted() {
                return Err(Error::Interrupted);
            }
            match stream.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(read) => {
                    left = left.checked_sub(read as u64).ok_or_else(|| Error::Usage(format!(
                        "{}: unpacks to more than {MOST_RATIO} times its size; unpack it yourself if that is what it should do",
                        path.display()
                    )))?;
                    spool.add(piece.get(..read).unwrap_or_default()).map_err(|error| self.failed(path, error))?;
                }
                Err(fault) if U::is_limit(&fault) => {
                    return Err(Error::Unsuitable {
                        path: path.to_owned(),
                        problem: format!("is compressed with {} and was not unpacked: {fault}", packing.name()),
                        hint: "give the run more memory".to_owned(),
                    });
                }
                Err(fault) => {
                    return Err(Error::Unsuitable {
                        path: path.to_owned(),
                        problem: format!("is compressed with {} and does not unpack: {fault}", packing.name()),
                        hint: "take another copy of it: this one is damaged".to_owned(),
                    });
                }
            }
            let offset = stream.offset();
            progress.advance(offset.saturating_sub(passed));
            passed = passed.max(offset);
            packed.release_before(offset);
        }
    }

    fn spool(&self) -> Result<Spool> {
        Spool::in_dir(&self.spool_dir)
            .map_err(|error| Error::io(&self.spool_dir, "keep what comes in a file there (TMPDIR names another place)", error))
    }

    fn failed(&self, path: &Path, error: io::Error) -> Error {
        match error.kind() {
            io::ErrorKind::Interrupted => Error::Interrupted,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Usage(format!(
                "{}: does not fit into {}, of which no more than half is taken; set TMPDIR to a directory with more room, outside of any data directory",
                path.display(),
                self.spool_dir.display()
            )),
            _ => Error::io(path, "read the stream", error),
        }
    }

    fn kept(&self, path: &Path) -> Option<io::Result<File>> {
        self.kept.get(path).map(|kept| kept.file.try_clone())
    }
}

impl Source for Streams {
    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>> {
        self.below.list(dir)
    }

    fn list_names(&self, dir: &Path) -> Result<Vec<(String, bool)>> {
        self.below.list_names(dir)
    }

    fn list_sized(&self, dir: &Path, sized: &dyn Fn(&str) -> bool) -> Result<Vec<DirEntry>> {
        self.below.list_sized(dir, sized)
    }

    fn look(&self, path: &Path) -> io::Result<Standing> {
        match self.kept(path) {
            Some(file) => {
                let file = OpenFile::nameless(path, file?).map_err(|_| answer(libc::EIO))?;
                let access = file.access().unwrap_or(Access { mode: 0, uid: 0, gid: 0 });
                Ok(Standing { kind: EntryKind::File, stamp: file.stamp(), access })
            }
            None => self.below.look(path),
        }
    }

    fn link_target(&self, path: &Path) -> Option<PathBuf> {
        if self.kept.contains_key(path) { None } else { self.below.link_target(path) }
    }

    fn real_path(&self, path: &Path) -> Option<PathBuf> {
        if self.kept.contains_key(path) { Some(path.to_owned()) } else { self.below.real_path(path) }
    }

    fn open(&self, path: &Path) -> Result<OpenFile> {
        match self.kept(path) {
            Some(file) => OpenFile::nameless(path, file.map_err(|error| Error::io(path, "open the file", error))?),
            None => self.below.open(path),
        }
    }

    fn lock_state(&self, path: &Path) -> Result<LockState> {
        if self.kept.contains_key(path) { Ok(LockState::Free) } else { self.below.lock_state(path) }
    }

    fn free_space(&self, dir: &Path) -> Option<u64> {
        self.below.free_space(dir)
    }

    fn name_of(&self, path: &Path) -> String {
        let name = self.below.name_of(path);
        let packing = self.kept.get(path).and_then(|kept| kept.packing);
        let endings = packing.map_or(&[][..], Packing::endings);
        endings.iter().find_map(|ending| name.strip_suffix(ending)).map(str::to_owned).unwrap_or(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::NoProgress;
    use crate::readers::Memory;

    #[test]
    fn a_packed_file_is_what_is_in_it() {
        let (mut memory, mut zip) = (Memory::new(), Vec::new());
        let plain = vec![7_u8; 300_000];
        let mut packer = flate2::read::GzEncoder::new(plain.as_slice(), flate2::Compression::fast());
        io::Read::read_to_end(&mut packer, &mut zip).unwrap();
        let path = Path::new("/kept/0000000000000065.fsm.gz");
        memory.put(path, zip.as_slice()).unwrap();
        memory.put(Path::new("/kept/plain"), *b"1234").unwrap();
        memory.put(Path::new("/kept/cut.gz"), &zip[..zip.len() - 9]).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let mut streams = Streams::over(memory, dir.path().to_owned());
        assert_eq!(streams.unpack(path, &NoProgress).unwrap(), Some(Packing::Gzip));
        assert_eq!(streams.unpack(Path::new("/kept/plain"), &NoProgress).unwrap(), None);
        let cut = streams.unpack(Path::new("/kept/cut.gz"), &NoProgress).unwrap_err().to_string();
        assert!(cut.contains("is compressed with gzip and does not unpack"), "{cut}");
        assert_eq!(streams.map(path).unwrap().bytes(), plain);
        assert_eq!(streams.look(path).unwrap().stamp.size, 300_000);
        assert_eq!(streams.name_of(path), "0000000000000065.fsm");
        assert!(!streams.map(path).unwrap().changed_by_name());
        assert_eq!(streams.map(Path::new("/kept/plain")).unwrap().bytes(), b"1234");
    }
}
