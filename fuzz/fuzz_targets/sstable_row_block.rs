//! Any uncompressed block is walked to its end or refused, from any restart point, as each kind of block.
#![no_main]

use ekv_tool::formats::pebble::sstable::{
    DataEntry, IndexEntry, Metaindex, Properties, RangeDel, RangeKey, RestartCheck, RowBlock, TableFormat,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Metaindex::decode(TableFormat::PebbleV4, bytes);
    let _ = Properties::decode(TableFormat::PebbleV4, bytes);
    let Ok(block) = RowBlock::decode(bytes) else { return };
    let restarts = block.restarts();
    let mut entries = block.into_entries();
    let mut check = RestartCheck::default();
    while let Ok(true) = entries.next() {
        let _ = check.entry(&entries);
        let (key, value) = (entries.key(), entries.value());
        let _ = DataEntry::decode(TableFormat::PebbleV4, key, value);
        let _ = RangeDel::decode(key, value);
        let _ = RangeKey::decode(key, value);
        if let Ok(entry) = IndexEntry::decode(key, value) {
            let _ = entry.all_obsolete(Some(0));
        }
    }
    let _ = check.end(entries.block());
    for restart in 0..restarts.min(8) {
        let mut seen = 0;
        let _ = entries.seek_restart(|_| {
            seen += 1;
            seen <= restart
        });
        let _ = entries.next();
    }
});
