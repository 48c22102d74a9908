//! Reading all segments of a log once, in parallel.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::error::{Error, Result};
use crate::formats::etcd::{LogOwner, owner_of};
use crate::formats::raftpb::ProtoRules;
use crate::formats::wal::SegmentName;
use crate::io::{EntryKind, MapFault, MappedFile, Mapping, side_by_side};
use crate::readers::source::{Run, Source};
use crate::types::{LogIndex, ProtobufRuntime, ServerVersion, grant};

use super::beyond::look_beyond;
use super::decode::decode_segment;
use super::dir::{SegmentFile, WalDir};
use super::stop::{NOWHERE, Stop};
use super::trace::{Entering, LogMemory, Trace, TraceBuilder};
use super::watch::LogWatch;

/// All segments of a log as both servers decode them.
#[derive(Debug)]
pub struct WalScan {
    /// The listing that was read.
    pub dir: WalDir,
    /// Segments in list order.
    pub segments: Vec<SegmentScan>,
    /// What repair set aside; no server reads it. Empty when only some of the segments were meant.
    pub set_aside: Vec<SegmentScan>,
    /// Whose log it is, by the first segment that says so.
    pub owner: LogOwner,
}

/// One segment.
#[derive(Debug)]
pub struct SegmentScan {
    /// Its name.
    pub file: SegmentFile,
    /// Length when it was opened.
    pub size: u64,
    /// What happened to the file while it was read.
    pub change: Option<Change>,
    google: Trace,
    /// Only when that runtime reads the bytes differently.
    gogo: Option<Box<Trace>>,
    bytes: SegmentBytes,
    /// Set by whoever reads the bytes again and does not find the records that this scan found.
    differs: AtomicBool,
}

/// Why what was read may not be what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Size, inode or modification time changed during the scan: a node is writing to it.
    Modified,
    /// The file shrank under the reader: bytes that it had were not there.
    Faulted,
    /// It was listed but gone when it was opened.
    Vanished,
    /// It cannot be opened here, or the disk did not deliver some bytes; the reason in the system's words.
    Unreadable(String),
}

#[derive(Debug)]
enum SegmentBytes {
    /// The files were closed, so that a log may have more segments than a process may have descriptors.
    Mapped(Mapping),
    Owned(Vec<u8>),
}

/// A log, and what was noted while it was read.
#[derive(Debug)]
pub struct WatchedLog<N> {
    /// The log.
    pub scan: WalScan,
    /// Of each of its segments, in their order.
    pub segments: Vec<N>,
    /// Of each copy that repair set aside.
    pub set_aside: Vec<N>,
}

/// A segment with what was noted of it, or why it could not be read.
type Noted<W> = Result<(SegmentScan, <W as LogWatch>::Notes)>;

impl WalScan {
    /// Bytes of memory that it takes from the budget.
    pub fn memory(&self) -> u64 {
        memory_of(&self.segments).saturating_add(memory_of(&self.set_aside))
    }

    /// Lists and reads the log directory `path` with up to `threads` threads.
    ///
    /// A segment that vanishes meanwhile (a live node purges old ones) makes it start over once.
    pub fn read(path: &Path, run: &Run<'_>) -> Result<Self> {
        Self::read_watched(path, &(), run).map(|watched| watched.scan)
    }

    /// As [`WalScan::read`], with somebody who sees the entries.
    pub fn read_watched<W: LogWatch>(path: &Path, watch: &W, run: &Run<'_>) -> Result<WatchedLog<W::Notes>> {
        let mut read = Self::read_listed_watched(WalDir::list(path, &*run.source)?, watch, run)?;
        if read.scan.segments.iter().any(|segment| segment.change == Some(Change::Vanished)) {
            read = Self::read_listed_watched(WalDir::list(path, &*run.source)?, watch, run)?;
        }
        let memory = LogMemory::of_run();
        let WatchedLog { scan, set_aside, .. } = &mut read;
        for file in scan.dir.set_aside() {
            let path = scan.dir.path_of(&file);
            let (segment, notes) = SegmentScan::read(&path, file, None, scan.owner, &memory, watch, run)?;
            scan.set_aside.push(segment);
            set_aside.push(notes);
        }
        give_back(&mut scan.set_aside);
        Ok(read)
    }

    /// The first segment whose bytes were not all seen. Nothing may be concluded from what a scan with such a segment does
    /// not hold.
    pub fn unread(&self) -> Option<&SegmentScan> {
        self.segments.iter().find(|segment| segment.is_unread())
    }

