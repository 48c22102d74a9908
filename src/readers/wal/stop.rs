//! Where and why a decoder stops in a segment.

use crate::formats::wal::{LengthWord, RecordKind};
use crate::types::Crc32c;

/// Why a decoder stops in a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The file ends after a frame.
    Eof {
        /// Its length.
        at: u64,
    },
    /// A length word of zero.
    Zero {
        /// Its offset.
        at: u64,
    },
    /// 1 to 7 bytes are left.
    ShortWord {
        /// Offset of the first.
        at: u64,
        /// How many.
        left: u64,
    },
    /// A frame is longer than the file.
    TooLong {
        /// Offset of its length word.
        at: u64,
        /// The word.
        word: LengthWord,
        /// Bytes from there to the end of the file.
        left: u64,
    },
    /// A frame is no record.
    BadRecord {
        /// Offset of the frame.
        at: u64,
        /// Length of the frame.
        len: u64,
        /// The runtime's complaint.
        error: String,
        /// True when the complaint is the value that the server takes for a torn write without any test.
        early_end: bool,
        /// Whether the body passes the torn-write test.
        torn: bool,
    },
    /// A record's data does not fit its checksum.
    BadCrc {
        /// Offset of the frame.
        at: u64,
        /// Length of the frame.
        len: u64,
        /// The record's type.
        kind: RecordKind,
        /// What the record stores.
        stored: Crc32c,
        /// What its data and everything before it give.
        computed: Crc32c,
        /// Whether the body passes the torn-write test.
        torn: bool,
    },
    /// A crc record differs from the running checksum.
    CrcRecord {
        /// Offset of the frame.
        at: u64,
        /// Length of the frame.
        len: u64,
        /// What the record stores.
        stored: Crc32c,
        /// The running checksum.
        running: Crc32c,
    },
    /// The server cannot read what stands under the name; a link to nothing is [`NOWHERE`].
    NotAFile {
        /// The system's words.
        reason: &'static str,
    },
}

/// The system's words for a link to nothing. The server opens all segments before it reads the first, so that such a link
/// ends the start wherever it stands.
pub const NOWHERE: &str = "no such file or directory";

impl Stop {
    /// Offset of the first byte that was not decoded.
    pub const fn at(&self) -> u64 {
        match self {
            Self::Eof { at }
            | Self::Zero { at }
            | Self::ShortWord { at, .. }
            | Self::TooLong { at, .. }
            | Self::BadRecord { at, .. }
            | Self::BadCrc { at, .. }
            | Self::CrcRecord { at, .. } => *at,
            Self::NotAFile { .. } => 0,
        }
    }

    /// True when a reader goes on with the next segment.
    pub const fn is_end(&self) -> bool {
        matches!(self, Self::Eof { .. } | Self::Zero { .. })
    }
}
