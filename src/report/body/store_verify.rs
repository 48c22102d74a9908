//! `store verify`: every byte of the live tables.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use crate::analysis::{Finding, Severity};
use crate::formats::pebble::{FileNum, Version};
use crate::readers::pebble::{StoreFacts, Writer};
use crate::readers::pebble_survey::{StoreSurvey, SurveyOutcome};
use crate::readers::pebble_table::{BlockKind, BlockTally, TableDepth};
use crate::report::{Body, Cell, Label, Lines, Metric, Section, Tone};
use crate::types::{ByteSize, Count};

/// The stores that were read.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct StoreVerifyBody {
    /// One store each, in the order of their paths.
    pub stores: Vec<VerifiedStore>,
}

/// One store whose tables have all been read.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct VerifiedStore {
    /// The directory as the caller named it.
    pub dir: String,
    /// How far its tables were looked into.
    pub depth: TableDepth,
    /// True if a server has it open.
    pub in_use: bool,
    /// The MANIFEST that was followed.
    pub manifest: Option<String>,
    /// Table files read.
    pub tables: u64,
    /// Their bytes.
    pub table_bytes: u64,
    /// Bytes of them that were read and checked.
    pub bytes_examined: u64,
    /// Point records in tables, of all versions; `null` when rows were not decoded.
    pub records: Option<u64>,
    /// Point records in tables that delete; `null` when rows were not decoded.
    pub deletions: Option<u64>,
    /// Range deletions in tables.
    pub range_deletions: u64,
    /// Point records in logs that are not in a table yet.
    pub log_records: u64,
    /// Good blocks by kind.
    pub blocks: Vec<BlockCount>,
    /// Tables that a compaction replaced while they were read.
    pub replaced_while_reading: u64,
    /// Every table file.
    pub files: Vec<VerifiedTable>,
}

/// Good blocks of one kind.
#[derive(Debug, Clone, Copy, Serialize, schemars::JsonSchema)]
pub struct BlockCount {
    /// The kind.
    pub kind: BlockKind,
    /// Their number.
    pub blocks: u64,
    /// Their stored bytes, trailers included.
    pub bytes: u64,
}

/// What became of one table file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TableState {
    /// Read and found good.
    Clean,
    /// Something is wrong with it.
    Damaged,
    /// It was not read as far as it should have been.
    NotRead,
}

/// One table file.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct VerifiedTable {
    /// Its name.
    pub file: String,
    /// The level; `null` for a table that only a log names.
    pub level: Option<usize>,
    /// Bytes of the file.
    pub size: u64,
    /// Its format, if the footer could be read.
    pub format: Option<&'static str>,
    /// Data blocks that are good.
    pub data_blocks: u64,
    /// Point records read; `null` when rows were not decoded.
    pub records: Option<u64>,
    /// What became of it.
    pub state: TableState,
}

impl VerifiedStore {
    /// From what was read and what was noticed.
    pub fn new(dir: String, survey: &StoreSurvey, findings: &[Finding]) -> Self {
        let facts = &survey.store.facts;
        let mut store = Self {
            dir,
            depth: survey.depth,
            in_use: facts.writer == Writer::Alive,
            manifest: facts.manifest_facts().map(|manifest| manifest.name.clone()),
            tables: 0,
            table_bytes: 0,
            bytes_examined: 0,
            records: Some(0),
            deletions: Some(0),
            range_deletions: 0,
            log_records: survey.store.memory.len() as u64,
            blocks: Vec::new(),
            replaced_while_reading: survey.replaced,
            files: Vec::new(),
        };
        let mut blocks: BTreeMap<BlockKind, BlockTally> = BTreeMap::new();
        let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
        let damaged_paths: HashSet<&str> = errors.filter_map(|finding| finding.path.as_deref()).collect();
        let levels = levels_of(facts);
        for (number, outcome) in &survey.outcomes {
            let file = number.table_name();
            let path = format!("{}/{file}", facts.name);
            let damaged = damaged_paths.contains(path.as_str());
            let level = levels.get(number).copied();
            let mut table = VerifiedTable {
                file,
                level,
                size: 0,
                format: None,
                data_blocks: 0,
                records: None,
                state: if damaged { TableState::Damaged } else { TableState::NotRead },
            };
            match outcome {
                SurveyOutcome::Surveyed(read) => {
                    let seen = &read.survey;
                    let of_rows = |count| (seen.depth == TableDepth::Rows).then_some(count);
                    table.records = of_rows(seen.points);
                    store.records = store.records.zip(table.records).map(|(sum, count)| sum + count);
                    store.deletions = store.deletions.zip(of_rows(seen.point_deletions)).map(|(sum, count)| sum + count);
                    store.range_deletions += seen.range_deletions;
                    store.bytes_examined += seen.bytes_examined;
                    for (kind, tally) in &seen.blocks {
                        let sum = blocks.entry(*kind).or_default();
                        sum.blocks += tally.blocks;
                        sum.bytes += tally.bytes;
                    }
                    table.size = read.size;
                    table.format = Some(read.footer.format.name());
                    table.data_blocks = seen.blocks.get(&BlockKind::Data).map_or(0, |tally| tally.blocks);
                    if !damaged && seen.complete && !read.changed && seen.values_in_blob_files == 0 {
                        table.state = TableState::Clean;
                    }
                }
                SurveyOutcome::Unopenable { size, .. } => table.size = *size,
                SurveyOutcome::Missing | SurveyOutcome::System(_) | SurveyOutcome::LeftOut { .. } => {}
            }
            store.tables += 1;
            store.table_bytes += table.size;
            store.files.push(table);
        }
        store.blocks =
            blocks.into_iter().map(|(kind, tally)| BlockCount { kind, blocks: tally.blocks, bytes: tally.bytes }).collect();
        store
    }
}

