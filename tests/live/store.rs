//! The store of a node: log appends, flushes to tables, compactions, and a MANIFEST that is replaced now and then.

use std::collections::BTreeMap;

use ekv_tool::formats::varint;

use super::disk::Step;
use crate::support::store_writer::frame;
use crate::support::table_writer::{Options, SET, TableWriter, Written};

const DIR: &str = "fsm.db";
/// Tables of level 0 that are merged.
const MERGE_AT: usize = 4;
/// Edits of a MANIFEST before it is replaced.
const EDITS: usize = 7;
const OPTIONS: &str = "[Version]\n  pebble_version=0.1\n\n[Options]\n  comparer=leveldb.BytewiseComparator\n  \
                       merger=pebble.concatenate\n  format_major_version=16\n";

type Rows = BTreeMap<Vec<u8>, (u64, Vec<u8>)>;

struct Table {
    number: u64,
    level: u64,
    written: Written,
    rows: Rows,
}

/// One log file and what its records put into memory.
struct Log {
    number: u64,
    records: Vec<Vec<u8>>,
    written: usize,
    rows: Rows,
}

/// The store's state in memory.
pub struct Store {
    pub steps: Vec<Step>,
    next: u64,
    seq: u64,
    logs: Vec<Log>,
    /// Obsolete logs whose files wait to be used again.
    spare: Vec<u64>,
    tables: Vec<Table>,
    manifest: u64,
    marker: u64,
    edits: Vec<Vec<u8>>,
    manifest_written: usize,
}

fn path(name: &str) -> String {
    format!("{DIR}/{name}")
}

fn log_name(number: u64) -> String {
    path(&format!("{number:06}.log"))
}

fn table_name(number: u64) -> String {
    path(&format!("{number:06}.sst"))
}

