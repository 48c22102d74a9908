//! How fast a large file is summed, against what the machine can do in the same minute.
//!
//! `cargo bench --bench checksum` writes a file (4 GiB, `EKV_BENCH_BYTES`) below `target/` (`EKV_BENCH_DIR`), runs the
//! baselines and the subjects in changing order (`EKV_BENCH_ROUNDS`, 7), each as a process of its own, prints medians with their
//! ratio to the baseline, and removes the file. Nothing fails: on a shared machine only a ratio within one run means
//! something.
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use ekv_tool::io::{BulkFile, IoOptions, NoProgress, Strategy, checksum_range};
use ekv_tool::types::{ByteSize, Crc32c};

/// In the environment of a process started by this one: the subject that it shall run.
const SUBJECT: &str = "EKV_BENCH_SUBJECT";
/// Subjects of the library; a name says strategy, threads and whether bytes are wanted in order.
const SUBJECTS: [&str; 6] = ["auto", "auto, 1 thread", "mmap", "pread", "direct", "auto, in order"];

fn main() -> io::Result<()> {
    if let Ok(subject) = std::env::var(SUBJECT) {
        return run_subject(&subject, &PathBuf::from(std::env::args_os().nth(1).unwrap_or_default()));
    }
    let number = |name, usual| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (bytes, rounds) = (number("EKV_BENCH_BYTES", 4 << 30), number("EKV_BENCH_ROUNDS", 7));
    let dir = std::env::var_os("EKV_BENCH_DIR").map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).to_owned(), PathBuf::from);
    let dir = tempfile::tempdir_in(dir)?;
    let path = dir.path().join("payload");
    write_noise(&path, bytes)?;
    println!("{} in {}, {rounds} rounds in changing order, medians", ByteSize(bytes), dir.path().display());

    // The pages of a file that was written are smaller than those of one that was read, and cost more to map.
    let cat = || ("cat", command("cat", [path.as_os_str()]));
    compare("cached, as written", cat(), &path, rounds, || Ok(()))?;
    drop_cached(&path, 0)?;
    warm(&path)?;
    compare("cached, as read", cat(), &path, rounds, || Ok(()))?;

    let input = format!("if={}", path.display());
    let dd = command("dd", ["bs=4M", "iflag=direct", "of=/dev/null", &input]);
    compare("on the disk", ("dd bs=4M iflag=direct", dd), &path, rounds, || drop_cached(&path, 0))?;

    let half = || {
        warm(&path)?;
        drop_cached(&path, bytes / 2)
    };
    compare("half cached", cat(), &path, rounds.min(3), half)?;

    fs::remove_file(&path)?;
    start_to_exit(dir.path())
}

