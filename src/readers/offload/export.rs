//! What a publish reads of a group: the choice of a start, and the payload behind it, once.

use std::ops::ControlFlow;
use std::path::Path;

use sha2::Digest as _;

use super::facts::ObjectRead;
use super::object::not_an_object;
use crate::error::{Error, Result};
use crate::formats::fsm::{FOOTER_LEN, FsmFooter};
use crate::formats::layout;
use crate::formats::raftpb::ProtoRules;
use crate::formats::snap;
use crate::io::{FileChange, IoOptions};
use crate::readers::source::Run;
use crate::readers::wal::WalScan;
use crate::readers::{GroupListing, SnapDir, SubDir};
use crate::types::{Crc32c, ProtobufRuntime, ServerVersion, Sha256Sum};

/// Bytes that are summed twice before the next ones are touched, so that the second time finds them in the cache.
const BLOCK: usize = 64 << 10;

/// The files of a group that decide which snapshot a publish takes.
#[derive(Debug)]
pub struct ExportSource {
    /// Names in the directory.
    pub listing: GroupListing,
    /// `snap/`.
    pub snaps: SnapDir,
    /// The log, when there is one.
    pub log: Option<WalScan>,
}

impl ExportSource {
    /// Reads them.
    pub fn read(dir: &Path, run: &Run<'_>) -> Result<Self> {
        let listing = GroupListing::read(dir, &*run.source)?;
        let snaps = match listing.snap {
            SubDir::Listed(_) => SnapDir::read(&dir.join(layout::SNAP), &*run.source)?,
            SubDir::Absent | SubDir::NotADirectory => SnapDir::default(),
        };
        let log = listing.has_log().then(|| WalScan::read(&dir.join(layout::WAL), run)).transpose()?;
        Ok(Self { listing, snaps, log })
    }
}

/// What stands where the payload of the chosen snapshot should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportRead {
    /// Nothing.
    Absent,
    /// A directory.
    Directory,
    /// Something that cannot be read; why.
    Unreadable(String),
    /// A payload.
    Payload(Box<ExportPayload>),
}

/// A payload, read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportPayload {
    /// Length of the file in bytes, or of the data that lies in the `.snap` file.
    pub size: u64,
    /// The checksum that the file claims; `None` for a payload in a `.snap` file, and below four bytes.
    pub footer: Option<FsmFooter>,
    /// Over the payload without footer; `None` when it could not be read to its end.
    pub sums: Option<ExportSums>,
    /// What happened to the file while it was read.
    pub change: Option<FileChange>,
    /// The system's words when the disk did not deliver everything.
    pub unread: Option<String>,
}

/// Digests of a payload, without footer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportSums {
    /// The name that it gets.
    pub sha256: Sha256Sum,
    /// What the footer should be.
    pub crc32c: Crc32c,
}

