//! `ekv-tool store scan`

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use ekv_tool::ops::{ScanOptions, store_scan};
use ekv_tool::readers::pebble_scan::KeyRange;
use ekv_tool::report::body::store_scan::StoreScanBody;
use ekv_tool::types::unescape;

use super::args::ViewKeys;
use super::{Context, ExitStatus};

/// `store scan`
#[derive(Debug, Args)]
pub struct ScanArgs {
    /// A store (fsm.db), or a directory with exactly one
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Only user keys that begin with this (\xNN for any byte, as keys are printed)
    #[arg(long, value_name = "KEY", value_parser = parse_key)]
    prefix: Option<Key>,
    /// Begin at this stored key
    #[arg(long, value_name = "KEY", value_parser = parse_key)]
    from: Option<Key>,
    /// End before this stored key
    #[arg(long, value_name = "KEY", value_parser = parse_key)]
    to: Option<Key>,
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

/// A key given on the command line.
#[derive(Debug, Clone)]
struct Key(Vec<u8>);

fn parse_key(text: &str) -> Result<Key, String> {
    unescape(text).map(Key)
}

impl Key {
    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Writes the rows while they are read, then the report.
pub fn run(args: &ScanArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    context.keep_out_of(std::slice::from_ref(&args.dir))?;
    let (dirs, _) = super::stores(std::slice::from_ref(&args.dir))?;
    let [dir] = dirs.as_slice() else {
        bail!("{}: holds {} stores; name one of them", args.dir.display(), dirs.len());
    };
    let [prefix, from, to] = [&args.prefix, &args.from, &args.to].map(|key| key.as_ref().map(Key::bytes));
    let options = ScanOptions {
        range: KeyRange::new(prefix, from, to, args.raw),
        limit: args.limit,
        raw: args.raw,
        value_bytes: args.value_bytes,
    };
    let opener = args.keys.opener(context.is_kept())?;
    context.emit_rows(StoreScanBody::LIST, |rows| store_scan(dir, &options, opener.as_ref(), &context.run(), rows))
}
