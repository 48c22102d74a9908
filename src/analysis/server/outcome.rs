//! What the gate's decision looks like: outcome, reason, the server's counters and its log line.

use super::types::{AppliedIndex, Forecast, Outcome, RestoreMetrics, RestoreTotal};
use super::{GateDecision, GateNumbers};
use crate::types::ServerVersion;

/// Outcome, reason, counters and the log line of the gate.
pub(super) fn report_gate(
    seen: &mut Forecast,
    engine: ServerVersion,
    numbers: GateNumbers,
    decision: GateDecision,
    applied: &AppliedIndex,
) {
    let rule = engine.traits().rule;
    let GateNumbers { snapshot_index, commit, .. } = numbers;
    let threshold = rule.threshold(numbers);
    let have = applied.value.unwrap_or(0);
    let base = rule.baseline(numbers);
    let committed = snapshot_index.max(commit);
    let total = |outcome, fallback_reason| RestoreTotal { outcome, fallback_reason };
    match decision {
        GateDecision::Skip => {
            seen.outcome = Outcome::Skip;
            seen.reason = format!("the store has applied {have}, at or above the threshold {threshold}");
            seen.effective_applied = Some(if rule.counts_from_store() { have.max(snapshot_index) } else { snapshot_index });
            seen.metrics =
                Some(RestoreMetrics { restore_total: total("skipped", ""), applied_index_gap: have.checked_sub(base) });
            let mut line = format!(
                "restoreSnapshotState skipped fsm_applied={have} snapshot_index={snapshot_index} \
                 last_committed_index={committed} gap_ahead_snapshot={} gap_ahead_committed={}",
                have.saturating_sub(snapshot_index),
                have.saturating_sub(committed)
            );
            if engine.traits().logs_gap_behind_commit {
                line = format!("{line} gap_behind_committed={}", committed.saturating_sub(have));
            }
            seen.log_line = Some(line);
        }
        GateDecision::Execute => {
            seen.outcome = Outcome::Execute;
            seen.reason = format!("the store has applied {have}, below the threshold {threshold}");
            seen.effective_applied = Some(snapshot_index);
            let gap = Some(have.abs_diff(base));
            seen.metrics = Some(RestoreMetrics { restore_total: total("executed", ""), applied_index_gap: gap });
            seen.log_line = Some(format!(
                "restoreSnapshotState executed (FSM behind WAL committed tail) fsm_applied={have} \
                 snapshot_index={snapshot_index} last_committed_index={committed} gap_to_snapshot={} gap_behind_committed={}",
                have.abs_diff(snapshot_index),
                committed.saturating_sub(have)
            ));
        }
        GateDecision::Fallback => {
            let reason = if applied.state == "unreadable" { "read_err" } else { "missing_meta" };
            seen.outcome = Outcome::Fallback;
            seen.fallback_reason = Some(reason);
            seen.reason = format!("the store does not say how far it is ({reason})");
            seen.effective_applied = Some(snapshot_index);
            seen.metrics = Some(RestoreMetrics { restore_total: total("fallback", reason), applied_index_gap: None });
            seen.log_line =
                Some(format!("restoreSnapshotState fallback to full restore snapshot_index={snapshot_index} reason={reason}"));
        }
    }
}
