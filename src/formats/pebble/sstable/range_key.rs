//! Values that belong to whole key ranges. They live beside the point records and never change what a lookup returns.

use crate::formats::pebble::internal_key::{InternalKey, KeyKind, SeqNum};
use crate::formats::{Cursor, DecodeError, DecodeErrorKind, DecodeResult};

/// One row of a range-key block: it concerns `[start, end)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeKey<'a> {
    /// First user key.
    pub start: &'a [u8],
    /// First user key behind the range.
    pub end: &'a [u8],
    /// When it was written.
    pub seq: SeqNum,
    /// What it does.
    pub change: RangeKeyChange<'a>,
}

/// What a range key does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RangeKeyChange<'a> {
    /// Sets values, by suffix.
    Set(Vec<(&'a [u8], &'a [u8])>),
    /// Unsets suffixes.
    Unset(Vec<&'a [u8]>),
    /// Deletes all range keys of the range.
    Delete,
}

impl RangeKeyChange<'_> {
    /// Number of range keys that the row stands for, as the properties count them.
    pub const fn count(&self) -> usize {
        match self {
            Self::Set(values) => values.len(),
            Self::Unset(suffixes) => suffixes.len(),
            Self::Delete => 1,
        }
    }
}

impl<'a> RangeKey<'a> {
    /// Decodes what one row of a range-key block holds.
    pub fn decode(key: &'a [u8], value: &'a [u8]) -> DecodeResult<Self> {
        let key = InternalKey::decode(key)?;
        let mut cursor = Cursor::new(value);
        let (end, change) = match key.trailer.kind() {
            Some(KeyKind::RangeKeySet) => {
                let end = cursor.varint_bytes("end key")?;
                let mut values = Vec::new();
                while values.is_empty() || !cursor.is_empty() {
                    values.push((cursor.varint_bytes("suffix")?, cursor.varint_bytes("range key value")?));
                }
                (end, RangeKeyChange::Set(values))
            }
            Some(KeyKind::RangeKeyUnset) => {
                let end = cursor.varint_bytes("end key")?;
                let mut suffixes = Vec::new();
                while suffixes.is_empty() || !cursor.is_empty() {
                    suffixes.push(cursor.varint_bytes("suffix")?);
                }
                (end, RangeKeyChange::Unset(suffixes))
            }
            Some(KeyKind::RangeKeyDelete) => (value, RangeKeyChange::Delete),
            _ => {
                let found = u64::from(key.trailer.kind_byte());
                let at = key.user_key.len() as u64;
                return Err(DecodeError::new(at, DecodeErrorKind::Unknown { what: "kind of a range key", found }));
            }
        };
        Ok(Self { start: key.user_key, end, seq: key.trailer.seq(), change })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: u8) -> Vec<u8> {
        vec![b'a', kind, 9, 0, 0, 0, 0, 0, 0]
    }

    #[test]
    fn each_kind() {
        let set = key(21);
        let row = RangeKey::decode(&set, b"\x01c\x00\x01v\x02@5\x00").unwrap();
        assert_eq!((row.start, row.end, row.seq), (b"a".as_slice(), b"c".as_slice(), SeqNum(9)));
        assert_eq!(row.change, RangeKeyChange::Set(vec![(b"".as_slice(), b"v".as_slice()), (b"@5", b"")]));
        assert_eq!(row.change.count(), 2);
        let unset = key(20);
        assert_eq!(RangeKey::decode(&unset, b"\x01c\x02@5").unwrap().change, RangeKeyChange::Unset(vec![b"@5"]));
        let delete = key(19);
        let row = RangeKey::decode(&delete, b"c").unwrap();
        assert_eq!((row.end, row.change), (b"c".as_slice(), RangeKeyChange::Delete));
    }

    #[test]
    fn cut_values_and_other_kinds_are_refused() {
        let set = key(21);
        let value = b"\x01c\x00\x01v";
        for len in 0..value.len() {
            assert!(RangeKey::decode(&set, &value[..len]).unwrap_err().is_truncation(), "{len}");
        }
        assert!(RangeKey::decode(&key(1), value).is_err());
    }
}
