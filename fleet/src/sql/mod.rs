//! SQL over what was collected: the tables, views of what counts, and the questions of an operator.

#[cfg(feature = "sql")]
pub mod engine;
#[cfg(feature = "sql")]
pub mod functions;
#[cfg(feature = "sql")]
pub mod objects;
#[cfg(feature = "sql")]
pub mod places;
#[cfg(feature = "sql")]
mod quiet;
pub mod script;
#[cfg(feature = "sql")]
pub mod workers;

use arrow_schema::Schema;

use crate::collect::tables::TABLES;
use crate::parts::{PARTS, schema};

/// The views, for any engine: of each node the newest facts count.
pub const VIEWS: &str = include_str!("views.sql");

/// A question of an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// What it is called: `@NAME`.
    pub name: &'static str,
    /// Its SQL, which begins with a comment that says what it asks.
    pub text: &'static str,
}

/// The questions.
pub const QUERIES: [Query; 11] = [
    Query { name: "unready", text: include_str!("queries/unready.sql") },
    Query { name: "behind", text: include_str!("queries/behind.sql") },
    Query { name: "absent", text: include_str!("queries/absent.sql") },
    Query { name: "members", text: include_str!("queries/members.sql") },
    Query { name: "findings", text: include_str!("queries/findings.sql") },
    Query { name: "starts", text: include_str!("queries/starts.sql") },
    Query { name: "snapshots", text: include_str!("queries/snapshots.sql") },
    Query { name: "rows", text: include_str!("queries/rows.sql") },
    Query { name: "age", text: include_str!("queries/age.sql") },
    Query { name: "versions", text: include_str!("queries/versions.sql") },
    Query { name: "offloads", text: include_str!("queries/offloads.sql") },
];

impl Query {
    /// What it asks.
    pub fn about(&self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches("-- ")
    }

    /// The question of that name.
    pub fn named(name: &str) -> Option<Self> {
        QUERIES.into_iter().find(|query| query.name == name)
    }
}

/// A table that the views are made of.
#[derive(Debug, Clone)]
pub struct Base {
    /// Its name.
    pub name: String,
    /// Where its parts are, below the results.
    pub place: String,
    /// Its columns.
    pub schema: Schema,
}

/// All of them.
pub fn bases() -> Vec<Base> {
    let collected =
        TABLES.iter().map(|table| Base { name: format!("{}_v1", table.name), place: table.place(), schema: table.schema() });
    let verified = Base { name: "offloads_v1".to_owned(), place: PARTS.to_owned(), schema: schema() };
    collected.chain([verified]).collect()
}

/// The SQL that is meant: `@NAME`, or itself.
///
/// # Errors
///
/// For a name that no question has, with those that there are.
pub fn meant(asked: &str) -> Result<&str, String> {
    let Some(name) = asked.strip_prefix('@') else { return Ok(asked) };
    let names = || QUERIES.map(|query| query.name).join(", ");
    Query::named(name).map(|query| query.text).ok_or_else(|| format!("@{name} is no question; there are {}", names()))
}
