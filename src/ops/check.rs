//! `check`: everything that can be asked of one node: its next start, the rules of Raft and of the server, and the bytes of
//! log, snapshots and store.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use super::envelopes::{self, Source};
use super::group::{Opened, Opening, leave_out, of_one_node, unsettle};
use super::{advice, encryption};
use crate::analysis::judge::group::{self, CHECKS, CheckInfo, Evidence};
use crate::analysis::judge::snapshot::{Recorded, SetRequest, verify_set};
use crate::analysis::judge::store::verify;
use crate::analysis::judge::unread;
use crate::analysis::{Coverage, Finding, Severity, Verdict, fold};
use crate::error::{Error, Result};
use crate::formats::layout;
use crate::readers::content::LeftOut;
use crate::readers::keys::Keys;
use crate::readers::pebble::{StoreCheck, StorePresence};
use crate::readers::pebble_survey::survey_store;
use crate::readers::pebble_table::TableDepth;
use crate::readers::source::Run;
use crate::readers::{Depth, Discovered, Group, GroupDir, Reading, Settled, SmallFact, discover_paths, settle};
use crate::report::body::check::{CheckBody, GroupChecks, GroupEngine, NodeState, StartView};
use crate::report::{NextStep, Report};
use crate::types::{Count, count_work};

/// What the caller wants to know.
#[derive(Debug, Clone, Default)]
pub struct CheckOptions {
    /// Make these checks only; empty for all.
    pub only: Vec<String>,
    /// Do not make these.
    pub skip: Vec<String>,
    /// Show findings of this severity and worse.
    pub severity: Option<Severity>,
    /// The node's raft id instead of the directory's name.
    pub raft_id: Option<String>,
    /// Do not read payloads.
    pub no_body_crc: bool,
    /// Leave out the content of payloads and tables.
    pub fast: bool,
    /// The server is started with encryption and this key sidecar; what it seals is opened.
    pub sidecar: Option<PathBuf>,
    /// And with this file of the key encryption key.
    pub kek: Option<PathBuf>,
    /// The server is started without any encryption flag.
    pub no_encryption: bool,
}

/// Checks every group at or below `paths`.
pub fn check(paths: &[PathBuf], options: &CheckOptions, run: &Run<'_>) -> Result<Report<CheckBody>> {
    let selected = select(&options.only, &options.skip)?;
    let Discovered { groups: dirs, unplaced, .. } = discover_paths(paths, &*run.source)?;
    of_one_node(&dirs, options.raft_id.is_some(), "--raft-id: several")?;
    of_one_node(&dirs, options.sidecar.is_some(), "--sidecar: it is one node's, and several")?;
    let keys = encryption::keys(options.sidecar.as_deref(), options.kek.as_deref(), &*run.source)?;
    let mut groups = Vec::new();
    let mut findings = Vec::new();
    let mut coverage = Coverage::default();
    for dir in &dirs {
        let Checked { group, findings: found, coverage: covered, .. } =
            match settle(|| Checked::read(dir, options, keys.as_ref(), &selected, run)) {
                Ok(checked) => checked,
                Err(error) => {
                    leave_out(error, &dir.display(), dirs.len() > 1, &mut coverage)?;
                    continue;
                }
            };
        groups.push(group);
        findings.extend(found);
        coverage.absorb(covered);
    }
    unread::cover_unplaced(&unplaced, &mut coverage);
    if options.no_body_crc || options.fast {
        let flag = if options.fast { "--fast" } else { "--no-body-crc" };
        coverage.skipped("the content of payloads", flag);
    }
    if options.only.is_empty() && !groups.is_empty() {
        coverage.skipped(
            "the rows of the stores against the log and their snapshots",
            "history, store diff DIR PAYLOAD and compare do that",
        );
    }
    if selected.len() < CHECKS.len() {
        coverage.skipped(Count::of(CHECKS.len() - selected.len(), "check").to_string(), "--only or --skip");
    }
    Finding::cap(&mut findings);
    fold(&mut findings);
    let verdict = Verdict::of(&findings, &coverage);
    let mut body = CheckBody::new(groups, &findings);
    body.content = run.content.so_far();
    if let Some(least) = options.severity {
        findings.retain(|finding| finding.severity <= least);
    }
    let next = next_step(verdict, &body.groups, &findings, options);
    Ok(Report::new(body, findings, coverage).next_step(next))
}

