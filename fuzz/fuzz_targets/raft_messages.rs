//! The messages in log records and snapshot files, under the rules of either runtime.
#![no_main]

use ekv_tool::formats::raftpb::{ConfChange, ConfChangeV2, Entry, HardState, ProtoRules, Snapshot, WalSnapshot};
use ekv_tool::formats::wal::Record;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for rules in [ProtoRules::Gogo, ProtoRules::Google] {
        if let Some(entry) = Entry::decode_canonical(bytes) {
            assert_eq!(Entry::decode(bytes, rules), Ok(entry));
        }
        if let Some(state) = HardState::decode_canonical(bytes) {
            assert_eq!(HardState::decode(bytes, rules), Ok(state));
        }
        if let Some(record) = Record::decode_canonical(bytes) {
            assert_eq!(Record::decode(bytes, rules), Ok(record));
        }
        let _ = (Snapshot::decode(bytes, rules), WalSnapshot::decode(bytes, rules));
        let _ = (ConfChange::decode(bytes, rules), ConfChangeV2::decode(bytes, rules));
    }
});
