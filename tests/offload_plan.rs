//! `offload plan`: what the server's program would do with a directory, in its order and words.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ekv_tool::Run;
use ekv_tool::ops::{OffloadPlanOptions, offload_plan};
use ekv_tool::readers::{Local, Memory};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::golden::golden;
use crate::support::offload_writer::Publish;
use crate::support::recorded;
use crate::support::tree::copy_tree;

/// The payload of the newest snapshot of the demo's group 2.
const NEWEST: &str = "fsm-snap/00000000000000c9.fsm";
const NEWEST_SNAP: &str = "snap/0000000000000002-00000000000000c9.snap";
const DIGEST: &str = "d566c00b1ecfc2e569eaf2a339f5690098783e8c20c56409931b35aff1881dd7";
const KEY: &str = "v1/groups/2/snapshots/00000000000000000201-00000000000000000002.json";

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo/n1/group-2")
}

/// A copy of the demo's group 2, changed.
fn node(change: impl FnOnce(&Path)) -> (TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("n1/group-2");
    copy_tree(&demo(), &dir);
    change(&dir);
    (root, dir)
}

fn report_over(dir: &Path, options: &OffloadPlanOptions, run: &Run<'_>) -> Value {
    serde_json::to_value(offload_plan(dir, options, run).unwrap()).unwrap()
}

fn report(dir: &Path, options: &OffloadPlanOptions) -> Value {
    report_over(dir, options, &Run::local())
}

fn publish(dir: &Path, options: &OffloadPlanOptions) -> Value {
    report(dir, options)["plans"][0]["publish"].clone()
}

fn restore(dir: &Path, options: &OffloadPlanOptions) -> Value {
    report(dir, options)["plans"][0]["restore"].clone()
}

fn stored(store: &Path) -> OffloadPlanOptions {
    OffloadPlanOptions { store: Some(store.to_owned()), ..OffloadPlanOptions::default() }
}

/// `[outcome, status, error]`
fn ending(plan: &Value) -> Value {
    json!([plan["outcome"], plan["status"], plan["error"]])
}

