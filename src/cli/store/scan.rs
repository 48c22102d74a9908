//! `ekv-tool store scan`

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use ekv_tool::formats::kv::{KeyText, Selection};
use ekv_tool::ops::{ScanOptions, store_scan};
use ekv_tool::readers::pebble_scan::KeyRange;
use ekv_tool::report::body::store_scan::StoreScanBody;

use super::args::{ViewKeys, parse_key};
use super::{Context, ExitStatus};

/// `store scan`
#[derive(Debug, Args)]
pub struct ScanArgs {
    /// A store (fsm.db), or a directory with exactly one
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Only user keys that begin with this (\xNN for any byte, as keys are printed), or names: redis:user: has all keys of redis that
    /// begin with user:
    #[arg(long, value_name = "KEY", value_parser = parse_key)]
    prefix: Option<KeyText>,
    /// Begin at this stored key, or with this name
    #[arg(long, value_name = "KEY", value_parser = parse_key)]
    from: Option<KeyText>,
    /// End before this stored key, or before this name
    #[arg(long, value_name = "KEY", value_parser = parse_key)]
    to: Option<KeyText>,
    /// End after this many rows
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Keys and values as stored, with sequence number and kind
    #[arg(long)]
    raw: bool,
    /// Bytes of each value that json and ndjson show
    #[arg(long, value_name = "N", default_value_t = 64)]
    value_bytes: usize,
    #[command(flatten)]
    keys: ViewKeys,
}

/// Writes the rows while they are read, then the report.
pub fn run(args: &ScanArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    context.keep_out_of(std::slice::from_ref(&args.dir))?;
    let (dir, beside) = super::only_store(&args.dir)?;
    let given = [&args.prefix, &args.from, &args.to];
    let [prefix, from, to] = given.map(|key| match key {
        Some(KeyText::Bytes(bytes)) => Some(bytes.as_slice()),
        _ => None,
    });
    let named = given.map(|key| match key {
        Some(KeyText::Name(name)) => Some(name.clone()),
        _ => None,
    });
    let names = if named.iter().any(Option::is_some) {
        let [prefix_name, from_name, to_name] = named;
        let names = Selection::within(prefix_name, from_name, to_name).filter(|_| prefix.or(from).or(to).is_none());
        let Some(names) = names else { bail!("--prefix, --from and --to: give names of one kind, or stored keys, not both") };
        Some(names)
    } else {
        None
    };
    let options = ScanOptions {
        range: KeyRange::new(prefix, from, to, args.raw),
        names,
        limit: args.limit,
        raw: args.raw,
        value_bytes: args.value_bytes,
    };
    let opener = args.keys.opener(context.is_kept())?;
    context.emit_rows(StoreScanBody::LIST, |rows| {
        Ok(store_scan(&dir, &options, opener.as_ref(), &context.run(), rows)?.leave_out(&beside))
    })
}
