//! `ekv-tool store dump`

use std::path::PathBuf;

use clap::Args;
use ekv_tool::ops::{StoreDumpOptions, store_dump};
use ekv_tool::report::body::store_dump::StoreDumpBody;

use super::args::ViewKeys;
use super::{Context, ExitStatus};

/// `store dump`
#[derive(Debug, Args)]
pub struct DumpArgs {
    /// A table, log or MANIFEST of a Pebble store, by whatever name, also compressed; - is standard input. No other file of
    /// the store is needed
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// End after this many rows
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Keys and values as stored, not taken apart
    #[arg(long)]
    raw: bool,
    /// Bytes of each value that json and ndjson show
    #[arg(long, value_name = "N", default_value_t = 64)]
    value_bytes: usize,
    #[command(flatten)]
    keys: ViewKeys,
}

/// Writes the rows while they are read, then the report.
pub fn run(args: &DumpArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    context.keep_out_of(std::slice::from_ref(&args.file))?;
    let options = StoreDumpOptions { limit: args.limit, raw: args.raw, value_bytes: args.value_bytes };
    let opener = args.keys.opener(context.is_kept())?;
    let run = context.run_on(std::slice::from_ref(&args.file))?;
    context.emit_rows(StoreDumpBody::LIST, |rows| store_dump(&args.file, &options, opener.as_ref(), &run, rows))
}
