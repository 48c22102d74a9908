//! The last bytes of a table: its format, its checksum type and where everything starts.

use std::fmt;

use super::handle::BlockHandle;
use crate::formats::pebble::MaskedCrc32c;
use crate::formats::{Cursor, DecodeError, DecodeErrorKind, DecodeResult};

/// Bytes of the magic, the last of every table.
const MAGIC_LEN: usize = 8;
/// LevelDB's magic.
const MAGIC_LEVELDB: [u8; MAGIC_LEN] = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb];
/// RocksDB's magic.
const MAGIC_ROCKSDB: [u8; MAGIC_LEN] = [0xf7, 0xcf, 0xf4, 0x85, 0xb7, 0x41, 0xe2, 0x88];
/// Pebble's magic.
const MAGIC_PEBBLE: [u8; MAGIC_LEN] = [0xf0, 0x9f, 0xaa, 0xb3, 0xf0, 0x9f, 0xaa, 0xb3];
/// Bytes of the version in front of the magic (not in LevelDB's footer).
const VERSION_LEN: usize = 4;
/// Bytes that the two handles and their zero padding fill.
const HANDLES_LEN: u64 = 40;
/// Bytes of the shortest footer, LevelDB's.
pub const MIN_FOOTER_LEN: u64 = HANDLES_LEN + MAGIC_LEN as u64;
/// Bytes of the longest footer, that of Pebble's seventh version and later.
pub const MAX_FOOTER_LEN: usize = 61;

/// What the bits of the attributes say that a table has, from the lowest.
pub const ATTRIBUTES: [&str; 8] = [
    "value blocks",
    "range keys that set",
    "range keys that unset",
    "range keys that delete",
    "range deletions",
    "a two-level index",
    "values in blob files",
    "point records",
];

/// The format of a table, from its magic and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TableFormat {
    /// LevelDB: row blocks, no version, no checksum type.
    LevelDb,
    /// RocksDB, version 2: row blocks.
    RocksDbV2,
    /// Pebble, version 1: row blocks, block properties.
    PebbleV1,
    /// Version 2: range keys.
    PebbleV2,
    /// Version 3: value blocks and a prefix byte before the value of a SET.
    PebbleV3,
    /// Version 4: the obsolete bit. What elastickv's store writes.
    PebbleV4,
    /// Version 5: columnar blocks.
    PebbleV5,
    /// Version 6: footer checksum, columnar metaindex.
    PebbleV6,
    /// Version 7: footer attributes, columnar properties.
    PebbleV7,
    /// Version 8: more columns.
    PebbleV8,
}

impl TableFormat {
    const fn pebble(version: u32) -> Option<Self> {
        Some(match version {
            1 => Self::PebbleV1,
            2 => Self::PebbleV2,
            3 => Self::PebbleV3,
            4 => Self::PebbleV4,
            5 => Self::PebbleV5,
            6 => Self::PebbleV6,
            7 => Self::PebbleV7,
            8 => Self::PebbleV8,
            _ => return None,
        })
    }

    /// The name that Pebble prints.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LevelDb => "LevelDB",
            Self::RocksDbV2 => "RocksDB,v2",
            Self::PebbleV1 => "Pebble,v1",
            Self::PebbleV2 => "Pebble,v2",
            Self::PebbleV3 => "Pebble,v3",
            Self::PebbleV4 => "Pebble,v4",
            Self::PebbleV5 => "Pebble,v5",
            Self::PebbleV6 => "Pebble,v6",
            Self::PebbleV7 => "Pebble,v7",
            Self::PebbleV8 => "Pebble,v8",
        }
    }

    /// Bytes of the footer.
    pub const fn footer_len(self) -> u64 {
        match self {
            Self::LevelDb => MIN_FOOTER_LEN,
            Self::RocksDbV2 | Self::PebbleV1 | Self::PebbleV2 | Self::PebbleV3 | Self::PebbleV4 | Self::PebbleV5 => 53,
            Self::PebbleV6 => 57,
            Self::PebbleV7 | Self::PebbleV8 => MAX_FOOTER_LEN as u64,
        }
    }

    /// True when data, index and span blocks are row blocks; false when they are columnar.
    pub const fn has_row_blocks(self) -> bool {
        !matches!(self, Self::PebbleV5 | Self::PebbleV6 | Self::PebbleV7 | Self::PebbleV8)
    }

    /// True when the metaindex is a columnar block.
    pub const fn has_columnar_metaindex(self) -> bool {
        matches!(self, Self::PebbleV6 | Self::PebbleV7 | Self::PebbleV8)
    }

    /// True when the properties are a columnar block, and the footer has attributes.
    pub const fn has_columnar_properties(self) -> bool {
        matches!(self, Self::PebbleV7 | Self::PebbleV8)
    }

    /// The first format major version of a store whose tables may have this format, for formats that have one of their own.
    pub const fn first_columnar_version(self) -> Option<u64> {
        match self {
            Self::PebbleV5 => Some(19),
            Self::PebbleV6 => Some(21),
            // No version up to the newest known one enables the eighth.
            Self::PebbleV7 | Self::PebbleV8 => Some(23),
            _ => None,
        }
    }

    /// True when the value of a SET in a row data block begins with a prefix byte.
    pub const fn has_value_prefix(self) -> bool {
        matches!(self, Self::PebbleV3 | Self::PebbleV4)
    }

    /// True when bit 6 of a row data block's kind byte is the obsolete bit.
    pub const fn has_obsolete_bit(self) -> bool {
        matches!(self, Self::PebbleV4)
    }

    /// True when the top bit of a restart offset in a data block is a hint and not part of the offset.
    pub const fn has_restart_hint(self) -> bool {
        self.has_value_prefix()
    }
}

