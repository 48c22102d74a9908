//! `ekv-tool store diff`

use std::path::PathBuf;

use clap::Args;
use ekv_tool::ops::store_diff;

use super::args::ViewKeys;
use super::{Context, ExitStatus};

const AFTER_HELP: &str = "\
Examples:
  ekv-tool store diff n1 n2                    two nodes of a group
  ekv-tool store diff n1/group-1 n2/group-1    one of several groups
  ekv-tool store diff n1/fsm.db copy/fsm.db    two stores
  ekv-tool store diff n1 n1/fsm-snap/00000000000000c9.fsm    before a restore

Each row that is not the same in both is explained by an entry of the logs
beside the stores that only one of them has applied, or is one that every node
may have of its own, or must not be there. Every node seals values for itself:
those of two nodes are compared with --sidecar and --kek.";

/// `store diff`
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
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
