//! `man`: manual pages, made of the same text as `--help`.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Command, CommandFactory as _};
use clap_mangen::Man;
use ekv_tool::report::manual::{self, ENVIRONMENT, SECTION, Sections};

use super::output::{admit, replace};
use super::{Cli, ExitStatus};

const EXAMPLES: &str = "\
Examples:
  ekv-fleet man plan | man -l -
  ekv-fleet man --all /usr/local/share/man/man1";

/// What pages are called after.
const PROGRAM: &str = "ekv-fleet";

/// Of what only shows something.
const SHOWN: [(u8, &str); 3] = [(0, "it is shown"), (1, "the work could not be done"), (130, "interrupted")];

/// What the environment says beside what it says to `ekv-tool`. docs/fleet.md has it as a table.
const OWN: [(&str, &str); 4] = [
    ("COLUMNS", "Columns of a table, in place of those that the terminal says it has."),
    (
        "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL",
        "Who asks an S3 server, and which; AWS_ALLOW_HTTP=true allows http://. Roles of a container or an instance are taken too.",
    ),
    ("GOOGLE_SERVICE_ACCOUNT, GOOGLE_APPLICATION_CREDENTIALS", "Who asks Google."),
    ("AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_KEY", "Who asks Azure."),
];

/// Arguments of `man`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ManArgs {
    /// The command to describe, for example `plan` or `offload audit` [default: the program]
    command: Vec<String>,
    /// Write every page into this directory, as ekv-fleet.1, ekv-fleet-plan.1 and so on
    #[arg(long, value_name = "DIR", conflicts_with_all = ["command", "output"])]
    all: Option<PathBuf>,
}

/// Writes a page to standard output, or all of them.
pub fn run(args: &ManArgs) -> anyhow::Result<ExitStatus> {
    if let Some(dir) = &args.all {
        return all_pages(dir);
    }
    let name = args.command.join(" ");
    let Some(page) = render(&name)? else {
        bail!("man: no command named {name:?}; `ekv-fleet --help` lists them");
    };
    match io::stdout().write_all(&page) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitStatus::Success),
    }
}

/// Writes every page under its name. None is written before it is known that all may be.
fn all_pages(dir: &Path) -> anyhow::Result<ExitStatus> {
    let failed = || format!("man --all {}", dir.display());
    let mut pages = Vec::new();
    for name in names() {
        let page = render(&name)?.unwrap_or_default();
        let file = dir.join(format!("{}.{SECTION}", manual::page_name(PROGRAM, &name)));
        pages.push((admit(&file).with_context(failed)?, page));
    }
    for (file, page) in &pages {
        replace(file, |out| out.write_all(page)).with_context(failed)?;
    }
    Ok(ExitStatus::Success)
}

/// The whole command line with its full names. There are no pages for the help of commands.
fn definition() -> Command {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    command
}

/// The words of every command, none for the program.
fn names() -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), definition())];
    while let Some((words, command)) = open.pop() {
        let below = |below: &Command| (format!("{words} {}", below.get_name()).trim_start().to_owned(), below.clone());
        open.extend(command.get_subcommands().map(below));
        found.push(words);
    }
    found.sort();
    found
}

