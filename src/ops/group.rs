//! One group while a question about it is answered: its files, what each server version makes of its store, and the start
//! that every command shares.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::{encryption, engine, legacy};
use crate::analysis::judge::codes::gate::{ENCRYPTION_UNDECIDED, START_REFUSED};
use crate::analysis::judge::group::{self, CheckInfo, Evidence};
use crate::analysis::judge::{self, log as judge_log, unread};
use crate::analysis::server::directory::refuse_by_name;
use crate::analysis::server::store::{AppliedIndexState, StoreOpen, StoreVerdict, open_verdict};
use crate::analysis::server::{self, Forecast, OtherEngine, Outcome, StartFacts, Step, StoreView};
use crate::analysis::{Coverage, Finding, NotExamined, ServerError, Severity};
use crate::error::{Error, Result};
use crate::formats::layout;
use crate::readers::group::{Group, Reading, WALK_UP_TO};
use crate::readers::keys::{Keys, SidecarFile};
use crate::readers::pebble::StoreCheck;
use crate::readers::source::Run;
use crate::readers::wal::WalScan;
use crate::readers::{Examine, FsmFacts, GroupDir, Neighbours, SmallFact, Unplaced, neighbours};
use crate::types::ServerVersion;

/// Why nothing is certain about a directory that never rested.
pub(super) const UNSETTLED: &str = "a server is writing to the directory: it changed during every attempt to read it";

/// The directory changed during every attempt: what looks like damage may be the reader's own doing.
pub(super) fn unsettle(findings: &mut Vec<Finding>, coverage: &mut Coverage, dir: &str) {
    coverage.missing(dir, format!("{UNSETTLED}; try again"));
    findings.retain(|finding| finding.code.code != START_REFUSED.code);
    for finding in findings.iter_mut().filter(|finding| finding.severity == Severity::Error) {
        finding.weigh(Severity::Warning);
        finding.message = format!("Seen while the directory was changing: {}", finding.message);
    }
}

/// Leaves one of several directories out that the system does not let anyone read, so that the others are answered for. Of one alone
/// there is nothing to say, and the error stays.
pub(super) fn leave_out(error: Error, dir: &str, several: bool, coverage: &mut Coverage) -> Result<()> {
    if !several || !error.is_unread() {
        return Err(error);
    }
    coverage.missing(dir, error.to_string());
    Ok(())
}

/// How a group is opened, and what is assumed about its start.
#[derive(Debug, Clone, Default)]
pub(super) struct Opening<'o> {
    /// The server version; `None` decides from the directory.
    pub version: Option<ServerVersion>,
    /// The node's raft id instead of the directory's name.
    pub raft_id: Option<&'o str>,
    /// How the files are read.
    pub reading: Reading,
    /// Assume this instead of reading the store.
    pub applied_index: Option<AppliedIndexState>,
    /// The server is started with encryption, and with these keys.
    pub keys: Option<&'o Arc<Keys>>,
    /// The server is started without any encryption flag.
    pub no_encryption: bool,
    /// Every entry behind the snapshot.
    pub plan: bool,
    /// Payloads of up to this many bytes that the start uses are read whole; larger ones count as what their token says.
    pub payloads: u64,
}

/// A group that was opened.
pub(super) struct Opened {
    /// The server version that the answers are about.
    pub version: ServerVersion,
    /// Why this version.
    pub version_reason: String,
    /// Everything that a start decides from.
    pub facts: StartFacts,
    /// What each version makes of the store.
    pub stores: BTreeMap<ServerVersion, StoreVerdict>,
    payloads: u64,
}

/// What the next start does, and what that means.
#[derive(Debug, Clone)]
pub(super) struct Start {
    /// The start of the version in question.
    pub forecast: Forecast,
    /// The same start under every other version; none where that was not asked.
    pub others: Vec<OtherEngine>,
    /// Hazards and reasons.
    pub findings: Vec<Finding>,
    /// What of the rules that decide about a start could not be decided.
    pub undecided: Vec<NotExamined>,
}

/// Refuses an option that tells something of one node, if it is `given`, where several are examined.
pub(super) fn of_one_node(dirs: &[GroupDir], given: bool, several: &str) -> Result<()> {
    match dirs {
        [first, rest @ ..] if given && rest.iter().any(|dir| dir.raft_id != first.raft_id) => {
            Err(Error::Usage(format!("{several} nodes are examined; name one node's directory")))
        }
        _ => Ok(()),
    }
}

