//! Membership changes decode.

use std::collections::BTreeSet;

use super::members::{ConfEntry, conf_entries, name_of};
use super::{Check, Evidence, Found, History, codes};
use crate::analysis::{Finding, Severity};
use crate::formats::kv::ConfContext;
use crate::formats::raftpb::{ConfChangeSingle, ConfChangeType};
use crate::types::{LogIndex, NodeId, count_work};

/// Decodes every membership change and what the server keeps inside.
#[derive(Debug)]
pub struct ConfUndecodable;

impl Check for ConfUndecodable {
    fn finish(&mut self, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let snapshot = evidence.chosen().map_or(LogIndex(0), |(_, contents)| contents.metadata.index);
        let addresses = with_address(evidence);
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
            let singles = change.singles();
            let without = singles.iter().filter(|single| lacks_address(single, change.context(), &addresses));
            for id in without.map(|single| single.node_id) {
                count_work(1);
                found.note(Severity::Warning, || {
                    let message = format!(
                        "The membership change at {} adds {}, but what the server keeps with it cannot be used: the member's \
                         address stays unknown.",
                        entry.index,
                        name_of(id, evidence)
                    );
                    at(Finding::new(&codes::CONF_UNDECODABLE, message).severity(Severity::Warning), &entry, evidence)
                });
            }
        }
    }
}

fn at(finding: Finding, entry: &ConfEntry, evidence: &Evidence<'_>) -> Finding {
    super::at_segment(finding.range(entry.place.offset, entry.frame_len), entry.place, evidence)
}

/// Members whose address is told by other files than the log.
fn with_address(evidence: &Evidence<'_>) -> BTreeSet<NodeId> {
    let peers = evidence.peers.read().and_then(|peers| peers.content.as_ref().ok());
    let members = peers.into_iter().flat_map(|peers| &peers.members).filter(|peer| !peer.address.is_empty());
    members.map(|peer| peer.node_id).chain([evidence.node_id()]).collect()
}

/// True for a member that a change adds without telling its address, which no other file here tells either.
fn lacks_address(single: &ConfChangeSingle, context: &[u8], known: &BTreeSet<NodeId>) -> bool {
    let id = single.node_id;
    matches!(single.kind, ConfChangeType::AddNode | ConfChangeType::AddLearnerNode)
        && id != NodeId(0)
        && ConfContext::decode_for(id, context).is_none_or(|context| context.address.is_empty())
        && !known.contains(&id)
}
