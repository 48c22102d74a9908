//! Markdown that pastes into an incident channel.

use std::io::{self, Write};

use super::picture::{Drawn, TEXT_WIDTH, in_text};
use super::{Body, Report, columns_of};
use crate::analysis::Finding;
use crate::report::{Align, Cell, Heading, Section};
use crate::types::{self, ByteSize, Count};

/// Cells wider than this are not waited for by the others.
const PADDED: usize = 32;

pub(super) fn render<B: Body>(report: &Report<B>, out: &mut dyn Write) -> io::Result<()> {
    let Report { verdict, body, findings, coverage, next_step, .. } = report;
    if !B::JUDGES {
        writeln!(out, "{}\n", escape(&body.headline()))?;
        body.sections().iter().try_for_each(|section| write_section(section, out))?;
        return next_step.as_ref().map_or(Ok(()), |step| writeln!(out, "Next: {}", quoted(&step.to_string())));
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
    writeln!(out, "Examined {}, {}.", Count(coverage.files, "file"), ByteSize(coverage.bytes_examined))?;
    for part in &coverage.not_examined {
        writeln!(out, "- not examined: {} ({})", escape(&part.told()), escape(&part.why))?;
    }
    if let Some(step) = next_step {
        writeln!(out, "\nNext: {}", quoted(&step.to_string()))?;
    }
    Ok(())
}

fn write_section(section: &Section, out: &mut dyn Write) -> io::Result<()> {
    match section {
        Section::Chapter { title, verdict, headline } => {
            writeln!(out, "## {}\n\n**{}** {}\n", escape(title), verdict.name().to_uppercase(), escape(headline))
        }
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
        Section::Picture(picture) => {
            let Drawn { title, lines } = in_text(picture, TEXT_WIDTH);
            if lines.is_empty() { Ok(()) } else { write_section(&Section::Text { title, lines }, out) }
        }
        Section::Text { title, lines } => {
            heading(title, out)?;
            let longest = lines.iter().map(|line| longest_run(line)).max().unwrap_or(0);
            let fence = "`".repeat(3.max(longest + 1));
            writeln!(out, "{fence}text")?;
            for line in lines {
                writeln!(out, "{}", types::escape(line))?;
            }
            writeln!(out, "{fence}\n")
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
        cells.map(|cell| columns_of(cell)).max().unwrap_or(0).clamp(3, PADDED)
    };
    let widths: Vec<_> = (0..columns.len()).map(width).collect();
    let line = |cells: &[String]| {
        let cells = cells.iter().zip(&widths).zip(&right);
        let cell = |((cell, &width), &right): ((&String, &usize), &bool)| {
            let pad = width.saturating_sub(columns_of(cell));
            if right { format!("{:pad$}{cell}", "") } else { format!("{cell}{:pad$}", "") }
        };
        let cells: Vec<_> = cells.map(cell).collect();
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
        write!(out, " {}", quoted(path))?;
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

/// A name as it stands, whatever it holds: in more backticks than it has in a row.
fn quoted(name: &str) -> String {
    let name = types::escape(name);
    let fence = "`".repeat(longest_run(&name) + 1);
    // A blank on either side belongs to the fence when the text would run into it.
    let pad = if name.is_empty() || name.starts_with('`') || name.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{name}{pad}{fence}")
}

/// Most backticks in a row.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Text of a paragraph or cell. Our sentences put names in backticks, and a name may hold anything: what stands between two
/// backticks is code whoever set them, and nothing else is taken for markup. Line ends are blanks.
pub(in crate::report) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 16);
    let parts: Vec<&str> = text.split('`').collect();
    let last = parts.len() - 1;
    for (number, part) in parts.iter().enumerate() {
        match (number % 2 == 1, part.is_empty()) {
            // The last one has no partner.
            (true, _) if number == last => {
                safe.push_str("\\`");
                plain(part, &mut safe);
            }
            (true, true) => safe.push_str("\\`\\`"),
            // A bar ends a cell even here.
            (true, false) => {
                safe.push('`');
                safe.push_str(&types::escape(&part.replace('|', "\\|").replace('\n', " ")));
                safe.push('`');
            }
            (false, _) => plain(part, &mut safe),
        }
    }
    safe
}

/// Text without backticks and without markup.
fn plain(text: &str, safe: &mut String) {
    let text = types::escape(&text.replace('\n', " ")).into_owned();
    let mut rest = text.as_str();
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let entity = || after.starts_with(|c: char| c.is_ascii_alphabetic() || c == '#');
        match c {
            // Before anything but punctuation, and the end of the line, a backslash is one.
            '\\' if !after.starts_with(|c: char| c.is_ascii_punctuation()) && !after.is_empty() => safe.push(c),
            '\\' | '*' | '[' | ']' | '|' | '~' => safe.extend(['\\', c]),
            '<' => safe.push_str("&lt;"),
            '&' if entity() => safe.push_str("&amp;"),
            // What would become a link by itself.
            ':' if after.starts_with("//") => safe.push_str("\\:"),
            '.' if safe.get(safe.len().saturating_sub(3)..).is_some_and(|end| end.eq_ignore_ascii_case("www")) => {
                safe.push_str("\\.");
            }
            _ => safe.push(c),
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_names() {
        assert_eq!(quoted("a.snap"), "`a.snap`");
        assert_eq!(quoted("a`[x](y)``b"), "```a`[x](y)``b```");
        assert_eq!(quoted("`"), "`` ` ``");
        assert_eq!(quoted("\u{202e}\n"), "`\\u{202e}\\n`");
    }

    #[test]
    fn text_is_no_markup() {
        for (text, expected) in [
            ("ends with `EOF` here", "ends with `EOF` here"),
            ("a`[click](http://x)", r"a\`\[click\](http\://x)"),
            ("<img src=x> &lt; & co", r"&lt;img src=x> &amp;lt; & co"),
            ("a|b `c|d`", r"a\|b `c\|d`"),
            ("``x", r"\`\`x"),
            ("**x** ~~y~~ www.z", r"\*\*x\*\* \~\~y\~\~ www\.z"),
            ("two\nlines\t\u{200b}", r"two lines\t\u{200b}"),
            (r"back\slash \[x] \\ \", r"back\slash \\\[x\] \\\ \\"),
        ] {
            assert_eq!(escape(text), expected, "{text}");
        }
    }
}