fn codes(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

/// What the server's own publish of this very directory wrote is in the recorded store.
#[test]
fn the_snapshot_that_the_server_published_is_the_one_that_is_planned() {
    let local = recorded::offload().root.join("local");
    let found = report(&demo(), &stored(&local));
    let plan = &found["plans"][0]["publish"];
    assert_eq!(ending(plan), json!(["already-there", 0, null]), "{plan:#}");
    assert_eq!(plan["snapshot"]["payload_sha256"], DIGEST);
    let arguments = ["--prefix=prod/east", "--group-id=2", "--source-cluster=demo", "--binary-version=d9a031d0"];
    assert_eq!(plan["arguments"], json!(arguments));
    let object: Value = serde_json::from_slice(&fs::read(local.join("prod/east").join(KEY)).unwrap()).unwrap();
    assert_eq!(plan["snapshot"]["payload_key"], object["payload"]["key"]);
    assert_eq!(plan["snapshot"]["payload_bytes"], object["payload"]["bytes"]);
    assert_eq!(plan["manifest"]["manifest_key"], object["manifest_key"]);
    assert_eq!(plan["manifest"]["conf_state"]["voters"], object["conf_state"]["voters"]);
    let crc = u32::from_str_radix(plan["manifest"]["source_crc32c"].as_str().unwrap(), 16).unwrap();
    assert_eq!(Some(u64::from(crc)), object["payload"]["source_crc32c"].as_u64());
    let back = &found["plans"][0]["restore"];
    assert_eq!((back["outcome"].as_str(), back["manifest"]["snapshot_index"].as_u64()), (Some("done"), Some(201)));
    assert!(back["refused_now"].as_str().unwrap().starts_with("destination exists: "), "{back:#}");
    assert_eq!((found["verdict"].as_str(), codes(&found)), (Some("clean"), vec!["offload-destination-exists"]));
    // With another version or cluster the program fails, and nothing is damaged.
    for (version, cluster, field) in [(Some("v2"), None, "binary_version"), (None, Some("other"), "source_cluster")] {
        let options = OffloadPlanOptions {
            binary_version: version.map(str::to_owned),
            source_cluster: cluster.map(str::to_owned),
            ..stored(&local)
        };
        let plan = publish(&demo(), &options);
        let error = format!(
            "manifest object prod/east/{KEY} already exists with different content: snapshot offload: integrity check failed"
        );
        assert_eq!(ending(&plan), json!(["refused", 2, error]));
        assert_eq!((&plan["differs_in"], plan["payload_in_store"].as_str()), (&json!([field]), Some("same")));
    }
}

#[test]
fn without_a_store_everything_that_the_directory_decides_is_told() {
    let found = report(&demo(), &OffloadPlanOptions::default());
    let plan = &found["plans"][0]["publish"];
    assert_eq!((found["verdict"].as_str(), ending(plan)), (Some("clean"), json!(["done", 0, null])));
    assert_eq!(plan["snapshot"]["payload_key"], format!("v1/payloads/sha256/d5/{DIGEST}.fsm"));
    assert_eq!((plan["manifest"]["manifest_key"].as_str(), plan["payload_in_store"].as_str()), (Some(KEY), Some("unknown")));
    assert_eq!(plan["spool"]["needed_bytes"], 52404);
    assert!(
        plan["spool"]["free_bytes"].as_u64().unwrap() > 52404
            && plan["spool"]["dir"].as_str().unwrap().ends_with("n1/.snapshot-offload-spool")
    );
    assert_eq!(found["plans"][0]["restore"]["outcome"], "nothing-there");
    // A payload that is there under an empty store's keys is uploaded.
    let empty = tempfile::tempdir().unwrap();
    let plan = publish(&demo(), &stored(empty.path()));
    assert_eq!((ending(&plan), plan["payload_in_store"].as_str()), (json!(["done", 0, null]), Some("absent")));
    assert_eq!(plan["store"]["needed_bytes"], 52404);
    // What a publish had uploaded when it was killed is there.
    let half = recorded::offload().root.join("crash/3-manifest-before-link/store");
    let options = OffloadPlanOptions { prefix: Some("p".to_owned()), ..stored(&half) };
    let plan = publish(&demo(), &options);
    assert_eq!((plan["payload_in_store"].as_str(), plan["manifest_in_store"].as_str()), (Some("same"), Some("absent")));
}

#[test]
fn damage_ends_a_publish_in_the_servers_words() {
    type Change = (&'static str, fn(&Path), u8, String);
    let shown = |dir: &Path, text: &str| text.replace("DIR", dir.to_str().unwrap());
    let nothing = "no persisted snapshot available: snapshot offload: object not found".to_owned();
    let all: Vec<Change> = vec![
        ("no log", |dir| fs::remove_dir_all(dir.join("wal")).unwrap(), 2, nothing.clone()),
        (
            "all torn",
            |dir| {
                for entry in fs::read_dir(dir.join("snap")).unwrap() {
                    fs::write(entry.unwrap().path(), b"torn").unwrap();
                }
            },
            2,
            nothing,
        ),
        (
            "no snap",
            |dir| fs::remove_dir_all(dir.join("snap")).unwrap(),
            1,
            "open persisted snapshot export: open DIR/snap: no such file or directory".to_owned(),
        ),
        (
            "no payload",
            |dir| fs::remove_file(dir.join(NEWEST)).unwrap(),
            1,
            "open persisted snapshot export: fsm snapshot: file not found".to_owned(),
        ),
        (
            "short payload",
            |dir| fs::write(dir.join(NEWEST), b"abc").unwrap(),
            1,
            "open persisted snapshot export: file too small: 3 bytes (minimum 4): fsm snapshot: file too small to contain footer"
                .to_owned(),
        ),
        (
            "another footer",
            |dir| {
                let mut bytes = fs::read(dir.join(NEWEST)).unwrap();
                bytes.splice(bytes.len() - 4.., [1, 2, 3, 4]);
                fs::write(dir.join(NEWEST), bytes).unwrap();
            },
            1,
            format!(
                "open persisted snapshot export: path=DIR/{NEWEST} footer=01020304 token=27a9e4b4: fsm snapshot: token CRC32C mismatch \
                 (metadata corrupt)"
            ),
        ),
        (
            "a changed byte",
            |dir| {
                let mut bytes = fs::read(dir.join(NEWEST)).unwrap();
                bytes[40] ^= 1;
                fs::write(dir.join(NEWEST), bytes).unwrap();
            },
            1,
            "spool persisted snapshot export: exported payload computed=".to_owned(),
        ),
        (
            "a directory",
            |dir| {
                fs::remove_file(dir.join(NEWEST)).unwrap();
                fs::create_dir(dir.join(NEWEST)).unwrap();
            },
            1,
            format!("open persisted snapshot export: read DIR/{NEWEST}: is a directory"),
        ),
    ];
    for (what, change, status, error) in all {
        let (_root, dir) = node(change);
        let found = report(&dir, &OffloadPlanOptions::default());
        let plan = &found["plans"][0]["publish"];
        assert_eq!(
            (plan["outcome"].as_str(), plan["status"].as_u64()),
            (Some("refused"), Some(status.into())),
            "{what}: {plan:#}"
        );
        let (said, expected) = (plan["error"].as_str().unwrap(), shown(&dir, &error));
        let token = expected.replace(
            "token=27a9e4b4",
            &format!("token={}", said.split("token=").nth(1).map_or("", |rest| &rest[..8.min(rest.len())])),
        );
        assert!(said.starts_with(&token), "{what}: {said} instead of {expected}");
        assert_eq!(found["verdict"], "damaged", "{what}");
    }
}

/// The loader of a start, and of a publish, renames what it cannot read, and takes an older one.
#[test]
fn a_torn_envelope_is_renamed_and_an_older_snapshot_published() {
    let whole = fs::read(demo().join(NEWEST_SNAP)).unwrap();
    for cut in 0..whole.len() {
        let (_root, dir) = node(|dir| fs::write(dir.join(NEWEST_SNAP), &whole[..cut]).unwrap());
        let found = report(&dir, &OffloadPlanOptions::default());
        let plan = &found["plans"][0]["publish"];
        assert_eq!((plan["snapshot"]["index"].as_u64(), plan["outcome"].as_str()), (Some(101), Some("done")), "{cut}");
        assert_eq!(plan["would_rename"][0]["to"], format!("{NEWEST_SNAP}.broken"));
        assert_eq!((found["verdict"].as_str(), codes(&found)), (Some("clean"), vec!["offload-publish-renames"]));
    }
}

#[test]
fn no_changed_byte_of_a_payload_is_published() {
    let bytes = fs::read(demo().join(NEWEST)).unwrap();
    let (_root, dir) = node(|_| {});
    for at in (0..bytes.len()).step_by(977).chain([0, bytes.len() - 5, bytes.len() - 1]) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        fs::write(dir.join(NEWEST), &changed).unwrap();
        assert_eq!(publish(&dir, &OffloadPlanOptions::default())["outcome"], "refused", "byte {at}");
    }
    for cut in (4..bytes.len()).step_by(977) {
        fs::write(dir.join(NEWEST), &bytes[..cut]).unwrap();
        assert_eq!(publish(&dir, &OffloadPlanOptions::default())["outcome"], "refused", "{cut}");
    }
}

#[test]
fn flags_are_judged_as_the_program_does() {
    let with = |prefix: Option<&str>, group_id: Option<u64>| {
        let options = OffloadPlanOptions { prefix: prefix.map(str::to_owned), group_id, ..OffloadPlanOptions::default() };
        publish(&demo(), &options)
    };
    assert_eq!(ending(&with(None, Some(0))), json!(["refused", 1, "--source-cluster is required when --group-id is 0"]));
    let key = format!("../x/v1/payloads/sha256/d5/{DIGEST}.fsm");
    let error = format!(
        "verify existing snapshot payload: head existing object: invalid object key \"{key}\": snapshot offload: invalid options"
    );
    assert_eq!(ending(&with(Some("a/../../x"), None)), json!(["refused", 1, error]));
    assert_eq!(with(Some(" /a//b/ "), None)["manifest"]["manifest_key"], format!("a/b/{KEY}"));
    // The number of a node's only group stands nowhere.
    let (root, dir) = node(|_| {});
    let alone = root.path().join("n7");
    fs::rename(dir, &alone).unwrap();
    let found = report(&alone, &OffloadPlanOptions::default());
    let plan = &found["plans"][0]["publish"];
    assert_eq!((found["verdict"].as_str(), ending(plan)), (Some("unknown"), json!(["unknown", null, null])));
    assert_eq!(plan["snapshot"]["payload_sha256"], DIGEST);
}

#[test]
fn what_is_in_the_store_decides_too() {
    let store = tempfile::tempdir().unwrap();
    let payload = store.path().join(format!("v1/payloads/sha256/d5/{DIGEST}.fsm"));
    let manifest = store.path().join(KEY);
    for path in [&payload, &manifest] {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
    }
    let key = format!("v1/payloads/sha256/d5/{DIGEST}.fsm");
    let look = || ending(&publish(&demo(), &stored(store.path())));
    let verify = "verify existing snapshot payload";
    fs::write(&payload, b"short").unwrap();
    let text = format!("{verify}: object {key} already exists with different size: snapshot offload: integrity check failed");
    assert_eq!(look(), json!(["refused", 2, text]));
    fs::write(&payload, vec![0; 52404]).unwrap();
    let text = format!("{verify}: object {key} already exists with different content: snapshot offload: integrity check failed");
    assert_eq!(look(), json!(["refused", 2, text]));
    fs::remove_file(&payload).unwrap();
    fs::create_dir(&payload).unwrap();
    let text = format!("{verify}: head existing object: object {key} is not a regular file: snapshot offload: invalid options");
    assert_eq!(look(), json!(["refused", 1, text]));
    fs::remove_dir(&payload).unwrap();
    fs::write(&manifest, b"{").unwrap();
    assert_eq!(look(), json!(["refused", 1, "load existing snapshot manifest: unexpected end of JSON input"]));
    let moved = Publish { group: 2, index: 201, prefix: "", ..Publish::default() };
    let other = Publish { manifest_key: Some("elsewhere.json".to_owned()), ..moved.clone() };
    fs::write(&manifest, other.manifest()).unwrap();
    let text = format!(
        "load existing snapshot manifest: manifest key mismatch: loaded {KEY}, body says elsewhere.json: snapshot offload: integrity check failed"
    );
    assert_eq!(look(), json!(["refused", 2, text]));
    fs::write(&manifest, moved.manifest()).unwrap();
    let plan = publish(&demo(), &stored(store.path()));
    assert_eq!(plan["differs_in"], json!(["payload"]));
}

/// A store with snapshots of group 7 at 42 and 50, and a place for a new directory.
fn restorable() -> (TempDir, PathBuf, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let store = root.path().join("store");
    for index in [42, 50] {
        Publish { index, ..Publish::default() }.write(&store);
    }
    let new = root.path().join("new");
    (root, store, new)
}

fn with_peers(store: &Path) -> OffloadPlanOptions {
    OffloadPlanOptions { peers: Some("n1=a:1".to_owned()), ..stored(store) }
}

#[test]
fn a_snapshot_of_another_group_than_the_directorys_is_not_clean() {
    let (root, store, _) = restorable();
    let found = report(&root.path().join("group-9"), &OffloadPlanOptions { group_id: Some(7), ..with_peers(&store) });
    assert_eq!((found["verdict"].as_str(), ending(&found["plans"][0]["restore"])), (Some("unknown"), json!(["done", 0, null])));
    let left_out = found["coverage"]["not_examined"].to_string();
    assert!(left_out.contains("whether a snapshot of group 7 is meant for"), "{left_out}");
}

#[test]
fn a_new_directory_gets_the_newest_snapshot_that_can_be_restored() {
    let (_root, store, new) = restorable();
    // The program demands the peers, and nobody has told them.
    let without = report(&new, &stored(&store));
    assert_eq!(
        (without["verdict"].as_str(), ending(&without["plans"][0]["restore"])),
        (Some("unknown"), json!(["unknown", null, null]))
    );
    let found = report(&new, &with_peers(&store));
    let plan = &found["plans"][0]["restore"];
    assert_eq!((found["verdict"].as_str(), ending(plan)), (Some("clean"), json!(["done", 0, null])));
    assert_eq!((plan["manifest"]["snapshot_index"].as_u64(), found["plans"][0]["publish"].is_null()), (Some(50), true));
    let payload = plan["manifest"]["payload_bytes"].as_u64().unwrap();
    assert_eq!(plan["room"]["needed_bytes"], 2 * payload + 4 + 64_000_000);
    let made = [
        "fsm-snap/0000000000000032.fsm",
        "snap/0000000000000002-0000000000000032.snap",
        "wal/0000000000000000-0000000000000000.wal",
    ];
    assert!(made.iter().all(|path| plan["would_make"].as_array().unwrap().contains(&json!(path))), "{plan:#}");
    // A payload of its own for the newest, and that one is damaged.
    let other =
        Publish { index: 60, payload: b"EKVTHLC1\0\0\0\0\0\0\0\0EKVPBBL1\0\0\0\0\0\0\0\0".to_vec(), ..Publish::default() };
    let (_, payload) = other.write(&store);
    assert_eq!(restore(&new, &stored(&store))["manifest"]["snapshot_index"], 60);
    fs::write(payload, b"x").unwrap();
    let found = report(&new, &stored(&store));
    let plan = &found["plans"][0]["restore"];
    assert_eq!((plan["manifest"]["snapshot_index"].as_u64(), &plan["passed_over"]), (Some(50), &json!([other.manifest_at()])));
    assert_eq!((found["verdict"].as_str(), codes(&found)), (Some("damaged"), vec!["offload-payload-size"]));
    // Named by its key it is refused in the server's words.
    let options = OffloadPlanOptions { manifest_key: Some(other.manifest_at()), ..stored(&store) };
    let error = format!("payload head mismatch for {}: snapshot offload: integrity check failed", other.payload_at());
    assert_eq!(ending(&restore(&new, &options)), json!(["refused", 2, error]));
    for (key, status, error) in [
        ("p/gone.json", 2, "get snapshot manifest: object p/gone.json: snapshot offload: object not found"),
        ("../x", 1, "get snapshot manifest: invalid object key \"../x\": snapshot offload: invalid options"),
    ] {
        let options = OffloadPlanOptions { manifest_key: Some(key.to_owned()), ..stored(&store) };
        assert_eq!(ending(&restore(&new, &options)), json!(["refused", status, error]));
    }
    // Nothing of that group, or of that cluster.
    for options in [
        OffloadPlanOptions { group_id: Some(8), ..stored(&store) },
        OffloadPlanOptions { source_cluster: Some("other".to_owned()), ..stored(&store) },
    ] {
        let found = report(&new, &options);
        assert_eq!(
            (found["verdict"].as_str(), found["plans"][0]["restore"]["outcome"].as_str()),
            (Some("unknown"), Some("nothing-there"))
        );
    }
}

#[test]
fn what_stands_in_the_way_of_a_restore() {
    let (root, store, new) = restorable();
    let prep = root.path().join("new.restore-prep");
    fs::create_dir(&prep).unwrap();
    let shown = new.display();
    let text = format!(
        "prepare physical snapshot restore: temporary destination exists: {shown}.restore-prep: etcd external snapshot restore: destination \
         already exists"
    );
    let found = report(&new, &stored(&store));
    assert_eq!(ending(&found["plans"][0]["restore"]), json!(["refused", 1, text]));
    assert_eq!(codes(&found), ["offload-restore-refused", "offload-leftover"]);
    fs::remove_dir(prep).unwrap();
    // The peers come first.
    let options = OffloadPlanOptions { peers: Some("n1".to_owned()), ..stored(&store) };
    assert_eq!(ending(&restore(&new, &options)), json!(["refused", 1, "parse peers: \"n1\": etcd raft peer format is invalid"]));
    let options = OffloadPlanOptions { peers: Some("n1=a:1".to_owned()), ..stored(&store) };
    let plan = restore(&new, &options);
    assert_eq!((&plan["peers"]["missing"], &plan["peers"]["added"]), (&json!([]), &json!([])));
    // Downloads: an old one is removed by the next restore, a young one stays, and neither blocks.
    let (old, young) = (root.path().join(".snapshot-offload-restore-1"), root.path().join(".snapshot-offload-restore-2"));
    for dir in [&old, &young] {
        fs::create_dir(dir).unwrap();
        fs::write(dir.join("payload.fsm"), b"12345").unwrap();
    }
    let week = SystemTime::now() - Duration::from_secs(8 * 24 * 3600);
    fs::File::open(&old).unwrap().set_modified(week).unwrap();
    let plan = restore(&new, &with_peers(&store));
    assert_eq!(plan["outcome"], "done");
    let left: Vec<_> = plan["leftovers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["bytes"].as_u64(), it["removed_by_restore"].as_bool()))
        .collect();
    assert_eq!(left, [(Some(5), Some(true)), (Some(5), Some(false))]);
    // A link to nothing passes the first look and is met at the end.
    std::os::unix::fs::symlink("nowhere", &new).unwrap();
    let text = ending(&restore(&new, &OffloadPlanOptions { group_id: Some(7), ..stored(&store) }));
    assert!(text[2].as_str().unwrap().starts_with("prepare physical snapshot restore: destination exists: "), "{text}");
}

#[test]
fn a_real_spool_that_was_left_is_told() {
    let (root, dir) = node(|_| {});
    let from = recorded::offload().root.join("crash/1-payload-before-link/node/.snapshot-offload-spool");
    copy_tree(&from, &root.path().join("n1/.snapshot-offload-spool"));
    let found = report(&dir, &OffloadPlanOptions::default());
    let left = &found["plans"][0]["restore"]["leftovers"][0];
    assert_eq!((left["kind"].as_str(), left["bytes"].as_u64()), (Some("spool"), Some(52404)));
    assert_eq!((found["verdict"].as_str(), codes(&found)), (Some("clean"), vec!["offload-leftover"]));
}

/// Where nobody says how much space is free, the plan is open, and nothing is damaged.
#[test]
fn space_that_is_not_known_is_not_enough_and_no_damage() {
    let memory = Memory::of(&Local, &demo(), 1 << 30).unwrap();
    let found = report_over(&demo(), &OffloadPlanOptions::default(), &Run::over(memory));
    assert_eq!((found["verdict"].as_str(), found["plans"][0]["publish"]["outcome"].as_str()), (Some("unknown"), Some("done")));
    let (_root, store, new) = restorable();
    Publish { index: 70, bytes: Some(1 << 60), ..Publish::default() }.write(&store);
    let key = Publish { index: 70, ..Publish::default() }.manifest_at();
    let options = OffloadPlanOptions { manifest_key: Some(key), ..stored(&store) };
    assert!(codes(&report(&new, &options)).contains(&"offload-no-room"));
}

#[test]
fn several_groups_have_a_plan_each() {
    let node = demo().parent().unwrap().to_owned();
    let found = report(&node, &OffloadPlanOptions::default());
    let indexes: Vec<_> =
        found["plans"].as_array().unwrap().iter().map(|plan| plan["publish"]["snapshot"]["index"].as_u64().unwrap()).collect();
    assert_eq!(indexes, [701, 201]);
    assert!(
        offload_plan(&node, &OffloadPlanOptions { group_id: Some(1), ..OffloadPlanOptions::default() }, &Run::local()).is_err()
    );
    assert!(offload_plan(Path::new("/nowhere/at/all"), &OffloadPlanOptions::default(), &Run::local()).is_err());
}

/// Every file below `root`.
fn contents(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                found.insert(path.clone(), Vec::new());
                open.push(path);
            } else {
                let bytes = fs::read(&path).unwrap();
                found.insert(path, bytes);
            }
        }
    }
    found
}

