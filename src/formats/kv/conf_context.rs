//! What the server puts into the `context` of a membership change.

use crate::types::NodeId;

/// First byte of a context.
const CONTEXT_VERSION: u8 = 3;

/// The member that a change is about. Layout: `03`, request id (8 bytes), node id (8), id length (2), address length (2),
/// id, address; integers big-endian, nothing may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfContext<'a> {
    /// Request id, random per process.
    pub request_id: u64,
    /// The member's node id; 0 = the one of the change.
    pub node_id: NodeId,
    /// Raft id.
    pub id: &'a [u8],
    /// `host:port`.
    pub address: &'a [u8],
}

impl<'a> ConfContext<'a> {
    /// Decodes a context. `None`: the server ignores it and knows no address for the member.
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        let ([version, fixed @ ..], rest) = bytes.split_first_chunk::<21>()?;
        if *version != CONTEXT_VERSION {
            return None;
        }
        let (request_id, fixed) = fixed.split_first_chunk::<8>()?;
        let (node_id, fixed) = fixed.split_first_chunk::<8>()?;
        let (id_len, fixed) = fixed.split_first_chunk::<2>()?;
        let address_len = fixed.first_chunk::<2>()?;
        let (id, address) = rest.split_at_checked(usize::from(u16::from_be_bytes(*id_len)))?;
        (address.len() == usize::from(u16::from_be_bytes(*address_len))).then(|| Self {
            request_id: u64::from_be_bytes(*request_id),
            node_id: NodeId(u64::from_be_bytes(*node_id)),
            id,
            address,
        })
    }

    /// Decodes the context of a change of `changed`. `None` also when it names another member.
    pub fn decode_for(changed: NodeId, bytes: &'a [u8]) -> Option<Self> {
        let none = NodeId(0);
        Self::decode(bytes).filter(|context| changed == none || context.node_id == none || context.node_id == changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(node_id: u64, id: &[u8], address: &[u8]) -> Vec<u8> {
        let mut bytes = vec![3];
        bytes.extend(9_u64.to_be_bytes());
        bytes.extend(node_id.to_be_bytes());
        bytes.extend(u16::try_from(id.len()).unwrap().to_be_bytes());
        bytes.extend(u16::try_from(address.len()).unwrap().to_be_bytes());
        bytes.extend(id);
        bytes.extend(address);
        bytes
    }

    #[test]
    fn lengths_must_add_up() {
        let bytes = context(5, b"n2", b"host:1");
        let decoded = ConfContext::decode(&bytes).unwrap();
        assert_eq!(decoded, ConfContext { request_id: 9, node_id: NodeId(5), id: b"n2", address: b"host:1" });
        for cut in 0..bytes.len() {
            assert_eq!(ConfContext::decode(&bytes[..cut]), None, "{cut}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(ConfContext::decode(&longer), None);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(ConfContext::decode(&damaged), Some(decoded), "bit {bit}");
        }
    }

    #[test]
    fn a_context_about_another_member_is_ignored() {
        let bytes = context(5, b"n2", b"");
        assert!(ConfContext::decode_for(NodeId(5), &bytes).is_some());
        assert!(ConfContext::decode_for(NodeId(0), &bytes).is_some());
        assert!(ConfContext::decode_for(NodeId(6), &bytes).is_none());
        assert!(ConfContext::decode_for(NodeId(6), &context(0, b"n2", b"")).is_some());
    }
}
