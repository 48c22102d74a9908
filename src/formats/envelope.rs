//! The encryption envelope that sealed proposals and sealed values share. It is recognised and described here, and opened in
//! [`crypto`](crate::crypto).
//!
//! | offset | bytes | |
//! |---|---|---|
//! | 0 | 1 | version `01` |
//! | 1 | 1 | flags; bit 0: the plaintext is Snappy-compressed (no version sets it) |
//! | 2 | 4 | key id, big-endian |
//! | 6 | 12 | nonce: low half of the writer's node id (2), its local epoch (2), write counter (8), big-endian |
//! | 18 | n | ciphertext |
//! | 18 + n | 16 | tag |

use super::{Cursor, DecodeError, DecodeErrorKind, DecodeResult};

/// Bytes before the ciphertext.
pub const HEADER_LEN: usize = 18;
/// Bytes of the authentication tag.
pub const TAG_LEN: usize = 16;
/// Shortest envelope: header and tag around nothing.
pub const MIN_LEN: usize = HEADER_LEN + TAG_LEN;
/// The one version.
pub const VERSION: u8 = 1;

/// The parts of an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// Bit 0: compressed.
    pub flags: u8,
    /// Which data key sealed it.
    pub key_id: u32,
    /// Low half of the node id of the node that sealed it.
    pub node: u16,
    /// In which of that node's starts.
    pub local_epoch: u16,
    /// Counter within that start.
    pub counter: u64,
    /// As long as the plaintext.
    pub ciphertext: &'a [u8],
    /// AES-256-GCM tag.
    pub tag: &'a [u8],
}

impl<'a> Envelope<'a> {
    /// Takes an envelope apart: length first, then version, as the server does.
    pub fn decode(bytes: &'a [u8]) -> DecodeResult<Self> {
        if bytes.len() < MIN_LEN {
            let kind = DecodeErrorKind::Truncated { what: "envelope", needed: MIN_LEN as u64, available: bytes.len() as u64 };
            return Err(DecodeError::new(0, kind));
        }
        let mut cursor = Cursor::new(bytes);
        let version = cursor.u8("envelope version")?;
        if version != VERSION {
            let kind = DecodeErrorKind::Unknown { what: "envelope version", found: version.into() };
            return Err(DecodeError::new(0, kind));
        }
        let flags = cursor.u8("envelope flags")?;
        let key_id = cursor.u32_be("envelope key id")?;
        let node = cursor.u16_be("nonce node")?;
        let local_epoch = cursor.u16_be("nonce epoch")?;
        let counter = cursor.u64_be("nonce counter")?;
        let ciphertext = cursor.take("ciphertext", cursor.remaining().saturating_sub(TAG_LEN) as u64)?;
        Ok(Self { flags, key_id, node, local_epoch, counter, ciphertext, tag: cursor.rest() })
    }

    /// What its first bytes say, without what is sealed.
    pub const fn head(&self) -> Envelope<'static> {
        let Self { flags, key_id, node, local_epoch, counter, .. } = *self;
        Envelope { flags, key_id, node, local_epoch, counter, ciphertext: &[], tag: &[] }
    }

    /// The nonce as the cipher takes it.
    pub fn nonce(&self) -> [u8; 12] {
        let mut nonce = [0; 12];
        nonce[..2].copy_from_slice(&self.node.to_be_bytes());
        nonce[2..4].copy_from_slice(&self.local_epoch.to_be_bytes());
        nonce[4..].copy_from_slice(&self.counter.to_be_bytes());
        nonce
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed() -> Vec<u8> {
        let mut bytes = vec![1, 0, 0, 0, 0, 7, 0x12, 0x34, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5];
        bytes.extend(*b"secret");
        bytes.extend([0xaa; TAG_LEN]);
        bytes
    }

    #[test]
    fn parts() {
        let bytes = sealed();
        let envelope = Envelope::decode(&bytes).unwrap();
        let expected = Envelope {
            flags: 0,
            key_id: 7,
            node: 0x1234,
            local_epoch: 1,
            counter: 5,
            ciphertext: b"secret",
            tag: &[0xaa; TAG_LEN],
        };
        assert_eq!(envelope, expected);
        assert_eq!(Envelope::decode(&bytes[..MIN_LEN]).unwrap().ciphertext, b"");
    }

    #[test]
    fn every_prefix_and_every_flipped_bit_is_refused_or_changes_what_is_read() {
        let bytes = sealed();
        let healthy = Envelope::decode(&bytes).unwrap();
        for cut in 0..bytes.len() {
            match Envelope::decode(&bytes[..cut]) {
                Ok(shorter) => assert_ne!(shorter, healthy),
                Err(error) => assert!(cut < MIN_LEN && error.is_truncation(), "{cut}"),
            }
        }
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(Envelope::decode(&damaged), Ok(healthy), "bit {bit}");
        }
    }
}
