//! The log as the library shows it: whether it opens, from where to where it goes, and where an entry lies.

use super::segment::entry_at;
use super::{SegmentRole, WalLog, WalSegment};
use crate::formats::raftwal::{BINARY_CODEC, FRAME_HEADER, FrameEnd, HeaderFault, MAX_ENTRY, SegmentInfo, read_frame};

/// Why an entry is not to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogError {
    /// It is not there.
    NotFound,
    /// Another reason, in the library's words.
    Failed(String),
}

/// Where an entry lies.
#[derive(Debug, Clone, Copy)]
pub struct Spot<'a> {
    /// Position of its segment.
    pub segment: usize,
    /// Offset of its bytes in the file.
    pub at: u64,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// Entries that stand in a segment and do not count.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Removed {
    /// Name of the segment's file.
    pub segment: String,
    /// First index.
    pub from: u64,
    /// Last index.
    pub to: u64,
    /// Term of the first one, where it decodes.
    pub first_term: Option<u64>,
    /// Term of the last one.
    pub last_term: Option<u64>,
    /// Why they do not count.
    pub why: RemovedBy,
}

/// Why entries do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RemovedBy {
    /// A compaction removed the log's beginning.
    Compaction,
    /// The log's end was removed: another leader had other entries.
    Truncation,
    /// They stand behind the last commit, or in one that is not whole.
    Uncommitted,
    /// The list does not name the segment.
    Unlisted,
}

impl RemovedBy {
    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compaction => "compaction",
            Self::Truncation => "truncation",
            Self::Uncommitted => "uncommitted",
            Self::Unlisted => "unlisted",
        }
    }
}

impl WalSegment {
    /// The bytes of the file; none when it cannot be read.
    pub fn bytes(&self) -> &[u8] {
        self.file.as_ref().and_then(|file| file.as_ref().ok()).map_or(&[], |file| file.bytes())
    }

    /// First and last index that count; `None` when there are none.
    pub fn range(&self) -> Option<(u64, u64)> {
        let info = self.info.as_ref()?;
        if info.sealed() {
            return (info.min <= info.max).then_some((info.min, info.max));
        }
        let entries = self.facts.as_ref().map_or(0, |facts| facts.tail.entries);
        let last = info.base.checked_add(entries.checked_sub(1)?)?;
        let first = info.min.max(info.base);
        (first <= last).then_some((first, last))
    }

    /// The first index behind everything that the file can have: from there on every entry that the list claims fails in the same
    /// way, and the list has no checksum of its own.
    pub fn beyond(&self) -> u64 {
        let Some(info) = &self.info else { return 0 };
        let held = match info.sealed() {
            true if info.index_start == 0 => 0,
            true => (self.bytes().len() as u64).saturating_sub(info.index_start) / 4,
            false => self.facts.as_ref().map_or(0, |facts| facts.offsets.len() as u64),
        };
        info.base.saturating_add(held)
    }
}

/// Why opening ends over a segment, in the library's words.
fn segment_error(segment: &WalSegment, info: &SegmentInfo, last: bool) -> Option<String> {
    const CORRUPT: &str = "WAL is corrupt";
    if info.codec != BINARY_CODEC {
        return Some(format!("segment with BasedIndex={} uses an unknown codec", info.base));
    }
    if !info.sealed() && !last {
        return Some("unsealed segment is not at tail".to_owned());
    }
    let facts = match (&segment.file, &segment.facts) {
        (None, _) if info.sealed() => return Some(format!("open {}: no such file or directory", segment.name)),
        // The library makes it anew.
        (None, _) => return None,
        (Some(Err(reason)), _) => return Some(format!("open {}: {reason}", segment.name)),
        (Some(Ok(_)), Some(facts)) => facts,
        (Some(Ok(_)), None) => return None,
    };
    let header_counts = info.sealed() || facts.tail.header_counts;
    match facts.header {
        _ if !header_counts => None,
        Err(HeaderFault::Short) if info.sealed() => Some("EOF".to_owned()),
        Err(_) => Some(CORRUPT.to_owned()),
        Ok(header) if (header.base, header.id, header.codec) != (info.base, info.id, info.codec) => Some(CORRUPT.to_owned()),
        Ok(_) => None,
    }
}

impl WalLog {
    /// Why the library does not open the log, behind its `wal-meta.db`; in its words.
    pub fn open_error(&self) -> Option<String> {
        if let Some(Err(error)) = &self.state {
            return Some(format!("WAL is corrupt: failed to parse persisted state: {error}"));
        }
        if !self.misnamed.is_empty() {
            return Some("WAL is corrupt".to_owned());
        }
        let listed: Vec<_> = self.listed().collect();
        if self.meta.is_none() && self.segments.len() > 1 {
            // Lists of the headers alone: none of them is sealed.
            return Some("unsealed segment is not at tail".to_owned());
        }
        listed.iter().enumerate().find_map(|(number, (segment, info))| segment_error(segment, info, number + 1 == listed.len()))
    }

    /// The last segment of the list, where it is the one that is written to.
    pub fn tail(&self) -> Option<(&WalSegment, &SegmentInfo)> {
        self.listed().last().filter(|(_, info)| !info.sealed())
    }

    /// Index of the first entry; 0 without one.
    pub fn first_index(&self) -> u64 {
        let Some((segment, info)) = self.listed().next() else { return 0 };
        if !info.sealed() && segment.range().is_none() {
            return 0;
        }
        info.min
    }

