//! One object by its address: what `offload verify` and `offload audit` say of it, as a value.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use ekv_fleet::single::{Seen, SeenManifest, SeenPayload, Single};
use ekv_fleet::store::Limits;
use ekv_tool::analysis::Verdict;
use ekv_tool::readers::Depth;
use serde_json::{Value, json};

use crate::support::directories::{PAYLOAD, damaged};
use crate::support::http::{Fault, Server};
use crate::support::program::run;
use crate::support::recorded::{copy, files, offload};
use crate::support::stores::block_on;

const NOBODY: &str = "http://127.0.0.1:9";

/// What is said of every object of a directory.
fn all(dir: &Path) -> (BTreeMap<String, Seen<SeenPayload>>, BTreeMap<String, Seen<SeenManifest>>) {
    let single = Single::new(Limits::default());
    let root = dir.to_str().unwrap();
    block_on(async {
        let (mut payloads, mut manifests) = (BTreeMap::new(), BTreeMap::new());
        for found in single.list(root).await.unwrap() {
            assert_eq!(found.size, fs::metadata(&found.url).unwrap().len(), "{found:?}");
            match found.kind {
                "payload" => drop(payloads.insert(found.url.clone(), single.verify(&found.url, Depth::Checksum).await)),
                _ => drop(manifests.insert(found.url.clone(), single.manifest(&found.url).await)),
            }
        }
        (payloads, manifests)
    })
}

/// What the program says of the same objects.
fn reported(dir: &Path) -> (BTreeMap<String, Value>, BTreeMap<String, Value>) {
    let out = tempfile::tempdir().unwrap();
    let (root, results) = (dir.to_str().unwrap(), out.path().to_str().unwrap());
    let by_path = |report: &Value, part: &str| -> BTreeMap<String, Value> {
        let objects = report[part].as_array().unwrap().clone();
        objects.into_iter().map(|it| (it["path"].as_str().unwrap().to_owned(), it)).collect()
    };
    let verified = run(NOBODY, &["--format", "json", "offload", "verify", root, "--results", results]);
    let audited = run(NOBODY, &["--format", "json", "offload", "audit", root]);
    (by_path(&verified.report, "payloads"), by_path(&audited.report, "offloads"))
}

/// The same views, object by object.
fn equal(dir: &Path, what: &str) {
    let (payloads, manifests) = all(dir);
    let (verified, audited) = reported(dir);
    let views: BTreeMap<_, _> =
        payloads.iter().map(|(url, seen)| (url.clone(), json!(seen.object.as_ref().unwrap().view))).collect();
    assert_eq!(views, verified, "{what}");
    let views: BTreeMap<_, _> =
        manifests.iter().map(|(url, seen)| (url.clone(), json!(seen.object.as_ref().unwrap().view))).collect();
    assert_eq!(views, audited, "{what}");
    for (url, seen) in &payloads {
        assert_eq!(seen.verdict, seen.object.as_ref().unwrap().view.verdict, "{url}");
        assert_eq!(seen.why.is_none(), seen.verdict == Verdict::Clean, "{url}");
    }
    // A manifest leads to its payload.
    for (url, seen) in &manifests {
        let Some(payload) = &seen.object.as_ref().unwrap().payload_url else { continue };
        assert!(payloads.contains_key(payload) || !Path::new(payload).exists(), "{url}: {payload}");
    }
}

#[test]
fn an_object_is_judged_as_in_its_store() {
    equal(&offload().join("local"), "local");
    type Change = fn(&Path);
    let changes: [(&str, Change); 4] = [
        ("a changed byte", |at| {
            let mut bytes = fs::read(at).unwrap();
            bytes[100] ^= 1;
            fs::write(at, bytes).unwrap();
        }),
        ("a short payload", |at| fs::write(at, &fs::read(at).unwrap()[..200]).unwrap()),
        ("an empty payload", |at| fs::write(at, b"").unwrap()),
        ("no payload", |at| fs::remove_file(at).unwrap()),
    ];
    for (name, change) in changes {
        let dir = tempfile::tempdir().unwrap();
        copy(&offload().join("local"), dir.path());
        change(&dir.path().join(PAYLOAD));
        equal(dir.path(), name);
        let (payloads, manifests) = all(dir.path());
        let codes: Vec<_> =
            payloads.values().flat_map(|it| it.codes.clone()).chain(manifests.values().flat_map(|it| it.codes.clone())).collect();
        assert!(codes.iter().any(|code| code.starts_with("offload-payload-")), "{name}: {codes:?}");
    }
}

