//! Forecasts against what the server did, and whole outputs of `gate-dryrun`.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ekv_tool::ops::GateOptions;
use ekv_tool::types::ServerVersion;
use serde_json::{Value, json};

use crate::support::forecast::{forecast, halts_with, handed};
use crate::support::golden::{golden, transcript};
use crate::support::recorded::{Case, Recorded, cases, fresh, real};

/// The report of one group under one engine, as scripts see it.
fn report(dir: &Path, engine: ServerVersion) -> Value {
    forecast(GateOptions { engine: Some(engine), ..GateOptions::default() }, dir)
}

fn compare(case: &Case<'_>, engine: ServerVersion) -> Result<(), String> {
    let want = &case.expected[engine.name()];
    if want.is_null() || want["outcome"] == "?" {
        return Ok(());
    }
    let report = report(&case.dir, engine);
    let group = &report["groups"][0];
    let mut wrong = String::new();
    let mut same = |field: &str, want: &Value, got: &Value| {
        if want != got {
            let _ = writeln!(wrong, "  {engine} {field}: server {want}, tool {got}");
        }
    };
    same("outcome", &want["outcome"], &group["outcome"]);
    let or_zero = |value: &Value| if value.is_null() { json!(0) } else { value.clone() };
    let sorted = |paths: &Value| {
        let mut paths: Vec<_> = paths.as_array().unwrap().iter().map(ToString::to_string).collect();
        paths.sort();
        json!(paths)
    };
    if want["outcome"] == "abort" {
        let told = format!("{} {}", group["abort"]["error"], group["abort"]["text"]).to_lowercase();
        let named = want["abort_error"].as_str().unwrap().split('|').any(|name| told.contains(&name.to_lowercase()));
        same("abort names the error", &json!(true), &json!(named));
    } else {
        same("fallback_reason", &want["fallback_reason"], &group["fallback_reason"]);
        same("snapshot.index", &want["snapshot_index"], &or_zero(&group["snapshot"]["index"]));
        same("snapshot.term", &want["snapshot_term"], &or_zero(&group["snapshot"]["term"]));
        same("commit", &want["commit"], &or_zero(&group["hard_state"]["commit"]));
        same("term", &want["term"], &or_zero(&group["hard_state"]["term"]));
        same("last_index", &want["last_index"], &group["last_index"]);
        same("effective_applied", &want["effective_applied"], &group["effective_applied"]);
        if !want["cutover"].is_null() && want["outcome"] != "none" {
            same("cutover", &want["cutover"], &or_zero(&group["header"]["cutover"]));
        }
        if !want["ceiling_after_start_ms"].is_null() {
            same("ceiling", &want["ceiling_after_start_ms"], &or_zero(&group["ceiling_after_start_ms"]));
        }
        if !want["handed_to_fsm"].is_null() {
            let plan = group["plan"].as_array().cloned().unwrap_or_default();
            same("handed to the state machine", &want["handed_to_fsm"], &handed(&plan));
        }
        if let Some(halt) = want["halt"].as_str() {
            same("halt", &json!(true), &json!(halts_with(group, halt)));
        }
    }
    if !want["applied_index"].is_null() {
        same("applied_index.state", &want["applied_index"]["state"], &group["applied_index"]["state"]);
        same("applied_index.value", &want["applied_index"]["value"], &group["applied_index"]["value"]);
    }
    same("would_delete", &sorted(&want["would_delete"]), &sorted(&group["would_delete"]));
    same("would_rename", &sorted(&want["would_rename"]), &sorted(&group["would_rename"]));
    same("would_repair", &want["would_repair"], &group["would_repair"]["path"]);
    let found: Vec<_> = report["findings"].as_array().unwrap().iter().map(|finding| finding["code"].clone()).collect();
    for code in want["must_find"].as_array().into_iter().flatten() {
        same("finding", code, if found.contains(code) { code } else { &Value::Null });
    }
    // What the server did on these files alone was determined by them alone.
    // A log of several voters that lost its end, or a received snapshot that was not taken over: the files of one node cannot
    // tell which. And nothing tells an empty directory from a volume that is not mounted.
    let undecided = found.contains(&json!("applied-beyond-log")) || case.name == "dir-empty-dir";
    same("verdict is not unknown", &json!(true), &json!(undecided || report["verdict"] != "unknown"));
    if !want["verdict"].is_null() {
        same("verdict", &want["verdict"], &report["verdict"]);
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("\n{wrong}")) }
}

/// Both engines on every group, on all cores.
fn all_agree(recorded: &Recorded) {
    agree(&recorded.groups());
}

