//! Two payloads row by row, side by side, in bounded memory.

use std::cmp::Ordering;
use std::hash::Hasher as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::fsm_file::{Examine, FsmFacts, examine_visiting};
use crate::error::Result;
use crate::formats::fsm::body::{BodyVisitor, Row};
use crate::formats::kv::KeySpace;
use crate::formats::mvcc::StoreKey;
use crate::io::{IoOptions, Progress};
use crate::types::HlcTimestamp;

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
    /// Length of the value in bytes.
    pub value_len: u64,
    value_hash: u64,
}

impl ComparedRow {
    /// What the row belongs to.
    pub fn space(&self) -> KeySpace {
        match self.commit_ts {
            Some(_) => KeySpace::of_user_key(&self.key),
            None => KeySpace::of_store_key(StoreKey::of(&self.key)),
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
}

/// What comparing two payloads showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FsmDiff {
    /// The first file, with its checksum and rows.
    pub first: FsmFacts,
    /// The second file.
    pub second: FsmFacts,
    /// Rows that both have alike.
    pub same: u64,
}

/// Reads both payloads to their ends and shows every row that differs to `see`, in the order of the keys. That is only worth
/// something when both have their rows in order, which the facts tell, and in the same format.
pub fn diff_payloads(
    paths: [&Path; 2],
    options: &IoOptions,
    progress: &dyn Progress,
    see: &mut dyn FnMut(RowDifference<'_>),
) -> Result<FsmDiff> {
    thread::scope(|scope| {
        let start = |path| {
            let (sender, receiver) = sync_channel(WAITING);
            let read = move || {
                let mut stream = RowStream { sender, batch: Vec::new(), key_bytes: 0, hash: twox_hash::XxHash64::with_seed(0) };
                let facts = examine_visiting(path, Examine { crc: true, walk: true }, options, progress, &mut stream);
                stream.flush();
                facts
            };
            (scope.spawn(read), Rows { receiver, batch: Vec::new().into_iter() })
        };
        let [(first, mut a), (second, mut b)] = paths.map(start);
        let same = merge(&mut a, &mut b, see);
        let join = |side: thread::ScopedJoinHandle<'_, Result<FsmFacts>>| {
            side.join().unwrap_or_else(|_| Ok(FsmFacts::Unreadable("the reader failed".to_owned())))
        };
        Ok(FsmDiff { first: join(first)?, second: join(second)?, same })
    })
}

fn merge(a: &mut Rows, b: &mut Rows, see: &mut dyn FnMut(RowDifference<'_>)) -> u64 {
    let (mut left, mut right) = (a.next(), b.next());
    let mut same = 0;
    loop {
        match (&left, &right) {
            (None, None) => return same,
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
                    if (one.value_len, one.value_hash) == (other.value_len, other.value_hash) {
                        same += 1;
                    } else {
                        see(RowDifference::Value(one, other));
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
struct RowStream {
    sender: SyncSender<Vec<ComparedRow>>,
    batch: Vec<ComparedRow>,
    key_bytes: usize,
    hash: twox_hash::XxHash64,
}

impl RowStream {
    fn flush(&mut self) {
        self.key_bytes = 0;
        // Nobody listens any more only when the comparison is over.
        let _ = self.sender.send(std::mem::take(&mut self.batch));
    }
}

impl BodyVisitor for RowStream {
    fn row(&mut self, row: &Row<'_>) {
        self.hash = twox_hash::XxHash64::with_seed(0);
        if let Some(version) = row.version {
            self.hash.write_u8(u8::from(version.tombstone));
            self.hash.write_u64(version.expire_at.0);
        }
        let commit_ts = row.version.map(|version| version.commit_ts);
        self.key_bytes += row.key.len();
        self.batch.push(ComparedRow { key: row.key.to_vec(), commit_ts, value_len: row.value_len, value_hash: 0 });
    }

    fn value(&mut self, chunk: &[u8]) {
        self.hash.write(chunk);
    }

    fn row_end(&mut self) {
        if let Some(row) = self.batch.last_mut() {
            row.value_hash = self.hash.finish();
        }
        if self.batch.len() >= BATCH || self.key_bytes >= BATCH_BYTES {
            self.flush();
        }
    }
}
