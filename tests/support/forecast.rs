//! What scripts read in a forecast, to be held against what a server did.

use std::path::Path;

use ekv_tool::Run;
use ekv_tool::ops::{GateOptions, gate_dryrun};
use serde_json::{Value, json};

/// Actions that hand an entry's payload to the state machine.
const HANDED: [&str; 3] = ["apply", "volatile-replay", "lease-reapplied"];

/// The report of one group with its whole plan.
pub fn forecast(options: GateOptions, dir: &Path) -> Value {
    let options = GateOptions { plan: true, ..options };
    serde_json::to_value(gate_dryrun(&[dir.to_owned()], &options, &Run::local()).unwrap()).unwrap()
}

/// Indexes of the entries that a plan hands to the state machine.
pub fn handed(plan: &[Value]) -> Value {
    let handed = plan.iter().filter(|row| HANDED.contains(&row["action"].as_str().unwrap()));
    json!(handed.map(|row| row["index"].clone()).collect::<Vec<_>>())
}

/// True when the group's halt tells the server's text.
pub fn halts_with(group: &Value, text: &str) -> bool {
    group["replay"]["halt"].to_string().to_lowercase().contains(&text.to_lowercase())
}
