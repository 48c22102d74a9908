//! Sealed values of a payload, put together while it is walked, and opened.

use std::path::Path;

use super::fsm_file::{Examine, FsmFacts, examine_visiting, examine_with};
use super::keys::Opener;
use crate::crypto::{OpenError, Opened};
use crate::error::Result;
use crate::formats::DecodeResult;
use crate::formats::envelope::{Envelope, HEADER_LEN, TAG_LEN};
use crate::formats::fsm::body::{BodyVisitor, Row};
use crate::formats::mvcc::{ROW_HEADER_LEN, is_sealed};
use crate::io::IoOptions;
use crate::readers::source::Run;
use crate::types::grant;

/// Rows that do not open and are kept; more are only counted.
pub const KEPT: usize = 16;
/// Bytes in front of the ciphertext.
const HEAD: usize = ROW_HEADER_LEN + HEADER_LEN;

/// A sealed row.
#[derive(Debug, Clone, Copy)]
pub struct SealedRow<'a> {
    /// Offset of the row, from the start of the store payload.
    pub at: u64,
    /// The whole key as stored.
    pub key: &'a [u8],
    /// The whole value; of one that is [`cut`](Self::cut), header and tag without what is between them.
    pub value: &'a [u8],
    /// The value was not asked for, or takes more memory than the run may.
    pub cut: bool,
}

impl<'a> SealedRow<'a> {
    /// The envelope.
    pub fn envelope(&self) -> DecodeResult<Envelope<'a>> {
        Envelope::decode(self.value.get(ROW_HEADER_LEN..).unwrap_or_default())
    }
}

/// Puts the value of one sealed row after the other together.
#[derive(Debug, Default)]
pub struct SealedValue {
    whole: bool,
    /// Inside a sealed row.
    sealed: bool,
    at: u64,
    key: Vec<u8>,
    value: Vec<u8>,
    len: u64,
    cut: bool,
}

impl SealedValue {
    /// With `whole` the values are kept, else only both their ends.
    pub fn new(whole: bool) -> Self {
        Self { whole, ..Self::default() }
    }

    /// A row begins; true when its value is sealed.
    pub fn start(&mut self, row: &Row<'_>) -> bool {
        self.sealed = row.version.is_none() && is_sealed(row.key, row.value_head);
        if self.sealed {
            self.at = row.at;
            self.key.clear();
            self.key.extend_from_slice(row.key);
            self.value.clear();
            self.len = row.value_len;
            // As stored, and opened.
            self.cut = !(self.whole && grant(row.value_len.saturating_mul(2)).is_ok());
        }
        self.sealed
    }

    /// More of the value; nothing is kept of one that is not sealed.
    pub fn push(&mut self, chunk: &[u8]) {
        if !self.sealed {
            return;
        }
        if !self.cut {
            self.value.extend_from_slice(chunk);
            return;
        }
        let (head, rest) = chunk.split_at(HEAD.saturating_sub(self.value.len()).min(chunk.len()));
        self.value.extend_from_slice(head);
        self.value.extend_from_slice(rest.get(rest.len().saturating_sub(TAG_LEN)..).unwrap_or_default());
        let spare = self.value.len().saturating_sub(HEAD + TAG_LEN);
        self.value.drain(HEAD.min(self.value.len())..(HEAD + spare).min(self.value.len()));
    }

    /// The row is complete; `None` when it is not sealed.
    pub fn end(&self) -> Option<SealedRow<'_>> {
        let Self { at, key, value, len, .. } = self;
        self.sealed.then(|| SealedRow { at: *at, key, value, cut: value.len() as u64 != *len })
    }

    /// True when the keys were wanted and this value takes too much memory to be opened.
    pub const fn is_too_large(&self) -> bool {
        self.sealed && self.whole && self.cut
    }
}

/// What keys made of the sealed rows of a payload.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenedRows {
    /// Rows that opened.
    pub opened: u64,
    /// Rows that do not.
    pub closed: u64,
    /// The first of these.
    pub first_closed: Vec<ClosedRow>,
    /// Rows whose keys are not at hand.
    pub unknown_key: u64,
    /// Rows that were not tried, because they take more memory than the run may.
    pub too_large: u64,
}

