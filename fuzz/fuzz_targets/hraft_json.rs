//! JSON of hashicorp/raft: `meta.json` and `peers.json`.
#![no_main]

use ekv_tool::formats::hraft::{decode_peers_json, decode_snapshot_meta};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = decode_snapshot_meta(bytes) {
        assert!(error.at <= bytes.len() as u64 && !error.text.is_empty());
    }
    if let Ok(file) = decode_peers_json(bytes) {
        assert!(file.configuration.voters() > 0);
    }
});
