//! The entries behind the snapshot that a start takes.

use super::legacy::StoredEntry;
use super::log::LogContent;
use crate::formats::raftpb::Entry;
use crate::readers::wal::WalScan;
use crate::types::ServerVersion;

/// The entries behind the snapshot, wherever they are kept.
#[derive(Debug, Clone, Copy)]
pub(super) enum Entries<'a> {
    /// In the log.
    Log(&'a WalScan, &'a LogContent),
    /// In the state files from before the log.
    Files(&'a [StoredEntry]),
}

impl<'a> Entries<'a> {
    pub(super) fn iter(self, engine: ServerVersion) -> Box<dyn Iterator<Item = Entry<'a>> + 'a> {
        match self {
            Self::Log(scan, log) => Box::new(log.entries.iter(scan, engine).map(|at| Entry {
                kind: at.kind,
                term: at.term,
                index: at.index,
                data: at.data,
            })),
            Self::Files(entries) => Box::new(entries.iter().map(StoredEntry::view)),
        }
    }
}