/// A sealed row that does not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedRow {
    /// Offset of the row, from the start of the store payload.
    pub at: u64,
    /// The whole key as stored.
    pub key: Vec<u8>,
    /// What its envelope says, if it is one.
    pub envelope: Option<Envelope<'static>>,
    /// Why it does not open.
    pub error: OpenError,
}

impl OpenedRows {
    /// Opens one row; `None` when that is not possible.
    pub fn open(&mut self, opener: &Opener, row: SealedRow<'_>) -> Option<Opened> {
        if row.cut {
            self.too_large += 1;
            return None;
        }
        match opener.row(row.key, row.value) {
            Ok(opened) => {
                self.opened += 1;
                Some(opened)
            }
            Err(error) if !error.is_damage() => {
                self.unknown_key += 1;
                None
            }
            Err(error) => {
                self.closed += 1;
                if self.first_closed.len() < KEPT {
                    let envelope = row.envelope().ok().map(|envelope| envelope.head());
                    self.first_closed.push(ClosedRow { at: row.at, key: row.key.to_vec(), envelope, error });
                }
                None
            }
        }
    }
}

/// Examines the payload at `path` and opens its sealed rows on the way, if it is walked and there are keys.
pub fn examine_opening(
    path: &Path,
    wanted: Examine,
    opener: Option<&Opener>,
    options: &IoOptions,
    run: &Run<'_>,
) -> Result<(FsmFacts, Option<OpenedRows>)> {
    let Some(opener) = opener.filter(|_| wanted.walk) else {
        return Ok((examine_with(path, wanted, options, run)?, None));
    };
    let mut opening = RowOpening::new(opener);
    let facts = examine_visiting(path, wanted, options, run, &mut opening)?;
    Ok((facts, Some(opening.rows)))
}

/// Opens every sealed row of a payload while it is walked.
struct RowOpening<'o> {
    opener: &'o Opener,
    value: SealedValue,
    rows: OpenedRows,
    /// What the row before held.
    last: Option<Opened>,
}

impl<'o> RowOpening<'o> {
    fn new(opener: &'o Opener) -> Self {
        Self { opener, value: SealedValue::new(true), rows: OpenedRows::default(), last: None }
    }
}

impl BodyVisitor for RowOpening<'_> {
    fn row(&mut self, row: &Row<'_>) {
        self.last = None;
        self.value.start(row);
    }

    fn value(&mut self, chunk: &[u8]) {
        self.value.push(chunk);
    }

    fn row_end(&mut self) {
        if let Some(row) = self.value.end() {
            self.last = self.rows.open(self.opener, row);
        }
    }

    fn opened(&self) -> Option<&[u8]> {
        self.last.as_ref().map(Opened::bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::mvcc::RowKey;
    use crate::types::HlcTimestamp;

    /// A value shown in chunks of every size comes together whole, and cut at both its ends.
    #[test]
    fn a_value_comes_together_from_chunks_of_any_size() {
        let key = RowKey { user_key: b"k", commit_ts: HlcTimestamp(7) }.encode();
        for len in [HEAD + TAG_LEN, HEAD + TAG_LEN + 1, HEAD + 100] {
            let value: Vec<u8> = [2, 0, 0, 0, 0, 0, 0, 0, 0, 1].into_iter().chain(10..u8::MAX).take(len).collect();
            for size in 1..=value.len() {
                for whole in [true, false] {
                    let mut sealed = SealedValue::new(whole);
                    let row = Row { at: 3, key: &key, version: None, value_len: value.len() as u64, value_head: &value[..16] };
                    assert!(sealed.start(&row));
                    value.chunks(size).for_each(|chunk| sealed.push(chunk));
                    let row = sealed.end().unwrap();
                    let ends = [&value[..HEAD], &value[value.len() - TAG_LEN..]].concat();
                    assert_eq!(row.value, if whole { &value[..] } else { &ends[..] }, "{size}");
                    assert_eq!(row.cut, row.value.len() != value.len());
                }
            }
        }
    }

    #[test]
    fn a_row_in_clear_text_is_none() {
        let key = RowKey { user_key: b"k", commit_ts: HlcTimestamp(7) }.encode();
        let mut sealed = SealedValue::new(true);
        let clear = Row { at: 3, key: &key, version: None, value_len: 9, value_head: &[0; 9] };
        assert!(!sealed.start(&clear));
        sealed.push(&[0; 9]);
        assert!(sealed.end().is_none());
    }
}
