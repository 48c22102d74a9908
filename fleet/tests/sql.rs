//! The views and the ready queries, answered by DuckDB where `fleet/test-servers` has installed it, and by the engine where it is built in.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};

use ekv_fleet::sql::{QUERIES, VIEWS, bases};
use ekv_tool::analysis::Finding;
use ekv_tool::analysis::judge::codes::files::FILE_DAMAGED;
use serde_json::{Value, json};

use crate::support::clouds::Cloud;
#[cfg(feature = "sql")]
use crate::support::http::{Fault, Server};
use crate::support::made::{self, MadeGroup, taken};
use crate::support::program::{run, run_in};
use crate::support::recorded::{files, offload, root};
use crate::support::servers::{duckdb, duckdb_with_s3, spark};

const NOBODY: &str = "http://127.0.0.1:1";

/// What DuckDB answers to a script, as objects.
fn answered(python: &Path, script: &str) -> Vec<Value> {
    answered_in(python, &[], script)
}

/// The same, with an environment that leads to a bucket.
fn answered_in(python: &Path, environment: &[(&str, String)], script: &str) -> Vec<Value> {
    const PROGRAM: &str = "import duckdb, json, os, sys\n\
        connection = duckdb.connect()\n\
        if 'AWS_ENDPOINT_URL' in os.environ:\n\
        \x20   import s3fs\n\
        \x20   connection.register_filesystem(s3fs.S3FileSystem(endpoint_url=os.environ['AWS_ENDPOINT_URL']))\n\
        it = connection.execute(sys.stdin.read())\n\
        names = [column[0] for column in it.description]\n\
        print(json.dumps([dict(zip(names, row)) for row in it.fetchall()]))";
    let mut command = Command::new(python);
    command.args(["-c", PROGRAM]).envs(environment.iter().cloned()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{script}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A Spark that runs as long as its test: what it is asked takes less time than its start.
struct Spark {
    child: std::process::Child,
    answers: std::io::Lines<BufReader<ChildStdout>>,
}

impl Spark {
    fn start() -> Option<Self> {
        const PROGRAM: &str = "import json, sys\n\
            from pyspark.sql import SparkSession\n\
            build = SparkSession.builder.master('local[2]').config('spark.ui.enabled', 'false')\n\
            spark = build.config('spark.sql.shuffle.partitions', '2').getOrCreate()\n\
            for line in sys.stdin:\n\
            \x20   for statement in json.loads(line).split(';\\n'):\n\
            \x20       if statement.strip():\n\
            \x20           rows = spark.sql(statement)\n\
            \x20   print(json.dumps([row.asDict() for row in rows.collect()], default=int), flush=True)";
        let mut command = Command::new(spark()?);
        command.args(["-c", PROGRAM]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap()).lines();
        Some(Self { child, answers })
    }

    /// What the last statement of a script comes to.
    fn ask(&mut self, results: &Path, query: &str) -> Vec<Value> {
        let results = results.to_str().unwrap();
        let ran = run(NOBODY, &["sql", "--script", "--dialect", "spark", query, "--results", results]);
        assert_eq!(ran.status, 0, "{}", ran.said);
        writeln!(self.child.stdin.as_mut().unwrap(), "{}", json!(ran.said)).unwrap();
        let line = self.answers.next().unwrap_or_else(|| panic!("{}", ran.said)).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Spark {
    fn drop(&mut self) {
        // Its Java ends with its standard input.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A fleet with one of everything that the queries ask for, collected.
pub fn collected() -> (tempfile::TempDir, PathBuf) {
    collected_in("it's *a* [place]?")
}

fn collected_in(place: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let (facts, results) = (dir.path().join("facts"), dir.path().join(place));
    fs::create_dir(&facts).unwrap();
    let groups = [MadeGroup::of(1, &["n1", "n2", "n3"]), MadeGroup::of(2, &["n2", "n3", "n4"])];
    let mut files = made::fleet(&groups, |node, (copy, _)| match (node, copy.group_id) {
        ("n2", Some(1)) => {
            copy.start.outcome = "refused";
            copy.start.reason = Some("no space".to_owned());
            copy.findings.push(Finding::new(&FILE_DAMAGED, "x"));
        }
        ("n3", Some(2)) => {
            copy.node.last.index.0 -= 5;
            copy.node.hard_state.commit.0 -= 7;
        }
        _ => {}
    });
    // Nobody has looked at n4; n3 was looked at before as well.
    files.remove("n4");
    let old = groups[0].copy("n3", &groups[0].sums());
    files.insert("n3-old".to_owned(), made::facts(taken() - 5000, &[old]));
    for (name, bytes) in files {
        fs::write(facts.join(format!("{name}.facts")), bytes).unwrap();
    }
    let place = results.to_str().unwrap();
    let ran = run(NOBODY, &["--format", "json", "collect", facts.to_str().unwrap(), "--results", place]);
    assert_eq!(ran.report["files"].as_array().map(Vec::len), Some(4), "{}", ran.said);
    (dir, results)
}

/// What each query has to answer of it.
fn expected() -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        (
            "unready",
            json!([{"node": "n2", "group_id": 1, "start": "refused", "start_harm": null, "errors": 1, "start_reason": "no space"}]),
        ),
        ("behind", json!([{"group_id": 2, "node": "n3", "last_index": 1015, "commit_index": 1020, "behind": 5}])),
        ("absent", json!([{"group_id": 2, "member_id": made::id("n4"), "member": "n4", "known_to": 2}])),
        (
            "members",
            json!([
                {"group_id": 1, "voters": "n1 n2 n3", "nodes": 3, "such_as": "n1", "commit_index": 1020},
                {"group_id": 2, "voters": "n2 n3 n4", "nodes": 2, "such_as": "n2", "commit_index": 1020},
            ]),
        ),
        ("findings", json!([])),
        (
            "starts",
            json!([
                {"node": "n2", "groups": 2, "start_read_bytes": 2 << 20, "start_write_bytes": 0, "start_estimate_ms": 20},
                {"node": "n3", "groups": 2, "start_read_bytes": 2 << 20, "start_write_bytes": 0, "start_estimate_ms": 20},
                {"node": "n1", "groups": 1, "start_read_bytes": 1 << 20, "start_write_bytes": 0, "start_estimate_ms": 10},
            ]),
        ),
        ("rows", json!([])),
        ("versions", json!([{"engine": "main", "nodes": 3, "copies": 5, "such_as": "n1"}])),
        ("offloads", json!([])),
    ])
}

/// Holds all queries against what they have to answer, asked in some way.
pub fn hold(ask: impl Fn(&str) -> Vec<Value>) {
    let expected = expected();
    for query in QUERIES {
        let rows = ask(&format!("@{}", query.name));
        if let Some(expected) = expected.get(query.name) {
            assert_eq!(&Value::Array(rows), expected, "{}", query.name);
        } else {
            assert!(!rows.is_empty(), "{}", query.name);
        }
    }
    let nodes = ask("SELECT node, taken_at_ms FROM nodes ORDER BY node");
    let newest: Vec<_> = ["n1", "n2", "n3"].map(|node| json!({"node": node, "taken_at_ms": taken()})).into();
    assert_eq!(nodes, newest);
    assert_eq!(ask("SELECT count(*) AS number FROM nodes_v1"), [json!({"number": 4})]);
    assert_eq!(ask("SELECT count(*) AS number FROM groups_v1"), [json!({"number": 6})]);
    assert_eq!(ask("SELECT count(*) AS number FROM groups"), [json!({"number": 5})]);
    assert_eq!(ask("SELECT count(*) AS number FROM snapshots WHERE chosen"), [json!({"number": 5})]);
}

#[test]
fn duckdb_answers_every_query() {
    let Some(python) = duckdb() else { return };
    let (_dir, results) = collected();
    let place = results.to_str().unwrap();
    let ask = |query: &str| {
        let ran = run(NOBODY, &["sql", "--script", query, "--results", place]);
        assert_eq!(ran.status, 0, "{}", ran.said);
        answered(&python, &ran.said)
    };
    hold(ask);
    // What shards have verified stands beside it.
    let store = offload().join("local");
    let store = store.to_str().unwrap();
    assert_eq!(run(NOBODY, &["offload", "verify", store, "--results", place]).status, 0);
    let rows = ask("@offloads");
    assert_eq!((rows.len(), &rows[0]["verdict"], &rows[0]["payloads"]), (1, &json!("clean"), &json!(3)), "{rows:?}");
}

/// Puts what was collected into a bucket, below `ekv`.
fn fill(cloud: &Cloud) {
    let (_dir, results) = collected_in("place");
    for (key, path) in files(&results) {
        cloud.put(&format!("ekv/{key}"), fs::read(path).unwrap(), None);
    }
}

#[cfg(feature = "sql")]
#[test]
fn the_engine_reads_azure_and_google() {
    for cloud in [Cloud::azurite(), Cloud::fake_gcs()].into_iter().flatten() {
        fill(&cloud);
        for (key, path) in files(&offload().join("local")) {
            cloud.put(&key, fs::read(path).unwrap(), None);
        }
        let ask = |query: &str| {
            let ran = cloud.json(&["sql", query, "--results", &cloud.bucket("ekv")]);
            assert_eq!(ran.status, 0, "{}", ran.said);
            ran.report["rows"].as_array().unwrap().clone()
        };
        hold(ask);
        let verified = format!(
            "SELECT ekv_verify(url, 'deep')['verdict'] AS verdict FROM ekv_objects('{}') WHERE kind = 'payload'",
            cloud.bucket("prod")
        );
        assert_eq!(ask(&verified), vec![json!({"verdict": "clean"}); 3], "{}", cloud.scheme);
    }
}

#[test]
fn duckdb_reads_a_bucket() {
    let (Some(python), Some(cloud)) = (duckdb_with_s3(), Cloud::versitygw()) else { return };
    fill(&cloud);
    let environment = cloud.environment(&cloud.url);
    for (name, expected) in expected().into_iter().filter(|(name, _)| ["behind", "members", "starts"].contains(name)) {
        let ran = run_in(&environment, &["sql", "--script", &format!("@{name}"), "--results", &cloud.results]);
        assert_eq!(ran.status, 0, "{}", ran.said);
        assert_eq!(Value::Array(answered_in(&python, &environment, &ran.said)), expected, "{name}");
    }
}

#[test]
fn spark_answers_every_query() {
    let Some(spark) = Spark::start().map(RefCell::new) else { return };
    let (_dir, results) = collected_in("a place");
    hold(|query| spark.borrow_mut().ask(&results, query));
    let (store, place) = (offload().join("local"), results.to_str().unwrap());
    for shard in ["1/2", "2/2"] {
        let args = ["offload", "verify", store.to_str().unwrap(), "--results", place, "--shard", shard];
        assert_eq!(run(NOBODY, &args).status, 0);
    }
    let rows = spark.borrow_mut().ask(&results, "@offloads");
    assert_eq!((rows.len(), &rows[0]["verdict"], &rows[0]["payloads"]), (1, &json!("clean"), &json!(3)), "{rows:?}");
    hold_groups(|results, query| spark.borrow_mut().ask(results, query));
}

/// Groups of a node that were looked at one by one, one of them again, and then the whole node, which has one left.
fn hold_groups(ask: impl Fn(&Path, &str) -> Vec<Value>) {
    let dir = tempfile::tempdir().unwrap();
    let (file, results) = (dir.path().join("n1.facts"), dir.path().join("results"));
    let collect = |bytes: Vec<u8>| {
        fs::write(&file, bytes).unwrap();
        let ran = run(NOBODY, &["collect", file.to_str().unwrap(), "--results", results.to_str().unwrap()]);
        assert_eq!(ran.status, 0, "{}", ran.said);
    };
    let copy = |number: u64, entries: u64| {
        let group = MadeGroup { entries, ..MadeGroup::of(number, &["n1", "n2", "n3"]) };
        group.copy("n1", &group.sums())
    };
    for (at, number, entries) in [(0, 1, 20), (1, 2, 20), (2, 1, 30)] {
        collect(made::of_single_groups(taken() + at, &[copy(number, entries)]));
    }
    let groups = "SELECT group_id, last_index FROM groups ORDER BY group_id";
    let last = |number: u64, index: u64| json!({"group_id": number, "last_index": index});
    assert_eq!(ask(&results, groups), [last(1, 1030), last(2, 1020)]);
    assert_eq!(ask(&results, "SELECT count(*) AS number FROM snapshots"), [json!({"number": 2})]);
    assert_eq!(ask(&results, "SELECT count(*) AS number FROM members"), [json!({"number": 6})]);
    let starts = json!({"node": "n1", "groups": 2, "start_read_bytes": 2 << 20, "start_write_bytes": 0, "start_estimate_ms": 20});
    assert_eq!(ask(&results, "@starts"), [starts]);
    collect(made::of_all_groups(taken() + 3, &[copy(2, 40)]));
    assert_eq!(ask(&results, groups), [last(2, 1040)]);
}

#[test]
fn duckdb_takes_each_group_from_its_newest_facts() {
    let Some(python) = duckdb() else { return };
    hold_groups(|results, query| {
        let ran = run(NOBODY, &["sql", "--script", query, "--results", results.to_str().unwrap()]);
        assert_eq!(ran.status, 0, "{}", ran.said);
        answered(&python, &ran.said)
    });
}

#[test]
fn what_cannot_be_asked_is_said() {
    let (_dir, results) = collected();
    let place = results.to_str().unwrap();
    let unknown = run(NOBODY, &["sql", "@nothing", "--results", place]);
    assert!(
        unknown.status == 1 && unknown.said.contains("@nothing is no question; there are unready, behind"),
        "{}",
        unknown.said
    );
    let missing = run(NOBODY, &["sql", "@behind", "--results", "/nonexistent/place"]);
    assert!(missing.status == 1 && missing.said.contains("there is no such directory"), "{}", missing.said);
    let dir = tempfile::tempdir().unwrap();
    let odd = dir.path().join("a\\b");
    fs::create_dir(&odd).unwrap();
    let refused = run(NOBODY, &["sql", "--script", "@behind", "--results", odd.to_str().unwrap()]);
    assert!(refused.status == 1 && refused.said.contains("a backslash in its name"), "{}", refused.said);
    for (results, words) in
        [(place, "Spark does not take ' in the name"), ("az://container/ekv", "Spark names a container with its account")]
    {
        let environment =
            [("AZURE_STORAGE_ACCOUNT_NAME", "nobody".to_owned()), ("AZURE_STORAGE_ACCOUNT_KEY", "bm9ib2R5".to_owned())];
        let ran = run_in(&environment, &["sql", "--script", "--dialect", "spark", "@behind", "--results", results]);
        assert!(ran.status == 1 && ran.said.contains(words), "{}", ran.said);
    }
    let list = run(NOBODY, &["sql", "--list"]);
    assert_eq!(list.status, 0);
    for query in QUERIES {
        assert!(list.said.contains(&format!("@{:<10} {}", query.name, query.about())), "{}", list.said);
    }
    if cfg!(not(feature = "sql")) {
        let ran = run(NOBODY, &["sql", "@behind", "--results", place]);
        assert_eq!(ran.status, 1);
        assert!(ran.said.contains("--features sql") && ran.said.contains("sql --script @behind --results "), "{}", ran.said);
        // The command that it names stands as it is.
        let command = ran.said.trim_end().split_once("or ask DuckDB: ").unwrap().1.strip_suffix(" | duckdb").unwrap();
        let program = assert_cmd::cargo::cargo_bin("ekv-fleet");
        let command = command.replacen("ekv-fleet", program.to_str().unwrap(), 1);
        let script = Command::new("bash").args(["-c", &command]).output().unwrap();
        assert!(
            script.status.success() && String::from_utf8(script.stdout).unwrap().contains("CREATE VIEW nodes AS"),
            "{command}"
        );
    }
}

#[cfg(feature = "sql")]
#[test]
fn the_engine_takes_each_group_from_its_newest_facts() {
    hold_groups(|results, query| {
        let ran = run(NOBODY, &["--format", "json", "sql", query, "--results", results.to_str().unwrap()]);
        assert_eq!(ran.status, 0, "{}", ran.said);
        ran.report["rows"].as_array().unwrap().clone()
    });
}

#[cfg(feature = "sql")]
#[test]
fn the_engine_answers_every_query_alike() {
    let (_dir, results) = collected();
    let place = results.to_str().unwrap();
    let ask = |query: &str| {
        let ran = run(NOBODY, &["--format", "json", "sql", query, "--results", place]);
        assert_eq!(ran.status, 0, "{}", ran.said);
        ran.report["rows"].as_array().unwrap().clone()
    };
    hold(ask);
    // What shards have verified stands beside it, each in its folder.
    let store = offload().join("local");
    for shard in ["1/2", "2/2"] {
        let store = store.to_str().unwrap();
        assert_eq!(run(NOBODY, &["offload", "verify", store, "--results", place, "--shard", shard]).status, 0);
    }
    let rows = ask("@offloads");
    assert_eq!((rows.len(), &rows[0]["verdict"], &rows[0]["payloads"]), (1, &json!("clean"), &json!(3)), "{rows:?}");
    let wrong = run(NOBODY, &["sql", "SELECT nothing FROM nodes", "--results", place]);
    assert_eq!(wrong.status, 1, "{}", wrong.said);
    // Nothing is ever written.
    for query in [
        "CREATE TABLE x AS SELECT 1",
        "COPY nodes TO '/tmp/x.parquet'",
        "INSERT INTO nodes_v1 SELECT * FROM nodes_v1",
        "SET a.b = 1",
    ] {
        let ran = run(NOBODY, &["sql", query, "--results", place]);
        assert!(ran.status == 1 && ran.said.contains("only queries"), "{query}: {}", ran.said);
    }
}

/// Tables in a bucket are tables; and of what its server says when it refuses, nothing is repeated.
#[cfg(feature = "sql")]
#[test]
fn the_engine_reads_a_bucket_and_does_not_quote_it() {
    let (_dir, results) = collected();
    let ask = |server: &Server, query: &str| {
        run(&server.url, &["--format", "json", "sql", query, "--results", "s3://bucket", "--max-retries", "0"])
    };
    let server = Server::of(&results, |_, _| None);
    hold(|query| {
        let ran = ask(&server, query);
        assert_eq!(ran.status, 0, "{}", ran.said);
        ran.report["rows"].as_array().unwrap().clone()
    });
    let words = [
        (Fault::Status(403), "the store refuses access (403)"),
        (Fault::Status(500), "500"),
        (Fault::Status(404), "the store has no such object (404)"),
    ];
    for (fault, words) in words {
        let said = fault.clone();
        let server = Server::of(&results, move |request, _| Some(said.clone()).filter(|_| request.key.ends_with(".parquet")));
        // The server repeats what it was sent, and `run` looks for secrets.
        let ran = ask(&server, "SELECT max(node) AS last FROM nodes_v1 WHERE fast");
        assert!(ran.status == 1 && ran.said.contains(words) && !ran.said.contains("authorization"), "{fault:?}: {}", ran.said);
    }
}

#[test]
fn views_have_the_columns_of_their_tables() {
    for (view, base) in [("nodes", "nodes_v1"), ("offloads", "offloads_v1")] {
        let base = bases().into_iter().find(|it| it.name == base).unwrap();
        let text = VIEWS.split("CREATE VIEW ").find(|text| text.starts_with(view)).unwrap();
        let columns = text.split_once("SELECT").unwrap().1.split_once("\nFROM").unwrap().0;
        let columns: Vec<_> = columns.split(',').map(str::trim).collect();
        let fields: Vec<_> = base.schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(columns, fields, "{view}");
    }
}

#[test]
fn the_page_has_every_query_and_the_views() {
    let page = fs::read_to_string(root().join("docs/fleet/sql.md")).unwrap();
    for query in QUERIES {
        assert!(page.contains(&format!("| `@{}` | {} |", query.name, query.about())), "{}", query.name);
    }
    assert!(page.contains(VIEWS.trim_end()));
}
