//! `sql`: the rows that a query gives.

use ekv_tool::report::{Body, Cell, Lines, Section};
use ekv_tool::types::Count;
use serde::Serialize;
use serde_json::{Map, Value};

/// What a query answers.
#[derive(Debug, Clone, Default, Serialize, schemars::JsonSchema)]
pub struct SqlBody {
    /// Where the tables are.
    pub results: String,
    /// The query.
    pub query: String,
    /// Its columns, in order.
    pub columns: Vec<SqlColumn>,
    /// Its rows: for each column its value, as a number, a text, a truth, an object of such (`ekv_verify`), a list, or `null`.
    pub rows: Vec<Map<String, Value>>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct SqlColumn {
    /// Its name; of several with one name the later ones have a number behind it.
    pub name: String,
    /// Its type, as the engine calls it.
    pub kind: String,
}

impl Body for SqlBody {
    const NAME: &'static str = "sql";
    const JUDGES: bool = false;
    const LINES: &'static [Lines] = &[Lines::of("rows", "row")];

    fn headline(&self) -> String {
        Count::of(self.rows.len(), "row").to_string()
    }

    fn sections(&self) -> Vec<Section> {
        let names: Vec<_> = self.columns.iter().map(|column| self.heading(column)).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let cell = |row: &Map<String, Value>, column: &SqlColumn| match row.get(&column.name) {
            None | Some(Value::Null) => Cell::option(None::<&str>),
            Some(Value::String(text)) => Cell::new(text),
            Some(other) => Cell::new(other),
        };
        let rows = self.rows.iter().map(|row| self.columns.iter().map(|column| cell(row, column)).collect());
        vec![Section::table("", &names, rows.collect())]
    }
}

impl SqlBody {
    /// Numbers stand to the right.
    fn heading(&self, column: &SqlColumn) -> String {
        let is_number = |row: &Map<String, Value>| row.get(&column.name).is_none_or(|value| value.is_number() || value.is_null());
        if self.rows.iter().all(is_number) { format!(">{}", column.name) } else { column.name.clone() }
    }
}
