//! One `.fsm` file as facts.

use std::path::Path;

use super::fsm_body::{BodyFacts, RowCollector};
use crate::error::{Error, Result};
use crate::formats::fsm::body::{BodyFormat, BodyWalker, MAGIC_LEN};
use crate::formats::fsm::{FOOTER_LEN, FsmFooter, FsmHeader, HEADER_PEEK, HeaderError};
use crate::io::{EntryKind, MappedFile, Progress};
use crate::types::{Crc32c, LogIndex};

/// How much of a payload to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Examine {
    /// Compute the checksum over the whole payload.
    pub crc: bool,
    /// Walk the store payload: where a restore would stop, and what its rows say.
    pub walk: bool,
}

/// What stands under the name of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FsmFacts {
    /// Nothing.
    Absent,
    /// A directory.
    Directory,
    /// Something that is neither file nor directory, in words.
    Special(String),
    /// A file that cannot be read; the system's words.
    Unreadable(String),
    /// A file.
    File(Box<FsmFile>),
}

/// A `.fsm` file that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FsmFile {
    /// Length in bytes when it was opened.
    pub size: u64,
    /// The checksum that it claims; `None` below four bytes.
    pub footer: Option<FsmFooter>,
    /// Everything before the footer; `None` below four bytes.
    pub payload: Option<PayloadFacts>,
    /// The checksum of the payload, if it was asked for and could be read to its end.
    pub computed: Option<Crc32c>,
    /// True when the file was written to, cut or lengthened while it was read.
    pub changed: bool,
    /// Bytes that were read.
    pub bytes_read: u64,
}

/// A payload, wherever it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadFacts {
    /// Length in bytes.
    pub len: u64,
    /// Its clock header.
    pub header: Result<FsmHeader, HeaderError>,
    /// Which format the store payload has; `None` when its start is not known because the header cannot be read.
    pub format: Option<BodyFormat>,
    /// What a walk over it found, if it was asked for and the header can be read.
    pub body: Option<BodyFacts>,
}

impl FsmFile {
    /// Length of the payload in bytes.
    pub const fn payload_len(&self) -> Option<u64> {
        FsmFooter::payload_len(self.size)
    }

    /// The applied index that the payload carries, if it was walked and carries one.
    pub fn applied_index(&self) -> Option<LogIndex> {
        self.payload.as_ref()?.body.as_ref()?.applied_index()
    }
}

impl PayloadFacts {
    /// Examines a payload that is at hand whole.
    pub fn of(payload: &[u8], walk: bool) -> Self {
        let header = FsmHeader::decode(payload);
        let store = header
            .as_ref()
            .ok()
            .map(|header| usize::try_from(header.len).map_or(&[][..], |len| &payload[len.min(payload.len())..]));
        let body = store.filter(|_| walk).map(|store| {
            let mut collector = RowCollector::default();
            let mut walker = BodyWalker::new();
            let result = walker.push(store, &mut collector).and_then(|()| walker.finish());
            collector.finish(result)
        });
        Self { len: payload.len() as u64, header, format: store.map(BodyFormat::of), body }
    }
}

/// Bytes handled at a time.
const WINDOW: usize = 1 << 20;

/// Examines what stands at `path`. Damage, absence and whatever else is there instead are facts; only an interrupt is an error.
pub fn examine(path: &Path, wanted: Examine, progress: &dyn Progress) -> Result<FsmFacts> {
    let file = match MappedFile::open(path) {
        Ok(file) => file,
        Err(error) => return Ok(not_a_file(path, error)),
    };
    let size = file.stamp().size;
    let bytes = file.bytes();
    let Some((payload, footer)) = bytes.split_last_chunk::<FOOTER_LEN>() else {
        let file = FsmFile { size, footer: None, payload: None, computed: None, changed: file.changed(), bytes_read: size };
        return Ok(FsmFacts::File(Box::new(file)));
    };
    let footer = FsmFooter::decode(*footer);
    let header = FsmHeader::decode(&payload[..payload.len().min(HEADER_PEEK)]);
    let start = header.as_ref().ok().map(|header| usize::try_from(header.len).unwrap_or(usize::MAX).min(payload.len()));
    let format = start.map(|start| BodyFormat::of(&payload[start..]));
    let mut read = size.min((HEADER_PEEK + MAGIC_LEN + FOOTER_LEN) as u64);

    let mut computed = wanted.crc.then(Crc32c::default);
    let mut walk = start.filter(|_| wanted.walk).map(|start| (start, BodyWalker::new(), RowCollector::default(), Ok(())));
    if wanted.crc || walk.is_some() {
        progress.expect(payload.len() as u64);
        for (number, window) in payload.chunks(WINDOW).enumerate() {
            if progress.interrupted() {
                return Err(Error::Interrupted);
            }
            computed = computed.map(|crc| crc.extend(window));
            let at = number * WINDOW;
            if let Some((start, walker, collector, result)) = &mut walk
                && result.is_ok()
            {
                *result = walker.push(&window[start.saturating_sub(at).min(window.len())..], collector);
            }
            progress.advance(window.len() as u64);
            file.release_before((at + window.len()) as u64);
        }
        read = size;
    }
    let body = walk.map(|(_, walker, collector, result)| collector.finish(result.and_then(|()| walker.finish())));
    let faulted = file.faulted();
    let payload = PayloadFacts { len: payload.len() as u64, header, format, body };
    Ok(FsmFacts::File(Box::new(FsmFile {
        size,
        footer: Some(footer),
        payload: Some(payload),
        computed: computed.filter(|_| !faulted),
        changed: faulted || file.changed(),
        bytes_read: read,
    })))
}

fn not_a_file(path: &Path, error: Error) -> FsmFacts {
    match (crate::io::kind_at(path), error) {
        (None, _) => FsmFacts::Absent,
        (Some(EntryKind::Directory), _) => FsmFacts::Directory,
        (_, Error::Unsuitable { problem, .. }) => FsmFacts::Special(problem),
        (_, Error::Io { source, .. }) => FsmFacts::Unreadable(source.to_string()),
        (_, other) => FsmFacts::Unreadable(other.to_string()),
    }
}
