//! Two stores of one group, or a store and a payload, row by row, side by side; in bounded memory.

use std::cell::Cell;
use std::hash::Hasher;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use twox_hash::XxHash64;

use super::fsm_diff::RowStream;
use super::fsm_file::{Examine, FsmFacts, examine_visiting};
use super::keys::Opener;
use super::pebble::{KeyState, Store};
use super::pebble_scan::{KeyRange, Live, ScanOutcome, Step, walk_views};
use super::row_diff::{Alike, ComparedRow, RowDifference, RowSender, SHOWN, Sealing, merge, side};
use super::sealed_rows::{OpenedRows, SealedRow};
use super::source::Run;
use super::usage::versions::Versions;
use crate::crypto::Opened;
use crate::error::{Error, Result};
use crate::formats::mvcc::{Encryption, MetaKey, ROW_HEADER_LEN, RowHeader, StoreKey, is_sealed, meta_value};
use crate::io::IoOptions;
use crate::types::{HlcTimestamp, LogIndex, share_budget};

/// Threads that take memory at the same time: one a side, and who listens to both.
const SHARERS: usize = 3;

/// What a view of a store says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreNumbers {
    /// Index of the last entry that it says it has applied; `None` when it does not say, or that cannot be read.
    pub applied: Option<LogIndex>,
    /// Its newest commit.
    pub last_commit: Option<HlcTimestamp>,
    /// Of the versions of a key that are this old it need not have more than the newest.
    pub retained: HlcTimestamp,
}

impl StoreNumbers {
    pub(super) fn of(store: &Store) -> Self {
        let number = |key: MetaKey| match store.get(key.name().as_bytes()) {
            KeyState::Value(found) => meta_value(&found.value),
            KeyState::Deleted { .. } | KeyState::Absent | KeyState::Unreadable(_) => None,
        };
        let retained = number(MetaKey::MinRetainedTs).max(number(MetaKey::PendingMinRetainedTs)).unwrap_or(0);
        Self {
            applied: number(MetaKey::AppliedIndex).map(LogIndex),
            last_commit: number(MetaKey::LastCommitTs).map(HlcTimestamp),
            retained: HlcTimestamp(retained),
        }
    }
}

/// Whose rows are compared.
#[derive(Debug, Clone, Copy)]
pub enum RowsOf<'p> {
    /// Those of the store in this directory.
    Store(&'p Path),
    /// Those of the payload in this file, which keeps its rows as a store does, and what it says of itself: it does so in the middle.
    Payload(&'p Path, StoreNumbers),
}

/// How reading one side went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SideRead {
    /// A store.
    Store(Box<ScanOutcome>),
    /// A payload.
    Payload(Box<FsmFacts>),
}

impl SideRead {
    /// True when nothing kept it from being read to its end, in order.
    pub fn is_through(&self) -> bool {
        match self {
            Self::Store(outcome) => outcome.stopped.is_none(),
            Self::Payload(facts) => match facts.as_ref() {
                FsmFacts::File(file) => {
                    let body = file.payload.as_ref().and_then(|payload| payload.body.as_deref());
                    let whole = body
                        .is_some_and(|body| body.result.is_ok() && body.unread_table.is_none() && body.rows.unordered.count == 0);
                    whole && file.unread.is_none() && file.change.is_none()
                }
                _ => false,
            },
        }
    }

    /// Views that were read; a payload is one.
    pub fn views(&self) -> u32 {
        match self {
            Self::Store(outcome) => outcome.views,
            Self::Payload(_) => 1,
        }
    }
}

/// One store or payload, read through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffedStore {
    /// What its first view said.
    pub numbers: StoreNumbers,
    /// How the scan went.
    pub read: SideRead,
    /// True if a later view had applied more: its rows are then not those of one moment.
    pub moved: bool,
    /// Rows that were read.
    pub rows: u64,
    /// Sealed rows that were not opened, for whatever reason.
    pub closed: u64,
    /// What the keys made of the sealed rows, if there were keys.
    pub opened: Option<OpenedRows>,
}

/// What comparing two stores showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreDiff {
    /// The first store and the second.
    pub sides: [DiffedStore; 2],
    /// Rows that are the same.
    pub alike: Alike,
}

/// Is shown what differs.
pub trait DiffVisitor {
    /// What both stores say of themselves, before any row.
    fn begin(&mut self, numbers: &[StoreNumbers; 2]);

