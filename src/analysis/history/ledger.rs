//! Everything that was met of the versions of the keys in question, by row and time.

use std::collections::BTreeMap;

use super::{Content, Operation, Origin};
use crate::formats::kv::{RequestClass, TXN_META_PREFIX};
use crate::types::{HlcTimestamp, LogIndex, OverBudget, Term, count_work, grant};

/// A version: the group, the key as requests name it, and the time in the key of its row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowId {
    /// Position of the group.
    pub group: usize,
    /// The user key.
    pub key: Vec<u8>,
    /// When it was committed; of locks and intents when the transaction began.
    pub ts: HlcTimestamp,
}

/// Where a version was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Position of the node.
    pub node: usize,
    /// What holds it.
    pub origin: Origin,
    /// Position of the file among [`Ledger::files`].
    pub file: usize,
    /// Offset of the record, block or row.
    pub offset: Option<u64>,
    /// Level of a table.
    pub level: Option<usize>,
    /// The entry, in a log.
    pub entry: Option<(LogIndex, Term)>,
    /// What stands there, when that is known.
    pub digest: Option<u64>,
    /// Of a payload: the last entry whose effect it holds.
    pub as_of: Option<LogIndex>,
}

/// An entry that writes a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryFact {
    /// Its index.
    pub index: LogIndex,
    /// Its term.
    pub term: Term,
    /// The proposer's request id.
    pub request_id: Option<u64>,
    /// What kind of request writes it.
    pub phase: RequestClass,
    /// The time by which the request goes.
    pub request_ts: HlcTimestamp,
    /// What it does.
    pub operation: Operation,
    /// When its transaction began.
    pub start_ts: Option<HlcTimestamp>,
    /// The earlier attempt that the request repeats.
    pub repeats: Option<HlcTimestamp>,
    /// Low half of the node id, and start, of the node that sealed it.
    pub sealer: Option<(u16, u16)>,
    /// Why the state machine turns the request down on sight.
    pub refusal: Option<String>,
    /// What it writes.
    pub content: Content,
}

/// What was met of one version.
#[derive(Debug, Clone, Default)]
pub struct Version {
    /// The entries that write it, in the order in which they were met.
    pub entries: Vec<EntryFact>,
    /// Where it lies.
    pub places: Vec<Place>,
    /// What a store or payload holds.
    pub stored: Option<Content>,
    /// Places that were not kept.
    pub more_places: u64,
}

/// A request that deletes every key with a prefix.
#[derive(Debug, Clone)]
pub struct Deleting {
    /// The entry.
    pub fact: EntryFact,
    /// Where it lies.
    pub places: Vec<Place>,
}

/// Deletions by prefix that are kept; each is held against every row.
const DELETIONS: usize = 1 << 10;
/// Places, and entries, of one version that are kept.
const PLACES: usize = 256;
/// Bytes that a version takes beside key and value.
const VERSION_MEMORY: u64 = 640;

/// What was met, in bounded memory.
#[derive(Debug, Default)]
pub struct Ledger {
    versions: BTreeMap<RowId, Version>,
    /// By group, prefix and time.
    deletions: BTreeMap<RowId, Deleting>,
    /// Names of the files that places are in.
    pub files: Vec<String>,
    memory: u64,
    held: u64,
    /// Sightings that did not fit.
    pub left_out: u64,
    /// Why they did not.
    pub over: Option<OverBudget>,
    /// Deletions by prefix that were not kept.
    pub deletions_left_out: u64,
}

impl Ledger {
    /// Names a file that places will be in.
    pub fn file(&mut self, name: String) -> usize {
        self.memory += name.len() as u64;
        self.files.push(name);
        self.files.len() - 1
    }

