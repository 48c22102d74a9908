//! A block as it is stored: payload, compression byte, checksum.

use super::compression::Compression;
use super::footer::ChecksumType;
use super::handle::BLOCK_TRAILER_LEN;
use crate::formats::{DecodeError, DecodeErrorKind, DecodeResult};

/// A stored block with its trailer split off; nothing is verified yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredBlock<'a> {
    /// The payload, compressed or not.
    pub payload: &'a [u8],
    /// Payload and compression byte: what the checksum covers.
    pub covered: &'a [u8],
    /// The compression byte.
    pub compression: u8,
    /// The checksum in the trailer.
    pub checksum: u32,
}

/// A stored checksum that does not belong to the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChecksumMismatch {
    /// The checksum in the trailer.
    pub stored: u32,
    /// The checksum of the bytes that are there.
    pub computed: u32,
}

impl<'a> StoredBlock<'a> {
    /// Splits the trailer off `bytes`, which are the block's payload and trailer and nothing else.
    pub fn split(bytes: &'a [u8]) -> DecodeResult<Self> {
        let split = bytes
            .split_last_chunk::<4>()
            .and_then(|(covered, checksum)| covered.split_last().map(|(byte, payload)| (payload, covered, *byte, *checksum)));
        match split {
            Some((payload, covered, compression, checksum)) => {
                Ok(Self { payload, covered, compression, checksum: u32::from_le_bytes(checksum) })
            }
            None => Err(DecodeError::new(
                0,
                DecodeErrorKind::Truncated { what: "block trailer", needed: BLOCK_TRAILER_LEN, available: bytes.len() as u64 },
            )),
        }
    }

    /// Compares the stored checksum with that of the bytes. To be done before anything else is believed.
    pub fn verify(&self, checksum: ChecksumType) -> Result<(), ChecksumMismatch> {
        let computed = checksum.of(self.covered);
        if computed == self.checksum { Ok(()) } else { Err(ChecksumMismatch { stored: self.checksum, computed }) }
    }

    /// The codec; its offset in an error counts from the start of the block.
    pub fn codec(&self) -> DecodeResult<Compression> {
        Compression::from_byte(self.compression).ok_or_else(|| {
            let found = u64::from(self.compression);
            DecodeError::new(self.payload.len() as u64, DecodeErrorKind::Unknown { what: "compression byte", found })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worked() -> Vec<u8> {
        let mut bytes = b"\x00\x1b\x09_meta_applied_index\x01\x0a\0\0\0\0\0\0\0\x2a\0\0\0\0\0\0\0".to_vec();
        bytes.extend([0, 0, 0, 0, 1, 0, 0, 0]);
        bytes.extend([0, 0xbe, 0x9e, 0xea, 0x24]);
        bytes
    }

    #[test]
    fn the_worked_block() {
        let bytes = worked();
        let block = StoredBlock::split(&bytes).unwrap();
        assert_eq!(block.payload.len(), 47);
        assert_eq!(block.verify(ChecksumType::Crc32c), Ok(()));
        assert_eq!(block.codec(), Ok(Compression::None));
        let mut other = bytes.clone();
        other[48..].copy_from_slice(&[0xf9, 0x55, 0xdc, 0x95]);
        assert_eq!(StoredBlock::split(&other).unwrap().verify(ChecksumType::XxHash64), Ok(()));
    }

    #[test]
    fn every_flip_breaks_the_checksum_and_every_prefix_is_noticed() {
        let bytes = worked();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(StoredBlock::split(&flipped).unwrap().verify(ChecksumType::Crc32c).is_err(), "bit {bit}");
        }
        for len in 0..bytes.len() {
            match StoredBlock::split(&bytes[..len]) {
                Ok(block) => assert!(block.verify(ChecksumType::Crc32c).is_err(), "{len}"),
                Err(error) => assert!(error.is_truncation()),
            }
        }
    }
}
