//! `check` of a small real node: what is paid before there is anything to read.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::measure::{Subject, Table};

/// The commands that an operator types first, on fixtures/demo. It is small, so that the size that was asked for says nothing.
pub fn run(_: &Path, _: u64) -> io::Result<()> {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
    let mut files = Vec::new();
    let bytes = files_below(&demo, &mut files)?;
    let mut cat = Command::new("cat");
    cat.args(&files);
    let mut subjects = vec![Subject::new("`cat`", cat)];
    for arguments in [&["check", "--fast"][..], &["check"], &["gate-dryrun", "--accept", "any"], &["wal", "stat"]] {
        subjects.push(Subject::ekv(arguments, &demo));
    }
    Table { title: "A small node, cached".to_owned(), bytes, things: None, subjects }.run(|| Ok(()))
}

/// Adds the files below `dir`; returns their length in bytes.
fn files_below(dir: &Path, files: &mut Vec<PathBuf>) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            bytes += files_below(&entry.path(), files)?;
        } else {
            bytes += entry.metadata()?.len();
            files.push(entry.path());
        }
    }
    Ok(bytes)
}