#[test]
fn nothing_is_written() {
    let (root, dir) = node(|dir| fs::write(dir.join(NEWEST_SNAP), b"torn").unwrap());
    let store = root.path().join("store");
    Publish::default().write(&store);
    let before = contents(root.path());
    report(&dir, &OffloadPlanOptions { group_id: Some(7), ..stored(&store) });
    report(&root.path().join("n1/new"), &stored(&store));
    assert!(before == contents(root.path()), "something was written");
}

/// A store whose manifest was rewritten says the same, unless an empty list is written out, which a publisher takes for another value.
#[test]
fn a_rewritten_manifest_is_the_same_snapshot() {
    let copy = tempfile::tempdir().unwrap();
    let store = copy.path().join("store");
    copy_tree(&recorded::offload().root.join("local"), &store);
    let manifest = store.join("prod/east").join(KEY);
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("  ", "\t")).unwrap();
    let found = report(&demo(), &stored(&store));
    assert_eq!(ending(&found["plans"][0]["publish"]), json!(["already-there", 0, null]));
    assert_eq!((found["verdict"].as_str(), &found["plans"][0]["publish"]["manifest_in_store"]), (Some("clean"), &json!("same")));
    let written_out = text.replace("\n    ]\n  },", "\n    ], \"learners\": []\n  },");
    assert_ne!(written_out, text);
    fs::write(&manifest, written_out).unwrap();
    let found = report(&demo(), &stored(&store));
    assert_eq!(ending(&found["plans"][0]["publish"]), json!(["unknown", null, null]));
    assert!(found["plans"][0]["publish"]["undecided"].as_str().unwrap().contains("an empty list of members"), "{found:#}");
    assert_eq!(found["verdict"], "unknown");
}

