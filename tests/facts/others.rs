//! Facts of nodes of other engines: `compare` says the same of them as of the directories, and they hold no addresses and no payloads.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ekv_tool::Run;
use ekv_tool::analysis::facts::{Document, Engine};
use ekv_tool::formats::facts::Salt;
use ekv_tool::ops::FactsOptions;
use ekv_tool::ops::etcd::{EtcdCopy, etcd_check, etcd_compare_told, etcd_facts, etcd_places};
use ekv_tool::ops::hraft::{HashiPlace, hashicorp_check, hashicorp_compare_told, hashicorp_facts};
use ekv_tool::readers::Local;
use ekv_tool::report::{Body, OutputFormat, Report, Style, render};
use serde_json::{Value, json};

use super::input::{closed, numbers};
use crate::support::log_writer::LogWriter;
use crate::support::recorded::{etcd, hashi};
use crate::support::tree::copy_tree;

fn bytes_of<B: Body>(report: &Report<B>) -> Vec<u8> {
    let mut bytes = Vec::new();
    render(report, OutputFormat::Json, Style::default(), &mut bytes).unwrap();
    bytes
}

fn hashi_facts(dir: &Path, salt: Salt) -> Vec<u8> {
    bytes_of(&hashicorp_facts(&[dir.to_owned()], &FactsOptions { fast: false, salt }, &Run::local()).unwrap())
}

fn etcd_facts_of(dir: &Path, salt: Salt) -> Vec<u8> {
    let found = etcd_places(&[dir.to_owned()], &Local).unwrap();
    bytes_of(&etcd_facts(&found, &FactsOptions { fast: false, salt }, &Run::local()).unwrap())
}

/// An address of the fixtures in a text.
fn address(text: &str) -> Option<std::ops::Range<usize>> {
    let at = text.find("127.0.0.1:")?;
    let digits = text[at + 10..].bytes().take_while(u8::is_ascii_digit).count();
    Some(at..at + 10 + digits)
}

