//! Stores of offloaded snapshots: what the server's restore said, and what it does not look at.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use assert_cmd::Command;
use ekv_tool::Run;
use ekv_tool::analysis::Verdict;
use ekv_tool::analysis::judge::offload::{OffloadRequest, payloads_wanted, verify_store};
use ekv_tool::io::IoOptions;
use ekv_tool::ops::{VerifySnapshotOptions, verify_snapshot};
use ekv_tool::readers::Depth;
use ekv_tool::readers::offload::OffloadStore;
use ekv_tool::types::UnixMillis;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::offload_writer::{PAYLOAD, Publish};
use crate::support::recorded;
use crate::support::tree::copy_tree;

/// The manifest whose place the changed ones take.
const KEY: &str = "prod/east/v1/groups/64/snapshots/00000000000000000010-00000000000000000002.json";

fn tool(args: &[&str]) -> (i32, Value) {
    let output = Command::cargo_bin("ekv-tool").unwrap().args(["--format", "json"]).args(args).output().unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), report)
}

/// The report on one path, without a process of its own.
fn report_at(path: &Path, options: &VerifySnapshotOptions) -> Value {
    let report = verify_snapshot(&[path.to_owned()], options, &Run::local()).unwrap();
    serde_json::to_value(&report).unwrap()
}

fn report(path: &Path) -> Value {
    report_at(path, &VerifySnapshotOptions::default())
}

/// `severity code` of every finding, sorted.
fn findings(report: &Value) -> Vec<String> {
    let all = report["findings"].as_array().unwrap().iter();
    let mut all: Vec<_> =
        all.map(|finding| format!("{} {}", finding["severity"].as_str().unwrap(), finding["code"].as_str().unwrap())).collect();
    all.sort();
    all
}

/// A store with one snapshot: the directory that keys begin at, manifest, payload.
fn one(change: impl FnOnce(&mut Publish)) -> (TempDir, PathBuf, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let mut publish = Publish::default();
    change(&mut publish);
    let (manifest, payload) = publish.write(dir.path());
    (dir, manifest, payload)
}

fn offload_of<'r>(report: &'r Value, key: &str) -> &'r Value {
    let offloads = report["offloads"].as_array().unwrap();
    offloads.iter().find(|it| it["manifest_key"] == key).unwrap_or_else(|| panic!("{key} is not in {offloads:?}"))
}

#[test]
fn a_real_store_is_clean() {
    let local = recorded::offload().root.join("local");
    let (status, report) = tool(&["verify-snapshot", "--deep", local.to_str().unwrap()]);
    // Two clusters were published to one prefix, which is worth a warning.
    assert_eq!((status, findings(&report)), (0, vec!["warning offload-several-clusters".to_owned()]), "{report:#}");
    assert_eq!(report["offloads"].as_array().unwrap().len(), 4);
    let it = offload_of(&report, "prod/east/v1/groups/1/snapshots/00000000000000000701-00000000000000000002.json");
    assert_eq!(it["restore"], serde_json::json!({ "status": 0, "error": null }));
    assert_eq!(
        (it["group_id"].as_u64(), it["snapshot_index"].as_u64(), it["snapshot_term"].as_u64()),
        (Some(1), Some(701), Some(2))
    );
    assert_eq!((it["source_cluster"].as_str(), it["as_written"].as_bool()), (Some("demo"), Some(true)));
    assert_eq!(it["payload"]["source_crc32c"], it["payload"]["computed_crc32c"]);
    assert_eq!(it["payload"]["computed_sha256"], it["payload"]["sha256"]);
    assert_eq!((it["payload"]["body_format"].as_str(), it["payload"]["applied_index"].as_u64()), (Some("EKVPBBL1"), Some(701)));
    // A payload that lay in the .snap file has no checksum of its own.
    assert_eq!(offload_of(&report, KEY)["payload"]["source_crc32c"], Value::Null);
    let store = &report["stores"][0];
    assert_eq!((store["key_base"].as_str(), store["payloads"].as_u64(), store["orphans"].as_u64()), (Some(""), Some(3), Some(0)));
    assert_eq!(store["groups"].as_array().unwrap().len(), 4);
    // Two groups share a payload, which is read once.
    assert_eq!(report["coverage"]["files"], 7);
}

