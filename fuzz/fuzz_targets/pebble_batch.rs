//! Any bytes decode as a write batch or are refused.
#![no_main]

use ekv_tool::formats::pebble::Batch;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(batch) = Batch::decode(bytes) else { return };
    let entries = batch.entries().take_while(Result::is_ok).count();
    assert!(entries <= bytes.len());
});
