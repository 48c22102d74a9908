//! `store lsm`: the levels as people and scripts see them.

use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

use crate::support::store_writer::StoreWriter;
use crate::support::table_writer::{Options, SET};

/// Two tables in level 0 that overlap, two in level 5, one in level 6, and one record in the log.
fn write(dir: &Path) {
    let mut store = StoreWriter::new(dir).unwrap();
    let mut table = |level, keys: [&str; 2], seq| {
        store
            .table(level, Options::default(), |writer| {
                keys.iter().try_for_each(|key| writer.point(key.as_bytes(), seq, SET, b"value"))
            })
            .unwrap();
    };
    table(6, ["a", "z"], 0);
    table(5, ["b", "f"], 11);
    table(5, ["m", "q"], 12);
    table(0, ["c", "n"], 13);
    table(0, ["a", "d"], 14);
    store.batch(20, &[(SET, b"k", b"v")]);
    store.finish().unwrap();
}

fn run(args: &[&str], dir: &Path) -> String {
    let output =
        Command::cargo_bin("ekv-tool").unwrap().args(["store", "lsm", "--width", "80"]).args(args).arg(dir).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn for_people() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("fsm.db");
    write(&dir);
    let text = run(&["--verbose"], &dir);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let (_, picture) = text.split_once("Key space\n").unwrap();
    let picture: Vec<_> = picture.lines().take(4).map(str::trim_end).collect();
    assert_eq!(
        picture,
        [
            "  L0       9 [=======================]",
            "  L0       8                 [===============================]",
            "  L5                 [=======================]       [===============]",
            "  L6         [================================================================]",
        ],
        "{text}"
    );
    for line in ["  last sequence    19", "  a lookup visits  up to 4 tables", "  in logs          1 record"] {
        assert!(text.contains(line), "{line} is missing:\n{text}");
    }
}

#[test]
fn for_scripts() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("fsm.db");
    write(&dir);
    let report: Value = serde_json::from_str(&run(&["--format", "json"], &dir)).unwrap();
    let store = &report["stores"][0];
    assert_eq!((store["tables"].as_u64(), store["read_amplification"].as_u64()), (Some(5), Some(4)));
    let numbers = |level: usize| -> Vec<u64> {
        store["levels"][level]["tables"].as_array().unwrap().iter().map(|table| table["number"].as_u64().unwrap()).collect()
    };
    assert_eq!([numbers(0), numbers(1), numbers(5), numbers(6)], [vec![9, 8], vec![], vec![6, 7], vec![5]]);
    assert_eq!(store["levels"][5]["tables"][1]["smallest"], "m");
    let lines = run(&["--format", "ndjson"], &dir);
    assert_eq!(lines.lines().count(), 14, "a store, seven levels, five tables and a summary:\n{lines}");
    let metrics = run(&["--format", "prometheus"], &dir);
    assert!(metrics.contains("level=\"5\"} 2"), "{metrics}");
}
