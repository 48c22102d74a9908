//! The block that names the blocks beside data and index.

use super::footer::TableFormat;
use super::handle::BlockHandle;
use super::row_block::RowBlock;
use super::value_block::ValueIndexHandle;
use crate::formats::pebble::columnar::ColumnarPairs;
use crate::formats::{Cursor, DecodeError, DecodeResult};

/// Names in a row metaindex. Keys are plain strings.
const PROPERTIES: &[u8] = b"rocksdb.properties";
const RANGE_DEL: &[u8] = b"rocksdb.range_del2";
const RANGE_DEL_V1: &[u8] = b"rocksdb.range_del";
const RANGE_KEY: &[u8] = b"pebble.range_key";
const VALUE_INDEX: &[u8] = b"pebble.value_index";
const BLOB_REFERENCES: &[u8] = b"pebble.blob_ref_index";
const FILTER_PREFIX: &[u8] = b"fullfilter.";

/// What a table has beside data and index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metaindex {
    /// The properties; every table has them.
    pub properties: Option<BlockHandle>,
    /// Range deletions.
    pub range_del: Option<BlockHandle>,
    /// Range deletions in a form that no supported store writes.
    pub range_del_v1: Option<BlockHandle>,
    /// Range keys.
    pub range_key: Option<BlockHandle>,
    /// The index of value blocks.
    pub value_index: Option<ValueIndexHandle>,
    /// Which values of blob files the table refers to: statistics that no reader needs.
    pub blob_references: Option<BlockHandle>,
    /// Filters, by policy.
    pub filters: Vec<(Vec<u8>, BlockHandle)>,
    /// Names that are not known, with their values.
    pub unknown: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Metaindex {
    /// Decodes the uncompressed metaindex block of a table of `format`.
    pub fn decode(format: TableFormat, block: &[u8]) -> DecodeResult<Self> {
        let mut metaindex = Self::default();
        let mut last: Option<Vec<u8>> = None;
        if format.has_columnar_metaindex() {
            for (key, value, at) in ColumnarPairs::decode(block)?.iter() {
                metaindex.entry(&mut last, key, value).map_err(|error| error.shifted(at))?;
            }
            return Ok(metaindex);
        }
        let mut entries = RowBlock::decode(block)?.into_entries();
        while entries.next()? {
            let at = entries.entry_at() as u64;
            metaindex.entry(&mut last, entries.key(), entries.value()).map_err(|error| error.shifted(at))?;
        }
        Ok(metaindex)
    }

    fn entry(&mut self, last: &mut Option<Vec<u8>>, key: &[u8], value: &[u8]) -> DecodeResult<()> {
        if last.as_deref().is_some_and(|last| last >= key) {
            return Err(DecodeError::invalid(0, "metaindex", "names out of order"));
        }
        *last = Some(key.to_vec());
        let mut cursor = Cursor::new(value);
        match key {
            PROPERTIES => self.properties = Some(whole(BlockHandle::decode(&mut cursor)?, &cursor)?),
            RANGE_DEL => self.range_del = Some(whole(BlockHandle::decode(&mut cursor)?, &cursor)?),
            RANGE_DEL_V1 => self.range_del_v1 = Some(whole(BlockHandle::decode(&mut cursor)?, &cursor)?),
            RANGE_KEY => self.range_key = Some(whole(BlockHandle::decode(&mut cursor)?, &cursor)?),
            BLOB_REFERENCES => self.blob_references = Some(whole(BlockHandle::decode(&mut cursor)?, &cursor)?),
            VALUE_INDEX => self.value_index = Some(whole(ValueIndexHandle::decode(&mut cursor)?, &cursor)?),
            _ => match key.strip_prefix(FILTER_PREFIX) {
                Some(policy) => self.filters.push((policy.to_vec(), whole(BlockHandle::decode(&mut cursor)?, &cursor)?)),
                None => self.unknown.push((key.to_vec(), value.to_vec())),
            },
        }
        Ok(())
    }
}

/// A handle must fill its value.
fn whole<T>(decoded: T, cursor: &Cursor<'_>) -> DecodeResult<T> {
    if cursor.is_empty() {
        Ok(decoded)
    } else {
        Err(DecodeError::invalid(cursor.offset(), "metaindex", format!("{} bytes behind a handle", cursor.remaining())))
    }
}

#[cfg(test)]
mod tests {
    use super::super::row_block::build;
    use super::*;

    const ROWS: TableFormat = TableFormat::PebbleV4;

    fn entries(list: &[(&[u8], &[u8])]) -> Vec<u8> {
        build::block(&list.iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect::<Vec<_>>(), 1)
    }

    #[test]
    fn the_worked_metaindex() {
        let mut block = b"\x00\x12\x03rocksdb.properties\x6f\xe1\x03".to_vec();
        block.extend([0, 0, 0, 0, 1, 0, 0, 0]);
        assert_eq!(block.len(), 32);
        let metaindex = Metaindex::decode(ROWS, &block).unwrap();
        assert_eq!(metaindex.properties, Some(BlockHandle { offset: 111, length: 481 }));
        assert_eq!(metaindex, Metaindex { properties: metaindex.properties, ..Metaindex::default() });
    }

    #[test]
    fn every_name() {
        let block = entries(&[
            (b"fullfilter.rocksdb.BuiltinBloomFilter", &[1, 2]),
            (b"pebble.blob_ref_index", &[1, 3]),
            (b"pebble.range_key", &[3, 4]),
            (b"pebble.value_index", &[5, 6, 1, 2, 1]),
            (b"rocksdb.properties", &[7, 8]),
            (b"rocksdb.range_del", &[9, 10]),
            (b"rocksdb.range_del2", &[11, 12]),
            (b"something.else", b"x"),
        ]);
        let metaindex = Metaindex::decode(ROWS, &block).unwrap();
        let at = |offset, length| Some(BlockHandle { offset, length });
        assert_eq!(metaindex.blob_references, at(1, 3));
        assert_eq!(metaindex.range_key, at(3, 4));
        assert_eq!(metaindex.value_index.map(|index| index.handle), at(5, 6));
        assert_eq!(metaindex.properties, at(7, 8));
        assert_eq!(metaindex.range_del_v1, at(9, 10));
        assert_eq!(metaindex.range_del, at(11, 12));
        assert_eq!(metaindex.filters, [(b"rocksdb.BuiltinBloomFilter".to_vec(), at(1, 2).unwrap())]);
        assert_eq!(metaindex.unknown, [(b"something.else".to_vec(), b"x".to_vec())]);
    }

    #[test]
    fn a_handle_fills_its_value_and_names_ascend() {
        assert!(Metaindex::decode(ROWS, &entries(&[(b"rocksdb.properties", &[7, 8, 9])])).is_err());
        assert!(Metaindex::decode(ROWS, &entries(&[(b"rocksdb.properties", &[7])])).unwrap_err().is_truncation());
        assert!(Metaindex::decode(ROWS, &entries(&[(b"b", b""), (b"a", b"")])).is_err());
    }
}
