//! Starts with and without keys, what is opened, and that no key is ever shown.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use ekv_tool::Run;
use ekv_tool::analysis::explain::{Answer, explain};
use ekv_tool::ops::{self, CheckOptions, CompareOptions, GateOptions, check};
use ekv_tool::readers::Local;
use ekv_tool::readers::keys::Opener;
use ekv_tool::types::ServerVersion;
use serde_json::{Value, json};

use crate::support::forecast::{forecast, halts_with, handed};
use crate::support::keys::{base64, kek_copy};
use crate::support::recorded::{fresh_enc, real};
use crate::support::tree::copy_tree;

fn compare(report: &Value, want: &Value) -> String {
    let group = &report["groups"][0];
    let mut wrong = String::new();
    let mut same = |field: &str, want: &Value, got: &Value| {
        if want != got {
            let _ = write!(wrong, " {field}: server {want}, tool {got};");
        }
    };
    same("outcome", &want["outcome"], &group["outcome"]);
    if want["outcome"] == "abort" {
        let told = format!("{} {}", group["abort"]["error"], group["abort"]["text"]).to_lowercase();
        let name = want["abort_error"].as_str().unwrap().to_lowercase();
        same("abort names the error", &json!(true), &json!(told.contains(&name)));
    } else {
        for field in ["last_index", "effective_applied", "fallback_reason"] {
            same(field, &want[field], &group[field]);
        }
        if !want["ceiling_after_start_ms"].is_null() {
            let got = if group["ceiling_after_start_ms"].is_null() { json!(0) } else { group["ceiling_after_start_ms"].clone() };
            same("ceiling_after_start_ms", &want["ceiling_after_start_ms"], &got);
        }
        if !want["handed_to_fsm"].is_null() {
            let plan = group["plan"].as_array().unwrap();
            same("handed to the state machine", &want["handed_to_fsm"], &handed(plan));
        }
        if let Some(halt) = want["halt"].as_str() {
            same("halt", &json!(true), &json!(halts_with(group, halt)));
            same("verdict", &json!("damaged"), &report["verdict"]);
        } else if want["outcome"] == "skip" && !want["handed_to_fsm"].is_null() {
            same("halt", &Value::Null, &group["replay"]["halt"]);
        }
    }
    wrong
}

#[test]
fn recorded_starts_of_encrypted_nodes() {
    let recorded = fresh_enc();
    let mut wrong = Vec::new();
    let mut compared = 0;
    for (name, expected) in &recorded.expected {
        let folder = recorded.root.join(name);
        let keep = tempfile::tempdir().unwrap();
        let kek = kek_copy(&folder.join("kek.bin"), &keep);
        for (way, want) in expected.as_object().unwrap().iter().filter(|(way, _)| way.contains('/')) {
            let engine = if way.starts_with("main") { ServerVersion::Main } else { ServerVersion::Pr934 };
            let keys = way.ends_with("keys");
            let options = GateOptions {
                engine: Some(engine),
                sidecar: keys.then(|| folder.join("enc/keys.json")),
                kek: keys.then(|| kek.clone()),
                no_encryption: !keys,
                ..GateOptions::default()
            };
            compared += 1;
            for said in ["abort_text", "halt_text"].into_iter().filter_map(|field| want[field].as_str()) {
                assert!(matches!(explain(said), Answer::Server(_)), "{name}: {said}");
            }
            let differs = compare(&forecast(options, &folder.join("n1")), want);
            if !differs.is_empty() {
                wrong.push(format!("{way} {name}:{differs}"));
            }
        }
    }
    assert_eq!(compared, 219);
    assert!(wrong.is_empty(), "{} of {compared} disagree:\n{}", wrong.len(), wrong.join("\n"));
}

