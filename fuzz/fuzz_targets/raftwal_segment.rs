//! A segment of raft-wal in each of its roles, its entries, and the list of segments.
#![no_main]

use ekv_tool::analysis::hraft::findings::raftwal::judge_segment;
use ekv_tool::formats::raftwal::{SegmentInfo, decode_binary_entry, decode_wal_state, read_frame};
use ekv_tool::readers::hraft::wal::{SegmentRole, read_segment};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = decode_wal_state(bytes);
    let _ = decode_binary_entry(bytes);
    let info = SegmentInfo { id: 1, base: 1, min: 1, max: 3, codec: 1, index_start: 64, ..SegmentInfo::default() };
    for role in [SegmentRole::Alone, SegmentRole::Tail(info), SegmentRole::Sealed(info)] {
        let Ok(facts) = read_segment(bytes, role) else { return };
        let mut found = Vec::new();
        judge_segment("fuzzed", "00000000000000000001-0000000000000001.wal", &facts, &mut found);
        assert!(found.iter().all(|finding| finding.offset.is_none_or(|at| at <= bytes.len() as u64 + 8)));
        assert!(facts.offsets.len() as u64 * 8 <= facts.size && facts.committed <= facts.size);
        assert_eq!(facts.tail.entries + facts.tail.dropped, facts.offsets.len() as u64);
        for at in &facts.offsets {
            let _ = read_frame(bytes, u64::from(*at)).map(|frame| decode_binary_entry(frame.content));
        }
    }
});
