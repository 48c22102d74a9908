//! Completion as shells do it: the script of `ekv-tool completions SHELL` is loaded, and its function asked.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A shell, the script for it, and the lines that ask it for the words given to it.
struct Shell {
    name: &'static str,
    ask: &'static str,
}

/// `$SCRIPT` is the script; the words of the line are the arguments, the last one being typed.
const SHELLS: [Shell; 3] = [
    Shell {
        name: "bash",
        ask: r#"
            source "$SCRIPT"
            function=$(complete -p ekv-tool | sed 's/.*-F \([^ ]*\).*/\1/')
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_TYPE=9 COMPREPLY=()
            "$function" ekv-tool "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
            printf '%s\n' "${COMPREPLY[@]}"
        "#,
    },
    Shell {
        name: "zsh",
        ask: r#"
            compdef() { registered=$1 }
            _describe() { local at; for at in "$@"; do [[ $at == (dirs|other) ]] && print -rl -- "${(@P)at}"; done }
            source "$SCRIPT"
            words=("$@") CURRENT=$#
            $registered
        "#,
    },
    Shell {
        name: "fish",
        ask: r#"
            source "$SCRIPT"
            complete -C (string join ' ' -- $argv)
        "#,
    },
];

struct Scene {
    root: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("bin")).unwrap();
        std::os::unix::fs::symlink(assert_cmd::cargo::cargo_bin("ekv-tool"), root.path().join("bin/ekv-tool")).unwrap();
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo");
        crate::support::tree::copy_tree(&demo, &root.path().join("demo"));
        Self { root }
    }

    /// The names that a shell offers, without what it says of them; `None` where there is no such shell.
    fn offered(&self, shell: &Shell, words: &[&str]) -> Option<Vec<String>> {
        let script = self.root.path().join(shell.name);
        if !script.exists() {
            let printed = Command::new(self.root.path().join("bin/ekv-tool")).args(["completions", shell.name]).output().unwrap();
            assert!(printed.status.success());
            fs::write(&script, printed.stdout).unwrap();
        }
        let path = format!("{}:{}", self.root.path().join("bin").display(), std::env::var("PATH").unwrap());
        let mut command = Command::new(shell.name);
        command.env("PATH", path).env("SCRIPT", &script).current_dir(self.root.path());
        match shell.name {
            "bash" => command.args(["--norc", "-c", shell.ask, "bash"]),
            "zsh" => command.args(["-f", "-c", shell.ask, "zsh"]),
            _ => command.env("HOME", self.root.path()).args(["--no-config", "-c", shell.ask]),
        };
        let output = match command.args(words).output() {
            Ok(output) => output,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                eprintln!("skipped: there is no {}", shell.name);
                return None;
            }
            Err(error) => panic!("{}: {error}", shell.name),
        };
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{}: {words:?}", shell.name);
        let text = String::from_utf8(output.stdout).unwrap();
        let name = |line: &str| {
            let value = if shell.name == "zsh" { line.split(':').next().unwrap() } else { line.split('\t').next().unwrap() };
            value.trim_end_matches('/').to_owned()
        };
        Some(text.lines().map(name).collect())
    }
}

#[test]
fn words_that_exist_are_offered_in_every_shell() {
    let scene = Scene::new();
    for (words, expected) in [
        (&["ekv-tool", "w"][..], &["wal"][..]),
        (&["ekv-tool", "wal", "d"], &["dump"]),
        (&["ekv-tool", "gate-dryrun", "--acc"], &["--accept"]),
        (&["ekv-tool", "gate-dryrun", "--accept", "leg"], &["legacy-restore"]),
        (&["ekv-tool", "check", "--format", "j"], &["json", "junit"]),
        // What lies on this machine.
        (&["ekv-tool", "check", "demo/n1/g"], &["demo/n1/group-1", "demo/n1/group-2"]),
        (&["ekv-tool", "gate-dryrun", "demo", "--raft-id", "n"], &["n1"]),
        (&["ekv-tool", "wal", "dump", "demo/n1/group-1", "--segment", "0"], &["0000000000000000-0000000000000000.wal"]),
        (&["ekv-tool", "explain", "fsm-body-c"], &["fsm-body-crc"]),
        (&["ekv-tool", "check", "--only", "log-go"], &["log-gone"]),
        (&["ekv-tool", "schema", "wal-d"], &["wal-dump"]),
    ] {
        for shell in &SHELLS {
            if let Some(offered) = scene.offered(shell, words) {
                assert_eq!(offered, expected, "{}: {words:?}", shell.name);
            }
        }
    }
}

