//! Which snapshots the next start would use, whichever server it is.

use std::collections::BTreeSet;

use super::choose::choose;
use crate::analysis::Coverage;
use crate::analysis::server::log::valid_snapshots;
use crate::formats::fsm::FsmName;
use crate::formats::snap::SnapshotData;
use crate::readers::SnapDir;
use crate::readers::wal::WalScan;
use crate::types::{LogIndex, ServerVersion, SnapshotId};

/// The names a start would use, and what they point at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Newest {
    /// `.snap` names; more than one only when the two servers choose differently.
    pub names: Vec<String>,
    /// Indexes of the payloads that their tokens name.
    pub payloads: Vec<LogIndex>,
    /// Why the choice could not be followed as a start makes it.
    pub doubt: Option<String>,
}

impl Newest {
    /// Says what was left out, and what stands in doubt.
    pub fn describe(&self, base: &str, coverage: &mut Coverage) {
        if self.names.is_empty() && self.payloads.is_empty() {
            coverage.missing(base, "a start would use no snapshot");
        } else {
            coverage.skipped(format!("other snapshots in {base}"), "only the one that a start would use was asked for");
        }
        if let Some(doubt) = &self.doubt {
            coverage.missing(format!("choice of the snapshot in {base}"), doubt);
        }
    }
}

/// Follows the choice of a start at both server versions. Without a log, every readable `.snap` counts as recorded; in a folder
/// of payloads alone, the highest index is the newest.
pub fn newest(dir: &SnapDir, log: Option<&WalScan>) -> Newest {
    let mut newest = Newest::default();
    if dir.snaps.is_empty() {
        // A folder of payloads alone: the highest index.
        let names = dir.others.iter().filter_map(|entry| FsmName::parse(&entry.name)).filter(|name| name.canonical);
        newest.payloads.extend(names.map(|name| name.index).max());
        return newest;
    }
    for engine in ServerVersion::ALL {
        let readable: BTreeSet<SnapshotId> =
            dir.snaps.iter().filter_map(|entry| entry.read(engine).as_ref().ok()).map(|content| content.metadata.id()).collect();
        let valid = match log.map(|scan| valid_snapshots(scan, engine)) {
            None => readable,
            Some(Ok(valid)) => readable.into_iter().filter(|&id| valid.contains(id)).collect(),
            Some(Err(error)) => {
                newest.doubt =
                    Some(format!("the log cannot be read ({}); the newest readable .snap is taken instead", error.text));
                readable
            }
        };
        let Some(chosen) = choose(dir, engine, &valid).chosen else { continue };
        if newest.names.contains(&chosen.name) {
            continue;
        }
        newest.names.push(chosen.name.clone());
        if let Ok(content) = chosen.read(engine)
            && let SnapshotData::Token(token) = content.data
        {
            newest.payloads.push(token.index);
        }
    }
    newest
}
