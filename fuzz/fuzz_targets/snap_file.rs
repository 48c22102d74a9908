//! A `.snap` file: both servers' rules, and what its data is taken for.
#![no_main]

use ekv_tool::formats::raftpb::ProtoRules;
use ekv_tool::formats::snap::{self, SnapName, SnapshotData};
use ekv_tool::types::ServerVersion;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for rules in [ProtoRules::Gogo, ProtoRules::Google] {
        if let Ok(snapshot) = snap::decode(bytes, rules) {
            let _ = SnapshotData::of(snapshot.data);
        }
    }
    // The checksum keeps random bytes out; the rest is reached without it.
    let _ = SnapshotData::of(bytes);
    if let Ok(name) = std::str::from_utf8(bytes) {
        let parsed = SnapName::parse(name);
        for engine in ServerVersion::ALL {
            let live = SnapName::live_index(name, engine);
            assert!(live.is_none() || engine == ServerVersion::Pr934 || parsed.is_some());
        }
    }
});
