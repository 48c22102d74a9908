//! The state files from before the log, as a start migrates them.

use crate::analysis::ServerError;
use crate::analysis::server::conditions;
use crate::formats::raftpb::{Entry, EntryType, HardState, SnapshotMetadata};
use crate::readers::PayloadFacts;
use crate::types::{LogIndex, Term};

/// What the state files hold, used only when there is no log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LegacyView {
    /// They cannot be read; the server's words.
    Refused(ServerError),
    /// Whether a server could read them is not known, for the reason given.
    Undecided(String),
    /// They hold a log that is migrated.
    Migrates(Box<LegacyLog>),
}

/// The log in the state files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LegacyLog {
    /// Index, term and members of the snapshot; index 0 for none.
    pub snapshot: SnapshotMetadata,
    /// The body that is restored; `None` when the files hold no data.
    pub body: Option<PayloadFacts>,
    /// Term, vote and commit; all zero when the file says nothing.
    pub hard_state: HardState,
    /// The entries, in the order of the file. A message of size 0 is an entry of index 0.
    pub entries: Vec<StoredEntry>,
}

/// An entry that is kept outside of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its type.
    pub kind: EntryType,
    /// Its term.
    pub term: Term,
    /// Its index.
    pub index: LogIndex,
    /// Its data.
    pub data: Vec<u8>,
}

impl StoredEntry {
    /// The entry without its place.
    pub fn view(&self) -> Entry<'_> {
        Entry { kind: self.kind, term: self.term, index: self.index, data: &self.data }
    }
}

impl From<Entry<'_>> for StoredEntry {
    fn from(entry: Entry<'_>) -> Self {
        Self { kind: entry.kind, term: entry.term, index: entry.index, data: entry.data.to_vec() }
    }
}

impl LegacyLog {
    /// The entries behind the snapshot as the Raft library keeps them: it takes the index of the first one for granted and
    /// counts the rest, whatever they say of themselves.
    ///
    /// `Err`: the library ends the process over a gap between snapshot and first entry.
    pub fn behind_snapshot(&self) -> Result<Vec<StoredEntry>, ServerError> {
        let Some(first) = self.entries.first() else { return Ok(Vec::new()) };
        let base = self.snapshot.index;
        let numbered = self.entries.iter().enumerate().filter_map(|(position, entry)| {
            let index = first.index.0.checked_add(position as u64)?;
            (index > base.0).then(|| StoredEntry { index: LogIndex(index), ..entry.clone() })
        });
        let entries: Vec<_> = numbered.collect();
        match entries.first() {
            Some(entry) if base.next().is_some_and(|next| entry.index > next) => {
                let text = format!("panic: missing log entry [last: {base}, append at: {}]", entry.index);
                Err(ServerError::of(&conditions::MISSING_LOG_ENTRY, text))
            }
            _ => Ok(entries),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(snapshot: u64, indexes: &[u64]) -> LegacyLog {
        let entry = |&index: &u64| StoredEntry::from(Entry { index: LogIndex(index), ..Entry::default() });
        let snapshot = SnapshotMetadata { index: LogIndex(snapshot), ..SnapshotMetadata::default() };
        LegacyLog { snapshot, entries: indexes.iter().map(entry).collect(), ..LegacyLog::default() }
    }

    fn indexes(log: &LegacyLog) -> Result<Vec<u64>, String> {
        let entries = log.behind_snapshot().map_err(|error| error.text)?;
        Ok(entries.iter().map(|entry| entry.index.0).collect())
    }

    #[test]
    fn entries_are_counted_from_the_first() {
        assert_eq!(indexes(&log(10, &[11, 12, 13])), Ok(vec![11, 12, 13]));
        assert_eq!(indexes(&log(10, &[9, 10, 11])), Ok(vec![11]), "what the snapshot covers is dropped");
        assert_eq!(indexes(&log(10, &[11, 12, 0, 0])), Ok(vec![11, 12, 13, 14]), "zeros behind the last count");
        assert_eq!(indexes(&log(10, &[])), Ok(vec![]));
        assert_eq!(indexes(&log(10, &[3, 4])), Ok(vec![]));
        assert_eq!(indexes(&log(10, &[13])), Err("panic: missing log entry [last: 10, append at: 13]".to_owned()));
        assert_eq!(
            indexes(&log(10, &[u64::MAX, 0])),
            Err(format!("panic: missing log entry [last: 10, append at: {}]", u64::MAX))
        );
    }
}
