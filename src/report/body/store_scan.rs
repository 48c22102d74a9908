//! `store scan`: rows of a store, one after another, and what was passed.

use serde::Serialize;

use super::store_name::{NameCell, ValueOf};
use crate::formats::kv::{KeyName, PartName};
use crate::formats::mvcc::{Encryption, ROW_HEADER_LEN, RegistryValue, RowHeader, StoreKey, meta_value};
use crate::formats::pebble::{KeyKind, Trailer};
use crate::readers::pebble_scan::Live;
use crate::report::{Body, Cell, Cells, Column, JsonList, Row, Section};
use crate::types::{Count, Escaped, HlcTimestamp, NodeId, UnixMillis};

/// Longest value that is decoded whatever `--value-bytes` says.
const ALWAYS_DECODED: usize = 1 << 10;

/// What a scan passed; the rows are written while it runs.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
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

impl StoreScanBody {
    /// Where JSON keeps the rows.
    pub const LIST: JsonList = JsonList::Flat("rows");
}

impl Body for StoreScanBody {
    const NAME: &'static str = "store-scan";

    fn headline(&self) -> String {
        let more = if self.limited { " (stopped by --limit)" } else { "" };
        format!("{}: {}{more}", self.dir, Count(self.rows_shown, "row"))
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

/// A key with its newest value, taken apart.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct StoreRow<'a> {
    /// What the key belongs to.
    #[serde(rename = "type")]
    pub kind: StoreRowKind,
    /// The user key, or the store's own key, escaped.
    pub key: Escaped<'a>,
    /// The name that the key belongs to; `null` when there is none.
    pub logical: KeyName<'a>,
    /// What of that name the row holds; `null` when it is all of it, or there is no name.
    pub part: PartName<'a>,
    /// What key and value say; the fields depend on the type.
    #[serde(flatten)]
    pub content: StoreRowContent,
    /// Sequence number of the record that the value comes from.
    pub seq: u64,
    /// Bytes of the value, without the row's header.
    pub value_bytes: u64,
    /// The value, escaped; of a long one the beginning. Empty for a sealed one that was not opened, or is not shown.
    pub value: Escaped<'a>,
    /// What the value says; `null` where its encoding is not known, and for a value longer than 1 KiB and `--value-bytes`.
    pub decoded: ValueOf<'a>,
}

/// What became of the envelope that a value stands in.
#[derive(Debug, Clone, Copy)]
pub enum Inside<'a> {
    /// There are no keys, or there is no envelope.
    Untried,
    /// It held this; `shown` says whether it may be written.
    Opened {
        /// The clear text.
        clear: &'a [u8],
        /// Whether it is shown.
        shown: bool,
    },
    /// It does not open.
    Closed,
}

/// What a stored key belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StoreRowKind {
    /// A version of a user key.
    Row,
    /// One of the store's own numbers.
    Meta,
    /// The writer registry: which node has written with which key.
    Writer,
    /// A key that is too short to have a timestamp.
    Unversioned,
}

/// What key and value say.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum StoreRowContent {
    /// Of a version of a user key.
    Version(VersionFields),
    /// Of one of the store's own numbers.
    Meta(MetaFields),
    /// Of a row of the writer registry.
    Writer(WriterFields),
    /// Nothing.
    Unversioned {},
}

/// What a version of a user key says.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct VersionFields {
    /// Commit timestamp.
    pub commit_ts: u64,
    /// The same as a time; `null` beyond the calendar.
    pub commit_time: Option<String>,
    /// What the header in front of the value says; left out when it cannot be read.
    #[serde(flatten)]
    pub header: Option<HeaderFields>,
    /// Why the header cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What the header in front of a value says.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct HeaderFields {
    /// True if the version deletes its key.
    pub tombstone: bool,
    /// True if the value is in a storage envelope.
    pub sealed: bool,
    /// Whether the envelope was opened: the value is then what it held. Left out for one that is not sealed, or without keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened: Option<bool>,
    /// When it expires; `null` for never.
    pub expire_at: Option<u64>,
    /// The same as a time; `null` beyond the calendar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expire_time: Option<Option<String>>,
}

/// One of the store's own numbers.
#[derive(Debug, Clone, Copy, Serialize, schemars::JsonSchema)]
pub struct MetaFields {
    /// The number; `null` when the value is too short for one.
    pub number: Option<u64>,
}