/// Without manifests the payloads tell where the keys begin.
#[test]
fn the_prefix_is_that_of_the_payloads_where_no_manifest_is_left() {
    let copy = tempfile::tempdir().unwrap();
    let store = copy.path().join("store");
    copy_tree(&recorded::offload().root.join("local"), &store);
    fs::remove_dir_all(store.join("prod/east/v1/groups")).unwrap();
    let plan = publish(&demo(), &stored(&store));
    assert_eq!(plan["arguments"], json!(["--prefix=prod/east", "--group-id=2"]));
    assert_eq!(plan["payload_in_store"], "same");
}

#[test]
fn what_a_restore_would_take_back_is_told() {
    let (root, store, _) = restorable();
    let (_keep, dir) = node(|_| {});
    let options = OffloadPlanOptions { group_id: Some(7), ..with_peers(&store) };
    let found = report(&dir, &options);
    let finding = found["findings"].as_array().unwrap().iter().find(|it| it["code"] == "offload-restore-goes-back").unwrap();
    assert_eq!((&finding["expected"], &finding["found"]), (&json!("at least 201"), &json!("50")));
    assert_eq!(found["plans"][0]["restore"]["own_snapshot"], 201);
    drop(root);
}

/// The reason why nothing would be restored is the one that holds.
#[test]
fn a_group_that_is_not_known_is_asked_for_by_name() {
    let local = recorded::offload().root.join("local");
    let new = tempfile::tempdir().unwrap();
    let found = report(&new.path().join("n9"), &stored(&local));
    assert_eq!(found["verdict"], "unknown");
    let text = found["coverage"]["not_examined"].to_string();
    assert!(text.contains("the store has groups 0, 1, 2 and 64; --group-id or --manifest-key says"), "{text}");
    let report = offload_plan(&new.path().join("n9"), &stored(&local), &Run::local()).unwrap();
    assert!(report.headline().ends_with(" is not known; nothing in the store to restore"), "{}", report.headline());
}

