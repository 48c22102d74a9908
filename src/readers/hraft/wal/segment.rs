//! One segment, frame by frame.

use crate::formats::raftwal::{
    FRAME_HEADER, FrameEnd, FrameKind, Frames, HEADER_LEN, HeaderFault, SegmentHeader, SegmentInfo, decode_binary_entry,
    frame_size, read_frame,
};
use crate::types::{Crc32c, OverBudget, grant};

/// Faults of one kind that are kept.
const KEPT: usize = 100;

/// What a segment is to its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentRole {
    /// Listed and complete.
    Sealed(SegmentInfo),
    /// Listed, the one that is written to.
    Tail(SegmentInfo),
    /// A file of which no list says anything.
    Alone,
}

impl SegmentRole {
    /// Index of the first entry, by the list or else by the header.
    fn base(self, header: Result<SegmentHeader, HeaderFault>) -> Option<u64> {
        match self {
            Self::Sealed(info) | Self::Tail(info) => Some(info.base),
            Self::Alone => header.ok().map(|header| header.base),
        }
    }
}

/// A commit whose checksum is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitFault {
    /// Offset of its frame.
    pub at: u64,
    /// Where what it covers begins.
    pub from: u64,
    /// As it says.
    pub stored: Crc32c,
    /// Of what is there.
    pub computed: Crc32c,
    /// Entries before what it covers.
    pub entries_before: u64,
    /// Entries up to it.
    pub entries: u64,
    /// True for the last one, with nothing behind it.
    pub last: bool,
}

/// What is wrong with an index frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexFault {
    /// It has another number of offsets than there are entries.
    Count {
        /// Offsets in it.
        listed: u64,
        /// Entries before it.
        entries: u64,
    },
    /// An offset is not that of the entry's frame.
    Offset {
        /// Position of the entry.
        position: u64,
        /// As the index says.
        listed: u32,
        /// Where the frame is.
        at: u32,
    },
}

/// An index frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexFact {
    /// Offset of its content.
    pub at: u64,
    /// What is wrong with it.
    pub fault: Option<IndexFault>,
}

/// What the library makes of the last segment when it opens the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tail {
    /// Entries that stay.
    pub entries: u64,
    /// Entries that are dropped.
    pub dropped: u64,
    /// True when the last commit's checksum decided it.
    pub rolled_back: bool,
    /// True when the header has to be right for the library to open it.
    pub header_counts: bool,
}

/// Commits that are whole behind the place where the library stops when it opens the last segment. Each has a commit frame before it, and the
/// checksum of everything between the two. The library begins a commit only when the one before is on disk, so that no crash leaves this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hidden {
    /// Where the library stops, and writes the next entry.
    pub stop: u64,
    /// Offset of the first one's frame.
    pub at: u64,
    /// How many there are.
    pub commits: u64,
    /// Entries that they cover.
    pub entries: u64,
    /// Index of the last one of them that decodes.
    pub last_index: Option<u64>,
}

/// A segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentFacts {
    /// Bytes of the file.
    pub size: u64,
    /// What it is to its log.
    pub role: SegmentRole,
    /// Its header.
    pub header: Result<SegmentHeader, HeaderFault>,
    /// Offsets of the entries' frames.
    pub offsets: Vec<u32>,
    /// Commits.
    pub commits: u64,
    /// Offset behind the last commit.
    pub committed: u64,
    /// Entries up to the last commit.
    pub committed_entries: u64,
    /// Entries behind the last commit that do not decode, or say another index.
    pub dropped_odd: u64,
    /// Commits with a wrong checksum.
    pub commit_faults: Vec<CommitFault>,
    /// Wrong commits that are not kept.
    pub more_commit_faults: u64,
    /// The index.
    pub index: Option<IndexFact>,
    /// Frames with bytes that are not zero where zeros belong.
    pub odd_frames: u64,
    /// Offset of the first one.
    pub odd_at: Option<u64>,
    /// Where frames end, and why.
    pub end: FrameEnd,
    /// Offset of the first byte behind the end that is not zero.
    pub behind: Option<u64>,
    /// What the library makes of it as the last segment.
    pub tail: Tail,
    /// Whole commits behind the place where it stops then; not looked for in a sealed segment.
    pub hidden: Option<Hidden>,
    /// True when the search for them was given up, since too much looks like a frame.
    pub search_given_up: bool,
}

impl SegmentFacts {
    /// True when it is complete as it stands: an index and a commit at its end.
    pub fn complete(&self) -> bool {
        self.index.is_some() && self.committed >= self.end.at()
    }

    /// Index of its first entry, by the list or by its header.
    pub fn base(&self) -> Option<u64> {
        self.role.base(self.header)
    }
}