/// What the server's own restore said to manifests in the place of a good one.
#[test]
fn every_recorded_manifest_is_judged_as_the_server_did() {
    let recorded = recorded::offload();
    let dir = tempfile::tempdir().unwrap();
    copy_tree(&recorded.root.join("local"), dir.path());
    let mut wrong = Vec::new();
    for (name, expected) in &recorded.expected {
        fs::copy(recorded.root.join(format!("bad/{name}.json")), dir.path().join(KEY)).unwrap();
        let report = report(dir.path());
        let restore = &offload_of(&report, KEY)["restore"];
        let text = expected["error"].as_str().map(|text| text.strip_prefix("restore physical snapshot: ").unwrap());
        if restore["status"] != expected["exit"] || restore["error"].as_str() != text {
            wrong.push(format!("{name}: {restore} instead of {expected}"));
        }
        if expected["exit"] != 0 && report["verdict"] != "damaged" {
            wrong.push(format!("{name}: {} although it is refused", report["verdict"]));
        }
    }
    assert!(recorded.expected.len() > 30 && wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_refused_manifest_leaves_the_others_as_they_are() {
    let recorded = recorded::offload();
    let dir = tempfile::tempdir().unwrap();
    copy_tree(&recorded.root.join("local"), dir.path());
    fs::copy(recorded.root.join("bad/index-0.json"), dir.path().join(KEY)).unwrap();
    let report = report(dir.path());
    let verdicts: Vec<_> = report["offloads"].as_array().unwrap().iter().map(|it| it["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["clean", "clean", "clean", "damaged"]);
    // What it names is garbage only if nothing else is wrong.
    let orphan = report["findings"].as_array().unwrap().iter().find(|it| it["code"] == "offload-orphan").unwrap();
    assert!(orphan["message"].as_str().unwrap().contains("could not be read and may name"), "{orphan}");
}

#[test]
fn what_a_killed_publish_leaves_is_no_damage() {
    for (name, verdict, expected) in [
        ("1-payload-before-link", "unknown", vec!["info offload-temporary"]),
        ("2-payload-linked-temp-left", "unknown", vec!["info offload-orphan", "info offload-temporary"]),
        ("3-manifest-before-link", "unknown", vec!["info offload-orphan", "info offload-temporary"]),
        ("4-manifest-linked-temp-left", "clean", vec![]),
    ] {
        let store = recorded::offload().root.join("crash").join(name).join("store");
        let grace = Some(Duration::from_secs(1 << 40));
        let report = report_at(&store, &VerifySnapshotOptions { grace, ..VerifySnapshotOptions::default() });
        assert_eq!(
            (report["verdict"].as_str().unwrap(), findings(&report)),
            (verdict, expected.iter().map(ToString::to_string).collect()),
            "{name}"
        );
    }
    // The second name of a whole object takes no space.
    let store = recorded::offload().root.join("crash/2-payload-linked-temp-left/store");
    let report = report(&store);
    let left = report["findings"].as_array().unwrap().iter().find(|it| it["code"] == "offload-temporary").unwrap();
    assert_eq!(left["message"], "1 file of publishes that ended early, 0 B; it is a second name of a whole object.");
}

#[test]
fn no_prefix_and_no_changed_byte_is_clean() {
    let (dir, manifest, payload) = one(|_| {});
    assert_eq!((report(dir.path())["verdict"].as_str(), findings(&report(dir.path()))), (Some("clean"), vec![]));
    let text = Publish::default().manifest().into_bytes();
    for cut in 0..text.len() {
        fs::write(&manifest, &text[..cut]).unwrap();
        let report = report(dir.path());
        // The final newline alone is not missed by the server.
        let (verdict, status) = if cut + 1 == text.len() { ("clean", 0) } else { ("damaged", 1) };
        assert_eq!(
            (report["verdict"].as_str(), report["offloads"][0]["restore"]["status"].as_u64()),
            (Some(verdict), Some(status)),
            "{cut}"
        );
    }
    for at in 0..text.len() {
        let mut changed = text.clone();
        changed[at] ^= 1;
        fs::write(&manifest, &changed).unwrap();
        let report = report(dir.path());
        let same = report["offloads"][0]["restore"]["status"] == 0;
        assert!(!same || report["verdict"] == "clean" && findings(&report) == ["info offload-manifest-rewritten"], "byte {at}");
        assert!(!same || changed[at].is_ascii_whitespace(), "byte {at} is taken for nothing");
    }
    fs::write(&manifest, &text).unwrap();
    for cut in 0..PAYLOAD.len() {
        fs::write(&payload, &PAYLOAD[..cut]).unwrap();
        let report = report(dir.path());
        assert_eq!(findings(&report), ["error offload-nothing-restorable", "error offload-payload-size"], "{cut}");
        assert!(report["offloads"][0]["restore"]["error"].as_str().unwrap().starts_with("payload head mismatch for p/v1/"));
    }
    for bit in 0..PAYLOAD.len() * 8 {
        let mut changed = PAYLOAD.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        fs::write(&payload, &changed).unwrap();
        assert_eq!(report(dir.path())["offloads"][0]["restore"]["status"], 2, "bit {bit}");
    }
}

#[test]
fn bytes_that_are_no_snapshot_restore_and_are_damage() {
    for payload in [&b"hello world"[..], b"EKVTHLC9........", b"EKVPBBL1"] {
        let (dir, ..) = one(|it| it.payload = payload.to_vec());
        let report = report(dir.path());
        assert_eq!((report["offloads"][0]["restore"]["status"].as_u64(), report["verdict"].as_str()), (Some(0), Some("damaged")));
    }
    // An empty store is a payload too.
    let (dir, ..) = one(|it| it.payload = Vec::new());
    assert_eq!(report(dir.path())["offloads"][0]["restore"]["status"], 0);
    let (dir, ..) = one(|it| it.index = 41);
    assert_eq!(findings(&report(dir.path())), ["error fsm-ahead-of-index", "error offload-nothing-restorable"]);
}

#[test]
fn a_shared_payload_is_held_against_each_manifest() {
    // The payload holds the effects of entries up to 42. Groups are judged in their order.
    for (lower, higher) in [(3, 5), (5, 3)] {
        let dir = tempfile::tempdir().unwrap();
        for (group, index) in [(lower, 41), (4, 42), (higher, 43)] {
            Publish { group, index, ..Publish::default() }.write(dir.path());
        }
        let found = report(dir.path());
        assert_eq!(findings(&found), ["error fsm-ahead-of-index", "error offload-nothing-restorable"]);
        let verdict = |group: u64| {
            let all = found["offloads"].as_array().unwrap();
            all.iter().find(|it| it["group_id"] == group).unwrap()["verdict"].as_str().unwrap().to_owned()
        };
        assert_eq!([lower, 4, higher].map(verdict), ["damaged", "clean", "clean"], "{found:#}");
    }
    // One manifest means other bytes of the same length: what is in those that are there is judged for the other all the same.
    for other in [3, 5] {
        let (dir, ..) = one(|it| (it.group, it.payload) = (4, b"hello world".to_vec()));
        let there = Publish { payload: b"hello world".to_vec(), ..Publish::default() }.payload_at();
        let means = Publish { group: other, payload: b"HELLO WORLD".to_vec(), payload_key: Some(there), ..Publish::default() };
        let path = dir.path().join(means.manifest_at());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, means.manifest()).unwrap();
        let found = findings(&report(dir.path()));
        assert!(found.contains(&"error fsm-body-malformed".to_owned()), "{found:?}");
        assert!(found.contains(&"error offload-payload-digest".to_owned()), "{found:?}");
    }
}

#[test]
fn keys_that_lead_elsewhere() {
    let (dir, ..) = one(|it| it.payload_key = Some("//p/./v1/../x.fsm".to_owned()));
    let found = report(dir.path());
    assert_eq!(
        (found["offloads"][0]["restore"]["status"].as_u64(), findings(&found)),
        (Some(0), vec!["warning offload-payload-key".to_owned()])
    );
    for (key, status, error) in [
        ("../x", 1, "get snapshot payload: invalid object key \"../x\": snapshot offload: invalid options"),
        ("p", 1, "get snapshot payload: object p is not a regular file: snapshot offload: invalid options"),
        ("gone", 2, "get snapshot payload: object gone: snapshot offload: object not found"),
    ] {
        let (dir, ..) = one(|it| it.payload = b"x".to_vec());
        let manifest = Publish { payload_key: Some(key.to_owned()), ..Publish::default() }.manifest();
        fs::write(dir.path().join(Publish::default().manifest_at()), manifest).unwrap();
        let report = report(dir.path());
        assert_eq!(report["offloads"][0]["restore"], serde_json::json!({ "status": status, "error": error }));
        assert_eq!(report["verdict"], "damaged", "{key}");
    }
    // A file in the place of a directory.
    let (dir, manifest, _) = one(|_| {});
    let below = format!("{}/x", Publish::default().manifest_at());
    fs::write(&manifest, Publish { payload_key: Some(below), ..Publish::default() }.manifest()).unwrap();
    let error = report(dir.path())["offloads"][0]["restore"]["error"].as_str().unwrap().to_owned();
    assert!(error.starts_with("get snapshot payload: stat ") && error.ends_with(": not a directory"), "{error}");
}

#[test]
fn a_copy_of_a_part_of_a_store_is_judged_by_the_keys_of_the_whole() {
    let (dir, manifest, payload) = one(|it| it.prefix = "prod/east/");
    for part in ["prod", "prod/east"] {
        let report = report(&dir.path().join(part));
        assert_eq!((report["verdict"].as_str(), findings(&report)), (Some("clean"), vec![]), "{part}");
        assert_eq!(report["stores"][0]["key_base"].as_str(), Some(format!("{part}/").as_str()));
        assert_eq!(report["offloads"][0]["restore"]["status"], 0);
    }
    // One manifest, and one payload, as they lie.
    let lone = report(&manifest);
    assert_eq!((lone["verdict"].as_str(), lone["offloads"].as_array().unwrap().len()), (Some("clean"), 1));
    assert!(lone.get("stores").is_none());
    for path in [payload.as_path(), payload.parent().unwrap()] {
        let lone = report(path);
        assert_eq!(lone["verdict"], "clean", "{lone:#}");
        assert_eq!(lone["offload_payloads"][0]["computed_sha256"], lone["offload_payloads"][0]["sha256"]);
    }
    fs::write(&payload, b"x").unwrap();
    assert_eq!(findings(&report(&payload)), ["error offload-payload-digest"]);
    // What was not copied was not looked for.
    let part = dir.path().join("prod/east/v1/groups");
    fs::rename(&part, dir.path().join("prod/groups")).unwrap();
    fs::create_dir_all(dir.path().join("q/v1")).unwrap();
    fs::rename(dir.path().join("prod/groups"), dir.path().join("q/v1/groups")).unwrap();
    let moved = report(&dir.path().join("q"));
    assert_eq!(moved["stores"][0]["key_base"], "prod/east/");
    assert_eq!(findings(&moved), ["error offload-nothing-restorable", "error offload-payload-missing"]);
}

#[test]
fn moved_manifests_and_missing_payloads_say_where_the_rest_lies() {
    let (dir, manifest, payload) = one(|_| {});
    let other = manifest.with_file_name("00000000000000000050-00000000000000000002.json");
    fs::copy(&manifest, &other).unwrap();
    let found = report(dir.path());
    assert_eq!(findings(&found), ["error offload-manifest-moved"]);
    assert!(found["findings"][0]["message"].as_str().unwrap().ends_with("this is a copy."));
    assert_eq!(found["offloads"].as_array().unwrap().iter().filter(|it| it["verdict"] == "clean").count(), 1);
    fs::remove_file(other).unwrap();
    fs::rename(&payload, payload.with_file_name("moved.fsm")).unwrap();
    let found = report(dir.path());
    let missing = found["findings"].as_array().unwrap().iter().find(|it| it["code"] == "offload-payload-missing").unwrap();
    assert!(missing["message"].as_str().unwrap().contains("moved.fsm\": copy them back."), "{missing}");
}

/// A clean-up removes a manifest and then its payload, while somebody reads the store.
#[test]
fn what_is_removed_while_it_is_read_is_no_damage_unless_its_manifest_stands() {
    for (also_the_manifest, expected) in [(false, Verdict::Damaged), (true, Verdict::Unknown)] {
        let (dir, manifest, payload) = one(|_| {});
        let run = Run::local();
        let mut store = OffloadStore::read(dir.path(), &run).unwrap();
        fs::remove_file(payload).unwrap();
        if also_the_manifest {
            fs::remove_file(manifest).unwrap();
        }
        store.read_payloads(&payloads_wanted(&store, false), Depth::Checksum, IoOptions::default(), &run).unwrap();
        let request = OffloadRequest { depth: Depth::Checksum, newest: false, now: UnixMillis(0), grace_ms: 0, since: None };
        let judged = verify_store(store, &request);
        assert_eq!(Verdict::of(&judged.findings, &judged.coverage), expected, "{judged:?}");
        let codes: Vec<_> = judged.findings.iter().map(|finding| finding.code.code).collect();
        assert_eq!(codes.contains(&"offload-payload-missing"), !also_the_manifest, "{codes:?}");
        let why: Vec<_> = judged.coverage.needed().map(|part| part.why.as_str()).collect();
        let told = why.iter().any(|why| why.contains("it was removed while the store was read"));
        assert_eq!(told, also_the_manifest, "{why:?}");
    }
}

#[test]
fn the_newest_snapshot_that_can_be_restored_is_named_for_every_group() {
    let dir = tempfile::tempdir().unwrap();
    for (group, index) in [(7, 42), (7, 50), (7, 60), (8, 42)] {
        Publish { group, index, ..Publish::default() }.write(dir.path());
    }
    let newest = Publish { index: 60, ..Publish::default() };
    fs::write(dir.path().join(newest.manifest_at()), b"{}").unwrap();
    let found = report(dir.path());
    let groups = &found["stores"][0]["groups"];
    assert_eq!((groups[0]["manifests"].as_u64(), groups[0]["restorable"].as_u64()), (Some(3), Some(2)));
    assert_eq!(groups[0]["newest"]["index"], 50);
    assert_eq!(groups[1]["newest"]["created_ms"], 1_795_692_150_500_u64);
    // The newest alone, and the one above it that cannot be read: that it is not the newest any more has to be known.
    let newest = report_at(dir.path(), &only_newest());
    let indexes: Vec<_> =
        newest["offloads"].as_array().unwrap().iter().map(|it| it["snapshot_index"].as_u64().unwrap()).collect();
    assert_eq!(indexes, [50, 60, 42]);
    assert_eq!((newest["verdict"].as_str(), &newest["stores"][0]["groups"][0]["newest"]["index"]), (Some("clean"), &50.into()));
    assert_eq!(findings(&newest), ["warning offload-manifest-refused"]);
    // Heads alone say less and do not pretend.
    let heads = report_at(dir.path(), &VerifySnapshotOptions { depth: Depth::Header, ..VerifySnapshotOptions::default() });
    assert_eq!(heads["offloads"][0]["restore"]["status"], Value::Null);
    assert_eq!(heads["stores"][0]["groups"][0]["newest"], Value::Null);
}

fn only_newest() -> VerifySnapshotOptions {
    VerifySnapshotOptions { newest: true, ..VerifySnapshotOptions::default() }
}

#[test]
fn no_newest_hides_what_stands_above_it() {
    let store = || {
        let dir = tempfile::tempdir().unwrap();
        let all = [41, 42, 43].map(|index| Publish { group: 7, index: index + 1, ..Publish::default() }.write(dir.path()));
        (dir, all)
    };
    let (dir, [.., (newest, _)]) = store();
    assert_eq!(
        (report_at(dir.path(), &only_newest())["verdict"].as_str(), findings(&report_at(dir.path(), &only_newest()))),
        (Some("clean"), vec![])
    );
    // Cut, and in another place than it says: the one below can be restored, and is not the newest.
    let whole = fs::read(&newest).unwrap();
    fs::write(&newest, &whole[..whole.len() / 2]).unwrap();
    let found = report_at(dir.path(), &only_newest());
    assert_eq!(
        (found["verdict"].as_str(), findings(&found)),
        (Some("clean"), vec!["warning offload-manifest-refused".to_owned()])
    );
    fs::write(&newest, &whole).unwrap();
    fs::rename(&newest, newest.with_file_name("00000000000000000099-00000000000000000002.json")).unwrap();
    let found = report_at(dir.path(), &only_newest());
    assert_eq!((found["verdict"].as_str(), findings(&found)), (Some("clean"), vec!["warning offload-manifest-moved".to_owned()]));
    // Nobody can say what one holds that cannot be read.
    fs::remove_file(newest.with_file_name("00000000000000000099-00000000000000000002.json")).unwrap();
    fs::create_dir(&newest).unwrap();
    let found = report_at(dir.path(), &only_newest());
    assert_eq!(
        (found["verdict"].as_str(), findings(&found)),
        (Some("clean"), vec!["warning offload-manifest-refused".to_owned()])
    );
    // All of them in other places: nothing can be restored by what they say.
    let (dir, [(newest, _), ..]) = store();
    let group = newest.ancestors().nth(2).unwrap();
    fs::rename(group, group.with_file_name("8")).unwrap();
    for options in [VerifySnapshotOptions::default(), only_newest()] {
        let found = report_at(dir.path(), &options);
        assert_eq!(found["verdict"], "damaged");
        assert_eq!(found["offloads"].as_array().unwrap().len(), 3);
        assert!(findings(&found).contains(&"error offload-nothing-restorable".to_owned()), "{found:#}");
    }
    // The payload of the newest is not there: that of the others was not asked for.
    let (dir, _) = store();
    let other = Publish { group: 7, index: 50, payload: [PAYLOAD, b"x"].concat(), ..Publish::default() };
    let (_, payload) = other.write(dir.path());
    fs::remove_file(payload).unwrap();
    assert_eq!(findings(&report_at(dir.path(), &only_newest())), ["error offload-payload-missing"]);
}

#[test]
fn names_of_every_kind_are_told() {
    let (dir, manifest, payload) = one(|_| {});
    let folder = manifest.parent().unwrap();
    fs::write(folder.join("notes.txt"), b"x").unwrap();
    fs::create_dir(folder.join("00000000000000000043-00000000000000000002.json")).unwrap();
    fs::write(
        dir.path().join("p/v1/groups/7/snapshots/x.json"),
        Publish { at: Some("p/v1/groups/7/snapshots/x.json"), ..Publish::default() }.manifest(),
    )
    .unwrap();
    std::os::unix::fs::symlink(dir.path(), dir.path().join("p/loop")).unwrap();
    std::os::unix::fs::symlink("nowhere", payload.with_file_name("dangling")).unwrap();
    let found = report(dir.path());
    assert_eq!(findings(&found), ["error offload-manifest-identity", "error offload-manifest-refused"]);
    let left: Vec<_> =
        found["coverage"]["not_examined"].as_array().unwrap().iter().map(|it| it["what"].as_str().unwrap()).collect();
    assert!(left.iter().any(|what| what.contains("2 entries of other kinds")), "{left:?}");
    assert!(left.iter().any(|what| what.ends_with("p/loop/")), "{left:?}");
}

#[test]
fn orphans_are_garbage_when_they_are_old() {
    let (dir, manifest, payload) = one(|_| {});
    fs::remove_file(manifest).unwrap();
    Publish { payload: b"EKVPBBL1\0\0\0\0\0\0\0\0".to_vec(), ..Publish::default() }.write(dir.path());
    assert_eq!(findings(&report(dir.path())), ["info offload-orphan"]);
    let old = SystemTime::now() - Duration::from_secs(3 * 86_400);
    fs::File::options().write(true).open(&payload).unwrap().set_modified(old).unwrap();
    assert_eq!(findings(&report(dir.path())), ["warning offload-orphan"]);
    // One that is not what it is called would be in the way of a publish.
    fs::write(&payload, b"x").unwrap();
    assert_eq!(findings(&report(dir.path())), ["info offload-orphan", "warning offload-payload-digest"]);
}

#[test]
fn every_format_and_every_address() {
    let (dir, ..) = one(|_| {});
    let store = dir.path().to_str().unwrap();
    let url = format!("file://{store}");
    let run = |args: &[&str]| Command::cargo_bin("ekv-tool").unwrap().arg("verify-snapshot").args(args).output().unwrap();
    assert_eq!(tool(&["verify-snapshot", &url]).1["offloads"].as_array().unwrap().len(), 1);
    for (format, expected) in [
        ("table", "CLEAN    1 offloaded snapshot"),
        ("markdown", "what can be restored"),
        ("prometheus", "ekv_tool_offload_newest_index{command=\"verify-snapshot\",dir="),
        ("ndjson", "\"type\":\"offload\","),
    ] {
        let output = run(&["--format", format, store]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.contains(expected), "{format}: {text}");
    }
    let output = run(&["s3://bucket/prefix"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("only directories are read"));
    for command in ["ls", "stat"] {
        let output = Command::cargo_bin("ekv-tool").unwrap().args(["snapshot", command, store]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{command}");
    }
}

#[test]
fn a_payload_beside_a_store_does_not_hide_it() {
    let (dir, _, payload) = one(|_| {});
    fs::copy(&payload, dir.path().join("p").join(payload.file_name().unwrap())).unwrap();
    let found = report(&dir.path().join("p"));
    assert_eq!((found["offloads"].as_array().unwrap().len(), found["verdict"].as_str()), (1, Some("clean")));
    assert!(found["coverage"]["not_examined"][0]["what"].as_str().unwrap().contains("1 entry of other kinds"));
}