/// The checks that are asked for.
fn select(only: &[String], skip: &[String]) -> Result<Vec<&'static CheckInfo>> {
    for (flag, name) in only.iter().map(|name| ("--only", name)).chain(skip.iter().map(|name| ("--skip", name))) {
        if group::find(name).is_none() {
            return Err(Error::Usage(format!("{flag} {name}: there is no such check; `ekv-tool check --list` shows them all")));
        }
    }
    let has = |list: &[String], info: &CheckInfo| list.iter().any(|name| name == info.code.code);
    Ok(CHECKS.iter().filter(|info| (only.is_empty() || has(only, info)) && !has(skip, info)).collect())
}

/// One group with everything that is wrong with it.
struct Checked {
    group: GroupChecks,
    findings: Vec<Finding>,
    coverage: Coverage,
    changed: bool,
}

impl Checked {
    /// Reads and checks one group: the selected checks, and when all were asked for everything else too.
    fn read(
        dir: &GroupDir,
        options: &CheckOptions,
        keys: Option<&Arc<Keys>>,
        selected: &[&CheckInfo],
        run: &Run<'_>,
    ) -> Result<Self> {
        let bodies = !options.fast && !options.no_body_crc;
        let opening = Opening {
            raft_id: options.raft_id.as_deref(),
            // Tables of which not all are read are read once, below.
            reading: Reading { store: (options.fast || !run.content.is_whole()).then_some(StoreCheck::Meta) },
            payloads: if bodies { u64::MAX } else { 0 },
            keys,
            no_encryption: options.no_encryption,
            ..Opening::default()
        };
        let mut opened = Opened::read(dir, &opening, run)?;
        let name = opened.display();
        let mut group = GroupChecks {
            dir: name.clone(),
            raft_id: opened.facts.raft_id.clone(),
            group_id: dir.group_id,
            engine: opened.version.into(),
            quiescent: true,
            start: None,
            encryption: None,
            state: NodeState::default(),
            checks: Vec::new(),
        };
        let mut findings = Vec::new();
        if let Some(refusal) = opened.foreign() {
            let mut coverage = opened.small_files();
            group.engine = GroupEngine::Hashicorp;
            coverage.missing(name.clone(), format!("the checks are about the engine in use: {}", refusal.text));
            let start = opened.start(false, &group::of_a_start(), run)?;
            findings.extend(start.findings.into_iter().map(|finding| Finding { group: Some(name.clone()), ..finding }));
            group.start = Some(StartView { outcome: start.forecast.outcome, reason: start.forecast.reason });
            return Ok(Self { group, findings, coverage, changed: false });
        }
        let whole = options.only.is_empty();
        let mut coverage = Coverage::default();
        let (mut start, mut of_snapshots) = (None, Vec::new());
        if whole {
            let depth = if bodies { Depth::Deep } else { Depth::Header };
            let set = opened.facts.group.snapshot_set(depth, run)?;
            let Group { listing, log, snaps, .. } = &opened.facts.group;
            let mut snapshots = verify_set(&set, &name, SetRequest { depth, only: None });
            if let Some(recorded) = Recorded::of(listing, log.as_ref(), opened.version) {
                snapshots.excuse_unrecorded(&recorded);
                snapshots.accuse_recorded(&recorded, &snaps.snaps, &opened.path(layout::SNAP), Severity::Error);
            }
            if snapshots.envelopes.is_empty() && snapshots.payloads.is_empty() {
                // That there is none is for the rules and the forecast to judge.
                snapshots.coverage = Coverage::default();
            }
            coverage.absorb(snapshots.coverage);
            of_snapshots = snapshots.findings;
            if let SmallFact::Bytes(bytes) = &listing.peers {
                coverage.add_file(bytes.len() as u64);
            }
            // The log is replayed once: what is selected is asked below.
            let mut others = group::of_a_start();
            others.retain(|rule| !selected.iter().any(|info| info.code == rule.code));
            start = Some(opened.start(false, &others, run)?);
        } else {
            opened.examine_named(run)?;
            coverage.absorb(opened.small_files());
        }
        let evidence = opened.evidence();
        let (checks, found) = group::run(&evidence, selected);
        // A rule says what a damaged snapshot means; the bytes alone only that it is damaged.
        findings.extend(found);
        add(&mut findings, of_snapshots);
        group.quiescent = evidence.quiescent;
        group.state = state_of(&evidence);
        for result in &checks {
            if let Some(why) = result.open() {
                coverage.missing(format!("{name}: {}", result.check), why);
            }
        }
        group.checks = checks;
        opened.cover_unread(&mut coverage);
        if let Some(start) = start {
            // Rules about records mean little where the records themselves are damaged.
            let (found, covered) = opened.bytes();
            add(&mut findings, found);
            coverage.files += covered.files;
            coverage.bytes_examined += covered.bytes_examined;
            coverage.also_left_out(covered.not_examined);
            tables(&opened, options, &mut findings, &mut coverage, run)?;
            let partial = run.content.partial();
            let source = Source {
                name: name.clone(),
                facts: &opened.facts,
                keys: opened.facts.keys.as_deref(),
                snapshot: start.forecast.snapshot.as_ref().map_or(0, |snapshot| snapshot.index),
                rows: !options.fast && partial.is_none(),
                payloads_up_to: if bodies && partial.is_none() { u64::MAX } else { 0 },
                own_keys: true,
            };
            let what = format!("{name}: which rows and payloads are sealed by which key");
            match (audit(source, run)?, partial) {
                (Err(left_out), _) => coverage.missing(what, left_out.to_string()),
                (Ok(audited), partial) => {
                    findings.extend(audited.findings);
                    coverage.also_left_out(audited.coverage.not_examined);
                    // The numbers of a part would be taken for those of the whole.
                    match (audited.census.into_iter().next().flatten(), partial) {
                        (Some(_), Some(left_out)) => coverage.missing(what, left_out.to_string()),
                        (census, _) if bodies => group.encryption = census,
                        (Some(_), None) => coverage.skipped(what, "--fast or --no-body-crc"),
                        (None, _) => {}
                    }
                }
            }
            let mut foretold = Coverage::default();
            opened.cover_start(&start.forecast, &mut foretold);
            coverage.also_left_out(foretold.not_examined);
            add_start(&mut findings, start.findings);
            group.start = Some(StartView { outcome: start.forecast.outcome, reason: start.forecast.reason });
        }
        for finding in &mut findings {
            finding.group = Some(name.clone());
        }
        advice::fit(&mut findings, &dir.path, &*run.source);
        opened.settle(&mut coverage);
        let changed = opened.facts.group.changed();
        Ok(Self { group, findings, coverage, changed })
    }
}

