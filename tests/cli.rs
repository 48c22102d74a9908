//! The command as a user meets it: usage, exit statuses, pipes, output files.

use assert_cmd::Command;
use ekv_tool::types::ServerVersion;

fn tool() -> Command {
    let mut command = Command::cargo_bin("ekv-tool").unwrap();
    command.env_remove("NO_COLOR");
    command
}

#[test]
fn wrong_usage_is_status_1_and_help_is_0() {
    tool().arg("no-such-command").assert().code(1);
    tool().assert().code(1);
    tool().arg("--help").assert().code(0);
    tool().arg("-V").assert().code(0).stdout("ekv-tool 0.1.0\n");
}

#[test]
fn the_version_says_which_build_it_is_and_what_it_reads() {
    let output = tool().arg("--version").assert().code(0).get_output().stdout.clone();
    let text = String::from_utf8(output).unwrap();
    assert!(text.starts_with("ekv-tool 0.1.0 ("), "{text}");
    for version in ServerVersion::ALL {
        assert!(text.contains(version.name()), "{text}");
    }
    assert!(text.contains("ekv-tool/facts/v1") && text.lines().all(|line| line.len() <= 80), "{text}");
}

#[test]
fn manual_pages_are_roff() {
    let output = tool().args(["man"]).assert().code(0).get_output().stdout.clone();
    assert!(String::from_utf8_lossy(&output).contains(".TH"), "not a manual page");
    tool().args(["man", "no-such-command"]).assert().code(1);
}

/// The verdict, the findings and what could not be examined, in this order, and nothing else.
#[test]
fn quiet_is_the_verdict_and_what_matters() {
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for words in [
        "check demo",
        "gate-dryrun --accept any demo",
        "wal dump demo",
        "store scan demo/n1/group-2",
        "snapshot ls demo",
        "store stat demo",
    ] {
        let run = tool().current_dir(&fixtures).args(words.split(' ')).arg("-q").assert().code(0);
        let text = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
        let (first, rest) = text.split_once('\n').unwrap();
        assert!(first.starts_with("CLEAN    "), "{words}: {text}");
        assert!(rest.is_empty() || rest.starts_with("\nFindings\n"), "{words}: {text}");
        assert!(!text.contains("Next:") && !text.contains("Examined"), "{words}: {text}");
    }
}

#[test]
fn a_closed_pipe_is_not_a_failure() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("ekv-tool"))
        .args(["completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stderr, b"");
}

#[test]
fn output_goes_to_a_file_in_one_step() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ekv-tool.bash");
    tool().args(["completions", "bash", "--output"]).arg(&file).assert().code(0).stdout("");
    assert!(std::fs::read_to_string(&file).unwrap().contains("ekv-tool"));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "a temporary file was left behind");
    let message = tool().args(["completions", "bash", "--output"]).arg(dir.path().join("no/such/dir")).assert().code(1);
    let stderr = String::from_utf8_lossy(&message.get_output().stderr).into_owned();
    assert!(stderr.contains("--output"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn a_full_disk_is_an_error_that_names_the_flag() {
    let message = tool().args(["completions", "bash", "--output", "/dev/full"]).assert().code(1);
    let stderr = String::from_utf8_lossy(&message.get_output().stderr).into_owned();
    assert!(stderr.contains("--output /dev/full"), "{stderr}");
}

#[test]
fn a_run_that_fails_says_so_to_scripts_too() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = dir.path().join("no\u{1b}where");
    for (command, schema) in [(&["check"][..], "check"), (&["wal", "stat"], "wal-stat"), (&["gate-dryrun"], "gate-dryrun")] {
        let run = tool().args(command).args(["--format", "json"]).arg(&nowhere).assert().code(1);
        let report: serde_json::Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
        assert_eq!(report["schema"], "ekv-tool/failure/v1");
        assert_eq!(report["command"], schema);
        assert_eq!(report["verdict"], "unknown");
        assert_eq!(report["error"]["status"], 1);
        let message = report["error"]["message"].as_str().unwrap();
        assert!(message.contains(r"no\u{1b}where: cannot "), "{message}");
        assert_eq!(String::from_utf8_lossy(&run.get_output().stderr), format!("ekv-tool: {message}\n"));
    }
    let run = tool().args(["check", "--format", "ndjson"]).arg(&nowhere).assert().code(1);
    let lines = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    assert!(lines.lines().any(|line| line.contains("\"type\":\"error\"")), "{lines}");
    let run = tool().args(["check", "--format", "prometheus"]).arg(&nowhere).assert().code(1);
    let metrics = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    let target = format!("target=\"{}\"", nowhere.display().to_string().replace('\u{1b}', r"\\u{1b}"));
    assert!(metrics.contains(&format!("\nekv_tool_run_failed{{command=\"check\",{target}}} 1\n")), "{metrics}");
    assert!(metrics.contains(&format!("\nekv_tool_verdict{{command=\"check\",{target},verdict=\"unknown\"}} 1\n")), "{metrics}");
    // For people the line on standard error is all.
    tool().arg("check").arg(&nowhere).assert().code(1).stdout("");
}

#[test]
fn a_run_that_fails_leaves_no_earlier_report_as_if_it_were_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (data, file) = (dir.path().join("n1"), dir.path().join("report.prom"));
    let demo = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
    let run = |what: &std::path::Path| {
        tool().args(["verify-snapshot", "--format", "prometheus", "--output"]).arg(&file).arg(what).assert()
    };
    let failed = |of: &std::path::Path, value| {
        format!("ekv_tool_run_failed{{command=\"verify-snapshot\",target=\"{}\"}} {value}\n", of.display())
    };
    run(&demo).code(0);
    assert!(std::fs::read_to_string(&file).unwrap().contains(&failed(&demo, 0)));
    run(&data).code(1).stdout("");
    assert!(std::fs::read_to_string(&file).unwrap().contains(&failed(&data, 1)));
    // Neither when the line is not understood, as far as it can be.
    run(&demo).code(0);
    tool()
        .args(["verify-snapshot", "--nonsense", "--format", "prometheus", "--output"])
        .arg(&file)
        .arg(&demo)
        .assert()
        .code(1)
        .stdout("");
    assert!(std::fs::read_to_string(&file).unwrap().contains("ekv_tool_run_failed{command=\"verify-snapshot\"} 1\n"));
    for (args, stands) in [(&["--format=nagios"][..], "EKV UNKNOWN - "), (&["--format", "json"], "{\n")] {
        let status = if args[0].ends_with("nagios") { 3 } else { 1 };
        let run = tool().args(["wal", "stat", "--nonsense"]).args(args).arg(&demo).assert().code(status);
        let stdout = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
        assert!(stdout.starts_with(stands) && stdout.contains("unexpected argument"), "{stdout}");
    }
    // What is missing is named.
    let run = tool().args(["check", "--format", "nagios"]).assert().code(3);
    let stdout = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    assert!(stdout.contains("were not provided: <DIR>"), "{stdout}");
    let run = tool().args(["--format", "junit", "bogus"]).assert().code(1);
    let stdout = String::from_utf8_lossy(&run.get_output().stdout).into_owned();
    assert!(stdout.contains("<testsuite name=\"ekv-tool ekv-tool\"") && stdout.contains("bogus"), "{stdout}");
    // Not where data may be, even when there is nothing yet but a name.
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("photo"), b"a photo").unwrap();
    tool().args(["check", "--format", "json", "--output"]).arg(data.join("x.json")).arg(&data).assert().code(1);
    assert_eq!(std::fs::read_dir(&data).unwrap().count(), 1);
}