    /// A row that is not the same in both, in the order of the keys.
    fn differs(&mut self, difference: RowDifference<'_>);
}

/// Reads the rows of two stores in `ranges` and shows what differs to `visitor`; of payloads all rows. Where one of them cannot be read on,
/// the comparison ends.
pub fn diff_stores(
    sides: [RowsOf<'_>; 2],
    ranges: &[KeyRange],
    opener: Option<&Opener>,
    run: &Run<'_>,
    visitor: &mut dyn DiffVisitor,
) -> Result<StoreDiff> {
    thread::scope(|scope| {
        let (to_first, of_second) = sync_channel(1);
        let (to_second, of_first) = sync_channel(1);
        let start = |of, to_other, of_other| {
            let (rows, received) = side();
            let (tell, told) = sync_channel(1);
            let read = move || {
                let reader = SideReader::new(rows, opener, Exchange { tell, to_other, of_other });
                let read = || match of {
                    RowsOf::Store(dir) => reader.read(dir, ranges, run),
                    RowsOf::Payload(path, numbers) => reader.read_payload(path, numbers, run),
                };
                share_budget(SHARERS, read).0
            };
            (scope.spawn(read), received, told)
        };
        let [first, second] = sides;
        let (first, a, told_by_first) = start(first, to_second, of_second);
        let (second, b, told_by_second) = start(second, to_first, of_first);
        // Whoever fails tells nothing; the other ends then too.
        let alike = match (told_by_first.recv(), told_by_second.recv()) {
            (Ok(one), Ok(other)) => {
                share_budget(SHARERS, || visitor.begin(&[one, other]));
                merge(a, b, &mut |difference| visitor.differs(difference))
            }
            _ => {
                drop((a, b));
                Alike::default()
            }
        };
        let join = |side: thread::ScopedJoinHandle<'_, Result<DiffedStore>>| {
            side.join().unwrap_or_else(|_| Err(Error::Usage("the reader of a store failed".to_owned())))
        };
        let (first, second) = (join(first), join(second));
        Ok(StoreDiff { sides: [first?, second?], alike })
    })
}

/// Where a side tells what its store says of itself, and learns it of the other's.
struct Exchange {
    tell: SyncSender<StoreNumbers>,
    to_other: SyncSender<StoreNumbers>,
    of_other: Receiver<StoreNumbers>,
}

impl Exchange {
    fn with(&self, own: StoreNumbers) -> Option<StoreNumbers> {
        self.to_other.send(own).ok()?;
        let other = self.of_other.recv().ok()?;
        self.tell.send(own).ok()?;
        Some(other)
    }
}

/// Reads one store and hands its rows over.
struct SideReader<'o> {
    rows: RowSender,
    values: Values<'o>,
    exchange: Exchange,
}

impl<'o> SideReader<'o> {
    fn new(rows: RowSender, opener: Option<&'o Opener>, exchange: Exchange) -> Self {
        Self { rows, values: Values::new(opener), exchange }
    }

    fn read(self, dir: &Path, ranges: &[KeyRange], run: &Run<'_>) -> Result<DiffedStore> {
        let Self { mut rows, mut values, exchange } = self;
        let (mut views, mut count) = (Views::default(), 0);
        let horizon = Cell::new(None);
        let mut versions = None;
        let mut opened = |store: &Store| {
            let now = StoreNumbers::of(store);
            if !views.is_first(now) {
                return true;
            }
            horizon.set(exchange.with(now).map(|other| other.retained));
            horizon.get().is_some()
        };
        let outcome = walk_views(dir, ranges, run, &mut opened, &mut |live| {
            count += 1;
            let mut row = values.row(live);
            if let StoreKey::Row(key) = StoreKey::of(live.key) {
                let versions = versions.get_or_insert_with(|| Versions::new(horizon.get()));
                row.superseded = versions.pass(key.user_key, key.commit_ts).is_reclaimable;
            }
            rows.push(row);
            if rows.hand_over() { Step::Next } else { Step::Enough }
        })?;
        if outcome.stopped.is_some() {
            rows.stopped();
        } else {
            rows.flush();
        }
        Ok(DiffedStore {
            numbers: views.first.unwrap_or_default(),
            read: SideRead::Store(Box::new(outcome)),
            moved: views.moved,
            rows: count,
            closed: values.closed,
            opened: values.opener.map(|_| values.opened),
        })
    }

    fn read_payload(self, path: &Path, numbers: StoreNumbers, run: &Run<'_>) -> Result<DiffedStore> {
        let Self { rows, values, exchange } = self;
        let opener = values.opener;
        let retained = exchange.with(numbers).map_or(HlcTimestamp(0), |other| other.retained);
        let mut stream = RowStream::new(rows, opener).beside_store(retained);
        let wanted = Examine { crc: false, walk: true, usage: false };
        let read = SideRead::Payload(Box::new(examine_visiting(path, wanted, &IoOptions::default(), run, &mut stream)?));
        let RowStream { mut rows, count, closed, opened, .. } = stream;
        if read.is_through() {
            rows.flush();
        } else {
            rows.stopped();
        }
        Ok(DiffedStore { numbers, read, moved: false, rows: count, closed, opened: opener.map(|_| opened) })
    }
}

/// The views of a store that a walk went through.
#[derive(Debug, Default)]
pub(super) struct Views {
    pub(super) first: Option<StoreNumbers>,
    pub(super) moved: bool,
}

impl Views {
    pub(super) fn is_first(&mut self, now: StoreNumbers) -> bool {
        match self.first {
            None => {
                self.first = Some(now);
                true
            }
            Some(first) => {
                self.moved |= first.applied != now.applied || first.last_commit != now.last_commit;
                false
            }
        }
    }
}

