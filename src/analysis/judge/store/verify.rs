//! Everything that reading a whole store brought to light.

use std::collections::{BTreeMap, HashSet};

use super::findings::doubt_while_moving;
use super::table_check::{TableContext, table_findings};
use super::{cover, store_findings};
use crate::analysis::judge::codes::table::STORE_TABLE_UNREFERENCED;
use crate::analysis::judge::codes::{CodeInfo, store as codes};
use crate::analysis::{Coverage, Finding, Severity};
use crate::formats::pebble::{FileNum, NewTable, Version};
use crate::readers::pebble::{FormatMarker, MISSING_KEPT, StoreFacts};
use crate::readers::pebble_survey::SurveyOutcome;
use crate::types::count_work;

/// Errors by which a MANIFEST may have lost the record that names a table.
const OF_THE_MANIFEST: &[&CodeInfo] = &[
    &codes::STORE_MANIFEST_MALFORMED,
    &codes::STORE_MANIFEST_EDIT,
    &codes::STORE_MANIFEST_HOLE,
    &codes::STORE_MANIFEST_TAIL,
    &codes::STORE_SEQUENCE_HIDDEN,
];

/// What is wrong with a store of which only the names, the MANIFEST and the logs were read.
pub fn listed(facts: &StoreFacts) -> (Vec<Finding>, Coverage) {
    let mut coverage = Coverage::default();
    cover(facts, &mut coverage);
    (store_findings(facts), coverage)
}

/// What is wrong with a store whose tables have all been read, and what could not be read.
pub fn verify(facts: &StoreFacts, outcomes: &BTreeMap<FileNum, SurveyOutcome>) -> (Vec<Finding>, Coverage) {
    let mut coverage = Coverage::default();
    cover(facts, &mut coverage);
    // Every block was asked for here; what could not be read is said table by table.
    coverage.keep_needed();
    let mut found = store_findings(facts);
    let mut users: BTreeMap<FileNum, Vec<&NewTable>> = BTreeMap::new();
    for table in facts.version().into_iter().flat_map(Version::tables) {
        users.entry(table.file()).or_default().push(table);
    }
    let format_version = match facts.format {
        FormatMarker::Version(version) => Some(version),
        FormatMarker::Missing | FormatMarker::Malformed(_) => None,
    };
    let place = |finding: &Finding| (finding.code.code, finding.path.clone(), finding.offset);
    let mut known: HashSet<_> = found.iter().map(place).collect();
    // Tables that only the logs name, in the order of their numbers.
    let is_lost = |number: &FileNum, outcome: &SurveyOutcome| *outcome == SurveyOutcome::Missing && !users.contains_key(number);
    let mut lost = outcomes.iter().filter(|(number, outcome)| is_lost(number, outcome)).count();
    let mut told = 0;
    for (number, outcome) in outcomes {
        count_work(1);
        let mut more = 0;
        if is_lost(number, outcome) {
            told += 1;
            lost -= 1;
            if told > MISSING_KEPT {
                continue;
            }
            more = if told == MISSING_KEPT { lost as u64 } else { 0 };
        }
        let path = format!("{}/{}", facts.name, number.table_name());
        let tables = users.get(number).map_or(&[][..], Vec::as_slice);
        for finding in table_findings(TableContext { path: &path, tables, format_version }, outcome, &mut coverage) {
            let finding = finding.and_more(more);
            if known.insert(place(&finding)) {
                found.push(finding);
            }
        }
    }
    let version_known = facts.version().is_some_and(|version| !version.is_malformed());
    // A MANIFEST that lost records may have named the table in one of them.
    let whole = !found.iter().any(|finding| finding.severity == Severity::Error && OF_THE_MANIFEST.contains(&finding.code));
    for number in facts.unreferenced_tables.iter().filter(|_| version_known) {
        let path = format!("{}/{}", facts.name, number.table_name());
        found.push(if whole {
            let message = "the MANIFEST does not name it; its content does not count and was not read";
            Finding::new(&STORE_TABLE_UNREFERENCED, message).at(path)
        } else {
            let message =
                "what is left of the MANIFEST does not name it, and a start removes it; what the MANIFEST lost may have named it";
            let advice = "Copy fsm.db aside before anything starts on it: the table may hold rows that are in no other.";
            Finding::new(&STORE_TABLE_UNREFERENCED, message).at(path).severity(Severity::Error).advice(advice)
        });
    }
    doubt_while_moving(facts, &mut found);
    (found, coverage)
}
