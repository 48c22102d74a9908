//! Snapshots, finished and not.

use super::{NodeView, memberships};
use crate::analysis::hraft::snapshots::{Candidate, DEFAULT_RETAIN, Opened};
use crate::analysis::judge::codes::hashicorp as codes;
use crate::analysis::{Finding, Severity};
use crate::formats::hraft::{Configuration, PayloadNote, decode_peers};
use crate::formats::layout::{self, SNAPSHOTS};
use crate::readers::hraft::{ListedDir, MetaFault};

/// Judges everything in `snapshots/`.
pub(super) fn judge(view: &NodeView<'_>, found: &mut Vec<Finding>) {
    let root = view.dir.path.join(SNAPSHOTS);
    let path = |name: &str, file: &str| root.join(name).join(file).display().to_string();
    if let Some(refusal) = &view.dir.snapshots.refusal {
        let message = format!("The library cannot use the directory: {refusal}.");
        found.push(Finding::new(&codes::SNAPSHOT_UNUSABLE, message).at(root.display().to_string()));
    }
    for dir in &view.dir.snapshots.dirs {
        unlisted(view, dir, &path(&dir.name, layout::META_JSON), found);
    }
    for candidate in &view.snapshots.listed {
        let (meta, state) = (path(&candidate.name, layout::META_JSON), path(&candidate.name, layout::STATE_BIN));
        misnamed(candidate, &meta, view, found);
        match &candidate.opened {
            // What was not read is no finding: it stands among what was not examined.
            Opened::Restores | Opened::NotTried | Opened::Unread(_) => {}
            Opened::Fails(reason) => {
                let message = format!("Snapshot {} cannot be opened: {reason}.", candidate.meta.id);
                found.push(Finding::new(&codes::SNAPSHOT_UNUSABLE, message).at(state.clone()));
            }
            Opened::RefusedByMachine => {
                let message = format!(
                    "Snapshot {} matches its checksum, but it is not a stream of the state machine whose other snapshots stand \
                     beside it.",
                    candidate.meta.id
                );
                found.push(Finding::new(&codes::SNAPSHOT_UNUSABLE, message).at(state.clone()));
            }
        }
        fields(candidate, &meta, found);
        names_membership(view, candidate, &meta, found);
        copies_agree(view, candidate, &meta, found);
    }
    let finished = view.dir.snapshots.dirs.iter().filter(|dir| dir.listed().is_some()).count();
    if finished > DEFAULT_RETAIN {
        let message = format!("{finished} finished snapshots, of which the library tries the {DEFAULT_RETAIN} newest.");
        let finding = Finding::new(&codes::SNAPSHOT_META_ODD, message).severity(Severity::Info);
        found.push(finding.advice("Nothing has to be done; the next snapshot deletes the rest.").at(root.display().to_string()));
    }
}

fn unlisted(view: &NodeView<'_>, dir: &ListedDir, path: &str, found: &mut Vec<Finding>) {
    if dir.unfinished() {
        let complete = dir.meta.as_ref().ok().map(|(meta, _)| meta).filter(|meta| meta.crc.is_some());
        let what = match complete {
            Some(meta) => format!(
                "complete as far as its meta.json goes (index {} term {}), and only was not renamed",
                meta.index, meta.term
            ),
            None => "not complete".to_owned(),
        };
        let message = format!("{} is unfinished: {what}. The library never deletes it.", dir.name);
        let first = view.stores.and_then(|(_, facts)| facts.first).filter(|&first| first > view.covered().saturating_add(1));
        let closes = complete.zip(first).is_some_and(|(meta, first)| meta.index.saturating_add(1) >= first);
        let finding = if closes {
            let message = format!("{message} It reaches to where the log begins: what is missing between is in it.");
            let advice = "Keep it. If its state.bin has the checksum of its meta.json, the node can be saved with it on a copy, under its \
                          name without .tmp.";
            Finding::new(&codes::SNAPSHOT_LEFTOVER, message).severity(Severity::Warning).advice(advice)
        } else {
            Finding::new(&codes::SNAPSHOT_LEFTOVER, message)
        };
        found.push(finding.at(path));
        return;
    }
    if dir.link {
        let message = format!("{} is a symbolic link: the library passes over it.", dir.name);
        found.push(Finding::new(&codes::SNAPSHOT_UNUSABLE, message).at(path));
        return;
    }
    match &dir.meta {
        Err(MetaFault::Unread(_)) => {}
        Err(fault) => {
            let message = format!("The library does not list {}: {fault}.", dir.name);
            let mut finding = Finding::new(&codes::SNAPSHOT_UNUSABLE, message).at(path);
            if let MetaFault::Malformed(error) = fault {
                finding = finding.offset(error.at);
            }
            found.push(finding);
        }
        Ok((meta, _)) if dir.listed().is_none() => {
            let message = format!("The library does not list {}: its version is {}.", dir.name, meta.version);
            found.push(Finding::new(&codes::SNAPSHOT_UNUSABLE, message).at(path));
        }
        Ok(_) => {}
    }
}

