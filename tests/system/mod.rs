//! The program and the system under it: a disk that fails, files that are no files, signals, other users.

mod calls; // Every system call of every reading command.
mod disk_error; // A disk that does not deliver a page.
mod file_systems; // File systems with other ways of reading, and files of some TiB.
mod kernel_files; // Files of the kernel, of the largest size, of many names; blocks that claim something.
mod odd_files; // FIFOs, sockets, devices, loops and strange names in the place of data.
mod other_user; // Files that belong to somebody else, and a file system that cannot be written to.
mod output; // Where a report may be written.
mod signals; // An interrupt in the middle of a long read.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::recorded::cases;
use crate::support::tree::copy_tree;

/// No run takes this long; one that does hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Says visibly that something that a test needs is not here.
fn skip(why: &str) {
    // Past the capturing of outputs.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

/// How a run ended.
#[derive(Debug)]
struct Ended {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Ended {
    /// Both outputs.
    fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// The program, ready to be given arguments.
fn tool() -> Command {
    Command::new(assert_cmd::cargo::cargo_bin("ekv-tool"))
}

/// Runs a command to its end, which has to be one of its own: no hang, no signal, no panic.
fn finish(command: &mut Command) -> Ended {
    let [out, err] = [(); 2].map(|()| tempfile::NamedTempFile::new().unwrap());
    command.stdin(Stdio::null()).stdout(out.reopen().unwrap()).stderr(err.reopen().unwrap());
    let mut child = command.spawn().unwrap();
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("hangs: {command:?}");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let text = |file: tempfile::NamedTempFile| String::from_utf8_lossy(&fs::read(file.path()).unwrap()).into_owned();
    let (stdout, stderr) = (text(out), text(err));
    let status = status.code().unwrap_or_else(|| panic!("{command:?}: {status}: {stderr}"));
    assert!(!stderr.contains("panicked"), "{command:?}: {stderr}");
    Ended { status, stdout, stderr }
}

fn run(arguments: &[String]) -> Ended {
    finish(tool().args(arguments))
}

/// Every command that reads a group, about `group`, about the same files under another node's name, and about `file`.
///
/// In JSON, because a table wraps its lines wherever there is room.
fn commands(group: &Path, other: &Path, file: &Path) -> Vec<Vec<String>> {
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (group, store) = (text(group), text(&group.join("fsm.db")));
    let lines = [
        format!("gate-dryrun {group}"),
        format!("check {group}"),
        format!("compare {group} {}", text(other)),
        format!("verify-snapshot --deep {group}"),
        format!("wal ls {group}"),
        format!("wal verify {group}"),
        format!("wal stat {group}"),
        format!("wal dump {group}"),
        format!("store meta {store}"),
        format!("store lsm {store}"),
        format!("store verify --deep {store}"),
        format!("store scan {store}"),
        format!("inspect {}", text(file)),
    ];
    lines.iter().map(|line| line.split(' ').chain(["--format", "json"]).map(str::to_owned).collect()).collect()
}

/// A group with files of every kind that every command finds clean, and the same files under another node's name.
struct Healthy {
    _dir: tempfile::TempDir,
    group: PathBuf,
    other: PathBuf,
}

impl Healthy {
    fn copy() -> Self {
        let group = cases().groups().iter().map(|case| case.dir.clone()).find(|dir| is_healthy(dir)).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let copy = Self { _dir: dir, group: root.join("n1"), other: root.join("n2") };
        copy_tree(&group, &copy.group);
        copy_tree(&group, &copy.other);
        copy
    }

    fn commands(&self, file: &Path) -> Vec<Vec<String>> {
        commands(&self.group, &self.other, file)
    }

    /// Files of the group, sorted.
    fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for dir in ["", "wal", "snap", "fsm-snap", "fsm.db"] {
            let entries = fs::read_dir(self.group.join(dir)).unwrap().map(|entry| entry.unwrap().path());
            found.extend(entries.filter(|path| path.is_file()));
        }
        found.sort();
        found
    }
}

fn is_healthy(group: &Path) -> bool {
    let with = |dir: &str, ending: &str| {
        let entries = fs::read_dir(group.join(dir)).into_iter().flatten();
        entries.filter(|entry| entry.as_ref().unwrap().path().extension() == Some(OsStr::new(ending))).count()
    };
    let judged = |command: &&Vec<String>| !["compare", "inspect"].contains(&command[0].as_str());
    with("wal", "wal") >= 2
        && with("snap", "snap") >= 2
        && with("fsm-snap", "fsm") >= 2
        && with("fsm.db", "sst") >= 1
        && commands(group, group, group).iter().filter(judged).all(|command| run(command).status == 0)
}

fn name_of(path: &Path) -> &str {
    path.file_name().and_then(OsStr::to_str).unwrap()
}
