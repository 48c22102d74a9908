//! `store scan`: rows of a store, one after another, and what was passed.

use std::io::{self, Write};

use serde::Serialize;

use crate::formats::mvcc::{Encryption, RegistryValue, RowHeader, StoreKey, meta_value};
use crate::formats::pebble::KeyKind;
use crate::readers::pebble_scan::Live;
use crate::report::{Body, Cell, OutputFormat, Report, Section, Style, render};
use crate::types::{Escaped, HlcTimestamp, UnixMillis};

/// What a scan passed; the rows are written while it runs.
#[derive(Debug, Clone, Serialize)]
pub struct StoreScanBody {
    /// The store as the caller named it.
    pub dir: String,
    /// Rows written.
    pub rows_shown: u64,
    /// Keys that have a value, within the range.
    pub live_keys: u64,
    /// Keys with any record, deleted ones included.
    pub keys: u64,
    /// Records of any age.
    pub records: u64,
    /// True if `--limit` ended the scan.
    pub limited: bool,
    /// Views that were read; more than one if a server was compacting.
    pub views: u32,
}

impl Body for StoreScanBody {
    const NAME: &'static str = "store-scan";

    fn headline(&self) -> String {
        let more = if self.limited { " (stopped by --limit)" } else { "" };
        format!("{}: {} rows{more}", self.dir, self.rows_shown)
    }

    fn sections(&self) -> Vec<Section> {
        let Self { dir: _, rows_shown, live_keys, keys, records, limited: _, views } = self;
        let mut rows = vec![
            ("rows shown", Cell::new(rows_shown)),
            ("live keys passed", Cell::new(live_keys)),
            ("keys passed", Cell::new(keys)),
            ("records passed", Cell::new(records)),
        ];
        if *views > 1 {
            rows.push(("views", Cell::new(views)));
        }
        let marks = "Marks: D deletes the key, E expires, S is sealed, ! has a header that cannot be read; m is one of the store's own \
                     numbers, w a row of the writer registry, ? a key without a timestamp.";
        vec![Section::facts("", rows), Section::Note(marks.to_owned())]
    }
}

/// How rows are shown.
#[derive(Debug, Clone, Copy)]
pub struct RowStyle {
    /// Keys and values as stored, not taken apart.
    pub raw: bool,
    /// Bytes of a value that are shown.
    pub value_bytes: usize,
}

/// Writes rows as they come, then the report.
#[derive(Debug)]
pub struct RowWriter {
    format: OutputFormat,
    style: Style,
    rows: RowStyle,
    written: u64,
    clock: Clock,
    line: Vec<u8>,
}

/// Columns before the key: commit time, marks, length of the value.
const FIRST_COLUMNS: usize = 30 + 2 + 3 + 2 + 8 + 2;

impl RowWriter {
    /// A writer for one scan.
    pub fn new(format: OutputFormat, style: Style, rows: RowStyle) -> Self {
        Self { format, style, rows, written: 0, clock: Clock::default(), line: Vec::new() }
    }

    /// Rows written so far.
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// Writes one row.
    pub fn row(&mut self, live: Live<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.line.clear();
        match self.format {
            OutputFormat::Ndjson => {
                self.json(live);
                self.line.push(b'\n');
            }
            OutputFormat::Json => {
                self.line.extend_from_slice(if self.written == 0 { b"{\"rows\":[\n" } else { b",\n" });
                self.json(live);
            }
            OutputFormat::Table if self.style.quiet => {}
            OutputFormat::Table => self.text(live),
            OutputFormat::Markdown => self.markdown(live),
            // A textfile collector has no use for rows.
            OutputFormat::Prometheus => {}
        }
        self.written += 1;
        out.write_all(&self.line)
    }

