//! What an intact group directory holds, read by the rules of the formats alone: what a fault takes away, and what is left that tells.

use ekv_tool::formats::raftpb::{Entry, HardState, ProtoRules, WalSnapshot};
use ekv_tool::formats::wal::{Frame, FrameStep, Record, RecordKind};

use super::answer::{Answer, Command};
use crate::support::group::GroupCopy;

/// What a record of the log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    Entry { index: u64 },
    State { term: u64, vote: u64, commit: u64 },
    Snapshot { index: u64 },
    Head,
}

/// A record of the log.
#[derive(Debug, Clone, Copy)]
pub struct LogRecord {
    pub segment: usize,
    /// Offset of the length word.
    pub start: usize,
    /// First byte of the padding.
    pub padding: usize,
    /// First byte behind the padding.
    pub end: usize,
    pub says: Says,
}

/// What is left of the log.
#[derive(Debug, PartialEq, Eq)]
pub enum Lost {
    /// No record.
    Nothing,
    /// Hard states at the end that only raise the commit: written without a sync.
    Commits,
    /// One write of the server at most: entries and the hard state behind them, or a snapshot record.
    OneWrite,
    /// More than that.
    Several,
    /// Entries that the store has applied, in a group of several voters.
    Applied,
    /// Entries that the rest of the log calls committed, or that the store of a lone voter has applied.
    Known,
}

/// An intact group directory.
pub struct Model {
    pub segments: Vec<String>,
    pub records: Vec<LogRecord>,
    /// The node's raft id.
    pub raft_id: String,
    /// Members in the peers file.
    voters: u32,
    /// The store's applied index.
    applied: u64,
    /// The highest index of a snapshot file.
    snapshot: u64,
}

impl Model {
    /// `said` are the commands' answers about it, from which the store's applied index is taken.
    pub fn of(copy: &GroupCopy, said: &[(Command, Answer)]) -> Self {
        let wal: Vec<_> = copy.files.iter().filter(|(name, _)| name.starts_with("wal/") && name.ends_with(".wal")).collect();
        let mut records = Vec::new();
        for (segment, (_, bytes)) in wal.iter().enumerate() {
            let mut at = 0;
            while let FrameStep::Frame(frame) = Frame::read(bytes, at) {
                let end = usize::try_from(frame.end()).unwrap();
                let padding = end - frame.padding_bytes().len();
                records.push(LogRecord {
                    segment,
                    start: usize::try_from(at).unwrap(),
                    padding,
                    end,
                    says: says(&Record::decode_canonical(frame.payload()).unwrap()),
                });
                at = frame.end();
            }
        }
        let snaps = copy.files.iter().filter_map(|(name, _)| name.strip_prefix("snap/")?.strip_suffix(".snap"));
        let snapshot = snaps.map(|stem| u64::from_str_radix(&stem[17..], 16).unwrap()).max().unwrap_or(0);
        let forecast = said.iter().find(|(command, _)| *command == Command::GateDryrun).unwrap();
        let text: serde_json::Value = serde_json::from_str(&forecast.1.text).unwrap();
        let applied = text[0]["groups"][0]["applied_index"]["value"].as_u64().unwrap();
        let raft_id = copy.dir.file_name().unwrap().to_string_lossy().into_owned();
        let peers = &copy.files.iter().find(|(name, _)| name == "etcd-raft-peers.bin").unwrap().1;
        let voters = u32::from_be_bytes(peers[16..20].try_into().unwrap());
        Self { raft_id, voters, segments: wal.iter().map(|(name, _)| name.clone()).collect(), records, applied, snapshot }
    }

    /// Number of the segment.
    pub fn segment(&self, name: &str) -> Option<usize> {
        self.segments.iter().position(|segment| segment == name)
    }

    /// The record of the segment that a byte belongs to.
    pub fn record_at(&self, segment: usize, at: usize) -> Option<&LogRecord> {
        self.records.iter().find(|record| record.segment == segment && (record.start..record.end).contains(&at))
    }

    /// First byte behind the last record of the segment.
    pub fn end_of(&self, segment: usize) -> usize {
        self.records.iter().filter(|record| record.segment == segment).map(|record| record.end).max().unwrap_or(0)
    }

    /// What is lost if the last segment holds nothing from `at` on.
    pub fn lost_behind(&self, at: usize) -> Lost {
        let last = self.segments.len() - 1;
        let split =
            self.records.iter().position(|record| record.segment == last && record.end > at).unwrap_or(self.records.len());
        let (left, lost) = self.records.split_at(split);
        if lost.is_empty() {
            return Lost::Nothing;
        }
        if let Some(known) = self.vouches(left) {
            return known;
        }
        let state = left.iter().rev().find_map(|record| match record.says {
            Says::State { term, vote, .. } => Some((term, vote)),
            _ => None,
        });
        let only_commits =
            lost.iter().all(|record| matches!(record.says, Says::State { term, vote, .. } if Some((term, vote)) == state));
        if only_commits {
            return Lost::Commits;
        }
        // Entries come first and one state ends a write; a snapshot record is a write of its own, and so is a segment's head.
        let writes = lost.windows(2).filter(|pair| {
            !matches!((pair[0].says, pair[1].says), (Says::Entry { .. }, Says::Entry { .. } | Says::State { .. }))
        });
        if writes.count() == 0 { Lost::OneWrite } else { Lost::Several }
    }

    /// What says that the log went further than `left`.
    fn vouches(&self, left: &[LogRecord]) -> Option<Lost> {
        let (mut last, mut commit) = (0, 0);
        for record in left {
            match record.says {
                Says::Entry { index } => last = index,
                Says::State { commit: here, .. } => commit = here,
                Says::Snapshot { index } => last = last.max(index),
                Says::Head => {}
            }
        }
        match self.applied > last.max(self.snapshot) {
            _ if commit > last => Some(Lost::Known),
            true if self.voters == 1 => Some(Lost::Known),
            true => Some(Lost::Applied),
            false => None,
        }
    }
}

fn says(record: &Record<'_>) -> Says {
    let data = record.bytes();
    match record.kind {
        RecordKind::Entry => Says::Entry { index: Entry::decode(data, ProtoRules::Google).unwrap().index.0 },
        RecordKind::State => {
            let state = HardState::decode(data, ProtoRules::Google).unwrap();
            Says::State { term: state.term.0, vote: state.vote.0, commit: state.commit.0 }
        }
        RecordKind::Snapshot => Says::Snapshot { index: WalSnapshot::decode(data, ProtoRules::Google).unwrap().index.0 },
        RecordKind::Metadata | RecordKind::Crc | RecordKind::Unknown(_) => Says::Head,
    }
}
