//! Directories: what stands in them and what a start makes of each entry.

use serde_json::json;

use super::{Description, List};
use crate::analysis::Finding;
use crate::analysis::codes::files as codes;
use crate::formats::detect::kind_of_name;
use crate::formats::fsm::{is_received_spool, is_unfinished};
use crate::formats::peers::PeersFile;
use crate::readers::subject::{DirectoryFacts, DirectoryKind, GroupFacts};
use crate::readers::{DirEntry, EntryKind, SmallFact};
use crate::types::{ByteSize, Escaped, escape};

/// Entries of one directory that are listed one by one.
const LISTED: usize = 200;

pub(super) fn describe(facts: &DirectoryFacts) -> Description {
    let (kind, title, why) = match facts.kind {
        DirectoryKind::RaftData => ("raft-data", "raft data directory", "nodes with groups below it"),
        DirectoryKind::Node => ("node", "node directory", "group-<n> directories in it"),
        DirectoryKind::Group => ("group", "directory of one Raft group", "the names in it"),
        DirectoryKind::Wal => ("wal", "Raft log", "segments in it, or its name"),
        DirectoryKind::Snap => ("snap", "snapshot envelopes", ".snap files in it, or its name"),
        DirectoryKind::FsmSnap => ("fsm-snap", "snapshot payloads", ".fsm files in it, or its name"),
        DirectoryKind::Store => ("store", "Pebble store", "its files, or its name"),
        DirectoryKind::Encryption => ("encryption", "directory of the key sidecar", "keys.json in it"),
        DirectoryKind::Unknown => ("unknown", "not recognised", "nothing in it is known"),
    };
    let mut it = Description { kind, title: title.to_owned(), why: why.to_owned(), ..Description::default() };
    let files = facts.entries.iter().filter(|entry| entry.kind == EntryKind::File);
    it.plain("files", files.clone().count());
    it.fact("bytes", size_of(&facts.entries), ByteSize(size_of(&facts.entries)));
    match (facts.kind, facts.groups.as_slice()) {
        (DirectoryKind::Group, [only]) => group(&mut it, only),
        (DirectoryKind::Group | DirectoryKind::Node | DirectoryKind::RaftData, groups) => list_groups(&mut it, groups),
        _ => {}
    }
    if facts.kind != DirectoryKind::RaftData {
        list_entries(&mut it, facts);
    }
    // A directory's page says what is there. That nothing in it was checked must not read as "fine".
    it.coverage.missing("the content of the files", "name a file, or use gate-dryrun, wal verify, verify-snapshot, store verify");
    it
}

fn size_of(entries: &[DirEntry]) -> u64 {
    entries.iter().fold(0, |sum, entry| sum.saturating_add(entry.size))
}

fn group(it: &mut Description, facts: &GroupFacts) {
    let GroupFacts { group, listing, store } = facts;
    it.plain("raft_id", escape(&group.raft_id).into_owned());
    if let Some(number) = group.group_id {
        it.plain("group_id", number);
    }
    match &listing.marker {
        SmallFact::Absent => it.fact("engine", json!(null), "no marker; a start writes one"),
        SmallFact::Directory => it.fact("engine", json!(null), "a directory; a start is refused"),
        SmallFact::Unreadable(why) => it.fact("engine", json!(null), format_args!("cannot be read: {why}")),
        SmallFact::Bytes(bytes) => it.plain("engine", Escaped(bytes.trim_ascii()).to_string()),
    }
    let members = match peers(facts) {
        Some(Ok(text)) => Some(text),
        Some(Err(finding)) => {
            let text = finding.message.clone();
            it.findings.push(*finding);
            Some(text)
        }
        None => None,
    };
    it.fact("peers", json!(members), members.as_deref().unwrap_or("none"));
    let segments = count(listing.wal.entries(), ".wal");
    let log_bytes = listing.wal.entries().iter().filter(|entry| entry.name.ends_with(".wal")).map(|entry| entry.size).sum();
    it.fact("wal_segments", segments, format_args!("{segments}, {}", ByteSize(log_bytes)));
    it.plain("snapshots", count(listing.snap.entries(), ".snap"));
    if let Some(newest) = newest(facts) {
        it.plain("newest_snapshot", newest);
    }
    let payloads = count(listing.fsm_snap.entries(), ".fsm");
    it.fact("payloads", payloads, format_args!("{payloads}, {}", ByteSize(size_of(listing.fsm_snap.entries()))));
    it.fact("store_bytes", size_of(store), format_args!("{} in {} files", ByteSize(size_of(store)), store.len()));
}

fn peers(facts: &GroupFacts) -> Option<Result<String, Box<Finding>>> {
    match &facts.listing.peers {
        SmallFact::Absent => None,
        SmallFact::Directory => Some(Ok("a directory; a start is refused".to_owned())),
        SmallFact::Unreadable(why) => Some(Ok(format!("cannot be read: {why}"))),
        SmallFact::Bytes(bytes) => Some(match PeersFile::decode_any(bytes) {
            Ok(file) => Ok(format!("{} at index {}, version {}", file.peers.len(), file.index, file.version)),
            Err(error) => {
                let path = format!("{}/etcd-raft-peers.bin", facts.group.display());
                Err(Box::new(
                    Finding::new(&codes::PEERS_REFUSED, format!("It does not fit its format: {}", error.kind))
                        .at(path)
                        .offset(error.at),
                ))
            }
        }),
    }
}

