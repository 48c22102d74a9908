//! `wal dump` of hashicorp/raft: every entry of the log, written as it is read.

use serde::Serialize;

use super::page::{HashiBody, WalDump};
use crate::report::{Cells, Column, JsonList, Row, Tone};
use crate::types::Escaped;

/// Bytes of a command that are shown.
const PREVIEW: usize = 48;

impl HashiBody<WalDump> {
    /// Where JSON keeps the entries.
    pub const LIST: JsonList = JsonList::Indented("entries");
}

/// One entry of a log.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct EntryLine<'a> {
    /// Its type, in a word; `undecodable` for one that cannot be read.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Its key, or its index by its place in a segment.
    pub index: u64,
    /// Offset of its bytes in the file, where they have one.
    pub offset: Option<u64>,
    /// The segment, where the log is several files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<&'a str>,
    /// Why it does not count, where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed: Option<&'static str>,
    /// What it says.
    #[serde(flatten)]
    pub content: EntryContent<'a>,
}

/// What an entry says.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum EntryContent<'a> {
    /// As the library decodes it.
    Decoded(DecodedEntry<'a>),
    /// Not at all.
    Undecodable {
        /// Why.
        error: &'a str,
    },
}

/// The fields of an entry.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct DecodedEntry<'a> {
    /// The index that it gives itself.
    pub decoded_index: u64,
    /// Its term.
    pub term: u64,
    /// Its type, as the number on disk.
    pub type_number: u8,
    /// Bytes of its data.
    pub bytes: u64,
    /// Bytes of its extensions.
    pub extensions: u64,
    /// The leader's clock when it appended the entry.
    pub appended_at: Option<String>,
    /// What it carries, in one line.
    pub content: Carried<'a>,
}

/// What an entry carries.
#[derive(Debug, Clone)]
pub enum Carried<'a> {
    /// Members, or why they do not decode.
    Members(String),
    /// Bytes for the state machine, shown up to a length.
    Bytes(&'a [u8]),
}

impl std::fmt::Display for Carried<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Members(members) => f.write_str(members),
            Self::Bytes(bytes) => {
                let shown = bytes.get(..PREVIEW).unwrap_or(bytes);
                Escaped(shown).fmt(f)?;
                f.write_str(if shown.len() < bytes.len() { "..." } else { "" })
            }
        }
    }
}

impl Serialize for Carried<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl schemars::JsonSchema for Carried<'_> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Carried".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
}

impl Row for EntryLine<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::right("index", 10),
        Column::right("term", 6),
        Column::left("type", 13),
        Column::right("bytes", 7),
        Column::left("appended", 24),
        Column::left("content", 0).cut(),
    ];

    fn cells(&self, cells: &mut Cells) {
        cells.add_number(self.index);
        match &self.content {
            EntryContent::Decoded(entry) => {
                cells.add_number(entry.term);
                cells.add_str(self.kind);
                cells.add_number(entry.bytes);
                cells.add_str(entry.appended_at.as_deref().unwrap_or_default());
                if let Some(why) = self.removed {
                    cells.set_tone(Tone::Dim);
                    cells.write(format_args!("(removed: {why}) "));
                }
                cells.write(&entry.content);
            }
            EntryContent::Undecodable { error } => {
                cells.set_tone(Tone::Bad);
                cells.add_optional(None);
                cells.add_str(self.kind);
                cells.add_optional(None);
                cells.add_optional(None);
                cells.write_str(error);
            }
        }
        cells.end();
    }
}
