//! What is said of each command beside its options: examples, what it reads, how it ends, what is near it. The help of the command
//! and its manual page are both made of this.

mod node;
mod page;
mod program;
mod snapshot;
mod store;
mod wal;

use super::Cli;

pub(super) use page::{file_name, render};

/// A line that can be run as it stands where there is a node `n1` and the like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Example {
    /// The command, for a shell.
    line: &'static str,
    /// What it is for, in a few words.
    what: &'static str,
}

const fn example(line: &'static str, what: &'static str) -> Example {
    Example { line, what }
}

/// What a command reads, as its manual page names it under FILES.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    /// The Raft log.
    Log,
    /// The files that stand for snapshots.
    Envelopes,
    /// The contents of snapshots.
    Payloads,
    /// The store.
    Store,
    /// The members of a group, and what names the backend.
    Peers,
    /// The key sidecar and the key that opens it.
    Keys,
    /// Files of `facts`.
    Facts,
    /// Snapshots in object stores.
    Offloads,
    /// Directories of hashicorp/raft.
    Hashicorp,
    /// Members of etcd.
    Etcd,
}

impl Reads {
    /// The files, and what they are.
    const fn text(self) -> (&'static str, &'static str) {
        match self {
            Self::Log => ("wal/*.wal", "the segments of the Raft log, those that a repair set aside (.broken) included"),
            Self::Envelopes => ("snap/*.snap", "the envelopes that stand for snapshots"),
            Self::Payloads => ("fsm-snap/*.fsm", "the payloads of snapshots"),
            Self::Store => ("fsm.db/", "the Pebble store: MANIFEST, OPTIONS, logs and tables"),
            Self::Peers => ("etcd-raft-peers.bin, raft-engine", "the members of the group, and which backend keeps the log"),
            Self::Keys => {
                ("keys.json, KEK", "the key sidecar of a server with encryption, and the file of the key that opens it")
            }
            Self::Facts => ("*.facts", "what `facts` gathered of nodes elsewhere"),
            Self::Offloads => ("v1/", "manifests and payloads of offloaded snapshots, in a directory that is an object store"),
            Self::Hashicorp => ("raft.db, wal/, wal-meta.db, snapshots/", "log and snapshots of a node of hashicorp/raft"),
            Self::Etcd => ("member/wal/, member/snap/", "log, snapshots and store of a member of etcd"),
        }
    }
}

/// What an exit status means.
type Statuses = &'static [(u8, &'static str)];

/// Of a command that judges.
const JUDGED: Statuses = &[
    (0, "clean: nothing is damaged"),
    (1, "the work could not be done: wrong usage, no such path, an error of input or output"),
    (2, "damaged: there is a finding that is an error"),
    (3, "unknown: something needed could not be read, or changed while it was read"),
    (130, "interrupted"),
];

/// Of a command that only shows.
const SHOWN: Statuses = &[(0, "it is shown"), (1, "the work could not be done"), (130, "interrupted")];

/// What is said of one command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manual {
    /// The words of the command; none for the program.
    command: &'static str,
    examples: &'static [Example],
    /// What else is to be known, in paragraphs.
    notes: &'static [&'static str],
    reads: &'static [Reads],
    statuses: Statuses,
    /// Whether `--help` lists the statuses too, because they say more than those of other commands.
    shows_statuses: bool,
    /// Commands that are near.
    near: &'static [&'static str],
    /// The page in docs/ that says more.
    doc: &'static str,
}

impl Manual {
    /// Of a command that judges what it reads; the rest is empty.
    const USUAL: Self = Self {
        command: "",
        examples: &[],
        notes: &[],
        reads: &[],
        statuses: JUDGED,
        shows_statuses: false,
        near: &[],
        doc: "architecture.md",
    };