    /// Does `work`, which takes memory of its own, beside what is kept already.
    pub fn beside<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        self.held = self.memory;
        let done = crate::types::beside(self.held, || work(self));
        self.held = 0;
        done
    }

    /// The version of `row`, when there is room for it; `content` is shortened when that helps.
    fn room(&mut self, key: &[u8], content: &mut Content) -> bool {
        let taken = self.memory.saturating_sub(self.held);
        let fixed = key.len() as u64 + VERSION_MEMORY;
        if grant(taken.saturating_add(fixed).saturating_add(content.memory())).is_err() {
            content.shorten();
        }
        match grant(taken.saturating_add(fixed).saturating_add(content.memory())) {
            Ok(()) => {
                self.memory += fixed + content.memory();
                true
            }
            Err(over) => {
                self.left_out += 1;
                self.over = self.over.or(Some(over));
                false
            }
        }
    }

    /// An entry that writes the version was met.
    pub fn see_entry(&mut self, row: RowId, place: Place, mut fact: EntryFact) {
        count_work(1);
        if !self.room(&row.key, &mut fact.content) {
            return;
        }
        let place = Place { entry: Some((fact.index, fact.term)), digest: fact.content.digest, ..place };
        self.versions.entry(row).or_default().add_entry(place, fact);
    }

    /// A row of a store or payload was met.
    pub fn see_row(&mut self, row: RowId, place: Place, mut content: Content) {
        count_work(1);
        if !self.room(&row.key, &mut content) {
            return;
        }
        let version = self.versions.entry(row).or_default();
        let place = Place { digest: content.digest, ..place };
        if version.places.contains(&place) {
            return;
        }
        version.add_place(place);
        // A store comes before payloads, and what is known before what is not.
        let known = version.stored.as_ref().is_some_and(|stored| stored.is_known() || !content.is_known());
        if !known {
            version.stored = Some(content);
        }
    }

    /// A deletion by prefix was met; `row` has the prefix for its key.
    pub fn see_deletion(&mut self, row: RowId, place: Place, mut fact: EntryFact) {
        count_work(1);
        if !self.deletions.contains_key(&row) && self.deletions.len() >= DELETIONS {
            self.deletions_left_out += 1;
            return;
        }
        if !self.room(&row.key, &mut fact.content) {
            return;
        }
        let place = Place { entry: Some((fact.index, fact.term)), digest: fact.content.digest, ..place };
        let known = self.deletions.entry(row).or_insert_with(|| Deleting { fact, places: Vec::new() });
        if known.places.len() < PLACES && !known.places.contains(&place) {
            known.places.push(place);
        }
    }

    /// Forgets what was met of a group.
    pub fn forget(&mut self, group: usize) {
        self.versions.retain(|row, _| row.group != group);
        self.deletions.retain(|row, _| row.group != group);
    }

    /// The version, if it was met.
    pub fn get(&self, row: &RowId) -> Option<&Version> {
        self.versions.get(row)
    }

    /// Everything that was met: versions by row and time, with the deletions by prefix that touch their rows among their entries.
    pub fn finish(&mut self) -> BTreeMap<RowId, Version> {
        let mut versions = std::mem::take(&mut self.versions);
        // What an earlier one deletes is not visible to a later one.
        let mut deletions: Vec<_> = std::mem::take(&mut self.deletions).into_iter().collect();
        deletions.sort_by_key(|(deletion, _)| deletion.ts);
        for (deletion, Deleting { fact, places }) in deletions {
            let from = RowId { ts: HlcTimestamp(0), ..deletion.clone() };
            let covered = |row: &RowId| row.group == deletion.group && row.key.starts_with(&deletion.key);
            let mut rows: Vec<Vec<u8>> = Vec::new();
            // Of each row the newest version before it: only a key that is visible is deleted.
            let mut before: Option<(&RowId, &Version)> = None;
            let take = |before: Option<(&RowId, &Version)>, rows: &mut Vec<Vec<u8>>| {
                if let Some((row, version)) = before
                    && !version.deletes()
                {
                    rows.push(row.key.clone());
                }
            };
            for (row, version) in versions.range(from..).take_while(|(row, _)| covered(row)) {
                count_work(1);
                if before.is_some_and(|(known, _)| known.key != row.key) {
                    take(before.take(), &mut rows);
                }
                // Rows of transactions are spared.
                if row.ts < deletion.ts && !is_of_transaction(&row.key) {
                    before = Some((row, version));
                }
                if row.ts == deletion.ts && !is_of_transaction(&row.key) {
                    rows.push(row.key.clone());
                    before = None;
                }
            }
            take(before, &mut rows);
            rows.dedup();
            for key in rows {
                let mut fact = fact.clone();
                if !self.room(&key, &mut fact.content) {
                    continue;
                }
                let version = versions.entry(RowId { group: deletion.group, key, ts: deletion.ts }).or_default();
                for place in &places {
                    version.add_entry(*place, fact.clone());
                }
            }
        }
        versions
    }
}

fn is_of_transaction(key: &[u8]) -> bool {
    // `!txn|`: all their families.
    TXN_META_PREFIX.get(..5).is_some_and(|family| key.starts_with(family))
}

impl Version {
    fn add_entry(&mut self, place: Place, fact: EntryFact) {
        let same = |known: &Place| {
            (known.node, known.origin, known.file, known.offset, known.entry)
                == (place.node, place.origin, place.file, place.offset, place.entry)
        };
        match self.places.iter_mut().find(|known| same(known)) {
            // A later write of the same request counts.
            Some(known) => known.digest = place.digest,
            None => self.add_place(place),
        }
        let known = self.entries.iter().position(|known| (known.index, known.term) == (fact.index, fact.term));
        match known.and_then(|at| self.entries.get_mut(at)) {
            Some(known) => *known = fact,
            None => {
                if self.entries.len() < PLACES {
                    self.entries.push(fact);
                }
            }
        }
    }

    fn add_place(&mut self, place: Place) {
        if self.places.len() < PLACES {
            self.places.push(place);
        } else {
            self.more_places += 1;
        }
    }

    /// What is known of its content, from where it is surest.
    pub fn content(&self) -> Option<&Content> {
        let entries = || self.entries.iter().map(|entry| &entry.content);
        let stored = self.stored.as_ref();
        stored
            .filter(|content| content.is_known())
            .or_else(|| entries().find(|content| content.is_known()))
            .or(stored)
            .or_else(|| entries().next())
    }

