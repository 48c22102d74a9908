//! One group: its start at every version, with everything that a forecast says beside it.

use std::sync::Arc;

use super::GateOptions;
use crate::analysis::judge::group::of_a_start;
use crate::analysis::judge::{codes, outlook};
use crate::analysis::server::{Forecast, GateNumbers, Outcome, Rule, RuleRow};
use crate::analysis::{Coverage, Finding, Severity};
use crate::error::Result;
use crate::ops::advice;
use crate::ops::group::{Opened, Opening, Start, UNSETTLED, unsettle};
use crate::readers::group::{Reading, Settled};
use crate::readers::keys::Keys;
use crate::readers::source::Run;
use crate::readers::{GroupDir, SnapReadError};
use crate::report::body::gate::GroupForecast;
use crate::types::ByteSize;

/// A payload at least this large gives a rate worth extrapolating.
const MEASURED_FROM: u64 = 8 << 20;

/// The answer for one group.
pub(super) struct GroupResult {
    pub forecast: GroupForecast,
    pub findings: Vec<Finding>,
    pub coverage: Coverage,
    changed: bool,
}

impl GroupResult {
    /// Reads the group and forecasts.
    pub(super) fn read(dir: &GroupDir, options: &GateOptions, keys: Option<&Arc<Keys>>, run: &Run<'_>) -> Result<Self> {
        let opening = Opening {
            version: options.engine,
            raft_id: options.raft_id.as_deref(),
            reading: Reading { store: options.store_check },
            applied_index: options.applied_index,
            keys,
            no_encryption: options.no_encryption,
            plan: options.plan,
            payloads: if options.no_body_crc { 0 } else { options.payloads_up_to.unwrap_or(u64::MAX) },
        };
        let mut opened = Opened::read(dir, &opening, run)?;
        let Start { mut forecast, others, mut findings, undecided } = opened.start(true, &of_a_start(), run)?;
        estimate(&mut forecast, &opened, options);
        let (found, covered) = opened.bytes();
        findings.extend(found);
        outlook::weigh(&mut findings, &opened.facts, opened.version, &forecast, &opened.display());
        let mut coverage = opened.small_files();
        coverage.absorb(covered);
        coverage.also_left_out(undecided);
        cover(&opened, &forecast, options, &mut coverage);
        let dir = opened.display();
        slow_start(&forecast, options, &dir, &mut findings);
        let rules = if options.all_engines { rule_rows(&forecast) } else { Vec::new() };
        let changed = opened.facts.group.changed();
        let disturbed = opened.facts.group.log.as_ref().is_some_and(|scan| scan.disturbed().is_some());
        opened.settle(&mut coverage);
        let forecast = GroupForecast {
            dir,
            raft_id: opened.facts.raft_id,
            group_id: opened.facts.group.dir.group_id,
            engine: opened.version,
            engine_reason: opened.version_reason,
            forecast,
            other_engine: others[0].clone(),
            other_engines: others,
            rules,
        };
        advice::fit(&mut findings, &opened.facts.group.dir.path, &*run.source);
        let mut result = Self { forecast, findings, coverage, changed };
        if disturbed {
            // The forecast read records again that are no longer there.
            result.unsettle();
        }
        Ok(result)
    }
}

impl Settled for GroupResult {
    fn is_doubtful(&self) -> bool {
        let seen = &self.forecast.forecast;
        matches!(seen.outcome, Outcome::Abort | Outcome::Unknown)
            || seen.would_repair.is_some()
            || self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    fn changed(&self) -> bool {
        self.changed
    }

    fn unsettle(&mut self) {
        let forecast = &mut self.forecast.forecast;
        forecast.outcome = Outcome::Unknown;
        forecast.abort = None;
        UNSETTLED.clone_into(&mut forecast.reason);
        unsettle(&mut self.findings, &mut self.coverage, &self.forecast.dir);
    }
}

fn estimate(seen: &mut Forecast, opened: &Opened, options: &GateOptions) {
    let group = &opened.facts.group;
    let measured = || {
        let nanos = group.payload_time.as_nanos();
        // The rate of a small file is the time of its system calls.
        (nanos > 0 && group.payload_bytes >= MEASURED_FROM).then(|| u128::from(group.payload_bytes) * 1_000_000_000 / nanos)
    };
    let rate = options.restore_rate.map(u128::from).or_else(measured).filter(|&rate| rate > 0);
    seen.cost.estimate_ms = rate.map(|rate| {
        let bytes = u128::from(seen.cost.read_bytes) + u128::from(seen.cost.write_bytes);
        u64::try_from(bytes * 1000 / rate).unwrap_or(u64::MAX)
    });
}

/// What the forecast did not look at.
fn cover(opened: &Opened, seen: &Forecast, options: &GateOptions, coverage: &mut Coverage) {
    let dir = opened.display();
    if options.no_body_crc && seen.snapshot.as_ref().is_some_and(|snapshot| snapshot.token.is_some()) {
        coverage.skipped(format!("{dir}: the payload's body and checksum"), "--no-body-crc");
    } else if let (true, Some(most)) = (opened.facts.skip_payload_body, options.payloads_up_to) {
        let what = format!("{dir}: the body and checksum of a payload above {}", ByteSize(most));
        coverage.skipped(what, "--fast; gate-dryrun reads it");
    }
    for snap in &opened.facts.group.snaps.snaps {
        if let Err(SnapReadError::Unreadable(why)) = snap.read(opened.version) {
            // One that the start comes to makes the outcome unknown.
            coverage.skipped(format!("{dir}/snap/{}", snap.name), format!("it cannot be read: {why}"));
        }
    }
    opened.cover_start(seen, coverage);
    if opened.facts.keys.is_some() {
        let what = format!("{dir}: whether the sidecar's start counters lie behind what the node has sealed");
        coverage.skipped(what, "check reads every envelope");
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
