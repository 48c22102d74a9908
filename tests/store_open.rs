//! What a start does with the store, against what the real server did with an exact copy.

use ekv_tool::analysis::store::{AppliedIndexState, StoreOpen, open_verdict};
use ekv_tool::io::NoProgress;
use ekv_tool::readers::pebble::{StoreCheck, examine};
use ekv_tool::types::Engine;
use serde_json::Value;

use crate::common::{Case, cases, real};

/// Text of an error as far as both sides have it: the recording cuts long lines and names no directory.
fn same_beginning(recorded: &str, told: &str) -> bool {
    let trimmed = recorded.strip_prefix("pebble: on-disk corruption: ").map_or(recorded, |_| "pebble: on-disk corruption: ");
    told.starts_with(trimmed)
}

/// What differs, in words.
fn compare(case: &Case<'_>) -> Result<(), String> {
    let facts = examine(&case.dir, StoreCheck::Full, &NoProgress).map_err(|error| error.to_string())?;
    for engine in Engine::ALL {
        let recorded = &case.expected[engine.name()];
        let verdict = open_verdict(&facts, engine);
        if recorded["abort_error"] == "pebble" {
            let text = recorded["abort_text"].as_str().unwrap();
            match &verdict.open {
                StoreOpen::Refused(error) if error.error == "pebble" && same_beginning(text, &error.text) => {}
                other => return Err(format!("{engine}: the server says {text:?}, the tool {other:?}")),
            }
            if verdict.findings.iter().all(|finding| finding.severity != ekv_tool::analysis::Severity::Error) {
                return Err(format!("{engine}: refused without a finding"));
            }
            continue;
        }
        if verdict.open != StoreOpen::Opens {
            return Err(format!("{engine}: the server opens it ({}), the tool says {:?}", recorded["outcome"], verdict.open));
        }
        let expected = match (&recorded["applied_index"]["state"], &recorded["applied_index"]["value"]) {
            (Value::String(state), value) if state == "present" => AppliedIndexState::Present(value.as_u64().unwrap()),
            (Value::String(state), _) if state == "missing" => AppliedIndexState::Missing,
            _ => continue,
        };
        if verdict.applied_index != expected {
            return Err(format!("{engine}: the server reads {expected:?}, the tool {:?}", verdict.applied_index));
        }
    }
    Ok(())
}

#[test]
fn every_recorded_store_opens_or_is_refused_as_recorded() {
    cases().for_each_group(compare);
    real().for_each_group(compare);
}

#[test]
fn a_store_as_a_server_left_it_has_nothing_wrong() {
    real().for_each_group(|case| {
        let facts = examine(&case.dir, StoreCheck::Full, &NoProgress).map_err(|error| error.to_string())?;
        for engine in Engine::ALL {
            let verdict = open_verdict(&facts, engine);
            let wrong: Vec<_> =
                verdict.findings.iter().filter(|finding| finding.severity != ekv_tool::analysis::Severity::Info).collect();
            if !wrong.is_empty() || verdict.coverage.not_examined.iter().any(|part| part.needed) {
                return Err(format!("{engine}: {wrong:?} {:?}", verdict.coverage));
            }
        }
        Ok(())
    });
}
