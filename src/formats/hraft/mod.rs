#![doc = include_str!("../../../docs/formats/hashicorp.md")]

mod archive;
mod configuration;
mod entry;
mod json;
mod machine;
mod msgpack;
mod peers_json;
mod snapshot_meta;
mod stable;
mod sums;
pub(in crate::formats) mod time;

pub use archive::{ARCHIVE_MEMBERS, begins_an_archive};
pub use configuration::{Configuration, PayloadNote, Server, Suffrage, decode_configuration, decode_peers};
pub use entry::{EntryForm, LogEntry, LogType, decode_entry};
pub use json::JsonError;
pub use machine::{Machine, StateView};
pub use msgpack::{MsgpackError, MsgpackErrorKind};
pub use peers_json::{PeersFile, PeersJsonError, check_configuration, decode_peers_json};
pub use snapshot_meta::{SnapshotMeta, SnapshotMetaNotes, decode_snapshot_meta};
pub use stable::{CURRENT_TERM, LAST_VOTE_CANDIDATE, LAST_VOTE_TERM};
pub use sums::{SumLine, sum_lines};
pub use time::{AppendedAt, TimeFamily};

/// CRC-64/XZ: reflected ECMA-182 polynomial, all ones in, all ones out; what `meta.json` holds for `state.bin`.
pub fn crc64(bytes: &[u8]) -> u64 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Xz, bytes)
}

/// The same over pieces.
#[derive(Debug)]
pub struct Crc64(crc_fast::Digest);

impl Default for Crc64 {
    fn default() -> Self {
        Self(crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc64Xz))
    }
}

impl Crc64 {
    /// Adds a piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of everything added.
    pub fn finish(&self) -> u64 {
        self.0.finalize()
    }
}

#[cfg(test)]
mod tests;
