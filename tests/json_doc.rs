//! docs/json.md is made from the documentation of the structs that serialise, so that no field can lack a line there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::golden::held_file;

const HEAD: &str = "\
# JSON output

`--format json` writes one object a run, `--format ndjson` one object a line: each part of the body with a `type`, and a
`summary` last. Numbers are JSON numbers, 64-bit ones too: use a parser that keeps them. Checksums are lower-case hex text
of full width. Times are RFC 3339 UTC beside the raw number. What is not known is `null`, never 0. Equal input gives equal
output except for what stands in `run`, and for estimates that were made from a measured rate. Fields are added, never
renamed.

This page is made from the documentation of the program's own types by `EKV_GOLDEN=overwrite cargo test --test main json_doc`.
";

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// What a Rust type is in JSON.
fn json_type(rust: &str) -> String {
    let inside = |prefix: &str| rust.strip_prefix(prefix).and_then(|rest| rest.strip_suffix('>'));
    if let Some(inner) = inside("Option<") {
        return format!("{} or null", json_type(inner));
    }
    if let Some(inner) = inside("Vec<") {
        return format!("list of {}", json_type(inner));
    }
    if let Some(inner) = inside("BTreeMap<") {
        return format!("object of {}", json_type(inner.split_once(", ").map_or(inner, |(_, value)| value)));
    }
    match rust {
        "IndexRange" => "list of two numbers".to_owned(),
        "String" | "&'static str" | "Cow<'static, str>" | "Crc32c" | "Sha256Sum" | "NextStep" | "&'static CodeInfo" => {
            "text".to_owned()
        }
        "Suffrage" | "u8" | "u16" | "u32" | "u64" | "i64" | "usize" | "f64" | "LogIndex" | "Term" | "NodeId" | "UnixMillis"
        | "HlcTimestamp" => "number".to_owned(),
        "SeqNum" | "FileNum" => "number".to_owned(),
        "BodyFormat" => "text: EKVPBBL1, EKVSSTI1, EKVMVCC2, empty or unknown".to_owned(),
        "Map<String, Value>" => "object".to_owned(),
        "bool" => "true or false".to_owned(),
        "FirstKeys<'a>" => "list of text".to_owned(),
        "Escaped<'a>" | "&'a str" => "text".to_owned(),
        other => format!("`{}`", other.trim_end_matches("<'a>").trim_start_matches("Box<").trim_end_matches('>')),
    }
}

fn doc(lines: &[&str]) -> String {
    let text: Vec<_> = lines.iter().filter_map(|line| line.trim().strip_prefix("/// ")).collect();
    text.join(" ").replace('|', "\\|")
}

/// Every struct and enum of a file that serialises: its name, and its documentation with its members as table rows.
fn types_of(source: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let lines: Vec<&str> = source.lines().collect();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        let opens = (line.starts_with("pub struct ") || line.starts_with("pub enum ")) && line.ends_with('{');
        if !opens {
            at += 1;
            continue;
        }
        let first = lines[..at].iter().rposition(|line| !line.starts_with("///") && !line.starts_with("#[")).map_or(0, |n| n + 1);
        let head = &lines[first..at];
        let end = at + lines[at..].iter().position(|line| *line == "}").unwrap();
        if head.iter().any(|line| line.contains("derive(") && line.contains("Serialize")) {
            let mut text = String::new();
            let page = &mut text;
            let name = line.split_whitespace().nth(2).unwrap().trim_end_matches('{').split('<').next().unwrap();
            let kebab = head.iter().any(|line| line.contains("kebab-case"));
            let _ = write!(page, "\n### {name}\n\n{}\n", doc(head));
            if line.starts_with("pub struct ") {
                page.push_str("\n| field | value | meaning |\n|---|---|---|\n");
            } else {
                page.push_str("\n| value | meaning |\n|---|---|\n");
            }
            members(&lines[at + 1..end], line.starts_with("pub struct "), kebab, page);
            found.push((name.to_owned(), text));
        }
        at = end;
    }
    found
}

