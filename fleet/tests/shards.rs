//! Payloads verified by shards: equal to what the main program says, resumed where a run ended, and never taken for what they were.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ekv_fleet::audit::{AuditOptions, audit};
use ekv_fleet::parts::Results;
use ekv_fleet::progress::Unwatched;
use ekv_fleet::shard::Shard;
use ekv_fleet::store::{Address, Limits, Store};
use ekv_fleet::verify::{Again, LANES, PART_EVERY, VerifyOptions, verify};
use ekv_tool::Run;
use ekv_tool::ops::{VerifySnapshotOptions, verify_snapshot};
use ekv_tool::readers::Depth;
use ekv_tool::types::UnixMillis;
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt as _};
use serde_json::Value;

use crate::support::counted::Counted;
use crate::support::directories::{PAYLOAD, small_payloads};
use crate::support::http::Server;
use crate::support::program::{program, run};
use crate::support::recorded::{copy, files, offload};
use crate::support::stores::{block_on, in_memory, options};

/// Small ranges, so that small payloads have several.
pub fn shard(number: u32, of: u32) -> VerifyOptions {
    VerifyOptions {
        shard: Shard { number, of },
        deep: true,
        lanes: LANES,
        range: 1 << 16,
        part_every: PART_EVERY,
        now: UnixMillis(1_800_000_000_000),
        again: Again::Changed,
    }
}

fn results(dir: &Path) -> Results {
    let read = Address::parse("s3://bucket").unwrap();
    Results::at(&Address::parse(dir.to_str().unwrap()).unwrap(), Limits::default(), &read).unwrap()
}

fn verified(objects: Arc<dyn ObjectStore>, results: &Results, options: &VerifyOptions) -> Value {
    let store = Store::of(objects, "s3://bucket", "");
    serde_json::to_value(block_on(verify(&store, results, options, &Unwatched)).unwrap()).unwrap()
}

fn audited_with(objects: Arc<dyn ObjectStore>, results: &Results) -> Value {
    let store = Store::of(objects, "s3://bucket", "");
    serde_json::to_value(block_on(audit(&store, Some(results), &options(), &Unwatched)).unwrap()).unwrap()
}

fn codes(report: &Value) -> BTreeSet<String> {
    report["findings"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap().to_owned()).collect()
}

/// What `verify-snapshot --deep` says of a directory.
fn deep(dir: &Path) -> Value {
    let options = VerifySnapshotOptions { depth: Depth::Deep, grace: Some(options().grace), ..VerifySnapshotOptions::default() };
    serde_json::to_value(verify_snapshot(&[dir.to_owned()], &options, &Run::local()).unwrap()).unwrap()
}

/// Everything but what was read by whom.
fn compared(report: &Value, root: &str) -> String {
    let mut report = report.clone();
    report["coverage"]["not_examined"]
        .as_array_mut()
        .unwrap()
        .retain(|part| !part["what"].as_str().unwrap().starts_with("uploads to "));
    let parts = ["verdict", "offloads", "stores", "findings"].map(|part| serde_json::to_string_pretty(&report[part]).unwrap());
    let left = serde_json::to_string_pretty(&report["coverage"]["not_examined"]).unwrap();
    let text = format!("{}\n{left}", parts.join("\n")).replace(root, "ROOT");
    let mut pieces = text.split("; the newest was written ");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.split_once('Z').map_or(piece, |(_, rest)| rest))
}

/// An audit that joins what shards have read says what the main program says of the directory.
fn equal(dir: &Path, what: &str) -> Value {
    let out = tempfile::tempdir().unwrap();
    let (objects, results) = (block_on(in_memory(dir)), results(out.path()));
    for number in 1..=3 {
        verified(objects.clone(), &results, &shard(number, 3));
    }
    let joined = audited_with(objects, &results);
    let (there, here) = (compared(&joined, "s3://bucket"), compared(&deep(dir), dir.to_str().unwrap()));
    let line = here.lines().zip(there.lines()).find(|(a, b)| a != b);
    assert!(there == here, "{what}: {line:?}");
    joined
}

