//! `gate-dryrun` of a node of hashicorp/raft.

use serde::Serialize;

use crate::analysis::ServerError;
use crate::analysis::hraft::{Recovery, StartForecast, StartOutcome};
use crate::report::{Body, Cell, Label, Lines, Metric, Section, Tone};
use crate::types::{Count, LibraryVersion};

/// The forecasts of a run over one or more nodes.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct HashiGateBody {
    /// One forecast a node.
    pub groups: Vec<HashiForecast>,
}

/// The forecast for one node.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct HashiForecast {
    /// The directory as the caller named it.
    pub dir: String,
    /// The node's id.
    pub raft_id: String,
    /// Always `hashicorp-raft`.
    pub backend: &'static str,
    /// The releases of the library for which the forecast holds.
    pub libraries: Vec<LibraryVersion>,
    /// What elastickv's present server says instead of starting on the directory; `null` when it would not refuse it by name.
    pub server_refusal: Option<ServerError>,
    /// What the start does.
    #[serde(flatten)]
    pub start: StartForecast,
}

/// Name of an outcome and how it is to be seen.
pub(super) const fn outcome(outcome: StartOutcome) -> (&'static str, Tone) {
    let tone = match outcome {
        StartOutcome::Start => Tone::Good,
        StartOutcome::Abort => Tone::Bad,
        StartOutcome::Unknown => Tone::Caution,
    };
    (outcome.name(), tone)
}

impl HashiForecast {
    /// One line.
    pub(super) fn reason(&self) -> String {
        if let Some(abort) = &self.start.abort {
            return format!("{} at {}: {}", abort.kind.name(), abort.stage.name(), abort.text);
        }
        if let Some(why) = &self.start.unknown {
            return format!("cannot be told: {why}");
        }
        match (&self.start.first_state, &self.start.first_state_reason) {
            (Some(state), Some(reason)) => format!("becomes {state:?}: {reason}"),
            _ => "starts".to_owned(),
        }
    }

    /// Rows for people.
    pub fn rows(&self) -> Vec<(&'static str, Cell)> {
        let (name, tone) = outcome(self.start.outcome);
        let mut rows = vec![("start", Cell::toned(format!("{name}: {}", self.reason()), tone))];
        if let Some(snapshot) = &self.start.snapshot {
            rows.push(("snapshot", Cell::new(format!("{} (index {} term {})", snapshot.id, snapshot.index, snapshot.term))));
        } else {
            rows.push(("snapshot", Cell::toned("none", Tone::Dim)));
        }
        if let Some(state) = &self.start.at_start {
            rows.push(("term", Cell::new(state.term)));
            rows.push(("last entry", Cell::new(format!("index {} term {}", state.last_log_index, state.last_log_term))));
            let members = state.configuration.as_deref().unwrap_or_default();
            let list: Vec<String> =
                members.iter().map(|server| format!("{} {} ({})", server.id, server.address, server.suffrage)).collect();
            let list = if list.is_empty() { "nobody".to_owned() } else { list.join(", ") };
            rows.push(("membership", Cell::new(format!("of index {}: {list}", state.configuration_index))));
        }
        let keys = match (self.start.first_index, self.start.last_index) {
            (Some(first), Some(last)) => format!("{first} to {last}"),
            _ => "cannot be told".to_owned(),
        };
        rows.push(("log keys", Cell::new(keys)));
        let (word, tone) = match (&self.start.recovery_loses, self.start.recovery) {
            (Some(_), _) => ("would go through and lose data", Tone::Bad),
            (None, Recovery::Ok) => ("would go through", Tone::Plain),
            (None, Recovery::Error) => ("would be refused", Tone::Caution),
            (None, Recovery::Panic) => ("would end the process", Tone::Caution),
            (None, Recovery::Unknown) => ("cannot be told", Tone::Caution),
        };
        let text = self.start.recovery_text.as_ref().or(self.start.recovery_loses.as_ref());
        let text = text.map(|text| format!(": {text}")).unwrap_or_default();
        rows.push(("forced recovery", Cell::toned(format!("{word}{text}"), tone)));
        let libraries: Vec<String> = self.libraries.iter().map(ToString::to_string).collect();
        rows.push(("hashicorp/raft", Cell::toned(libraries.join(", "), Tone::Dim)));
        if let Some(refusal) = &self.server_refusal {
            rows.push(("elastickv today", Cell::toned(format!("refuses the directory: {}", refusal.text), Tone::Caution)));
        }
        rows
    }
}

impl Body for HashiGateBody {
    const NAME: &'static str = "gate-dryrun";
    const LINES: &'static [Lines] = &[Lines::of("groups", "group")];

    fn headline(&self) -> String {
        match self.groups.as_slice() {
            [node] => format!("{} (hashicorp/raft): {}", outcome(node.start.outcome).0.to_uppercase(), node.reason()),
            nodes => {
                let aborts = nodes.iter().filter(|node| node.start.outcome == StartOutcome::Abort).count();
                format!("{} of hashicorp/raft; {aborts} would not start", Count::of(nodes.len(), "node"))
            }
        }
    }

    fn sections(&self) -> Vec<Section> {
        let title = |node: &HashiForecast| if self.groups.len() > 1 { node.dir.clone() } else { String::new() };
        self.groups.iter().map(|node| Section::facts(title(node), node.rows())).collect()
    }

    fn metrics(&self) -> Vec<Metric> {
        let mut forecast =
            Metric::gauge("ekv_tool_gate_forecast", "1 for what the next start would do, by group and server version.");
        for node in &self.groups {
            let labels = vec![
                (Label::Dir, node.dir.clone()),
                (Label::RaftId, node.raft_id.clone()),
                (Label::Backend, node.backend.to_owned()),
                (Label::Outcome, outcome(node.start.outcome).0.to_owned()),
            ];
            forecast = forecast.sample(labels, 1.0);
        }
        vec![forecast]
    }
}