fn manifest_name(number: u64) -> String {
    path(&format!("MANIFEST-{number:06}"))
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    varint::encode(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

impl Store {
    /// A store as the first opening leaves it.
    pub fn create() -> Self {
        let mut store = Self {
            steps: vec![Step::Dir(DIR.to_owned()), Step::Create(path("LOCK"), 0)],
            next: 4,
            seq: 10,
            logs: Vec::new(),
            spare: Vec::new(),
            tables: Vec::new(),
            manifest: 1,
            marker: 1,
            edits: Vec::new(),
            manifest_written: 0,
        };
        store.steps.push(Step::Create(manifest_name(1), 0));
        let mut first = vec![1];
        put(&mut first, b"leveldb.BytewiseComparator");
        first.extend([3, 2, 4, 0]);
        store.edit(first);
        store.steps.push(Step::Create(path("marker.manifest.000001.MANIFEST-000001"), 0));
        store.steps.push(Step::Create(path("marker.format-version.000001.014"), 0));
        store.begin_log(2);
        store.steps.push(Step::Create(path("temporary.000003.dbtmp"), 0));
        store.steps.push(Step::Write(path("temporary.000003.dbtmp"), 0, OPTIONS.into()));
        store.steps.push(Step::Sync(path("temporary.000003.dbtmp")));
        store.steps.push(Step::Rename(path("temporary.000003.dbtmp"), path("OPTIONS-000003")));
        for (iteration, version) in [(2, 15), (3, 16)] {
            store.steps.push(Step::Create(path(&format!("marker.format-version.{iteration:06}.{version:03}")), 0));
            store.steps.push(Step::Remove(path(&format!("marker.format-version.{:06}.{:03}", iteration - 1, version - 1))));
        }
        store
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    fn begin_log(&mut self, number: u64) {
        match self.spare.pop() {
            // An old log gets a new name and is written over from its start.
            Some(old) => self.steps.push(Step::Rename(log_name(old), log_name(number))),
            None => self.steps.push(Step::Create(log_name(number), 0)),
        }
        self.logs.push(Log { number, records: Vec::new(), written: 0, rows: Rows::new() });
    }

    /// Commits a batch: one append, synced.
    pub fn commit(&mut self, rows: &[(Vec<u8>, Vec<u8>)]) {
        let log = self.logs.last_mut().unwrap();
        let mut record = self.seq.to_le_bytes().to_vec();
        record.extend(u32::try_from(rows.len()).unwrap().to_le_bytes());
        for (key, value) in rows {
            record.push(SET);
            put(&mut record, key);
            put(&mut record, value);
            log.rows.insert(key.clone(), (self.seq, value.clone()));
            self.seq += 1;
        }
        log.records.push(record);
        let bytes = frame(&log.records, Some(u32::try_from(log.number).unwrap()));
        self.steps.push(Step::Write(log_name(log.number), log.written as u64, bytes[log.written..].to_vec()));
        self.steps.push(Step::Sync(log_name(log.number)));
        log.written = bytes.len();
    }

    /// Closes the log and begins another one; what the old one holds is still only there.
    pub fn rotate(&mut self) {
        let log = self.logs.last().unwrap();
        let mut trailer = vec![0; 11];
        trailer[6] = 5;
        trailer[7..].copy_from_slice(&u32::try_from(log.number + 1).unwrap().to_le_bytes());
        self.steps.push(Step::Write(log_name(log.number), log.written as u64, trailer));
        self.steps.push(Step::Sync(log_name(log.number)));
        let number = self.number();
        self.begin_log(number);
    }

    /// Writes the rows of every closed log to a table of level 0. `recycle`: the oldest file will be used again.
    pub fn flush(&mut self, recycle: bool) {
        let open = self.logs.len() - 1;
        let mut rows = Rows::new();
        for log in &self.logs[..open] {
            rows.extend(log.rows.clone());
        }
        if rows.is_empty() {
            return;
        }
        let table = self.write_table(0, rows);
        let mut edit = vec![2];
        varint::encode(self.logs[open].number, &mut edit);
        self.counters(&mut edit);
        add(&mut edit, &table);
        self.tables.push(table);
        self.edit(edit);
        for log in self.logs.drain(..open).collect::<Vec<_>>() {
            if recycle && self.spare.is_empty() {
                self.spare.push(log.number);
            } else {
                self.steps.push(Step::Remove(log_name(log.number)));
            }
        }
        if self.tables.iter().filter(|table| table.level == 0).count() >= MERGE_AT {
            self.compact();
        }
        if self.edits.len() >= EDITS {
            self.replace_manifest();
        }
    }

    /// Merges all tables into one of level 6.
    fn compact(&mut self) {
        let mut rows = Rows::new();
        let mut old: Vec<Table> = self.tables.drain(..).collect();
        old.sort_by_key(|table| (std::cmp::Reverse(table.level), table.number));
        for table in &old {
            rows.extend(table.rows.clone());
        }
        let table = self.write_table(6, rows);
        let mut edit = Vec::new();
        self.counters(&mut edit);
        for gone in &old {
            edit.push(6);
            varint::encode(gone.level, &mut edit);
            varint::encode(gone.number, &mut edit);
        }
        add(&mut edit, &table);
        self.tables.push(table);
        self.edit(edit);
        self.steps.extend(old.iter().map(|gone| Step::Remove(table_name(gone.number))));
    }

    fn write_table(&mut self, level: u64, rows: Rows) -> Table {
        let number = self.number();
        let mut writer = TableWriter::new(Vec::new(), Options::default());
        for (key, (seq, value)) in &rows {
            writer.point(key, *seq, SET, value).unwrap();
        }
        let (bytes, written) = writer.finish().unwrap();
        let name = table_name(number);
        self.steps.push(Step::Create(name.clone(), 0));
        let half = bytes.len() / 2;
        self.steps.push(Step::Write(name.clone(), 0, bytes[..half].to_vec()));
        self.steps.push(Step::Write(name.clone(), half as u64, bytes[half..].to_vec()));
        self.steps.push(Step::Sync(name));
        Table { number, level, written, rows }
    }

    fn counters(&self, edit: &mut Vec<u8>) {
        for (tag, value) in [(3, self.next), (4, self.seq - 1)] {
            edit.push(tag);
            varint::encode(value, edit);
        }
    }

    fn edit(&mut self, edit: Vec<u8>) {
        self.edits.push(edit);
        let bytes = frame(&self.edits, None);
        let name = manifest_name(self.manifest);
        self.steps.push(Step::Write(name.clone(), self.manifest_written as u64, bytes[self.manifest_written..].to_vec()));
        self.steps.push(Step::Sync(name));
        self.manifest_written = bytes.len();
    }

    /// Writes the whole version to a new MANIFEST and moves the marker to it.
    fn replace_manifest(&mut self) {
        let old = self.manifest;
        self.manifest = self.number();
        self.edits.clear();
        self.manifest_written = 0;
        self.steps.push(Step::Create(manifest_name(self.manifest), 0));
        let mut edit = vec![1];
        put(&mut edit, b"leveldb.BytewiseComparator");
        edit.push(2);
        varint::encode(self.logs[0].number, &mut edit);
        self.counters(&mut edit);
        self.tables.iter().for_each(|table| add(&mut edit, table));
        self.edit(edit);
        self.marker += 1;
        let marker = |iteration: u64, manifest: u64| path(&format!("marker.manifest.{iteration:06}.MANIFEST-{manifest:06}"));
        self.steps.push(Step::Create(marker(self.marker, self.manifest), 0));
        self.steps.push(Step::Remove(marker(self.marker - 1, old)));
        self.steps.push(Step::Remove(manifest_name(old)));
    }

    /// The newest value of every key, in order.
    pub fn rows(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut tables: Vec<_> = self.tables.iter().collect();
        tables.sort_by_key(|table| (std::cmp::Reverse(table.level), table.number));
        let layers = tables.iter().map(|table| &table.rows).chain(self.logs.iter().map(|log| &log.rows));
        layers.flatten().map(|(key, (_, value))| (key.clone(), value.clone())).collect()
    }
}

fn add(edit: &mut Vec<u8>, table: &Table) {
    edit.push(100);
    for value in [table.level, table.number, table.written.size] {
        varint::encode(value, edit);
    }
    put(edit, table.written.smallest.as_deref().unwrap());
    put(edit, table.written.largest.as_deref().unwrap());
    varint::encode(table.written.smallest_seq, edit);
    varint::encode(table.written.largest_seq, edit);
}