/// Reads the `.fsm` file at `path`: both digests in one pass. Whatever stands there is a fact; only an interrupt is an error.
pub fn read_export(path: &Path, options: &IoOptions, run: &Run<'_>) -> Result<ExportRead> {
    let nothing = |error| match not_an_object(path, error, &*run.source) {
        ObjectRead::Absent => ExportRead::Absent,
        ObjectRead::NotRegular if run.source.directory_id(path).is_some() => ExportRead::Directory,
        ObjectRead::Unreadable(why) => ExportRead::Unreadable(why),
        ObjectRead::Impossible(why) => ExportRead::Unreadable(why.to_owned()),
        ObjectRead::NotRegular | ObjectRead::NotAsked | ObjectRead::Object(_) => {
            ExportRead::Unreadable("it is no file".to_owned())
        }
    };
    let bulk = match run.source.bulk(path) {
        Ok(bulk) => bulk,
        Err(error) => return Ok(nothing(error)),
    };
    let size = bulk.stamp().size;
    let mut payload = ExportPayload { size, footer: None, sums: None, change: None, unread: None };
    let Some(len) = FsmFooter::payload_len(size) else { return Ok(ExportRead::Payload(Box::new(payload))) };
    let (mut sha256, mut crc32c, mut footer) = (sha2::Sha256::new(), Crc32c::default(), Vec::with_capacity(FOOTER_LEN));
    let read = bulk.for_each_window(0..size, options, run, &mut |at, window| {
        let before = usize::try_from(len.saturating_sub(at)).unwrap_or(usize::MAX).min(window.len());
        let (front, last) = window.split_at(before);
        for block in front.chunks(BLOCK) {
            crc32c = crc32c.extend(block);
            sha256.update(block);
        }
        footer.extend_from_slice(last);
        ControlFlow::Continue(())
    });
    match read {
        Ok(outcome) => {
            payload.change = outcome.change;
            if outcome.bytes == size {
                payload.footer = <[u8; FOOTER_LEN]>::try_from(footer.as_slice()).ok().map(FsmFooter::decode);
                payload.sums = Some(ExportSums { sha256: Sha256Sum(sha256.finalize().into()), crc32c });
            } else if payload.change.is_none() {
                payload.change = Some(FileChange::Modified);
            }
        }
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        Err(error) => payload.unread = Some(error.reason()),
    }
    Ok(ExportRead::Payload(Box::new(payload)))
}

/// Reads a payload that lies in the `.snap` file at `path`, as a server of that version decodes it.
pub fn read_inline_export(path: &Path, version: ServerVersion, run: &Run<'_>) -> Result<ExportRead> {
    let rules = match version.traits().protobuf {
        ProtobufRuntime::Gogo => ProtoRules::Gogo,
        ProtobufRuntime::Google => ProtoRules::Google,
    };
    let file = match run.source.map(path) {
        Ok(file) => file,
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        Err(error) => return Ok(ExportRead::Unreadable(error.reason())),
    };
    let Ok(snapshot) = snap::decode(file.bytes(), rules) else {
        return Ok(ExportRead::Unreadable("it changed while it was read".to_owned()));
    };
    let sums = ExportSums { sha256: Sha256Sum::of(snapshot.data), crc32c: Crc32c::of(snapshot.data) };
    let size = snapshot.data.len() as u64;
    let change = (file.changed() || !matches!(file.fault(), Ok(None))).then_some(FileChange::Modified);
    Ok(ExportRead::Payload(Box::new(ExportPayload { size, footer: None, sums: Some(sums), change, unread: None })))
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "these tests make what they read")]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_payload_without_its_footer() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.fsm");
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            match read_export(&path, &IoOptions::default(), &Run::local()).unwrap() {
                ExportRead::Payload(payload) => *payload,
                other => panic!("{other:?}"),
            }
        };
        let whole: Vec<u8> = (0..9_000_001_u32).map(|i| (i.wrapping_mul(0x9e37_79b1) >> 24) as u8).collect();
        for len in [0, 1, 3, 4, BLOCK, (4 << 20) - 2, 4 << 20, (4 << 20) + 1, whole.len()] {
            let payload = &whole[..len];
            let found = read(&[payload, b"\x01\x02\x03\x04"].concat());
            let sums = ExportSums { sha256: Sha256Sum::of(payload), crc32c: Crc32c::of(payload) };
            assert_eq!((found.sums, found.footer), (Some(sums), Some(FsmFooter(Crc32c(0x0102_0304)))), "{len}");
        }
        for short in 0..4 {
            let found = read(&whole[..short]);
            assert_eq!((found.size, found.sums, found.footer), (short as u64, None, None));
        }
        let at = |path: &Path| read_export(path, &IoOptions::default(), &Run::local()).unwrap();
        assert_eq!(at(&dir.path().join("gone")), ExportRead::Absent);
        assert_eq!(at(dir.path()), ExportRead::Directory);
    }
}
