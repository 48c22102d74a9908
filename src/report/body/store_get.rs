//! `store get`: one key.

use serde::Serialize;

use super::store_meta::{Place, place, place_cell};
use super::store_name::{NameRow, NameRows, shortened};
use crate::formats::kv::{DecodedValue, KeyName, LogicalKey, decode_value};
use crate::formats::mvcc::{Encryption, ROW_HEADER_LEN, RowHeader};
use crate::formats::pebble::Trailer;
use crate::readers::pebble::{FoundValue, KeyState, RowVersion, StoreFacts};
use crate::report::{Body, Cell, Lines, Section, Tone};
use crate::types::{Count, Escaped, HlcTimestamp, in_words};

/// What a store holds under one key.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct StoreGetBody {
    /// The store as the caller named it.
    pub dir: String,
    /// The key, escaped.
    pub key: String,
    /// The key in hex.
    pub key_hex: String,
    /// `versions` of a user key, the `raw` key as it stands, or the rows of a `name`.
    pub mode: &'static str,
    /// The name that was asked for, or that the key belongs to; `null` when there is none.
    pub logical: Option<String>,
    /// What of that name the key holds; `null` when it is all of it, or there is no name.
    pub part: Option<String>,
    /// True when no row has the key that was asked for, and its rows were found under the name that it has in redis.
    pub instead: bool,
    /// What redis calls the type of a name's value, by the rows that are listed; several, with `and`, if they contradict each other.
    pub redis_type: Option<String>,
    /// The rows of a name, in the order of their keys; the first `--limit` of them.
    pub rows: Vec<NameRow>,
    /// How many rows the name has, of each key as many versions as were asked for.
    pub rows_found: u64,
    /// The versions that were asked for, newest first; of a raw key its only state.
    pub versions: Vec<VersionView>,
    /// True if there are older versions that were not asked for.
    pub more: bool,
    /// Why nothing can be said.
    pub problem: Option<String>,
}

/// One version.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct VersionView {
    /// `live`, `tombstone`, `deleted` or `malformed`.
    pub state: &'static str,
    /// Commit timestamp of a row.
    pub commit_ts: Option<u64>,
    /// The same as a time.
    pub commit_time: Option<String>,
    /// When it expires; `null` for never.
    pub expire_ts: Option<u64>,
    /// The same as a time.
    pub expire_time: Option<String>,
    /// True if the body is in a storage envelope.
    pub sealed: Option<bool>,
    /// Whether the envelope was opened: the value is then what it held. `null` for one that is not sealed, or without keys.
    pub opened: Option<bool>,
    /// Bytes of the value, without the row header.
    pub length: Option<u64>,
    /// The value, escaped; of a long one the beginning. `null` for a sealed one that was not opened, or is not shown.
    pub value: Option<String>,
    /// The value in hex, whole; of a sealed one that was not opened the envelope.
    pub value_hex: Option<String>,
    /// What the value says; `null` where its encoding is not known, or with the value itself.
    pub decoded: Option<DecodedValue>,
    /// Sequence number of the record.
    pub sequence: u64,
    /// Kind of the record.
    pub kind: String,
    /// The file that holds it.
    pub file: Option<String>,
    /// Offset of the log record or of the table block.
    pub offset: Option<u64>,
    /// Level of the table; `null` for a log.
    pub level: Option<usize>,
}

/// Longest value that a table shows in full.
const VALUE_SHOWN: usize = 256;

impl VersionView {
    /// A version of a user key.
    pub fn of_row(user_key: &[u8], version: &RowVersion, facts: &StoreFacts) -> Self {
        let mut view = Self::of_value(&version.found, facts);
        view.commit_ts = Some(version.commit_ts.0);
        view.commit_time = version.commit_ts.millis().to_rfc3339();
        match RowHeader::decode(&version.found.value) {
            Ok(header) => {
                view.state = if header.tombstone { "tombstone" } else { "live" };
                view.sealed = Some(header.encryption == Encryption::Sealed);
                if header.expire_at != HlcTimestamp(0) {
                    view.expire_ts = Some(header.expire_at.0);
                    view.expire_time = header.expire_at.millis().to_rfc3339();
                }
                let body = version.found.value.get(ROW_HEADER_LEN..).unwrap_or_default();
                view.show(body);
                if view.sealed == Some(true) {
                    view.value = None;
                } else if !header.tombstone {
                    view.decoded = decode_value(user_key, body);
                }
            }
            Err(_) => view.state = "malformed",
        }
        view
    }

