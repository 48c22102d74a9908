//! One payload object, read once.

use std::ops::ControlFlow;
use std::path::Path;

use sha2::Digest as _;

use crate::error::{Error, Result};
use crate::formats::fsm::body::{BodyFormat, BodyWalker, MAGIC_LEN};
use crate::formats::fsm::{FOOTER_LEN, FsmHeader, HEADER_PEEK};
use crate::io::{EntryKind, FileChange, IoOptions};
use crate::readers::fsm_body::RowCollector;
use crate::readers::source::{Run, Source};
use crate::readers::{Examine, PayloadFacts};
use crate::types::{Crc32c, Sha256Sum};

/// What stands under the key of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectRead {
    /// It was not looked at.
    NotAsked,
    /// Nothing.
    Absent,
    /// A directory, a FIFO, a device.
    NotRegular,
    /// No file can have such a name; the system's words.
    Impossible(&'static str),
    /// It cannot be read; the system's words.
    Unreadable(String),
    /// An object.
    Object(Box<ObjectFacts>),
}

/// An object that could be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectFacts {
    /// Length in bytes when it was opened.
    pub size: u64,
    /// The digests, if they were asked for and the object could be read to its end.
    pub sums: Option<Sums>,
    /// What the payload says.
    pub payload: PayloadFacts,
    /// What happened to the object while it was read.
    pub change: Option<FileChange>,
    /// The system's words when the disk did not deliver everything.
    pub unread: Option<String>,
    /// Bytes that were read.
    pub bytes_read: u64,
}

/// Digests of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    /// Over all of it.
    pub sha256: Sha256Sum,
    /// Over all of it.
    pub crc32c: Crc32c,
    /// True when its last four bytes are the checksum of the bytes before them: it is a `.fsm` file with its footer.
    pub has_footer: bool,
}

/// Bytes that are summed twice before the next ones are touched, so that the second time finds them in the cache.
const BLOCK: usize = 64 << 10;

/// Reads the object at `path`: both digests and, when `wanted`, its rows, in one pass and in memory that does not grow with
/// it. Whatever stands there is a fact; only an interrupt is an error.
pub fn read_object(path: &Path, wanted: Examine, options: &IoOptions, run: &Run<'_>) -> Result<ObjectRead> {
    let (head, stamp) = match head(path, &*run.source) {
        Ok(found) => found,
        Err(error) => return Ok(not_an_object(path, error, &*run.source)),
    };
    let header = FsmHeader::decode(&head[..head.len().min(HEADER_PEEK)]);
    let start = header.ok().map(|header| usize::try_from(header.len).unwrap_or(usize::MAX).min(head.len()));
    let format = start.map(|start| BodyFormat::of(&head[start..head.len().min(start + MAGIC_LEN)]));
    let payload = PayloadFacts { len: stamp, header, format, body: None, last_commit: None };
    let mut facts = ObjectFacts { size: stamp, sums: None, payload, change: None, unread: None, bytes_read: head.len() as u64 };
    if !wanted.crc && !wanted.walk {
        return Ok(ObjectRead::Object(Box::new(facts)));
    }
    let bulk = match run.source.bulk(path) {
        Ok(bulk) => bulk,
        Err(error) => return Ok(not_an_object(path, error, &*run.source)),
    };
    facts.size = bulk.stamp().size;
    facts.payload.len = facts.size;
    facts.bytes_read = facts.size;
    let mut pass = Pass::new(facts.size);
    let mut walk = start.filter(|_| wanted.walk).map(|start| (BodyWalker::new(), RowCollector::default(), Ok(()), start as u64));
    let read = bulk.for_each_window(0..facts.size, options, run, &mut |at, window| {
        pass.add(at, window);
        if let Some((walker, collector, result, start)) = &mut walk
            && result.is_ok()
        {
            let skipped = usize::try_from(start.saturating_sub(at)).unwrap_or(usize::MAX).min(window.len());
            *result = walker.push(&window[skipped..], collector);
        }
        ControlFlow::Continue(())
    });
    match read {
        Ok(outcome) => {
            facts.change = outcome.change;
            if outcome.bytes == facts.size {
                facts.sums = Some(pass.finish());
                if let Some((walker, collector, result, _)) = walk {
                    let result = result.and_then(|()| walker.finish());
                    facts.payload.body = Some(collector.finish(result));
                }
            } else if facts.change.is_none() {
                facts.change = Some(FileChange::Modified);
            }
        }
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        Err(error) => facts.unread = Some(error.reason()),
    }
    Ok(ObjectRead::Object(Box::new(facts)))
}

