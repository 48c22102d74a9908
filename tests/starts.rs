//! Starts on directories of a kind that no recorded one has. Each was turned up by random damage, and the expected outcome
//! is what the server's own code did on such a directory.

use std::fs;
use std::path::Path;

use ekv_tool::Run;
use ekv_tool::ops::{GateOptions, gate_dryrun};
use ekv_tool::types::ServerVersion;
use serde_json::{Value, json};

use super::support::log_writer::{LogWriter, conf_change, conf_context, conf_state, snap_file, token};
use super::support::node_dir::{NodeDir, id, ids};
use super::support::state_files::StateFiles;
use super::support::store_writer::StoreWriter;
use super::support::table_writer::SET;

/// The report on one group under one engine, as scripts see it.
fn report(dir: &Path, engine: ServerVersion) -> Value {
    let options = GateOptions { engine: Some(engine), ..GateOptions::default() };
    serde_json::to_value(gate_dryrun(&[dir.to_owned()], &options, &Run::local()).unwrap()).unwrap()
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

/// The plan and everything else about the start of one group.
fn planned(dir: &Path, engine: ServerVersion) -> Value {
    let options = GateOptions { engine: Some(engine), plan: true, ..GateOptions::default() };
    serde_json::to_value(gate_dryrun(&[dir.to_owned()], &options, &Run::local()).unwrap()).unwrap()["groups"][0].clone()
}

fn proposal(payload: &[u8]) -> Vec<u8> {
    [&[1, 0, 0, 0, 0, 0, 0, 0, 7], payload].concat()
}

/// A node with a snapshot at 1 and a commit of 3, and what `write` adds behind it. The members are those of the snapshot and
/// of the peers file.
fn node(members: &[&str], write: impl FnOnce(&mut LogWriter)) -> NodeDir {
    let mut log = LogWriter::new();
    log.entry(1, 1, "").snapshot(1, 1, &ids(members)).entries(2, 3, 1).state(1, id("n1"), 3);
    write(&mut log);
    NodeDir::new(&log).snap(1, 1, &ids(members)).peers(1, members)
}

fn halt(dir: &NodeDir) -> (u64, String, String) {
    let halt = start(dir.path())["replay"]["halt"].clone();
    let text = |field: &str| halt[field].as_str().unwrap_or_default().to_owned();
    (halt["index"].as_u64().unwrap_or_default(), text("error"), text("effect"))
}

#[test]
fn a_lone_voter_applies_what_stands_behind_the_commit() {
    let reserved = |log: &mut LogWriter| {
        log.typed_entry(0, 4, 1, &proposal(&[2, 0, 0, 0, 0, 0, 0, 0, 9])).typed_entry(0, 5, 1, &proposal(&[7])).entry(6, 1, "x");
    };
    let alone = node(&["n1"], reserved);
    assert_eq!(halt(&alone), (5, "ErrEncryptionApply".into(), "start-fails".into()));
    let start = planned(alone.path(), ServerVersion::Main);
    assert_eq!((&start["replay"]["self_committed"], &start["ceiling_after_start_ms"]), (&json!(1), &json!(9)));
    let actions: Vec<_> = start["plan"].as_array().unwrap().iter().map(|row| row["action"].clone()).collect();
    assert_eq!(actions, ["apply", "apply", "uncommitted", "halt", "halt"]);
    assert_eq!(report(alone.path(), ServerVersion::Main)["verdict"], "damaged");
    let others = node(&["n1", "n2"], reserved);
    assert_eq!(halt(&others), (0, String::new(), String::new()));
    assert_eq!(report(others.path(), ServerVersion::Main)["verdict"], "clean");
}

#[test]
fn membership_changes_behind_the_commit_of_a_lone_voter() {
    let with = |kind: u64, change: Vec<u8>| {
        node(&["n1"], |log| {
            log.typed_entry(kind, 4, 1, &change);
        })
    };
    let removal = with(1, conf_change(1, id("n1"), b""));
    assert_eq!(halt(&removal), (4, "removed all voters".into(), "process-ends".into()));
    assert_eq!(halt(&with(1, vec![0xff, 0xff])).2, "start-fails");
    assert_eq!(halt(&with(2, Vec::new())), (4, "can't leave a non-joint config".into(), "process-ends".into()));
    let unknown = with(1, conf_change(0, id("n4"), b""));
    assert_eq!(halt(&unknown), (4, "errPeerAddressRequired".into(), "start-fails".into()));
    let known = with(1, conf_change(0, id("n4"), &conf_context(id("n4"), "n4", "host:1")));
    assert_eq!(halt(&known).0, 0);
}

#[test]
fn keys_are_not_opened_without_a_kek() {
    let row = [&1_u32.to_be_bytes()[..], &id("n1").to_be_bytes(), &1_u16.to_be_bytes()].concat();
    let rotation = [&[5, 1, 1, 0, 0, 0, 7, 1, 0, 0, 0, 0][..], &row].concat();
    let with = |payload: &[u8]| {
        node(&["n1"], |log| {
            log.typed_entry(0, 4, 1, &proposal(payload));
        })
    };
    assert_eq!(halt(&with(&rotation)), (4, "ErrKEKNotConfigured".into(), "start-fails".into()));
    let registered = with(&[&[3, 1][..], &row].concat());
    assert_eq!(halt(&registered).0, 0, "a registration needs no key");
    assert_eq!(report(registered.path(), ServerVersion::Main)["verdict"], "clean");
    // A sidecar shows that the node has keys, which nobody gave.
    let keys = with(&rotation);
    fs::create_dir(keys.path().join("encryption")).unwrap();
    let keys = keys.file("encryption/keys.json", b"{}");
    assert_eq!(halt(&keys).0, 0);
    assert_eq!(report(keys.path(), ServerVersion::Main)["verdict"], "unknown");
}

#[test]
fn the_removal_of_the_node_itself_ends_its_group() {
    let removed = |log: &mut LogWriter| {
        log.typed_entry(1, 4, 1, &conf_change(0, id("n4"), &conf_context(id("n4"), "n4", "host:1")));
        log.typed_entry(1, 5, 1, &conf_change(1, id("n1"), b"")).state(1, id("n1"), 5);
    };
    // The only member in the peers file waits for its own election.
    assert_eq!(halt(&node(&["n1"], removed)), (5, "etcd raft engine is closed".into(), "start-fails".into()));
    let others = node(&["n1", "n2", "n3"], removed);
    assert_eq!(halt(&others), (5, "removed".into(), "group-stops".into()));
    let report = report(others.path(), ServerVersion::Main);
    assert_eq!(report["verdict"], "clean");
    assert!(report["findings"].as_array().unwrap().iter().any(|finding| finding["code"] == "own-removal-applied"));
}

#[test]
fn a_proposal_without_payload_is_rejected() {
    let dir = node(&["n1", "n2"], |log| {
        log.typed_entry(0, 4, 1, &proposal(b"")).state(1, id("n1"), 4);
    });
    let row = planned(dir.path(), ServerVersion::Main)["plan"][2].clone();
    assert_eq!(
        (&row["action"], &row["note"]),
        (&json!("noop"), &json!("a proposal without a payload, which the state machine rejects"))
    );
}

const BODY: &[u8] = b"EKVPBBL1\0\0\0\0\0\0\0\0";
/// A stream of the in-memory format without rows.
const MVCC_BODY: &[u8] = b"EKVMVCC2\x01\0\0\0\xac\x61\xbd\x01\x03\0\x18\xd8\x20\x74\x97\x01\0\0\0\0\0\0\0\0";

#[test]
fn state_files_are_migrated_without_a_gate() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("n1");
    StateFiles { snapshot: 5, commit: 7, entries: 6..=8, voters: &["n1"] }.write(&dir);
    let body = dir.join("etcd-fsm-snapshot.bin");
    fs::write(&body, BODY).unwrap();
    let start = planned(&dir, ServerVersion::Main);
    assert_eq!(
        (&start["outcome"], &start["effective_applied"], &start["last_index"]),
        (&json!("legacy-restore"), &json!(5), &json!(8))
    );
    let rows: Vec<_> =
        start["plan"].as_array().unwrap().iter().map(|row| (row["index"].clone(), row["action"].clone())).collect();
    assert_eq!(rows, [(json!(6), json!("apply")), (json!(7), json!("apply")), (json!(8), json!("uncommitted"))]);

    // The temporary store of such a body must not be there.
    fs::write(&body, MVCC_BODY).unwrap();
    fs::create_dir(dir.join("fsm.db.restore-tmp")).unwrap();
    assert_eq!(planned(&dir, ServerVersion::Main)["would_delete"], json!(["fsm.db.restore-tmp"]));

    // Zeros behind the last entry are messages of size 0, and count.
    let entries = dir.join("etcd-raft-entries.bin");
    let whole = fs::read(&entries).unwrap();
    fs::write(&entries, [&whole[..], &[0; 8]].concat()).unwrap();
    assert_eq!(planned(&dir, ServerVersion::Main)["last_index"], 10);

    fs::remove_file(&entries).unwrap();
    let refused = planned(&dir, ServerVersion::Pr934);
    assert_eq!(refused["abort"]["text"], "unsupported etcd raft peers version 3");
    let refused = planned(&dir, ServerVersion::Main);
    let text = refused["abort"]["text"].as_str().unwrap();
    assert!(text.starts_with("panic: ") && text.ends_with("state.commit 7 is out of range [5, 5]"), "{text}");

    fs::create_dir(&entries).unwrap();
    assert_eq!(planned(&dir, ServerVersion::Main)["abort"]["text"], "read etcd-raft-entries.bin: is a directory");
}

