//! A scheduler and executors as processes on loopback: the same answers as shards and as the engine alone, and what is told when one of them
//! is lost. It takes minutes: fleet/test-cluster runs it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::sql::{collected, hold};
use crate::support::directories::{damaged, small_payloads};
use crate::support::http::{Fault, Server};
use crate::support::program::{Ran, SECRETS, program, run};
use crate::support::recorded::files;

const NOBODY: &str = "http://127.0.0.1:9";

/// A process that ends with its test.
struct Started {
    child: Child,
    /// What it says where it is.
    at: String,
}

impl Started {
    /// Starts the program, and waits until it says `name` and where it is.
    fn of(url: &str, name: &str, args: &[&str]) -> Self {
        let mut child = program(url).args(args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let first = said.next().unwrap().unwrap();
        let at = first.strip_prefix(&format!("ekv-fleet: {name} at ")).unwrap_or_else(|| panic!("{first}"));
        let at = at.split(' ').next().unwrap().to_owned();
        let warning = said.next().unwrap().unwrap();
        assert!(warning.contains("no TLS and no password"), "{warning}");
        // What it says later must find a reader.
        std::thread::spawn(move || said.for_each(drop));
        Self { child, at }
    }

    /// `kill -9`
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A scheduler and two executors with one task at a time.
struct Cluster {
    scheduler: Started,
    executors: Vec<Started>,
    scratch: Vec<tempfile::TempDir>,
}

impl Cluster {
    fn new(url: &str) -> Self {
        let scheduler = Started::of(url, "scheduler", &["scheduler", "--bind", "127.0.0.1:0", "--executor-timeout", "15s"]);
        let scratch: Vec<_> = (0..2).map(|_| tempfile::tempdir().unwrap()).collect();
        let start = |scratch: &tempfile::TempDir| {
            let args = ["executor", "--scheduler", &scheduler.at, "--slots", "1", "--scratch", scratch.path().to_str().unwrap()];
            Started::of(url, "executor", &args)
        };
        let executors = scratch.iter().map(start).collect();
        Self { scheduler, executors, scratch }
    }

    fn args<'a>(&'a self, query: &'a str, results: &'a str) -> Vec<&'a str> {
        vec!["--format", "json", "sql", "--cluster", &self.scheduler.at, query, "--results", results]
    }

    fn ask(&self, url: &str, query: &str, results: &str) -> Vec<Value> {
        rows(&run(url, &self.args(query, results)), query)
    }
}

fn rows(ran: &Ran, query: &str) -> Vec<Value> {
    assert_eq!(ran.status, 0, "{query}: {}", ran.said);
    ran.report["rows"].as_array().unwrap().clone()
}

/// A store with a damaged payload, one that is not there, and many small ones.
fn store(more: usize) -> tempfile::TempDir {
    let dir = damaged();
    small_payloads(&dir.path().join("prod/east"), more);
    dir
}

const VERIFY: &str = "SELECT url, v['verdict'] AS verdict, v['sha256'] AS sha256, v['crc32c'] AS crc32c, v['size'] AS size \
    FROM (SELECT url, ekv_verify(url) AS v FROM ekv_objects('s3://bucket') WHERE kind = 'payload') ORDER BY url";
const MANIFESTS: &str = "SELECT url, ekv_manifest(url) AS m FROM ekv_objects('s3://bucket') WHERE kind = 'manifest' ORDER BY url";
/// What shards have found, in the same columns.
const SHARDS: &str = "SELECT 's3://bucket/' || key AS url, verdict, sha256, crc32c, size FROM offloads ORDER BY url";

/// One of each kind of question, each with an order of its rows.
const KINDS: [&str; 17] = [
    "SELECT count(*) AS n, sum(size) AS s FROM offloads",
    "SELECT verdict, count(*) AS n, sum(size) AS s, min(key) AS k FROM offloads GROUP BY verdict ORDER BY verdict",
    "SELECT DISTINCT shard FROM offloads ORDER BY shard",
    "SELECT count(DISTINCT shard) AS n FROM offloads",
    "SELECT key FROM offloads ORDER BY key LIMIT 5 OFFSET 10",
    "SELECT a.key FROM offloads a JOIN offloads b ON a.key = b.key ORDER BY a.key",
    "SELECT count(*) AS n FROM offloads a CROSS JOIN (SELECT DISTINCT shard FROM offloads) b",
    "SELECT key FROM offloads WHERE key NOT IN (SELECT key FROM offloads WHERE shard = '1/3') ORDER BY key",
    "SELECT key FROM offloads o WHERE EXISTS (SELECT 1 FROM offloads p WHERE p.key = o.key AND p.shard = '2/3') ORDER BY key",
    "SELECT shard, verdict, count(*) AS n FROM offloads GROUP BY GROUPING SETS ((shard), (verdict), ()) ORDER BY 1, 2, 3",
    "SELECT key FROM offloads EXCEPT SELECT key FROM offloads WHERE shard = '3/3' ORDER BY key",
    "SELECT key FROM offloads INTERSECT SELECT key FROM offloads WHERE shard = '3/3' ORDER BY key",
    "SELECT key, row_number() OVER (ORDER BY key) AS n, sum(size) OVER (PARTITION BY shard ORDER BY key) AS s FROM offloads ORDER BY key",
    "SELECT kind, count(*) AS n, sum(size) AS s FROM ekv_objects('s3://bucket') GROUP BY kind ORDER BY kind",
    "SELECT o.url, f.verdict FROM ekv_objects('s3://bucket') o LEFT JOIN offloads f ON 's3://bucket/' || f.key = o.url ORDER BY o.url",
    "SELECT v['verdict'] AS verdict, count(*) AS n FROM (SELECT ekv_verify(url) AS v FROM ekv_objects('s3://bucket') \
     WHERE kind = 'payload') GROUP BY v['verdict'] ORDER BY verdict",
    "SELECT max(size) AS m FROM offloads WHERE size < (SELECT avg(size) FROM offloads)",
];

