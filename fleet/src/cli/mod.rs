//! The command line: arguments in, one question, a report out.
#![allow(clippy::disallowed_methods, reason = "files for the output are this machine's")]

mod args;
mod bar;
#[cfg(feature = "cluster")]
mod cluster;
mod collect;
mod man;
mod offload;
mod output;
mod plan;
mod schema;
mod sql;

use std::ffi::OsString;
use std::io::Write as _;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use ekv_tool::analysis::Verdict;
use ekv_tool::report::body::failure::FailureBody;
use ekv_tool::report::{Body, Report};

use args::GlobalArgs;
use output::Output;

const AFTER_HELP: &str = "\
Exit statuses:
    0  clean
    1  the work could not be done
    2  damaged, or a plan that leaves nodes
    3  unknown: something needed could not be read
  130  interrupted

Credentials, region and endpoint are taken from the environment, and from
nowhere else: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN,
AWS_REGION, AWS_ENDPOINT_URL, AWS_ALLOW_HTTP=true for http://, and the like.
Nothing is ever written into a store that is read.";

/// Audits and verifies the offloaded snapshots of elastickv in an object store, on one machine or many
#[derive(Debug, Parser)]
#[command(name = "ekv-fleet", version, after_help = AFTER_HELP, max_term_width = 80, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Look at stores of offloaded snapshots
    #[command(subcommand)]
    Offload(offload::OffloadCommand),
    /// Collect facts of nodes into tables
    Collect(collect::CollectArgs),
    /// Plan a restart of all nodes that keeps every quorum
    Plan(plan::PlanArgs),
    /// Ask what was collected in SQL
    Sql(sql::SqlArgs),
    /// Give the parts of queries to executors
    #[cfg(feature = "cluster")]
    Scheduler(cluster::SchedulerArgs),
    /// Do the parts of queries that a scheduler gives
    #[cfg(feature = "cluster")]
    Executor(cluster::ExecutorArgs),
    /// Print the JSON Schema of a report
    Schema(schema::SchemaArgs),
    /// Print a manual page, or write all of them
    Man(man::ManArgs),
}

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// The verdict decides.
    Judged(Verdict),
    /// A plan leaves nodes that could not be planned, and nothing is damaged.
    Left,
    /// The work could not be done.
    Failure,
    /// Help was asked for.
    Success,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(match status {
            ExitStatus::Success | ExitStatus::Judged(Verdict::Clean) => 0,
            ExitStatus::Failure => 1,
            ExitStatus::Judged(Verdict::Damaged) | ExitStatus::Left => 2,
            ExitStatus::Judged(Verdict::Unknown) => 3,
        })
    }
}

/// Runs the program on `argv`. Everything that can go wrong ends here.
pub fn run(argv: impl IntoIterator<Item = OsString>) -> ExitStatus {
    let parsed =
        Cli::command().try_get_matches_from(argv).and_then(|asked| Ok((Cli::from_arg_matches(&asked)?, name_of(&asked))));
    let (cli, command) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            let text = error.render();
            ekv_tool::io::tell(&text, &text.ansi(), error.use_stderr());
            return if error.use_stderr() { ExitStatus::Failure } else { ExitStatus::Success };
        }
    };
    // They write no report, and end by signals in their own way.
    #[cfg(feature = "cluster")]
    {
        let ended = match &cli.command {
            Command::Scheduler(asked) => Some(cluster::run_scheduler(asked)),
            Command::Executor(asked) => Some(cluster::run_executor(asked)),
            _ => None,
        };
        if let Some(ended) = ended {
            return ended.unwrap_or_else(|error| failed(&error));
        }
    }
    let output = match Output::new(&cli.global) {
        Ok(output) => output,
        Err(error) => return failed(&error),
    };
    let asked = cli.command;
    // A client that ends in a fault of its own has answered nothing: that is a run that failed, and is told as one.
    let ended = std::panic::catch_unwind(AssertUnwindSafe(|| answer(&asked, &output)));
    match ended.unwrap_or_else(|_| Err(anyhow::anyhow!("a fault of the program ended the run; please report the lines above"))) {
        Ok(status) => status,
        Err(error) => {
            let status = failed(&error);
            let report = ekv_fleet::report::own(FailureBody::report(command, one_line(&error), 1));
            // The error that is told is the first one.
            let _ = output.write_failure(report);
            status
        }
    }
}

fn answer(command: &Command, output: &Output) -> anyhow::Result<ExitStatus> {
    match command {
        Command::Offload(asked) => offload::run(asked, output),
        Command::Collect(asked) => collect::run(asked, output),
        Command::Plan(asked) => plan::run(asked, output),
        Command::Sql(asked) => sql::run(asked, output),
        Command::Schema(asked) => schema::run(asked),
        Command::Man(asked) => man::run(asked),
        #[cfg(feature = "cluster")]
        Command::Scheduler(asked) => cluster::run_scheduler(asked),
        #[cfg(feature = "cluster")]
        Command::Executor(asked) => cluster::run_executor(asked),
    }
}

fn name_of(asked: &clap::ArgMatches) -> String {
    let mut names = Vec::new();
    let mut at = asked.subcommand();
    while let Some((name, below)) = at {
        names.push(name);
        at = below.subcommand();
    }
    names.join("-")
}

fn one_line(error: &anyhow::Error) -> String {
    ekv_tool::error::one_line(error.chain())
}

fn failed(error: &anyhow::Error) -> ExitStatus {
    let _ = writeln!(std::io::stderr(), "ekv-fleet: {}", one_line(error));
    ExitStatus::Failure
}

/// Writes the report; the exit status follows from its verdict.
fn emit<B: Body>(output: &Output, report: Report<B>) -> anyhow::Result<ExitStatus> {
    let verdict = report.verdict;
    output.write(report)?;
    Ok(ExitStatus::Judged(verdict))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