/// The group that a question about one group means: the only one, or the one whose directory `path` itself is; and those that lie
/// beside that, which are not looked at.
pub(super) fn one_of<'d>(path: &Path, dirs: &'d [GroupDir]) -> Option<(&'d GroupDir, Vec<Unplaced>)> {
    let own = match dirs {
        [only] => only,
        several => several.iter().find(|dir| dir.path == path)?,
    };
    let others = dirs.iter().filter(|dir| *dir != own).map(|dir| {
        let why = "another group of the node; the question is about one group, name this by itself".to_owned();
        Unplaced { path: dir.path.clone(), why, needed: false }
    });
    Some((own, others.collect()))
}

/// Says which groups there are where a question is about one of them.
pub(super) fn several(path: &Path, dirs: &[GroupDir]) -> Error {
    let names: Vec<_> = dirs.iter().map(GroupDir::display).collect();
    Error::Usage(format!("{}: holds {} groups; name one of {}", path.display(), dirs.len(), names.join(", ")))
}

impl Opened {
    /// Reads the files of a group.
    pub(super) fn read(dir: &GroupDir, opening: &Opening<'_>, run: &Run<'_>) -> Result<Self> {
        let assumed = opening.applied_index;
        let reading = Reading { store: assumed.map_or(opening.reading.store, |_| Some(StoreCheck::None)) };
        let group = Group::read(dir, reading, run)?;
        let (version, version_reason) = match opening.version {
            Some(version) => (version, "as asked".to_owned()),
            None => engine::guess(&dir.path, &group.listing, run)?,
        };
        let verdict = |version| assumed.map_or_else(|| open_verdict(&group.store, version), assumed_store);
        let versions = ServerVersion::ALL.into_iter().chain([version]);
        let stores: BTreeMap<_, _> = versions.map(|version| (version, verdict(version))).collect();
        let mut legacy = BTreeMap::new();
        if group.log.is_none() {
            for version in ServerVersion::ALL {
                legacy.extend(legacy::read(&dir.path, &group.listing, version, &*run.source)?.map(|view| (version, view)));
            }
        }
        let opens = stores.values().any(|verdict| verdict.open == StoreOpen::Opens);
        let registry_read = opens && reading.store != Some(StoreCheck::None);
        let sidecar_beside = encryption::sidecar_beside(&dir.path, &*run.source);
        let neighbours = if opening.keys.is_some() || sidecar_beside.is_some() {
            neighbours(dir, &*run.source)?
        } else {
            Neighbours::default()
        };
        let facts = StartFacts {
            raft_id: opening.raft_id.map_or_else(|| dir.raft_id.clone(), str::to_owned),
            store: stores.iter().map(|(version, verdict)| (*version, StoreView::of(verdict))).collect(),
            legacy,
            keys: opening.keys.cloned(),
            no_encryption: opening.no_encryption,
            neighbours,
            registry_read,
            sidecar_beside,
            want_plan: opening.plan,
            skip_payload_body: opening.payloads == 0,
            group,
        };
        Ok(Self { version, version_reason, facts, stores, payloads: opening.payloads })
    }

    /// Examines every payload that a `.snap` names: those up to the size that was asked for whole.
    pub(super) fn examine_named(&mut self, run: &Run<'_>) -> Result<()> {
        self.facts.group.examine_named(self.version, self.payloads, run)
    }

    /// Bytes of memory that its log takes from the budget.
    pub(super) fn log_memory(&self) -> u64 {
        self.facts.group.log.as_ref().map_or(0, WalScan::memory)
    }

    /// The directory as the caller named it.
    pub(super) fn display(&self) -> String {
        self.facts.group.dir.display()
    }

    /// A path below the group directory as reports show it.
    pub(super) fn path(&self, below: &str) -> String {
        format!("{}/{below}", self.display().trim_end_matches('/'))
    }

    /// What the start of `version` does; payloads are read as it comes to them.
    pub(super) fn forecast(&mut self, version: ServerVersion, run: &Run<'_>) -> Result<Forecast> {
        loop {
            match server::forecast(&self.facts, version) {
                Step::Done(seen) => return Ok(*seen),
                Step::Needs { index, restore } => {
                    let crc = self.facts.group.payload_size(index) <= self.payloads && self.payloads > 0;
                    let walk = restore && crc;
                    // A payload that is too large for the question counts as the one that its checksum names.
                    self.facts.skip_payload_body |= !crc;
                    self.facts.group.examine(index, Examine { crc, walk, usage: false }, run)?;
                }
            }
        }
    }

