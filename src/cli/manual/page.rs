//! Manual pages, in the language of man(7).

use std::io::{self, Write};

use clap_mangen::Man;

use super::{Manual, all, definition, of};

/// The section of manuals for commands.
const SECTION: &str = "1";

/// What the environment says to every command.
const ENVIRONMENT: [(&str, &str); 5] = [
    ("COLUMNS", "Columns of a table, in place of those that the terminal says it has; --width counts for more."),
    ("NO_COLOR", "No colours, if it holds anything."),
    ("CLICOLOR_FORCE", "Colours on standard output even where it is no terminal, if it holds anything but 0."),
    ("CLICOLOR, TERM", "No colours if the one is 0 or the other is dumb; on a dumb terminal no progress is drawn either."),
    ("TMPDIR", "Where what comes through standard input, or is unpacked, is kept in a file without a name."),
];

/// The file of a page.
pub(in crate::cli) fn file_name(command: &str) -> String {
    format!("{}.{SECTION}", name_of(command))
}

/// The page of the command of these words, and nothing where there is none.
pub(in crate::cli) fn render(command: &str) -> io::Result<Option<Vec<u8>>> {
    let Some(manual) = of(command) else { return Ok(None) };
    // There are no pages for the help of commands.
    let mut at = definition().disable_help_subcommand(true);
    // Builds the propagated options and the full names, so that every page shows them.
    at.build();
    for name in command.split_whitespace() {
        let Some(below) = at.find_subcommand(name) else { return Ok(None) };
        at = below.clone();
    }
    let has_below = at.has_subcommands();
    let usage = at.render_usage().to_string();
    let man = Man::new(at);
    let mut page = Vec::new();
    let (name, version) = (name_of(command), env!("CARGO_PKG_VERSION"));
    writeln!(page, ".TH {name} {SECTION} \"\" \"ekv-tool {version}\" \"ekv-tool\"")?;
    // Words stay whole, so that they can be copied.
    writeln!(page, ".nh\n.ad l")?;
    man.render_name_section(&mut page)?;
    heading("SYNOPSIS", &mut page)?;
    let usage = usage.trim_start_matches("Usage: ");
    let words = usage.find(['[', '<']).unwrap_or(usage.len());
    let (words, rest) = usage.split_at(words);
    writeln!(page, "\\fB{}\\fR {}", safe(words.trim_end()), safe(rest))?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if has_below {
        man.render_subcommands_section(&mut page)?;
    }
    own_sections(manual, &mut page)?;
    Ok(Some(page))
}

fn own_sections(manual: &Manual, out: &mut Vec<u8>) -> io::Result<()> {
    heading("EXIT STATUS", out)?;
    for (status, what) in manual.statuses {
        item(&status.to_string(), what, out)?;
    }
    if !manual.reads.is_empty() {
        heading("FILES", out)?;
        text("What is read, where it is there. Nothing is written, locked or renamed.", out)?;
        for (files, what) in manual.reads.iter().map(|reads| reads.text()) {
            item(files, what, out)?;
        }
    }
    heading("ENVIRONMENT", out)?;
    for (name, what) in ENVIRONMENT {
        item(name, what, out)?;
    }
    if !manual.notes.is_empty() {
        heading("NOTES", out)?;
        for note in manual.notes {
            writeln!(out, ".PP")?;
            text(note, out)?;
        }
    }
    if !manual.examples.is_empty() {
        heading("EXAMPLES", out)?;
        for example in manual.examples {
            writeln!(out, ".PP")?;
            text(&format!("{}:", example.what.trim_end_matches('?')), out)?;
            writeln!(out, ".PP\n.RS 4\n.EX")?;
            text(example.line, out)?;
            writeln!(out, ".EE\n.RE")?;
        }
    }
    heading("SEE ALSO", out)?;
    let pages: Vec<_> = neighbours(manual).iter().map(|name| format!("\\fB{}\\fR({SECTION})", safe(&name_of(name)))).collect();
    writeln!(out, "{}", pages.join(",\n"))?;
    writeln!(out, ".PP")?;
    text(&format!("docs/{} of the source says more.", manual.doc), out)
}

/// The commands above and below, and those that are near.
fn neighbours(manual: &Manual) -> Vec<&'static str> {
    let depth = |command: &str| command.split_whitespace().count();
    let mut found = Vec::new();
    for other in all().map(|other| other.command) {
        let is_above = other.is_empty() && !manual.command.is_empty() || manual.command.starts_with(&format!("{other} "));
        let is_below = depth(other) == depth(manual.command) + 1
            && (manual.command.is_empty() || other.starts_with(&format!("{} ", manual.command)));
        if is_above || is_below || manual.near.contains(&other) {
            found.push(other);
        }
    }
    found
}

/// `ekv-tool-wal-dump`
fn name_of(command: &str) -> String {
    ["ekv-tool"].into_iter().chain(command.split_whitespace()).collect::<Vec<_>>().join("-")
}

fn heading(name: &str, out: &mut Vec<u8>) -> io::Result<()> {
    writeln!(out, ".SH \"{name}\"")
}

fn item(name: &str, what: &str, out: &mut Vec<u8>) -> io::Result<()> {
    writeln!(out, ".TP\n\\fB{}\\fR", safe(name))?;
    text(what, out)
}

fn text(text: &str, out: &mut Vec<u8>) -> io::Result<()> {
    text.lines().try_for_each(|line| writeln!(out, "{}", safe(line)))
}

/// Text that is no command of the language: hyphens are those of the keyboard, so that a line can be copied.
fn safe(text: &str) -> String {
    let shown = text
        .replace('\\', "\\e")
        .replace('-', "\\-")
        .replace('\'', "\\(aq")
        .replace('`', "\\(ga")
        .replace('^', "\\(ha")
        .replace('~', "\\(ti");
    if shown.starts_with(['.', '\'']) { format!("\\&{shown}") } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_command() {
        assert_eq!(safe(r".x 'a' \x00 -o"), r"\&.x \(aqa\(aq \ex00 \-o");
    }

    #[test]
    fn neighbours_are_above_below_and_near() {
        let names = |command| neighbours(of(command).unwrap());
        assert_eq!(names("wal show"), ["", "inspect", "wal", "wal dump"]);
        assert!(names("").contains(&"wal") && !names("").contains(&"wal dump") && !names("").contains(&""));
        assert!(names("wal").contains(&"wal dump") && names("wal").contains(&"check"));
    }
}
