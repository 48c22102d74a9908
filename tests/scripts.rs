//! The scripts of `docs/pre-deploy.md`, run as they stand there: against a node that is fine, one that is damaged, and one that
//! cannot be read. What they would restart is a line in a file here.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::recorded::real;
use crate::support::tree::copy_tree;

/// A place with nodes of each kind, and programs that stand in for those of a fleet.
struct Scene {
    root: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for node in ["good", "damaged"] {
            copy_tree(&real().root.join("three-M/n1"), &root.path().join("data").join(node).join("n1"));
        }
        copy_tree(&real().root.join("groups-P"), &root.path().join("data/slow"));
        // The last byte of the newest payload is gone, which tells without its body.
        let payload = payload_of(&root.path().join("data/damaged"));
        let file = fs::OpenOptions::new().write(true).open(&payload).unwrap();
        file.set_len(file.metadata().unwrap().len() - 1).unwrap();
        let scene = Self { root };
        fs::create_dir(scene.path("bin")).unwrap();
        std::os::unix::fs::symlink(assert_cmd::cargo::cargo_bin("ekv-tool"), scene.path("bin/ekv-tool")).unwrap();
        // A host's data directory is the one of its name here; nothing else is asked of a host.
        scene.program(
            "ssh",
            "host=$1; shift\ncase $1 in\n  ekv-tool) set -- $(echo \"$*\" | sed \"s|/var/lib/elastickv|$ROOT/data/$host|\"); exec \"$@\" ;;\n  \
             systemctl) echo \"restarted $host\" >> \"$ROOT/restarted\" ;;\n  until*) exit 0 ;;\n  *) exit 255 ;;\nesac\n",
        );
        scene.program("systemctl", "echo \"restarted $*\" >> \"$ROOT/restarted\"\n");
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn program(&self, name: &str, text: &str) {
        let path = self.path("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs a script, and says how it ended.
    fn run(&self, script: &str, args: &[&str]) -> Ended {
        let file = self.path("script");
        fs::write(&file, script).unwrap();
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        let output = Command::new("bash")
            .arg(&file)
            .args(args)
            .current_dir(self.root.path())
            .env("PATH", path)
            .env("ROOT", self.root.path())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let restarted = fs::read_to_string(self.path("restarted")).unwrap_or_default();
        let _ = fs::remove_file(self.path("restarted"));
        Ended { status: output.status.code().unwrap(), stdout: text(&output.stdout), stderr: text(&output.stderr), restarted }
    }
}

#[derive(Debug)]
struct Ended {
    status: i32,
    stdout: String,
    stderr: String,
    restarted: String,
}

fn payload_of(node: &Path) -> PathBuf {
    let mut folders = vec![node.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "fsm") {
                found.push(path);
            }
        }
    }
    found.sort();
    // The newest is the one that a start reads.
    found.pop().unwrap()
}

/// The blocks below a heading of the page.
fn blocks(heading: &str) -> Vec<String> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pre-deploy.md")).unwrap();
    let below = page.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no heading {heading}")).1;
    let below = below.split("\n## ").next().unwrap();
    let mut blocks = Vec::new();
    let mut parts = below.split("```");
    while let (Some(_), Some(block)) = (parts.next(), parts.next()) {
        blocks.push(block.split_once('\n').unwrap().1.to_owned());
    }
    assert!(!blocks.is_empty(), "{heading}");
    blocks
}

fn has(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("skipped: there is no {program}");
    }
    there
}

#[test]
fn one_node_is_restarted_only_when_its_start_is_known_to_be_good() {
    let scene = Scene::new();
    let script = &blocks("One node")[0];
    let good = scene.run(script, &["data/good"]);
    assert_eq!((good.status, good.restarted.as_str()), (0, "restarted restart elastickv\n"), "{good:?}");
    for (node, status) in [("data/damaged", 2), ("data/nowhere", 1)] {
        let ended = scene.run(script, &[node]);
        assert_eq!((ended.status, ended.restarted.as_str()), (status, ""), "{node}: {ended:?}");
        assert!(ended.stderr.contains("do not restart this node"), "{ended:?}");
    }
    assert_ne!(scene.run(script, &[]).status, 0);
}

#[test]
fn a_fleet_stops_at_the_first_node_that_is_not_good() {
    if !has("jq") {
        return;
    }
    let scene = Scene::new();
    let script = &blocks("A fleet over ssh")[0];
    let fine = scene.run(script, &["good"]);
    assert_eq!((fine.status, fine.restarted.as_str()), (0, "restarted good\n"), "{fine:?}");
    let stopped = scene.run(script, &["good", "damaged", "good"]);
    assert_eq!((stopped.status, stopped.restarted.as_str()), (2, "restarted good\n"), "{stopped:?}");
    assert!(stopped.stdout.contains("abort"), "{stopped:?}");
    // Nothing to read, and no way there.
    let nowhere = scene.run(script, &["nowhere", "good"]);
    assert_eq!((nowhere.status, nowhere.restarted.as_str()), (1, ""), "{nowhere:?}");
    assert!(nowhere.stdout.contains("cannot"), "the error is shown: {nowhere:?}");
    scene.program("ssh", "exit 255\n");
    let unreachable = scene.run(script, &["good"]);
    assert_eq!((unreachable.status, unreachable.restarted.as_str()), (255, ""), "{unreachable:?}");
}

