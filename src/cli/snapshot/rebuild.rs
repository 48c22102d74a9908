//! `ekv-tool snapshot rebuild`

use std::io::{IsTerminal, stdout};
use std::path::PathBuf;

use anyhow::{anyhow, bail};
use clap::Args;
use ekv_tool::ops::snapshot;

use super::{Context, ExitStatus};

/// `snapshot rebuild`
#[derive(Debug, Args)]
pub struct RebuildArgs {
    /// A group directory
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Of the snapshot at this index only
    #[arg(long, value_name = "N")]
    index: Option<u64>,
    /// Write the bytes of that .snap file instead of a report
    #[arg(long, requires = "index")]
    raw: bool,
}

/// Shows the `.snap` files, or writes the bytes of one.
pub fn run(args: &RebuildArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    context.keep_out_of(std::slice::from_ref(&args.dir))?;
    let mut report = snapshot::rebuild(&args.dir, &context.run())?;
    let Some(index) = args.index else { return context.emit(report) };
    report.body.snapshots.retain(|one| one.index.0 == index);
    if !args.raw {
        return context.emit(report);
    }
    // The snapshot of the highest term is the one that a start would take.
    let one = report
        .body
        .snapshots
        .pop()
        .ok_or_else(|| anyhow!("--index {index}: the log records no such snapshot that is still there"))?;
    let Some(bytes) = one.bytes else {
        bail!("{} cannot be made again: {}", one.path, one.problem.unwrap_or_default());
    };
    if !context.is_kept() && stdout().is_terminal() {
        bail!("--raw writes bytes that are no text: name a file with --output, or write to a pipe");
    }
    context.progress.finish();
    context.write(|out| out.write_all(&bytes))?;
    Ok(ExitStatus::Clean)
}
