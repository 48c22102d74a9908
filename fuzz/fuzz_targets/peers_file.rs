//! A peers file: both servers, and what they make of the members.
#![no_main]

use ekv_tool::analysis::server::peers::{LocalNode, accept, decode_refusal};
use ekv_tool::formats::peers::PeersFile;
use ekv_tool::types::ServerVersion;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let local = LocalNode { raft_id: "n1", address: None };
    for engine in ServerVersion::ALL {
        match PeersFile::decode(bytes, engine) {
            Ok(file) => drop(accept(&local, Some(&file))),
            Err(error) => assert!(error.at <= bytes.len() as u64 && !decode_refusal(&error).text.is_empty()),
        }
    }
});
