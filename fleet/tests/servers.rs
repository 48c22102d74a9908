//! Real servers: signatures, metadata, conditions, results in a bucket. The same is asked of each kind.

use std::fs;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ekv_tool::types::Sha256Sum;
use serde_json::Value;

use crate::support::clouds::Cloud;
use crate::support::directories::PAYLOAD;
use crate::support::http::{Fault, Server};
use crate::support::listener::listener;
use crate::support::made::{self, MadeGroup};
use crate::support::program::run_in;
use crate::support::recorded::{files, offload};
use crate::support::stores::audited_directory;

/// The digest in the key of that payload.
fn named() -> &'static str {
    PAYLOAD.rsplit('/').next().unwrap().trim_end_matches(".fsm")
}

fn codes(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|it| it["code"].as_str().unwrap()).collect()
}

/// What a user does in one day.
fn a_day(cloud: &Cloud) {
    let dir = offload().join("local");
    for (key, path) in files(&dir) {
        cloud.put(&key, fs::read(path).unwrap(), None);
    }
    let (bucket, root, results) = (&*cloud.bucket("prod/east"), &*cloud.bucket(""), &*cloud.results);
    let ran = cloud.json(&["offload", "audit", bucket]);
    assert_eq!(ran.status, 0, "{}", ran.said);
    let there = serde_json::to_string(&ran.report["offloads"]).unwrap().replace(root.trim_end_matches('/'), "ROOT");
    let here = serde_json::to_string(&audited_directory(&dir)["offloads"]).unwrap().replace(dir.to_str().unwrap(), "ROOT");
    assert_eq!(there, here);
    // Two shards, and then nothing is left to read.
    for (shard, all) in [("1/2", false), ("2/2", false), ("1/1", true)] {
        let ran = cloud.json(&["offload", "verify", "--deep", bucket, "--results", results, "--shard", shard]);
        assert_eq!(ran.status, 0, "{}", ran.said);
        if all {
            assert_eq!((ran.report["read"].as_u64(), ran.report["recalled"].as_u64()), (Some(0), Some(3)));
        }
    }
    let ran = cloud.json(&["offload", "audit", bucket, "--results", results, "--deep"]);
    assert_eq!((ran.status, ran.report["joined"]["payloads"].as_u64()), (0, Some(3)), "{}", ran.said);
    let restorable: u64 =
        ran.report["stores"][0]["groups"].as_array().unwrap().iter().map(|group| group["restorable"].as_u64().unwrap()).sum();
    assert_eq!(restorable, 4);
    // Somebody writes one payload anew, and changes a byte.
    let right = fs::read(dir.join(PAYLOAD)).unwrap();
    let mut bytes = right.clone();
    bytes[100] ^= 1;
    cloud.put(PAYLOAD, bytes, Some(named()));
    let ran = cloud.json(&["offload", "audit", bucket, "--results", results]);
    assert_eq!(ran.status, 3, "{}", ran.said);
    let ran = cloud.json(&["offload", "verify", bucket, "--results", results]);
    assert_eq!((ran.status, ran.report["read"].as_u64()), (2, Some(1)), "{}", ran.said);
    let ran = cloud.json(&["offload", "audit", bucket, "--results", results]);
    assert_eq!(ran.status, 2, "{}", ran.said);
    assert!(codes(&ran.report).contains(&"offload-payload-digest"), "{}", ran.said);
    // Somebody removes it.
    cloud.remove(PAYLOAD);
    let ran = cloud.json(&["offload", "audit", bucket, "--results", results]);
    assert_eq!((ran.status, codes(&ran.report).contains(&"offload-payload-missing")), (2, true), "{}", ran.said);
    cloud.put(PAYLOAD, right, None);
    assert_eq!(cloud.json(&["offload", "verify", bucket, "--results", results]).status, 0);
    let ran = cloud.json(&["offload", "audit", bucket, "--results", results]);
    assert_eq!((ran.status, ran.report["joined"]["payloads"].as_u64()), (0, Some(3)), "{}", ran.said);
}

/// A name that is misspelled is not an empty store.
fn misspelled(cloud: &Cloud) {
    for address in [&*format!("{}://nobucket", cloud.scheme), &*cloud.bucket("prod/west")] {
        let ran = cloud.json(&["offload", "audit", address]);
        assert!([1, 3].contains(&ran.status) && ran.report["verdict"] == "unknown", "{address}: {}", ran.said);
        // fake-gcs-server says of a bucket that is not there that it has failed itself.
        let is_said = ran.status != 1 || cloud.scheme == "gs" || ran.said.contains("the store has no such bucket (404)");
        assert!(is_said, "{address}: {}", ran.said);
    }
}

