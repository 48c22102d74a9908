//! The rows that belong to a name, in `store get`.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::formats::kv::{DecodedValue, KeyName, KeySpace, Place, decode_value};
use crate::formats::mvcc::{Encryption, ROW_HEADER_LEN, RowHeader, RowKey};
use crate::formats::pebble::Trailer;
use crate::report::{Cells, Column, Row, Tone};
use crate::types::{Escaped, HlcTimestamp};

/// Bytes shown of a value.
const VALUE_SHOWN: usize = 256;
/// And in a table of many.
const VALUE_IN_TABLE: usize = 48;

/// One row that belongs to a name.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct NameRow {
    /// The user key, escaped.
    pub key: String,
    /// What of the name it holds; `null` when it is all of it.
    pub part: Option<String>,
    /// What the key belongs to.
    pub space: &'static str,
    /// `live`, `tombstone` or `malformed`.
    pub state: &'static str,
    /// Commit timestamp.
    pub commit_ts: u64,
    /// The same as a time; `null` beyond the calendar.
    pub commit_time: Option<String>,
    /// When the store lets it expire; `null` for never.
    pub expire_ts: Option<u64>,
    /// The same as a time.
    pub expire_time: Option<String>,
    /// True if the value is in a storage envelope; `null` when the header cannot be read.
    pub sealed: Option<bool>,
    /// Whether the envelope was opened: the value is then what it held. `null` for one that is not sealed, or without keys.
    pub opened: Option<bool>,
    /// Bytes of the value, without the row header.
    pub length: u64,
    /// The value, escaped; of a long one the beginning. `null` for a sealed one that was not opened, or is not shown.
    pub value: Option<String>,
    /// What the value says; `null` where its encoding is not known, or with the value itself.
    pub decoded: Option<DecodedValue>,
    /// Sequence number of the record.
    pub sequence: u64,
    #[serde(skip)]
    redis_type: Option<&'static str>,
}

/// The rows of a name, as far as they are listed.
#[derive(Debug, Clone, Default)]
pub struct NameRows {
    /// Those that are listed.
    pub listed: Vec<NameRow>,
    /// How many there are.
    pub found: u64,
    /// Older versions that were not asked for.
    pub older: u64,
    /// What redis calls the type of the value.
    pub redis_types: BTreeSet<&'static str>,
    limit: usize,
}

impl NameRows {
    /// None yet; at most `limit` will be listed.
    pub fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Takes one more row.
    pub fn add(&mut self, row: impl FnOnce() -> NameRow) {
        self.found += 1;
        if self.listed.len() < self.limit {
            let row = row();
            if row.state == "live" {
                self.redis_types.extend(row.redis_type);
            }
            self.listed.push(row);
        }
    }
}

impl NameRow {
    /// A version of a key with its stored value.
    pub fn new(row: RowKey<'_>, value: &[u8], trailer: Trailer) -> Self {
        let place = Place::of_user_key(row.user_key);
        let header = RowHeader::decode(value).ok();
        let expire_at = header.map(|header| header.expire_at).filter(|at| at.0 != 0);
        let body = match header {
            Some(_) => value.get(ROW_HEADER_LEN..).unwrap_or_default(),
            None => value,
        };
        let mut view = Self {
            key: Escaped(row.user_key).to_string(),
            part: place.as_ref().and_then(Place::part_in_words),
            space: KeySpace::of_user_key(row.user_key).label(),
            state: match header {
                Some(header) if header.tombstone => "tombstone",
                Some(_) => "live",
                None => "malformed",
            },
            commit_ts: row.commit_ts.0,
            commit_time: row.commit_ts.millis().to_rfc3339(),
            expire_ts: expire_at.map(|at| at.0),
            expire_time: expire_at.and_then(|at| at.millis().to_rfc3339()),
            sealed: header.map(|header| header.encryption == Encryption::Sealed),
            opened: None,
            length: body.len() as u64,
            value: None,
            decoded: None,
            sequence: trailer.seq().0,
            // A user's own key is an old string of redis when it is asked for by a name.
            redis_type: match &place {
                Some(place) if place.held.is_none() => place.redis_type(),
                Some(_) => None,
                None => Some("string"),
            },
        };
        if view.sealed != Some(true) {
            view.show(row.user_key, body);
        }
        view
    }

    /// The envelope of the row was opened and held `clear`.
    pub fn open(&mut self, row: RowKey<'_>, clear: &[u8], shown: bool) {
        self.opened = Some(true);
        self.length = clear.len() as u64;
        if shown {
            self.show(row.user_key, clear);
        }
    }

    fn show(&mut self, user_key: &[u8], value: &[u8]) {
        // What deletes a key has no value.
        self.decoded = if self.state == "live" { decode_value(user_key, value) } else { None };
        let beginning = value.get(..VALUE_SHOWN).unwrap_or(value);
        let dots = if beginning.len() < value.len() { "..." } else { "" };
        self.value = Some(format!("{}{dots}", Escaped(beginning)));
    }

    /// What the value says, in words for a cell.
    fn content(&self) -> String {
        match (&self.value, &self.decoded) {
            _ if self.state == "tombstone" => String::new(),
            (_, Some(decoded)) => shortened(&decoded.to_string(), VALUE_IN_TABLE),
            (Some(value), None) => shortened(value, VALUE_IN_TABLE),
            (None, None) if self.sealed == Some(true) => "sealed".to_owned(),
            (None, None) => String::new(),
        }
    }
}

impl Row for NameRow {
    const COLUMNS: &'static [Column] = &[
        Column::left("part", 24),
        Column::left("state", 9),
        Column::left("committed", 30),
        Column::right("bytes", 8),
        Column::left("value", 40),
        Column::left("key", 0).cut(),
    ];

    fn cells(&self, cells: &mut Cells) {
        if self.state != "live" {
            cells.set_tone(if self.state == "malformed" { Tone::Bad } else { Tone::Dim });
        }
        cells.add_str(self.part.as_deref().unwrap_or("all of it"));
        cells.add_str(self.state);
        cells.add(HlcTimestamp(self.commit_ts));
        cells.add_number(self.length);
        cells.add(self.content());
        cells.add_str(&self.key);
    }
}

/// The beginning of a text.
pub(super) fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width { text.to_owned() } else { text.chars().take(width - 2).chain("..".chars()).collect() }
}

/// What a value says, for reports of many: it is decoded when it is written, and `null` where its encoding is not known.
#[derive(Debug, Clone, Copy)]
pub struct ValueOf<'a> {
    /// The key as requests name it; `None` for keys that have no versions.
    pub(super) user_key: Option<&'a [u8]>,
    /// The value, without the header of its row.
    pub(super) value: &'a [u8],
    /// Longest value that is decoded.
    pub(super) longest: usize,
}

impl Serialize for ValueOf<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let key = self.user_key.filter(|_| self.value.len() <= self.longest);
        key.and_then(|key| decode_value(key, self.value)).serialize(serializer)
    }
}

impl schemars::JsonSchema for ValueOf<'_> {
    fn schema_name() -> Cow<'static, str> {
        "ValueOf".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Option::<DecodedValue>::json_schema(generator)
    }
}

/// The name of a key and the part of it, as a cell; empty when there is none.
pub(super) struct NameCell<'a>(pub(super) KeyName<'a>);

impl fmt::Display for NameCell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.place().map_or(Ok(()), |place| place.fmt(f))
    }
}