    /// The first segment that is no longer what the scan read, with what happened to it. To be asked after the last look at
    /// its bytes: a file may shrink, fault or change between two passes, and what a later pass says is then not known.
    ///
    /// Zeros behind the last record may go at any time: a server cuts them off when it begins another segment.
    pub fn disturbed(&self) -> Option<(&SegmentScan, String)> {
        self.segments.iter().filter(|segment| !segment.is_unread()).find_map(|segment| Some((segment, segment.disturbance()?)))
    }

    /// Reads the segments of a listing, which may have been narrowed.
    pub fn read_listed(dir: WalDir, run: &Run<'_>) -> Result<Self> {
        Self::read_listed_watched(dir, &(), run).map(|watched| watched.scan)
    }

    /// As [`WalScan::read_listed`], with somebody who sees the entries.
    pub fn read_listed_watched<W: LogWatch>(dir: WalDir, watch: &W, run: &Run<'_>) -> Result<WatchedLog<W::Notes>> {
        let count = dir.segments.len();
        run.progress.expect(dir.expected_bytes());
        // The segment that tells whose log it is stays open to be read.
        let told = by_a_head(&dir, |path| {
            let map = run.source.map(path).ok()?;
            Some((owner_of(map.bytes().get(..HEAD).unwrap_or(map.bytes()))?, map))
        });
        let (owner, opened) = match told {
            Some((position, (owner, map))) => (owner, Some((position, map))),
            None => (LogOwner::default(), None),
        };
        let opened = Mutex::new(opened);
        let memory = LogMemory::of_run();
        let next = AtomicUsize::new(0);
        let none_yet: Vec<Option<Noted<W>>> = (0..count).map(|_| None).collect();
        let done = Mutex::new(none_yet);
        let work = || {
            loop {
                let position = next.fetch_add(1, Ordering::Relaxed);
                let Some(file) = dir.segments.get(position) else { break };
                let is_open = |opened: &mut Option<(usize, MappedFile)>| opened.take_if(|(at, _)| *at == position);
                let opened = opened.lock().ok().and_then(|mut opened| is_open(&mut opened)).map(|(_, map)| map);
                let scanned = SegmentScan::read(&dir.path_of(file), file.clone(), opened, owner, &memory, watch, run);
                let failed = scanned.is_err();
                if let Ok(mut done) = done.lock() {
                    done[position] = Some(scanned);
                }
                if failed {
                    // Nobody needs the rest.
                    next.store(count, Ordering::Relaxed);
                }
            }
        };
        side_by_side(run.threads.min(count), work);
        let done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let read = done.into_iter().flatten().collect::<Result<Vec<_>>>()?;
        let (mut segments, notes): (Vec<_>, Vec<_>) = read.into_iter().unzip();
        give_back(&mut segments);
        if segments.len() < count {
            return Err(Error::Interrupted);
        }
        let scan = Self { dir, segments, set_aside: Vec::new(), owner };
        Ok(WatchedLog { scan, segments: notes, set_aside: Vec::new() })
    }

    /// A log that is not in a directory: names and contents, sorted as the server would list them. Names that are no
    /// segments are left out.
    pub fn of_bytes(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let mut files: Vec<_> = files.into_iter().collect();
        files.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
        let named = files.iter().filter(|(name, _)| SegmentName::parse(name).is_some());
        let owner = named.map(|(_, bytes)| bytes).find_map(|bytes| owner_of(bytes)).unwrap_or_default();
        let mut dir = WalDir::default();
        let mut segments = Vec::new();
        let memory = LogMemory::of_run();
        for (file_name, bytes) in files {
            let Some(name) = SegmentName::parse(&file_name) else { continue };
            let file = SegmentFile { file_name, name, kind: EntryKind::File, size: bytes.len() as u64 };
            dir.segments.push(file.clone());
            let (google, gogo, ()) =
                traces(&bytes, owner, &memory, &(), &mut |_| true).unwrap_or_else(|| (empty(Stop::Eof { at: 0 }), None, ()));
            let size = file.size;
            let (bytes, differs) = (SegmentBytes::Owned(bytes), AtomicBool::new(false));
            segments.push(SegmentScan { file, size, change: None, google, gogo, bytes, differs });
        }
        give_back(&mut segments);
        Self { dir, segments, set_aside: Vec::new(), owner }
    }

