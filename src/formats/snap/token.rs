//! What a raft snapshot carries as its data.

use serde::Serialize;

use crate::types::{Crc32c, LogIndex};

const MAGIC: &[u8; 4] = b"EKVT";
const VERSION: u8 = 1;

/// Length of an encoded token.
pub const TOKEN_LEN: usize = 17;

/// Points from a `.snap` file to its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct SnapshotToken {
    /// Names the `.fsm` file.
    pub index: LogIndex,
    /// The footer that file must have.
    pub crc32c: Crc32c,
}

/// Why bytes are not a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not 17 bytes.
    #[error("expected {TOKEN_LEN} bytes, got {len}")]
    Length {
        /// Bytes given.
        len: usize,
    },
    /// Another magic.
    #[error("invalid magic: {:02x}{:02x}{:02x}{:02x}", .found[0], .found[1], .found[2], .found[3])]
    Magic {
        /// The first four bytes.
        found: [u8; 4],
    },
    /// A version that no server knows.
    #[error("unknown version: {version}")]
    Version {
        /// The fifth byte.
        version: u8,
    },
}

/// How a start reads the data of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotData {
    /// No data: nothing is restored.
    Empty,
    /// A token.
    Token(SnapshotToken),
    /// Length and magic of a token with an unknown version: the start is refused.
    BadTokenVersion {
        /// The version byte.
        version: u8,
    },
    /// Anything else is taken for a whole payload without a footer.
    LegacyPayload {
        /// Its length in bytes.
        len: u64,
    },
}

impl SnapshotToken {
    /// The bytes of the token.
    pub fn encode(self) -> [u8; TOKEN_LEN] {
        let mut bytes = [0; TOKEN_LEN];
        let (magic, rest) = bytes.split_at_mut(MAGIC.len());
        magic.copy_from_slice(MAGIC);
        let (version, rest) = rest.split_at_mut(1);
        version.copy_from_slice(&[VERSION]);
        let (index, crc) = rest.split_at_mut(8);
        index.copy_from_slice(&self.index.0.to_be_bytes());
        crc.copy_from_slice(&self.crc32c.0.to_be_bytes());
        bytes
    }

    /// Decodes exactly one token.
    pub fn decode(bytes: &[u8]) -> Result<Self, TokenError> {
        let Ok(token) = <&[u8; TOKEN_LEN]>::try_from(bytes) else {
            return Err(TokenError::Length { len: bytes.len() });
        };
        let [m0, m1, m2, m3, version, i0, i1, i2, i3, i4, i5, i6, i7, c0, c1, c2, c3] = *token;
        let magic = [m0, m1, m2, m3];
        if magic != *MAGIC {
            return Err(TokenError::Magic { found: magic });
        }
        if version != VERSION {
            return Err(TokenError::Version { version });
        }
        Ok(Self {
            index: LogIndex(u64::from_be_bytes([i0, i1, i2, i3, i4, i5, i6, i7])),
            crc32c: Crc32c(u32::from_be_bytes([c0, c1, c2, c3])),
        })
    }
}

impl SnapshotData {
    /// Classifies a snapshot's data as a start does.
    pub fn of(data: &[u8]) -> Self {
        match SnapshotToken::decode(data) {
            Ok(token) => Self::Token(token),
            Err(TokenError::Version { version }) => Self::BadTokenVersion { version },
            Err(_) if data.is_empty() => Self::Empty,
            Err(_) => Self::LegacyPayload { len: data.len() as u64 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: [u8; 17] = *b"EKVT\x01\0\0\0\0\0\0\0\x2a\x7a\xba\x3e\x7e";

    #[test]
    fn golden() {
        let token = SnapshotToken { index: LogIndex(42), crc32c: Crc32c(0x7aba_3e7e) };
        assert_eq!(SnapshotToken::decode(&TOKEN), Ok(token));
        assert_eq!(token.encode(), TOKEN);
    }

    #[test]
    fn every_prefix_is_refused_by_its_length() {
        for cut in 0..TOKEN.len() {
            assert_eq!(SnapshotToken::decode(&TOKEN[..cut]), Err(TokenError::Length { len: cut }));
        }
    }

    #[test]
    fn every_flipped_bit_shows() {
        for bit in 0..TOKEN.len() * 8 {
            let mut bytes = TOKEN;
            bytes[bit / 8] ^= 1 << (bit % 8);
            match (bit / 8, SnapshotToken::decode(&bytes)) {
                (0..4, Err(TokenError::Magic { .. })) | (4, Err(TokenError::Version { .. })) => {}
                (5.., Ok(token)) => assert_ne!(Ok(token), SnapshotToken::decode(&TOKEN)),
                (_, other) => panic!("bit {bit}: {other:?}"),
            }
        }
    }

    #[test]
    fn data_is_classified_by_length_and_magic_before_version() {
        assert_eq!(SnapshotData::of(b""), SnapshotData::Empty);
        let mut version = TOKEN;
        version[4] = 2;
        assert_eq!(SnapshotData::of(&version), SnapshotData::BadTokenVersion { version: 2 });
        assert_eq!(SnapshotData::of(&TOKEN[..16]), SnapshotData::LegacyPayload { len: 16 });
        assert_eq!(SnapshotData::of(b"XKVT\x01\0\0\0\0\0\0\0\x2a\x7a\xba\x3e\x7e"), SnapshotData::LegacyPayload { len: 17 });
        assert!(matches!(SnapshotData::of(&TOKEN), SnapshotData::Token(_)));
    }

    #[test]
    fn refusals_are_worded_as_the_server_words_them() {
        assert_eq!(TokenError::Length { len: 3 }.to_string(), "expected 17 bytes, got 3");
        assert_eq!(TokenError::Magic { found: *b"abcd" }.to_string(), "invalid magic: 61626364");
        assert_eq!(TokenError::Version { version: 2 }.to_string(), "unknown version: 2");
    }
}
