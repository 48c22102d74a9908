//! `store dump`: what one file of a store holds, row by row, and what the file says about itself.

use std::fmt::Write as _;

use serde::Serialize;

use super::store_name::NameCell;
use super::store_scan::StoreRow;
use crate::formats::kv::{KeyName, PartName};
use crate::formats::pebble::{KeyKind, NewTable, SeqNum, Trailer, VersionEdit};
use crate::readers::pebble_table::Table;
use crate::report::{Body, Cell, Cells, Column, JsonList, Row, Section};
use crate::types::{Count, Escaped};

/// What a dump of one file passed; the rows are written while it runs.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct StoreDumpBody {
    /// The file as the caller named it.
    pub path: String,
    /// What it is, by its content.
    pub kind: DumpedFile,
    /// What a table says about itself; `null` for another file, and for a table that cannot be opened.
    pub properties: Option<TableProperties>,
    /// The number of a log, from its name or from the headers of its chunks; `null` for another file.
    pub log_number: Option<u64>,
    /// Rows written.
    pub rows_shown: u64,
    /// Records of a table, entries of the batches of a log, or edits of a MANIFEST.
    pub records: u64,
    /// Batches of a log.
    pub batches: u64,
    /// Records of a log or MANIFEST that stand behind damage, where no server reads.
    pub behind_damage: u64,
    /// Blocks of a table that cannot be read.
    pub blocks_damaged: u64,
    /// True if `--limit` ended the dump.
    pub limited: bool,
}

/// The files of a store that hold rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DumpedFile {
    /// A sorted table.
    Table,
    /// A log.
    Log,
    /// A MANIFEST.
    Manifest,
}

impl DumpedFile {
    const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Log => "log",
            Self::Manifest => "MANIFEST",
        }
    }
}

/// What a table says about itself.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct TableProperties {
    /// Format of the table.
    pub format: String,
    /// How its blocks are summed.
    pub checksum: String,
    /// Name of the key order.
    pub comparer: String,
    /// The compression that was asked for.
    pub compression: String,
    /// Point records and range deletions.
    pub entries: u64,
    /// Deletions of any form.
    pub deletions: u64,
    /// Range deletions among them.
    pub range_deletions: u64,
    /// Data blocks.
    pub data_blocks: u64,
    /// Bytes of data blocks.
    pub data_bytes: u64,
    /// Bytes of keys as they were written.
    pub raw_key_bytes: u64,
    /// Bytes of values as they were written.
    pub raw_value_bytes: u64,
}

impl TableProperties {
    /// Of an open table.
    pub fn of(table: &Table) -> Self {
        let (footer, properties) = (table.footer(), table.properties());
        Self {
            format: footer.format.name().to_owned(),
            checksum: footer.checksum.name().to_owned(),
            comparer: properties.comparer.clone(),
            compression: properties.compression.clone(),
            entries: properties.entries,
            deletions: properties.deletions,
            range_deletions: properties.range_deletions,
            data_blocks: properties.data_blocks,
            data_bytes: properties.data_size,
            raw_key_bytes: properties.raw_key_size,
            raw_value_bytes: properties.raw_value_size,
        }
    }
}

impl StoreDumpBody {
    /// Where JSON keeps the rows.
    pub const LIST: JsonList = JsonList::Flat("rows");

    /// Nothing has been read yet.
    pub const fn new(path: String, kind: DumpedFile) -> Self {
        Self {
            path,
            kind,
            properties: None,
            log_number: None,
            rows_shown: 0,
            records: 0,
            batches: 0,
            behind_damage: 0,
            blocks_damaged: 0,
            limited: false,
        }
    }
}

impl Body for StoreDumpBody {
    const NAME: &'static str = "store-dump";

    fn headline(&self) -> String {
        let more = if self.limited { " (stopped by --limit)" } else { "" };
        format!("{}: {}, {}{more}", self.path, self.kind.name(), Count(self.rows_shown, "row"))
    }

    fn sections(&self) -> Vec<Section> {
        let Self {
            path: _,
            kind,
            properties,
            log_number,
            rows_shown,
            records,
            batches,
            behind_damage,
            blocks_damaged,
            limited: _,
        } = self;
        let mut facts = vec![("rows shown", Cell::new(rows_shown))];
        match kind {
            DumpedFile::Table => facts.push(("records read", Cell::new(records))),
            DumpedFile::Log => {
                facts.extend(log_number.map(|number| ("log number", Cell::new(number))));
                facts.extend([("batches read", Cell::new(batches)), ("entries read", Cell::new(records))]);
            }
            DumpedFile::Manifest => facts.push(("edits read", Cell::new(records))),
        }
        if *behind_damage > 0 {
            facts.push(("records behind damage", Cell::new(behind_damage)));
        }
        if *blocks_damaged > 0 {
            facts.push(("damaged blocks", Cell::new(blocks_damaged)));
        }
        if let Some(properties) = properties {
            facts.extend([
                ("format", Cell::new(&properties.format)),
                ("checksum", Cell::new(&properties.checksum)),
                ("comparer", Cell::new(&properties.comparer)),
                ("compression", Cell::new(&properties.compression)),
                ("entries by its properties", Cell::new(properties.entries)),
                ("deletions", Cell::new(properties.deletions)),
                ("range deletions", Cell::new(properties.range_deletions)),
                ("data blocks", Cell::new(properties.data_blocks)),
                ("data bytes", Cell::new(properties.data_bytes)),
                ("raw key bytes", Cell::new(properties.raw_key_bytes)),
                ("raw value bytes", Cell::new(properties.raw_value_bytes)),
            ]);
        }
        vec![Section::facts("", facts)]
    }
}

