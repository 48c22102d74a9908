//! A script for another engine: tables over the parts, the views, and the question.

use std::fmt::Write as _;

use arrow_schema::{DataType, Schema};

use super::{Base, VIEWS, bases, meant};
use crate::error::{Error, Result};
use crate::parts::Results;
use crate::store::Scheme;

/// Who reads the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// DuckDB 2.0.
    DuckDb,
    /// Spark SQL 4.0, in which `u64` is `decimal(20, 0)`.
    Spark,
}

impl Dialect {
    /// Refuses a place whose name this engine does not take for what it is.
    fn refuse(self, results: &Results) -> Result<()> {
        let shown = results.shown();
        let odd = shown.chars().find(|c| *c == '\\' || self == Self::Spark && "*?[]{}'".contains(*c));
        let why = match (self, odd) {
            (Self::DuckDb, Some(_)) => "DuckDB finds nothing in a place with a backslash in its name; rename it".to_owned(),
            (Self::Spark, Some(c)) => format!("Spark does not take {c} in the name of a place for itself; rename it"),
            (Self::Spark, None) if results.address().scheme == Scheme::Azure => {
                "Spark names a container with its account (abfss://CONTAINER@ACCOUNT.dfs.core.windows.net), which this address does not have; \
                 mount or copy the results"
                    .to_owned()
            }
            _ => return Ok(()),
        };
        Err(Error::Usage(format!("--results {shown}: {why}")))
    }

    /// A table over the parts of `base`, or one that is empty.
    fn table(self, base: &Base, results: &Results, has_parts: bool) -> String {
        let (name, shown) = (&base.name, results.shown().trim_end_matches('/'));
        let columns = self.empty(&base.schema);
        match self {
            // Parts of an earlier version may lack a column; what no part has is null.
            Self::DuckDb if has_parts => {
                let place = quoted(&format!("{}/{}**/*.parquet", literal(shown), base.place));
                format!(
                    "CREATE VIEW {name} AS SELECT {columns} WHERE false UNION ALL BY NAME SELECT * FROM read_parquet({place}, union_by_name = true);"
                )
            }
            Self::DuckDb => format!("CREATE VIEW {name} AS SELECT {columns} WHERE false;"),
            Self::Spark if has_parts => {
                // That is how its file system calls a bucket.
                let shown = shown.strip_prefix("s3://").map_or_else(|| shown.to_owned(), |rest| format!("s3a://{rest}"));
                let fields: Vec<_> = base
                    .schema
                    .fields()
                    .iter()
                    .map(|field| format!("`{}` {}", field.name(), self.kind(field.data_type())))
                    .collect();
                format!(
                    "CREATE OR REPLACE TEMPORARY VIEW {name} ({}) USING parquet OPTIONS (path '{shown}/{}', recursiveFileLookup 'true');",
                    fields.join(", "),
                    base.place
                )
            }
            Self::Spark => format!("CREATE OR REPLACE TEMPORARY VIEW {name} AS SELECT {columns} WHERE false;"),
        }
    }

    /// The columns of a table that has no rows.
    fn empty(self, schema: &Schema) -> String {
        let column = |field: &std::sync::Arc<arrow_schema::Field>| {
            let (null, name) = (format!("CAST(NULL AS {})", self.kind(field.data_type())), field.name());
            if self == Self::Spark { format!("{null} AS `{name}`") } else { format!("{null} AS {name}") }
        };
        schema.fields().iter().map(column).collect::<Vec<_>>().join(", ")
    }

    const fn kind(self, kind: &DataType) -> &'static str {
        match (kind, self) {
            (DataType::UInt64, Self::DuckDb) => "UBIGINT",
            (DataType::UInt64, Self::Spark) => "DECIMAL(20, 0)",
            (DataType::Boolean, _) => "BOOLEAN",
            (_, Self::DuckDb) => "VARCHAR",
            (_, Self::Spark) => "STRING",
        }
    }

    /// The same SQL for this engine: Spark makes views that last only in a catalogue, and orders what it puts together in another place.
    fn translated(self, text: &str) -> String {
        if self == Self::DuckDb {
            return text.to_owned();
        }
        let mut out = text.replace("CREATE VIEW ", "CREATE OR REPLACE TEMPORARY VIEW ");
        while let Some((before, after)) = out.split_once(", ' ' ORDER BY ") {
            let end = closing(after);
            out = format!("{before}, ' ') WITHIN GROUP (ORDER BY {}{}", &after[..end], &after[end..]);
        }
        out
    }
}

/// Where the parenthesis ends that is open at the front of `text`.
fn closing(text: &str) -> usize {
    let mut depth = 0_u32;
    text.char_indices()
        .find(|(_, c)| match c {
            '(' => {
                depth += 1;
                false
            }
            ')' if depth == 0 => true,
            ')' => {
                depth -= 1;
                false
            }
            _ => false,
        })
        .map_or(text.len(), |(at, _)| at)
}

/// What that engine reads to answer `asked`. A table of which there are no parts is empty.
pub async fn script(results: &Results, asked: &str, dialect: Dialect) -> Result<String> {
    let meant = meant(asked).map_err(Error::Usage)?;
    dialect.refuse(results)?;
    let mut text = String::new();
    for base in bases() {
        let parts = results.below(&base.place).await?;
        let has_parts = parts.iter().any(|(key, _)| key.ends_with(".parquet"));
        text.push_str(&dialect.table(&base, results, has_parts));
        text.push('\n');
    }
    // What a user has written is for the engine as it stands.
    let question = if asked.starts_with('@') { dialect.translated(meant) } else { meant.to_owned() };
    // Writing into a text fails only for want of memory.
    let _ = write!(text, "{}\n{}", dialect.translated(VIEWS), question.trim_end());
    text.push_str(if question.trim_end().ends_with(';') { "\n" } else { ";\n" });
    Ok(text)
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
    fn spark_orders_behind_the_parenthesis() {
        let text = "SELECT string_agg(coalesce(a, b), ' ' ORDER BY coalesce(a, b)) AS c FROM (SELECT 1)";
        let expected = "SELECT string_agg(coalesce(a, b), ' ') WITHIN GROUP (ORDER BY coalesce(a, b)) AS c FROM (SELECT 1)";
        assert_eq!(Dialect::Spark.translated(text), expected);
        assert_eq!(Dialect::DuckDb.translated(text), text);
    }

    #[test]
    fn a_path_is_no_pattern() {
        assert_eq!(literal("/srv/a*b?c[d]{e}"), "/srv/a[*]b[?]c[[]d]{e}");
    }
}
