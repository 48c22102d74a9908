//! The data of a log entry: classified, walked, and its effect on either server.
#![no_main]

use ekv_tool::analysis::server::apply::{Sealing, entry_effect};
use ekv_tool::analysis::server::membership::Membership;
use ekv_tool::formats::kv::{ConfContext, KeySpaceCounts, TxnMeta, classify};
use ekv_tool::formats::raftpb::{ConfState, EntryType};
use ekv_tool::types::{ServerVersion, LogIndex, NodeId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let kind = match input.0 % 4 {
        0 => EntryType::Normal,
        1 => EntryType::ConfChange,
        2 => EntryType::ConfChangeV2,
        _ => EntryType::Other(i32::from(input.0)),
    };
    let view = classify(kind, input.1);
    let mut counts = KeySpaceCounts::default();
    view.count_keys(&mut counts);
    assert!(counts.total() <= u64::from(view.mutations));
    assert!(view.requests().filter(Result::is_ok).count() >= view.requests as usize);
    let voters = ConfState { voters: vec![NodeId(1), NodeId(2)], ..ConfState::default() };
    for engine in ServerVersion::ALL {
        let mut membership = Membership::restore(NodeId(1), &voters, &[]).unwrap();
        for sealing in [Sealing::Clear, Sealing::Sealed, Sealing::Unknown] {
            let _ = entry_effect(engine, LogIndex(7), &view, sealing, Some(&mut membership));
        }
    }
    let _ = (ConfContext::decode(input.1), TxnMeta::decode(input.1));
});
