//! The rows that belong to a name, in `store get`.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::formats::kv::{KeyName, KeySpace, Place};
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
            sequence: trailer.seq().0,
            // A user's own key is an old string of redis when it is asked for by a name.
            redis_type: match &place {
                Some(place) if place.held.is_none() => place.redis_type(),
                Some(_) => None,
                None => Some("string"),
            },
        };
        if view.sealed != Some(true) {
            view.show(body);
        }
        view
    }

    /// The envelope of the row was opened and held `clear`.
    pub fn open(&mut self, _row: RowKey<'_>, clear: &[u8], shown: bool) {
        self.opened = Some(true);
        self.length = clear.len() as u64;
        if shown {
            self.show(clear);
        }
    }

    fn show(&mut self, value: &[u8]) {
        let beginning = value.get(..VALUE_SHOWN).unwrap_or(value);
        let dots = if beginning.len() < value.len() { "..." } else { "" };
        self.value = Some(format!("{}{dots}", Escaped(beginning)));
    }

    /// What the value says, in words for a cell.
    fn content(&self) -> String {
        match (&self.value, self.sealed) {
            _ if self.state == "tombstone" => String::new(),
            (Some(value), _) if value.chars().count() > VALUE_IN_TABLE => {
                value.chars().take(VALUE_IN_TABLE - 2).chain("..".chars()).collect()
            }
            (Some(value), _) => value.clone(),
            (None, Some(true)) => "sealed".to_owned(),
            (None, _) => String::new(),
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

/// The name of a key and the part of it, as a cell; empty when there is none.
pub(super) struct NameCell<'a>(pub(super) KeyName<'a>);

impl fmt::Display for NameCell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.place().map_or(Ok(()), |place| place.fmt(f))
    }
}