/// What a value is stored in.
pub(super) enum Inside {
    /// Clear text.
    Clear,
    /// An envelope that was not opened.
    Closed,
    /// An envelope that held this.
    Opened(Opened),
}

/// Makes rows to compare of live keys.
pub(super) struct Values<'o> {
    opener: Option<&'o Opener>,
    pub(super) opened: OpenedRows,
    pub(super) closed: u64,
}

impl<'o> Values<'o> {
    pub(super) fn new(opener: Option<&'o Opener>) -> Self {
        Self { opener, opened: OpenedRows::default(), closed: 0 }
    }

    /// Opens the envelope of a row, if it has one.
    pub(super) fn open(&mut self, live: Live<'_>) -> Inside {
        if !is_sealed(live.key, live.value) {
            return Inside::Clear;
        }
        let row = SealedRow { at: 0, key: live.key, value: live.value, cut: false };
        let opened = self.opener.and_then(|opener| self.opened.open(opener, row));
        self.closed += u64::from(opened.is_none());
        opened.map_or(Inside::Closed, Inside::Opened)
    }

    fn row(&mut self, live: Live<'_>) -> ComparedRow {
        let header = RowHeader::decode(live.value).ok().filter(|_| matches!(StoreKey::of(live.key), StoreKey::Row(_)));
        let sealed = self.open(live);
        let body = live.value.get(if header.is_some() { ROW_HEADER_LEN } else { 0 }..).unwrap_or_default();
        let mut hash = XxHash64::with_seed(0);
        let (sealing, shown) = match (&sealed, header) {
            (Inside::Opened(opened), Some(header)) => {
                hash_value(&mut hash, header, opened.bytes());
                let shows = self.opener.is_some_and(|opener| opener.shows_values);
                (Sealing::Opened, shows.then_some(opened.bytes()))
            }
            (Inside::Opened(_) | Inside::Closed, _) => {
                hash.write(live.value);
                (Sealing::Closed, None)
            }
            (Inside::Clear, _) => {
                hash.write(live.value);
                (Sealing::Clear, Some(body))
            }
        };
        ComparedRow {
            key: live.key.to_vec(),
            commit_ts: None,
            value_len: live.value.len() as u64,
            sealing,
            header: header.map(|header| (header.tombstone, header.expire_at)),
            value_hash: hash.finish(),
            shown: shown.map(|shown| shown.get(..SHOWN).unwrap_or(shown).to_vec()),
            superseded: false,
        }
    }
}

/// A value as it would stand in clear text.
pub(super) fn hash_value(hash: &mut impl Hasher, header: RowHeader, body: &[u8]) {
    hash.write(&RowHeader { encryption: Encryption::Clear, ..header }.encode());
    hash.write(body);
}

/// What a row holds, as far as it can be held against what entries write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldValue {
    /// Whether the version deletes its key; `None` where its header cannot be read.
    pub deletes: Option<bool>,
    /// Stands for the value as it would be in clear text; `None` of an envelope that was not opened.
    hash: Option<u64>,
}

/// Stands for a value that an entry writes.
pub fn hash_of_written(body: &[u8]) -> u64 {
    let header = RowHeader { tombstone: false, encryption: Encryption::Clear, expire_at: HlcTimestamp(0) };
    let mut hash = XxHash64::with_seed(0);
    hash_value(&mut hash, header, body);
    hash.finish()
}

impl HeldValue {
    /// What a live row holds.
    pub(super) fn of(live: Live<'_>, inside: &Inside) -> Self {
        let header = RowHeader::decode(live.value).ok();
        let mut hash = XxHash64::with_seed(0);
        let hash = match (inside, header) {
            (Inside::Closed, _) | (Inside::Opened(_), None) => None,
            (Inside::Opened(opened), Some(header)) => {
                hash_value(&mut hash, header, opened.bytes());
                Some(hash.finish())
            }
            (Inside::Clear, _) => {
                hash.write(live.value);
                Some(hash.finish())
            }
        };
        Self { deletes: header.map(|header| header.tombstone), hash }
    }

    /// A row with this value in clear text, or with `None` one that deletes its key.
    #[cfg(test)]
    pub fn of_clear(value: Option<&[u8]>) -> Self {
        Self { deletes: Some(value.is_none()), hash: Some(value.map_or(0, hash_of_written)) }
    }

    /// Whether it is the value that [`hash_of_written`] stands for. Not known of an envelope that was not opened, but if it is a deletion.
    pub fn is_value(&self, written: u64) -> Option<bool> {
        if self.deletes == Some(true) { Some(false) } else { self.hash.map(|hash| hash == written) }
    }
}

impl ComparedRow {
    /// What it holds.
    pub fn held(&self) -> HeldValue {
        HeldValue { deletes: self.is_deletion(), hash: Some(self.value_hash).filter(|_| self.sealing != Sealing::Closed) }
    }

    /// Whether the row holds what an entry writes: this value, or with `None` that its key is deleted. Not known of an envelope that was
    /// not opened.
    pub fn holds(&self, written: Option<&[u8]>) -> Option<bool> {
        match written {
            Some(body) => self.held().is_value(hash_of_written(body)),
            None => self.is_deletion(),
        }
    }
}
