//! Two payloads row by row, side by side, in bounded memory.

use std::hash::Hasher as _;
use std::path::Path;
use std::thread;

use super::fsm_file::{Examine, FsmFacts, examine_visiting};
use super::keys::Opener;
use super::row_diff::{ComparedRow, RowDifference, RowSender, SHOWN, Sealing, merge, side};
use super::sealed_rows::{OpenedRows, SealedValue};
use super::usage::versions::Versions;
use crate::error::Result;
use crate::formats::fsm::body::{BodyVisitor, Row};
use crate::formats::mvcc::{Encryption, ROW_HEADER_LEN, RowHeader, StoreKey};
use crate::io::IoOptions;
use crate::readers::source::Run;
use crate::types::{HlcTimestamp, share_budget};

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
            let (sender, rows) = side();
            let read = move || {
                let mut stream = RowStream::new(sender, opener);
                let wanted = Examine { crc: true, walk: true, usage: false };
                let (facts, _) = share_budget(2, || examine_visiting(path, wanted, options, run, &mut stream));
                stream.rows.flush();
                facts.map(|facts| (facts, opener.map(|_| stream.opened)))
            };
            (scope.spawn(read), rows)
        };
        let [(first, a), (second, b)] = paths.map(start);
        let alike = merge(a, b, see);
        let join = |side: thread::ScopedJoinHandle<'_, Result<(FsmFacts, Option<OpenedRows>)>>| {
            side.join().unwrap_or_else(|_| Ok((FsmFacts::Unreadable("the reader failed".to_owned()), None)))
        };
        let ((first, of_first), (second, of_second)) = (join(first)?, join(second)?);
        Ok(FsmDiff { first, second, opened: [of_first, of_second], same: alike.rows, sealed_once: alike.sealed_once })
    })
}

/// The sending end: a walk that hands over its rows in batches.
pub(super) struct RowStream<'o> {
    pub(super) rows: RowSender,
    hash: twox_hash::XxHash64,
    opener: Option<&'o Opener>,
    value: SealedValue,
    pub(super) opened: OpenedRows,
    /// Rows so far, and how many of them stayed sealed.
    pub(super) count: u64,
    pub(super) closed: u64,
    /// With a store on the other side: what that has dropped, and the beginning of the present value.
    beside_store: Option<(Versions, Vec<u8>)>,
}

/// The value of a row that was opened.
struct ClearValue {
    /// Its beginning, where that may be shown.
    shown: Option<Vec<u8>>,
}

impl<'o> RowStream<'o> {
    pub(super) fn new(rows: RowSender, opener: Option<&'o Opener>) -> Self {
        Self {
            rows,
            hash: twox_hash::XxHash64::with_seed(0),
            opener,
            value: SealedValue::new(true),
            opened: OpenedRows::default(),
            count: 0,
            closed: 0,
            beside_store: None,
        }
    }

    /// The other side is a store that retains versions down to here: rows tell what it may have dropped, and show what they hold.
    pub(super) fn beside_store(self, retained: HlcTimestamp) -> Self {
        Self { beside_store: Some((Versions::new(Some(retained)), Vec::new())), ..self }
    }

    /// Hashes the opened value of the row that ends, with the header that it would have in clear text; nothing when it stays closed. Gives
    /// the beginning of it where that may be shown.
    fn hash_opened(&mut self) -> Option<ClearValue> {
        let (Some(opener), Some(row)) = (self.opener, self.value.end()) else { return None };
        let (Some(opened), Ok(header)) = (self.opened.open(opener, row), RowHeader::decode(row.value)) else { return None };
        self.hash = twox_hash::XxHash64::with_seed(0);
        self.hash.write(&RowHeader { encryption: Encryption::Clear, ..header }.encode());
        self.hash.write(opened.bytes());
        let shows = opener.shows_values && self.beside_store.is_some();
        Some(ClearValue { shown: shows.then(|| opened.bytes().get(..SHOWN).unwrap_or(opened.bytes()).to_vec()) })
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
        let sealing = if self.value.start(row) { Sealing::Closed } else { Sealing::Clear };
        let stored = row.version.is_none().then(|| StoreKey::of(row.key));
        let with_header = stored.is_none_or(|key| matches!(key, StoreKey::Row(_)));
        let header = RowHeader::decode(row.value_head).ok().filter(|_| with_header);
        let header = header.map(|header| (header.tombstone, header.expire_at));
        let mut superseded = false;
        if let Some((versions, front)) = &mut self.beside_store {
            front.clear();
            if let Some(StoreKey::Row(key)) = stored {
                superseded = versions.pass(key.user_key, key.commit_ts).is_reclaimable;
            }
        }
        self.count += 1;
        let (key, value_len) = (row.key.to_vec(), row.value_len);
        let row = ComparedRow { key, commit_ts, value_len, sealing, header, value_hash: 0, shown: None, superseded };
        self.rows.push(row);
    }

    fn value(&mut self, chunk: &[u8]) {
        self.hash.write(chunk);
        if let Some((_, front)) = &mut self.beside_store {
            let room = (ROW_HEADER_LEN + SHOWN).saturating_sub(front.len());
            front.extend_from_slice(chunk.get(..room).unwrap_or(chunk));
        }
        if self.opener.is_some() {
            self.value.push(chunk);
        }
    }

    fn row_end(&mut self) {
        let opened = self.hash_opened();
        if let Some(row) = self.rows.last() {
            row.value_hash = self.hash.finish();
            match (opened, row.sealing, &self.beside_store) {
                (Some(clear), ..) => (row.sealing, row.shown) = (Sealing::Opened, clear.shown),
                (None, Sealing::Clear, Some((_, front))) => {
                    let body = front.get(if row.header.is_some() { ROW_HEADER_LEN } else { 0 }..).unwrap_or_default();
                    row.shown = Some(body.get(..SHOWN).unwrap_or(body).to_vec());
                }
                _ => {}
            }
            self.closed += u64::from(row.sealing == Sealing::Closed);
        }
        self.rows.hand_over();
    }
}
