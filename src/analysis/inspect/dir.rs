//! Directories: what stands in them and what a start makes of each entry.

use serde_json::json;

use super::{Description, GroupState, List, inside};
use crate::analysis::Finding;
use crate::analysis::judge::codes::files as codes;
use crate::formats::detect::kind_of_name;
use crate::formats::fsm::{FsmName, is_received_spool, is_unfinished};
use crate::formats::layout;
use crate::formats::peers::PeersFile;
use crate::readers::locate::DirectoryKind;
use crate::readers::subject::{DirectoryFacts, GroupFacts};
use crate::readers::{DirEntry, EntryKind, SmallFact};
use crate::types::{ByteSize, Count, Escaped, escape};

/// Entries of one directory that are listed one by one.
const LISTED: usize = 200;

pub(super) fn describe(facts: &DirectoryFacts, states: &[GroupState]) -> Description {
    let (kind, title, why) = match facts.kind {
        DirectoryKind::RaftData => ("raft-data", "raft data directory", "nodes with groups below it"),
        DirectoryKind::Node => ("node", "node directory", "group-<n> directories in it"),
        DirectoryKind::Group => ("group", "directory of one Raft group", "the names in it"),
        DirectoryKind::Wal => ("wal", "Raft log", by_name(facts, "segments in it")),
        DirectoryKind::Snap => ("snap", "snapshot envelopes", by_name(facts, ".snap files in it")),
        DirectoryKind::FsmSnap => ("fsm-snap", "snapshot payloads", by_name(facts, ".fsm files in it")),
        DirectoryKind::Store => ("store", "Pebble store", by_name(facts, "its files")),
        DirectoryKind::Encryption => ("encryption", "directory of the key sidecar", "keys.json in it"),
        DirectoryKind::OffloadStore => ("offload-store", "store of offloaded snapshots", "v1/groups or v1/payloads in it"),
        DirectoryKind::Dump => ("dump", "dump of the offline tools", "MANIFEST.json or CHECKSUMS beside the data"),
        DirectoryKind::Unknown if facts.entries.is_empty() => ("unknown", "an empty directory", "nothing is in it"),
        DirectoryKind::Unknown => ("unknown", "not recognised", "nothing in it is known"),
    };
    let mut page = Description { kind, title: title.to_owned(), why: why.to_owned(), ..Description::default() };
    let files = facts.entries.iter().filter(|entry| entry.kind == EntryKind::File);
    // What lies deeper is examined too, and counted below.
    let (count, bytes) = (files.clone().count(), size_of(&facts.entries));
    page.fact("files", count, if count == 0 { "none directly in it".to_owned() } else { count.to_string() });
    page.fact("bytes", bytes, if count == 0 { "none directly in it".to_owned() } else { ByteSize(bytes).to_string() });
    match (facts.kind, facts.groups.as_slice()) {
        (DirectoryKind::Group, [only]) => group(&mut page, only, states.first()),
        (DirectoryKind::Group | DirectoryKind::Node | DirectoryKind::RaftData, groups) => {
            list_groups(&mut page, facts, groups, states);
        }
        (_, groups) => {
            inside::describe(&mut page, &facts.inside, &facts.display);
            if !groups.is_empty() {
                list_groups(&mut page, facts, groups, states);
            }
        }
    }
    if facts.kind != DirectoryKind::RaftData {
        list_entries(&mut page, facts);
    }
    for part in &facts.unplaced {
        let what = part.path.display().to_string();
        if part.needed { page.coverage.missing(what, part.why.clone()) } else { page.coverage.skipped(what, part.why.clone()) }
    }
    if facts.kind == DirectoryKind::Dump {
        page.coverage.skipped("the files of the dump", "verify-snapshot compares them with CHECKSUMS");
    }
    if facts.kind == DirectoryKind::Unknown {
        let why = if facts.entries.is_empty() {
            "it is empty: a start with it would begin a new node"
        } else {
            "nothing in it is known; if a node's directory lies below, name that"
        };
        page.coverage.missing(facts.display.clone(), why);
    } else {
        page.coverage.skipped("whether the content is intact", "inspect says what is there; the next step checks it");
    }
    page
}

