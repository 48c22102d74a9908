//! The clock header at the front of a payload.

use serde::Serialize;

use crate::types::{LogIndex, UnixMillis};

/// First seven bytes of every header version.
const FAMILY: &[u8; 7] = b"EKVTHLC";
const V1_LEN: usize = 16;
const V2_FIXED: usize = 10;
const V2_MIN: u16 = 16;
const V2_MAX: u16 = 1024;

/// Bytes at the front of a payload that decide everything about its header.
pub const HEADER_PEEK: usize = V2_FIXED + V2_MAX as usize;

/// What stands before the store's own bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct FsmHeader {
    /// 1 or 2; 0 when the payload has no header.
    pub version: u8,
    /// Highest physical clock reading that had been promised, in Unix milliseconds; 0 means none had been. `None` without
    /// a header.
    pub ceiling_ms: Option<UnixMillis>,
    /// Entries above this index are sealed in the raft envelope; only version 2 has it, and 0 means none are.
    pub cutover: Option<LogIndex>,
    /// Length of the header in bytes: the store payload starts here.
    #[serde(skip)]
    pub len: u64,
}

/// Why a header that is there cannot be read. A start that uses the file is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The family's seven bytes with a version byte that no server knows.
    #[error("header magic EKVTHLC followed by byte {version:#04x}, which is no known version")]
    UnknownVersion {
        /// The eighth byte.
        version: u8,
    },
    /// A version 1 header that is cut off.
    #[error("version 1 header: 16 bytes needed, {available} left")]
    V1Truncated {
        /// Bytes of the payload, magic included: 8 to 15.
        available: u64,
    },
    /// A version 2 header that is cut off in its length word.
    #[error("version 2 header: 2 length bytes needed, {available} left")]
    V2LengthTruncated {
        /// Bytes after the magic: 0 or 1.
        available: u64,
    },
    /// A version 2 header whose length word is below 16 or above 1024.
    #[error("version 2 header claims {found} bytes; 16 to 1024 are legal")]
    V2Length {
        /// The value of the length word.
        found: u16,
    },
    /// A version 2 header whose fields are cut off.
    #[error("version 2 header: {needed} bytes announced, {available} left")]
    V2Truncated {
        /// The value of the length word.
        needed: u16,
        /// Bytes after the length word.
        available: u64,
    },
}

impl FsmHeader {
    /// A payload that starts with the store's bytes at once.
    pub const NONE: Self = Self { version: 0, ceiling_ms: None, cutover: None, len: 0 };

    /// Decodes the header from the front of a payload (footer excluded). Of a longer payload, its first
    /// [`HEADER_PEEK`] bytes are enough.
    ///
    /// Seven bytes or fewer are never a header, whatever they are.
    pub fn decode(payload: &[u8]) -> Result<Self, HeaderError> {
        let Some((family, [version, rest @ ..])) = payload.split_first_chunk::<7>() else {
            return Ok(Self::NONE);
        };
        if family != FAMILY {
            return Ok(Self::NONE);
        }
        match version {
            b'1' => match rest.first_chunk() {
                Some(ceiling) => Ok(Self {
                    version: 1,
                    ceiling_ms: Some(UnixMillis(u64::from_be_bytes(*ceiling))),
                    cutover: None,
                    len: V1_LEN as u64,
                }),
                None => Err(HeaderError::V1Truncated { available: payload.len() as u64 }),
            },
            b'2' => Self::decode_v2(rest),
            &version => Err(HeaderError::UnknownVersion { version }),
        }
    }

    fn decode_v2(after_magic: &[u8]) -> Result<Self, HeaderError> {
        let Some((length, fields)) = after_magic.split_first_chunk() else {
            return Err(HeaderError::V2LengthTruncated { available: after_magic.len() as u64 });
        };
        let length = u16::from_be_bytes(*length);
        if !(V2_MIN..=V2_MAX).contains(&length) {
            return Err(HeaderError::V2Length { found: length });
        }
        let truncated = HeaderError::V2Truncated { needed: length, available: fields.len() as u64 };
        let fields = fields.get(..usize::from(length)).ok_or(truncated)?;
        let (ceiling, fields) = fields.split_first_chunk().ok_or(truncated)?;
        let (cutover, _later_fields) = fields.split_first_chunk().ok_or(truncated)?;
        Ok(Self {
            version: 2,
            ceiling_ms: Some(UnixMillis(u64::from_be_bytes(*ceiling))),
            cutover: Some(LogIndex(u64::from_be_bytes(*cutover))),
            len: V2_FIXED as u64 + u64::from(length),
        })
    }
}

