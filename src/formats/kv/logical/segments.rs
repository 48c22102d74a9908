//! The pieces that keys of the adapters are put together from.
//!
//! Source: `internal/s3keys/keys.go`, `adapter/dynamodb_keys.go`, `adapter/sqs_keys.go` and `store/*_helpers.go` of elastickv.

use std::borrow::Cow;

/// Digits of base64 with the alphabet for URLs, as table, queue and index names are written in keys.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Reads pieces from the front of a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pieces<'a>(pub(super) &'a [u8]);

impl<'a> Pieces<'a> {
    /// A key's user part behind its length (u32 big-endian).
    pub(super) fn counted(&mut self) -> Option<&'a [u8]> {
        let (len, rest) = self.0.split_first_chunk::<4>()?;
        let (piece, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?)?;
        self.0 = rest;
        Some(piece)
    }

    /// A u64, big-endian.
    pub(super) fn number(&mut self) -> Option<u64> {
        let (bytes, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_be_bytes(*bytes))
    }

    /// A u32, big-endian.
    pub(super) fn short_number(&mut self) -> Option<u32> {
        let (bytes, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*bytes))
    }

    /// Escaped bytes up to their end mark: `00 FF` stands for `00`, `00 01` ends them.
    pub(super) fn segment(&mut self) -> Option<Cow<'a, [u8]>> {
        let mut from = 0;
        let mut unescaped: Option<Vec<u8>> = None;
        loop {
            let zero = from + self.0.get(from..)?.iter().position(|&byte| byte == 0)?;
            let plain = self.0.get(from..zero)?;
            match self.0.get(zero + 1)? {
                1 => {
                    self.0 = self.0.get(zero + 2..)?;
                    return Some(match unescaped {
                        None => Cow::Borrowed(plain),
                        Some(mut bytes) => {
                            bytes.extend_from_slice(plain);
                            Cow::Owned(bytes)
                        }
                    });
                }
                0xff => {
                    let bytes = unescaped.get_or_insert_default();
                    bytes.extend_from_slice(plain);
                    bytes.push(0);
                    from = zero + 2;
                }
                _ => return None,
            }
        }
    }

    /// A name in base64: all digits that follow.
    pub(super) fn name(&mut self) -> Option<Cow<'a, [u8]>> {
        let len = self.0.iter().take_while(|byte| digit(**byte).is_some()).count();
        let (digits, rest) = self.0.split_at(len);
        let name = decode_name(digits)?;
        self.0 = rest;
        Some(Cow::Owned(name))
    }

    /// A byte that has to be there.
    pub(super) fn mark(&mut self, mark: u8) -> Option<()> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        (first == mark).then_some(())
    }

    /// A number in decimal digits.
    pub(super) fn decimal(&mut self) -> Option<u64> {
        let len = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(len);
        self.0 = rest;
        str::from_utf8(digits).ok()?.parse().ok()
    }

    /// `value`, if nothing is left.
    pub(super) fn end<T>(self, value: T) -> Option<T> {
        self.0.is_empty().then_some(value)
    }
}

const fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    }
}

/// The bytes that base64 without padding stands for.
pub(super) fn decode_name(digits: &[u8]) -> Option<Vec<u8>> {
    if digits.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.chunks(4) {
        let bits = group.iter().try_fold(0_u32, |bits, &byte| Some(bits << 6 | u32::from(digit(byte)?)))?;
        let [_, a, b, c] = (bits << (6 * (4 - group.len()))).to_be_bytes();
        let all = [a, b, c];
        let (kept, spare) = all.split_at_checked(group.len() - 1)?;
        bytes.extend_from_slice(kept);
        // Bits that stand for nothing are zero, or this is not how the name is written.
        if spare.iter().any(|&byte| byte != 0) {
            return None;
        }
    }
    Some(bytes)
}

/// Base64 without padding.
pub(super) fn encode_name(name: &[u8]) -> Vec<u8> {
    let mut digits = Vec::with_capacity(name.len().div_ceil(3) * 4);
    for group in name.chunks(3) {
        let mut bytes = [0; 4];
        for (place, &byte) in bytes.iter_mut().skip(1).zip(group) {
            *place = byte;
        }
        let bits = u32::from_be_bytes(bytes);
        for position in 0..=group.len() {
            digits.extend(DIGITS.get((bits >> (18 - 6 * position)) as usize & 63));
        }
    }
    digits
}

/// Bytes with their escapes and end mark.
pub(super) fn encode_segment(bytes: &[u8]) -> Vec<u8> {
    let mut segment = Vec::with_capacity(bytes.len() + 2);
    for &byte in bytes {
        segment.push(byte);
        if byte == 0 {
            segment.push(0xff);
        }
    }
    segment.extend_from_slice(&[0, 1]);
    segment
}

/// A key's user part with its length in front; `None` for one that is longer than a length can say.
pub(super) fn encode_counted(name: &[u8]) -> Option<Vec<u8>> {
    Some([&u32::try_from(name.len()).ok()?.to_be_bytes(), name].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_base64_for_urls() {
        for (name, digits) in [(&b""[..], ""), (b"t1", "dDE"), (b"q1", "cTE"), (b"\xfb\xff", "-_8"), (b"abc", "YWJj")] {
            assert_eq!(encode_name(name), digits.as_bytes());
            assert_eq!(decode_name(digits.as_bytes()).unwrap(), name);
        }
        assert_eq!(decode_name(b"A"), None);
        assert_eq!(decode_name(b"dDF"), None, "bits that stand for nothing");
        assert_eq!(decode_name(b"dD=E"), None);
    }

    proptest! {
        #[test]
        fn pieces_round_trip(bytes in proptest::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(0xff), any::<u8>()], 0..40)) {
            prop_assert_eq!(decode_name(&encode_name(&bytes)), Some(bytes.clone()));
            let segment = encode_segment(&bytes);
            let mut pieces = Pieces(&segment);
            let read = pieces.segment();
            prop_assert_eq!(read.as_deref(), Some(bytes.as_slice()));
            prop_assert!(pieces.0.is_empty());
            for cut in 0..segment.len() {
                prop_assert_eq!(Pieces(&segment[..cut]).segment(), None);
            }
            let counted = encode_counted(&bytes).unwrap();
            prop_assert_eq!(Pieces(&counted).counted(), Some(bytes.as_slice()));
        }
    }
}
