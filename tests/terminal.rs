//! What the program prints on a terminal: `script` of util-linux gives it one.

use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a line of the shell on a terminal of so many columns. Nothing where there is no `script`.
fn on_a_terminal(columns: usize, set: &[(&str, &str)], line: &str) -> Option<String> {
    let bin = assert_cmd::cargo::cargo_bin("ekv-tool");
    let path = format!("{}:{}", bin.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("script");
    command.args(["-qec", &format!("stty cols {columns} rows 50; {line}"), "/dev/null"]);
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")).env("PATH", path).stdin(Stdio::null());
    for name in ["COLUMNS", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    // Who runs the tests may set it, and it says nothing about the terminal.
    command.env("CI", "true");
    command.env("TERM", "xterm").envs(set.iter().copied());
    match command.output() {
        Ok(output) => Some(String::from_utf8(output.stdout).unwrap().replace('\r', "")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            eprintln!("skipped: there is no script(1)");
            None
        }
        Err(error) => panic!("script: {error}"),
    }
}

const LIST: &str = "ekv-tool wal ls demo";

fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap()
}

#[test]
fn a_page_is_as_wide_as_the_terminal() {
    let plain = [("TERM", "dumb")];
    let Some(wide) = on_a_terminal(200, &plain, "ekv-tool store stat demo") else { return };
    let narrow = on_a_terminal(50, &plain, "ekv-tool store stat demo").unwrap();
    assert!(widest(&wide) > 80 && widest(&wide) <= 200, "{wide}");
    assert!(narrow.lines().count() > wide.lines().count(), "{narrow}");
    // `COLUMNS` counts for more (a shell sets its own to what the terminal says), and `--width` for most.
    let told = on_a_terminal(50, &plain, "env COLUMNS=200 ekv-tool store stat demo").unwrap();
    assert_eq!(told, wide);
    let asked = on_a_terminal(50, &plain, "env COLUMNS=60 ekv-tool store stat --width 200 demo").unwrap();
    assert_eq!(asked, wide);
}

#[test]
fn no_name_is_broken_on_a_narrow_terminal() {
    let Some(page) = on_a_terminal(44, &[("TERM", "dumb")], "ekv-tool verify-snapshot demo") else { return };
    for name in ["0000000000000002-00000000000002bd.snap", "00000000000002bd.fsm", "demo/n1/group-2/fsm-snap", "token 6a281dac"] {
        assert!(page.contains(name), "{name} is broken in\n{page}");
    }
}

#[test]
fn nothing_limits_a_line_in_a_pipe_or_a_file() {
    let file = tempfile::tempdir().unwrap().keep().join("report");
    let line = format!("ekv-tool gate-dryrun demo | cat; ekv-tool gate-dryrun demo -o {}", file.display());
    let Some(piped) = on_a_terminal(40, &[], &line) else { return };
    assert!(widest(&piped) > 60 && !piped.contains('\u{1b}'), "{piped}");
    let written = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_dir_all(file.parent().unwrap()).unwrap();
    assert!(widest(&written) > 60 && !written.contains('\u{1b}'), "{written}");
}

#[test]
fn colours_stand_where_they_can_be_seen_or_are_wanted() {
    let has = |set: &[(&str, &str)], line: &str| on_a_terminal(80, set, line).map(|text| text.contains("\u{1b}["));
    let Some(usual) = has(&[], LIST) else { return };
    assert!(usual);
    for (set, line, expected) in [
        (&[("TERM", "dumb")][..], LIST, false),
        (&[("NO_COLOR", "1")], LIST, false),
        (&[("CLICOLOR", "0")], LIST, false),
        (&[("TERM", "dumb")], "ekv-tool wal ls --color always demo", true),
        (&[], "ekv-tool wal ls --color never demo", false),
        (&[], "ekv-tool wal ls demo | cat", false),
        (&[("CLICOLOR_FORCE", "1")], "ekv-tool wal ls demo | cat", true),
        (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], "ekv-tool wal ls demo | cat", false),
        (&[("CLICOLOR_FORCE", "1")], "ekv-tool wal ls demo -o /dev/stdout", false),
    ] {
        assert_eq!(has(set, line), Some(expected), "{set:?} {line}");
    }
    // A page says the same without them.
    let plain = on_a_terminal(80, &[("TERM", "dumb")], LIST).unwrap();
    let mut coloured = on_a_terminal(80, &[], LIST).unwrap();
    while let Some(from) = coloured.find("\u{1b}[") {
        let to = from + coloured[from..].find('m').unwrap();
        coloured.replace_range(from..=to, "");
    }
    assert_eq!(coloured, plain);
}

#[test]
fn help_has_no_colours_on_a_dumb_terminal() {
    let Some(help) = on_a_terminal(80, &[("TERM", "dumb")], "ekv-tool check --help") else { return };
    assert!(!help.contains('\u{1b}') && help.contains("Examples:"), "{help}");
}
