//! What people see of the main commands in terminals of 60, 80, 120 and 200 columns, of healthy and of damaged directories.
//! tests/golden/widths/ holds the pages, one a command and width, to be read by eye.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use crate::support::golden::golden;
use crate::support::recorded::{cases, real};
use crate::support::tree::copy_tree;

const WIDTHS: [usize; 4] = [60, 80, 120, 200];

/// Where a command is run.
#[derive(Clone, Copy)]
enum Place {
    /// A copy of fixtures/demo, as `demo`.
    Demo,
    /// The same with a damaged payload.
    Damaged,
    /// A recorded directory with a fault.
    Case(&'static str),
    /// A recorded cluster.
    Real(&'static str),
}

/// Name of the page, and what is asked.
const PAGES: [(&str, &[(Place, &str)]); 13] = [
    ("check", &[(Place::Demo, "check demo"), (Place::Damaged, "check demo"), (Place::Case("wal-last-cut90"), "check n1")]),
    (
        "gate-dryrun",
        &[
            (Place::Demo, "gate-dryrun --restore-rate 100MB demo"),
            (Place::Damaged, "gate-dryrun --restore-rate 100MB demo"),
            (Place::Case("head-exec-none"), "gate-dryrun --restore-rate 100MB --plan n1"),
        ],
    ),
    ("compare", &[(Place::Real("three-M"), "compare n1 n2 n3"), (Place::Real("membership-M-H1-after"), "compare .")]),
    ("verify-snapshot", &[(Place::Demo, "verify-snapshot demo"), (Place::Damaged, "verify-snapshot --deep demo")]),
    ("wal-ls", &[(Place::Demo, "wal ls demo"), (Place::Case("wal-last-cut90"), "wal ls n1")]),
    ("wal-stat", &[(Place::Demo, "wal stat demo"), (Place::Case("wal-last-cut90"), "wal stat n1")]),
    (
        "wal-dump",
        &[(Place::Demo, "wal dump --from 278 demo/n1/group-2"), (Place::Case("log-overwrite-below-commit"), "wal dump n1")],
    ),
    ("store-stat", &[(Place::Demo, "store stat --top 3 demo"), (Place::Real("three-M"), "store stat --top 3 n1")]),
    ("store-lsm", &[(Place::Demo, "store lsm demo"), (Place::Real("lag-M"), "store lsm n1")]),
    ("store-scan", &[(Place::Demo, "store scan --limit 12 demo/n1/group-2")]),
    ("snapshot-ls", &[(Place::Demo, "snapshot ls demo"), (Place::Real("three-M"), "snapshot ls n1")]),
    ("facts", &[(Place::Demo, "facts demo"), (Place::Real("three-M"), "facts n1")]),
    (
        "history",
        &[
            (Place::Demo, "history redis:probe:n1 demo/n1/group-2"),
            (Place::Real("three-M"), "history !redis|str|e:68 n1 n2 n3 --limit 3"),
        ],
    ),
];

fn asked(dir: &Path, command: &str, width: usize) -> String {
    let mut program = Command::new(assert_cmd::cargo::cargo_bin("ekv-tool"));
    let format = ["--format", "table", "--width", &width.to_string()];
    let output = program.current_dir(dir).args(command.split(' ')).args(format).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{command}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_main_commands_in_narrow_and_wide_terminals() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
    let (good, bad) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for root in [&good, &bad] {
        copy_tree(&fixtures, &root.path().join("demo"));
    }
    let payload = bad.path().join("demo/n1/group-1/fsm-snap/00000000000002bd.fsm");
    let mut bytes = std::fs::read(&payload).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&payload, bytes).unwrap();
    for (name, asks) in PAGES {
        for width in WIDTHS {
            let mut page = String::new();
            for (place, command) in asks {
                let dir = match place {
                    Place::Demo => good.path().to_owned(),
                    Place::Damaged => bad.path().to_owned(),
                    Place::Case(case) => cases().root.join(case),
                    Place::Real(cluster) => real().root.join(cluster),
                };
                writeln!(page, "$ ekv-tool {command}\n{}", asked(&dir, command, width)).unwrap();
            }
            for line in page.lines() {
                assert_eq!(line, line.trim_end(), "{name} at {width}: blanks at the end of a line");
            }
            golden(&format!("widths/{name}-{width}.txt"), &page);
        }
    }
}
