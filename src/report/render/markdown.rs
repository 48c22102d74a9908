//! Markdown that pastes into an incident channel.

use std::io::{self, Write};

use super::{Body, Report};
use crate::analysis::Finding;
use crate::report::{Align, Cell, Heading, Section};
use crate::types::{self, ByteSize};

/// Cells wider than this are not waited for by the others.
const PADDED: usize = 32;

pub(super) fn render<B: Body>(report: &Report<B>, out: &mut dyn Write) -> io::Result<()> {
    let Report { verdict, body, findings, coverage, next_step, .. } = report;
    if !B::JUDGES {
        writeln!(out, "{}\n", escape(&body.headline()))?;
        body.sections().iter().try_for_each(|section| write_section(section, out))?;
        return next_step.as_ref().map_or(Ok(()), |step| writeln!(out, "Next: `{step}`"));
    }
    writeln!(out, "**{}** {}\n", verdict.name().to_uppercase(), escape(&report.headline()))?;
    for section in body.sections() {
        write_section(&section, out)?;
    }
    if !findings.is_empty() {
        writeln!(out, "### Findings\n")?;
        for finding in findings {
            write_finding(finding, out)?;
        }
        writeln!(out)?;
    }
    let files = if coverage.files == 1 { "file" } else { "files" };
    writeln!(out, "Examined {} {files}, {}.", coverage.files, ByteSize(coverage.bytes_examined))?;
    for part in &coverage.not_examined {
        writeln!(out, "- not examined: {} ({})", escape(&part.what), escape(&part.why))?;
    }
    if let Some(step) = next_step {
        writeln!(out, "\nNext: `{step}`")?;
    }
    Ok(())
}

fn write_section(section: &Section, out: &mut dyn Write) -> io::Result<()> {
    match section {
        Section::Facts { title, rows } => {
            heading(title, out)?;
            for (name, cell) in rows {
                writeln!(out, "- {}: {}", escape(name), escape(&cell.text))?;
            }
            writeln!(out)
        }
        Section::Table { title, columns, rows } => {
            heading(title, out)?;
            write_table(columns, rows, out)?;
            writeln!(out)
        }
        Section::Text { title, lines } => {
            heading(title, out)?;
            writeln!(out, "```text")?;
            for line in lines {
                writeln!(out, "{}", types::escape(line))?;
            }
            writeln!(out, "```\n")
        }
        Section::Note(text) | Section::Fold { brief: text, .. } => writeln!(out, "{}\n", escape(text)),
    }
}

/// Bars under each other, so that the table can also be read where it is not drawn as one.
fn write_table(columns: &[Heading], rows: &[Vec<Cell>], out: &mut dyn Write) -> io::Result<()> {
    let right: Vec<_> = columns.iter().map(|heading| heading.align == Align::Right).collect();
    let head: Vec<_> = columns.iter().map(|heading| escape(&heading.name)).collect();
    let rows: Vec<Vec<_>> = rows.iter().map(|row| row.iter().map(|cell| escape(&cell.text)).collect()).collect();
    let width = |column: usize| {
        let cells = std::iter::once(&head).chain(&rows).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0).clamp(3, PADDED)
    };
    let widths: Vec<_> = (0..columns.len()).map(width).collect();
    let line = |cells: &[String]| {
        let cells = cells.iter().zip(&widths).zip(&right);
        let cells: Vec<_> = cells
            .map(|((cell, &width), &right)| if right { format!("{cell:>width$}") } else { format!("{cell:<width$}") })
            .collect();
        format!("| {} |", cells.join(" | "))
    };
    let rule = |(&width, &right): (&usize, &bool)| if right { format!("{}:", "-".repeat(width - 1)) } else { "-".repeat(width) };
    let rules: Vec<_> = widths.iter().zip(&right).map(rule).collect();
    writeln!(out, "{}\n{}", line(&head), line(&rules))?;
    rows.iter().try_for_each(|row| writeln!(out, "{}", line(row)))
}

fn heading(title: &str, out: &mut dyn Write) -> io::Result<()> {
    if title.is_empty() { Ok(()) } else { writeln!(out, "### {}\n", escape(title)) }
}

fn write_finding(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let Finding { code, severity, group: _, path, offset, length: _, expected, found, message, advice, derived_from, more } =
        finding;
    write!(out, "- **{severity}** `{}`", code.code)?;
    if let Some(path) = path {
        write!(out, " `{}`", types::escape(path))?;
    }
    if let Some(offset) = offset {
        write!(out, " at {offset}")?;
    }
    if let (Some(expected), Some(found)) = (expected, found) {
        write!(out, " (expected {}, found {})", escape(expected), escape(found))?;
    }
    let advice = derived_from.map_or_else(|| advice.clone(), |cause| format!("It follows from {cause}."));
    let said = if advice.is_empty() { message.clone() } else { format!("{message} {advice}") };
    writeln!(out, ": {}", escape(&said))?;
    if *more > 0 {
        writeln!(out, "- ... and {more} more of `{}`, which are only counted", code.code)?;
    }
    Ok(())
}

/// Text inside a table cell or paragraph: bars and newlines would end the cell. Control characters are shown escaped.
pub(in crate::report) fn escape(text: &str) -> String {
    types::escape(&text.replace('|', "\\|").replace('\n', " ")).into_owned()
}
