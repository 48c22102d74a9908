//! Manual pages, and the examples that they and `--help` show: each is run as it stands.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::recorded::real;
use crate::support::tree::copy_tree;

/// The words of every command, as the manual of the program lists them.
fn pages(dir: &Path) -> Vec<PathBuf> {
    let tool = assert_cmd::cargo::cargo_bin("ekv-tool");
    let written = Command::new(tool).args(["man", "--all"]).arg(dir).output().unwrap();
    assert!(written.status.success() && written.stdout.is_empty(), "{}", String::from_utf8_lossy(&written.stderr));
    let mut pages: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.sort();
    pages
}

/// `["wal", "dump"]` of `ekv-tool-wal-dump.1`, by what `--help` lists.
fn commands() -> Vec<Vec<String>> {
    let mut found = vec![Vec::new()];
    let mut open: Vec<Vec<String>> = vec![Vec::new()];
    while let Some(words) = open.pop() {
        let help = help_of(&words);
        let Some((_, below)) = help.split_once("\nCommands:\n") else { continue };
        let lines = below.split("\n\n").next().unwrap().lines();
        for name in lines.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next()) {
            if name != "help" {
                let words = words.iter().cloned().chain([name.to_owned()]).collect::<Vec<_>>();
                found.push(words.clone());
                open.push(words);
            }
        }
    }
    found
}

fn help_of(words: &[String]) -> String {
    let tool = assert_cmd::cargo::cargo_bin("ekv-tool");
    String::from_utf8(Command::new(tool).args(words).arg("--help").output().unwrap().stdout).unwrap()
}

#[test]
fn there_is_a_page_of_every_command_and_each_leads_to_others_that_are_there() {
    let dir = tempfile::tempdir().unwrap();
    let pages = pages(dir.path());
    let names: BTreeSet<String> =
        pages.iter().map(|page| page.file_name().unwrap().to_str().unwrap().strip_suffix(".1").unwrap().to_owned()).collect();
    let expected: BTreeSet<String> =
        commands().iter().map(|words| [&["ekv-tool".to_owned()], &words[..]].concat().join("-")).collect();
    assert_eq!(names, expected);
    assert!(names.len() > 30);
    for page in &pages {
        let text = fs::read_to_string(page).unwrap();
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "ENVIRONMENT", "SEE ALSO"] {
            let heading = [format!(".SH {section}\n"), format!(".SH \"{section}\"\n")];
            assert!(heading.iter().any(|heading| text.contains(heading)), "{}: no {section}", page.display());
        }
        let near = text.split(".SH \"SEE ALSO\"\n").nth(1).unwrap();
        let named: Vec<String> =
            near.split("\\fB").skip(1).map(|rest| rest.split("\\fR(1)").next().unwrap().replace("\\-", "-")).collect();
        assert!(!named.is_empty(), "{}", page.display());
        for name in named {
            assert!(names.contains(&name), "{} leads to {name}, which is not there", page.display());
        }
        // What the list of commands names is there too.
        for named in text.lines().filter(|line| line.starts_with("ekv\\-tool\\-") && line.ends_with("(1)")) {
            assert!(names.contains(&named.replace("\\-", "-").replace("(1)", "")), "{}: {named}", page.display());
        }
    }
}

#[test]
fn pages_are_replaced_and_nothing_else_is() {
    let dir = tempfile::tempdir().unwrap();
    let first = pages(dir.path());
    assert_eq!(pages(dir.path()), first);
    let tool = || Command::new(assert_cmd::cargo::cargo_bin("ekv-tool"));
    fs::write(dir.path().join("ekv-tool-check.1"), "somebody's own").unwrap();
    fs::remove_file(dir.path().join("ekv-tool.1")).unwrap();
    let refused = tool().args(["man", "--all"]).arg(dir.path()).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("ekv-tool-check.1: exists"), "{refused:?}");
    // All or nothing.
    assert!(!dir.path().join("ekv-tool.1").exists());
    let node = tempfile::tempdir().unwrap();
    copy_tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo"), node.path());
    let refused = tool().args(["man", "--all"]).arg(node.path().join("n1/group-1/wal")).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(!node.path().join("n1/group-1/wal/ekv-tool.1").exists());
}

/// groff says on standard error what it does not understand.
#[test]
fn pages_are_drawn_without_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    for page in pages(dir.path()) {
        let drawn = Command::new("groff").args(["-man", "-ww", "-Tutf8", "-P-cbou"]).arg(&page).output();
        let drawn = match drawn {
            Ok(drawn) => drawn,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                eprintln!("skipped: there is no groff");
                return;
            }
            Err(error) => panic!("groff: {error}"),
        };
        assert_eq!(String::from_utf8_lossy(&drawn.stderr), "", "{}", page.display());
        let text = String::from_utf8(drawn.stdout).unwrap();
        assert!(text.contains("EXIT STATUS") && text.contains("SEE ALSO"), "{text}");
        // A line that is copied works: hyphens and quotes are those of the keyboard.
        if page.ends_with("ekv-tool-wal-dump.1") {
            assert!(text.contains("ekv-tool wal dump --effective --format ndjson n1\n"), "{text}");
        }
        if page.ends_with("ekv-tool-history.1") {
            assert!(text.contains(r"ekv-tool history 'k\x00\xff' n1 --raw"), "{text}");
        }
    }
}

