//! Real servers: signatures, metadata, conditions, results in a bucket.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use object_store::ObjectStore;
use serde_json::Value;

use crate::support::directories::PAYLOAD;
use crate::support::program::{Ran, run};
use crate::support::publisher::put;
use crate::support::recorded::{files, offload};
use crate::support::servers::{client, moto, moto_bucket, versitygw};
use crate::support::stores::audited_directory;

/// Uploads a directory as the publisher does: the digest of every object beside it.
fn publish(objects: &Arc<dyn ObjectStore>, dir: &Path) {
    for (key, path) in files(dir) {
        put(objects, &key, fs::read(path).unwrap(), None);
    }
}

fn json(url: &str, args: &[&str]) -> Ran {
    run(url, &[&["--format", "json"], args].concat())
}

fn codes(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap()).collect()
}

/// What a user does in one day, on a bucket of that server.
fn a_day(url: &str, objects: &Arc<dyn ObjectStore>) {
    let dir = offload().join("local");
    publish(objects, &dir);
    let bucket = "s3://bucket/prod/east";
    let ran = json(url, &["offload", "audit", bucket]);
    assert_eq!(ran.status, 0, "{}", ran.said);
    let there = serde_json::to_string(&ran.report["offloads"]).unwrap().replace("s3://bucket", "ROOT");
    let here = serde_json::to_string(&audited_directory(&dir)["offloads"]).unwrap().replace(dir.to_str().unwrap(), "ROOT");
    assert_eq!(there, here);
    // Results lie in the same bucket, beside the store; two shards, and then nothing is left to read.
    for (shard, all) in [("1/2", false), ("2/2", false), ("1/1", true)] {
        let ran = json(url, &["offload", "verify", "--deep", bucket, "--results", "s3://bucket/ekv", "--shard", shard]);
        assert_eq!(ran.status, 0, "{}", ran.said);
        if all {
            assert_eq!((ran.report["read"].as_u64(), ran.report["recalled"].as_u64()), (Some(0), Some(3)));
        }
    }
    let ran = json(url, &["offload", "audit", bucket, "--results", "s3://bucket/ekv", "--deep"]);
    assert_eq!((ran.status, ran.report["joined"]["payloads"].as_u64()), (0, Some(3)), "{}", ran.said);
    let restorable: u64 =
        ran.report["stores"][0]["groups"].as_array().unwrap().iter().map(|group| group["restorable"].as_u64().unwrap()).sum();
    assert_eq!(restorable, 4);
    // Somebody writes one payload anew, and changes a byte.
    let mut bytes = fs::read(dir.join(PAYLOAD)).unwrap();
    bytes[100] ^= 1;
    let named = PAYLOAD.rsplit('/').next().unwrap().trim_end_matches(".fsm");
    put(objects, PAYLOAD, bytes, Some(named));
    let ran = json(url, &["offload", "audit", bucket, "--results", "s3://bucket/ekv"]);
    assert_eq!(ran.status, 3, "{}", ran.said);
    let ran = json(url, &["offload", "verify", bucket, "--results", "s3://bucket/ekv"]);
    assert_eq!((ran.status, ran.report["read"].as_u64()), (2, Some(1)), "{}", ran.said);
    let ran = json(url, &["offload", "audit", bucket, "--results", "s3://bucket/ekv"]);
    assert_eq!(ran.status, 2, "{}", ran.said);
    assert!(codes(&ran.report).contains(&"offload-payload-digest"), "{}", ran.said);
}

#[test]
fn a_day_with_versitygw() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("bucket")).unwrap();
    let Some(server) = versitygw(dir.path()) else { return };
    a_day(&server.url, &client(&server.url, "bucket"));
    // Without credentials that it knows nothing is said.
    let ran = json(&server.url, &["offload", "audit", "s3://nobucket"]);
    assert_eq!(ran.status, 1, "{}", ran.said);
}

#[test]
fn a_day_with_moto() {
    let Some(server) = moto() else { return };
    moto_bucket(&server.url, "bucket");
    let objects = client(&server.url, "bucket");
    a_day(&server.url, &objects);
    // The digest beside the object decides for the server before the bytes do.
    let dir = offload().join("local");
    let right = fs::read(dir.join(PAYLOAD)).unwrap();
    for (digest, text) in
        [("0".repeat(64), "payload head mismatch"), ("nonsense".to_owned(), "s3 object sha256 metadata is invalid")]
    {
        put(&objects, PAYLOAD, right.clone(), Some(&digest));
        let ran = json(&server.url, &["offload", "audit", "s3://bucket/prod"]);
        assert_eq!(ran.status, 2, "{}", ran.said);
        assert!(codes(&ran.report).contains(&"offload-metadata") && ran.said.contains(text), "{}", ran.said);
    }
    put(&objects, PAYLOAD, right, Some(" "));
    assert_eq!(json(&server.url, &["offload", "audit", "s3://bucket/prod"]).status, 0);
}