/// What a directory was recognised by: its files, or its name alone.
fn by_name(facts: &DirectoryFacts, files: &'static str) -> &'static str {
    let named = match facts.kind {
        DirectoryKind::Wal => count(&facts.entries, ".wal"),
        DirectoryKind::Snap => count(&facts.entries, ".snap"),
        DirectoryKind::FsmSnap => count(&facts.entries, ".fsm"),
        _ => facts.entries.len(),
    };
    if named == 0 { "its name alone" } else { files }
}

fn size_of(entries: &[DirEntry]) -> u64 {
    entries.iter().fold(0, |sum, entry| sum.saturating_add(entry.size))
}

fn group(page: &mut Description, facts: &GroupFacts, state: Option<&GroupState>) {
    let GroupFacts { group, listing, store } = facts;
    page.plain("raft_id", escape(&group.raft_id).into_owned());
    if let Some(number) = group.group_id {
        page.plain("group_id", number);
    }
    match &listing.marker {
        SmallFact::Absent => page.fact("engine", json!(null), "no marker; a start writes one"),
        SmallFact::Nowhere => page.fact("engine", json!(null), "a link to nothing; a start is refused"),
        SmallFact::Directory => page.fact("engine", json!(null), "a directory; a start is refused"),
        SmallFact::Unreadable(why) => page.fact("engine", json!(null), format_args!("cannot be read: {why}")),
        SmallFact::Bytes(bytes) => page.plain("engine", Escaped(bytes.trim_ascii()).to_string()),
    }
    let members = match peers(facts) {
        Some(Ok(text)) => Some(text),
        Some(Err(finding)) => {
            let text = finding.message.clone();
            page.findings.push(*finding);
            Some(text)
        }
        None => None,
    };
    page.fact("peers", json!(members), members.as_deref().unwrap_or("none"));
    match state {
        Some(GroupState { unreadable: Some(why), .. }) => page.coverage.missing(group.display(), why.clone()),
        Some(state) => super::group::describe(page, state),
        None => {}
    }
    let segments = count(listing.wal.entries(), ".wal");
    let log_bytes = listing.wal.entries().iter().filter(|entry| entry.name.ends_with(".wal")).map(|entry| entry.size).sum();
    page.fact("wal_segments", segments, format_args!("{segments}, {}", ByteSize(log_bytes)));
    page.plain("snapshots", count(listing.snap.entries(), ".snap"));
    if let Some(newest) = newest(facts) {
        page.plain("newest_snapshot", newest);
    }
    let payloads = count(listing.fsm_snap.entries(), ".fsm");
    page.fact("payloads", payloads, format_args!("{payloads}, {}", ByteSize(size_of(listing.fsm_snap.entries()))));
    page.fact("store_bytes", size_of(store), format_args!("{} in {}", ByteSize(size_of(store)), Count::of(store.len(), "file")));
}

fn peers(facts: &GroupFacts) -> Option<Result<String, Box<Finding>>> {
    match &facts.listing.peers {
        SmallFact::Absent | SmallFact::Nowhere => None,
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

fn list_groups(page: &mut Description, place: &DirectoryFacts, groups: &[GroupFacts], states: &[GroupState]) {
    page.plain("groups", groups.len());
    let row = |(number, facts): (usize, &GroupFacts)| {
        let state = states.get(number);
        let or_dash = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        vec![
            below(&facts.group.display(), &place.display),
            escape(&facts.group.raft_id).into_owned(),
            or_dash(facts.group.group_id),
            or_dash(state.and_then(|state| Some(state.snapshot?.0))),
            state.map_or_else(|| "-".to_owned(), GroupState::entries_text),
            or_dash(state.and_then(|state| Some(state.hard_state?.1))),
            or_dash(state.and_then(|state| state.applied)),
            ByteSize(size_of(&facts.store)).to_string(),
        ]
    };
    let columns = &["directory", "raft id", ">group", ">snapshot", "log", ">commit", ">applied", ">store"];
    page.lists.push(List { name: "groups", columns, rows: groups.iter().enumerate().map(row).collect() });
    for (facts, state) in groups.iter().zip(states) {
        if let Some(why) = &state.unreadable {
            page.coverage.missing(facts.group.display(), why.clone());
        }
    }
}

/// A path below the directory that was named, without that directory's own path.
fn below(path: &str, place: &str) -> String {
    let rest = path.strip_prefix(place).map(|rest| rest.trim_start_matches('/'));
    escape(rest.filter(|rest| !rest.is_empty()).unwrap_or(path)).into_owned()
}

fn list_entries(page: &mut Description, facts: &DirectoryFacts) {
    // The directory of a node may be that of one of its groups as well.
    let is_group = facts.groups.iter().any(|own| own.group.display() == facts.display);
    let place = if is_group { DirectoryKind::Group } else { facts.kind };
    let row = |entry: &DirEntry| {
        let size = match entry.kind {
            EntryKind::File => ByteSize(entry.size).to_string(),
            EntryKind::Directory => "dir".to_owned(),
            EntryKind::Other => "special".to_owned(),
            EntryKind::Nowhere => "broken link".to_owned(),
        };
        let (what, start) = entry_role(place, entry);
        vec![escape(&entry.name).into_owned(), size, what.to_owned(), start.to_owned()]
    };
    // Snapshots have a list of their own.
    let listed = |entry: &&DirEntry| match facts.kind {
        DirectoryKind::Snap => !entry.name.ends_with(".snap"),
        DirectoryKind::FsmSnap => FsmName::parse(&entry.name).is_none(),
        _ => true,
    };
    let entries: Vec<_> = facts.entries.iter().filter(listed).collect();
    if entries.is_empty() {
        return;
    }
    let rows = entries.iter().take(LISTED).map(|entry| row(entry)).collect();
    page.lists.push(List { name: "entries", columns: &["name", ">size", "what it is", "a start"], rows });
    if entries.len() > LISTED {
        page.fact("entries_not_listed", entries.len() - LISTED, entries.len() - LISTED);
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
    if matches!(name, layout::RAFT_DB | layout::LOGS_DAT | layout::STABLE_DAT) && place == DirectoryKind::Group {
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
        (DirectoryKind::Store, "store-manifest") => "reads the one in force",
        (DirectoryKind::Store, "store-log") => "replays it",
        (DirectoryKind::Store, "store-options" | "store-marker") => "reads the newest",
        (DirectoryKind::Store, "store-table") => "opens it when it is needed",
        _ => "-",
    };
    (kind.title(), start)
}

fn directory_role(name: &str) -> (&'static str, &'static str) {
    match name {
        layout::WAL => ("Raft log", "reads it"),
        "wal.tmp" => ("log under creation", "deletes it when it makes a log"),
        layout::SNAP => ("snapshot envelopes", "chooses one"),
        layout::PAYLOADS => ("snapshot payloads", "reads one, deletes orphans"),
        layout::STORE => ("the store", "opens it first"),
        _ if name.starts_with("fsm.db-restore-backup-") => ("store before a restore", "main: takes it back if fsm.db is gone"),
        _ if name.starts_with("fsm.db-sst-") => ("table snapshot work area", "main: deletes it"),
        _ if name.starts_with("fsm.db-pebble-native-") || name == "fsm.db.restore-tmp" => ("unfinished restore", "leaves it"),
        _ if name.starts_with("group-") => ("directory of a group", "opens it if configured"),
        _ if is_received_spool(name) => ("named like a spool", "is refused if it is not empty"),
        _ => ("-", "ignores it"),
    }
}