fn misnamed(candidate: &Candidate, path: &str, view: &NodeView<'_>, found: &mut Vec<Finding>) {
    let id = &candidate.meta.id;
    if *id == candidate.name {
        return;
    }
    let twin = view.dir.snapshots.dirs.iter().find(|dir| dir.name == *id).and_then(|dir| dir.meta.as_ref().ok());
    let same = twin.is_some_and(|(meta, _)| *meta == candidate.meta);
    let outside = id.split('/').any(|part| part == "..") || id.is_empty() || id.contains('/');
    let what = match (outside, same, twin) {
        (true, _, _) => "which is not in snapshots/: the library opens and deletes what stands there",
        (_, true, _) => "which is there and says the same: this one is a copy that is never deleted",
        (_, _, Some(_)) => "which is another snapshot: its state is restored under this one's index",
        (_, _, None) => "which is not there: it cannot be opened",
    };
    let finding = Finding::new(&codes::SNAPSHOT_MISNAMED, format!("{} has the id \"{id}\", {what}.", candidate.name)).at(path);
    found.push(if same { finding.severity(Severity::Warning) } else { finding });
}

/// The entry that the membership index names is one with a membership, where it is still there.
fn names_membership(view: &NodeView<'_>, candidate: &Candidate, path: &str, found: &mut Vec<Finding>) {
    let Some((_, facts)) = view.stores else { return };
    let (index, id) = (candidate.meta.configuration_index, &candidate.meta.id);
    let there = facts.has(index) && facts.dropped == 0 && !facts.faults.iter().any(|fault| fault.key == index);
    if candidate.meta.version == 1 && there && !facts.memberships.iter().any(|entry| entry.key == index) {
        let message = format!(
            "Snapshot {id} says that its membership stands at index {index}, where the log has another entry: it kept a membership \
             that was cut off."
        );
        let finding = Finding::new(&codes::SNAPSHOT_META_ODD, message).severity(Severity::Error);
        let advice = "Do not start the node with this snapshot as its newest: compare its membership with the other members', and \
                      rebuild it.";
        found.push(finding.advice(advice).at(path));
    }
}

/// A membership stands in more places than one, none of which has a checksum: in `Configuration`, in the entry that brought it, in other
/// snapshots, and as a list of voters in `Peers`. Nothing but a change of a byte makes them differ, but for two things: a forced recovery
/// brings another membership of index 1, and a transport that looks addresses up writes others into `Peers`.
fn copies_agree(view: &NodeView<'_>, candidate: &Candidate, path: &str, found: &mut Vec<Finding>) {
    let meta = &candidate.meta;
    if meta.version != 1 {
        return;
    }
    let mut differs = |from: String| {
        let message = format!("Snapshot {}: its membership is another one than {from}: one of the two was changed.", meta.id);
        let finding = Finding::new(&codes::SNAPSHOT_META_ODD, message).severity(Severity::Error);
        let advice = "Do not start the node with this snapshot as its newest: compare its membership with the other members', and take \
                      the snapshot from one of them.";
        found.push(finding.advice(advice).at(path));
    };
    if let Some(Ok((peers, _))) = meta.peers.as_deref().map(decode_peers)
        && peers.servers.len() != meta.configuration.voters()
    {
        differs(format!("its list Peers, which has {} voters", peers.servers.len()));
    }
    if meta.configuration_index <= 1 {
        return;
    }
    let entry = view.stores.and_then(|(_, facts)| facts.membership_at(meta.configuration_index));
    if let Some(Ok((members, _))) = entry.map(|entry| &entry.decoded)
        && members.servers != meta.configuration.servers
    {
        differs(format!("that of entry {}, which it names", meta.configuration_index));
    }
    let other = view.snapshots.listed.iter().find(|other| {
        other.meta.version == 1
            && other.meta.configuration_index == meta.configuration_index
            && other.meta.configuration.servers != meta.configuration.servers
    });
    if let Some(other) = other.filter(|other| other.name != candidate.name) {
        differs(format!("that of snapshot {}, although both name index {}", other.meta.id, meta.configuration_index));
    }
}

