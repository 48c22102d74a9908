//! `verify-snapshot`: are these snapshots intact?

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::advice;
use super::offload;
use crate::analysis::judge::codes::snapshot::{self, SNAP_ORPHAN};
use crate::analysis::judge::packed::{NOT_UNPACKED, does_not_unpack, not_opened};
use crate::analysis::judge::snapshot::{
    PayloadToken, Recorded, SetRequest, Subject, VerifiedSet, verify_envelope, verify_etcd_envelope, verify_lone_payload,
    verify_set,
};
use crate::analysis::judge::unread;
use crate::analysis::server::snapshot::newest;
use crate::analysis::{Coverage, Finding, Severity};
use crate::error::{Error, Result};
use crate::formats::foreign::packed_by;
use crate::formats::layout;
use crate::formats::unpack::{PackFault, Packing, Stopped};
use crate::io::{EntryKind, IoOptions};
use crate::readers::etcd::is_part_of_another;
use crate::readers::keys::Opener;
use crate::readers::locate::snapshots;
use crate::readers::sealed_rows::examine_opening;
use crate::readers::snap_dir::SnapEntry;
use crate::readers::source::Run;
use crate::readers::wal::WalScan;
use crate::readers::{Depth, GroupListing, ReadSet, SnapDir, SnapshotSet, SnapshotTarget, SnapshotsFound};
use crate::report::Report;
use crate::report::body::snapshot::SnapshotBody;
use crate::types::{Count, LogIndex, ServerVersion};

/// Bytes that tell what a file was compressed with.
const PACKED_HEAD: usize = 8;

/// What the caller wants to know.
#[derive(Debug, Clone, Default)]
pub struct VerifySnapshotOptions {
    /// How closely payloads are looked at.
    pub depth: Depth,
    /// Only what the next start would use.
    pub newest: bool,
    /// What a single payload should match; its source is the name of the flag.
    pub token: Option<PayloadToken>,
    /// Keys for sealed rows; they are opened where every row is looked at.
    pub opener: Option<Arc<Opener>>,
    /// Payloads in a store that no manifest names are garbage when they are older than this; a day when absent.
    pub grace: Option<Duration>,
}

/// Verifies the snapshots at or below `paths`.
pub fn verify_snapshot(paths: &[PathBuf], options: &VerifySnapshotOptions, run: &Run<'_>) -> Result<Report<SnapshotBody>> {
    let paths = paths.iter().map(|path| offload::local_path(path, &*run.source)).collect::<Result<Vec<_>>>()?;
    let found = paths.iter().map(|path| SnapshotsFound::at(path, &*run.source)).collect::<Result<Vec<_>>>()?;
    let alone = |found: &SnapshotsFound| matches!(found.targets.as_slice(), [(_, SnapshotTarget::Offloaded(_))]);
    if !run.content.is_whole()
        && let Some((path, _)) = paths.iter().zip(&found).find(|(_, found)| alone(found))
    {
        let problem =
            "a store of offloaded snapshots is read whole: --max-duration, --sample and --max-age go with snapshots of nodes";
        return Err(Error::Usage(format!("{}: {problem}", path.display())));
    }
    verify(found, options, run)
}

