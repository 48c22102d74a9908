//! Entries of data blocks.

use super::blob_handle::BlobHandle;
use super::footer::TableFormat;
use super::value_block::ValueHandle;
use crate::formats::pebble::internal_key::{InternalKey, KeyKind, Trailer};
use crate::formats::{Cursor, DecodeError, DecodeErrorKind, DecodeResult};

/// Within its table a newer record already hides this one; not part of the kind.
pub const OBSOLETE_BIT: u64 = 0x40;
/// Where the value of a SET is: in place, in a blob file, in a value block.
const PLACE_MASK: u8 = 0xc0;
const IN_PLACE: u8 = 0x00;
const IN_BLOB_FILE: u8 = 0x40;
const IN_VALUE_BLOCK: u8 = 0x80;

/// One point record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataEntry<'a> {
    /// Key, sequence number and kind; the obsolete bit is taken out.
    pub key: InternalKey<'a>,
    /// The kind: always one that [is a point](KeyKind::is_point).
    pub kind: KeyKind,
    /// A newer record of the same table hides this one.
    pub obsolete: bool,
    /// The value, or where it is.
    pub value: EntryValue<'a>,
}

/// The value of a point record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryValue<'a> {
    /// The value itself, without its prefix byte.
    InPlace(&'a [u8]),
    /// It stands in a value block of the same table.
    InValueBlock(ValueHandle),
    /// It stands in a file of values. Only tables with columns have such records.
    InBlobFile(BlobHandle),
}

impl<'a> DataEntry<'a> {
    /// Decodes what one row of a data block holds. Offsets in errors count from the start of the key or of the value.
    pub fn decode(format: TableFormat, key: &'a [u8], value: &'a [u8]) -> DecodeResult<Self> {
        let stored = InternalKey::decode(key)?;
        let obsolete = format.has_obsolete_bit() && stored.trailer.0 & OBSOLETE_BIT != 0;
        let trailer = if obsolete { Trailer(stored.trailer.0 & !OBSOLETE_BIT) } else { stored.trailer };
        let kind = point_kind(trailer, stored.user_key.len() as u64)?;
        let value =
            if kind == KeyKind::Set && format.has_value_prefix() { with_prefix(value)? } else { EntryValue::InPlace(value) };
        Ok(Self { key: InternalKey { user_key: stored.user_key, trailer }, kind, obsolete, value })
    }

    /// Puts together what the columns of a data block hold for one row. Trailer and value come with their offsets, from which
    /// the offsets in errors count.
    pub(in crate::formats::pebble) fn of_columns(
        user_key: &'a [u8],
        (trailer, trailer_at): (Trailer, u64),
        (value, value_at): (&'a [u8], u64),
        external: bool,
        obsolete: bool,
    ) -> DecodeResult<Self> {
        let kind = point_kind(trailer, trailer_at)?;
        let value = if external { apart(value).map_err(|error| error.shifted(value_at))? } else { EntryValue::InPlace(value) };
        Ok(Self { key: InternalKey { user_key, trailer }, kind, obsolete, value })
    }
}

fn point_kind(trailer: Trailer, at: u64) -> DecodeResult<KeyKind> {
    trailer.kind().filter(|kind| kind.is_point()).ok_or_else(|| {
        let found = u64::from(trailer.kind_byte());
        DecodeError::new(at, DecodeErrorKind::Unknown { what: "key kind", found })
    })
}

/// The value of a SET that begins with a prefix byte.
fn with_prefix(value: &[u8]) -> DecodeResult<EntryValue<'_>> {
    match value.split_first() {
        Some((prefix, rest)) if prefix & PLACE_MASK == IN_PLACE => Ok(EntryValue::InPlace(rest)),
        Some((prefix, _)) if prefix & PLACE_MASK == IN_BLOB_FILE => {
            Err(DecodeError::invalid(0, "value prefix", "a blob handle, which only columnar tables hold"))
        }
        _ => apart(value),
    }
}

