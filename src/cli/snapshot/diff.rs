//! `ekv-tool snapshot diff`

use std::path::PathBuf;

use clap::Args;
use ekv_tool::ops::snapshot;

use super::{Context, ExitStatus};
use crate::cli::args::OpenKeys;

const AFTER_HELP: &str = "\
Example:
  cd /var/lib/elastickv
  ekv-tool snapshot diff n1/fsm-snap/00000000000000c9.fsm \\
                         n2/fsm-snap/00000000000000c9.fsm

Payloads of one index may differ legally: garbage collection, expiry and the
clock ceiling are decided by each node alone. Every node seals values for
itself: those of two nodes are compared with --sidecar and --kek, in clear text
that is not shown. The exit status says whether both
could be read, not whether they differ.";

/// `snapshot diff`
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub struct DiffArgs {
    /// The first payload (.fsm)
    first: PathBuf,
    /// The second payload (.fsm)
    second: PathBuf,
    /// Rows that differ and are listed; all of them are counted
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    #[command(flatten)]
    keys: OpenKeys,
}

/// Reads both and compares.
pub fn run(args: &DiffArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    context.keep_out_of(&[args.first.clone(), args.second.clone()])?;
    let opener = args.keys.opener(false)?;
    context.emit(snapshot::diff([&args.first, &args.second], args.limit, opener.as_ref(), &context.run())?)
}