    /// A record of which the value is not looked at.
    fn of_record(state: &'static str, trailer: Trailer, (file, offset, level): Place) -> Self {
        Self {
            state,
            commit_ts: None,
            commit_time: None,
            expire_ts: None,
            expire_time: None,
            sealed: None,
            opened: None,
            length: None,
            value: None,
            value_hex: None,
            decoded: None,
            sequence: trailer.seq().0,
            kind: trailer.kind().map_or_else(String::new, |kind| kind.name().to_owned()),
            file,
            offset,
            level,
        }
    }

    fn of_value(found: &FoundValue, facts: &StoreFacts) -> Self {
        let mut view = Self::of_record("live", found.trailer, place(facts, found.source));
        view.show(&found.value);
        view
    }

    /// The envelope was opened and held `clear`.
    pub fn open(&mut self, user_key: &[u8], clear: &[u8], shown: bool) {
        self.opened = Some(true);
        if shown {
            self.show(clear);
            self.decoded = if self.state == "live" { decode_value(user_key, clear) } else { None };
        } else {
            (self.length, self.value, self.value_hex) = (Some(clear.len() as u64), None, None);
        }
    }

    fn show(&mut self, value: &[u8]) {
        self.length = Some(value.len() as u64);
        let shown = value.get(..VALUE_SHOWN).unwrap_or(value);
        let dots = if shown.len() < value.len() { "..." } else { "" };
        self.value = Some(format!("{}{dots}", Escaped(shown)));
        self.value_hex = Some(hex(value));
    }
}

impl StoreGetBody {
    /// The state of a raw key.
    pub fn raw(dir: String, key: &[u8], state: &KeyState, facts: &StoreFacts) -> Self {
        let mut body = Self::empty(dir, key, "raw");
        match state {
            KeyState::Value(found) => body.versions.push(VersionView::of_value(found, facts)),
            KeyState::Deleted { trailer, source } => {
                let place = source.map(|source| place(facts, source)).unwrap_or_default();
                body.versions.push(VersionView::of_record("deleted", *trailer, place));
            }
            KeyState::Absent => {}
            KeyState::Unreadable(damage) => body.problem = Some(damage.to_string()),
        }
        body
    }

    /// A key of which nothing is known yet.
    pub fn empty(dir: String, key: &[u8], mode: &'static str) -> Self {
        let name = if mode == "raw" { KeyName::of_stored(key) } else { KeyName::of_user_key(key) };
        Self {
            dir,
            key: Escaped(key).to_string(),
            key_hex: hex(key),
            mode,
            logical: name.text(),
            part: name.part().text(),
            instead: false,
            redis_type: None,
            rows: Vec::new(),
            rows_found: 0,
            versions: Vec::new(),
            more: false,
            problem: None,
        }
    }

    /// The name that was asked for.
    #[must_use]
    pub fn of_name(self, name: &LogicalKey<'_>) -> Self {
        Self { mode: "name", logical: Some(name.to_string()), part: None, ..self }
    }

    /// The rows that belong to the name. `instead`: the key itself was asked for.
    #[must_use]
    pub fn with_rows(self, rows: NameRows, instead: bool) -> Self {
        Self {
            more: rows.older > 0,
            rows_found: rows.found,
            redis_type: Some(in_words(&rows.redis_types.into_iter().collect::<Vec<_>>())).filter(|types| !types.is_empty()),
            rows: rows.listed,
            instead,
            ..self
        }
    }

    /// True when there is nothing, and nothing was in the way.
    pub fn is_absent(&self) -> bool {
        self.versions.is_empty() && self.rows_found == 0 && self.problem.is_none()
    }

