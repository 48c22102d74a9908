//! The commands as people and scripts see them.

use assert_cmd::Command;
use serde_json::Value;

use crate::support::recorded::{cases, real};

fn run(args: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("ekv-tool").unwrap().args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn json(args: &[&str]) -> (i32, Value) {
    let (status, out, err) = run(args);
    (status, serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}{err}")))
}

fn case(name: &str) -> String {
    cases().root.join(name).join("n1").display().to_string()
}

#[test]
fn stat_says_what_the_server_read() {
    for set in [cases(), real()] {
        set.for_each_group(|group| {
            let want = &group.expected["wal"];
            if want.is_null() {
                return Ok(());
            }
            let (_, report) = json(&["wal", "stat", "--format", "json", &group.dir.display().to_string()]);
            for (field, got) in [
                ("last_index", &report["log"]["last_index"]),
                ("commit", &report["log"]["hard_state"]["commit"]),
                ("term", &report["log"]["hard_state"]["term"]),
            ] {
                if want[field].as_u64() != Some(got.as_u64().unwrap_or(0)) {
                    return Err(format!("{field}: server {}, tool {got}", want[field]));
                }
            }
            Ok(())
        });
    }
}

#[test]
fn stat_as_json() {
    let (status, report) = json(&["wal", "stat", "--format", "json", &case("wal-old-record-after")]);
    assert_eq!(status, 2);
    assert_eq!(report["schema"], "ekv-tool/wal-stat/v1");
    assert_eq!(report["findings"][0]["code"], "wal-data-beyond-end");
    let log = &report["log"];
    assert_eq!((&log["segments"], &log["first_index"], &log["entries"]), (&1.into(), &2.into(), &63.into()));
    assert_eq!(log["hard_state"], serde_json::json!({ "term": 2, "vote": 626_980_046_172_116_160_u64, "commit": 60 }));
    assert_eq!(log["snapshots"][1]["index"], 1);
    let classes = log["classes"].as_object().unwrap();
    assert_eq!(classes.values().map(|count| count.as_u64().unwrap()).sum::<u64>(), 63);
    for class in ["data", "lease", "noop", "batch", "conf-change", "encryption"] {
        assert!(classes.contains_key(class), "{class}");
    }
    let end = serde_json::json!({ "segment": "wal/0000000000000000-0000000000000000.wal", "offset": 5392, "kind": "zero" });
    assert_eq!(log["logical_end"], end);
}

#[test]
fn ls_as_a_table() {
    let dir = case("wal-lastbutone-flast-databit");
    let (status, out, _) = run(&["wal", "ls", &dir]);
    assert_eq!(status, 2);
    let expected = format!(
        "DAMAGED  a record does not match its checksum (1 error); 3 segments, 5.5 KiB, 63 entry records\n\n{dir}/wal\n\
         \x20 segment     size  records  indexes  terms  end\n\
         \x20 0-0      2.3 KiB       36     2-25      2  eof 0x910\n\
         \x20 1-1a     1.8 KiB       32    26-50      2  damaged 0x6f8\n\
         \x20 2-33     1.5 KiB       21    51-64      2  zero 0x568\n"
    );
    assert!(out.starts_with(&expected), "{out}");
}

#[test]
fn verify_tells_the_servers_apart() {
    // One server refuses the record, the other skips the field and takes the record for a torn one.
    let (status, report) = json(&["wal", "verify", "--format", "json", &case("mix-0305")]);
    assert_eq!(status, 2);
    let readings = report["logs"][0]["readings"].as_array().unwrap();
    assert_eq!(readings[0]["error"], "proto: wrong wireType = 0 for field Data");
    assert_eq!(readings[1]["error"], Value::Null);
    assert!(readings[1]["repair"].as_str().unwrap().contains("cut at"));
}

#[test]
fn dump_filters() {
    let dir = case("wal-old-record-after");
    let dump = |more: &[&str]| {
        let args = [&["wal", "dump", "--format", "ndjson", dir.as_str()], more].concat();
        let (_, out, err) = run(&args);
        assert_eq!(err, "");
        let mut rows: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rows.pop().unwrap()["type"], "summary");
        rows
    };
    let all = dump(&[]);
    let entries = dump(&["--type", "entry"]);
    assert!(all.len() > entries.len());
    assert_eq!(entries.len(), 63);
    let indexes: Vec<_> = entries.iter().map(|row| row["index"].as_u64().unwrap()).collect();
    assert_eq!(indexes, (2..=64).collect::<Vec<_>>());
    assert!(entries.iter().all(|row| row["effective"] == true));
    let some = dump(&["--from", "60", "--to", "0x3e", "--class", "batch"]);
    assert_eq!(some.iter().map(|row| row["index"].as_u64().unwrap()).collect::<Vec<_>>(), [60, 62]);
    let keyed = dump(&["--key-prefix", "!redis|str|e62-1"]);
    assert_eq!(keyed.len(), 1);
    assert_eq!(keyed[0]["keys"], serde_json::json!(["!redis|str|e62-0-0", "!redis|str|e62-1-0", "!redis|str|e62-2-0"]));
    let from_there = dump(&["--segment", "0", "--offset", &keyed[0]["offset"].to_string(), "--type", "entry"]);
    assert_eq!(from_there[0]["index"], 62);
    assert_eq!(dump(&["--term", "9"]), Vec::<Value>::new());
    let (status, _, err) = run(&["wal", "dump", "--segment", "7", &dir]);
    assert!(status == 1 && err.contains("--segment 7"), "{err}");

    let (_, report) = json(&["wal", "dump", "--format", "json", "--from", "63", &dir]);
    assert_eq!(report["records"].as_array().unwrap().len(), 2);
    assert_eq!(report["schema"], "ekv-tool/wal-dump/v1");
}

