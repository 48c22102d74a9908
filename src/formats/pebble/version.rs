//! The set of live tables: what the edits of a MANIFEST add up to.

use std::collections::BTreeMap;

use super::version_edit::{LEVELS, NewBlobFile, NewTable, VersionEdit, bounds_points};
use super::{FileNum, SeqNum};
use crate::types::go_quoted;

/// The key order of every store that can be read.
pub const COMPARER: &str = "leveldb.BytewiseComparator";

/// A version of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Tables of each level, by number.
    pub levels: [BTreeMap<FileNum, NewTable>; LEVELS],
    /// Files that virtual tables refer to, with their size.
    pub backings: BTreeMap<FileNum, u64>,
    /// Blob files by identity.
    pub blob_files: BTreeMap<u64, NewBlobFile>,
    /// Logs with smaller numbers are obsolete; 0 when nothing was ever flushed.
    pub min_unflushed_log: FileNum,
    /// Next number to be given to a file.
    pub next_file: FileNum,
    /// Upper bound of the sequence numbers assigned when the last edit was written.
    pub last_seq: SeqNum,
    /// True once an edit named the key order.
    pub comparer_seen: bool,
}

/// Why an edit does not fit, in the words of the server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FoldError {
    /// Another key order.
    #[error("comparer name from file {} != comparer name from Options {COMPARER:?}", go_quoted(found))]
    Comparer {
        /// Its name.
        found: Vec<u8>,
    },
    /// A table leaves that never arrived.
    #[error("pebble: file deleted L{level}.{number} before it was inserted")]
    DeletedUnknown {
        /// The level named.
        level: usize,
        /// The table named.
        number: FileNum,
    },
    /// A backing arrives twice.
    #[error("pebble: duplicate file backing {0}")]
    DuplicateBacking(FileNum),
    /// A virtual table without its file.
    #[error("TableBacking for virtual sstable must not be nil")]
    UnknownBacking {
        /// The virtual table.
        number: FileNum,
        /// The file it names.
        backing: FileNum,
    },
}

impl Default for Version {
    fn default() -> Self {
        Self {
            levels: Default::default(),
            backings: BTreeMap::new(),
            blob_files: BTreeMap::new(),
            min_unflushed_log: FileNum(0),
            next_file: FileNum(1),
            last_seq: SeqNum(0),
            comparer_seen: false,
        }
    }
}

impl Version {
    /// Applies one edit. Tables leave before others arrive, whatever the order of the bytes: moving a table is both.
    pub fn apply(&mut self, edit: &VersionEdit) -> Result<(), FoldError> {
        if let Some(name) = &edit.comparer {
            // An empty name is one that was never written.
            if !name.is_empty() && name.as_slice() != COMPARER.as_bytes() {
                return Err(FoldError::Comparer { found: name.clone() });
            }
            self.comparer_seen |= !name.is_empty();
        }
        for &(level, number) in &edit.deleted_tables {
            if self.levels.get_mut(level).and_then(|tables| tables.remove(&number)).is_none() {
                return Err(FoldError::DeletedUnknown { level, number });
            }
        }
        for &(number, size) in &edit.created_backings {
            if self.backings.insert(number, size).is_some() {
                return Err(FoldError::DuplicateBacking(number));
            }
        }
        for table in &edit.new_tables {
            if let Some(backing) = table.virtual_backing
                && !self.backings.contains_key(&backing)
            {
                return Err(FoldError::UnknownBacking { number: table.number, backing });
            }
            if let Some(tables) = self.levels.get_mut(table.level) {
                tables.insert(table.number, table.clone());
            }
        }
        for number in &edit.removed_backings {
            self.backings.remove(number);
        }
        for blob in &edit.new_blob_files {
            self.blob_files.insert(blob.id, *blob);
        }
        for (id, file) in &edit.deleted_blob_files {
            // Rewriting a blob file maps its identity to a new file and removes the old pair in one edit.
            if self.blob_files.get(id).is_some_and(|blob| blob.file == *file) {
                self.blob_files.remove(id);
            }
        }
        let set = |counter: &mut FileNum, value: Option<FileNum>| match value {
            Some(value) if value != FileNum(0) => *counter = value,
            _ => {}
        };
        set(&mut self.min_unflushed_log, edit.min_unflushed_log);
        set(&mut self.next_file, edit.next_file);
        if let Some(seq) = edit.last_seq.filter(|&seq| seq != SeqNum(0)) {
            self.last_seq = seq;
        }
        Ok(())
    }

    /// True if no edit said anything that every store's first edit says: the MANIFEST is unusable from its first record.
    pub fn is_malformed(&self) -> bool {
        self.min_unflushed_log == FileNum(0) && self.next_file < FileNum(2)
    }

