//! Whose a file is, and who may do what with it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// Owner, group and permission bits of a file or directory, links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Access {
    /// The nine permission bits, as in `stat`.
    pub mode: u32,
    /// Number of the owner.
    pub uid: u32,
    /// Number of the group.
    pub gid: u32,
}

impl Access {
    /// From metadata already at hand.
    pub fn of(meta: &Metadata) -> Self {
        Self { mode: meta.mode() & 0o777, uid: meta.uid(), gid: meta.gid() }
    }
}
