//! A log of raft-wal: the list of segments in `wal-meta.db`, and the segments.

mod segment;
mod store;

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::survey::{Row, Survey};
use crate::error::{Error, Result};
use crate::formats::hraft::{CURRENT_TERM, LAST_VOTE_CANDIDATE, LAST_VOTE_TERM};
use crate::formats::layout::WAL_META;
use crate::formats::raftwal::{SegmentInfo, WalFile, WalState, decode_wal_state};
use crate::io::{DirEntry, EntryKind, MappedFile};
use crate::readers::source::Source;
use crate::types::{OverBudget, beside};

pub use segment::{CommitFault, Hidden, IndexFact, IndexFault, SegmentFacts, SegmentRole, Tail, read_segment};
pub use store::{LogError, Removed, RemovedBy, Spot};

/// Behind the name of a file that is being made.
const UNFINISHED_META: &str = "wal-meta.db.tmp";
/// Bucket of the list.
const META_BUCKET: &[u8] = b"wal-meta";
/// Its key.
const META_KEY: &[u8] = b"m";
/// Bucket of term and vote.
const STABLE_BUCKET: &[u8] = b"stable";

/// A log whose frames the budget does not hold.
fn over_budget(path: &Path, over: OverBudget) -> Error {
    Error::Unsuitable {
        path: path.to_owned(),
        problem: format!("has very many frames: {over}"),
        hint: "read it with more memory".to_owned(),
    }
}

/// A segment that is listed, or that is a file.
#[derive(Debug)]
pub struct WalSegment {
    /// Its name.
    pub name: String,
    /// What the list says; `None` for a file that is not in it.
    pub info: Option<SegmentInfo>,
    /// The file; `Err` with the reason when it cannot be opened, and `None` when it is not there.
    pub file: Option<std::result::Result<MappedFile, String>>,
    /// True when the system does not deliver the file: what it holds is not known.
    pub unread: bool,
    /// What stands in it.
    pub facts: Option<SegmentFacts>,
}

impl WalSegment {
    /// A file of which nothing else is known.
    pub fn alone(path: &Path, source: &dyn Source) -> Result<Self> {
        let file = source.map(path)?;
        let facts = read_segment(file.bytes(), SegmentRole::Alone);
        file.delivered()?;
        let name = crate::readers::locate::snapshots::name_of(path);
        let facts = facts.map_err(|over| over_budget(path, over))?;
        Ok(Self { name, info: None, file: Some(Ok(file)), unread: false, facts: Some(facts) })
    }

    /// True when the file has changed since it was opened.
    pub fn changed(&self) -> bool {
        self.file.as_ref().and_then(|file| file.as_ref().ok()).is_some_and(|file| file.changed_by_name() || file.faulted())
    }
}

/// Term and vote as they stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StableKeys {
    /// `CurrentTerm`
    pub current_term: Option<Vec<u8>>,
    /// `LastVoteTerm`
    pub vote_term: Option<Vec<u8>>,
    /// `LastVoteCand`
    pub vote_candidate: Option<Vec<u8>>,
}

/// The log's directory.
#[derive(Debug)]
pub struct WalLog {
    /// Its path.
    pub path: PathBuf,
    /// `wal-meta.db`; `None` when it is not there.
    pub meta: Option<MappedFile>,
    /// The pages of `wal-meta.db`.
    pub survey: Option<Survey>,
    /// The buckets that are there: of the list, of term and vote.
    pub buckets: [bool; 2],
    /// The list; `None` without the key, an error as the library says it.
    pub state: Option<std::result::Result<WalState, String>>,
    /// Offset of the list in `wal-meta.db`.
    pub state_at: u64,
    /// Term and vote.
    pub stable: StableKeys,
    /// The segments: those of the list in its order, then the files that are not in it.
    pub segments: Vec<WalSegment>,
    /// Files called like segments, but not quite: opening ends over them.
    pub misnamed: Vec<String>,
    /// True when a file of an unfinished `wal-meta.db` stands there.
    pub unfinished_meta: bool,
}

/// True for a directory that holds such a log: its list, or segments, whose names nothing else has.
pub fn is_wal_dir(entries: &[DirEntry]) -> bool {
    entries.iter().any(|entry| entry.kind == EntryKind::File && (entry.name == WAL_META || WalFile::parse(&entry.name).is_some()))
}

