//! MessagePack of hashicorp/raft: an entry, a configuration, a list of peers.
#![no_main]

use ekv_tool::formats::hraft::{decode_configuration, decode_entry, decode_peers};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let len = bytes.len() as u64;
    match decode_entry(bytes) {
        Ok(entry) => assert!(entry.trailing <= len && entry.data_at <= len),
        Err(error) => assert!(error.offset() <= len && !error.to_string().is_empty()),
    }
    for decoded in [decode_configuration(bytes), decode_peers(bytes)] {
        match decoded {
            Ok((configuration, _)) => assert!(configuration.voters() <= configuration.servers.len()),
            Err(error) => assert!(error.offset() <= len && !error.to_string().is_empty()),
        }
    }
});
