//! `store lsm`: which tables make up a store, level by level.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::formats::kv::KeyName;
use crate::formats::pebble::version_edit::LEVELS;
use crate::formats::pebble::{NewTable, SeqNum, Version};
use crate::readers::pebble::{FormatMarker, StoreFacts, Writer};
use crate::report::picture::{LevelLane, LevelsPicture, Picture, TableSpan};
use crate::report::{Body, Cell, Label, Lines, Metric, Section, Tone};
use crate::types::{ByteSize, Count, Escaped};

/// Characters of a key in the table of levels, and in the wider table of tables.
const LEVEL_KEY_WIDTH: usize = 24;
const TABLE_KEY_WIDTH: usize = 17;

/// The stores.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct StoreLsmBody {
    /// One store each, in the order of their paths.
    pub stores: Vec<LsmStore>,
    /// True if every table is shown to people, not only drawn.
    #[serde(skip)]
    pub list_tables: bool,
}

/// The levels of one store.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct LsmStore {
    /// The directory as the caller named it.
    pub dir: String,
    /// The MANIFEST that was followed.
    pub manifest: Option<String>,
    /// The format major version, from its marker.
    pub format_version: Option<u64>,
    /// True if a server has it open.
    pub in_use: bool,
    /// Upper bound of the sequence numbers given so far.
    pub last_seq: Option<SeqNum>,
    /// Tables that the version names.
    pub tables: u64,
    /// Bytes of their files.
    pub bytes: u64,
    /// Table files that the version does not name.
    pub unreferenced: u64,
    /// Records in logs that are in no table yet.
    pub log_records: u64,
    /// How many tables a lookup may have to visit: level 0 stacked, and one for each deeper level.
    pub read_amplification: u64,
    /// All seven levels.
    pub levels: Vec<LsmLevel>,
}

/// One level.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct LsmLevel {
    /// 0 to 6.
    pub level: usize,
    /// Bytes of its tables.
    pub bytes: u64,
    /// Layers of level 0 in which no two tables overlap; 1 for a deeper level with tables.
    pub sublevels: u64,
    /// Its tables: of level 0 newest first, of a deeper level by key.
    pub tables: Vec<LsmTable>,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct LsmTable {
    /// Its number.
    pub number: u64,
    /// The file that holds it; another table's for a virtual one.
    pub file: String,
    /// True if it is a part of a file.
    #[serde(rename = "virtual")]
    pub is_virtual: bool,
    /// Bytes; an estimate for a virtual table.
    pub size: u64,
    /// Smallest user key, escaped.
    pub smallest: String,
    /// Largest user key, escaped.
    pub largest: String,
    /// The name that the smallest key belongs to, and what of it; `null` when there is none.
    pub smallest_logical: Option<String>,
    /// The same of the largest key.
    pub largest_logical: Option<String>,
    /// True if the largest key is not in the table itself.
    pub largest_exclusive: bool,
    /// Smallest sequence number.
    pub smallest_seq: SeqNum,
    /// Largest sequence number.
    pub largest_seq: SeqNum,
    /// When it was made, Unix seconds.
    pub created_at: Option<u64>,
    #[serde(skip)]
    bounds: (Vec<u8>, Vec<u8>),
}

impl LsmStore {
    /// From what opening the store showed.
    pub fn new(dir: String, facts: &StoreFacts, log_records: u64) -> Self {
        let empty = Version::default();
        let version = facts.version().unwrap_or(&empty);
        let levels: Vec<_> = (0..LEVELS).map(|level| LsmLevel::new(version, level)).collect();
        Self {
            dir,
            manifest: facts.manifest_facts().map(|manifest| manifest.name.clone()),
            format_version: match facts.format {
                FormatMarker::Version(version) => Some(version),
                FormatMarker::Missing | FormatMarker::Malformed(_) => None,
            },
            in_use: facts.writer == Writer::Alive,
            last_seq: facts.version().map(|version| version.last_seq),
            tables: version.table_count() as u64,
            bytes: facts.live_bytes,
            unreferenced: facts.unreferenced_tables.len() as u64,
            log_records,
            read_amplification: levels.iter().map(|level| level.sublevels).sum(),
            levels,
        }
    }

