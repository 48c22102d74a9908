//! The command line: arguments in, one library call, a report out. One file a command.
//!
//! No decision about data is made here.
#![allow(clippy::disallowed_methods, reason = "paths of the command line and files for the output are this machine's")]

mod args;
mod check;
mod compare;
mod complete;
mod context;
mod exit;
mod explain;
mod facts;
mod gate_dryrun;
mod generate;
mod history;
mod inspect;
mod ledger;
mod manual;
mod offload;
mod output;
mod progress;
mod report;
mod snapshot;
mod store;
mod target;
mod verify_snapshot;
mod version;
mod wal;

use std::ffi::OsString;

use clap::{ArgMatches, FromArgMatches, Parser, Subcommand};
use rustix::process::{Resource, getrlimit};

use args::Format;

pub use args::GlobalArgs;
pub use context::Context;
pub use exit::ExitStatus;
use manual::definition;

/// Reads the data directory of an elastickv node, alive or dead, and says what is in it, what is damaged and what the
/// next start will do
#[derive(Debug, Parser)]
#[command(name = "ekv-tool", version, long_version = version::long(), max_term_width = 80, propagate_version = true)]
pub struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    VerifySnapshot(verify_snapshot::VerifySnapshotArgs),
    /// Say what the next start of each group will do: skip, execute or fall back to the full restore, or be refused
    GateDryrun(gate_dryrun::GateArgs),
    /// Hold one node's files against every rule of Raft and of the server
    Check(check::CheckArgs),
    /// Hold the copies of a group on several nodes against each other
    Compare(compare::CompareArgs),
    /// Ask everything about nodes and write it on one page: for a postmortem, as an attachment
    Report(report::ReportArgs),
    /// Gather what `compare` has to know of a node into a file without keys and values
    Facts(facts::FactsArgs),
    /// Show every version of a key: who wrote it, when, what was there before, and where each version lies
    History(history::HistoryArgs),
    /// Say what a file or directory is and what it says about itself
    Inspect(inspect::InspectArgs),
    /// Look into snapshots: what there is, what one holds, what two do not share
    Snapshot(snapshot::SnapshotArgs),
    /// Plan for offloaded snapshots: what a publish or a restore would do
    Offload(offload::OffloadArgs),
    /// Look into the Raft log
    Wal(wal::WalArgs),
    /// Look into the Pebble store
    Store(store::StoreArgs),
    /// Say what a finding code or an error of the server means, and what to do
    Explain(explain::ExplainArgs),
    /// Print a completion script for a shell
    Completions(generate::CompletionsArgs),
    /// Print the manual page of the program or of one command
    Man(generate::ManArgs),
    /// Print the JSON Schema of a command's `--format json`
    Schema(generate::SchemaArgs),
}

impl Command {
    /// How its report is written when nobody says how.
    const fn usual_format(&self) -> Format {
        match self {
            // It is read by `compare`.
            Self::Facts(_) => Format::Json,
            // It is made to be passed on.
            Self::Report(_) => Format::Html,
            _ => Format::Table,
        }
    }
}

/// Room for the program whatever the limit of the shell (`ulimit -s`) leaves to its first thread.
const STACK: usize = 8 << 20;

/// Runs the program on `argv` and says how it went. Everything that can go wrong ends here.
pub fn run(argv: impl IntoIterator<Item = OsString>) -> ExitStatus {
    ekv_tool::io::ignore_file_size_signal();
    progress::survive_asking();
    let argv: Vec<OsString> = argv.into_iter().collect();
    if complete::answered(&argv) {
        return ExitStatus::Clean;
    }
    // `None` is no limit.
    if getrlimit(Resource::Stack).current.is_none_or(|limit| limit >= STACK as u64) {
        return run_here(&argv);
    }
    let again = argv.clone();
    match std::thread::Builder::new().stack_size(STACK).spawn(move || run_here(&argv)) {
        Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        // A system that has no thread to give may still have room here.
        Err(_) => run_here(&again),
    }
}

fn run_here(argv: &[OsString]) -> ExitStatus {
    let words: Vec<OsString> = argv.iter().skip(1).cloned().collect();
    let parsed = definition().try_get_matches_from(argv).and_then(|asked| Ok((Cli::from_arg_matches(&asked)?, name_of(&asked))));
    let (cli, command) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return misused(&error, words),
    };
    let context = match Context::new(cli.global, cli.command.usual_format(), words) {
        Ok(context) => context,
        Err(error) => return exit::of_error(&error),
    };
    match dispatch(cli.command, &context) {
        Ok(status) => status,
        Err(error) => {
            let Some(message) = exit::message_of(&error) else { return ExitStatus::Interrupted };
            context.emit_failure(command, message.clone(), exit::failed(&message))
        }
    }
}