    /// Every table with its level, level by level, by number.
    pub fn tables(&self) -> impl Iterator<Item = &NewTable> {
        self.levels.iter().flat_map(BTreeMap::values)
    }

    /// Number of tables.
    pub fn table_count(&self) -> usize {
        self.levels.iter().map(BTreeMap::len).sum()
    }

    /// The size that the file of `table` must have.
    pub fn file_size(&self, table: &NewTable) -> u64 {
        match table.virtual_backing {
            Some(backing) => self.backings.get(&backing).copied().unwrap_or(table.size),
            None => table.size,
        }
    }

    /// Level 0, newest first: the order in which its tables are searched.
    pub fn level_0_newest_first(&self) -> Vec<&NewTable> {
        let mut tables: Vec<_> = self.levels.first().into_iter().flat_map(BTreeMap::values).collect();
        tables.sort_by_key(|table| std::cmp::Reverse((table.largest_seq, table.smallest_seq, table.number)));
        tables
    }

    /// A level by key: sorted by smallest key.
    pub fn level_by_key(&self, level: usize) -> Vec<&NewTable> {
        let mut tables: Vec<_> = self.levels.get(level).into_iter().flat_map(BTreeMap::values).collect();
        tables.sort_by(|a, b| {
            a.bounds.smallest.borrowed().cmp(&b.bounds.smallest.borrowed()).then_with(|| a.number.cmp(&b.number))
        });
        tables
    }

    /// What contradicts itself, in the words of the server where it says so. The server refuses to open a store with any
    /// of these below level 0; of the tables of level 0 it compares only the order.
    pub fn inconsistencies(&self) -> Vec<Inconsistency> {
        let mut found = Vec::new();
        for table in self.tables() {
            let mut say = |problem: String| found.push(Inconsistency { level: table.level, number: table.number, problem });
            if !table.bounds.ordered() {
                say(format!(
                    "file {} has inconsistent bounds: {} vs {}",
                    table.number,
                    table.bounds.smallest.borrowed(),
                    table.bounds.largest.borrowed()
                ));
            }
            if table.smallest_seq > table.largest_seq {
                say(format!(
                    "file {} has inconsistent seqnum bounds: {} vs {}",
                    table.number, table.smallest_seq, table.largest_seq
                ));
            }
            if let Some(points) = &table.points {
                if !points.ordered() {
                    say(format!("file {} has inconsistent point key bounds", table.number));
                }
                for key in [&points.smallest, &points.largest] {
                    if !key.trailer.kind().is_some_and(bounds_points) {
                        say(format!("file {} has invalid point key kind {}", table.number, key.trailer));
                    }
                }
            }
            if let Some(ranges) = &table.range_keys {
                if !ranges.ordered() {
                    say(format!("file {} has inconsistent range key bounds", table.number));
                }
                for key in [&ranges.smallest, &ranges.largest] {
                    if !key.trailer.kind().is_some_and(super::KeyKind::is_range_key) {
                        say(format!("file {} has invalid range key kind {}", table.number, key.trailer));
                    }
                }
            }
            let references = table.blob_references.len() as u64;
            if (references == 0) != (table.blob_depth == 0) || table.blob_depth > references {
                say(format!("table {} with {references} blob refs but {} blob ref depth", table.number, table.blob_depth));
            }
            for reference in &table.blob_references {
                if !self.blob_files.contains_key(&reference.blob_file) {
                    say(format!("blob file {} referenced by table {} not found", reference.blob_file, table.number));
                }
            }
            if table.virtual_backing.is_none() && !(table.synthetic_prefix.is_empty() && table.synthetic_suffix.is_empty()) {
                say("non-virtual file with synthetic prefix or suffix".to_owned());
            }
            let prefix = table.synthetic_prefix.as_slice();
            if !table.bounds.smallest.user_key.starts_with(prefix) || !table.bounds.largest.user_key.starts_with(prefix) {
                say("virtual file with synthetic prefix has a bound with a different prefix".to_owned());
            }
        }
        for level in 1..LEVELS {
            let tables = self.level_by_key(level);
            for pair in tables.windows(2) {
                let [before, after] = pair else { continue };
                let (end, start) = (&before.bounds.largest, &after.bounds.smallest);
                let apart = match end.user_key.cmp(&start.user_key) {
                    std::cmp::Ordering::Less => true,
                    std::cmp::Ordering::Equal => end.trailer.is_exclusive_bound(),
                    std::cmp::Ordering::Greater => false,
                };
                if !apart {
                    let problem = format!(
                        "L{level} files {} and {} have overlapping ranges: {} vs {}",
                        before.number,
                        after.number,
                        end.borrowed(),
                        start.borrowed()
                    );
                    found.push(Inconsistency { level, number: after.number, problem });
                }
            }
        }
        found
    }
}

