//! Nodes that files of facts tell go on while the others are looked at.

use crate::types::UnixMillis;

/// When a node was looked at, and when its files were last changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// When its facts were taken; `None` for a directory that is read now.
    pub taken: Option<UnixMillis>,
    /// When a file of its log or snapshots was last changed.
    pub written: Option<UnixMillis>,
}

/// Which node was written to after `taken_at`, the last of them, and when. A file of facts that tells of a time behind its own says nothing of
/// it: that machine's clock, or the times of its files, are wrong.
pub(super) fn overtaken(taken_at: UnixMillis, nodes: impl Iterator<Item = Seen>) -> Option<(usize, UnixMillis)> {
    let possible = |seen: Seen, written: UnixMillis| seen.taken.is_none_or(|taken| written <= taken);
    let written =
        nodes.enumerate().filter_map(|(node, seen)| Some((node, seen.written.filter(|written| possible(seen, *written))?)));
    written.filter(|(_, written)| *written > taken_at).max_by_key(|(_, written)| *written)
}
