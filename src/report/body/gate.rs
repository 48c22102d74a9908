//! `gate-dryrun`: what the next start of each group would do.

use serde::Serialize;

use crate::analysis::server::replay::Replay;
use crate::analysis::server::{Abort, Forecast, GateDecision, OtherEngine, Outcome, PlanRow, Rename, RepairView, RuleRow};
use crate::analysis::{Finding, Severity};
use crate::report::picture::{Lane, LanesPicture, Mark, PathPicture, Picture, Step, Turn};
use crate::report::{Body, Case, CaseEnd, Cell, Cells, Column, Label, Lines, Metric, Row, Section, Tone};
use crate::types::{ByteSize, Count, NodeId, ServerVersion, UnixMillis};

/// The forecast of a run over one or more groups.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct GateBody {
    /// One forecast a group, in the order of their directories.
    pub groups: Vec<GroupForecast>,
}

/// The forecast for one group.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct GroupForecast {
    /// The group directory as the caller named it.
    pub dir: String,
    /// The node's raft id.
    pub raft_id: String,
    /// The group number, where the directory's name tells it.
    pub group_id: Option<u64>,
    /// The server version the forecast is for.
    pub engine: ServerVersion,
    /// Why this version was assumed.
    pub engine_reason: String,
    /// What the start would do.
    #[serde(flatten)]
    pub forecast: Forecast,
    /// The same start under another version.
    pub other_engine: OtherEngine,
    /// The same start under every other version, oldest first.
    pub other_engines: Vec<OtherEngine>,
    /// Every rule's decision, on demand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleRow>,
}

const fn tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Skip | Outcome::None => Tone::Good,
        Outcome::Execute | Outcome::LegacyRestore | Outcome::Fallback | Outcome::Unknown => Tone::Caution,
        Outcome::Abort => Tone::Bad,
    }
}

impl GateBody {
    /// The worst outcome of all groups.
    pub fn worst(&self) -> Option<Outcome> {
        self.groups.iter().map(|group| group.forecast.outcome).min_by_key(|outcome| outcome.rank())
    }
}

/// Plan rows shown before the middle is folded.
const PLAN_ROWS_SHOWN: usize = 40;

impl Body for GateBody {
    const NAME: &'static str = "gate-dryrun";
    const LINES: &'static [Lines] = &[Lines::of("groups", "group")];

    fn headline(&self) -> String {
        match self.groups.as_slice() {
            [group] => format!("{} ({}): {}", group.forecast.outcome.name().to_uppercase(), group.engine, group.forecast.reason),
            groups => {
                let worst = self.worst().map_or("none", Outcome::name);
                format!("{}; the worst start: {}", Count::of(groups.len(), "group"), worst.to_uppercase())
            }
        }
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = Vec::new();
        if self.groups.len() > 1 {
            let row = |group: &GroupForecast| {
                vec![
                    Cell::new(&group.dir),
                    Cell::new(group.engine),
                    Cell::toned(group.forecast.outcome.name(), tone(group.forecast.outcome)),
                    Cell::option(group.forecast.snapshot.as_ref().map(|snapshot| snapshot.index)),
                    Cell::option(group.forecast.applied_index.value),
                    Cell::option(group.forecast.hard_state.map(|state| state.commit)),
                    Cell::option(group.forecast.last_index),
                ]
            };
            let rows = self.groups.iter().map(row).collect();
            let columns = ["group", "engine", "start", ">snapshot", ">applied", ">commit", ">last"];
            sections.push(Section::table("", &columns, rows));
        }
        let lanes = self.groups.iter().map(GroupForecast::lane).collect();
        sections.push(Section::Picture(Picture::Lanes(LanesPicture { of: "groups".to_owned(), one_scale: false, lanes })));
        for group in &self.groups {
            group.describe(self.groups.len() > 1, &mut sections);
        }
        sections
    }