/// Something in a version that contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inconsistency {
    /// The level.
    pub level: usize,
    /// The table.
    pub number: FileNum,
    /// What is wrong.
    pub problem: String,
}

#[cfg(test)]
mod tests {
    use super::super::version_edit::tests::{FLUSH, SNAPSHOT};
    use super::*;

    fn edit(bytes: &[u8]) -> VersionEdit {
        VersionEdit::decode(bytes).unwrap()
    }

    fn flushed() -> Version {
        let mut version = Version::default();
        version.apply(&edit(SNAPSHOT)).unwrap();
        version.apply(&edit(FLUSH)).unwrap();
        version
    }

    #[test]
    fn a_young_store_counts_every_log_and_an_unread_one_is_malformed() {
        let mut version = Version::default();
        assert!(version.is_malformed());
        version.apply(&edit(SNAPSHOT)).unwrap();
        assert!(!version.is_malformed() && version.comparer_seen);
        assert_eq!((version.min_unflushed_log, version.next_file), (FileNum(0), FileNum(2)));
    }

    #[test]
    fn a_flush_adds_a_table_and_moves_the_counters() {
        let version = flushed();
        assert_eq!(version.table_count(), 1);
        assert_eq!((version.min_unflushed_log, version.next_file, version.last_seq), (FileNum(4), FileNum(6), SeqNum(12)));
        assert_eq!(version.inconsistencies(), []);
    }

    #[test]
    fn a_move_is_a_deletion_and_an_addition_in_one_edit() {
        let mut version = flushed();
        let mut moved = edit(FLUSH);
        moved.new_tables[0].level = 6;
        moved.deleted_tables.push((0, FileNum(5)));
        version.apply(&moved).unwrap();
        assert_eq!((version.levels[0].len(), version.levels[6].len()), (0, 1));
        assert_eq!(version.apply(&moved), Err(FoldError::DeletedUnknown { level: 0, number: FileNum(5) }));
    }

    #[test]
    fn a_virtual_table_needs_its_file() {
        let mut version = flushed();
        let mut split = edit(FLUSH);
        split.new_tables[0].number = FileNum(7);
        split.new_tables[0].virtual_backing = Some(FileNum(5));
        let refused = FoldError::UnknownBacking { number: FileNum(7), backing: FileNum(5) };
        assert_eq!(version.clone().apply(&split), Err(refused));
        split.created_backings.push((FileNum(5), 687));
        split.deleted_tables.push((0, FileNum(5)));
        version.apply(&split).unwrap();
        let table = version.tables().next().unwrap();
        assert_eq!((table.file(), version.file_size(table)), (FileNum(5), 687));
    }

    #[test]
    fn another_key_order_is_refused() {
        let mut first = edit(SNAPSHOT);
        first.comparer = Some(b"cockroach_comparator".to_vec());
        assert!(matches!(Version::default().apply(&first), Err(FoldError::Comparer { .. })));
    }

    #[test]
    fn overlap_and_order_are_noticed_below_level_0_only() {
        let mut version = flushed();
        let table = edit(FLUSH).new_tables.remove(0);
        for number in [8, 9] {
            let table = NewTable { number: FileNum(number), ..table.clone() };
            version.levels[0].insert(FileNum(number), table);
        }
        assert_eq!(version.inconsistencies(), []);
        version.levels[3] = std::mem::take(&mut version.levels[0]);
        assert_eq!(version.inconsistencies().len(), 2);
        let mut backwards = flushed();
        let table = backwards.levels[0].get_mut(&FileNum(5)).unwrap();
        std::mem::swap(&mut table.bounds.smallest, &mut table.bounds.largest);
        table.smallest_seq = SeqNum(99);
        let problems: Vec<_> = backwards.inconsistencies().into_iter().map(|found| found.problem).collect();
        assert_eq!(
            problems,
            [
                "file 000005 has inconsistent bounds: gone#12,DEL vs _meta_applied_index#10,SET",
                "file 000005 has inconsistent seqnum bounds: 99 vs 12"
            ]
        );
    }

    #[test]
    fn level_0_is_searched_newest_first() {
        let mut version = flushed();
        let table = edit(FLUSH).new_tables.remove(0);
        version.levels[0].insert(FileNum(9), NewTable { number: FileNum(9), largest_seq: SeqNum(11), ..table.clone() });
        version.levels[0].insert(FileNum(3), NewTable { number: FileNum(3), largest_seq: SeqNum(40), ..table });
        let order: Vec<_> = version.level_0_newest_first().iter().map(|table| table.number.0).collect();
        assert_eq!(order, [3, 5, 9]);
    }
}