#[test]
fn show_explains_every_byte() {
    let dir = case("wal-old-record-after");
    let (status, report) = json(&["wal", "show", "--format", "json", "61", &dir]);
    assert_eq!(status, 0);
    let record = &report["records"][0];
    assert_eq!(record["effective"], true);
    assert_eq!(record["summary"], "entry 61 of term 2, lease");
    let fields = record["fields"].as_array().unwrap();
    let value = |name: &str| fields.iter().find(|row| row["field"] == name).map(|row| row["value"].as_str().unwrap()).unwrap();
    assert_eq!(value("index"), "61");
    assert_eq!(value("clock ceiling"), "1750000061000 (2025-06-15T15:07:41.000Z)");
    assert!(value("checksum").ends_with(", fits"));
    let offset = record["offset"].as_u64().unwrap();
    let (_, same) = json(&["wal", "show", "--format", "json", &format!("0@{offset}"), &dir]);
    assert_eq!(same["records"][0], *record);
    let (status, _, err) = run(&["wal", "show", "65", &dir]);
    assert!(status == 1 && err.contains("no entry with index 65; it holds 2 to 64"), "{err}");
    let (status, _, err) = run(&["wal", "show", &format!("0@{}", offset + 8), &dir]);
    assert!(status == 1 && err.contains("no frame"), "{err}");
}

#[test]
fn paths_of_every_kind() {
    let group = case("wal-last-cut90");
    for path in [group.clone(), format!("{group}/wal"), cases().root.join("wal-last-cut90").display().to_string()] {
        let (status, report) = json(&["wal", "stat", "--format", "json", &path]);
        assert_eq!((status, &report["log"]["last_index"]), (0, &63.into()), "{path}");
        assert_eq!(report["log"]["logical_end"]["kind"], "torn");
    }
    let segment = format!("{group}/wal/0000000000000001-000000000000001a.wal");
    let (status, report) = json(&["wal", "stat", "--format", "json", &segment]);
    assert_eq!((status, &report["log"]["first_index"]), (0, &26.into()));
    let (status, _, err) = run(&["wal", "stat", &format!("{group}/snap")]);
    assert!(status == 1 && err.lines().count() == 1, "{err}");
    let (status, _, _) = run(&["wal", "stat", &format!("{group}/no-such")]);
    assert_eq!(status, 1);
    let several = real().root.join("three-M").display().to_string();
    let (status, report) = json(&["wal", "stat", "--format", "json", &several]);
    assert_eq!((status, report["logs"].as_array().map(Vec::len)), (0, Some(3)));
}
