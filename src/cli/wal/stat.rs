//! `ekv-tool wal stat`

use clap::Args;
use ekv_tool::ops::wal;

use super::{Context, ExitStatus, Paths};

/// `wal stat`
#[derive(Debug, Args)]
pub struct StatArgs {
    #[command(flatten)]
    paths: Paths,
}

/// Counts what the records amount to.
pub fn run(args: &StatArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    let paths = &args.paths.paths;
    context.keep_out_of(paths)?;
    context.emit(wal::stat(paths, context.threads, &context.progress)?)
}
