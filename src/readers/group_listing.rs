//! What stands in a group directory, by name, and its smallest files.

use std::collections::BTreeMap;
use std::path::Path;

use super::source::Source;
use crate::error::Result;
use crate::formats::layout;
use crate::io::{Access, DirEntry, EntryKind, entry_named, memory_of_listing};

/// Larger than any marker that a server writes, small enough to read whole.
const MARKER_LIMIT: u64 = 1 << 16;
/// Larger than any peers file that a server accepts by count and text limits in practice; a longer one is read up to here.
const PEERS_LIMIT: u64 = 16 << 20;

/// A directory below the group directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SubDir {
    /// There is none.
    #[default]
    Absent,
    /// Something else has its name.
    NotADirectory,
    /// Its entries, sorted by name.
    Listed(Vec<DirEntry>),
}

/// A small file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SmallFact {
    /// There is none.
    #[default]
    Absent,
    /// A directory has its name. No server can read that.
    Directory,
    /// A link into a directory that is not there: reading finds nothing, and making it fails.
    Nowhere,
    /// It is there and cannot be read here, which does not tell whether a server could; the system's words.
    Unreadable(String),
    /// Its bytes.
    Bytes(Vec<u8>),
}

/// The names in a group directory and the content of its smallest files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupListing {
    /// Entries of the directory itself, sorted by name.
    pub root: Vec<DirEntry>,
    /// `wal/`
    pub wal: SubDir,
    /// `snap/`
    pub snap: SubDir,
    /// `fsm-snap/`
    pub fsm_snap: SubDir,
    /// `raft-engine`
    pub marker: SmallFact,
    /// `etcd-raft-peers.bin`
    pub peers: SmallFact,
    /// Number of entries in each directory whose name is one that a start deletes like a file (spools, `snap/db.tmp*`), by
    /// path below the group directory.
    pub spool_dirs: BTreeMap<String, usize>,
    /// Owner and permission bits, by path below the group directory: of the directory itself (`.`), its store and the lock of
    /// that, marker, peers file, segments and payloads.
    pub access: BTreeMap<String, Access>,
    /// Where links lead that lead to nothing, by path below the group directory.
    pub dangling: BTreeMap<String, String>,
}

/// Names of snapshot payloads that are being received begin so.
pub(crate) const SPOOL_PREFIX: &str = "elastickv-etcd-snapshot-";
/// What etcd's library takes for its own leftovers in `snap/` begins so.
pub(crate) const DEFRAG_PREFIX: &str = "db.tmp";

/// Names of files whose sizes matter: segments, what repair and preparation leave, envelopes and payloads.
fn is_sized(name: &str) -> bool {
    [".wal", ".snap", ".fsm", ".tmp", ".broken"].iter().any(|ending| name.ends_with(ending))
}

impl SubDir {
    /// The entries; none when there is no such directory.
    pub fn entries(&self) -> &[DirEntry] {
        match self {
            Self::Listed(entries) => entries,
            Self::Absent | Self::NotADirectory => &[],
        }
    }

    fn read(path: &Path, root: &[DirEntry], name: &str, source: &dyn Source) -> Result<Self> {
        match entry_named(root, name) {
            None => Ok(Self::Absent),
            Some(entry) if entry.kind != EntryKind::Directory => Ok(Self::NotADirectory),
            Some(_) => match source.list_sized(&path.join(name), &is_sized) {
                Ok(entries) => Ok(Self::Listed(entries)),
                Err(error) if error.is_not_found() => Ok(Self::Absent),
                Err(error) => Err(error),
            },
        }
    }
}

