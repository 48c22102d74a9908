//! `inspect`: one page on anything.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::analysis::inspect::Description;
use crate::report::{Body, Cell, Lines, Section};
use crate::types::ByteSize;

/// One page.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct InspectBody {
    /// The path as the caller gave it.
    pub path: String,
    /// Stable name of the kind.
    pub kind: &'static str,
    /// How sure that is: `content`, `name`, `name-only` or `none`; absent for directories.
    pub confidence: Option<&'static str>,
    /// What it was recognised by.
    pub recognised_by: String,
    /// Bytes of a file.
    pub size_bytes: Option<u64>,
    /// What it says about itself, by name.
    pub facts: Map<String, Value>,
    /// What it consists of, by name: one object a row, keyed by column.
    pub lists: Map<String, Value>,
    #[serde(skip)]
    title: String,
    #[serde(skip)]
    rows: Vec<(&'static str, String)>,
    #[serde(skip)]
    tables: Vec<Table>,
}

#[derive(Debug, Clone)]
struct Table {
    name: &'static str,
    columns: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

impl InspectBody {
    /// From a description whose findings and coverage have been taken out.
    pub fn new(path: String, description: Description) -> Self {
        let Description { kind, title, confidence, why, size, facts, lists, findings: _, coverage: _ } = description;
        let object = |columns: &[&str], row: &[String]| {
            let names = columns.iter().map(|name| name.trim_start_matches('>').replace(' ', "_"));
            names.zip(row).map(|(name, cell)| (name, json!(cell))).collect::<Map<_, _>>()
        };
        let in_json = lists.iter().map(|list| {
            let rows: Vec<_> = list.rows.iter().map(|row| object(list.columns, row)).collect();
            (list.name.replace(' ', "_"), json!(rows))
        });
        Self {
            path,
            kind,
            confidence,
            recognised_by: why,
            size_bytes: size,
            lists: in_json.collect(),
            facts: facts.iter().map(|fact| (fact.name.to_owned(), fact.value.clone())).collect(),
            title,
            rows: facts.into_iter().map(|fact| (fact.name, fact.text)).collect(),
            tables: lists.into_iter().map(|l| Table { name: l.name, columns: l.columns, rows: l.rows }).collect(),
        }
    }
}

impl Body for InspectBody {
    const NAME: &'static str = "inspect";
    const LINES: &'static [Lines] = &[Lines::of("", "subject")];

    fn headline(&self) -> String {
        let sure = match self.confidence {
            None if self.kind == "unknown" => "",
            None => " (looked at, not checked)",
            Some("content") => "",
            Some("none") => match self.facts.get("looks_like").and_then(Value::as_str) {
                Some(what) if what.starts_with("zeros") => " (zeros only)",
                Some(_) => ", it is none of a node's files",
                None if self.size_bytes == Some(0) => " (it is empty)",
                None => " (a guess is not possible)",
            },
            Some("name-only") => ", by its name; the content does not look like it",
            Some(_) => ", by its name",
        };
        format!("{}: {}{sure}", self.path, self.title)
    }

    fn sections(&self) -> Vec<Section> {
        let mut rows = vec![("recognised by".to_owned(), Cell::new(&self.recognised_by))];
        if let Some(size) = self.size_bytes {
            let short = if size < 1024 { String::new() } else { format!(" ({})", ByteSize(size)) };
            rows.push(("size".to_owned(), Cell::new(format_args!("{size} bytes{short}"))));
        }
        rows.extend(self.rows.iter().map(|(name, text)| (name.replace('_', " "), Cell::new(text))));
        let mut sections = vec![Section::facts("", rows)];
        for table in &self.tables {
            let mut title = table.name.to_owned();
            if let Some(first) = title.get_mut(..1) {
                first.make_ascii_uppercase();
            }
            let cells = table.rows.iter().map(|row| row.iter().map(Cell::new).collect()).collect();
            sections.push(Section::table(title, table.columns, cells));
        }
        sections
    }
}
