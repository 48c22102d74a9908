//! Stores that do not have a version which another store or a payload holds: whether they may lack it. The rules are those of `store diff`.

use std::collections::BTreeMap;

use super::{EntryFact, EntryState, NodeState, Place, RowId, StoreState, Version};
use crate::analysis::judge::divergence::{BEFORE_ALL, FIRST_CATALOG};
use crate::formats::kv::{CATALOG_PREFIX, KeySpace, LOCAL_CHUNKS};
use crate::types::{HlcTimestamp, LogIndex};

/// A version as far as it matters who holds it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held<'a> {
    pub(super) row: &'a RowId,
    pub(super) version: &'a Version,
    /// The state of each of its entries.
    pub(super) states: &'a [EntryState],
    /// When the next version of the row was committed that a store or payload holds.
    pub(super) replaced_at: Option<HlcTimestamp>,
}

/// Of each version when the next one of its row was committed that a store or payload holds.
pub(super) fn replaced_at(versions: &BTreeMap<RowId, Version>) -> Vec<Option<HlcTimestamp>> {
    let mut next: Option<&RowId> = None;
    let mut replaced = Vec::with_capacity(versions.len());
    for (row, version) in versions.iter().rev() {
        replaced.push(next.filter(|next| (next.group, &next.key) == (row.group, &row.key)).map(|next| next.ts));
        if version.places.iter().any(|place| place.entry.is_none()) {
            next = Some(row);
        }
    }
    replaced.reverse();
    replaced
}

/// What it means that a store lacks a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lacking {
    /// It may: it has not come there, or it has removed the version.
    Allowed,
    /// What it has applied is not known, or not what was written in between.
    Unknown(WhyUnknown),
    /// It has applied what wrote the version, which `holder` has: a position among the places.
    Wrong {
        /// The place that holds it.
        holder: usize,
    },
}

impl Lacking {
    const fn rank(self) -> u8 {
        match self {
            Self::Allowed => 0,
            Self::Unknown(_) => 1,
            Self::Wrong { .. } => 2,
        }
    }
}

/// Why it is not known whether a store may lack a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhyUnknown {
    /// A store or payload does not say what it has applied.
    Applied,
    /// No log has all entries from the one behind the first of these to the second.
    Entries(LogIndex, LogIndex),
    /// There are more places than are kept.
    Places(u64),
}

impl Held<'_> {
    /// Of each store of the group that lacks the version, by the position of its node, what that means. Nothing is said of stores that were
    /// not read whole.
    pub(super) fn lacking(self, nodes: &[NodeState]) -> Vec<(usize, Lacking)> {
        if self.is_chunk_of_its_own() {
            return Vec::new();
        }
        let has_it = |number: usize| self.places().any(|(_, place)| place.node == number && place.origin.is_store());
        let of_group = nodes.iter().enumerate().filter(|(_, node)| node.group == self.row.group);
        let stores = of_group.filter_map(|(number, node)| Some((number, node.store.filter(|store| store.whole)?)));
        let gravest = |one: Lacking, other: Lacking| if other.rank() > one.rank() { other } else { one };
        let more = self.version.more_places;
        let lacking = stores.filter(|(number, _)| !has_it(*number)).filter_map(|(number, store)| {
            if more > 0 {
                return Some((number, Lacking::Unknown(WhyUnknown::Places(more))));
            }
            let judged = self.places().map(|place| self.judge(&store, place, nodes)).reduce(gravest);
            judged.map(|judged| (number, judged))
        });
        lacking.collect()
    }

    /// True of what each node may have of its own: chunks that it stores outside of the log, and the catalog.
    pub(super) fn is_of_its_own(self) -> bool {
        self.is_chunk_of_its_own() || self.row.key.starts_with(CATALOG_PREFIX)
    }

    fn is_chunk_of_its_own(self) -> bool {
        KeySpace::of_user_key(&self.row.key).label() == LOCAL_CHUNKS
    }

    /// True when a store lacks it that must not.
    pub(super) fn is_missed(self, nodes: &[NodeState]) -> bool {
        self.lacking(nodes).into_iter().any(|(_, lacking)| matches!(lacking, Lacking::Wrong { .. }))
    }

    /// Where a store or payload holds it.
    fn places(&self) -> impl Iterator<Item = (usize, &Place)> {
        self.version.places.iter().enumerate().filter(|(_, place)| place.entry.is_none())
    }

    /// What it means that `store` lacks what stands at this place.
    fn judge(&self, store: &StoreState, (at, place): (usize, &Place), nodes: &[NodeState]) -> Lacking {
        let holds = if place.origin.is_store() {
            nodes.get(place.node).and_then(|node| node.store).and_then(|store| store.applied)
        } else {
            place.as_of
        };
        let (Some(has), Some(lacks)) = (holds, store.applied) else { return Lacking::Unknown(WhyUnknown::Applied) };
        let writer = self.writer().map(|entry| entry.index);
        if writer.is_some_and(|writer| writer > lacks) || store.may_have_removed(self.replaced_at) {
            return Lacking::Allowed;
        }
        if writer.is_some() {
            return Lacking::Wrong { holder: at };
        }
        let logs = || nodes.iter().filter(|node| node.group == self.row.group).filter_map(|node| node.log.as_ref());
        let no_entry_writes_it = |from| logs().any(|log| log.has_all_between(from, has));
        // A node that begins writes its catalog before anything else, and for itself.
        if self.row.key.starts_with(CATALOG_PREFIX) {
            let is_its_own = self.row.ts == FIRST_CATALOG || no_entry_writes_it(BEFORE_ALL);
            return if is_its_own { Lacking::Allowed } else { Lacking::Unknown(WhyUnknown::Entries(BEFORE_ALL, has)) };
        }
        if has <= lacks || no_entry_writes_it(lacks) {
            return Lacking::Wrong { holder: at };
        }
        if store.last_commit.is_some_and(|newest| self.row.ts > newest) {
            return Lacking::Allowed;
        }
        Lacking::Unknown(WhyUnknown::Entries(lacks, has))
    }

    /// The first entry that writes it, of those that are committed and not turned down.
    pub(super) fn writer(&self) -> Option<&EntryFact> {
        let entries = self.version.entries.iter().zip(self.states);
        let counting = entries.filter(|(entry, state)| **state == EntryState::Committed && entry.refusal.is_none());
        counting.map(|(entry, _)| entry).min_by_key(|entry| entry.index)
    }
}

impl WhyUnknown {
    /// In words.
    pub(super) fn words(self) -> String {
        match self {
            Self::Places(more) => format!("it lies in {more} places more than are looked at"),
            Self::Applied => "a store or payload does not say what it has applied".to_owned(),
            Self::Entries(lacks, has) => {
                format!("no log has all entries between {lacks} and {has}, which stores or payloads have applied")
            }
        }
    }
}