impl WalLog {
    /// Reads the directory. Every frame of every segment is read.
    pub fn read(path: &Path, source: &dyn Source) -> Result<Self> {
        let entries = source.list(path)?;
        let mut log = Self {
            path: path.to_owned(),
            meta: None,
            survey: None,
            buckets: [false; 2],
            state: None,
            state_at: 0,
            stable: StableKeys::default(),
            segments: Vec::new(),
            misnamed: Vec::new(),
            unfinished_meta: entries.iter().any(|entry| entry.name == UNFINISHED_META),
        };
        match source.map(&path.join(WAL_META)) {
            Ok(file) => log.read_meta(file),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
        let listed = match &log.state {
            Some(Ok(state)) => state.segments.clone(),
            _ => Vec::new(),
        };
        let files: Vec<_> =
            entries.iter().filter(|entry| entry.name.ends_with(".wal")).map(|entry| entry.name.as_str()).collect();
        for info in &listed {
            let name = WalFile { base: info.base, id: info.id }.to_string();
            let opened = source.map(&path.join(&name));
            let unread = opened.as_ref().is_err_and(Error::is_unread);
            let file = match opened {
                Ok(file) => Some(Ok(file)),
                Err(error) if error.is_not_found() => None,
                Err(Error::Interrupted) => return Err(Error::Interrupted),
                Err(error) => Some(Err(error.reason())),
            };
            log.segments.push(WalSegment { name, info: Some(*info), file, unread, facts: None });
        }
        let known: HashSet<_> = log.segments.iter().map(|segment| segment.name.clone()).collect();
        for name in files {
            match WalFile::parse(name) {
                None => log.misnamed.push(name.to_owned()),
                Some(_) if known.contains(name) => {}
                Some(_) => {
                    let opened = source.map(&path.join(name));
                    let unread = opened.as_ref().is_err_and(Error::is_unread);
                    let file = Some(opened.map_err(|error| error.reason()));
                    log.segments.push(WalSegment { name: name.to_owned(), info: None, file, unread, facts: None });
                }
            }
        }
        let mut held = 0;
        for segment in &mut log.segments {
            let Some(Ok(file)) = &segment.file else { continue };
            let role = match &segment.info {
                Some(info) if info.sealed() => SegmentRole::Sealed(*info),
                Some(info) => SegmentRole::Tail(*info),
                None => SegmentRole::Alone,
            };
            let read = beside(held, || read_segment(file.bytes(), role));
            file.delivered()?;
            let facts = read.map_err(|over| over_budget(file.path(), over))?;
            held += 4 * facts.offsets.capacity() as u64;
            segment.facts = Some(facts);
        }
        Ok(log)
    }

    fn read_meta(&mut self, file: MappedFile) {
        let mut stable = StableKeys::default();
        let mut state = None;
        let survey = Survey::of(file.bytes(), &mut |row: Row<'_>| {
            let Some(value) = row.value else { return ControlFlow::Continue(()) };
            match (row.bucket, row.key) {
                (META_BUCKET, META_KEY) => {
                    state = Some((decode_wal_state(value).map_err(|error| error.to_string()), row.at));
                }
                (STABLE_BUCKET, CURRENT_TERM) => stable.current_term = Some(value.to_vec()),
                (STABLE_BUCKET, LAST_VOTE_TERM) => stable.vote_term = Some(value.to_vec()),
                (STABLE_BUCKET, LAST_VOTE_CANDIDATE) => stable.vote_candidate = Some(value.to_vec()),
                _ => {}
            }
            ControlFlow::Continue(())
        });
        let has = |name: &[u8]| survey.buckets.iter().any(|bucket| bucket.name.as_bytes() == name);
        self.buckets = [has(META_BUCKET), has(STABLE_BUCKET)];
        if let Some((state, at)) = state {
            self.state_at = at;
            self.state = Some(state);
        }
        self.stable = stable;
        self.survey = Some(survey);
        self.meta = Some(file);
    }

    /// A segment that the system does not deliver, where there is one.
    pub fn unread_segment(&self) -> Option<&WalSegment> {
        self.segments.iter().find(|segment| segment.unread)
    }

    /// The listed segments.
    pub fn listed(&self) -> impl Iterator<Item = (&WalSegment, &SegmentInfo)> {
        self.segments.iter().filter_map(|segment| Some((segment, segment.info.as_ref()?)))
    }

    /// True when a file has changed since it was opened.
    pub fn changed(&self) -> bool {
        let files = self.segments.iter().filter_map(|segment| segment.file.as_ref()?.as_ref().ok());
        files.chain(&self.meta).any(|file| file.changed_by_name() || file.faulted())
    }

    /// Bytes of all files.
    pub fn size(&self) -> u64 {
        let files = self.segments.iter().filter_map(|segment| segment.file.as_ref()?.as_ref().ok());
        files.chain(&self.meta).map(|file| file.stamp().size).sum()
    }
}
