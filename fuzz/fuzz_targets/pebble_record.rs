//! Any bytes are read as a log and as a MANIFEST to one of the three ends, and each record as what it would hold.
#![no_main]

use ekv_tool::formats::pebble::{Batch, FileNum, Records, Version, VersionEdit};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut log = Records::of_log(bytes, FileNum(2));
    for record in log.by_ref() {
        assert!(record.offset < record.end && record.end <= bytes.len() as u64);
        if let Ok(batch) = Batch::decode(&record.payload) {
            for entry in batch.entries().flatten() {
                let _ = entry.table_number();
            }
        }
    }
    assert!(log.end().is_some_and(|end| end.at() <= bytes.len() as u64));
    let _ = (log.intact_chunk_behind_end(), log.false_trailer(), log.skipped_chunks());

    let mut manifest = Records::of_manifest(bytes);
    let mut version = Version::default();
    for record in manifest.by_ref() {
        if let Ok(edit) = VersionEdit::decode(&record.payload) {
            let _ = version.apply(&edit);
        }
    }
    let _ = (version.inconsistencies(), version.level_0_newest_first(), version.is_malformed());
});