#[test]
fn a_step_of_ci_fails_over_every_forecast_that_is_not_good() {
    if !has("jq") {
        return;
    }
    let scene = Scene::new();
    let [judge, annotate, cases] = &blocks("A CI step")[..] else { panic!("three scripts") };
    let forecast = |node: &str| {
        let file = scene.path("forecasts").join(format!("{node}.json"));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let script = format!("ekv-tool gate-dryrun --format json data/{node} > forecasts/{node}.json\n");
        scene.run(&script, &[]);
        file
    };
    // Nothing was collected: the pattern stands for itself.
    assert_ne!(scene.run(judge, &[]).status, 0);
    forecast("good");
    assert_eq!(scene.run(judge, &[]).status, 0);
    for node in ["damaged", "nowhere"] {
        let file = forecast(node);
        assert_ne!(scene.run(judge, &[]).status, 0, "{node}: {}", fs::read_to_string(&file).unwrap());
        fs::remove_file(file).unwrap();
    }
    let cut = scene.path("forecasts/cut.json");
    let whole = fs::read(scene.path("forecasts/good.json")).unwrap();
    for len in [0, whole.len() / 2] {
        fs::write(&cut, &whole[..len]).unwrap();
        // An empty file is no document, and jq counts documents.
        let ended = scene.run(judge, &[]);
        assert!(len == 0 || ended.status != 0, "{len}: {ended:?}");
    }
    fs::remove_file(&cut).unwrap();
    fs::rename(scene.path("data"), scene.path("nodes")).unwrap();
    for (node, status) in [("good", 0), ("damaged", 2), ("nowhere", 1)] {
        let only = |script: &str| script.replace("nodes/n1 nodes/n2 nodes/n3", &format!("nodes/{node}"));
        let annotated = scene.run(&only(annotate), &[]);
        assert_eq!(annotated.status, status, "{annotated:?}");
        assert_eq!(annotated.stdout.lines().any(|line| line.starts_with("::error ")), status != 0, "{annotated:?}");
        let ended = scene.run(&only(cases), &[]);
        assert_eq!(ended.status, status, "{ended:?}");
        let xml = fs::read_to_string(scene.path("ekv-check.xml")).unwrap();
        assert_eq!(xml.contains("<failure ") || xml.contains("<error "), status != 0, "{xml}");
    }
}

