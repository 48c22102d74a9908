//! `ekv-tool snapshot diff`

use std::path::PathBuf;

use clap::Args;
use ekv_tool::ops::snapshot;

use super::{Context, ExitStatus};
use crate::cli::args::OpenKeys;

/// `snapshot diff`
#[derive(Debug, Args)]
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
