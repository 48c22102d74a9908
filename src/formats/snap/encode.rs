//! A `.snap` file as the server writes it, so that a lost one can be made again.

use super::SnapshotToken;
use crate::formats::varint;
use crate::types::{Crc32c, SnapshotId};

/// The bytes of the `.snap` file of a snapshot with this token. `conf_state` are the members as the log's record of the snapshot has
/// them: how they are encoded differs from one version of the server to the next, everything around them does not.
pub fn encode(conf_state: &[u8], id: SnapshotId, token: SnapshotToken) -> Vec<u8> {
    let mut meta = Vec::new();
    bytes_field(0x0a, conf_state, &mut meta);
    varint_field(0x10, id.index.0, &mut meta);
    varint_field(0x18, id.term.0, &mut meta);
    let mut snapshot = Vec::new();
    bytes_field(0x0a, &token.encode(), &mut snapshot);
    bytes_field(0x12, &meta, &mut snapshot);
    let mut file = Vec::new();
    varint_field(0x08, Crc32c::of(&snapshot).0.into(), &mut file);
    bytes_field(0x12, &snapshot, &mut file);
    file
}

fn varint_field(tag: u8, value: u64, out: &mut Vec<u8>) {
    out.push(tag);
    varint::encode(value, out);
}

fn bytes_field(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    varint_field(tag, bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::raftpb::{ProtoRules, WalSnapshot};
    use crate::formats::snap::{SnapshotData, decode};
    use crate::types::{LogIndex, NodeId, Term};

    const TOKEN: SnapshotToken = SnapshotToken { index: LogIndex(9), crc32c: Crc32c(0xaabb_ccdd) };

    /// The data of a record: index 9, term 7, voters 1 and 300, with and without the field that only one server writes.
    const RECORDS: [&[u8]; 2] =
        [b"\x08\x09\x10\x07\x1a\x07\x08\x01\x08\xac\x02\x28\x00", b"\x08\x09\x10\x07\x1a\x05\x08\x01\x08\xac\x02"];

    #[test]
    fn what_is_made_of_a_record_is_read() {
        for record in RECORDS {
            let members = WalSnapshot::conf_state_bytes(record).unwrap();
            let id = WalSnapshot::decode(record, ProtoRules::Gogo).unwrap().id();
            assert_eq!(id, SnapshotId { term: Term(7), index: LogIndex(9) });
            let bytes = encode(members, id, TOKEN);
            let inner = [
                b"\x0a\x11EKVT\x01\0\0\0\0\0\0\0\x09\xaa\xbb\xcc\xdd\x12",
                &[u8::try_from(members.len()).unwrap() + 6, 0x0a][..],
            ]
            .concat();
            assert!(bytes.windows(inner.len()).any(|window| window == inner), "{bytes:x?}");
            for rules in [ProtoRules::Gogo, ProtoRules::Google] {
                let read = decode(&bytes, rules).unwrap();
                assert_eq!((read.metadata.id(), SnapshotData::of(read.data)), (id, SnapshotData::Token(TOKEN)));
                assert_eq!(read.metadata.conf_state.voters, [NodeId(1), NodeId(300)]);
            }
        }
    }

    #[test]
    fn members_that_are_not_there_once_are_none() {
        assert_eq!(WalSnapshot::conf_state_bytes(b"\x08\x09\x10\x07"), None);
        assert_eq!(WalSnapshot::conf_state_bytes(b"\x1a\x02\x08\x01\x1a\x02\x08\x02"), None);
        for record in RECORDS {
            for cut in 5..record.len() {
                assert_eq!(WalSnapshot::conf_state_bytes(&record[..cut]), None, "{cut}");
            }
            for bit in 0..record.len() * 8 {
                let mut bytes = record.to_vec();
                bytes[bit / 8] ^= 1 << (bit % 8);
                let _ = WalSnapshot::conf_state_bytes(&bytes);
            }
        }
    }
}
