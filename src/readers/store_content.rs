//! What a store holds, as a hash per class of keys; in one pass and in bounded memory.

use std::collections::BTreeMap;
use std::hash::Hasher;
use std::path::Path;

use twox_hash::XxHash64;

use super::keys::Opener;
use super::pebble::Store;
use super::pebble_scan::{KeyRange, Live, Step, walk_views};
use super::source::Run;
use super::store_diff::{DiffedStore, HeldValue, Inside, SideRead, StoreNumbers, Values, Views, hash_value};
use crate::error::Result;
use crate::formats::envelope::MIN_LEN;
use crate::formats::facts::{RowSum, Salt};
use crate::formats::kv::KeySpace;
use crate::formats::mvcc::{ROW_HEADER_LEN, RowHeader, StoreKey};
use crate::types::{HlcTimestamp, LogIndex};

/// The rows of one class of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassContent {
    /// The class.
    pub space: KeySpace,
    /// Its rows.
    pub rows: u64,
    /// A hash of their keys and values, in the order of the keys. Of an envelope that was not opened the header and the length count.
    pub hash: u64,
    /// The sums of the same rows added up, in whatever order; 0 when that was not asked for.
    pub sum: u64,
}

/// Rows of one class that were committed at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommittedRows {
    /// The time.
    pub commit_ts: HlcTimestamp,
    /// The class.
    pub space: KeySpace,
    /// How many there are.
    pub rows: u64,
    /// Their sums added up.
    pub sum: u64,
    /// How many of them an entry of the log beside the store writes.
    pub written: u64,
    /// The first of these entries.
    pub first_entry: LogIndex,
}

/// Finds the entry that writes a row: its key as stored, and what it holds.
pub type EntryOf<'s> = dyn Fn(&[u8], HeldValue) -> Option<LogIndex> + 's;

/// How sums are made that do not depend on the order of the rows.
#[derive(Clone, Copy)]
pub struct Summing<'s> {
    /// What is mixed into them.
    pub salt: &'s Salt,
    /// Asks the log beside the store.
    pub entry_of: &'s EntryOf<'s>,
}

/// Rows of a commit while they are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Counted {
    rows: u64,
    sum: u64,
    written: u64,
    first_entry: Option<LogIndex>,
}

/// What a store holds, as a hash per class of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreContent {
    /// The store as it was read through.
    pub store: DiffedStore,
    /// The classes, without the store's own numbers, in the order in which they were met.
    pub classes: Vec<ClassContent>,
    /// The newest commits, all of them behind `all_behind`; none when sums were not asked for.
    pub newest: Vec<CommittedRows>,
    /// Every row that was committed after this is in `newest`.
    pub all_behind: HlcTimestamp,
}

/// Commits of which the rows are kept apart.
const NEWEST: usize = 256;

/// The newest commits while rows go by in the order of their keys.
#[derive(Default)]
struct Newest {
    by_commit: BTreeMap<(HlcTimestamp, usize), Counted>,
    all_behind: HlcTimestamp,
}

impl Newest {
    fn add(&mut self, commit: HlcTimestamp, class: usize, sum: u64, entry: impl FnOnce() -> Option<LogIndex>) {
        if commit <= self.all_behind {
            return;
        }
        let counted = self.by_commit.entry((commit, class)).or_default();
        counted.rows += 1;
        counted.sum = counted.sum.wrapping_add(sum);
        if let Some(entry) = entry() {
            counted.written += 1;
            counted.first_entry = Some(counted.first_entry.map_or(entry, |first| first.min(entry)));
        }
        while self.by_commit.len() > NEWEST
            && let Some((&(oldest, _), _)) = self.by_commit.first_key_value()
        {
            // All classes of a commit go together.
            while self.by_commit.first_key_value().is_some_and(|((commit, _), _)| *commit == oldest) {
                self.by_commit.pop_first();
            }
            self.all_behind = oldest;
        }
    }
}