#[test]
fn shards_and_an_audit_say_what_a_deep_look_says() {
    let report = equal(&offload().join("local"), "local");
    assert_eq!((report["verdict"].as_str(), report["joined"]["payloads"].as_u64()), (Some("clean"), Some(3)));
    assert_eq!(report["stores"][0]["groups"][0]["restorable"], 1);
    type Change = fn(&Path);
    let changes: [(&str, Change, &str); 5] = [
        ("a changed byte", |at| change(at, |bytes| bytes[100] ^= 1), "offload-payload-digest"),
        ("a short payload", |at| change(at, |bytes| bytes.truncate(200)), "offload-payload-size"),
        ("no payload", |at| fs::remove_file(at).unwrap(), "offload-payload-missing"),
        ("an empty payload", |at| fs::write(at, b"").unwrap(), "offload-payload-size"),
        ("an orphan", |at| fs::write(at.with_file_name(format!("{}.fsm", "af".repeat(32))), b"x").unwrap(), "offload-orphan"),
    ];
    for (name, change, code) in changes {
        let dir = tempfile::tempdir().unwrap();
        copy(&offload().join("local"), dir.path());
        change(&dir.path().join(PAYLOAD));
        let report = equal(dir.path(), name);
        assert!(codes(&report).contains(code), "{name}: {:?}", codes(&report));
    }
}

fn change(at: &Path, how: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(at).unwrap();
    how(&mut bytes);
    fs::write(at, bytes).unwrap();
}

#[test]
fn every_recorded_manifest_joined_is_judged_as_in_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    copy(&offload().join("local"), dir.path());
    let key = "prod/east/v1/groups/64/snapshots/00000000000000000010-00000000000000000002.json";
    for (name, path) in files(&offload().join("bad")).into_iter().step_by(4) {
        fs::copy(path, dir.path().join(key)).unwrap();
        equal(dir.path(), &name);
    }
}

#[test]
fn any_number_of_shards_finds_the_same() {
    let dir = tempfile::tempdir().unwrap();
    copy(&offload().join("local"), dir.path());
    change(&dir.path().join(PAYLOAD), |bytes| bytes[100] ^= 1);
    let objects = block_on(in_memory(dir.path()));
    let mut answers = BTreeSet::new();
    for of in [1, 2, 5] {
        let out = tempfile::tempdir().unwrap();
        let results = results(out.path());
        let mut all = Vec::new();
        for number in 1..=of {
            let report = verified(objects.clone(), &results, &shard(number, of));
            all.extend(report["payloads"].as_array().unwrap().iter().map(ToString::to_string));
        }
        all.sort();
        answers.insert(all);
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers.first().map(Vec::len), Some(3));
}

/// What a part holds is not read again, unless the object is another one.
#[test]
fn a_run_goes_on_where_it_was() {
    let objects = block_on(in_memory(&offload().join("local")));
    let out = tempfile::tempdir().unwrap();
    let results = results(out.path());
    let counted = Arc::new(Counted::over(objects.clone()));
    let first = verified(counted.clone(), &results, &shard(1, 1));
    assert_eq!(
        (first["read"].as_u64(), first["recalled"].as_u64(), first["parts_written"].as_u64()),
        (Some(3), Some(0), Some(1))
    );
    let ranges = counted.gets.swap(0, Ordering::Relaxed);
    assert!(ranges >= 3, "{ranges}");
    // Whatever number of shards there is now.
    for (number, of) in [(1, 1), (1, 2), (2, 2)] {
        let again = verified(counted.clone(), &results, &shard(number, of));
        assert_eq!((again["read"].as_u64(), again["parts_written"].as_u64()), (Some(0), Some(0)), "{again:#}");
        assert_eq!(again["verdict"], "clean");
    }
    assert_eq!(counted.gets.load(Ordering::Relaxed), 0);
    // One object is written anew with the same bytes: it is another one.
    let key = Key::parse(PAYLOAD).unwrap();
    let bytes = block_on(async { objects.get(&key).await.unwrap().bytes().await.unwrap() });
    block_on(objects.put(&key, bytes.into())).unwrap();
    let report = audited_with(objects.clone(), &results);
    assert_eq!(report["verdict"], "unknown");
    let missing = report["coverage"]["not_examined"].as_array().unwrap().iter().filter(|part| part["needed"] == true).count();
    assert_eq!(missing, 1, "{:#}", report["coverage"]);
    let again = verified(objects.clone(), &results, &shard(1, 1));
    assert_eq!((again["read"].as_u64(), again["recalled"].as_u64()), (Some(1), Some(2)));
    assert_eq!(audited_with(objects, &results)["verdict"], "clean");
}

