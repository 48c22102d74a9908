//! An interrupt in the middle of a long read, with and without a terminal.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{PATIENCE, skip, tool};
use crate::support::log_writer::LogWriter;
use crate::support::node_dir::NodeDir;
use crate::support::recorded::real;

/// A payload that takes long to read and no room on the disk.
fn endless(dir: &Path) -> String {
    let path = dir.join("0000000000000007.fsm");
    File::create(&path).unwrap().set_len(1 << 40).unwrap();
    path.to_str().unwrap().to_owned()
}

pub(super) fn signal(child: &Child, name: &str) {
    let done = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(done.success());
}

/// Waits until the child has the file open.
fn reading(child: &Child, file: &str) {
    let fds = format!("/proc/{}/fd", child.id());
    let started = Instant::now();
    loop {
        let open = fs::read_dir(&fds).into_iter().flatten().flatten();
        if open.filter_map(|fd| fs::read_link(fd.path()).ok()).any(|path| path == Path::new(file)) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "never opened {file}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn start(arguments: &[&str]) -> Child {
    tool().args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn an_interrupt_ends_a_long_read_with_130_and_no_report() {
    let dir = tempfile::tempdir().unwrap();
    let path = endless(&dir.path().canonicalize().unwrap());
    for arguments in [
        vec!["verify-snapshot", &path],
        vec!["verify-snapshot", "--deep", &path],
        vec!["verify-snapshot", "--format", "json", "--progress", "always", &path],
    ] {
        let child = start(&arguments);
        reading(&child, &path);
        signal(&child, "INT");
        let ended = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(ended.stderr).unwrap();
        assert_eq!((ended.status.code(), ended.stdout.len()), (Some(130), 0), "{arguments:?}: {stderr}");
        assert!(stderr.ends_with("ekv-tool: interrupted\n"), "{arguments:?}: {stderr:?}");
    }
    // Nothing was to be undone, so the other signals end the program as they end any.
    let child = start(&["verify-snapshot", &path]);
    reading(&child, &path);
    signal(&child, "TERM");
    assert_eq!(child.wait_with_output().unwrap().status.signal(), Some(15));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    // A report that was not written leaves nothing behind.
    let reports = tempfile::tempdir().unwrap();
    let child = start(&["verify-snapshot", &path, "--output", reports.path().join("report").to_str().unwrap()]);
    reading(&child, &path);
    signal(&child, "INT");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    assert_eq!(fs::read_dir(reports.path()).unwrap().count(), 0);
}

/// A signal that a process sends is no fault of a page: the guard of the mappings stays, and the cut that follows is noticed.
#[test]
fn a_sent_sigbus_does_not_disarm_the_guard() {
    let mut log = LogWriter::new();
    log.state(1, 0, 0);
    for index in 1..=20_000 {
        log.entry(index, 1, &"x".repeat(200));
    }
    let node = NodeDir::new(&log).peers(0, &["n1"]);
    let wal = node.path().join("wal");
    let segment = fs::read_dir(&wal).unwrap().next().unwrap().unwrap().path();
    let mut child = start(&["wal", "dump", "--format", "ndjson", wal.to_str().unwrap()]);
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    // Some rows are written, and the pipe is full: the program waits in the middle of the log.
    lines.read_line(&mut String::new()).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    signal(&child, "BUS");
    std::thread::sleep(Duration::from_millis(50));
    File::options().write(true).open(&segment).unwrap().set_len(4096).unwrap();
    let mut rest = Vec::new();
    lines.read_to_end(&mut rest).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(3), "{:?}: {}", ended.status, String::from_utf8_lossy(&ended.stderr));
}

/// A reader that has taken some lines, an interrupt, and the rest of what was on its way: every line is whole.
#[test]
fn an_interrupt_leaves_no_half_line() {
    let groups = real().groups();
    let largest = |dir: &Path| fs::read_dir(dir.join("wal")).map_or(0, Iterator::count);
    let group = groups.iter().filter(|case| case.dir.join("wal").is_dir()).max_by_key(|case| largest(&case.dir)).unwrap();
    // The same log many times over fills any pipe.
    let dir = group.dir.to_str().unwrap();
    let arguments: Vec<&str> = ["wal", "dump", "--format", "ndjson"].into_iter().chain([dir; 40]).collect();
    for lines in [1, 700, 3000] {
        let mut child = start(&arguments);
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        for _ in 0..lines {
            line.clear();
            assert!(out.read_line(&mut line).unwrap() > 0, "ended before line {lines}");
        }
        signal(&child, "INT");
        let mut rest = String::new();
        out.read_to_string(&mut rest).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(130), "after {lines} lines");
        assert!(rest.ends_with('\n'), "half a line: {:?}", rest.lines().last());
        for line in rest.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap();
        }
    }
}

/// Ctrl-C on a terminal: the bar goes, and the terminal is as it was.
#[test]
fn a_terminal_is_left_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = endless(&dir.path().canonicalize().unwrap());
    let program = tool().get_program().to_str().unwrap().to_owned();
    let inner = format!(
        "trap : INT; stty -a >\"$0/before\"; {program} verify-snapshot {path}; echo $? >\"$0/status\"; stty -a >\"$0/after\""
    );
    let line = format!("exec sh -c '{inner}' {}", dir.path().display());
    let mut script = Command::new("script");
    script.args(["-qfc", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let Ok(mut child) = script.spawn() else {
        skip("no program `script`, so no terminal to interrupt on");
        return;
    };
    let mut keyboard = child.stdin.take().unwrap();
    let mut screen = child.stdout.take().unwrap();
    let mut shown = Vec::new();
    let mut piece = [0; 4096];
    // The bar is there once it says how much is left.
    while !String::from_utf8_lossy(&shown).contains(" left") {
        let read = screen.read(&mut piece).unwrap();
        assert!(read > 0, "no bar: {}", String::from_utf8_lossy(&shown));
        shown.extend_from_slice(&piece[..read]);
    }
    keyboard.write_all(b"\x03").unwrap();
    screen.read_to_end(&mut shown).unwrap_or_default();
    drop(keyboard);
    child.wait().unwrap();
    let text = String::from_utf8_lossy(&shown);
    let last = &text[text.rfind(" left").unwrap()..];
    // The line of the bar was erased before the message, and a cursor that was hidden is back.
    assert!(last.contains("\x1b[2K") && last.contains("ekv-tool: interrupted"), "{last:?}");
    assert_eq!(text.matches("\x1b[?25l").count(), text.matches("\x1b[?25h").count(), "{text:?}");
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    assert_eq!(read("status").trim(), "130", "{text:?}");
    assert_eq!(read("before"), read("after"));
}