/// A row of the writer registry.
#[derive(Debug, Clone, Copy, Serialize, schemars::JsonSchema)]
pub struct WriterFields {
    /// Number of the data key.
    pub dek_id: u64,
    /// Node id of the writer; `null` when the value is malformed.
    pub node_id: Option<u64>,
}

/// A key with its newest value as stored (`--raw`).
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct RawRow<'a> {
    /// Always `raw`.
    #[serde(rename = "type")]
    pub kind: RawRowKind,
    /// The stored key, escaped.
    pub key: Escaped<'a>,
    /// The name that the key belongs to; `null` when there is none.
    pub logical: KeyName<'a>,
    /// What of that name the row holds; `null` when it is all of it, or there is no name.
    pub part: PartName<'a>,
    /// Kind of the newest record.
    #[serde(rename = "kind")]
    pub record: &'static str,
    /// Sequence number of that record.
    pub seq: u64,
    /// Bytes of the value.
    pub value_bytes: u64,
    /// The value, escaped; of a long one the beginning.
    pub value: Escaped<'a>,
    #[serde(skip)]
    trailer: Trailer,
}

/// That a row is not taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawRowKind {
    /// Key and value as stored.
    Raw,
}

impl<'a> RawRow<'a> {
    /// One key; at most `value_bytes` of its value are shown.
    pub fn new(live: Live<'a>, value_bytes: usize) -> Self {
        let Live { key, value, trailer, .. } = live;
        Self {
            kind: RawRowKind::Raw,
            key: Escaped(key),
            logical: KeyName::of_stored(key),
            part: KeyName::of_stored(key).part(),
            record: trailer.kind().map_or("?", KeyKind::name),
            seq: trailer.seq().0,
            value_bytes: value.len() as u64,
            value: Escaped(value.get(..value_bytes).unwrap_or(value)),
            trailer,
        }
    }
}

impl Row for RawRow<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::left("sequence and kind", 30),
        Column::right("bytes", 8),
        Column::left("name", 24),
        Column::left("key", 0).cut(),
    ];

    fn cells(&self, cells: &mut Cells) {
        cells.add(self.trailer);
        cells.add_number(self.value_bytes);
        cells.add(NameCell(self.logical));
        cells.write_bytes(self.key.0);
        cells.end();
    }
}

impl Inside<'_> {
    const fn was_opened(self) -> Option<bool> {
        match self {
            Self::Untried => None,
            Self::Opened { .. } => Some(true),
            Self::Closed => Some(false),
        }
    }
}

/// Makes rows of keys; remembers the time of the last one, because neighbours are mostly of the same second.
#[derive(Debug, Default)]
pub struct RowMaker {
    clock: Clock,
}

impl RowMaker {
    /// One key; at most `value_bytes` of its value are shown. `inside` is what its envelope held.
    pub fn row<'a>(&mut self, live: Live<'a>, value_bytes: usize, inside: Inside<'a>) -> StoreRow<'a> {
        let Live { key, value, trailer, .. } = live;
        let mut sealed = false;
        let mut decodable = None;
        let (kind, shown, content, body) = match StoreKey::of(key) {
            StoreKey::Meta(meta) => {
                let content = StoreRowContent::Meta(MetaFields { number: meta_value(value) });
                (StoreRowKind::Meta, meta.name().as_bytes(), content, value)
            }
            StoreKey::Registry(registry) => {
                let node_id = RegistryValue::decode(value).map(|writer| writer.node_id.0);
                let content = StoreRowContent::Writer(WriterFields { dek_id: registry.dek_id.into(), node_id });
                (StoreRowKind::Writer, key, content, value)
            }
            StoreKey::Short(_) => (StoreRowKind::Unversioned, key, StoreRowContent::Unversioned {}, value),
            StoreKey::Row(row) => {
                let commit_time = self.clock.time(row.commit_ts);
                let (header, problem, body) = match RowHeader::decode(value) {
                    Ok(header) => {
                        let expire_at = (header.expire_at.0 != 0).then_some(header.expire_at);
                        let fields = HeaderFields {
                            tombstone: header.tombstone,
                            sealed: header.encryption == Encryption::Sealed,
                            opened: inside.was_opened(),
                            expire_at: expire_at.map(|at| at.0),
                            expire_time: expire_at.map(|at| self.clock.time(at)),
                        };
                        sealed = fields.sealed;
                        decodable = Some(row.user_key).filter(|_| !header.tombstone);
                        (Some(fields), None, value.get(ROW_HEADER_LEN..).unwrap_or_default())
                    }
                    Err(problem) => (None, Some(problem.to_string()), value),
                };
                let content = VersionFields { commit_ts: row.commit_ts.0, commit_time, header, problem };
                (StoreRowKind::Row, row.user_key, StoreRowContent::Version(content), body)
            }
        };
        let hidden = sealed && !matches!(inside, Inside::Opened { shown: true, .. });
        let (len, body) = match inside {
            Inside::Opened { clear, shown: true } => (clear.len(), clear),
            Inside::Opened { clear, shown: false } => (clear.len(), &[][..]),
            // What stands in an envelope says nothing.
            _ if sealed => (body.len(), &[][..]),
            _ => (body.len(), body),
        };
        StoreRow {
            kind,
            key: Escaped(shown),
            logical: KeyName::of_stored(key),
            part: KeyName::of_stored(key).part(),
            content,
            seq: trailer.seq().0,
            value_bytes: len as u64,
            value: Escaped(body.get(..value_bytes).unwrap_or(body)),
            decoded: ValueOf { user_key: decodable.filter(|_| !hidden), value: body, longest: value_bytes.max(ALWAYS_DECODED) },
        }
    }
}

