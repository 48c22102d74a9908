//! `wal show`: one record, byte by byte.

use serde::Serialize;

use super::RecordPlace;
use crate::report::{Body, Cells, Column, Lines, Row, Section};

/// One record, or several with the same index.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct ShowBody {
    /// The records, the one that counts first.
    pub records: Vec<ShownRecord>,
}

/// One record explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct ShownRecord {
    /// The segment.
    pub segment: String,
    /// Offset of the frame.
    pub offset: u64,
    /// Length of the frame.
    pub length: u64,
    /// What it is, in a few words.
    pub summary: String,
    /// Where it stands: in the log, or where no server reads it.
    pub place: RecordPlace,
    /// Whether it stands in the log that a server reads; `null` for anything but entries.
    pub effective: Option<bool>,
    /// The checksum that its data and everything before it give; `null` when that cannot be computed.
    pub computed_crc: Option<String>,
    /// Its bytes, field by field.
    pub fields: Vec<FieldRow>,
}

/// Some bytes of a record and what they mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct FieldRow {
    /// Offset in the segment.
    pub offset: u64,
    /// The bytes in hex; long ones are shortened in the middle.
    pub hex: String,
    /// How deep the field is nested.
    pub depth: u8,
    /// Its name.
    pub field: String,
    /// Its value.
    pub value: String,
    /// The name that a key belongs to, and what of it the key holds; `null` for everything else.
    pub logical: Option<String>,
}

impl Row for FieldRow {
    const COLUMNS: &'static [Column] =
        &[Column::right("offset", 8), Column::left("bytes", 32), Column::left("field", 24), Column::left("value", 0)];

    fn cells(&self, cells: &mut Cells) {
        cells.add(format_args!("{:x}", self.offset));
        cells.add_str(&self.hex);
        for _ in 0..self.depth {
            cells.write_str("  ");
        }
        cells.add_str(&self.field);
        cells.write_str(&self.value);
        if let Some(name) = &self.logical {
            cells.write(format_args!(" ({name})"));
        }
        cells.end();
    }
}

impl Body for ShowBody {
    const NAME: &'static str = "wal-show";
    const LINES: &'static [Lines] = &[Lines::of("records", "record")];

    fn headline(&self) -> String {
        match self.records.as_slice() {
            [record] => {
                let name = record.segment.rsplit('/').next().unwrap_or(&record.segment);
                format!("{} at {} of {name}", record.summary, record.offset)
            }
            [first, rest @ ..] => format!("{}; {} more records of that index", first.summary, rest.len()),
            [] => "nothing".to_owned(),
        }
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        for record in &self.records {
            let mut title = format!("{} @ {}", record.segment, record.offset);
            match record.place.words() {
                Some(words) => {
                    title.push_str(" (");
                    title.push_str(words);
                    title.push(')');
                }
                None if record.effective == Some(false) => title.push_str(" (replaced)"),
                None => {}
            }
            sections.push(Section::rows(title, &record.fields));
        }
        sections
    }
}
