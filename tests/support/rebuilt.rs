//! The body of a report, put together again from its ndjson lines.

use std::collections::BTreeSet;

use ekv_tool::report::schema::ReportSchema;
use serde_json::{Map, Value, json};

/// Members that every report has, which stand in the summary.
pub const SHARED: [&str; 7] = ["coverage", "findings", "next_step", "run", "schema", "tool_version", "verdict"];
/// Lists that are written while they are read, and the reports that they belong to.
pub const STREAMED: [(&str, &str); 4] =
    [("wal-dump", "records"), ("hashicorp-wal-dump", "entries"), ("store-dump", "rows"), ("store-scan", "rows")];

fn object(text: &str) -> Map<String, Value> {
    serde_json::from_str(text).unwrap()
}

/// A report about hashicorp/raft has the same field as the one about others.
fn schema_of<'s>(all: &'s [ReportSchema], body: &Map<String, Value>, field: &str) -> &'s ReportSchema {
    let command = field.split('/').nth(1).unwrap();
    let hashicorp = body.get("backend").or_else(|| body.get("groups")?.get(0)?.get("backend")).is_some();
    if body.get("backend").is_some_and(|backend| backend == "etcd") {
        return all.iter().find(|report| report.name == "etcd-members").unwrap();
    }
    let name = match (hashicorp, command) {
        (true, "gate-dryrun") => "hashicorp-gate-dryrun",
        (true, "verify-snapshot") if body.contains_key("archives") => "hashicorp-archives",
        (true, "wal-dump") => "hashicorp-wal-dump",
        (true, _) => "hashicorp-nodes",
        (false, "verify-snapshot") if body.contains_key("dumps") => "dumps",
        (false, command) => command,
    };
    all.iter().find(|report| report.name == name).unwrap()
}

/// Puts a line back where it was taken from: to the part of its type, within the last object around it.
fn put_back(schema: &ReportSchema, line: Map<String, Value>, expected: &Map<String, Value>, body: &mut Map<String, Value>) {
    let mut line = line;
    let kind = line.get("type").unwrap().as_str().unwrap().to_owned();
    let fits = |path: &str| path.is_empty() || path.contains('/') || expected.get(path).is_some_and(|value| !value.is_null());
    let Some(part) = schema.lines.iter().find(|part| part.kind == kind && fits(part.path)) else {
        let (_, list) = STREAMED.iter().find(|(name, _)| *name == schema.name).unwrap_or_else(|| panic!("a line of type {kind}"));
        body.entry(*list).or_insert_with(|| json!([])).as_array_mut().unwrap().push(Value::Object(line));
        return;
    };
    line.remove("type");
    if part.path.is_empty() {
        body.extend(line);
        return;
    }
    let mut members: Vec<_> = part.path.split('/').collect();
    let last = members.pop().unwrap();
    let mut around = body;
    for member in members {
        around = around.get_mut(member).unwrap().as_array_mut().unwrap().last_mut().unwrap().as_object_mut().unwrap();
    }
    for name in part.named_by {
        // What the line says of its surroundings is true of them; `level` stands one object out, `dir` maybe two.
        let said = line.remove(*name).unwrap_or_else(|| panic!("{}: {kind} does not say {name}", schema.name));
        if let Some(own) = around.get(*name) {
            assert_eq!(*own, said);
        }
    }
    let one = match line.get("value") {
        Some(value) if line.len() == 1 => value.clone(),
        _ => Value::Object(line),
    };
    match expected.get(part.path) {
        Some(Value::Object(_)) => drop(around.insert(last.to_owned(), one)),
        _ => around.entry(last).or_insert_with(|| json!([])).as_array_mut().unwrap().push(one),
    }
}

/// Without lists that are empty and members that are null, which no line can show; counts the elements of all lists.
fn shown(value: &Value, elements: &mut u64) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(list) => {
            *elements += list.len() as u64;
            let list: Vec<_> = list.iter().map(|element| shown(element, elements).unwrap_or_default()).collect();
            (!list.is_empty()).then(|| json!(list))
        }
        Value::Object(members) => Some(Value::Object(
            members.iter().filter_map(|(name, member)| Some((name.clone(), shown(member, elements)?))).collect(),
        )),
        other => Some(other.clone()),
    }
}

/// Holds what the ndjson lines of a run say against its JSON report, and tells which report it is and which kinds of lines there
/// were. Panics where they differ.
pub fn rebuilt<'s>(all: &'s [ReportSchema], report: &str, lines: &str) -> (&'s ReportSchema, BTreeSet<&'static str>) {
    let mut report = object(report);
    let mut lines: Vec<_> = lines.lines().map(object).collect();
    let mut summary = lines.pop().unwrap();
    assert_eq!(summary.remove("type"), Some(json!("summary")), "the summary is the last line");
    for name in SHARED.into_iter().filter(|name| *name != "schema") {
        let (one, other) = (report.remove(name), summary.remove(name));
        assert!(name == "run" || one == other, "{name}: {one:?} {other:?}");
    }
    // A checksum is that of the bytes of the JSON report.
    report.remove("sha256");
    let (one, other) = (report.remove("schema").unwrap(), summary.remove("schema").unwrap());
    assert_eq!(one, other);
    let schema = schema_of(all, &report, one.as_str().unwrap());
    let kind = |line: &Map<String, Value>| schema.lines.iter().find(|part| line["type"] == part.kind).map(|part| part.kind);
    let kinds = lines.iter().filter_map(kind).collect();
    // The rest of the body stands in the summary, so that it is put back first.
    let mut body = summary;
    for line in lines {
        put_back(schema, line, &report, &mut body);
    }
    let (mut expected, mut found) = (0, 0);
    let whole = shown(&Value::Object(report), &mut expected);
    let again = shown(&Value::Object(body), &mut found);
    assert_eq!((found, &again), (expected, &whole), "{}", schema.name);
    (schema, kinds)
}
