//! Store payloads: what follows the clock header of a `.fsm` file.
//!
//! A payload may be many gigabytes and a single value 256 MiB, so that walkers take bytes in windows of any size and
//! keep at most one key. They stop where the server's restore would stop, for the reason for which it would stop, and
//! hand every row to a [`BodyVisitor`] on the way.

mod gather;
mod mvcc_stream;
mod pebble_stream;
mod sst_ingest;

use std::fmt;

use serde::{Serialize, Serializer};

use crate::types::HlcTimestamp;

use mvcc_stream::MvccStream;
use pebble_stream::PebbleStream;
use sst_ingest::SstIngest;

pub use mvcc_stream::{MAX_KEY_LEN as MVCC_MAX_KEY_LEN, MAX_VALUE_LEN as MVCC_MAX_VALUE_LEN, MAX_VERSIONS};
pub use pebble_stream::{MAX_KEY_LEN as PEBBLE_MAX_KEY_LEN, MAX_VALUE_LEN as PEBBLE_MAX_VALUE_LEN};
pub use sst_ingest::{MAX_MANIFEST_LEN, ManifestFile, SstError, SstManifest};

/// Length of every format's magic.
pub const MAGIC_LEN: usize = 8;

/// Bytes at the front of a value that a [`Row`] shows; the whole value when it is no longer.
pub const VALUE_HEAD: usize = 48;

/// Which format a store payload has, by its first eight bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BodyFormat {
    /// No bytes: an empty store.
    Empty,
    /// `EKVPBBL1`: the store's keys and values one after another.
    PebbleStream,
    /// `EKVSSTI1`: table files behind a manifest. Unknown to the older server.
    SstIngest,
    /// `EKVMVCC2`: the in-memory store's snapshot.
    MvccStream,
    /// One to seven bytes.
    Partial,
    /// Another magic.
    Unknown([u8; MAGIC_LEN]),
}

/// Takes note of rows while a payload is walked.
pub trait BodyVisitor {
    /// The fixed fields at the front are read.
    fn head(&mut self, _head: &BodyHead) {}

    /// A row starts; its value follows in [`BodyVisitor::value`].
    fn row(&mut self, _row: &Row<'_>) {}

    /// More of the current row's value.
    fn value(&mut self, _chunk: &[u8]) {}

    /// The current row is complete.
    fn row_end(&mut self) {}

    /// What the envelope of the row that was completed last holds; `None` when it has none, or was not opened.
    fn opened(&self) -> Option<&[u8]> {
        None
    }
}

/// Wants nothing but the walker's verdict.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoVisitor;

impl BodyVisitor for NoVisitor {}

/// The fixed fields at the front of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyHead {
    /// Of `EKVPBBL1`.
    PebbleStream {
        /// Largest commit timestamp of the store.
        last_commit_ts: HlcTimestamp,
    },
    /// Of `EKVSSTI1`.
    SstIngest(SstManifest),
    /// Of `EKVMVCC2`.
    MvccStream {
        /// Largest commit timestamp of the store.
        last_commit_ts: HlcTimestamp,
        /// Versions below this timestamp may be gone.
        min_retained_ts: HlcTimestamp,
    },
}

/// One row of a payload.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Offset of the row's first byte, from the start of the store payload.
    pub at: u64,
    /// The key: as in the store for `EKVPBBL1`, the bare user key for `EKVMVCC2`.
    pub key: &'a [u8],
    /// What `EKVMVCC2` keeps beside the key instead of inside key and value.
    pub version: Option<RowVersion>,
    /// Length of the value in bytes.
    pub value_len: u64,
    /// The value's first [`VALUE_HEAD`] bytes, or all of it.
    pub value_head: &'a [u8],
}

/// A version's own fields in `EKVMVCC2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowVersion {
    /// When it was committed.
    pub commit_ts: HlcTimestamp,
    /// True when it deletes the key.
    pub tombstone: bool,
    /// When it expires; 0 for never.
    pub expire_at: HlcTimestamp,
    /// Position among the versions of its key; versions ascend in time.
    pub number: u64,
}

/// Where and why a restore would stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at offset {at} of the store payload: {kind}")]
pub struct BodyError {
    /// Offset of the field that cannot be read, from the start of the store payload.
    pub at: u64,
    /// The reason.
    pub kind: BodyErrorKind,
}

/// Reasons why a restore would stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyErrorKind {
    /// One to seven bytes where a magic should be.
    #[error("{available} bytes, less than a magic")]
    PartialMagic {
        /// Bytes that are there.
        available: u64,
    },
    /// No format has this magic.
    #[error("unknown magic {}", crate::types::Escaped(.found))]
    UnknownMagic {
        /// The eight bytes.
        found: [u8; MAGIC_LEN],
    },
    /// The payload ends where it must not.
    #[error("{what}: {needed} bytes needed, {available} left")]
    Truncated {
        /// The field.
        what: &'static str,
        /// Bytes that it needs.
        needed: u64,
        /// Bytes that are there.
        available: u64,
    },
    /// A key length above its limit.
    #[error("key of {found} bytes exceeds the limit of {limit}")]
    KeyTooLarge {
        /// The length claimed.
        found: u64,
        /// The largest length allowed.
        limit: u64,
    },
    /// A value length above its limit.
    #[error("value of {found} bytes exceeds the limit of {limit}")]
    ValueTooLarge {
        /// The length claimed.
        found: u64,
        /// The largest length allowed.
        limit: u64,
    },
    /// More versions of one key than allowed.
    #[error("{found} versions of one key exceed the limit of {limit}")]
    TooManyVersions {
        /// The count claimed.
        found: u64,
        /// The largest count allowed.
        limit: u64,
    },
    /// An `EKVMVCC2` payload of another version.
    #[error("EKVMVCC2 version {found}")]
    MvccVersion {
        /// Its version.
        found: u32,
    },
    /// The checksum inside an `EKVMVCC2` payload does not match.
    #[error("inner checksum {stored:08x}, computed {computed:08x}")]
    InnerChecksum {
        /// CRC-32 (IEEE) as stored.
        stored: u32,
        /// Of the bytes behind it.
        computed: u32,
    },
    /// The manifest or a table file of an `EKVSSTI1` payload.
    #[error(transparent)]
    Sst(#[from] SstError),
}