    /// What stands behind the options in `--help`.
    fn help(&self) -> String {
        let mut parts = Vec::new();
        if !self.examples.is_empty() {
            parts.push(examples(self.examples));
        }
        parts.extend(self.notes.iter().map(|note| (*note).to_owned()));
        if self.shows_statuses {
            let lines: Vec<_> = self.statuses.iter().map(|(status, what)| format!("  {status:>3}  {what}")).collect();
            parts.push(format!("Exit statuses:\n{}", lines.join("\n")));
        }
        parts.join("\n\n")
    }
}

/// Columns of the help.
const HELP_WIDTH: usize = 80;

/// The examples with what they are for behind them, or above them where a line would become too long.
fn examples(examples: &[Example]) -> String {
    let widest = examples.iter().map(|example| example.line.len()).max().unwrap_or(0);
    let fits = |example: &Example| 4 + widest + example.what.len() <= HELP_WIDTH && !example.line.contains('\n');
    let beside = examples.iter().all(fits);
    let line = |Example { line, what }: &Example| {
        if beside { format!("  {line:<widest$}  {what}") } else { format!("  # {what}\n  {}", line.replace('\n', "\n  ")) }
    };
    let lines: Vec<_> = examples.iter().map(line).collect();
    format!("Examples:\n{}", lines.join("\n"))
}

/// What is said of every command, the program first.
fn all() -> impl Iterator<Item = &'static Manual> {
    program::MANUALS.iter().chain(node::MANUALS).chain(snapshot::MANUALS).chain(wal::MANUALS).chain(store::MANUALS)
}

/// The words of every command, none for the program.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    all().map(|manual| manual.command)
}

/// What is said of the command of these words.
fn of(command: &str) -> Option<&'static Manual> {
    all().find(|manual| manual.command == command)
}

/// The whole command line as clap sees it, with examples.
pub(super) fn definition() -> clap::Command {
    with_help(<Cli as clap::CommandFactory>::command(), "")
}

fn with_help(command: clap::Command, words: &str) -> clap::Command {
    let command = match of(words).map(Manual::help).filter(|help| !help.is_empty()) {
        Some(help) => command.after_help(help),
        None => command,
    };
    command.mut_subcommands(|below| {
        let words = [words, below.get_name()].join(" ");
        with_help(below, words.trim_start())
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// The words of every command.
    fn commands() -> BTreeSet<String> {
        let mut found = BTreeSet::from([String::new()]);
        let mut open = vec![(String::new(), definition())];
        while let Some((words, command)) = open.pop() {
            for below in command.get_subcommands() {
                let words = format!("{words} {}", below.get_name()).trim_start().to_owned();
                found.insert(words.clone());
                open.push((words, below.clone()));
            }
        }
        found
    }

    #[test]
    fn every_command_has_a_manual_and_every_manual_a_command() {
        let told: BTreeSet<String> = all().map(|manual| manual.command.to_owned()).collect();
        assert_eq!(told, commands());
        assert_eq!(all().count(), told.len(), "a command has two");
        for manual in all() {
            let has_below = told.iter().any(|other| other.starts_with(&format!("{} ", manual.command)));
            assert!(has_below || !manual.examples.is_empty(), "{}: has no example", manual.command);
        }
    }

    #[test]
    fn what_a_manual_names_is_there() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
        for manual in all() {
            assert!(docs.join(manual.doc).exists(), "{}: {}", manual.command, manual.doc);
            for near in manual.near {
                assert!(of(near).is_some() && *near != manual.command, "{}: {near}", manual.command);
            }
        }
    }

    #[test]
    fn help_fits_80_columns() {
        for manual in all() {
            for line in manual.help().lines() {
                assert!(line.len() <= HELP_WIDTH, "{}: {line:?}", manual.command);
                assert_eq!(line, line.trim_end(), "{}", manual.command);
            }
        }
    }

    #[test]
    fn what_an_example_is_for_stands_beside_it_or_above() {
        let short = [example("a b", "shows b"), example("a", "shows a")];
        assert_eq!(examples(&short), "Examples:\n  a b  shows b\n  a    shows a");
        let long = [example("a \\\n  b", "shows b")];
        assert_eq!(examples(&long), "Examples:\n  # shows b\n  a \\\n    b");
    }
}