/// The level of each file that the MANIFEST names.
fn levels_of(facts: &StoreFacts) -> HashMap<FileNum, usize> {
    let mut levels = HashMap::new();
    for table in facts.version().into_iter().flat_map(Version::tables) {
        levels.entry(table.file()).or_insert(table.level);
    }
    levels
}

impl Body for StoreVerifyBody {
    const NAME: &'static str = "store-verify";
    const LINES: &'static [Lines] = &[Lines::of("stores", "store"), Lines::of("stores/files", "table").named_by(&["dir"])];

    fn headline(&self) -> String {
        let sum = |field: fn(&VerifiedStore) -> u64| self.stores.iter().map(field).sum::<u64>();
        let bad: usize = self.stores.iter().flat_map(|store| &store.files).filter(|file| file.state != TableState::Clean).count();
        let what = match self.stores.as_slice() {
            [store] => store.dir.clone(),
            several => Count::of(several.len(), "store").to_string(),
        };
        let tables = sum(|store| store.tables);
        let outcome = match (tables, bad) {
            (0, _) => "no tables; everything is in the logs".to_owned(),
            (_, 0) if self.stores.iter().any(|store| store.depth == TableDepth::Checksums) => {
                format!("the checksums of all blocks are right ({})", Count(tables, "table"))
            }
            (1, 0) => "the only table is intact".to_owned(),
            (_, 0) => format!("all {tables} tables are intact"),
            _ => format!("{bad} of {} not intact", Count(tables, "table")),
        };
        format!("{what}: {outcome}, {} read", ByteSize(sum(|store| store.bytes_examined)))
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        for store in &self.stores {
            let VerifiedStore {
                dir,
                depth: _,
                in_use,
                manifest,
                tables,
                table_bytes,
                bytes_examined,
                records,
                deletions,
                range_deletions,
                log_records,
                blocks,
                replaced_while_reading,
                files,
            } = store;
            let mut rows = vec![
                ("manifest", Cell::option(manifest.as_ref())),
                ("tables", Cell::new(format!("{tables}, {}", ByteSize(*table_bytes)))),
                ("examined", Cell::new(ByteSize(*bytes_examined))),
                ("records", Cell::new(records_text(*records, *deletions, *log_records))),
            ];
            if *range_deletions > 0 {
                rows.push(("range deletions", Cell::new(range_deletions)));
            }
            if *in_use {
                rows.push(("in use", Cell::toned("a running process holds the store", Tone::Caution)));
            }
            if *replaced_while_reading > 0 {
                rows.push((
                    "replaced",
                    Cell::new(format!("{}, by compactions meanwhile", Count(*replaced_while_reading, "table"))),
                ));
            }
            sections.push(Section::facts(dir.clone(), rows));
            if !blocks.is_empty() {
                let rows = blocks
                    .iter()
                    .map(|count| vec![Cell::new(count.kind), Cell::new(count.blocks), Cell::new(ByteSize(count.bytes))])
                    .collect();
                sections.push(Section::table("Good blocks", &["kind", ">blocks", ">bytes"], rows));
            }
            let bad: Vec<_> = files.iter().filter(|file| file.state != TableState::Clean).map(table_row).collect();
            if !bad.is_empty() {
                let columns = &["file", ">level", ">size", ">good data blocks", ">records", "state"];
                sections.push(Section::table("Tables that are not intact", columns, bad));
            }
        }
        sections
    }

    fn metrics(&self) -> Vec<Metric> {
        let gauge = |name, help, field: fn(&VerifiedStore) -> u64| {
            self.stores.iter().fold(Metric::gauge(name, help), |metric, store| {
                metric.sample(vec![(Label::Dir, store.dir.clone())], field(store) as f64)
            })
        };
        let records = self.stores.iter().filter_map(|store| Some((store, store.records?)));
        let records = records
            .fold(Metric::gauge("ekv_tool_store_records", "Point records in tables."), |metric, (store, count)| {
                metric.sample(vec![(Label::Dir, store.dir.clone())], count as f64)
            });
        vec![
            gauge("ekv_tool_store_tables", "Live table files.", |store| store.tables),
            gauge("ekv_tool_store_table_bytes", "Bytes of the live tables.", |store| store.table_bytes),
            records,
            gauge("ekv_tool_store_tables_not_intact", "Live table files that are damaged or were not read.", |store| {
                store.files.iter().filter(|file| file.state != TableState::Clean).count() as u64
            }),
        ]
    }
}

fn records_text(records: Option<u64>, deletions: Option<u64>, in_logs: u64) -> String {
    match (records, deletions) {
        (Some(records), Some(deletions)) => format!("{records} in tables ({}), {in_logs} in logs", Count(deletions, "deletion")),
        _ => format!("not counted in tables, {in_logs} in logs"),
    }
}

fn table_row(file: &VerifiedTable) -> Vec<Cell> {
    let state = match file.state {
        TableState::Clean => Cell::toned("clean", Tone::Good),
        TableState::Damaged => Cell::toned("damaged", Tone::Bad),
        TableState::NotRead => Cell::toned("not read", Tone::Caution),
    };
    vec![
        Cell::new(&file.file),
        file.level.map_or_else(|| Cell::new("log"), Cell::new),
        Cell::new(ByteSize(file.size)),
        Cell::new(file.data_blocks),
        Cell::option(file.records),
        state,
    ]
}
