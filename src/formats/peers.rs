#![doc = include_str!("../../docs/formats/peers.md")]

use super::{Cursor, DecodeError, DecodeErrorKind, DecodeResult};
use crate::types::{LogIndex, NodeId, ServerVersion};

/// First bytes of the file.
pub const MAGIC: [u8; 4] = *b"EKVP";
/// Largest number of peers in either list.
pub const MAX_PEERS: u32 = 1 << 10;
/// Largest raft id and address, in bytes.
pub const MAX_TEXT: u32 = 1 << 20;

/// Whether a member votes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Suffrage {
    /// Byte 0; also every peer of version 1.
    #[default]
    Voter,
    /// Byte 1.
    Learner,
}

/// One member as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer<'a> {
    /// Hash of the raft id; 0 = derive it.
    pub node_id: NodeId,
    /// Whether it votes.
    pub suffrage: Suffrage,
    /// Raft id.
    pub id: &'a [u8],
    /// `host:port`; may be empty.
    pub address: &'a [u8],
}

/// The members that a bootstrap was asked for (version 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootstrapSeed<'a> {
    /// True while a start with another list is refused.
    pub active: bool,
    /// The list.
    pub peers: Vec<Peer<'a>>,
}

/// The decoded file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeersFile<'a> {
    /// 1 to 3.
    pub version: u32,
    /// Raft index that the list is valid for.
    pub index: LogIndex,
    /// Members, as written.
    pub peers: Vec<Peer<'a>>,
    /// Version 3 only.
    pub seed: Option<BootstrapSeed<'a>>,
    /// Bytes after the last field; both servers ignore them.
    pub trailing: u64,
}

impl<'a> PeersFile<'a> {
    /// Decodes the file as `engine` reads it: field by field, in the server's order of checks.
    pub fn decode(bytes: &'a [u8], engine: ServerVersion) -> DecodeResult<Self> {
        let newest = engine.traits().peers_up_to;
        let mut cursor = Cursor::new(bytes);
        let magic = cursor.array::<4>("etcd raft peers magic")?;
        if magic != MAGIC {
            let kind = DecodeErrorKind::BadMagic { what: "etcd raft peers", found: magic.to_vec() };
            return Err(DecodeError::new(0, kind));
        }
        let version = cursor.u32_be("etcd raft peers version")?;
        if !(1..=newest).contains(&version) {
            let kind = DecodeErrorKind::Unknown { what: "etcd raft peers version", found: version.into() };
            return Err(DecodeError::new(4, kind));
        }
        let index = LogIndex(cursor.u64_be("peers index")?);
        let peers = read_list(&mut cursor, version, "persisted peer count")?;
        let seed = (version >= 3).then(|| read_seed(&mut cursor)).transpose()?;
        Ok(Self { version, index, peers, seed, trailing: cursor.remaining() as u64 })
    }

    /// Decodes the file as the newest server reads it, whatever it was written by.
    pub fn decode_any(bytes: &'a [u8]) -> DecodeResult<Self> {
        Self::decode(bytes, ServerVersion::NEWEST)
    }
}

fn read_seed<'a>(cursor: &mut Cursor<'a>) -> DecodeResult<BootstrapSeed<'a>> {
    let at = cursor.offset();
    let active = match cursor.u8("bootstrap seed active byte")? {
        0 => false,
        1 => true,
        other => {
            let kind = DecodeErrorKind::Unknown { what: "bootstrap seed active byte", found: other.into() };
            return Err(DecodeError::new(at, kind));
        }
    };
    Ok(BootstrapSeed { active, peers: read_list(cursor, 3, "persisted bootstrap seed count")? })
}

fn read_list<'a>(cursor: &mut Cursor<'a>, version: u32, what: &'static str) -> DecodeResult<Vec<Peer<'a>>> {
    let at = cursor.offset();
    let count = cursor.u32_be(what)?;
    if count > MAX_PEERS {
        let kind = DecodeErrorKind::Limit { what, found: count.into(), limit: MAX_PEERS.into() };
        return Err(DecodeError::new(at, kind));
    }
    (0..count).map(|_| read_peer(cursor, version)).collect()
}

fn read_peer<'a>(cursor: &mut Cursor<'a>, version: u32) -> DecodeResult<Peer<'a>> {
    let start = cursor.offset();
    let node_id = NodeId(cursor.u64_be("peer node id")?);
    let at = cursor.offset();
    let suffrage = match version {
        1 => Suffrage::Voter,
        _ => match cursor.u8("peer suffrage byte")? {
            0 => Suffrage::Voter,
            1 => Suffrage::Learner,
            other => {
                let kind = DecodeErrorKind::Unknown { what: "peer suffrage byte", found: other.into() };
                return Err(DecodeError::new(at, kind));
            }
        },
    };
    let id = read_text(cursor, "peer id size", "peer id")?;
    let address = read_text(cursor, "peer address size", "peer address")?;
    if node_id == NodeId(0) && id.is_empty() {
        return Err(DecodeError::invalid(start, "peer", "etcd raft peer id is required"));
    }
    Ok(Peer { node_id, suffrage, id, address })
}

