//! Two payloads row by row, side by side, in bounded memory.

use std::hash::Hasher as _;
use std::path::Path;
use std::thread;

use super::fsm_file::{Examine, FsmFacts, examine_visiting};
use super::keys::Opener;
use super::row_diff::{ComparedRow, RowDifference, RowSender, Sealing, merge, side};
use super::sealed_rows::{OpenedRows, SealedValue};
use crate::error::Result;
use crate::formats::fsm::body::{BodyVisitor, Row};
use crate::formats::mvcc::{Encryption, RowHeader};
use crate::io::IoOptions;
use crate::readers::source::Run;
use crate::types::share_budget;

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
struct RowStream<'o> {
    rows: RowSender,
    hash: twox_hash::XxHash64,
    opener: Option<&'o Opener>,
    value: SealedValue,
    opened: OpenedRows,
}

impl<'o> RowStream<'o> {
    fn new(rows: RowSender, opener: Option<&'o Opener>) -> Self {
        Self {
            rows,
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
        let header = RowHeader::decode(row.value_head).ok().map(|header| (header.tombstone, header.expire_at));
        let (key, value_len) = (row.key.to_vec(), row.value_len);
        let row = ComparedRow { key, commit_ts, value_len, sealing, header, value_hash: 0, shown: None, superseded: false };
        self.rows.push(row);
    }

    fn value(&mut self, chunk: &[u8]) {
        self.hash.write(chunk);
        if self.opener.is_some() {
            self.value.push(chunk);
        }
    }

    fn row_end(&mut self) {
        let opened = self.hash_opened();
        if let Some(row) = self.rows.last() {
            row.value_hash = self.hash.finish();
            if opened {
                row.sealing = Sealing::Opened;
            }
        }
        self.rows.hand_over();
    }
}