impl fmt::Display for TableFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How block trailers are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ChecksumType {
    /// Masked CRC-32C.
    Crc32c = 1,
    /// The low 32 bits of XXH64 with seed 0.
    XxHash64 = 3,
}

impl ChecksumType {
    fn decode(byte: u8, at: u64) -> DecodeResult<Self> {
        match byte {
            1 => Ok(Self::Crc32c),
            3 => Ok(Self::XxHash64),
            other => Err(DecodeError::new(at, DecodeErrorKind::Unknown { what: "checksum type", found: u64::from(other) })),
        }
    }

    /// The checksum of a block's stored bytes followed by its compression byte.
    pub fn of(self, covered: &[u8]) -> u32 {
        match self {
            Self::Crc32c => MaskedCrc32c::of(covered).0,
            Self::XxHash64 => {
                let [a, b, c, d, ..] = twox_hash::XxHash64::oneshot(0, covered).to_le_bytes();
                u32::from_le_bytes([a, b, c, d])
            }
        }
    }

    /// The name that reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crc32c => "CRC-32C",
            Self::XxHash64 => "XXH64",
        }
    }
}

/// A decoded footer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footer {
    /// The table's format; decides how everything else is read.
    pub format: TableFormat,
    /// How block trailers are computed.
    pub checksum: ChecksumType,
    /// The metaindex block.
    pub metaindex: BlockHandle,
    /// The index block; the top one if there are two levels, which only a property says.
    pub index: BlockHandle,
    /// Offset of the footer in the file: no block reaches beyond it.
    pub offset: u64,
    /// Attributes, from version 7: what the table has, bit by bit, in the order of [`ATTRIBUTES`].
    pub attributes: Option<u32>,
    /// Offset in the file of the first byte between checksum type and version that no writer would have put there, although
    /// it changes nothing: padding that is not zero, or a handle in more bytes than it needs. Pebble does not mind.
    pub stray_byte: Option<u64>,
}

impl Footer {
    /// Decodes the end of a file of `file_size` bytes. `tail` is its last [`MAX_FOOTER_LEN`] bytes, or all of a shorter file.
    ///
    /// Offsets in errors count from the start of `tail`.
    pub fn decode(tail: &[u8], file_size: u64) -> DecodeResult<Self> {
        let tail_start = file_size.saturating_sub(tail.len() as u64);
        let (before_magic, magic) = match tail.split_last_chunk::<MAGIC_LEN>() {
            Some(split) if tail.len() as u64 >= MIN_FOOTER_LEN => split,
            _ => return Err(truncated(MIN_FOOTER_LEN, tail.len())),
        };
        let format = Self::format(before_magic, *magic)?;
        let Some(footer_at) = (tail.len() as u64).checked_sub(format.footer_len()) else {
            return Err(truncated(format.footer_len(), tail.len()));
        };
        let offset = tail_start.saturating_add(footer_at);
        let mut cursor = Cursor::new(tail);
        cursor.take("bytes before the footer", footer_at)?;
        let footer_bytes = cursor.rest();
        let checksum = match format {
            TableFormat::LevelDb => ChecksumType::Crc32c,
            _ => {
                let at = cursor.offset();
                ChecksumType::decode(cursor.u8("checksum type")?, at)?
            }
        };
        let handles_at = cursor.offset();
        let handle_bytes = cursor.take("block handles", HANDLES_LEN)?;
        let mut handles = Cursor::new(handle_bytes);
        let metaindex = decode_handle(&mut handles, handles_at, offset, "metaindex handle")?;
        let index = decode_handle(&mut handles, handles_at, offset, "index handle")?;
        let stray_byte = stray_byte(handle_bytes, metaindex, index)
            .map(|position| tail_start.saturating_add(handles_at).saturating_add(position as u64));
        let attributes = if format.has_columnar_properties() { Some(cursor.u32_le("attributes")?) } else { None };
        if format.has_columnar_metaindex() {
            let at = cursor.offset();
            let covered_len = at.saturating_sub(footer_at);
            let stored = cursor.u32_le("footer checksum")?;
            let before = Cursor::new(footer_bytes).take("footer", covered_len)?;
            let computed = MaskedCrc32c::of_two(before, cursor.rest());
            if MaskedCrc32c(stored) != computed {
                let detail = format!("stored {}, computed {computed}", MaskedCrc32c(stored));
                return Err(DecodeError::invalid(at, "footer checksum", detail));
            }
        }
        Ok(Self { format, checksum, metaindex, index, offset, attributes, stray_byte })
    }