fn verified_by_shards(url: &str, results: &str, of: usize) {
    for number in 1..=of {
        let shard = format!("{number}/{of}");
        let ran = run(
            url,
            &[
                "--format",
                "json",
                "offload",
                "verify",
                "s3://bucket",
                "--results",
                results,
                "--shard",
                &shard,
                "--max-retries",
                "0",
            ],
        );
        assert!(ran.status == 2 || ran.status == 3 || ran.status == 0, "{}", ran.said);
    }
}

#[test]
fn shards_the_engine_alone_and_a_cluster_say_the_same() {
    let dir = store(40);
    // One object is refused each time.
    let refused = files(dir.path()).into_iter().map(|(key, _)| key).rfind(|key| key.ends_with(".fsm")).unwrap();
    let refuse = refused.clone();
    let server = Server::of(dir.path(), move |request, _| (request.key == refuse).then_some(Fault::Status(403)));
    let out = tempfile::tempdir().unwrap();
    let results = out.path().to_str().unwrap();
    verified_by_shards(&server.url, results, 3);
    let cluster = Cluster::new(&server.url);
    let alone = |query: &str| rows(&run(&server.url, &["--format", "json", "sql", query, "--results", results]), query);
    let here = alone(VERIFY);
    assert_eq!(here.len(), 43);
    let of = |verdict: &str| here.iter().filter(|row| row["verdict"] == verdict).count();
    assert!(of("damaged") >= 1 && of("unknown") >= 1 && of("clean") >= 1, "{here:?}");
    assert!(here.iter().any(|row| row["url"] == json!(format!("s3://bucket/{refused}")) && row["verdict"] == "unknown"));
    let there = cluster.ask(&server.url, VERIFY, results);
    assert_eq!(here, there);
    // The table of the shards, asked both ways. What was not read has no size there, and the length of the listing here.
    let mut by_shards = alone(SHARDS);
    assert_eq!(by_shards, cluster.ask(&server.url, SHARDS, results));
    let mut without = there.clone();
    for row in by_shards.iter_mut().chain(&mut without).filter(|row| row["verdict"] == "unknown") {
        row["size"] = Value::Null;
    }
    assert_eq!(without, by_shards);
    assert_eq!(alone(MANIFESTS), cluster.ask(&server.url, MANIFESTS, results));
    for query in KINDS {
        let here = alone(query);
        assert!(!here.is_empty(), "{query}");
        assert_eq!(here, cluster.ask(&server.url, query, results), "{query}");
    }
    // Both executors had a share.
    for scratch in &cluster.scratch {
        assert!(files(scratch.path()).iter().any(|(name, _)| name.ends_with(".arrow")), "an executor has done nothing");
    }
}

#[test]
fn a_cluster_answers_every_ready_query_alike() {
    let cluster = Cluster::new(NOBODY);
    let (_dir, results) = collected();
    let place = results.to_str().unwrap();
    hold(|query| cluster.ask(NOBODY, query, place));
    for query in ["CREATE TABLE x AS SELECT 1", "COPY nodes TO '/tmp/x.parquet'", "SET a.b = 1"] {
        let ran = run(NOBODY, &cluster.args(query, place));
        assert!(ran.status == 1 && ran.said.contains("only queries"), "{query}: {}", ran.said);
    }
}