    /// True when it is known to delete its key.
    pub fn deletes(&self) -> bool {
        self.content().is_some_and(|content| content.deletes == Some(true))
    }

    /// Places that should hold the same, and do not: the rows of stores and payloads, and the records of one entry.
    pub fn differs(&self) -> bool {
        let unlike = |digests: &mut dyn Iterator<Item = Option<u64>>| {
            let mut known = digests.flatten();
            known.next().is_some_and(|first| known.any(|other| other != first))
        };
        let mut rows = self.places.iter().filter(|place| place.entry.is_none()).map(|place| place.digest);
        unlike(&mut rows)
            || self.entries.iter().any(|entry| {
                let of_it = |place: &&Place| place.entry == Some((entry.index, entry.term));
                unlike(&mut self.places.iter().filter(of_it).map(|place| place.digest))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{share_budget, work_counted};

    fn row(key: &[u8], ts: u64) -> RowId {
        RowId { group: 0, key: key.to_vec(), ts: HlcTimestamp(ts) }
    }

    const fn place(offset: u64, origin: Origin) -> Place {
        Place { node: 0, origin, file: 0, offset: Some(offset), level: None, entry: None, digest: None, as_of: None }
    }

    fn fact(index: u64, content: Content) -> EntryFact {
        EntryFact {
            index: LogIndex(index),
            term: Term(1),
            request_id: None,
            phase: RequestClass::Raw,
            request_ts: HlcTimestamp(0),
            operation: Operation::Put,
            start_ts: None,
            repeats: None,
            sealer: None,
            refusal: None,
            content,
        }
    }

    fn put(value: &[u8]) -> Content {
        Content::of_write(false, value, true)
    }

    #[test]
    fn a_deletion_by_prefix_touches_what_was_visible() {
        let mut ledger = Ledger::default();
        for (key, ts, deletes) in
            [(&b"ka"[..], 1, false), (b"kb", 1, false), (b"kb", 2, true), (b"kc", 9, false), (b"l", 1, false)]
        {
            ledger.see_row(row(key, ts), place(ts, Origin::Table), Content::of_write(deletes, b"v", true));
        }
        ledger.see_row(row(b"!txn|lock|k", 1), place(1, Origin::Table), put(b"v"));
        ledger.see_deletion(row(b"k", 5), place(5, Origin::Log), fact(7, Content::unknown(Some(true))));
        ledger.see_deletion(row(b"", 6), place(6, Origin::Log), fact(8, Content::unknown(Some(true))));
        let versions = ledger.finish();
        let deleted: Vec<_> =
            versions.iter().filter(|(_, version)| !version.entries.is_empty()).map(|(row, _)| row.clone()).collect();
        assert_eq!(deleted, [row(b"ka", 5), row(b"l", 6)], "what was deleted before, or written later, is not touched");
    }

    #[test]
    fn what_does_not_fit_is_counted_and_values_are_cut_first() {
        let mut ledger = Ledger::default();
        let long = vec![b'x'; 64 << 10];
        // 128 MiB among so many leave 16 KiB.
        share_budget(8 << 10, || {
            ledger.see_row(row(b"k", 1), place(1, Origin::Table), put(&long));
            for ts in 2..100 {
                ledger.see_row(row(b"k", ts), place(ts, Origin::Table), put(b"v"));
            }
        });
        let kept = ledger.get(&row(b"k", 1)).unwrap().stored.as_ref().unwrap();
        assert_eq!((kept.whole, kept.value.as_ref().map(Vec::len), kept.length), (false, Some(256), Some(64 << 10)));
        assert!(ledger.left_out > 50 && ledger.over.is_some());
        assert_eq!(ledger.finish().len() as u64 + ledger.left_out, 99);
    }

    #[test]
    fn one_version_in_very_many_places_costs_what_they_are() {
        let work = |count: u64| {
            let before = work_counted();
            let mut ledger = Ledger::default();
            for at in 0..count {
                ledger.see_entry(row(b"k", 1), place(at, Origin::Log), fact(at, put(b"v")));
            }
            let versions = ledger.finish();
            let version = &versions[&row(b"k", 1)];
            assert_eq!(version.places.len() as u64 + version.more_places, count);
            work_counted() - before
        };
        assert!(work(20_000) * 10 < work(10_000) * 23);
    }

    #[test]
    fn a_later_write_of_one_request_counts_and_other_places_differ() {
        let mut ledger = Ledger::default();
        ledger.see_entry(row(b"k", 1), place(8, Origin::Log), fact(2, put(b"first")));
        ledger.see_entry(row(b"k", 1), place(8, Origin::Log), fact(2, put(b"second")));
        let version = ledger.get(&row(b"k", 1)).unwrap();
        assert_eq!((version.places.len(), version.entries.len(), version.differs()), (1, 1, false));
        assert_eq!(version.content().unwrap().value.as_deref(), Some(&b"second"[..]));
        ledger.see_entry(row(b"k", 1), Place { node: 1, ..place(8, Origin::Log) }, fact(2, put(b"other")));
        assert!(ledger.get(&row(b"k", 1)).unwrap().differs());
    }
}