fn read_text<'a>(cursor: &mut Cursor<'a>, size: &'static str, what: &'static str) -> DecodeResult<&'a [u8]> {
    let at = cursor.offset();
    let len = cursor.u32_be(size)?;
    if len > MAX_TEXT {
        let kind = DecodeErrorKind::Limit { what: size, found: len.into(), limit: MAX_TEXT.into() };
        return Err(DecodeError::new(at, kind));
    }
    cursor.take(what, len.into())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Writes a peers file of any version.
    pub(crate) fn encode(version: u32, index: u64, peers: &[Peer<'_>], seed: Option<(u8, &[Peer<'_>])>) -> Vec<u8> {
        fn list(out: &mut Vec<u8>, version: u32, peers: &[Peer<'_>]) {
            out.extend(u32::try_from(peers.len()).unwrap().to_be_bytes());
            for peer in peers {
                out.extend(peer.node_id.0.to_be_bytes());
                if version > 1 {
                    out.push(u8::from(peer.suffrage == Suffrage::Learner));
                }
                for text in [peer.id, peer.address] {
                    out.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
                    out.extend(text);
                }
            }
        }
        let mut out = b"EKVP".to_vec();
        out.extend(version.to_be_bytes());
        out.extend(index.to_be_bytes());
        list(&mut out, version, peers);
        if let Some((active, peers)) = seed {
            out.push(active);
            list(&mut out, 3, peers);
        }
        out
    }

    pub(crate) fn peer(id: &str) -> Peer<'_> {
        Peer { node_id: NodeId::of_raft_id(id), suffrage: Suffrage::Voter, id: id.as_bytes(), address: b"127.0.0.1:7001" }
    }

    /// What a real node `n1` of server `pr934` wrote.
    const REAL: &[u8] =
        b"EKVP\0\0\0\x02\0\0\0\0\0\0\0\x01\0\0\0\x01\x08\xb3\x7b\x07\xb5\x58\xd4\xc0\0\0\0\0\x02n1\0\0\0\x0e127.0.0.1:7001";

    #[test]
    fn a_real_file() {
        let file = PeersFile::decode(REAL, ServerVersion::Pr934).unwrap();
        let expected = PeersFile { version: 2, index: LogIndex(1), peers: vec![peer("n1")], seed: None, trailing: 0 };
        assert_eq!(file, expected);
        assert_eq!(encode(2, 1, &file.peers, None), REAL);
    }

    #[test]
    fn each_version() {
        let learner = Peer { suffrage: Suffrage::Learner, ..peer("n4") };
        let peers = [peer("n1"), learner];
        let v1 = encode(1, 7, &peers, None);
        assert!(PeersFile::decode(&v1, ServerVersion::Pr934).unwrap().peers.iter().all(|p| p.suffrage == Suffrage::Voter));
        let v3 = encode(3, 7, &peers, Some((1, &peers[..1])));
        let file = PeersFile::decode(&v3, ServerVersion::Main).unwrap();
        assert_eq!(file.peers, peers);
        assert_eq!(file.seed, Some(BootstrapSeed { active: true, peers: peers[..1].to_vec() }));
        let refused = PeersFile::decode(&v3, ServerVersion::Pr934).unwrap_err();
        assert_eq!(refused, DecodeError::new(4, DecodeErrorKind::Unknown { what: "etcd raft peers version", found: 3 }));
        for version in [0, 4, 9] {
            assert!(PeersFile::decode(&encode(version, 7, &peers, None), ServerVersion::Main).is_err(), "{version}");
        }
    }

    #[test]
    fn limits_come_before_the_bytes_they_measure() {
        let mut count = encode(2, 1, &[], None);
        count[16..20].copy_from_slice(&1025_u32.to_be_bytes());
        let kind = PeersFile::decode_any(&count).unwrap_err().kind;
        assert_eq!(kind, DecodeErrorKind::Limit { what: "persisted peer count", found: 1025, limit: 1024 });
        let mut text = REAL.to_vec();
        text[29] = 0x80;
        let error = PeersFile::decode_any(&text).unwrap_err();
        let limit = DecodeErrorKind::Limit { what: "peer id size", found: 0x8000_0002, limit: 1 << 20 };
        assert_eq!(error, DecodeError::new(29, limit));
    }

    #[test]
    fn a_peer_without_id_and_node_id_is_refused_after_its_address() {
        let nameless = Peer { node_id: NodeId(0), id: b"", ..peer("n1") };
        let bytes = encode(2, 1, &[nameless], None);
        assert_eq!(PeersFile::decode_any(&bytes).unwrap_err().at, 20);
        assert!(PeersFile::decode_any(&bytes[..bytes.len() - 1]).unwrap_err().is_truncation());
    }

    #[test]
    fn trailing_bytes_are_ignored_but_counted() {
        let mut bytes = REAL.to_vec();
        bytes.push(b'x');
        assert_eq!(PeersFile::decode_any(&bytes).unwrap().trailing, 1);
    }

    #[test]
    fn every_prefix_is_a_truncation() {
        let v3 = encode(3, 7, &[peer("n1"), peer("n2")], Some((0, &[peer("n1")])));
        for bytes in [REAL, &v3] {
            for cut in 0..bytes.len() {
                let error = PeersFile::decode_any(&bytes[..cut]).unwrap_err();
                assert!(error.is_truncation() && error.at <= cut as u64, "{cut}: {error}");
            }
        }
    }

    #[test]
    fn every_flipped_bit_is_refused_or_changes_what_is_read() {
        let v3 = encode(3, 7, &[peer("n1"), peer("n2")], Some((0, &[peer("n1")])));
        let healthy = PeersFile::decode_any(&v3).unwrap();
        for bit in 0..v3.len() * 8 {
            let mut damaged = v3.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            if let Ok(file) = PeersFile::decode_any(&damaged) {
                assert_ne!(file, healthy, "bit {bit}");
            }
        }
    }
}
