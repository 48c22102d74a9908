//! Keys by the names that people use for them: what is found, in which command, and that nothing is left out.

use std::path::Path;

use assert_cmd::Command;
use ekv_tool::formats::mvcc::RowKey;
use ekv_tool::types::HlcTimestamp;
use serde_json::Value;

use crate::support::recorded::real;
use crate::support::store_writer::StoreWriter;
use crate::support::table_writer::SET;

/// A live row, or one that deletes its key.
fn row(value: Option<&[u8]>) -> Vec<u8> {
    [&[u8::from(value.is_none()), 0, 0, 0, 0, 0, 0, 0, 0], value.unwrap_or_default()].concat()
}

/// Keys of every interface, with their values.
fn rows() -> Vec<(&'static [u8], Option<&'static [u8]>)> {
    vec![
        (b"!redis|str|user:1", Some(b"\xff\x01\0hello")),
        (b"!redis|ttl|user:1", None),
        (b"!hs|meta|\0\0\0\x01h", Some(b"\0\0\0\0\0\0\0\x02")),
        (b"!hs|fld|\0\0\0\x01hone", Some(b"1")),
        (b"!hs|fld|\0\0\0\x01htwo", Some(b"2")),
        (b"!hs|fld|\0\0\0\x02hhx", Some(b"of another")),
        (b"!txn|lock|!hs|fld|\0\0\0\x01hone", Some(b"lock")),
        (b"!ddb|meta|table|dDE", Some(b"\0DS\x01")),
        (b"!ddb|item|dDE|1|p0\0\x01", Some(b"\0DI\x01")),
        (b"!ddb|item|dDE|1|p1\0\x01r\0\x01", Some(b"\0DI\x01")),
        (b"!ddb|item|dDE|2|p1\0\x01r\0\x01", Some(b"\0DI\x01")),
        (b"!ddb|item|dDE|2|p2\0\x01", Some(b"\0DI\x01")),
        (b"!ddb|item|dDI|1|p1\0\x01", Some(b"\0DI\x01")),
        (b"!s3|bucket|meta|bkt\0\x01", Some(b"{}")),
        (b"!s3|obj|head|bkt\0\x01\0\0\0\0\0\0\0\x01a/b\0\x01", Some(b"{}")),
        (b"!s3|obj|head|bkt\0\x01\0\0\0\0\0\0\0\x02a/b\0\x01", Some(b"{}")),
        (b"!s3|obj|head|bkt\0\x01\0\0\0\0\0\0\0\x02a/c\0\x01", Some(b"{}")),
        (b"!sqs|queue|meta|cTE", Some(b"{}")),
        (b"!sqs|msg|data|cTE\0\0\0\0\0\0\0\x01bTE", Some(b"{}")),
        (b"!sqs|msg|data|cTEx\0\0\0\0\0\0\0\x01bTE", Some(b"{}")),
        (b"redis:odd", Some(b"a user's own")),
        (b"old", Some(b"an old string")),
    ]
}

fn store(dir: &Path) {
    let mut store = StoreWriter::new(dir).unwrap();
    for (number, (key, value)) in (10..).zip(rows()) {
        let key = RowKey { user_key: key, commit_ts: HlcTimestamp(114_688_000_000_000_000 + number) }.encode();
        store.batch(number, &[(SET, &key, &row(value))]);
    }
    store.finish().unwrap();
}

fn json(dir: &Path, arguments: &[&str]) -> (i32, Value) {
    let output =
        Command::cargo_bin("ekv-tool").unwrap().current_dir(dir).args(arguments).args(["--format", "json"]).output().unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{arguments:?}: {output:?}"));
    (output.status.code().unwrap(), report)
}

fn parts(report: &Value) -> Vec<String> {
    let row = |row: &Value| format!("{} {}", row["space"].as_str().unwrap(), row["part"].as_str().unwrap_or("-"));
    report["rows"].as_array().unwrap().iter().map(row).collect()
}

