//! `report`

use std::path::PathBuf;

use clap::Args;
use ekv_tool::analysis::Verdict;
use ekv_tool::ops::{Postmortem, PostmortemOptions, postmortem};
use ekv_tool::report::Unmet;

use super::args::{KeyFiles, StartKeys};
use super::{Context, ExitStatus};

const EXAMPLES: &str = "\
Examples:
  ekv-tool report /var/lib/elastickv/n1 -o n1.html     one node
  ekv-tool report n1 n2 n3 -o postmortem.html          all nodes of a group
  ekv-tool report --fast n1 -o n1.html                 without payloads and rows
  ekv-tool report --format json n1                     the same for programs

The page is one file that runs no script and loads nothing: open it in a
browser, attach it, or print it.

Exit statuses:
  0  nothing is damaged     2  an error was found, or a start is refused
  3  something could not be checked     1  the work could not be done";

/// Arguments of `report`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
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
