//! Differential tests against derived messages, and damage.

use proptest::collection::vec;
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::formats::protobuf::{Field, fields};
use crate::types::{LogIndex, NodeId, Term};

mod oracle;

const BOTH: [ProtoRules; 2] = [ProtoRules::Gogo, ProtoRules::Google];

fn blob() -> impl Strategy<Value = Option<Vec<u8>>> {
    proptest::option::of(vec(any::<u8>(), 0..40))
}

prop_compose! {
    fn conf_state()(voters in vec(any::<u64>(), 0..4), learners in vec(any::<u64>(), 0..4), voters_outgoing in vec(any::<u64>(), 0..3),
        learners_next in vec(any::<u64>(), 0..3), auto_leave in any::<Option<bool>>()) -> oracle::ConfState {
        oracle::ConfState { voters, learners, voters_outgoing, learners_next, auto_leave }
    }
}

fn ids(ids: &[u64]) -> Vec<NodeId> {
    ids.iter().copied().map(NodeId).collect()
}

fn expected(state: &oracle::ConfState) -> ConfState {
    ConfState {
        voters: ids(&state.voters),
        learners: ids(&state.learners),
        voters_outgoing: ids(&state.voters_outgoing),
        learners_next: ids(&state.learners_next),
        auto_leave: state.auto_leave.unwrap_or_default(),
        unknown_fields: false,
    }
}

