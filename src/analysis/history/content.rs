//! What a version says, as far as it is known and kept.

use std::hash::Hasher as _;

use crate::formats::kv::LONGEST_DECODED;
use crate::formats::mvcc::{Encryption, ROW_HEADER_LEN, RowHeader};
use crate::types::HlcTimestamp;

/// Bytes of a value that are shown.
pub const SHOWN: usize = 256;

/// What a version says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Content {
    /// Whether it deletes its key; `None` when that is not known.
    pub deletes: Option<bool>,
    /// Its row header cannot be read.
    pub malformed: bool,
    /// When the store lets it expire.
    pub expire_at: Option<HlcTimestamp>,
    /// The store keeps it in an envelope.
    pub sealed: bool,
    /// Whether the envelope was opened; `None` for one that is not sealed, or without keys.
    pub opened: Option<bool>,
    /// Bytes of the value.
    pub length: Option<u64>,
    /// The value, or its beginning; `None` when it is not known or may not be shown.
    pub value: Option<Vec<u8>>,
    /// The value is not cut.
    pub whole: bool,
    /// Stands for operation, expiry and value; `None` when they are not known.
    pub digest: Option<u64>,
}

impl Content {
    /// A write of which only this is known.
    pub fn unknown(deletes: Option<bool>) -> Self {
        Self { deletes, digest: deletes.filter(|deletes| *deletes).map(|_| digest(true, NEVER, &[])), ..Self::default() }
    }

    /// A write in clear text; `shows`: its value may be shown.
    pub fn of_write(deletes: bool, value: &[u8], shows: bool) -> Self {
        let value = if deletes { &[] } else { value };
        let mut content = Self { deletes: Some(deletes), digest: Some(digest(deletes, NEVER, value)), ..Self::default() };
        content.keep(value, shows);
        content
    }

    /// A row as the store has it, its value with the header in front. What is sealed is not opened yet.
    pub fn of_row(value: &[u8]) -> Self {
        let Ok(header) = RowHeader::decode(value) else {
            let mut content = Self { malformed: true, ..Self::default() };
            content.keep(value, true);
            return content;
        };
        let body = value.get(ROW_HEADER_LEN..).unwrap_or_default();
        Self { sealed: header.encryption == Encryption::Sealed, ..Self::of_version(header.tombstone, header.expire_at, body) }
            .without_envelope(body)
    }

    /// A version whose header stands apart from its value.
    pub fn of_version(tombstone: bool, expire_at: HlcTimestamp, body: &[u8]) -> Self {
        let digest = Some(digest(tombstone, expire_at, if tombstone { &[] } else { body }));
        Self { expire_at: Some(expire_at).filter(|at| *at != NEVER), digest, ..Self::of_write(tombstone, body, true) }
    }

    fn without_envelope(self, body: &[u8]) -> Self {
        if !self.sealed {
            return self;
        }
        Self { length: Some(body.len() as u64), value: None, whole: false, digest: None, ..self }
    }

    /// The envelope was opened and held `clear`, or could not be opened.
    pub fn open(&mut self, clear: Option<&[u8]>, shows: bool) {
        self.opened = Some(clear.is_some());
        if let Some(clear) = clear {
            self.digest = Some(digest(self.deletes == Some(true), self.expire_at.unwrap_or(NEVER), clear));
            self.keep(clear, shows);
        }
    }

    fn keep(&mut self, value: &[u8], shows: bool) {
        self.length = Some(value.len() as u64);
        self.whole = value.len() <= LONGEST_DECODED;
        let kept = if self.whole { value } else { value.get(..SHOWN).unwrap_or(value) };
        self.value = shows.then(|| kept.to_vec());
    }

    /// Keeps only what is shown of a long value.
    pub fn shorten(&mut self) {
        if let Some(value) = self.value.as_mut().filter(|value| value.len() > SHOWN) {
            value.truncate(SHOWN);
            value.shrink_to_fit();
            self.whole = false;
        }
    }

    /// Bytes of memory that the value takes.
    pub fn memory(&self) -> u64 {
        self.value.as_ref().map_or(0, |value| value.len() as u64)
    }

    /// True when the value can be told.
    pub const fn is_known(&self) -> bool {
        self.digest.is_some()
    }
}

/// What expires never, as everything that entries write.
const NEVER: HlcTimestamp = HlcTimestamp(0);

fn digest(deletes: bool, expire_at: HlcTimestamp, value: &[u8]) -> u64 {
    let mut hash = twox_hash::XxHash64::with_seed(0);
    hash.write_u8(u8::from(deletes));
    hash.write_u64(expire_at.0);
    if !deletes {
        hash.write(value);
    }
    hash.finish()
}
