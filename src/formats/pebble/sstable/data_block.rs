//! Entries of data blocks.

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
}

impl<'a> DataEntry<'a> {
    /// Decodes what one row of a data block holds. Offsets in errors count from the start of the key or of the value.
    pub fn decode(format: TableFormat, key: &'a [u8], value: &'a [u8]) -> DecodeResult<Self> {
        let stored = InternalKey::decode(key)?;
        let obsolete = format.has_obsolete_bit() && stored.trailer.0 & OBSOLETE_BIT != 0;
        let trailer = if obsolete { Trailer(stored.trailer.0 & !OBSOLETE_BIT) } else { stored.trailer };
        let Some(kind) = trailer.kind().filter(|kind| kind.is_point()) else {
            let found = u64::from(stored.trailer.kind_byte());
            return Err(DecodeError::new(stored.user_key.len() as u64, DecodeErrorKind::Unknown { what: "key kind", found }));
        };
        let value =
            if kind == KeyKind::Set && format.has_value_prefix() { with_prefix(value)? } else { EntryValue::InPlace(value) };
        Ok(Self { key: InternalKey { user_key: stored.user_key, trailer }, kind, obsolete, value })
    }
}

/// The value of a SET that begins with a prefix byte.
fn with_prefix(value: &[u8]) -> DecodeResult<EntryValue<'_>> {
    let mut cursor = Cursor::new(value);
    let prefix = cursor.u8("value prefix")?;
    match prefix & PLACE_MASK {
        IN_PLACE => Ok(EntryValue::InPlace(cursor.rest())),
        IN_VALUE_BLOCK => {
            let handle = ValueHandle::decode(&mut cursor)?;
            if cursor.is_empty() {
                Ok(EntryValue::InValueBlock(handle))
            } else {
                let detail = format!("{} bytes behind it", cursor.remaining());
                Err(DecodeError::invalid(cursor.offset(), "value handle", detail))
            }
        }
        IN_BLOB_FILE => Err(DecodeError::invalid(0, "value prefix", "a blob handle, which only columnar tables hold")),
        _ => Err(DecodeError::new(0, DecodeErrorKind::Unknown { what: "value prefix", found: u64::from(prefix) })),
    }
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
                EntryValue::InValueBlock(_) => None,
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
