//! Which etcd: the releases that start alike.

use serde::{Deserialize, Serialize};

use crate::formats::raftpb::ProtoRules;
use crate::formats::wal::{Frame, FrameStep, Record, RecordKind};
use crate::readers::wal::{Item, WalScan};
use crate::types::{ProtobufRuntime, ServerVersion};

/// Releases of etcd that read a directory alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Generation {
    /// 3.4.8 to 3.6: the newest `.snap` file that the log names.
    #[serde(rename = "etcd 3.4 to 3.6")]
    UpTo36,
    /// 3.7: the last snapshot record of the log.
    #[serde(rename = "etcd 3.7")]
    From37,
}

impl Generation {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::UpTo36, Self::From37];

    /// The releases, for sentences.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UpTo36 => "etcd 3.4 to 3.6",
            Self::From37 => "etcd 3.7",
        }
    }

    /// The releases that use the version of the library that this server of elastickv uses.
    pub const fn of(version: ServerVersion) -> Self {
        match version.traits().protobuf {
            ProtobufRuntime::Gogo => Self::UpTo36,
            ProtobufRuntime::Google => Self::From37,
        }
    }

    /// A server of elastickv that uses the version of the library that these releases use.
    pub fn library(self) -> ServerVersion {
        ServerVersion::ALL.into_iter().find(|version| Self::of(*version) == self).unwrap_or(ServerVersion::NEWEST)
    }

    /// Who wrote the newest entries of a log: 3.7 leaves out the type of an ordinary entry. `None` without an ordinary entry.
    pub fn that_wrote(scan: &WalScan) -> Option<Self> {
        scan.segments.iter().rev().find_map(|segment| {
            let items = segment.trace(ServerVersion::NEWEST).items.iter().rev();
            items
                .filter_map(|item| match item {
                    Item::Run(run) if run.entries.is_some() => Some(run.at),
                    _ => None,
                })
                .find_map(|at| written_at(segment.bytes(), at))
        })
    }
}

fn written_at(segment: &[u8], at: u64) -> Option<Generation> {
    let FrameStep::Frame(frame) = Frame::read(segment, at) else { return None };
    let record = Record::decode(frame.payload(), ProtoRules::Google).ok().filter(|record| record.kind == RecordKind::Entry)?;
    match record.bytes() {
        // The type first, 0 as well.
        [0x08, ..] => Some(Generation::UpTo36),
        [0x10, ..] => Some(Generation::From37),
        _ => None,
    }
}