impl HeaderError {
    /// Offset in the payload of the first byte that decides it.
    pub const fn at(self) -> u64 {
        match self {
            Self::UnknownVersion { .. } => 7,
            Self::V1Truncated { available } => available,
            Self::V2LengthTruncated { available } => 8 + available,
            Self::V2Length { .. } => 8,
            Self::V2Truncated { available, .. } => 10 + available,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &[u8] = b"EKVTHLC1\x00\x00\x01\x97\x74\x20\xdc\x00EKVPBBL1";
    const V2: &[u8] = b"EKVTHLC2\x00\x10\x00\x00\x01\x97\x74\x20\xdc\x00\x00\x00\x00\x00\x00\x00\x00\x4dEKVPBBL1";

    #[test]
    fn both_versions_and_none() {
        let v1 = FsmHeader { version: 1, ceiling_ms: Some(UnixMillis(1_750_000_000_000)), cutover: None, len: 16 };
        assert_eq!(FsmHeader::decode(V1), Ok(v1));
        let v2 = FsmHeader { version: 2, cutover: Some(LogIndex(77)), len: 26, ..v1 };
        assert_eq!(FsmHeader::decode(V2), Ok(v2));
        for legacy in [&b""[..], b"EKVTHLC", b"ekvthlc1abcdefgh", b"EKVPBBL1\0\0\0\0\0\0\0\0", b"EKVTHLD1"] {
            assert_eq!(FsmHeader::decode(legacy), Ok(FsmHeader::NONE), "{legacy:?}");
        }
    }

    #[test]
    fn every_prefix_says_where_it_is_cut() {
        for cut in 0..V1.len() {
            let expected = match cut {
                0..8 => Ok(FsmHeader::NONE),
                8..16 => Err(HeaderError::V1Truncated { available: cut as u64 }),
                _ => FsmHeader::decode(V1),
            };
            assert_eq!(FsmHeader::decode(&V1[..cut]), expected, "{cut}");
        }
        for cut in 0..V2.len() {
            let expected = match cut {
                0..8 => Ok(FsmHeader::NONE),
                8 | 9 => Err(HeaderError::V2LengthTruncated { available: cut as u64 - 8 }),
                10..26 => Err(HeaderError::V2Truncated { needed: 16, available: cut as u64 - 10 }),
                _ => FsmHeader::decode(V2),
            };
            assert_eq!(FsmHeader::decode(&V2[..cut]), expected, "{cut}");
            if let Err(error) = expected {
                assert!(error.at() <= cut as u64);
            }
        }
    }

    #[test]
    fn the_length_word_has_limits() {
        let mut bytes = V2.to_vec();
        bytes.resize(HEADER_PEEK, 0);
        for (length, legal) in [(0_u16, false), (15, false), (16, true), (24, true), (1024, true), (1025, false), (65535, false)]
        {
            bytes[8..10].copy_from_slice(&length.to_be_bytes());
            let header = FsmHeader::decode(&bytes);
            if legal {
                assert_eq!(header.map(|h| (h.len, h.cutover)), Ok((10 + u64::from(length), Some(LogIndex(77)))));
            } else {
                assert_eq!(header, Err(HeaderError::V2Length { found: length }));
            }
        }
    }

    #[test]
    fn a_flipped_bit_is_another_header_or_none_or_an_error() {
        for sample in [V1, V2] {
            for bit in 0..sample.len() * 8 {
                let mut bytes = sample.to_vec();
                bytes[bit / 8] ^= 1 << (bit % 8);
                match (bit / 8, FsmHeader::decode(&bytes)) {
                    (0..7, header) => assert_eq!(header, Ok(FsmHeader::NONE)),
                    (7, header) => assert!(header != FsmHeader::decode(sample), "{bit}"),
                    (_, Ok(header)) => assert!(header.version > 0),
                    (8 | 9, Err(HeaderError::V2Length { .. } | HeaderError::V2Truncated { .. })) => {}
                    (_, Err(error)) => panic!("bit {bit}: {error}"),
                }
            }
        }
    }
}