    /// Bytes of all segments.
    pub fn total_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.size).sum()
    }
}

/// Bytes of a segment that tell whose it is, at most.
const HEAD: usize = 512;
/// Segments that are asked whose they are, at most: one head is enough where it is whole.
const HEADS: usize = 64;

/// Whose log a directory holds, by the first segment whose head says so; elastickv's where none does.
pub fn owner_of_dir(dir: &WalDir, source: &dyn Source) -> LogOwner {
    let told = by_a_head(dir, |path| owner_of(&source.open(path).ok()?.read_at(0, HEAD).ok()?));
    told.map(|(_, owner)| owner).unwrap_or_default()
}

/// What `read` makes of the first segment of which it makes anything, and the position of that.
fn by_a_head<T>(dir: &WalDir, read: impl Fn(&Path) -> Option<T>) -> Option<(usize, T)> {
    let files = dir.segments.iter().enumerate().filter(|(_, file)| file.kind == EntryKind::File && file.size > 0);
    files.take(HEADS).find_map(|(position, file)| Some((position, read(&dir.path_of(file))?)))
}

/// How far ahead of the decoder the system is asked to read, in bytes.
const AHEAD: u64 = 4 << 20;

impl SegmentScan {
    /// Reads the segment at `path`, which may be open already.
    fn read<W: LogWatch>(
        path: &Path,
        file: SegmentFile,
        opened: Option<MappedFile>,
        owner: LogOwner,
        memory: &LogMemory,
        watch: &W,
        run: &Run<'_>,
    ) -> Result<(Self, W::Notes)> {
        if file.kind != EntryKind::File {
            let reason = match file.kind {
                EntryKind::Directory => "is a directory",
                EntryKind::Nowhere => NOWHERE,
                EntryKind::File | EntryKind::Other => "is not a regular file",
            };
            return Ok((Self::without_bytes(file, empty(Stop::NotAFile { reason }), None), W::Notes::default()));
        }
        let map = match opened.map_or_else(|| run.source.map(path), Ok) {
            Ok(map) => map,
            Err(error) => {
                let change = if error.is_not_found() { Change::Vanished } else { Change::Unreadable(error.reason()) };
                return Ok((Self::without_bytes(file, empty(Stop::Eof { at: 0 }), Some(change)), W::Notes::default()));
            }
        };
        let mut told = 0;
        map.prefetch(0..AHEAD);
        let (google, gogo, notes) = traces(map.bytes(), owner, memory, watch, &mut |at: u64| {
            map.release_before(at);
            // The hook is called once a MiB: the system always has the next few to read.
            map.prefetch(at + AHEAD - AHEAD / 4..at + AHEAD);
            run.progress.advance(at.saturating_sub(told));
            told = told.max(at);
            !run.progress.interrupted()
        })
        .ok_or(Error::Interrupted)?;
        run.progress.advance((map.bytes().len() as u64).saturating_sub(told));
        map.release_before(u64::MAX);
        map.rewind();
        let change = match map.fault() {
            Err(error) => Some(Change::Unreadable(error.reason())),
            Ok(Some(_)) => Some(Change::Faulted),
            Ok(None) if map.changed() => Some(Change::Modified),
            Ok(None) => None,
        };
        let (size, differs) = (map.bytes().len() as u64, AtomicBool::new(false));
        Ok((Self { size, file, change, google, gogo, bytes: SegmentBytes::Mapped(map.close()), differs }, notes))
    }

    /// True when its bytes were not all seen: it could not be read here, or was gone, or was cut.
    pub const fn is_unread(&self) -> bool {
        matches!(self.change, Some(Change::Faulted | Change::Vanished | Change::Unreadable(_)))
    }

    const fn without_bytes(file: SegmentFile, trace: Trace, change: Option<Change>) -> Self {
        let bytes = SegmentBytes::Owned(Vec::new());
        Self { file, size: 0, change, google: trace, gogo: None, bytes, differs: AtomicBool::new(false) }
    }

    /// A later pass did not find the records that the scan found.
    pub(crate) fn mark_as_different(&self) {
        self.differs.store(true, Ordering::Relaxed);
    }

