//! What the records of one segment say, in order and run-length encoded.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::formats::raftpb::{HardState, WalSnapshot};
use crate::formats::wal::RecordKind;
use crate::types::{Crc32c, LogIndex, Term, free_budget};

use super::beyond::Beyond;
use super::class_counts::ClassCounts;
use super::stop::Stop;

/// One segment as one of the servers decodes it, up to the place where its decoder stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// How the running checksum enters the segment.
    pub entering: Entering,
    /// Records in order, with consecutive ones taken together.
    pub items: Vec<Item>,
    /// Why and where decoding stops.
    pub stop: Stop,
    /// The running checksum after the last good record; `None` when there is no record.
    pub running: Option<Crc32c>,
    /// Number of good records.
    pub records: u64,
    /// The good records by type, which no checksum covers: another look at the bytes must meet as many of each.
    pub types: TypeCounts,
    /// Number of entry records, replaced ones included.
    pub entries: u64,
    /// Number of hard state records.
    pub states: u64,
    /// Entry records by class, replaced ones included.
    pub classes: ClassCounts,
    /// Places to start from when an entry is looked up again, in file order.
    pub checkpoints: Vec<Checkpoint>,
    /// First frame whose padding is not zero, which no checksum covers.
    pub odd_padding: Option<u64>,
    /// First frame whose length word no server writes although the record in it is good.
    pub odd_word: Option<u64>,
    /// First good record that is laid out as no server writes it.
    pub odd_layout: Option<u64>,
    /// Records whose content is none that a server writes for their type, which no checksum covers. The first 64 only.
    pub suspects: Vec<Suspect>,
    /// What follows the stop, if anything.
    pub beyond: Option<Beyond>,
    /// Bytes of memory that what was read takes, with what is made of it later.
    pub(super) memory: u64,
}

/// The memory that the records of a log take together, while its segments are read side by side.
///
/// What each segment takes is counted to its end, whether it is kept or not: the sum does not depend on which of them was read first.
#[derive(Debug)]
pub(super) struct LogMemory {
    taken: AtomicU64,
    limit: u64,
}

/// Bytes between two looks at what the other segments take.
const MEMORY_STEP: u64 = 256 << 10;
/// Bytes that an item takes: its own, and as many for its places in the lists that are made of them.
const ITEM_MEMORY: u64 = 2 * size_of::<Item>() as u64;
/// Bytes of memory for a byte of members, of which each is kept several times, and some are one byte long.
const MEMBER_MEMORY: u64 = 32;
/// The same for the members of a change, which are decoded one change after another.
const CHANGE_MEMORY: u64 = 4;

impl LogMemory {
    /// What the run may still take.
    pub(super) fn of_run() -> Self {
        Self { taken: AtomicU64::new(0), limit: free_budget() }
    }

    /// Adds what another part takes; true when all of it together is above the budget.
    fn take(&self, bytes: u64) -> bool {
        self.taken.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) > self.limit
    }
}

/// Number of records of each type; the last are those of no known type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TypeCounts([u64; 6]);

impl TypeCounts {
    /// Counts one record.
    #[inline]
    pub fn add(&mut self, kind: RecordKind) {
        let slot = match kind {
            RecordKind::Metadata => 0,
            RecordKind::Entry => 1,
            RecordKind::State => 2,
            RecordKind::Crc => 3,
            RecordKind::Snapshot => 4,
            RecordKind::Unknown(_) => 5,
        };
        self.0[slot] += 1;
    }

    /// Number of records of all types.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// A record whose type has probably changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suspect {
    /// Offset of the frame.
    pub at: u64,
    /// The type that it claims.
    pub kind: RecordKind,
}

/// Suspects that are kept.
const MAX_SUSPECTS: usize = 64;

/// How the running checksum enters a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entering {
    /// There is no record.
    Nothing,
    /// The first record is a crc record with this value, which must be the running checksum of the segment before.
    Crc(Crc32c),
    /// The first record carries data, so it can be checked only with the segment before.
    Data(FirstRecord),
}

/// A first record that is no crc record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstRecord {
    /// Checksum of its data alone.
    pub data_crc: Crc32c,
    /// Length of its data.
    pub data_len: u64,
    /// The checksum that it stores.
    pub stored: Crc32c,
    /// Length of its frame.
    pub frame_len: u64,
    /// Whether its body passes the torn-write test.
    pub torn: bool,
}

impl FirstRecord {
    /// The running checksum after it, given the one before it.
    pub fn computed(&self, before: Crc32c) -> Crc32c {
        before.combine(self.data_crc, self.data_len)
    }
}