/// Bytes rot under keys that stay the same: what was read long ago can be asked for again, and need not count.
#[test]
fn readings_grow_old() {
    const DAY: u64 = 86_400_000;
    let objects = block_on(in_memory(&offload().join("local")));
    let out = tempfile::tempdir().unwrap();
    let results = results(out.path());
    let store = Store::of(objects.clone(), "s3://bucket", "");
    let start = shard(1, 1).now.0;
    let verify_at = |days: u64, again: Again, shard: VerifyOptions| {
        let options = VerifyOptions { now: UnixMillis(start + days * DAY), again, ..shard };
        serde_json::to_value(block_on(verify(&store, &results, &options, &Unwatched)).unwrap()).unwrap()
    };
    let audit_at = |days: u64, max_age: Option<u64>| {
        let max_age = max_age.map(|days| Duration::from_secs(days * 24 * 3600));
        let options = AuditOptions { now: UnixMillis(start + days * DAY), max_age, ..options() };
        serde_json::to_value(block_on(audit(&store, Some(&results), &options, &Unwatched)).unwrap()).unwrap()
    };
    // A payload is read a moment after its run began.
    let about = |value: &Value| (value.as_u64().unwrap() + 30_000) / 60_000;
    let minutes = |milliseconds: u64| milliseconds / 60_000;
    let numbers = |report: &Value| (report["read"].as_u64().unwrap(), report["recalled"].as_u64().unwrap());
    let days = |number: u64| Duration::from_secs(number * 24 * 3600);
    assert_eq!(numbers(&verify_at(0, Again::Changed, shard(1, 2))), (1, 0));
    assert_eq!(numbers(&verify_at(5, Again::Changed, shard(1, 1))), (2, 1));
    // What the verdict relies on is as old as its oldest part.
    let report = audit_at(10, None);
    assert_eq!(report["verdict"], "clean");
    let readings = &report["joined"]["readings"];
    let told = ["oldest_ms", "newest_ms", "oldest_age_ms", "newest_age_ms"].map(|name| about(&readings[name]));
    assert_eq!(told, [start, start + 5 * DAY, 10 * DAY, 5 * DAY].map(minutes));
    // Half of it is too old.
    let report = audit_at(10, Some(7));
    let joined = &report["joined"];
    assert_eq!(
        (report["verdict"].as_str(), joined["payloads"].as_u64(), joined["max_age_ms"].as_u64()),
        (Some("unknown"), Some(2), Some(7 * DAY))
    );
    let needed: Vec<_> =
        report["coverage"]["not_examined"].as_array().unwrap().iter().filter(|it| it["needed"] == true).collect();
    assert!(
        needed.len() == 1 && needed[0]["why"].as_str().unwrap().starts_with("no run has read it as it is now since 20"),
        "{needed:?}"
    );
    // It is read again, and nothing else.
    assert_eq!(numbers(&verify_at(10, Again::OlderThan(days(7)), shard(1, 1))), (1, 2));
    assert_eq!(audit_at(10, Some(7))["verdict"], "clean");
    let report = verify_at(10, Again::OlderThan(days(7)), shard(1, 1));
    assert_eq!((numbers(&report), about(&report["readings"]["oldest_age_ms"])), ((0, 3), minutes(5 * DAY)));
    // Everything is, whoever has read it when.
    assert_eq!(numbers(&verify_at(10, Again::Everything, shard(1, 1))), (3, 0));
    assert_eq!(about(&audit_at(11, Some(2))["joined"]["readings"]["oldest_age_ms"]), minutes(DAY));
    // A clock that was far ahead makes nothing young for ever.
    assert_eq!(audit_at(0, Some(2))["verdict"], "unknown");
}

