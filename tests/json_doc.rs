//! docs/schema/ is made from the types that are written, and docs/json.md from that, so that no field can lack a line there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ekv_tool::report::{Lines, schema};
use serde_json::{Map, Value};

use crate::support::breaches::breaches;
use crate::support::golden::held_file;

const HEAD: &str = "\
# JSON output

`--format json` writes one object a run, `--format ndjson` one object a line: the elements of the body's lists, each with a
`type`, and last a `summary` with what is left of the body. Together they hold what the JSON report does. Numbers are JSON numbers, 64-bit ones too: use a parser that keeps them. Checksums are lower-case hex text
of full width. Times are RFC 3339 UTC beside the raw number. What is not known is `null`, never 0. Equal input gives equal
output except for what stands in `run`, for when facts were taken (with their checksum), and for estimates that were made from a
measured rate. Fields are added, never renamed.

docs/schema/ has a JSON Schema (draft 2020-12) of each report, which this page is made from by
`EKV_GOLDEN=overwrite cargo test --test main json_doc`.
";

/// What a field holds, in words.
fn words(schema: &Value) -> String {
    let Some(schema) = schema.as_object() else { return "anything".to_owned() };
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let name = name.rsplit('/').next().unwrap();
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values: Vec<_> = values.iter().map(|value| format!("`{}`", value.as_str().unwrap_or("null"))).collect();
        return format!("one of {}", values.join(", "));
    }
    if let Some(value) = schema.get("const").and_then(Value::as_str) {
        return format!("`{value}`");
    }
    if let Some(any) = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array) {
        return any.iter().map(words).collect::<Vec<_>>().join(" or ");
    }
    let one = |kind: &str| match kind {
        "string" => "text".to_owned(),
        "integer" | "number" => "number".to_owned(),
        "boolean" => "true or false".to_owned(),
        "null" => "null".to_owned(),
        "array" => match (schema.get("items"), schema.get("prefixItems").and_then(Value::as_array)) {
            (Some(items), _) => format!("list of {}", words(items)),
            (None, Some(items)) => format!("list: {}", items.iter().map(words).collect::<Vec<_>>().join(", ")),
            (None, None) => "list".to_owned(),
        },
        "object" => match schema.get("additionalProperties") {
            Some(value @ Value::Object(_)) => format!("object of {}", words(value)),
            _ => "object".to_owned(),
        },
        other => panic!("a field is of type {other}"),
    };
    match schema.get("type") {
        Some(Value::String(kind)) => one(kind),
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).map(one).collect::<Vec<_>>().join(" or "),
        _ => "anything".to_owned(),
    }
}

fn about(schema: &Value) -> String {
    schema.get("description").and_then(Value::as_str).unwrap_or_default().replace('|', "\\|")
}

/// The table of an object's fields, and of what else it may have.
fn fields(schema: &Value, left_out: &BTreeSet<String>, page: &mut String) {
    let empty = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let required: BTreeSet<_> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let shown: Vec<_> = properties.iter().filter(|(name, _)| !left_out.contains(*name)).collect();
    if !shown.is_empty() {
        page.push_str("\n| field | value | meaning |\n|---|---|---|\n");
        for (name, field) in shown {
            let optional = if required.contains(name.as_str()) { "" } else { "; may be left out" };
            let meaning = about(field);
            assert!(
                !meaning.is_empty() || field.get("$ref").is_some() || field.get("const").is_some(),
                "{name} is not described"
            );
            let _ = writeln!(page, "| `{name}` | {}{optional} | {meaning} |", words(field));
        }
    }
    for keyword in ["oneOf", "anyOf", "allOf"] {
        for (number, part) in schema.get(keyword).and_then(Value::as_array).into_iter().flatten().enumerate() {
            if let Some(value) = part.get("const").or_else(|| part.get("enum").and_then(|values| values.get(0))) {
                page.push_str(if number == 0 { "\n| value | meaning |\n|---|---|\n" } else { "" });
                let _ = writeln!(page, "| `{}` | {} |", value.as_str().unwrap_or("null"), about(part));
            } else if part.get("$ref").is_some() {
                let lead = if number == 0 { "\nAnd the fields of " } else { ", or of " };
                let _ = write!(page, "{lead}{}", words(part));
            } else if part.get("properties").is_some() {
                let _ = write!(page, "\nOr, as well: {}\n", about(part));
                fields(part, left_out, page);
            }
        }
        if schema.get(keyword).and_then(Value::as_array).is_some_and(|parts| parts.iter().all(|part| part.get("$ref").is_some()))
        {
            page.push_str(".\n");
        }
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        page.push_str("\n| value |\n|---|\n");
        for value in values {
            let _ = writeln!(page, "| `{}` |", value.as_str().unwrap_or("null"));
        }
    }
}