/// A payload of three ranges is written anew when the second one is asked for: it is neither what it was nor what it is.
fn a_change_between_two_ranges(cloud: &Arc<Cloud>) {
    let bytes: Vec<u8> = (0..9_u32 << 20).map(|at| at.to_le_bytes()[1]).collect();
    let digest = Sha256Sum::of(&bytes).to_string();
    let key = format!("large/v1/payloads/sha256/{}/{digest}.fsm", &digest[..2]);
    let mut other = bytes.clone();
    other[0] ^= 1;
    cloud.put(&key, bytes.clone(), None);
    // The server ends with the test, and this thread does not.
    let (weak, gets, at) = (Arc::downgrade(cloud), AtomicUsize::new(0), key.clone());
    let url = listener(&cloud.url, move |line| {
        if line.starts_with("GET ") && line.contains(&digest) && gets.fetch_add(1, Ordering::SeqCst) == 1 {
            weak.upgrade().unwrap().put(&at, other.clone(), None);
        }
    });
    let (large, out) = (cloud.bucket("large"), tempfile::tempdir().unwrap());
    let args = ["offload", "verify", &large, "--results", out.path().to_str().unwrap(), "--lanes", "1"];
    let ran = cloud.json_at(&url, &args);
    assert!(ran.status == 3 && ran.said.contains("another object took its key while it was read"), "{}", ran.said);
    assert_eq!(ran.report["payloads"][0]["verdict"], "unknown");
    // What it is now is damaged, whoever had read its front.
    assert_eq!(cloud.json(&args).status, 2);
    cloud.put(&key, bytes, None);
    let ran = cloud.json(&args);
    assert_eq!(ran.report["read"], 1, "{}", ran.said);
}

/// Facts of three nodes, collected by two at the same time: what one of them has written the other leaves as it is.
fn facts_are_collected_once(cloud: &Arc<Cloud>) {
    let dir = tempfile::tempdir().unwrap();
    let groups = [MadeGroup::of(1, &["n1", "n2", "n3"]), MadeGroup::of(2, &["n2", "n3", "n1"])];
    for (name, bytes) in made::fleet(&groups, |_, _| ()) {
        fs::write(dir.path().join(format!("{name}.facts")), bytes).unwrap();
    }
    let (facts, results) = (dir.path().to_str().unwrap().to_owned(), cloud.bucket("facts"));
    let found = Arc::new(Mutex::new(None));
    let (weak, seen) = (Arc::downgrade(cloud), Arc::clone(&found));
    let args = ["collect".to_owned(), facts.clone(), "--results".to_owned(), results.clone()];
    let other = args.clone();
    let url = listener(&cloud.url, move |line| {
        let mut seen = seen.lock().unwrap();
        if line.starts_with("PUT ") && seen.is_none() {
            let cloud = weak.upgrade().unwrap();
            let ran = cloud.json(&other.each_ref().map(String::as_str));
            *seen = Some((ran.status, cloud.keys("facts")));
        }
    });
    let ran = cloud.json_at(&url, &args.each_ref().map(String::as_str));
    let (status, keys) = found.lock().unwrap().take().unwrap();
    assert_eq!((ran.status, status), (0, 0), "{}", ran.said);
    assert!(keys.len() > 3, "{keys:?}");
    assert_eq!(cloud.keys("facts"), keys);
    // The plan is that of the files.
    let plan = |args: &[&str]| {
        let ran = cloud.json(&[&["plan"], args].concat());
        assert_eq!(ran.status, 0, "{}", ran.said);
        (ran.report["batches"].clone(), ran.report["left"].clone())
    };
    assert_eq!(plan(&["--results", &results]), plan(&[&facts]));
}

