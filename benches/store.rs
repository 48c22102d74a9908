//! How fast a large store is verified and scanned, against a plain read of its tables in the same minute.
//!
//! `cargo bench --bench store` writes a store of row tables (1 GiB of table files, `EKV_BENCH_BYTES`) below `target/`
//! (`EKV_BENCH_DIR`), runs `cat` over its tables and the commands of the program one after another (`EKV_BENCH_ROUNDS`, 3), each
//! as a process of its own, and prints medians with their ratio to `cat` and their peak memory. Nothing fails: on a shared
//! machine only a ratio within one run means something.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a benchmark prints what it measured and stops when it cannot")]

#[path = "../tests/support/store_writer.rs"]
mod store_writer;
#[path = "../tests/support/table_writer.rs"]
mod table_writer;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ekv_tool::types::ByteSize;
use store_writer::StoreWriter;
use table_writer::{Options, SET};

/// Bytes of one table file of the deeper levels, as Pebble makes them.
const TABLE_BYTES: u64 = 64 << 20;
/// Bytes of a row's value, header included.
const VALUE_LEN: usize = 209;

fn main() -> io::Result<()> {
    let number = |name, usual| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (bytes, rounds) = (number("EKV_BENCH_BYTES", 1 << 30), number("EKV_BENCH_ROUNDS", 3));
    let parent =
        std::env::var_os("EKV_BENCH_DIR").map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).to_owned(), PathBuf::from);
    let parent = tempfile::tempdir_in(parent)?;
    let dir = parent.path().join("fsm.db");
    let rows = write_store(&dir, bytes)?;
    let tables: Vec<PathBuf> = fs::read_dir(&dir)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "sst"))
        .collect();
    let size: u64 = tables.iter().filter_map(|table| fs::metadata(table).ok()).map(|meta| meta.len()).sum();
    println!("{} in {} tables, {rows} rows, {rounds} rounds, cached, medians", ByteSize(size), tables.len());
    println!("\n  {:<30} {:>8} {:>8} {:>8} {:>10} {:>10}", "", "seconds", "GB/s", "ratio", "Mrows/s", "peak");

    let ekv = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ekv-tool"));
        command.arg("store").args(args).arg(&dir);
        command
    };
    let mut cat = Command::new("cat");
    cat.args(&tables);
    let subjects: Vec<(&str, Command, bool)> = vec![
        ("cat", cat, false),
        ("lsm", ekv(&["lsm"]), false),
        ("verify --checksums, 1 thread", ekv(&["verify", "--checksums", "--threads", "1"]), false),
        ("verify --checksums, 2 threads", ekv(&["verify", "--checksums", "--threads", "2"]), false),
        ("meta", ekv(&["meta"]), false),
        ("verify, 1 thread", ekv(&["verify", "--threads", "1"]), true),
        ("verify, 2 threads", ekv(&["verify", "--threads", "2"]), true),
        ("scan --format ndjson", ekv(&["scan", "--format", "ndjson"]), true),
        ("scan --raw --format ndjson", ekv(&["scan", "--raw", "--format", "ndjson"]), true),
        ("scan --quiet", ekv(&["scan", "--quiet"]), true),
    ];
    let mut baseline = None;
    for (name, mut command, all_rows) in subjects {
        let mut runs: Vec<(f64, u64)> = (0..rounds).map(|_| run(&mut command)).collect::<io::Result<_>>()?;
        runs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (seconds, peak) = runs[runs.len() / 2];
        let base = *baseline.get_or_insert(seconds);
        let rate = if all_rows { format!("{:.2}", rows as f64 / seconds / 1e6) } else { String::new() };
        let (gb, ratio, peak) = (size as f64 / seconds / 1e9, base / seconds, ByteSize(peak).to_string());
        println!("  {name:<30} {seconds:>8.3} {gb:>8.2} {ratio:>7.2}x {rate:>10} {peak:>10}");
    }
    Ok(())
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

/// Runs a command; returns its seconds and its peak resident bytes.
fn run(command: &mut Command) -> io::Result<(f64, u64)> {
    let start = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let ended = loop {
        let line = fs::read_to_string(&status).unwrap_or_default();
        let high = line.lines().find_map(|line| line.strip_prefix("VmHWM:")).and_then(|line| line.split_whitespace().next());
        peak = high.and_then(|kib| kib.parse::<u64>().ok()).map_or(peak, |kib| kib * 1024);
        if let Some(ended) = child.try_wait()? {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(ended.success(), "{command:?}: {ended}");
    Ok((start.elapsed().as_secs_f64(), peak))
}