    fn cases(&self, findings: &[Finding]) -> Vec<Case> {
        let several = self.groups.len() > 1;
        let case = |group: &GroupForecast| {
            let own = findings.iter().filter(|finding| {
                finding.severity == Severity::Error && (!several || finding.group.as_deref().is_none_or(|of| of == group.dir))
            });
            let said: Vec<_> = own.map(|finding| format!("{}: {}", finding.code.code, finding.message)).collect();
            let end = match group.forecast.outcome {
                Outcome::Abort if said.is_empty() => CaseEnd::Failed(group.forecast.reason.clone()),
                Outcome::Unknown => CaseEnd::NotMade(group.forecast.reason.clone()),
                _ if said.is_empty() => CaseEnd::Passed,
                _ => CaseEnd::Failed(said.join("\n")),
            };
            Case { of: String::new(), name: group.dir.clone(), end }
        };
        self.groups.iter().map(case).collect()
    }

    fn metrics(&self) -> Vec<Metric> {
        let mut forecast =
            Metric::gauge("ekv_tool_gate_forecast", "1 for what the next start would do, by group and server version.");
        let mut applied = Metric::gauge("ekv_tool_gate_applied_index", "Applied index in the store.");
        let mut snapshot = Metric::gauge("ekv_tool_gate_snapshot_index", "Index of the snapshot that a start would choose.");
        let mut commit = Metric::gauge("ekv_tool_gate_commit_index", "Commit of the last hard state in the log.");
        let mut gap = Metric::gauge("ekv_tool_gate_applied_index_gap", "The gap that the start would report.");
        let mut read = Metric::gauge("ekv_tool_gate_start_read_bytes", "Bytes that the start reads.");
        for group in &self.groups {
            let labels = || {
                let mut labels = vec![(Label::Dir, group.dir.clone()), (Label::RaftId, group.raft_id.clone())];
                if let Some(id) = group.group_id {
                    labels.push((Label::GroupId, id.to_string()));
                }
                labels
            };
            let with_outcome = |engine: ServerVersion, outcome: Outcome, assumed: bool| {
                let mut labels = labels();
                labels.push((Label::Engine, engine.name().to_owned()));
                labels.push((Label::Assumed, if assumed { "yes" } else { "no" }.to_owned()));
                labels.push((Label::Outcome, outcome.name().to_owned()));
                labels
            };
            forecast = forecast.sample(with_outcome(group.engine, group.forecast.outcome, true), 1.0);
            for other in &group.other_engines {
                forecast = forecast.sample(with_outcome(other.engine, other.outcome, false), 1.0);
            }
            if let Some(value) = group.forecast.applied_index.value {
                applied = applied.sample(labels(), value as f64);
            }
            if let Some(chosen) = &group.forecast.snapshot {
                snapshot = snapshot.sample(labels(), chosen.index as f64);
            }
            if let Some(state) = group.forecast.hard_state {
                commit = commit.sample(labels(), state.commit as f64);
            }
            if let Some(value) = group.forecast.metrics.as_ref().and_then(|metrics| metrics.applied_index_gap) {
                gap = gap.sample(labels(), value as f64);
            }
            read = read.sample(labels(), group.forecast.cost.read_bytes as f64);
        }
        vec![forecast, applied, snapshot, commit, gap, read]
    }
}

impl GroupForecast {
    /// Who got the vote, by name where it is the node itself.
    fn voted_for(&self, vote: u64) -> String {
        match NodeId(vote) {
            NodeId(0) => "none".to_owned(),
            id if id == NodeId::of_raft_id(&self.raft_id) => format!("{} ({})", self.raft_id, id.padded()),
            id => id.padded(),
        }
    }

    /// The log from the snapshot on, with what the gate compares.
    fn lane(&self) -> Lane {
        let forecast = &self.forecast;
        let snapshot = forecast.snapshot.as_ref().map(|snapshot| snapshot.index);
        let marks = [
            (Mark::Snapshot, snapshot),
            (Mark::Applied, forecast.applied_index.value),
            (Mark::Threshold, forecast.threshold),
            (Mark::Commit, forecast.hard_state.map(|state| state.commit)),
        ];
        Lane {
            name: self.dir.clone(),
            first: forecast.last_index.map(|_| snapshot.map_or(1, |index| index.saturating_add(1))),
            last: forecast.last_index,
            marks: marks.into_iter().filter_map(|(mark, at)| Some((mark, at?))).collect(),
            only_here: None,
        }
    }

