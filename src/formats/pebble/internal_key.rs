//! A user key with the sequence number and kind that Pebble appends to it.

use std::cmp::Ordering;
use std::fmt;

use crate::formats::{DecodeError, DecodeErrorKind, DecodeResult};
use crate::types::Escaped;

/// Bytes of the trailer behind a user key.
pub const TRAILER_LEN: usize = 8;

/// Position of a write in the store's history (56 bits). 0 is given by compactions to keys with nothing underneath.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct SeqNum(pub u64);

impl SeqNum {
    /// Never the number of a real key: marks an exclusive upper bound.
    pub const MAX: Self = Self((1 << 56) - 1);
    /// The first number that a store assigns; 1 to 9 are reserved.
    pub const FIRST: Self = Self(10);
}

impl fmt::Display for SeqNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What one record of a store does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum KeyKind {
    /// `DEL`: the key is gone.
    Delete = 0,
    /// `SET`: the key has this value.
    Set = 1,
    /// `MERGE`: an operand for the key's value.
    Merge = 2,
    /// `LOGDATA`: bytes in the log that change nothing and take no sequence number.
    LogData = 3,
    /// `SINGLEDEL`: as `DEL`, for a key that was set once.
    SingleDelete = 7,
    /// `RANGEDEL`: hides older records of every key in a range.
    RangeDelete = 15,
    /// `SEPARATOR`: a shortened key of an index block.
    Separator = 17,
    /// `SETWITHDEL`: as `SET`, over a deletion.
    SetWithDelete = 18,
    /// `RANGEKEYDEL`, in the range-key space.
    RangeKeyDelete = 19,
    /// `RANGEKEYUNSET`, in the range-key space.
    RangeKeyUnset = 20,
    /// `RANGEKEYSET`, in the range-key space.
    RangeKeySet = 21,
    /// `INGESTSST`: the log adds a table.
    IngestSst = 22,
    /// `DELSIZED`: as `DEL`, with the size of what it deletes.
    DeleteSized = 23,
    /// `EXCISE`: the log removes a range.
    Excise = 24,
    /// `INGESTSSTWITHBLOBS`: the log adds a table with blob files.
    IngestSstWithBlobs = 26,
}

impl KeyKind {
    /// The kind of a trailer's low byte; `None` for numbers that are never written.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Delete,
            1 => Self::Set,
            2 => Self::Merge,
            3 => Self::LogData,
            7 => Self::SingleDelete,
            15 => Self::RangeDelete,
            17 => Self::Separator,
            18 => Self::SetWithDelete,
            19 => Self::RangeKeyDelete,
            20 => Self::RangeKeyUnset,
            21 => Self::RangeKeySet,
            22 => Self::IngestSst,
            23 => Self::DeleteSized,
            24 => Self::Excise,
            26 => Self::IngestSstWithBlobs,
            _ => return None,
        })
    }

    /// The name that Pebble prints.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delete => "DEL",
            Self::Set => "SET",
            Self::Merge => "MERGE",
            Self::LogData => "LOGDATA",
            Self::SingleDelete => "SINGLEDEL",
            Self::RangeDelete => "RANGEDEL",
            Self::Separator => "SEPARATOR",
            Self::SetWithDelete => "SETWITHDEL",
            Self::RangeKeyDelete => "RANGEKEYDEL",
            Self::RangeKeyUnset => "RANGEKEYUNSET",
            Self::RangeKeySet => "RANGEKEYSET",
            Self::IngestSst => "INGESTSST",
            Self::DeleteSized => "DELSIZED",
            Self::Excise => "EXCISE",
            Self::IngestSstWithBlobs => "INGESTSSTWITHBLOBS",
        }
    }

    /// True for the kinds that a data block or a point lookup may meet.
    pub const fn is_point(self) -> bool {
        matches!(self, Self::Delete | Self::Set | Self::Merge | Self::SingleDelete | Self::SetWithDelete | Self::DeleteSized)
    }

    /// True for the kinds of the range-key space.
    pub const fn is_range_key(self) -> bool {
        matches!(self, Self::RangeKeyDelete | Self::RangeKeyUnset | Self::RangeKeySet)
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The eight bytes behind a user key as one number: `sequence number << 8 | kind`, stored little-endian.
///
/// For equal user keys the larger trailer sorts first: newer before older.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Trailer(pub u64);

impl Trailer {
    /// Puts a trailer together; bits of `seq` above the 56th are lost.
    pub const fn new(seq: SeqNum, kind: KeyKind) -> Self {
        Self((seq.0 << 8) | kind as u64)
    }

    /// The sequence number.
    pub const fn seq(self) -> SeqNum {
        SeqNum(self.0 >> 8)
    }

    /// The low byte, as stored.
    pub const fn kind_byte(self) -> u8 {
        (self.0 & 0xff) as u8
    }

    /// The kind; `None` for a number that is never written.
    pub const fn kind(self) -> Option<KeyKind> {
        KeyKind::from_byte(self.kind_byte())
    }

    /// The same kind under another sequence number.
    #[must_use]
    pub const fn with_seq(self, seq: SeqNum) -> Self {
        Self((seq.0 << 8) | (self.0 & 0xff))
    }

    /// True for the largest sequence number, which marks an exclusive upper bound.
    pub const fn is_exclusive_bound(self) -> bool {
        self.seq().0 == SeqNum::MAX.0
    }
}

/// `seq,KIND`, as Pebble prints it; `inf` for the largest number.
impl fmt::Display for Trailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_exclusive_bound() {
            f.write_str("inf,")?;
        } else {
            write!(f, "{},", self.seq())?;
        }
        match self.kind() {
            Some(kind) => kind.fmt(f),
            None => write!(f, "kind {}", self.kind_byte()),
        }
    }
}