#[test]
fn a_restore_of_the_in_memory_format_clears_its_work_area() {
    let crc = crc32c::crc32c(MVCC_BODY);
    let snap = snap_file(1, 1, &conf_state(&[id("n1")], &[]), &token(1, crc));
    let dir = lone()
        .file("snap/0000000000000001-0000000000000001.snap", &snap)
        .file("fsm-snap/0000000000000001.fsm", &[MVCC_BODY, &crc.to_be_bytes()].concat());
    fs::create_dir(dir.path().join("fsm.db.restore-tmp")).unwrap();
    let restored = start(dir.path());
    assert_eq!((&restored["outcome"], &restored["would_delete"]), (&json!("fallback"), &json!(["fsm.db.restore-tmp"])));
}

/// A store that says it has applied `applied`; with more batches than one it says the last of them.
fn store(dir: &NodeDir, applied: &[u64]) {
    let mut store = StoreWriter::new(&dir.path().join("fsm.db")).unwrap();
    for (seq, applied) in (10..).zip(applied) {
        store.batch(seq, &[(SET, b"_meta_applied_index", &applied.to_le_bytes())]);
    }
    store.finish().unwrap();
}

#[test]
fn the_floor_is_computed_from_a_log_that_must_reach_the_store() {
    let dir = node(&["n1", "n2", "n3"], |log| {
        log.entries(4, 6, 1).state(1, id("n1"), 20);
    });
    store(&dir, &[20]);
    assert_eq!(start(dir.path())["abort"]["text"], "panic: entries' hi(21) is out of bound lastindex(6)");
    store(&dir, &[6]);
    let text = start(dir.path())["abort"]["text"].clone();
    assert!(text.as_str().unwrap().ends_with("state.commit 20 is out of range [1, 6]"), "{text}");
}

