//! The command as an operator meets it.

use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::{Command, Output};

use ekv_tool::analysis::facts::Document;
use serde_json::Value;

use crate::support::diverging::{LAST, Node};
use crate::support::recorded::real;
use crate::support::tree::copy_tree;

fn tool(dir: &Path, args: &[&str]) -> Output {
    Command::new(assert_cmd::cargo::cargo_bin("ekv-tool")).current_dir(dir).args(args).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Three nodes in `data`, as on three machines.
fn nodes() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("data");
    std::fs::create_dir(&data).unwrap();
    for name in ["n1", "n2", "n3"] {
        Node::new(name, LAST).write(&data);
    }
    root
}

#[test]
fn facts_are_collected_and_compared() {
    let root = nodes();
    for name in ["n1", "n2"] {
        let file = format!("{name}.facts");
        let output = tool(root.path(), &["facts", &format!("data/{name}"), "-o", &file]);
        assert_eq!((output.status.code(), said(&output).as_str()), (Some(0), ""));
    }
    // On standard output it is the same.
    let piped = tool(root.path(), &["facts", "data/n3"]);
    std::fs::write(root.path().join("n3.facts"), &piped.stdout).unwrap();
    let output = tool(root.path(), &["compare", "n1.facts", "n2.facts", "n3.facts"]);
    let text = said(&output);
    assert!(text.starts_with("CLEAN    one group on 3 nodes, committed up to 9: the logs and the stores agree"), "{text}");
    assert!(text.contains("Told by files of facts") && !text.contains("Next:"), "{text}");
    let mixed = said(&tool(root.path(), &["compare", "n1.facts", "data/n2", "n3.facts"]));
    // n2 is the first to be restarted, and n1, which leads, the last.
    assert!(mixed.starts_with("CLEAN") && mixed.contains("Next: ekv-tool gate-dryrun data/n2"), "{mixed}");
    // A summary for people is no file of facts, and neither is one that was written again.
    let summary = tool(root.path(), &["facts", "--format", "table", "data/n1"]);
    assert!(said(&summary).starts_with("CLEAN    the facts of 1 group"), "{}", said(&summary));
    std::fs::write(root.path().join("table"), summary.stdout).unwrap();
    for (args, expected) in [
        (["compare", "table", "n2.facts"], "is neither a directory nor a file of facts; name"),
        (["compare", "n1.facts", "n1.facts"], "one directory has nothing to be compared with"),
    ] {
        let output = tool(root.path(), &args);
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains(expected), "{}", said(&output));
    }
}

#[test]
fn facts_say_whether_they_are_of_single_groups() {
    let root = nodes();
    let of = |dirs: &[&str]| {
        let output = tool(root.path(), &[&["facts", "--fast"], dirs].concat());
        Document::decode(&output.stdout).unwrap().single_groups
    };
    assert_eq!(of(&["data"]), Some(false));
    // A node's own directory that is a group's stands for that group alone.
    assert_eq!((of(&["data/n1"]), of(&["data/n1", "data/n2"])), (Some(true), Some(true)));
    assert_eq!((of(&["data/n1", "data"]), of(&["data/n1", "data/./n1"])), (Some(false), Some(true)));
}