/// Manifests that the server refuses, or that say something else than their place.
#[test]
fn every_recorded_manifest_is_judged_as_in_its_store() {
    let dir = tempfile::tempdir().unwrap();
    copy(&offload().join("local"), dir.path());
    let key = "prod/east/v1/groups/64/snapshots/00000000000000000010-00000000000000000002.json";
    for (name, path) in files(&offload().join("bad")).into_iter().step_by(6) {
        fs::copy(path, dir.path().join(key)).unwrap();
        let (_, manifests) = all(dir.path());
        let (_, mut audited) = reported(dir.path());
        let mut views: BTreeMap<_, _> =
            manifests.iter().map(|(url, seen)| (url.clone(), json!(seen.object.as_ref().unwrap().view))).collect();
        // One alone that does not say where it lies does not know what stands before its place.
        for view in views.values_mut().chain(audited.values_mut()).filter(|view| view["as_written"].is_null()) {
            view["manifest_key"] = Value::Null;
        }
        assert_eq!(views, audited, "{name}");
    }
}

/// What the program says through SQL, or `None` where the engine is not built in.
fn asked(server: &Server, query: &str) -> Option<Vec<Value>> {
    if cfg!(not(feature = "sql")) {
        return None;
    }
    let out = tempfile::tempdir().unwrap();
    let ran =
        run(&server.url, &["--format", "json", "sql", query, "--results", out.path().to_str().unwrap(), "--max-retries", "0"]);
    assert_eq!(ran.status, 0, "{query}: {}", ran.said);
    Some(ran.report["rows"].as_array().unwrap().clone())
}

/// A bucket that does not answer, and addresses that name nothing: never clean, never an error, and no secret.
#[test]
fn what_cannot_be_looked_at_is_unknown() {
    const QUERY: &str = "SELECT url, ekv_verify(url) AS v, ekv_manifest(url) AS m FROM (VALUES \
        ('s3://b/prod/east/v1/payloads/sha256/af/afb01ff4599dce111b8dbdc61876743eb86786d2dcdf80384a0312b897f8271a.fsm'), \
        ('s3://b/v1/groups/64/snapshots/00000000000000000010-00000000000000000002.json'), \
        ('s3://b'), ('s3://user:hunter2@b/x'), ('nonsense://x'), ('/nonexistent/x.fsm'), ('/etc/hostname'), (''), (NULL)) AS t(url)";
    for fault in [Fault::Status(403), Fault::Status(404), Fault::Status(500), Fault::Cut(1), Fault::Noise] {
        let server = Server::of(&offload().join("local"), move |_, _| Some(fault.clone()));
        let Some(rows) = asked(&server, QUERY) else { return };
        assert_eq!(rows.len(), 9);
        for row in rows {
            if row["url"].is_null() {
                assert!(row["v"].is_null() && row["m"].is_null(), "{row}");
                continue;
            }
            assert_eq!((&row["v"]["verdict"], &row["m"]["verdict"]), (&json!("unknown"), &json!("unknown")), "{row}");
            let said = format!("{} {}", row["v"], row["m"]);
            assert!(row["v"]["why"].is_string() && row["m"]["why"].is_string() && !said.contains("hunter2"), "{row}");
        }
    }
}

/// Through SQL, from a bucket: the same as `offload verify` and `offload audit` of that bucket.
#[test]
fn a_bucket_is_judged_in_sql_as_by_the_commands() {
    let dir = damaged();
    let server = Server::of(dir.path(), |_, _| None);
    let query = "SELECT url, v['verdict'] AS verdict, v['sha256'] AS sha256, v['codes'] AS codes, v['applied_index'] AS applied \
                 FROM (SELECT url, ekv_verify(url) AS v FROM ekv_objects('s3://bucket') WHERE kind = 'payload') ORDER BY url";
    let Some(rows) = asked(&server, query) else { return };
    let out = tempfile::tempdir().unwrap();
    let results = out.path().to_str().unwrap();
    let verified = run(&server.url, &["--format", "json", "offload", "verify", "s3://bucket", "--results", results]);
    let expected: Vec<_> = verified.report["payloads"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            let codes = (it["verdict"] == "damaged").then_some("offload-payload-digest");
            json!({
                "url": it["path"], "verdict": it["verdict"], "sha256": it["computed_sha256"], "codes": codes, "applied": it["applied_index"],
            })
        })
        .collect();
    assert_eq!(rows, expected);
    let query = "SELECT m.verdict, m.group_id, m.snapshot_index, m.payload_url, m.restore_status FROM \
                 (SELECT url, ekv_manifest(url) AS m FROM ekv_objects('s3://bucket') WHERE kind = 'manifest') AS t ORDER BY url";
    let rows = asked(&server, query).unwrap();
    let audited = run(&server.url, &["--format", "json", "offload", "audit", "s3://bucket"]);
    let expected: Vec<Value> = audited.report["offloads"].as_array().unwrap().clone();
    assert_eq!((rows.len(), expected.len()), (4, 4));
    for (row, it) in rows.iter().zip(&expected) {
        let values: Vec<_> = row.as_object().unwrap().values().cloned().collect();
        let url = format!("s3://bucket/{}", it["payload"]["key"].as_str().unwrap());
        for value in [&it["verdict"], &it["group_id"], &it["snapshot_index"], &json!(url)] {
            assert!(values.contains(value), "{row} has no {value}");
        }
    }
}

