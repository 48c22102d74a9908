//! What publishes and restores that ended early have left around a data directory.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::formats::offload::is_spool_file;
use crate::io::EntryKind;
use crate::readers::source::Source;
use crate::types::UnixMillis;

/// Where a publish keeps the payload while it uploads it, beside the data directory.
pub const SPOOL: &str = ".snapshot-offload-spool";
/// With what the directory begins into which a restore downloads, beside its destination.
pub const DOWNLOAD: &str = ".snapshot-offload-restore-";
/// With what the directory ends in which a restore puts its destination together.
pub const PREPARATION: &str = ".restore-prep";

/// Entries that are looked at to find out how much space a leftover takes.
const LOOKED_AT: usize = 10_000;

/// What is left of a publish or a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The file or directory.
    pub path: PathBuf,
    /// What it is.
    pub kind: LeftKind,
    /// Bytes in it, as far as they were looked at.
    pub bytes: u64,
    /// When it was last changed.
    pub modified: Option<UnixMillis>,
}

/// What a leftover is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LeftKind {
    /// A copy of a payload that was to be uploaded. Nobody removes it.
    Spool,
    /// A download. A later restore removes it when it is older than seven days.
    Download,
    /// A destination that was being put together. It blocks every restore into that destination.
    Preparation,
}

/// What is left around the destination `dest`, and in the spool directory.
pub fn leftovers(dest: &Path, spool: &Path, source: &dyn Source) -> Result<Vec<Left>> {
    let mut found = Vec::new();
    if let Some(prep) = preparation_of(dest).filter(|prep| stands(prep, source)) {
        found.push(left(prep, LeftKind::Preparation, source));
    }
    for entry in listed(around(dest), source)?.into_iter().filter(|entry| entry.1 && entry.0.starts_with(DOWNLOAD)) {
        let path = around(dest).join(entry.0);
        // The server asks what stands there itself, and a link is no directory.
        if source.link_target(&path).is_none() {
            found.push(left(path, LeftKind::Download, source));
        }
    }
    for (name, _) in listed(spool, source)?.into_iter().filter(|(name, is_directory)| !is_directory && is_spool_file(name)) {
        found.push(left(spool.join(name), LeftKind::Spool, source));
    }
    Ok(found)
}

/// The directory in which a restore puts `dest` together.
pub fn preparation_of(dest: &Path) -> Option<PathBuf> {
    let mut name = dest.file_name()?.to_owned();
    name.push(PREPARATION);
    Some(dest.with_file_name(name))
}

/// The directory around a path, as it can be listed.
pub fn around(path: &Path) -> &Path {
    crate::io::parent_of(path).unwrap_or_else(|| Path::new("/"))
}

/// True when anything stands there, be it a link to nothing.
pub fn stands(path: &Path, source: &dyn Source) -> bool {
    source.kind_at(path).is_some() || source.link_target(path).is_some()
}

/// The names in a directory; none in one that is not there.
fn listed(dir: &Path, source: &dyn Source) -> Result<Vec<(String, bool)>> {
    if source.kind_at(dir) != Some(EntryKind::Directory) {
        return Ok(Vec::new());
    }
    source.list_names(dir)
}

fn left(path: PathBuf, kind: LeftKind, source: &dyn Source) -> Left {
    let (mut bytes, mut looked_at) = (0_u64, 0);
    let mut waiting = Vec::new();
    match source.look(&path) {
        Ok(standing) if standing.kind == EntryKind::Directory => waiting.push(path.clone()),
        Ok(standing) => bytes = standing.stamp.size,
        Err(_) => {}
    }
    while let Some(dir) = waiting.pop() {
        let Ok(entries) = source.list(&dir) else { continue };
        for entry in entries {
            looked_at += 1;
            if looked_at > LOOKED_AT {
                waiting.clear();
                break;
            }
            bytes = bytes.saturating_add(entry.size);
            let below = dir.join(&entry.name);
            if entry.kind == EntryKind::Directory && source.link_target(&below).is_none() {
                waiting.push(below);
            }
        }
    }
    let modified = source.modified_at(&path);
    Left { path, kind, bytes, modified }
}
