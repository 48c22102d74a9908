//! What a comparison has to know of one node. Of a directory it is gathered from the evidence, of a file of facts it is read.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::change::ChangeFacts;
use crate::analysis::judge::group::{
    ConfEntry, Event, Evidence, History, LogEvidence, Received, conf_entries, configuration_at_commit,
};
use crate::formats::facts::{TermRun, TermRuns};
use crate::formats::raftpb::{ConfState, HardState};
use crate::readers::wal::EntryRanges;
use crate::types::{LogIndex, NodeId, SnapshotId, Term};

/// One node's copy of a group, without its contents.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NodeFacts {
    /// The group directory as reports about it show it.
    pub dir: String,
    /// The node's raft id.
    pub raft_id: String,
    /// Index of the last entry, or of the snapshot when none follows it; `null` when the log cannot be decoded to its end.
    pub end_of_log: Option<LogIndex>,
    /// The last hard state.
    pub hard_state: HardState,
    /// The snapshot that a start takes; 0 when there is none.
    pub snapshot: SnapshotId,
    /// The last entry behind it, or the snapshot itself.
    pub last: SnapshotId,
    /// The membership at the commit; `null` when it is not known.
    pub members: Option<ConfState>,
    /// Memberships that snapshots record; of several in a row that are the same the first and the last.
    pub recorded: Vec<RecordedMembers>,
    /// Changes of the membership in the log.
    pub changes: Vec<ChangeFacts>,
    /// Of the commits that the log records, the last one of each term of the node.
    pub commits: Vec<CommitFacts>,
    /// The snapshots that the log records.
    pub snapshots_after: Vec<SnapshotRecord>,
    /// What the peers file says; `null` when there is none that can be read.
    pub peers: Option<PeersList>,
    /// The `.snap` files that can be read.
    pub snapshots: Vec<SnapshotFacts>,
    /// Index of the last entry that the store has applied.
    pub applied: Option<LogIndex>,
    /// The end of the log, for a store that has applied more although nothing on the node tells why.
    pub store_is_beyond: Option<LogIndex>,
    /// The entries of the log that count, by term.
    pub entries: TermRuns,
}

/// The members as of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RecordedMembers {
    /// Index of the snapshot.
    pub index: LogIndex,
    /// Its members.
    pub members: ConfState,
}

/// A commit that the log records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CommitFacts {
    /// The commit.
    pub index: LogIndex,
    /// Term of the node then.
    pub term: Term,
}

/// A snapshot that the log records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SnapshotRecord {
    /// Index of the snapshot.
    pub index: LogIndex,
    /// The last entry before the record.
    pub behind: LogIndex,
}

/// A peers file, without addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PeersList {
    /// Log index that the list is valid for.
    pub index: LogIndex,
    /// The members.
    pub members: Vec<PeerInList>,
}

/// A member in a peers file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PeerInList {
    /// Its node id.
    pub node_id: NodeId,
    /// Its raft id, escaped.
    pub raft_id: String,
    /// Whether it votes.
    pub voter: bool,
}

/// A `.snap` file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SnapshotFacts {
    /// Its name.
    pub file: String,
    /// Index and term of the snapshot.
    pub id: SnapshotId,
    /// Its members.
    pub members: ConfState,
    /// Checksum of its payload as the file states it; `null` when there is none.
    pub payload_crc32c: Option<String>,
}

