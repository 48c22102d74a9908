//! `gate-dryrun`

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use clap_complete::engine::ArgValueCompleter;
use ekv_tool::analysis::Verdict;
use ekv_tool::analysis::hraft;
use ekv_tool::analysis::server::Outcome;
use ekv_tool::analysis::server::store::AppliedIndexState;
use ekv_tool::ops::etcd::{etcd_gate_dryrun, etcd_places};
use ekv_tool::ops::hraft::{Backend, hashicorp_gate_dryrun};
use ekv_tool::ops::{GateOptions, gate_dryrun};
use ekv_tool::readers::Local;
use ekv_tool::readers::pebble::StoreCheck;
use ekv_tool::report::Unmet;
use ekv_tool::report::body::gate::GateBody;
use ekv_tool::types::ServerVersion;

use super::args::{KeyFiles, StartKeys, parse_duration, parse_index, parse_size};
use super::complete;
use super::{Context, ExitStatus};

/// Arguments of `gate-dryrun`.
#[derive(Debug, Args)]
pub struct GateArgs {
    /// A group directory, a node directory, or the raft data directory
    #[arg(required = true, value_name = "DIR")]
    dirs: Vec<PathBuf>,
    /// The server version that will start, or `auto`: decided from the directory, with the reason
    #[arg(long, value_name = "VERSION", value_parser = versions(), default_value = AUTO)]
    engine: String,
    /// Show what every historical rule of the gate decides
    #[arg(long)]
    all_engines: bool,
    /// The node's raft id [default: the name of the node directory]
    #[arg(long, value_name = "ID", add = ArgValueCompleter::new(complete::raft_ids))]
    raft_id: Option<String>,
    /// List every entry behind the snapshot with what happens to it
    #[arg(long)]
    plan: bool,
    /// Outcomes that give exit status 0, or `any` for all but a refused start
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "skip,none")]
    accept: Vec<Accept>,
    /// Forecast without reading payloads; coverage says so
    #[arg(long)]
    no_body_crc: bool,
    /// How much of fsm.db is read
    #[arg(long, value_enum, default_value_t)]
    store_check: StoreChoice,
    /// Do not read fsm.db; assume N, missing or unreadable
    #[arg(long, value_name = "N|missing|unreadable", value_parser = parse_applied)]
    applied_index: Option<AppliedIndexState>,
    #[command(flatten)]
    keys: StartKeys,
    /// Bytes per second of a restore, for the estimate [default: the rate at which the payload was read]
    #[arg(long, value_name = "BYTES/S", value_parser = parse_rate)]
    restore_rate: Option<u64>,
    /// A start that would take longer than this is a finding
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    health_timeout: Option<Duration>,
}

/// The `--engine` that lets the directory decide.
const AUTO: &str = "auto";

/// `--engine`: every version that the program knows, or the directory's own.
fn versions() -> PossibleValuesParser {
    PossibleValuesParser::new(std::iter::once(AUTO).chain(ServerVersion::ALL.map(ServerVersion::name)))
}

/// `--store-check`
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum StoreChoice {
    /// Everything up to 256 MiB, else only the way to the meta keys
    #[default]
    Auto,
    /// Do not open it
    None,
    /// Only the way to the meta keys
    Meta,
    /// Every block
    Full,
}

/// `--accept`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Accept {
    /// The restore is skipped
    Skip,
    /// Nothing to restore
    None,
    /// The restore is executed
    Execute,
    /// The restore is a fallback
    Fallback,
    /// The snapshot is a whole payload
    LegacyRestore,
    /// Everything but a refused start
    Any,
}

