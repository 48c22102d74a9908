//! `ekv-tool store meta`

use std::path::PathBuf;

use clap::Args;
use ekv_tool::ops::store_meta;

use super::{Context, ExitStatus};

/// `store meta`
#[derive(Debug, Args)]
pub struct MetaArgs {
    /// A store (fsm.db), a group, node or raft data directory
    #[arg(required = true, value_name = "DIR")]
    dirs: Vec<PathBuf>,
}

/// Reports what each store says about itself.
pub fn run(args: &MetaArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    context.keep_out_of(&args.dirs)?;
    let (dirs, unplaced) = super::stores(&args.dirs)?;
    context.emit(store_meta(&dirs, &context.run())?.leave_out(&unplaced))
}
