//! From a path to the members of etcd at or below it.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::formats::etcd::is_v2_store;
use crate::formats::layout::{self, ETCD_MEMBER, ETCD_STORE};
use crate::formats::raftpb::ProtoRules;
use crate::formats::snap;
use crate::formats::wal::WalName;
use crate::io::{DirEntry, EntryKind, entry_named, parent_of};
use crate::readers::locate::{OWN_ENTRIES, Unplaced, group_number, is_group};
use crate::readers::source::Source;
use crate::readers::wal::{WalDir, owner_of_dir};

/// Snapshot files that are opened to find out whose they are.
const ASKED: usize = 4;
/// Largest snapshot that is opened for that.
const ASKED_BYTES: u64 = 64 << 20;

/// A member of etcd, or the part of one that was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdPlace {
    /// As the caller named it, or below that.
    pub dir: PathBuf,
    /// The directory of the log; `None` when only the other part was named.
    pub wal: Option<PathBuf>,
    /// The directory of snapshots and store; `None` when only the log was named.
    pub snap: Option<PathBuf>,
}

impl EtcdPlace {
    /// The path as reports show it.
    pub fn display(&self) -> String {
        self.dir.display().to_string()
    }

    /// True when log and snapshots were both named.
    pub const fn is_whole(&self) -> bool {
        self.wal.is_some() && self.snap.is_some()
    }

    fn whole(dir: &Path, member: &Path) -> Self {
        let part = |name: &str| Some(member.join(name));
        Self { dir: dir.to_owned(), wal: part(layout::WAL), snap: part(layout::SNAP) }
    }
}

/// What stands at or below a path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EtcdFound {
    /// Members of etcd, sorted by path.
    pub places: Vec<EtcdPlace>,
    /// Directories beside them that could not be looked at.
    pub unplaced: Vec<Unplaced>,
}

/// The members at or below `path`: a data directory, its `member`, the log or the snapshots of one by themselves, or a directory
/// of several. Empty when none is etcd's.
///
/// # Errors
///
/// A directory with members of etcd and groups of elastickv in it.
pub fn discover_etcd(path: &Path, source: &dyn Source) -> Result<EtcdFound> {
    let mut found = EtcdFound::default();
    let Ok(entries) = source.list_kinds(path) else { return Ok(found) };
    if let Some(place) = at(path, &entries, None, source) {
        found.places.push(place);
        return Ok(found);
    }
    let mut other = None;
    for entry in entries.iter().filter(|entry| entry.kind == EntryKind::Directory) {
        let child = path.join(&entry.name);
        match source.list_kinds(&child) {
            Ok(inside) => match at(&child, &inside, Some(&entries), source) {
                Some(place) if place.is_whole() => found.places.push(place),
                // A log by itself is one of its node, which the directory around it would have told.
                Some(_) => {}
                None if is_group(&inside) || inside.iter().any(|below| group_number(&below.name).is_some()) => {
                    other = other.or(Some(child));
                }
                None => {}
            },
            Err(error) if error.is_not_found() => {}
            Err(error) => {
                let why = format!("it cannot be listed: {}", error.reason());
                found.unplaced.push(Unplaced { path: child, why, needed: entry.name != "lost+found" });
            }
        }
    }
    match (found.places.first(), other) {
        (Some(own), Some(other)) => Err(Error::Usage(format!(
            "{}: {} is a directory of etcd, and {} is none; name each of them by itself",
            path.display(),
            own.display(),
            other.display()
        ))),
        _ => Ok(found),
    }
}

/// What one directory is; `around` is what the one around it holds, where that is known.
fn at(path: &Path, entries: &[DirEntry], around: Option<&[DirEntry]>, source: &dyn Source) -> Option<EtcdPlace> {
    if is_another(entries) {
        return None;
    }
    let has = |name: &str| entry_named(entries, name).is_some_and(|entry| entry.kind == EntryKind::Directory);
    if is_member(path, entries, source) {
        return Some(EtcdPlace::whole(path, path));
    }
    if has(ETCD_MEMBER) {
        let member = path.join(ETCD_MEMBER);
        let inside = source.list_kinds(&member).ok()?;
        return is_member(&member, &inside, source).then(|| EtcdPlace::whole(path, &member));
    }
    if around.map_or_else(|| is_part_of_another(path, source), is_another) {
        return None;
    }
    let is_segment = |entry: &DirEntry| matches!(WalName::of(&entry.name), WalName::Segment(_));
    if entries.iter().any(is_segment) {
        return is_log(path, source).then(|| EtcdPlace { dir: path.to_owned(), wal: Some(path.to_owned()), snap: None });
    }
    // A directory without snapshots of anybody is nobody's.
    let named = path.file_name().is_some_and(|name| name == layout::SNAP) || entries.iter().any(|it| it.name.ends_with(".snap"));
    (named && is_snap(path, entries, source)).then(|| EtcdPlace { dir: path.to_owned(), wal: None, snap: Some(path.to_owned()) })
}

/// True for what lies in a directory of somebody else.
pub fn is_part_of_another(path: &Path, source: &dyn Source) -> bool {
    let around = parent_of(path).map_or_else(|| path.join(".."), Path::to_owned);
    source.list_kinds(&around).is_ok_and(|entries| is_another(&entries))
}

/// With one of these names it is no directory of etcd, whatever else is in it.
fn is_another(entries: &[DirEntry]) -> bool {
    OWN_ENTRIES.iter().any(|name| entry_named(entries, name).is_some())
}

/// True for the directory around `wal` and `snap` of a member.
fn is_member(path: &Path, entries: &[DirEntry], source: &dyn Source) -> bool {
    if is_another(entries) {
        return false;
    }
    let dir = |name: &str| entry_named(entries, name).is_some_and(|entry| entry.kind == EntryKind::Directory);
    let snap = path.join(layout::SNAP);
    if dir(layout::WAL) && is_log(&path.join(layout::WAL), source) {
        return true;
    }
    dir(layout::SNAP) && source.list_kinds(&snap).is_ok_and(|inside| is_snap(&snap, &inside, source))
}

fn is_log(wal: &Path, source: &dyn Source) -> bool {
    WalDir::list(wal, source).is_ok_and(|dir| owner_of_dir(&dir, source).is_etcd())
}

/// True for a directory with the store of a member in it, or with a snapshot of its v2 store.
fn is_snap(path: &Path, entries: &[DirEntry], source: &dyn Source) -> bool {
    let store = |entry: &DirEntry| entry.name == ETCD_STORE || entry.name.ends_with(".snap.db");
    if entries.iter().any(|entry| store(entry) && entry.kind == EntryKind::File) {
        return true;
    }
    let snaps = entries.iter().rev().filter(|entry| entry.kind == EntryKind::File && entry.name.ends_with(".snap"));
    let files = snaps.take(ASKED).filter_map(|entry| source.read_small(&path.join(&entry.name), ASKED_BYTES).ok());
    files.into_iter().any(|file| snap::decode(&file.bytes, ProtoRules::Google).is_ok_and(|snapshot| is_v2_store(snapshot.data)))
}
