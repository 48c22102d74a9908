//! One copy of a group, as far as it is told from others.

use std::collections::BTreeSet;

use crate::readers::wal::{EntryRanges, WalScan};
use crate::types::{NodeId, ServerVersion};

/// What tells one copy of a group from another.
#[derive(Debug, Clone)]
pub struct Identity<'a> {
    /// The directory.
    pub dir: String,
    /// The node's raft id.
    pub name: &'a str,
    /// Its node id.
    pub node_id: NodeId,
    /// Everyone that any configuration in it names.
    pub everyone: BTreeSet<NodeId>,
    /// Its log, and the entries of it that stand.
    pub log: Option<(&'a WalScan, &'a EntryRanges)>,
    /// The server version that reads it.
    pub engine: ServerVersion,
}