#[test]
fn the_next_segment_that_was_being_prepared() {
    let fine = lone().file("wal/0.tmp", b"");
    assert_eq!(start(fine.path())["would_delete"], json!(["wal/0.tmp"]));
    // A process that panics closes nothing.
    let panics = node(&["n1"], |log| {
        log.state(1, id("n1"), 9);
    })
    .file("wal/0.tmp", b"");
    let start_of = start(panics.path());
    assert_eq!((&start_of["outcome"], &start_of["would_delete"]), (&json!("abort"), &json!([])));
    let blocked = lone();
    fs::create_dir(blocked.path().join("wal/0.tmp")).unwrap();
    assert_eq!(start(blocked.path())["would_delete"], json!([]));
}

#[test]
fn a_torn_log_is_repaired_only_if_a_copy_can_be_made() {
    let mut log = LogWriter::new();
    log.entry(1, 1, "").snapshot(1, 1, &[id("n1")]).state(1, id("n1"), 2).entries(2, 3, 1);
    let (name, bytes) = log.last_segment();
    let dir =
        NodeDir::new(&log).snap(1, 1, &[id("n1")]).peers(1, &["n1"]).file(&format!("wal/{name}"), &bytes[..bytes.len() - 5]);
    assert_eq!(start(dir.path())["would_repair"]["path"], format!("wal/{name}"));
    fs::create_dir(dir.path().join(format!("wal/{name}.broken"))).unwrap();
    let refused = start(dir.path());
    assert_eq!((&refused["abort"]["error"], &refused["would_repair"]), (&json!("WAL unrepairable"), &Value::Null));
}

