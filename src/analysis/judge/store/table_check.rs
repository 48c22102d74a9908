//! What the survey of a table says about it, against its own properties and the MANIFEST.

use crate::analysis::judge::codes::store::{STORE_TABLE_DAMAGE, STORE_TABLE_MISSING, STORE_TABLE_NOT_READ};
use crate::analysis::judge::codes::table::{
    TABLE_BOUNDS, TABLE_CHANGED, TABLE_COUNTS, TABLE_FOOTER_STRAY, TABLE_FORMAT, TABLE_GAP, TABLE_ORDER,
};
use crate::analysis::{Coverage, Finding};
use crate::formats::pebble::SeqNum;
use crate::formats::pebble::sstable::footer::ATTRIBUTES;
use crate::formats::pebble::version_edit::{KeyBounds, NewTable};
use crate::readers::content::LeftOut;
use crate::readers::pebble_survey::{SurveyOutcome, SurveyedTable};
use crate::readers::pebble_table::{BlockKind, BoundsSeen, TableDepth, TableProblem, TableProblemKind};
use crate::types::Escaped;

/// The first format version of a store whose tables may be columnar.
const FIRST_COLUMNAR_VERSION: u64 = 19;

/// One table file and what refers to it.
#[derive(Debug, Clone, Copy)]
pub struct TableContext<'a> {
    /// The file, as findings name it.
    pub path: &'a str,
    /// The tables of the version that this file holds; several if they are virtual, none if only a log names it.
    pub tables: &'a [&'a NewTable],
    /// The store's format version, if it is known.
    pub format_version: Option<u64>,
}

/// Everything noticed about one table file. Counts it under `coverage`.
pub fn table_findings(context: TableContext<'_>, outcome: &SurveyOutcome, coverage: &mut Coverage) -> Vec<Finding> {
    let path = context.path;
    match outcome {
        SurveyOutcome::Surveyed(table) => {
            coverage.add_file(table.survey.bytes_examined);
            surveyed(context, table, coverage)
        }
        SurveyOutcome::Unopenable { size, problem } => {
            coverage.add_file(problem.length.min(*size));
            if !problem.kind.is_damage() {
                return unsupported(context, problem, coverage);
            }
            coverage.missing(format!("the blocks of {path}"), "nothing leads to them, because what should is damaged");
            vec![damage(path, problem)]
        }
        SurveyOutcome::Missing => vec![Finding::new(&STORE_TABLE_MISSING, "it is not there").at(path)],
        SurveyOutcome::System(problem) => {
            coverage.missing(path, problem.as_str());
            vec![Finding::new(&STORE_TABLE_NOT_READ, problem.as_str()).at(path)]
        }
        SurveyOutcome::LeftOut { size, why } => {
            coverage.missing(LeftOut::what(path, *size), why.to_string());
            Vec::new()
        }
    }
}

fn unsupported(context: TableContext<'_>, problem: &TableProblem, coverage: &mut Coverage) -> Vec<Finding> {
    let columnar = problem.block.is_none() && problem.detail.contains("columnar");
    if let (true, Some(version @ ..FIRST_COLUMNAR_VERSION)) = (columnar, context.format_version) {
        let message = format!("{}, and a store of format version {version} has no such tables", problem.detail);
        return vec![Finding::new(&TABLE_FORMAT, message).at(context.path).range(problem.offset, problem.length)];
    }
    coverage.missing(context.path, problem.detail.as_str());
    vec![Finding::new(&STORE_TABLE_NOT_READ, problem.detail.as_str()).at(context.path)]
}

