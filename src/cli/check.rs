//! `check`

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;
use ekv_tool::analysis::{Coverage, Severity};
use ekv_tool::ops::etcd::{etcd_check, etcd_places};
use ekv_tool::ops::hraft::{Backend, hashicorp_check};
use ekv_tool::ops::{CheckOptions, check};
use ekv_tool::readers::Local;
use ekv_tool::report::body::check::CheckListBody;
use ekv_tool::report::{Body, Report, Unmet};

use super::args::{ContentArgs, KeyFiles, StartKeys};
use super::complete;
use super::{Context, ExitStatus};

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// A group directory, a node directory, or the raft data directory
    #[arg(required_unless_present = "list", value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// List the checks
    #[arg(long, conflicts_with_all = ["dirs", "only", "skip"])]
    list: bool,
    /// Make these checks only
    #[arg(long, value_name = "ID", value_delimiter = ',', add = ArgValueCompleter::new(complete::checks))]
    only: Vec<String>,
    /// Do not make these checks
    #[arg(long, value_name = "ID", value_delimiter = ',', add = ArgValueCompleter::new(complete::checks))]
    skip: Vec<String>,
    /// Show findings of this severity and worse
    #[arg(long, value_enum, value_name = "LEVEL")]
    severity: Option<Level>,
    /// The node's raft id [default: the name of the node directory]
    #[arg(long, value_name = "ID", add = ArgValueCompleter::new(complete::raft_ids))]
    raft_id: Option<String>,
    /// Do not read payloads; coverage says so
    #[arg(long, conflicts_with_all = ["max_duration", "sample"])]
    no_body_crc: bool,
    /// Leave out the content of payloads and tables; coverage says so
    #[arg(long, conflicts_with_all = ["max_duration", "sample"])]
    fast: bool,
    #[command(flatten)]
    content: ContentArgs,
    #[command(flatten)]
    keys: StartKeys,
    /// The least severity that gives exit status 2
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = FailOn::Error)]
    fail_on: FailOn,
}

/// `--fail-on`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Errors only
    Error,
    /// Warnings too
    Warning,
}

/// `--severity`
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Level {
    /// Errors only
    Error,
    /// Errors and warnings
    Warning,
    /// Everything
    Info,
}

pub(super) fn run(args: CheckArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    let CheckArgs { dirs, list, only, skip, severity, raft_id, no_body_crc, fast, content, keys, fail_on } = args;
    if list {
        return context.emit(Report::new(CheckListBody::default(), Vec::new(), Coverage::default()));
    }
    context.keep_out_of(&dirs)?;
    let severity = severity.map(|level| match level {
        Level::Error => Severity::Error,
        Level::Warning => Severity::Warning,
        Level::Info => Severity::Info,
    });
    if let Backend::Hashicorp(nodes) = Backend::of(&dirs, &Local)? {
        if !only.is_empty() || !skip.is_empty() {
            anyhow::bail!("--only, --skip: directories of hashicorp/raft are checked as a whole");
        }
        content.refuse()?;
        let report = hashicorp_check(&nodes, raft_id.as_deref(), severity, &context.run())?;
        let warned = fail_on == FailOn::Warning && report.findings.iter().any(|finding| finding.severity == Severity::Warning);
        return emit(context, report, warned);
    }
    let members = etcd_places(&dirs, &Local)?;
    if !members.places.is_empty() {
        if !only.is_empty() || !skip.is_empty() {
            anyhow::bail!("--only, --skip: directories of etcd are checked as a whole");
        }
        content.refuse()?;
        let report = etcd_check(&members, severity, &context.run())?;
        let warned = fail_on == FailOn::Warning && report.findings.iter().any(|finding| finding.severity == Severity::Warning);
        return emit(context, report, warned);
    }
    let StartKeys { keys: KeyFiles { sidecar, kek }, no_encryption } = keys;
    let options = CheckOptions { only, skip, severity, raft_id, no_body_crc, fast, sidecar, kek, no_encryption };
    let run = context.run().reading(Arc::new(context.content(&content)));
    let report = check(&dirs, &options, &run)?;
    let warned = fail_on == FailOn::Warning && report.body.warnings > 0;
    emit(context, report, warned)
}

/// Ends with 2 over warnings where the caller wants none.
fn emit<B: Body>(context: &Context, report: Report<B>, warned: bool) -> anyhow::Result<ExitStatus> {
    if warned {
        return context.emit_as(report, ExitStatus::Damaged, Some(Unmet::Warnings));
    }
    context.emit(report)
}
