//! Where a block stands in its file.

use crate::formats::{Cursor, DecodeResult};

/// Bytes behind every block: the compression byte and a checksum of four bytes.
pub const BLOCK_TRAILER_LEN: u64 = 5;

/// Offset and length of a block. The length leaves out the [trailer](BLOCK_TRAILER_LEN).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, schemars::JsonSchema)]
pub struct BlockHandle {
    /// First byte, from the start of the file.
    pub offset: u64,
    /// Stored (compressed) bytes without the trailer.
    pub length: u64,
}

impl BlockHandle {
    /// Two base-128 integers.
    pub fn decode(cursor: &mut Cursor<'_>) -> DecodeResult<Self> {
        Ok(Self { offset: cursor.varint("block offset")?, length: cursor.varint("block length")? })
    }

    /// Bytes of the block and its trailer; the largest number if the length cannot be real.
    pub const fn len_with_trailer(self) -> u64 {
        self.length.saturating_add(BLOCK_TRAILER_LEN)
    }

    /// The first byte behind the trailer; the largest number if the handle cannot be real.
    pub const fn end(self) -> u64 {
        self.offset.saturating_add(self.len_with_trailer())
    }

    /// True when block and trailer lie below `limit`.
    pub const fn fits_below(self, limit: u64) -> bool {
        self.end() <= limit
    }

    /// Appends the stored form.
    pub fn encode(self, out: &mut Vec<u8>) {
        crate::formats::varint::encode(self.offset, out);
        crate::formats::varint::encode(self.length, out);
    }
}

/// `offset+length`, both decimal.
impl std::fmt::Display for BlockHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}+{}", self.offset, self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let handle = BlockHandle { offset: u64::MAX, length: u64::MAX };
        assert_eq!(handle.end(), u64::MAX);
        assert!(!handle.fits_below(u64::MAX - 1));
    }

    proptest! {
        #[test]
        fn round_trip(offset in any::<u64>(), length in any::<u64>()) {
            let handle = BlockHandle { offset, length };
            let mut bytes = Vec::new();
            handle.encode(&mut bytes);
            prop_assert_eq!(BlockHandle::decode(&mut Cursor::new(&bytes)), Ok(handle));
            for cut in 0..bytes.len() {
                prop_assert!(BlockHandle::decode(&mut Cursor::new(&bytes[..cut])).unwrap_err().is_truncation());
            }
        }
    }
}
