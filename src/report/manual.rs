//! Manual pages in the language of man(7): what stands beside the name, the description and the options of a command.

use std::io::{self, Write};

/// The section of manuals for commands.
pub const SECTION: &str = "1";

/// What the environment says to every command that draws a report.
pub const ENVIRONMENT: [(&str, &str); 3] = [
    ("NO_COLOR", "No colours, if it holds anything."),
    ("CLICOLOR_FORCE", "Colours on standard output even where it is no terminal, if it holds anything but 0."),
    ("CLICOLOR, TERM", "No colours if the one is 0 or the other is dumb; on a dumb terminal no progress is drawn either."),
];

/// The sections of a page behind its options.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sections<'m> {
    /// Exit statuses and what they mean.
    pub statuses: &'m [(u8, &'m str)],
    /// What is read, and what it is.
    pub files: &'m [(&'m str, &'m str)],
    /// Variables, and what they say.
    pub environment: &'m [(&'m str, &'m str)],
    /// What else is to be known, in paragraphs.
    pub notes: &'m [&'m str],
    /// Lines that can be run as they stand, each behind what it is for; that may be empty.
    pub examples: &'m [(&'m str, &'m str)],
    /// The names of the pages that are near.
    pub near: &'m [String],
    /// The page of the documentation that says more.
    pub doc: &'m str,
}

/// The name of the page of the command of these words.
pub fn page_name(program: &str, command: &str) -> String {
    [program].into_iter().chain(command.split_whitespace()).collect::<Vec<_>>().join("-")
}

/// The front of the page of that name.
///
/// # Errors
///
/// Those of `out`.
pub fn front(name: &str, program: &str, version: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, ".TH {name} {SECTION} \"\" \"{program} {version}\" \"{program}\"")?;
    // Words stay whole, so that they can be copied.
    writeln!(out, ".nh\n.ad l")
}

/// How the command is called, as its help says it behind `Usage: `.
///
/// # Errors
///
/// Those of `out`.
pub fn synopsis(usage: &str, out: &mut dyn Write) -> io::Result<()> {
    heading("SYNOPSIS", out)?;
    let usage = usage.trim_start_matches("Usage: ");
    let words = usage.find(['[', '<']).unwrap_or(usage.len());
    let (words, rest) = usage.split_at(words);
    writeln!(out, "\\fB{}\\fR {}", safe(words.trim_end()), safe(rest))
}

impl Sections<'_> {
    /// Writes them. What has nothing to say is left out.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        heading("EXIT STATUS", out)?;
        for (status, what) in self.statuses {
            item(&status.to_string(), what, out)?;
        }
        if !self.files.is_empty() {
            heading("FILES", out)?;
            text("What is read, where it is there. Nothing is written, locked or renamed.", out)?;
            for (files, what) in self.files {
                item(files, what, out)?;
            }
        }
        heading("ENVIRONMENT", out)?;
        for (name, what) in self.environment {
            item(name, what, out)?;
        }
        if !self.notes.is_empty() {
            heading("NOTES", out)?;
            for note in self.notes {
                writeln!(out, ".PP")?;
                text(note, out)?;
            }
        }
        if !self.examples.is_empty() {
            heading("EXAMPLES", out)?;
            for (what, line) in self.examples {
                if !what.is_empty() {
                    writeln!(out, ".PP")?;
                    text(&format!("{}:", what.trim_end_matches('?')), out)?;
                }
                writeln!(out, ".PP\n.RS 4\n.EX")?;
                text(line, out)?;
                writeln!(out, ".EE\n.RE")?;
            }
        }
        heading("SEE ALSO", out)?;
        let pages: Vec<_> = self.near.iter().map(|name| format!("\\fB{}\\fR({SECTION})", safe(name))).collect();
        writeln!(out, "{}", pages.join(",\n"))?;
        writeln!(out, ".PP")?;
        text(&format!("docs/{} of the source says more.", self.doc), out)
    }
}

fn heading(name: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, ".SH \"{name}\"")
}

fn item(name: &str, what: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, ".TP\n\\fB{}\\fR", safe(name))?;
    text(what, out)
}

fn text(text: &str, out: &mut dyn Write) -> io::Result<()> {
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
}