#[test]
fn parts_are_never_written_over_and_broken_ones_only_cost_time() {
    let objects = block_on(in_memory(&offload().join("local")));
    let out = tempfile::tempdir().unwrap();
    let results = results(out.path());
    // Somebody else writes for the same shard.
    let taken = out.path().join("offload-verify/v1/shard-00001-of-00001/00000001.parquet");
    fs::create_dir_all(taken.parent().unwrap()).unwrap();
    fs::write(&taken, b"not a part").unwrap();
    let report = verified(objects.clone(), &results, &shard(1, 1));
    assert_eq!(report["verdict"], "clean");
    assert_eq!(fs::read(&taken).unwrap(), b"not a part");
    let left: Vec<_> =
        report["coverage"]["not_examined"].as_array().unwrap().iter().map(|part| part["what"].to_string()).collect();
    assert!(left.iter().any(|what| what.contains("00000001.parquet")), "{left:?}");
    let parts = files(out.path());
    assert_eq!(parts.len(), 2, "{parts:?}");
    assert_eq!(verified(objects.clone(), &results, &shard(1, 1))["read"], 0);
    // What a part held that is damaged now nobody knows: it may have been the reading that found the damage.
    let part = files(out.path()).into_iter().map(|(_, part)| part).find(|part| *part != taken).unwrap();
    let whole = fs::read(&part).unwrap();
    fs::write(&part, &whole[..whole.len() - 20]).unwrap();
    let report = verified(objects.clone(), &results, &shard(1, 1));
    assert_eq!((&report["verdict"], &report["read"]), (&"unknown".into(), &3.into()));
    fs::remove_file(&part).unwrap();
    assert_eq!(verified(objects, &results, &shard(1, 1))["verdict"], "clean");
}

/// An object that is written anew while it is read is neither what it was nor what it is.
#[test]
fn a_change_between_two_ranges_is_unknown() {
    let objects: Arc<InMemory> = Arc::new(InMemory::new());
    let bytes: Vec<u8> = (0..3_u32 << 16).map(|at| at.to_le_bytes()[1]).collect();
    let digest = ekv_tool::types::Sha256Sum::of(&bytes).to_string();
    let key = Key::parse(format!("v1/payloads/sha256/{}/{digest}.fsm", &digest[..2])).unwrap();
    block_on(objects.put(&key, bytes.clone().into())).unwrap();
    let counted = Arc::new(Counted::over(objects.clone()));
    // The same bytes: only the ETag tells.
    let (inner, at) = (objects.clone(), key.clone());
    let again = bytes.clone();
    *counted.before.lock().unwrap() = Some(Box::new(move |number| {
        if number == 2 {
            let (inner, at, again) = (inner.clone(), at.clone(), again.clone());
            std::thread::spawn(move || block_on(inner.put(&at, again.into())).unwrap()).join().unwrap();
        }
    }));
    let out = tempfile::tempdir().unwrap();
    let results = results(out.path());
    let report = verified(counted.clone(), &results, &VerifyOptions { lanes: 1, ..shard(1, 1) });
    assert_eq!(report["verdict"], "unknown", "{report:#}");
    let why: Vec<_> = report["coverage"]["not_examined"].as_array().unwrap().iter().map(|part| part["why"].to_string()).collect();
    assert!(why.iter().any(|why| why.contains("another object took its key while it was read")), "{why:?}");
    *counted.before.lock().unwrap() = None;
    // It is read again, and is damaged only as a snapshot: the bytes are those of the name.
    let report = verified(counted, &results, &shard(1, 1));
    assert_eq!((report["read"].as_u64(), report["payloads"][0]["computed_sha256"].as_str()), (Some(1), Some(digest.as_str())));
}