    /// Writes what follows the rows.
    pub fn finish<B: Body>(&self, report: &Report<B>, out: &mut dyn Write) -> io::Result<()> {
        match self.format {
            OutputFormat::Json => {
                let mut object = Vec::new();
                render(report, self.format, self.style, &mut object)?;
                let members = object.strip_prefix(b"{").unwrap_or(&object);
                out.write_all(if self.written == 0 { b"{\"rows\":[" } else { b"\n" })?;
                out.write_all(b"],")?;
                out.write_all(members)
            }
            OutputFormat::Table | OutputFormat::Markdown if self.written > 0 && !self.style.quiet => {
                out.write_all(b"\n")?;
                render(report, self.format, self.style, out)
            }
            _ => render(report, self.format, self.style, out),
        }
    }

    fn json(&mut self, live: Live<'_>) {
        let Live { key, value, trailer } = live;
        let line = &mut self.line;
        let kind = if self.rows.raw { None } else { Some(StoreKey::of(key)) };
        match kind {
            None => {
                text(line, "{\"type\":\"raw\",\"key\":\"");
                escape_json(line, key);
                text(line, "\",\"kind\":\"");
                text(line, trailer.kind().map_or("?", KeyKind::name));
                text(line, "\"");
            }
            Some(StoreKey::Meta(meta)) => {
                text(line, "{\"type\":\"meta\",\"key\":\"");
                text(line, meta.name());
                text(line, "\",\"number\":");
                optional(line, meta_value(value));
            }
            Some(StoreKey::Registry(registry)) => {
                text(line, "{\"type\":\"writer\",\"key\":\"");
                escape_json(line, key);
                text(line, "\",\"dek_id\":");
                number(line, u64::from(registry.dek_id));
                text(line, ",\"node_id\":");
                optional(line, RegistryValue::decode(value).map(|writer| writer.node_id.0));
            }
            Some(StoreKey::Short(_)) => {
                text(line, "{\"type\":\"unversioned\",\"key\":\"");
                escape_json(line, key);
                text(line, "\"");
            }
            Some(StoreKey::Row(row)) => {
                text(line, "{\"type\":\"row\",\"key\":\"");
                escape_json(line, row.user_key);
                text(line, "\",\"commit_ts\":");
                number(line, row.commit_ts.0);
                text(line, ",\"commit_time\":");
                self.clock.json(line, row.commit_ts);
                match RowHeader::decode(value) {
                    Ok(header) => {
                        text(line, ",\"tombstone\":");
                        text(line, if header.tombstone { "true" } else { "false" });
                        text(line, ",\"sealed\":");
                        text(line, if header.encryption == Encryption::Sealed { "true" } else { "false" });
                        text(line, ",\"expire_at\":");
                        optional(line, (header.expire_at.0 != 0).then_some(header.expire_at.0));
                        if header.expire_at.0 != 0 {
                            text(line, ",\"expire_time\":");
                            self.clock.json(line, header.expire_at);
                        }
                    }
                    Err(problem) => {
                        text(line, ",\"problem\":\"");
                        escape_json(line, problem.to_string().as_bytes());
                        text(line, "\"");
                    }
                }
            }
        }
        text(line, ",\"seq\":");
        number(line, trailer.seq().0);
        let body = body(value, kind);
        text(line, ",\"value_bytes\":");
        number(line, body.len() as u64);
        text(line, ",\"value\":\"");
        escape_json(line, body.get(..self.rows.value_bytes).unwrap_or(body));
        text(line, "\"}");
    }

    fn text(&mut self, live: Live<'_>) {
        if self.written == 0 {
            let first = if self.rows.raw { "sequence and kind" } else { "committed" };
            let _ = writeln!(self.line, "{first:<30}  {:<3}  {:>8}  key", "", "bytes");
        }
        let (when, marks, bytes, key) = self.columns(live);
        let room = self.style.width.saturating_sub(FIRST_COLUMNS).max(16);
        let key = if self.style.verbose || key.len() <= room { key } else { format!("{}..", &key[..room - 2]) };
        let _ = writeln!(self.line, "{when:<30}  {marks:<3}  {bytes:>8}  {key}");
    }

