//! `ekv-tool wal`: the Raft log, read-only.

mod dump;
mod ls;
mod show;
mod stat;
mod verify;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Context, ExitStatus, args};

/// `ekv-tool wal`
#[derive(Debug, Args)]
pub struct WalArgs {
    #[command(subcommand)]
    command: WalCommand,
}

/// What every subcommand but `show` takes.
#[derive(Debug, Args)]
struct Paths {
    /// A log directory (wal), a segment, a group, node or raft data directory
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum WalCommand {
    /// List the segments: sizes, records, indexes, terms, and how each ends
    Ls(ls::LsArgs),
    /// What the log amounts to: entries, hard state, snapshots, classes, where it ends
    Stat(stat::StatArgs),
    /// Check every record and say what each server's start would make of the log
    Verify(verify::VerifyArgs),
    /// Write every record, filtered
    Dump(dump::DumpArgs),
    /// Explain one record byte by byte
    Show(show::ShowArgs),
}

/// Runs one of the subcommands.
pub fn run(args: &WalArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    match &args.command {
        WalCommand::Ls(args) => ls::run(args, context),
        WalCommand::Stat(args) => stat::run(args, context),
        WalCommand::Verify(args) => verify::run(args, context),
        WalCommand::Dump(args) => dump::run(args, context),
        WalCommand::Show(args) => show::run(args, context),
    }
}
