//! Base-128 integers: seven bits a byte, low bits first, the top bit says that more follows.

/// Why a base-128 integer could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VarintError {
    /// The input ended while the last byte still announced another.
    Truncated,
    /// More than ten bytes, or bits above the 64th.
    Overflow,
}

/// Reads one integer from the front; returns it and the number of bytes it took (1 to 10).
///
/// Ten-byte encodings are accepted when the tenth byte is 0 or 1, as both protobuf runtimes and Pebble do.
pub fn decode(bytes: &[u8]) -> Result<(u64, usize), VarintError> {
    let mut value = 0_u64;
    for (position, &byte) in bytes.iter().enumerate().take(10) {
        if position == 9 && byte > 1 {
            return Err(VarintError::Overflow);
        }
        value |= u64::from(byte & 0x7f) << (7 * position);
        if byte < 0x80 {
            return Ok((value, position + 1));
        }
    }
    Err(if bytes.len() >= 10 { VarintError::Overflow } else { VarintError::Truncated })
}

/// Appends the shortest encoding.
pub fn encode(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        let [low, ..] = value.to_le_bytes();
        out.push(low | 0x80);
        value >>= 7;
    }
    let [low, ..] = value.to_le_bytes();
    out.push(low);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn limits() {
        assert_eq!(decode(&[]), Err(VarintError::Truncated));
        assert_eq!(decode(&[0x80; 9]), Err(VarintError::Truncated));
        assert_eq!(decode(&[0x80; 10]), Err(VarintError::Overflow));
        let mut max = vec![0xff; 9];
        max.push(1);
        assert_eq!(decode(&max), Ok((u64::MAX, 10)));
        max[9] = 2;
        assert_eq!(decode(&max), Err(VarintError::Overflow));
    }

    proptest! {
        #[test]
        fn round_trip(value in any::<u64>(), tail in proptest::collection::vec(any::<u8>(), 0..4)) {
            let mut bytes = Vec::new();
            encode(value, &mut bytes);
            let len = bytes.len();
            bytes.extend(tail);
            prop_assert_eq!(decode(&bytes), Ok((value, len)));
            for cut in 0..len {
                prop_assert_eq!(decode(&bytes[..cut]), Err(VarintError::Truncated));
            }
        }
    }
}
