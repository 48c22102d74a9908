//! Two sorted streams of rows side by side, in bounded memory: each side is read by a thread of its own, which hands its rows over in
//! batches.

use std::cmp::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::formats::envelope::MIN_LEN;
use crate::formats::kv::KeySpace;
use crate::formats::mvcc::StoreKey;
use crate::types::HlcTimestamp;

/// Bytes of a value that a row shows, where values are asked for.
pub const SHOWN: usize = 256;
/// Rows handed over at once, unless they are long.
const BATCH: usize = 512;
/// Bytes of keys and values after which a batch is handed over.
const BATCH_BYTES: usize = 1 << 20;
/// Batches that wait for the other side.
const WAITING: usize = 4;

/// A row, with a hash in the place of its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComparedRow {
    /// The key as the store or the payload has it.
    pub key: Vec<u8>,
    /// The commit timestamp that a payload keeps beside the key, if it does.
    pub commit_ts: Option<HlcTimestamp>,
    /// Length of the value in bytes, as stored.
    pub value_len: u64,
    /// Whether `value_hash` is of clear text.
    pub sealing: Sealing,
    /// Whether the version deletes its key, and when it expires.
    pub(super) header: Option<(bool, HlcTimestamp)>,
    pub(super) value_hash: u64,
    /// The beginning of the value, without the header of the row, where it was asked for and may be shown.
    pub shown: Option<Vec<u8>>,
    /// The other side may have dropped it: there is a newer version of the key that is older than what that side retains.
    pub superseded: bool,
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

    /// Whether the version deletes its key; `None` where its header cannot be read, or there is none.
    pub fn is_deletion(&self) -> Option<bool> {
        self.header.map(|(deletes, _)| deletes)
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
    /// Only the first side has it.
    OnlyFirst(&'r ComparedRow),
    /// Only the second side has it.
    OnlySecond(&'r ComparedRow),
    /// Both have the key with different values: the first's row and the second's.
    Value(&'r ComparedRow, &'r ComparedRow),
    /// Both have the key, and at least one of them seals its value: whether the values differ is not known.
    Sealed(&'r ComparedRow, &'r ComparedRow),
}

/// Rows that are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Alike {
    /// How many.
    pub rows: u64,
    /// How many of these only one side seals.
    pub sealed_once: u64,
}

/// Two ends of a side.
pub(super) fn side() -> (RowSender, Rows) {
    let (sender, receiver) = sync_channel(WAITING);
    let sender = RowSender { sender, batch: Vec::new(), bytes: 0, heard: true };
    (sender, Rows { receiver, batch: Vec::new().into_iter(), stopped: false })
}

/// What a side hands over.
enum Handed {
    Rows(Vec<ComparedRow>),
    /// What follows was not read.
    Stopped,
}

/// The sending end of one side.
pub(super) struct RowSender {
    sender: SyncSender<Handed>,
    batch: Vec<ComparedRow>,
    bytes: usize,
    heard: bool,
}

impl RowSender {
    /// Adds a row. Its value may still be told with [`last`](Self::last).
    pub(super) fn push(&mut self, row: ComparedRow) {
        self.bytes += row.key.len() + row.shown.as_ref().map_or(0, Vec::len);
        self.batch.push(row);
    }

    /// The row that was added last, until [`hand_over`](Self::hand_over).
    pub(super) fn last(&mut self) -> Option<&mut ComparedRow> {
        self.batch.last_mut()
    }

    /// Hands the rows over when there are enough of them. False when nobody listens any more.
    pub(super) fn hand_over(&mut self) -> bool {
        if self.batch.len() >= BATCH || self.bytes >= BATCH_BYTES {
            self.flush();
        }
        self.heard
    }

    /// Hands over what is left.
    pub(super) fn flush(&mut self) {
        self.bytes = 0;
        self.heard &= self.sender.send(Handed::Rows(std::mem::take(&mut self.batch))).is_ok();
    }

    /// Says that rows may follow which were not read: nothing behind the last one can be compared.
    pub(super) fn stopped(&mut self) {
        self.flush();
        self.heard &= self.sender.send(Handed::Stopped).is_ok();
    }
}

/// The receiving end of one side.
pub(super) struct Rows {
    receiver: Receiver<Handed>,
    batch: std::vec::IntoIter<ComparedRow>,
    stopped: bool,
}

impl Rows {
    fn next(&mut self) -> Option<ComparedRow> {
        loop {
            if let Some(row) = self.batch.next() {
                return Some(row);
            }
            match self.receiver.recv().ok()? {
                Handed::Rows(rows) => self.batch = rows.into_iter(),
                Handed::Stopped => {
                    self.stopped = true;
                    return None;
                }
            }
        }
    }
}

/// Shows every row that is not the same on both sides to `see`, in the order of the keys, up to where one of them stopped.
pub(super) fn merge(mut a: Rows, mut b: Rows, see: &mut dyn FnMut(RowDifference<'_>)) -> Alike {
    let (mut left, mut right) = (a.next(), b.next());
    let mut alike = Alike::default();
    loop {
        match (&left, &right) {
            (None, None) => return alike,
            (None, _) if a.stopped => return alike,
            (_, None) if b.stopped => return alike,
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