/// Sealed entries of a real node whose cutover is known; all of them open.
#[test]
fn every_sealed_entry_of_a_real_node_opens() {
    let folder = real().root.join("enc-M-raft-nosnap");
    let keep = tempfile::tempdir().unwrap();
    let kek = kek_copy(&folder.join("kek.bin"), &keep);
    let with = |kek: Option<PathBuf>| GateOptions {
        engine: Some(ServerVersion::Main),
        sidecar: Some(folder.join("encryption/keys.json")),
        kek,
        ..GateOptions::default()
    };
    let classes = |report: &Value| {
        let plan = report["groups"][0]["plan"].as_array().cloned().unwrap_or_default();
        let sealed = plan.iter().filter(|row| row["class"] == "sealed").count();
        (plan.len(), sealed)
    };
    let open = forecast(with(Some(kek)), &folder.join("data/n1"));
    assert_eq!(classes(&open), (1091, 0));
    assert_eq!(open["groups"][0]["outcome"], "skip");
    let closed = forecast(with(None), &folder.join("data/n1"));
    assert_eq!(classes(&closed), (1091, 327));
    assert_eq!((&closed["groups"][0]["outcome"], &closed["verdict"]), (&json!("unknown"), &json!("unknown")));
}

/// What `check` says of the envelopes of recorded nodes: every one of them opens, and none shares its nonce.
#[test]
fn every_envelope_of_real_nodes_opens() {
    for (name, envelopes, keys) in [
        ("enc-M", 2057, [(1, 0, 1376, 681), (2, 0, 0, 0)]),
        ("enc-M-nosnap", 1376, [(1, 0, 1376, 0), (2, 0, 0, 0)]),
        ("enc-M-raft-nosnap", 3094, [(1, 0, 2767, 0), (2, 327, 0, 0)]),
        ("enc-P-nosnap", 537, [(1, 0, 537, 0), (2, 0, 0, 0)]),
    ] {
        let folder = real().root.join(name);
        let keep = tempfile::tempdir().unwrap();
        let options = CheckOptions {
            sidecar: Some(folder.join("encryption/keys.json")),
            kek: Some(kek_copy(&folder.join("kek.bin"), &keep)),
            ..CheckOptions::default()
        };
        let report = check(&[folder.join("data/n1")], &options, &Run::local()).unwrap();
        let census = report.body.groups[0].encryption.as_ref().unwrap();
        let used: Vec<_> = census.keys.iter().map(|key| (key.id, key.entries, key.rows, key.payload_rows)).collect();
        assert_eq!((census.envelopes, census.opened, census.failed), (envelopes, Some(envelopes), Some(0)), "{name}");
        assert_eq!(used, keys, "{name}");
        let found = report.findings.iter().any(|finding| finding.code.code.starts_with("enc-"));
        assert!(!found, "{name}: {:?}", report.findings);
    }
}

/// A copy of a node beside it: the keys of one open what both sealed, and what each key is needed for stands beside each other.
#[test]
fn compare_opens_the_envelopes_of_all_nodes() {
    let folder = real().root.join("enc-M-raft-nosnap");
    let keep = tempfile::tempdir().unwrap();
    let kek = kek_copy(&folder.join("kek.bin"), &keep);
    let copy = keep.path().join("n2");
    copy_tree(&folder.join("data/n1"), &copy);
    let opener = Opener::read(&folder.join("encryption/keys.json"), &kek, false, &Local).unwrap();
    let compared = |opener: Option<Opener>| {
        let options = CompareOptions { opener: opener.map(Arc::new), ..CompareOptions::default() };
        ops::compare(&[folder.join("data/n1"), copy.clone()], &options, &Run::local()).unwrap()
    };
    for (opener, opened) in [(Some(opener), Some(3094)), (None, None)] {
        let report = compared(opener);
        let nodes = &report.body.groups[0].encryption;
        let counted: Vec<_> = nodes.iter().map(|node| (node.census.envelopes, node.census.opened, node.census.failed)).collect();
        assert_eq!(counted, [(3094, opened, opened.map(|_| 0)); 2]);
        let keys: Vec<_> = nodes[1].census.keys.iter().map(|key| (key.id, key.envelopes())).collect();
        assert_eq!(keys, [(1, 2767), (2, 327)]);
        assert!(!report.findings.iter().any(|finding| finding.code.code == "enc-nonce-reused"), "the same envelopes");
    }
}