/// The first bytes and the size.
fn head(path: &Path, source: &dyn Source) -> Result<(Vec<u8>, u64)> {
    let file = source.open(path)?;
    Ok((file.read_at(0, HEADER_PEEK + MAGIC_LEN)?, file.stamp().size))
}

pub(super) fn not_an_object(path: &Path, error: Error, files: &dyn Source) -> ObjectRead {
    if let Error::Io { source, .. } = &error {
        let impossible = match source.raw_os_error() {
            Some(libc::ENOTDIR) => Some("not a directory"),
            Some(libc::ENAMETOOLONG) => Some("file name too long"),
            // A name with a zero byte never reaches the system.
            None if source.kind() == std::io::ErrorKind::InvalidInput => Some("invalid argument"),
            _ => None,
        };
        if let Some(why) = impossible {
            return ObjectRead::Impossible(why);
        }
    }
    match (files.kind_at(path), error) {
        (None, _) => ObjectRead::Absent,
        (Some(EntryKind::Directory), _) | (_, Error::Unsuitable { .. }) => ObjectRead::NotRegular,
        (_, other) => ObjectRead::Unreadable(other.reason()),
    }
}

/// Digests on their way.
struct Pass {
    sha256: sha2::Sha256,
    /// Of the bytes before the footer, if there is one.
    front: Crc32c,
    /// Where that would begin.
    footer_at: u64,
    footer: Vec<u8>,
}

impl Pass {
    fn new(size: u64) -> Self {
        let footer_at = size.saturating_sub(FOOTER_LEN as u64);
        Self { sha256: sha2::Sha256::new(), front: Crc32c::default(), footer_at, footer: Vec::with_capacity(FOOTER_LEN) }
    }

    fn add(&mut self, at: u64, window: &[u8]) {
        let before = usize::try_from(self.footer_at.saturating_sub(at)).unwrap_or(usize::MAX).min(window.len());
        let (front, last) = window.split_at(before);
        for block in front.chunks(BLOCK) {
            self.front = self.front.extend(block);
            self.sha256.update(block);
        }
        self.sha256.update(last);
        self.footer.extend_from_slice(last);
    }

    fn finish(self) -> Sums {
        Sums {
            sha256: Sha256Sum(self.sha256.finalize().into()),
            crc32c: self.front.extend(&self.footer),
            has_footer: self.footer == self.front.0.to_be_bytes(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "these tests make what they read")]
mod tests {
    use super::*;

    fn sums(bytes: &[u8]) -> Sums {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        std::fs::write(&path, bytes).unwrap();
        let wanted = Examine { crc: true, walk: false, usage: false };
        match read_object(&path, wanted, &IoOptions::default(), &Run::local()).unwrap() {
            ObjectRead::Object(facts) => facts.sums.unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_pass_gives_every_digest() {
        let bytes: Vec<u8> = (0..9_000_001_u32).map(|i| (i.wrapping_mul(0x9e37_79b1) >> 24) as u8).collect();
        for len in [0, 1, 3, 4, 5, BLOCK, BLOCK + 3, 4 << 20, (4 << 20) + 2, (8 << 20) + 4, bytes.len()] {
            let part = &bytes[..len];
            let expected = Sums { sha256: Sha256Sum::of(part), crc32c: Crc32c::of(part), has_footer: false };
            assert_eq!(sums(part), expected, "{len}");
            let footed = [part, &Crc32c::of(part).0.to_be_bytes()].concat();
            let expected = Sums { sha256: Sha256Sum::of(&footed), crc32c: Crc32c::of(&footed), has_footer: true };
            assert_eq!(sums(&footed), expected, "{len} with a footer");
        }
    }

    #[test]
    fn whatever_stands_there_is_a_fact() {
        let dir = tempfile::tempdir().unwrap();
        let read = |path: &Path| {
            let wanted = Examine { crc: true, walk: true, usage: false };
            read_object(path, wanted, &IoOptions::default(), &Run::local()).unwrap()
        };
        assert_eq!(read(&dir.path().join("gone")), ObjectRead::Absent);
        assert_eq!(read(dir.path()), ObjectRead::NotRegular);
        let file = dir.path().join("file");
        std::fs::write(&file, b"").unwrap();
        assert_eq!(read(&file.join("below")), ObjectRead::Impossible("not a directory"));
        assert_eq!(read(&dir.path().join("x".repeat(300))), ObjectRead::Impossible("file name too long"));
        assert_eq!(read(&dir.path().join("a\0b")), ObjectRead::Impossible("invalid argument"));
    }
}