fn command<S: AsRef<OsStr>, const N: usize>(program: &str, arguments: [S; N]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// One process, from start to exit.
struct Run {
    seconds: f64,
    /// What a subject says of itself: its peak resident memory and how the bytes were served.
    said: String,
}

fn run(command: &mut Command) -> io::Result<Run> {
    let start = Instant::now();
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output()?;
    Ok(Run { seconds: start.elapsed().as_secs_f64(), said: String::from_utf8_lossy(&output.stdout).trim().to_owned() })
}

/// `cat` must not pass its output through us.
fn run_baseline(command: &mut Command) -> io::Result<Run> {
    let start = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    Ok(Run { seconds: start.elapsed().as_secs_f64(), said: String::new() })
}

fn compare(
    title: &str,
    (baseline, mut command): (&str, Command),
    path: &Path,
    rounds: u64,
    prepare: impl Fn() -> io::Result<()>,
) -> io::Result<()> {
    let this = std::env::current_exe()?;
    let mut runs: Vec<(&str, Vec<Run>)> = [baseline].into_iter().chain(SUBJECTS).map(|name| (name, Vec::new())).collect();
    let mut order: Vec<usize> = (0..runs.len()).collect();
    let mut state = 1_u64;
    for _ in 0..rounds {
        // What ran before leaves its mark on the disk's own caches: nobody always follows the same one.
        for last in (1..order.len()).rev() {
            state = next_noise(state);
            order.swap(last, (state >> 33) as usize % (last + 1));
        }
        for &index in &order {
            let (name, runs) = &mut runs[index];
            prepare()?;
            runs.push(if *name == baseline {
                run_baseline(&mut command)?
            } else {
                run(Command::new(&this).arg(path).env(SUBJECT, *name))?
            });
        }
    }
    println!("\n{title:<24} {:>8} {:>8} {:>8}", "seconds", "GB/s", "ratio");
    let bytes = fs::metadata(path)?.len() as f64;
    let base = median(&runs[0].1);
    for (name, runs) in &runs {
        let seconds = median(runs);
        let said = runs.last().map_or("", |run| run.said.as_str());
        println!("  {name:<22} {seconds:>8.3} {:>8.2} {:>7.2}x  {said}", bytes / seconds / 1e9, base / seconds);
    }
    Ok(())
}

fn median(runs: &[Run]) -> f64 {
    let mut seconds: Vec<f64> = runs.iter().map(|run| run.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What a process started by [`compare`] does: one read of the file.
fn run_subject(subject: &str, path: &Path) -> io::Result<()> {
    let strategy = match subject.split(',').next() {
        Some("mmap") => Strategy::Mmap,
        Some("pread") => Strategy::Pread,
        Some("direct") => Strategy::Direct,
        _ => Strategy::Auto,
    };
    let options = IoOptions { threads: usize::from(subject.ends_with("1 thread")), strategy };
    let read = if subject.ends_with("in order") {
        let mut crc = Crc32c::default();
        let mut add = |_, window: &[u8]| {
            crc = crc.extend(window);
            ControlFlow::Continue(())
        };
        BulkFile::open(path).and_then(|file| file.for_each_window(0..u64::MAX, &options, &NoProgress, &mut add))
    } else {
        checksum_range(path, 0..u64::MAX, &options, &NoProgress).map(|sum| sum.read)
    };
    let read = read.map_err(io::Error::other)?;
    let share = |part: u64| 100 * part / read.bytes.max(1);
    let served = read.served;
    print!("{}", peak_resident());
    println!(", {} % mapped, {} % direct, {} % buffered", share(served.mapped), share(served.direct), share(served.buffered));
    Ok(())
}

/// The largest resident memory that this process has had.
fn peak_resident() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    peak.map_or_else(|| "peak unknown".to_owned(), |kib| format!("{} peak", ByteSize(kib << 10)))
}

/// From starting the program to its exit, for a snapshot of 4 KiB.
fn start_to_exit(dir: &Path) -> io::Result<()> {
    const ROUNDS: usize = 200;
    let path = dir.join("0000000000000001.fsm");
    let mut payload = b"EKVPBBL1".to_vec();
    payload.resize(4092, 0);
    payload.extend_from_slice(&Crc32c::of(&payload).0.to_be_bytes());
    fs::write(&path, payload)?;
    let tool = env!("CARGO_BIN_EXE_ekv-tool");
    let known = Command::new(tool).args(["verify-snapshot", "--help"]).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    println!("\nstart to exit, milliseconds");
    for (name, arguments) in
        [("--version", vec!["--version".into()]), ("4 KiB snapshot", vec!["verify-snapshot".into(), path.into_os_string()])]
    {
        if name != "--version" && !known.success() {
            continue;
        }
        let runs: io::Result<Vec<Run>> = (0..ROUNDS).map(|_| run_baseline(Command::new(tool).args(&arguments))).collect();
        println!("  {name:<22} {:>8.2}", 1e3 * median(&runs?));
    }
    Ok(())
}

fn write_noise(path: &Path, bytes: u64) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..bytes / 8 {
        state = next_noise(state);
        file.write_all(&state.to_le_bytes())?;
    }
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

const fn next_noise(state: u64) -> u64 {
    state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
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
