//! What a start would do with the store of a group.

mod compaction;
mod open;

use super::{ServerError, conditions};
use crate::analysis::judge::store::{group_findings, store_findings};
use crate::analysis::{Coverage, Finding};
use crate::formats::mvcc::MetaKey;
use crate::readers::pebble::{
    GroupStoreFacts, KeyState, ManifestFact, OptionsFact, OptionsResult, StoreFacts, StorePresence, Writer,
};
use crate::types::{Count, LogIndex, ServerVersion};

pub use open::open_refusal;

pub(in crate::analysis) use open::opens;

/// What the store says about the last entry whose effect it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AppliedIndexState {
    /// Nobody looked.
    #[default]
    NotRead,
    /// The index.
    Present(u64),
    /// The key is not there, or its value is shorter than a number.
    Missing,
    /// The store cannot be opened, or what decides it cannot be read.
    Unreadable,
}

impl AppliedIndexState {
    /// The index, when it says one.
    pub const fn value(self) -> Option<LogIndex> {
        match self {
            Self::Present(index) => Some(LogIndex(index)),
            Self::NotRead | Self::Missing | Self::Unreadable => None,
        }
    }
}

/// How opening the store would end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum StoreOpen {
    /// Nobody looked.
    #[default]
    NotChecked,
    /// It opens; an absent store is created.
    Opens,
    /// The start ends here: an error, or the end of the process.
    Refused(ServerError),
    /// Something that decides it could not be read.
    Unknown(String),
}

/// What a start of one engine would do with the store.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreVerdict {
    /// What the start would take as the store's applied index.
    pub applied_index: AppliedIndexState,
    /// Where the applied index stands, below the group directory: file, and offset of the record or block.
    pub applied_source: Option<String>,
    /// Whether the store opens.
    pub open: StoreOpen,
    /// True if the store changed during every attempt to read it.
    pub moving: bool,
    /// The largest commit timestamp as the store's own key says it. The newer engine compares it with the rows.
    pub last_commit_ts: Option<u64>,
    /// Of the versions of a key that are this old only the newest need be there.
    pub retained_ts: Option<u64>,
    /// True if the store has applied entries of a log one after another, and was not just restored from a snapshot.
    pub applied_by_entries: bool,
    /// Renamed before the store is opened: from and to, below the group directory.
    pub would_rename: Vec<(String, String)>,
    /// Removed, below the group directory.
    pub would_delete: Vec<String>,
    /// Name of the store's newest log, when it has one.
    pub newest_log: Option<String>,
    /// Everything noticed.
    pub findings: Vec<Finding>,
    /// What was looked at and what was not.
    pub coverage: Coverage,
}

