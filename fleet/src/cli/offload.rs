//! `offload audit`, `offload verify`

use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use ekv_fleet::audit::{AuditOptions, GRACE, audit};
use ekv_fleet::parts::Results;
use ekv_fleet::shard::Shard;
use ekv_fleet::store::{Address, connect};
use ekv_fleet::verify::{Again, RANGE, VerifyOptions, verify};
use ekv_tool::types::UnixMillis;
use tokio::runtime::Builder;

use super::args::{StoreArgs, parse_duration};
use super::output::Output;
use super::{ExitStatus, emit};

/// The questions.
#[derive(Debug, Subcommand)]
pub enum OffloadCommand {
    /// List a store, judge its manifests and look at the front of every payload
    Audit(AuditArgs),
    /// Read payloads and hold them against the digests in their keys
    Verify(VerifyArgs),
}

const AUDIT_HELP: &str = "\
Examples:
  ekv-fleet offload audit s3://backups/prod
  ekv-fleet --format json offload audit gs://backups/prod
  ekv-fleet offload audit file:///srv/offload
  ekv-fleet offload audit s3://backups/prod --results s3://backups/ekv
  ekv-fleet offload audit s3://b/prod --results s3://b/ekv --max-age 30d

URL is s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX,
file:///PATH, or a path.";

/// Arguments of `offload audit`.
#[derive(Debug, Args)]
#[command(after_help = AUDIT_HELP)]
pub struct AuditArgs {
    /// The store, or a prefix of it
    url: String,
    /// Payloads without a manifest are garbage when they are older [default: 24h]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    grace: Option<Duration>,
    /// Where `offload verify` wrote what it read: payloads that it has not are unknown
    #[arg(long, value_name = "URL")]
    results: Option<String>,
    /// With --results: only those of `offload verify --deep` count
    #[arg(long, requires = "results")]
    deep: bool,
    /// With --results: what was read longer ago does not count, so that its payloads are unknown
    #[arg(long, value_name = "DURATION", requires = "results", value_parser = parse_duration)]
    max_age: Option<Duration>,
    #[command(flatten)]
    store: StoreArgs,
}

const VERIFY_HELP: &str = "\
Examples:
  ekv-fleet offload verify s3://backups/prod --results s3://backups/ekv
  ekv-fleet offload verify s3://backups/prod --results /srv/ekv --shard 3/50
  ekv-fleet offload verify --deep file:///srv/offload --results /srv/ekv
  ekv-fleet offload verify s3://b/prod --results s3://b/ekv --max-age 7d

A run that was ended goes on where it was: what parts in the results hold of an
object with the same key, ETag and size is not read again, unless --max-age or
--again say so. Shards know nothing of each other and may run anywhere, at any
time.";

/// Arguments of `offload verify`.
#[derive(Debug, Args)]
#[command(after_help = VERIFY_HELP)]
pub struct VerifyArgs {
    /// The store, or a prefix of it
    url: String,
    /// Where to write what was read, as a URL or a directory outside of the store
    #[arg(long, value_name = "URL")]
    results: String,
    /// The share of the payloads that this run takes
    #[arg(long, value_name = "I/N", default_value = "1/1")]
    shard: Shard,
    /// Also walk every row of payloads above 64 MiB
    #[arg(long)]
    deep: bool,
    /// Read everything again, whatever earlier runs have read
    #[arg(long, conflicts_with = "max_age")]
    again: bool,
    /// Read again what was read longer ago
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    max_age: Option<Duration>,
    /// Ranges of 4 MiB that are fetched at the same time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    lanes: u16,
    /// Write a part of the results at least this often: what a run that is killed has to do again
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration)]
    part_every: Duration,
    #[command(flatten)]
    store: StoreArgs,
}

/// Answers the question.
pub fn run(command: &OffloadCommand, output: &Output) -> anyhow::Result<ExitStatus> {
    let mut runtime = match command {
        // Two hundred thousand small answers: to hand each from one thread to another would cost a third more, here and at the server.
        OffloadCommand::Audit(_) => Builder::new_current_thread(),
        OffloadCommand::Verify(_) => Builder::new_multi_thread(),
    };
    let runtime = runtime.enable_all().build().context("cannot start")?;
    match command {
        OffloadCommand::Audit(args) => {
            let address = Address::parse(&args.url)?;
            output.examine(&address)?;
            let store = connect(&address, args.store.limits())?;
            let results = args.results.as_deref().map(|results| present(results, &address, args.store, output)).transpose()?;
            let options = AuditOptions { now: now(), grace: args.grace.unwrap_or(GRACE), deep: args.deep, max_age: args.max_age };
            emit(output, runtime.block_on(audit(&store, results.as_ref(), &options, &output.bar))?)
        }
        OffloadCommand::Verify(args) => {
            let address = Address::parse(&args.url)?;
            output.examine(&address)?;
            let store = connect(&address, args.store.limits())?;
            let results = at(&args.results, &address, args.store, output)?;
            let VerifyArgs { shard, deep, lanes, part_every, .. } = *args;
            let again = match (args.again, args.max_age) {
                (true, _) => Again::Everything,
                (false, Some(age)) => Again::OlderThan(age),
                (false, None) => Again::Changed,
            };
            let options = VerifyOptions { shard, deep, lanes: usize::from(lanes), range: RANGE, part_every, now: now(), again };
            emit(output, runtime.block_on(verify(&store, &results, &options, &output.bar))?)
        }
    }
}

/// The place of the results.
fn at(text: &str, read: &Address, store: StoreArgs, output: &Output) -> anyhow::Result<Results> {
    let address = Address::parse(text)?;
    output.examine(&address)?;
    Ok(Results::at(&address, store.limits(), read)?)
}

/// The same where they are only read: nothing is made for them.
fn present(text: &str, read: &Address, store: StoreArgs, output: &Output) -> anyhow::Result<Results> {
    let address = Address::parse(text)?;
    output.examine(&address)?;
    Ok(Results::beside(&address, store.limits(), read)?)
}

fn now() -> UnixMillis {
    ekv_tool::io::now().unwrap_or_default()
}
