//! `ekv-tool wal verify`

use clap::Args;
use ekv_tool::ops::wal;

use super::{Context, ExitStatus, Paths};

/// `wal verify`
#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    paths: Paths,
}

/// Checks every record.
pub fn run(args: &VerifyArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    let paths = &args.paths.paths;
    context.keep_out_of(paths)?;
    context.emit(wal::verify(paths, context.threads, &context.progress)?)
}
