//! `wal dump` and `wal show` of a node directory.

use std::path::Path;

use super::node::{Depth, Node};
use super::page::page;
use super::rows::{EntryRow, rows_of};
use crate::analysis::Coverage;
use crate::analysis::hraft::findings::entry_findings;
use crate::error::{Error, Result};
use crate::formats::hraft::{LogEntry, LogType, decode_configuration, decode_peers};
use crate::readers::hraft::wal::RemovedBy;
use crate::readers::source::Run;
use crate::report::body::hraft::page::{HashiBody, WalDump, WalShow};
use crate::report::{Cell, Report, Section, Tone};
use crate::types::{Escaped, UnixMillis};

/// Rows that one dump holds.
const MOST_ROWS: usize = 100_000;
/// Bytes of a command that are shown.
const PREVIEW: usize = 48;

/// Which entries are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct EntryRange {
    /// From this index on.
    pub from: Option<u64>,
    /// Up to this index.
    pub to: Option<u64>,
    /// Of this term.
    pub term: Option<u64>,
}

fn clock(entry: &LogEntry<'_>) -> Option<String> {
    let at = entry.appended_at.filter(|at| !at.is_zero())?;
    let millis = u64::try_from(at.seconds).ok()?.checked_mul(1000)?.checked_add(u64::from(at.nanoseconds) / 1_000_000)?;
    Some(UnixMillis(millis).to_string())
}

/// One line on what an entry carries.
fn content(entry: &LogEntry<'_>) -> String {
    let members = |decoded: Result<crate::formats::hraft::Configuration, String>| match decoded {
        Ok(configuration) => {
            let servers: Vec<_> =
                configuration.servers.iter().map(|s| format!("{}@{} {}", s.id, s.address, s.suffrage)).collect();
            if servers.is_empty() { "no servers".to_owned() } else { servers.join(", ") }
        }
        Err(error) => format!("does not decode: {error}"),
    };
    match entry.kind {
        LogType::Configuration => members(decode_configuration(&entry.data).map(|it| it.0).map_err(|e| e.to_string())),
        LogType::AddPeer | LogType::RemovePeer => members(decode_peers(&entry.data).map(|it| it.0).map_err(|e| e.to_string())),
        _ => {
            let shown = entry.data.get(..PREVIEW.min(entry.data.len())).unwrap_or_default();
            let more = if shown.len() < entry.data.len() { "..." } else { "" };
            format!("{}{more}", Escaped(shown))
        }
    }
}

/// Columns of a listing.
pub(super) const COLUMNS: [&str; 6] = [">index", ">term", "type", ">bytes", "appended", "content"];

/// Entries that were asked for, for people and for programs.
#[derive(Default)]
pub(super) struct Listing {
    pub rows: Vec<Vec<Cell>>,
    pub values: Vec<serde_json::Value>,
    pub more: u64,
}

impl Listing {
    /// Takes an entry, where it is one that was asked for.
    pub(super) fn take(&mut self, row: &EntryRow<'_>, range: EntryRange) {
        let key = row.key;
        if range.from.is_some_and(|from| key < from) || range.to.is_some_and(|to| key > to) {
            return;
        }
        if let (Some(wanted), Ok(entry)) = (range.term, &row.entry)
            && entry.term != wanted
        {
            return;
        }
        if self.rows.len() >= MOST_ROWS {
            self.more += 1;
            return;
        }
        let mut value = match &row.entry {
            Ok(entry) => {
                let (time, mut content) = (clock(entry), content(entry));
                let value = serde_json::json!({
                    "index": key, "offset": row.at, "decoded_index": entry.index, "term": entry.term, "type": entry.kind.name(),
                    "type_number": entry.kind.number(), "bytes": entry.data.len(), "extensions": entry.extensions.len(),
                    "appended_at": time, "content": content,
                });
                if let Some(why) = row.removed {
                    content = format!("(removed: {}) {content}", why.name());
                }
                let tone = if row.removed.is_some() { Tone::Dim } else { Tone::Plain };
                self.rows.push(vec![
                    Cell::new(key),
                    Cell::new(entry.term),
                    Cell::new(entry.kind.name()),
                    Cell::new(entry.data.len()),
                    Cell::option(time),
                    Cell::toned(content, tone),
                ]);
                value
            }
            Err(why) => {
                let mut cells = vec![Cell::new(key)];
                cells.resize(5, Cell::option(None::<u64>));
                cells.push(Cell::toned(why, Tone::Bad));
                self.rows.push(cells);
                serde_json::json!({ "index": key, "offset": row.at, "error": why })
            }
        };
        if let (Some(file), Some(value)) = (row.file, value.as_object_mut()) {
            value.insert("file".to_owned(), file.into());
            value.insert("removed".to_owned(), row.removed.map(RemovedBy::name).into());
        }
        self.values.push(value);
    }
}