/// Walks one store payload, given in windows.
#[derive(Debug)]
pub struct BodyWalker {
    state: Walk,
    failed: bool,
}

#[derive(Debug)]
enum Walk {
    /// Fewer than eight bytes so far.
    Magic {
        seen: [u8; MAGIC_LEN],
        len: usize,
    },
    Pebble(Box<PebbleStream>),
    Sst(Box<SstIngest>),
    Mvcc(Box<MvccStream>),
}

impl BodyFormat {
    /// Decides by the first bytes of a store payload; eight are enough, fewer mean that there are no more.
    pub fn of(head: &[u8]) -> Self {
        match head.first_chunk::<MAGIC_LEN>() {
            Some(b"EKVPBBL1") => Self::PebbleStream,
            Some(b"EKVSSTI1") => Self::SstIngest,
            Some(b"EKVMVCC2") => Self::MvccStream,
            Some(other) => Self::Unknown(*other),
            None if head.is_empty() => Self::Empty,
            None => Self::Partial,
        }
    }

    /// The name used in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::PebbleStream => "EKVPBBL1",
            Self::SstIngest => "EKVSSTI1",
            Self::MvccStream => "EKVMVCC2",
            Self::Partial | Self::Unknown(_) => "unknown",
        }
    }
}

impl fmt::Display for BodyFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

crate::types::text_schema!(
    BodyFormat,
    "Format of a store payload, by its magic.",
    "enum": ["EKVPBBL1", "EKVSSTI1", "EKVMVCC2", "empty", "unknown"]
);

impl Serialize for BodyFormat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Default for BodyWalker {
    fn default() -> Self {
        Self::new()
    }
}

impl BodyWalker {
    /// Before the first byte of the store payload.
    pub const fn new() -> Self {
        Self { state: Walk::Magic { seen: [0; MAGIC_LEN], len: 0 }, failed: false }
    }

    /// The next bytes of the payload. After an error, further bytes are ignored.
    pub fn push<V: BodyVisitor>(&mut self, mut window: &[u8], visitor: &mut V) -> Result<(), BodyError> {
        if self.failed {
            return Ok(());
        }
        let result = self.advance(&mut window, visitor);
        self.failed = result.is_err();
        result
    }

    fn advance<V: BodyVisitor>(&mut self, window: &mut &[u8], visitor: &mut V) -> Result<(), BodyError> {
        if let Walk::Magic { seen, len } = &mut self.state {
            let free = seen.get_mut(*len..).unwrap_or_default();
            let (taken, rest) = window.split_at(free.len().min(window.len()));
            for (slot, &byte) in free.iter_mut().zip(taken) {
                *slot = byte;
            }
            *len += taken.len();
            *window = rest;
            if *len < MAGIC_LEN {
                return Ok(());
            }
            self.state = match BodyFormat::of(seen) {
                BodyFormat::PebbleStream => Walk::Pebble(Box::default()),
                BodyFormat::SstIngest => Walk::Sst(Box::default()),
                BodyFormat::MvccStream => Walk::Mvcc(Box::default()),
                BodyFormat::Empty | BodyFormat::Partial | BodyFormat::Unknown(_) => {
                    return Err(BodyError { at: 0, kind: BodyErrorKind::UnknownMagic { found: *seen } });
                }
            };
        }
        match &mut self.state {
            Walk::Magic { .. } => Ok(()),
            Walk::Pebble(walk) => walk.push(window, visitor),
            Walk::Sst(walk) => walk.push(window, visitor),
            Walk::Mvcc(walk) => walk.push(window, visitor),
        }
    }

    /// The payload ends here. Says nothing if [`BodyWalker::push`] has already failed.
    pub fn finish(self) -> Result<(), BodyError> {
        if self.failed {
            return Ok(());
        }
        match self.state {
            Walk::Magic { len: 0, .. } => Ok(()),
            Walk::Magic { len, .. } => Err(BodyError { at: 0, kind: BodyErrorKind::PartialMagic { available: len as u64 } }),
            Walk::Pebble(walk) => walk.finish(),
            Walk::Sst(walk) => walk.finish(),
            Walk::Mvcc(walk) => walk.finish(),
        }
    }
}

/// Walks a payload that is in memory whole.
pub fn walk<V: BodyVisitor>(payload: &[u8], visitor: &mut V) -> Result<(), BodyError> {
    let mut walker = BodyWalker::new();
    walker.push(payload, visitor)?;
    walker.finish()
}

#[cfg(test)]
mod tests;
