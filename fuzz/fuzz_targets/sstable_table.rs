//! Any bytes are a table or are refused; a table is looked up, walked and surveyed without a panic or a hang.
#![no_main]

use ekv_tool::io::NoProgress;
use ekv_tool::readers::pebble_table::{Table, TableIter, TableView};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(table) = Table::from_bytes(bytes.to_vec()) else { return };
    let view = TableView::default();
    let _ = table.versions(&view, b"_meta_applied_index");
    let _ = table.range_dels(&view);
    let _ = table.range_keys(&view);
    let _ = table.survey(&NoProgress);
    let _ = table.scan_rows(&view, None, &NoProgress);
    let mut iter = TableIter::new(&table, view, 0);
    while let Ok(true) = iter.next() {
        let _ = iter.value();
    }
});
