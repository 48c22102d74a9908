//! Values of versioned rows.

use super::key::StoreKey;
use crate::types::HlcTimestamp;

/// Length of the header before a row's body.
pub const ROW_HEADER_LEN: usize = 9;

/// How a row's body is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encryption {
    /// As the client wrote it.
    Clear,
    /// In a storage envelope.
    Sealed,
}

/// The first nine bytes of a row's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowHeader {
    /// True when this version deletes the key.
    pub tombstone: bool,
    /// How the body is stored.
    pub encryption: Encryption,
    /// When the version expires; 0 for never.
    pub expire_at: HlcTimestamp,
}

/// Why a row's value cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RowHeaderError {
    /// Shorter than its header.
    #[error("row value of {len} bytes, shorter than its {ROW_HEADER_LEN}-byte header")]
    Short {
        /// Length of the value.
        len: u64,
    },
    /// Reserved bits are set.
    #[error("row flags {flags:#04x} carry reserved bits")]
    Reserved {
        /// The flag byte.
        flags: u8,
    },
}

/// True for a stored row whose value is sealed. Of the value, the header is enough.
pub fn is_sealed(key: &[u8], value: &[u8]) -> bool {
    matches!(StoreKey::of(key), StoreKey::Row(_))
        && RowHeader::decode(value).is_ok_and(|header| header.encryption == Encryption::Sealed)
}

impl RowHeader {
    /// The bytes of the header: flags, and the expiry in little-endian.
    pub fn encode(&self) -> [u8; ROW_HEADER_LEN] {
        let mut bytes = [0; ROW_HEADER_LEN];
        bytes[0] = u8::from(self.tombstone) | u8::from(self.encryption == Encryption::Sealed) << 1;
        bytes[1..].copy_from_slice(&self.expire_at.0.to_le_bytes());
        bytes
    }

    /// Decodes the header from a value of `len` bytes of which at least the first nine are given.
    pub fn decode(value: &[u8]) -> Result<Self, RowHeaderError> {
        let Some(&[flags, e0, e1, e2, e3, e4, e5, e6, e7]) = value.first_chunk::<ROW_HEADER_LEN>() else {
            return Err(RowHeaderError::Short { len: value.len() as u64 });
        };
        let encryption = match flags >> 1 {
            0 => Encryption::Clear,
            1 => Encryption::Sealed,
            _ => return Err(RowHeaderError::Reserved { flags }),
        };
        Ok(Self {
            tombstone: flags & 1 != 0,
            encryption,
            expire_at: HlcTimestamp(u64::from_le_bytes([e0, e1, e2, e3, e4, e5, e6, e7])),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden() {
        let header = RowHeader { tombstone: false, encryption: Encryption::Clear, expire_at: HlcTimestamp(0) };
        assert_eq!(RowHeader::decode(b"\0\0\0\0\0\0\0\0\0\xff\x01hi"), Ok(header));
        let sealed = RowHeader { tombstone: true, encryption: Encryption::Sealed, expire_at: HlcTimestamp(0x0102) };
        assert_eq!(RowHeader::decode(b"\x03\x02\x01\0\0\0\0\0\0"), Ok(sealed));
        assert_eq!((header.encode(), &sealed.encode()), ([0; ROW_HEADER_LEN], b"\x03\x02\x01\0\0\0\0\0\0"));
    }

    #[test]
    fn short_and_reserved_values_are_refused() {
        for len in 0..ROW_HEADER_LEN {
            assert_eq!(RowHeader::decode(&[0; ROW_HEADER_LEN][..len]), Err(RowHeaderError::Short { len: len as u64 }));
        }
        for flags in 0..=u8::MAX {
            let decoded = RowHeader::decode(&[flags, 0, 0, 0, 0, 0, 0, 0, 0]);
            assert_eq!(decoded.is_ok(), flags < 4, "{flags:#x}");
        }
    }
}
