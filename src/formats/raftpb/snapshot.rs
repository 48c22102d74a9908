//! `raftpb.Snapshot` of `.snap` files and `walpb.Snapshot` of the log. Their field numbers differ.

use super::conf_state::ConfState;
use super::wire::{MessageReader, ProtoRules};
use crate::formats::DecodeResult;
use crate::types::{LogIndex, SnapshotId, Term};

/// `raftpb.SnapshotMetadata`: which entry a snapshot covers and who was a member then.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SnapshotMetadata {
    /// Field 1; absent means empty.
    pub conf_state: ConfState,
    /// Field 2: last entry covered.
    pub index: LogIndex,
    /// Field 3: term of that entry.
    pub term: Term,
}

/// `raftpb.Snapshot`: metadata and the application's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot<'a> {
    /// Field 1: what the application stored; elastickv stores a token of 17 bytes or a whole payload.
    pub data: &'a [u8],
    /// Field 2; absent means empty.
    pub metadata: SnapshotMetadata,
}

/// `walpb.Snapshot`, the data of a WAL record of type 5: a snapshot was taken or received.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WalSnapshot {
    /// Field 1: last entry covered.
    pub index: LogIndex,
    /// Field 2: term of that entry.
    pub term: Term,
    /// Field 3; `None` means that the members are unknown, not that there were none.
    pub conf_state: Option<ConfState>,
}

impl SnapshotMetadata {
    /// Decodes one message.
    pub fn decode(bytes: &[u8], rules: ProtoRules) -> DecodeResult<Self> {
        let mut metadata = Self::default();
        metadata.merge(bytes, rules)?;
        Ok(metadata)
    }

    fn merge(&mut self, bytes: &[u8], rules: ProtoRules) -> DecodeResult<()> {
        let mut reader = MessageReader::new("SnapshotMetadata", bytes, rules);
        while let Some(tag) = reader.tag()? {
            match tag.number {
                1 => drop(reader.message(tag, "ConfState", |bytes, rules| self.conf_state.merge(bytes, rules))?),
                2 => self.index = reader.varint(tag, "Index")?.map_or(self.index, LogIndex),
                3 => self.term = reader.varint(tag, "Term")?.map_or(self.term, Term),
                _ => reader.skip(tag)?,
            }
        }
        Ok(())
    }

    /// The snapshot's name.
    pub const fn id(&self) -> SnapshotId {
        SnapshotId { term: self.term, index: self.index }
    }
}

impl<'a> Snapshot<'a> {
    /// Decodes the inner message of a `.snap` file.
    pub fn decode(bytes: &'a [u8], rules: ProtoRules) -> DecodeResult<Self> {
        let mut reader = MessageReader::new("Snapshot", bytes, rules);
        let mut snapshot = Self::default();
        while let Some(tag) = reader.tag()? {
            match tag.number {
                1 => snapshot.data = reader.bytes(tag, "Data")?.unwrap_or(snapshot.data),
                2 => drop(reader.message(tag, "Metadata", |bytes, rules| snapshot.metadata.merge(bytes, rules))?),
                _ => reader.skip(tag)?,
            }
        }
        Ok(snapshot)
    }
}

impl WalSnapshot {
    /// Decodes the data of a WAL record of type 5.
    pub fn decode(bytes: &[u8], rules: ProtoRules) -> DecodeResult<Self> {
        let mut reader = MessageReader::new("Snapshot", bytes, rules);
        let mut snapshot = Self::default();
        while let Some(tag) = reader.tag()? {
            match tag.number {
                1 => snapshot.index = reader.varint(tag, "Index")?.map_or(snapshot.index, LogIndex),
                2 => snapshot.term = reader.varint(tag, "Term")?.map_or(snapshot.term, Term),
                3 => {
                    let mut conf_state = snapshot.conf_state.take().unwrap_or_default();
                    let read = reader.message(tag, "ConfState", |bytes, rules| conf_state.merge(bytes, rules))?;
                    snapshot.conf_state = read.map(|()| conf_state);
                }
                _ => reader.skip(tag)?,
            }
        }
        Ok(snapshot)
    }

    /// The bytes of the members in the data of a record: one version of the server writes every field of them, the other only
    /// those that are set, and the `.snap` file of the same snapshot has the same bytes. `None` when the record has none, or several.
    pub fn conf_state_bytes(data: &[u8]) -> Option<&[u8]> {
        let mut reader = MessageReader::new("Snapshot", data, ProtoRules::Google);
        let mut found = None;
        while let Some(tag) = reader.tag().ok()? {
            if tag.number != 3 {
                reader.skip(tag).ok()?;
                continue;
            }
            let bytes = reader.bytes(tag, "ConfState").ok()??;
            if found.replace(bytes).is_some() {
                return None;
            }
        }
        found
    }

    /// The snapshot's name.
    pub const fn id(&self) -> SnapshotId {
        SnapshotId { term: self.term, index: self.index }
    }
}
