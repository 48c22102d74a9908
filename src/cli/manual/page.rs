//! Manual pages, in the language of man(7).

use std::io;

use clap_mangen::Man;
use ekv_tool::report::manual::{self, ENVIRONMENT, SECTION, Sections};

use super::{Manual, all, definition, of};

/// What else the environment says to every command.
const COLUMNS: (&str, &str) =
    ("COLUMNS", "Columns of a table, in place of those that the terminal says it has; --width counts for more.");
const TMPDIR: (&str, &str) =
    ("TMPDIR", "Where what comes through standard input, or is unpacked, is kept in a file without a name.");

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
    manual::front(&name_of(command), PROGRAM, env!("CARGO_PKG_VERSION"), &mut page)?;
    man.render_name_section(&mut page)?;
    manual::synopsis(&usage, &mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if has_below {
        man.render_subcommands_section(&mut page)?;
    }
    let files: Vec<_> = manual.reads.iter().map(|reads| reads.text()).collect();
    let examples: Vec<_> = manual.examples.iter().map(|example| (example.what, example.line)).collect();
    let near: Vec<_> = neighbours(manual).into_iter().map(name_of).collect();
    let sections = Sections {
        statuses: manual.statuses,
        files: &files,
        environment: &[&[COLUMNS], &ENVIRONMENT[..], &[TMPDIR]].concat(),
        notes: manual.notes,
        examples: &examples,
        near: &near,
        doc: manual.doc,
    };
    sections.write(&mut page)?;
    Ok(Some(page))
}

/// What pages are called after.
const PROGRAM: &str = "ekv-tool";

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
    manual::page_name(PROGRAM, command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_above_below_and_near() {
        let names = |command| neighbours(of(command).unwrap());
        assert_eq!(names("wal show"), ["", "inspect", "wal", "wal dump"]);
        assert!(names("").contains(&"wal") && !names("").contains(&"wal dump") && !names("").contains(&""));
        assert!(names("wal").contains(&"wal dump") && names("wal").contains(&"check"));
    }
}