    fn format(before_magic: &[u8], magic: [u8; MAGIC_LEN]) -> DecodeResult<TableFormat> {
        let at = before_magic.len() as u64;
        if magic == MAGIC_LEVELDB {
            return Ok(TableFormat::LevelDb);
        }
        let version = before_magic.last_chunk::<VERSION_LEN>().map(|bytes| u32::from_le_bytes(*bytes));
        let format = match (magic, version) {
            (MAGIC_ROCKSDB, Some(2)) => Some(TableFormat::RocksDbV2),
            (MAGIC_PEBBLE, Some(version)) => TableFormat::pebble(version),
            (MAGIC_ROCKSDB, Some(_)) => None,
            (MAGIC_ROCKSDB | MAGIC_PEBBLE, None) => return Err(truncated(MIN_FOOTER_LEN, before_magic.len() + MAGIC_LEN)),
            _ => return Err(DecodeError::new(at, DecodeErrorKind::BadMagic { what: "table", found: magic.to_vec() })),
        };
        let found = u64::from(version.unwrap_or_default());
        let version_at = at.saturating_sub(VERSION_LEN as u64);
        format.ok_or_else(|| DecodeError::new(version_at, DecodeErrorKind::Unknown { what: "table format version", found }))
    }
}

/// Position of the first byte that differs from how a writer stores the two handles and their padding.
fn stray_byte(stored: &[u8], metaindex: BlockHandle, index: BlockHandle) -> Option<usize> {
    let mut canonical = Vec::with_capacity(stored.len());
    metaindex.encode(&mut canonical);
    index.encode(&mut canonical);
    canonical.resize(stored.len(), 0);
    stored.iter().zip(&canonical).position(|(stored, canonical)| stored != canonical)
}

fn truncated(needed: u64, available: usize) -> DecodeError {
    DecodeError::new(0, DecodeErrorKind::Truncated { what: "table footer", needed, available: available as u64 })
}

