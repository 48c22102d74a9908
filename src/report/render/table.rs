//! For people: plain text that fits the width, colours only on top.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::layout::{Layout, labelled};
use super::picture::{Drawn, in_text};
use super::wrap::{columns_of, wrap};
use super::{Body, Report, Style};
use crate::analysis::{Finding, Severity, Verdict};
use crate::report::{Cell, Heading, NextStep, Section, Tone};
use crate::types::{ByteSize, Count, escape};

/// Findings shown in full before the rest is folded, unless `--verbose`.
const FINDINGS_SHOWN: usize = 25;
/// Columns that the names of facts are given; a longer one pushes its value.
const LABEL: usize = 28;

pub(super) fn render<B: Body>(report: &Report<B>, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let Report { verdict, body, findings, coverage, next_step, .. } = report;
    if !B::JUDGES {
        write_indented(&body.headline(), 0, style, out)?;
        body.sections().iter().try_for_each(|section| write_section(section, style, out))?;
        if next_step.is_some() {
            writeln!(out)?;
        }
        return write_next(next_step.as_ref(), out);
    }
    write_headline(*verdict, &report.headline(), style, out)?;
    if !style.quiet {
        for section in body.sections() {
            write_section(&section, style, out)?;
        }
    }
    write_findings(findings, style, out)?;
    if !style.quiet {
        writeln!(out, "\nExamined {}, {}.", Count(coverage.files, "file"), ByteSize(coverage.bytes_examined))?;
    }
    for part in coverage.not_examined.iter().filter(|part| part.needed || !style.quiet) {
        write_indented(&format!("not examined: {}: {}", part.told(), part.why), 2, style, out)?;
    }
    if style.quiet { Ok(()) } else { write_next(next_step.as_ref(), out) }
}

/// A command stays on one line, so that it can be copied.
fn write_next(step: Option<&NextStep>, out: &mut dyn Write) -> io::Result<()> {
    step.map_or(Ok(()), |step| writeln!(out, "Next: {step}"))
}

fn write_headline(verdict: Verdict, headline: &str, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let word = format!("{:<8}", verdict.name().to_uppercase());
    for (number, line) in wrap(headline, style.room(9)).iter().enumerate() {
        let lead = if number == 0 { paint(&word, verdict_tone(verdict), style) } else { " ".repeat(8) };
        writeln!(out, "{lead} {line}")?;
    }
    Ok(())
}

fn verdict_tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Clean => Tone::Good,
        Verdict::Damaged => Tone::Bad,
        Verdict::Unknown => Tone::Caution,
    }
}

fn write_section(section: &Section, style: Style, out: &mut dyn Write) -> io::Result<()> {
    match section {
        Section::Chapter { title, verdict, headline } => {
            writeln!(out, "\n{}", bold(&format!("== {} ==", escape(title)), style))?;
            write_headline(*verdict, headline, style, out)
        }
        Section::Facts { title, rows } => {
            heading(title, style, out)?;
            let label = rows.iter().map(|(name, _)| columns_of(name)).max().unwrap_or(0).min(LABEL);
            for (name, cell) in rows {
                let width = style.width.map(|_| style.room(0));
                labelled(name, &cell.text, 2, label, width, |lead, line| {
                    writeln!(out, "{lead}{}", paint(line, cell.tone, style))
                })?;
            }
            Ok(())
        }
        Section::Table { title, columns, rows } => {
            heading(title, style, out)?;
            write_table(columns, rows, style, out)
        }
        Section::Text { title, lines } => {
            heading(title, style, out)?;
            lines.iter().try_for_each(|line| writeln!(out, "{}", format!("  {}", escape(line)).trim_end()))
        }
        Section::Picture(picture) => {
            let Drawn { title, lines } = in_text(picture, style.room(2));
            if lines.is_empty() {
                return Ok(());
            }
            writeln!(out)?;
            for line in wrap(&title, style.room(0)) {
                writeln!(out, "{}", bold(&line, style))?;
            }
            lines.iter().try_for_each(|line| writeln!(out, "{}", format!("  {}", escape(line)).trim_end()))
        }
        Section::Note(text) => {
            writeln!(out)?;
            write_indented(text, 0, style, out)
        }
        Section::Fold { brief, full } => {
            writeln!(out)?;
            write_indented(if style.verbose { full } else { brief }, 0, style, out)
        }
    }
}

fn heading(title: &str, style: Style, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out)?;
    wrap(title, style.room(0)).iter().try_for_each(|line| writeln!(out, "{}", bold(line, style)))
}

fn write_table(columns: &[Heading], rows: &[Vec<Cell>], style: Style, out: &mut dyn Write) -> io::Result<()> {
    let layout = Layout::of(columns, rows, style.width);
    layout.head(|line| writeln!(out, "{}", paint(line, Tone::Dim, style)))?;
    for row in rows {
        // A row is painted by its worst tone.
        let tone = row_tone(row);
        layout.row(row, |line| writeln!(out, "{}", paint(line, tone, style)))?;
    }
    Ok(())
}

