//! `ekv-tool offload`: snapshots in object stores, read-only.

mod plan;

use clap::{Args, Subcommand};

use super::{Context, ExitStatus, args};

/// `ekv-tool offload`
#[derive(Debug, Args)]
pub struct OffloadArgs {
    #[command(subcommand)]
    command: OffloadCommand,
}

#[derive(Debug, Subcommand)]
enum OffloadCommand {
    /// Say what elastickv-snapshot-offload would do with a data directory: publish now, restore into it
    Plan(plan::PlanArgs),
}

/// Runs one of the subcommands.
pub fn run(args: OffloadArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    match args.command {
        OffloadCommand::Plan(args) => plan::run(args, context),
    }
}
