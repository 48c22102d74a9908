//! `ekv-tool snapshot ls`

use std::path::PathBuf;

use clap::Args;
use ekv_tool::ops::snapshot;

use super::{Context, ExitStatus};

/// `snapshot ls`
#[derive(Debug, Args)]
pub struct LsArgs {
    /// A payload, an envelope, a folder of either, a group, node or raft data directory
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// Lists the snapshots.
pub fn run(args: &LsArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    context.keep_out_of(&args.paths)?;
    context.emit(snapshot::ls(&args.paths, &context.run())?)
}
