//! What nodes hold and know, as far as the fate of versions depends on it.

use serde::Serialize;

use crate::readers::wal::EntryRanges;
use crate::types::{HlcTimestamp, LogIndex};

/// One node's copy of a group, as far as the fate of versions depends on it.
#[derive(Debug, Clone, Default)]
pub struct NodeState {
    /// Position of the group.
    pub group: usize,
    /// Its log, if there is one.
    pub log: Option<LogState>,
    /// Its store, if there is one that could be read.
    pub store: Option<StoreState>,
}

/// What a node's log holds and knows.
#[derive(Debug, Clone, Default)]
pub struct LogState {
    /// The entries that a start reads.
    pub entries: EntryRanges,
    /// What is committed, by its last hard state and its snapshots.
    pub commit: LogIndex,
    /// What was committed by hard states to which no start gets.
    pub commit_aside: LogIndex,
    /// Every segment was read to its end.
    pub whole: bool,
    /// Sealed entries that were not opened.
    pub sealed: u64,
}

/// What a node's store says.
#[derive(Debug, Clone, Copy, Default)]
pub struct StoreState {
    /// The last entry whose effect it holds.
    pub applied: Option<LogIndex>,
    /// Its newest commit.
    pub last_commit: Option<HlcTimestamp>,
    /// Older versions than those that were visible then may be gone.
    pub min_retained: Option<HlcTimestamp>,
    /// The same, while it is moved there.
    pub pending_min_retained: Option<HlcTimestamp>,
    /// All rows that were asked for could be read.
    pub whole: bool,
    /// Data blocks of its tables that were read.
    pub blocks: u64,
}

impl StoreState {
    /// True when compactions may have dropped versions. A server begins with the time 1, before which nothing is.
    pub fn has_forgotten(&self) -> bool {
        self.min_retained.is_some_and(|retained| retained.millis().0 > 0)
    }

    /// True when it may have removed a version that the one committed at `newer` replaced.
    pub fn may_have_removed(&self, newer: Option<HlcTimestamp>) -> bool {
        newer.is_some_and(|newer| Some(newer) <= self.min_retained.max(self.pending_min_retained))
    }
}

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EntryState {
    /// It is committed.
    Committed,
    /// It stands in a log, and nobody knows yet that it is committed.
    Uncommitted,
    /// It was committed, and no start reads it any more.
    Lost,
    /// Another entry stands in its place.
    Replaced,
    /// No start reads it, and whether it was committed is not known.
    Unreachable,
    /// The logs that would tell are gone.
    Unknown,
}

impl EntryState {
    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Uncommitted => "uncommitted",
            Self::Lost => "lost",
            Self::Replaced => "replaced",
            Self::Unreachable => "unreachable",
            Self::Unknown => "unknown",
        }
    }
}

impl NodeState {
    /// True when nothing that is older than the entry at `index`, or than a row of its store, can be gone from it.
    pub(super) fn remembers_all(&self, index: Option<LogIndex>) -> bool {
        let store = self.store.is_some_and(|store| {
            let has_come_there = store.applied.is_some_and(|applied| index.is_none_or(|index| applied >= index));
            store.whole && has_come_there && !store.has_forgotten()
        });
        let from_first = self.log.as_ref().is_some_and(|log| {
            log.whole
                && log.entries.first() == Some(LogIndex(1))
                && index.is_some_and(|index| log.entries.term_at(index).is_some())
        });
        store || from_first
    }
}

impl LogState {
    /// True when every entry behind `from`, to `to`, was read and opened.
    pub(super) fn has_all_between(&self, from: LogIndex, to: LogIndex) -> bool {
        let between = self.entries.within(LogIndex(from.0.saturating_add(1)), to).count();
        self.whole && self.sealed == 0 && between == to.0.saturating_sub(from.0)
    }
}
