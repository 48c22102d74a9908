#![doc = include_str!("../../../docs/formats/snap.md")]

mod encode;
mod file_name;
mod token;

use super::DecodeError;
use super::raftpb::wire::MessageReader;
use super::raftpb::{ProtoRules, Snapshot};
use crate::types::Crc32c;

pub use encode::encode;
pub use file_name::SnapName;
pub use token::{SnapshotData, SnapshotToken, TOKEN_LEN, TokenError};

/// Why a `.snap` file cannot be used. A start renames such a file to `.snap.broken` when its search reaches it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapError {
    /// No bytes, no data, or a checksum of 0 (even if 0 happens to be right).
    #[error("snap: empty snapshot")]
    Empty,
    /// The checksum does not match the data.
    #[error("snap: crc mismatch")]
    Crc {
        /// As stored.
        stored: Crc32c,
        /// Of the data.
        computed: Crc32c,
    },
    /// The outer message is malformed.
    #[error("outer message: {0}")]
    Envelope(DecodeError),
    /// The checksum is right and the message inside is malformed all the same.
    #[error("raft snapshot: {0}")]
    Message(DecodeError),
}

/// The snapshot in a `.snap` file's bytes.
pub fn decode(bytes: &[u8], rules: ProtoRules) -> Result<Snapshot<'_>, SnapError> {
    if bytes.is_empty() {
        return Err(SnapError::Empty);
    }
    let (crc, data) = envelope(bytes, rules).map_err(SnapError::Envelope)?;
    if data.is_empty() || crc == Crc32c(0) {
        return Err(SnapError::Empty);
    }
    let computed = Crc32c::of(data);
    if computed != crc {
        return Err(SnapError::Crc { stored: crc, computed });
    }
    Snapshot::decode(data, rules).map_err(SnapError::Message)
}

fn envelope(bytes: &[u8], rules: ProtoRules) -> Result<(Crc32c, &[u8]), DecodeError> {
    let mut reader = MessageReader::new("snapshot", bytes, rules);
    let (mut crc, mut data) = (0, &[][..]);
    while let Some(tag) = reader.tag()? {
        match tag.number {
            1 => crc = reader.varint(tag, "Crc")?.unwrap_or(crc),
            2 => data = reader.bytes(tag, "Data")?.unwrap_or(data),
            _ => reader.skip(tag)?,
        }
    }
    #[expect(clippy::cast_possible_truncation, reason = "both runtimes keep the low 32 bits of a uint32 field")]
    let crc = Crc32c(crc as u32);
    Ok((crc, data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{LogIndex, SnapshotId, Term};

    /// Index 1, term 1, voter 1, data `{}`.
    const WITH_DATA: &[u8] = b"\x08\xd2\xd9\xe2\xa6\x05\x12\x10\x0a\x02\x7b\x7d\x12\x0a\x0a\x04\x08\x01\x28\x00\x10\x01\x18\x01";
    const WITHOUT_DATA: &[u8] = b"\x08\xee\xcb\xec\x7c\x12\x0c\x12\x0a\x0a\x04\x08\x01\x28\x00\x10\x01\x18\x01";

    #[test]
    fn golden() {
        for rules in [ProtoRules::Gogo, ProtoRules::Google] {
            let snapshot = decode(WITH_DATA, rules).unwrap();
            assert_eq!(snapshot.data, b"{}");
            assert_eq!(snapshot.metadata.id(), SnapshotId { term: Term(1), index: LogIndex(1) });
            assert_eq!(decode(WITHOUT_DATA, rules).unwrap().data, b"");
        }
    }

    #[test]
    fn no_prefix_and_no_flipped_bit_passes_for_the_whole() {
        for rules in [ProtoRules::Gogo, ProtoRules::Google] {
            let whole = decode(WITH_DATA, rules);
            for cut in 0..WITH_DATA.len() {
                assert!(decode(&WITH_DATA[..cut], rules).is_err(), "{cut}");
            }
            for bit in 0..WITH_DATA.len() * 8 {
                let mut bytes = WITH_DATA.to_vec();
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert!(decode(&bytes, rules).is_err() || decode(&bytes, rules) == whole, "bit {bit}");
            }
        }
    }

    #[test]
    fn the_order_of_the_refusals() {
        let rules = ProtoRules::Google;
        assert_eq!(decode(b"", rules), Err(SnapError::Empty));
        assert_eq!(decode(&[0x08, 0x01], rules), Err(SnapError::Empty), "no data");
        assert_eq!(decode(&[0x12, 0x01, 0x00], rules), Err(SnapError::Empty), "no checksum");
        assert!(matches!(decode(&[0; 40], rules), Err(SnapError::Envelope(_))));
        assert!(matches!(decode(&[0x08, 0x01, 0x12, 0x01, 0x00], rules), Err(SnapError::Crc { .. })));
        let crc = Crc32c::of(&[0xff]);
        let mut bytes = vec![0x08];
        crate::formats::varint::encode(crc.0.into(), &mut bytes);
        bytes.extend([0x12, 0x01, 0xff]);
        assert!(matches!(decode(&bytes, rules), Err(SnapError::Message(_))));
    }
}
