//! `ekv-tool store diff`

use std::path::PathBuf;

use clap::Args;
use ekv_tool::ops::store_diff;

use super::args::ViewKeys;
use super::{Context, ExitStatus};

/// `store diff`
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// A store (fsm.db), a directory with exactly one, or a payload (.fsm)
    #[arg(value_name = "A")]
    first: PathBuf,
    /// The store of the same group on another node, or a payload
    #[arg(value_name = "B")]
    second: PathBuf,
    /// Rows that differ and are listed; all of them are counted
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    #[command(flatten)]
    keys: ViewKeys,
}

/// Reads both and compares.
pub fn run(args: &DiffArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    let paths = [args.first.clone(), args.second.clone()];
    context.keep_out_of(&paths)?;
    let opener = args.keys.opener(context.is_kept())?;
    let run = context.run_on(&paths)?;
    context.emit(store_diff([&args.first, &args.second], args.limit, opener.as_ref(), &run)?)
}