fn link(dir: &NodeDir, name: &str) {
    let path = dir.path().join(name);
    let _ = fs::remove_file(&path);
    std::os::unix::fs::symlink("nonexistent/x", path).unwrap();
}

#[test]
fn links_to_nothing_where_the_server_opens_or_makes_something() {
    let refused = |dir: &NodeDir| start(dir.path())["abort"]["text"].as_str().unwrap_or("no refusal").to_owned();
    let dir = lone();
    link(&dir, "raft.db");
    assert_eq!(refused(&dir), "no refusal", "the artefacts are looked for through links");
    link(&dir, "raft-engine");
    assert_eq!(refused(&dir), "open raft-engine: no such file or directory");
    fs::create_dir(dir.path().join("nonexistent")).unwrap();
    assert_eq!(refused(&dir), "no refusal", "the marker is made where the link points");
    let dir = lone();
    link(&dir, "fsm.db");
    assert_eq!(refused(&dir), "error opening database at \"fsm.db\": mkdir fsm.db: file exists");
    let dir = lone();
    store(&dir, &[3]);
    link(&dir, "fsm.db/LOCK");
    assert_eq!(refused(&dir), "open fsm.db/LOCK: no such file or directory");
    let dir = lone();
    link(&dir, "fsm.db-restore-backup-1");
    assert_eq!(refused(&dir), "error opening database at \"fsm.db\": mkdir fsm.db: file exists");
    assert_eq!(start(dir.path())["would_rename"], json!([{ "from": "fsm.db-restore-backup-1", "to": "fsm.db" }]));
    let dir = lone();
    link(&dir, "wal/0000000000000001-0000000000000063.wal");
    let path = "wal/0000000000000001-0000000000000063.wal";
    let text = format!("[openWALFiles] os.OpenFile failed (\"{path}\"): open {path}: no such file or directory");
    assert_eq!(refused(&dir), text);
}

#[test]
fn a_snapshot_file_that_cannot_be_read_is_passed_over() {
    let newer = "snap/0000000000000001-0000000000000002.snap";
    let dir = lone();
    link(&dir, newer);
    let start_of = start(dir.path());
    assert_eq!(start_of["would_rename"], json!([{ "from": newer, "to": format!("{newer}.broken") }]));
    assert_eq!((&start_of["outcome"], &start_of["snapshot"]["index"]), (&json!("fallback"), &json!(1)));
    // A directory in the place of the new name is no obstacle either.
    fs::create_dir(dir.path().join(format!("{newer}.broken"))).unwrap();
    let start_of = start(dir.path());
    assert_eq!((&start_of["would_rename"], &start_of["snapshot"]["index"]), (&json!([]), &json!(1)));
}

/// Severity of the finding, and the verdict.
fn judged(report: &Value, code: &str) -> (String, String) {
    let found = report["findings"].as_array().unwrap().iter().find(|finding| finding["code"] == code);
    let severity = found.map_or("none", |finding| finding["severity"].as_str().unwrap());
    (severity.to_owned(), report["verdict"].as_str().unwrap().to_owned())
}

fn checked(dir: &Path) -> Value {
    let options = ekv_tool::ops::CheckOptions::default();
    serde_json::to_value(ekv_tool::ops::check(&[dir.to_owned()], &options, &Run::local()).unwrap()).unwrap()
}

fn pair(severity: &str, verdict: &str) -> (String, String) {
    (severity.to_owned(), verdict.to_owned())
}

#[test]
fn damage_that_the_start_makes_good_is_a_warning_of_the_forecast_and_an_error_of_the_bytes() {
    let hole = "store-log-hole";
    let with = |applied: [u64; 3]| {
        let dir = node(&["n1", "n2", "n3"], |log| {
            log.entries(4, 6, 1).state(1, id("n1"), 6);
        });
        store(&dir, &applied);
        let log = dir.path().join("fsm.db/000002.log");
        let mut bytes = fs::read(&log).unwrap();
        // In the second of three records.
        bytes[70] ^= 1;
        fs::write(&log, bytes).unwrap();
        dir
    };
    let replays = with([3, 4, 5]);
    let forecast = report(replays.path(), ServerVersion::Main);
    assert_eq!((&forecast["groups"][0]["outcome"], judged(&forecast, hole)), (&json!("skip"), pair("warning", "clean")));
    assert_eq!(judged(&checked(replays.path()), hole), pair("error", "damaged"));
    let replaces = with([0, 4, 5]);
    let forecast = report(replaces.path(), ServerVersion::Main);
    assert_eq!((&forecast["groups"][0]["outcome"], judged(&forecast, hole)), (&json!("execute"), pair("warning", "clean")));
}

