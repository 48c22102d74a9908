//! The peers file agrees with the snapshot.

use std::collections::{BTreeMap, BTreeSet};

use super::members::{conf_entries, describe, replay};
use super::{Check, Evidence, Found, History, PeersContent, codes};
use crate::analysis::server::conditions;
use crate::analysis::{Finding, Severity};
use crate::formats::layout;
use crate::formats::raftpb::ConfState;
use crate::types::{LogIndex, NodeId};

/// Where the index stands in the file.
const INDEX_OFFSET: u64 = 8;

/// Looks at the peers file as a start does, and for what it does not look at.
#[derive(Debug)]
pub struct PeersFileMismatch;

impl Check for PeersFileMismatch {
    fn finish(&mut self, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let Some(peers) = evidence.peers.read() else { return };
        let finding = |message: String| Finding::new(&codes::CONF_PEERS_FILE_MISMATCH, message).at(evidence.path(layout::PEERS));
        let content = match &peers.content {
            Ok(content) => content,
            Err((offset, problem)) => {
                let message = format!("The peers file cannot be decoded: {problem}. A start is refused.");
                found.push(finding(message).offset(*offset));
                return;
            }
        };
        // That the node itself is missing is a check of its own.
        if let Some(refusal) = peers.refusal.as_ref().filter(|refusal| refusal.condition != &conditions::LOCAL_PEER_MISSING) {
            let message = format!("A start is refused over the members: {}.", refusal.text);
            found.push(finding(message));
        }
        if let Some(last) = furthest(history, evidence).filter(|last| content.index > *last) {
            if let Some(payload) = evidence.unrecorded_payload(content.index) {
                let message = format!(
                    "The list is valid from index {} on, and the log ends at {last}: it was written while the snapshot with the payload \
                     {payload} was taken over, and the node stopped before the log knew of it.",
                    content.index
                );
                found.push(finding(message).severity(Severity::Info).offset(INDEX_OFFSET));
                return remarks(content, &finding, found);
            }
            let message = format!(
                "The list claims to be valid from index {} on, but the log ends at {last}: the file is damaged or belongs to another log, \
                 or the node stopped while it took over a snapshot. A start does not compare it with a snapshot up to that index.",
                content.index
            );
            // Such a takeover leaves this as well, once another start has deleted its payload.
            let certain = evidence.quiescent && content.members.len() <= 1;
            let finding = finding(message).offset(INDEX_OFFSET).expected(format!("at most {last}")).found(content.index);
            found.push(finding.severity(if certain { Severity::Error } else { Severity::Warning }));
        }
        if let Some(expected) = members_at(content, history, evidence).filter(|(expected, _)| !names(content, expected, evidence))
        {
            let (expected, changed) = expected;
            let message = format!(
                "The list is newer than the snapshot, so that a start trusts it, but it does not have the members that the snapshot and the \
                 log give at index {}.",
                content.index
            );
            // The server may have turned a change down when it applied it.
            let severity = if changed { Severity::Warning } else { Severity::Error };
            found.push(finding(message).severity(severity).expected(describe(&expected, evidence)));
        }
        if content.trailing > 0 {
            let message = format!(
                "{} bytes stand behind the list. No server writes any, and each ignores them: a count or a length in the file is damaged, and \
                 a member or a part of an address is missing.",
                content.trailing
            );
            found.push(finding(message));
        }
        remarks(content, &finding, found);
    }
}

/// The members at the index of the list, and whether the log changes them since the snapshot; `None` when the list is not newer than the
/// snapshot, so that a start compares the two, or newer than the log.
fn members_at(content: &PeersContent, history: &History, evidence: &Evidence<'_>) -> Option<(ConfState, bool)> {
    let last = evidence.log.read()?.last_index()?;
    let (_, snapshot) = evidence.chosen()?;
    let after = snapshot.metadata.index;
    if content.index <= after || content.index > last || snapshot.metadata.conf_state.voters.is_empty() {
        return None;
    }
    let mut changes = conf_entries(evidence, history.entries().ranges().iter().copied());
    changes.retain(|entry| entry.index > after && entry.index <= content.index);
    let members = replay(&snapshot.metadata.conf_state, &changes, evidence.engine).ok()?;
    Some((members, !changes.is_empty()))
}

/// Whether the list has these members, as a start reads it.
fn names(content: &PeersContent, members: &ConfState, evidence: &Evidence<'_>) -> bool {
    let of = |voter: bool| {
        let ids = content.members.iter().filter(move |member| member.voter == voter);
        ids.map(|member| match member.node_id {
            _ if member.id == evidence.raft_id => evidence.node_id(),
            NodeId(0) => NodeId::of_raft_id(&member.id),
            given => given,
        })
        .collect::<BTreeSet<_>>()
    };
    // An empty list stands for the node alone.
    let voters = if content.members.is_empty() { BTreeSet::from([evidence.node_id()]) } else { of(true) };
    voters == members.voters.iter().copied().collect() && of(false) == members.learners.iter().copied().collect()
}

/// The last index that the log or a snapshot knows; `None` when the log's end is not known.
fn furthest(history: &History, evidence: &Evidence<'_>) -> Option<LogIndex> {
    let last = evidence.log.read()?.last_index()?;
    let files = evidence.snap_files().iter().filter_map(|file| Some(file.content.as_ref().ok()?.metadata.index));
    files.chain(history.snapshots.iter().map(|seen| seen.id.index)).chain([last]).max()
}

fn remarks(content: &PeersContent, finding: &dyn Fn(String) -> Finding, found: &mut Found) {
    let mut addresses: BTreeMap<&str, &str> = BTreeMap::new();
    for member in &content.members {
        if member.node_id != NodeId(0) && member.node_id != NodeId::of_raft_id(&member.id) {
            let message = format!("The node id of {} was chosen by hand: it is not the hash of its raft id.", member.id);
            found.push(finding(message).severity(Severity::Info).found(member.node_id));
        }
        if member.address.is_empty() {
            let message = format!("{} has no address: other members cannot be reached through this file.", member.id);
            found.push(finding(message).severity(Severity::Info));
        } else if let Some(other) = addresses.insert(&member.address, &member.id) {
            let message = format!("{other} and {} have the same address, {}.", member.id, member.address);
            found.push(finding(message).severity(Severity::Warning));
        }
    }
    if let Some(seed) = &content.active_seed {
        let mut seed = seed.clone();
        let mut members: Vec<_> = content.members.iter().map(|member| member.node_id).collect();
        seed.sort_unstable();
        members.sort_unstable();
        if seed != members {
            let message = "The bootstrap list is still in force although the members have changed since; a start with \
                           another list is refused."
                .to_owned();
            found.push(finding(message).severity(Severity::Warning));
        }
    }
}
