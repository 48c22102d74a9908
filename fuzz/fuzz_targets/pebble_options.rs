//! Any bytes parse as an OPTIONS file or are refused, and any name is understood.
#![no_main]

use ekv_tool::formats::pebble::{StoreFileName, StoreOptions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = StoreOptions::parse(bytes);
    let _ = StoreFileName::parse(&String::from_utf8_lossy(bytes));
});
