//! Healthy nodes with less and less memory: what does not fit is not known, and never damage.

use std::process::Command;

use serde_json::Value;

use crate::support::recorded::real;

#[test]
fn healthy_nodes_are_not_damaged_for_want_of_memory() {
    let nodes = ["n1", "n2", "n3"].map(|node| real().root.join("three-M").join(node).display().to_string());
    let [one, other, third] = nodes.each_ref().map(String::as_str);
    let commands: [&[&str]; 5] = [
        &["compare", one, other, third],
        &["store", "diff", one, third],
        &["history", "e:68", one, other],
        &["check", one],
        &["store", "stat", other],
    ];
    let mut unknown = 0;
    for memory in ["100KiB", "150KiB", "600KiB", "1MiB", "1900KiB", "2MiB", "2500KiB", "3MiB", "16MiB"] {
        for command in commands {
            let mut tool = Command::new(assert_cmd::cargo::cargo_bin("ekv-tool"));
            let output = tool.args(command).args(["--memory", memory, "--format", "json"]).output().unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            let report: Value = serde_json::from_str(&said).unwrap();
            let codes: Vec<_> = report["findings"].as_array().into_iter().flatten().map(|finding| &finding["code"]).collect();
            assert_ne!(report["verdict"], "damaged", "{command:?} --memory {memory}: {codes:?}");
            unknown += usize::from(report["verdict"] == "unknown");
        }
    }
    assert!(unknown > 5, "{unknown}");
}
