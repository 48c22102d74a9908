//! The entries of a node's log, whatever keeps it.

use std::ops::ControlFlow;

use crate::error::Result;
use crate::formats::hraft::{LogEntry, decode_entry};
use crate::formats::raftwal::decode_binary_entry;
use crate::readers::hraft::HashiDir;
use crate::readers::hraft::wal::{LogError, RemovedBy, WalLog};
use crate::readers::source::Run;

/// An entry on the way.
pub(super) struct EntryRow<'a> {
    /// Its key, or its index by its place in a segment.
    pub key: u64,
    /// Offset in its file, where it has one.
    pub at: Option<u64>,
    /// Bytes of it.
    pub len: usize,
    /// Name of the segment, where there are several files.
    pub file: Option<&'a str>,
    /// Why it does not count, where it does not.
    pub removed: Option<RemovedBy>,
    /// What it is.
    pub entry: std::result::Result<LogEntry<'a>, String>,
}

/// Hands on every entry in the order of the keys, as long as `each` wants more; of raft-wal then also those that do not count,
/// segment by segment.
pub(super) fn rows_of(dir: &HashiDir, run: &Run<'_>, mut each: impl FnMut(&EntryRow<'_>) -> ControlFlow<()>) -> Result<()> {
    if let Some(log) = dir.wal() {
        // Whoever has seen enough knows it.
        let _ = rows_of_wal(log, &mut each);
        return Ok(());
    }
    dir.each_entry(run, &mut |key, at, value| {
        let entry = match value.map(decode_entry) {
            Some(decoded) => decoded.map_err(|error| error.to_string()),
            None => Err("a bucket in the place of an entry".to_owned()),
        };
        each(&EntryRow { key, at, len: value.map_or(0, <[u8]>::len), file: None, removed: None, entry })
    })
}

/// Entries that are shown although the file of their segment ends before them.
const MOST_BEYOND: u64 = 1000;

fn rows_of_wal(log: &WalLog, each: &mut dyn FnMut(&EntryRow<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
    for (position, segment) in log.segments.iter().enumerate() {
        let Some((first, last)) = segment.range() else { continue };
        let file = Some(segment.name.as_str());
        // Of what the list claims beyond the file, enough to see what is wrong; each of the others would say the same.
        let last = last.min(segment.beyond().max(first).saturating_add(MOST_BEYOND));
        for key in first..=last {
            let row = match log.in_segment(position, key) {
                Ok(spot) => {
                    let entry = decode_binary_entry(spot.bytes).map_err(|error| error.to_string());
                    EntryRow { key, at: Some(spot.at), len: spot.bytes.len(), file, removed: None, entry }
                }
                Err(LogError::NotFound) => break,
                Err(LogError::Failed(text)) => EntryRow { key, at: None, len: 0, file, removed: None, entry: Err(text) },
            };
            each(&row)?;
        }
    }
    for removed in log.removed() {
        for key in removed.from..=removed.to {
            let Some((at, bytes)) = log.physical(&removed.segment, key) else { break };
            let entry = decode_binary_entry(bytes).map_err(|error| error.to_string());
            let file = Some(removed.segment.as_str());
            each(&EntryRow { key, at: Some(at), len: bytes.len(), file, removed: Some(removed.why), entry })?;
        }
    }
    ControlFlow::Continue(())
}
