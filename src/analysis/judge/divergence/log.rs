//! Which entries of two nodes' logs write a row.

use std::collections::HashMap;
use std::hash::{Hash as _, Hasher as _};

use twox_hash::XxHash64;

use crate::analysis::server::log::EffectiveLog;
use crate::crypto::Opened;
use crate::formats::kv::{
    EntryClass, EntryView, Payload, Writes, WrittenKind, WrittenRow, WrittenValue, classify_above, classify_payload,
};
use crate::readers::keys::Opener;
use crate::readers::wal::{EntryAt, EntryRanges, WalScan};
use crate::types::{HlcTimestamp, LogIndex, ServerVersion, Term, count_work, grant};

/// Prefix of the keys of the shard catalog.
pub(super) const CATALOG: &[u8] = b"!dist|";

/// The log of one node, of which each entry that stands counts.
#[derive(Debug)]
pub struct AppliedLog<'a> {
    scan: &'a WalScan,
    entries: EntryRanges,
}

impl<'a> AppliedLog<'a> {
    /// The entries of a log that stand.
    pub fn of(scan: &'a WalScan) -> Self {
        Self { scan, entries: EffectiveLog::of(scan, ServerVersion::NEWEST).entries }
    }
}

/// The entry that wrote a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WrittenBy {
    /// Its index.
    pub index: LogIndex,
    /// Its term.
    pub term: Term,
}

/// The logs of both nodes.
#[derive(Debug, Default)]
pub struct Logs<'a> {
    logs: Vec<AppliedLog<'a>>,
    opener: Option<&'a Opener>,
}

/// A row that an entry writes, by hash, and the entry.
type Known = (u64, LogIndex);

/// Which of the entries behind some index writes which row.
#[derive(Debug, Default)]
pub(super) struct Writers {
    rows: Vec<Known>,
    /// What entries delete by a prefix, in the order of the times at which they do.
    prefixes: Vec<(HlcTimestamp, Vec<u8>, LogIndex)>,
    /// Consecutive entries that are in here whole, each part with its first and last one, in order.
    parts: Vec<(LogIndex, LogIndex)>,
}

/// Bytes that a prefix takes beside its own.
const PREFIX_COST: u64 = 64;

/// Stands for a row among those that are looked for.
pub(super) fn row_hash(row: &WrittenRow<'_>) -> u64 {
    let mut hash = XxHash64::with_seed(0);
    row.hash(&mut hash);
    hash.finish()
}

impl<'a> Logs<'a> {
    /// The logs of the nodes. Where several have an entry, that of the first one counts.
    pub const fn new(logs: Vec<AppliedLog<'a>>, opener: Option<&'a Opener>) -> Self {
        Self { logs, opener }
    }

    /// Lets the last log count before the others.
    pub(super) fn reverse(&mut self) {
        self.logs.reverse();
    }

    /// Shows the entries from `from` on, each once, and says which of them were read. `visit` ends it by returning false.
    fn walk(&self, from: LogIndex, mut visit: impl FnMut(&EntryAt<'_>, &EntryView<'_>) -> bool) -> Vec<(LogIndex, LogIndex)> {
        let mut parts: Vec<(LogIndex, LogIndex)> = Vec::new();
        let mut seen: Option<(LogIndex, LogIndex)> = None;
        for log in &self.logs {
            let last = log.entries.last().unwrap_or_default();
            let missing = match seen {
                None => vec![(from, last)],
                Some((first, end)) => vec![(from, LogIndex(first.0.saturating_sub(1))), (end.next().unwrap_or(end), last)],
            };
            for (first, last) in missing.into_iter().filter(|(first, last)| first <= last) {
                let ranges = log.entries.within(first, last);
                for entry in ranges.iter(log.scan, ServerVersion::NEWEST) {
                    count_work(1);
                    let mut opened = None;
                    let Some(view) = self.view(&entry, &mut opened) else { continue };
                    if !visit(&entry, &view) {
                        return joined(parts);
                    }
                    match parts.last_mut() {
                        Some((_, end)) if end.next() == Some(entry.index) => *end = entry.index,
                        _ => parts.push((entry.index, entry.index)),
                    }
                }
            }
            seen = seen.or_else(|| Some((log.entries.first()?, last)));
        }
        joined(parts)
    }

    /// What an entry is; `None` for one in an envelope that was not opened.
    fn view<'e>(&self, entry: &EntryAt<'e>, opened: &'e mut Option<Opened>) -> Option<EntryView<'e>> {
        let cutover = self.opener.map_or(LogIndex(0), Opener::cutover);
        let view = classify_above(cutover, entry.index, entry.kind, entry.data);
        match (view.class, view.payload) {
            (EntryClass::Sealed, Payload::Sealed(payload)) => {
                let clear = self.opener?.entry(payload).ok()?;
                Some(classify_payload(opened.insert(clear).bytes()))
            }
            _ => Some(view),
        }
    }

    /// What the entries from `from` on write, as far as there is memory for it.
    pub(super) fn writers(&self, from: LogIndex) -> Writers {
        let mut writers = Writers::default();
        let mut held = 0_u64;
        let parts = self.walk(from, |entry, view| {
            let before = (writers.rows.len(), writers.prefixes.len());
            view.for_each_write(|write| match write {
                Writes::Row(row, _) => writers.rows.push((row_hash(&row), entry.index)),
                Writes::Prefix(prefix, at) => {
                    held = held.saturating_add(prefix.len() as u64 + PREFIX_COST);
                    writers.prefixes.push((at, prefix.to_vec(), entry.index));
                }
            });
            // What a vector has room for, when it has just grown.
            let rows = (writers.rows.len() as u64).saturating_mul(2 * size_of::<Known>() as u64);
            let fits = grant(held.saturating_add(rows)).is_ok();
            if !fits {
                writers.rows.truncate(before.0);
                writers.prefixes.truncate(before.1);
            }
            fits
        });
        writers.rows.sort_unstable();
        writers.prefixes.sort_unstable();
        writers.parts = parts;
        writers
    }

