//! What is shown of a Pebble directory.

use serde_json::Value;

use crate::readers::hraft::PebbleLog;
use crate::readers::pebble::{FormatMarker, StoreFacts};
use crate::report::{Cell, Tone};
use crate::types::{ByteSize, Count, Escaped};

fn format_version(facts: &StoreFacts) -> Option<u64> {
    match facts.format {
        FormatMarker::Version(version) => Some(version),
        FormatMarker::Missing | FormatMarker::Malformed(_) => None,
    }
}

fn stopped(log: &PebbleLog) -> Option<String> {
    log.stopped.as_ref().map(|(damage, last)| format!("{damage}; the last key before it is {}", Escaped(last)))
}

fn unknown(log: &PebbleLog) -> Vec<String> {
    log.unknown_keys.iter().map(|key| Escaped(key).to_string()).collect()
}

/// For programs.
pub(super) fn value(log: &PebbleLog) -> Value {
    let facts = log.facts();
    serde_json::json!({
        "file": facts.name,
        "kind": "pebble",
        "format_version": format_version(facts),
        "manifest": facts.manifest_facts().map(|manifest| manifest.name.as_str()),
        "tables": facts.live_tables,
        "table_bytes": facts.live_bytes,
        "logs": facts.logs.iter().map(|log| log.name.as_str()).collect::<Vec<_>>(),
        "keys": log.stats.live,
        "records": log.stats.records,
        "unknown_keys": log.unknown,
        "unknown_keys_shown": unknown(log),
        "stopped": stopped(log),
    })
}

/// For people.
pub(super) fn rows(log: &PebbleLog) -> Vec<(&'static str, Cell)> {
    let facts = log.facts();
    let mut rows = vec![
        ("kind", Cell::new("a directory of Pebble, the log store of elastickv's middle generation")),
        ("format version", Cell::option(format_version(facts))),
        ("manifest", Cell::option(facts.manifest_facts().map(|manifest| manifest.name.clone()))),
        ("tables", Cell::new(format!("{}, {}", facts.live_tables, ByteSize(facts.live_bytes)))),
        ("logs replayed", Cell::new(facts.logs.len())),
        ("keys", Cell::new(format!("{} in {}", log.stats.live, Count(log.stats.records, "record")))),
    ];
    if log.unknown > 0 {
        rows.push(("unknown keys", Cell::toned(format!("{}: {}", log.unknown, unknown(log).join(", ")), Tone::Caution)));
    }
    if let Some(stopped) = stopped(log) {
        rows.push(("not read", Cell::toned(stopped, Tone::Bad)));
    }
    rows
}
