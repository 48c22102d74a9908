//! `verify-snapshot` of node directories.

use std::path::PathBuf;

use super::node::{Depth, Node};
use super::page::{belong, page};
use crate::analysis::Coverage;
use crate::analysis::hraft::Opened;
use crate::analysis::hraft::findings::snapshot_findings;
use crate::error::Result;
use crate::readers::source::Run;
use crate::report::body::hraft::page::{HashiBody, NodePage, VerifySnapshot};
use crate::report::{Cell, Report, Section, Tone};

/// Opens every snapshot that the library lists.
pub fn hashicorp_verify_snapshot(dirs: &[PathBuf], run: &Run<'_>) -> Result<Report<HashiBody<VerifySnapshot>>> {
    let mut pages = Vec::new();
    let mut all = Vec::new();
    let mut coverage = Coverage::default();
    let mut usable = 0;
    for dir in dirs {
        let node = Node::read(dir, None, Depth::Everything, run)?;
        node.cover(&mut coverage);
        let mut found = snapshot_findings(&node.view());
        belong(&mut found, &node, dirs.len() > 1);
        all.extend(found);
        usable += node.snapshots.listed.iter().filter(|candidate| candidate.restores()).count();
        pages.push(snapshot_table(&node, page(&node)));
    }
    let headline = format!("{usable} usable snapshots of hashicorp/raft");
    Ok(Report::new(HashiBody::new(headline, pages), all, coverage))
}

/// The snapshots in the order in which the library tries them, then what it does not list.
pub(super) fn snapshot_table(node: &Node, page: NodePage) -> NodePage {
    let mut rows = Vec::new();
    let mut values = Vec::new();
    for candidate in &node.snapshots.listed {
        let (state, tone) = match &candidate.opened {
            Opened::Restores => ("restores".to_owned(), Tone::Good),
            Opened::RefusedByMachine => ("refused by the state machine".to_owned(), Tone::Bad),
            Opened::Fails(reason) => (reason.clone(), Tone::Bad),
            Opened::Unread(reason) => (format!("cannot be read: {reason}"), Tone::Caution),
            Opened::NotTried => ("not read".to_owned(), Tone::Dim),
        };
        let meta = &candidate.meta;
        values.push(serde_json::json!({
            "directory": candidate.name, "id": meta.id, "index": meta.index, "term": meta.term, "version": meta.version,
            "configuration": meta.configuration, "configuration_index": meta.configuration_index, "size": meta.size,
            "state": state,
        }));
        rows.push(vec![
            Cell::new(&meta.id),
            Cell::new(meta.index),
            Cell::new(meta.term),
            Cell::new(meta.configuration_index),
            Cell::new(meta.size),
            Cell::toned(state, tone),
        ]);
    }
    let listed = |name: &str| node.snapshots.listed.iter().any(|candidate| candidate.name == name);
    for dir in node.dir.snapshots.dirs.iter().filter(|dir| !listed(&dir.name)) {
        let state = match (&dir.meta, dir.unfinished(), dir.link) {
            (_, true, _) => "unfinished".to_owned(),
            (_, _, true) => "a link, passed over".to_owned(),
            (Err(fault), ..) => fault.to_string(),
            (Ok(_), ..) => "not tried".to_owned(),
        };
        values.push(serde_json::json!({ "directory": dir.name, "state": state }));
        let mut row = vec![Cell::new(&dir.name)];
        row.resize(5, Cell::option(None::<u64>));
        row.push(Cell::toned(state, Tone::Dim));
        rows.push(row);
    }
    let columns = ["snapshot", ">index", ">term", ">membership", ">size", "state"];
    page.fact("snapshots", values).section(Section::table("Snapshots", &columns, rows))
}
