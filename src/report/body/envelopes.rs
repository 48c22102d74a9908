//! What is sealed, and which keys are needed by what.

use std::fmt::Write as _;

use serde::Serialize;

use crate::analysis::judge::envelopes::{EnvelopeCensus, KeyUse};
use crate::report::{Cell, Section, Tone};
use crate::types::Count;

/// What is sealed on one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct NodeEnvelopes {
    /// The node's raft id, or its directory where that is not known.
    pub node: String,
    /// What was counted.
    #[serde(flatten)]
    pub census: EnvelopeCensus,
}

/// A key is called needed by nothing only when everything was read.
fn state(active: Option<bool>, retired: bool, complete: bool) -> Cell {
    match active {
        Some(true) => Cell::new("active"),
        Some(false) if retired && !complete => Cell::new("replaced; not everything was read"),
        Some(false) if retired => Cell::toned("needed by nothing here", Tone::Dim),
        Some(false) => Cell::new("replaced, still needed"),
        None => Cell::option(None::<&str>),
    }
}

fn note(census: &EnvelopeCensus) -> String {
    let mut text = Count(census.envelopes, "envelope").to_string();
    if let (Some(opened), Some(failed)) = (census.opened, census.failed) {
        let _ = write!(text, ", {opened} of which were opened and {failed} do not open");
    }
    if census.malformed > 0 {
        let _ = write!(text, "; {} marked as sealed and no envelopes", Count(census.malformed, "value"));
    }
    let _ = write!(text, "; {} in the store in clear text", Count(census.clear_rows, "version"));
    match census.clear_rows_after_cutover {
        Some(0) if census.clear_rows > 0 => text.push_str(", all from before values were sealed"),
        Some(late) if late > 0 => {
            let _ = write!(text, ", {late} of them from after values began to be sealed");
        }
        _ => {}
    }
    text.push('.');
    text
}

/// The census of one node.
pub(super) fn sections(census: &EnvelopeCensus) -> Vec<Section> {
    let keys = census.keys.iter().map(|key| {
        vec![
            Cell::new(key.id),
            Cell::option(key.purpose.as_ref()),
            state(key.active, key.is_retired(), census.complete),
            Cell::new(key.entries),
            Cell::new(key.entries_behind_snapshot),
            Cell::new(key.rows),
            Cell::new(key.payload_rows),
        ]
    });
    let columns = ["key", "purpose", "state", ">entries", ">behind the snapshot", ">rows", ">payload rows"];
    vec![Section::table("Keys that seal something", &columns, keys.collect()), Section::Note(note(census))]
}

/// The census of several nodes: which of them need which key.
pub(super) fn of_nodes(nodes: &[NodeEnvelopes]) -> Vec<Section> {
    if nodes.is_empty() {
        return Vec::new();
    }
    let of = |id| nodes.iter().map(move |node| node.census.keys.iter().find(|key| key.id == id));
    let mut ids: Vec<_> = nodes.iter().flat_map(|node| &node.census.keys).map(|key| key.id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut columns = vec!["key".to_owned(), "purpose".to_owned(), "state".to_owned()];
    columns.extend(nodes.iter().map(|node| format!(">{}", node.node)));
    let rows = ids.into_iter().map(|id| {
        let known: Vec<_> = of(id).flatten().collect();
        let retired = known.iter().all(|key| key.is_retired());
        let active = known.iter().find_map(|key| key.active);
        let purpose = known.iter().find_map(|key| key.purpose.as_ref());
        let mut cells =
            vec![Cell::new(id), Cell::option(purpose), state(active, retired, nodes.iter().all(|node| node.census.complete))];
        cells.extend(of(id).map(|key| Cell::new(key.map_or(0, KeyUse::envelopes))));
        cells
    });
    let columns: Vec<_> = columns.iter().map(String::as_str).collect();
    let mut sections = vec![Section::table("Envelopes under each key", &columns, rows.collect())];
    sections.extend(nodes.iter().map(|node| Section::Note(format!("{}: {}", node.node, note(&node.census)))));
    sections
}
