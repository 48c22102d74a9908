//! What a start does to a group directory before it looks at the log: refusals by name, and what it deletes.

use crate::analysis::ServerError;
use crate::analysis::server::conditions;
use crate::formats::layout;
use crate::readers::{DEFRAG_PREFIX, EntryKind, GroupListing, SPOOL_PREFIX, SmallFact, SubDir};
use crate::types::{ServerTraits, ServerVersion, go_quoted};

/// Leftovers of another Raft library; any one of them is refused.
const HASHICORP_ARTEFACTS: &[&str] = &[layout::RAFT_DB, layout::LOGS_DAT, layout::STABLE_DAT];
/// The four legacy state files and the peers file, whose replace temps are removed when there is no log.
const REPLACED_FILES: &[&str] =
    &[layout::LEGACY_STATE, layout::LEGACY_METADATA, layout::LEGACY_ENTRIES, layout::LEGACY_PAYLOAD, layout::PEERS];

/// Refusals because of what the directory's names and its marker say, in the server's order.
pub fn refuse_by_name(listing: &GroupListing) -> Option<ServerError> {
    // The server follows links: one to nothing is no artefact.
    let there = |name: &str| listing.kind(name).is_some_and(|kind| kind != EntryKind::Nowhere);
    if let Some(refusal) = refuse_hashicorp(there) {
        return Some(refusal);
    }
    match &listing.marker {
        // Whether a server can read what this program cannot is not known.
        SmallFact::Absent | SmallFact::Unreadable(_) => None,
        // It is taken for absent and made, through the link.
        SmallFact::Nowhere => {
            let text = "open raft-engine: no such file or directory";
            Some(ServerError::of(&conditions::NO_SUCH_FILE, text).named(text))
        }
        SmallFact::Directory => {
            Some(ServerError::of(&conditions::IS_A_DIRECTORY, "read raft-engine: is a directory").named(layout::ENGINE_MARKER))
        }
        SmallFact::Bytes(bytes) => {
            let text = String::from_utf8_lossy(bytes);
            let known = ["", "etcd"].iter().any(|name| text.trim().eq_ignore_ascii_case(name));
            // No other engine has a name any more.
            (!known).then(|| {
                let shown = go_quoted(trim_white_space(bytes));
                let text = format!("invalid raft engine marker raft-engine: {shown}: unsupported raft engine");
                ServerError::of(&conditions::UNSUPPORTED_RAFT_ENGINE, text)
            })
        }
    }
}

/// The refusal of a directory of hashicorp/raft, which looks at names alone.
pub fn refuse_hashicorp(there: impl Fn(&str) -> bool) -> Option<ServerError> {
    let text = "raft data dir contains legacy hashicorp/raft artifacts; hashicorp backend has been removed, manual migration to \
                etcd is required";
    let refused = HASHICORP_ARTEFACTS.iter().any(|name| there(name));
    refused.then(|| ServerError::of(&conditions::LEGACY_HASHICORP_DATA_DIR, text))
}