#[test]
fn a_container_before_the_server_ends_the_start_that_would_be_refused() {
    let scene = Scene::new();
    let yaml = &blocks("A Kubernetes init container")[0];
    let args = yaml.lines().find_map(|line| line.trim().strip_prefix("args: ")).unwrap();
    let args: Vec<String> = serde_json::from_str(args).unwrap();
    for (node, status) in [("good", 0), ("damaged", 2), ("nowhere", 1)] {
        // As the kubelet does: variables are put in, and no shell reads the line.
        let place = scene.path("data").join(node).display().to_string();
        let args = args.iter().map(|arg| arg.replace("/var/lib/elastickv", &place).replace("$(POD_NAME)", "n1"));
        let output = Command::new(assert_cmd::cargo::cargo_bin("ekv-tool")).args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{node}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn a_unit_of_systemd_does_not_start_over_a_refused_start() {
    let scene = Scene::new();
    let line = blocks("systemd")[0].lines().find_map(|line| line.strip_prefix("ExecStartPre=").map(str::to_owned)).unwrap();
    let under_systemd = Path::new("/run/systemd/system").exists() && has("systemd-run");
    for (node, status) in [("good", 0), ("damaged", 2), ("nowhere", 1)] {
        let program = assert_cmd::cargo::cargo_bin("ekv-tool");
        let line = line
            .replace("/usr/local/bin/ekv-tool", &program.display().to_string())
            .replace("/var/lib/elastickv", &scene.path("data").join(node).display().to_string());
        let words: Vec<&str> = line.split(' ').collect();
        let ended = if under_systemd {
            Command::new("systemd-run").args(["--quiet", "--wait", "--collect", "--pipe", "--"]).args(&words).output().unwrap()
        } else {
            Command::new(words[0]).args(&words[1..]).output().unwrap()
        };
        assert_eq!(ended.status.code(), Some(status), "{node}: {}", String::from_utf8_lossy(&ended.stderr));
    }
}

#[test]
fn a_monitor_is_told_in_its_own_numbers() {
    let scene = Scene::new();
    let script = &blocks("Nagios and Icinga")[0];
    for (node, status, word) in [("good", 0, "OK"), ("damaged", 2, "CRITICAL"), ("nowhere", 3, "UNKNOWN")] {
        let ended = scene.run(&script.replace("/var/lib/elastickv", &format!("data/{node}")), &[]);
        assert_eq!(ended.status, status, "{ended:?}");
        assert!(ended.stdout.starts_with(&format!("EKV {word} - ")), "{ended:?}");
        assert!(ended.stdout.lines().next().unwrap().contains(" | errors="), "{ended:?}");
    }
    // A restore in full is worth a warning, and a line that is not understood is not known.
    let ended = scene.run("ekv-tool gate-dryrun --format nagios --accept skip,none data/slow\n", &[]);
    assert_eq!(ended.status, 1, "{ended:?}");
    assert!(ended.stdout.starts_with("EKV WARNING - "), "{ended:?}");
    let ended = scene.run("ekv-tool gate-dryrun --format nagios --nonsense data/good\n", &[]);
    assert_eq!(ended.status, 3, "{ended:?}");
    assert!(ended.stdout.starts_with("EKV UNKNOWN - "), "{ended:?}");
}

#[test]
fn a_metric_never_says_what_an_earlier_run_found() {
    let scene = Scene::new();
    let script = &blocks("As a metric")[0];
    for (node, verdict, failed) in [("good", "clean", 0), ("damaged", "damaged", 0), ("nowhere", "unknown", 1)] {
        let script = script
            .replace("/var/lib/node_exporter", &scene.root.path().display().to_string())
            .replace("/var/lib/elastickv", &format!("data/{node}"));
        let ended = scene.run(&script, &[]);
        assert_eq!(ended.status, 0, "{ended:?}");
        let metrics = fs::read_to_string(scene.path("ekv_gate.prom")).unwrap();
        let asked = format!("command=\"gate-dryrun\",target=\"data/{node}\"");
        for line in
            [format!("ekv_tool_verdict{{{asked},verdict=\"{verdict}\"}} 1"), format!("ekv_tool_run_failed{{{asked}}} {failed}")]
        {
            assert!(metrics.lines().any(|held| held == line), "{line}: {metrics}");
        }
        let time = metrics.lines().find_map(|line| line.strip_prefix(&format!("ekv_tool_run_timestamp_seconds{{{asked}}} ")));
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        assert!(now - time.unwrap().parse::<u64>().unwrap() < 600, "{metrics}");
    }
}

/// Two runs whose files lie side by side have no series in common, and every label is one that the page explains.
#[test]
fn series_of_two_runs_do_not_collide() {
    let scene = Scene::new();
    let mut seen = std::collections::HashSet::new();
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md")).unwrap();
    for node in ["good", "damaged"] {
        for command in
            ["gate-dryrun", "check", "verify-snapshot", "wal stat", "wal verify", "store stat", "store verify", "store lsm"]
        {
            let ended = scene.run(&format!("ekv-tool {command} --format prometheus data/{node}\n"), &[]);
            for line in ended.stdout.lines().filter(|line| !line.starts_with('#')) {
                let (series, value) = line.rsplit_once(' ').unwrap();
                assert!(value.parse::<f64>().is_ok(), "{line}");
                assert!(seen.insert(series.to_owned()), "{command}: {line}");
                let name = series.split('{').next().unwrap();
                assert!(page.contains(&format!("`{name}`")), "docs/metrics.md does not name {name}");
            }
        }
    }
    for label in ekv_tool::report::Label::ALL {
        assert!(page.contains(&format!("| `{}` |", label.name())), "docs/metrics.md does not explain {label:?}");
    }
}

/// One text for each name: a collector refuses files that describe a series differently.
#[test]
fn a_series_is_described_in_one_way() {
    let scene = Scene::new();
    let mut texts = std::collections::HashMap::new();
    for command in
        ["gate-dryrun", "check", "verify-snapshot", "wal stat", "wal ls", "store stat", "store verify", "store meta", "store lsm"]
    {
        let ended = scene.run(&format!("ekv-tool {command} --format prometheus data/good\n"), &[]);
        for line in ended.stdout.lines().filter_map(|line| line.strip_prefix("# HELP ")) {
            let (name, text) = line.split_once(' ').unwrap();
            assert_eq!(texts.entry(name.to_owned()).or_insert_with(|| text.to_owned()), text, "{name}");
        }
    }
    assert!(texts.len() > 20);
}

#[test]
fn warnings_fail_a_run_that_asks_for_it() {
    let scene = Scene::new();
    // A link to nothing among the snapshots.
    std::os::unix::fs::symlink("nowhere", scene.path("data/good/n1/snap/0000000000000001-0000000000000009.snap")).unwrap();
    let run = |extra: &str| scene.run(&format!("ekv-tool check {extra} --format json data/good\n"), &[]);
    let report: Value = serde_json::from_str(&run("").stdout).unwrap();
    let warnings = report["findings"].as_array().unwrap().iter().filter(|finding| finding["severity"] == "warning").count();
    assert_eq!((report["verdict"].as_str(), warnings > 0), (Some("clean"), true), "{report}");
    assert_eq!((run("").status, run("--fail-on warning").status), (0, 2));
    // A monitor is told of warnings by itself.
    assert_eq!(run("--format nagios").status, 1);
}
