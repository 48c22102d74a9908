//! What a scan of a store says about it.

use super::findings::damage_finding;
use super::{cover, store_findings};
use crate::analysis::judge::codes::table::STORE_LEVEL_ORDER;
use crate::analysis::{Coverage, Finding};
use crate::formats::kv::Shown;
use crate::readers::pebble::{StoreFacts, TableTrouble, Writer};
use crate::readers::pebble_scan::ScanOutcome;

/// What is wrong, and what was not scanned.
pub fn scanned(outcome: &ScanOutcome) -> (Vec<Finding>, Coverage) {
    let facts = &outcome.facts;
    let mut coverage = Coverage::default();
    cover(facts, &mut coverage);
    coverage.keep_needed();
    coverage.bytes_examined += outcome.stats.table_bytes;
    let mut found = store_findings(facts);
    if let Some((damage, last)) = &outcome.stopped {
        let gone = damage.trouble == TableTrouble::Missing;
        let (behind, why) = (format!("keys behind {}", Shown(last)), "a table on the way cannot be read");
        if gone && facts.writer == Writer::Alive {
            coverage.missing(behind, "compactions replaced tables faster than they could be read; try again");
        } else {
            coverage.missing(behind, why);
            let finding = damage_finding(facts, damage, "the scan came to it");
            if !found.iter().any(|other| (other.code, &other.path) == (finding.code, &finding.path)) {
                found.push(finding);
            }
        }
    }
    if outcome.stats.misplaced > 0 {
        let message = format!(
            "{} of {} keys have an older record above a newer one; the newest is what is shown, a lookup finds the older",
            outcome.stats.misplaced, outcome.stats.keys
        );
        found.push(Finding::new(&STORE_LEVEL_ORDER, message).at(format!("{}/", facts.name)));
    }
    if outcome.views > 1 {
        let what = format!("{}/ as of one moment", facts.name);
        coverage.skipped(what, format!("a server was compacting: {} views were read one after another", outcome.views));
    }
    (found, coverage)
}

/// Adds what a scan of everything says to what reading every block said: the order of each key's records across levels.
pub fn add_scan(found: &mut Vec<Finding>, coverage: &mut Coverage, outcome: &ScanOutcome) {
    let (more, scan) = scanned(outcome);
    for finding in more {
        if !found.iter().any(|known| (known.code, &known.path) == (finding.code, &finding.path)) {
            found.push(finding);
        }
    }
    for part in scan.not_examined {
        if !coverage.not_examined.contains(&part) {
            coverage.not_examined.push(part);
        }
    }
}

/// Says that the records of a key were not compared across levels.
pub fn not_scanned(coverage: &mut Coverage, facts: &StoreFacts) {
    if facts.live_tables > 0 {
        let what = format!("{}/: the order of each key's records across levels", facts.name);
        coverage.skipped(what, "ask for --deep, which reads the tables once more");
    }
}