/// What a start of `engine` would do with the store of a group.
///
/// The newer engine puts the only backup of an interrupted restore in the place of a missing store, removes work areas
/// beside it, and reads every data block to find the largest commit timestamp; the older one does none of this.
pub fn open_verdict(group: &GroupStoreFacts, engine: ServerVersion) -> StoreVerdict {
    let mut verdict = StoreVerdict::default();
    if group.check == crate::readers::pebble::StoreCheck::None {
        verdict.coverage.skipped(format!("{}/", group.store.name), "not asked for");
        return verdict;
    }
    let mut facts = &group.store;
    if engine.traits().promotes_restore_backup {
        if facts.presence == StorePresence::Absent {
            match (group.restore_backups.as_slice(), &group.backup) {
                ([], _) => {}
                ([name], backup) => {
                    verdict.would_rename.push((name.clone(), facts.name.clone()));
                    facts = backup.as_ref().unwrap_or(facts);
                }
                (several, _) => {
                    let text = format!("cannot recover Pebble store with {} restore backups", several.len());
                    verdict.open = StoreOpen::Refused(ServerError::of(&conditions::RESTORE_BACKUPS, text.clone()).named(text));
                    verdict.applied_index = AppliedIndexState::Unreadable;
                    verdict.findings = group_findings(group, engine);
                    return verdict;
                }
            }
        }
        verdict.would_delete.clone_from(&group.snapshot_artifacts);
    }
    verdict.newest_log = facts.listing.logs.values().next_back().map(|log| log.name.clone());
    verdict.open = open::open(facts, engine, &mut verdict.coverage);
    verdict.moving = facts.is_moving();
    if verdict.moving && matches!(verdict.open, StoreOpen::Refused(_)) {
        verdict.open = StoreOpen::Unknown(format!("{} changed during every attempt to read it", facts.name));
    }
    verdict.findings = group_findings(group, engine);
    verdict.findings.extend(store_findings(facts));
    cover(facts, &mut verdict.coverage);
    match &verdict.open {
        StoreOpen::Opens => {
            let number = |key| facts.meta.iter().find(|meta| meta.key == key).and_then(crate::readers::pebble::MetaFact::number);
            verdict.applied_index = match number(MetaKey::AppliedIndex) {
                Some(index) => AppliedIndexState::Present(index),
                None => AppliedIndexState::Missing,
            };
            let applied = facts.meta.iter().find(|meta| meta.key == MetaKey::AppliedIndex);
            verdict.applied_source = applied.and_then(|meta| match &meta.state {
                KeyState::Value(found) => Some(format!("{}/{}", facts.name, facts.describe(found.source))),
                _ => None,
            });
            verdict.last_commit_ts = number(MetaKey::LastCommitTs);
            verdict.retained_ts = number(MetaKey::MinRetainedTs).max(number(MetaKey::PendingMinRetainedTs));
            verdict.applied_by_entries = facts.applied_by_entries;
            if engine.traits().removes_work_areas && group.store.presence != StorePresence::Absent {
                verdict.would_delete.extend(group.restore_backups.iter().cloned());
            }
        }
        StoreOpen::Refused(_) | StoreOpen::Unknown(_) => verdict.applied_index = AppliedIndexState::Unreadable,
        StoreOpen::NotChecked => {}
    }
    verdict
}

/// Files read, and what kept others from being read.
pub(in crate::analysis) fn cover(facts: &StoreFacts, coverage: &mut Coverage) {
    if let Some(manifest) = facts.manifest_facts() {
        coverage.add_file(manifest.end.at());
    }
    for log in &facts.logs {
        coverage.add_file(log.end.at());
    }
    if let Some(blocks) = &facts.blocks {
        coverage.files += blocks.tables;
        coverage.bytes_examined += blocks.bytes;
    } else if facts.live_tables > 0 {
        let tables = Count(facts.live_tables, "table");
        let what = format!("{}/: the blocks of {tables} that are not on the way to the meta keys", facts.name);
        coverage.skipped(what, "ask for a full check of the store to read every block");
    }
    let blobs = facts.version().map_or(0, |version| version.blob_files.len());
    if blobs > 0 {
        let what = format!("{}/: the values in {}", facts.name, Count::of(blobs, "blob file"));
        coverage.missing(what, "this program does not read blob files; no server of elastickv is known to write them");
    } else if !facts.listing.blobs.is_empty() {
        let what = format!("{}/: {} blob files", facts.name, facts.listing.blobs.len());
        coverage.skipped(what, "no table refers to them, and this program does not read them");
    }
    if let ManifestFact::Unreadable { name, problem } = &facts.manifest {
        coverage.missing(format!("{}/{name}", facts.name), problem.clone());
    }
    if let Some(OptionsFact { name, result: OptionsResult::Unreadable(problem) }) = &facts.options {
        coverage.missing(format!("{}/{name}", facts.name), problem.clone());
    }
    for (number, problem) in &facts.unreadable_logs {
        coverage.missing(format!("{}/{number}.log", facts.name), problem.clone());
    }
    if !facts.stable && facts.presence == StorePresence::Directory {
        let why =
            if facts.writer == Writer::Alive { "a server is writing to it; try again" } else { "it changed while it was read" };
        coverage.missing(format!("{}/", facts.name), why);
    }
}

#[cfg(test)]
mod tests;
