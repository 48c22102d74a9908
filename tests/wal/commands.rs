//! The commands as people and scripts see them.

use assert_cmd::Command;
use serde_json::Value;

use crate::support::log_writer::LogWriter;
use crate::support::node_dir::{NodeDir, id};
use crate::support::recorded::{cases, real};
use crate::support::requests;

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
    // One stands behind the place where a server takes the log for finished.
    let (entries, behind): (Vec<_>, Vec<_>) = entries.into_iter().partition(|row| row["place"] == "log");
    assert_eq!((entries.len(), behind.len()), (63, 1));
    assert_eq!((&behind[0]["place"], &behind[0]["effective"]), (&"log-hole".into(), &false.into()));
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
    let places: Vec<_> = report["records"].as_array().unwrap().iter().map(|record| &record["place"]).collect();
    assert_eq!(places, ["log", "log", "log-hole"]);
    assert_eq!(report["schema"], "ekv-tool/wal-dump/v1");
}

/// Index, place and whether it stands, of every entry that is listed.
fn entries_listed(report: &Value) -> Vec<(u64, String, bool)> {
    let entries = report["records"].as_array().unwrap().iter().filter(|record| record["type"] == "entry");
    let place = |entry: &Value| entry["place"].as_str().unwrap().to_owned();
    entries.map(|entry| (entry["index"].as_u64().unwrap(), place(entry), entry["effective"] == true)).collect()
}

#[test]
fn dump_lists_what_stands_behind_a_hole_and_what_was_set_aside_as_that() {
    let mut log = LogWriter::new();
    log.snapshot(0, 0, &[id("n1")]).state(1, id("n1"), 0);
    for index in 1..=5_u64 {
        log.typed_entry(0, index, 1, &requests::raw(index, &[(0, format!("key{index}").as_bytes(), b"v")]));
    }
    log.state(1, id("n1"), 5);
    let name = "0000000000000000-0000000000000000.wal";
    let mut bytes = log.files().remove(0).1;
    let at = bytes.windows(4).position(|window| window == b"key3").unwrap();
    bytes[at] ^= 1;
    let hole = NodeDir::new(&log).peers(1, &["n1"]).file(&format!("wal/{name}"), &bytes);
    let dir = hole.path().display().to_string();
    let of =
        |place: &str, entries: &[u64], stands| entries.iter().map(|index| (*index, place.to_owned(), stands)).collect::<Vec<_>>();

    let (status, report) = json(&["wal", "dump", "--format", "json", &dir]);
    assert_eq!((status, &report["verdict"]), (2, &"damaged".into()), "{report:#}");
    assert_eq!(entries_listed(&report), [of("log", &[1, 2], true), of("log-hole", &[4, 5], false)].concat());
    // The hard state behind it is a record as well, and what check says of the hole is said here.
    assert_eq!((&report["records_behind_holes"], &report["records_set_aside"]), (&3.into(), &0.into()));
    let last = report["records"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["type"], &last["place"], &last["commit"]), (&"hard-state".into(), &"log-hole".into(), &5.into()));
    assert_eq!(report["findings"][0]["code"], "wal-crc-mismatch");
    let (_, check) = json(&["check", "--format", "json", &dir]);
    assert_eq!(check["verdict"], report["verdict"]);

    let (_, text, _) = run(&["wal", "dump", &dir]);
    assert!(text.contains(&format!("# {dir}/wal/{name}, behind a hole\n")), "{text}");
    let row = text.lines().find(|line| line.contains("key4")).unwrap();
    assert!(row.ends_with(" (behind a hole)") && !row.contains("replaced"), "{row}");
    assert!(text.contains("(3 behind a hole of them) written") && text.contains("behind holes"), "{text}");

    let some = |more: &[&str]| json(&[&["wal", "dump", "--format", "json", dir.as_str()], more].concat()).1;
    assert_eq!(entries_listed(&some(&["--effective"])), of("log", &[1, 2], true));
    assert_eq!(entries_listed(&some(&["--from", "5"])), of("log-hole", &[5], false));
    assert_eq!(entries_listed(&some(&["--key-prefix", "key4"])), of("log-hole", &[4], false));
    let offset = report["records"].as_array().unwrap().iter().find(|record| record["index"] == 5).unwrap()["offset"].to_string();
    assert_eq!(entries_listed(&some(&["--segment", "0", "--offset", &offset])), of("log-hole", &[5], false));

    // One record alone is told the same of, by its place and by its index.
    for which in [format!("0@{offset}"), "5".to_owned()] {
        let (status, shown) = json(&["wal", "show", "--format", "json", &which, &dir]);
        assert_eq!((status, &shown["records"][0]["place"]), (2, &"log-hole".into()), "{shown:#}");
        assert_eq!(shown["findings"][0]["code"], "wal-crc-mismatch");
    }
    assert_eq!(json(&["wal", "show", "--format", "json", "2", &dir]).0, 0);

    // The log goes on without what repair set aside; the copy has a hole of its own.
    let mut short = LogWriter::new();
    short.snapshot(0, 0, &[id("n1")]).state(1, id("n1"), 0).typed_entry(0, 1, 1, b"").state(1, id("n1"), 1);
    let aside = NodeDir::new(&short).peers(1, &["n1"]).file(&format!("wal/{name}.broken"), &bytes);
    let dir = aside.path().display().to_string();
    let (_, report) = json(&["wal", "dump", "--format", "json", &dir]);
    let copies = [of("log-broken", &[1, 2], false), of("log-broken-hole", &[4, 5], false)].concat();
    assert_eq!(entries_listed(&report), [of("log", &[1], true), copies.clone()].concat());
    assert_eq!((&report["records_behind_holes"], &report["records_set_aside"]), (&0.into(), &10.into()));
    let (_, lines, _) =
        run(&["wal", "dump", "--format", "ndjson", &dir, "--segment", &format!("{name}.broken"), "--type", "entry"]);
    let rows: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).filter(|row: &Value| row["type"] == "entry").collect();
    assert_eq!(entries_listed(&serde_json::json!({ "records": rows })), copies);
    let (_, text, _) = run(&["wal", "dump", &dir]);
    assert!(text.contains(" (set aside)\n") && text.contains(" (set aside, behind a hole)\n"), "{text}");
    // By itself it is no segment of a log.
    let (_, alone) = json(&["wal", "dump", "--format", "json", &format!("{dir}/wal/{name}.broken")]);
    assert_eq!(entries_listed(&alone), copies);
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
