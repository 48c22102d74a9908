//! `ekv-tool store get`

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use ekv_tool::formats::kv::KeyText;
use ekv_tool::ops::{GetOptions, store_get};
use ekv_tool::types::HlcTimestamp;

use super::args::{ViewKeys, parse_key};
use super::{Context, ExitStatus};

/// `store get`
#[derive(Debug, Args)]
pub struct GetArgs {
    /// A store (fsm.db), or a group or node directory with one store
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// A name (redis:NAME, ddb:TABLE/HASH/RANGE, s3:BUCKET/KEY, sqs:QUEUE, meta:NAME), or a user key: text with \xNN escapes as
    /// keys are printed, hex:..., or raw:... for one that begins like a name
    #[arg(value_name = "KEY", value_parser = parse_key)]
    key: KeyText,
    /// KEY is a key of the store itself, with its timestamp
    #[arg(long)]
    raw: bool,
    /// How many versions to show, newest first
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "raw")]
    versions: usize,
    /// Only versions committed at or before this commit timestamp
    #[arg(long, value_name = "TS", conflicts_with = "raw")]
    at: Option<u64>,
    /// Rows of a name that are listed
    #[arg(long, value_name = "N", default_value_t = 100, conflicts_with = "raw")]
    limit: usize,
    #[command(flatten)]
    keys: ViewKeys,
}

/// Looks one key up.
pub fn run(args: &GetArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    let GetArgs { dir, key, raw, versions, at, limit, keys } = args;
    context.keep_out_of(std::slice::from_ref(dir))?;
    let (store, beside) = super::only_store(dir)?;
    if let (true, KeyText::Name(name)) = (*raw, key) {
        bail!("--raw: {name} is a name; give the stored key itself, or raw:{name} for one that reads so");
    }
    let options = GetOptions { key: key.clone(), raw: *raw, at: at.map(HlcTimestamp), versions: *versions, limit: *limit };
    let opener = keys.opener(context.is_kept())?;
    context.emit(store_get(&store, &options, opener.as_ref(), &context.run())?.leave_out(&beside))
}
