//! A store with most of its rows in level 6, some in level 5, and two tables in level 0.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::measure::{Subject, Table};
use crate::store_writer::StoreWriter;
use crate::table_writer::{Options, SET};

/// Bytes of one table file of the deeper levels, as Pebble makes them.
const TABLE_BYTES: u64 = 64 << 20;
/// Bytes of a row's value, header included.
const VALUE_LEN: usize = 209;

/// The commands that read a store.
pub fn run(dir: &Path, bytes: u64) -> io::Result<()> {
    let store = dir.join("fsm.db");
    let rows = write_store(&store, bytes)?;
    let tables: Vec<PathBuf> = fs::read_dir(&store)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "sst"))
        .collect();
    let size = tables.iter().filter_map(|table| fs::metadata(table).ok()).map(|meta| meta.len()).sum();
    let mut cat = Command::new("cat");
    cat.args(&tables);
    let mut subjects = vec![Subject::new("`cat`", cat)];
    for arguments in [
        &["store", "meta"][..],
        &["store", "lsm"],
        &["store", "verify", "--checksums", "--threads", "1"],
        &["store", "verify", "--checksums", "--threads", "2"],
        &["store", "verify", "--threads", "1"],
        &["store", "verify", "--threads", "2"],
        &["store", "scan", "--format", "ndjson"],
        &["store", "scan", "--raw", "--format", "ndjson"],
        &["store", "scan", "--quiet"],
        &["store", "stat"],
    ] {
        subjects.push(Subject::ekv(arguments, &store));
    }
    subjects.extend(Subject::peer("pebble", &["db", "check"], &[&store]));
    subjects.extend(Subject::peer("pebble", &["sstable", "check"], &tables));
    let title = format!("The store, {} tables, cached", tables.len());
    Table { title, bytes: size, things: Some(("rows", rows)), subjects }.run(|| Ok(()))
}

/// Writes tables of about `bytes` in all: most of them in level 6, a tenth in level 5, two in level 0. Returns the rows.
fn write_store(dir: &Path, bytes: u64) -> io::Result<u64> {
    let mut store = StoreWriter::new(dir)?;
    // Half of a value compresses, so that a row takes about this much.
    let rows_per_table = TABLE_BYTES / 150;
    let tables = (bytes / TABLE_BYTES).max(2);
    let mut noise = 1_u64;
    let mut seq = 10;
    let mut rows = 0;
    let mut write = |level, first: u64, count: u64, step: u64, seqs: &mut u64| {
        store.table(level, Options::default(), |writer| {
            let mut value = [0_u8; VALUE_LEN];
            for row in 0..count {
                let number = (first + row) * step;
                let mut key = format!("!redis|str|user:{number:012}|profile").into_bytes();
                key.extend((!(0x0197_0000_0000_0000 + number)).to_be_bytes());
                for byte in &mut value[9 + VALUE_LEN / 2..] {
                    noise ^= noise << 13;
                    noise ^= noise >> 7;
                    noise ^= noise << 17;
                    *byte = noise.to_le_bytes()[0];
                }
                let number = if level == 6 { 0 } else { *seqs };
                *seqs += 1;
                writer.point(&key, number, SET, &value)?;
            }
            rows += count;
            Ok(())
        })
    };
    // Every tenth key of the key space of level 6 belongs to level 5, so that the merge has something to do.
    let mut none = 0;
    for table in 0..tables {
        write(6, table * rows_per_table, rows_per_table, 10, &mut none)?;
    }
    for table in 0..tables.div_ceil(10) {
        // Odd numbers: other keys than those below.
        write(5, table * rows_per_table * 10 + 1, rows_per_table, 3, &mut seq)?;
    }
    for table in 0..2 {
        write(0, table * 7, 20_000, 101, &mut seq)?;
    }
    for number in 0..2_000_u64 {
        let key = [format!("_log{number:06}").as_bytes(), &[0xff; 8]].concat();
        store.batch(seq + number, &[(SET, &key, &[0; 64])]);
    }
    store.finish()?;
    Ok(rows + 2_000)
}