/// The examples of a command: lines of the shell.
fn examples(help: &str) -> Vec<String> {
    let Some((_, rest)) = help.split_once("\nExamples:\n") else { return Vec::new() };
    let block = rest.split("\n\n").next().unwrap();
    // What each is for stands above it, or behind two blanks.
    let beside = !block.contains("  # ");
    let mut found: Vec<String> = Vec::new();
    for line in block.lines().map(|line| line.strip_prefix("  ").unwrap()).filter(|line| !line.starts_with('#')) {
        let line = if beside { line.split("  ").next().unwrap() } else { line };
        match found.last_mut().filter(|last| last.ends_with('\\')) {
            Some(last) => *last = format!("{last}\n{line}"),
            None => found.push(line.to_owned()),
        }
    }
    found
}

/// A folder with all that the examples name, and a folder of programs that stand for those that may not be here.
struct Scene(tempfile::TempDir);

impl Scene {
    /// `nodes`: what becomes `n1`, `n2` and `n3`.
    fn new(nodes: [&Path; 3]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for (name, from) in ["n1", "n2", "n3"].into_iter().zip(nodes) {
            let number = &name[1..];
            for place in [at(name), at(&format!("host{number}")), at("elastickv").join(name)] {
                copy_tree(from, &place);
            }
        }
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo/n1");
        copy_tree(&demo.join("group-2/fsm.db"), &at("copy/fsm.db"));
        let payload = demo.join("group-1/fsm-snap/00000000000002bd.fsm");
        fs::copy(&payload, at("backup.fsm")).unwrap();
        fs::copy(&payload, at("unknown-file-from-a-backup")).unwrap();
        fs::copy(&payload, at("unknown.zst")).unwrap();
        let log = "fsm snapshot: file CRC32C mismatch\n";
        fs::write(at("elastickv.log"), log).unwrap();
        fs::write(at("elastickv.log.2"), log).unwrap();
        for (file, kept) in [("backup.fsm", "-k"), ("elastickv.log.2", "-k")] {
            assert!(Command::new("gzip").arg(kept).arg(at(file)).status().unwrap().success());
        }
        for dir in ["backup", "etc/bash_completion.d", "home/.config/fish/completions", "functions", "man1", "bin", "tmp"] {
            fs::create_dir_all(at(dir)).unwrap();
        }
        for (name, script) in [
            ("journalctl", "echo 'fsm snapshot: file CRC32C mismatch'"),
            ("ssh", "sh -c \"$2\""),
            ("zstdcat", "cat \"$1\""),
            ("man", "grep -q SH -"),
        ] {
            let file = at("bin").join(name);
            fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        }
        let scene = Self(root);
        for node in ["n1", "n2", "n3"] {
            let made = scene.run(&format!("ekv-tool facts {node} -o {node}.facts"));
            assert!(made.status.code() != Some(1), "{}", String::from_utf8_lossy(&made.stderr));
        }
        scene
    }

    fn run(&self, line: &str) -> Output {
        let tool = assert_cmd::cargo::cargo_bin("ekv-tool");
        let root = self.0.path().to_str().unwrap();
        let path = format!("{root}/bin:{}:{}", tool.parent().unwrap().display(), std::env::var("PATH").unwrap());
        let mut line = line.replace("${fpath[1]}", &format!("{root}/functions"));
        for (name, place) in [
            // First, because that is where the scene is.
            ("/tmp/", "tmp/"),
            ("/var/lib/elastickv", "elastickv"),
            ("/usr/local/share/man/man1", "man1"),
            ("/etc/", "etc/"),
            ("/backup", "backup"),
        ] {
            line = line.replace(&format!(" {name}"), &format!(" {root}/{place}"));
        }
        let mut shell = Command::new("bash");
        shell.args(["-c", &format!("set -o pipefail; {line}")]).current_dir(root).stdin(Stdio::null());
        shell.env("PATH", path).env("HOME", self.0.path().join("home")).output().unwrap()
    }
}

#[test]
fn every_example_works_as_it_stands() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo/n1");
    let three = real().root.join("three-M");
    // A node with two groups, and three nodes of one.
    let scenes = [Scene::new([&demo; 3]), Scene::new([&three.join("n1"), &three.join("n2"), &three.join("n3")])];
    let (mut tried, mut failed) = (0, Vec::new());
    for words in commands() {
        for line in examples(&help_of(&words)) {
            assert!(line.contains("ekv-tool "), "{words:?}: {line}");
            let mut said = String::new();
            let works = scenes.iter().any(|scene| {
                let output = scene.run(&line);
                said.push_str(&String::from_utf8_lossy(&output.stderr));
                matches!(output.status.code(), Some(0 | 2 | 3 | 10 | 11)) && output.stderr.is_empty()
            });
            if !works {
                failed.push(format!("{line}\n{said}"));
            }
            tried += 1;
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(tried > 80, "{tried}");
}
