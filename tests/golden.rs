//! What every command prints on the small real node of fixtures/demo, in every format where that says something, and what the
//! commands about single files say of ten recorded directories. tests/golden/<command>/ holds the outputs.

use std::path::Path;
use std::process::Command;

use crate::support::golden::{golden, transcript};
use crate::support::recorded::cases;
use crate::support::tree::{copy_tree, date};

/// Name of the held output, and the command that is run on a copy of fixtures/demo.
const ON_THE_DEMO: &[(&str, &str)] = &[
    ("check/demo", "check demo"),
    ("check/list", "check --list"),
    ("compare/demo", "compare demo/n1"),
    ("explain/code", "explain fsm-body-crc"),
    ("gate/demo", "gate-dryrun --restore-rate 100MB --plan demo"),
    ("history/demo", "history redis:probe:n1 demo/n1/group-2"),
    ("inspect/demo", "inspect demo/n1/group-2/wal/0000000000000000-0000000000000000.wal"),
    ("snapshot/ls", "snapshot ls demo"),
    ("snapshot/rebuild", "snapshot rebuild demo/n1/group-2"),
    ("snapshot/stat", "snapshot stat demo/n1/group-2"),
    (
        "snapshot/diff",
        "snapshot diff --limit 3 demo/n1/group-2/fsm-snap/0000000000000065.fsm demo/n1/group-2/fsm-snap/00000000000000c9.fsm",
    ),
    ("store/dump-log", "store dump --limit 6 demo/n1/group-2/fsm.db/000002.log"),
    ("store/dump-manifest", "store dump demo/n1/group-2/fsm.db/MANIFEST-000001"),
    ("store/get", "store get demo/n1/group-2 !redis|str|probe:n1 --versions 3"),
    ("store/lsm", "store lsm demo/n1/group-2"),
    ("store/meta", "store meta demo/n1/group-2"),
    ("store/scan", "store scan --limit 8 demo/n1/group-2"),
    ("store/scan-raw", "store scan --raw --limit 4 demo/n1/group-2"),
    ("store/scan-own", "store scan --prefix _meta_ demo/n1/group-2"),
    ("store/stat", "store stat --top 5 demo/n1/group-2"),
    ("store/verify", "store verify demo/n1/group-1"),
    ("verify-snapshot/demo", "verify-snapshot --deep demo"),
    ("wal/dump", "wal dump --from 275 demo/n1/group-2"),
    ("wal/dump-types", "wal dump --type snapshot,crc,metadata demo"),
    ("wal/ls", "wal ls demo"),
    ("wal/show", "wal show 280 demo/n1/group-2"),
    ("wal/stat", "wal stat demo/n1/group-2"),
    ("wal/verify", "wal verify demo"),
];

/// The one file that is inspected.
const SEGMENT: &str = "demo/n1/group-2/wal/0000000000000000-0000000000000000.wal";

/// Extension of the held output, and the format.
const FORMATS: [(&str, &str); 5] =
    [("txt", "table"), ("json", "json"), ("ndjson", "ndjson"), ("prom", "prometheus"), ("md", "markdown")];

const CASES: [&str; 10] = [
    "applied-sst-then-log",
    "gate-S10-K17-L17-HS-1",
    "gate-S10-K17-L26-HK",
    "head-exec-none",
    "log-overwrite-below-commit",
    "mix-0305",
    "sst2-no-sst",
    "sst2-ok",
    "wal-last-cut90",
    "wal-old-record-after",
];

/// What is asked of each of them.
const ABOUT_CASES: [&str; 5] = ["wal ls n1", "wal stat n1", "store meta n1", "store scan --limit 20 n1", "snapshot ls n1"];

fn run(dir: &Path, command: &str, format: &str) -> String {
    let mut program = Command::new(assert_cmd::cargo::cargo_bin("ekv-tool"));
    let output = program.current_dir(dir).args(command.split(' ')).args(["--width", "80", "--format", format]).output().unwrap();
    without_durations(&transcript(&output))
}

/// Durations and rates are the only part that differs between runs.
fn without_durations(text: &str) -> String {
    let figure =
        |line: &str| ["\"elapsed_ms\": ", "\"bytes_per_second\": "].iter().any(|name| line.trim_start().starts_with(name));
    let lines = text.lines().filter(|line| !figure(line)).map(|line| match line.find("\"run\":{") {
        Some(from) => format!("{}\"run\":{{{}\n", &line[..from], &line[from + line[from..].find('}').unwrap()..]),
        None => format!("{line}\n"),
    });
    lines.collect()
}

#[test]
fn every_command_on_the_demo() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let copied = tempfile::tempdir().unwrap();
    copy_tree(&fixtures.join("demo"), &copied.path().join("demo"));
    // When a file of a checkout was written is not known beforehand.
    date(&copied.path().join(SEGMENT));
    for (name, command) in ON_THE_DEMO {
        for (extension, format) in FORMATS {
            golden(&format!("{name}.{extension}"), &run(copied.path(), command, format));
        }
    }
}

/// What monitors and CI systems are given, of a node that is fine and of one that is not.
#[test]
fn for_monitors_and_ci() {
    let copied = tempfile::tempdir().unwrap();
    for node in ["good", "bad"] {
        copy_tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo"), &copied.path().join(node));
    }
    let payload = copied.path().join("bad/n1/group-1/fsm-snap/00000000000002bd.fsm");
    let mut bytes = std::fs::read(&payload).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&payload, bytes).unwrap();
    for node in ["good", "bad", "nowhere"] {
        for command in ["check", "gate-dryrun", "verify-snapshot"] {
            for format in ["nagios", "github", "junit"] {
                let text = run(copied.path(), &format!("{command} {node}"), format);
                golden(&format!("ci/{command}-{node}.{format}"), &without_time(&text));
            }
        }
    }
}

/// The time that the run took, `time=12ms` and `time="0.012"`.
fn without_time(text: &str) -> String {
    let mut parts = text.split("time=");
    let mut kept = parts.next().unwrap().to_owned();
    for part in parts {
        kept.push_str("time=");
        kept.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '"'));
    }
    kept
}

#[test]
fn facts_for_people() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    golden("facts/demo.txt", &run(&fixtures, "facts demo", "table"));
    golden("facts/demo.md", &run(&fixtures, "facts demo", "markdown"));
}

#[test]
fn ten_recorded_directories() {
    for case in CASES {
        let dir = cases().root.join(case);
        let page = |command: &&str| format!("$ ekv-tool {command}\n{}\n", run(&dir, command, "table"));
        golden(&format!("cases/{case}.txt"), &ABOUT_CASES.iter().map(page).collect::<String>());
    }
}