/// A commit on the way.
#[derive(Clone, Copy)]
struct Commit {
    at: u64,
    entries: u64,
    stored: Crc32c,
}

/// Reads a segment. An error when the offsets of its frames, 4 bytes for at least 8 each, are more than the budget of memory grants.
pub fn read_segment(bytes: &[u8], role: SegmentRole) -> Result<SegmentFacts, OverBudget> {
    let header = SegmentHeader::decode(bytes);
    let mut frames = Frames::of(bytes);
    let mut offsets = Vec::new();
    let (mut index, mut odd_frames, mut odd_at) = (None, 0, None);
    let mut last: Option<Commit> = None;
    let mut before: Option<Commit> = None;
    let (mut faults, mut more, mut commits) = (Vec::new(), 0, 0);
    let mut last_is_good = true;
    for frame in frames.by_ref() {
        if frame.odd {
            odd_frames += 1;
            odd_at.get_or_insert(frame.at);
        }
        match frame.kind {
            // Offsets have 32 bits; the library makes no longer files.
            FrameKind::Entry => {
                if offsets.len() == offsets.capacity() {
                    // It doubles, and is there twice for a moment.
                    grant(3 * size_of::<u32>() as u64 * offsets.len() as u64)?;
                }
                offsets.push(u32::try_from(frame.at).unwrap_or(u32::MAX));
            }
            FrameKind::Index => {
                index = Some(IndexFact { at: frame.at + FRAME_HEADER as u64, fault: index_fault(frame.content, &offsets) });
            }
            FrameKind::Commit(stored) => {
                let from = last.map_or(0, |commit| commit.at + FRAME_HEADER as u64);
                let range = usize::try_from(from).ok().zip(usize::try_from(frame.at).ok());
                let covered = range.and_then(|(from, to)| bytes.get(from..to)).unwrap_or_default();
                let computed = Crc32c::of(covered);
                let commit = Commit { at: frame.at, entries: offsets.len() as u64, stored: Crc32c(stored) };
                commits += 1;
                last_is_good = computed == commit.stored;
                if !last_is_good {
                    let entries_before = last.map_or(0, |commit| commit.entries);
                    let fault = CommitFault {
                        at: commit.at,
                        from,
                        stored: commit.stored,
                        computed,
                        entries_before,
                        entries: commit.entries,
                        last: false,
                    };
                    if faults.len() < KEPT { faults.push(fault) } else { more += 1 }
                }
                before = last;
                last = Some(commit);
            }
        }
    }
    let size = bytes.len() as u64;
    let end = match frames.end() {
        // A file that is shorter than a header.
        Some(FrameEnd::File(at)) => FrameEnd::File(at.min(size)),
        Some(end) => end,
        None => FrameEnd::File(size),
    };
    let entries = offsets.len() as u64;
    let committed = last.map_or(0, |commit| commit.at + FRAME_HEADER as u64);
    let committed_entries = last.map_or(0, |commit| commit.entries);
    let nothing_behind = entries == committed_entries;
    if let (Some(fault), Some(commit)) = (faults.last_mut(), last) {
        fault.last = fault.at == commit.at && nothing_behind;
    }
    let tail = match (last, before) {
        (None, _) => Tail { entries: 0, dropped: entries, ..Tail::default() },
        (Some(commit), _) if !nothing_behind || last_is_good => {
            Tail { entries: commit.entries, dropped: entries - commit.entries, rolled_back: false, header_counts: true }
        }
        (Some(commit), Some(before)) => Tail {
            entries: before.entries,
            dropped: commit.entries.saturating_sub(before.entries),
            rolled_back: true,
            header_counts: true,
        },
        (Some(commit), None) => Tail { entries: 0, dropped: commit.entries, rolled_back: true, header_counts: false },
    };
    let base = role.base(header);
    let expected = |number: usize| base.and_then(|base| base.checked_add(number as u64));
    let first_dropped = usize::try_from(committed_entries).unwrap_or(usize::MAX);
    let dropped = offsets.iter().enumerate().skip(first_dropped);
    let dropped_odd =
        dropped.filter(|(number, at)| entry_at(bytes, **at).map(|(index, _)| index) != expected(*number)).count() as u64;
    let from = usize::try_from(end.at()).unwrap_or(usize::MAX);
    let behind = bytes.get(from..).unwrap_or_default().iter().position(|&byte| byte != 0).map(|at| end.at() + at as u64);
    let broken = match end {
        FrameEnd::Zero(_) | FrameEnd::File(_) => behind.is_some() || dropped_odd > 0,
        FrameEnd::Unknown(..) | FrameEnd::Torn(_) | FrameEnd::Beyond(..) => true,
    };
    let (mut hidden, mut search_given_up) = (None, false);
    if !matches!(role, SegmentRole::Sealed(_)) && (broken || tail.rolled_back) {
        // A changed length makes frames begin inside of others, up to the end: what counts is where the library goes on writing.
        let stop = match (tail.rolled_back, before) {
            (false, _) => committed,
            (true, before) => before.map_or(0, |commit| commit.at + FRAME_HEADER as u64),
        };
        let least = usize::try_from(tail.entries).ok().and_then(expected);
        (hidden, search_given_up) = hidden_commits(bytes, stop.max(HEADER_LEN as u64), least);
    }
    Ok(SegmentFacts {
        size,
        role,
        header,
        offsets,
        commits,
        committed,
        committed_entries,
        dropped_odd,
        commit_faults: faults,
        more_commit_faults: more,
        index,
        odd_frames,
        odd_at,
        end,
        behind,
        tail,
        hidden,
        search_given_up,
    })
}