impl Row for StoreRow<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::left("committed", 30),
        Column::left("", 3),
        Column::right("bytes", 8),
        Column::left("name", 24),
        Column::left("key", 0).cut(),
    ];

    fn cells(&self, cells: &mut Cells) {
        match &self.content {
            StoreRowContent::Version(version) => {
                match &version.commit_time {
                    Some(time) => {
                        cells.write_str(time);
                        cells.add(format_args!("+{}", HlcTimestamp(version.commit_ts).logical()));
                    }
                    None => cells.add(HlcTimestamp(version.commit_ts)),
                }
                match &version.header {
                    Some(header) => {
                        let mark = |set, mark| if set { mark } else { "" };
                        cells.write_str(mark(header.tombstone, "D"));
                        cells.write_str(mark(header.expire_at.is_some(), "E"));
                        cells.add_str(mark(header.sealed, "S"));
                    }
                    None => cells.add_str("!"),
                }
            }
            StoreRowContent::Meta(meta) => {
                match meta.number {
                    Some(number) => cells.add_number(number),
                    None => cells.add_str("too short"),
                }
                cells.add_str("m");
            }
            StoreRowContent::Writer(writer) => {
                match writer.node_id {
                    Some(id) => cells.add(NodeId(id).padded()),
                    None => cells.add_str("malformed"),
                }
                cells.add_str("w");
            }
            StoreRowContent::Unversioned {} => {
                cells.add_str("no timestamp");
                cells.add_str("?");
            }
        }
        cells.add_number(self.value_bytes);
        cells.add(NameCell(self.logical));
        cells.write_bytes(self.key.0);
        cells.end();
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

    /// The time; nothing for one beyond the calendar.
    fn time(&mut self, ts: HlcTimestamp) -> Option<String> {
        let millis = ts.millis().0;
        self.turn_to(millis);
        if self.text.is_empty() {
            return None;
        }
        let mut time = String::with_capacity(self.text.len() + 5);
        time.push_str(&self.text);
        time.push('.');
        // Each is below 10.
        let digits = [millis / 100 % 10, millis / 10 % 10, millis % 10];
        time.extend(digits.iter().filter_map(|&digit| char::from_digit(u32::try_from(digit).ok()?, 10)));
        time.push('Z');
        Some(time)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::formats::mvcc::RowKey;
    use crate::formats::pebble::SeqNum;

    fn trailer(seq: u64) -> Trailer {
        Trailer::new(SeqNum(seq), KeyKind::Set)
    }

    fn ndjson(key: &[u8], value: &[u8], raw: bool) -> Value {
        let live = Live { key, value, trailer: trailer(7), place: None };
        let text = if raw {
            serde_json::to_string(&RawRow::new(live, 4)).unwrap()
        } else {
            serde_json::to_string(&RowMaker::default().row(live, 4, Inside::Untried)).unwrap()
        };
        serde_json::from_str(&text).unwrap()
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
                "seq": 7, "value_bytes": 7, "value": "", "decoded": null, "logical": "redis:a\"\\\\", "part": null,
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
}