/// The types that a description refers to.
fn referred(text: &str) -> impl Iterator<Item = &str> {
    let code = text.lines().filter(|line| line.starts_with('|')).filter_map(|line| line.split('|').nth(2));
    code.flat_map(|cell| cell.split('`'))
        .filter(|word| word.starts_with(|letter: char| letter.is_ascii_uppercase()) && word.len() > 1)
}

/// Adds the types of a file that the page does not have yet; returns what they describe.
fn describe(source: &str, page: &mut String, described: &mut BTreeSet<String>) {
    for (name, text) in types_of(source) {
        assert!(described.insert(name.clone()), "two types are called {name}, so that a reference to one of them is unclear");
        page.push_str(&text);
    }
}

fn members(lines: &[&str], is_struct: bool, kebab: bool, page: &mut String) {
    let mut from = 0;
    for (number, line) in lines.iter().enumerate() {
        let member = line.trim();
        if member.starts_with("///") || member.starts_with("#[") || member.is_empty() {
            continue;
        }
        let before = &lines[from..number];
        from = number + 1;
        let attribute = |text: &str| before.iter().any(|line| line.trim().starts_with("#[serde") && line.contains(text));
        if attribute("skip)") {
            continue;
        }
        if is_struct {
            let Some((name, kind)) = member.trim_start_matches("pub ").trim_end_matches(',').split_once(": ") else { continue };
            if attribute("flatten") {
                let _ = writeln!(page, "| | all fields of {} | {} |", json_type(kind), doc(before));
            } else {
                let optional = if attribute("skip_serializing_if") { "; left out when there is none" } else { "" };
                let name = before
                    .iter()
                    .find_map(|line| line.split("rename = \"").nth(1))
                    .map_or(name, |rest| rest.split('"').next().unwrap());
                let _ = writeln!(page, "| `{name}` | {}{optional} | {} |", json_type(kind), doc(before));
            }
        } else {
            let variant = member.trim_end_matches(',').split(['(', '{', ' ']).next().unwrap();
            let renamed =
                before.iter().find_map(|line| line.split("rename = \"").nth(1)).map(|rest| rest.split('"').next().unwrap());
            let value = renamed.map_or_else(|| cased(variant, kebab), str::to_owned);
            let _ = writeln!(page, "| `{value}` | {} |", doc(before));
        }
    }
}

fn cased(variant: &str, kebab: bool) -> String {
    let mut text = String::new();
    for (number, letter) in variant.chars().enumerate() {
        if kebab && number > 0 && letter.is_ascii_uppercase() {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

#[test]
fn every_field_of_every_report_is_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut page = HEAD.to_owned();
    page.push_str("\n## Every report\n");
    let mut described = BTreeSet::new();
    describe(&fs::read_to_string(root.join("src/report/mod.rs")).unwrap(), &mut page, &mut described);
    let mut bodies = Vec::new();
    sources(&root.join("src/report/body"), &mut bodies);
    for path in bodies {
        let mut part = String::new();
        let source = fs::read_to_string(&path).unwrap();
        describe(&source, &mut part, &mut described);
        if !part.is_empty() {
            let title = source.lines().next().unwrap().trim_start_matches("//! ");
            let _ = write!(page, "\n## {title}\n{part}");
        }
    }
    page.push_str("\n## Parts of several reports\n");
    let mut elsewhere: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    for path in files.iter().filter(|path| !path.starts_with(root.join("src/report"))) {
        for (name, text) in types_of(&fs::read_to_string(path).unwrap()) {
            elsewhere.entry(name).or_default().push(text);
        }
    }
    loop {
        let missing = referred(&page).find(|name| *name != "B" && !described.contains(*name)).map(str::to_owned);
        let Some(name) = missing else { break };
        let found = elsewhere.get(&name).map_or(&[][..], Vec::as_slice);
        assert_eq!(found.len(), 1, "{name} is referred to and must be the name of one type that serialises");
        page.push_str(&found[0]);
        described.insert(name);
    }
    for name in ["`outcome`", "`would_repair`", "`computed_crc32c`", "`logical_end`", "`findings`", "`not_examined`"] {
        assert!(page.contains(name), "{name} is not described");
    }
    held_file("docs/json.md", &page);
}