/// What a row of a table or log is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FileRowType {
    /// A record of one key.
    Record,
    /// Something about all keys of a range.
    Range,
    /// Bytes in a log that change nothing.
    LogData,
    /// A log adds a table that was made elsewhere.
    Ingest,
}

/// One record of a table, or one entry of a batch of a log.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct FileRow<'a> {
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: FileRowType,
    /// Offset in the file of the block, or of the record of a log, that it stands in; `null` for ranges of a table.
    pub offset: Option<u64>,
    /// First sequence number of the batch that it is in; `null` for a table.
    pub batch: Option<u64>,
    /// Kind of the record, as Pebble calls it.
    #[serde(rename = "kind")]
    pub record: &'static str,
    /// Sequence number.
    pub seq: u64,
    /// The stored key, escaped; of a range the first one. `null` for a table that a log adds.
    pub key: Option<Escaped<'a>>,
    /// Of a range, the first key behind it.
    pub end: Option<Escaped<'a>>,
    /// The name that the key belongs to; `null` when there is none.
    pub logical: Option<KeyName<'a>>,
    /// What of that name the row holds; `null` when it is all of it, or there is no name.
    pub part: Option<PartName<'a>>,
    /// True for a record that a newer one of the same table hides.
    pub hidden: bool,
    /// The number of a table that a log adds.
    pub table: Option<u64>,
    /// Bytes of the value as stored; `null` when it cannot be read, or there is none.
    pub value_bytes: Option<u64>,
    /// The value as stored, escaped; of a long one the beginning. `null` where `row` has it.
    pub value: Option<Escaped<'a>>,
    /// The record taken apart as in `store scan`; `null` with `--raw`, and for what has no value.
    pub row: Option<StoreRow<'a>>,
    /// Sequence number and kind together.
    #[serde(skip)]
    pub trailer: Trailer,
}

impl<'a> FileRow<'a> {
    /// A record of a key without its value.
    pub fn of_key(kind: FileRowType, offset: Option<u64>, record: KeyKind, seq: SeqNum, key: &'a [u8]) -> Self {
        let named = matches!(kind, FileRowType::Record | FileRowType::Range);
        let logical = named.then(|| KeyName::of_stored(key));
        Self {
            kind,
            offset,
            batch: None,
            record: record.name(),
            seq: seq.0,
            key: Some(Escaped(key)),
            end: None,
            logical,
            part: logical.map(KeyName::part),
            hidden: false,
            table: None,
            value_bytes: None,
            value: None,
            row: None,
            trailer: Trailer::new(seq, record),
        }
    }

    /// The same with its value, of which at most `shown` bytes are shown.
    #[must_use]
    pub fn with_value(self, value: &'a [u8], shown: usize) -> Self {
        Self { value_bytes: Some(value.len() as u64), value: Some(Escaped(value.get(..shown).unwrap_or(value))), ..self }
    }

    /// The same with the record taken apart, which has the value too.
    #[must_use]
    pub fn taken_apart<'r>(&self, row: StoreRow<'r>) -> FileRow<'r>
    where
        'a: 'r,
    {
        FileRow { value: None, row: Some(row), ..self.clone() }
    }
}

impl Row for FileRow<'_> {
    const COLUMNS: &'static [Column] = &[
        Column::right("offset", 10),
        Column::left("sequence and kind", 18),
        Column::right("bytes", 8),
        Column::left("name", 20),
        Column::left("key", 0).cut(),
    ];

    fn cells(&self, cells: &mut Cells) {
        match self.offset {
            Some(offset) => cells.add_number(offset),
            None => cells.add_str("-"),
        }
        cells.add(self.trailer);
        match self.value_bytes {
            Some(bytes) => cells.add_number(bytes),
            None => cells.add_str("-"),
        }
        match self.logical {
            Some(name) => cells.add(NameCell(name)),
            None => cells.add_str(""),
        }
        match (self.key, self.table) {
            (Some(key), _) => cells.write_bytes(key.0),
            (None, Some(table)) => cells.write_str(&format!("table {table:06}")),
            (None, None) => {}
        }
        if let Some(end) = self.end {
            cells.write_str(" to before ");
            cells.write_bytes(end.0);
        }
        if self.hidden {
            cells.write_str(" (hidden)");
        }
        cells.end();
    }
}