    /// The levels over the key space: positions are ranks among the keys that begin or end a table.
    fn picture(&self) -> LevelsPicture {
        let edges: BTreeSet<&[u8]> = self
            .levels
            .iter()
            .flat_map(|level| &level.tables)
            .flat_map(|table| [table.bounds.0.as_slice(), table.bounds.1.as_slice()])
            .collect();
        let edges: Vec<_> = edges.into_iter().collect();
        let rank = |key: &[u8]| edges.partition_point(|edge| *edge < key);
        let table = |table: &LsmTable| TableSpan {
            number: table.number,
            bytes: table.size,
            from: rank(&table.bounds.0),
            to: rank(&table.bounds.1),
        };
        let lane = |level: &LsmLevel| LevelLane {
            level: level.level,
            bytes: level.bytes,
            tables: level.tables.iter().map(table).collect(),
        };
        let used = self.levels.iter().filter(|level| !level.tables.is_empty());
        LevelsPicture { of: self.dir.clone(), edges: edges.len(), levels: used.map(lane).collect() }
    }
}

impl LsmLevel {
    fn new(version: &Version, level: usize) -> Self {
        let tables = if level == 0 { version.level_0_newest_first() } else { version.level_by_key(level) };
        let sublevels = if level == 0 { sublevels(&tables) } else { u64::from(!tables.is_empty()) };
        let tables: Vec<_> = tables.into_iter().map(LsmTable::new).collect();
        Self { level, bytes: tables.iter().map(|table| table.size).sum(), sublevels, tables }
    }
}

/// The largest number of tables of level 0 that hold one key.
fn sublevels(tables: &[&NewTable]) -> u64 {
    let mut edges: Vec<(&[u8], i32)> = Vec::new();
    for table in tables {
        edges.push((&table.bounds.smallest.user_key, -1));
        edges.push((&table.bounds.largest.user_key, 1));
    }
    // A table begins at a key before another ends at it.
    edges.sort_unstable();
    let (mut open, mut most) = (0_u64, 0);
    for (_, edge) in edges {
        if edge < 0 {
            open += 1;
            most = most.max(open);
        } else {
            open = open.saturating_sub(1);
        }
    }
    most
}

impl LsmTable {
    fn new(table: &NewTable) -> Self {
        let (smallest, largest) = (&table.bounds.smallest, &table.bounds.largest);
        Self {
            number: table.number.0,
            file: table.file().table_name(),
            is_virtual: table.virtual_backing.is_some(),
            size: table.size,
            smallest: Escaped(&smallest.user_key).to_string(),
            largest: Escaped(&largest.user_key).to_string(),
            smallest_logical: KeyName::of_stored(&smallest.user_key).place().map(|place| place.to_string()),
            largest_logical: KeyName::of_stored(&largest.user_key).place().map(|place| place.to_string()),
            largest_exclusive: largest.trailer.is_exclusive_bound(),
            smallest_seq: table.smallest_seq,
            largest_seq: table.largest_seq,
            created_at: (table.created_at != 0).then_some(table.created_at),
            bounds: (smallest.user_key.clone(), largest.user_key.clone()),
        }
    }
}

/// The beginning of an escaped key.
fn shortened(key: &str, width: usize) -> String {
    if key.chars().count() <= width { key.to_owned() } else { key.chars().take(width - 2).chain("..".chars()).collect() }
}