/// Verifies the snapshots that were found. Where the run leaves content out, offloaded ones beside those of nodes are named.
pub(super) fn verify(found: Vec<SnapshotsFound>, options: &VerifySnapshotOptions, run: &Run<'_>) -> Result<Report<SnapshotBody>> {
    let mut verified = VerifiedSet::default();
    let mut targets = Vec::new();
    for SnapshotsFound { targets: at, dumps, unplaced } in found {
        unread::cover_unplaced(&unplaced, &mut verified.coverage);
        for dump in dumps {
            verified.coverage.missing(dump.display().to_string(), "it is a dump of the offline tools; name it by itself");
        }
        targets.extend(at);
    }
    targets.retain(|(path, target)| {
        let is_taken = run.content.is_whole() || !matches!(target, SnapshotTarget::Offloaded(_));
        if !is_taken {
            let why = "it holds offloaded snapshots, which are read whole; name it by itself";
            verified.coverage.missing(path.display().to_string(), why);
        }
        is_taken
    });
    if let Some(token) = &options.token
        && !matches!(targets.as_slice(), [(_, SnapshotTarget::Payload(_))])
    {
        return Err(Error::Usage(format!("{} goes with exactly one payload file", token.source)));
    }
    let io = IoOptions { threads: run.threads, ..IoOptions::default() };
    let asked = Asked { options, io, run };
    let mut stores = offload::Verified::default();
    let several = targets.len() > 1
        || targets.iter().any(|(_, target)| matches!(target, SnapshotTarget::Groups(found) if found.groups.len() > 1));
    for (path, target) in &targets {
        match target {
            SnapshotTarget::Offloaded(place) => {
                stores.add(path, place, options, io, run)?;
                if options.opener.is_some() {
                    let what = format!("what sealed rows of the payloads in {} hold", path.display());
                    verified.coverage.skipped(what, "sealed rows of offloaded payloads are not opened");
                }
            }
            SnapshotTarget::Envelope(path) => verified.absorb(asked.envelope(path)?, None),
            SnapshotTarget::Payload(path) => verified.absorb(asked.payload(path)?, None),
            SnapshotTarget::Folder(path) => {
                cover_other_names(path, &mut verified.coverage, run)?;
                let dir = SnapDir::read(path, &*run.source)?;
                let (base, set) = (path.display().to_string(), |wanted: &ReadSet<'_>| SnapshotSet::of_folder(path, wanted));
                verified.absorb(asked.snapshots(&base, Some(&dir), None, set)?, None);
            }
            SnapshotTarget::Groups(found) => {
                unread::cover_unplaced(&found.unplaced, &mut verified.coverage);
                for group in &found.groups {
                    let base = group.display();
                    let (dir, log) = if options.newest { asked.choice(&group.path)? } else { (None, None) };
                    let set = |wanted: &ReadSet<'_>| SnapshotSet::of_group(&group.path, wanted);
                    let mut one = asked.snapshots(&base, dir.as_ref(), log.as_ref(), set)?;
                    // What stands above the one that a start would use was not judged with it.
                    let passed_over = dir.as_ref().and_then(|dir| dir.snaps.first());
                    let passed_over = passed_over.is_some_and(|entry| entry.read(ServerVersion::NEWEST).is_err());
                    let is_doubtful = |finding: &Finding| finding.severity != Severity::Info || finding.code == &SNAP_ORPHAN;
                    if passed_over || one.findings.iter().any(is_doubtful) {
                        // Only the log knows which snapshots were ever in force.
                        let listing = GroupListing::read(&group.path, &*run.source)?;
                        let log = match log {
                            None if listing.has_log() => Some(WalScan::read(&group.path.join(layout::WAL), run)?),
                            log => log,
                        };
                        let recorded = Recorded::of(&listing, log.as_ref(), ServerVersion::NEWEST);
                        if recorded.is_none() && log.is_some() && one.findings.iter().any(is_doubtful_envelope) {
                            // Of a recorded one it would be damage.
                            let why = "the log, whose records tell it, cannot be read to its end; see `wal verify`";
                            one.coverage
                                .missing(format!("whether the envelopes in {base} that cannot be read were complete"), why);
                        }
                        if let Some(recorded) = recorded {
                            one.excuse_unrecorded(&recorded);
                            // A server may have written one while the log was read.
                            if let Ok(now) = SnapDir::read(&group.path.join(layout::SNAP), &*run.source) {
                                let snaps = format!("{}/{}", base.trim_end_matches('/'), layout::SNAP);
                                // Of the one that a start uses, those above it are asked as well: it may only be used for want of them.
                                let asked = |entry: &&SnapEntry| !options.newest || entry.read(ServerVersion::NEWEST).is_err();
                                let severity = if options.newest { Severity::Warning } else { Severity::Error };
                                one.accuse_recorded(&recorded, now.snaps.iter().take_while(asked), &snaps, severity);
                            }
                        }
                    }
                    advice::fit(&mut one.findings, &group.path, &*run.source);
                    verified.absorb(one, several.then_some(base.as_str()));
                }
            }
        }
    }
    if options.opener.is_none() && options.depth >= Depth::Deep {
        for view in &verified.payloads {
            let sealed = view.rows.map_or(0, |rows| rows.sealed);
            if sealed > 0 {
                let what = format!("what {} in {} hold", Count(sealed, "sealed row"), view.path);
                verified.coverage.skipped(what, "they open with --sidecar and --kek");
            }
        }
    }
    let mut body = SnapshotBody::new(&verified);
    verified.findings.append(&mut stores.findings);
    verified.coverage.absorb(std::mem::take(&mut stores.coverage));
    body.content = run.content.so_far();
    (body.offloads, body.stores, body.offload_payloads) = (stores.offloads, stores.stores, stores.payloads);
    Ok(Report::new(body, verified.findings, verified.coverage))
}

/// Says which files of a folder seem to be payloads or envelopes and are not read for their names: compressed, or spelled otherwise.
fn cover_other_names(folder: &Path, coverage: &mut Coverage, run: &Run<'_>) -> Result<()> {
    const KINDS: [&str; 2] = [".fsm", ".snap"];
    const ENDINGS: [&str; 8] = [".gz", ".gzip", ".zst", ".zstd", ".xz", ".bz2", ".lz4", ".bak"];
    for entry in run.source.list_kinds(folder)?.iter().filter(|entry| entry.kind == EntryKind::File) {
        let lower = entry.name.to_ascii_lowercase();
        let inner = ENDINGS.iter().find_map(|ending| lower.strip_suffix(ending)).unwrap_or(&lower);
        let is_taken = KINDS.iter().any(|kind| entry.name.ends_with(kind));
        if !is_taken && KINDS.iter().any(|kind| inner.ends_with(kind)) {
            coverage.missing(
                folder.join(&entry.name).display().to_string(),
                "no server opens this name; name the file itself to have it read",
            );
        }
    }
    Ok(())
}

/// True for an envelope that is no damage as long as no record vouches for it.
fn is_doubtful_envelope(finding: &Finding) -> bool {
    let codes = [&snapshot::SNAP_MALFORMED, &snapshot::SNAP_TORN];
    finding.severity != Severity::Error && codes.iter().any(|code| code.code == finding.code.code)
}

struct Asked<'r> {
    options: &'r VerifySnapshotOptions,
    io: IoOptions,
    run: &'r Run<'r>,
}

