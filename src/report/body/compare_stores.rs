//! What the stores of several nodes hold, beside each other.

use std::fmt::Write as _;

use serde::Serialize;

use crate::report::{Cell, Section, Tone};
use crate::types::LogIndex;

/// How the rows of a node's store stand to those of the node that has applied most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StoreAgreement {
    /// It is the one that the others are held against.
    Reference,
    /// The rows are the same.
    Same,
    /// They differ as they may: by entries that only one has applied, and by rows that each node may have of its own.
    Explained,
    /// They differ where they must not.
    Diverged,
    /// That could not be told of all of them.
    Unknown,
}

/// The store of one node.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct NodeStore {
    /// The node's raft id.
    pub node: String,
    /// The store.
    pub store: String,
    /// What it says it has applied.
    pub applied_index: Option<LogIndex>,
    /// Its rows, its own numbers among them.
    pub rows: u64,
    /// A hash of all rows but its own numbers and what it stores outside of the log, in hex.
    pub content_hash: String,
    /// How its rows stand to those of the reference.
    pub agreement: StoreAgreement,
    /// Rows that differ from the reference's and are explained by entries that only one has applied.
    pub explained: u64,
    /// Rows that differ and that each node may have of its own.
    pub expected: u64,
    /// Rows that differ and must not.
    pub diverged: u64,
    /// Rows that differ and of which that is not known.
    pub unknown: u64,
}

/// One class of keys on all nodes.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct ClassOnNodes {
    /// What the keys belong to.
    pub space: String,
    /// Rows on each node, in the order of `stores`.
    pub rows: Vec<u64>,
    /// Hash of keys and values on each node, in hex.
    pub hashes: Vec<String>,
    /// True when all of them are the same.
    pub same: bool,
}

fn beside(row: &NodeStore, reference: &str) -> Cell {
    let mut text = match row.agreement {
        StoreAgreement::Reference => return Cell::toned("the others beside it", Tone::Dim),
        StoreAgreement::Same => return Cell::toned(format!("the same as {reference}"), Tone::Good),
        StoreAgreement::Unknown if row.explained + row.expected + row.diverged + row.unknown == 0 => {
            return Cell::toned("?", Tone::Caution);
        }
        _ => String::new(),
    };
    let parts = [
        (row.diverged, "must not differ"),
        (row.unknown, "may or may not differ"),
        (row.explained, "by entries"),
        (row.expected, "of its own"),
    ];
    for (count, what) in parts.into_iter().filter(|(count, _)| *count > 0) {
        // The writing can only fail for want of memory.
        let _ = write!(text, "{}{count} {what}", if text.is_empty() { "" } else { ", " });
    }
    match row.agreement {
        StoreAgreement::Diverged => Cell::toned(text, Tone::Bad),
        StoreAgreement::Unknown => Cell::toned(text, Tone::Caution),
        _ => Cell::new(text),
    }
}

/// The stores as a table.
pub(super) fn sections(stores: &[NodeStore]) -> Option<Section> {
    let reference = stores.iter().find(|row| row.agreement == StoreAgreement::Reference)?;
    let rows = stores.iter().map(|row| {
        let hash = row.content_hash.get(..8).unwrap_or(&row.content_hash);
        vec![
            Cell::new(&row.node),
            Cell::option(row.applied_index),
            Cell::new(row.rows),
            Cell::new(hash),
            beside(row, &reference.node),
        ]
    });
    let columns = ["node", ">applied", ">rows", "content", "rows that differ"];
    Some(Section::table("Contents of the stores", &columns, rows.collect()))
}

/// True when the stores of all of `nodes` nodes, two or more, were compared and differ only as they may.
pub(super) fn agree(stores: &[NodeStore], nodes: usize) -> bool {
    let fine = |row: &NodeStore| !matches!(row.agreement, StoreAgreement::Diverged | StoreAgreement::Unknown);
    stores.len() > 1 && stores.len() >= nodes && stores.iter().all(fine)
}
