//! JSON and ndjson.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::safe_json::{write_compact, write_pretty};
use super::{Body, Report};
use crate::formats::facts::close;
use crate::report::lines::take_lines;

/// One pretty-printed object.
pub(super) fn render<B: Body>(report: &Report<B>, out: &mut dyn Write) -> io::Result<()> {
    if B::CLOSED {
        let mut document = Vec::new();
        write_pretty(&mut document, report)?;
        close(&mut document);
        return out.write_all(&document);
    }
    write_pretty(out, report)?;
    writeln!(out)
}

/// One line for each part of the body, then the summary with what is left of it.
pub(super) fn render_lines<B: Body>(report: &Report<B>, out: &mut dyn Write) -> io::Result<()> {
    let Report { schema, tool_version, verdict, body, findings, coverage, next_step, run, asked: _ } = report;
    let mut rest = match serde_json::to_value(body)? {
        Value::Object(members) => members,
        other => Map::from_iter([("value".to_owned(), other)]),
    };
    for line in take_lines(B::LINES, &mut rest) {
        write_line(&line, out)?;
    }
    let summary = json!({
        "type": "summary", "schema": schema, "tool_version": tool_version, "verdict": verdict, "findings": findings,
        "coverage": coverage, "next_step": next_step, "run": run,
    });
    rest.extend(summary.as_object().cloned().unwrap_or_default());
    write_line(&rest, out)
}

fn write_line(line: &Map<String, Value>, out: &mut dyn Write) -> io::Result<()> {
    write_compact(out, line)?;
    writeln!(out)
}