fn decode_handle(cursor: &mut Cursor<'_>, base: u64, limit: u64, what: &'static str) -> DecodeResult<BlockHandle> {
    let at = base.saturating_add(cursor.offset());
    let handle = BlockHandle::decode(cursor).map_err(|error| error.shifted(base))?;
    if handle.fits_below(limit) {
        Ok(handle)
    } else {
        Err(DecodeError::new(at, DecodeErrorKind::Limit { what, found: handle.end(), limit }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The footer of the worked table of the format page, at offset 634.
    fn v4() -> Vec<u8> {
        let mut bytes = vec![0x01, 0xd5, 0x04, 0x20, 0x54, 0x16];
        bytes.resize(41, 0);
        bytes.extend([4, 0, 0, 0]);
        bytes.extend(MAGIC_PEBBLE);
        bytes
    }

    fn newer(version: u32) -> Vec<u8> {
        let mut bytes = v4();
        bytes.truncate(41);
        if version >= 7 {
            bytes.extend(0x81_u32.to_le_bytes());
        }
        let mut end = version.to_le_bytes().to_vec();
        end.extend(MAGIC_PEBBLE);
        let crc = MaskedCrc32c::of_two(&bytes, &end);
        bytes.extend(crc.0.to_le_bytes());
        bytes.extend(end);
        bytes
    }

    #[test]
    fn the_worked_footer() {
        let footer = Footer::decode(&v4(), 687).unwrap();
        assert_eq!(
            footer,
            Footer {
                format: TableFormat::PebbleV4,
                checksum: ChecksumType::Crc32c,
                metaindex: BlockHandle { offset: 597, length: 32 },
                index: BlockHandle { offset: 84, length: 22 },
                offset: 634,
                attributes: None,
                stray_byte: None,
            }
        );
        let mut longer = vec![0xaa; 8];
        longer.extend(v4());
        assert_eq!(Footer::decode(&longer, 687).unwrap(), footer, "bytes before the footer do not matter");
    }

    #[test]
    fn every_format_is_told_apart() {
        for version in 1..=5_u8 {
            let mut bytes = v4();
            bytes[41] = version;
            assert_eq!(Footer::decode(&bytes, 687).unwrap().format.name(), format!("Pebble,v{version}"));
        }
        for version in 6..=8 {
            let bytes = newer(version);
            let footer = Footer::decode(&bytes, 700).unwrap();
            assert_eq!(footer.format.name(), format!("Pebble,v{version}"));
            assert_eq!(footer.format.footer_len(), bytes.len() as u64);
            assert_eq!(footer.attributes, (version >= 7).then_some(0x81));
            assert!(!footer.format.has_row_blocks());
        }
        let mut rocks = v4();
        rocks[41] = 2;
        rocks[45..].copy_from_slice(&MAGIC_ROCKSDB);
        assert_eq!(Footer::decode(&rocks, 687).unwrap().format, TableFormat::RocksDbV2);
        let mut level = v4()[1..41].to_vec();
        level.extend(MAGIC_LEVELDB);
        let footer = Footer::decode(&level, 687).unwrap();
        assert_eq!((footer.format, footer.offset), (TableFormat::LevelDb, 639));
    }

    #[test]
    fn unknown_versions_and_magics_are_named() {
        for version in [0, 9, 0x0101] {
            let mut bytes = v4();
            bytes[41..45].copy_from_slice(&u32::to_le_bytes(version));
            let error = Footer::decode(&bytes, 687).unwrap_err();
            assert_eq!(error.kind, DecodeErrorKind::Unknown { what: "table format version", found: u64::from(version) });
            assert_eq!(error.at, 41);
        }
        let error = Footer::decode(&[0; 61], 687).unwrap_err();
        assert!(matches!(error.kind, DecodeErrorKind::BadMagic { .. }), "{error}");
        for checksum in [0, 2, 4] {
            let mut bytes = v4();
            bytes[0] = checksum;
            assert!(matches!(
                Footer::decode(&bytes, 687).unwrap_err().kind,
                DecodeErrorKind::Unknown { what: "checksum type", .. }
            ));
        }
    }

    #[test]
    fn handles_must_end_before_the_footer() {
        let error = Footer::decode(&v4(), 686).unwrap_err();
        assert_eq!(error, DecodeError::new(1, DecodeErrorKind::Limit { what: "metaindex handle", found: 634, limit: 633 }));
    }

    #[test]
    fn every_prefix_and_every_flip_is_refused_or_explained() {
        for bytes in [v4(), newer(6), newer(7)] {
            for len in 0..bytes.len() {
                assert!(Footer::decode(&bytes[..len], 687).is_err(), "{len}");
            }
            let size = 634 + bytes.len() as u64;
            let good = Footer::decode(&bytes, size).unwrap();
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                match Footer::decode(&flipped, size) {
                    Ok(footer) => assert_ne!(footer, good, "bit {bit} went unnoticed"),
                    Err(error) => assert!(error.at <= 61),
                }
            }
        }
    }

    #[test]
    fn stray_bytes_are_seen_and_tolerated() {
        let mut bytes = v4();
        bytes[24] = 1;
        assert_eq!(Footer::decode(&bytes, 687).unwrap().stray_byte, Some(634 + 24));
        bytes[24] = 0;
        bytes[5] |= 0x80;
        let footer = Footer::decode(&bytes, 687).unwrap();
        assert_eq!((footer.index.length, footer.stray_byte), (22, Some(634 + 5)), "the same number in two bytes");
    }

    #[test]
    fn checksums_of_the_worked_block() {
        let mut covered = b"\x00\x1b\x09_meta_applied_index\x01\x0a\0\0\0\0\0\0\0\x2a\0\0\0\0\0\0\0".to_vec();
        covered.extend([0, 0, 0, 0, 1, 0, 0, 0, 0]);
        assert_eq!(covered.len(), 48);
        assert_eq!(ChecksumType::Crc32c.of(&covered), 0x24ea_9ebe);
        assert_eq!(ChecksumType::XxHash64.of(&covered), 0x95dc_55f9);
    }
}