#[test]
fn every_row_of_a_name_is_found() {
    let dir = tempfile::tempdir().unwrap();
    store(&dir.path().join("fsm.db"));
    let get = |name: &str| {
        let (status, report) = json(dir.path(), &["store", "get", "fsm.db", name]);
        assert_eq!((status, &report["verdict"]), (0, &Value::from("clean")), "{report}");
        report
    };
    let hash = get("redis:h");
    let expected =
        ["redis-hash-field field one", "redis-hash-field field two", "redis-hash-meta header", "txn-lock lock of field one"];
    assert_eq!((parts(&hash), &hash["redis_type"]), (expected.map(str::to_owned).to_vec(), &"hash".into()));
    assert_eq!((&hash["mode"], &hash["logical"], &hash["instead"]), (&"name".into(), &"redis:h".into(), &false.into()));

    // A client's key, as it is written in the client.
    let own = get("user:1");
    assert_eq!((&own["instead"], &own["logical"], &own["rows_found"]), (&true.into(), &"redis:user:1".into(), &2.into()));
    assert_eq!(own["rows"][0]["value"], "\\xff\\x01\\0hello");
    assert_eq!((&own["rows"][1]["state"], &own["redis_type"]), (&"tombstone".into(), &"string".into()));

    // A key that reads like a name, and an old string.
    let odd = get("redis:odd");
    assert_eq!((&odd["versions"][0]["value"], &odd["rows_found"]), (&"a user's own".into(), &0.into()));
    assert_eq!(get("raw:redis:odd")["versions"][0]["value"], "a user's own");
    assert_eq!(get("redis:old")["rows"][0]["value"], "an old string");
    assert_eq!(get("!redis|str|user:1")["logical"], "redis:user:1");

    for (name, rows) in [("ddb:t1", 5), ("ddb:t1/p1", 2), ("ddb:t1/p1/r", 2), ("ddb:t1/p0", 1), ("ddb:t1/p0/r", 0), ("ddb:t3", 0)]
    {
        assert_eq!(get(name)["rows_found"], rows, "{name}");
    }
    for (name, rows) in [("s3:bkt", 4), ("s3:bkt/a/b", 2), ("s3:bkt/a/c", 1), ("s3:bk", 0), ("sqs:q1", 2), ("redis:nope", 0)] {
        assert_eq!(get(name)["rows_found"], rows, "{name}");
    }
    let (_, limited) = json(dir.path(), &["store", "get", "fsm.db", "ddb:t1", "--limit", "2"]);
    assert_eq!((&limited["rows_found"], limited["rows"].as_array().unwrap().len()), (&5.into(), 2));
}

#[test]
fn a_scan_takes_names() {
    let dir = tempfile::tempdir().unwrap();
    store(&dir.path().join("fsm.db"));
    let names = |arguments: &[&str]| -> Vec<String> {
        let (status, report) = json(dir.path(), &[&["store", "scan", "fsm.db"], arguments].concat());
        assert_eq!(status, 0, "{report}");
        let rows = report["rows"].as_array().unwrap();
        rows.iter().map(|row| row["logical"].as_str().unwrap_or("-").to_owned()).collect()
    };
    assert_eq!(names(&["--prefix", "redis:h"]), ["redis:h", "redis:h", "redis:hh", "redis:h", "redis:h"]);
    assert_eq!(names(&["--prefix", "ddb:t1/p"]), ["ddb:t1/p0", "ddb:t1/p1/r", "ddb:t1/p1/r", "ddb:t1/p2"]);
    assert_eq!(names(&["--prefix", "s3:bkt/a/c"]), ["s3:bkt/a/c"]);
    assert_eq!(names(&["--from", "redis:hh", "--to", "redis:user:2", "--raw"]), ["redis:hh", "redis:user:1", "redis:user:1"]);
    assert_eq!(names(&["--prefix", "raw:redis:"]), ["-"]);
    let (status, _) = json(dir.path(), &["store", "scan", "fsm.db", "--prefix", "redis:h", "--from", "x"]);
    assert_eq!(status, 1, "names and stored keys do not mix");
    let all = names(&[]);
    assert_eq!(all.len(), rows().len());
    assert_eq!(all.iter().filter(|name| *name == "-").count(), 2);
}

/// The complaint from the field: a client's key of a real node.
#[test]
fn a_real_key_of_a_client_is_found() {
    let node = real().root.join("three-M/n1");
    let (status, report) = json(&node, &["store", "get", ".", "e:116"]);
    assert_eq!((status, &report["instead"], &report["redis_type"]), (0, &true.into(), &"string".into()));
    let (_, entries) = json(&node, &["wal", "dump", ".", "--key-prefix", "redis:e:116"]);
    let records = entries["records"].as_array().unwrap();
    assert!(!records.is_empty());
    for record in records {
        let names = record["logical"].as_array().unwrap();
        assert_eq!(names.len(), record["keys"].as_array().unwrap().len());
        assert!(names.iter().any(|name| name.as_str().is_some_and(|name| name.starts_with("redis:e:116"))), "{record}");
    }
}