/// The page as people see it; the free space is that of the moment.
#[test]
fn the_page_of_the_demo() {
    let copy = tempfile::tempdir().unwrap();
    copy_tree(&demo(), &copy.path().join("n1/group-2"));
    copy_tree(&recorded::offload().root.join("local"), &copy.path().join("backup"));
    let manifest = fs::read_to_string(copy.path().join("backup/prod/east").join(KEY)).unwrap();
    assert!(manifest.contains("\"source_cluster\": \"demo\""));
    let page = |args: &str| {
        let mut tool = std::process::Command::new(assert_cmd::cargo::cargo_bin("ekv-tool"));
        let output = tool.current_dir(copy.path()).args(args.split(' ')).args(["--width", "80"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let free = |line: &str| match line.rfind(", ").filter(|_| line.ends_with(" free")) {
            Some(at) => format!("{}, N free", &line[..at]),
            None => line.to_owned(),
        };
        format!(
            "$ ekv-tool {args}\n{}\n[{}]\n",
            text.lines().map(free).collect::<Vec<_>>().join("\n"),
            output.status.code().unwrap()
        )
    };
    let pages = [
        "offload plan n1/group-2",
        "offload plan n1/group-2 --store backup",
        "offload plan n1/group-2 --store backup --source-cluster a&b --spool-dir spool",
        "offload plan n9 --store backup --group-id 1 --peers n1=a:7000",
        "offload plan n9 --store backup",
    ];
    golden("offload/plan.txt", &pages.map(page).concat());
}
