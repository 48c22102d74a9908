//! Whose log a segment is: the metadata record at its head.

use crate::formats::protobuf::{self, Value};
use crate::formats::raftpb::ProtoRules;
use crate::formats::wal::{Frame, FrameStep, Record, RecordKind};

/// `etcdserverpb.Metadata`: what the metadata record of etcd holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Metadata {
    /// Field 1: the member's id.
    pub node_id: u64,
    /// Field 2: the cluster's id.
    pub cluster_id: u64,
}

impl Metadata {
    /// Decodes the data of a metadata record. `None` for everything that etcd does not write: both ids are hashes and never 0, and
    /// nothing else stands there. A hard state or a snapshot record, whose type a flipped bit may change into this one, is none.
    pub fn decode(data: &[u8]) -> Option<Self> {
        let mut fields = protobuf::fields(data);
        let mut next = |number: u32| match fields.next()?.ok()? {
            field if field.number == number => field.value.as_varint().filter(|id| *id != 0),
            _ => None,
        };
        let found = Self { node_id: next(1)?, cluster_id: next(2)? };
        fields.next().is_none().then_some(found)
    }
}

/// Whose log it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogOwner {
    /// elastickv's, whose metadata records are empty; also a log that does not say whose it is.
    #[default]
    Elastickv,
    /// A member of etcd.
    Etcd(Metadata),
}

impl LogOwner {
    /// The member, for a log of etcd.
    pub const fn etcd(self) -> Option<Metadata> {
        match self {
            Self::Elastickv => None,
            Self::Etcd(metadata) => Some(metadata),
        }
    }

    /// True for a log of etcd.
    pub const fn is_etcd(self) -> bool {
        matches!(self, Self::Etcd(_))
    }
}

/// Records at the head of a segment that are looked at: checksum and metadata, in segments without a head perhaps another.
const HEAD_RECORDS: usize = 2;

/// Whose log a segment is a part of, by its first bytes. `None` when they do not say.
///
/// Every segment begins with a checksum record and a metadata record. What follows them is not looked at: behind the head a metadata
/// record may be the damaged type of another.
pub fn owner_of(head: &[u8]) -> Option<LogOwner> {
    let mut at = 0;
    for _ in 0..HEAD_RECORDS {
        let FrameStep::Frame(frame) = Frame::read(head, at) else { return None };
        let record = Record::decode(frame.payload(), ProtoRules::Google).ok()?;
        match record.kind {
            RecordKind::Crc => at = frame.end(),
            RecordKind::Metadata if record.bytes().is_empty() => return Some(LogOwner::Elastickv),
            RecordKind::Metadata => return Metadata::decode(record.bytes()).map(LogOwner::Etcd),
            _ => return None,
        }
    }
    None
}

/// The integer of a field, 0 where it has another wire type.
pub(super) const fn number_of(value: Value<'_>) -> u64 {
    match value {
        Value::Varint(number) => number,
        _ => 0,
    }
}