/// A directory is verified as a bucket is.
#[test]
fn a_directory_is_verified_and_resumed_too() {
    let dir = tempfile::tempdir().unwrap();
    copy(&offload().join("local"), dir.path());
    let out = tempfile::tempdir().unwrap();
    let address = Address::parse(dir.path().to_str().unwrap()).unwrap();
    let store = ekv_fleet::store::connect(&address, Limits::default()).unwrap();
    let results = Results::at(&Address::parse(out.path().to_str().unwrap()).unwrap(), Limits::default(), &address).unwrap();
    let ask = || serde_json::to_value(block_on(verify(&store, &results, &shard(1, 1), &Unwatched)).unwrap()).unwrap();
    assert_eq!((ask()["read"].as_u64(), ask()["recalled"].as_u64()), (Some(3), Some(3)));
    change(&dir.path().join(PAYLOAD), |bytes| bytes[100] ^= 1);
    let report = ask();
    assert_eq!((report["verdict"].as_str(), report["read"].as_u64()), (Some("damaged"), Some(1)));
    let audited = block_on(audit(&store, Some(&results), &options(), &Unwatched)).unwrap();
    let audited = serde_json::to_value(audited).unwrap();
    assert_eq!(compared(&audited, dir.path().to_str().unwrap()), compared(&deep(dir.path()), dir.path().to_str().unwrap()));
}

/// `kill -9` in the middle: the next run reads what no part has, and nothing twice.
#[test]
fn a_killed_shard_goes_on_where_it_was() {
    const PAYLOADS: usize = 60;
    let dir = tempfile::tempdir().unwrap();
    small_payloads(dir.path(), PAYLOADS);
    let server = Server::of(dir.path(), |request, _| {
        if !request.key.is_empty() {
            std::thread::sleep(Duration::from_millis(60));
        }
        None
    });
    let out = tempfile::tempdir().unwrap();
    let results = out.path().to_str().unwrap();
    let args =
        ["--format", "json", "offload", "verify", "s3://bucket", "--results", results, "--lanes", "2", "--part-every", "100ms"];
    let mut killed = program(&server.url).args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    while files(out.path()).iter().filter(|(name, _)| name.ends_with(".parquet")).count() < 2 {
        assert!(began.elapsed() < Duration::from_secs(60) && killed.try_wait().unwrap().is_none(), "no part in time");
        std::thread::sleep(Duration::from_millis(5));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    let ran = run(&server.url, &args);
    let (read, recalled) = (ran.report["read"].as_u64().unwrap(), ran.report["recalled"].as_u64().unwrap());
    assert!(read > 0 && recalled > 0 && read + recalled == PAYLOADS as u64, "{read} and {recalled}: {}", ran.said);
    let ran = run(&server.url, &args);
    assert_eq!((ran.report["read"].as_u64(), ran.report["recalled"].as_u64()), (Some(0), Some(PAYLOADS as u64)), "{}", ran.said);
}

/// A volume that is not mounted has no payload, which says nothing of its payloads.
#[test]
fn a_store_without_a_payload_is_not_clean() {
    let root = tempfile::tempdir().unwrap();
    let [store, results] = ["store", "results"].map(|name| root.path().join(name));
    fs::create_dir(&store).unwrap();
    let ran = run(
        "http://127.0.0.1:9",
        &["--format", "json", "offload", "verify", &store.display().to_string(), "--results", &results.display().to_string()],
    );
    assert_eq!((ran.status, ran.report["verdict"].as_str()), (3, Some("unknown")), "{}", ran.said);
    assert!(ran.said.contains("no payload was found there"), "{}", ran.said);
}

/// A setting that no request can be made with ends the run as any error does, and no earlier report stands for it.
#[test]
fn a_setting_that_makes_no_request_is_a_failed_run() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("metrics.prom");
    for endpoint in ["", "localhost:9", "http://127.0.0.1:99999", "http://127.0.0.1:9\n"] {
        let shown = file.display().to_string();
        let args = ["--format", "prometheus", "--output", &shown, "offload", "audit", "s3://b/p", "--max-retries", "0"];
        let ran = run(endpoint, &args);
        assert_eq!(ran.status, 1, "{endpoint:?}: {}", ran.said);
        assert!(ran.said.contains("AWS_ENDPOINT_URL"), "{}", ran.said);
        let metrics = fs::read_to_string(&file).unwrap();
        assert!(metrics.contains("ekv_tool_run_failed{command=\"offload-audit\",target=\"s3://b/p\"} 1\n"), "{metrics}");
    }
}