/// Takes out what facts do not have: addresses, and what is only said of members that are read.
fn strip(value: &mut Value) {
    match value {
        Value::String(text) => {
            while let Some(place) = address(text) {
                text.replace_range(place, "(address)");
            }
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::Object(members) => {
            for name in ["address", "taken", "run", "buckets", "snapshots"] {
                members.remove(name);
            }
            // These show a key, or a sum over contents.
            if ["hraft-key-odd", "raftwal-checkpoint-mismatch"].iter().any(|code| members.get("code") == Some(&json!(code))) {
                for name in ["message", "expected", "found"] {
                    members[name] = Value::Null;
                }
            }
            members.values_mut().for_each(strip);
        }
        _ => {}
    }
}

fn said<B: Body>(report: &Report<B>) -> Value {
    let mut value = serde_json::to_value(report).unwrap();
    strip(&mut value);
    let coverage = value["coverage"].as_object_mut().unwrap();
    coverage.remove("files");
    coverage.remove("bytes_examined");
    let parts = coverage["not_examined"].as_array_mut().unwrap();
    // The key is left out of facts, and a time that passes is told.
    parts.retain(|part| !part["what"].as_str().unwrap().contains(" did after "));
    for part in parts.iter_mut() {
        let what = part["what"].as_str().unwrap();
        part["what"] = what.split("keys behind ").next().unwrap().into();
    }
    parts.sort_by_key(Value::to_string);
    value
}

/// Facts of each directory, and what is said of them in three mixes.
fn alike(
    name: &str,
    dirs: &[PathBuf],
    take: impl Fn(&Path) -> Vec<u8>,
    compare: impl Fn(&[(PathBuf, bool)]) -> Option<Value>,
) -> usize {
    let root = tempfile::tempdir().unwrap();
    let files: Vec<_> = (0..dirs.len()).map(|number| root.path().join(format!("{number}.facts"))).collect();
    for (dir, file) in dirs.iter().zip(&files) {
        std::fs::write(file, take(dir)).unwrap();
    }
    let mix = |is_file: &dyn Fn(usize) -> bool| {
        let pick = |number: usize| {
            if is_file(number) { (files[number].clone(), true) } else { (dirs[number].clone(), false) }
        };
        compare(&(0..dirs.len()).map(pick).collect::<Vec<_>>())
    };
    let Some(read) = mix(&|_| false) else { return 0 };
    for (how, told) in [
        ("facts", mix(&|_| true)),
        ("the first is read", mix(&|at| at > 0)),
        ("the last is read", mix(&|at| at + 1 < dirs.len())),
    ] {
        let told = told.unwrap();
        for member in ["verdict", "findings", "coverage", "nodes", "members"] {
            assert_eq!(told[member], read[member], "{name}, {how}: {member}");
        }
    }
    1
}

fn hashi_compare(places: &[(PathBuf, bool)], salt: Salt) -> Option<Value> {
    let place = |(path, is_file): &(PathBuf, bool)| {
        if *is_file { HashiPlace::File(path.clone()) } else { HashiPlace::Dir(path.clone()) }
    };
    let places: Vec<_> = places.iter().map(place).collect();
    hashicorp_compare_told(&places, &salt, &Run::local()).ok().map(|report| said(&report))
}

fn etcd_compare(places: &[(PathBuf, bool)], salt: Salt) -> Option<Value> {
    let mut copies = Vec::new();
    for (path, is_file) in places {
        if *is_file {
            copies.push(EtcdCopy::File(path.clone()));
        } else {
            copies.extend(etcd_places(std::slice::from_ref(path), &Local).unwrap().places.into_iter().map(EtcdCopy::Dir));
        }
    }
    etcd_compare_told(&copies, &[], &salt, &Run::local()).ok().map(|report| said(&report))
}

/// Every recorded set of several nodes, healthy and damaged.
#[test]
fn nodes_of_hashicorp_are_told_alike() {
    let (mut sets, mut told) = (0, 0);
    for (number, (name, case)) in hashi().expected.iter().enumerate() {
        let dirs: Vec<_> = case["nodes"].as_object().unwrap().keys().map(|at| hashi().root.join(name).join(at)).collect();
        if dirs.len() < 2 {
            continue;
        }
        let salt = if number % 2 == 0 { Salt::default() } else { Salt::of(b"secret") };
        sets += 1;
        told += alike(name, &dirs, |dir| hashi_facts(dir, salt), |places| hashi_compare(places, salt));
    }
    assert!(sets >= 6 && told == sets, "{told} of {sets}");
}

/// Nodes of one place in different sets: copies of one member, and strangers.
#[test]
fn nodes_of_hashicorp_that_do_not_belong_together_are_told_alike() {
    let all: Vec<_> = hashi().expected.keys().map(|name| hashi().root.join(name).join("n1")).filter(|dir| dir.is_dir()).collect();
    let (mut sets, mut damaged) = (0, 0);
    for pair in all.chunks_exact(2) {
        let salt = Salt::default();
        sets += alike(&format!("{pair:?}"), pair, |dir| hashi_facts(dir, salt), |places| hashi_compare(places, salt));
        let read = hashi_compare(&[(pair[0].clone(), false), (pair[1].clone(), false)], salt);
        damaged += usize::from(read.is_some_and(|read| read["verdict"] == "damaged"));
    }
    assert!(sets > 30 && damaged > 10, "{sets} {damaged}");
}

/// What `check` says of a node its facts say as well.
#[test]
fn facts_of_hashicorp_are_judged_as_check_judges() {
    let mut seen = std::collections::BTreeSet::new();
    for (name, case) in &hashi().expected {
        for at in case["nodes"].as_object().unwrap().keys() {
            let dir = [hashi().root.join(name).join(at)];
            let Ok(checked) = hashicorp_check(&dir, None, None, &Run::local()) else { continue };
            let facts = hashicorp_facts(&dir, &FactsOptions::default(), &Run::local()).unwrap();
            assert_eq!(facts.verdict, checked.verdict, "{name}/{at}");
            let codes = |findings: &[ekv_tool::analysis::Finding]| -> Vec<_> {
                findings.iter().map(|finding| (finding.code.code, finding.severity)).collect()
            };
            assert_eq!(codes(&facts.findings), codes(&checked.findings), "{name}/{at}");
            seen.insert(facts.verdict.name());
            let bytes = bytes_of(&facts);
            let text = String::from_utf8(bytes.clone()).unwrap();
            // A membership of the old form has addresses in the place of ids.
            if !text.contains("\"id\": \"127.0.0.1:") {
                assert_eq!(address(&text).map(|at| text[at].to_owned()), None, "{name}/{at}");
            }
            let document = Document::decode(&bytes).unwrap_or_else(|error| panic!("{name}/{at}: {error:?}"));
            assert_eq!((document.engine(), document.hashicorp.len()), (Engine::Hashicorp, 1));
        }
    }
    assert!(seen.contains("clean") && seen.contains("damaged"), "{seen:?}");
}

/// A request that puts `value` under `key`.
fn put(key: &[u8], value: &[u8]) -> Vec<u8> {
    let field = |number: u8, bytes: &[u8]| [&[number << 3 | 2, u8::try_from(bytes.len()).unwrap()], bytes].concat();
    field(4, &[field(1, key), field(2, value)].concat())
}

/// A member of which the log holds one request.
fn member(root: &Path, name: &str, id: u64, cluster: u64, value: &[u8], commit: u64) -> PathBuf {
    let mut log = LogWriter::of_etcd(id, cluster);
    log.typed_entry(0, 1, 1, b"").typed_entry(0, 2, 1, &put(b"secret key", value)).state(1, 7, commit);
    let dir = root.join(name);
    std::fs::create_dir_all(dir.join("member/wal")).unwrap();
    std::fs::create_dir_all(dir.join("member/snap")).unwrap();
    for (name, bytes) in log.files() {
        std::fs::write(dir.join("member/wal").join(name), bytes).unwrap();
    }
    dir
}

#[test]
fn members_of_etcd_are_told_alike() {
    let root = tempfile::tempdir().unwrap();
    let recorded = |names: &[&str]| -> Vec<PathBuf> { names.iter().map(|name| etcd().root.join(name)).collect() };
    copy_tree(&etcd().root.join("a"), &root.path().join("copy"));
    let made = |name: &str, id, cluster, value: &[u8], commit| member(root.path(), name, id, cluster, value, commit);
    let sets = [
        ("clean", recorded(&["a", "b", "c"])),
        ("damaged", recorded(&["a", "one"])),
        ("damaged", vec![etcd().root.join("a"), root.path().join("copy")]),
        ("damaged", vec![made("x", 7, 9, b"one", 2), made("y", 8, 9, b"two", 2)]),
        ("damaged", vec![made("v", 7, 9, b"one", 1), made("w", 8, 9, b"two", 1)]),
        ("clean", vec![made("s", 7, 9, b"one", 2), made("t", 8, 9, b"one", 2), made("u", 5, 9, b"one", 1)]),
    ];
    for (number, (verdict, dirs)) in sets.iter().enumerate() {
        let salt = if number % 2 == 0 { Salt::default() } else { Salt::of(b"secret") };
        let all: Vec<_> = dirs.iter().map(|dir| (dir.clone(), false)).collect();
        let found = etcd_compare(&all, salt).unwrap();
        if *verdict == "damaged" {
            assert_eq!(found["verdict"], *verdict, "{dirs:?}: {}", found["findings"]);
        }
        let name = format!("{dirs:?}");
        assert_eq!(alike(&name, dirs, |dir| etcd_facts_of(dir, salt), |places| etcd_compare(places, salt)), 1);
        for dir in dirs {
            let places = etcd_places(std::slice::from_ref(dir), &Local).unwrap();
            let checked = etcd_check(&places, None, &Run::local()).unwrap();
            let facts = etcd_facts(&places, &FactsOptions::default(), &Run::local()).unwrap();
            assert_eq!((facts.verdict, facts.findings.len()), (checked.verdict, checked.findings.len()), "{}", dir.display());
            let bytes = bytes_of(&facts);
            assert!(!String::from_utf8_lossy(&bytes).contains("secret key"));
            assert_eq!(Document::decode(&bytes).unwrap().engine(), Engine::Etcd);
        }
    }
}

/// Sums with different salts tell nothing, and that is not clean.
#[test]
fn facts_with_different_salts_are_not_clean() {
    let root = tempfile::tempdir().unwrap();
    let files = ["1.facts", "2.facts", "3.facts"].map(|name| root.path().join(name));
    for (number, file) in files.iter().enumerate() {
        let dir = hashi().root.join("h10-install").join(format!("n{}", number + 1));
        let salt = if number == 0 { Salt::of(b"another") } else { Salt::of(b"one") };
        std::fs::write(file, hashi_facts(&dir, salt)).unwrap();
    }
    let places: Vec<_> = files.iter().map(|file| (file.clone(), true)).collect();
    let told = hashi_compare(&places, Salt::default()).unwrap();
    assert_eq!((&told["verdict"], &told["findings"]), (&json!("unknown"), &json!([])), "{told:#}");
    let told = hashi_compare(&places[1..], Salt::default()).unwrap();
    assert_eq!((&told["verdict"], &told["findings"]), (&json!("clean"), &json!([])), "{told:#}");
    let files = ["4.facts", "5.facts"].map(|name| root.path().join(name));
    std::fs::write(&files[0], etcd_facts_of(&etcd().root.join("a"), Salt::of(b"another"))).unwrap();
    std::fs::write(&files[1], etcd_facts_of(&etcd().root.join("b"), Salt::of(b"one"))).unwrap();
    let told = etcd_compare(&files.map(|file| (file, true)), Salt::default()).unwrap();
    assert_eq!((&told["verdict"], &told["findings"]), (&json!("unknown"), &json!([])), "{told:#}");
}

/// The checksum tells damage, not lies: whatever the numbers are, there is an answer or an error.
#[test]
fn no_number_in_facts_of_others_brings_the_program_down() {
    let root = tempfile::tempdir().unwrap();
    let files = ["1.facts", "2.facts"].map(|name| root.path().join(name));
    let salt = Salt::default();
    for member in ["hashicorp", "etcd"] {
        let is_etcd = member == "etcd";
        let (first, second) = if is_etcd {
            (etcd_facts_of(&etcd().root.join("a"), salt), etcd_facts_of(&etcd().root.join("b"), salt))
        } else {
            let node = |at: &str| hashi_facts(&hashi().root.join("h04-three-snaps").join(at), salt);
            (node("n1"), node("n2"))
        };
        std::fs::write(&files[1], second).unwrap();
        let ask = |bytes: &[u8]| {
            std::fs::write(&files[0], bytes).unwrap();
            let places = files.each_ref().map(|file| (file.clone(), true));
            if is_etcd { etcd_compare(&places, salt) } else { hashi_compare(&places, salt) }
        };
        let value: Value = serde_json::from_slice(&first).unwrap();
        assert_eq!(ask(&closed(&value)).unwrap()["verdict"], json!("clean"));
        let mut count = 0;
        numbers(&mut value[member].clone(), &mut count, usize::MAX, 0);
        assert!(count > 20, "{count}");
        for wanted in 0..count {
            for put in [0, 1, u64::MAX - 1, u64::MAX] {
                let mut changed = value.clone();
                numbers(&mut changed[member], &mut 0, wanted, put);
                let _ = ask(&closed(&changed));
            }
        }
        for len in (0..first.len() - 1).step_by(37) {
            assert!(Document::decode(&first[..len]).is_err(), "{len}");
        }
        // Nodes of two kinds in one file.
        let mut both = value.clone();
        both["groups"] = json!([]);
        both[if is_etcd { "hashicorp" } else { "etcd" }] = json!([{}]);
        assert!(Document::decode(&closed(&both)).is_err());
        let mut sums = value;
        let log = if is_etcd { "sums" } else { "log" };
        sums[member][0][log]["sums"] = json!("0123456789abcdef");
        assert!(Document::decode(&closed(&sums)).is_err());
    }
}

fn tool(dir: &Path, args: &[&str]) -> Output {
    Command::new(assert_cmd::cargo::cargo_bin("ekv-tool")).current_dir(dir).args(args).output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The command as an operator meets it.
#[test]
fn facts_of_others_are_collected_and_compared() {
    let root = tempfile::tempdir().unwrap();
    for name in ["n1", "n2", "n3"] {
        let dir = hashi().root.join("h10-install").join(name);
        let output = tool(root.path(), &["facts", dir.to_str().unwrap(), "-o", &format!("{name}.facts")]);
        assert_eq!((output.status.code(), text(&output).as_str()), (Some(0), ""));
    }
    let a = etcd().root.join("a");
    tool(root.path(), &["facts", a.to_str().unwrap(), "-o", "a.facts"]);
    let compared = tool(root.path(), &["compare", "n1.facts", "n2.facts", "n3.facts"]);
    let said = text(&compared);
    assert!(compared.status.code() == Some(0) && said.starts_with("CLEAN    3 nodes of hashicorp/raft: 0 errors"), "{said}");
    assert!(said.contains("Told by files of facts") && said.contains("n2.facts"), "{said}");
    let n3 = hashi().root.join("h10-install/n3");
    let mixed = tool(root.path(), &["compare", "n1.facts", "n2.facts", n3.to_str().unwrap()]);
    assert_eq!(mixed.status.code(), Some(0), "{}", text(&mixed));
    let b = etcd().root.join("b");
    let members = text(&tool(root.path(), &["compare", "a.facts", b.to_str().unwrap()]));
    assert!(members.starts_with("CLEAN    2 members of etcd: the logs agree"), "{members}");
    assert!(members.contains("Told by files of facts") && members.contains("a.facts"), "{members}");
    let summary = text(&tool(root.path(), &["facts", "--format", "table", n3.to_str().unwrap()]));
    assert!(summary.starts_with("CLEAN    the facts of 1 node of hashicorp/raft"), "{summary}");
    let summary = text(&tool(root.path(), &["facts", "--format", "table", a.to_str().unwrap()]));
    assert!(summary.contains("the facts of 1 member of etcd"), "{summary}");
    for (args, expected) in [
        (
            ["compare", "n1.facts", "a.facts"],
            "a.facts has facts of etcd, and n1.facts is of hashicorp/raft; name nodes of one kind",
        ),
        (["compare", a.to_str().unwrap(), "n1.facts"], "n1.facts has facts of hashicorp/raft, and "),
        (["compare", "n1.facts", "n1.facts"], "name the directories of at least two nodes"),
        (["compare", "a.facts", "a.facts"], "one directory has nothing to be compared with"),
        (["compare", "n1.facts", "nowhere"], "nowhere"),
    ] {
        let output = tool(root.path(), &args);
        assert!(output.status.code() == Some(1) && text(&output).contains(expected), "{}", text(&output));
    }
    // A file that is cut off is named, and nothing is clean without it.
    let whole = std::fs::read(root.path().join("n2.facts")).unwrap();
    std::fs::write(root.path().join("cut.facts"), &whole[..whole.len() / 2]).unwrap();
    let output = tool(root.path(), &["compare", "n1.facts", "cut.facts", "n3.facts"]);
    assert!(output.status.code() == Some(3) && text(&output).contains("cut.facts"), "{}", text(&output));
}

/// What a node lacks that was looked at before another was written to, it may have got since.
#[test]
fn a_node_of_hashicorp_that_was_looked_at_earlier_is_not_damaged_for_that() {
    let root = tempfile::tempdir().unwrap();
    let node = |at: &str| -> Value {
        serde_json::from_slice(&hashi_facts(&hashi().root.join("h04-three-snaps").join(at), Salt::default())).unwrap()
    };
    let mut values = ["n1", "n2", "n3"].map(node);
    let committed = values[0]["hashicorp"][0]["snapshots"][0]["index"].as_u64().unwrap();
    for value in &mut values[1..] {
        let facts = &mut value["hashicorp"][0];
        let first = facts["entries"][0]["first"].as_u64().unwrap();
        assert!(first < committed);
        facts["snapshots"] = json!([]);
        facts["start"]["snapshot"] = Value::Null;
        facts["entries"] = json!([{ "first": first, "last": first, "term": facts["entries"][0]["term"] }]);
        facts["last"] = json!({ "index": first, "term": facts["entries"][0]["term"] });
        facts["log"] = json!({ "run_level": 0, "single_from": 0, "sums": facts["log"]["sums"].as_str().unwrap()[..16] });
    }
    let ask = |values: &[Value]| {
        let mut places = Vec::new();
        for (number, value) in values.iter().enumerate() {
            let file = root.path().join(number.to_string());
            std::fs::write(&file, closed(value)).unwrap();
            places.push((file, true));
        }
        hashi_compare(&places, Salt::default()).unwrap()
    };
    let found = ask(&values);
    assert_eq!((&found["verdict"], &found["findings"][0]["code"]), (&json!("damaged"), &json!("cross-under-replicated")));
    let later = values[1]["taken_at_ms"].as_u64().unwrap() + 60_000;
    values[0]["hashicorp"][0]["last_written_ms"] = later.into();
    values[0]["taken_at_ms"] = later.into();
    let found = ask(&values);
    assert_eq!((&found["verdict"], &found["findings"][0]["severity"]), (&json!("unknown"), &json!("info")), "{found:#}");
}