    /// The decisions of the start, as far as it gets.
    fn path(&self, titled: bool) -> PathPicture {
        let forecast = &self.forecast;
        let mut steps = Vec::new();
        let mut step = |name, said: String, turn| steps.push(Step { name, said, turn });
        match &forecast.snapshot {
            Some(snapshot) => step("snapshot", snapshot.index.to_string(), Turn::On),
            None if matches!(forecast.outcome, Outcome::Abort | Outcome::Unknown) => {}
            None => step("snapshot", "none".to_owned(), Turn::On),
        }
        if let Some(threshold) = forecast.threshold {
            let detour = matches!(forecast.outcome, Outcome::Execute | Outcome::Fallback);
            let said = match forecast.applied_index.value {
                Some(applied) if applied >= threshold => format!("applied {applied} >= threshold {threshold}"),
                Some(applied) => format!("applied {applied} < threshold {threshold}"),
                None => format!("applied {}, threshold {threshold}", forecast.applied_index.state),
            };
            step("gate", said, if detour { Turn::Detour } else { Turn::On });
        }
        let name = forecast.outcome.name().to_uppercase();
        match (&forecast.abort, forecast.outcome) {
            (Some(abort), _) => step("start", format!("{name} at {}: {}", abort.stage, abort.text), Turn::End),
            (None, Outcome::Unknown) => step("start", format!("{name}: {}", forecast.reason), Turn::End),
            (None, _) => step("start", name, Turn::On),
        }
        if forecast.abort.is_none() {
            if let Some(applied) = forecast.effective_applied {
                step("applied after start", applied.to_string(), Turn::On);
            }
            if let Some(replay) = &forecast.replay {
                step("replay", describe_replay(replay), Turn::On);
                if let Some(halt) = &replay.halt {
                    step("halt", format!("at {}: {}", halt.index, halt.text), Turn::End);
                }
            }
        }
        PathPicture { of: if titled { self.dir.clone() } else { String::new() }, steps }
    }

    fn describe(&self, titled: bool, sections: &mut Vec<Section>) {
        let forecast = &self.forecast;
        let mut rows: Vec<(&str, Cell)> = Vec::new();
        rows.push(("start", Cell::toned(format!("{}: {}", forecast.outcome.name(), forecast.reason), tone(forecast.outcome))));
        rows.push(("engine", Cell::new(format!("{} ({})", self.engine, self.engine_reason))));
        let same = |abort: &Abort| forecast.abort.as_ref().is_some_and(|own| own.condition == abort.condition);
        for other in &self.other_engines {
            let refused = match &other.abort {
                Some(abort) if same(abort) => " (the same)".to_owned(),
                Some(abort) => format!(" ({})", abort.text),
                None => String::new(),
            };
            rows.push(("other engine", Cell::new(format!("{}: {}{refused}", other.engine, other.outcome.name()))));
        }
        if let Some(abort) = &forecast.abort {
            rows.push(("server logs", Cell::toned(format!("[{}] {}", abort.stage, abort.text), Tone::Bad)));
        }
        if let Some(snapshot) = &forecast.snapshot {
            let token = snapshot.token.as_ref().map(|token| format!(", token crc {}", token.crc32c)).unwrap_or_default();
            rows.push(("snapshot", Cell::new(format!("index {} term {}{token}", snapshot.index, snapshot.term))));
            rows.push(("snapshot file", Cell::toned(&snapshot.file, Tone::Dim)));
        }
        let applied = match forecast.applied_index.value {
            Some(value) => value.to_string(),
            None => forecast.applied_index.state.to_owned(),
        };
        rows.push(("applied index", Cell::new(applied)));
        if let Some(threshold) = forecast.threshold {
            rows.push(("threshold", Cell::new(threshold)));
        }
        if let Some(state) = forecast.hard_state {
            rows.push((
                "hard state",
                Cell::new(format!("term {} vote {} commit {}", state.term, self.voted_for(state.vote), state.commit)),
            ));
        }
        if let Some(last) = forecast.last_index {
            rows.push(("last entry", Cell::new(last)));
        }
        if let Some(effective) = forecast.effective_applied {
            rows.push(("applied after start", Cell::new(effective)));
        }
        if let Some(replay) = &forecast.replay {
            rows.push(("replay", Cell::new(describe_replay(replay))));
            if let Some(halt) = &replay.halt {
                let place = if halt.guard { "behind the start".to_owned() } else { format!("at {}", halt.index) };
                rows.push(("halts", Cell::toned(format!("{place}: {}", halt.text), Tone::Bad)));
            }
        }
        if let Some(ceiling) = forecast.ceiling_after_start_ms.filter(|&ceiling| ceiling > 0) {
            rows.push(("clock ceiling", Cell::new(UnixMillis(ceiling))));
        }
        let cost = &forecast.cost;
        let time = cost.estimate_ms.map(|ms| format!(", about {:.1} s", ms as f64 / 1000.0)).unwrap_or_default();
        let bytes = format!("reads {}, writes {}{time}", ByteSize(cost.read_bytes), ByteSize(cost.write_bytes));
        rows.push(("cost", Cell::new(bytes)));
        for path in &forecast.would_delete {
            rows.push(("would delete", Cell::new(path)));
        }
        for Rename { from, to } in &forecast.would_rename {
            rows.push(("would rename", Cell::new(format!("{from} -> {}", to.rsplit('/').next().unwrap_or(to)))));
        }
        if let Some(RepairView { path, truncate_at, bytes_dropped }) = &forecast.would_repair {
            let text = format!("{path}: cut at {truncate_at}, {bytes_dropped} bytes dropped");
            rows.push(("would repair", Cell::toned(text, Tone::Caution)));
        }
        sections.push(Section::facts(if titled { self.dir.clone() } else { String::new() }, rows));
        sections.push(Section::Picture(Picture::Path(self.path(titled))));
        if !self.rules.is_empty() {
            let row = |rule: &RuleRow| {
                let decision = match rule.decision {
                    GateDecision::Skip => "skip",
                    GateDecision::Execute => "execute",
                    GateDecision::Fallback => "fallback",
                };
                vec![rule.rule.name().into(), decision.into(), Cell::new(rule.threshold), rule.rule.describe().into()]
            };
            let rows = self.rules.iter().map(row).collect();
            sections.push(Section::table("All rules", &["rule", "decides", ">threshold", "threshold is"], rows));
        }
        if let Some(plan) = &forecast.plan {
            sections.extend(plan_section(plan));
        }
    }
}

