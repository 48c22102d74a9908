//! Raft's own numbers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Position of an entry in the Raft log. Real entries start at 1; 0 stands for "before the first".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct LogIndex(pub u64);

/// Raft term (election epoch).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Term(pub u64);

/// Raft node id: the hash of the node's textual raft id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct NodeId(pub u64);

/// Names one snapshot: the index it covers and the term of the entry at that index.
///
/// Ordered by term first, as the server orders `.snap` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SnapshotId {
    /// Term of the entry at `index`.
    pub term: Term,
    /// Last entry that the snapshot covers.
    pub index: LogIndex,
}

/// An id of a member or of a cluster of etcd: a hexadecimal number without leading zeros, as etcd prints it; in JSON as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EtcdId(pub u64);

impl LogIndex {
    /// The index after this one, or `None` at the end of the number range.
    pub const fn next(self) -> Option<Self> {
        match self.0.checked_add(1) {
            Some(next) => Some(Self(next)),
            None => None,
        }
    }
}

impl NodeId {
    /// Node id of a textual raft id: FNV-1a 64 of its bytes; a hash of 0 becomes 1, an empty id gives 0 (unset).
    ///
    /// Source: formats page of the data directory, section "From flags to a group directory".
    pub fn of_raft_id(raft_id: &str) -> Self {
        Self::of_bytes(raft_id.as_bytes())
    }

    /// The same of an id as it stands in a file, which need not be text.
    pub fn of_bytes(raft_id: &[u8]) -> Self {
        if raft_id.is_empty() {
            return Self(0);
        }
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        Self(raft_id.iter().fold(0xcbf2_9ce4_8422_2325, step).max(1))
    }
}

impl NodeId {
    /// All sixteen hex digits, for people who look for it; [`Display`](fmt::Display) prints it as the server does, without
    /// leading zeros.
    pub fn padded(self) -> String {
        format!("{:016x}", self.0)
    }

    /// The same behind the name, where `path` runs through a directory that is called as the node is: `n1 (08b37b07b558d4c0)`. No
    /// other name has the id. Of nobody it is `none`.
    pub fn named_by(self, path: &str) -> String {
        if self.0 == 0 {
            return "none".to_owned();
        }
        match path.split('/').find(|name| !name.is_empty() && Self::of_raft_id(name) == self) {
            Some(name) => format!("{name} ({})", self.padded()),
            None => self.padded(),
        }
    }
}

impl fmt::Display for LogIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Lower-case hex without leading zeros, as the server prints node ids.
impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

impl fmt::Display for EtcdId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

impl Serialize for EtcdId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EtcdId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let is_hex = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = is_hex.then(|| u64::from_str_radix(&text, 16).ok()).flatten();
        id.map(Self).ok_or_else(|| serde::de::Error::custom("no id of etcd in hexadecimal digits"))
    }
}

super::text_schema!(EtcdId, "An id of etcd: a hexadecimal number without leading zeros.");

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "index {} term {}", self.index, self.term)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_ids_are_fnv1a_of_the_raft_id() {
        assert_eq!(NodeId::of_raft_id("n1"), NodeId(0x08b3_7b07_b558_d4c0));
        assert_eq!(NodeId::of_raft_id("n2"), NodeId(0x08b3_7e07_b558_d9d9));
        assert_eq!(NodeId::of_raft_id("node-1"), NodeId(0xe696_ecc2_2078_79c3));
        assert_eq!(NodeId::of_raft_id(""), NodeId(0));
        assert_eq!(NodeId::of_raft_id("n1").named_by("/data/n1/group-2/wal"), "n1 (08b37b07b558d4c0)");
        assert_eq!(NodeId::of_raft_id("n1").named_by("/data/n2/group-2/wal"), "08b37b07b558d4c0");
        assert_eq!(NodeId(0).named_by("/data//n1"), "none");
    }

    #[test]
    fn snapshots_order_by_term_first() {
        let later_term = SnapshotId { term: Term(2), index: LogIndex(4) };
        let higher_index = SnapshotId { term: Term(1), index: LogIndex(5) };
        assert!(later_term > higher_index);
    }

    #[test]
    fn the_last_index_has_no_next() {
        assert_eq!(LogIndex(1).next(), Some(LogIndex(2)));
        assert_eq!(LogIndex(u64::MAX).next(), None);
    }
}
