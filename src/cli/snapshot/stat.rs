//! `ekv-tool snapshot stat`

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use ekv_tool::ops::snapshot;

use super::{Context, ExitStatus};
use crate::cli::args::OpenKeys;

/// `snapshot stat`
#[derive(Debug, Args)]
pub struct StatArgs {
    /// A payload, an envelope, a folder of either, a group, node or raft data directory
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only what the next start would use
    #[arg(long)]
    newest: bool,
    #[command(flatten)]
    keys: OpenKeys,
}

/// Reads and counts every row.
pub fn run(args: &StatArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    context.keep_out_of(&args.paths)?;
    let opener = args.keys.opener(false)?.map(Arc::new);
    context.emit(snapshot::stat(&args.paths, args.newest, opener, &context.run())?)
}
