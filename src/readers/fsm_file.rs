//! One `.fsm` file as facts.

use std::ops::{ControlFlow, Range};
use std::path::Path;

use super::bundle::{Bundle, UnreadTable, grant_manifest, unread_manifest, visit_rows};
use super::content::{Candidate, ContentPlan, LeftOut};
use super::fsm_body::{BodyFacts, RowCollector};
use super::usage::{LISTED, UsageCollector, UsageRequest};
use crate::error::{Error, Result};
use crate::formats::fsm::body::{BodyError, BodyFormat, BodyHead, BodyVisitor, BodyWalker, MAGIC_LEN, NoVisitor, Row};
use crate::formats::fsm::{FOOTER_LEN, FsmFooter, FsmHeader, FsmName, HEADER_PEEK, HeaderError};
use crate::formats::mvcc::is_sealed;
use crate::io::{BulkFile, EntryKind, FileChange, IoOptions, MapFault, NoProgress, Progress, now};
use crate::readers::source::{Run, Source};
use crate::types::{Crc32c, HlcTimestamp, LogIndex};

/// How much of a payload to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Examine {
    /// Compute the checksum over the whole payload.
    pub crc: bool,
    /// Walk the store payload: where a restore would stop, and what its rows say.
    pub walk: bool,
    /// Also count who uses the space, on a walk.
    pub usage: bool,
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
    /// What happened to the file while it was read.
    pub change: Option<FileChange>,
    /// The system's words when the disk did not deliver everything.
    pub unread: Option<String>,
    /// Bytes that were read.
    pub bytes_read: u64,
    /// Why its content was not read, or not to its end, although it was asked for. Unless a ledger vouches for it, that stands in `unread`
    /// too.
    pub left_out: Option<LeftOut>,
    /// What a ledger may say of it, when its content was read to the end and a later run can tell whether it is still the same.
    pub candidate: Option<Candidate>,
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
    pub body: Option<Box<BodyFacts>>,
    /// Largest commit timestamp of the store that it was made of, where that stands at the front of the store payload.
    pub last_commit: Option<HlcTimestamp>,
}

impl FsmFile {
    /// Length of the payload in bytes.
    pub const fn payload_len(&self) -> Option<u64> {
        FsmFooter::payload_len(self.size)
    }

    /// Says that its content was not read.
    fn leave_out(&mut self, left_out: LeftOut) {
        self.bytes_read = self.size.min((HEADER_PEEK + FRONT_LEN + FOOTER_LEN) as u64);
        self.computed = None;
        self.left_out = Some(left_out);
        self.unread = left_out.is_unknown().then(|| left_out.to_string());
    }

    /// The applied index that the payload carries, if it was walked and carries one.
    pub fn applied_index(&self) -> Option<LogIndex> {
        self.payload.as_ref()?.body.as_ref()?.applied_index()
    }
}

impl PayloadFacts {
    /// Examines a payload that is at hand whole.
    pub fn of(payload: &[u8], walk: bool) -> Self {
        Self::of_visiting(payload, walk, &mut NoVisitor)
    }

    /// The same, while `visitor` sees the rows that are walked.
    pub fn of_visiting(payload: &[u8], walk: bool, visitor: &mut dyn BodyVisitor) -> Self {
        let header = FsmHeader::decode(payload);
        let store = header
            .as_ref()
            .ok()
            .map(|header| usize::try_from(header.len).map_or(&[][..], |len| &payload[len.min(payload.len())..]));
        let body = store.filter(|_| walk).map(|store| {
            let mut both = Both { collector: RowCollector::default(), usage: None, sealed: SealedHead::default(), visitor };
            if let Err(over) = grant_manifest(store, store.len() as u64) {
                let unread_table = Some(unread_manifest(over, store.len() as u64));
                return BodyFacts { unread_table, ..both.collector.finish(Ok(())) };
            }
            let mut walker = BodyWalker::new();
            let result = walker.push(store, &mut both).and_then(|()| walker.finish());
            // Nothing can keep bytes in memory from being read.
            let unread_table =
                both.rows_of_tables(Bundle::Memory(store), store.len() as u64, &result, &NoProgress).unwrap_or_default();
            BodyFacts { unread_table, ..both.collector.finish(result) }
        });
        let last_commit = store.and_then(last_commit);
        Self { len: payload.len() as u64, header, format: store.map(BodyFormat::of), body: body.map(Box::new), last_commit }
    }
}

