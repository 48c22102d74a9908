//! Directories that belong to a server. Nothing may ever be written there, whatever a user asks for.
//!
//! Recognised by names alone, and by names that nobody else uses: `snap` is also a directory in many a home, so a name that
//! others use counts only with what is in it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::formats::fsm::{FsmName, is_received_spool, is_unfinished};
use crate::formats::layout;
use crate::formats::pebble::StoreFileName;
use crate::formats::raftwal::WalFile;
use crate::formats::snap::SnapName;
use crate::formats::wal::WalName;
use crate::io::EntryKind;
use crate::readers::source::Source;

/// Directories that a key prefix of an object store makes, at most, as far as they are followed.
const MAX_PREFIX: u32 = 4;

/// What a directory was recognised as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Territory {
    /// A Pebble store.
    Store,
    /// The segments of a Raft log.
    Log,
    /// Snapshot envelopes.
    Envelopes,
    /// Snapshot payloads.
    Payloads,
    /// One group of a node.
    Group,
    /// A node with its groups.
    Node,
    /// Nodes, and nothing else.
    DataDir,
    /// The snapshots of hashicorp/raft, or one of them.
    HashicorpSnapshots,
    /// An object store of snapshots, or a part of one.
    ObjectStore,
    /// Where a tool of the server works on a snapshot.
    WorkArea,
    /// It holds more names than there is memory for: whatever it is, it is left alone.
    TooLarge,
}

impl Territory {
    /// For sentences: "it is ...".
    pub const fn name(self) -> &'static str {
        match self {
            Self::Store => "a store",
            Self::Log => "a Raft log",
            Self::Envelopes => "a directory of snapshot envelopes",
            Self::Payloads => "a directory of snapshot payloads",
            Self::Group => "the directory of a Raft group",
            Self::Node => "the directory of a node",
            Self::DataDir => "a raft data directory",
            Self::HashicorpSnapshots => "a directory of hashicorp/raft snapshots",
            Self::ObjectStore => "an object store of snapshots",
            Self::WorkArea => "a work area of the server's tools",
            Self::TooLarge => "a directory of more names than the memory of the run takes",
        }
    }

    /// What `dir` itself is; what lies above it is not looked at. `None` for a directory that cannot be listed and has no
    /// telling name.
    pub fn of(dir: &Path, source: &dyn Source) -> Option<Self> {
        let named = dir.file_name().and_then(|name| Self::of_name(&name.to_string_lossy().to_ascii_lowercase()));
        named.or_else(|| {
            let entries = match source.list_names(dir) {
                Ok(entries) => entries,
                Err(Error::Io { source, .. }) if source.kind() == ErrorKind::OutOfMemory => return Some(Self::TooLarge),
                Err(_) => return None,
            };
            let names = Names { source, dir: dir.to_owned(), entries };
            names.told().or_else(|| names.shape()).or_else(|| names.nodes())
        })
    }

    /// What a directory's name alone says.
    fn of_name(name: &str) -> Option<Self> {
        match name {
            layout::STORE => Some(Self::Store),
            layout::PAYLOADS => Some(Self::Payloads),
            ".snapshot-offload-spool" => Some(Self::WorkArea),
            _ if name.starts_with("fsm.db-") || name == "fsm.db.restore-tmp" => Some(Self::Store),
            _ if name.starts_with(".snapshot-offload-restore-") => Some(Self::WorkArea),
            _ => None,
        }
    }

    /// What the name of a file says about the directory that holds it.
    fn told_by_file(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            layout::ENGINE_MARKER
            | layout::PEERS
            | layout::LEGACY_STATE
            | layout::LEGACY_METADATA
            | layout::LEGACY_ENTRIES
            | layout::LEGACY_PAYLOAD
            | layout::RAFT_DB => return Some(Self::Group),
            _ => {}
        }
        match StoreFileName::parse(name) {
            StoreFileName::Manifest(_)
            | StoreFileName::Options(_)
            | StoreFileName::Table(_)
            | StoreFileName::Blob(_)
            | StoreFileName::Marker(_)
            | StoreFileName::RemoteCatalog(_) => return Some(Self::Store),
            _ => {}
        }
        if WalFile::parse(name).is_some() || name == layout::WAL_META {
            return Some(Self::Log);
        }
        match WalName::of(name) {
            WalName::Segment(_) | WalName::Broken => return Some(Self::Log),
            WalName::Temporary | WalName::Foreign => {}
        }
        if SnapName::parse(name).is_some_and(|name| name.canonical) || name.ends_with(".snap.broken") {
            return Some(Self::Envelopes);
        }
        let is_payload = FsmName::parse(name).is_some_and(|name| name.canonical);
        (is_payload || is_unfinished(name) || is_received_spool(name)).then_some(Self::Payloads)
    }

    /// What the name of a directory says about the directory that holds it.
    fn told_by_directory(name: &str) -> Option<Self> {
        match Self::of_name(&name.to_ascii_lowercase()) {
            Some(Self::Store | Self::Payloads) => Some(Self::Group),
            _ => is_hashicorp_snapshot(name).then_some(Self::HashicorpSnapshots),
        }
    }
}