/// What Ballista 55.0 answers with rows too many: it is not asked. The day that it is right the refusal can go.
#[test]
fn a_cluster_is_not_asked_for_a_union() {
    let out = tempfile::tempdir().unwrap();
    let results = out.path().to_str().unwrap();
    let union = "SELECT * FROM (VALUES (1)) AS t(a) UNION ALL SELECT * FROM (VALUES (2)) AS t(a) ORDER BY a";
    let in_a_subquery = "SELECT 1 WHERE 1 IN (SELECT 1 UNION ALL SELECT 2)";
    for query in [union, in_a_subquery] {
        let args = ["--format", "json", "sql", "--cluster", "df://127.0.0.1:9", query, "--results", results];
        let ran = run(NOBODY, &args);
        assert!(ran.status == 1 && ran.said.contains("may give their rows several times; ask without --cluster"), "{}", ran.said);
    }
    let alone = run(NOBODY, &["--format", "json", "sql", union, "--results", results]);
    assert_eq!(alone.report["rows"], json!([{"a": 1}, {"a": 2}]), "{}", alone.said);
}

/// Ballista would keep such a query for ever.
#[test]
fn a_cluster_without_executors_and_what_is_no_scheduler_are_told() {
    let out = tempfile::tempdir().unwrap();
    let results = out.path().to_str().unwrap();
    let ask = |cluster: &str| {
        let args = ["--format", "json", "sql", "--cluster", cluster, "SELECT 1", "--results", results, "--timeout", "2s"];
        let ran = run(NOBODY, &args);
        assert_eq!((ran.status, &ran.report["verdict"]), (1, &json!("unknown")), "{}", ran.said);
        ran.said
    };
    let scheduler = Started::of(NOBODY, "scheduler", &["scheduler", "--bind", "127.0.0.1:0"]);
    assert!(ask(&scheduler.at).contains("no executor asks the scheduler for work"));
    assert!(ask("df://127.0.0.1:9").contains("the scheduler cannot be asked: Connection refused"));
    let other = Server::of(out.path(), |_, _| None);
    assert!(ask(&other.url.replace("http://", "df://")).contains("what answers there is no scheduler"));
}

/// The client in the background, against a store that takes its time, until so many payloads were asked for.
fn in_the_middle(server: &Server, cluster: &Cluster, results: &str, asked: usize) -> Child {
    let args = cluster.args(VERIFY, results);
    let before = server.requests.load(Ordering::SeqCst);
    let mut client = program(&server.url).args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while server.requests.load(Ordering::SeqCst) < before + asked {
        assert!(began.elapsed() < Duration::from_secs(120) && client.try_wait().unwrap().is_none(), "nothing is read");
        std::thread::sleep(Duration::from_millis(5));
    }
    client
}

fn ended(client: Child) -> (i32, Value, String) {
    let ended = client.wait_with_output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(SECRETS.iter().all(|secret| !said.contains(secret)) && !said.contains("panicked"), "{said}");
    (ended.status.code().unwrap(), serde_json::from_slice(&ended.stdout).unwrap_or_default(), said)
}

fn slow(dir: &Path) -> Server {
    Server::of(dir, |request, _| {
        if request.key.ends_with(".fsm") {
            std::thread::sleep(Duration::from_millis(100));
        }
        None
    })
}

#[test]
fn an_executor_that_is_killed_costs_time_and_nothing_else() {
    let dir = store(80);
    let server = slow(dir.path());
    let out = tempfile::tempdir().unwrap();
    let results = out.path().to_str().unwrap();
    let mut cluster = Cluster::new(&server.url);
    let client = in_the_middle(&server, &cluster, results, 60);
    cluster.executors[0].kill();
    let (status, report, said) = ended(client);
    assert_eq!(status, 0, "{said}");
    let alone = run(&server.url, &["--format", "json", "sql", VERIFY, "--results", results]);
    assert_eq!(report["rows"], alone.report["rows"]);
    assert_eq!(report["rows"].as_array().unwrap().len(), 83);
}

#[test]
fn a_scheduler_that_is_killed_is_a_failure_and_shards_go_on() {
    let dir = store(80);
    let server = slow(dir.path());
    let out = tempfile::tempdir().unwrap();
    let results = out.path().to_str().unwrap();
    let mut cluster = Cluster::new(&server.url);
    // Half of it was verified by a shard before.
    let verify = |shard: &str| {
        let ran =
            run(&server.url, &["--format", "json", "offload", "verify", "s3://bucket", "--results", results, "--shard", shard]);
        (ran.report["read"].as_u64().unwrap(), ran.report["recalled"].as_u64().unwrap())
    };
    let (first, _) = verify("1/2");
    let client = in_the_middle(&server, &cluster, results, 40);
    cluster.scheduler.kill();
    let (status, report, said) = ended(client);
    assert_eq!((status, &report["verdict"]), (1, &json!("unknown")), "{said}");
    for part in ["the cluster did not answer the query", "nothing of it is kept", "offload verify --results URL --shard I/N"] {
        assert!(said.contains(part), "{said}");
    }
    // What the shard has read is not read again.
    assert_eq!(verify("1/1"), (83 - first, first));
    // Nobody answers any more.
    let ran = run(&server.url, &cluster.args(VERIFY, results));
    assert!(ran.status == 1 && ran.said.contains("the cluster did not answer the query"), "{}", ran.said);
}
