//! What a start does to a group directory before it looks at the log: refusals by name, and what it deletes.

use crate::analysis::ServerError;
use crate::readers::{EntryKind, GroupListing, SmallFact, SubDir};
use crate::types::Engine;

/// Leftovers of another Raft library; any one of them is refused.
const HASHICORP_ARTEFACTS: &[&str] = &["raft.db", "logs.dat", "stable.dat"];
/// Payloads that are being received, in the group directory and in `fsm-snap/`.
const SPOOL_PREFIX: &str = "elastickv-etcd-snapshot-";
/// The four legacy state files and the peers file, whose replace temps are removed when there is no log.
const REPLACED_FILES: &[&str] =
    &["etcd-raft-state.bin", "etcd-raft-meta.bin", "etcd-raft-entries.bin", "etcd-fsm-snapshot.bin", "etcd-raft-peers.bin"];

/// Refusals because of what the directory's names and its marker say, in the server's order.
pub fn refuse_by_name(listing: &GroupListing) -> Option<ServerError> {
    match &listing.marker {
        SmallFact::Bytes(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            let name = text.trim().to_lowercase();
            match name.as_str() {
                "" | "etcd" => {}
                "hashicorp" => {
                    return Some(ServerError::new("ErrRaftEngineDataDir", "raft data dir belongs to a different raft engine"));
                }
                _ => {
                    let text = format!("invalid raft engine marker {name:?}: unsupported raft engine");
                    return Some(ServerError::new("ErrUnsupportedRaftEngine", text));
                }
            }
        }
        SmallFact::Unreadable(why) => {
            return Some(ServerError::new("raft-engine", format!("read raft-engine: {why}")));
        }
        SmallFact::Absent => {}
    }
    HASHICORP_ARTEFACTS.iter().any(|name| listing.has(name)).then(|| {
        ServerError::new(
            "ErrLegacyHashicorpDataDir",
            "raft data dir contains legacy hashicorp/raft artifacts; hashicorp backend has been removed, manual migration to \
             etcd is required",
        )
    })
}

/// What the directory preparation removes, up to where it would stop.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preparation {
    /// Paths below the group directory, sorted.
    pub deletes: Vec<String>,
    /// Why the start ends here, if it does.
    pub abort: Option<ServerError>,
}

/// Deletes spools, unfinished payloads and payloads that no `.snap` name refers to.
///
/// Only names are consulted: an empty or lost `snap/` lets every payload go.
pub fn prepare(listing: &GroupListing, live: &[u64]) -> Preparation {
    let mut done = Preparation::default();
    for (prefix, entries, context) in [
        ("", listing.root.as_slice(), "cleanup stale snapshot spools"),
        ("fsm-snap/", listing.fsm_snap.entries(), "cleanup stale snapshot spools (fsm-snap dir)"),
    ] {
        for entry in entries.iter().filter(|entry| entry.name.starts_with(SPOOL_PREFIX)) {
            let path = format!("{prefix}{}", entry.name);
            // An empty directory can be removed like a file; one with content cannot.
            if listing.spool_dirs.get(&path).is_some_and(|&content| content > 0) {
                let text = format!("remove {path}: directory not empty");
                done.abort = Some(ServerError::new(context, text).wrapped(context));
                done.deletes.sort();
                return done;
            }
            done.deletes.push(path);
        }
    }
    if listing.fsm_snap == SubDir::NotADirectory {
        let text = "mkdir fsm-snap: not a directory";
        done.abort = Some(ServerError::new("not a directory", text));
        return done;
    }
    for entry in listing.fsm_snap.entries() {
        if entry.name.starts_with(SPOOL_PREFIX) {
            continue;
        }
        let unfinished = entry.name.ends_with(".fsm.tmp") && entry.kind != EntryKind::Directory;
        if unfinished || is_orphan(entry.name.as_str(), entry.kind, live) {
            done.deletes.push(format!("fsm-snap/{}", entry.name));
        }
    }
    done.deletes.sort();
    done
}

/// True for a payload whose index no `.snap` name carries. A name that is not an index is ignored by the server.
fn is_orphan(name: &str, kind: EntryKind, live: &[u64]) -> bool {
    let Some(stem) = name.strip_suffix(".fsm") else { return false };
    kind != EntryKind::Directory && parse_hex(stem).is_some_and(|index| !live.contains(&index))
}

