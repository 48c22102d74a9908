//! One group: its facts, and the forecast that is made from them.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{GateOptions, GroupResult};
use crate::analysis::judge::log::examine as examine_log;
use crate::analysis::judge::{self, codes};
use crate::analysis::server::directory;
use crate::analysis::server::store::{AppliedIndexState, StoreOpen, StoreVerdict, open_verdict};
use crate::analysis::server::{
    self, AppliedIndex, Forecast, GateFacts, GateNumbers, OtherEngine, Outcome, Rename, Rule, RuleRow, Step, StoreView,
};
use crate::analysis::{Coverage, Finding};
use crate::error::Result;
use crate::formats::sidecar::Sidecar;
use crate::io::{IoOptions, Progress};
use crate::ops::{encryption, engine, legacy};
use crate::readers::fsm_file::examine_with;
use crate::readers::pebble::{self, StoreCheck};
use crate::readers::wal::{Change, WalScan};
use crate::readers::{Examine, FsmFacts, GroupDir, GroupListing, SmallFact, SnapDir, SnapReadError, SubDir};
use crate::report::body::gate::GroupForecast;
use crate::types::{LogIndex, ServerVersion};

/// A store up to this size is read whole when nothing else is asked for.
const FULL_CHECK_UP_TO: u64 = 256 << 20;
/// A payload at least this large gives a rate worth extrapolating.
const MEASURED_FROM: u64 = 8 << 20;

/// One group while it is read.
pub(super) struct Group<'d> {
    dir: &'d GroupDir,
    facts: GateFacts,
    examined: BTreeMap<LogIndex, Examine>,
    stores: BTreeMap<ServerVersion, StoreVerdict>,
    coverage: Coverage,
    payload_bytes: u64,
    payload_time: Duration,
}

impl<'d> Group<'d> {
    pub(super) fn read(
        dir: &'d GroupDir,
        options: &GateOptions,
        sidecar: Option<&Sidecar>,
        progress: &dyn Progress,
    ) -> Result<Self> {
        let listing = GroupListing::read(&dir.path)?;
        let mut coverage = Coverage::default();
        let stores = read_store(&dir.path, options, progress)?;
        let snaps =
            if matches!(listing.snap, SubDir::Listed(_)) { SnapDir::read(&dir.path.join("snap"))? } else { SnapDir::default() };
        for entry in &snaps.snaps {
            coverage.add_file(entry.size);
        }
        if let SmallFact::Bytes(bytes) = &listing.peers {
            coverage.add_file(bytes.len() as u64);
        }
        let log = if directory::has_log(&listing) {
            let scan = WalScan::read(&dir.path.join("wal"), options.threads, progress)?;
            Some(scan)
        } else {
            None
        };
        let mut legacy = BTreeMap::new();
        if log.is_none() {
            for engine in ServerVersion::ALL {
                legacy.extend(legacy::read(&dir.path, &listing, engine)?.map(|view| (engine, view)));
            }
        }
        let opens = stores.values().any(|verdict| verdict.open == StoreOpen::Opens);
        let registry = if opens && options.applied_index.is_none() && options.store_check != Some(StoreCheck::None) {
            encryption::registry(&dir.path)?
        } else {
            BTreeMap::new()
        };
        let facts = GateFacts {
            raft_id: options.raft_id.clone().unwrap_or_else(|| dir.raft_id.clone()),
            listing,
            snaps,
            log,
            store: stores.iter().map(|(&engine, verdict)| (engine, store_view(verdict))).collect(),
            legacy,
            payloads: BTreeMap::new(),
            sidecar: sidecar.cloned(),
            registry,
            sidecar_beside: encryption::sidecar_beside(&dir.path),
            want_plan: options.plan,
            skip_payload_body: options.no_body_crc,
        };
        let examined = BTreeMap::new();
        Ok(Self { dir, facts, examined, stores, coverage, payload_bytes: 0, payload_time: Duration::ZERO })
    }