/// The page of the command of these words; `None` where there is none.
fn render(command: &str) -> io::Result<Option<Vec<u8>>> {
    let mut at = definition();
    let of_program = at.get_after_help().map(ToString::to_string).unwrap_or_default();
    for name in command.split_whitespace() {
        let Some(below) = at.find_subcommand(name) else { return Ok(None) };
        at = below.clone();
    }
    let (has_below, usage) = (at.has_subcommands(), at.render_usage().to_string());
    let help = at.get_after_help().map(ToString::to_string).unwrap_or_default();
    // Its parts have sections of their own.
    let man = Man::new(at.after_help(""));
    let mut page = Vec::new();
    manual::front(&manual::page_name(PROGRAM, command), PROGRAM, env!("CARGO_PKG_VERSION"), &mut page)?;
    man.render_name_section(&mut page)?;
    manual::synopsis(&usage, &mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if has_below {
        man.render_subcommands_section(&mut page)?;
    }
    let shows = matches!(command, "man" | "schema" | "sql");
    let statuses = if shows { SHOWN.to_vec() } else { Help::of(&of_program).statuses };
    let help = Help::of(&help);
    let near: Vec<_> = neighbours(command).iter().map(|name| manual::page_name(PROGRAM, name)).collect();
    let sections = Sections {
        statuses: &statuses,
        environment: &[&OWN[..], &ENVIRONMENT].concat(),
        notes: &help.notes,
        examples: &help.examples,
        near: &near,
        doc: match command {
            "collect" => "fleet/collect.md",
            "plan" => "fleet/plan.md",
            "sql" => "fleet/sql.md",
            _ => "fleet.md",
        },
        ..Sections::default()
    };
    sections.write(&mut page)?;
    Ok(Some(page))
}

/// The commands above, below and beside.
fn neighbours(command: &str) -> Vec<String> {
    let above = |name: &str| name.rsplit_once(' ').map_or("", |(above, _)| above).to_owned();
    let is_near =
        |name: &String| name != command && (above(name) == above(command) || above(name) == command || above(command) == *name);
    names().into_iter().filter(is_near).collect()
}

/// What stands behind the options in `--help`, by what it is.
#[derive(Default)]
struct Help<'h> {
    statuses: Vec<(u8, &'h str)>,
    /// What each is for, and the line.
    examples: Vec<(&'h str, &'h str)>,
    notes: Vec<&'h str>,
}

impl<'h> Help<'h> {
    fn of(text: &'h str) -> Self {
        let mut help = Self::default();
        for part in text.split("\n\n").filter(|part| !part.trim().is_empty()) {
            let lines = || part.lines().skip(1).map(str::trim);
            // What it is for stands behind two blanks.
            let split = |line: &'h str| line.split_once("  ").map(|(first, rest)| (first, rest.trim_start()));
            if part.starts_with("Examples:") {
                help.examples = lines().map(|line| split(line).map_or(("", line), |(line, what)| (what, line))).collect();
            } else if part.starts_with("Exit statuses:") {
                help.statuses =
                    lines().filter_map(split).filter_map(|(status, what)| Some((status.parse().ok()?, what))).collect();
            } else {
                help.notes.push(part);
            }
        }
        help
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_is_taken_apart() {
        let help = Help::of(
            "Examples:\n  a b  shows b\n  a\n\nMore of it\nin two lines.\n\nExit statuses:\n    0  clean\n  130  interrupted",
        );
        assert_eq!(help.examples, [("shows b", "a b"), ("", "a")]);
        assert_eq!(help.notes, ["More of it\nin two lines."]);
        assert_eq!(help.statuses, [(0, "clean"), (130, "interrupted")]);
    }

    /// The words of a line of the shell, up to a pipe.
    fn words(line: &str) -> Vec<String> {
        let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
        for c in line.split(" | ").next().unwrap().chars().chain([' ']) {
            match c {
                '\'' => quoted = !quoted,
                ' ' if !quoted => words.extend((!word.is_empty()).then(|| std::mem::take(&mut word))),
                c => word.push(c),
            }
        }
        words
    }

    #[test]
    fn every_example_is_a_command_line() {
        let mut tried = 0;
        for name in names() {
            let mut at = definition();
            for name in name.split_whitespace() {
                at = at.find_subcommand(name).unwrap().clone();
            }
            let help = at.get_after_help().map(ToString::to_string).unwrap_or_default();
            for (_, line) in Help::of(&help).examples.into_iter().filter(|(_, line)| line.starts_with("ekv-fleet ")) {
                assert!(line.len() + 2 <= 80, "{line}");
                let parsed = Cli::command().try_get_matches_from(words(line));
                assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
                tried += 1;
            }
        }
        assert!(tried > 15, "{tried}");
    }

    #[test]
    fn every_page_has_statuses_and_leads_somewhere() {
        let all = names();
        assert!(all.len() >= 9 && all.contains(&"offload verify".to_owned()), "{all:?}");
        for name in &all {
            let page = String::from_utf8(render(name).unwrap().unwrap()).unwrap();
            let section = |name: &str| {
                page.split(&format!(".SH \"{name}\"\n")).nth(1).unwrap_or_default().split(".SH").next().unwrap().to_owned()
            };
            assert!(section("EXIT STATUS").contains("interrupted"), "{name}: {page}");
            assert!(section("SEE ALSO").contains("ekv\\-fleet"), "{name}: {page}");
            assert!(page.contains("ekv\\-fleet") && !page.contains("Examples:"), "{name}: {page}");
            let has_examples = !section("EXAMPLES").is_empty();
            assert!(
                has_examples || all.iter().any(|other| other.starts_with(&format!("{name} ")) || name.is_empty()),
                "{name}: {page}"
            );
        }
        assert!(render("nothing").unwrap().is_none());
    }
}