/// As `trim` of text, for bytes that may be none.
fn trim_white_space(bytes: &[u8]) -> &[u8] {
    std::str::from_utf8(bytes).map_or(bytes.trim_ascii(), |text| text.trim().as_bytes())
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
/// `live` are the indexes in those names, ascending. Only names are consulted: an empty or lost `snap/` lets every payload go.
pub fn prepare(listing: &GroupListing, live: &[u64]) -> Preparation {
    let mut done = Preparation::default();
    for (prefix, entries, context) in [
        ("", listing.root.as_slice(), "cleanup stale snapshot spools"),
        ("fsm-snap/", listing.fsm_snap.entries(), "cleanup stale snapshot spools (fsm-snap dir)"),
    ] {
        for entry in entries.iter().filter(|entry| entry.name.starts_with(SPOOL_PREFIX)) {
            let path = format!("{prefix}{}", entry.name);
            // An empty directory can be removed like a file; one with content cannot, and the start ends after the others.
            if listing.spool_dirs.get(&path).is_some_and(|&content| content > 0) {
                let text = format!("remove {path}: directory not empty");
                done.abort
                    .get_or_insert_with(|| ServerError::of(&conditions::SPOOL_CLEANUP, text).named(context).wrapped(context));
            } else {
                done.deletes.push(path);
            }
        }
        if done.abort.is_some() {
            done.deletes.sort();
            return done;
        }
    }
    if listing.fsm_snap == SubDir::NotADirectory {
        let text = "mkdir fsm-snap: not a directory";
        done.abort = Some(ServerError::of(&conditions::NOT_A_DIRECTORY, text));
        return done;
    }
    for entry in listing.fsm_snap.entries() {
        if entry.name.starts_with(SPOOL_PREFIX) {
            continue;
        }
        let unfinished = entry.name.ends_with(".fsm.tmp") && entry.kind != EntryKind::Directory;
        if unfinished || is_orphan(entry.name.as_str(), entry.kind, live) {
            done.deletes.push(layout::in_payloads(&entry.name));
        }
    }
    done.deletes.sort();
    done
}

/// True for a payload whose index no `.snap` name carries. A name that is not an index is ignored by the server.
fn is_orphan(name: &str, kind: EntryKind, live: &[u64]) -> bool {
    let Some(stem) = name.strip_suffix(".fsm") else { return false };
    kind != EntryKind::Directory && parse_hex(stem).is_some_and(|index| live.binary_search(&index).is_err())
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

/// What creating a log removes: all that stands where it is put together, and where it is put.
pub fn replaced_by_a_new_log(listing: &GroupListing) -> Vec<String> {
    let mut deletes: Vec<_> = listing.wal.entries().iter().map(|entry| layout::in_wal(&entry.name)).collect();
    if listing.wal == SubDir::NotADirectory {
        deletes.push(layout::WAL.to_owned());
    }
    if listing.has("wal.tmp") {
        deletes.push("wal.tmp".to_owned());
    }
    deletes
}

/// What the choice of a snapshot removes from `snap/`, and whether the start ends over it.
pub fn defragmentation_leftovers(listing: &GroupListing) -> Preparation {
    let mut done = Preparation::default();
    for entry in listing.snap.entries().iter().filter(|entry| entry.name.starts_with(DEFRAG_PREFIX)) {
        let path = layout::in_snap(&entry.name);
        if listing.spool_dirs.get(&path).is_some_and(|&content| content > 0) {
            let context = "failed to remove orphaned .snap.db file";
            let text = format!("{context} {}: remove {path}: directory not empty", entry.name);
            done.abort = Some(ServerError::of(&conditions::DEFRAGMENTATION_LEFTOVER, text).named(context));
            return done;
        }
        done.deletes.push(path);
    }
    done
}

/// Which server has opened the directory, by what only newer ones leave behind; and the reason in words.
///
/// `peers_version` is that of the peers file, `newer_payload` says that a payload has a header or a body that came with table
/// bundles.
pub fn guess_version(listing: &GroupListing, peers_version: Option<u32>, newer_payload: bool) -> (ServerVersion, String) {
    let [oldest, ..] = ServerVersion::ALL;
    let since = |shows: &dyn Fn(&ServerTraits) -> bool| ServerVersion::oldest_that(shows).filter(|version| *version != oldest);
    let beside = |prefix: &str| listing.root.iter().any(|entry| entry.name.starts_with(prefix));
    let peers = peers_version.and_then(|written| {
        let version = since(&|traits| traits.peers_up_to >= written)?;
        Some((version, format!("the peers file has version {written}, which only {version} writes")))
    });
    let payload = newer_payload.then(|| {
        let version = since(&|traits| traits.reads_table_bundles)?;
        Some((version, format!("a snapshot has a header or payload that only {version} writes")))
    });
    let areas = (beside(layout::RESTORE_BACKUP) || beside("fsm.db-sst-")).then(|| {
        let version = since(&|traits| traits.promotes_restore_backup)?;
        Some((version, format!("the directory holds work areas of the store that only {version} makes")))
    });
    // The newest version that a trace asks for; of equal ones the first trace.
    let traces = [areas.flatten(), payload.flatten(), peers];
    traces.into_iter().flatten().max_by_key(|(version, _)| *version).unwrap_or_else(|| {
        let newest = ServerVersion::NEWEST;
        (oldest, format!("nothing in the directory shows that {newest} has opened it"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readers::DirEntry;

    fn file(name: &str) -> DirEntry {
        DirEntry::named(name.to_owned(), EntryKind::File).of_size(1)
    }

    fn dir(name: &str) -> DirEntry {
        DirEntry::named(name.to_owned(), EntryKind::Directory)
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
        let another = GroupListing {
            root: vec![dir(name), file("elastickv-etcd-snapshot-y")],
            spool_dirs: [(name.to_owned(), 2)].into(),
            ..GroupListing::default()
        };
        assert_eq!(prepare(&another, &[]).deletes, ["elastickv-etcd-snapshot-y"]);
    }

    #[test]
    fn a_new_log_takes_the_place_of_all_that_stood_there() {
        let listing = GroupListing {
            root: vec![dir("wal"), dir("wal.tmp")],
            wal: SubDir::Listed(vec![file("0.tmp"), file("0000000000000000-0000000000000000.wal.bak"), dir("old")]),
            ..GroupListing::default()
        };
        assert_eq!(
            replaced_by_a_new_log(&listing),
            ["wal/0.tmp", "wal/0000000000000000-0000000000000000.wal.bak", "wal/old", "wal.tmp"]
        );
    }

    #[test]
    fn leftovers_of_a_defragmentation_go_unless_they_are_full_directories() {
        let listing = GroupListing { snap: SubDir::Listed(vec![file("db.tmp1"), file("x.snap")]), ..GroupListing::default() };
        assert_eq!(defragmentation_leftovers(&listing), Preparation { deletes: vec!["snap/db.tmp1".into()], abort: None });
        let full = GroupListing {
            snap: SubDir::Listed(vec![dir("db.tmp1")]),
            spool_dirs: [("snap/db.tmp1".to_owned(), 1)].into(),
            ..GroupListing::default()
        };
        let abort = defragmentation_leftovers(&full).abort.unwrap();
        assert!(abort.text.starts_with("failed to remove orphaned .snap.db file db.tmp1: remove "), "{}", abort.text);
    }

    #[test]
    fn markers() {
        let with = |marker: &str| GroupListing { marker: SmallFact::Bytes(marker.into()), ..GroupListing::default() };
        for fine in ["etcd\n", " ETCD ", "", "\n"] {
            assert_eq!(refuse_by_name(&with(fine)), None, "{fine:?}");
        }
        // The reader of the marker knows one name, and says so before it compares engines.
        for other in ["hashicorp\n", "zzz", "etcd\0"] {
            assert_eq!(refuse_by_name(&with(other)).unwrap().error, "ErrUnsupportedRaftEngine", "{other:?}");
        }
        let shown = refuse_by_name(&with("etcd\n8m\0")).unwrap().text;
        assert_eq!(shown, r#"invalid raft engine marker raft-engine: "etcd\n8m\x00": unsupported raft engine"#);
        let unmade = GroupListing { marker: SmallFact::Nowhere, ..GroupListing::default() };
        assert_eq!(refuse_by_name(&unmade).unwrap().text, "open raft-engine: no such file or directory");
        let link = DirEntry { kind: EntryKind::Nowhere, ..file("raft.db") };
        assert_eq!(refuse_by_name(&GroupListing { root: vec![link], ..with("etcd") }), None, "a link to nothing");
        // Artefacts are looked for before the marker is read.
        let artefact = GroupListing { root: vec![file("raft.db")], ..with("zzz") };
        assert_eq!(refuse_by_name(&artefact).unwrap().error, "ErrLegacyHashicorpDataDir");
    }
}