    pub(super) fn forecast(&mut self, options: &GateOptions, progress: &dyn Progress) -> Result<GroupResult> {
        let (engine, engine_reason) = match options.engine {
            Some(engine) => (engine, "as asked".to_owned()),
            None => {
                let (engine, reason) = engine::guess(&self.dir.path, &self.facts.listing, progress)?;
                (engine, reason)
            }
        };
        let mut seen = self.run(engine, options, progress)?;
        let mut others = Vec::new();
        for other in engine.others() {
            let seen = self.run(other, options, progress)?;
            others.push(OtherEngine { engine: other, outcome: seen.outcome, abort: seen.abort });
        }
        self.estimate(&mut seen, options);
        let dir = self.dir.display();
        let mut findings = judge::start::findings(&self.facts, engine, &seen, &others, &dir);
        let mut coverage = self.coverage.clone();
        if let Some(scan) = &self.facts.log {
            if let Some(segment) = scan.unread() {
                // What the log was taken to hold, and every danger seen in it, rests on bytes that nobody saw.
                (seen.outcome, seen.abort) = (Outcome::Unknown, None);
                for other in &mut others {
                    (other.outcome, other.abort) = (Outcome::Unknown, None);
                }
                seen.reason = format!("the segment {} of the log could not be read", segment.file.file_name);
                findings.clear();
            }
            let (log_findings, log_coverage) = examine_log(scan, &format!("{dir}/wal"));
            findings.extend(log_findings.into_iter().map(|mut finding| {
                finding.group = Some(dir.clone());
                finding
            }));
            coverage.absorb(log_coverage);
        }
        if let Some(store) = self.stores.get(&engine) {
            let under = |path: &Option<String>| path.as_ref().map(|path| format!("{dir}/{path}"));
            findings.extend(store.findings.iter().cloned().map(|mut finding| {
                finding.path = under(&finding.path);
                finding.group = Some(dir.clone());
                finding
            }));
            coverage.absorb(store.coverage.clone());
        }
        self.cover(&seen, engine, options, &mut coverage);
        slow_start(&seen, options, &dir, &mut findings);
        let rules = if options.all_engines { rule_rows(&seen) } else { Vec::new() };
        let forecast = GroupForecast {
            dir,
            raft_id: self.facts.raft_id.clone(),
            group_id: self.dir.group_id,
            engine,
            engine_reason,
            forecast: seen,
            other_engine: others[0].clone(),
            other_engines: others,
            rules,
        };
        Ok(GroupResult { forecast, findings, coverage })
    }

    /// Walks through the start, reading payloads as they are needed.
    fn run(&mut self, engine: ServerVersion, options: &GateOptions, progress: &dyn Progress) -> Result<Forecast> {
        loop {
            match server::forecast(&self.facts, engine) {
                Step::Done(seen) => return Ok(*seen),
                Step::Needs { index, restore } => {
                    let crc = !options.no_body_crc;
                    self.examine(index, Examine { crc, walk: restore && crc }, options, progress)?;
                }
            }
        }
    }

    /// Examines a payload for everything that was wanted of it so far.
    fn examine(&mut self, index: LogIndex, wanted: Examine, options: &GateOptions, progress: &dyn Progress) -> Result<()> {
        let before = self.examined.get(&index).copied().unwrap_or_default();
        let wanted = Examine { crc: wanted.crc || before.crc, walk: wanted.walk || before.walk };
        let path = self.dir.path.join(format!("fsm-snap/{:016x}.fsm", index.0));
        let started = Instant::now();
        let io = IoOptions { threads: options.threads, ..IoOptions::default() };
        let facts = examine_with(&path, wanted, &io, progress)?;
        if let FsmFacts::File(file) = &facts {
            self.payload_bytes += file.bytes_read;
            self.payload_time += started.elapsed();
        }
        self.examined.insert(index, wanted);
        self.facts.payloads.insert(index, facts);
        Ok(())
    }

    /// True when names, sizes or segments are no longer what was read.
    pub(super) fn changed(&self) -> bool {
        // What cannot be read here will not be readable in a moment either.
        let moved = |change: &Option<Change>| !matches!(change, None | Some(Change::Unreadable(_)));
        let segments = self.facts.log.as_ref().is_some_and(|scan| scan.segments.iter().any(|segment| moved(&segment.change)));
        let payloads = self.facts.payloads.values().any(|facts| matches!(facts, FsmFacts::File(file) if file.change.is_some()));
        let listed = GroupListing::read(&self.dir.path);
        let stores = self.stores.values().any(|store| store.moving);
        stores || segments || payloads || listed.map_or_else(|error| error.is_not_found(), |now| now != self.facts.listing)
    }

    fn estimate(&self, seen: &mut Forecast, options: &GateOptions) {
        let measured = || {
            let nanos = self.payload_time.as_nanos();
            // The rate of a small file is the time of its system calls.
            (nanos > 0 && self.payload_bytes >= MEASURED_FROM).then(|| u128::from(self.payload_bytes) * 1_000_000_000 / nanos)
        };
        let rate = options.restore_rate.map(u128::from).or_else(measured).filter(|&rate| rate > 0);
        seen.cost.estimate_ms = rate.map(|rate| {
            let bytes = u128::from(seen.cost.read_bytes) + u128::from(seen.cost.write_bytes);
            u64::try_from(bytes * 1000 / rate).unwrap_or(u64::MAX)
        });
    }

