//! How fast a Raft log is checked, counted and dumped, against a plain read of the same files in the same minute.
//!
//! `cargo bench --bench wal` writes a log of 200-byte entries (1 GiB, `EKV_BENCH_BYTES`) in 64 MB segments below `target/`
//! (`EKV_BENCH_DIR`), runs every subject in a process of its own in changing order (`EKV_BENCH_ROUNDS`, 5), prints medians, their
//! ratio to the plain read and the peak of resident memory, and removes the log. Nothing fails: on a shared machine only a
//! ratio within one run means something.
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on should stop")]

#[path = "../tests/support/wal_writer.rs"]
mod wal_writer;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use ekv_tool::io::NoProgress;
use ekv_tool::ops::wal::{self, DumpFilter, DumpFormat};
use ekv_tool::report::Style;
use ekv_tool::types::ByteSize;

use wal_writer::{LogWriter, put};

/// In the environment of a process started by this one: the subject that it shall run.
const SUBJECT: &str = "EKV_BENCH_SUBJECT";
const SUBJECTS: [&str; 8] =
    ["read", "read, 2 threads", "verify", "verify, 2 threads", "stat", "stat, 2 threads", "dump ndjson", "dump table"];
const SEGMENT: usize = 64_000_000;

fn main() {
    if let Ok(subject) = std::env::var(SUBJECT) {
        let dir = PathBuf::from(std::env::args_os().nth(1).unwrap_or_default());
        let started = Instant::now();
        run_subject(&subject, &dir);
        println!("{} {}", started.elapsed().as_nanos(), peak_kib());
        return;
    }
    let number = |name, usual| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (bytes, rounds): (u64, u64) = (number("EKV_BENCH_BYTES", 1 << 30), number("EKV_BENCH_ROUNDS", 5));
    let base = std::env::var_os("EKV_BENCH_DIR").map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).to_owned(), PathBuf::from);
    let dir = tempfile::tempdir_in(base).unwrap();
    let entries = write_log(dir.path(), bytes);
    let bytes: u64 = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    println!("{} of log, {entries} entries of 200 bytes, {rounds} rounds in changing order, medians", ByteSize(bytes));

    let mut times: Vec<Vec<u64>> = vec![Vec::new(); SUBJECTS.len()];
    let mut peaks = vec![0; SUBJECTS.len()];
    for round in 0..rounds {
        for step in 0..SUBJECTS.len() {
            let subject = (step * 3 + usize::try_from(round).unwrap()) % SUBJECTS.len();
            let output =
                Command::new(std::env::current_exe().unwrap()).arg(dir.path()).env(SUBJECT, SUBJECTS[subject]).output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let mut numbers = text.split_whitespace().rev().map_while(|word| word.parse::<u64>().ok());
            let (peak, nanos) = (numbers.next().unwrap(), numbers.next().unwrap());
            times[subject].push(nanos);
            peaks[subject] = peaks[subject].max(peak);
        }
    }
    let median = |subject: usize| {
        let mut sorted = times[subject].clone();
        sorted.sort_unstable();
        sorted[sorted.len() / 2] as f64 / 1e9
    };
    println!("{:20} {:>8} {:>7} {:>14} {:>11} {:>10}", "", "seconds", "GB/s", "M entries/s", "to a read", "peak RSS");
    for (subject, name) in SUBJECTS.iter().enumerate() {
        let seconds = median(subject);
        let baseline = median(usize::from(name.ends_with("2 threads")));
        println!(
            "{name:20} {seconds:8.3} {:7.2} {:14.2} {:10.2}x {:>10}",
            bytes as f64 / seconds / 1e9,
            entries as f64 / seconds / 1e6,
            seconds / baseline,
            ByteSize(peaks[subject] << 10).to_string(),
        );
    }
}

/// Entries of 200 bytes in batches of four with a hard state behind each, in closed segments and a last one with zeros.
fn write_log(dir: &Path, bytes: u64) -> u64 {
    let mut log = LogWriter::create();
    let mut index = 1;
    let mut written = 0;
    while written + (log.len() as u64) < bytes {
        for _ in 0..4 {
            let key = format!("!redis|str|key-{index:012}");
            let value = [b'v'; 140];
            let data = put(index, key.as_bytes(), &value);
            log.entry(index, 2, &data);
            index += 1;
        }
        log.state(2, 7, index - 2);
        if log.len() >= SEGMENT {
            log.cut();
            let closed = log.segments.len() - 2;
            let (name, segment) = std::mem::take(&mut log.segments[closed]);
            written += segment.len() as u64;
            fs::write(dir.join(name), segment).unwrap();
        }
    }
    log.preallocate(SEGMENT);
    let (name, segment) = log.segments.pop().unwrap();
    fs::write(dir.join(name), segment).unwrap();
    index - 1
}

fn run_subject(subject: &str, dir: &Path) {
    let paths = [dir.to_owned()];
    let threads = if subject.ends_with("2 threads") { 2 } else { 1 };
    match subject.split(',').next().unwrap_or_default() {
        "read" => plain_read(dir, threads),
        "verify" => {
            let report = wal::verify(&paths, threads, &NoProgress).unwrap();
            assert!(report.findings.is_empty(), "{:?}", report.findings);
        }
        "stat" => {
            let report = wal::stat(&paths, threads, &NoProgress).unwrap();
            assert!(report.body.log.is_some());
        }
        dump => {
            let format = if dump == "dump table" { DumpFormat::Table } else { DumpFormat::Ndjson };
            let filter = DumpFilter::default();
            wal::dump(&paths, &filter, format, Style::default(), threads, &NoProgress, &mut io::sink()).unwrap();
        }
    }
}

/// Every byte read into a buffer and summed.
fn plain_read(dir: &Path, threads: usize) {
    let files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let files = &files;
            scope.spawn(move || {
                let mut buffer = vec![0; 1 << 20];
                for path in files.iter().skip(thread).step_by(threads) {
                    let mut file = File::open(path).unwrap();
                    let mut sum = 0_u64;
                    loop {
                        let read = file.read(&mut buffer).unwrap();
                        if read == 0 {
                            break;
                        }
                        sum = buffer[..read].iter().fold(sum, |sum, &byte| sum.wrapping_add(u64::from(byte)));
                    }
                    std::hint::black_box(sum);
                }
            });
        }
    });
}

/// Peak of resident memory in KiB; 0 where the system does not tell.
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}
