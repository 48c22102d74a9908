//! Two payloads row by row, side by side, in bounded memory.

use std::cmp::Ordering;
use std::hash::Hasher as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::fsm_file::{Examine, FsmFacts, examine_visiting};
use super::keys::Opener;
use super::sealed_rows::{OpenedRows, SealedValue};
use crate::error::Result;
use crate::formats::envelope::MIN_LEN;
use crate::formats::fsm::body::{BodyVisitor, Row};
use crate::formats::kv::KeySpace;
use crate::formats::mvcc::{Encryption, RowHeader, StoreKey};
use crate::io::IoOptions;
use crate::readers::source::Run;
use crate::types::{HlcTimestamp, share_budget};

/// Rows handed over at once, unless their keys are long.
const BATCH: usize = 512;
/// Bytes of keys after which a batch is handed over.
const BATCH_BYTES: usize = 1 << 20;
/// Batches that wait for the other side.
const WAITING: usize = 4;

/// A row, with a hash in the place of its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComparedRow {
    /// The key as the payload has it.
    pub key: Vec<u8>,
    /// The commit timestamp that the payload keeps beside the key, if it does.
    pub commit_ts: Option<HlcTimestamp>,
    /// Length of the value in bytes, as stored.
    pub value_len: u64,
    /// Whether `value_hash` is of clear text.
    pub sealing: Sealing,
    /// Whether the version deletes its key, and when it expires.
    header: Option<(bool, HlcTimestamp)>,
    value_hash: u64,
}

/// How the value of a row is stored, and what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealing {
    /// In clear text.
    Clear,
    /// In an envelope that was opened.
    Opened,
    /// In an envelope that was not opened. Every node seals for itself: another envelope may hold the same value.
    Closed,
}

impl ComparedRow {
    /// What the row belongs to.
    pub fn space(&self) -> KeySpace {
        match self.commit_ts {
            Some(_) => KeySpace::of_user_key(&self.key),
            None => KeySpace::of_store_key(StoreKey::of(&self.key)),
        }
    }

    /// True when both hold the same; `None` when that is not known. An envelope shows the header and the length of what it holds.
    fn same_value(&self, other: &Self) -> Option<bool> {
        if self.value_hash == other.value_hash {
            return Some(true);
        }
        let open = self.sealing != Sealing::Closed && other.sealing != Sealing::Closed;
        (open || self.header != other.header || self.clear_len() != other.clear_len()).then_some(false)
    }

    const fn clear_len(&self) -> u64 {
        match self.sealing {
            Sealing::Clear => self.value_len,
            Sealing::Opened | Sealing::Closed => self.value_len.saturating_sub(MIN_LEN as u64),
        }
    }

    fn order(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key).then(self.commit_ts.cmp(&other.commit_ts))
    }
}

/// A row that is not the same on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowDifference<'r> {
    /// Only the first payload has it.
    OnlyFirst(&'r ComparedRow),
    /// Only the second payload has it.
    OnlySecond(&'r ComparedRow),
    /// Both have the key with different values: the first's row and the second's.
    Value(&'r ComparedRow, &'r ComparedRow),
    /// Both have the key, and at least one of them seals its value: whether the values differ is not known.
    Sealed(&'r ComparedRow, &'r ComparedRow),
}

/// What comparing two payloads showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FsmDiff {
    /// The first file, with its checksum and rows.
    pub first: FsmFacts,
    /// The second file.
    pub second: FsmFacts,
    /// What the keys made of the sealed rows of each, if there were keys.
    pub opened: [Option<OpenedRows>; 2],
    /// Rows that both have alike.
    pub same: u64,
    /// How many of these only one of both seals.
    pub sealed_once: u64,
}

/// Rows that are alike.
#[derive(Debug, Default)]
struct Alike {
    rows: u64,
    sealed_once: u64,
}

/// Reads both payloads to their ends and shows every row that differs to `see`, in the order of the keys. That is only worth
/// something when both have their rows in order, which the facts tell, and in the same format.
pub fn diff_payloads(
    paths: [&Path; 2],
    opener: Option<&Opener>,
    options: &IoOptions,
    run: &Run<'_>,
    see: &mut dyn FnMut(RowDifference<'_>),
) -> Result<FsmDiff> {
    thread::scope(|scope| {
        let start = |path| {
            let (sender, receiver) = sync_channel(WAITING);
            let read = move || {
                let mut stream = RowStream::new(sender, opener);
                let wanted = Examine { crc: true, walk: true, usage: false };
                let (facts, _) = share_budget(2, || examine_visiting(path, wanted, options, run, &mut stream));
                stream.flush();
                facts.map(|facts| (facts, opener.map(|_| stream.opened)))
            };
            (scope.spawn(read), Rows { receiver, batch: Vec::new().into_iter() })
        };
        let [(first, mut a), (second, mut b)] = paths.map(start);
        let alike = merge(&mut a, &mut b, see);
        let join = |side: thread::ScopedJoinHandle<'_, Result<(FsmFacts, Option<OpenedRows>)>>| {
            side.join().unwrap_or_else(|_| Ok((FsmFacts::Unreadable("the reader failed".to_owned()), None)))
        };
        let ((first, of_first), (second, of_second)) = (join(first)?, join(second)?);
        Ok(FsmDiff { first, second, opened: [of_first, of_second], same: alike.rows, sealed_once: alike.sealed_once })
    })
}

