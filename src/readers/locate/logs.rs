//! From a path to the logs at or below it.

use std::path::{Path, PathBuf};

use super::groups::{Discovered, below, discover_all};
use super::names::{Unplaced, is_group};
use crate::error::{Error, Result};
use crate::formats::detect::{FileKind, detect};
use crate::formats::layout;
use crate::io::{EntryKind, entry_named};
use crate::readers::source::Source;
use crate::readers::wal::WalDir;

/// Bytes that a file is recognised by.
const HEAD: usize = 64 << 10;

/// A log that was found below a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogTarget {
    /// The log directory as reports name it.
    pub prefix: String,
    /// Its listing, narrowed to one segment when one was named.
    pub dir: WalDir,
}

/// Finds the logs at `path`: a segment, a log directory, a group directory, or a node or raft data directory with several groups; and
/// what lies beside the groups and what in them is no log. Segments beside groups are a log of their own.
pub fn logs(path: &Path, source: &dyn Source) -> Result<(Vec<LogTarget>, Vec<Unplaced>)> {
    let standing = source.look(path).map_err(|error| Error::io(path, "examine the path", error))?;
    if standing.kind != EntryKind::Directory {
        let dir = match WalDir::of_segment(path, source)? {
            Some(dir) => dir,
            None if is_segment(path, source)? => WalDir::of_renamed(path, standing.stamp.size),
            None => return Err(unsuitable(path, "is no log segment by its name, nor by its content")),
        };
        let prefix = path.parent().map(|parent| parent.display().to_string()).unwrap_or_default();
        return Ok((vec![LogTarget { prefix, dir }], Vec::new()));
    }
    let target = |path: PathBuf| WalDir::list(&path, source).map(|dir| LogTarget { prefix: path.display().to_string(), dir });
    let entries = source.list_kinds(path)?;
    let has_log = |entries: &[crate::io::DirEntry]| {
        entry_named(entries, layout::WAL).is_some_and(|entry| entry.kind == EntryKind::Directory)
    };
    let direct = target(path.to_owned())?;
    let is_log =
        !direct.dir.segments.is_empty() || (path.file_name().is_some_and(|name| name == layout::WAL) && !has_log(&entries));
    let (mut targets, found) =
        if is_log { (vec![direct], below(path, &entries, source)?) } else { (Vec::new(), discover_all(path, source)?) };
    let Discovered { groups, mut unplaced, .. } = found;
    let mut refused = None;
    for group in groups {
        let read = source
            .list_kinds(&group.path)
            .and_then(|entries| if has_log(&entries) { target(group.path.join(layout::WAL)).map(Some) } else { Ok(None) });
        match read {
            Ok(Some(found)) => targets.push(found),
            Ok(None) => {
                let why = "the group has no log: there is no directory wal in it".to_owned();
                unplaced.push(Unplaced { path: group.path.join(layout::WAL), why, needed: true });
            }
            Err(error) => {
                unplaced.push(Unplaced { path: group.path, why: error.reason(), needed: true });
                refused.get_or_insert(error);
            }
        }
    }
    if targets.is_empty() {
        // What could not be looked into may be a log.
        if let Some(error) = refused {
            return Err(error);
        }
        let own = is_group(&entries);
        return Err(unsuitable(
            path,
            if own { "has no log: there is no directory wal in it" } else { "has no log at or below it" },
        ));
    }
    Ok((targets, unplaced))
}

/// True for a file whose content is that of a segment, whatever its name.
fn is_segment(path: &Path, source: &dyn Source) -> Result<bool> {
    let head = source.open(path)?.read_at(0, HEAD)?;
    Ok(detect(&source.name_of(path), &head).kind == FileKind::WalSegment)
}

fn unsuitable(path: &Path, problem: &str) -> Error {
    Error::Unsuitable {
        path: path.to_owned(),
        problem: problem.to_owned(),
        hint: "name a segment or its .wal.broken, a wal directory, a group directory or a node directory".to_owned(),
    }
}