/// A directory and the names in it.
#[derive(Debug)]
struct Names<'s> {
    source: &'s dyn Source,
    dir: PathBuf,
    entries: Vec<(String, bool)>,
}

impl<'s> Names<'s> {
    fn of(dir: &Path, source: &'s dyn Source) -> Option<Self> {
        Some(Self { source, dir: dir.to_owned(), entries: source.list_names(dir).ok()? })
    }

    fn below(&self, name: &str) -> Option<Self> {
        Self::of(&self.dir.join(name), self.source)
    }

    fn directories(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(|(_, is_directory)| *is_directory).map(|(name, _)| name.as_str())
    }

    fn has_directory(&self, wanted: &str) -> bool {
        self.directories().any(|name| name.eq_ignore_ascii_case(wanted))
    }

    fn has_file(&self, wanted: &str) -> bool {
        self.entries.iter().any(|(name, is_directory)| !is_directory && name == wanted)
    }

    /// The first name that nobody else uses.
    fn told(&self) -> Option<Territory> {
        self.entries.iter().find_map(|(name, is_directory)| {
            if *is_directory { Territory::told_by_directory(name) } else { Territory::told_by_file(name) }
        })
    }

    /// What several common names together say, or a common name with what is in it.
    fn shape(&self) -> Option<Territory> {
        let told_below =
            |name: &str, what| self.has_directory(name) && self.below(name).and_then(|names| names.told()) == Some(what);
        let has_both = self.has_directory(layout::WAL) && self.has_directory(layout::SNAP);
        if has_both || told_below(layout::WAL, Territory::Log) || told_below(layout::SNAP, Territory::Envelopes) {
            return Some(Territory::Group);
        }
        if self.has_file(layout::STATE_BIN) && self.has_file(layout::META_JSON) {
            return Some(Territory::HashicorpSnapshots);
        }
        if told_below("snapshots", Territory::HashicorpSnapshots) {
            return Some(Territory::Node);
        }
        if self.has_directory("member") && self.below("member").is_some_and(|member| member.shape() == Some(Territory::Group)) {
            return Some(Territory::Node);
        }
        self.is_object_store(MAX_PREFIX).then_some(Territory::ObjectStore)
    }

    /// Part of `<prefix>/v1/{payloads/sha256,groups}/...`, or a way of at most `depth` steps down to one that holds nothing
    /// else.
    fn is_object_store(&self, depth: u32) -> bool {
        let holds = |path: &str| self.source.kind_at(&self.dir.join(path)) == Some(EntryKind::Directory);
        if holds("v1/payloads/sha256") || holds("v1/groups") || holds("payloads/sha256") {
            return true;
        }
        let mut directories = self.directories();
        match (directories.next(), directories.next(), depth.checked_sub(1)) {
            (Some(only), None, Some(depth)) if self.entries.len() == 1 => {
                self.below(only).is_some_and(|names| names.is_object_store(depth))
            }
            _ => false,
        }
    }

    /// A node has groups in `group-<n>`; a raft data directory has nodes, and no directory that is anything else.
    fn nodes(&self) -> Option<Territory> {
        let may_be_node = self.directories().any(|name| name.starts_with("group-"));
        let mut nodes = 0_usize;
        for name in self.directories() {
            // What is closed to us, as `lost+found` is to everybody, tells nothing.
            let Some(child) = self.below(name) else { continue };
            if child.is_group() && name.starts_with("group-") {
                return Some(Territory::Node);
            }
            if child.is_group() || child.has_groups() {
                nodes += 1;
            } else if !(child.entries.is_empty() || name.starts_with('.') || ["encryption", "lost+found"].contains(&name)) {
                if !may_be_node {
                    return None;
                }
                // Only a group of its own can still make it a node.
                return self.has_groups().then_some(Territory::Node);
            }
        }
        (nodes > 0).then_some(Territory::DataDir)
    }

