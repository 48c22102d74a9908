//! JSON and ndjson.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::safe_json::{write_compact, write_pretty};
use super::{Body, Report};

/// One pretty-printed object.
pub(super) fn render<B: Body>(report: &Report<B>, out: &mut dyn Write) -> io::Result<()> {
    write_pretty(out, report)?;
    writeln!(out)
}

/// One line for each part of the body, then the summary.
pub(super) fn render_lines<B: Body>(report: &Report<B>, out: &mut dyn Write) -> io::Result<()> {
    let Report { schema, tool_version, verdict, body, findings, coverage, next_step, run } = report;
    for (kind, value) in body.lines() {
        let mut line = serde_json::Map::new();
        line.insert("type".to_owned(), kind.into());
        match value {
            Value::Object(fields) => line.extend(fields),
            other => drop(line.insert("value".to_owned(), other)),
        }
        write_line(&Value::Object(line), out)?;
    }
    let summary = json!({
        "type": "summary", "schema": schema, "tool_version": tool_version, "verdict": verdict, "findings": findings,
        "coverage": coverage, "next_step": next_step, "run": run,
    });
    write_line(&summary, out)
}

fn write_line(value: &Value, out: &mut dyn Write) -> io::Result<()> {
    write_compact(out, value)?;
    writeln!(out)
}