/// Magic and commit timestamp at the front of a stream of rows.
const FRONT_LEN: usize = MAGIC_LEN + 8;

/// The commit timestamp (8 bytes, little-endian) that follows the magic of a stream of rows.
fn last_commit(store: &[u8]) -> Option<HlcTimestamp> {
    if BodyFormat::of(store.get(..MAGIC_LEN)?) != BodyFormat::PebbleStream {
        return None;
    }
    let front = store.get(MAGIC_LEN..FRONT_LEN)?.try_into().ok()?;
    Some(HlcTimestamp(u64::from_le_bytes(front)))
}

/// Examines what stands at `path`; see [`examine_with`].
pub fn examine(path: &Path, wanted: Examine, run: &Run<'_>) -> Result<FsmFacts> {
    examine_with(path, wanted, &IoOptions::default(), run)
}

/// Examines what stands at `path`. Damage, absence, a disk that does not deliver and whatever else is there instead are
/// facts; only an interrupt is an error.
pub fn examine_with(path: &Path, wanted: Examine, options: &IoOptions, run: &Run<'_>) -> Result<FsmFacts> {
    examine_visiting(path, wanted, options, run, &mut NoVisitor)
}

/// As [`examine_with`]; a walk over the rows also shows them to `visitor`.
pub fn examine_visiting(
    path: &Path,
    wanted: Examine,
    options: &IoOptions,
    run: &Run<'_>,
    visitor: &mut dyn BodyVisitor,
) -> Result<FsmFacts> {
    let map = match run.source.map(path) {
        Ok(map) => map,
        Err(error) => return Ok(not_a_file(path, error, &*run.source)),
    };
    let size = map.stamp().size;
    let bulk = BulkFile::over(&map);
    let mut file = FsmFile {
        size,
        footer: None,
        payload: None,
        computed: None,
        change: None,
        unread: None,
        bytes_read: size,
        left_out: None,
        candidate: None,
    };
    if let Some((payload, footer)) = map.bytes().split_last_chunk() {
        let header = FsmHeader::decode(&payload[..payload.len().min(HEADER_PEEK)]);
        let start = header.ok().map(|header| header.len.min(payload.len() as u64));
        let format = start.map(|start| {
            let start = usize::try_from(start).unwrap_or(payload.len());
            BodyFormat::of(&payload[start..payload.len().min(start + MAGIC_LEN)])
        });
        file.footer = Some(FsmFooter::decode(*footer));
        let len = payload.len() as u64;
        let mut body = None;
        let content = Content { plan: &run.content, progress: run.progress };
        let candidate = Candidate {
            identity: map.file().identity().filter(|_| wanted.crc),
            footer: FsmFooter::decode(*footer).0,
            index: FsmName::parse(&run.source.name_of(path)).filter(|name| name.canonical).map(|name| name.index),
            read_at: now(),
        };
        let real = || run.source.real_path(path).unwrap_or_else(|| path.to_owned());
        let wants_content = wanted.crc || wanted.walk;
        let left_out = wants_content.then(|| run.content.payload(&real, candidate)).flatten();
        let store = start.and_then(|start| payload.get(usize::try_from(start).ok()?..));
        let walks = wanted.walk && left_out.is_none();
        let manifest = store.filter(|_| walks).map_or(Ok(()), |store| grant_manifest(store, len));
        if let Some(left_out) = left_out {
            file.leave_out(left_out);
        } else if let Err(over) = manifest {
            file.unread = Some(format!("its manifest: {over}"));
        } else if let Some(start) = start.filter(|_| wanted.walk) {
            let usage = wanted.usage.then(|| UsageCollector::new(UsageRequest { top: LISTED, ..UsageRequest::default() }));
            let mut visitor = Both { collector: RowCollector::default(), usage, sealed: SealedHead::default(), visitor };
            if let Some(result) = walk(&bulk, &mut file, start..len, wanted.crc, options, content, &mut visitor)? {
                let watch = content.plan.watch(content.progress);
                match visitor.rows_of_tables(Bundle::File(path, start, &*run.source), len - start, &result, &watch) {
                    Ok(unread_table) => {
                        let usage = visitor.usage.map(|usage| Box::new(usage.finish()));
                        body = Some(BodyFacts { unread_table, usage, ..visitor.collector.finish(result) });
                    }
                    Err(error) => content.stopped(&mut file, error)?,
                }
            }
        } else if wanted.crc {
            checksum(&bulk, &mut file, len, options, content)?;
        } else {
            file.bytes_read = size.min((HEADER_PEEK + FRONT_LEN + FOOTER_LEN) as u64);
        }
        let last_commit = start.and_then(|start| last_commit(payload.get(usize::try_from(start).ok()?..)?));
        file.payload = Some(PayloadFacts { len, header, format, body: body.map(Box::new), last_commit });
        if wants_content {
            run.content.note(path, size, file.left_out);
        }
        if file.computed.is_some() {
            file.candidate = candidate.settled(map.file().identity());
        }
    }
    match bulk.change() {
        Ok(change) => file.change = file.change.or(change),
        Err(error) => file.unread = file.unread.or(Some(words(error)?)),
    }
    match map.fault() {
        Ok(None) => {}
        Ok(Some(MapFault::Shrunk { len })) => file.change = file.change.or(Some(FileChange::Shrunk { at: len })),
        Ok(Some(MapFault::Unreadable { .. })) => file.change = file.change.or(Some(FileChange::Modified)),
        Err(error) => file.unread = file.unread.or(Some(words(error)?)),
    }
    Ok(FsmFacts::File(Box::new(file)))
}

