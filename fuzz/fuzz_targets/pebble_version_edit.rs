//! Any bytes decode as a version edit or are refused; what decodes can be folded.
#![no_main]

use ekv_tool::formats::pebble::{Version, VersionEdit};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(edit) = VersionEdit::decode(bytes) else { return };
    let mut version = Version::default();
    let _ = version.apply(&edit);
    let _ = version.apply(&edit);
    let _ = version.inconsistencies();
    for table in version.tables() {
        let _ = (table.file(), table.seq_override(), version.file_size(table), table.bounds.admit(bytes));
    }
});
