//! The checksum of chunks, table blocks and newer footers.

use std::fmt;

use crate::types::Crc32c;

/// A CRC-32C rotated right by 15 bits and offset by `0xa282ead8`, as Pebble stores it (`u32`, little-endian).
///
/// The mask keeps a checksum over bytes that themselves contain checksums from degenerating. A type of its own, so that
/// a masked value is never compared with a plain one. Prints as eight lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MaskedCrc32c(pub u32);

/// Added after the rotation.
const OFFSET: u32 = 0xa282_ead8;

impl MaskedCrc32c {
    /// The masked checksum of one slice.
    pub fn of(bytes: &[u8]) -> Self {
        Self::mask(Crc32c::of(bytes))
    }

    /// The masked checksum of `a` followed by `b`.
    pub fn of_two(a: &[u8], b: &[u8]) -> Self {
        Self::mask(Crc32c::of(a).extend(b))
    }

    /// Masks a plain checksum.
    pub const fn mask(plain: Crc32c) -> Self {
        Self(plain.0.rotate_right(15).wrapping_add(OFFSET))
    }

    /// The plain checksum under the mask.
    pub const fn unmask(self) -> Crc32c {
        Crc32c(self.0.wrapping_sub(OFFSET).rotate_left(15))
    }
}

impl fmt::Display for MaskedCrc32c {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_answers() {
        assert_eq!(MaskedCrc32c::of(b"123456789"), MaskedCrc32c(0xc78a_b0e5));
        assert_eq!(MaskedCrc32c::of(b""), MaskedCrc32c(0xa282_ead8));
        assert_eq!(MaskedCrc32c(0xab).to_string(), "000000ab");
    }

    proptest! {
        #[test]
        fn the_mask_comes_off_again(plain in any::<u32>()) {
            prop_assert_eq!(MaskedCrc32c::mask(Crc32c(plain)).unmask(), Crc32c(plain));
        }

        #[test]
        fn two_parts_are_the_whole(bytes in proptest::collection::vec(any::<u8>(), 0..100), cut in any::<usize>()) {
            let (a, b) = bytes.split_at(cut % (bytes.len() + 1));
            prop_assert_eq!(MaskedCrc32c::of_two(a, b), MaskedCrc32c::of(&bytes));
        }
    }
}
