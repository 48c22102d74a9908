//! `ekv-tool store lsm`

use std::path::PathBuf;

use clap::Args;
use ekv_tool::ops::store_lsm;

use super::{Context, ExitStatus};

/// `store lsm`
#[derive(Debug, Args)]
pub struct LsmArgs {
    /// A store (fsm.db), a group, node or raft data directory
    #[arg(required = true, value_name = "DIR")]
    dirs: Vec<PathBuf>,
}

/// Reads MANIFEST and logs of every store and reports the levels. No table is opened.
pub fn run(args: &LsmArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    context.keep_out_of(&args.dirs)?;
    let (dirs, unplaced) = super::stores(&args.dirs)?;
    let report = store_lsm(&dirs, context.style.verbose, &context.run())?;
    context.emit(report.leave_out(&unplaced))
}