fn agree(groups: &[Case<'_>]) {
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(case) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
                    for engine in ServerVersion::ALL {
                        if let Err(why) = compare(case, engine) {
                            wrong.lock().unwrap().push(format!("{} {}: {why}", case.name, case.group));
                        }
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(groups.len() > 10, "the archive is nearly empty");
    assert!(wrong.is_empty(), "{} disagree:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
}

#[test]
fn prepared_and_damaged_directories_start_as_forecast() {
    all_agree(cases());
}

/// The recorder took a link that the server renames, and cannot follow afterwards, for one that it deletes; and it counts a
/// proposal without a payload as handed to the state machine, which the recorder of the other directories did not.
const MISTAKEN: [&str; 2] = ["fsy-H5-backup-only-link", "sfx-empty-committed-3"];

/// One in eight, or all with `EKV_TOOL_FIXTURES=all`.
#[test]
fn directories_of_new_kinds_start_as_forecast() {
    let step = if std::env::var_os("EKV_TOOL_FIXTURES").is_some_and(|wanted| wanted == "all") { 1 } else { 8 };
    let known = fresh().groups().into_iter().filter(|case| !MISTAKEN.contains(&case.name));
    agree(&known.step_by(step).collect::<Vec<_>>());
}

/// Stores of many levels, compressions and format versions, row tables and columnar ones: all of them, because each is
/// different.
#[test]
fn stores_of_many_shapes_start_as_forecast() {
    agree(&fresh().groups().into_iter().filter(|case| case.name.starts_with("lsm-")).collect::<Vec<_>>());
}

#[test]
fn real_directories_start_as_forecast() {
    all_agree(real());
}

/// The whole output for one directory of an archive, seen from inside the archive so that no path of this machine shows.
fn run(recorded: &Recorded, name: &str, args: &[&str]) -> String {
    let output = Command::new(assert_cmd::cargo::cargo_bin("ekv-tool"))
        .current_dir(recorded.root.join(name))
        .args(["gate-dryrun", "--width", "80", "--restore-rate", "100MB"])
        .args(args)
        .output()
        .unwrap();
    transcript(&output)
}

#[test]
fn outputs_for_people() {
    let of_cases = [
        ("skip", "gate-S10-K17-L26-HK", &["--plan", "n1"][..]),
        ("execute", "gate-S10-K17-L17-HS-1", &["--all-engines", "n1"]),
        ("fallback", "gate-S10-K17-L26-Hmissing", &["n1"]),
        ("repair", "wal-last-cut30", &["n1"]),
        ("hole", "wal-sector-2", &["n1"]),
        ("payload-damaged", "fsm-exec-ceiling-bit", &["n1"]),
        ("no-peers", "dir-empty-dir", &["n1"]),
        ("halt", "replay-payload-enc6-H10", &["--plan", "n1"]),
    ];
    for (golden_name, case, args) in of_cases {
        golden(&format!("gate/{golden_name}.txt"), &run(cases(), case, args));
    }
    golden("gate/two-groups.txt", &run(real(), "groups-P", &["."]));
    golden("gate/two-groups.md", &run(real(), "groups-P", &["--format", "markdown", "."]));
    golden("gate/two-groups.prom", &run(real(), "groups-P", &["--format", "prometheus", "."]));
    golden("gate/foreign-store.txt", &run(real(), "one-M-H9", &["n1"]));
}

#[test]
fn accepted_outcomes_give_status_0() {
    let status = |case: &str, args: &[&str]| {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("ekv-tool"));
        command.current_dir(cases().root.join(case)).arg("gate-dryrun").args(args).arg("n1");
        command.output().unwrap().status.code()
    };
    let executes = "gate-S10-K17-L17-HS-1";
    assert_eq!(status(executes, &[]), Some(10));
    assert_eq!(status(executes, &["--accept", "execute"]), Some(0));
    assert_eq!(status(executes, &["--accept", "any"]), Some(0));
    assert_eq!(status("gate-S10-K17-L26-Hmissing", &[]), Some(11));
    assert_eq!(status("dir-empty-dir", &["--accept", "any"]), Some(2), "a refused start is never accepted");
    assert_eq!(status("wal-sector-2", &["--accept", "any"]), Some(2), "a start that loses entries is never accepted");
    assert_eq!(status(executes, &["--applied-index", "17"]), Some(0), "the operator's number decides");
    assert_eq!(status(executes, &["--store-check", "none"]), Some(3), "what was not read is unknown");
}

/// The node of an encrypted cluster, with or without the cluster's sidecar.
fn encrypted(name: &str, sidecar: bool) -> (Option<i32>, Value) {
    let root = real().root.join(name);
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("ekv-tool"));
    command.args(["gate-dryrun", "--format", "json"]).arg(root.join("data/n1"));
    if sidecar {
        command.arg("--sidecar").arg(root.join("encryption/keys.json"));
    }
    let output = command.output().unwrap();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

fn codes(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

#[test]
fn encryption_is_never_taken_for_clean_without_its_sidecar() {
    for name in ["enc-M", "enc-M-nosnap", "enc-M-raft-nosnap", "enc-P-nosnap"] {
        let (status, report) = encrypted(name, false);
        assert_eq!((status, &report["verdict"]), (Some(3), &json!("unknown")), "{name}");
        assert!(codes(&report).contains(&"encryption-undecided"), "{name}");
    }
}

#[test]
fn a_log_compacted_past_the_sidecar_is_refused() {
    let (status, report) = encrypted("enc-M", true);
    assert_eq!(status, Some(2));
    // The cold start succeeds; the guard behind it ends the process.
    assert_eq!(report["groups"][0]["outcome"], "skip");
    assert_eq!(report["groups"][0]["replay"]["halt"]["error"], "requested index is unavailable due to compaction");
    assert!(codes(&report).contains(&"sidecar-gap"));
}

#[test]
fn a_replayed_registration_older_than_the_registry_halts_with_the_servers_words() {
    let (status, report) = encrypted("enc-M-nosnap-h13", true);
    assert_eq!(status, Some(2));
    let halt = &report["groups"][0]["replay"]["halt"];
    assert_eq!(halt["index"], 767);
    let text = halt["text"].as_str().unwrap();
    assert!(
        text.contains("local_epoch rollback at dek_id=1 full_node_id=0x8b37b07b558d4c0 (existing last_seen=2, incoming=1)"),
        "{text}"
    );
}
