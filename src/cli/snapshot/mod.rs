//! `ekv-tool snapshot`: snapshots, read-only.

mod diff;
mod ls;
mod rebuild;
mod show;
mod stat;

use clap::{Args, Subcommand};

use super::{Context, ExitStatus};

/// `ekv-tool snapshot`
#[derive(Debug, Args)]
pub struct SnapshotArgs {
    #[command(subcommand)]
    command: SnapshotCommand,
}

#[derive(Debug, Subcommand)]
enum SnapshotCommand {
    /// List snapshots: index, term, size, format, members
    Ls(ls::LsArgs),
    /// Show one envelope or payload: metadata, members, token, header, checksum
    Show(show::ShowArgs),
    /// Count the rows of payloads by what they belong to
    Stat(stat::StatArgs),
    /// Compare two payloads row by row
    Diff(diff::DiffArgs),
    /// Make .snap files again from log and payloads; shows the bytes, writes nothing there
    Rebuild(rebuild::RebuildArgs),
}

/// Runs one of the subcommands.
pub fn run(args: &SnapshotArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    match &args.command {
        SnapshotCommand::Ls(args) => ls::run(args, context),
        SnapshotCommand::Show(args) => show::run(args, context),
        SnapshotCommand::Stat(args) => stat::run(args, context),
        SnapshotCommand::Diff(args) => diff::run(args, context),
        SnapshotCommand::Rebuild(args) => rebuild::run(args, context),
    }
}
