//! A script for DuckDB: tables over the parts, the views, and the question.

use std::fmt::Write as _;

use arrow_schema::{DataType, Schema};

use super::{VIEWS, bases, meant};
use crate::error::{Error, Result};
use crate::parts::Results;

/// What DuckDB reads to answer `asked`. A table of which there are no parts is empty.
pub async fn script(results: &Results, asked: &str) -> Result<String> {
    let asked = meant(asked).map_err(Error::Usage)?;
    if results.shown().contains('\\') {
        let text =
            format!("--results {}: DuckDB finds nothing in a place with a backslash in its name; rename it", results.shown());
        return Err(Error::Usage(text));
    }
    let mut text = String::new();
    // Writing into a text fails only for want of memory.
    for base in bases() {
        let parts = results.below(&base.place).await?;
        let is_part = parts.iter().any(|(key, _)| key.ends_with(".parquet"));
        let _ = if is_part {
            let place = quoted(&format!("{}/{}**/*.parquet", literal(results.shown().trim_end_matches('/')), base.place));
            // Parts of an earlier version may lack a column; what no part has is null.
            writeln!(
                text,
                "CREATE VIEW {} AS SELECT {} WHERE false UNION ALL BY NAME SELECT * FROM read_parquet({place}, union_by_name = true);",
                base.name,
                columns(&base.schema)
            )
        } else {
            writeln!(text, "CREATE VIEW {} AS SELECT {} WHERE false;", base.name, columns(&base.schema))
        };
    }
    let _ = write!(text, "{VIEWS}\n{}", asked.trim_end());
    text.push_str(if asked.trim_end().ends_with(';') { "\n" } else { ";\n" });
    Ok(text)
}

/// The columns of a table that has no rows.
fn columns(schema: &Schema) -> String {
    let column = |field: &std::sync::Arc<arrow_schema::Field>| {
        let kind = match field.data_type() {
            DataType::UInt64 => "UBIGINT",
            DataType::Boolean => "BOOLEAN",
            _ => "VARCHAR",
        };
        format!("CAST(NULL AS {kind}) AS {}", field.name())
    };
    schema.fields().iter().map(column).collect::<Vec<_>>().join(", ")
}

/// A path as it is in a pattern of DuckDB, in which `*`, `?` and `[` stand for other names.
fn literal(path: &str) -> String {
    let mut escaped = String::new();
    for c in path.chars() {
        match c {
            '*' | '?' | '[' => {
                escaped.push('[');
                escaped.push(c);
                escaped.push(']');
            }
            c => escaped.push(c),
        }
    }
    escaped
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

    #[test]
    fn a_path_is_no_pattern() {
        assert_eq!(literal("/srv/a*b?c[d]{e}"), "/srv/a[*]b[?]c[[]d]{e}");
    }
}