/// Wrong usage. A script that asked for a report of its own format gets one, and its file of an earlier run is replaced, as far as
/// the command line can be understood.
fn misused(error: &clap::Error, words: Vec<OsString>) -> ExitStatus {
    let status = exit::of_clap(error);
    if status == ExitStatus::Clean {
        return status;
    }
    let reporting = std::iter::once(OsString::from("ekv-tool")).chain(how_to_report(&words));
    let Ok(asked) = Reporting::try_parse_from(reporting) else { return status };
    let command = name_in(&words);
    let Ok(context) = Context::new(asked.global, Format::Table, words) else { return status };
    context.emit_failure(command, exit::line_of_clap(error), status)
}

/// The options of every command by themselves.
#[derive(Debug, Parser)]
struct Reporting {
    #[command(flatten)]
    global: GlobalArgs,
}

/// The words that say how and where to report, whatever stands around them.
fn how_to_report(words: &[OsString]) -> Vec<OsString> {
    const OPTIONS: [&str; 3] = ["--format", "--output", "-o"];
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let Some(text) = word.to_str() else { continue };
        if OPTIONS.contains(&text) {
            found.extend([Some(word), words.get(at + 1)].into_iter().flatten().cloned());
        } else if text.split_once('=').is_some_and(|(option, _)| OPTIONS.contains(&option)) {
            found.push(word.clone());
        }
    }
    found
}

/// The command that a line which is not understood begins with, `wal-dump`.
fn name_in(words: &[OsString]) -> String {
    let mut names = Vec::new();
    let mut at = definition();
    for word in words.iter().filter_map(|word| word.to_str()) {
        if let Some(sub) = at.find_subcommand(word).cloned() {
            names.push(sub.get_name().to_owned());
            at = sub;
        }
    }
    if names.is_empty() { "ekv-tool".to_owned() } else { names.join("-") }
}

/// The command that was asked for, as it stands in the `schema` of its reports: `gate-dryrun`, `wal-dump`.
fn name_of(asked: &ArgMatches) -> String {
    let mut names = Vec::new();
    let mut at = asked.subcommand();
    while let Some((name, below)) = at {
        names.push(name);
        at = below.subcommand();
    }
    names.join("-")
}

fn dispatch(command: Command, context: &Context) -> anyhow::Result<ExitStatus> {
    match command {
        Command::VerifySnapshot(args) => verify_snapshot::run(&args, context),
        Command::GateDryrun(args) => gate_dryrun::run(args, context),
        Command::Check(args) => check::run(args, context),
        Command::Compare(args) => compare::run(&args, context),
        Command::Report(args) => report::run(args, context),
        Command::Facts(args) => facts::run(&args, context),
        Command::History(args) => history::run(&args, context),
        Command::Inspect(args) => inspect::run(&args, context),
        Command::Snapshot(args) => snapshot::run(&args, context),
        Command::Offload(args) => offload::run(args, context),
        Command::Wal(args) => wal::run(&args, context),
        Command::Store(args) => store::run(&args, context),
        Command::Explain(args) => explain::run(&args, context),
        Command::Completions(args) => generate::completions(&args, context),
        Command::Man(args) => generate::man(&args, context),
        Command::Schema(args) => generate::schema(&args, context),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::Cli;

    /// What `explain` tells to run has to be a command of this program.
    #[test]
    fn every_command_that_a_text_names_is_one() {
        let codes = ekv_tool::analysis::judge::codes::all().into_iter().map(|code| (code.code, code.more));
        let texts = ekv_tool::analysis::server::conditions::all().map(|text| (text.name, text.more));
        for (name, more) in codes.chain(texts) {
            for line in more.split(['`', ';', '\n']).map(str::trim).filter(|line| line.starts_with("ekv-tool ")) {
                let line = line.replace("INDEX", "7").replace("SEGMENT@OFFSET", "0@0");
                let words = line.split_whitespace().map(|word| word.trim_end_matches([',', '.']));
                if let Err(error) = Cli::try_parse_from(words) {
                    panic!("{name}: {line}: {error}");
                }
            }
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        super::definition().debug_assert();
    }
}