/// A problem as a finding.
fn damage(path: &str, problem: &TableProblem) -> Finding {
    let code = match problem.kind {
        TableProblemKind::Order => &TABLE_ORDER,
        TableProblemKind::Unsupported | TableProblemKind::OverBudget => &STORE_TABLE_NOT_READ,
        TableProblemKind::Cut
        | TableProblemKind::Magic
        | TableProblemKind::Footer
        | TableProblemKind::Handle
        | TableProblemKind::Checksum
        | TableProblemKind::Decompression
        | TableProblemKind::Structure
        | TableProblemKind::Value => &STORE_TABLE_DAMAGE,
    };
    let mut finding = Finding::new(code, problem.to_string()).at(path).range(problem.offset, problem.length);
    finding.expected.clone_from(&problem.expected);
    finding.found.clone_from(&problem.found);
    finding
}

fn surveyed(context: TableContext<'_>, table: &SurveyedTable, coverage: &mut Coverage) -> Vec<Finding> {
    let (path, survey) = (context.path, &table.survey);
    let mut found: Vec<_> = survey.problems.iter().map(|problem| damage(path, problem)).collect();
    if let Some(problem) = survey.problems.iter().find(|problem| !problem.kind.is_damage()) {
        coverage.missing(path, problem.to_string());
    }
    if survey.problems_left_out > 0 {
        let message = format!("{} further damaged places are not listed", survey.problems_left_out);
        found.push(Finding::new(&STORE_TABLE_DAMAGE, message).at(path));
    }
    if !survey.complete {
        coverage.missing(format!("counts and bounds of {path}"), "not all of its blocks could be read");
    }
    if survey.depth == TableDepth::Checksums {
        coverage.skipped(format!("the rows of {path}"), "--checksums: order of keys, counts and bounds were not checked");
    }
    if let Some(at) = table.footer.stray_byte {
        let message = "the zero padding of the footer is not zero, or a handle is longer than it needs to be";
        found.push(Finding::new(&TABLE_FOOTER_STRAY, message).at(path).range(at, 1));
    }
    let first = table.footer.format.first_columnar_version();
    if let (Some(first), Some(version)) = (first, context.format_version)
        && version < first
    {
        let message = format!("format {}, and a store of format version {version} has no such tables", table.footer.format);
        found.push(Finding::new(&TABLE_FORMAT, message).at(path).range(table.footer.offset, table.size - table.footer.offset));
    }
    if survey.values_in_blob_files > 0 {
        let what = format!("{} values of {path} that stand in blob files", survey.values_in_blob_files);
        coverage.missing(what, "this program does not read blob files");
    }
    if survey.complete && survey.problems.is_empty() {
        counts(path, table, &mut found);
        attributes(path, table, &mut found);
        if survey.depth == TableDepth::Rows
            && let [described] = context.tables
            && described.virtual_backing.is_none()
        {
            bounds(path, described, table, &mut found);
        }
        for &(offset, length) in &survey.gaps {
            let message = format!("no block covers {length} bytes; they were not checked");
            found.push(Finding::new(&TABLE_GAP, message).at(path).range(offset, length));
        }
    }
    if table.changed {
        coverage.missing(path, "it changed while it was read");
        found.push(Finding::new(&TABLE_CHANGED, "its size, inode or modification time is not what it was").at(path));
    }
    found
}