impl Asked<'_> {
    /// What the choice of a start depends on.
    fn choice(&self, group: &Path) -> Result<(Option<SnapDir>, Option<WalScan>)> {
        let dir = match SnapDir::read(&group.join(layout::SNAP), &*self.run.source) {
            Ok(dir) => Some(dir),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error),
        };
        match WalScan::read(&group.join(layout::WAL), self.run) {
            Ok(scan) => Ok((dir, Some(scan))),
            Err(error) if error.is_not_found() => Ok((dir, None)),
            Err(error) => Err(error),
        }
    }

    fn snapshots(
        &self,
        base: &str,
        dir: Option<&SnapDir>,
        log: Option<&WalScan>,
        read: impl FnOnce(&ReadSet<'_>) -> Result<SnapshotSet>,
    ) -> Result<VerifiedSet> {
        let depth = self.options.depth;
        let chosen = self.options.newest.then(|| dir.map(|dir| newest(dir, log)).unwrap_or_default());
        let only: Option<&[LogIndex]> = chosen.as_ref().map(|chosen| chosen.payloads.as_slice());
        let set = read(&ReadSet { depth, opener: self.options.opener.as_deref(), only, io: self.io, run: self.run })?;
        let names = chosen.as_ref().map(|chosen| chosen.names.as_slice());
        let mut verified = verify_set(&set, base, SetRequest { depth, only: names });
        if let Some(chosen) = &chosen {
            chosen.describe(base, &mut verified.coverage);
        }
        Ok(verified)
    }

    fn envelope(&self, path: &Path) -> Result<VerifiedSet> {
        let entry = snapshots::read_envelope(path, &*self.run.source);
        let etcds = entry.read(ServerVersion::NEWEST).as_ref().is_ok_and(|content| content.etcd);
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if etcds && !is_part_of_another(dir, &*self.run.source) {
            return Ok(VerifiedSet::of_envelope(verify_etcd_envelope(&entry, &path.display().to_string(), false)));
        }
        let mut verified = VerifiedSet::of_envelope(verify_envelope(&entry, &path.display().to_string(), false));
        let Some(token) = verified.envelopes.first().and_then(|view| view.token) else { return Ok(verified) };
        match snapshots::payload_beside(path, token.index, &*self.run.source) {
            Some(payload) => {
                let token = PayloadToken { source: path.display().to_string(), index: Some(token.index), crc32c: token.crc32c };
                verified.absorb(self.lone(&payload, Some(token))?, None);
            }
            None => verified.coverage.skipped("the payload it points at", "name the group directory to have it checked too"),
        }
        Ok(verified)
    }

    fn payload(&self, path: &Path) -> Result<VerifiedSet> {
        let head = self.run.source.open(path)?.read_at(0, PACKED_HEAD).unwrap_or_default();
        if let Some(packer) = packed_by(&head) {
            return self.packed(path, packer);
        }
        self.lone(path, self.options.token.clone())
    }

    /// What is compressed and was not unpacked.
    fn packed(&self, path: &Path, packer: &str) -> Result<VerifiedSet> {
        let mut verified = VerifiedSet::default();
        let shown = path.display().to_string();
        let file = self.run.source.map(path)?;
        verified.coverage.add_file(file.bytes().len() as u64);
        let Some(packing) = Packing::of(file.bytes()) else {
            verified.coverage.missing(shown, not_opened(packer));
            return Ok(verified);
        };
        let mut passed = 0;
        let fault = PackFault::find(packing, file.bytes(), &mut |offset| {
            self.run.progress.advance(offset.saturating_sub(passed));
            passed = passed.max(offset);
            file.release_before(offset);
            !self.run.progress.interrupted()
        });
        file.delivered()?;
        match fault {
            Ok(Some(fault)) if fault.is_limit => verified.coverage.missing(shown, fault.words),
            Ok(Some(fault)) if !file.changed_by_name() => verified.findings.push(does_not_unpack(&shown, &fault)),
            Ok(Some(_)) => verified.coverage.missing(shown, "the file changed while it was read; try again when it is written"),
            Ok(None) => verified.coverage.missing(shown, NOT_UNPACKED),
            Err(Stopped) => return Err(Error::Interrupted),
        }
        Ok(verified)
    }

    /// A payload beside which nothing else is looked at.
    fn lone(&self, path: &Path, token: Option<PayloadToken>) -> Result<VerifiedSet> {
        let VerifySnapshotOptions { depth, opener, .. } = self.options;
        let size = self.run.source.openable_size(path);
        let (facts, opened) = examine_opening(path, depth.examine(size), opener.as_deref(), &self.io, self.run)?;
        let name = self.run.source.name_of(path);
        let path = path.display().to_string();
        let opened = opened.as_ref();
        Ok(verify_lone_payload(&Subject { path, name: &name, facts: &facts, opened, token, expendable: false, depth: *depth }))
    }
}
