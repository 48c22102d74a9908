//! What is wrong with a node's files, beside what its start says.

mod log;
mod memberships;
mod pebble;
pub mod raftwal;
mod snapshots;
mod stable;
mod store;

use super::abort::Crash;
use super::pebble::PebbleStores;
use super::snapshots::Snapshots;
use super::start::{FirstState, Recovery, StartForecast, StartOutcome};
use crate::analysis::judge::codes::hashicorp as codes;
use crate::analysis::{Finding, Severity};
use crate::formats::hraft::decode_peers_json;
use crate::formats::layout::{LOGS_DAT, MIGRATING, PEERS_JSON, STABLE_DAT};
use crate::readers::EntryKind;
use crate::readers::hraft::wal::WalLog;
use crate::readers::hraft::{HashiDir, LogFacts, Survey};

pub use pebble::cover_pebble;
pub use store::judge as judge_bolt;

/// What was read of a node.
#[derive(Debug, Clone, Copy)]
pub struct NodeView<'a> {
    /// The directory.
    pub dir: &'a HashiDir,
    /// The snapshots as the library lists them.
    pub snapshots: &'a Snapshots,
    /// What its start does.
    pub start: &'a StartForecast,
    /// Every page of every file, with its name, and the entries; `None` when they were not read.
    pub stores: Option<(&'a [(&'static str, Survey)], &'a LogFacts)>,
    /// The Pebble directory, where the stores are one.
    pub pebble: Option<PebbleStores<'a>>,
    /// Whether a failed vote request ends the process; see [`super::vote_request`].
    pub vote: Option<&'a Crash>,
}

impl NodeView<'_> {
    fn path(&self, name: &str) -> String {
        self.dir.path.join(name).display().to_string()
    }

    /// Index of the snapshot that is restored; 0 without one.
    fn covered(&self) -> u64 {
        self.start.snapshot.as_ref().map_or(0, |snapshot| snapshot.index)
    }

    /// The file of the log.
    fn log_file(&self) -> String {
        if let Some(log) = self.dir.wal() {
            let tail = log.tail().map_or(crate::formats::layout::WAL_META, |(segment, _)| segment.name.as_str());
            return log.path.join(tail).display().to_string();
        }
        self.path(self.dir.store_files().first().map_or(crate::formats::layout::RAFT_DB, |(name, _)| name))
    }

    /// The file in which an entry stands.
    fn entry_file(&self, key: u64) -> String {
        let Some(log) = self.dir.wal() else { return self.log_file() };
        let holds = |range: Option<(u64, u64)>| range.is_some_and(|(first, last)| (first..=last).contains(&key));
        match log.segments.iter().find(|segment| holds(segment.range())) {
            Some(segment) => log.path.join(&segment.name).display().to_string(),
            None => self.log_file(),
        }
    }

    /// A finding about a value of the stores. A value of a Pebble directory has no offset: it stands in a block, compressed as a rule.
    fn place(&self, finding: Finding, path: &str, at: u64) -> Finding {
        if self.pebble.is_some() { finding.at(path) } else { finding.at(path).offset(at) }
    }

    /// The file of the stable store.
    fn stable_file(&self) -> String {
        self.path(self.dir.store_files().last().map_or(crate::formats::layout::RAFT_DB, |(name, _)| name))
    }
}

/// Everything that the files show.
pub fn findings(view: &NodeView<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    start(view, &mut found);
    found.extend(store_findings(view));
    snapshots::judge(view, &mut found);
    peers(view, &mut found);
    migration(view, &mut found);
    found
}

/// What the store's files show, without the start and the snapshots.
pub fn store_findings(view: &NodeView<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    missing(view, &mut found);
    if let Some(stores) = &view.pebble {
        pebble::judge(view, stores, &mut found);
    }
    if let Some(log) = view.dir.wal() {
        raftwal::judge(log, &mut found);
    }
    if let Some((surveys, facts)) = view.stores {
        for (name, survey) in surveys {
            store::judge(&view.path(name), survey, &mut found);
        }
        // Of a log with a hole that nobody could read, nothing can be said by what is missing in it.
        if view.dir.wal().and_then(WalLog::unread_segment).is_none() {
            log::judge(view, facts, &mut found);
            memberships::judge(view, facts, &mut found);
            stable::judge(view, facts, &mut found);
        }
    }
    found
}

