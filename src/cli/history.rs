//! `history`

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use clap_complete::engine::ArgValueCompleter;
use ekv_tool::formats::kv::KeyText;
use ekv_tool::ops::etcd::etcd_places;
use ekv_tool::ops::hraft::Backend;
use ekv_tool::ops::{HistoryOptions, history};
use ekv_tool::readers::Local;

use super::args::{ViewKeys, named, parse_key};
use super::complete;
use super::{Context, ExitStatus};

/// Arguments of `history`.
#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// A name (redis:NAME, ddb:TABLE/HASH/RANGE, s3:BUCKET/KEY, sqs:QUEUE), or a user key: text with \xNN escapes as keys are printed,
    /// hex:..., or raw:... for one that begins like a name
    #[arg(value_name = "KEY", value_parser = parse_key)]
    key: KeyText,
    /// Group, node or raft data directories; NAME=DIR says what the node of a copy is called
    #[arg(required = true, value_name = "[NAME=]DIR", add = ArgValueCompleter::new(complete::named_dirs))]
    dirs: Vec<PathBuf>,
    /// Values as they are stored, with their hex, instead of what they say
    #[arg(long)]
    raw: bool,
    /// Versions that are listed, the newest ones
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    limit: u64,
    /// Do not read the payloads of snapshots, each of which is read whole
    #[arg(long)]
    no_payloads: bool,
    #[command(flatten)]
    keys: ViewKeys,
}

pub(super) fn run(args: &HistoryArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    let HistoryArgs { key, dirs, raw, limit, no_payloads, keys } = args;
    let dirs: Vec<_> = dirs.iter().map(|dir| named(dir)).collect();
    let paths: Vec<_> = dirs.iter().map(|dir| dir.path.clone()).collect();
    context.keep_out_of(&paths)?;
    if let Backend::Hashicorp(nodes) = Backend::of(&paths, &Local)? {
        let first = nodes.first().map(|node| node.display().to_string()).unwrap_or_default();
        bail!("{first} is a directory of hashicorp/raft, whose log history does not read; `wal dump` shows its entries");
    }
    if let Some(place) = etcd_places(&paths, &Local)?.places.first() {
        bail!("{} is a directory of etcd, whose log history does not read; `wal dump` shows its entries", place.display());
    }
    let limit = usize::try_from(*limit).unwrap_or(usize::MAX);
    let options = HistoryOptions { key: key.clone(), raw: *raw, limit, payloads: !no_payloads };
    let opener = keys.opener(context.is_kept())?;
    context.emit(history(&dirs, &options, opener.as_ref(), &context.run())?)
}