fn merge(a: &mut Rows, b: &mut Rows, see: &mut dyn FnMut(RowDifference<'_>)) -> Alike {
    let (mut left, mut right) = (a.next(), b.next());
    let mut alike = Alike::default();
    loop {
        match (&left, &right) {
            (None, None) => return alike,
            (Some(row), None) => {
                see(RowDifference::OnlyFirst(row));
                left = a.next();
            }
            (None, Some(row)) => {
                see(RowDifference::OnlySecond(row));
                right = b.next();
            }
            (Some(one), Some(other)) => match one.order(other) {
                Ordering::Less => {
                    see(RowDifference::OnlyFirst(one));
                    left = a.next();
                }
                Ordering::Greater => {
                    see(RowDifference::OnlySecond(other));
                    right = b.next();
                }
                Ordering::Equal => {
                    match one.same_value(other) {
                        Some(true) => {
                            alike.rows += 1;
                            alike.sealed_once += u64::from((one.sealing == Sealing::Clear) != (other.sealing == Sealing::Clear));
                        }
                        Some(false) => see(RowDifference::Value(one, other)),
                        None => see(RowDifference::Sealed(one, other)),
                    }
                    (left, right) = (a.next(), b.next());
                }
            },
        }
    }
}

/// The receiving end of one side.
struct Rows {
    receiver: Receiver<Vec<ComparedRow>>,
    batch: std::vec::IntoIter<ComparedRow>,
}

impl Rows {
    fn next(&mut self) -> Option<ComparedRow> {
        loop {
            if let Some(row) = self.batch.next() {
                return Some(row);
            }
            self.batch = self.receiver.recv().ok()?.into_iter();
        }
    }
}

/// The sending end: a walk that hands over its rows in batches.
struct RowStream<'o> {
    sender: SyncSender<Vec<ComparedRow>>,
    batch: Vec<ComparedRow>,
    key_bytes: usize,
    hash: twox_hash::XxHash64,
    opener: Option<&'o Opener>,
    value: SealedValue,
    opened: OpenedRows,
}

impl<'o> RowStream<'o> {
    fn new(sender: SyncSender<Vec<ComparedRow>>, opener: Option<&'o Opener>) -> Self {
        Self {
            sender,
            batch: Vec::new(),
            key_bytes: 0,
            hash: twox_hash::XxHash64::with_seed(0),
            opener,
            value: SealedValue::new(true),
            opened: OpenedRows::default(),
        }
    }

    /// Hashes the opened value of the row that ends, with the header that it would have in clear text; false when it stays closed.
    fn hash_opened(&mut self) -> bool {
        let (Some(opener), Some(row)) = (self.opener, self.value.end()) else { return false };
        let (Some(opened), Ok(header)) = (self.opened.open(opener, row), RowHeader::decode(row.value)) else { return false };
        self.hash = twox_hash::XxHash64::with_seed(0);
        self.hash.write(&RowHeader { encryption: Encryption::Clear, ..header }.encode());
        self.hash.write(opened.bytes());
        true
    }

    fn flush(&mut self) {
        self.key_bytes = 0;
        // Nobody listens any more only when the comparison is over.
        let _ = self.sender.send(std::mem::take(&mut self.batch));
    }
}

impl BodyVisitor for RowStream<'_> {
    fn row(&mut self, row: &Row<'_>) {
        self.hash = twox_hash::XxHash64::with_seed(0);
        if let Some(version) = row.version {
            self.hash.write_u8(u8::from(version.tombstone));
            self.hash.write_u64(version.expire_at.0);
        }
        let commit_ts = row.version.map(|version| version.commit_ts);
        self.key_bytes += row.key.len();
        let sealing = if self.value.start(row) { Sealing::Closed } else { Sealing::Clear };
        let header = RowHeader::decode(row.value_head).ok().map(|header| (header.tombstone, header.expire_at));
        let (key, value_len) = (row.key.to_vec(), row.value_len);
        self.batch.push(ComparedRow { key, commit_ts, value_len, sealing, header, value_hash: 0 });
    }

    fn value(&mut self, chunk: &[u8]) {
        self.hash.write(chunk);
        if self.opener.is_some() {
            self.value.push(chunk);
        }
    }

    fn row_end(&mut self) {
        let opened = self.hash_opened();
        if let Some(row) = self.batch.last_mut() {
            row.value_hash = self.hash.finish();
            if opened {
                row.sealing = Sealing::Opened;
            }
        }
        if self.batch.len() >= BATCH || self.key_bytes >= BATCH_BYTES {
            self.flush();
        }
    }
}
