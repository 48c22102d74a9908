//! Names in `snap/`.

use crate::formats::hex_u64;
use crate::types::{LogIndex, ServerVersion, SnapshotId, Term};

/// Name of a snapshot envelope as the server writes it: `<term>-<index>.snap`, 16 lower-case hex digits each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SnapName {
    /// Term first, then index: sorted as text, names are sorted like this.
    pub id: SnapshotId,
    /// True when the name is spelled as the server spells it.
    pub canonical: bool,
}

impl SnapName {
    /// Both numbers of a name, or `None` when it does not have them.
    pub fn parse(name: &str) -> Option<Self> {
        let (term, index) = name.strip_suffix(".snap")?.rsplit_once('-')?;
        let id = SnapshotId { term: Term(hex_u64(term)?), index: LogIndex(hex_u64(index)?) };
        Some(Self { id, canonical: name == Self::of(id) })
    }

    /// The name that the server gives to a snapshot.
    pub fn of(id: SnapshotId) -> String {
        format!("{:016x}-{:016x}.snap", id.term.0, id.index.0)
    }

    /// The index whose payload this name keeps alive at a start, if any: what follows the last `-`, in hex, above 0.
    /// Today's main also wants the term to be a number.
    pub fn live_index(name: &str, engine: ServerVersion) -> Option<LogIndex> {
        let (term, index) = name.strip_suffix(".snap")?.rsplit_once('-')?;
        if engine.traits().wants_term_in_snap_name {
            hex_u64(term)?;
        }
        hex_u64(index).filter(|&index| index > 0).map(LogIndex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn term_comes_first() {
        let name = SnapName::parse("0000000000000002-000000000000001e.snap").unwrap();
        assert_eq!(name, SnapName { id: SnapshotId { term: Term(2), index: LogIndex(30) }, canonical: true });
        assert_eq!(SnapName::of(name.id), "0000000000000002-000000000000001e.snap");
        assert!(!SnapName::parse("2-1E.snap").unwrap().canonical);
        for other in ["foo.snap", "-.snap", "2-.snap", "2-1e.snap.broken", "2-1e.snap.db", "1e.snap"] {
            assert_eq!(SnapName::parse(other), None, "{other}");
        }
    }

    #[test]
    fn the_two_servers_differ_in_which_names_protect_a_payload() {
        for (name, pr934, main) in [
            ("0000000000000002-000000000000001e.snap", Some(30), Some(30)),
            ("backup-1e.snap", Some(30), None),
            ("2-3-1e.snap", Some(30), None),
            ("-1e.snap", Some(30), None),
            ("2-0.snap", None, None),
            ("zzzz.snap", None, None),
            ("2-1e.snap.broken", None, None),
        ] {
            assert_eq!(SnapName::live_index(name, ServerVersion::Pr934), pr934.map(LogIndex), "{name}");
            assert_eq!(SnapName::live_index(name, ServerVersion::Main), main.map(LogIndex), "{name}");
        }
    }
}