    /// What was read of the payloads, and what the forecast did not look at.
    fn cover(&self, seen: &Forecast, engine: ServerVersion, options: &GateOptions, coverage: &mut Coverage) {
        for facts in self.facts.payloads.values() {
            if let FsmFacts::File(file) = facts {
                coverage.add_file(file.bytes_read);
            }
        }
        let dir = self.dir.display();
        if options.no_body_crc && seen.snapshot.as_ref().is_some_and(|snapshot| snapshot.token.is_some()) {
            coverage.skipped(format!("{dir}: the payload's body and checksum"), "--no-body-crc");
        }
        for snap in &self.facts.snaps.snaps {
            if let Err(SnapReadError::Unreadable(why)) = snap.read(engine) {
                // One that the start comes to makes the outcome unknown.
                coverage.skipped(format!("{dir}/snap/{}", snap.name), format!("it cannot be read: {why}"));
            }
        }
        if seen.outcome == Outcome::Unknown {
            coverage.missing(dir.clone(), seen.reason.clone());
        }
        if seen.abort.is_none() && judge::start::encryption_sign(&self.facts, seen).is_some_and(|sign| sign.decisive) {
            if self.facts.sidecar.is_none() {
                coverage.missing(format!("{dir}: the key sidecar"), "encryption is in use; give --sidecar");
            } else {
                coverage.skipped(format!("{dir}: the KEK and what it opens"), "not part of the forecast yet");
            }
        }
    }
}

fn read_store(group: &Path, options: &GateOptions, progress: &dyn Progress) -> Result<BTreeMap<ServerVersion, StoreVerdict>> {
    if let Some(assumed) = options.applied_index {
        let mut verdict = StoreVerdict { applied_index: assumed, open: StoreOpen::Opens, ..StoreVerdict::default() };
        verdict.coverage.skipped("fsm.db", "--applied-index was given");
        return Ok(ServerVersion::ALL.map(|engine| (engine, verdict.clone())).into());
    }
    let check = match options.store_check {
        Some(check) => check,
        None => {
            let tables = crate::io::list_dir(&group.join("fsm.db")).unwrap_or_default();
            let size: u64 = tables.iter().filter(|entry| entry.name.ends_with(".sst")).map(|entry| entry.size).sum();
            if size <= FULL_CHECK_UP_TO { StoreCheck::Full } else { StoreCheck::Meta }
        }
    };
    let facts = pebble::examine(group, check, progress)?;
    Ok(ServerVersion::ALL.map(|engine| (engine, open_verdict(&facts, engine))).into())
}

/// What opening the store does, as the forecast takes it.
pub(in crate::ops) fn store_view(verdict: &StoreVerdict) -> StoreView {
    let (state, value) = match verdict.applied_index {
        AppliedIndexState::NotRead => ("not-read", None),
        AppliedIndexState::Present(value) => ("present", Some(value)),
        AppliedIndexState::Missing => ("missing", None),
        AppliedIndexState::Unreadable => ("unreadable", None),
    };
    let (refusal, unknown) = match &verdict.open {
        StoreOpen::NotChecked | StoreOpen::Opens => (None, None),
        StoreOpen::Refused(error) => (Some(error.clone()), None),
        StoreOpen::Unknown(why) => (None, Some(why.clone())),
    };
    StoreView {
        applied: AppliedIndex { state, value, source: None },
        refusal,
        renames: verdict.would_rename.iter().map(|(from, to)| Rename { from: from.clone(), to: to.clone() }).collect(),
        deletes: verdict.would_delete.clone(),
        read_bytes: verdict.coverage.bytes_examined,
        unknown,
    }
}

fn rule_rows(seen: &Forecast) -> Vec<RuleRow> {
    let (Some(snapshot), Some(state), Some(last)) = (&seen.snapshot, seen.hard_state, seen.last_index) else { return Vec::new() };
    let Some(token) = &snapshot.token else { return Vec::new() };
    let numbers =
        GateNumbers { token_index: token.index, snapshot_index: snapshot.index, commit: state.commit, last_index: last };
    let row = |rule: Rule| RuleRow {
        rule,
        threshold: rule.threshold(numbers),
        decision: rule.decide(numbers, seen.applied_index.value),
    };
    Rule::ALL.map(row).into()
}

fn slow_start(seen: &Forecast, options: &GateOptions, dir: &str, findings: &mut Vec<Finding>) {
    let (Some(limit), Some(estimate)) = (options.health_timeout, seen.cost.estimate_ms) else { return };
    if u128::from(estimate) > limit.as_millis() {
        let message = format!(
            "The start would take about {:.1} s, the health check allows {:.1} s.",
            estimate as f64 / 1e3,
            limit.as_secs_f64()
        );
        let mut finding = Finding::new(&codes::gate::RESTORE_OUTLASTS_HEALTH, message).at(dir);
        finding.group = Some(dir.to_owned());
        findings.push(finding.expected(format!("at most {} ms", limit.as_millis())).found(format!("{estimate} ms")));
    }
}
