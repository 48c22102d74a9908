//! Rows of a dump, written without going through a tree of values: a log has millions of them.

use std::io::{self, Write};

use crate::formats::kv::EntryView;
use crate::formats::raftpb::{Entry, HardState, WalSnapshot};
use crate::formats::wal::Frame;
use crate::report::Report;
use crate::report::body::wal::DumpBody;
use crate::types::{Crc32c, HlcTimestamp, NodeId};

use super::dump::DumpFormat;

/// Bytes that are collected before they are handed on.
const BUFFER: usize = 256 << 10;
/// Keys of an entry that are written; their number is always given.
const KEYS_WRITTEN: usize = 16;

/// Collects rows in one of the formats.
pub(super) struct RowWriter {
    format: DumpFormat,
    buffer: Vec<u8>,
    /// The segment's path as a JSON string, or as it stands in the table.
    segment: Vec<u8>,
    first: bool,
}

/// One entry to write.
pub(super) struct EntryRow<'a> {
    pub entry: &'a Entry<'a>,
    pub view: &'a EntryView<'a>,
    pub effective: bool,
}

impl RowWriter {
    pub(super) fn new(format: DumpFormat) -> Self {
        Self { format, buffer: Vec::with_capacity(BUFFER + (64 << 10)), segment: Vec::new(), first: true }
    }

