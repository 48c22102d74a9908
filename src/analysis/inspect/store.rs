//! A sorted table, by itself.

use super::Description;
use crate::analysis::judge::store::lone::table_problem;
use crate::readers::pebble_table::TableProblem;
use crate::readers::subject::{Subject, TableFacts};

pub(super) fn describe_table(page: &mut Description, subject: &Subject, facts: &Result<Box<TableFacts>, TableProblem>) {
    let TableFacts { table, survey } = match facts {
        Ok(facts) => facts.as_ref(),
        Err(problem) => {
            page.findings.extend(table_problem(&subject.display, problem, "The table cannot be opened", &mut page.coverage));
            return;
        }
    };
    let (footer, properties) = (table.footer(), table.properties());
    page.plain("format", footer.format.name());
    page.plain("checksum", footer.checksum.name());
    page.plain("entries", properties.entries);
    page.plain("deletions", properties.deletions);
    page.plain("range_deletions", properties.range_deletions);
    page.plain("data_blocks", properties.data_blocks);
    page.plain("data_bytes", properties.data_size);
    page.plain("raw_key_bytes", properties.raw_key_size);
    page.plain("raw_value_bytes", properties.raw_value_size);
    page.plain("compression", properties.compression.clone());
    page.plain("comparer", properties.comparer.clone());
    let Some(survey) = survey else {
        page.coverage.missing(format!("the blocks of {}", subject.display), "the table is large; store verify reads every block");
        return;
    };
    page.coverage.bytes_examined += survey.bytes_examined;
    for problem in &survey.problems {
        page.findings.extend(table_problem(&subject.display, problem, "A block is damaged", &mut page.coverage));
    }
    page.coverage.skipped("whether the MANIFEST knows the table as it is", "store verify compares them");
}