impl Settled for Checked {
    fn is_doubtful(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity != Severity::Info)
    }

    fn changed(&self) -> bool {
        self.changed
    }

    fn unsettle(&mut self) {
        self.group.quiescent = false;
        unsettle(&mut self.findings, &mut self.coverage, &self.group.dir);
    }
}

/// The envelopes of a group; why they were not gone through, if the time was over meanwhile.
fn audit(source: Source<'_>, run: &Run<'_>) -> Result<std::result::Result<envelopes::Audited, LeftOut>> {
    let watch = run.content.watch(run.progress);
    match envelopes::audit(&[source], &run.clone().watched_by(&watch)) {
        Err(Error::Interrupted) if !run.progress.interrupted() => {
            run.content.time_over().map_or(Err(Error::Interrupted), |over| Ok(Err(over)))
        }
        other => other.map(Ok),
    }
}

/// The bytes of the store's tables, as `store verify` judges them.
fn tables(
    opened: &Opened,
    options: &CheckOptions,
    findings: &mut Vec<Finding>,
    coverage: &mut Coverage,
    run: &Run<'_>,
) -> Result<()> {
    let store = &opened.facts.group.store.store;
    if store.presence != StorePresence::Directory || store.live_tables == 0 {
        return Ok(());
    }
    let name = opened.display();
    if options.fast {
        coverage.skipped(format!("{name}: the rows of {}", Count(store.live_tables, "table")), "--fast");
        return Ok(());
    }
    let mut found = match &store.blocks {
        // They have been read, and counted as read, along with the store.
        Some(blocks) if store.stable => {
            let (found, covered) = verify(store, &blocks.outcomes);
            coverage.also_left_out(covered.not_examined);
            found
        }
        _ => {
            let path = opened.facts.group.dir.path.join(&store.name);
            let survey = survey_store(&path, TableDepth::Rows, run)?;
            let (found, covered) = verify(&survey.store.facts, &survey.outcomes);
            coverage.files += covered.files;
            coverage.bytes_examined += covered.bytes_examined;
            coverage.also_left_out(covered.not_examined);
            found
        }
    };
    for finding in &mut found {
        // Named below the group directory, as every finding about the store is.
        finding.path = finding.path.take().map(|path| opened.path(&path));
    }
    add(findings, found);
    Ok(())
}

