//! A bucket, a directory and `ekv-tool verify-snapshot` say the same of the same objects.

use std::fs;
use std::path::Path;

use ekv_tool::Run;
use ekv_tool::ops::{VerifySnapshotOptions, verify_snapshot};
use ekv_tool::readers::Depth;
use serde_json::Value;

use crate::support::recorded::{copy, files, offload};
use crate::support::stores::{audited, audited_directory, block_on, in_memory, options};

/// The manifest whose place the recorded ones take.
const KEY: &str = "prod/east/v1/groups/64/snapshots/00000000000000000010-00000000000000000002.json";

/// What reports have to agree in, as text without what names the place, the age of files, and what only a directory shows.
fn compared(report: &Value, root: &str) -> String {
    let mut parts = Vec::new();
    for part in ["verdict", "offloads", "stores", "findings"] {
        parts.push(serde_json::to_string_pretty(&report[part]).unwrap());
    }
    let mut coverage = report["coverage"].clone();
    coverage["not_examined"].as_array_mut().unwrap().retain(|part| !part["what"].as_str().unwrap().starts_with("uploads to "));
    parts.push(serde_json::to_string_pretty(&coverage).unwrap());
    let text = parts.join("\n").replace(root, "ROOT");
    // When an orphan was written.
    let mut pieces = text.split("; the newest was written ");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| text + piece.split_once('Z').map_or(piece, |(_, rest)| rest))
}

/// The report of the main program, at the depth at which no payload is read.
fn verified(dir: &Path) -> Value {
    let options =
        VerifySnapshotOptions { depth: Depth::Header, grace: Some(options().grace), ..VerifySnapshotOptions::default() };
    serde_json::to_value(verify_snapshot(&[dir.to_owned()], &options, &Run::local()).unwrap()).unwrap()
}

fn first_difference(here: &str, there: &str) -> String {
    let pair = here.lines().zip(there.lines()).find(|(a, b)| a != b);
    pair.map_or_else(|| "one is longer".to_owned(), |(a, b)| format!("\n  directory: {a}\n  bucket:    {b}"))
}

/// Everything says the same of the store in `dir`; returns what that is.
fn equal(dir: &Path, what: &str) -> Value {
    let root = dir.to_str().unwrap();
    let main = compared(&verified(dir), root);
    let directory = audited_directory(dir);
    assert_eq!(compared(&directory, root), main, "{what}");
    let bucket = audited(block_on(in_memory(dir)), "s3://bucket", "");
    let said = compared(&bucket, "s3://bucket");
    assert!(said == main, "{what}: {}", first_difference(&main, &said));
    assert_eq!(bucket["schema"], "ekv-fleet/offload-audit/v1");
    let parts = bucket["coverage"]["not_examined"].as_array().unwrap();
    assert!(parts.iter().any(|part| part["what"] == "uploads to s3://bucket that were not finished"), "{what}");
    bucket
}

#[test]
fn the_recorded_store_is_the_same_everywhere() {
    let report = equal(&offload().join("local"), "local");
    assert_eq!(report["offloads"].as_array().unwrap().len(), 4);
    // Nobody read the payloads, so that nothing is said to be restorable, and what could be is named.
    let group = &report["stores"][0]["groups"][0];
    assert_eq!((group["restorable"].as_u64(), group["unread"].as_u64()), (Some(0), Some(1)));
    assert_eq!((&group["newest"], &group["newest_unread"]["index"]), (&Value::Null, &Value::from(201)));
}

#[test]
fn every_recorded_manifest_is_judged_the_same_in_a_bucket() {
    let dir = tempfile::tempdir().unwrap();
    copy(&offload().join("local"), dir.path());
    let bad = files(&offload().join("bad"));
    assert!(bad.len() > 30);
    for (name, path) in bad {
        fs::copy(path, dir.path().join(KEY)).unwrap();
        equal(dir.path(), &name);
    }
}

#[test]
fn what_crashes_leave_is_judged_the_same_in_a_bucket() {
    // A second name of a file is something that only directories have.
    for name in ["1-payload-before-link", "3-manifest-before-link"] {
        equal(&offload().join("crash").join(name).join("store"), name);
    }
}

#[test]
fn missing_short_and_moved_are_found_without_a_byte_of_a_payload() {
    let codes = |report: &Value| {
        let mut all: Vec<_> =
            report["findings"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap().to_owned()).collect();
        all.sort();
        all.dedup();
        all.retain(|code| code != "offload-several-clusters" && code != "offload-nothing-restorable");
        all
    };
    let payload = "prod/east/v1/payloads/sha256/af/afb01ff4599dce111b8dbdc61876743eb86786d2dcdf80384a0312b897f8271a.fsm";
    type Change = fn(&Path);
    let changes: [(&str, Change, &[&str]); 4] = [
        ("missing", |at| fs::remove_file(at).unwrap(), &["offload-payload-missing"]),
        ("short", |at| fs::write(at, b"EKV").unwrap(), &["fsm-body-malformed", "offload-payload-size"]),
        ("empty", |at| fs::write(at, b"").unwrap(), &["offload-payload-size"]),
        (
            "moved",
            |at| {
                let above = at.parent().unwrap().parent().unwrap().join("00");
                fs::create_dir_all(&above).unwrap();
                fs::rename(at, above.join(at.file_name().unwrap())).unwrap();
            },
            &["offload-orphan", "offload-payload-missing"],
        ),
    ];
    for (name, change, expected) in changes {
        let dir = tempfile::tempdir().unwrap();
        copy(&offload().join("local"), dir.path());
        change(&dir.path().join(payload));
        let report = equal(dir.path(), name);
        assert_eq!(
            (report["verdict"].as_str(), codes(&report)),
            (Some("damaged"), expected.iter().map(ToString::to_string).collect()),
            "{name}"
        );
    }
    let dir = tempfile::tempdir().unwrap();
    copy(&offload().join("local"), dir.path());
    let elsewhere = dir.path().join(KEY.replace("groups/64", "groups/65"));
    fs::create_dir_all(elsewhere.parent().unwrap()).unwrap();
    fs::copy(dir.path().join(KEY), elsewhere).unwrap();
    let report = equal(dir.path(), "a moved manifest");
    assert_eq!(codes(&report), ["offload-manifest-moved"]);
}

/// A prefix of a bucket is the same store: keys are those of the bucket.
#[test]
fn a_prefix_of_a_bucket_has_the_keys_of_the_bucket() {
    let objects = block_on(in_memory(&offload().join("local")));
    let whole = audited(objects.clone(), "s3://bucket", "");
    let part = audited(objects.clone(), "s3://bucket/prod", "prod/");
    assert_eq!(whole["offloads"], part["offloads"]);
    assert_eq!(whole["verdict"], part["verdict"]);
    // Nothing lies there.
    let none = audited(objects, "s3://bucket/other", "other/");
    assert_eq!((none["verdict"].as_str(), none["offloads"].as_array().map_or(0, Vec::len)), (Some("unknown"), 0));
}
