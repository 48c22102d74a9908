//! What the checks are given: one group directory as facts.

use std::collections::BTreeMap;

use crate::analysis::server::conditions::Condition;
use crate::analysis::server::log::{LogRead, ValidSnapshots};
use crate::formats::layout;
use crate::formats::raftpb::{ConfState, SnapshotMetadata};
use crate::readers::GroupListing;
use crate::readers::wal::WalScan;
use crate::types::{HlcTimestamp, LogIndex, NodeId, ServerVersion, SnapshotId, UnixMillis, count_work};

/// One part of a group directory: there and read, not there, or not readable.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Part<T> {
    /// There is none.
    #[default]
    Absent,
    /// It could not be read, or was not asked for; the reason.
    NotRead(String),
    /// What was read.
    Read(T),
}

impl<T> Part<T> {
    /// What was read, if it was.
    pub const fn read(&self) -> Option<&T> {
        match self {
            Self::Read(part) => Some(part),
            Self::Absent | Self::NotRead(_) => None,
        }
    }
}

/// A group directory, ready to be checked.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// The directory as reports show it.
    pub dir: String,
    /// The node's raft id, from the name of its directory.
    pub raft_id: String,
    /// Whose rules the log and the messages in it are read by.
    pub engine: ServerVersion,
    /// False when files changed while they were read: what needs all files at one instant is then only a hint.
    pub quiescent: bool,
    /// The latest that it can have been when the files were written: now, or when one of them was last changed.
    pub now: Option<UnixMillis>,
    /// The names in the directory, with what stands under them.
    pub listing: &'a GroupListing,
    /// The log.
    pub log: Part<LogEvidence<'a>>,
    /// `.snap` files in the order in which a start tries them.
    pub snapshots: Part<Vec<SnapFile>>,
    /// Leftovers in `snap/` and `fsm-snap/` that no start uses, below the group directory.
    pub leftovers: Vec<Leftover>,
    /// The peers file.
    pub peers: Part<PeersFacts>,
    /// The store.
    pub store: Part<StoreEvidence>,
}

/// The log and how a start reads it.
#[derive(Debug)]
pub struct LogEvidence<'a> {
    /// The segments.
    pub scan: &'a WalScan,
    /// What the first reading of a start finds, or why it fails.
    pub valid: Result<ValidSnapshots, String>,
    /// What the second reading finds, from the snapshot that a start chooses.
    pub start: Option<LogRead>,
}

/// A `.snap` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapFile {
    /// Its name in `snap/`.
    pub name: String,
    /// Term and index in the name, where it has the usual form.
    pub named: Option<SnapshotId>,
    /// What it holds, or why it cannot be read.
    pub content: Result<SnapContents, String>,
    /// True when its bytes were read and are no snapshot.
    pub malformed: bool,
    /// True for the one that a start takes.
    pub chosen: bool,
}

/// The message in a `.snap` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapContents {
    /// Index, term and members.
    pub metadata: SnapshotMetadata,
    /// The index in its token, for a snapshot with a token.
    pub token_index: Option<LogIndex>,
    /// Its payload.
    pub payload: Payload,
}

/// What is known of a snapshot's payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// Its name below the group directory; `None` when it is kept in the `.snap` file or there is none.
    pub file: Option<String>,
    /// Its checksum as the file states it, in lower-case hex.
    pub footer: Option<String>,
    /// Its length in bytes with the checksum.
    pub size: Option<u64>,
    /// What a start that uses it would raise first.
    pub problem: Option<String>,
    /// What was not checked.
    pub unchecked: Option<String>,
    /// The applied index that its own rows record; only where the rows were read.
    pub applied: Option<LogIndex>,
    /// True when its rows were read to their end.
    pub walked: bool,
    /// Largest commit timestamp of the store that it was made of, where its front tells.
    pub last_commit: Option<HlcTimestamp>,
    /// The clock ceiling in its header.
    pub ceiling: Option<UnixMillis>,
}

