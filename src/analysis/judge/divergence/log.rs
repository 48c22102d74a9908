//! Which entries of two nodes' logs write a row.

use std::collections::HashMap;

use super::writers::{Known, Writers, row_hash};
use crate::analysis::server::log::EffectiveLog;
use crate::crypto::Opened;
use crate::formats::kv::{
    CATALOG_PREFIX, EntryClass, EntryView, Payload, Writes, WrittenRow, WrittenValue, classify_above, classify_payload,
};
use crate::readers::keys::Opener;
use crate::readers::store_diff::HeldValue;
use crate::readers::wal::{EntryAt, EntryRanges, WalScan};
use crate::types::{LogIndex, ServerVersion, Term, count_work, grant};

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

/// Bytes that a prefix takes beside its own.
const PREFIX_COST: u64 = 64;

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
                Writes::Row(row, value) => writers.rows.push(Known::of(&row, value, entry.index)),
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
                if let Writes::Row(row, value) = write
                    && row.key.starts_with(CATALOG_PREFIX)
                {
                    writers.rows.push(Known::of(&row, value, entry.index));
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

    /// The last entry that writes the row with this stored key. None does where the row is known to hold something else.
    pub fn entry_of(&self, stored_key: &[u8], held: HeldValue) -> Option<LogIndex> {
        let writer = self.0.writer_of(&WrittenRow::of_stored(stored_key)?, held)?;
        (writer.agrees != Some(false)).then_some(writer.index)
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