impl Body for StoreLsmBody {
    const NAME: &'static str = "store-lsm";
    const LINES: &'static [Lines] = &[
        Lines::of("stores", "store"),
        Lines::of("stores/levels", "level").named_by(&["dir"]),
        Lines::of("stores/levels/tables", "table").named_by(&["dir", "level"]),
    ];

    fn headline(&self) -> String {
        let sum = |field: fn(&LsmStore) -> u64| self.stores.iter().map(field).sum::<u64>();
        let what = match self.stores.as_slice() {
            [store] => store.dir.clone(),
            several => Count::of(several.len(), "store").to_string(),
        };
        format!("{what}: {}, {}", Count(sum(|store| store.tables), "table"), ByteSize(sum(|store| store.bytes)))
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        for store in &self.stores {
            let LsmStore {
                dir,
                manifest,
                format_version,
                in_use,
                last_seq,
                tables,
                bytes,
                unreferenced,
                log_records,
                read_amplification,
                levels,
            } = store;
            let mut rows = vec![
                ("manifest", Cell::option(manifest.as_ref())),
                ("format version", Cell::option(*format_version)),
                ("last sequence", Cell::option(*last_seq)),
                ("tables", Cell::new(format!("{tables}, {}", ByteSize(*bytes)))),
                ("in logs", Cell::new(Count(*log_records, "record"))),
                ("a lookup visits", Cell::new(format!("up to {}", Count(*read_amplification, "table")))),
            ];
            if *unreferenced > 0 {
                rows.push(("not named", Cell::toned(Count(*unreferenced, "table file"), Tone::Dim)));
            }
            if *in_use {
                rows.push(("in use", Cell::toned("a running process holds the store", Tone::Caution)));
            }
            sections.push(Section::facts(dir.clone(), rows));
            let used: Vec<_> = levels.iter().filter(|level| !level.tables.is_empty()).collect();
            if used.is_empty() {
                continue;
            }
            let rows = used
                .iter()
                .map(|level| {
                    let first = level.tables.iter().min_by_key(|table| &table.bounds.0);
                    let last = level.tables.iter().max_by_key(|table| &table.bounds.1);
                    vec![
                        Cell::new(format!("L{}", level.level)),
                        Cell::new(level.tables.len()),
                        Cell::new(ByteSize(level.bytes)),
                        Cell::option(first.map(|table| shortened(&table.smallest, LEVEL_KEY_WIDTH))),
                        Cell::option(last.map(|table| shortened(&table.largest, LEVEL_KEY_WIDTH))),
                    ]
                })
                .collect();
            sections.push(Section::table("Levels", &["level", ">tables", ">size", "first key", "last key"], rows));
            sections.push(Section::Picture(Picture::Levels(store.picture())));
            if self.list_tables {
                let rows = used.iter().flat_map(|level| level.tables.iter().map(|table| table_row(level.level, table))).collect();
                let columns = &["level", "file", ">size", ">seqs", "first key", "last key"];
                sections.push(Section::table("Tables", columns, rows));
            }
        }
        sections
    }

    fn metrics(&self) -> Vec<Metric> {
        let mut tables = Metric::gauge("ekv_tool_store_level_tables", "Tables of a level.");
        let mut bytes = Metric::gauge("ekv_tool_store_level_bytes", "Bytes of a level's tables.");
        let mut depth = Metric::gauge("ekv_tool_store_read_amplification", "Tables that a lookup may visit.");
        for store in &self.stores {
            depth = depth.sample(vec![(Label::Dir, store.dir.clone())], store.read_amplification as f64);
            for level in &store.levels {
                let labels = vec![(Label::Dir, store.dir.clone()), (Label::Level, level.level.to_string())];
                tables = tables.sample(labels.clone(), level.tables.len() as f64);
                bytes = bytes.sample(labels, level.bytes as f64);
            }
        }
        vec![tables, bytes, depth]
    }
}

fn table_row(level: usize, table: &LsmTable) -> Vec<Cell> {
    let file = if table.is_virtual { format!("{} of {}", table.number, table.file) } else { table.file.clone() };
    let seqs = if table.smallest_seq == table.largest_seq {
        table.largest_seq.to_string()
    } else {
        format!("{}-{}", table.smallest_seq, table.largest_seq)
    };
    vec![
        Cell::new(format!("L{level}")),
        Cell::new(file),
        Cell::new(ByteSize(table.size)),
        Cell::new(seqs),
        Cell::new(shortened(&table.smallest, TABLE_KEY_WIDTH)),
        Cell::new(shortened(&table.largest, TABLE_KEY_WIDTH)),
    ]
}
