//! Deletions of whole key ranges.

use crate::formats::pebble::internal_key::{InternalKey, KeyKind, SeqNum};
use crate::formats::{DecodeError, DecodeErrorKind, DecodeResult};

/// Hides every record with a smaller sequence number and a user key in `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RangeDel<'a> {
    /// First user key.
    pub start: &'a [u8],
    /// First user key behind the range.
    pub end: &'a [u8],
    /// When it was written.
    pub seq: SeqNum,
}

impl<'a> RangeDel<'a> {
    /// Decodes what one row of a range-deletion block holds.
    pub fn decode(key: &'a [u8], value: &'a [u8]) -> DecodeResult<Self> {
        let key = InternalKey::decode(key)?;
        if key.trailer.kind() != Some(KeyKind::RangeDelete) {
            let found = u64::from(key.trailer.kind_byte());
            return Err(DecodeError::new(
                key.user_key.len() as u64,
                DecodeErrorKind::Unknown { what: "kind of a range deletion", found },
            ));
        }
        Ok(Self { start: key.user_key, end: value, seq: key.trailer.seq() })
    }

    /// True when the user key lies in the range.
    pub fn covers(&self, user_key: &[u8]) -> bool {
        self.start <= user_key && user_key < self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_exclusive() {
        let span = RangeDel::decode(b"b\x0f\x09\0\0\0\0\0\0", b"d").unwrap();
        assert_eq!(span, RangeDel { start: b"b", end: b"d", seq: SeqNum(9) });
        let covered: Vec<_> = [b"a", b"b", b"c", b"d"].iter().map(|key| span.covers(*key)).collect();
        assert_eq!(covered, [false, true, true, false]);
    }

    #[test]
    fn other_kinds_do_not_belong_here() {
        assert!(RangeDel::decode(b"b\x01\x09\0\0\0\0\0\0", b"d").is_err());
        assert!(RangeDel::decode(b"short", b"d").unwrap_err().is_truncation());
    }
}
