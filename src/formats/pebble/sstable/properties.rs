//! What a table says about itself.

use super::footer::TableFormat;
use super::row_block::RowBlock;
use crate::formats::pebble::columnar::ColumnarPairs;
use crate::formats::{Cursor, DecodeError, DecodeErrorKind, DecodeResult};

/// How many levels the index has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IndexType {
    /// The footer names the only index block.
    #[default]
    OneLevel,
    /// The footer names the top index block, which leads to the others.
    TwoLevel,
}

/// The properties that a reader uses. Counts that are absent are 0.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Properties {
    /// Name of the key order.
    pub comparer: String,
    /// Name of the merge operator; empty or `nullptr` stands for any.
    pub merger: String,
    /// How the keys of columnar data blocks are split into columns; empty in tables with row blocks.
    pub key_schema: String,
    /// How the footer's index handle is read.
    pub index_type: IndexType,
    /// Point records and range deletions.
    pub entries: u64,
    /// Range deletions.
    pub range_deletions: u64,
    /// Deletions of any form.
    pub deletions: u64,
    /// Range keys that set.
    pub range_key_sets: u64,
    /// Range keys that unset.
    pub range_key_unsets: u64,
    /// Range keys that delete.
    pub range_key_dels: u64,
    /// Data blocks.
    pub data_blocks: u64,
    /// Bytes of data blocks with their trailers.
    pub data_size: u64,
    /// Index blocks of the lower of two levels.
    pub index_partitions: u64,
    /// Value blocks.
    pub value_blocks: u64,
    /// Values that stand in value blocks.
    pub values_in_value_blocks: u64,
    /// Values that stand in blob files.
    pub values_in_blob_files: u64,
    /// Bytes of keys as they were written.
    pub raw_key_size: u64,
    /// Bytes of values as they were written.
    pub raw_value_size: u64,
    /// The compression that was asked for; each block says what it got.
    pub compression: String,
    /// Short id of the collector of `obsolete-key`, by which block properties name it.
    pub obsolete_collector: Option<u8>,
    /// Number of all properties, known or not.
    pub count: usize,
}

impl Properties {
    /// The attributes that the footer of a table with these properties has.
    pub fn attributes(&self) -> u32 {
        let has = [
            self.value_blocks > 0,
            self.range_key_sets > 0,
            self.range_key_unsets > 0,
            self.range_key_dels > 0,
            self.range_deletions > 0,
            matches!(self.index_type, IndexType::TwoLevel),
            self.values_in_blob_files > 0,
            self.entries > self.range_deletions,
        ];
        has.into_iter().rev().fold(0, |bits, bit| bits << 1 | u32::from(bit))
    }

    /// Decodes the uncompressed properties block of a table of `format`.
    pub fn decode(format: TableFormat, block: &[u8]) -> DecodeResult<Self> {
        let mut properties = Self::default();
        if format.has_columnar_properties() {
            for (key, value, at) in ColumnarPairs::decode(block)?.iter() {
                properties.entry(key, value).map_err(|error| error.shifted(at))?;
                properties.count += 1;
            }
            return Ok(properties);
        }
        let mut entries = RowBlock::decode(block)?.into_entries();
        while entries.next()? {
            let at = entries.entry_at() as u64;
            properties.entry(entries.key(), entries.value()).map_err(|error| error.shifted(at))?;
            properties.count += 1;
        }
        Ok(properties)
    }

