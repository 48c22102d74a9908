//! Any uncompressed block is walked to its end or refused as each kind of columnar block, and lookups find what walks pass.
#![no_main]

use ekv_tool::formats::pebble::columnar::{ColumnarData, ColumnarIndex, ColumnarPairs, ColumnarSpans};
use ekv_tool::formats::pebble::sstable::{Metaindex, Properties, TableFormat};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Metaindex::decode(TableFormat::PebbleV6, bytes);
    let _ = Properties::decode(TableFormat::PebbleV7, bytes);
    if let Ok(pairs) = ColumnarPairs::decode(bytes) {
        assert!(pairs.iter().count() <= bytes.len());
    }
    if let Ok(spans) = ColumnarSpans::decode(bytes) {
        let mut rows = 0;
        for row in spans.iter() {
            let _ = (row.range_del(), row.range_key());
            rows += 1;
        }
        assert!(rows <= bytes.len());
    }
    if let Ok(index) = ColumnarIndex::decode(bytes) {
        for row in 0..index.rows() {
            let entry = index.entry(row);
            let _ = entry.all_obsolete(Some(0));
            let _ = index.seek(entry.separator.user_key);
        }
    }
    let Ok(block) = ColumnarData::decode(bytes) else { return };
    let count = block.rows();
    let mut whole = Vec::new();
    let mut keys: Vec<Vec<u8>> = Vec::new();
    let mut rows = block.clone().into_rows();
    while rows.next() {
        // A key that is rebuilt from the one before is the key that is put together by itself.
        block.write_key(keys.len(), &mut whole);
        assert_eq!(whole, rows.user_key());
        let _ = (rows.check(keys.last().map(Vec::as_slice)), rows.entry(), rows.entry_at());
        keys.push(whole.clone());
    }
    assert_eq!(keys.len(), count);
    if keys.is_sorted() {
        for key in keys.iter().step_by(keys.len() / 8 + 1) {
            rows.seek(key);
            assert!(rows.next());
            assert_eq!(rows.user_key(), key);
        }
    }
});
