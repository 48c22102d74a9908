//! The examples of README.md, run as they stand there, and its links.

use std::path::Path;
use std::process::Command;

/// Everything between "```console" and "```", with the place of its first line.
fn blocks(text: &str) -> Vec<(usize, Vec<&str>)> {
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((_, line)) = lines.next() {
        if line == "```console" {
            let block: Vec<_> = lines.by_ref().take_while(|(_, line)| *line != "```").collect();
            found.push((block[0].0, block.into_iter().map(|(_, line)| line).collect()));
        }
    }
    found
}

/// Runs a line of the shell's that starts with `$ ekv-tool`; words may be in single quotes.
fn run(line: &str, root: &Path) -> String {
    let line = line.strip_prefix("$ ekv-tool ").expect("an example starts with the program");
    let mut words = Vec::new();
    for (number, part) in line.split('\'').enumerate() {
        if number % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    let output = Command::new(assert_cmd::cargo::cargo_bin("ekv-tool"))
        .args(words)
        .args(["--width", "80"])
        .current_dir(root.join("fixtures"))
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn examples_print_what_readme_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("README.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let found = blocks(&text);
    assert!(found.len() >= 4, "README.md has lost its examples");
    let mut fresh = String::new();
    let lines: Vec<_> = text.lines().collect();
    let mut copied = 0;
    for (at, block) in &found {
        fresh.extend(lines[copied..=*at].iter().flat_map(|line| [line, "\n"]));
        fresh.push_str(&run(block[0], root));
        copied = at + block.len();
    }
    fresh.extend(lines[copied..].iter().flat_map(|line| [line, "\n"]));
    if std::env::var_os("EKV_GOLDEN").is_some_and(|value| value == "overwrite") {
        std::fs::write(&path, &fresh).unwrap();
    } else {
        assert!(
            fresh == text,
            "README.md shows other output than the program; run with EKV_GOLDEN=overwrite and read the difference"
        );
    }
}

#[test]
fn links_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("README.md")).unwrap();
    let mut links = 0;
    for part in text.split("](").skip(1) {
        let target = part.split(')').next().unwrap();
        links += 1;
        let file = target.split('#').next().unwrap();
        assert!(root.join(file).exists(), "README.md links to {target}, which is not there");
    }
    assert!(links > 5);
}
