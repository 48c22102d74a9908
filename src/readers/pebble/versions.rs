//! The versions of one user key.

use std::collections::BTreeSet;

use super::found::{FoundValue, KeyState, TableDamage, TableTrouble};
use super::store::Store;
use crate::error::Error;
use crate::formats::mvcc::RowKey;
use crate::formats::pebble::{FileNum, Version};
use crate::readers::pebble_table::{TableFailure, TableIter, TableView};
use crate::types::HlcTimestamp;

/// A version of a user key that a reader of the store would see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowVersion {
    /// When it was committed.
    pub commit_ts: HlcTimestamp,
    /// Its value, row header included, and where it stands.
    pub found: FoundValue,
}

/// Timestamps above this have never been given away, and user keys of text sort in between.
const LAST_TIMESTAMP: HlcTimestamp = HlcTimestamp(u64::MAX >> 1);
/// Keys looked at in one source before giving up on finding more.
const MAX_KEYS: usize = 100_000;

/// The versions of one user key, and whether there may be more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RowVersions {
    /// Newest first.
    pub versions: Vec<RowVersion>,
    /// True if older versions were left out.
    pub more: bool,
}

impl Store {
    /// At most `limit` versions of `user_key` committed at or before `at`, newest first.
    ///
    /// Versions that the store has deleted are not seen; a version that says that the key was deleted is.
    pub fn row_versions(&self, user_key: &[u8], at: Option<HlcTimestamp>, limit: usize) -> Result<RowVersions, TableDamage> {
        let newest = at.unwrap_or(LAST_TIMESTAMP).min(LAST_TIMESTAMP);
        let first = RowKey { user_key, commit_ts: newest }.encode();
        let last = RowKey { user_key, commit_ts: HlcTimestamp(0) }.encode();
        let mut keys = BTreeSet::new();
        let mut cut = false;
        for entry in self.memory.iter_from(&first).take_while(|entry| entry.key <= last.as_slice()) {
            if entry.key.len() == first.len() {
                keys.insert(entry.key.to_vec());
            }
        }
        for table in self.version().into_iter().flat_map(Version::tables) {
            let overlaps = table.points.as_ref().is_some_and(|points| {
                points.smallest.user_key.as_slice() <= last.as_slice() && points.largest.user_key.as_slice() >= first.as_slice()
            });
            if let (true, Some(view)) = (overlaps, TableView::of(table)) {
                cut |= self.keys_of_table(table.file(), Some(table.level), &view, (&first, &last), &mut keys)?;
            }
        }
        for ingested in &self.memory.ingested {
            let view = TableView { seq_override: Some(ingested.seq), ..TableView::default() };
            cut |= self.keys_of_table(ingested.table, None, &view, (&first, &last), &mut keys)?;
        }
        let mut found = RowVersions { versions: Vec::new(), more: cut };
        for key in keys {
            let value = match self.get(&key) {
                KeyState::Value(value) => value,
                KeyState::Unreadable(damage) => return Err(damage),
                KeyState::Absent | KeyState::Deleted { .. } => continue,
            };
            if found.versions.len() == limit {
                found.more = true;
                break;
            }
            if let Some(row) = RowKey::decode(&key) {
                found.versions.push(RowVersion { commit_ts: row.commit_ts, found: value });
            }
        }
        Ok(found)
    }

    /// Fails as for a file that is gone if the table was listed and is not there any more: a compaction replaced it, and
    /// the whole view has to be read again.
    pub fn fail_if_replaced(&self, damage: &TableDamage) -> Result<(), Error> {
        if damage.trouble != TableTrouble::Missing || !self.facts.listing.tables.contains_key(&damage.table) {
            return Ok(());
        }
        Err(Error::io(&self.table_path(damage.table), "open the table", std::io::ErrorKind::NotFound.into()))
    }

    /// Collects the keys of the right length in a range of one table; true if there were too many.
    fn keys_of_table(
        &self,
        file: FileNum,
        level: Option<usize>,
        view: &TableView,
        (first, last): (&[u8], &[u8]),
        keys: &mut BTreeSet<Vec<u8>>,
    ) -> Result<bool, TableDamage> {
        let damage = |failure: TableFailure| TableDamage::new(file, level, failure);
        let table = self.open_table(file).map_err(damage)?;
        let mut iter = TableIter::new(&table, view.clone(), 0);
        iter.seek(first).map_err(damage)?;
        for _ in 0..MAX_KEYS {
            if !iter.next().map_err(damage)? || iter.user_key() > last {
                return Ok(false);
            }
            if iter.user_key().len() == first.len() {
                keys.insert(iter.user_key().to_vec());
            }
        }
        Ok(true)
    }
}