/// A value that is said to stand elsewhere: the prefix byte says where, a handle follows.
fn apart(value: &[u8]) -> DecodeResult<EntryValue<'_>> {
    let mut cursor = Cursor::new(value);
    let prefix = cursor.u8("value prefix")?;
    let place = match prefix & PLACE_MASK {
        IN_VALUE_BLOCK => EntryValue::InValueBlock(ValueHandle::decode(&mut cursor)?),
        IN_BLOB_FILE => EntryValue::InBlobFile(BlobHandle::decode(&mut cursor)?),
        _ => return Err(DecodeError::new(0, DecodeErrorKind::Unknown { what: "value prefix", found: u64::from(prefix) })),
    };
    if cursor.is_empty() {
        return Ok(place);
    }
    let detail = format!("{} bytes behind it", cursor.remaining());
    Err(DecodeError::invalid(cursor.offset(), "value handle", detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::pebble::SeqNum;

    fn key(kind: u8) -> Vec<u8> {
        let mut key = b"k".to_vec();
        key.extend((5 << 8 | u64::from(kind)).to_le_bytes());
        key
    }

    fn decode(format: TableFormat, kind: u8, value: &[u8]) -> DecodeResult<(KeyKind, bool, Option<Vec<u8>>)> {
        let key = key(kind);
        let entry = DataEntry::decode(format, &key, value)?;
        assert_eq!((entry.key.user_key, entry.key.trailer), (b"k".as_slice(), Trailer::new(SeqNum(5), entry.kind)));
        Ok((
            entry.kind,
            entry.obsolete,
            match entry.value {
                EntryValue::InPlace(value) => Some(value.to_vec()),
                EntryValue::InValueBlock(_) | EntryValue::InBlobFile(_) => None,
            },
        ))
    }

    #[test]
    fn only_a_set_of_a_newer_table_has_a_prefix_byte() {
        use TableFormat::{PebbleV2, PebbleV3, PebbleV4, RocksDbV2};
        for format in [PebbleV3, PebbleV4] {
            assert_eq!(decode(format, 1, b"\0v"), Ok((KeyKind::Set, false, Some(b"v".to_vec()))));
            assert_eq!(decode(format, 1, b"\x27v"), Ok((KeyKind::Set, false, Some(b"v".to_vec()))), "hints are ignored");
            assert_eq!(decode(format, 1, b"\0"), Ok((KeyKind::Set, false, Some(Vec::new()))));
            assert!(decode(format, 1, b"").unwrap_err().is_truncation());
            assert_eq!(decode(format, 18, b"\0v"), Ok((KeyKind::SetWithDelete, false, Some(b"\0v".to_vec()))));
            assert_eq!(decode(format, 2, b"v"), Ok((KeyKind::Merge, false, Some(b"v".to_vec()))));
            assert_eq!(decode(format, 1, b"\x80\x05\x01\x02"), Ok((KeyKind::Set, false, None)));
            for wrong in [b"\x80\x05\x01".as_slice(), b"\x80\x05\x01\x02\x03", b"\x40\x01", b"\xc0v"] {
                assert!(decode(format, 1, wrong).is_err(), "{wrong:?}");
            }
        }
        for format in [RocksDbV2, PebbleV2] {
            assert_eq!(decode(format, 1, b"\0v"), Ok((KeyKind::Set, false, Some(b"\0v".to_vec()))));
        }
    }

    #[test]
    fn a_value_of_columns_stands_apart_only_where_its_column_says_so() {
        let set = Trailer::new(SeqNum(5), KeyKind::Set);
        let decode = |trailer, value, external| {
            DataEntry::of_columns(b"k", (trailer, 70), (value, 90), external, false).map(|entry| entry.value)
        };
        assert_eq!(decode(set, b"\x80\x05\x01\x02", false), Ok(EntryValue::InPlace(b"\x80\x05\x01\x02".as_slice())));
        let in_block = EntryValue::InValueBlock(ValueHandle { length: 5, block: 1, offset: 2 });
        assert_eq!(decode(set, b"\x80\x05\x01\x02", true), Ok(in_block));
        let in_file = EntryValue::InBlobFile(BlobHandle { reference: 0, length: 5, block: 1, value: 2 });
        assert_eq!(decode(set, b"\x40\x00\x05\x01\x02", true), Ok(in_file));
        for wrong in [b"".as_slice(), b"\0v", b"\xc0v", b"\x80\x05\x01", b"\x80\x05\x01\x02\x03", b"\x40\x00\x05\x01"] {
            assert!(decode(set, wrong, true).unwrap_err().at >= 90, "{wrong:?}");
        }
        assert_eq!(decode(Trailer(0x0511), b"v", false).unwrap_err().at, 70, "a separator is no point");
    }

    #[test]
    fn the_obsolete_bit_belongs_to_version_four() {
        assert_eq!(decode(TableFormat::PebbleV4, 0x41, b"\0v"), Ok((KeyKind::Set, true, Some(b"v".to_vec()))));
        assert_eq!(decode(TableFormat::PebbleV4, 0x40, b""), Ok((KeyKind::Delete, true, Some(Vec::new()))));
        assert!(decode(TableFormat::PebbleV3, 0x41, b"\0v").is_err());
    }

    #[test]
    fn kinds_that_do_not_belong_in_a_data_block_are_unknown() {
        for kind in 0..0x40_u8 {
            let point = matches!(kind, 0 | 1 | 2 | 7 | 18 | 23);
            assert_eq!(decode(TableFormat::PebbleV4, kind, b"\0").is_ok(), point, "{kind}");
        }
        assert!(DataEntry::decode(TableFormat::PebbleV4, b"1234567", b"").unwrap_err().is_truncation());
    }
}