    /// Index of the last entry; 0 without one.
    pub fn last_index(&self) -> u64 {
        match self.tail().and_then(|(segment, _)| segment.range()) {
            Some((_, last)) => last,
            // Without a segment before it an empty one says that the whole log is empty, since raft-wal 0.3.
            None if self.tail().is_some() && self.listed().count() == 1 => 0,
            None => self.listed().map(|(_, info)| info.base).max().map_or(0, |base| base.saturating_sub(1)),
        }
    }

    /// Where the library finds an entry.
    ///
    /// # Errors
    ///
    /// Its own.
    pub fn locate(&self, index: u64) -> Result<Spot<'_>, LogError> {
        let inside = |segment: &&WalSegment| segment.range().is_some_and(|(first, last)| (first..=last).contains(&index));
        let by_base = |segment: &&WalSegment| segment.info.is_some_and(|info| info.base <= index);
        let tail = self.tail().map(|(segment, _)| segment).filter(inside);
        let listed = || self.segments.iter().filter(by_base).max_by_key(|segment| segment.info.map_or(0, |info| info.base));
        let Some(segment) = tail.or_else(|| listed().filter(inside)) else { return Err(LogError::NotFound) };
        let position = self.segments.iter().position(|other| std::ptr::eq(other, segment)).unwrap_or_default();
        self.in_segment(position, index)
    }

    /// Where an entry of a segment lies, by its index.
    ///
    /// # Errors
    ///
    /// As the library has it.
    pub fn in_segment(&self, position: usize, index: u64) -> Result<Spot<'_>, LogError> {
        let failed = |text: &str| Err(LogError::Failed(text.to_owned()));
        let Some(segment) = self.segments.get(position) else { return Err(LogError::NotFound) };
        let (Some(info), Some(facts)) = (&segment.info, &segment.facts) else { return Err(LogError::NotFound) };
        let number = index.checked_sub(info.base).ok_or(LogError::NotFound)?;
        let at = if info.sealed() {
            if info.index_start == 0 {
                return failed("sealed segment has no index block");
            }
            let at = number.checked_mul(4).and_then(|offset| info.index_start.checked_add(offset));
            let word = at.and_then(|at| usize::try_from(at).ok()).and_then(|at| segment.bytes().get(at..)?.first_chunk::<4>());
            match word {
                Some(word) => u32::from_le_bytes(*word),
                None => return failed("failed to read segment index: EOF"),
            }
        } else {
            let offset = usize::try_from(number).ok().and_then(|number| facts.offsets.get(number));
            *offset.ok_or(LogError::NotFound)?
        };
        let spot = |at: u64, bytes| Ok(Spot { segment: position, at: at + FRAME_HEADER as u64, bytes });
        match read_frame(segment.bytes(), u64::from(at)) {
            Ok(frame) if frame.content.len() as u64 > u64::from(MAX_ENTRY) => {
                failed("WAL is corrupt: frame header indicates a record larger than MaxEntrySize (67108864 bytes)")
            }
            Ok(frame) => spot(frame.at, frame.content),
            Err(FrameEnd::Zero(at)) => spot(at, &[]),
            Err(FrameEnd::Unknown(_, kind)) => {
                Err(LogError::Failed(format!("WAL is corrupt: corrupt frame header with unknown type {kind}")))
            }
            Err(FrameEnd::Torn(_)) => failed("WAL is corrupt: corrupt frame header with type 0 but non-zero other fields"),
            Err(FrameEnd::Beyond(_, len)) if len > MAX_ENTRY => {
                failed("WAL is corrupt: frame header indicates a record larger than MaxEntrySize (67108864 bytes)")
            }
            Err(FrameEnd::File(_) | FrameEnd::Beyond(..)) => failed("EOF"),
        }
    }

    /// Entries that can be read and do not count: what a compaction, a conflict or a crash left.
    pub fn removed(&self) -> Vec<Removed> {
        let mut removed = Vec::new();
        for segment in &self.segments {
            let Some(facts) = &segment.facts else { continue };
            let (Some(base), entries) = (facts.base(), facts.offsets.len() as u64) else { continue };
            let Some(end) = base.checked_add(entries) else { continue };
            let mut add = |from: u64, to: u64, why| {
                let (from, to) = (from.max(base), to.min(end));
                if from >= to {
                    return;
                }
                let term = |index: u64| {
                    let at = usize::try_from(index - base).ok().and_then(|number| facts.offsets.get(number))?;
                    entry_at(segment.bytes(), *at).map(|(_, term)| term)
                };
                let segment = segment.name.clone();
                removed.push(Removed { segment, from, to: to - 1, first_term: term(from), last_term: term(to - 1), why });
            };
            match facts.role {
                SegmentRole::Alone => add(base, end, RemovedBy::Unlisted),
                SegmentRole::Sealed(info) => {
                    add(base, info.min, RemovedBy::Compaction);
                    add(info.max.saturating_add(1), end, RemovedBy::Truncation);
                }
                SegmentRole::Tail(info) => {
                    add(base, info.min, RemovedBy::Compaction);
                    add(base.saturating_add(facts.tail.entries), end, RemovedBy::Uncommitted);
                }
            }
        }
        removed
    }

    /// The bytes of a physical entry of a segment, and their offset.
    pub fn physical(&self, segment: &str, index: u64) -> Option<(u64, &[u8])> {
        let segment = self.segments.iter().find(|other| other.name == segment)?;
        let facts = segment.facts.as_ref()?;
        let number = usize::try_from(index.checked_sub(facts.base()?)?).ok()?;
        let frame = read_frame(segment.bytes(), u64::from(*facts.offsets.get(number)?)).ok()?;
        Some((frame.at + FRAME_HEADER as u64, frame.content))
    }
}