/// What is left of the evidence when a node was looked at: its facts, and where the entries of its log are.
pub(super) fn gather(evidence: &Evidence<'_>) -> (NodeFacts, EntryRanges) {
    let (mut commits, mut snapshots_after) = (Vec::<CommitFacts>::new(), Vec::new());
    let mut highest = None;
    let history = match evidence.scan() {
        Some(scan) => History::replay(scan, evidence.engine, |event, before| match event {
            Event::States { span, .. } => {
                for state in [span.first, span.last] {
                    if highest.is_none_or(|highest| state.commit > highest) {
                        highest = Some(state.commit);
                        let commit = CommitFacts { index: state.commit, term: state.term };
                        // Of several of one term the last one answers for all.
                        match commits.last_mut() {
                            Some(last) if last.term == commit.term => *last = commit,
                            _ => commits.push(commit),
                        }
                    }
                }
            }
            Event::Snapshot { snapshot, .. } => {
                let behind = before.last.unwrap_or_default();
                snapshots_after.push(SnapshotRecord { index: snapshot.index, behind });
            }
            _ => {}
        }),
        None => History::default(),
    };
    let hard_state = evidence.log.read().and_then(LogEvidence::hard_state).or(history.state).unwrap_or_default();
    let snapshot = evidence.chosen().map(|(_, contents)| contents.metadata.id()).unwrap_or_default();
    let entries = history.entries();
    let content = evidence.log.read().and_then(|log| log.start.as_ref()?.result.as_ref().ok());
    let last = match content.and_then(|content| Some((content, content.entries.last()?))) {
        Some((content, index)) => SnapshotId { index, term: content.entries.term_at(index).unwrap_or_default() },
        None => snapshot,
    };
    let taken = history.snapshots.iter().filter(|seen| seen.taken == Some(true));
    let taken = taken.filter_map(|seen| Some((seen.id.index, seen.conf_state.clone()?)));
    let of_files = evidence.conf_states().into_iter().map(|(id, members)| (id.index, members.clone()));
    let mut recorded: Vec<RecordedMembers> = Vec::new();
    for (index, members) in taken.chain(of_files) {
        // Of many snapshots in a row with the same members the first and the last tell all there is to know.
        if let [.., before, last] = recorded.as_mut_slice()
            && before.members == members
            && last.members == members
            && before.index <= last.index
            && last.index <= index
        {
            last.index = index;
        } else {
            recorded.push(RecordedMembers { index, members });
        }
    }
    let changes = conf_entries(evidence, entries.ranges().iter().copied());
    let runs = entries.ranges().iter().map(|range| TermRun { first: range.first, last: range.last, term: range.term });
    let facts = NodeFacts {
        dir: evidence.dir.clone(),
        raft_id: evidence.raft_id.clone(),
        end_of_log: evidence.log.read().map_or(Some(last.index), LogEvidence::last_index),
        hard_state,
        snapshot,
        last,
        members: configuration_at_commit(&history, evidence),
        recorded,
        changes: changes.iter().map(|entry: &ConfEntry| ChangeFacts::of(entry, evidence.engine)).collect(),
        commits,
        snapshots_after,
        peers: peers(evidence),
        snapshots: snapshots(evidence),
        applied: evidence.store.read().and_then(|store| store.applied),
        store_is_beyond: store_is_beyond(evidence),
        entries: TermRuns::of(runs),
    };
    (facts, entries)
}

fn peers(evidence: &Evidence<'_>) -> Option<PeersList> {
    let peers = evidence.peers.read()?.content.as_ref().ok()?;
    let member = |member: &crate::analysis::judge::group::PeerFacts| PeerInList {
        node_id: member.node_id,
        raft_id: member.id.clone(),
        voter: member.voter,
    };
    Some(PeersList { index: peers.index, members: peers.members.iter().map(member).collect() })
}

fn snapshots(evidence: &Evidence<'_>) -> Vec<SnapshotFacts> {
    let readable = evidence.snap_files().iter().filter_map(|file| {
        let contents = file.content.as_ref().ok()?;
        Some(SnapshotFacts {
            file: file.name.clone(),
            id: contents.metadata.id(),
            members: contents.metadata.conf_state.clone(),
            payload_crc32c: contents.payload.footer.clone(),
        })
    });
    readable.collect()
}

fn store_is_beyond(evidence: &Evidence<'_>) -> Option<LogIndex> {
    let store = evidence.store.read()?;
    let (applied, last) = (store.applied?, evidence.log.read().and_then(LogEvidence::last_index)?);
    let open = applied > last && !store.applied_by_entries && evidence.quiescent;
    (open && !matches!(evidence.received(applied), Received::Explains(_))).then_some(last)
}

impl NodeFacts {
    /// Path of a file of the group as reports show it.
    pub(super) fn path(&self, below: &str) -> String {
        if self.dir.is_empty() { below.to_owned() } else { format!("{}/{below}", self.dir.trim_end_matches('/')) }
    }

    /// Its node id.
    pub fn node_id(&self) -> NodeId {
        NodeId::of_raft_id(&self.raft_id)
    }

    /// The highest index that it knows to be committed.
    pub fn commit(&self) -> LogIndex {
        self.hard_state.commit.max(self.snapshot.index)
    }

    /// A term that the leader that committed the entry had at most.
    pub(super) fn commit_term(&self, index: LogIndex) -> Term {
        let at = self.commits.partition_point(|commit| commit.index < index);
        self.commits.get(at).map_or(self.hard_state.term, |commit| commit.term)
    }

    /// True for a node that has neither an entry nor a snapshot: it was started and has heard from no leader yet.
    pub(super) fn is_empty(&self) -> bool {
        self.last.index == LogIndex(0) && self.snapshot.index == LogIndex(0)
    }

    /// The highest index whose membership the node's files know.
    pub(super) fn knows_up_to(&self) -> LogIndex {
        self.commit().max(self.peers.as_ref().map(|peers| peers.index).unwrap_or_default())
    }

    /// Everyone that any configuration here names.
    pub(super) fn everyone(&self) -> BTreeSet<NodeId> {
        let states = self.recorded.iter().map(|recorded| &recorded.members).chain(&self.members);
        let listed = self.peers.iter().flat_map(|peers| peers.members.iter().map(|member| member.node_id));
        states.flat_map(|members| members.voters.iter().chain(&members.learners).copied()).chain(listed).collect()
    }
}