    fn entry(&mut self, key: &[u8], value: &[u8]) -> DecodeResult<()> {
        let text = || String::from_utf8_lossy(value).into_owned();
        match key {
            b"rocksdb.comparator" => self.comparer = text(),
            b"rocksdb.merge.operator" => self.merger = text(),
            b"pebble.colblk.schema" => self.key_schema = text(),
            b"rocksdb.block.based.table.index.type" => self.index_type = index_type(value)?,
            b"rocksdb.num.entries" => self.entries = number(value)?,
            b"rocksdb.num.range-deletions" => self.range_deletions = number(value)?,
            b"rocksdb.deleted.keys" => self.deletions = number(value)?,
            b"pebble.num.range-key-sets" => self.range_key_sets = number(value)?,
            b"pebble.num.range-key-unsets" => self.range_key_unsets = number(value)?,
            b"pebble.num.range-key-dels" => self.range_key_dels = number(value)?,
            b"rocksdb.num.data.blocks" => self.data_blocks = number(value)?,
            b"rocksdb.data.size" => self.data_size = number(value)?,
            b"rocksdb.index.partitions" => self.index_partitions = number(value)?,
            b"pebble.num.value-blocks" => self.value_blocks = number(value)?,
            b"pebble.num.values.in.value-blocks" => self.values_in_value_blocks = number(value)?,
            b"pebble.num.values.in.blob-files" => self.values_in_blob_files = number(value)?,
            b"rocksdb.raw.key.size" => self.raw_key_size = number(value)?,
            b"rocksdb.raw.value.size" => self.raw_value_size = number(value)?,
            b"rocksdb.compression" => self.compression = text(),
            b"obsolete-key" => self.obsolete_collector = value.first().copied(),
            _ => {}
        }
        Ok(())
    }
}

fn number(value: &[u8]) -> DecodeResult<u64> {
    Cursor::new(value).varint("property")
}

fn index_type(value: &[u8]) -> DecodeResult<IndexType> {
    match Cursor::new(value).u32_le("index type")? {
        0 => Ok(IndexType::OneLevel),
        2 => Ok(IndexType::TwoLevel),
        other => Err(DecodeError::new(0, DecodeErrorKind::Unknown { what: "index type", found: u64::from(other) })),
    }
}

#[cfg(test)]
mod tests {
    use super::super::row_block::build;
    use super::*;

    fn block(list: &[(&str, &[u8])]) -> Vec<u8> {
        let entries: Vec<_> = list.iter().map(|(key, value)| (key.as_bytes().to_vec(), value.to_vec())).collect();
        build::block(&entries, usize::MAX)
    }

    #[test]
    fn known_properties_are_decoded_and_others_counted() {
        let properties = Properties::decode(
            TableFormat::PebbleV4,
            &block(&[
                ("obsolete-key", &[0]),
                ("rocksdb.block.based.table.index.type", &[2, 0, 0, 0]),
                ("rocksdb.comparator", b"leveldb.BytewiseComparator"),
                ("rocksdb.num.entries", &[0xe6, 0x63]),
                ("unheard.of", b"?"),
            ]),
        )
        .unwrap();
        let expected = Properties {
            comparer: "leveldb.BytewiseComparator".to_owned(),
            index_type: IndexType::TwoLevel,
            entries: 12_774,
            obsolete_collector: Some(0),
            count: 5,
            ..Properties::default()
        };
        assert_eq!(properties, expected);
    }

    #[test]
    fn attributes_follow_from_the_properties() {
        let with = |entries, range_deletions, range_key_sets, index_type| {
            Properties { index_type, entries, range_deletions, range_key_sets, ..Properties::default() }.attributes()
        };
        // What tables of real stores have: points alone, with range keys, with range deletions, with two levels.
        assert_eq!(with(3, 0, 0, IndexType::OneLevel), 128);
        assert_eq!(with(3, 0, 1, IndexType::OneLevel), 130);
        assert_eq!(with(3, 1, 0, IndexType::OneLevel), 144);
        assert_eq!(with(3, 0, 0, IndexType::TwoLevel), 160);
        assert_eq!(with(1, 1, 0, IndexType::OneLevel), 16);
    }

    #[test]
    fn an_index_type_outside_the_set_is_unknown() {
        for found in [1, 3] {
            let error =
                Properties::decode(TableFormat::PebbleV4, &block(&[("rocksdb.block.based.table.index.type", &[found, 0, 0, 0])]))
                    .unwrap_err();
            assert_eq!(error.kind, DecodeErrorKind::Unknown { what: "index type", found: u64::from(found) });
        }
        assert!(
            Properties::decode(TableFormat::PebbleV4, &block(&[("rocksdb.num.entries", &[0x80])])).unwrap_err().is_truncation()
        );
    }
}
