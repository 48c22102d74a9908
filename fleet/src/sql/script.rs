//! A script for DuckDB: tables over the parts, the views, and the question.

use std::fmt::Write as _;

use arrow_schema::DataType;

use super::{VIEWS, bases, meant};
use crate::error::{Error, Result};
use crate::parts::Results;

/// What DuckDB reads to answer `asked`. A table of which there are no parts is empty.
pub async fn script(results: &Results, asked: &str) -> Result<String> {
    let asked = meant(asked).map_err(Error::Usage)?;
    let mut text = String::new();
    // Writing into a text fails only for want of memory.
    for base in bases() {
        let parts = results.below(&base.place).await?;
        let is_part = parts.iter().any(|(key, _)| key.ends_with(".parquet"));
        let _ = if is_part {
            let place = quoted(&format!("{}/{}**/*.parquet", results.shown().trim_end_matches('/'), base.place));
            writeln!(text, "CREATE VIEW {} AS SELECT * FROM read_parquet({place}, union_by_name = true);", base.name)
        } else {
            let column = |field: &std::sync::Arc<arrow_schema::Field>| {
                let kind = match field.data_type() {
                    DataType::UInt64 => "UBIGINT",
                    DataType::Boolean => "BOOLEAN",
                    _ => "VARCHAR",
                };
                format!("CAST(NULL AS {kind}) AS {}", field.name())
            };
            let columns: Vec<_> = base.schema.fields().iter().map(column).collect();
            writeln!(text, "CREATE VIEW {} AS SELECT {} WHERE false;", base.name, columns.join(", "))
        };
    }
    let _ = write!(text, "{VIEWS}\n{}", asked.trim_end());
    text.push_str(if asked.trim_end().ends_with(';') { "\n" } else { ";\n" });
    Ok(text)
}

/// A text in SQL.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_in_a_path_ends_no_text() {
        assert_eq!(quoted("/srv/it's"), "'/srv/it''s'");
    }
}
