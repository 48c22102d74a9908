//! `verify-snapshot`

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use ekv_tool::analysis::snapshot::{
    SetRequest, Subject, TokenView, VerifiedSet, newest, verify_envelope, verify_lone_payload, verify_set,
};
use ekv_tool::formats::snap::SnapshotToken;
use ekv_tool::io::IoOptions;
use ekv_tool::readers::wal::WalScan;
use ekv_tool::readers::{Depth, ReadSet, SnapDir, SnapshotSet, SnapshotTarget, fsm_file, snapshot_target};
use ekv_tool::report::Report;
use ekv_tool::report::body::snapshot::SnapshotBody;
use ekv_tool::types::{Crc32c, LogIndex};

use super::{Context, ExitStatus};

const AFTER_HELP: &str = "\
Examples:
  ekv-tool verify-snapshot /var/lib/elastickv/n1
  ekv-tool verify-snapshot --deep fsm-snap/00000000000003e8.fsm
  ekv-tool verify-snapshot --token-crc 7aba3e7e backup.fsm

Exit statuses: 0 intact, 2 damaged, 3 not everything could be judged, 1 the work could not be done.";

/// Check snapshots: payload against checksum, token against payload, names against contents
///
/// PATH is a payload (.fsm), an envelope (.snap), a folder of either, a group directory, a node directory, or the server's
/// --raftDataDir. Directories of running nodes may be named: nothing is locked or written.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
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
    #[arg(long, conflicts_with = "deep")]
    header_only: bool,
    /// Only what the next start would use
    #[arg(long)]
    newest: bool,
    /// Also walk every row: framing, order, limits, row headers, inner checksums
    #[arg(long)]
    deep: bool,
}

pub(super) fn run(args: &VerifySnapshotArgs, context: &Context) -> anyhow::Result<ExitStatus> {
    context.keep_out_of(&args.paths)?;
    let targets = args.paths.iter().map(|path| SnapshotTarget::at(path)).collect::<Result<Vec<_>, _>>()?;
    if let Some(flag) = args.token_flag()
        && !matches!(targets.as_slice(), [SnapshotTarget::Payload(_)])
    {
        bail!("{flag} goes with exactly one payload file");
    }
    let mut verified = VerifiedSet::default();
    let several =
        targets.len() > 1 || targets.iter().any(|target| matches!(target, SnapshotTarget::Groups(groups) if groups.len() > 1));
    for target in &targets {
        match target {
            SnapshotTarget::Envelope(path) => verified.absorb(envelope(path, args, context)?, None),
            SnapshotTarget::Payload(path) => verified.absorb(payload(path, args, context)?, None),
            SnapshotTarget::Folder(path) => {
                let dir = SnapDir::read(path)?;
                let (base, set) = (path.display().to_string(), |wanted: &ReadSet<'_>| SnapshotSet::of_folder(path, wanted));
                verified.absorb(snapshots(&base, Some(&dir), None, set, args, context)?, None);
            }
            SnapshotTarget::Groups(groups) => {
                for group in groups {
                    let base = group.display();
                    let (dir, log) = if args.newest { choice(&group.path, context)? } else { (None, None) };
                    let set = |wanted: &ReadSet<'_>| SnapshotSet::of_group(&group.path, wanted);
                    let one = snapshots(&base, dir.as_ref(), log.as_ref(), set, args, context)?;
                    verified.absorb(one, several.then_some(base.as_str()));
                }
            }
        }
    }
    let body = SnapshotBody::new(&verified);
    context.emit(Report::new(body, verified.findings, verified.coverage))
}

/// What the choice of a start depends on.
fn choice(group: &Path, context: &Context) -> anyhow::Result<(Option<SnapDir>, Option<WalScan>)> {
    let dir = match SnapDir::read(&group.join("snap")) {
        Ok(dir) => Some(dir),
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error.into()),
    };
    match WalScan::read(&group.join("wal"), context.threads, &context.progress) {
        Ok(scan) => Ok((dir, Some(scan))),
        Err(error) if error.is_not_found() => Ok((dir, None)),
        Err(error) => Err(error.into()),
    }
}

fn snapshots(
    base: &str,
    dir: Option<&SnapDir>,
    log: Option<&WalScan>,
    read: impl FnOnce(&ReadSet<'_>) -> Result<SnapshotSet, ekv_tool::Error>,
    args: &VerifySnapshotArgs,
    context: &Context,
) -> anyhow::Result<VerifiedSet> {
    let depth = args.depth();
    let chosen = args.newest.then(|| dir.map(|dir| newest(dir, log)).unwrap_or_default());
    let only: Option<&[LogIndex]> = chosen.as_ref().map(|chosen| chosen.payloads.as_slice());
    let set = read(&ReadSet { depth, only, io: io(context), progress: &context.progress })?;
    let names = chosen.as_ref().map(|chosen| chosen.names.as_slice());
    let mut verified = verify_set(&set, base, SetRequest { depth, only: names });
    if let Some(chosen) = &chosen {
        chosen.describe(base, &mut verified.coverage);
    }
    Ok(verified)
}

fn envelope(path: &Path, args: &VerifySnapshotArgs, context: &Context) -> anyhow::Result<VerifiedSet> {
    let entry = snapshot_target::read_envelope(path);
    let mut verified = VerifiedSet::of_envelope(verify_envelope(&entry, &path.display().to_string(), false));
    let Some(token) = verified.envelopes.first().and_then(|view| view.token) else { return Ok(verified) };
    let depth = args.depth();
    match snapshot_target::payload_beside(path, token.index, |size| depth.examine(size), &io(context), &context.progress)? {
        Some((payload, facts)) => {
            let token = TokenView { source: path.display().to_string(), index: Some(token.index), crc32c: token.crc32c };
            let name = snapshot_target::name_of(&payload);
            let path = payload.display().to_string();
            let subject = Subject { path, name: &name, facts: &facts, token: Some(token), expendable: false, depth };
            verified.absorb(verify_lone_payload(&subject), None);
        }
        None => verified.coverage.skipped("the payload it points at", "name the group directory to have it checked too"),
    }
    Ok(verified)
}

fn payload(path: &Path, args: &VerifySnapshotArgs, context: &Context) -> anyhow::Result<VerifiedSet> {
    let (depth, io) = (args.depth(), io(context));
    let (_, stamp) = ekv_tool::io::open_regular(path)?;
    let facts = fsm_file::examine_with(path, depth.examine(stamp.size), &io, &context.progress)?;
    let token = match (args.token, args.token_crc) {
        (Some(token), _) => Some(TokenView { source: "--token".to_owned(), index: Some(token.index), crc32c: token.crc32c }),
        (None, Some(crc32c)) => Some(TokenView { source: "--token-crc".to_owned(), index: None, crc32c }),
        (None, None) => None,
    };
    let name = snapshot_target::name_of(path);
    let path = path.display().to_string();
    Ok(verify_lone_payload(&Subject { path, name: &name, facts: &facts, token, expendable: false, depth }))
}

fn io(context: &Context) -> IoOptions {
    IoOptions { threads: context.threads, ..IoOptions::default() }
}

impl VerifySnapshotArgs {
    const fn depth(&self) -> Depth {
        match (self.header_only, self.deep) {
            (true, _) => Depth::Header,
            (false, false) => Depth::Checksum,
            (false, true) => Depth::Deep,
        }
    }

    const fn token_flag(&self) -> Option<&'static str> {
        match (self.token.is_some(), self.token_crc.is_some()) {
            (true, _) => Some("--token"),
            (false, true) => Some("--token-crc"),
            (false, false) => None,
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