impl Payload {
    /// Of a snapshot whose data is no payload of elastickv.
    pub const fn none() -> Self {
        Self {
            file: None,
            footer: None,
            size: None,
            problem: None,
            unchecked: None,
            applied: None,
            walked: false,
            last_commit: None,
            ceiling: None,
        }
    }
}

/// A file that no start uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Its path below the group directory.
    pub path: String,
    /// What it is and what becomes of it.
    pub what: &'static str,
    /// True when a start ends because of it.
    pub refused: bool,
    /// The index in its name, for a complete payload.
    pub payload: Option<LogIndex>,
    /// What its rows say of their own applied index; `None` when they were not read.
    pub applied: Option<Option<LogIndex>>,
}

/// Whether a snapshot that was received explains what the store has applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// This payload holds exactly what the store holds.
    Explains(String),
    /// This payload may, and its rows were not read.
    NotRead(String),
    /// There is none.
    None,
}

/// The peers file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeersFacts {
    /// What it holds, or the offset and the reason why it cannot be decoded.
    pub content: Result<PeersContent, (u64, String)>,
    /// What the start's own checks of it say, those against the chosen snapshot included.
    pub refusal: Option<PeersRefusal>,
}

/// A start that ends over the peers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeersRefusal {
    /// Which condition it is.
    pub condition: &'static Condition,
    /// Its text.
    pub text: String,
}

/// A peers file that could be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeersContent {
    /// Version of the file.
    pub version: u32,
    /// Log index that the list is valid for.
    pub index: LogIndex,
    /// The members.
    pub members: Vec<PeerFacts>,
    /// The bootstrap list, while it is in force.
    pub active_seed: Option<Vec<NodeId>>,
    /// Bytes behind the last field, which no server writes and every one ignores.
    pub trailing: u64,
    /// Positions of the members by their node ids.
    pub(super) by_node: BTreeMap<NodeId, usize>,
}

impl PeersContent {
    /// The first member with that node id.
    pub fn member(&self, id: NodeId) -> Option<&PeerFacts> {
        count_work(1);
        self.by_node.get(&id).and_then(|position| self.members.get(*position))
    }
}

/// A member in the peers file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerFacts {
    /// Its node id.
    pub node_id: NodeId,
    /// Its raft id, escaped.
    pub id: String,
    /// `host:port`, escaped.
    pub address: String,
    /// Whether it votes.
    pub voter: bool,
}

/// What the store says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoreEvidence {
    /// Index of the last entry whose effect it holds; `None` when it does not say.
    pub applied: Option<LogIndex>,
    /// Largest commit timestamp that it records.
    pub last_commit: Option<HlcTimestamp>,
    /// Of the versions of a key that are this old only the newest need be there.
    pub retained: Option<HlcTimestamp>,
    /// True if it has applied entries of a log one after another, and was not just restored from a snapshot.
    pub applied_by_entries: bool,
    /// Why the server would not open it.
    pub refusal: Option<String>,
}

impl<'a> Evidence<'a> {
    /// Node id of the directory's node.
    pub fn node_id(&self) -> NodeId {
        NodeId::of_raft_id(&self.raft_id)
    }

    /// Path of a file of the group as reports show it.
    pub fn path(&self, below: &str) -> String {
        if self.dir.is_empty() { below.to_owned() } else { format!("{}/{below}", self.dir.trim_end_matches('/')) }
    }

    /// Path of a segment as reports show it.
    pub fn segment_path(&self, position: usize) -> Option<String> {
        let segment = self.scan()?.segments.get(position)?;
        Some(self.path(&layout::in_wal(&segment.file.file_name)))
    }