/// What was not read is not counted as none.
#[test]
fn numbers_of_a_part_are_not_told_as_those_of_the_whole() {
    let folder = real().root.join("enc-M-raft-nosnap");
    for options in
        [CheckOptions { fast: true, ..CheckOptions::default() }, CheckOptions { no_body_crc: true, ..CheckOptions::default() }]
    {
        let options = CheckOptions { sidecar: Some(folder.join("encryption/keys.json")), ..options };
        let report = check(&[folder.join("data/n1")], &options, &Run::local()).unwrap();
        assert!(report.body.groups[0].encryption.is_none());
        let left_out = &report.coverage.not_examined;
        assert!(
            left_out.iter().any(|part| part.what.ends_with("which rows and payloads are sealed by which key")),
            "{left_out:?}"
        );
    }
}

#[test]
fn sidecars_and_key_files_of_wrong_shapes_refuse_the_start() {
    let folder = real().root.join("enc-M-nosnap");
    let good = fs::read_to_string(folder.join("encryption/keys.json")).unwrap();
    let refusal = |sidecar: &[u8], kek: &[u8], mode: u32| {
        let keep = tempfile::tempdir().unwrap();
        let (sidecar_path, kek_path) = (keep.path().join("keys.json"), keep.path().join("kek.bin"));
        fs::write(&sidecar_path, sidecar).unwrap();
        fs::write(&kek_path, kek).unwrap();
        fs::set_permissions(&kek_path, fs::Permissions::from_mode(mode)).unwrap();
        let options = GateOptions {
            engine: Some(ServerVersion::Main),
            sidecar: Some(sidecar_path),
            kek: Some(kek_path),
            ..GateOptions::default()
        };
        let report = forecast(options, &folder.join("data/n1"));
        let group = &report["groups"][0];
        (group["outcome"].as_str().unwrap().to_owned(), group["abort"]["error"].as_str().unwrap_or_default().to_owned())
    };
    let kek = fs::read(folder.join("kek.bin")).unwrap();
    let abort = |error: &str| ("abort".to_owned(), error.to_owned());
    assert_eq!(refusal(good.as_bytes(), &kek, 0o600).0, "skip");
    assert_eq!(refusal(good.as_bytes(), &kek, 0o644), abort("ErrInsecureKEKFile"));
    assert_eq!(refusal(good.as_bytes(), &[kek.as_slice(), b"\n"].concat(), 0o600), abort("kek: file"));
    assert_eq!(refusal(good.as_bytes(), &[7; 32], 0o600), abort("ErrKEKMismatch"));
    assert_eq!(refusal(b"", &kek, 0o600), abort("encryption: parse sidecar"));
    let changed = |from: &str, to: &str| refusal(good.replace(from, to).as_bytes(), &kek, 0o600);
    assert_eq!(changed("\"version\": 2", "\"version\": 3"), abort("ErrSidecarVersion"));
    assert_eq!(changed("\"local_epoch\": 0", "\"local_epoch\": 65535"), abort("ErrLocalEpochExhausted"));
    assert_eq!(changed("\"storage\": 1", "\"storage\": 9"), abort("ErrSidecarActiveKeyMissing"));
    let no_raft_key = good.replace("\"raft\": 2", "\"raft\": 0").replace("cutover_index\": 0", "cutover_index\": 700");
    assert_eq!(
        refusal(no_raft_key.as_bytes(), &kek, 0o600),
        abort("encryption: active raft envelope sidecar requires active raft DEK")
    );
    // A cut or changed wrapped key never opens.
    let wrapped = good.split("\"wrapped\": \"").nth(1).unwrap().split('"').next().unwrap();
    for at in (0..wrapped.len()).step_by(9) {
        let other = if wrapped.as_bytes()[at] == b'A' { 'B' } else { 'A' };
        let damaged = format!("{}{other}{}", &wrapped[..at], &wrapped[at + 1..]);
        assert_eq!(changed(wrapped, &damaged), abort("ErrKEKMismatch"), "character {at}");
    }
}

fn run(folder: &Path, kek: &Path, command: &str) -> Output {
    Command::new(assert_cmd::cargo::cargo_bin("ekv-tool"))
        .current_dir(folder)
        .args(command.split_whitespace())
        .args(["--sidecar", "encryption/keys.json", "--kek"])
        .arg(kek)
        .output()
        .unwrap()
}

