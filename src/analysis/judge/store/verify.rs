//! Everything that reading a whole store brought to light.

use std::collections::BTreeMap;

use super::findings::doubt_while_moving;
use super::table_check::{TableContext, table_findings};
use super::{cover, store_findings};
use crate::analysis::judge::codes::table::STORE_TABLE_UNREFERENCED;
use crate::analysis::{Coverage, Finding};
use crate::formats::pebble::{FileNum, NewTable, Version};
use crate::readers::pebble::{FormatMarker, StoreFacts};
use crate::readers::pebble_survey::SurveyOutcome;

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
    for (number, outcome) in outcomes {
        let path = format!("{}/{}", facts.name, number.table_name());
        let tables = users.get(number).map_or(&[][..], Vec::as_slice);
        for finding in table_findings(TableContext { path: &path, tables, format_version }, outcome, &mut coverage) {
            let known =
                |other: &Finding| (other.code, &other.path, other.offset) == (finding.code, &finding.path, finding.offset);
            if !found.iter().any(known) {
                found.push(finding);
            }
        }
    }
    let version_known = facts.version().is_some_and(|version| !version.is_malformed());
    for number in facts.unreferenced_tables.iter().filter(|_| version_known) {
        let path = format!("{}/{}", facts.name, number.table_name());
        let message = "the MANIFEST does not name it; its content does not count and was not read";
        found.push(Finding::new(&STORE_TABLE_UNREFERENCED, message).at(path));
    }
    doubt_while_moving(facts, &mut found);
    (found, coverage)
}