    /// The segments of the log.
    pub fn scan(&self) -> Option<&'a WalScan> {
        self.log.read().map(|log| log.scan)
    }

    /// The `.snap` files; none when they could not be read.
    pub fn snap_files(&self) -> &[SnapFile] {
        self.snapshots.read().map_or(&[], Vec::as_slice)
    }

    /// A payload of a snapshot at `index` or above that a start would not take: a received snapshot is stored, restored and
    /// its members written down before the log knows of it. The next start deletes it.
    pub fn unrecorded_payload(&self, index: LogIndex) -> Option<String> {
        let mut named = self.snap_files().iter().filter(|file| !file.chosen && file.named.is_some_and(|id| id.index >= index));
        let mut unnamed = self.leftovers.iter().filter(|leftover| leftover.payload.is_some_and(|payload| payload >= index));
        let named = named.next().map(|file| format!("of snap/{}", file.name));
        named.or_else(|| unnamed.next().map(|leftover| leftover.path.clone()))
    }

    /// Whether a payload that a start would not take, and which stands for `applied` or more, explains a store that has applied that
    /// much: a received snapshot is restored before the log knows of it, and leaves the applied index that its own rows record.
    pub fn received(&self, applied: LogIndex) -> Received {
        let named = self.snap_files().iter().filter(|file| !file.chosen).filter_map(|file| {
            let contents = file.content.as_ref().ok().filter(|contents| contents.metadata.index >= applied)?;
            let payload = contents.payload.file.as_ref().filter(|_| contents.payload.size.is_some())?;
            Some((payload.clone(), contents.payload.walked.then_some(contents.payload.applied)))
        });
        let unnamed = self.leftovers.iter().filter(|leftover| leftover.payload.is_some_and(|payload| payload >= applied));
        let mut not_read = Received::None;
        for (path, rows) in named.chain(unnamed.map(|leftover| (leftover.path.clone(), leftover.applied))) {
            match rows {
                Some(own) if own == Some(applied) => return Received::Explains(path),
                Some(_) => {}
                None => not_read = Received::NotRead(path),
            }
        }
        not_read
    }

    /// The `.snap` file that a start takes, with what it holds.
    pub fn chosen(&self) -> Option<(&SnapFile, &SnapContents)> {
        self.snap_files().iter().find(|file| file.chosen).and_then(|file| Some((file, file.content.as_ref().ok()?)))
    }

    /// Whether the group has another voter, as far as this node's files tell: the snapshot that a start takes, else the newest one that
    /// can be read, else the peers file. `None` when none of them does.
    pub fn has_other_voters(&self) -> Option<bool> {
        let id = self.node_id();
        let chosen = self.chosen().map(|(_, contents)| &contents.metadata.conf_state);
        let newest = || self.conf_states().pop().map(|(_, conf_state)| conf_state);
        if let Some(members) = chosen.or_else(newest).filter(|members| !members.voters.is_empty()) {
            return Some(members.voters.iter().chain(&members.voters_outgoing).any(|voter| *voter != id));
        }
        let peers = self.peers.read().and_then(|peers| peers.content.as_ref().ok())?;
        let other = |member: &PeerFacts| member.voter && member.node_id != id && member.id != self.raft_id;
        (!peers.members.is_empty()).then(|| peers.members.iter().any(other))
    }

    /// Every configuration that the snapshot files hold, oldest first.
    pub fn conf_states(&self) -> Vec<(SnapshotId, &ConfState)> {
        let readable = self.snap_files().iter().filter_map(|file| file.content.as_ref().ok());
        let mut found: Vec<_> = readable.map(|content| (content.metadata.id(), &content.metadata.conf_state)).collect();
        found.sort_by_key(|(id, _)| id.index);
        found
    }
}

impl LogEvidence<'_> {
    /// Index of the last entry that a start reads, or of the snapshot when none follows it.
    pub fn last_index(&self) -> Option<LogIndex> {
        Some(self.start.as_ref()?.result.as_ref().ok()?.last_index)
    }

    /// The hard state that a start reads.
    pub fn hard_state(&self) -> Option<crate::formats::raftpb::HardState> {
        Some(self.start.as_ref()?.result.as_ref().ok()?.hard_state)
    }
}
