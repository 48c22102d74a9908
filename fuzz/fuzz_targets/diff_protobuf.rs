//! Raft messages: what a derived, strict decoder reads is read alike under the rules of either server.
#![no_main]

#[path = "../../src/formats/raftpb/tests/oracle.rs"]
mod oracle;

use ekv_tool::formats::raftpb::{ConfChange, ConfChangeV2, ConfState, Entry, HardState, ProtoRules, Snapshot, WalSnapshot};
use ekv_tool::types::NodeId;
use libfuzzer_sys::fuzz_target;
use prost::Message;

fn ids(ids: &[u64]) -> Vec<NodeId> {
    ids.iter().copied().map(NodeId).collect()
}

fn members(state: &oracle::ConfState) -> ConfState {
    ConfState {
        voters: ids(&state.voters),
        learners: ids(&state.learners),
        voters_outgoing: ids(&state.voters_outgoing),
        learners_next: ids(&state.learners_next),
        auto_leave: state.auto_leave.unwrap_or_default(),
        unknown_fields: false,
    }
}

/// Without the remark that there was more, which the derived decoder does not make.
fn known(state: &ConfState) -> ConfState {
    ConfState { unknown_fields: false, ..state.clone() }
}

fuzz_target!(|bytes: &[u8]| {
    for rules in [ProtoRules::Gogo, ProtoRules::Google] {
        if let Ok(derived) = oracle::Entry::decode(bytes) {
            let entry = Entry::decode(bytes, rules).unwrap();
            assert_eq!(entry.kind.number(), derived.kind.unwrap_or_default());
            assert_eq!((entry.term.0, entry.index.0), (derived.term.unwrap_or_default(), derived.index.unwrap_or_default()));
            assert_eq!(entry.data, derived.data.as_deref().unwrap_or_default());
        }
        if let Ok(derived) = oracle::HardState::decode(bytes) {
            let state = HardState::decode(bytes, rules).unwrap();
            assert_eq!((state.term.0, state.vote.0), (derived.term.unwrap_or_default(), derived.vote.unwrap_or_default()));
            assert_eq!(state.commit.0, derived.commit.unwrap_or_default());
        }
        if let Ok(derived) = oracle::Snapshot::decode(bytes) {
            let snapshot = Snapshot::decode(bytes, rules).unwrap();
            assert_eq!(snapshot.data, derived.data.as_deref().unwrap_or_default());
            let metadata = derived.metadata.unwrap_or_default();
            assert_eq!(known(&snapshot.metadata.conf_state), metadata.conf_state.as_ref().map(members).unwrap_or_default());
            assert_eq!(snapshot.metadata.index.0, metadata.index.unwrap_or_default());
            assert_eq!(snapshot.metadata.term.0, metadata.term.unwrap_or_default());
        }
        if let Ok(derived) = oracle::WalSnapshot::decode(bytes) {
            let record = WalSnapshot::decode(bytes, rules).unwrap();
            assert_eq!(record.conf_state.as_ref().map(known), derived.conf_state.as_ref().map(members));
            assert_eq!((record.index.0, record.term.0), (derived.index.unwrap_or_default(), derived.term.unwrap_or_default()));
        }
        if let Ok(derived) = oracle::ConfChange::decode(bytes) {
            let change = ConfChange::decode(bytes, rules).unwrap();
            assert_eq!((change.id, change.node_id.0), (derived.id.unwrap_or_default(), derived.node_id.unwrap_or_default()));
            assert_eq!(change.context, derived.context.as_deref().unwrap_or_default());
        }
        if let Ok(derived) = oracle::ConfChangeV2::decode(bytes) {
            let change = ConfChangeV2::decode(bytes, rules).unwrap();
            let nodes: Vec<_> = derived.changes.iter().map(|change| NodeId(change.node_id.unwrap_or_default())).collect();
            assert_eq!(change.changes.iter().map(|change| change.node_id).collect::<Vec<_>>(), nodes);
            assert_eq!(change.context, derived.context.as_deref().unwrap_or_default());
        }
    }
});