/// Above 64 MiB the rows of a payload are only walked where it is asked for.
#[test]
fn a_large_payload_is_walked_when_it_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = b"EKVPBBL1".to_vec();
    bytes.resize(65 << 20, 0xff);
    let digest = ekv_tool::types::Sha256Sum::of(&bytes).to_string();
    let key = format!("v1/payloads/sha256/{}/{digest}.fsm", &digest[..2]);
    let at = dir.path().join(&key);
    fs::create_dir_all(at.parent().unwrap()).unwrap();
    fs::write(&at, bytes).unwrap();
    let single = Single::new(Limits::default());
    let verdict = |depth| block_on(single.verify(at.to_str().unwrap(), depth)).verdict;
    assert_eq!((verdict(Depth::Checksum), verdict(Depth::Deep)), (Verdict::Clean, Verdict::Damaged));
    let server = Server::of(dir.path(), |_, _| None);
    let query = format!(
        "SELECT ekv_verify(url)['verdict'] AS light, ekv_verify(url, 'deep')['verdict'] AS deep FROM (VALUES ('s3://bucket/{key}')) AS t(url)"
    );
    if let Some(rows) = asked(&server, &query) {
        assert_eq!(rows, [json!({"light": "clean", "deep": "damaged"})]);
    }
}

#[cfg(feature = "sql")]
mod in_sql {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use ekv_fleet::parts::Results;
    use ekv_fleet::progress::{Unit, Watch};
    use ekv_fleet::sql::engine::ask;
    use ekv_fleet::sql::workers::Workers;
    use ekv_fleet::store::Address;

    use super::*;

    #[test]
    fn another_depth_is_refused() {
        let out = tempfile::tempdir().unwrap();
        let place = out.path().to_str().unwrap();
        for words in ["'all'", "NULL", "url"] {
            let query = format!("SELECT ekv_verify(url, {words}) AS v FROM (VALUES ('/nowhere')) AS t(url)");
            let ran = run(NOBODY, &["sql", &query, "--results", place]);
            assert!(ran.status == 1 && ran.said.contains("behind it 'deep' where every row"), "{words}: {}", ran.said);
        }
    }

    #[derive(Debug, Default)]
    struct Seen(AtomicU64, AtomicU64);

    impl Watch for Seen {
        fn begin(&self, what: &'static str, unit: Unit, total: Option<u64>) {
            assert_eq!((what, unit, total), ("payloads", Unit::Bytes, None));
            self.0.fetch_add(1, Ordering::SeqCst);
        }

        fn advance(&self, amount: u64) {
            self.1.fetch_add(amount, Ordering::SeqCst);
        }
    }

    /// What is read is seen; a query that reads no payload says nothing of them.
    #[test]
    fn what_a_query_reads_is_seen() {
        let out = tempfile::tempdir().unwrap();
        let results = Results::open(&Address::of_path(out.path()), Limits::default()).unwrap();
        let store = offload().join("local");
        let bytes: u64 =
            files(&store).iter().filter(|(key, _)| key.ends_with(".fsm")).map(|(_, at)| fs::metadata(at).unwrap().len()).sum();
        let seen = |query: &str| {
            let seen = Arc::new(Seen::default());
            let watch: Arc<dyn Watch> = seen.clone();
            block_on(ask(&results, query, Limits::default(), &Workers::Here, watch)).unwrap();
            (seen.0.load(Ordering::SeqCst), seen.1.load(Ordering::SeqCst))
        };
        let objects = format!("ekv_objects('{}') WHERE kind = 'payload'", store.display());
        assert_eq!(seen(&format!("SELECT sum(size) AS bytes FROM {objects}")), (0, 0));
        assert_eq!(seen(&format!("SELECT ekv_verify(url) AS v FROM {objects}")), (1, bytes));
    }
}