    fn markdown(&mut self, live: Live<'_>) {
        if self.written == 0 {
            text(&mut self.line, "| committed | marks | bytes | key |\n|---|---|---:|---|\n");
        }
        let (when, marks, bytes, key) = self.columns(live);
        let _ = writeln!(self.line, "| {when} | {marks} | {bytes} | {} |", key.replace('|', "\\|"));
    }

    /// When, marks, bytes of the value, key; the key is ASCII.
    fn columns(&mut self, live: Live<'_>) -> (String, String, usize, String) {
        let Live { key, value, trailer } = live;
        if self.rows.raw {
            return (trailer.to_string(), String::new(), value.len(), Escaped(key).to_string());
        }
        let kind = StoreKey::of(key);
        let bytes = body(value, Some(kind)).len();
        match kind {
            StoreKey::Meta(meta) => {
                let number = meta_value(value).map_or_else(|| "too short".to_owned(), |number| number.to_string());
                (number, "m".to_owned(), bytes, meta.name().to_owned())
            }
            StoreKey::Registry(_) => {
                let writer = RegistryValue::decode(value).map_or_else(|| "malformed".to_owned(), |w| w.node_id.to_string());
                (writer, "w".to_owned(), bytes, Escaped(key).to_string())
            }
            StoreKey::Short(_) => ("no timestamp".to_owned(), "?".to_owned(), bytes, Escaped(key).to_string()),
            StoreKey::Row(row) => {
                let marks = match RowHeader::decode(value) {
                    Ok(header) => {
                        let mark = |set, mark| if set { mark } else { "" };
                        let sealed = header.encryption == Encryption::Sealed;
                        [mark(header.tombstone, "D"), mark(header.expire_at.0 != 0, "E"), mark(sealed, "S")].concat()
                    }
                    Err(_) => "!".to_owned(),
                };
                (self.clock.text(row.commit_ts), marks, bytes, Escaped(row.user_key).to_string())
            }
        }
    }
}

/// What a client would call the value.
fn body<'v>(value: &'v [u8], kind: Option<StoreKey<'_>>) -> &'v [u8] {
    match kind {
        Some(StoreKey::Row(_)) if RowHeader::decode(value).is_ok() => {
            value.get(crate::formats::mvcc::ROW_HEADER_LEN..).unwrap_or_default()
        }
        _ => value,
    }
}

/// Times of neighbouring rows are mostly within one second, whose text is kept.
#[derive(Debug, Default)]
struct Clock {
    second: Option<u64>,
    /// Up to the full stop before the milliseconds; empty for a time beyond the calendar.
    text: String,
}

impl Clock {
    fn turn_to(&mut self, millis: u64) {
        let second = millis / 1000;
        if self.second != Some(second) {
            self.second = Some(second);
            self.text.clear();
            if let Some(text) = UnixMillis(second * 1000).to_rfc3339() {
                self.text.push_str(text.split('.').next().unwrap_or_default());
            }
        }
    }

    /// The time, in quotes, or `null` for one beyond the calendar.
    fn json(&mut self, out: &mut Vec<u8>, ts: HlcTimestamp) {
        let millis = ts.millis().0;
        self.turn_to(millis);
        if self.text.is_empty() {
            text(out, "null");
            return;
        }
        let _ = write!(out, "\"{}.{:03}Z\"", self.text, millis % 1000);
    }

