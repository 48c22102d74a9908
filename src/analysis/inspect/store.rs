//! A sorted table, by itself.

use super::Description;
use crate::analysis::Finding;
use crate::analysis::judge::codes::files as codes;
use crate::readers::pebble_table::TableProblem;
use crate::readers::subject::{Subject, TableFacts};

pub(super) fn describe_table(it: &mut Description, subject: &Subject, facts: &Result<Box<TableFacts>, TableProblem>) {
    let TableFacts { table, survey } = match facts {
        Ok(facts) => facts.as_ref(),
        Err(problem) => {
            it.findings.push(finding(&subject.display, problem, "The table cannot be opened"));
            return;
        }
    };
    let (footer, properties) = (table.footer(), table.properties());
    it.plain("format", footer.format.name());
    it.plain("checksum", footer.checksum.name());
    it.plain("entries", properties.entries);
    it.plain("deletions", properties.deletions);
    it.plain("range_deletions", properties.range_deletions);
    it.plain("data_blocks", properties.data_blocks);
    it.plain("data_bytes", properties.data_size);
    it.plain("raw_key_bytes", properties.raw_key_size);
    it.plain("raw_value_bytes", properties.raw_value_size);
    it.plain("compression", properties.compression.clone());
    it.plain("comparer", properties.comparer.clone());
    let Some(survey) = survey else {
        it.coverage.missing(format!("the blocks of {}", subject.display), "the table is large; store verify reads every block");
        return;
    };
    it.coverage.bytes_examined += survey.bytes_examined;
    it.findings.extend(survey.problems.iter().map(|problem| finding(&subject.display, problem, "A block is damaged")));
    it.coverage.skipped("whether the MANIFEST knows the table as it is", "store verify compares them");
}

fn finding(path: &str, problem: &TableProblem, what: &str) -> Finding {
    let TableProblem { kind: _, block, offset, length, expected, found, detail } = problem;
    let block = block.map_or_else(String::new, |block| format!(" ({} block)", block.name()));
    let mut finding = Finding::new(&codes::FILE_DAMAGED, format!("{what}{block}: {detail}.")).at(path).range(*offset, *length);
    finding.expected.clone_from(expected);
    finding.found.clone_from(found);
    finding
}