    /// What stands before the first row.
    pub(super) fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match self.format {
            DumpFormat::Table => {
                writeln!(out, "{:>10}  {:10} {:>10} {:>6}  {:14} details", "offset", "type", "index", "term", "class")
            }
            DumpFormat::Json => out.write_all(b"{\n  \"records\": [\n"),
            DumpFormat::Ndjson => Ok(()),
        }
    }

    /// The rows that follow stand in this segment.
    pub(super) fn segment(&mut self, path: &str) {
        self.segment.clear();
        if self.format == DumpFormat::Table {
            self.buffer.extend_from_slice(b"# ");
            self.buffer.extend_from_slice(crate::types::escape(path).as_bytes());
            self.buffer.push(b'\n');
        } else {
            self.segment = serde_json::to_vec(path).unwrap_or_default();
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.buffer.len() >= BUFFER
    }

    pub(super) fn flush(&mut self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Closes the list and adds the rest of the report.
    pub(super) fn end_json(report: &Report<DumpBody>, out: &mut dyn Write) -> io::Result<()> {
        let rest = serde_json::to_string_pretty(report)?;
        let rest = rest.strip_prefix("{\n").unwrap_or(&rest);
        writeln!(out, "\n  ],\n{rest}")
    }

    pub(super) fn entry(&mut self, frame: &Frame<'_>, row: &EntryRow<'_>) {
        let EntryRow { entry, view, effective } = row;
        if self.format == DumpFormat::Table {
            let class = view.class.name();
            self.columns(frame, "entry", Some(entry.index.0), Some(entry.term.0), class);
            let mut details = Vec::new();
            let mut keys = 0_u64;
            view.for_each_key(|key| {
                if keys < 3 {
                    details.extend_from_slice(if keys == 0 { b"" } else { b" " });
                    escape_bytes(key, &mut details);
                }
                keys += 1;
            });
            if keys > 3 {
                let _ = write!(details, " +{} keys", keys - 3);
            }
            if let Some(ceiling) = view.lease {
                let _ = write!(details, "ceiling {ceiling}");
            }
            if let Some(ts) = view.commit_ts {
                let _ = write!(details, " @{ts}");
            }
            if !effective {
                details.extend_from_slice(b" (replaced)");
            }
            self.end_of_line(&details);
            return;
        }
        self.object("entry", frame);
        self.number("index", entry.index.0);
        self.number("term", entry.term.0);
        self.text("class", view.class.name());
        self.raw("effective", if *effective { b"true" } else { b"false" });
        self.number("data_length", entry.data.len() as u64);
        if let Some(id) = view.request_id {
            self.number("request_id", id);
        }
        if view.requests > 0 {
            self.number("requests", view.requests.into());
            self.number("mutations", view.mutations.into());
            match view.commit_ts {
                Some(HlcTimestamp(ts)) => self.number("commit_ts", ts),
                None => self.raw("commit_ts", b"null"),
            }
            self.keys(view);
        }
        if let Some(ceiling) = view.lease {
            self.number("ceiling_ms", ceiling.0);
        }
        self.end_of_object();
    }

    fn keys(&mut self, view: &EntryView<'_>) {
        self.buffer.extend_from_slice(b",\"keys\":[");
        let mut seen = 0;
        let buffer = &mut self.buffer;
        view.for_each_key(|key| {
            if seen < KEYS_WRITTEN {
                buffer.extend_from_slice(if seen == 0 { b"\"" } else { b",\"" });
                escape_json(key, buffer);
                buffer.push(b'"');
            }
            seen += 1;
        });
        self.buffer.push(b']');
        self.number("key_count", seen as u64);
    }

    pub(super) fn state(&mut self, frame: &Frame<'_>, state: &HardState) {
        if self.format == DumpFormat::Table {
            self.columns(frame, "hard-state", None, Some(state.term.0), "");
            let details = format!("vote {} commit {}", state.vote, state.commit);
            return self.end_of_line(details.as_bytes());
        }
        self.object("hard-state", frame);
        self.number("term", state.term.0);
        self.number("vote", state.vote.0);
        self.number("commit", state.commit.0);
        self.end_of_object();
    }

    pub(super) fn snapshot(&mut self, frame: &Frame<'_>, snapshot: &WalSnapshot) {
        let members = snapshot.conf_state.as_ref();
        if self.format == DumpFormat::Table {
            self.columns(frame, "snapshot", Some(snapshot.index.0), Some(snapshot.term.0), "");
            let ids = |ids: &[NodeId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            let details = members.map_or_else(
                || "members not recorded".to_owned(),
                |members| format!("voters {}", ids(&members.voters)) + &learners(&ids(&members.learners)),
            );
            return self.end_of_line(details.as_bytes());
        }
        self.object("snapshot", frame);
        self.number("index", snapshot.index.0);
        self.number("term", snapshot.term.0);
        let json = members.map_or_else(|| Ok(b"null".to_vec()), serde_json::to_vec).unwrap_or_default();
        self.raw("members", &json);
        self.end_of_object();
    }

    pub(super) fn metadata(&mut self, frame: &Frame<'_>, len: usize) {
        if self.format == DumpFormat::Table {
            self.columns(frame, "metadata", None, None, "");
            return self.end_of_line(format!("{len} bytes").as_bytes());
        }
        self.object("metadata", frame);
        self.number("data_length", len as u64);
        self.end_of_object();
    }

    pub(super) fn crc(&mut self, frame: &Frame<'_>, crc: Crc32c) {
        if self.format == DumpFormat::Table {
            self.columns(frame, "crc", None, None, "");
            return self.end_of_line(crc.to_string().as_bytes());
        }
        self.object("crc", frame);
        self.text("crc32c", &crc.to_string());
        self.end_of_object();
    }

    pub(super) fn unknown(&mut self, frame: &Frame<'_>, kind: i64) {
        if self.format == DumpFormat::Table {
            self.columns(frame, "unknown", None, None, "");
            return self.end_of_line(format!("type {kind}").as_bytes());
        }
        self.object("unknown", frame);
        self.raw("record_type", kind.to_string().as_bytes());
        self.end_of_object();
    }

    fn columns(&mut self, frame: &Frame<'_>, kind: &str, index: Option<u64>, term: Option<u64>, class: &str) {
        let text = |value: Option<u64>| value.map_or_else(String::new, |value| value.to_string());
        let (index, term) = (text(index), text(term));
        let _ = write!(self.buffer, "{:>10}  {kind:10} {index:>10} {term:>6}  {class:14} ", frame.at);
    }

    fn end_of_line(&mut self, details: &[u8]) {
        self.buffer.extend_from_slice(details);
        while self.buffer.last() == Some(&b' ') {
            self.buffer.pop();
        }
        self.buffer.push(b'\n');
    }

    fn object(&mut self, kind: &str, frame: &Frame<'_>) {
        if self.format == DumpFormat::Json {
            self.buffer.extend_from_slice(if self.first { b"    " } else { b",\n    " });
            self.first = false;
        }
        self.buffer.extend_from_slice(b"{\"type\":\"");
        self.buffer.extend_from_slice(kind.as_bytes());
        self.buffer.extend_from_slice(b"\",\"segment\":");
        self.buffer.extend_from_slice(&self.segment);
        self.number("offset", frame.at);
        self.number("length", frame.len());
    }

    fn end_of_object(&mut self) {
        self.buffer.push(b'}');
        if self.format == DumpFormat::Ndjson {
            self.buffer.push(b'\n');
        }
    }

    fn name(&mut self, name: &str) {
        self.buffer.extend_from_slice(b",\"");
        self.buffer.extend_from_slice(name.as_bytes());
        self.buffer.extend_from_slice(b"\":");
    }

    fn raw(&mut self, name: &str, value: &[u8]) {
        self.name(name);
        self.buffer.extend_from_slice(value);
    }

    /// `value` is one of our own words and needs no escaping.
    fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        self.buffer.push(b'"');
        self.buffer.extend_from_slice(value.as_bytes());
        self.buffer.push(b'"');
    }

    fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        let mut digits = [0; 20];
        let mut start = digits.len();
        let mut rest = value;
        loop {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.buffer.extend_from_slice(&digits[start..]);
    }
}

fn learners(ids: &str) -> String {
    if ids.is_empty() { String::new() } else { format!(" learners {ids}") }
}

/// What [`Escaped`](crate::types::Escaped) prints.
fn escape_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    let _ = write!(out, "{}", crate::types::Escaped(bytes));
}

/// The same inside a JSON string: its backslashes doubled, quotes escaped.
fn escape_json(bytes: &[u8], out: &mut Vec<u8>) {
    if bytes.iter().all(|&byte| matches!(byte, 0x20..=0x7e) && byte != b'\\' && byte != b'"') {
        out.extend_from_slice(bytes);
        return;
    }
    let mut plain = Vec::with_capacity(bytes.len() * 2);
    escape_bytes(bytes, &mut plain);
    for byte in plain {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'"' => out.extend_from_slice(b"\\\""),
            _ => out.push(byte),
        }
    }
}