#[test]
fn damage_in_a_segment_below_the_snapshot_is_not_read() {
    let members = ids(&["n1", "n2", "n3"]);
    let mut log = LogWriter::new();
    log.entry(1, 1, "").snapshot(1, 1, &members).entries(2, 4, 1).state(1, id("n1"), 4).record(2, &[0xff]);
    log.cut();
    log.entries(5, 8, 1).state(1, id("n1"), 8).snapshot(6, 1, &members);
    let dir = NodeDir::new(&log).snap(6, 1, &members).peers(6, &["n1", "n2", "n3"]);
    let forecast = report(dir.path(), ServerVersion::Main);
    assert_eq!(judged(&forecast, "wal-payload-malformed"), pair("warning", "clean"));
    assert_eq!(judged(&checked(dir.path()), "wal-payload-malformed"), pair("error", "damaged"));
}

#[test]
fn a_store_whose_making_was_interrupted_has_lost_nothing() {
    let dir = node(&["n1", "n2", "n3"], |_| {});
    fs::create_dir(dir.path().join("fsm.db")).unwrap();
    let dir = dir.file("fsm.db/LOCK", b"").file("fsm.db/MANIFEST-000001", b"");
    assert_eq!(judged(&report(dir.path(), ServerVersion::Main), "store-manifest-marker"), pair("info", "clean"));
    let dir = dir.file("fsm.db/000005.sst", b"");
    assert_eq!(judged(&checked(dir.path()), "store-manifest-marker"), pair("error", "damaged"));
}

#[test]
fn a_store_whose_opening_was_interrupted_has_lost_nothing() {
    let dir = node(&["n1", "n2", "n3"], |_| {});
    store(&dir, &[3]);
    let path = |name: &str| dir.path().join("fsm.db").join(name);
    fs::write(path("OPTIONS-000003"), b"[Version]\n  pebble_version=0.1\n").unwrap();
    // The log is below the smallest number that counts.
    fs::rename(path("000002.log"), path("000001.log")).unwrap();
    assert_eq!(judged(&checked(dir.path()), "store-log-missing"), pair("error", "damaged"));
    fs::rename(path("MANIFEST-000001"), path("MANIFEST-000004")).unwrap();
    fs::rename(path("marker.manifest.000001.MANIFEST-000001"), path("marker.manifest.000002.MANIFEST-000004")).unwrap();
    assert_eq!(judged(&checked(dir.path()), "store-log-missing").0, "none");
}

/// Gives a directory and all in it to somebody who is not above permissions.
fn give_away(path: &Path) {
    use std::os::unix::fs::{MetadataExt as _, chown};
    if fs::metadata(path).unwrap().uid() == 0 {
        chown(path, Some(12345), Some(12345)).unwrap();
    }
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            give_away(&entry.unwrap().path());
        }
    }
}

#[test]
fn a_start_has_the_rights_of_the_directorys_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let segment = "wal/0000000000000000-0000000000000000.wal";
    let dir = lone();
    store(&dir, &[3]);
    give_away(dir.path());
    assert_eq!(start(dir.path())["outcome"], "skip");
    let refused = |name: &str, mode: u32, usual: u32| {
        let set = |mode| fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
        set(mode);
        let abort = start(dir.path())["abort"].clone();
        set(usual);
        (abort["stage"].as_str().unwrap_or("none").to_owned(), abort["error"].as_str().unwrap_or("none").to_owned())
    };
    for (name, mode, usual, stage) in [
        ("fsm.db/LOCK", 0o444, 0o644, "store"),
        ("fsm.db", 0o555, 0o755, "store"),
        (segment, 0o444, 0o644, "log"),
        (".", 0o555, 0o755, "members"),
    ] {
        assert_eq!(refused(name, mode, usual), (stage.to_owned(), "permission denied".to_owned()), "{name}");
    }
}
