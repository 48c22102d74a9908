//! `--ledger`: what earlier runs have read, and what this one adds to it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use ekv_tool::analysis::judge::snapshot::VerifiedPayload;
use ekv_tool::formats::ledger::{Believed, LedgerEntry, LedgerError, MOST_BYTES, decode, encode};
use ekv_tool::io::{OpenFile, now};
use ekv_tool::report::body::content::LedgerUse;
use ekv_tool::types::grant;

use super::Context;
use super::args::parse_duration;
use super::target::{Target, Written};

/// The version that this program enters, and the only one that it believes.
const TOOL: &str = env!("CARGO_PKG_VERSION");
/// Memory that the entries of a ledger take for each of its bytes, at most.
const MEMORY: u64 = 3;

/// What earlier runs have read.
#[derive(Debug, Clone, Default, Args)]
pub struct LedgerArgs {
    /// Keep in FILE which payloads were read whole and found clean; nothing is believed from it without --max-age
    #[arg(long, value_name = "FILE", conflicts_with_all = ["header_only", "sidecar"], help_heading = "Reading less")]
    ledger: Option<PathBuf>,
    /// Do not read payloads again that the ledger has and that were read no longer ago; the report says which
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, requires = "ledger", help_heading = "Reading less")]
    max_age: Option<Duration>,
}

/// A ledger that may be written.
#[derive(Debug)]
pub(super) struct Ledger {
    target: Target,
    used: LedgerUse,
    believed: Option<Believed>,
}

impl LedgerArgs {
    /// The option by which something is believed without being read.
    pub(super) const fn is_given(&self) -> bool {
        self.ledger.is_some()
    }

    /// Opens the ledger, if there is one, for a run that examines `examined`.
    pub(super) fn open(&self, context: &Context, examined: &[PathBuf]) -> anyhow::Result<Option<Ledger>> {
        let Some(path) = &self.ledger else { return Ok(None) };
        let target = Target::admit(Written::Ledger, path)?;
        target.keep_out_of(examined)?;
        if context.writes_to(&target.resolved()) {
            bail!("--ledger {}: is the file of --output as well; name another one", path.display());
        }
        let mut used = LedgerUse { path: path.display().to_string(), ..LedgerUse::default() };
        used.max_age_ms = self.max_age.map(|age| u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        let mut believed = None;
        match read(&target.resolved()).with_context(|| format!("--ledger {}", path.display()))? {
            Ok(entries) => {
                if let (Some(max_age), Some(now)) = (used.max_age_ms, now()) {
                    let chosen = Believed::of(entries, TOOL, now, max_age);
                    used.believed = chosen.len() as u64;
                    (used.too_old, used.in_the_future) = (chosen.passed_over.too_old, chosen.passed_over.in_the_future);
                    used.other_tool = chosen.passed_over.other_tool;
                    believed = Some(chosen);
                }
            }
            Err(why) => used.ignored = Some(why),
        }
        Ok(Some(Ledger { target, used, believed }))
    }
}

/// The entries of a ledger, or why it is not believed. A file that has to be left alone is an error.
fn read(path: &Path) -> anyhow::Result<Result<Vec<LedgerEntry>, String>> {
    let file = match OpenFile::open(path) {
        Ok(file) => file,
        Err(error) if error.is_not_found() => return Ok(Ok(Vec::new())),
        Err(error) => return Err(error.into()),
    };
    let size = file.stamp().size;
    if size == 0 {
        return Ok(Ok(Vec::new()));
    }
    if size > MOST_BYTES {
        return Ok(Err(format!("it is larger than the {MOST_BYTES} bytes that a ledger has at most")));
    }
    if let Err(over) = grant(size.saturating_mul(MEMORY)) {
        return Ok(Err(over.to_string()));
    }
    let bytes = file.read_small(MOST_BYTES)?.bytes;
    match decode(&bytes) {
        Ok(entries) => Ok(Ok(entries)),
        Err(LedgerError::Damaged { line, what }) => Ok(Err(LedgerError::Damaged { line, what }.to_string())),
        Err(error @ (LedgerError::NotALedger | LedgerError::OtherVersion(_))) => {
            bail!("{error}; it is left as it is: name another file")
        }
    }
}

impl Ledger {
    /// What is believed, once.
    pub(super) fn take_believed(&mut self) -> Option<Believed> {
        self.believed.take()
    }

    /// Adds the payloads of a run that were read whole and in which nothing was found, to what the ledger holds by now: another run may
    /// have written to it meanwhile. That it cannot be written is said in the report, which it takes nothing away from.
    pub(super) fn enter(mut self, context: &Context, payloads: &[VerifiedPayload], deep: bool) -> LedgerUse {
        let new: Vec<_> = payloads.iter().filter_map(|view| entry(view, deep)).collect();
        self.used.entered = new.len() as u64;
        let before = match read(&self.target.resolved()) {
            Ok(entries) => entries.unwrap_or_default(),
            Err(error) => {
                self.used.not_written = Some(format!("{error:#}"));
                Vec::new()
            }
        };
        let now = now();
        // What was read later than now would outlive every true reading.
        let before = before.into_iter().filter(|entry| now.is_some_and(|now| entry.read_at_ms <= now));
        let bytes = encode(before.chain(new));
        if self.used.not_written.is_none() {
            let written = context.write_to(&self.target, |out| out.write_all(&bytes));
            self.used.not_written = written.err().map(|error| format!("{error:#}"));
        }
        if let Some(why) = &self.used.not_written {
            self.used.entered = 0;
            let _ = writeln!(std::io::stderr(), "ekv-tool: {why}");
        }
        self.used
    }
}

/// What a ledger says of a payload.
fn entry(view: &VerifiedPayload, deep: bool) -> Option<LedgerEntry> {
    let candidate = view.vouched?;
    let file = candidate.identity?;
    Some(LedgerEntry {
        dev: file.dev,
        ino: file.ino,
        size: file.size,
        mtime_ns: file.mtime_ns,
        ctime_ns: file.ctime_ns,
        footer: candidate.footer.0,
        index: candidate.index.map(|index| index.0),
        deep,
        read_at_ms: candidate.read_at?,
        tool: TOOL.to_owned(),
    })
}