pub(super) fn run(args: GateArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    let GateArgs {
        dirs,
        engine,
        all_engines,
        raft_id,
        plan,
        accept,
        no_body_crc,
        store_check,
        applied_index,
        keys: StartKeys { keys: KeyFiles { sidecar, kek }, no_encryption },
        restore_rate,
        health_timeout,
    } = args;
    context.keep_out_of(&dirs)?;
    let of_one_engine = [
        ("--engine", engine != AUTO),
        ("--all-engines", all_engines),
        ("--plan", plan),
        ("--applied-index", applied_index.is_some()),
        ("--sidecar", sidecar.is_some()),
        ("--kek", kek.is_some()),
        ("--no-encryption", no_encryption),
        ("--restore-rate", restore_rate.is_some()),
        ("--health-timeout", health_timeout.is_some()),
    ];
    if let Backend::Hashicorp(nodes) = Backend::of(&dirs, &Local)? {
        refuse(&of_one_engine, "hashicorp/raft")?;
        let report = hashicorp_gate_dryrun(&nodes, raft_id.as_deref(), &context.run())?;
        let aborts = report.body.groups.iter().any(|node| node.start.outcome == hraft::StartOutcome::Abort);
        let status = if aborts { ExitStatus::Damaged } else { ExitStatus::from(report.verdict) };
        let unmet = unmet(status, report.verdict);
        return context.emit_as(report, status, unmet);
    }
    let members = etcd_places(&dirs, &Local)?;
    if !members.places.is_empty() {
        refuse(&of_one_engine, "etcd")?;
        refuse(&[("--raft-id", raft_id.is_some())], "etcd")?;
        let report = etcd_gate_dryrun(&members, &context.run())?;
        return context.emit(report);
    }
    let options = GateOptions {
        engine: ServerVersion::named(&engine),
        raft_id,
        all_engines,
        plan,
        no_body_crc,
        payloads_up_to: None,
        store_check: match store_check {
            StoreChoice::Auto => None,
            StoreChoice::None => Some(StoreCheck::None),
            StoreChoice::Meta => Some(StoreCheck::Meta),
            StoreChoice::Full => Some(StoreCheck::Full),
        },
        applied_index,
        sidecar,
        kek,
        no_encryption,
        restore_rate,
        health_timeout,
    };
    let report = gate_dryrun(&dirs, &options, &context.run())?;
    let status = status(&report.body, report.verdict, &accept);
    let unmet = unmet(status, report.verdict);
    context.emit_as(report, status, unmet)
}

/// Refuses options that say something about a start of elastickv's own engine, where another one's is forecast.
fn refuse(options: &[(&str, bool)], engine: &str) -> anyhow::Result<()> {
    let given: Vec<_> = options.iter().filter(|(_, given)| *given).map(|(option, _)| *option).collect();
    match given.as_slice() {
        [] => Ok(()),
        given => anyhow::bail!(
            "{}: not for directories of {engine}, whose starts are forecast by rules of their own",
            given.join(", ")
        ),
    }
}

/// What the caller does not get although nothing is damaged.
const fn unmet(status: ExitStatus, verdict: Verdict) -> Option<Unmet> {
    match (status, verdict) {
        (ExitStatus::Execute | ExitStatus::Fallback, _) => Some(Unmet::Outcome),
        (ExitStatus::Damaged, Verdict::Clean | Verdict::Unknown) => Some(Unmet::Refused),
        _ => None,
    }
}

/// The worst group counts; a start that succeeds but loses something is never 0.
fn status(body: &GateBody, verdict: Verdict, accept: &[Accept]) -> ExitStatus {
    let accepted = |outcome| match outcome {
        Outcome::Skip => accept.contains(&Accept::Skip),
        Outcome::None => accept.contains(&Accept::None),
        Outcome::Execute => accept.contains(&Accept::Execute),
        Outcome::Fallback => accept.contains(&Accept::Fallback),
        Outcome::LegacyRestore => accept.contains(&Accept::LegacyRestore),
        Outcome::Abort | Outcome::Unknown => false,
    };
    let any = accept.contains(&Accept::Any);
    let outcomes = || body.groups.iter().map(|group| group.forecast.outcome);
    if verdict == Verdict::Damaged || outcomes().any(|outcome| outcome == Outcome::Abort) {
        return ExitStatus::Damaged;
    }
    if verdict == Verdict::Unknown || outcomes().any(|outcome| outcome == Outcome::Unknown) {
        return ExitStatus::Unknown;
    }
    match outcomes().filter(|&outcome| !any && !accepted(outcome)).min_by_key(|outcome| outcome.rank()) {
        Some(Outcome::Fallback) => ExitStatus::Fallback,
        Some(Outcome::Execute | Outcome::LegacyRestore) => ExitStatus::Execute,
        // An outcome that starts well but was not asked for.
        Some(_) => ExitStatus::Execute,
        None => ExitStatus::Clean,
    }
}

fn parse_applied(text: &str) -> Result<AppliedIndexState, String> {
    match text {
        "missing" => Ok(AppliedIndexState::Missing),
        "unreadable" => Ok(AppliedIndexState::Unreadable),
        index => parse_index(index).map(AppliedIndexState::Present),
    }
}

fn parse_rate(text: &str) -> Result<u64, String> {
    match parse_size(text.trim_end_matches("/s"))? {
        0 => Err("a rate of 0 never ends".to_owned()),
        rate => Ok(rate),
    }
}
