//! A node of hashicorp/raft with one large `raft.db`: its log checked, its next start forecast.

use std::io;
use std::path::Path;
use std::process::Command;

use crate::bolt_writer;
use crate::measure::{Subject, Table};

/// Bytes of an entry's data, with which ten entries and what belongs to them fill a page.
const DATA: usize = 300;
/// Bytes of the file that an entry takes.
const ENTRY: u64 = 410;

/// The commands that an operator types first.
pub fn run(dir: &Path, bytes: u64) -> io::Result<()> {
    let node = dir.join("n1");
    std::fs::create_dir_all(node.join("snapshots"))?;
    let file = node.join("raft.db");
    let entries = bytes / ENTRY;
    let bytes = bolt_writer::write(&file, entries, &[b'v'; DATA])?;
    let mut cat = Command::new("cat");
    cat.arg(&file);
    let mut subjects = vec![Subject::new("`cat`", cat)];
    for arguments in [&["wal", "verify"][..], &["wal", "stat"], &["gate-dryrun", "--accept", "any"], &["check"]] {
        subjects.push(Subject::ekv(arguments, &node));
    }
    for arguments in [&["check"][..], &["stats"]] {
        subjects.extend(Subject::peer("bbolt", arguments, &[&file]));
    }
    Table { title: "hashicorp/raft, cached".to_owned(), bytes, things: Some(("entries", entries)), subjects }.run(|| Ok(()))
}