#[test]
fn no_command_is_out_of_reach() {
    let scene = Scene::new();
    let below = |path: &[&str]| -> Vec<String> {
        let output = Command::new(scene.root.path().join("bin/ekv-tool")).args(path).arg("--help").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let Some((_, commands)) = text.split_once("\nCommands:\n") else { return Vec::new() };
        let commands = commands.split("\n\n").next().unwrap().lines();
        let names = commands
            .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
            .filter_map(|line| line.split_whitespace().next());
        names.filter(|name| *name != "help").map(str::to_owned).collect()
    };
    let mut paths: Vec<Vec<String>> = below(&[]).into_iter().map(|name| vec![name]).collect();
    assert!(paths.len() > 10);
    let mut reached = 0;
    while let Some(path) = paths.pop() {
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        paths.extend(below(&words).into_iter().map(|name| path.iter().cloned().chain([name]).collect()));
        let line = [&["ekv-tool"], &words[..], &["--form"]].concat();
        let offered = scene.offered(&SHELLS[0], &line).expect("there is a bash");
        assert_eq!(offered, ["--format"], "{path:?}");
        reached += 1;
    }
    assert!(reached > 30, "{reached}");
}

/// A name is one word, and never a command.
#[test]
fn names_are_quoted_for_bash() {
    let scene = Scene::new();
    for (name, offered) in [("x y", r"x\ y"), ("z;id", r"z\;id"), ("q$(x)", r"q\$\(x\)"), ("plain-1.facts", "plain-1.facts")] {
        fs::write(scene.root.path().join(name), "").unwrap();
        assert_eq!(scene.offered(&SHELLS[0], &["ekv-tool", "facts", &name[..1]]).unwrap(), [offered]);
    }
}

/// From a folder of functions zsh runs the file for the first word, which has to answer as well.
#[test]
fn zsh_is_answered_the_first_time() {
    let scene = Scene::new();
    let Some(_) = scene.offered(&SHELLS[1], &["ekv-tool", "w"]) else { return };
    let functions: PathBuf = scene.root.path().join("functions");
    fs::create_dir(&functions).unwrap();
    fs::copy(scene.root.path().join("zsh"), functions.join("_ekv-tool")).unwrap();
    let ask = r#"
        compdef() { : }
        _describe() { local at; for at in "$@"; do [[ $at == (dirs|other) ]] && print -rl -- "${(@P)at}"; done }
        fpath=("$1" $fpath); autoload -U _ekv-tool
        words=(ekv-tool wal d) CURRENT=3
        _ekv-tool
    "#;
    let path = format!("{}:{}", scene.root.path().join("bin").display(), std::env::var("PATH").unwrap());
    let output = Command::new("zsh").args(["-f", "-c", ask, "zsh"]).arg(&functions).env("PATH", path).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.starts_with("dump"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_script_of_every_shell_is_printed() {
    let scene = Scene::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = Command::new(scene.root.path().join("bin/ekv-tool")).args(["completions", shell]).output().unwrap();
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && script.contains("ekv-tool"), "{shell}: {script}");
        assert_eq!(script.starts_with("#compdef ekv-tool\n"), shell == "zsh", "{script}");
        // It names no path of the machine that printed it.
        assert!(!script.contains(&scene.root.path().display().to_string()), "{script}");
    }
}
