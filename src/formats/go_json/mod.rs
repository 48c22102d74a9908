//! What the server's JSON decoder does differently from an exact one: `null` leaves a field as it was, names match in
//! any case, byte strings are base64.

mod decode;
mod encode;
mod syntax;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _};

pub use decode::{Decoder, JsonError, Numbers, Unfit, decode};
pub use encode::quote;
pub use syntax::{Context, SyntaxError, check};

/// A field of which `null` leaves the value as it was.
pub(super) struct Field<'t, T>(pub &'t mut T);

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Field<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if let Some(value) = Option::<T>::deserialize(deserializer)? {
            *self.0 = value;
        }
        Ok(())
    }
}

/// A byte string in base64.
pub(super) struct Base64(pub Vec<u8>);

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        base64(&text).map(Self).ok_or_else(|| D::Error::custom("illegal base64 data"))
    }
}

/// Standard alphabet with padding; line breaks are skipped, spare bits of the last digit ignored.
pub(in crate::formats) fn base64(text: &str) -> Option<Vec<u8>> {
    decode_base64(text).ok()
}

/// The same. `Err`: the offset that the server's decoder complains about.
pub(super) fn decode_base64(text: &str) -> Result<Vec<u8>, usize> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let mut bytes = text.bytes().enumerate().filter(|(_, byte)| !matches!(byte, b'\r' | b'\n'));
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut digits) = (0_u32, 0_usize);
    while let Some((at, byte)) = bytes.next() {
        if byte == b'=' {
            let second = match digits {
                0 | 1 => return Err(at),
                2 => bytes.next().ok_or(text.len()).and_then(|(next, byte)| if byte == b'=' { Ok(()) } else { Err(next - 1) }),
                _ => Ok(()),
            };
            second?;
            if let Some((behind, _)) = bytes.next() {
                return Err(behind);
            }
            let [_, whole @ ..] = (bits << (6 * (4 - digits))).to_be_bytes();
            out.extend(whole.iter().take(digits - 1));
            return Ok(out);
        }
        bits = bits << 6 | u32::from(digit(byte).ok_or(at)?);
        digits += 1;
        if digits == 4 {
            let [_, whole @ ..] = bits.to_be_bytes();
            out.extend(whole);
            (bits, digits) = (0, 0);
        }
    }
    if digits == 0 { Ok(out) } else { Err(text.len() - digits) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_padded_and_skips_line_breaks() {
        assert_eq!(base64("aGk="), Some(b"hi".to_vec()));
        assert_eq!(base64("aG\nk="), Some(b"hi".to_vec()));
        assert_eq!(base64(""), Some(Vec::new()));
        for (wrong, at) in [("aGk", 0), ("a===", 1), ("aGk=aGk=", 4), ("aG k", 2), ("aGk-", 3), ("aG=", 3), ("aG=x", 2)] {
            assert_eq!(decode_base64(wrong), Err(at), "{wrong}");
        }
    }
}
