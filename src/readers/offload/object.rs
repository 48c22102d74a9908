//! One payload object, read once.

use std::ops::ControlFlow;
use std::path::Path;

use super::facts::ObjectRead;
use super::pass::{OBJECT_HEAD_LEN, ObjectPass};
use crate::error::{Error, Result};
use crate::io::{EntryKind, FileChange, IoOptions};
use crate::readers::Examine;
use crate::readers::source::{Run, Source};

/// Reads the object at `path`: both digests and, when `wanted`, its rows, in one pass and in memory that does not grow with
/// it. Whatever stands there is a fact; only an interrupt is an error.
pub fn read_object(path: &Path, wanted: Examine, options: &IoOptions, run: &Run<'_>) -> Result<ObjectRead> {
    let (head, stamp) = match head(path, &*run.source) {
        Ok(found) => found,
        Err(error) => return Ok(not_an_object(path, error, &*run.source)),
    };
    let mut pass = ObjectPass::new(stamp, &head, wanted);
    if !wanted.crc && !wanted.walk {
        return Ok(ObjectRead::Object(Box::new(pass.finish())));
    }
    let bulk = match run.source.bulk(path) {
        Ok(bulk) => bulk,
        Err(error) => return Ok(not_an_object(path, error, &*run.source)),
    };
    let size = bulk.stamp().size;
    if size != stamp {
        pass = ObjectPass::new(size, &head, wanted);
    }
    let read = bulk.for_each_window(0..size, options, run, &mut |at, window| {
        pass.add(at, window);
        ControlFlow::Continue(())
    });
    let facts = match read {
        Ok(outcome) => {
            let short = outcome.bytes != size;
            match outcome.change.or_else(|| short.then_some(FileChange::Modified)) {
                Some(change) => pass.changed(change),
                None => pass.finish(),
            }
        }
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        Err(error) => pass.unread(error.reason()),
    };
    Ok(ObjectRead::Object(Box::new(facts)))
}

/// The first bytes and the size.
fn head(path: &Path, source: &dyn Source) -> Result<(Vec<u8>, u64)> {
    let file = source.open(path)?;
    Ok((file.read_at(0, OBJECT_HEAD_LEN)?, file.stamp().size))
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

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "these tests make what they read")]
mod tests {
    use super::super::facts::Sums;
    use super::super::pass::BLOCK;
    use super::*;
    use crate::types::{Crc32c, Sha256Sum};

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