fn fields(candidate: &Candidate, path: &str, found: &mut Vec<Finding>) {
    let meta = &candidate.meta;
    let mut odd = |severity: Severity, message: String| {
        let mut finding = Finding::new(&codes::SNAPSHOT_META_ODD, message).at(path).severity(severity);
        if severity == Severity::Error {
            finding = finding.advice("Do not start the node with this snapshot as its newest; take it from another member.");
        }
        found.push(finding);
    };
    if meta.version == 0 {
        let why = if candidate.notes.version_missing { "has no version, which is 0" } else { "has version 0" };
        let message = format!(
            "Snapshot {} {why}: its membership is taken from Peers, where every address is an id; a node whose id is another \
             does not find itself there and never campaigns.",
            meta.id
        );
        odd(Severity::Error, message);
    }
    if meta.configuration_index > meta.index {
        let message = format!(
            "Snapshot {} at index {} has a membership of index {}: every later snapshot fails until that is applied, and the log \
             grows for ever.",
            meta.id, meta.index, meta.configuration_index
        );
        odd(Severity::Error, message);
    }
    if meta.version == 1 && meta.configuration_index == 0 && !meta.configuration.servers.is_empty() {
        let message = format!("Snapshot {} has a membership of index 0: the node knows no peers and never campaigns.", meta.id);
        odd(Severity::Error, message);
    }
    if let Some((term, index)) = named(&meta.id).filter(|&named| named != (meta.term, meta.index)) {
        let message = format!(
            "Snapshot {} says index {} and term {}, its id says index {index} and term {term}: one of the two was changed.",
            meta.id, meta.index, meta.term
        );
        odd(Severity::Error, message);
    }
    if meta.index == 0 || meta.term == 0 {
        let message =
            format!("Snapshot {} has index {} and term {}: it sorts behind every other.", meta.id, meta.index, meta.term);
        odd(Severity::Error, message);
    }
    if let Some(size) = candidate.state_size.filter(|&size| i64::try_from(size) != Ok(meta.size)) {
        let message = format!(
            "Snapshot {}: meta.json says {} bytes, state.bin has {size}. The library does not compare the two.",
            meta.id, meta.size
        );
        odd(Severity::Warning, message);
    }
    let notes = candidate.notes;
    if notes.repeated_keys > 0 || notes.unknown_keys > 0 || notes.trailing {
        let message = format!(
            "meta.json has {} keys twice, {} keys that the library does not know, and {} behind its value.",
            notes.repeated_keys,
            notes.unknown_keys,
            if notes.trailing { "bytes" } else { "nothing" }
        );
        odd(Severity::Info, message);
    }
    if meta.version == 1 {
        let notes = configuration_notes(&meta.configuration);
        let who = format!("Snapshot {}", meta.id);
        found.extend(memberships::odd(&who, &meta.configuration, &notes, true).map(|finding| finding.at(path)));
    }
}

/// Term and index in an id, as the library makes it: `<term>-<index>-<milliseconds>`.
fn named(id: &str) -> Option<(u64, u64)> {
    let mut parts = id.split('-').map(|part| part.parse::<u64>().ok());
    match (parts.next()?, parts.next()?, parts.next()?, parts.next()) {
        (Some(term), Some(index), Some(_), None) => Some((term, index)),
        _ => None,
    }
}

/// What a membership in `meta.json` means.
fn configuration_notes(configuration: &Configuration) -> Vec<PayloadNote> {
    let servers = &configuration.servers;
    let mut notes = Vec::new();
    if servers.is_empty() {
        notes.push(PayloadNote::EmptyConfiguration);
    } else if configuration.voters() == 0 {
        notes.push(PayloadNote::NoVoter);
    }
    let unique = |key: fn(&crate::formats::hraft::Server) -> &String| {
        servers.iter().map(key).collect::<std::collections::BTreeSet<_>>().len() == servers.len()
    };
    let checks = [
        (servers.iter().any(|server| server.id.is_empty()), PayloadNote::EmptyId),
        (servers.iter().any(|server| server.address.is_empty()), PayloadNote::EmptyAddress),
        (servers.iter().any(|server| !server.suffrage.is_known()), PayloadNote::UnknownSuffrage),
        (!unique(|server| &server.id), PayloadNote::DuplicateId),
        (!unique(|server| &server.address), PayloadNote::DuplicateAddress),
    ];
    notes.extend(checks.into_iter().filter(|(holds, _)| *holds).map(|(_, note)| note));
    notes
}