/// A server that does not take the credentials: nothing is known, and nothing of them is said.
fn wrong_keys(cloud: &Cloud, wrong: &[(&'static str, &str)]) {
    let (bucket, results) = (cloud.bucket("prod"), cloud.results.clone());
    for (name, value) in wrong {
        let mut environment = cloud.environment(&cloud.url);
        environment.retain(|(there, _)| there != name);
        environment.push((name, (*value).to_owned()));
        for args in [&["offload", "audit", &bucket][..], &["offload", "verify", &bucket, "--results", &results]] {
            let ran = run_in(&environment, &[&["--format", "json"], args].concat());
            assert_eq!((ran.status, ran.report["verdict"].as_str()), (1, Some("unknown")), "{name}: {}", ran.said);
            assert!(!ran.said.contains(value), "{name}: {}", ran.said);
        }
    }
}

#[test]
fn a_day_with_versitygw() {
    let Some(cloud) = Cloud::versitygw().map(Arc::new) else { return };
    a_day(&cloud);
    misspelled(&cloud);
    a_change_between_two_ranges(&cloud);
    facts_are_collected_once(&cloud);
    wrong_keys(&cloud, &[("AWS_ACCESS_KEY_ID", "AKIASTRANGER"), ("AWS_SECRET_ACCESS_KEY", "secretOfAStranger")]);
}

#[test]
fn a_day_with_moto() {
    let Some(cloud) = Cloud::moto().map(Arc::new) else { return };
    a_day(&cloud);
    digests_beside_objects(&cloud);
}

/// The digest beside the object decides for the server before the bytes do.
fn digests_beside_objects(cloud: &Cloud) {
    let right = fs::read(offload().join("local").join(PAYLOAD)).unwrap();
    let bucket = cloud.bucket("prod");
    for (digest, text) in
        [("0".repeat(64), "payload head mismatch"), ("nonsense".to_owned(), "s3 object sha256 metadata is invalid")]
    {
        cloud.put(PAYLOAD, right.clone(), Some(&digest));
        let ran = cloud.json(&["offload", "audit", &bucket]);
        assert_eq!(ran.status, 2, "{}", ran.said);
        assert!(codes(&ran.report).contains(&"offload-metadata") && ran.said.contains(text), "{}", ran.said);
    }
    cloud.put(PAYLOAD, right, Some(" "));
    assert_eq!(cloud.json(&["offload", "audit", &bucket]).status, 0);
}

#[test]
fn a_day_with_azurite() {
    let Some(cloud) = Cloud::azurite().map(Arc::new) else { return };
    a_day(&cloud);
    misspelled(&cloud);
    a_change_between_two_ranges(&cloud);
    facts_are_collected_once(&cloud);
    let stranger = "c3RyYW5nZXJzdHJhbmdlcnN0cmFuZ2VyIQ==";
    wrong_keys(&cloud, &[("AZURE_STORAGE_ACCOUNT_KEY", stranger), ("AZURE_STORAGE_ACCOUNT_KEY", "no base64 at all")]);
    signatures_and_endpoints(&cloud);
}

/// With shared access signatures, of which only one lets anybody write, and with the account at an endpoint of its own.
fn signatures_and_endpoints(cloud: &Cloud) {
    let bucket = cloud.bucket("prod");
    let account = ("AZURE_STORAGE_ACCOUNT_NAME", "nobody".to_owned());
    let endpoint = ("AZURE_STORAGE_ENDPOINT", format!("{}/nobody", cloud.url));
    let http = ("AZURE_ALLOW_HTTP", "true".to_owned());
    let signed =
        |rights: &str| [account.clone(), endpoint.clone(), ("AZURE_STORAGE_SAS_KEY", cloud.signature(rights)), http.clone()];
    let (reads, writes) = (signed("rl"), signed("rlc"));
    let out = tempfile::tempdir().unwrap();
    let elsewhere = out.path().to_str().unwrap();
    let ask = |environment: &[(&str, String)], args: &[&str]| {
        let ran = run_in(environment, &[&["--format", "json", "offload"], args].concat());
        assert!(!ran.said.contains(environment[2].1.rsplit("sig=").next().unwrap()), "{}", ran.said);
        ran
    };
    let there = cloud.bucket("ekv2");
    for (environment, results, status, verdict) in
        [(&reads, elsewhere, 0, "clean"), (&reads, &there, 3, "unknown"), (&writes, &there, 0, "clean")]
    {
        let ran = ask(environment, &["verify", &bucket, "--results", results]);
        assert_eq!((ran.status, ran.report["verdict"].as_str()), (status, Some(verdict)), "{}", ran.said);
    }
    let ran = ask(&reads, &["audit", &bucket, "--results", elsewhere]);
    assert_eq!((ran.status, ran.report["joined"]["payloads"].as_u64()), (0, Some(3)), "{}", ran.said);
    // What is not said to be allowed is not done.
    let ran = ask(&reads[..3], &["audit", &bucket]);
    assert!(ran.status == 1 && ran.said.contains("AZURE_ALLOW_HTTP=true"), "{}", ran.said);
}

#[test]
fn a_day_with_fake_gcs() {
    let Some(cloud) = Cloud::fake_gcs().map(Arc::new) else { return };
    a_day(&cloud);
    misspelled(&cloud);
    digests_beside_objects(&cloud);
    a_change_between_two_ranges(&cloud);
}

/// fake-gcs-server takes no object as the client of Google gives it: the server of this process does, with its condition.
#[test]
fn a_day_with_google() {
    let cloud = Arc::new(Cloud::of_process(Server::of(tempfile::tempdir().unwrap().path(), |_, _| None)));
    a_day(&cloud);
    a_change_between_two_ranges(&cloud);
    facts_are_collected_once(&cloud);
}

/// The client of Google with a server that answers wrong.
#[test]
fn what_google_refuses_is_unknown() {
    let dir = offload().join("local");
    for (status, words) in [(401, "does not accept the credentials"), (403, "refuses access"), (500, "the store failed")] {
        let cloud =
            Cloud::of_process(Server::of(&dir, move |request, _| request.key.is_empty().then_some(Fault::Status(status))));
        let ran = cloud.json(&["offload", "audit", "gs://bucket", "--max-retries", "0"]);
        assert_eq!((ran.status, ran.report["verdict"].as_str()), (1, Some("unknown")), "{}", ran.said);
        assert!(ran.said.contains(words), "{}", ran.said);
        let cloud =
            Cloud::of_process(Server::of(&dir, move |request, _| (request.key == PAYLOAD).then_some(Fault::Status(status))));
        let ran = cloud.json(&["offload", "verify", "gs://bucket/prod", "--results", "gs://bucket/ekv", "--max-retries", "0"]);
        assert_eq!((ran.status, ran.report["verdict"].as_str()), (3, Some("unknown")), "{}", ran.said);
        assert!(ran.said.contains(words), "{}", ran.said);
    }
}
