//! By which names a directory is a group's, and how one is told that is none of a start.

use std::path::PathBuf;

use crate::formats::layout;
use crate::io::{DirEntry, entry_named, holds_prefix};

/// Entries that only a group directory has, but for `wal` and `snap`, which a member of etcd has as well.
pub(in crate::readers) const OWN_ENTRIES: &[&str] = &[
    layout::ENGINE_MARKER,
    layout::PAYLOADS,
    layout::STORE,
    layout::PEERS,
    layout::LEGACY_STATE,
    layout::LEGACY_METADATA,
    layout::LEGACY_ENTRIES,
    layout::RAFT_DB,
    layout::LOGS_DAT,
    layout::STABLE_DAT,
];

/// Something at or below a path that is no group which a start would open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unplaced {
    /// Where it is.
    pub path: PathBuf,
    /// Why it was left out.
    pub why: String,
    /// True when a node may hang on it, so that nothing can be said about all of them.
    pub needed: bool,
}

/// What the names of copies of a store begin with.
const STORES: &str = "fsm.db-";

/// Names of which each makes a directory one of a group.
fn names() -> impl Iterator<Item = &'static str> {
    [layout::WAL, layout::SNAP].into_iter().chain(OWN_ENTRIES.iter().copied())
}

/// True when an entry of this name alone makes a directory one of a group.
pub(super) fn is_own(name: &str) -> bool {
    names().any(|own| own == name) || name.starts_with(STORES)
}

/// True when `entries`, sorted by name, are those of a group directory.
pub fn is_group(entries: &[DirEntry]) -> bool {
    names().any(|name| entry_named(entries, name).is_some()) || holds_prefix(entries, STORES)
}

/// The first name in a listing that makes it one of a group.
pub(super) fn own_entry(entries: &[DirEntry]) -> Option<&str> {
    let named = names().find_map(|name| entry_named(entries, name));
    named.or_else(|| entries.iter().find(|entry| entry.name.starts_with(STORES))).map(|entry| entry.name.as_str())
}

/// The number in `group-<n>`; decimal without padding, as the server writes it.
pub fn group_number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("group-")?;
    let number: u64 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn group_names_are_canonical_decimal() {
        assert_eq!(group_number("group-7"), Some(7));
        for name in ["group-07", "group-", "group-x", "group--1", "groups-1"] {
            assert_eq!(group_number(name), None, "{name}");
        }
    }
}