/// What becomes of a report's lists in ndjson.
fn as_lines(parts: &[Lines]) -> String {
    let one = |part: &Lines| {
        let from =
            if part.path.is_empty() { "the whole body".to_owned() } else { format!("`{}`", part.path.replace('/', "`, `")) };
        let with: Vec<_> = part.named_by.iter().map(|name| format!("`{name}`")).collect();
        let with = if with.is_empty() { String::new() } else { format!(", with {}", with.join(" and ")) };
        format!("`{}` ({from}{with})", part.kind)
    };
    if parts.is_empty() {
        return String::new();
    }
    format!("\nLines of ndjson: {}.\n", parts.iter().map(one).collect::<Vec<_>>().join(", "))
}

fn properties(schema: &Value) -> BTreeSet<String> {
    schema["properties"].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn the_schema_of_every_report_and_the_page_about_it_are_current() {
    let all = schema::all();
    let shared = all
        .iter()
        .map(|report| properties(report.schema.as_value()))
        .reduce(|one, other| one.intersection(&other).cloned().collect())
        .unwrap();
    let mut page = HEAD.to_owned();
    page.push_str("\n## Every report\n");
    let others = properties(all[0].schema.as_value()).difference(&shared).cloned().collect();
    fields(all[0].schema.as_value(), &others, &mut page);
    let mut parts: BTreeMap<&str, &Value> = BTreeMap::new();
    for report in &all {
        let schema = report.schema.as_value();
        let text = serde_json::to_string_pretty(schema).unwrap();
        assert!(!text.contains("crate::"), "{}: a path of the source is in a description", report.name);
        held_file(&format!("docs/schema/{}.json", report.name), &(text + "\n"));
        let _ = write!(page, "\n## {}\n\n{} ([schema](schema/{}.json))\n", report.name, report.about, report.name);
        fields(schema, &shared, &mut page);
        page.push_str(&as_lines(report.lines));
        for (name, part) in schema.get("$defs").and_then(Value::as_object).into_iter().flatten() {
            if let Some(known) = parts.insert(name, part) {
                assert!(known == part, "two types are called {name}, so that a reference to one of them is unclear");
            }
        }
    }
    page.push_str("\n## Parts of reports\n");
    for (name, part) in parts {
        let _ = write!(page, "\n### {name}\n\n{}\n", about(part));
        fields(part, &BTreeSet::new(), &mut page);
    }
    for name in ["`outcome`", "`would_repair`", "`computed_crc32c`", "`logical_end`", "`key_count`", "`tombstone`"] {
        assert!(page.contains(name), "{name} is not described");
    }
    assert!(!page.contains("`}`") && !page.contains("::"), "something of the source is on the page");
    held_file("docs/json.md", &page);
}

/// The names of all files there are those of reports.
#[test]
fn no_schema_is_left_over() {
    let names: BTreeSet<_> = schema::all().iter().map(|report| format!("{}.json", report.name)).collect();
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema");
    for entry in std::fs::read_dir(dir).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(names.contains(&name), "docs/schema/{name} belongs to no report");
    }
}

#[test]
fn every_held_report_fits_its_schema() {
    let schemas: BTreeMap<_, _> = schema::all().into_iter().map(|report| (report.name, report.schema.to_value())).collect();
    let (mut seen, mut wrong) = (BTreeSet::new(), Vec::new());
    for path in crate::support::golden::held_below("tests/golden", "json") {
        let transcript = std::fs::read_to_string(&path).unwrap();
        let mut report: Value = serde_json::from_str(transcript.split("\n--- ").next().unwrap()).unwrap();
        // What differs from run to run is not held.
        report["run"] = serde_json::json!({ "elapsed_ms": 1, "bytes_per_second": 1 });
        let Some(field) = report["schema"].as_str() else { continue };
        let command = field.split('/').nth(1).unwrap();
        let hashicorp = report["backend"] == "hashicorp-raft" || report["groups"][0]["backend"] == "hashicorp-raft";
        let name = match (hashicorp, command) {
            (true, "gate-dryrun") => "hashicorp-gate-dryrun",
            (true, "verify-snapshot") if report["archives"].is_array() => "hashicorp-archives",
            (true, "wal-dump") => "hashicorp-wal-dump",
            (true, _) => "hashicorp-nodes",
            (false, command) => command,
        };
        seen.insert(name.to_owned());
        let mut found = Vec::new();
        let schema = schemas.get(name).unwrap_or_else(|| panic!("{field} has no schema"));
        breaches(schema, schema, &report, name, &mut found);
        wrong.extend(found.into_iter().map(|text| format!("{}: {text}", path.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen.len() >= 15, "only {seen:?} were held against their schema");
}
