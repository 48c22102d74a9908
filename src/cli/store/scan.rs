//! `ekv-tool store scan`

use std::cell::RefCell;
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use ekv_tool::analysis::judge::store::scanned;
use ekv_tool::readers::pebble_scan::{KeyRange, walk};
use ekv_tool::report::body::store_scan::{RowStyle, RowWriter, StoreScanBody};
use ekv_tool::report::{OutputFormat, Report};

use super::{Context, ExitStatus};
use ekv_tool::types::unescape;

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
    let dirs = super::stores(std::slice::from_ref(&args.dir))?;
    let [dir] = dirs.as_slice() else {
        bail!("{}: holds {} stores; name one of them", args.dir.display(), dirs.len());
    };
    let [prefix, from, to] = [&args.prefix, &args.from, &args.to].map(|key| key.as_ref().map(Key::bytes));
    let range = KeyRange::new(prefix, from, to, args.raw);
    let row_style = RowStyle { raw: args.raw, value_bytes: args.value_bytes };
    let writer = RefCell::new(RowWriter::new(OutputFormat::from(context.format), context.style, row_style));
    let verdict = RefCell::new(None);
    let mut failure: anyhow::Result<()> = Ok(());
    context.write(|out| {
        let mut written: io::Result<()> = Ok(());
        let mut limited = false;
        let outcome = walk(dir, range.start(), &context.progress, &mut |live| {
            if range.is_past(live.key) {
                return ControlFlow::Break(());
            }
            if !range.contains(live.key) {
                return ControlFlow::Continue(());
            }
            if args.limit == Some(writer.borrow().written()) {
                limited = true;
                return ControlFlow::Break(());
            }
            written = writer.borrow_mut().row(live, out);
            if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        written?;
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                failure = Err(error.into());
                return Ok(());
            }
        };
        let (findings, coverage) = scanned(&outcome);
        let body = StoreScanBody {
            dir: dir.display().to_string(),
            rows_shown: writer.borrow().written(),
            live_keys: outcome.stats.live,
            keys: outcome.stats.keys,
            records: outcome.stats.records,
            limited,
            views: outcome.views,
        };
        let report = context.timed(Report::new(body, findings, coverage));
        *verdict.borrow_mut() = Some(report.verdict);
        writer.borrow().finish(&report, out)
    })?;
    failure?;
    // A reader that closed the pipe has seen what it wanted.
    Ok(verdict.into_inner().map_or(ExitStatus::Clean, ExitStatus::from))
}