proptest! {
    #[test]
    fn entries_agree(kind in any::<Option<i32>>(), term in any::<Option<u64>>(), index in any::<Option<u64>>(), data in blob()) {
        let bytes = oracle::Entry { kind, term, index, data: data.clone() }.encode_to_vec();
        for rules in BOTH {
            let entry = Entry::decode(&bytes, rules).unwrap();
            prop_assert_eq!(entry.kind.number(), kind.unwrap_or_default());
            prop_assert_eq!((entry.term.0, entry.index.0), (term.unwrap_or_default(), index.unwrap_or_default()));
            prop_assert_eq!(entry.data, data.as_deref().unwrap_or_default());
            if let Some(fast) = Entry::decode_canonical(&bytes) {
                prop_assert_eq!(fast, entry);
            } else {
                prop_assert!(!(0..128).contains(&kind.unwrap_or_default()), "only a type that no server writes is not canonical");
            }
        }
    }

    #[test]
    fn hard_states_agree(term in any::<Option<u64>>(), vote in any::<Option<u64>>(), commit in any::<Option<u64>>()) {
        let bytes = oracle::HardState { term, vote, commit }.encode_to_vec();
        let expected = HardState {
            term: Term(term.unwrap_or_default()), vote: NodeId(vote.unwrap_or_default()), commit: LogIndex(commit.unwrap_or_default()),
        };
        for rules in BOTH {
            prop_assert_eq!(HardState::decode(&bytes, rules), Ok(expected));
            prop_assert_eq!(HardState::decode_canonical(&bytes), Some(expected));
        }
    }

    #[test]
    fn snapshots_agree(data in blob(), state in proptest::option::of(conf_state()), index in any::<u64>(), term in any::<u64>()) {
        let metadata = oracle::SnapshotMetadata { conf_state: state.clone(), index: Some(index), term: Some(term) };
        let bytes = oracle::Snapshot { data: data.clone(), metadata: Some(metadata) }.encode_to_vec();
        let record = oracle::WalSnapshot { index: Some(index), term: Some(term), conf_state: state.clone() }.encode_to_vec();
        for rules in BOTH {
            let snapshot = Snapshot::decode(&bytes, rules).unwrap();
            prop_assert_eq!(snapshot.data, data.as_deref().unwrap_or_default());
            prop_assert_eq!((snapshot.metadata.index.0, snapshot.metadata.term.0), (index, term));
            prop_assert_eq!(&snapshot.metadata.conf_state, &state.as_ref().map(expected).unwrap_or_default());
            let record = WalSnapshot::decode(&record, rules).unwrap();
            prop_assert_eq!(record.id(), snapshot.metadata.id());
            prop_assert_eq!(record.conf_state, state.as_ref().map(expected));
        }
    }

    #[test]
    fn conf_changes_agree(id in any::<u64>(), kind in 0..6_i32, node in any::<u64>(), context in blob(), changes in vec((0..6_i32, any::<u64>()), 0..4)) {
        let v1 = oracle::ConfChange { id: Some(id), kind: Some(kind), node_id: Some(node), context: context.clone() }.encode_to_vec();
        let v2 = oracle::ConfChangeV2 {
            transition: Some(kind),
            changes: changes.iter().map(|&(kind, node)| oracle::ConfChangeSingle { kind: Some(kind), node_id: Some(node) }).collect(),
            context: context.clone(),
        }.encode_to_vec();
        for rules in BOTH {
            let read = ConfChange::decode(&v1, rules).unwrap();
            prop_assert_eq!((read.id, read.node_id, read.context), (id, NodeId(node), context.as_deref().unwrap_or_default()));
            let read = ConfChangeV2::decode(&v2, rules).unwrap();
            prop_assert_eq!(read.changes.iter().map(|change| change.node_id.0).collect::<Vec<_>>(), changes.iter().map(|change| change.1).collect::<Vec<_>>());
            prop_assert_eq!(read.context, context.as_deref().unwrap_or_default());
        }
    }

    #[test]
    fn damaged_entries_agree(kind in 0..3_i32, index in any::<u64>(), data in vec(any::<u8>(), 0..24), at in any::<usize>(), bit in 0..8_u32) {
        let mut bytes = oracle::Entry { kind: Some(kind), term: Some(7), index: Some(index), data: Some(data) }.encode_to_vec();
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        agrees_with_the_strict_reading(&bytes)?;
    }

    #[test]
    fn the_fast_paths_accept_nothing_more(bytes in vec(prop_oneof![Just(0x08_u8), Just(0x10), Just(0x18), Just(0x22), 0..4_u8, any::<u8>()], 0..16)) {
        for rules in BOTH {
            if let Some(entry) = Entry::decode_canonical(&bytes) {
                prop_assert_eq!(Entry::decode(&bytes, rules), Ok(entry));
            }
            if let Some(state) = HardState::decode_canonical(&bytes) {
                prop_assert_eq!(HardState::decode(&bytes, rules), Ok(state));
            }
        }
    }

    #[test]
    fn nothing_panics(bytes in vec(any::<u8>(), 0..64)) {
        for rules in BOTH {
            let _ = (Entry::decode(&bytes, rules), HardState::decode(&bytes, rules), Snapshot::decode(&bytes, rules));
            let _ = (WalSnapshot::decode(&bytes, rules), ConfChange::decode(&bytes, rules), ConfChangeV2::decode(&bytes, rules));
        }
    }
}

/// Whatever the strict implementation reads, both rules read alike. It refuses malformed messages, as `Google` does, and known fields of
/// another wire type, as `Gogo` does: what it refuses, one of the two refuses for the same reason.
fn agrees_with_the_strict_reading(bytes: &[u8]) -> Result<(), TestCaseError> {
    let [gogo, google] = BOTH.map(|rules| Entry::decode(bytes, rules));
    match oracle::Entry::decode(bytes) {
        Ok(strict) => {
            for ours in [gogo, google] {
                let ours = ours.unwrap();
                prop_assert_eq!((ours.term.0, ours.index.0), (strict.term.unwrap_or_default(), strict.index.unwrap_or_default()));
                prop_assert_eq!(ours.data, strict.data.as_deref().unwrap_or_default());
            }
        }
        Err(error) => {
            let other_wire_type = |field: &Field<'_>| match field.number {
                1..=3 => field.value.as_varint().is_none(),
                4 => field.value.as_bytes().is_none(),
                _ => false,
            };
            let well_formed = fields(bytes).collect::<Result<Vec<_>, _>>();
            let reason = well_formed.as_ref().map(|fields| fields.iter().any(other_wire_type));
            match reason {
                Ok(true) => {
                    prop_assert!(gogo.is_err() && google.is_ok(), "a known field of another wire type: {gogo:?} {google:?}");
                }
                Ok(false) => prop_assert!(false, "refused without a reason: {error}"),
                Err(_) => prop_assert!(google.is_err(), "malformed: {google:?}"),
            }
        }
    }
    Ok(())
}