fn row_tone(row: &[Cell]) -> Tone {
    let has = |tone| row.iter().any(|cell| cell.tone == tone);
    if has(Tone::Bad) {
        Tone::Bad
    } else if has(Tone::Caution) {
        Tone::Caution
    } else {
        Tone::Plain
    }
}

fn write_findings(findings: &[Finding], style: Style, out: &mut dyn Write) -> io::Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    heading("Findings", style, out)?;
    // What only follows from another finding would hide the cause from somebody who reads the first lines.
    let listed: Vec<_> = findings.iter().filter(|finding| style.verbose || finding.derived_from.is_none()).collect();
    let shown = if style.verbose { listed.len() } else { FINDINGS_SHOWN };
    let mut told = BTreeSet::new();
    for finding in listed.iter().take(shown) {
        write_finding(finding, style, out)?;
        if told.insert((finding.group.as_deref(), finding.code.code)) {
            write_consequences(finding, findings, style, out)?;
        }
    }
    if listed.len() > shown {
        writeln!(out, "  ... and {} more; --verbose shows all", listed.len() - shown)?;
    }
    Ok(())
}

/// The names of what follows from a finding.
fn write_consequences(cause: &Finding, all: &[Finding], style: Style, out: &mut dyn Write) -> io::Result<()> {
    let follows = |finding: &&Finding| finding.derived_from == Some(cause.code.code) && finding.group == cause.group;
    let mut names: Vec<_> = all.iter().filter(follows).map(|finding| finding.code.code).collect();
    names.dedup();
    if names.is_empty() {
        return Ok(());
    }
    let hint = if style.verbose { "" } else { " (--verbose shows it)" };
    write_indented(&format!("What follows from it: {}{hint}.", names.join(", ")), 4, style, out)
}

fn write_finding(finding: &Finding, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let Finding { code, severity, group: _, path, offset, length, expected, found, message, advice, derived_from, more } =
        finding;
    let tone = match severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Caution,
        Severity::Info => Tone::Dim,
    };
    writeln!(out, "  {} {}", paint(&format!("{severity:<7}"), tone, style), bold(code.code, style))?;
    if let Some(path) = path {
        let place = match (offset, length) {
            (Some(offset), Some(length)) => format!("{path} at 0x{offset:x} ({offset}), {length} bytes"),
            (Some(offset), None) => format!("{path} at 0x{offset:x} ({offset})"),
            (None, _) => path.clone(),
        };
        write_indented(&place, 4, style, out)?;
    }
    match (expected, found) {
        (Some(expected), Some(found)) => write_indented(&format!("expected {expected}, found {found}"), 4, style, out)?,
        (Some(expected), None) => write_indented(&format!("expected {expected}"), 4, style, out)?,
        (None, Some(found)) => write_indented(&format!("found {found}"), 4, style, out)?,
        (None, None) => {}
    }
    write_indented(message, 4, style, out)?;
    match derived_from {
        // The advice is that of its cause.
        Some(cause) => write_indented(&format!("-> It follows from {cause}."), 4, style, out),
        None if advice.is_empty() => Ok(()),
        None => write_indented(&format!("-> {advice}"), 4, style, out),
    }?;
    if *more > 0 {
        write_indented(&format!("... and {more} more of {}, which are only counted", code.code), 2, style, out)?;
    }
    Ok(())
}

fn write_indented(text: &str, indent: usize, style: Style, out: &mut dyn Write) -> io::Result<()> {
    for line in wrap(text, style.room(indent)) {
        writeln!(out, "{:indent$}{line}", "")?;
    }
    Ok(())
}

fn bold(text: &str, style: Style) -> String {
    if style.color { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
}

pub(in crate::report) fn paint(text: &str, tone: Tone, style: Style) -> String {
    let code = match tone {
        _ if text.is_empty() => return String::new(),
        Tone::Good => "32",
        Tone::Caution => "33",
        Tone::Bad => "31",
        Tone::Dim => "2",
        Tone::Plain => return text.to_owned(),
    };
    if style.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_wrap_the_text_and_only_when_asked() {
        let style = Style { color: true, ..Style::default() };
        assert_eq!(paint("x", Tone::Bad, style), "\u{1b}[31mx\u{1b}[0m");
        assert_eq!(paint("x", Tone::Bad, Style::default()), "x");
    }

    #[test]
    fn a_narrow_table_breaks_neither_titles_nor_numbers() {
        let columns = ["path", ">snapshot", ">not made", ">index"].map(Heading::from);
        let row = vec![Cell::new("a/rather/long/path/of/a/group"), Cell::new(7), Cell::new(0), Cell::new(123_456_789_u64)];
        let mut out = Vec::new();
        write_table(&columns, &[row], Style { width: Some(42), ..Style::default() }, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        for whole in ["snapshot", "not", "made", "123456789"] {
            assert!(text.contains(whole), "{whole} is broken in\n{text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 42), "{text}");
    }
}
