//! `ekv-tool store verify`

use std::path::PathBuf;

use clap::Args;
use ekv_tool::ops::{VerifyDepth, store_verify};

use super::{Context, ExitStatus};

/// `store verify`
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A store (fsm.db), a group, node or raft data directory
    #[arg(required = true, value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// Also compare the records of each key across levels (reads the tables once more)
    #[arg(long)]
    deep: bool,
    /// Only the checksums of all blocks: fast, and without the order of keys, counts and bounds
    #[arg(long, conflicts_with = "deep")]
    checksums: bool,
}

/// Reads every table of every store and reports.
pub fn run(args: &VerifyArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    context.keep_out_of(&args.dirs)?;
    let (dirs, unplaced) = super::stores(&args.dirs)?;
    let depth = match (args.checksums, args.deep) {
        (true, _) => VerifyDepth::Checksums,
        (false, true) => VerifyDepth::Keys,
        (false, false) => VerifyDepth::Rows,
    };
    context.emit(store_verify(&dirs, depth, &context.run())?.leave_out(&unplaced))
}
