//! `scheduler`, `executor`

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use ekv_fleet::cluster::{
    ExecutorOptions, SCHEDULER_PORT, SHORTEST_TIMEOUT, SchedulerAddress, SchedulerOptions, executor, scheduler,
};
use tokio::runtime::{Builder, Runtime};

use super::ExitStatus;
use super::args::{StoreArgs, parse_duration, parse_size};

const SCHEDULER_HELP: &str = "\
Examples:
  ekv-fleet scheduler
  ekv-fleet scheduler --bind 10.0.0.1:50050 --executor-timeout 2m

It runs until it is ended. Executors and clients are told its address:
  ekv-fleet executor --scheduler df://10.0.0.1:50050
  ekv-fleet sql --cluster df://10.0.0.1:50050 @behind --results s3://b/ekv

There is no TLS and no password: whoever reaches the port runs queries with the
credentials of the executors, and reads files that these can read. It listens
on this machine alone unless --bind says otherwise. Queries that run when it
ends are lost. docs/fleet/cluster.md has more.";

/// Arguments of `scheduler`.
#[derive(Debug, Args)]
#[command(after_help = SCHEDULER_HELP)]
pub struct SchedulerArgs {
    /// Where it listens
    #[arg(long, value_name = "IP:PORT", default_value_t = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), SCHEDULER_PORT))]
    bind: SocketAddr,
    /// An executor that was not heard of for this long is lost, and others do what it had; at least 15s
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_timeout)]
    executor_timeout: Duration,
    #[command(flatten)]
    store: StoreArgs,
}

const EXECUTOR_HELP: &str = "\
Examples:
  ekv-fleet executor --scheduler df://127.0.0.1:50050
  ekv-fleet executor --scheduler df://10.0.0.1:50050 --bind 10.0.0.2

It runs until it is ended. Stores are asked with the credentials in its own
environment; a path in a query is a path of its machine. Clients and other
executors fetch what it has made from its port, without TLS and without a
password: it listens on this machine alone unless --bind says otherwise.
docs/fleet/cluster.md has more.";

/// Arguments of `executor`.
#[derive(Debug, Args)]
#[command(after_help = EXECUTOR_HELP)]
pub struct ExecutorArgs {
    /// Who gives it work
    #[arg(long, value_name = "df://HOST:PORT", value_parser = SchedulerAddress::parse)]
    scheduler: SchedulerAddress,
    /// Where others fetch what it has made
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,
    /// The port there; 0 for any that is free
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// The name by which others reach it, if not by the address from which it asks
    #[arg(long, value_name = "HOST")]
    advertise: Option<String>,
    /// Tasks at the same time [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    slots: Option<u16>,
    /// Memory for what is sorted, grouped and joined
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = parse_size)]
    memory: u64,
    /// Where what it makes is kept until it is fetched [default: that of the system]
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
}

/// Runs a scheduler until it is ended.
pub fn run_scheduler(args: &SchedulerArgs) -> anyhow::Result<ExitStatus> {
    let SchedulerArgs { bind, executor_timeout, store } = *args;
    let options = SchedulerOptions { bind, executor_timeout, limits: store.limits() };
    let listening = |at: SocketAddr| {
        say(&format!("scheduler at df://{at}"));
        warn(at.ip());
    };
    until_ended(scheduler(&options, listening))
}

/// Runs an executor until it is ended.
pub fn run_executor(args: &ExecutorArgs) -> anyhow::Result<ExitStatus> {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let options = ExecutorOptions {
        scheduler: args.scheduler.clone(),
        bind: args.bind,
        port: args.port,
        advertise: args.advertise.clone(),
        slots: args.slots.map_or_else(cores, usize::from),
        memory: args.memory,
        scratch: args.scratch.clone(),
        limits: args.store.limits(),
    };
    let working = |at: SocketAddr| {
        say(&format!("executor at {at} for {}", options.scheduler));
        warn(at.ip());
    };
    until_ended(executor(&options, working))
}

/// What is waited for never ends by itself; an executor also listens for the signals, and lets its tasks end first.
fn until_ended(work: impl Future<Output = Result<(), ekv_fleet::Error>>) -> anyhow::Result<ExitStatus> {
    let runtime: Runtime = Builder::new_multi_thread().enable_all().build().context("cannot start")?;
    runtime.block_on(work)?;
    Ok(ExitStatus::Success)
}

fn parse_timeout(text: &str) -> Result<Duration, String> {
    let timeout = parse_duration(text)?;
    if timeout < SHORTEST_TIMEOUT { Err("less than 15s would lose executors that are at work".to_owned()) } else { Ok(timeout) }
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "ekv-fleet: {text}");
}

fn warn(at: IpAddr) {
    say(if at.is_loopback() {
        "no TLS and no password; only this machine reaches it"
    } else {
        "warning: no TLS and no password: whoever reaches this port runs queries with the credentials of the executors and reads their files"
    });
}