fn describe_replay(replay: &Replay) -> String {
    let counts = [
        ("covered", replay.covered),
        ("replayed volatile", replay.volatile_replay),
        ("leases applied again", replay.lease_reapplied),
        ("duplicates dropped", replay.duplicate_dropped),
        ("applied", replay.apply),
        ("conf changes applied", replay.conf_apply),
        ("conf changes applied again", replay.conf_reapplied),
        ("without effect", replay.noop),
        ("uncommitted", replay.uncommitted),
    ];
    let parts: Vec<_> = counts.iter().filter(|(_, n)| *n > 0).map(|(what, n)| format!("{n} {what}")).collect();
    if parts.is_empty() { "nothing behind the snapshot".to_owned() } else { parts.join(", ") }
}

fn plan_section(plan: &[PlanRow]) -> Vec<Section> {
    let mut sections = vec![Section::rows("Plan", plan.iter().take(PLAN_ROWS_SHOWN))];
    let folded = plan.len().saturating_sub(PLAN_ROWS_SHOWN);
    if folded > 0 {
        sections.push(Section::Note(format!("... and {}; --format json has all", Count::of(folded, "more entry"))));
    }
    sections
}

impl Row for PlanRow {
    const COLUMNS: &'static [Column] = &[
        Column::right("index", 10),
        Column::right("term", 6),
        Column::left("class", 14),
        Column::left("action", 18),
        Column::left("detail", 0),
    ];

    fn cells(&self, cells: &mut Cells) {
        cells.add_number(self.index);
        cells.add_number(self.term);
        cells.add_str(self.class);
        cells.add_str(self.action.name());
        match self.lease_ms.map(u64::try_from) {
            Some(Ok(ms)) => cells.write(UnixMillis(ms)),
            Some(Err(_)) => cells.write(self.lease_ms.unwrap_or_default()),
            None => cells.write_str(self.keys.as_deref().unwrap_or_default()),
        }
        if let Some(note) = &self.note {
            let empty = self.lease_ms.is_none() && self.keys.is_none();
            cells.write_str(if empty { "" } else { "; " });
            cells.write_str(note);
        }
        cells.end();
    }
}
