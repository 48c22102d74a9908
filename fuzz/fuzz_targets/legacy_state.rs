//! State files from before the log, under the rules of either protobuf runtime.
#![no_main]

use ekv_tool::formats::legacy::{decode_entries, decode_metadata, decode_state};
use ekv_tool::formats::raftpb::ProtoRules;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for rules in [ProtoRules::Gogo, ProtoRules::Google] {
        let _ = (decode_state(bytes, rules), decode_metadata(bytes, rules), decode_entries(bytes, rules));
    }
});