    fn text(&mut self, ts: HlcTimestamp) -> String {
        self.turn_to(ts.millis().0);
        if self.text.is_empty() {
            return ts.to_string();
        }
        format!("{}.{:03}Z+{}", self.text, ts.millis().0 % 1000, ts.logical())
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

fn number(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

fn optional(out: &mut Vec<u8>, value: Option<u64>) {
    match value {
        Some(value) => number(out, value),
        None => text(out, "null"),
    }
}

/// Bytes as [`Escaped`] shows them, inside a JSON string.
fn escape_json(out: &mut Vec<u8>, bytes: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut rest = bytes;
    while !rest.is_empty() {
        let plain = rest.iter().take_while(|&&byte| matches!(byte, 0x20..=0x7e) && byte != b'"' && byte != b'\\').count();
        let (safe, after) = rest.split_at(plain);
        out.extend_from_slice(safe);
        let Some((&byte, after)) = after.split_first() else { return };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\\\\\"),
            b'\n' => out.extend_from_slice(b"\\\\n"),
            b'\r' => out.extend_from_slice(b"\\\\r"),
            b'\t' => out.extend_from_slice(b"\\\\t"),
            0 => out.extend_from_slice(b"\\\\0"),
            _ => out.extend_from_slice(&[b'\\', b'\\', b'x', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]),
        }
        rest = after;
    }
}

/// A sequence number that the tests name.
#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::formats::mvcc::RowKey;
    use crate::formats::pebble::{SeqNum, Trailer};
    use proptest::prelude::*;

    fn trailer(seq: u64) -> Trailer {
        Trailer::new(SeqNum(seq), KeyKind::Set)
    }

    fn ndjson(key: &[u8], value: &[u8], raw: bool) -> Value {
        let mut writer = RowWriter::new(OutputFormat::Ndjson, Style::default(), RowStyle { raw, value_bytes: 4 });
        let mut out = Vec::new();
        writer.row(Live { key, value, trailer: trailer(7) }, &mut out).unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn a_row_is_taken_apart() {
        let key = RowKey { user_key: b"!redis|str|a\"\\", commit_ts: HlcTimestamp(114_687_999_934_464_003) }.encode();
        let mut value = vec![0x03];
        value.extend(114_687_999_934_464_003_u64.to_le_bytes());
        value.extend(b"\xff\x01hello");
        assert_eq!(
            ndjson(&key, &value, false),
            serde_json::json!({
                "type": "row", "key": "!redis|str|a\"\\\\", "commit_ts": 114_687_999_934_464_003_u64,
                "commit_time": "2025-06-15T15:06:39.000Z", "tombstone": true, "sealed": true,
                "expire_at": 114_687_999_934_464_003_u64, "expire_time": "2025-06-15T15:06:39.000Z",
                "seq": 7, "value_bytes": 7, "value": "\\xff\\x01he",
            })
        );
        let odd = ndjson(&key, b"short", false);
        assert_eq!(odd["problem"], "row value of 5 bytes, shorter than its 9-byte header");
        assert_eq!(odd["value"], "shor");
    }

    #[test]
    fn keys_that_stand_for_themselves() {
        let meta = ndjson(b"_meta_applied_index", &[20, 0, 0, 0, 0, 0, 0, 0], false);
        assert_eq!((&meta["type"], &meta["number"]), (&"meta".into(), &20.into()));
        assert_eq!(ndjson(b"_meta_applied_index", &[20], false)["number"], Value::Null);
        assert_eq!(ndjson(b"1234567", b"", false)["type"], "unversioned");
        let raw = ndjson(b"_meta_applied_index", &[20, 0, 0, 0, 0, 0, 0, 0], true);
        assert_eq!((&raw["type"], &raw["kind"], &raw["value_bytes"]), (&"raw".into(), &"SET".into(), &8.into()));
    }

    proptest! {
        #[test]
        fn json_strings_are_those_of_the_escaped_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut out = vec![b'"'];
            escape_json(&mut out, &bytes);
            out.push(b'"');
            let read: String = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(read, Escaped(&bytes).to_string());
        }

        #[test]
        fn numbers_are_decimal(value in any::<u64>()) {
            let mut out = Vec::new();
            number(&mut out, value);
            prop_assert_eq!(String::from_utf8(out).unwrap(), value.to_string());
        }
    }
}