fn newest(facts: &GroupFacts) -> Option<String> {
    let names = facts.listing.snap.entries().iter().map(|entry| &entry.name);
    names.filter(|name| name.ends_with(".snap")).max().map(|name| escape(name).into_owned())
}

fn count(entries: &[DirEntry], ending: &str) -> usize {
    entries.iter().filter(|entry| entry.name.ends_with(ending)).count()
}

fn list_groups(it: &mut Description, groups: &[GroupFacts]) {
    it.plain("groups", groups.len());
    let row = |facts: &GroupFacts| {
        vec![
            escape(&facts.group.display()).into_owned(),
            escape(&facts.group.raft_id).into_owned(),
            facts.group.group_id.map_or_else(|| "-".to_owned(), |number| number.to_string()),
            newest(facts).unwrap_or_else(|| "-".to_owned()),
            count(facts.listing.wal.entries(), ".wal").to_string(),
            ByteSize(size_of(&facts.store)).to_string(),
        ]
    };
    let columns = &["directory", "raft id", ">group", "newest snapshot", ">segments", ">store"];
    it.lists.push(List { name: "groups", columns, rows: groups.iter().map(row).collect() });
}

fn list_entries(it: &mut Description, facts: &DirectoryFacts) {
    let row = |entry: &DirEntry| {
        let size = match entry.kind {
            EntryKind::File => ByteSize(entry.size).to_string(),
            EntryKind::Directory => "dir".to_owned(),
            EntryKind::Other => "special".to_owned(),
        };
        let (what, start) = entry_role(facts.kind, entry);
        vec![escape(&entry.name).into_owned(), size, what.to_owned(), start.to_owned()]
    };
    let rows = facts.entries.iter().take(LISTED).map(row).collect();
    it.lists.push(List { name: "entries", columns: &["name", ">size", "what it is", "a start"], rows });
    if facts.entries.len() > LISTED {
        it.fact("entries_not_listed", facts.entries.len() - LISTED, facts.entries.len() - LISTED);
    }
}

/// What an entry is, and what a start does with it.
fn entry_role(place: DirectoryKind, entry: &DirEntry) -> (&'static str, &'static str) {
    let name = entry.name.as_str();
    if entry.kind == EntryKind::Directory {
        return directory_role(name);
    }
    if is_unfinished(name) || is_received_spool(name) {
        return ("unfinished snapshot", "deletes it");
    }
    if name.ends_with(".snap.broken") {
        return ("unreadable envelope", "ignores it");
    }
    if name.ends_with(".wal.broken") {
        return ("copy before a repair", "ignores it");
    }
    if matches!(name, "raft.db" | "logs.dat" | "stable.dat") && place == DirectoryKind::Group {
        return ("hashicorp leftover", "is refused");
    }
    if name.contains(".bin.tmp-") {
        return ("unfinished replacement", "ignores it, or deletes it without a log");
    }
    let Some((kind, _)) = kind_of_name(name) else { return ("-", "ignores it") };
    let start = match (place, kind.name()) {
        (DirectoryKind::Group, "peers") => "reads it first, rewrites it",
        (DirectoryKind::Group, "engine-marker") => "reads it",
        (DirectoryKind::Group, "legacy-state" | "legacy-metadata" | "legacy-entries") => "reads it only without a log",
        (DirectoryKind::Snap, "snapshot-envelope") => "chooses among them",
        (DirectoryKind::FsmSnap, "snapshot-payload") => "keeps it while a .snap names it",
        (DirectoryKind::Wal, "wal-segment") => "reads it",
        (DirectoryKind::Wal, "wal-reserve") => "overwrites it",
        (DirectoryKind::Encryption, "key-sidecar") => "reads it, raises the epoch",
        (DirectoryKind::Store, _) => "opens the store",
        _ => "-",
    };
    (kind.title(), start)
}

fn directory_role(name: &str) -> (&'static str, &'static str) {
    match name {
        "wal" => ("Raft log", "reads it"),
        "wal.tmp" => ("log under creation", "deletes it when it makes a log"),
        "snap" => ("snapshot envelopes", "chooses one"),
        "fsm-snap" => ("snapshot payloads", "reads one, deletes orphans"),
        "fsm.db" => ("the store", "opens it first"),
        _ if name.starts_with("fsm.db-restore-backup-") => ("store before a restore", "main: takes it back if fsm.db is gone"),
        _ if name.starts_with("fsm.db-sst-") => ("table snapshot work area", "main: deletes it"),
        _ if name.starts_with("fsm.db-pebble-native-") || name == "fsm.db.restore-tmp" => ("unfinished restore", "leaves it"),
        _ if name.starts_with("group-") => ("directory of a group", "opens it if configured"),
        _ if is_received_spool(name) => ("named like a spool", "is refused if it is not empty"),
        _ => ("-", "ignores it"),
    }
}
