//! One copy of a group, as far as it is told from others.

use std::collections::BTreeSet;

use super::held::HeldLog;
use crate::types::NodeId;

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
    /// Its log; `None` without one.
    pub log: Option<&'a HeldLog<'a>>,
}
