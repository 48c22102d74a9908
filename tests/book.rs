//! The pages of docs/ as a book: each has its place, and what they name is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pages(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            pages(&entry, found);
        } else if entry.extension().is_some_and(|ending| ending == "md") {
            found.push(entry);
        }
    }
}

/// Targets of the links of a page, outside of blocks and spans of code.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        in_block ^= line.trim_start().starts_with("```");
        if in_block {
            continue;
        }
        let outside: String = line.split('`').step_by(2).collect::<Vec<_>>().join("``");
        found.extend(outside.split("](").skip(1).filter_map(|part| part.split_once(')')).map(|(target, _)| target.to_owned()));
    }
    found
}

/// What a heading is linked by.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = kept.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

#[test]
fn every_page_has_its_place_in_the_book() {
    let mut all = Vec::new();
    pages(&root().join("docs"), &mut all);
    let named: BTreeSet<_> = links(&fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap()).into_iter().collect();
    let there = all.iter().map(|page| page.strip_prefix(root().join("docs")).unwrap().display().to_string());
    let there: BTreeSet<_> = there.filter(|page| page != "SUMMARY.md").chain([String::new()]).collect();
    assert_eq!(named, there);
    for page in all.iter().filter(|page| !page.ends_with("SUMMARY.md")) {
        assert!(fs::read_to_string(page).unwrap().starts_with("# "), "{} begins without a heading", page.display());
    }
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut all = vec![root().join("README.md"), root().join("CONTRIBUTING.md"), root().join("fleet/README.md")];
    pages(&root().join("docs"), &mut all);
    let (mut seen, mut wrong) = (0, Vec::new());
    for page in &all {
        for target in links(&fs::read_to_string(page).unwrap()).iter().filter(|target| !target.is_empty()) {
            if target.starts_with("https://") {
                continue;
            }
            seen += 1;
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            if !path.exists() {
                wrong.push(format!("{}: {target}", page.display()));
            } else if !heading.is_empty() {
                let text = fs::read_to_string(&path).unwrap();
                if !text.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line) == heading) {
                    wrong.push(format!("{}: {target}: no such heading", page.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 100, "{seen}");
}

#[test]
fn commands_for_a_symptom_are_understood() {
    let text = fs::read_to_string(root().join("docs/symptoms.md")).unwrap();
    let mut asked = 0;
    for command in text.split('`').filter(|span| span.starts_with("ekv-tool ")) {
        let words: Vec<_> = command.replace('\'', "").split(' ').skip(1).map(str::to_owned).collect();
        // In a place where nothing of that name is: the command line is understood, and the path is what is missing.
        let empty = tempfile::tempdir().unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_ekv-tool")).args(&words).current_dir(empty.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!said.contains("Usage:") && !said.contains("unexpected argument"), "{command}: {said}");
        asked += 1;
    }
    assert!(asked > 25, "{asked}");
}
