//! `ekv-tool store stat`

use std::path::PathBuf;

use clap::Args;
use ekv_tool::ops::store_stat;

use super::args::OpenKeys;
use super::{Context, ExitStatus};

/// `store stat`
#[derive(Debug, Args)]
pub struct StatArgs {
    /// A store (fsm.db), a group, node or raft data directory
    #[arg(required = true, value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// How many of the largest names, keys and values are listed
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u8).range(..=100))]
    top: u8,
    #[command(flatten)]
    keys: OpenKeys,
}

/// Counts every row of every store.
pub fn run(args: &StatArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    context.keep_out_of(&args.dirs)?;
    let (dirs, unplaced) = super::stores(&args.dirs)?;
    let opener = args.keys.opener(false)?;
    context.emit(store_stat(&dirs, args.top.into(), opener.as_ref(), &context.run())?.leave_out(&unplaced))
}