/// What the snapshots show.
pub fn snapshot_findings(view: &NodeView<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    snapshots::judge(view, &mut found);
    found
}

/// What is wrong with one entry.
pub fn entry_findings(view: &NodeView<'_>, index: u64) -> Vec<Finding> {
    let Some((_, facts)) = view.stores else { return Vec::new() };
    let faults = facts.faults.iter().filter(|fault| fault.key == index).cloned().collect();
    let memberships = facts.memberships.iter().filter(|entry| entry.key == index).cloned().collect();
    let one = LogFacts { faults, memberships, last: facts.last, ..LogFacts::default() };
    let mut found = Vec::new();
    log::judge(view, &one, &mut found);
    memberships::judge(view, &one, &mut found);
    found
}

fn start(view: &NodeView<'_>, found: &mut Vec<Finding>) {
    let start = view.start;
    if let Some(abort) = &start.abort {
        let how = match (&start.recovery_loses, start.recovery) {
            (Some(lost), _) => &format!("A forced recovery with peers.json is a trap: {lost}."),
            (None, Recovery::Ok) => "A forced recovery with peers.json would go through.",
            (None, Recovery::Error) => "A forced recovery with peers.json would be refused as well.",
            (None, Recovery::Panic) => "A forced recovery with peers.json would end the process as well.",
            (None, Recovery::Unknown) => "How a forced recovery with peers.json would end is not known.",
        };
        let message = format!("The start ends at {} with this {}: {}. {how}", abort.stage.name(), abort.kind.name(), abort.text);
        found.push(Finding::new(&codes::START_FAILS, message).at(view.dir.display()));
    } else if let Some(text) = start.recovery_text.as_ref().filter(|_| start.recovery == Recovery::Panic) {
        let message = format!(
            "The start does not come by, but the first compaction and a forced recovery do, and end the process with: {text}."
        );
        found.push(Finding::new(&codes::LATER_FAILURE, message).at(view.log_file()));
    }
    if let Some(crash) = view.vote {
        let message = format!("The first vote request of another member ends the process with: {}.", crash.text);
        found.push(Finding::new(&codes::LATER_FAILURE, message).at(view.stable_file()));
    }
    if let (Some(state), Some(snapshot)) = (&start.at_start, &start.snapshot)
        && start.outcome == StartOutcome::Start
        && snapshot.term > state.term.wrapping_add(1)
    {
        let (term, leads) = (state.term, state.term.wrapping_add(1));
        let message = format!(
            "Snapshot {} has term {}, the node knows term {term}. If it leads, it leads in term {leads}: every snapshot that it \
             takes sorts behind {0}, the log is compacted all the same, and everything behind index {} is lost at the start \
             after that.",
            snapshot.id, snapshot.term, snapshot.index
        );
        found.push(Finding::new(&codes::DELAYED_DEATH, message).at(view.stable_file()));
    }
    if start.outcome == StartOutcome::Start && start.first_state == Some(FirstState::Follower) {
        let reason = start.first_state_reason.as_deref().unwrap_or_default();
        let message = format!("Alone, the node stays a follower: {reason}. If its id is another one, name it with --raft-id.");
        found.push(Finding::new(&codes::NOT_CAMPAIGNING, message).at(view.dir.display()));
    }
}

/// One of two files that belong together is gone.
fn missing(view: &NodeView<'_>, found: &mut Vec<Finding>) {
    if view.dir.wal().is_some() {
        // Its own judgement says so.
        return;
    }
    let files = view.dir.store_files();
    let gone: Vec<_> = files
        .iter()
        .filter(|(_, file)| file.is_none_or(|file| file.bytes().is_empty()))
        .map(|(name, file)| (*name, *file))
        .collect();
    let data = files.len() > gone.len() || view.dir.snapshots.dirs.iter().any(|dir| dir.listed().is_some());
    for (name, file) in gone {
        let link = view.dir.entries.iter().any(|entry| entry.name == name && entry.kind == EntryKind::Nowhere);
        let how = match (link, file) {
            (true, _) => "is a link to nothing: perhaps a volume is not mounted",
            (false, _) if !data => continue,
            (false, Some(_)) => "is empty, although there is data beside it",
            (false, None) => "is missing, although there is data beside it",
        };
        let message = format!("{name} {how}. The library makes an empty one and goes on without what it held.");
        let advice = "Do not start the node: find out where the file went. If it is lost, rebuild the node from another member.";
        found.push(Finding::new(&codes::STORE_UNUSABLE, message).advice(advice).at(view.path(name)));
    }
}

