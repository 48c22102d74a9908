//! A log of 200-byte entries in 64 MB segments: checked, counted, dumped, and read for the forecast of a start.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::measure::{Subject, Table};
use crate::wal_writer::{LogWriter, put};

const SEGMENT: usize = 64_000_000;

/// The commands that read a log.
pub fn run(dir: &Path, bytes: u64) -> io::Result<()> {
    let log = Log::write(dir, bytes)?;
    let mut subjects = vec![log.cat()];
    for arguments in [
        &["wal", "verify", "--threads", "1"][..],
        &["wal", "verify", "--threads", "2"],
        &["wal", "stat", "--threads", "1"],
        &["wal", "stat", "--threads", "2"],
        &["wal", "dump", "--format", "ndjson"],
        &["wal", "dump"],
    ] {
        subjects.push(Subject::ekv(arguments, dir));
    }
    // It wants the log below member/ and a folder of snapshots beside it.
    let member = dir.join("etcd/member");
    fs::create_dir_all(member.join("wal"))?;
    fs::create_dir_all(member.join("snap"))?;
    for file in &log.files {
        fs::hard_link(file, member.join("wal").join(file.file_name().unwrap_or_default()))?;
    }
    subjects.extend(Subject::peer("etcd-dump-logs", &["--start-index", "1"], &[dir.join("etcd")]));
    let things = Some(("entries", log.entries));
    Table { title: "The Raft log, cached".to_owned(), bytes: log.bytes, things, subjects }.run(|| Ok(()))
}

/// The forecast of a start with the same log.
pub fn run_gate(dir: &Path, bytes: u64) -> io::Result<()> {
    let node = dir.join("n1");
    fs::create_dir_all(node.join("wal"))?;
    fs::create_dir_all(node.join("snap"))?;
    let log = Log::write(&node.join("wal"), bytes)?;
    let subjects = vec![
        log.cat(),
        Subject::ekv(&["wal", "stat"], &node.join("wal")),
        Subject::ekv(&["gate-dryrun", "--engine", "main", "--no-body-crc", "--accept", "any"], &node),
        Subject::ekv(&["gate-dryrun", "--engine", "main", "--accept", "any"], &node),
        Subject::ekv(&["gate-dryrun", "--engine", "main", "--accept", "any", "--plan", "--format", "ndjson"], &node),
        Subject::ekv(&["check", "--fast"], &node),
        Subject::ekv(&["check"], &node),
    ];
    let things = Some(("entries", log.entries));
    Table { title: "Forecast of a start, the log cached".to_owned(), bytes: log.bytes, things, subjects }.run(|| Ok(()))
}

struct Log {
    files: Vec<PathBuf>,
    entries: u64,
    bytes: u64,
}

impl Log {
    /// Entries of 200 bytes in batches of four with a hard state behind each, in closed segments and a last one with zeros.
    fn write(dir: &Path, bytes: u64) -> io::Result<Self> {
        let mut log = LogWriter::create();
        let mut index = 1;
        let (mut files, mut written) = (Vec::new(), 0);
        let mut keep = |name: &str, segment: &[u8]| {
            written += segment.len() as u64;
            files.push(dir.join(name));
            fs::write(dir.join(name), segment).map(|()| written)
        };
        let mut so_far = 0;
        while so_far + (log.len() as u64) < bytes {
            for _ in 0..4 {
                let key = format!("!redis|str|key-{index:012}");
                let data = put(index, key.as_bytes(), &[b'v'; 140]);
                log.entry(index, 2, &data);
                index += 1;
            }
            log.state(2, 7, index - 2);
            if log.len() >= SEGMENT {
                log.cut();
                let closed = log.segments.len() - 2;
                let (name, segment) = std::mem::take(&mut log.segments[closed]);
                so_far = keep(&name, &segment)?;
            }
        }
        log.preallocate(SEGMENT);
        let (name, segment) = log.segments.pop().unwrap();
        let bytes = keep(&name, &segment)?;
        Ok(Self { files, entries: index - 1, bytes })
    }

    fn cat(&self) -> Subject {
        let mut cat = Command::new("cat");
        cat.args(&self.files);
        Subject::new("`cat`", cat)
    }
}
