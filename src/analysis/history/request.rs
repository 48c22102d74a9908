//! Requests of which a store holds some rows and not others. The state machine applies a request as a whole or turns it down as a whole:
//! a row that is missing among others of its request was lost.

use std::collections::{BTreeMap, HashSet};

use super::{EntryFact, NodeState, Operation, RowId, Version};
use crate::formats::kv::RequestClass;
use crate::types::{HlcTimestamp, LogIndex, Term};

/// A request: its entry, and the time by which the request goes, since an entry may have several.
type Request = (LogIndex, Term, HlcTimestamp);

/// The requests of which stores hold rows, by the position of the node.
#[derive(Debug, Default)]
pub(super) struct HeldRequests(HashSet<(usize, Request)>);

/// A store that holds other rows of the request that writes a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartOfRequest {
    /// Position of the node.
    pub node: usize,
    /// False for the second phase of a transaction: it passes over keys whose locks are gone.
    pub is_certain: bool,
}

fn request_of(entry: &EntryFact) -> Request {
    (entry.index, entry.term, entry.request_ts)
}

impl HeldRequests {
    pub(super) fn of(versions: &BTreeMap<RowId, Version>) -> Self {
        let mut held = HashSet::new();
        for version in versions.values() {
            for place in version.places.iter().filter(|place| place.origin.is_store()) {
                // A deletion by prefix touches what it finds, each by itself.
                let whole = version.entries.iter().filter(|entry| entry.operation != Operation::DeletePrefix);
                held.extend(whole.map(|entry| (place.node, request_of(entry))));
            }
        }
        Self(held)
    }

    /// The first store that holds other rows of the request of `entry`, has come there, and cannot have removed the version: `replaced_at`
    /// says when the next one of the row was committed.
    pub(super) fn of_which_a_part(
        &self,
        entry: &EntryFact,
        group: usize,
        replaced_at: Option<HlcTimestamp>,
        nodes: &[NodeState],
    ) -> Option<PartOfRequest> {
        if entry.operation == Operation::DeletePrefix {
            return None;
        }
        let lacks = |(number, node): &(usize, &NodeState)| {
            node.group == group
                && node.store.is_some_and(|store| {
                    store.whole && store.applied >= Some(entry.index) && !store.may_have_removed(replaced_at)
                })
                && self.0.contains(&(*number, request_of(entry)))
        };
        let (node, _) = nodes.iter().enumerate().find(lacks)?;
        Some(PartOfRequest { node, is_certain: entry.phase != RequestClass::Commit })
    }
}