/// A base-16 u64 as the server's parser takes it: digits only, no sign, no prefix, any number of leading zeros.
fn parse_hex(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u64::from_str_radix(text, 16).ok()
}

/// Temporary files that are removed only when there is no log.
pub fn replace_temps(listing: &GroupListing) -> Vec<String> {
    let is_temp =
        |name: &str| REPLACED_FILES.iter().any(|file| name.strip_prefix(file).is_some_and(|rest| rest.starts_with(".tmp-")));
    listing.root.iter().map(|entry| entry.name.clone()).filter(|name| is_temp(name)).collect()
}

/// True when some name in `wal/` ends in `.wal`: the start then reads the log instead of looking for legacy files.
pub fn has_log(listing: &GroupListing) -> bool {
    listing.wal.entries().iter().any(|entry| entry.name.ends_with(".wal"))
}

/// Which server has opened the directory, by what only newer ones leave behind; and the reason in words.
pub fn guess_engine(listing: &GroupListing, peers_version: Option<u32>, newer_payload: bool) -> (Engine, &'static str) {
    if peers_version == Some(3) {
        (Engine::Main, "the peers file has version 3, which only main writes")
    } else if newer_payload {
        (Engine::Main, "a snapshot has a header or payload that only main writes")
    } else if listing
        .root
        .iter()
        .any(|entry| ["fsm.db-restore-backup-", "fsm.db-sst-"].iter().any(|prefix| entry.name.starts_with(prefix)))
    {
        (Engine::Main, "the directory holds work areas of the store that only main makes")
    } else {
        (Engine::Pr934, "nothing in the directory shows that main has opened it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readers::DirEntry;

    fn file(name: &str) -> DirEntry {
        DirEntry { name: name.to_owned(), kind: EntryKind::File, size: 1 }
    }

    fn dir(name: &str) -> DirEntry {
        DirEntry { name: name.to_owned(), kind: EntryKind::Directory, size: 0 }
    }

    #[test]
    fn spools_temps_and_orphans_go_and_odd_names_stay() {
        let listing = GroupListing {
            root: vec![file("elastickv-etcd-snapshot-9"), dir("fsm-snap")],
            fsm_snap: SubDir::Listed(vec![
                file("0000000000000014.fsm"),
                file("0000000000000019.fsm"),
                file("19.fsm"),
                dir("20.fsm"),
                file("abc.fsm.tmp"),
                dir("dir.fsm.tmp"),
                file("elastickv-etcd-snapshot-10"),
                file("xyz.fsm"),
            ]),
            ..GroupListing::default()
        };
        let done = prepare(&listing, &[0x14]);
        assert_eq!(done.abort, None);
        assert_eq!(
            done.deletes,
            [
                "elastickv-etcd-snapshot-9",
                "fsm-snap/0000000000000019.fsm",
                "fsm-snap/19.fsm",
                "fsm-snap/abc.fsm.tmp",
                "fsm-snap/elastickv-etcd-snapshot-10"
            ]
        );
    }

    #[test]
    fn a_spool_directory_with_content_stops_the_start() {
        let name = "elastickv-etcd-snapshot-x";
        let listing =
            GroupListing { root: vec![dir(name)], spool_dirs: [(name.to_owned(), 2)].into(), ..GroupListing::default() };
        let abort = prepare(&listing, &[]).abort.unwrap();
        assert!(abort.text.starts_with("cleanup stale snapshot spools: remove"), "{}", abort.text);
        let empty = GroupListing { root: vec![dir(name)], spool_dirs: [(name.to_owned(), 0)].into(), ..GroupListing::default() };
        assert_eq!(prepare(&empty, &[]).deletes, [name]);
    }

    #[test]
    fn markers() {
        let with = |marker: &str| GroupListing { marker: SmallFact::Bytes(marker.into()), ..GroupListing::default() };
        for fine in ["etcd\n", " ETCD ", "", "\n"] {
            assert_eq!(refuse_by_name(&with(fine)), None, "{fine:?}");
        }
        assert_eq!(refuse_by_name(&with("hashicorp")).unwrap().error, "ErrRaftEngineDataDir");
        assert_eq!(refuse_by_name(&with("zzz")).unwrap().error, "ErrUnsupportedRaftEngine");
        let artefact = GroupListing { root: vec![file("raft.db")], ..GroupListing::default() };
        assert_eq!(refuse_by_name(&artefact).unwrap().error, "ErrLegacyHashicorpDataDir");
    }
}
