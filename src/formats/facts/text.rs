//! Sums as text: sixteen lower-case hex digits each, without anything in between.

use serde::de::{Deserializer, Error, Visitor};
use serde::ser::Serializer;
use std::fmt::{self, Write as _};

/// Digits of one sum.
const DIGITS: usize = 16;

pub(super) fn serialize<S: Serializer>(sums: &[u64], serializer: S) -> Result<S::Ok, S::Error> {
    let mut text = String::with_capacity(sums.len() * DIGITS);
    for sum in sums {
        // The writing can only fail for want of memory.
        let _ = write!(text, "{sum:016x}");
    }
    serializer.serialize_str(&text)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
    struct Digits;
    impl Visitor<'_> for Digits {
        type Value = Vec<u64>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("sums of sixteen lower-case hex digits each")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            let wrong = || E::invalid_value(serde::de::Unexpected::Other("other text"), &self);
            if !text.len().is_multiple_of(DIGITS) {
                return Err(wrong());
            }
            text.as_bytes().chunks_exact(DIGITS).map(|digits| number(digits).ok_or_else(wrong)).collect()
        }
    }
    deserializer.deserialize_str(Digits)
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |sum: u64, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(sum << 4 | u64::from(value))
    })
}
