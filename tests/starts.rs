//! Starts on directories of a kind that no recorded one has. Each was turned up by random damage, and the expected outcome
//! is what the server's own code did on such a directory.

use std::fs;
use std::path::Path;

use ekv_tool::io::NoProgress;
use ekv_tool::ops::{GateOptions, gate_dryrun};
use ekv_tool::types::ServerVersion;
use serde_json::{Value, json};

use super::support::log_writer::{LogWriter, conf_state};
use super::support::node_dir::{NodeDir, id};

/// The report on one group under one engine, as scripts see it.
fn report(dir: &Path, engine: ServerVersion) -> Value {
    let options = GateOptions { engine: Some(engine), ..GateOptions::default() };
    serde_json::to_value(gate_dryrun(&[dir.to_owned()], &options, &NoProgress).unwrap()).unwrap()
}

/// The group's part of it.
fn start(dir: &Path) -> Value {
    report(dir, ServerVersion::Main)["groups"][0].clone()
}

/// A node that is the only member, with a snapshot at 1 and entries up to 3.
fn lone() -> NodeDir {
    let mut log = LogWriter::new();
    log.entry(1, 1, "").snapshot(1, 1, &[id("n1")]).entries(2, 3, 1).state(1, id("n1"), 3);
    NodeDir::new(&log).snap(1, 1, &[id("n1")]).peers(1, &["n1"])
}

#[test]
fn a_new_log_replaces_what_stood_in_its_place() {
    let dir = lone();
    let wal = dir.path().join("wal");
    for entry in fs::read_dir(&wal).unwrap() {
        let path = entry.unwrap().path();
        fs::rename(&path, path.with_extension("tmp")).unwrap();
    }
    fs::create_dir(dir.path().join("wal.tmp")).unwrap();
    let start = start(dir.path());
    // No name ends in .wal, so that the node bootstraps; the log is put together in wal.tmp/ and then renamed to wal/.
    assert_eq!(start["outcome"], "none");
    assert_eq!(start["would_delete"], json!(["wal.tmp", "wal/0000000000000000-0000000000000000.tmp"]));
}

#[test]
fn the_choice_of_a_snapshot_clears_leftovers_of_a_defragmentation() {
    let dir = lone().file("snap/db.tmp1", b"x");
    assert_eq!(start(dir.path())["would_delete"], json!(["snap/db.tmp1"]));
    fs::remove_file(dir.path().join("snap/db.tmp1")).unwrap();
    fs::create_dir_all(dir.path().join("snap/db.tmp1/x")).unwrap();
    let refused = start(dir.path());
    assert_eq!((&refused["outcome"], &refused["would_delete"]), (&json!("abort"), &json!([])));
    assert_eq!(refused["abort"]["error"], "failed to remove orphaned .snap.db file");
}

#[test]
fn unknown_fields_of_the_members_end_the_newer_server() {
    let mut log = LogWriter::new();
    log.entry(1, 1, "").snapshot(1, 1, &[id("n1")]).entries(2, 3, 1).state(1, id("n1"), 3);
    let members = [conf_state(&[id("n1")], &[]), vec![0x48, 5]].concat();
    let dir = NodeDir::new(&log).snap_of(1, 1, &members).peers(1, &["n1"]);
    let refused = start(dir.path());
    // The library compares the members it was given with those it would write, byte for byte what it does not know.
    assert_eq!(refused["outcome"], "abort");
    assert_eq!(refused["abort"]["text"], "panic: ConfStates not equivalent after sorting");
    assert_eq!(report(dir.path(), ServerVersion::Main)["verdict"], "damaged");
}