fn rows(output: &Output, kind: &str) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["type"] == kind).collect()
}

/// The log and the store of a real node, opened: what was sealed says what it is, and is kept out of what is passed on.
#[test]
fn what_is_sealed_is_shown_with_its_keys_and_kept_out_of_files() {
    let folder = real().root.join("enc-M-raft-nosnap");
    let keep = tempfile::tempdir().unwrap();
    let kek = kek_copy(&folder.join("kek.bin"), &keep);
    let entries = rows(&run(&folder, &kek, "wal dump --format ndjson data/n1"), "entry");
    let sealed: Vec<_> = entries.iter().filter(|entry| entry["sealed"].is_object()).collect();
    assert!(!sealed.is_empty() && sealed.iter().all(|entry| entry["sealed"]["opened"] == true && entry["class"] != "sealed"));
    assert!(entries.iter().all(|entry| entry["class"] != "sealed" && entry["class"] != "unknown"));

    let stat: Value = serde_json::from_slice(&run(&folder, &kek, "wal stat --format json data/n1").stdout).unwrap();
    assert_eq!(stat["log"]["classes"]["sealed"].as_u64().unwrap_or(0), 0);

    let stored = rows(&run(&folder, &kek, "store scan --format ndjson data/n1"), "row");
    let opened: Vec<_> = stored.iter().filter(|row| row["sealed"] == true).collect();
    assert!(
        !opened.is_empty() && opened.iter().all(|row| row["opened"] == true && (row["value"] != "" || row["value_bytes"] == 0))
    );

    // A row that holds something, looked up alone.
    let row = opened.iter().find(|row| row["value_bytes"].as_u64().unwrap() > 6).unwrap();
    let (key, value) = (row["key"].as_str().unwrap(), row["value"].as_str().unwrap());
    assert!(!key.contains(' '), "{key}");
    let get = |more: &str| String::from_utf8(run(&folder, &kek, &format!("store get {more} data/n1 {key}")).stdout).unwrap();
    assert!(get("--format json").contains("\"opened\": true"));
    let shown = get("");
    assert!(shown.contains("yes, and opened") && shown.contains(&value[..6]), "{shown}");
    let hidden = get("--format markdown");
    assert!(hidden.contains("--show-values") && !hidden.contains(value), "{hidden}");
    assert!(get("--format markdown --show-values").contains(&value[..6]));

    let file = keep.path().join("rows.json");
    let output = run(&folder, &kek, &format!("store scan --format ndjson --output {} data/n1", file.display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let written: Vec<Value> = fs::read_to_string(&file).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let sealed = written.iter().filter(|row| row["sealed"] == true);
    assert!(sealed.clone().count() > 0 && sealed.clone().all(|row| row["opened"] == true && row["value"] == ""));

    // One entry, field by field.
    let index = entries.iter().find(|entry| entry["sealed"].is_object() && entry["requests"].is_u64()).unwrap()["index"].clone();
    let show = |more: &str| String::from_utf8(run(&folder, &kek, &format!("wal show {more} {index} data/n1")).stdout).unwrap();
    assert!(show("").contains("opened") && show("").contains("counter"), "{}", show(""));
    assert!(show("--format markdown").contains("--show-values shows them"));
}

/// Keys that do not fit are refused before anything is looked at.
#[test]
fn keys_that_open_nothing_are_refused() {
    let folder = real().root.join("enc-M-nosnap");
    let keep = tempfile::tempdir().unwrap();
    let wrong = keep.path().join("wrong.bin");
    fs::write(&wrong, [7; 32]).unwrap();
    fs::set_permissions(&wrong, fs::Permissions::from_mode(0o600)).unwrap();
    for command in ["wal dump data/n1", "wal stat data/n1", "store scan data/n1", "store get data/n1 k"] {
        let output = run(&folder, &wrong, command);
        assert_eq!(output.status.code(), Some(1), "{command}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("does not open key 1"), "{command}: {said}");
    }
}

/// What a key looks like when it leaks.
fn faces(key: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = key.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let list: Vec<_> = key.iter().map(ToString::to_string).collect();
    let base64 = base64(key);
    // Half a key is a leak too.
    vec![
        key[..8].to_vec(),
        key[24..].to_vec(),
        hex.as_bytes()[..16].to_vec(),
        hex.as_bytes()[48..].to_vec(),
        hex[..16].to_uppercase().into_bytes(),
        base64.as_bytes()[..12].to_vec(),
        list[..5].join(", ").into_bytes(),
        list[..5].join(",").into_bytes(),
    ]
}

fn keys_of(folder: &Path) -> Vec<Vec<u8>> {
    let deks: Value = serde_json::from_slice(&fs::read(folder.join("deks.json")).unwrap()).unwrap();
    let unhex = |text: &str| (0..32).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect();
    let mut keys = vec![fs::read(folder.join("kek.bin")).unwrap()];
    keys.extend(deks.as_object().unwrap().values().map(|key| unhex(key.as_str().unwrap())));
    keys
}

fn leaks(output: &Output, keys: &[Vec<u8>]) -> bool {
    let written = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    keys.iter().flat_map(|key| faces(key)).any(|face| written.windows(face.len()).any(|window| window == face))
}

#[test]
fn no_command_shows_a_byte_of_a_key() {
    for name in ["enc-M", "enc-M-raft-nosnap"] {
        let folder = real().root.join(name);
        let keys = keys_of(&folder);
        let keep = tempfile::tempdir().unwrap();
        let kek = kek_copy(&folder.join("kek.bin"), &keep);
        let wrong = keep.path().join("wrong.bin");
        fs::write(&wrong, [keys[0].as_slice(), b"\n"].concat()).unwrap();
        let (kek, wrong) = (kek.display().to_string(), wrong.display().to_string());
        let with_keys = format!("--sidecar encryption/keys.json --kek {kek}");
        let commands = [
            format!("gate-dryrun --plan {with_keys} data/n1"),
            format!("gate-dryrun --sidecar encryption/keys.json --kek {wrong} data/n1"),
            format!("gate-dryrun --sidecar {kek} --kek {kek} data/n1"),
            format!("gate-dryrun --sidecar deks.json --kek {kek} data/n1"),
            "gate-dryrun --sidecar encryption/keys.json --kek deks.json data/n1".to_owned(),
            "gate-dryrun --sidecar encryption/keys.json data/n1".to_owned(),
            "gate-dryrun data/n1".to_owned(),
            "check data/n1".to_owned(),
            format!("check {with_keys} data/n1"),
            format!("wal dump {with_keys} data/n1"),
            format!("wal stat {with_keys} data/n1"),
            format!("wal show {with_keys} 900 data/n1"),
            format!("store scan {with_keys} data/n1"),
            format!("wal dump --sidecar encryption/keys.json --kek {wrong} data/n1"),
            format!("wal dump --sidecar {kek} --kek {kek} data/n1"),
            "inspect data/n1".to_owned(),
            "inspect encryption/keys.json".to_owned(),
            "inspect kek.bin".to_owned(),
            "inspect --show-bytes kek.bin".to_owned(),
            format!("inspect --show-bytes {wrong}"),
            format!("verify-snapshot --deep {with_keys} data/n1"),
            format!("snapshot stat {with_keys} data/n1"),
            format!("compare {with_keys} data/n1 data/n1"),
            "inspect deks.json".to_owned(),
            "verify-snapshot kek.bin".to_owned(),
            "wal dump data/n1".to_owned(),
            "wal show 765 data/n1".to_owned(),
            "store scan data/n1/fsm.db".to_owned(),
        ];
        for command in commands {
            // Rows are written alike in both.
            let both = !command.starts_with("wal dump") && !command.starts_with("store scan") && !command.starts_with("check");
            for format in ["json", "markdown"].into_iter().take(if both { 2 } else { 1 }) {
                let output = Command::new(assert_cmd::cargo::cargo_bin("ekv-tool"))
                    .current_dir(&folder)
                    .args(command.split(' '))
                    .args(["--format", format])
                    .output()
                    .unwrap();
                assert!(!leaks(&output, &keys), "{name}: {command} --format {format}");
            }
        }
    }
}