/// A migration works under a name of its own and gives the result its name at the end.
fn migration(view: &NodeView<'_>, found: &mut Vec<Finding>) {
    if view.dir.path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(MIGRATING)) {
        let message = "The directory is what a migration works in until it is done: this one was aborted, and is not the node's.";
        found.push(Finding::new(&codes::MIGRATION_ABORTED, message).at(view.dir.display()));
    }
    for entry in view.dir.entries.iter().filter(|entry| entry.name.ends_with(MIGRATING)) {
        let message = "A migration worked in it and did not come to its end: nothing reads it, and a new migration refuses to begin \
                       while it is there.";
        found.push(Finding::new(&codes::MIGRATION_ABORTED, message).severity(Severity::Info).at(view.path(&entry.name)));
    }
    let left: Vec<&str> = [LOGS_DAT, STABLE_DAT]
        .into_iter()
        .filter(|name| view.pebble.is_some() && view.dir.entries.iter().any(|entry| entry.name == *name))
        .collect();
    let nothing = view.pebble.is_some_and(|stores| stores.log.entries == 0 && stores.log.current_term.is_none());
    if let (Some(name), true) = (left.first(), nothing) {
        let message = format!(
            "The directory raft.db holds nothing: what the node knows is in {} beside it. Its server begins anew, as if the node had never \
             run.",
            left.join(" and ")
        );
        let finding = Finding::new(&codes::MIGRATION_ABORTED, message).severity(Severity::Error);
        let advice = "Do not start the node; move the empty directory away and let the migration run again on a copy.";
        found.push(finding.advice(advice).at(view.path(name)));
    } else if let Some(name) = left.first() {
        let message = format!(
            "{} beside the directory raft.db: a migration to Pebble reads and leaves them. They were not read; what the node knows is in \
             raft.db, if the node has run since.",
            left.join(" and ")
        );
        let finding = Finding::new(&codes::MIGRATION_ABORTED, message).severity(Severity::Info);
        found.push(finding.advice("Archive them; the servers of that time asked for it before the start.").at(view.path(name)));
    }
}

fn peers(view: &NodeView<'_>, found: &mut Vec<Finding>) {
    let Some(peers) = &view.dir.peers_json else { return };
    if let Some(lost) = &view.start.recovery_loses {
        let message = format!("A start with it is a forced recovery, and a trap here: {lost}.");
        let advice = "Do not start the node with it: move peers.json away, and rebuild the node from another member.";
        let finding = Finding::new(&codes::RECOVERY_PENDING, message).severity(Severity::Error);
        found.push(finding.advice(advice).at(view.path(PEERS_JSON)));
        return;
    }
    let finding = match peers {
        Err(reason) => {
            let message = format!("It cannot be read: {reason}.");
            Finding::new(&codes::RECOVERY_PENDING, message).severity(Severity::Warning)
        }
        Ok(bytes) => match decode_peers_json(bytes) {
            Ok(file) => {
                let form = if file.old_form { "addresses" } else { "servers" };
                let members: Vec<_> = file.configuration.servers.iter().map(|server| server.id.as_str()).collect();
                let own = members.contains(&view.dir.raft_id.as_str());
                let absent = if own || file.old_form { "" } else { "; this node is not among them" };
                let message = format!("It lists {} {form}: {}{absent}.", members.len(), members.join(", "));
                Finding::new(&codes::RECOVERY_PENDING, message)
            }
            Err(error) => {
                let message = format!("The library refuses it: {error}.");
                Finding::new(&codes::RECOVERY_PENDING, message).severity(Severity::Warning)
            }
        },
    };
    found.push(finding.at(view.path(PEERS_JSON)));
}