    fn is_group(&self) -> bool {
        let is_one = |what| matches!(what, Some(Territory::Group | Territory::Node));
        is_one(self.told()) || (self.told().is_none() && is_one(self.shape()))
    }

    fn has_groups(&self) -> bool {
        let mut groups = self.directories().filter(|name| name.starts_with("group-"));
        groups.any(|name| self.below(name).is_some_and(|group| group.is_group()))
    }
}

/// `<term>-<index>-<milliseconds>`, as hashicorp/raft names the directory of a snapshot; `.tmp` behind it while it is made.
fn is_hashicorp_snapshot(name: &str) -> bool {
    let parts: Vec<_> = name.strip_suffix(".tmp").unwrap_or(name).split('-').collect();
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    // A date has three numbers too; milliseconds since 1970 have more than twelve digits.
    parts.len() == 3 && parts.iter().all(is_number) && parts.last().is_some_and(|millis| millis.len() >= 12)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "these tests make what they read")]
mod tests {
    use super::*;
    use crate::readers::Local;
    use std::fs;

    fn tree(paths: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for path in paths {
            let path = root.path().join(path);
            if path.to_string_lossy().ends_with('/') {
                fs::create_dir_all(path).unwrap();
            } else {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, "x").unwrap();
            }
        }
        root
    }

    fn of(paths: &[&str]) -> Option<Territory> {
        Territory::of(tree(paths).path(), &Local)
    }

    #[test]
    fn every_kind_is_recognised() {
        for (paths, expected) in [
            (&["MANIFEST-000001"][..], Territory::Store),
            (&["000004.sst"], Territory::Store),
            (&["marker.manifest.000001.MANIFEST-000001"], Territory::Store),
            (&["0000000000000000-0000000000000000.wal"], Territory::Log),
            (&["00000000000000000001-0000000000000000.wal"], Territory::Log),
            (&["wal-meta.db"], Territory::Log),
            (&["0000000000000002-000000000000001e.snap"], Territory::Envelopes),
            (&["000000000000001e.fsm"], Territory::Payloads),
            (&["raft-engine"], Territory::Group),
            (&["etcd-raft-state.bin"], Territory::Group),
            (&["fsm.db/"], Territory::Group),
            (&["wal/", "snap/"], Territory::Group),
            (&["wal/0000000000000000-0000000000000000.wal"], Territory::Group),
            (&["raft.db", "snapshots/"], Territory::Group),
            (&["snapshots/2-43-1795229132436/"], Territory::Node),
            (&["2-43-1795229132436/state.bin"], Territory::HashicorpSnapshots),
            (&["state.bin", "meta.json"], Territory::HashicorpSnapshots),
            (&["member/wal/", "member/snap/"], Territory::Node),
            (&["group-1/wal/", "group-1/snap/", "notes.txt"], Territory::Node),
            (&["group-1/raft-engine", "old/holiday.jpg"], Territory::Node),
            (&["n1/raft-engine", "n2/group-1/fsm.db/", "n3/", "lost+found/x", "keys.json"], Territory::DataDir),
            (&["v1/groups/2/snapshots/"], Territory::ObjectStore),
            (&["payloads/sha256/d5/"], Territory::ObjectStore),
            (&["prod/east/v1/payloads/sha256/"], Territory::ObjectStore),
        ] {
            assert_eq!(of(paths), Some(expected), "{paths:?}");
        }
    }

    #[test]
    fn names_that_others_use_are_not_enough() {
        for paths in [
            &[][..],
            &["snap/firefox/common/", "Documents/letter.txt"],
            &["wal/paper.txt"],
            &["n1/raft-engine", "reports/one.json"],
            &["000002.log", "syslog"],
            &["v1/index.html"],
            &["2026-11-26/x"],
            &["group-1/photo.jpg"],
        ] {
            assert_eq!(of(paths), None, "{paths:?}");
        }
    }

    #[test]
    fn an_empty_directory_with_a_telling_name_is_recognised() {
        let root = tree(&["n1/fsm.db/", "n1/FSM-SNAP/"]);
        assert_eq!(Territory::of(&root.path().join("n1/fsm.db"), &Local), Some(Territory::Store));
        assert_eq!(Territory::of(&root.path().join("n1/FSM-SNAP"), &Local), Some(Territory::Payloads));
        assert_eq!(Territory::of(&root.path().join("gone"), &Local), None);
    }
}