/// A commit that has its checksum.
struct Whole {
    at: u64,
    entries: u64,
    last_index: Option<u64>,
}

/// How often the search may read what lies behind its beginning. Commits one after another take it twice.
const EFFORT: u64 = 8;

/// Looks for whole commits behind the place where the library stops, a multiple of eight. `least` is the first index that is free there. True when it was given up.
fn hidden_commits(bytes: &[u8], stop: u64, least: Option<u64>) -> (Option<Hidden>, bool) {
    let mut found: Option<Hidden> = None;
    let mut effort = EFFORT * (bytes.len() as u64).saturating_sub(stop);
    let mut at = stop;
    while let Some(word) = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).and_then(<[u8]>::first_chunk::<FRAME_HEADER>) {
        at += FRAME_HEADER as u64;
        if !word.starts_with(&[3, 0, 0, 0]) {
            continue;
        }
        while let Some(commit) = commit_behind(bytes, at, least, &mut effort) {
            let so_far = found.get_or_insert(Hidden { stop, at: commit.at, commits: 0, entries: 0, last_index: None });
            so_far.commits += 1;
            so_far.entries += commit.entries;
            so_far.last_index = commit.last_index.or(so_far.last_index);
            at = commit.at + FRAME_HEADER as u64;
        }
        if effort == 0 {
            return (found, true);
        }
    }
    (found, false)
}

/// The commit over the frames from an offset on, when its checksum is theirs, and no index among them is below `least` or out of order.
fn commit_behind(bytes: &[u8], from: u64, least: Option<u64>, effort: &mut u64) -> Option<Whole> {
    let mut spend = |bytes: u64| {
        *effort = effort.saturating_sub(bytes);
        (*effort > 0).then_some(())
    };
    let (mut at, mut entries, mut last_index) = (from, 0, None);
    loop {
        spend(FRAME_HEADER as u64)?;
        let frame = read_frame(bytes, at).ok().filter(|frame| !frame.odd)?;
        match frame.kind {
            FrameKind::Commit(stored) => {
                // No commit is over nothing; the checksum of nothing is 0, which is easily found.
                let covered = bytes.get(usize::try_from(from).ok()?..usize::try_from(at).ok()?).filter(|_| entries > 0)?;
                spend(covered.len() as u64)?;
                return (Crc32c::of(covered) == Crc32c(stored)).then_some(Whole { at, entries, last_index });
            }
            FrameKind::Entry => {
                entries += 1;
                if let Ok(entry) = decode_binary_entry(frame.content) {
                    let follows = last_index.is_none_or(|last: u64| last.checked_add(1) == Some(entry.index));
                    (follows && least.is_none_or(|least| entry.index >= least)).then_some(())?;
                    last_index = Some(entry.index);
                }
            }
            FrameKind::Index => {}
        }
        at = at.checked_add(frame_size(frame.content.len() as u64))?;
    }
}

fn index_fault(content: &[u8], offsets: &[u32]) -> Option<IndexFault> {
    let (listed, rest) = content.as_chunks::<4>();
    if listed.len() != offsets.len() || !rest.is_empty() {
        return Some(IndexFault::Count { listed: listed.len() as u64, entries: offsets.len() as u64 });
    }
    let wrong = listed.iter().zip(offsets).position(|(listed, at)| u32::from_le_bytes(*listed) != *at)?;
    let (listed, at) = (u32::from_le_bytes(*listed.get(wrong)?), *offsets.get(wrong)?);
    Some(IndexFault::Offset { position: wrong as u64, listed, at })
}

/// Index and term of the entry in the frame at an offset, where it decodes.
pub(super) fn entry_at(bytes: &[u8], at: u32) -> Option<(u64, u64)> {
    let frame = read_frame(bytes, u64::from(at)).ok()?;
    decode_binary_entry(frame.content).ok().map(|entry| (entry.index, entry.term))
}
