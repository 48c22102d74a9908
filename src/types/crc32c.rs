//! CRC-32C (Castagnoli): polynomial `0x82F63B78` reflected, initial value and final xor all ones.

use std::fmt;
use std::sync::LazyLock;

use serde::{Serialize, Serializer};

/// A finished, unmasked CRC-32C. Prints as eight lower-case hex digits.
///
/// The empty input has the value 0; ASCII `123456789` has `e3069283`. The value that Pebble stores is
/// rotated and offset and has a type of its own, so that the two are never compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Crc32c(pub u32);

impl Crc32c {
    /// Checksum of one slice.
    pub fn of(bytes: &[u8]) -> Self {
        Self::default().extend(bytes)
    }

    /// Checksum of everything so far followed by `bytes`.
    #[must_use]
    pub fn extend(self, bytes: &[u8]) -> Self {
        if bytes.len() >= LONG_SPAN && *FAST_KERNEL_AGREES {
            Self(append_fast(self.0, bytes))
        } else {
            Self(crc32c::crc32c_append(self.0, bytes))
        }
    }

    /// Checksum of what `self` covers without its last byte, which is `byte`.
    #[must_use]
    pub fn without_last(self, byte: u8) -> Self {
        // Each step of the division is undone: the bit that left shows in the highest one.
        let mut state = !self.0;
        for _ in 0..8 {
            state = if state & ONE == 0 { state << 1 } else { ((state ^ POLYNOMIAL) << 1) | 1 };
        }
        Self(!(state ^ u32::from(byte)))
    }

    /// Checksum of A ‖ B, where `self` belongs to A and `next` to B, which is `next_len` bytes long.
    ///
    /// For many parts of one length, make a [`Crc32cShift`] once: it costs nanoseconds a part.
    #[must_use]
    pub fn combine(self, next: Self, next_len: u64) -> Self {
        Crc32cShift::by_bytes(next_len).combine(self, next)
    }
}

/// From this many bytes on the fast kernel is the faster one.
const LONG_SPAN: usize = 1024;

/// True when the kernel for long spans, which picks its instructions by the processor, gives what the other one gives.
/// Tried once, on lengths and alignments that reach its different loops; it takes microseconds.
static FAST_KERNEL_AGREES: LazyLock<bool> = LazyLock::new(|| {
    let pattern: Vec<u8> = (0..8192_u32).map(|i| (i.wrapping_mul(0x9e37_79b1) >> 24) as u8).collect();
    [(0, 8192), (1, 1024), (3, 1025), (8, 2047), (64, 4096), (7, 4095)].iter().all(|&(start, len)| {
        let span: &[u8] = &pattern[start..start + len];
        [0, 0xdead_beef].iter().all(|&seed| append_fast(seed, span) == crc32c::crc32c_append(seed, span))
    })
});

#[expect(clippy::cast_possible_truncation, reason = "a 32-bit checksum in a 64-bit result")]
fn append_fast(crc: u32, bytes: &[u8]) -> u32 {
    // The state is the checksum without its final xor.
    let mut digest = crc_fast::Digest::new_with_init_state(crc_fast::CrcAlgorithm::Crc32Iscsi, u64::from(!crc));
    digest.update(bytes);
    digest.finalize() as u32
}

impl fmt::Display for Crc32c {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

super::text_schema!(Crc32c, "CRC-32C in lower-case hex.", "pattern": "^[0-9a-f]{8}$");

impl Serialize for Crc32c {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The precomputed operator that appends a part of a fixed length: `x^(8·len) mod P`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crc32cShift(u32);

/// Reflected Castagnoli polynomial.
const POLYNOMIAL: u32 = 0x82F6_3B78;
/// The polynomials 1 and x in reflected order.
const ONE: u32 = 1 << 31;
const X: u32 = 1 << 30;

impl Crc32cShift {
    /// Operator for a following part of `len` bytes.
    pub fn by_bytes(len: u64) -> Self {
        let mut power = ONE;
        let mut square = X;
        // x, x^2, x^4, x^8: from here on the squares stand for whole bytes.
        for _ in 0..3 {
            square = multiply(square, square);
        }
        let mut left = len;
        while left != 0 {
            if left & 1 != 0 {
                power = multiply(square, power);
            }
            square = multiply(square, square);
            left >>= 1;
        }
        Self(power)
    }

    /// Checksum of A ‖ B for the B length this operator was made for.
    pub fn combine(self, first: Crc32c, next: Crc32c) -> Crc32c {
        Crc32c(multiply(self.0, first.0) ^ next.0)
    }
}

/// Product of two reflected polynomials modulo [`POLYNOMIAL`].
fn multiply(a: u32, mut b: u32) -> u32 {
    let mut product = 0;
    let mut mask = ONE;
    while mask != 0 {
        if a & mask != 0 {
            product ^= b;
        }
        b = if b & 1 != 0 { (b >> 1) ^ POLYNOMIAL } else { b >> 1 };
        mask >>= 1;
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_answers() {
        assert_eq!(Crc32c::of(b"123456789"), Crc32c(0xE306_9283));
        assert_eq!(Crc32c::of(b""), Crc32c(0));
        assert_eq!(Crc32c(0x0000_00ab).to_string(), "000000ab");
    }

    #[test]
    fn the_kernel_for_long_spans_agrees() {
        assert!(*FAST_KERNEL_AGREES);
    }

    proptest! {
        #[test]
        fn both_kernels_agree(bytes in proptest::collection::vec(any::<u8>(), 0..20_000), skip in 0_usize..64, seed: u32) {
            let span = &bytes[skip.min(bytes.len())..];
            prop_assert_eq!(append_fast(seed, span), crc32c::crc32c_append(seed, span));
            prop_assert_eq!(Crc32c(seed).extend(span).0, crc32c::crc32c_append(seed, span));
        }

        #[test]
        fn any_split_combines_to_the_whole(bytes in proptest::collection::vec(any::<u8>(), 0..4096), cut in any::<usize>()) {
            let (a, b) = bytes.split_at(cut % (bytes.len() + 1));
            let whole = Crc32c::of(&bytes);
            prop_assert_eq!(Crc32c::of(a).combine(Crc32c::of(b), b.len() as u64), whole);
            prop_assert_eq!(Crc32c::of(a).extend(b), whole);
            prop_assert_eq!(b.iter().rev().fold(whole, |crc, byte| crc.without_last(*byte)), Crc32c::of(a));
        }
    }
}
