//! `collect`

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use ekv_fleet::collect::collect;
use ekv_fleet::parts::Results;
use ekv_fleet::store::Address;

use super::args::{MemoryArgs, StoreArgs};
use super::output::Output;
use super::{ExitStatus, emit};

const COLLECT_HELP: &str = "\
Examples:
  ssh n1 ekv-tool facts /var/lib/elastickv > facts/n1.facts
  ekv-fleet collect facts --results /srv/ekv
  ekv-fleet collect n1.facts n2.facts --results s3://backups/ekv

The same facts are collected once. A file that is damaged is named, and the
others are collected all the same. The exit status is the worst of what `check`
says in the files: a node that is damaged is collected and told.";

/// Arguments of `collect`.
#[derive(Debug, Args)]
#[command(after_help = COLLECT_HELP)]
pub struct CollectArgs {
    /// Files of `ekv-tool facts`, or directories with *.facts
    #[arg(required = true, value_name = "FACTS")]
    facts: Vec<PathBuf>,
    /// Where the tables are, as a URL or a directory of your own
    #[arg(long, value_name = "URL")]
    results: String,
    #[command(flatten)]
    memory: MemoryArgs,
    #[command(flatten)]
    store: StoreArgs,
}

/// Answers the question.
pub fn run(args: &CollectArgs, output: &Output) -> anyhow::Result<ExitStatus> {
    args.memory.set();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    for path in &args.facts {
        output.examine(&Address::of_path(path))?;
    }
    let address = Address::parse(&args.results)?;
    output.examine(&address)?;
    let results = Results::open(&address, args.store.limits())?;
    emit(output, runtime.block_on(collect(&args.facts, &results, &output.bar))?)
}