/// Adds what is not known yet. Two looks at the same place make one finding, with the worse of their judgements.
fn add(findings: &mut Vec<Finding>, more: Vec<Finding>) {
    type Place = (&'static str, Option<String>, Option<u64>);
    let place = |finding: &Finding| -> Place { (finding.code.code, finding.path.clone(), finding.offset) };
    let mut known: HashMap<Place, usize> = HashMap::with_capacity(findings.len() + more.len());
    for (position, finding) in findings.iter().enumerate() {
        known.entry(place(finding)).or_insert(position);
    }
    for finding in more {
        count_work(1);
        let position = *known.entry(place(&finding)).or_insert(findings.len());
        match findings.get_mut(position) {
            Some(first) => first.severity = first.severity.min(finding.severity),
            None => findings.push(finding),
        }
    }
}

/// Adds what the forecast says. A rule that found the same says it better.
fn add_start(findings: &mut Vec<Finding>, start: Vec<Finding>) {
    for finding in start {
        match findings.iter_mut().find(|known| known.code.code == finding.code.code) {
            Some(known) => known.severity = known.severity.min(finding.severity),
            None => findings.push(finding),
        }
    }
}

/// What a start would find, for people.
pub(super) fn state_of(evidence: &Evidence<'_>) -> NodeState {
    let log = evidence.log.read();
    let hard_state = log.and_then(group::LogEvidence::hard_state);
    let snapshot = evidence.chosen().map(|(_, contents)| &contents.metadata);
    let last = log.and_then(group::LogEvidence::last_index);
    let first = log.and_then(|log| log.start.as_ref()?.result.as_ref().ok()?.entries.first());
    let store = evidence.store.read();
    NodeState {
        term: hard_state.map(|state| state.term.0),
        commit: hard_state.map(|state| state.commit.0),
        first_index: first.map(|index| index.0),
        last_index: last.map(|index| index.0),
        snapshot_index: snapshot.map(|metadata| metadata.index.0),
        applied_index: store.and_then(|store| store.applied).map(|index| index.0),
        last_commit_ts: store.and_then(|store| store.last_commit),
        members: snapshot.map(|metadata| group::describe_members(&metadata.conf_state, evidence)),
    }
}

/// More directories are not put on one command line.
const NAMED_AT_MOST: usize = 4;

/// The one thing to do next.
fn next_step(verdict: Verdict, groups: &[GroupChecks], findings: &[Finding], options: &CheckOptions) -> Option<NextStep> {
    if verdict == Verdict::Damaged {
        return None;
    }
    let is_cause = |finding: &&Finding| finding.severity != Severity::Info && finding.derived_from.is_none();
    if let Some(finding) = findings.iter().find(is_cause) {
        return Some(NextStep::explain(finding.code));
    }
    let dirs: Vec<&str> = groups.iter().map(|group| group.dir.as_str()).collect();
    let forecast = || {
        let mut args = vec![OsString::from("gate-dryrun")];
        for (flag, file) in [("--sidecar", &options.sidecar), ("--kek", &options.kek)] {
            args.extend(file.iter().flat_map(|file| [OsString::from(flag), file.clone().into_os_string()]));
        }
        args.extend(options.no_encryption.then(|| OsString::from("--no-encryption")));
        dirs.iter().fold(NextStep::new(args), NextStep::on)
    };
    (verdict == Verdict::Clean && dirs.len() <= NAMED_AT_MOST).then(forecast)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::judge::codes::wal;
    use crate::types::work_counted;

    #[test]
    fn two_looks_at_one_place_make_one_finding_and_cost_their_number() {
        let found = |count: u64, severity| -> Vec<Finding> {
            let one = |at| Finding::new(&wal::RECORD_TYPE_UNKNOWN, "x").at("wal/a").offset(at).severity(severity);
            (0..count).map(one).collect()
        };
        let work = |count| {
            let (mut known, before) = (found(count, Severity::Warning), work_counted());
            add(&mut known, found(2 * count, Severity::Error));
            add(&mut known, found(count, Severity::Info));
            assert_eq!(known.len() as u64, 2 * count);
            assert!(known.iter().all(|finding| finding.severity == Severity::Error));
            fold(&mut known);
            work_counted() - before
        };
        assert!(work(4000) * 10 < work(2000) * 23);
    }
}
