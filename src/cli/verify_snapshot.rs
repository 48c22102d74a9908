//! `verify-snapshot`

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use ekv_tool::analysis::judge::snapshot::PayloadToken;
use ekv_tool::error::Error;
use ekv_tool::formats::snap::SnapshotToken;
use ekv_tool::ops::etcd::{etcd_places, etcd_verify_snapshot};
use ekv_tool::ops::hraft::{Backend, archives, hashicorp_verify_archives, hashicorp_verify_snapshot, node_of_snapshot};
use ekv_tool::ops::{VerifySnapshotOptions, dumps, verify_dumps, verify_snapshot};
use ekv_tool::readers::Depth;
use ekv_tool::types::Crc32c;

use super::args::{ContentArgs, OpenKeys, parse_duration};
use super::ledger::{Ledger, LedgerArgs};
use super::{Context, ExitStatus};

/// Check snapshots: payload against checksum, token against payload, names against contents
///
/// PATH is a payload (.fsm), an envelope (.snap), a folder of either, a group directory, a node directory, the server's
/// --raftDataDir, or a store of offloaded snapshots that is a directory (also as file:///PATH), a manifest or a payload in it; or
/// a dump of the offline tools as a directory, .tar or .tar.zst. A file may be compressed (gzip, Zstandard); - is standard input.
/// Directories of running nodes may be named: nothing is locked or written.
#[derive(Debug, Args)]
pub struct VerifySnapshotArgs {
    /// Files or directories
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The token that the payload should match (with a single payload)
    #[arg(long, value_name = "HEX34", value_parser = parse_token, conflicts_with = "token_crc")]
    token: Option<SnapshotToken>,
    /// The checksum that the payload should have (with a single payload)
    #[arg(long, value_name = "HEX8", value_parser = parse_crc)]
    token_crc: Option<Crc32c>,
    /// Only size, footer and header: the payload is not read
    #[arg(long, conflicts_with_all = ["deep", "max_duration", "sample"])]
    header_only: bool,
    /// Only what the next start would use
    #[arg(long)]
    newest: bool,
    /// Also walk every row: framing, order, limits, row headers, inner checksums; with keys, open what is sealed
    #[arg(long)]
    deep: bool,
    /// In a store: payloads without a manifest are garbage when they are older [default: 24h]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    grace: Option<Duration>,
    #[command(flatten)]
    content: ContentArgs,
    #[command(flatten)]
    ledger: LedgerArgs,
    #[command(flatten)]
    keys: OpenKeys,
}

pub(super) fn run(args: &VerifySnapshotArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    context.keep_out_of(&args.paths)?;
    let run = context.run_on(&args.paths)?;
    let source = &*run.source;
    // A snapshot of hashicorp/raft is judged by its meta.json, and by the others beside it.
    let mut paths: Vec<_> = args.paths.iter().map(|path| node_of_snapshot(path, source)).collect();
    paths.dedup();
    if let Backend::Hashicorp(nodes) = Backend::of(&paths, source)? {
        args.refuse_less()?;
        return context.emit(hashicorp_verify_snapshot(&nodes, &run)?);
    }
    let members = etcd_places(&args.paths, source)?;
    if !members.places.is_empty() {
        args.refuse_token()?;
        args.refuse_less()?;
        return context.emit(etcd_verify_snapshot(&members, &run)?);
    }
    let archives = archives(&args.paths, source)?;
    if !archives.is_empty() {
        args.refuse_token()?;
        args.refuse_less()?;
        return context.emit(hashicorp_verify_archives(&archives, &run)?);
    }
    let dumps = dumps(&args.paths, source)?;
    if !dumps.is_empty() {
        args.refuse_token()?;
        args.refuse_less()?;
        return context.emit(verify_dumps(&dumps, &run)?);
    }
    let opener = args.keys.opener(false)?.map(Arc::new);
    if opener.is_some() && !args.deep {
        return Err(Error::Usage("--sidecar: only --deep looks at rows; give it as well".to_owned()).into());
    }
    let options =
        VerifySnapshotOptions { depth: args.depth(), newest: args.newest, token: args.token_view(), opener, grace: args.grace };
    let mut ledger = args.ledger.open(context, &args.paths)?;
    let mut plan = context.content(&args.content);
    // Whether a payload is the one of an index its rows tell, which an entry of the ledger does not have.
    if let Some(believed) = ledger.as_mut().and_then(Ledger::take_believed).filter(|_| args.token.is_none()) {
        plan = plan.knowing(believed, args.deep);
    }
    let mut report = verify_snapshot(&args.paths, &options, &run.reading(Arc::new(plan)))?;
    report.body.ledger = ledger.map(|ledger| ledger.enter(context, &report.body.snapshots, args.deep));
    context.emit(report)
}

impl VerifySnapshotArgs {
    /// What has no payload of elastickv has no token either.
    fn refuse_token(&self) -> Result<(), Error> {
        match self.token_view() {
            Some(token) => Err(Error::Usage(format!("{}: goes with one payload file of elastickv", token.source))),
            None => Ok(()),
        }
    }

    /// Nor anything that could be left out of it, or kept in a ledger.
    fn refuse_less(&self) -> Result<(), Error> {
        if self.ledger.is_given() {
            return Err(Error::Usage("--ledger: goes with the directories and payloads of elastickv".to_owned()));
        }
        self.content.refuse()
    }

    const fn depth(&self) -> Depth {
        match (self.header_only, self.deep) {
            (true, _) => Depth::Header,
            (false, false) => Depth::Checksum,
            (false, true) => Depth::Deep,
        }
    }

    fn token_view(&self) -> Option<PayloadToken> {
        match (self.token, self.token_crc) {
            (Some(token), _) => {
                Some(PayloadToken { source: "--token".to_owned(), index: Some(token.index), crc32c: token.crc32c })
            }
            (None, Some(crc32c)) => Some(PayloadToken { source: "--token-crc".to_owned(), index: None, crc32c }),
            (None, None) => None,
        }
    }
}

/// Parses 34 hex digits as a token.
fn parse_token(text: &str) -> Result<SnapshotToken, String> {
    let wrong = || "a token is 34 hex digits: the 17 bytes that a .snap file carries as its data".to_owned();
    if text.len() != 34 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    let digits = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| wrong());
    let bytes = (0..34).step_by(2).map(digits).collect::<Result<Vec<_>, _>>()?;
    SnapshotToken::decode(&bytes).map_err(|error| error.to_string())
}

/// Parses eight hex digits as a checksum.
fn parse_crc(text: &str) -> Result<Crc32c, String> {
    let value = u32::from_str_radix(text, 16).ok().filter(|_| text.len() == 8 && !text.starts_with('+'));
    value.map(Crc32c).ok_or_else(|| "a checksum is 8 hex digits".to_owned())
}
