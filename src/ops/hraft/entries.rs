//! `wal dump` and `wal show` of a node directory.

use std::ops::ControlFlow;
use std::path::Path;

use super::node::{Depth, Node};
use super::page::page;
use super::rows::{EntryRow, rows_of};
use crate::analysis::hraft::findings::{entry_findings, store_findings};
use crate::analysis::{Coverage, Finding};
use crate::error::{Error, Result};
use crate::formats::hraft::{LogEntry, LogType, decode_configuration, decode_peers};
use crate::readers::hraft::wal::RemovedBy;
use crate::readers::source::Run;
use crate::report::body::hraft::dump::{Carried, DecodedEntry, EntryContent, EntryLine};
use crate::report::body::hraft::page::{HashiBody, NodePage, WalDump, WalShow};
use crate::report::{Cell, Report, RowStream, Section, Tone};
use crate::types::{Count, UnixMillis};

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

impl EntryRange {
    /// True for an entry that was asked for. One that does not decode may be of any term.
    fn wants(self, row: &EntryRow<'_>) -> bool {
        let in_range = self.from.is_none_or(|from| from <= row.key) && self.to.is_none_or(|to| row.key <= to);
        in_range && self.term.is_none_or(|wanted| row.entry.as_ref().map_or(true, |entry| entry.term == wanted))
    }
}

fn clock(entry: &LogEntry<'_>) -> Option<String> {
    let at = entry.appended_at.filter(|at| !at.is_zero())?;
    let millis = u64::try_from(at.seconds).ok()?.checked_mul(1000)?.checked_add(u64::from(at.nanoseconds) / 1_000_000)?;
    Some(UnixMillis(millis).to_string())
}

/// What an entry carries.
fn content<'a>(entry: &'a LogEntry<'_>) -> Carried<'a> {
    let members = |decoded: Result<crate::formats::hraft::Configuration, String>| match decoded {
        Ok(configuration) => {
            let servers: Vec<_> =
                configuration.servers.iter().map(|s| format!("{}@{} {}", s.id, s.address, s.suffrage)).collect();
            if servers.is_empty() { "no servers".to_owned() } else { servers.join(", ") }
        }
        Err(error) => format!("does not decode: {error}"),
    };
    match entry.kind {
        LogType::Configuration => {
            Carried::Members(members(decode_configuration(&entry.data).map(|it| it.0).map_err(|e| e.to_string())))
        }
        LogType::AddPeer | LogType::RemovePeer => {
            Carried::Members(members(decode_peers(&entry.data).map(|it| it.0).map_err(|e| e.to_string())))
        }
        _ => Carried::Bytes(&entry.data),
    }
}

/// One line on an entry for people and for programs.
fn line<'a>(row: &'a EntryRow<'a>) -> EntryLine<'a> {
    let (kind, content) = match &row.entry {
        Ok(entry) => {
            let decoded = DecodedEntry {
                decoded_index: entry.index,
                term: entry.term,
                type_number: entry.kind.number(),
                bytes: entry.data.len() as u64,
                extensions: entry.extensions.len() as u64,
                appended_at: clock(entry),
                content: content(entry),
            };
            (entry.kind.name(), EntryContent::Decoded(decoded))
        }
        Err(error) => ("undecodable", EntryContent::Undecodable { error }),
    };
    EntryLine { kind, index: row.key, offset: row.at, file: row.file, removed: row.removed.map(RemovedBy::name), content }
}

/// Writes the entries that are wanted, in tables of their file and of whether they count.
pub(super) struct Writer<'r, 'o> {
    range: EntryRange,
    rows: &'r mut RowStream<'o>,
    /// The table that is being written: its file, and why nothing in it counts.
    table: Option<(Option<String>, Option<RemovedBy>)>,
    /// Entries that were seen.
    pub read: u64,
    /// Those of them that do not count.
    removed: u64,
    /// Entries that were written.
    written: u64,
}

impl<'r, 'o> Writer<'r, 'o> {
    pub(super) const fn new(range: EntryRange, rows: &'r mut RowStream<'o>) -> Self {
        Self { range, rows, table: None, read: 0, removed: 0, written: 0 }
    }

    /// Takes an entry.
    pub(super) fn take(&mut self, row: &EntryRow<'_>) -> Result<()> {
        self.read += 1;
        self.removed += u64::from(row.removed.is_some());
        if !self.range.wants(row) {
            return Ok(());
        }
        let same = |(file, removed): &(Option<String>, _)| file.as_deref() == row.file && *removed == row.removed;
        if let (Some(file), false) = (row.file, self.table.as_ref().is_some_and(same)) {
            self.rows.group(file);
            self.table = Some((Some(file.to_owned()), row.removed));
        }
        self.written += 1;
        self.rows.row(&line(row)).map_err(Error::Output)?;
        Ok(())
    }

    /// The report behind the rows, of what was written of `what`.
    pub(super) fn report(
        self,
        what: &str,
        page: NodePage,
        found: Vec<Finding>,
        coverage: Coverage,
    ) -> Report<HashiBody<WalDump>> {
        let headline = format!("{} of {} of {what} written", self.written, Count(self.read, "entry"));
        let read = vec![("entries read", Cell::new(self.read))];
        let page = page.fact("entries_read", self.read).fact("entries_written", self.written).section(Section::facts("", read));
        Report::new(HashiBody::new(headline, vec![page]), found, coverage)
    }
}

/// Writes entries to `rows`, in the order of the log; of raft-wal then also those that do not count. What is wrong with the log is
/// found before.
pub fn hashicorp_wal_dump(
    dir: &Path,
    range: EntryRange,
    run: &Run<'_>,
    rows: &mut RowStream<'_>,
) -> Result<Report<HashiBody<WalDump>>> {
    let node = Node::read(dir, None, Depth::Stores, run)?;
    let mut coverage = Coverage::default();
    node.cover(&mut coverage);
    let mut writer = Writer::new(range, rows);
    let mut ended = Ok(());
    rows_of(&node.dir, run, |row| {
        ended = writer.take(row);
        if ended.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    ended?;
    let mut found = store_findings(&node.view());
    node.settle(&mut found, &mut coverage);
    let counting = writer.read - writer.removed;
    let other = node.facts().is_some_and(|facts| !facts.is_incomplete() && facts.entries != counting);
    if other && !node.dir.changed() {
        coverage.missing(node.dir.display(), "it held other entries when they were written than before: it changed meanwhile");
    }
    Ok(writer.report("hashicorp/raft", page(&node), found, coverage))
}

/// Explains one entry.
pub fn hashicorp_wal_show(dir: &Path, index: u64, run: &Run<'_>) -> Result<Report<HashiBody<WalShow>>> {
    let node = Node::read(dir, None, Depth::Stores, run)?;
    let mut coverage = Coverage::default();
    node.cover(&mut coverage);
    let mut shown = None;
    rows_of(&node.dir, run, |row| {
        let (key, at) = (row.key, row.at);
        if key != index {
            return ControlFlow::Continue(());
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
                let fields = if row.file.is_some() { String::new() } else { format!(", {}", Count(entry.form.fields, "field")) };
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
                    "content": content(entry).to_string(), "trailing": entry.trailing,
                });
            }
            Err(error) => {
                rows.push(("value", Cell::new(format!("{} bytes", row.len))));
                rows.push(("error", Cell::toned(error, Tone::Bad)));
            }
        }
        shown = Some((rows, facts));
        ControlFlow::Break(())
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
