//! What the server's JSON decoder does differently from an exact one: `null` leaves a field as it was, names match in
//! any case, byte strings are base64.

mod decode;
mod encode;
mod syntax;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _};

pub use decode::{Decoder, JsonError, Numbers, Stop, decode};
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

/// Standard alphabet with padding; line breaks are skipped.
pub(in crate::formats) fn base64(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let clean: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let groups = clean.chunks_exact(4);
    if !groups.remainder().is_empty() {
        return None;
    }
    let count = groups.len();
    let mut out = Vec::with_capacity(count * 3);
    for (number, group) in groups.enumerate() {
        let padding = group.iter().rev().take_while(|&&byte| byte == b'=').count();
        if padding > 2 || (padding > 0 && number + 1 != count) {
            return None;
        }
        let mut bits = 0_u32;
        for &byte in group.iter().take(4 - padding) {
            bits = bits << 6 | u32::from(digit(byte)?);
        }
        let [_, bytes @ ..] = (bits << (6 * padding)).to_be_bytes();
        out.extend(bytes.iter().take(3 - padding));
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_padded_and_skips_line_breaks() {
        assert_eq!(base64("aGk="), Some(b"hi".to_vec()));
        assert_eq!(base64("aG\nk="), Some(b"hi".to_vec()));
        assert_eq!(base64(""), Some(Vec::new()));
        for wrong in ["aGk", "a===", "aGk=aGk=", "aG k", "aGk-"] {
            assert_eq!(base64(wrong), None, "{wrong}");
        }
    }
}
