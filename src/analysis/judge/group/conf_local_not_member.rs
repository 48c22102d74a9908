//! The node is a member of its own group.

use super::members::{conf_entries, describe, every, replay};
use super::{Check, Evidence, Found, History, PeerFacts, codes};
use crate::analysis::Finding;
use crate::formats::layout;
use crate::formats::raftpb::ConfChangeType;
use crate::types::{LogIndex, NodeId};

/// Looks for the node in the latest members that its files tell.
#[derive(Debug)]
pub struct LocalNotMember;

impl Check for LocalNotMember {
    fn finish(&mut self, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let node_id = evidence.node_id();
        if node_id == NodeId(0) {
            found.not_checkable("the node's raft id is not known");
            return;
        }
        let peers = evidence.peers.read().and_then(|peers| peers.content.as_ref().ok()).filter(|peers| !peers.members.is_empty());
        let snapshot =
            evidence.chosen().map(|(_, contents)| contents).filter(|contents| !contents.metadata.conf_state.voters.is_empty());
        let after = snapshot.map_or(LogIndex(0), |contents| contents.metadata.index);
        let mut changes = conf_entries(evidence, history.entries().ranges().iter().copied());
        let removed = removal_of(node_id, &changes, evidence);
        changes.retain(|entry| entry.index > after && entry.index <= history.commit);
        let from = snapshot.map(|contents| &contents.metadata.conf_state);
        let members = from.and_then(|from| replay(from, &changes, evidence.engine).ok());

        // As a start does, by the node id or by the raft id.
        let is_local = |member: &PeerFacts| member.node_id == node_id || member.id == evidence.raft_id;
        let in_peers = peers.map(|peers| peers.members.iter().any(is_local));
        let in_log = members.as_ref().map(|members| every(members).any(|id| *id == node_id));
        let newer_peers = peers.is_some_and(|peers| peers.index > after);
        // The server goes by the peers file; it is written before the snapshot of the same change.
        let is_member = match (in_peers, in_log) {
            (Some(peers), Some(log)) => peers && (log || newer_peers),
            (Some(known), None) | (None, Some(known)) => known,
            (None, None) => {
                found.not_applicable("no file tells the members");
                return;
            }
        };
        if is_member {
            return;
        }
        let who = &evidence.raft_id;
        let mut message = match (in_peers, peers, removed) {
            (Some(false), Some(peers), Some(index)) => format!(
                "{who} was removed from its group at index {index}; its peers file, of index {}, no longer lists it.",
                peers.index
            ),
            (Some(false), Some(peers), None) => format!("The peers file, of index {}, does not list {who}.", peers.index),
            (_, _, Some(index)) => format!("{who} was removed from its group at index {index}."),
            _ => format!("{who} is not among the members of the snapshot at {after} and the changes behind it."),
        };
        if in_peers == Some(false) {
            message.push_str(" A start is refused: \"etcd raft local peer is missing from cluster config\".");
        }
        if removed.is_none() {
            message.push_str(" If the directory was renamed, name the node with --raft-id.");
        }
        let mut finding = Finding::new(&codes::CONF_LOCAL_NOT_MEMBER, message).expected(who);
        if let Some(members) = &members {
            finding = finding.found(describe(members, evidence));
        } else if let Some(peers) = peers {
            finding = finding.found(peers.members.iter().map(|member| member.id.as_str()).collect::<Vec<_>>().join(" "));
        }
        found.push(if in_peers == Some(false) { finding.at(evidence.path(layout::PEERS)) } else { finding });
    }
}

/// The last change that removes `node_id`, unless a later one adds it again.
fn removal_of(node_id: NodeId, changes: &[super::members::ConfEntry], evidence: &Evidence<'_>) -> Option<LogIndex> {
    let mut removed = None;
    for entry in changes {
        let Ok(change) = entry.change(evidence.engine) else { continue };
        for single in change.singles().iter().filter(|single| single.node_id == node_id) {
            removed = match single.kind {
                ConfChangeType::RemoveNode => Some(entry.index),
                ConfChangeType::AddNode | ConfChangeType::AddLearnerNode => None,
                _ => removed,
            };
        }
    }
    removed
}
