//! How fast the program is, against plain reads of the same files in the same minute, and against other programs where they
//! are installed.
//!
//! `cargo bench` measures everything, `cargo bench -- wal store` only what is named: `checksum`, `wal`, `gate`, `check`,
//! `store`, `hraft`. Test data is written below `target/` (`EKV_BENCH_DIR`) and removed afterwards. Every subject is a process of its
//! own, started `EKV_BENCH_ROUNDS` (5) times in changing order; the tables hold medians and are markdown. Nothing fails: on a shared
//! machine only a ratio within one run means something. `EKV_BENCH_BYTES` sets the size of the test data of each part.
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on should stop")]
#![allow(clippy::disallowed_methods, reason = "a benchmark makes the files that it reads")]

mod bolt_writer;
mod check;
mod checksum;
#[path = "../../tests/support/column_writer.rs"]
mod column_writer;
mod hraft;
mod measure;
mod store;
#[path = "../../tests/support/store_writer.rs"]
mod store_writer;
#[path = "../../tests/support/table_writer.rs"]
mod table_writer;
mod wal;
#[path = "../../tests/support/wal_writer.rs"]
mod wal_writer;

use std::io;
use std::path::{Path, PathBuf};

/// A part: its name, the bytes of test data that it usually takes, and what it does in a directory of its own.
type Part = (&'static str, u64, fn(&Path, u64) -> io::Result<()>);

const PARTS: [Part; 6] = [
    ("checksum", 4 << 30, checksum::run),
    ("wal", 1 << 30, wal::run),
    ("gate", 1 << 30, wal::run_gate),
    ("check", 0, check::run),
    ("store", 1 << 30, store::run),
    ("hraft", 4 << 30, hraft::run),
];

fn main() -> io::Result<()> {
    if checksum::is_subject() {
        return checksum::run_subject();
    }
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let base = std::env::var_os("EKV_BENCH_DIR").map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).to_owned(), PathBuf::from);
    for (name, usual, run) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|part| part == name) {
            let dir = tempfile::tempdir_in(&base)?;
            run(dir.path(), measure::setting("EKV_BENCH_BYTES", usual))?;
        }
    }
    Ok(())
}