/// A bit in the index makes the rest of it a tag with the field number 431,542,741,581: one runtime keeps the low bits and skips eight bytes,
/// the other refuses.
#[test]
fn a_field_number_above_29_bits_divides_the_runtimes() {
    let bytes = [0x08, 0, 0x10, 7, 0x18, 0x8c, 0xcc, 0x00, 0xe9, 0xa4, 0xf5, 0xfc, 0xbc, 0x64, 0x22, 6, 20, 4, 20, 0, 0, 108];
    agrees_with_the_strict_reading(&bytes).unwrap();
    assert_eq!(Entry::decode(&bytes, ProtoRules::Gogo).unwrap().index, LogIndex(9740));
    assert!(Entry::decode(&bytes, ProtoRules::Google).is_err());
}

/// Bytes that a server wrote: entry (3, term 2), hard state {2, 1, 100}, snapshot record (100, term 2, voter 1).
#[test]
fn golden_bytes_of_both_servers() {
    for rules in BOTH {
        let entry = Entry::decode(&[0x08, 0, 0x10, 2, 0x18, 3, 0x22, 1, 1], rules).unwrap();
        assert_eq!(entry, Entry { kind: EntryType::Normal, term: Term(2), index: LogIndex(3), data: &[1] });
        // Server main leaves defaults out.
        let entry = Entry::decode(&[0x10, 1, 0x18, 1, 0x22, 2, 0x68, 0x69], rules).unwrap();
        assert_eq!(entry, Entry { kind: EntryType::Normal, term: Term(1), index: LogIndex(1), data: b"hi" });
        let state = HardState::decode(&[0x08, 2, 0x10, 1, 0x18, 0x64], rules).unwrap();
        assert_eq!(state, HardState { term: Term(2), vote: NodeId(1), commit: LogIndex(100) });
        let snapshot = WalSnapshot::decode(&[0x08, 0x64, 0x10, 2, 0x1a, 4, 0x08, 1, 0x28, 0], rules).unwrap();
        assert_eq!(snapshot.conf_state.unwrap().voters, [NodeId(1)]);
        let first = WalSnapshot::decode(&[0x08, 0, 0x10, 0], rules).unwrap();
        assert_eq!(first.conf_state, None, "absent members are unknown, not none");
    }
}

#[test]
fn a_known_field_of_the_wrong_wire_type_divides_the_runtimes() {
    let bytes = [0x0a, 0x02, 0x10, 0x63, 0x10, 0x05];
    let error = Entry::decode(&bytes, ProtoRules::Gogo).unwrap_err();
    assert_eq!(error.at, 0);
    assert_eq!(ProtoRules::Gogo.error_text(&error), "proto: wrong wireType = 2 for field Type");
    assert_eq!(Entry::decode(&bytes, ProtoRules::Google).unwrap().term, Term(5));
}

#[test]
fn repeated_sub_messages_are_merged() {
    let bytes = [0x1a, 2, 0x08, 1, 0x1a, 2, 0x08, 2];
    for rules in BOTH {
        let snapshot = WalSnapshot::decode(&bytes, rules).unwrap();
        assert_eq!(snapshot.conf_state.unwrap().voters, [NodeId(1), NodeId(2)]);
    }
}

#[test]
fn every_prefix_of_an_entry_is_whole_fields_or_refused() {
    let bytes = oracle::Entry { kind: Some(1), term: Some(300), index: Some(70_000), data: Some(vec![9; 20]) }.encode_to_vec();
    let boundaries = [0, 2, 5, 9, bytes.len()];
    for rules in BOTH {
        for cut in 0..=bytes.len() {
            assert_eq!(Entry::decode(&bytes[..cut], rules).is_ok(), boundaries.contains(&cut), "{cut}");
        }
    }
}
