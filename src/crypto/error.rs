//! Why something that is sealed does not open, in the server's words.

use std::fmt;

use crate::formats::{DecodeError, DecodeErrorKind};

/// Why an envelope or a wrapped key does not open. Holds no key material and no plaintext.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenError {
    /// Shorter than header and tag.
    Short {
        /// Its length.
        len: u64,
        /// The least it has to have.
        needed: u64,
    },
    /// A version that no server writes.
    Version(u8),
    /// The keys at hand do not include the one that sealed it.
    UnknownKey(u32),
    /// The tag does not fit: another key, or a changed byte.
    Integrity(u32),
    /// A flag that no server sets; in a raft envelope the tag does not protect it.
    Flags(u8),
    /// The opened bytes are marked as compressed and do not decompress.
    Compression,
    /// A wrapped key that is not as long as one, or does not hold one.
    WrappedLength(usize),
    /// The KEK does not open a wrapped key.
    Unwrap,
}

impl OpenError {
    /// The server's own name for the condition.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Short { .. } => "ErrEnvelopeShort",
            Self::Version(_) => "ErrEnvelopeVersion",
            Self::UnknownKey(_) => "ErrUnknownKeyID",
            Self::Integrity(_) => "ErrIntegrity",
            Self::Flags(_) | Self::Compression => "envelope flags",
            Self::WrappedLength(_) | Self::Unwrap => "ErrKEKMismatch",
        }
    }

    /// True when the key was found and what it should open is not authentic, or cannot be an envelope at all.
    pub const fn is_damage(&self) -> bool {
        !matches!(self, Self::UnknownKey(_))
    }

    /// From what the decoder of envelopes says.
    pub(crate) fn of_decoding(error: &DecodeError) -> Self {
        match error.kind {
            DecodeErrorKind::Truncated { needed, available, .. } => Self::Short { len: available, needed },
            DecodeErrorKind::Unknown { found, .. } => Self::Version(u8::try_from(found).unwrap_or(u8::MAX)),
            _ => Self::Short { len: 0, needed: 0 },
        }
    }
}

/// The server's text, without what each of its layers puts in front.
impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { len, needed } => {
                write!(f, "got {len} bytes, want >= {needed}: encryption: envelope shorter than header+tag")
            }
            Self::Version(found) => write!(f, "got 0x{found:02x}, want 0x01: encryption: unknown envelope version"),
            Self::UnknownKey(id) => write!(f, "key_id={id}: encryption: unknown key_id"),
            Self::Integrity(_) => f.write_str("encryption: integrity check failed (GCM tag mismatch)"),
            Self::Flags(flags) => write!(f, "envelope flags 0x{flags:02x}, which no version of the server sets"),
            Self::Compression => f.write_str("the opened bytes are marked as compressed and do not decompress"),
            Self::WrappedLength(len) => write!(f, "kek: wrapped DEK is {len} bytes, want exactly 60"),
            Self::Unwrap => f.write_str("kek: AES-GCM Open: cipher: message authentication failed"),
        }
    }
}
