//! `report`

use std::path::PathBuf;

use clap::Args;
use ekv_tool::analysis::Verdict;
use ekv_tool::ops::{Postmortem, PostmortemOptions, postmortem};
use ekv_tool::report::Unmet;

use super::args::{KeyFiles, StartKeys};
use super::{Context, ExitStatus};

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Group, node or raft data directories
    #[arg(required = true, value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// Leave out the content of payloads and tables, and the rows of stores; coverage says so
    #[arg(long)]
    fast: bool,
    #[command(flatten)]
    keys: StartKeys,
}

pub(super) fn run(args: ReportArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    let ReportArgs { dirs, fast, keys } = args;
    context.keep_out_of(&dirs)?;
    let StartKeys { keys: KeyFiles { sidecar, kek }, no_encryption } = keys;
    let options = PostmortemOptions { fast, sidecar, kek, no_encryption };
    let Postmortem { report, refused } = postmortem(&dirs, &options, &context.run())?;
    if refused && report.verdict != Verdict::Damaged {
        return context.emit_as(report, ExitStatus::Damaged, Some(Unmet::Refused));
    }
    context.emit(report)
}