/// One edit of a MANIFEST.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct EditRow {
    /// Always `edit`.
    #[serde(rename = "type")]
    pub kind: EditRowType,
    /// Offset of its record in the file.
    pub offset: u64,
    /// Name of the key order; in the first edit only.
    pub comparer: Option<String>,
    /// Logs with smaller numbers are obsolete from now on.
    pub min_unflushed_log: Option<u64>,
    /// Next number to be given to a file.
    pub next_file: Option<u64>,
    /// Upper bound of the sequence numbers assigned so far.
    pub last_sequence: Option<u64>,
    /// Tables that arrive.
    pub added: Vec<AddedTable>,
    /// Tables that leave.
    pub deleted: Vec<DeletedTable>,
    /// Numbers of files that virtual tables may refer to from now on.
    pub backings_added: Vec<u64>,
    /// Numbers of files that no virtual table refers to any more.
    pub backings_removed: Vec<u64>,
    /// Numbers of blob files that arrive.
    pub blob_files_added: Vec<u64>,
    /// Numbers of blob files that leave.
    pub blob_files_removed: Vec<u64>,
}

/// That a row is an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EditRowType {
    /// An edit of a MANIFEST.
    Edit,
}

/// A table that arrives.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct AddedTable {
    /// Level, 0 to 6.
    pub level: usize,
    /// Its number.
    pub number: u64,
    /// Number of the file that holds its bytes, where that is another.
    pub backing: Option<u64>,
    /// Size in bytes.
    pub size: u64,
    /// Smallest stored key, escaped.
    pub smallest: String,
    /// Largest stored key, escaped.
    pub largest: String,
    /// Smallest sequence number in it.
    pub smallest_sequence: u64,
    /// Largest sequence number in it.
    pub largest_sequence: u64,
}

/// A table that leaves.
#[derive(Debug, Clone, Copy, Serialize, schemars::JsonSchema)]
pub struct DeletedTable {
    /// Level, 0 to 6.
    pub level: usize,
    /// Its number.
    pub number: u64,
}

impl AddedTable {
    fn of(table: &NewTable) -> Self {
        let NewTable { level, number, size, bounds, smallest_seq, largest_seq, virtual_backing, .. } = table;
        Self {
            level: *level,
            number: number.0,
            backing: virtual_backing.map(|backing| backing.0),
            size: *size,
            smallest: Escaped(&bounds.smallest.user_key).to_string(),
            largest: Escaped(&bounds.largest.user_key).to_string(),
            smallest_sequence: smallest_seq.0,
            largest_sequence: largest_seq.0,
        }
    }
}

impl EditRow {
    /// An edit whose record begins at `offset`.
    pub fn new(offset: u64, edit: &VersionEdit) -> Self {
        Self {
            kind: EditRowType::Edit,
            offset,
            comparer: edit.comparer.as_ref().map(|name| Escaped(name).to_string()),
            min_unflushed_log: edit.min_unflushed_log.map(|log| log.0),
            next_file: edit.next_file.map(|file| file.0),
            last_sequence: edit.last_seq.map(|seq| seq.0),
            added: edit.new_tables.iter().map(AddedTable::of).collect(),
            deleted: edit.deleted_tables.iter().map(|(level, number)| DeletedTable { level: *level, number: number.0 }).collect(),
            backings_added: edit.created_backings.iter().map(|(file, _)| file.0).collect(),
            backings_removed: edit.removed_backings.iter().map(|file| file.0).collect(),
            blob_files_added: edit.new_blob_files.iter().map(|blob| blob.file.0).collect(),
            blob_files_removed: edit.deleted_blob_files.iter().map(|(_, file)| file.0).collect(),
        }
    }

    /// What it changes, in one line.
    fn changes(&self) -> String {
        let mut said = Vec::new();
        said.extend(self.comparer.as_ref().map(|name| format!("order {name}")));
        said.extend(self.min_unflushed_log.map(|log| format!("logs from {log:06}")));
        said.extend(self.next_file.map(|file| format!("next file {file}")));
        said.extend(self.last_sequence.map(|seq| format!("last sequence {seq}")));
        for (sign, numbers, what) in [
            ('+', &self.backings_added, "backing"),
            ('-', &self.backings_removed, "backing"),
            ('+', &self.blob_files_added, "blob"),
            ('-', &self.blob_files_removed, "blob"),
        ] {
            said.extend(numbers.iter().map(|number| format!("{sign}{what} {number:06}")));
        }
        said.extend(self.deleted.iter().map(|table| format!("-L{} {:06}", table.level, table.number)));
        for table in &self.added {
            let mut text = format!("+L{} {:06}", table.level, table.number);
            if let Some(backing) = table.backing {
                let _ = write!(text, " in {backing:06}");
            }
            let _ = write!(text, " of {} bytes [{} to {}]", table.size, table.smallest, table.largest);
            said.push(text);
        }
        if said.is_empty() { "nothing".to_owned() } else { said.join("; ") }
    }
}

impl Row for EditRow {
    const COLUMNS: &'static [Column] = &[Column::right("offset", 10), Column::left("changes", 0).cut()];

    fn cells(&self, cells: &mut Cells) {
        cells.add_number(self.offset);
        cells.write_str(&self.changes());
        cells.end();
    }
}