/// A user key and its trailer, borrowed from wherever they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InternalKey<'a> {
    /// The key as the application gave it.
    pub user_key: &'a [u8],
    /// Sequence number and kind.
    pub trailer: Trailer,
}

impl<'a> InternalKey<'a> {
    /// Splits the last eight bytes off. The kind is not checked.
    pub fn decode(bytes: &'a [u8]) -> DecodeResult<Self> {
        let Some((user_key, trailer)) = bytes.split_last_chunk::<TRAILER_LEN>() else {
            let (needed, available) = (TRAILER_LEN as u64, bytes.len() as u64);
            return Err(DecodeError::new(0, DecodeErrorKind::Truncated { what: "internal key", needed, available }));
        };
        Ok(Self { user_key, trailer: Trailer(u64::from_le_bytes(*trailer)) })
    }

    /// Appends the stored form.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.user_key);
        out.extend_from_slice(&self.trailer.0.to_le_bytes());
    }
}

/// User key ascending byte by byte, then newer before older.
impl Ord for InternalKey<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.user_key.cmp(other.user_key).then_with(|| other.trailer.cmp(&self.trailer))
    }
}

impl PartialOrd for InternalKey<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// `key#seq,KIND` with the key escaped.
impl fmt::Display for InternalKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", Escaped(self.user_key), self.trailer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn splits_key_and_trailer() {
        let bytes = b"_meta_applied_index\x01\x0a\0\0\0\0\0\0";
        let key = InternalKey::decode(bytes).unwrap();
        assert_eq!(key.user_key, b"_meta_applied_index");
        assert_eq!(key.trailer, Trailer::new(SeqNum(10), KeyKind::Set));
        assert_eq!(key.to_string(), "_meta_applied_index#10,SET");
    }

    #[test]
    fn every_prefix_shorter_than_a_trailer_is_cut() {
        for len in 0..TRAILER_LEN {
            assert!(InternalKey::decode(&[0x11; TRAILER_LEN][..len]).unwrap_err().is_truncation());
        }
        assert_eq!(InternalKey::decode(&[0x11; TRAILER_LEN]).unwrap().user_key, b"");
    }

    #[test]
    fn newer_sorts_before_older_and_larger_kind_first() {
        let at = |key, seq, kind| InternalKey { user_key: key, trailer: Trailer::new(SeqNum(seq), kind) };
        let mut keys = [
            at(b"b".as_slice(), 9, KeyKind::Set),
            at(b"a", 4, KeyKind::Delete),
            at(b"a", 4, KeyKind::Set),
            at(b"a", 5, KeyKind::Delete),
            at(b"aa", 1, KeyKind::Set),
        ];
        keys.sort();
        let shown: Vec<_> = keys.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["a#5,DEL", "a#4,SET", "a#4,DEL", "aa#1,SET", "b#9,SET"]);
    }

    #[test]
    fn kinds_round_trip_and_the_gaps_are_refused() {
        let known: Vec<u8> = (0..=u8::MAX).filter(|&byte| KeyKind::from_byte(byte).is_some()).collect();
        assert_eq!(known, [0, 1, 2, 3, 7, 15, 17, 18, 19, 20, 21, 22, 23, 24, 26]);
        for byte in known {
            assert_eq!(KeyKind::from_byte(byte).unwrap() as u8, byte);
        }
    }

    #[test]
    fn the_largest_number_prints_as_a_bound() {
        assert_eq!(Trailer::new(SeqNum::MAX, KeyKind::RangeDelete).to_string(), "inf,RANGEDEL");
        assert_eq!(Trailer(0x0501).with_seq(SeqNum(7)), Trailer(0x0701));
        assert_eq!(Trailer(0x055f).to_string(), "5,kind 95");
    }

    proptest! {
        #[test]
        fn round_trip(user_key in proptest::collection::vec(any::<u8>(), 0..40), trailer in any::<u64>()) {
            let key = InternalKey { user_key: &user_key, trailer: Trailer(trailer) };
            let mut bytes = Vec::new();
            key.encode(&mut bytes);
            prop_assert_eq!(InternalKey::decode(&bytes), Ok(key));
        }
    }
}