    fn disturbance(&self) -> Option<String> {
        let SegmentBytes::Mapped(map) = &self.bytes else { return None };
        let end = self.gogo.iter().map(|trace| trace.stop.at()).fold(self.google.stop.at(), u64::max);
        let cut = |len: u64| (len < end).then(|| format!("it was cut to {len} bytes after it was read first"));
        let faulted = match map.fault_by_name() {
            Err(error) => Some(format!("it could not be read a second time: {}", error.reason())),
            Ok(Some(MapFault::Unreadable { at })) => Some(format!("it could not be read a second time at offset {at}")),
            Ok(Some(MapFault::Shrunk { len })) => cut(len),
            // Not touched since, or grown again since.
            Ok(None) => map.len_by_name().and_then(cut),
        };
        let differs = || "its records changed after they were read first".to_owned();
        faulted.or_else(|| self.differs.load(Ordering::Relaxed).then(differs))
    }

    /// The segment as one server decodes it.
    pub const fn trace(&self, engine: ServerVersion) -> &Trace {
        match (engine.traits().protobuf, &self.gogo) {
            (ProtobufRuntime::Gogo, Some(trace)) => trace,
            _ => &self.google,
        }
    }

    /// True when the two servers decode the bytes differently.
    pub const fn servers_differ(&self) -> bool {
        self.gogo.is_some()
    }

    /// The bytes that were read; nothing for what could not be opened.
    pub fn bytes(&self) -> &[u8] {
        match &self.bytes {
            SegmentBytes::Mapped(map) => map.bytes(),
            SegmentBytes::Owned(bytes) => bytes,
        }
    }

    /// Another pass over the bytes begins: [`SegmentScan::release_before`] starts again at the front.
    pub fn rewind(&self) {
        if let SegmentBytes::Mapped(map) = &self.bytes {
            map.rewind();
        }
    }

    /// Tells the system that bytes before `offset` will not be read again soon.
    pub fn release_before(&self, offset: u64) {
        if let SegmentBytes::Mapped(map) = &self.bytes {
            map.release_before(offset);
        }
    }

    /// True for a copy that repair set aside: no server reads it.
    pub fn is_set_aside(&self) -> bool {
        self.file.file_name.ends_with(".broken")
    }

    /// The file's number in the sequence.
    pub const fn seq(&self) -> u64 {
        self.file.name.seq
    }

    /// The index in the file's name.
    pub const fn name_index(&self) -> LogIndex {
        self.file.name.index
    }
}

/// Bytes of memory that a log of these segments takes.
fn memory_of(segments: &[SegmentScan]) -> u64 {
    let of = |segment: &SegmentScan| {
        let traces = segment.google.memory.saturating_add(segment.gogo.as_ref().map_or(0, |trace| trace.memory));
        traces.saturating_add((size_of::<SegmentScan>() + segment.file.file_name.len()) as u64)
    };
    segments.iter().map(of).fold(0, u64::saturating_add)
}

/// Keeps nothing of a log whose records take more memory than the run may: none of its segments was read then.
fn give_back(segments: &mut [SegmentScan]) {
    let Err(over) = grant(memory_of(segments)) else { return };
    for segment in segments {
        segment.google = empty(Stop::Eof { at: 0 });
        segment.gogo = None;
        segment.change = Some(Change::Unreadable(format!("with the rest of the log {over}")));
    }
}

fn empty(stop: Stop) -> Trace {
    let memory = LogMemory::of_run();
    let mut trace = TraceBuilder::new(&memory).finish(stop);
    trace.entering = Entering::Nothing;
    trace
}

/// Decodes for both servers: once when nothing depends on which, twice otherwise.
fn traces<W: LogWatch>(
    bytes: &[u8],
    owner: LogOwner,
    memory: &LogMemory,
    watch: &W,
    passed: &mut impl FnMut(u64) -> bool,
) -> Option<(Trace, Option<Box<Trace>>, W::Notes)> {
    // Whoever watches sees what the newest server reads.
    let (mut google, sensitive, notes) = decode_segment(bytes, ProtoRules::Google, owner, memory, watch, &mut *passed)?;
    google.beyond = look_beyond(bytes, &google.stop, google.running, &mut *passed);
    if !sensitive {
        return Some((google, None, notes));
    }
    let (mut gogo, _, ()) = decode_segment(bytes, ProtoRules::Gogo, owner, memory, &(), &mut *passed)?;
    gogo.beyond = look_beyond(bytes, &gogo.stop, gogo.running, &mut *passed);
    let differs = gogo != google;
    Some((google, differs.then(|| Box::new(gogo)), notes))
}