    /// Rows of the shard catalog that entries write.
    pub(super) fn catalog(&self) -> Writers {
        let mut writers = Writers::default();
        let parts = self.walk(LogIndex(0), |entry, view| {
            view.for_each_write(|write| {
                if let Writes::Row(row, _) = write
                    && row.key.starts_with(CATALOG)
                {
                    writers.rows.push((row_hash(&row), entry.index));
                }
            });
            grant((writers.rows.len() as u64).saturating_mul(2 * size_of::<Known>() as u64)).is_ok()
        });
        writers.rows.sort_unstable();
        writers.parts = parts;
        writers
    }

    /// Looks for the entries that wrote some rows: calls `found` with the number of the row, the entry, and what it writes.
    pub(super) fn look_for(&self, rows: &[Option<WrittenRow<'_>>], mut found: impl FnMut(usize, WrittenBy, WrittenValue<'_>)) {
        let mut wanted: HashMap<u64, Vec<usize>> = HashMap::new();
        for (number, row) in rows.iter().enumerate() {
            if let Some(row) = row {
                wanted.entry(row_hash(row)).or_default().push(number);
            }
        }
        if wanted.is_empty() {
            return;
        }
        self.walk(LogIndex(0), |entry, view| {
            let by = WrittenBy { index: entry.index, term: entry.term };
            view.for_each_write(|write| match write {
                Writes::Row(row, value) => {
                    for &number in wanted.get(&row_hash(&row)).into_iter().flatten() {
                        found(number, by, value);
                    }
                }
                Writes::Prefix(prefix, at) => {
                    for (number, row) in rows.iter().enumerate() {
                        count_work(1);
                        if row.is_some_and(|row| row.is_of_prefix(prefix, at)) {
                            found(number, by, WrittenValue::Deletion);
                        }
                    }
                }
            });
            true
        });
    }

    /// Term of an entry.
    pub(super) fn term_at(&self, index: LogIndex) -> Option<Term> {
        self.logs.iter().find_map(|log| log.entries.term_at(index))
    }
}

/// Which entries of a node's own log wrote the rows of its store.
#[derive(Debug, Default)]
pub struct RowWriters(Writers);

impl RowWriters {
    /// Of the entries behind `after`, as far as there is memory for it. Sealed entries tell nothing.
    pub fn of(scan: &WalScan, after: LogIndex) -> Self {
        Self(Logs::new(vec![AppliedLog::of(scan)], None).writers(after.next().unwrap_or(after)))
    }

    /// The last entry that writes the row with this stored key; `deletes`: whether the row is a deletion.
    pub fn entry_of(&self, stored_key: &[u8], deletes: Option<bool>) -> Option<LogIndex> {
        self.0.last_of(&WrittenRow::of_stored(stored_key)?, deletes)
    }
}

/// Parts in order, those that touch as one.
fn joined(mut parts: Vec<(LogIndex, LogIndex)>) -> Vec<(LogIndex, LogIndex)> {
    parts.sort_unstable();
    let mut all: Vec<(LogIndex, LogIndex)> = Vec::new();
    for (first, last) in parts {
        match all.last_mut() {
            Some((_, end)) if end.next().is_none_or(|next| first <= next) => *end = last.max(*end),
            _ => all.push((first, last)),
        }
    }
    all
}

impl Writers {
    /// The last entry that writes the row.
    pub(super) fn last_of(&self, row: &WrittenRow<'_>, deletes: Option<bool>) -> Option<LogIndex> {
        let hash = row_hash(row);
        let behind = self.rows.partition_point(|known| *known <= (hash, LogIndex(u64::MAX)));
        let of_row = behind.checked_sub(1).and_then(|at| self.rows.get(at)).filter(|known| known.0 == hash).map(|known| known.1);
        if row.kind != WrittenKind::Plain || deletes != Some(true) {
            return of_row;
        }
        let from = self.prefixes.partition_point(|(at, ..)| *at < row.commit_ts);
        let at_once = self.prefixes.iter().skip(from).take_while(|(at, ..)| *at == row.commit_ts);
        let of_prefix = at_once.filter(|(at, prefix, _)| row.is_of_prefix(prefix, *at)).map(|(.., index)| *index).max();
        of_row.max(of_prefix)
    }

    /// True if every entry behind `after` that the logs have is in here, from the first on.
    pub(super) fn begins_behind(&self, after: LogIndex) -> bool {
        self.parts.last().is_some_and(|(_, last)| self.gap(after, *last).is_none())
    }

    /// The first entry behind `after` and up to `last` that is not in here.
    pub(super) fn gap(&self, after: LogIndex, last: LogIndex) -> Option<LogIndex> {
        let next = after.next()?;
        if next > last {
            return None;
        }
        match self.parts.iter().find(|(first, end)| *first <= next && next <= *end) {
            Some((_, end)) if *end >= last => None,
            Some((_, end)) => end.next(),
            None => Some(next),
        }
    }
}