impl GroupListing {
    /// Lists the group directory at `path` and reads its small files.
    pub fn read(path: &Path, source: &dyn Source) -> Result<Self> {
        let root = source.list_kinds(path)?;
        let wal = SubDir::read(path, &root, layout::WAL, source)?;
        let snap = SubDir::read(path, &root, layout::SNAP, source)?;
        let fsm_snap = SubDir::read(path, &root, layout::PAYLOADS, source)?;
        let marker = small(path, &root, layout::ENGINE_MARKER, MARKER_LIMIT, source);
        let peers = small(path, &root, layout::PEERS, PEERS_LIMIT, source);
        let mut spool_dirs = BTreeMap::new();
        for (place, entries, begins) in [
            ("", root.as_slice(), SPOOL_PREFIX),
            ("fsm-snap/", fsm_snap.entries(), SPOOL_PREFIX),
            ("snap/", snap.entries(), DEFRAG_PREFIX),
        ] {
            for entry in entries.iter().filter(|e| e.kind == EntryKind::Directory && e.name.starts_with(begins)) {
                let name = format!("{place}{}", entry.name);
                if let Ok(content) = source.list_kinds(&path.join(&name)) {
                    spool_dirs.insert(name, content.len());
                }
            }
        }
        let below = |place: &SubDir, folder: &str, ends: &str| {
            let names = place.entries().iter().filter(|entry| entry.name.ends_with(ends));
            names.map(|entry| (format!("{folder}/{}", entry.name), entry.access)).collect::<Vec<_>>()
        };
        let files = [".", layout::STORE, "fsm.db/LOCK", layout::ENGINE_MARKER, layout::PEERS].map(|name| (name.to_owned(), None));
        let asked = files.into_iter().chain(below(&wal, layout::WAL, ".wal")).chain(below(&fsm_snap, layout::PAYLOADS, ".fsm"));
        // A listing that asked for the sizes knows it already.
        let access = asked.filter_map(|(name, known)| {
            let access = known.or_else(|| source.access_at(&path.join(&name)))?;
            Some((name, access))
        });
        let access = access.collect();
        let mut dangling = BTreeMap::new();
        for (place, entries) in
            [("", root.as_slice()), ("wal/", wal.entries()), ("snap/", snap.entries()), ("fsm-snap/", fsm_snap.entries())]
        {
            for entry in entries.iter().filter(|entry| matches!(entry.kind, EntryKind::Nowhere | EntryKind::Other)) {
                let name = format!("{place}{}", entry.name);
                if let Some(target) = source.link_target(&path.join(&name)) {
                    dangling.insert(name, target.to_string_lossy().into_owned());
                }
            }
        }
        Ok(Self { root, wal, snap, fsm_snap, marker, peers, spool_dirs, access, dangling })
    }

    /// Bytes of memory that its names take.
    pub fn memory(&self) -> u64 {
        let below = [&self.wal, &self.snap, &self.fsm_snap].map(SubDir::entries);
        below.iter().chain([&self.root.as_slice()]).map(|entries| memory_of_listing(entries)).sum()
    }

    /// True when some name in `wal/` ends in `.wal`: a start then reads the log instead of looking for state files from before it.
    pub fn has_log(&self) -> bool {
        self.wal.entries().iter().any(|entry| entry.name.ends_with(".wal"))
    }

    /// What stands under that name; `None` when nothing does.
    pub fn kind(&self, name: &str) -> Option<EntryKind> {
        entry_named(&self.root, name).map(|entry| entry.kind)
    }

    /// True when the directory has an entry of that name, be it a link to nothing.
    pub fn has(&self, name: &str) -> bool {
        entry_named(&self.root, name).is_some()
    }
}

fn small(path: &Path, root: &[DirEntry], name: &str, limit: u64, source: &dyn Source) -> SmallFact {
    match entry_named(root, name).map(|entry| entry.kind) {
        None => return SmallFact::Absent,
        Some(EntryKind::Directory) => return SmallFact::Directory,
        Some(EntryKind::Nowhere) if source.leads_into_a_directory(&path.join(name)) => return SmallFact::Absent,
        Some(EntryKind::Nowhere) => return SmallFact::Nowhere,
        Some(EntryKind::File | EntryKind::Other) => {}
    }
    match source.read_small(&path.join(name), limit) {
        Ok(file) => SmallFact::Bytes(file.bytes),
        Err(error) if error.is_not_found() => SmallFact::Absent,
        Err(error) => SmallFact::Unreadable(error.reason()),
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "these tests make what they read")]
mod tests {
    use super::*;
    use crate::readers::Local;
    use std::fs;

    #[test]
    fn lists_what_is_there_and_what_is_not() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("snap")).unwrap();
        fs::create_dir_all(root.path().join("fsm-snap/elastickv-etcd-snapshot-7/x")).unwrap();
        fs::write(root.path().join("wal"), b"").unwrap();
        fs::write(root.path().join("raft-engine"), b"etcd\n").unwrap();
        fs::create_dir(root.path().join("etcd-raft-peers.bin")).unwrap();
        let listing = GroupListing::read(root.path(), &Local).unwrap();
        assert_eq!(listing.wal, SubDir::NotADirectory);
        assert_eq!(listing.snap, SubDir::Listed(Vec::new()));
        assert_eq!(listing.marker, SmallFact::Bytes(b"etcd\n".to_vec()));
        assert_eq!(listing.peers, SmallFact::Directory);
        assert_eq!(listing.spool_dirs, BTreeMap::from([("fsm-snap/elastickv-etcd-snapshot-7".to_owned(), 1)]));
    }
}