    /// What was found under the name, in a few words.
    fn of_the_name(&self, name: &str) -> String {
        let live = self.rows.iter().filter(|row| row.state == "live").count();
        let types = self.redis_type.as_ref().map_or_else(String::new, |types| format!("{types}, "));
        let rows = Count(self.rows_found, "row");
        match (self.rows_found, live) {
            (0, _) => format!("{name}: not in the store"),
            (found, 0) if found == self.rows.len() as u64 => format!("{name}: deleted; {rows}"),
            _ => format!("{name}: {types}{rows}"),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Body for StoreGetBody {
    const NAME: &'static str = "store-get";
    const LINES: &'static [Lines] = &[Lines::of("versions", "version"), Lines::of("rows", "row")];

    fn headline(&self) -> String {
        if let ("name", Some(name)) = (self.mode, &self.logical) {
            let found = self.of_the_name(name);
            return if self.instead { format!("{}: no key of its own; as {found}", self.key) } else { found };
        }
        match (self.versions.as_slice(), &self.problem) {
            (_, Some(problem)) => format!("{}: {problem}", self.key),
            ([], None) => format!("{}: not in the store", self.key),
            ([first, ..], None) => match (first.state, &first.commit_time) {
                ("tombstone", Some(time)) => format!("{}: deleted at {time}", self.key),
                (state, Some(time)) => format!("{}: {state}, committed at {time}", self.key),
                (state, None) => format!("{}: {state}", self.key),
            },
        }
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        if self.mode != "name"
            && let Some(name) = &self.logical
        {
            let name = self.part.as_ref().map_or_else(|| name.clone(), |part| format!("{name} {part}"));
            sections.push(Section::facts("", vec![("name", Cell::new(name))]));
        }
        if self.instead {
            let said = format!("No row has the key {} as it stands; what follows are the rows of that key of redis.", self.key);
            sections.push(Section::Note(said));
        }
        if !self.rows.is_empty() {
            sections.push(Section::rows("", &self.rows));
            let left_out = self.rows_found.saturating_sub(self.rows.len() as u64);
            if left_out > 0 {
                sections.push(Section::Note(format!("... and {}; --limit shows more.", Count(left_out, "more row"))));
            }
        }
        for version in &self.versions {
            let mut rows = Vec::new();
            let mut row = |name: &str, cell: Cell| rows.push((name.to_owned(), cell));
            let tone = match version.state {
                "live" => Tone::Good,
                "malformed" => Tone::Bad,
                _ => Tone::Dim,
            };
            row("state", Cell::toned(version.state, tone));
            if let Some(commit) = version.commit_ts {
                row("committed", Cell::new(HlcTimestamp(commit)));
                row("commit timestamp", Cell::new(commit));
            }
            if let Some(expire) = version.expire_ts {
                row("expires", Cell::new(HlcTimestamp(expire)));
            }
            if version.sealed == Some(true) {
                row(
                    "sealed",
                    match (version.opened, &version.value) {
                        (Some(true), Some(_)) => Cell::new("yes, and opened"),
                        (Some(true), None) => Cell::new("yes, and opened; --show-values shows what it held"),
                        (Some(false), _) => Cell::toned("yes, and it does not open", Tone::Bad),
                        (None, _) => Cell::toned("yes: --sidecar and --kek open the envelope", Tone::Caution),
                    },
                );
            }
            if let Some(length) = version.length {
                row("length", Cell::new(format!("{length} bytes")));
            }
            if let Some(value) = &version.value {
                row("value", Cell::new(value));
            }
            if let Some(decoded) = &version.decoded {
                row("says", Cell::new(shortened(&decoded.to_string(), VALUE_SHOWN)));
            }
            row("record", Cell::new(format!("{} with sequence number {}", version.kind, version.sequence)));
            row("from", place_cell(version.file.as_deref(), version.offset, version.level));
            sections.push(Section::facts("", rows));
        }
        if self.more {
            sections.push(Section::Note("There are older versions; see --versions.".to_owned()));
        }
        sections
    }
}
