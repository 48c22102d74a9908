//! The sum of one large file, as `verify-snapshot` makes it.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

use ekv_tool::io::{BulkFile, IoOptions, NoProgress, Strategy, checksum_range};
use ekv_tool::types::Crc32c;

use crate::measure::{Subject, Table, next_noise};

/// In the environment of a process started by this one: the subject that it shall run.
const SUBJECT: &str = "EKV_BENCH_SUBJECT";
/// Ways of the library; a name says strategy, threads and whether bytes are wanted in order.
const WAYS: [&str; 6] = ["auto", "auto, 1 thread", "mmap", "pread", "direct", "auto, in order"];

/// Whether this process was started to be measured.
pub fn is_subject() -> bool {
    std::env::var_os(SUBJECT).is_some()
}

/// All places where a file's pages can be.
pub fn run(dir: &Path, bytes: u64) -> io::Result<()> {
    let path = dir.join("0000000000000007.fsm");
    write_payload(&path, bytes)?;
    // The pages of a file that was written are smaller than those of one that was read, and cost more to map.
    cached("cached, as a writer left it", &path)?;
    drop_cached(&path, 0)?;
    warm(&path)?;
    cached("cached, as a reader left it", &path)?;
    let dd = || {
        let mut dd = Command::new("dd");
        dd.args(["bs=4M", "iflag=direct", "of=/dev/null"]).arg(format!("if={}", path.display()));
        Subject::new("`dd bs=4M iflag=direct`", dd)
    };
    let table = Table { title: "Sum of a file on the disk".to_owned(), bytes, things: None, subjects: subjects(dd(), &path)? };
    table.run(|| drop_cached(&path, 0))?;
    let half = || {
        warm(&path)?;
        drop_cached(&path, bytes / 2)
    };
    let table =
        Table { title: "Sum of a file, half cached".to_owned(), bytes, things: None, subjects: subjects(cat(&path), &path)? };
    table.run(half)?;
    fs::remove_file(&path)?;
    small(dir)
}

fn cached(how: &str, path: &Path) -> io::Result<()> {
    let mut subjects = subjects(cat(path), path)?;
    for (program, arguments) in [("cksum", &[][..]), ("rhash", &["--crc32c"]), ("rhash", &["--crc32"])] {
        subjects.extend(Subject::peer(program, arguments, &[path]));
    }
    subjects.push(Subject::ekv(&["verify-snapshot"], path));
    Table { title: format!("Sum of a file, {how}"), bytes: fs::metadata(path)?.len(), things: None, subjects }.run(|| Ok(()))
}

fn cat(path: &Path) -> Subject {
    let mut cat = Command::new("cat");
    cat.arg(path);
    Subject::new("`cat`", cat)
}

fn subjects(baseline: Subject, path: &Path) -> io::Result<Vec<Subject>> {
    let this = std::env::current_exe()?;
    let ways = WAYS.map(|way| {
        let mut command = Command::new(&this);
        command.arg(path).env(SUBJECT, way);
        Subject::new(way, command)
    });
    Ok([baseline].into_iter().chain(ways).collect())
}

/// What a process started by [`subjects`] does: one read of the file.
pub fn run_subject() -> io::Result<()> {
    let way = std::env::var(SUBJECT).unwrap_or_default();
    let path = PathBuf::from(std::env::args_os().nth(1).unwrap_or_default());
    let strategy = match way.split(',').next() {
        Some("mmap") => Strategy::Mmap,
        Some("pread") => Strategy::Pread,
        Some("direct") => Strategy::Direct,
        _ => Strategy::Auto,
    };
    let options = IoOptions { threads: usize::from(way.ends_with("1 thread")), strategy };
    if way.ends_with("in order") {
        let mut crc = Crc32c::default();
        let mut add = |_, window: &[u8]| {
            crc = crc.extend(window);
            ControlFlow::Continue(())
        };
        let read = BulkFile::open(&path).and_then(|file| file.for_each_window(0..u64::MAX, &options, &NoProgress, &mut add));
        read.map_err(io::Error::other)?;
        std::hint::black_box(crc);
    } else {
        std::hint::black_box(checksum_range(&path, 0..u64::MAX, &options, &NoProgress).map_err(io::Error::other)?);
    }
    Ok(())
}

/// From starting the program to its exit.
fn small(dir: &Path) -> io::Result<()> {
    let path = dir.join("0000000000000001.fsm");
    write_payload(&path, 4096)?;
    let mut nothing = Command::new("true");
    nothing.arg(&path);
    let mut version = Command::new(env!("CARGO_BIN_EXE_ekv-tool"));
    version.arg("--version");
    let subjects =
        vec![Subject::new("`true`", nothing), Subject::new("`--version`", version), Subject::ekv(&["verify-snapshot"], &path)];
    Table { title: "From start to exit, a snapshot of 4 KiB".to_owned(), bytes: 4096, things: None, subjects }.run(|| Ok(()))
}

/// A payload of noise with the right sum behind it.
fn write_payload(path: &Path, bytes: u64) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut crc = Crc32c::default();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut block = [0_u8; 4096];
    let mut left = bytes - 4;
    let mut head: &[u8] = b"EKVPBBL1";
    while left > 0 {
        for word in block.chunks_exact_mut(8) {
            state = next_noise(state);
            word.copy_from_slice(&state.to_le_bytes());
        }
        block[..head.len()].copy_from_slice(head);
        head = &[];
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
        crc = crc.extend(&block[..len]);
        file.write_all(&block[..len])?;
        left -= len as u64;
    }
    file.write_all(&crc.0.to_be_bytes())?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

fn warm(path: &Path) -> io::Result<()> {
    io::copy(&mut File::open(path)?, &mut io::sink()).map(drop)
}

/// Lets the page cache forget the file from an offset on.
fn drop_cached(path: &Path, from: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::fs::fadvise(File::open(path)?, from, None, rustix::fs::Advice::DontNeed)?;
    #[cfg(not(target_os = "linux"))]
    let _ = (path, from);
    Ok(())
}