#[test]
fn a_report_is_never_written_over_what_is_read() {
    let root = nodes();
    for name in ["n1", "n2"] {
        tool(root.path(), &["facts", &format!("data/{name}"), "-o", &format!("{name}.facts")]);
    }
    let before = std::fs::read(root.path().join("n1.facts")).unwrap();
    std::fs::hard_link(root.path().join("n1.facts"), root.path().join("link")).unwrap();
    for target in ["n1.facts", "./n1.facts", "link"] {
        let output = tool(root.path(), &["compare", "n1.facts", "n2.facts", "-o", target]);
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains("which is read; name another file"), "{}", said(&output));
    }
    assert_eq!(std::fs::read(root.path().join("n1.facts")).unwrap(), before);
    // Beside them there is room.
    assert_eq!(tool(root.path(), &["compare", "n1.facts", "n2.facts", "-o", "report"]).status.code(), Some(0));
    let refused = tool(root.path(), &["facts", "data/n1", "-o", "data/n1/n1.facts"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(!root.path().join("data/n1/n1.facts").exists());
}

#[test]
fn a_salt_is_a_secret_of_a_file() {
    let root = nodes();
    std::fs::write(root.path().join("salt"), "a long text\n").unwrap();
    std::fs::write(root.path().join("empty"), "\n").unwrap();
    for name in ["n1", "n2"] {
        tool(root.path(), &["facts", "--salt", "salt", &format!("data/{name}"), "-o", &format!("{name}.facts")]);
    }
    let text = std::fs::read_to_string(root.path().join("n1.facts")).unwrap();
    assert!(!text.contains("a long text"));
    assert_eq!(tool(root.path(), &["compare", "n1.facts", "n2.facts"]).status.code(), Some(0));
    assert_eq!(tool(root.path(), &["compare", "n1.facts", "data/n2"]).status.code(), Some(3));
    assert_eq!(tool(root.path(), &["compare", "--salt", "salt", "n1.facts", "data/n2"]).status.code(), Some(0));
    for file in ["empty", "nowhere"] {
        let output = tool(root.path(), &["facts", "--salt", file, "data/n1", "--format", "table"]);
        assert!(output.status.code() == Some(1) && said(&output).contains("--salt"), "{}", said(&output));
    }
}

/// A start would read the payload, and `gate-dryrun` refuses for it.
#[test]
fn a_large_payload_is_read_unless_the_caller_is_in_a_hurry() {
    let root = tempfile::tempdir().unwrap();
    let from = real().root.join("three-M");
    for name in ["n1", "n2", "n3"] {
        copy_tree(&from.join(name), &root.path().join(name));
    }
    // Without a store it is restored.
    std::fs::remove_dir_all(root.path().join("n1/fsm.db")).unwrap();
    let path = root.path().join("n1/fsm-snap/000000000000070a.fsm");
    let footer = std::fs::read(&path).unwrap().last_chunk::<4>().copied().unwrap();
    let file = std::fs::OpenOptions::new().write(true).truncate(true).open(&path).unwrap();
    file.write_all_at(&footer, (64 << 20) + 100).unwrap();
    let json = |args: &[&str]| -> Value { serde_json::from_slice(&tool(root.path(), args).stdout).unwrap() };
    let codes = |report: &Value| -> Vec<String> {
        let all = report["findings"].as_array().unwrap().iter();
        all.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
    };
    let leaves_out = |report: &Value| report["coverage"].to_string().contains("above 64.0 MiB");
    let gate = json(&["gate-dryrun", "n1", "--format", "json"]);
    assert!(codes(&gate).contains(&"start-refused".to_owned()), "{gate:#}");
    let compared = json(&["compare", "n1", "n2", "n3", "--format", "json"]);
    assert!(codes(&compared).contains(&"start-refused".to_owned()) && !leaves_out(&compared), "{compared:#}");
    let order = compared["groups"][0]["restart_order"].to_string();
    assert!(!order.contains("n1"), "{compared:#}");
    let quick = json(&["compare", "n1", "n2", "n3", "--fast", "--format", "json"]);
    assert!(!codes(&quick).contains(&"start-refused".to_owned()) && leaves_out(&quick), "{quick:#}");
    for (options, is_fast) in [(&["facts", "n1"][..], false), (&["facts", "n1", "--fast"], true)] {
        let facts = json(options);
        assert_eq!(codes(&facts).contains(&"start-refused".to_owned()), !is_fast, "{facts:#}");
        let forecast = &facts["forecasts"][0];
        assert_eq!(forecast["outcome"] == "abort", !is_fast, "{forecast:#}");
    }
}

/// What the comparison of a file of facts would say of the node by itself, the file says as well.
#[test]
fn facts_in_a_hurry_are_not_clean_where_the_start_in_them_is_refused() {
    let root = tempfile::tempdir().unwrap();
    copy_tree(&real().root.join("groups-P/n1"), &root.path().join("n1"));
    let path = root.path().join("n1/group-1/fsm-snap/00000000000002bd.fsm");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[30] ^= 1;
    std::fs::write(path, bytes).unwrap();
    let output = tool(root.path(), &["facts", "n1", "--fast"]);
    let facts: Value = serde_json::from_slice(&output.stdout).unwrap();
    let refused = facts["groups"].as_array().unwrap().iter().filter(|group| group["start"]["outcome"] == "refused");
    assert_eq!((output.status.code(), facts["verdict"].as_str(), refused.count()), (Some(2), Some("damaged"), 1), "{facts:#}");
    let forecast = facts["forecasts"].as_array().unwrap().iter().find(|of| of["group_id"] == 1).unwrap();
    assert_eq!(forecast["outcome"], "abort");
    let said: Vec<_> = facts["findings"].as_array().unwrap().iter().filter(|of| of["code"] == "start-refused").collect();
    assert_eq!(said.len(), 1, "{facts:#}");
}
