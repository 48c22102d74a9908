//! `store meta` and `store get`: what people and scripts see, exit statuses, keys of any bytes.

use assert_cmd::Command;
use serde_json::Value;

use crate::support::recorded::cases;

/// Runs `ekv-tool store` inside a case; the status and what was written.
fn run(case: &str, args: &[&str]) -> (i32, String, String) {
    let output =
        Command::cargo_bin("ekv-tool").unwrap().current_dir(cases().root.join(case)).arg("store").args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn json(case: &str, args: &[&str]) -> (i32, Value) {
    let (status, out, err) = run(case, &[args, &["--format", "json"]].concat());
    (status, serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{err}")))
}

const META: &str = "\
CLEAN    applied index 22

n1/fsm.db
  in use         no
  format         16
  MANIFEST       MANIFEST-000012
  tables         1 (100.0 KiB)
  last sequence  12031
  pr934          opens it
  main           opens it

  _meta_applied_index           22 (000015.sst at 83929, L6)
  _meta_last_commit_ts          114688000005242889 = 2025-06-15T15:06:40.080Z
                                (000013.log at 1140)
  _meta_min_retained_ts         missing
  _meta_pending_min_retained_ts  missing

  log            size  batches  records  ends at  end
  000013.log  1.2 KiB       20       20     1268  clean
";

#[test]
fn meta_for_people() {
    let (status, out, err) = run("sst2-ok", &["meta", "--width", "80", "n1"]);
    assert_eq!((status, err.as_str()), (0, ""));
    assert!(out.starts_with(META), "{out}");
}

#[test]
fn meta_for_scripts() {
    let (status, report) = json("applied-sst-then-log", &["meta", "n1/fsm.db"]);
    assert_eq!((status, &report["verdict"]), (0, &Value::from("clean")));
    let keys = report["stores"][0]["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 4);
    let applied = keys.iter().find(|key| key["key"] == "_meta_applied_index").unwrap();
    assert_eq!((&applied["state"], &applied["value"]), (&Value::from("present"), &Value::from(18)));
    assert!(applied["file"].as_str().unwrap().ends_with(".log"), "the log is newer than the table: {applied}");
}

#[test]
fn a_store_that_no_server_opens_is_damaged() {
    let (status, report) = json("sst2-no-sst", &["meta", "n1"]);
    assert_eq!((status, &report["verdict"]), (2, &Value::from("damaged")));
    assert_eq!(report["findings"][0]["code"], "store-table-missing");
    for open in report["stores"][0]["open"].as_array().unwrap() {
        assert_eq!(open["opens"], false);
        assert!(open["error"].as_str().unwrap().contains("file does not exist"), "{open}");
    }
}

#[test]
fn get_finds_versions_newest_first() {
    let (status, report) = json("sst2-ok", &["get", "n1", "!redis|str|key-000000", "--versions", "100"]);
    assert_eq!(status, 0);
    let versions = report["versions"].as_array().unwrap();
    assert!(versions.len() > 1);
    let stamps: Vec<_> = versions.iter().map(|version| version["commit_ts"].as_u64().unwrap()).collect();
    assert!(stamps.is_sorted_by(|a, b| a > b), "{stamps:?}");
    assert_eq!(versions[0]["value"], "value-5-0;");
    // The same version by its time, and by the raw key.
    let at = stamps[1].to_string();
    let (_, older) = json("sst2-ok", &["get", "n1", "!redis|str|key-000000", "--at", &at]);
    assert_eq!(older["versions"][0], versions[1]);
    let raw = (!stamps[1]).to_be_bytes().iter().fold(String::new(), |text, byte| format!("{text}\\x{byte:02x}"));
    let (_, raw) = json("sst2-ok", &["get", "n1", "--raw", &format!("!redis|str|key-000000{raw}")]);
    assert_eq!((&raw["mode"], &raw["versions"][0]["sequence"]), (&Value::from("raw"), &versions[1]["sequence"]));
}

#[test]
fn get_answers_for_keys_that_are_not_there_and_refuses_what_makes_no_sense() {
    let (status, out, _) = run("sst2-ok", &["get", "n1", "hex:6e6f7065"]);
    assert_eq!(status, 0);
    assert!(out.starts_with("CLEAN    nope: not in the store"), "{out}");
    for key in ["hex:6", "a\\q"] {
        let (status, out, err) = run("sst2-ok", &["get", "n1", key]);
        assert_eq!((status, out.as_str()), (1, ""), "{err}");
    }
    let (status, _, err) = run("sst2-ok", &["get", "nowhere", "k"]);
    assert_eq!(status, 1);
    assert!(err.contains("nowhere"), "{err}");
}

#[test]
fn get_says_when_it_cannot_know() {
    let (status, report) = json("sst2-sst-magic", &["get", "n1", "_meta_min_retained_ts"]);
    assert_eq!((status, &report["verdict"]), (2, &Value::from("damaged")));
    assert!(report["problem"].as_str().unwrap().contains("000015.sst"), "{report}");
}