    /// The next start, and with `others` that of every other version. `rules` are those that decide about a start and that the
    /// caller does not ask by itself.
    pub(super) fn start(&mut self, others: bool, rules: &[&CheckInfo], run: &Run<'_>) -> Result<Start> {
        let mut forecast = self.forecast(self.version, run)?;
        let mut other = Vec::new();
        if others {
            for version in self.version.others() {
                let seen = self.forecast(version, run)?;
                other.push(OtherEngine { engine: version, outcome: seen.outcome, abort: seen.abort });
            }
        }
        let mut findings = judge::start::findings(&self.facts, self.version, &forecast, &other, &self.display());
        let undecided = |finding: &&mut Finding| finding.code.code == ENCRYPTION_UNDECIDED.code;
        if self.facts.keys.is_none()
            && !self.facts.no_encryption
            && let Some(finding) = findings.iter_mut().find(undecided)
        {
            finding.message.push_str(&self.both_ways(run)?);
        }
        for index in self.facts.group.ahead_of_the_store(self.version, self.store().applied_index.value()) {
            let walk = self.payloads > 0 && self.facts.group.payload_size(index) <= WALK_UP_TO;
            self.facts.group.examine(index, Examine { crc: false, walk, usage: false }, run)?;
        }
        let (found, mut undecided) = self.ask(rules);
        findings.extend(found);
        if let Some(segment) = self.facts.group.log.as_ref().and_then(|scan| scan.unread()) {
            // What the log was taken to hold, and every danger seen in it, rests on bytes that nobody saw.
            forecast = Forecast {
                outcome: Outcome::Unknown,
                reason: format!("the segment {} of the log could not be read", segment.file.file_name),
                applied_index: forecast.applied_index,
                would_delete: forecast.would_delete,
                cost: forecast.cost,
                ..Forecast::default()
            };
            undecided.clear();
            for other in &mut other {
                (other.outcome, other.abort) = (Outcome::Unknown, None);
            }
            findings.clear();
        }
        Ok(Start { forecast, others: other, findings, undecided })
    }

    /// What the rules say, and what of them could not be decided.
    fn ask(&self, rules: &[&CheckInfo]) -> (Vec<Finding>, Vec<NotExamined>) {
        if rules.is_empty() {
            return (Vec::new(), Vec::new());
        }
        let (results, mut findings) = group::run(&self.evidence(), rules);
        let dir = self.display();
        let mut undecided = Coverage::default();
        for result in &results {
            if let Some(why) = result.open() {
                undecided.missing(format!("{dir}: {}", result.check), why);
            }
        }
        for finding in &mut findings {
            finding.group = Some(dir.clone());
        }
        (findings, undecided.not_examined)
    }

    /// What a start without any encryption flag does, and one with the sidecar that stands in its usual place.
    fn both_ways(&mut self, run: &Run<'_>) -> Result<String> {
        let told = |seen: &Forecast| {
            let outcome = seen.outcome.name();
            match (&seen.abort, seen.replay.as_ref().and_then(|replay| replay.halt.as_ref())) {
                (Some(abort), _) => format!("{outcome} ({})", abort.error),
                (None, Some(halt)) => format!("{outcome}, and then ends with {}", halt.error),
                (None, None) if seen.outcome == Outcome::Unknown => format!("{outcome} ({})", seen.reason),
                (None, None) => outcome.to_owned(),
            }
        };
        let version = self.version;
        self.facts.no_encryption = true;
        let without = self.forecast(version, run);
        self.facts.no_encryption = false;
        let mut text = format!(" A start of {version} without any encryption flag: {}.", told(&without?));
        if let Some(path) = self.facts.sidecar_beside.clone() {
            let keys = Keys::read(Path::new(&path), None, &*run.source);
            self.facts.keys = Some(Arc::new(keys));
            let with = self.forecast(version, run);
            self.facts.keys = None;
            text = format!("{text} One with {path}: {}.", told(&with?));
        }
        Ok(text)
    }

    /// The store as the version in question opens it.
    pub(super) fn store(&self) -> &StoreVerdict {
        &self.stores[&self.version]
    }

