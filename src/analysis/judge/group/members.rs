//! Membership changes in the log, and what they make of a configuration.

use std::fmt::Write as _;

use super::evidence::Evidence;
use super::history::RecordPlace;
use crate::analysis::ServerError;
use crate::analysis::server::conditions;
use crate::analysis::server::membership::{Change, Membership};
use crate::formats::DecodeResult;
use crate::formats::kv::EntryClass;
use crate::formats::raftpb::{ConfChange, ConfChangeV2, ConfState, EntryType};
use crate::readers::wal::{EntryRange, EntryRanges};
use crate::types::{LogIndex, NodeId, ServerVersion};

/// An entry that changes the members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::analysis) struct ConfEntry {
    pub index: LogIndex,
    pub place: RecordPlace,
    pub frame_len: u64,
    kind: EntryType,
    data: Vec<u8>,
}

impl ConfEntry {
    /// The change, as `engine` decodes it.
    pub(in crate::analysis) fn change(&self, engine: ServerVersion) -> DecodeResult<Change<'_>> {
        match self.kind {
            EntryType::ConfChangeV2 => ConfChangeV2::decode(&self.data, engine.into()).map(Change::V2),
            _ => ConfChange::decode(&self.data, engine.into()).map(Change::V1),
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    pub(super) const fn is_v2(&self) -> bool {
        matches!(self.kind, EntryType::ConfChangeV2)
    }
}

/// The membership changes among `ranges`. Segments without any are not touched.
pub(in crate::analysis) fn conf_entries(evidence: &Evidence<'_>, ranges: impl IntoIterator<Item = EntryRange>) -> Vec<ConfEntry> {
    let Some(scan) = evidence.scan() else { return Vec::new() };
    let mut wanted = EntryRanges::default();
    for range in ranges {
        let classes = scan.segments.get(range.segment).map(|segment| segment.trace(evidence.engine).classes);
        if classes.is_some_and(|classes| classes.get(EntryClass::ConfChange) + classes.get(EntryClass::ConfChangeV2) > 0) {
            wanted.push(range);
        }
    }
    wanted
        .iter(scan, evidence.engine)
        .filter(|entry| matches!(entry.kind, EntryType::ConfChange | EntryType::ConfChangeV2))
        .map(|entry| ConfEntry {
            index: entry.index,
            place: RecordPlace { segment: entry.segment, offset: entry.offset },
            frame_len: entry.frame_len,
            kind: entry.kind,
            data: entry.data.to_vec(),
        })
        .collect()
}

/// The configuration after `changes`, from `from` on. Changes that do not decode end it.
pub(super) fn replay(
    from: &ConfState,
    changes: &[ConfEntry],
    engine: ServerVersion,
) -> Result<ConfState, (LogIndex, ServerError)> {
    let mut membership = Membership::restore(NodeId(0), from, &[]).map_err(|error| (LogIndex(0), error))?;
    for entry in changes {
        let change = entry
            .change(engine)
            .map_err(|error| (entry.index, ServerError::of(&conditions::PROTO, error.to_string()).named("unmarshal")))?;
        // A configuration has no addresses.
        membership.follow(&change).map_err(|error| (entry.index, error))?;
    }
    Ok(membership.conf_state())
}

/// Everyone that a configuration names, some of them twice.
pub(super) fn every(conf_state: &ConfState) -> impl Iterator<Item = &NodeId> {
    let ConfState { voters, learners, voters_outgoing, learners_next, auto_leave: _, unknown_fields: _ } = conf_state;
    voters.iter().chain(learners).chain(voters_outgoing).chain(learners_next)
}

/// Members that are told by name; a group has a handful.
const NAMED: usize = 32;

/// A configuration in a few words: `voters 1 2 3, learners 4`.
pub(super) fn describe(conf_state: &ConfState, evidence: &Evidence<'_>) -> String {
    let list = |ids: &[NodeId]| {
        let mut names: Vec<_> = ids.iter().take(NAMED).map(|id| name_of(*id, evidence)).collect();
        names.sort();
        let mut text = names.join(" ");
        if ids.len() > NAMED {
            let _ = write!(text, " and {} more", ids.len() - NAMED);
        }
        text
    };
    let mut text = match conf_state.voters.as_slice() {
        [] => "no voters".to_owned(),
        voters => format!("voters {}", list(voters)),
    };
    for (what, ids) in [
        ("learners", &conf_state.learners),
        ("leaving voters", &conf_state.voters_outgoing),
        ("next learners", &conf_state.learners_next),
    ] {
        if !ids.is_empty() {
            let _ = write!(text, ", {what} {}", list(ids));
        }
    }
    text
}

/// The raft id of a node where the peers file tells it, else its node id in hex.
pub(super) fn name_of(id: NodeId, evidence: &Evidence<'_>) -> String {
    if id == evidence.node_id() {
        return evidence.raft_id.clone();
    }
    let peers = evidence.peers.read().and_then(|peers| peers.content.as_ref().ok());
    peers.and_then(|peers| peers.member(id)).map_or_else(|| id.to_string(), |member| member.id.clone())
}
