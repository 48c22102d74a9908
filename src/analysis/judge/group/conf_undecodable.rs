//! Membership changes decode.

use super::members::{ConfEntry, conf_entries, name_of};
use super::{Check, Evidence, Found, History, codes};
use crate::analysis::server::membership::Change;
use crate::analysis::{Finding, Severity};
use crate::formats::kv::ConfContext;
use crate::formats::raftpb::ConfChangeType;
use crate::types::{LogIndex, NodeId};

/// Decodes every membership change and what the server keeps inside.
#[derive(Debug)]
pub struct ConfUndecodable;

impl Check for ConfUndecodable {
    fn finish(&mut self, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let snapshot = evidence.chosen().map_or(LogIndex(0), |(_, contents)| contents.metadata.index);
        for entry in conf_entries(evidence, history.log.iter().map(|held| held.range)) {
            let change = match entry.change(evidence.engine) {
                Ok(change) => change,
                Err(error) => {
                    let (severity, what) = if entry.index <= snapshot {
                        (Severity::Warning, format!("The snapshot at {snapshot} covers it, so that no start applies it."))
                    } else if entry.index <= history.commit {
                        (Severity::Error, "It is committed: every start that applies it ends there.".to_owned())
                    } else {
                        (Severity::Error, "Once it is committed, every start ends there.".to_owned())
                    };
                    let message = format!("The membership change at {} does not decode: {error}. {what}", entry.index);
                    found.push(at(Finding::new(&codes::CONF_UNDECODABLE, message).severity(severity), &entry, evidence));
                    continue;
                }
            };
            if entry.is_empty() && !entry.is_v2() {
                let message = format!("The membership change at {} is empty; it changes nothing.", entry.index);
                found.push(at(Finding::new(&codes::CONF_UNDECODABLE, message).severity(Severity::Info), &entry, evidence));
                continue;
            }
            if entry.index <= snapshot {
                continue;
            }
            for id in without_address(&change, evidence) {
                let message = format!(
                    "The membership change at {} adds {}, but what the server keeps with it cannot be used: the member's address \
                     stays unknown.",
                    entry.index,
                    name_of(id, evidence)
                );
                found.push(at(Finding::new(&codes::CONF_UNDECODABLE, message).severity(Severity::Warning), &entry, evidence));
            }
        }
    }
}

fn at(finding: Finding, entry: &ConfEntry, evidence: &Evidence<'_>) -> Finding {
    super::at_segment(finding.range(entry.place.offset, entry.frame_len), entry.place, evidence)
}

/// Members that a change adds without telling their address, which no other file here tells either.
fn without_address(change: &Change<'_>, evidence: &Evidence<'_>) -> Vec<NodeId> {
    let (singles, context) = match change {
        Change::V1(v1) => (vec![(v1.kind, v1.node_id)], v1.context),
        Change::V2(v2) => (v2.changes.iter().map(|single| (single.kind, single.node_id)).collect(), v2.context),
    };
    let peers = evidence.peers.read().and_then(|peers| peers.content.as_ref().ok());
    let known = |id: NodeId| {
        id == evidence.node_id()
            || peers.is_some_and(|peers| peers.members.iter().any(|peer| peer.node_id == id && !peer.address.is_empty()))
    };
    singles
        .into_iter()
        .filter(|(kind, id)| matches!(kind, ConfChangeType::AddNode | ConfChangeType::AddLearnerNode) && *id != NodeId(0))
        .filter(|(_, id)| !known(*id) && ConfContext::decode_for(*id, context).is_none_or(|context| context.address.is_empty()))
        .map(|(_, id)| id)
        .collect()
}