/// A step of the record stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// Entries and hard states.
    Run(Run),
    /// A metadata record with its data, if it has any.
    Metadata {
        /// Offset of the frame.
        at: u64,
        /// The data; absent and empty differ.
        data: Option<Vec<u8>>,
    },
    /// A crc record that agrees with the running checksum; the one at the head of a segment is [`Entering::Crc`] only.
    Crc {
        /// Offset of the frame.
        at: u64,
        /// Its value.
        stored: Crc32c,
    },
    /// A snapshot record.
    Snapshot {
        /// Offset of the frame.
        at: u64,
        /// Its content.
        snapshot: WalSnapshot,
    },
    /// A record of a type that no version writes.
    Unknown {
        /// Offset of the frame.
        at: u64,
        /// The type.
        kind: i64,
        /// Records of its kind directly behind it, which are only counted: a start ends at the first.
        more: u64,
    },
    /// A record whose checksum fits but whose data is not the message that its type announces.
    Malformed {
        /// Offset of the frame.
        at: u64,
        /// The type.
        kind: RecordKind,
        /// The runtime's complaint.
        error: String,
        /// Records of its kind directly behind it, which are only counted: a start ends at the first.
        more: u64,
    },
}

impl Item {
    /// Offset of its first frame.
    pub const fn at(&self) -> u64 {
        match self {
            Self::Run(run) => run.at,
            Self::Metadata { at, .. }
            | Self::Crc { at, .. }
            | Self::Snapshot { at, .. }
            | Self::Unknown { at, .. }
            | Self::Malformed { at, .. } => *at,
        }
    }
}

/// Entries of one term with consecutive indexes, and hard states among and after them that only move the commit forward.
///
/// Within a run every rule of Raft about its records holds by construction: each state's term is at least the entries',
/// term and vote stay, the commit does not fall and is at no time above the last entry before it. What breaks a rule starts
/// another run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Offset of the first frame.
    pub at: u64,
    /// The entries; the first of them is the run's first record.
    pub entries: Option<EntrySpan>,
    /// The hard states.
    pub states: Option<StateSpan>,
}

/// Consecutive entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntrySpan {
    /// Index of the first.
    pub first: LogIndex,
    /// Index of the last.
    pub last: LogIndex,
    /// Term of them all.
    pub term: Term,
    /// Offset of the frame of the last.
    pub last_at: u64,
}

/// Hard states of one term and vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateSpan {
    /// How many.
    pub count: u64,
    /// The first.
    pub first: HardState,
    /// The last.
    pub last: HardState,
    /// Offset of the frame of the last.
    pub last_at: u64,
}

impl EntrySpan {
    /// Number of entries.
    pub const fn count(&self) -> u64 {
        self.last.0 - self.first.0 + 1
    }
}

/// A place to find an entry from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// Position of the run in [`Trace::items`].
    pub item: usize,
    /// The entry's index.
    pub index: LogIndex,
    /// Offset of its frame.
    pub at: u64,
}

/// Builds a [`Trace`] record by record.
#[derive(Debug)]
pub(super) struct TraceBuilder<'m> {
    pub(super) entering: Entering,
    items: Vec<Item>,
    pub(super) running: Option<Crc32c>,
    pub(super) types: TypeCounts,
    pub(super) entries: u64,
    pub(super) states: u64,
    pub(super) classes: ClassCounts,
    checkpoints: Vec<Checkpoint>,
    pub(super) odd_padding: Option<u64>,
    pub(super) odd_word: Option<u64>,
    pub(super) odd_layout: Option<u64>,
    suspects: Vec<Suspect>,
    /// Of unknown types first, then of each type by its number.
    refusals: [Refusals; 6],
    next_checkpoint: u64,
    log: &'m LogMemory,
    memory: u64,
    /// Bytes of it that were added to the log's.
    told: u64,
    /// The log takes more than it may, so that nothing is kept of it; the last item goes on being compared with the next.
    full: bool,
}

/// Records of one kind at which a start ends that are kept one by one.
const MAX_REFUSED: usize = 256;

/// Records of one kind at which a start ends.
#[derive(Debug, Clone, Copy, Default)]
struct Refusals {
    /// Position of the last one that was kept.
    item: usize,
    /// How many were kept.
    count: usize,
}

/// Bytes between checkpoints.
const CHECKPOINT_STEP: u64 = 4 << 10;

impl<'m> TraceBuilder<'m> {
    pub(super) const fn new(log: &'m LogMemory) -> Self {
        Self {
            entering: Entering::Nothing,
            items: Vec::new(),
            running: None,
            types: TypeCounts([0; 6]),
            entries: 0,
            states: 0,
            classes: ClassCounts::ZERO,
            checkpoints: Vec::new(),
            odd_padding: None,
            odd_word: None,
            odd_layout: None,
            suspects: Vec::new(),
            refusals: [Refusals { item: 0, count: 0 }; 6],
            next_checkpoint: 0,
            log,
            memory: 0,
            told: 0,
            full: false,
        }
    }

    /// Counts memory that is about to be taken.
    #[inline]
    fn charge(&mut self, bytes: u64) {
        self.memory = self.memory.saturating_add(bytes);
        if self.memory - self.told >= MEMORY_STEP {
            self.tell();
        }
    }

    #[cold]
    fn tell(&mut self) {
        self.full |= self.log.take(self.memory - self.told);
        self.told = self.memory;
        if self.full {
            self.items.drain(..self.items.len().saturating_sub(1));
            self.items.shrink_to_fit();
            self.checkpoints = Vec::new();
        }
    }