/// Lists entries.
pub fn hashicorp_wal_dump(dir: &Path, range: EntryRange, run: &Run<'_>) -> Result<Report<HashiBody<WalDump>>> {
    let node = Node::read(dir, None, Depth::Stores, run)?;
    let mut coverage = Coverage::default();
    node.cover(&mut coverage);
    let mut listing = Listing::default();
    rows_of(&node.dir, run, |row| listing.take(row, range))?;
    let Listing { rows, values, more } = listing;
    if more > 0 {
        coverage.skipped(node.dir.display(), format!("{more} more entries; --from and --to choose others"));
    }
    let headline = format!("{} entries of hashicorp/raft", rows.len());
    let page = page(&node).fact("entries", values).section(Section::table("", &COLUMNS, rows));
    Ok(Report::new(HashiBody::new(headline, vec![page]), Vec::new(), coverage))
}

/// Explains one entry.
pub fn hashicorp_wal_show(dir: &Path, index: u64, run: &Run<'_>) -> Result<Report<HashiBody<WalShow>>> {
    let node = Node::read(dir, None, Depth::Stores, run)?;
    let mut coverage = Coverage::default();
    node.cover(&mut coverage);
    let mut shown = None;
    rows_of(&node.dir, run, |row| {
        let (key, at) = (row.key, row.at);
        if key != index || shown.is_some() {
            return;
        }
        let mut rows = vec![("key", Cell::new(key)), ("offset", Cell::option(at))];
        let mut facts = serde_json::json!({ "index": key, "offset": at });
        if let Some(file) = row.file {
            rows.push(("segment", Cell::new(file)));
        }
        if let Some(why) = row.removed {
            rows.push(("removed", Cell::toned(why.name(), Tone::Caution)));
        }
        match &row.entry {
            Ok(entry) => {
                let fields = if row.file.is_some() { String::new() } else { format!(", {} fields", entry.form.fields) };
                rows.push(("value", Cell::new(format!("{} bytes{fields}", row.len))));
                let differs = if entry.index == key { Tone::Plain } else { Tone::Bad };
                rows.push(("index", Cell::toned(entry.index, differs)));
                rows.push(("term", Cell::new(entry.term)));
                rows.push(("type", Cell::new(format!("{} ({})", entry.kind.name(), entry.kind.number()))));
                rows.push(("appended", Cell::option(clock(entry))));
                rows.push(("extensions", Cell::new(format!("{} bytes", entry.extensions.len()))));
                rows.push(("data", Cell::new(format!("{} bytes", entry.data.len()))));
                rows.push(("content", Cell::new(content(entry))));
                if entry.trailing > 0 {
                    rows.push(("behind it", Cell::toned(format!("{} bytes that nobody reads", entry.trailing), Tone::Caution)));
                }
                facts = serde_json::json!({
                    "index": key, "offset": at, "decoded_index": entry.index, "term": entry.term, "type": entry.kind.name(),
                    "type_number": entry.kind.number(), "bytes": entry.data.len(), "appended_at": clock(entry),
                    "content": content(entry), "trailing": entry.trailing,
                });
            }
            Err(error) => {
                rows.push(("value", Cell::new(format!("{} bytes", row.len))));
                rows.push(("error", Cell::toned(error, Tone::Bad)));
            }
        }
        shown = Some((rows, facts));
    })?;
    let Some((rows, facts)) = shown else {
        return Err(Error::Unsuitable {
            path: dir.to_owned(),
            problem: format!("holds no entry {index}"),
            hint: "`ekv-tool wal ls` shows the first and the last one".to_owned(),
        });
    };
    let findings = entry_findings(&node.view(), index);
    let page = page(&node).fact("entry", facts).section(Section::facts("", rows));
    let headline = format!("Entry {index} of hashicorp/raft");
    Ok(Report::new(HashiBody::new(headline, vec![page]), findings, coverage))
}
