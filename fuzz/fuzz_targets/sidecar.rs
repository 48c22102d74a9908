//! A key sidecar.
#![no_main]

use ekv_tool::formats::sidecar::Sidecar;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match Sidecar::parse(bytes) {
        Ok(sidecar) => assert!((1..=2).contains(&sidecar.version)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