/// Compares what was counted with what the properties say.
fn counts(path: &str, table: &SurveyedTable, found: &mut Vec<Finding>) {
    let (properties, survey) = (&table.properties, &table.survey);
    // A table of another family may come without properties.
    if properties.count == 0 {
        return;
    }
    let data = survey.blocks.get(&BlockKind::Data).copied().unwrap_or_default();
    let leaves = survey.blocks.get(&BlockKind::Index).map_or(0, |tally| tally.blocks);
    let two_levels = survey.blocks.contains_key(&BlockKind::TopIndex);
    let values = survey.blocks.get(&BlockKind::Value).map_or(0, |tally| tally.blocks);
    let of_blocks = [
        ("data blocks", properties.data_blocks, data.blocks),
        ("bytes of data blocks", properties.data_size, data.bytes),
        ("value blocks", properties.value_blocks, values),
        ("index blocks", if two_levels { properties.index_partitions } else { leaves }, leaves),
        ("range keys that set", properties.range_key_sets, survey.range_keys[0]),
        ("range keys that unset", properties.range_key_unsets, survey.range_keys[1]),
        ("range keys that delete", properties.range_key_dels, survey.range_keys[2]),
        ("range deletions", properties.range_deletions, survey.range_deletions),
    ];
    let of_rows = [
        ("records", properties.entries, survey.points + survey.range_deletions),
        ("deletions", properties.deletions, survey.point_deletions + survey.range_deletions),
        ("values in value blocks", properties.values_in_value_blocks, survey.values_in_value_blocks),
        ("values in blob files", properties.values_in_blob_files, survey.values_in_blob_files),
    ];
    let of_rows = of_rows.into_iter().filter(|_| survey.depth == TableDepth::Rows);
    for (what, said, counted) in of_blocks.into_iter().chain(of_rows) {
        if said != counted {
            let message = format!("its properties speak of {said} {what}, and it has {counted}");
            found.push(Finding::new(&TABLE_COUNTS, message).at(path).expected(said).found(counted));
        }
    }
}

/// Compares the attributes in the footer with what the properties say.
fn attributes(path: &str, table: &SurveyedTable, found: &mut Vec<Finding>) {
    let (Some(said), implied) = (table.footer.attributes, table.properties.attributes()) else { return };
    let differ = ATTRIBUTES.iter().enumerate().filter(|(bit, _)| (said ^ implied) >> bit & 1 != 0);
    for (bit, what) in differ {
        let (footer, properties) = if said >> bit & 1 == 0 { ("no ", "") } else { ("", "no ") };
        let message = format!("its footer speaks of {footer}{what}, and its properties of {properties}{what}");
        found.push(Finding::new(&TABLE_COUNTS, message).at(path).expected(implied).found(said));
    }
}

/// Compares first and last key and sequence numbers with the MANIFEST.
fn bounds(path: &str, described: &NewTable, table: &SurveyedTable, found: &mut Vec<Finding>) {
    let survey = &table.survey;
    for (what, said, seen) in [
        ("points and range deletions", &described.points, &survey.point_bounds),
        ("range keys", &described.range_keys, &survey.range_key_bounds),
    ] {
        let (Some(said), Some(seen)) = (said, seen) else {
            if said.is_some() != seen.is_some() {
                let has = if seen.is_some() { "has some" } else { "has none" };
                let message = format!("the MANIFEST says otherwise about {what}: the table {has}");
                found.push(Finding::new(&TABLE_BOUNDS, message).at(path));
            }
            continue;
        };
        if !same_keys(said, seen) {
            let message = format!("its {what} are not those that the MANIFEST describes");
            let show = |smallest, largest| format!("{} to {}", Escaped(smallest), Escaped(largest));
            found.push(
                Finding::new(&TABLE_BOUNDS, message)
                    .at(path)
                    .expected(show(&said.smallest.user_key, &said.largest.user_key))
                    .found(show(&seen.smallest.user_key, &seen.largest.user_key)),
            );
        }
    }
    // An ingested table has one number for all its records, which is not stored in it.
    if let (None, Some((low, high))) = (described.seq_override(), survey.seqs)
        && (low < described.smallest_seq || high > described.largest_seq)
    {
        let show = |low: SeqNum, high: SeqNum| format!("{low} to {high}");
        found.push(
            Finding::new(&TABLE_BOUNDS, "it holds sequence numbers outside those that the MANIFEST gives")
                .at(path)
                .expected(show(described.smallest_seq, described.largest_seq))
                .found(show(low, high)),
        );
    }
}

/// User keys only: the sequence numbers of the bounds of an ingested table are not those in the file.
fn same_keys(said: &KeyBounds, seen: &BoundsSeen) -> bool {
    said.smallest.user_key == seen.smallest.user_key
        && said.largest.user_key == seen.largest.user_key
        && said.largest.trailer.is_exclusive_bound() == seen.largest.trailer.is_exclusive_bound()
}