    /// Keeps an item.
    #[inline]
    pub(super) fn push(&mut self, item: Item) {
        self.charge(ITEM_MEMORY);
        if self.full {
            self.items.clear();
        }
        self.items.push(item);
    }

    /// Counts the members of a snapshot record before they are decoded; false when they are more than the log may take.
    pub(super) fn fits_members(&mut self, bytes: usize) -> bool {
        self.charge((bytes as u64).saturating_mul(MEMBER_MEMORY));
        !self.full
    }

    /// Counts a membership change, which whoever follows the members keeps.
    #[cold]
    pub(super) fn change(&mut self, bytes: usize) {
        self.charge(ITEM_MEMORY.saturating_add((bytes as u64).saturating_mul(CHANGE_MEMORY)));
    }

    #[inline]
    pub(super) fn entry(&mut self, at: u64, term: Term, index: LogIndex) {
        self.entries += 1;
        if let Some(Item::Run(Run { entries: Some(entries), .. })) = self.items.last_mut()
            && entries.term == term
            && entries.last.0.checked_add(1) == Some(index.0)
        {
            entries.last = index;
            entries.last_at = at;
        } else {
            let entries = EntrySpan { first: index, last: index, term, last_at: at };
            self.push(Item::Run(Run { at, entries: Some(entries), states: None }));
            self.next_checkpoint = at + CHECKPOINT_STEP;
        }
        if at >= self.next_checkpoint && !self.full {
            self.charge(size_of::<Checkpoint>() as u64);
            self.checkpoints.push(Checkpoint { item: self.items.len() - 1, index, at });
            self.next_checkpoint = at + CHECKPOINT_STEP;
        }
    }

    /// A record at which a start ends. Those of its kind that come directly behind it are counted, and so are all when there
    /// are many, wherever they stand: nobody reads on behind the first.
    #[cold]
    pub(super) fn refused(&mut self, item: Item) {
        let slot = match &item {
            Item::Malformed { kind: RecordKind::Metadata, .. } => 1,
            Item::Malformed { kind: RecordKind::Entry, .. } => 2,
            Item::Malformed { kind: RecordKind::State, .. } => 3,
            Item::Malformed { kind: RecordKind::Crc, .. } => 4,
            Item::Malformed { kind: RecordKind::Snapshot, .. } => 5,
            _ => 0,
        };
        let last = self.items.len().checked_sub(1);
        let before = &mut self.refusals[slot];
        if before.count >= MAX_REFUSED || (before.count > 0 && last == Some(before.item)) {
            if let Some(Item::Unknown { more, .. } | Item::Malformed { more, .. }) = self.items.get_mut(before.item) {
                *more += 1;
            }
            return;
        }
        *before = Refusals { item: self.items.len(), count: before.count + 1 };
        self.push(item);
    }

    /// A metadata or crc record. One that repeats the record before it changes nothing for anybody.
    pub(super) fn repeated(&mut self, item: Item) {
        let repeats = match (self.items.last(), &item) {
            (Some(Item::Metadata { data: before, .. }), Item::Metadata { data, .. }) => before == data,
            (Some(Item::Crc { stored: before, .. }), Item::Crc { stored, .. }) => before == stored,
            _ => false,
        };
        if !repeats {
            if let Item::Metadata { data: Some(data), .. } = &item {
                self.charge(data.len() as u64);
            }
            self.push(item);
        }
    }

    #[cold]
    pub(super) fn suspect(&mut self, at: u64, kind: RecordKind) {
        if self.suspects.len() < MAX_SUSPECTS {
            self.suspects.push(Suspect { at, kind });
        }
    }

    #[inline]
    pub(super) fn state(&mut self, at: u64, state: HardState) {
        self.states += 1;
        if let Some(Item::Run(Run { entries, states, .. })) = self.items.last_mut() {
            let fits_entries = entries.is_none_or(|entries| state.term >= entries.term && state.commit <= entries.last);
            match states {
                Some(states)
                    if fits_entries
                        && (states.last.term, states.last.vote) == (state.term, state.vote)
                        && states.last.commit <= state.commit =>
                {
                    states.count += 1;
                    states.last = state;
                    states.last_at = at;
                    return;
                }
                None if fits_entries => {
                    *states = Some(StateSpan::one(at, state));
                    return;
                }
                _ => {}
            }
        }
        self.push(Item::Run(Run { at, entries: None, states: Some(StateSpan::one(at, state)) }));
    }

    pub(super) fn finish(mut self, stop: Stop) -> Trace {
        // There may be very many segments with a few records each.
        self.items.shrink_to_fit();
        self.log.take(self.memory - self.told);
        Trace {
            entering: self.entering,
            items: self.items,
            stop,
            running: self.running,
            records: self.types.total(),
            types: self.types,
            entries: self.entries,
            states: self.states,
            classes: self.classes,
            checkpoints: self.checkpoints,
            odd_padding: self.odd_padding,
            odd_word: self.odd_word,
            odd_layout: self.odd_layout,
            suspects: self.suspects,
            beyond: None,
            memory: self.memory,
        }
    }
}

impl StateSpan {
    const fn one(at: u64, state: HardState) -> Self {
        Self { count: 1, first: state, last: state, last_at: at }
    }
}