/// Whose content is read, and who watches.
#[derive(Clone, Copy)]
struct Content<'c> {
    plan: &'c ContentPlan,
    progress: &'c dyn Progress,
}

impl Content<'_> {
    /// Says why a reading stopped, unless the user interrupted it.
    fn stopped(self, file: &mut FsmFile, error: Error) -> Result<()> {
        match (error, self.plan.time_over()) {
            (Error::Interrupted, Some(over)) if !self.progress.interrupted() => file.leave_out(over),
            (error, _) => file.unread = Some(words(error)?),
        }
        Ok(())
    }
}

/// The checksum of the first `len` bytes, by several threads.
fn checksum(bulk: &BulkFile<'_>, file: &mut FsmFile, len: u64, options: &IoOptions, content: Content<'_>) -> Result<()> {
    match bulk.checksum(0..len, options, &content.plan.watch(content.progress)) {
        Ok(outcome) => {
            file.change = outcome.read.change;
            file.computed = (outcome.read.bytes == len).then_some(outcome.crc);
        }
        Err(error) => content.stopped(file, error)?,
    }
    Ok(())
}

/// One pass over the payload for checksum and rows; the store payload is `range` of the file.
fn walk(
    bulk: &BulkFile<'_>,
    file: &mut FsmFile,
    range: Range<u64>,
    crc: bool,
    options: &IoOptions,
    content: Content<'_>,
    visitor: &mut Both<'_>,
) -> Result<Option<Result<(), BodyError>>> {
    let (mut walker, mut result) = (BodyWalker::new(), Ok(()));
    let mut computed = Crc32c::default();
    let watch = content.plan.watch(content.progress);
    let read = bulk.for_each_window(0..range.end, options, &watch, &mut |at, window| {
        if crc {
            computed = computed.extend(window);
        }
        if result.is_ok() {
            let skipped = usize::try_from(range.start.saturating_sub(at)).unwrap_or(usize::MAX).min(window.len());
            result = walker.push(&window[skipped..], visitor);
        }
        if result.is_err() && !crc { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let outcome = match read {
        Ok(outcome) => outcome,
        Err(error) => {
            content.stopped(file, error)?;
            // Where a restore would stop is known, whatever follows.
            return Ok(result.err().filter(|_| file.left_out.is_some()).map(Err));
        }
    };
    file.change = outcome.change;
    if outcome.bytes < range.end && result.is_ok() {
        // The rest was not there: nothing is known about how the payload ends.
        return Ok(None);
    }
    file.computed = (crc && outcome.bytes == range.end).then_some(computed);
    Ok(Some(result.and_then(|()| walker.finish())))
}

/// Gathers what the rows say, and shows them to somebody else.
struct Both<'v> {
    collector: RowCollector,
    usage: Option<UsageCollector>,
    /// The present row, when it is sealed: what it holds may be known when it ends.
    sealed: SealedHead,
    visitor: &'v mut dyn BodyVisitor,
}

/// The beginning of a sealed row.
#[derive(Debug, Default)]
struct SealedHead {
    is_present: bool,
    key: Vec<u8>,
    head: Vec<u8>,
    value_len: u64,
}

impl SealedHead {
    /// True for a sealed row, which is kept until it ends.
    fn keep(&mut self, row: &Row<'_>) -> bool {
        self.is_present = is_sealed(row.key, row.value_head);
        if self.is_present {
            self.key.clear();
            self.key.extend_from_slice(row.key);
            self.head.clear();
            self.head.extend_from_slice(row.value_head);
            self.value_len = row.value_len;
        }
        self.is_present
    }
}

impl Both<'_> {
    /// Shows the rows of a bundle whose bytes are as its manifest says.
    fn rows_of_tables(
        &mut self,
        bundle: Bundle<'_>,
        len: u64,
        walked: &Result<(), BodyError>,
        progress: &dyn Progress,
    ) -> Result<Option<UnreadTable>> {
        let Some(head) = self.collector.lend_head() else { return Ok(None) };
        let unread = match &head {
            BodyHead::SstIngest(manifest) if walked.is_ok() => visit_rows(bundle, len, manifest, progress, self),
            _ => Ok(None),
        };
        self.collector.return_head(head);
        unread
    }
}

impl BodyVisitor for Both<'_> {
    fn head(&mut self, head: &BodyHead) {
        self.collector.head(head);
        let last_commit = match head {
            BodyHead::PebbleStream { last_commit_ts } | BodyHead::MvccStream { last_commit_ts, .. } => *last_commit_ts,
            BodyHead::SstIngest(manifest) => manifest.last_commit_ts,
        };
        // An empty payload has none.
        if let Some(usage) = self.usage.as_mut().filter(|_| last_commit.0 != 0) {
            usage.set_as_of(last_commit);
        }
        self.visitor.head(head);
    }

    fn row(&mut self, row: &Row<'_>) {
        self.collector.row(row);
        if row.version.is_some() {
            // The oldest version comes first, and nobody knows yet which is the newest.
            self.usage = None;
        }
        if let Some(usage) = &mut self.usage
            && !self.sealed.keep(row)
        {
            usage.row(row.key, row.value_len, row.value_head, None);
        }
        self.visitor.row(row);
    }

    fn value(&mut self, chunk: &[u8]) {
        self.visitor.value(chunk);
    }

    fn row_end(&mut self) {
        self.visitor.row_end();
        let SealedHead { is_present, key, head, value_len } = &mut self.sealed;
        if let (true, Some(usage)) = (std::mem::take(is_present), &mut self.usage) {
            usage.row(key, *value_len, head, self.visitor.opened());
        }
    }
}

/// The system's words, unless the user interrupted.
fn words(error: Error) -> Result<String> {
    match error {
        Error::Interrupted => Err(Error::Interrupted),
        other => Ok(other.reason()),
    }
}

fn not_a_file(path: &Path, error: Error, source: &dyn Source) -> FsmFacts {
    match (source.kind_at(path), error) {
        (None, _) => FsmFacts::Absent,
        (Some(EntryKind::Directory), _) => FsmFacts::Directory,
        (_, Error::Unsuitable { problem, .. }) => FsmFacts::Special(problem),
        (_, other) => FsmFacts::Unreadable(other.reason()),
    }
}
