//! `plan`

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use ekv_fleet::parts::Results;
use ekv_fleet::plan::{PlanOptions, facts_at, facts_in, plan};
use ekv_fleet::store::Address;
use ekv_tool::analysis::Verdict;

use super::args::{MemoryArgs, StoreArgs, parse_duration, parse_size};
use super::output::Output;
use super::{ExitStatus, emit};

const PLAN_HELP: &str = "\
Examples:
  ekv-fleet plan facts
  ekv-fleet plan n1.facts n2.facts n3.facts --restore-rate 200MB
  ekv-fleet plan --results s3://backups/ekv --max-batch 20
  ekv-fleet --format json plan facts --down n7

Nodes of a batch are restarted together; no group loses its quorum meanwhile.
The plan is restarted on paper before it is shown. A node that must not be
restarted is named with the reason, and counts as down for its groups unless
it only has to be kept running. Where nothing is damaged and nothing unknown, the
exit status is then 2 all the same: a script would forget that node. With
--accept-left it goes by the verdict alone.";

/// Arguments of `plan`.
#[derive(Debug, Args)]
#[command(after_help = PLAN_HELP)]
pub struct PlanArgs {
    /// Files of `ekv-tool facts`, or directories with *.facts
    #[arg(value_name = "FACTS", required_unless_present = "results", conflicts_with = "results")]
    facts: Vec<PathBuf>,
    /// Where `ekv-fleet collect` has put the facts: of every group of a node the newest count
    #[arg(long, value_name = "URL")]
    results: Option<String>,
    /// Facts that were taken longer ago do not count: their nodes are unknown, and count as down
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = parse_duration)]
    max_age: Duration,
    /// Nodes that are restarted together, at most
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    max_batch: u32,
    /// Members of one group that are restarted together, at most
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    per_group: u32,
    /// Bytes per second of a restore, for the estimate [default: the rate at which payloads were read when the facts were taken]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    restore_rate: Option<u64>,
    /// End with the status of the verdict also where nodes are left that nobody has said to be down
    #[arg(long)]
    accept_left: bool,
    /// A node that is down now; may be given several times
    #[arg(long, value_name = "NODE")]
    down: Vec<String>,
    #[command(flatten)]
    memory: MemoryArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// Answers the question.
pub fn run(args: &PlanArgs, output: &Output) -> anyhow::Result<ExitStatus> {
    args.memory.set();
    for path in &args.facts {
        output.examine(&Address::of_path(path))?;
    }
    let facts = match &args.results {
        None => facts_at(&args.facts, &output.bar)?,
        Some(results) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
            let address = Address::parse(results)?;
            output.examine(&address)?;
            let results = Results::present(&address, args.store.limits())?;
            runtime.block_on(facts_in(&results, &output.bar))?
        }
    };
    let options = PlanOptions {
        max_batch: args.max_batch as usize,
        per_group: args.per_group as usize,
        restore_rate: args.restore_rate,
        max_age: Some(args.max_age),
        down: args.down.clone(),
    };
    let report = plan(facts, &options, &output.bar)?;
    let is_left = report.body.left.iter().any(|left| !args.down.contains(&left.node));
    match emit(output, report)? {
        ExitStatus::Judged(Verdict::Clean) if is_left && !args.accept_left => Ok(ExitStatus::Left),
        status => Ok(status),
    }
}