    /// What the checks look at.
    pub(super) fn evidence(&self) -> Evidence<'_> {
        Evidence::of(&self.facts, self.store(), self.version, self.payloads)
    }

    /// The refusal of a directory that belongs to another backend.
    pub(super) fn foreign(&self) -> Option<ServerError> {
        refuse_by_name(&self.facts.group.listing)
    }

    /// A file without which nothing can be said about the group, if one could not be read.
    pub(super) fn unread(&self) -> Option<String> {
        let Group { log, snaps, .. } = &self.facts.group;
        let unread = log.as_ref().and_then(unread::segment).or_else(|| unread::envelope(snaps, self.version));
        unread.map(|unread| unread.sentence())
    }

    /// What is wrong with the bytes of the log and with the store, as `wal verify` and `store meta` say it.
    pub(super) fn bytes(&self) -> (Vec<Finding>, Coverage) {
        let dir = self.display();
        let (mut findings, mut coverage) = match &self.facts.group.log {
            Some(scan) => judge_log::judge_segments(scan, &self.path(layout::WAL)),
            None => (Vec::new(), Coverage::default()),
        };
        let store = self.store();
        for finding in &store.findings {
            let path = finding.path.as_ref().map(|path| self.path(path));
            findings.push(Finding { path, ..finding.clone() });
        }
        coverage.absorb(store.coverage.clone());
        for finding in &mut findings {
            finding.group = Some(dir.clone());
        }
        (findings, coverage)
    }

    /// How much of the small files, envelopes and payloads was read.
    pub(super) fn small_files(&self) -> Coverage {
        let mut coverage = Coverage::default();
        let Group { listing, snaps, payloads, .. } = &self.facts.group;
        snaps.snaps.iter().for_each(|snap| coverage.add_file(snap.size));
        if let SmallFact::Bytes(bytes) = &listing.peers {
            coverage.add_file(bytes.len() as u64);
        }
        for facts in payloads.values() {
            if let FsmFacts::File(file) = facts {
                coverage.add_file(file.bytes_read);
            }
        }
        coverage
    }

    /// Everything that could not be read.
    pub(super) fn cover_unread(&self, coverage: &mut Coverage) {
        let Group { listing, snaps, payloads, log, .. } = &self.facts.group;
        unread::cover(&self.display(), listing, (snaps, self.version), payloads, log.as_ref(), coverage);
    }

    /// Says what became of the log after it was read first. To be called when nobody looks at its records any more.
    pub(super) fn settle(&self, coverage: &mut Coverage) {
        if let Some(scan) = &self.facts.group.log {
            judge_log::settle(scan, &self.path(layout::WAL), coverage);
        }
    }

    /// What of the start could not be foretold.
    pub(super) fn cover_start(&self, seen: &Forecast, coverage: &mut Coverage) {
        let dir = self.display();
        if seen.outcome == Outcome::Unknown {
            coverage.missing(dir.clone(), seen.reason.clone());
        }
        let unsaid = self.facts.keys.is_none() && !self.facts.no_encryption;
        if unsaid && seen.abort.is_none() && judge::start::encryption_sign(&self.facts, seen).is_some_and(|sign| sign.decisive) {
            let why = "encryption is in use; give --sidecar and --kek, or --no-encryption";
            coverage.missing(format!("{dir}: the key sidecar"), why);
        }
        if let Some(keys) = self.facts.keys.as_deref().filter(|keys| keys.sidecar == SidecarFile::Absent) {
            let why = "it is not there: the forecast is that of a server whose encryption was not set up yet";
            coverage.skipped(format!("the key sidecar {}", keys.display()), why);
        }
        let opens = self.facts.store.values().any(|store| store.refusal.is_none());
        if self.facts.keys.is_some() && opens && !self.facts.registry_read {
            coverage.skipped(format!("{dir}: the writer registry, and the guard that asks it"), "the store was left alone");
        }
        if self.facts.keys.as_ref().is_some_and(|keys| keys.has_kek()) {
            let why = "the server probes with a file of its own whether it makes a rename durable";
            coverage.skipped("the file system below the sidecar", why);
        }
    }

    /// Bytes of the largest payload that was examined.
    pub(super) fn largest_payload(&self) -> Option<u64> {
        let sizes = self.facts.group.payloads.values();
        sizes.filter_map(|facts| if let FsmFacts::File(file) = facts { Some(file.size) } else { None }).max()
    }
}

fn assumed_store(assumed: AppliedIndexState) -> StoreVerdict {
    let mut verdict = StoreVerdict { applied_index: assumed, open: StoreOpen::Opens, ..StoreVerdict::default() };
    verdict.coverage.skipped(layout::STORE, "--applied-index was given");
    verdict
}
