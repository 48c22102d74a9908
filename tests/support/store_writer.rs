//! Writes store directories: markers, MANIFEST, tables and one log.
#![allow(dead_code, reason = "shared by tests and benchmarks, which use different parts")]

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use ekv_tool::formats::pebble::MaskedCrc32c;
use ekv_tool::formats::varint;

use super::table_writer::{Options, RANGEDEL, SET, TableWriter, Written};

/// Bytes of a block of the record framing.
const BLOCK: usize = 32 << 10;
/// Number of the log that the store replays.
const LOG: u64 = 2;

/// A store under construction.
pub struct StoreWriter {
    dir: PathBuf,
    next_file: u64,
    tables: Vec<(u64, u64, Written)>,
    log: Vec<Vec<u8>>,
    last_seq: u64,
    exact: bool,
}

/// Kind, key and value of one entry of a batch.
pub type Entry<'a> = (u8, &'a [u8], &'a [u8]);

impl StoreWriter {
    /// Starts in `dir`, which is created.
    pub fn new(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        Ok(Self { dir: dir.to_owned(), next_file: 5, tables: Vec::new(), log: Vec::new(), last_seq: 9, exact: false })
    }

    /// Writes one table into `level`.
    pub fn table(
        &mut self,
        level: u64,
        options: Options,
        fill: impl FnOnce(&mut TableWriter<BufWriter<File>>) -> io::Result<()>,
    ) -> io::Result<u64> {
        let number = self.next_file;
        self.next_file += 1;
        let file = File::create(self.dir.join(format!("{number:06}.sst")))?;
        let mut writer = TableWriter::new(BufWriter::with_capacity(1 << 20, file), options);
        fill(&mut writer)?;
        let (out, written) = writer.finish()?;
        out.into_inner()?;
        self.last_seq = self.last_seq.max(written.largest_seq);
        self.tables.push((level, number, written));
        Ok(number)
    }

    /// Makes the MANIFEST say that no larger number had been given.
    pub fn last_seq(&mut self, seq: u64) {
        self.last_seq = seq;
        self.exact = true;
    }

    /// Adds a batch to the log; its first entry has the number `seq`. The MANIFEST accounts for the numbers before it, unless
    /// it was told how many there are.
    pub fn batch(&mut self, seq: u64, entries: &[Entry<'_>]) {
        if !self.exact {
            self.last_seq = self.last_seq.max(seq - 1);
        }
        let mut record = seq.to_le_bytes().to_vec();
        record.extend(u32::try_from(entries.len()).expect("few entries").to_le_bytes());
        for &(kind, key, value) in entries {
            record.push(kind);
            put(&mut record, key);
            if matches!(kind, SET | 2 | RANGEDEL) {
                put(&mut record, value);
            }
        }
        self.log.push(record);
    }

    /// Writes log, MANIFEST and markers.
    pub fn finish(self) -> io::Result<()> {
        fs::write(self.dir.join(format!("{LOG:06}.log")), frame(&self.log, Some(u32::try_from(LOG).expect("small"))))?;
        let mut edit = vec![1];
        put(&mut edit, b"leveldb.BytewiseComparator");
        for (tag, value) in [(2, LOG), (3, self.next_file + 10), (4, self.last_seq)] {
            edit.push(tag);
            varint::encode(value, &mut edit);
        }
        for (level, number, written) in &self.tables {
            edit.push(100);
            for value in [*level, *number, written.size] {
                varint::encode(value, &mut edit);
            }
            put(&mut edit, written.smallest.as_deref().expect("a table with something in it"));
            put(&mut edit, written.largest.as_deref().expect("a table with something in it"));
            varint::encode(written.smallest_seq, &mut edit);
            varint::encode(written.largest_seq, &mut edit);
        }
        fs::write(self.dir.join("MANIFEST-000001"), frame(&[edit], None))?;
        for name in ["marker.manifest.000001.MANIFEST-000001", "marker.format-version.000003.016", "LOCK"] {
            fs::write(self.dir.join(name), b"")?;
        }
        Ok(())
    }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    varint::encode(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Records in legacy framing (a MANIFEST's), or in recyclable framing of one log.
pub fn frame(records: &[Vec<u8>], log: Option<u32>) -> Vec<u8> {
    let (header, first_type) = if log.is_some() { (11, 5) } else { (7, 1) };
    let mut out = Vec::new();
    for record in records {
        let mut rest = record.as_slice();
        let mut begun = false;
        loop {
            let room = BLOCK - out.len() % BLOCK;
            if room < header {
                out.resize(out.len() + room, 0);
                continue;
            }
            let (payload, after) = rest.split_at(rest.len().min(room - header));
            let last = after.is_empty();
            // Full, first, middle, last.
            let position = match (begun, last) {
                (false, true) => 0,
                (false, false) => 1,
                (true, false) => 2,
                (true, true) => 3,
            };
            let mut covered = vec![first_type + position];
            covered.extend(log.into_iter().flat_map(u32::to_le_bytes));
            covered.extend_from_slice(payload);
            out.extend(MaskedCrc32c::of(&covered).0.to_le_bytes());
            out.extend(u16::try_from(payload.len()).expect("below a block").to_le_bytes());
            out.extend(covered);
            rest = after;
            begun = true;
            if last {
                break;
            }
        }
    }
    out
}
