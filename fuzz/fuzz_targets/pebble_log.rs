//! Chunks with right sums around any payloads: batches of a log and edits of a MANIFEST, behind the checksums.
#![no_main]

use ekv_tool::formats::pebble::{Batch, FileNum, Records, Version, VersionEdit};
use ekv_tool_fuzz::support::seal::records;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (bool, Vec<&[u8]>)| {
    let mut bytes = Vec::new();
    for payload in &input.1 {
        if payload.len() > 4096 || bytes.len() + payload.len() + 11 > 32 << 10 {
            return;
        }
        bytes.extend([0; 4]);
        bytes.extend(u16::try_from(payload.len()).unwrap().to_le_bytes());
        bytes.push(if input.0 { 1 } else { 5 });
        if !input.0 {
            bytes.extend(7_u32.to_le_bytes());
        }
        bytes.extend_from_slice(payload);
    }
    records(&mut bytes);
    let mut read = if input.0 { Records::of_manifest(&bytes) } else { Records::of_log(&bytes, FileNum(7)) };
    let mut found = 0;
    let mut version = Version::default();
    for record in read.by_ref() {
        found += 1;
        if input.0 {
            if let Ok(edit) = VersionEdit::decode(&record.payload) {
                let _ = version.apply(&edit);
            }
        } else if let Ok(batch) = Batch::decode(&record.payload) {
            let _ = batch.entries().flatten().filter_map(|entry| entry.table_number().ok()).count();
        }
    }
    if !input.1.iter().any(|payload| payload.is_empty()) {
        assert_eq!(found, input.1.len(), "every sealed chunk is a record");
    }
    let _ = (read.end(), read.intact_chunk_behind_end(), version.inconsistencies(), version.level_0_newest_first());
});