/// Hashes the rows of the store in `dir` class by class, in one pass; on demand with sums that do not depend on the order.
pub fn store_content(dir: &Path, opener: Option<&Opener>, summing: Option<Summing<'_>>, run: &Run<'_>) -> Result<StoreContent> {
    let mut values = Values::new(opener);
    let (mut views, mut count) = (Views::default(), 0);
    let mut classes: Vec<(KeySpace, u64, XxHash64, u64)> = Vec::new();
    let mut newest = Newest::default();
    let mut present = 0;
    let everything = [KeyRange::new(None, None, None, true)];
    let mut opened = |store: &Store| {
        views.is_first(StoreNumbers::of(store));
        true
    };
    let outcome = walk_views(dir, &everything, run, &mut opened, &mut |live| {
        count += 1;
        let key = StoreKey::of(live.key);
        if matches!(key, StoreKey::Meta(_)) {
            return Step::Next;
        }
        let space = KeySpace::of_store_key(key);
        if classes.get(present).is_none_or(|(known, ..)| *known != space) {
            present = classes.iter().position(|(known, ..)| *known == space).unwrap_or_else(|| {
                classes.push((space, 0, XxHash64::with_seed(0), 0));
                classes.len() - 1
            });
        }
        let (_, rows, hash, total) = &mut classes[present];
        *rows += 1;
        let inside = values.open(live);
        add_row(hash, live, &inside);
        if let Some(Summing { salt, entry_of }) = summing {
            let mut row = RowSum::new(salt);
            add_row(&mut row, live, &inside);
            let sum = row.finish();
            *total = total.wrapping_add(sum);
            if let StoreKey::Row(key) = key {
                newest.add(key.commit_ts, present, sum, || entry_of(live.key, HeldValue::of(live, &inside)));
            }
        }
        Step::Next
    })?;
    let store = DiffedStore {
        numbers: views.first.unwrap_or_default(),
        read: SideRead::Store(Box::new(outcome)),
        moved: views.moved,
        rows: count,
        closed: values.closed,
        opened: opener.map(|_| values.opened),
    };
    let of_commit = |((commit_ts, class), counted): ((HlcTimestamp, usize), Counted)| {
        let Counted { rows, sum, written, first_entry } = counted;
        let first_entry = first_entry.unwrap_or_default();
        Some(CommittedRows { commit_ts, space: classes.get(class)?.0, rows, sum, written, first_entry })
    };
    let all_behind = newest.all_behind;
    let newest = newest.by_commit.into_iter().filter_map(of_commit).collect();
    let class = |(space, rows, hash, sum): (KeySpace, u64, XxHash64, u64)| ClassContent { space, rows, hash: hash.finish(), sum };
    Ok(StoreContent { store, classes: classes.into_iter().map(class).collect(), newest, all_behind })
}

/// Adds one row: its key and its value, each with its length.
fn add_row(hash: &mut impl Hasher, live: Live<'_>, inside: &Inside) {
    hash.write_u64(live.key.len() as u64);
    hash.write(live.key);
    match (inside, RowHeader::decode(live.value)) {
        (Inside::Opened(opened), Ok(header)) => {
            hash.write_u64((ROW_HEADER_LEN + opened.bytes().len()) as u64);
            hash_value(hash, header, opened.bytes());
        }
        (Inside::Closed, Ok(header)) => {
            hash.write_u64(live.value.len().saturating_sub(MIN_LEN) as u64);
            hash_value(hash, header, &[]);
        }
        _ => {
            hash.write_u64(live.value.len() as u64);
            hash.write(live.value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_commits_are_kept_whole() {
        let mut newest = Newest::default();
        for commit in (1..=1000).rev() {
            newest.add(HlcTimestamp(commit), 0, 1, || None);
            newest.add(HlcTimestamp(commit), 1, 2, || None);
        }
        let commits: Vec<_> = newest.by_commit.keys().map(|(commit, _)| commit.0).collect();
        assert_eq!((commits.len(), commits[0], newest.all_behind), (NEWEST, 873, HlcTimestamp(872)));
        newest.add(HlcTimestamp(5), 0, 1, || None);
        newest.add(HlcTimestamp(1000), 0, 5, || Some(LogIndex(7)));
        assert_eq!(newest.by_commit.len(), NEWEST);
        let counted = Counted { rows: 2, sum: 6, written: 1, first_entry: Some(LogIndex(7)) };
        assert_eq!(newest.by_commit[&(HlcTimestamp(1000), 0)], counted);
    }
}
