//! `check`, `inspect`, `wal ls`, `wal stat` and `wal verify` of node directories.

use std::path::PathBuf;

use super::node::{Depth, Node};
use super::page::{belong, files, log, page, start, statistics};
use super::snapshots::snapshot_table;
use crate::analysis::hraft::findings::{findings, store_findings};
use crate::analysis::{Coverage, Finding, Severity};
use crate::error::Result;
use crate::readers::source::Run;
use crate::report::body::hraft::page::{Check, HashiBody, Inspect, NodePage, WalLs, WalStat, WalVerify};
use crate::report::{Cell, Report, Section};
use crate::types::Count;

/// What is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judged {
    /// Files, log, snapshots and start.
    All,
    /// Files and log.
    Stores,
}

/// Reads every node and makes a page of each.
fn each<Q>(
    dirs: &[PathBuf],
    raft_id: Option<&str>,
    judged: Judged,
    run: &Run<'_>,
    mut describe: impl FnMut(&Node) -> NodePage,
    headline: impl FnOnce(&[NodePage], &[Finding]) -> String,
) -> Result<Report<HashiBody<Q>>>
where
    HashiBody<Q>: crate::report::Body,
{
    let mut pages = Vec::new();
    let mut all = Vec::new();
    let mut coverage = Coverage::default();
    for dir in dirs {
        let depth = if judged == Judged::All { Depth::Everything } else { Depth::Stores };
        let node = Node::read(dir, raft_id, depth, run)?;
        node.cover(&mut coverage);
        let mut found = match judged {
            Judged::All => findings(&node.view()),
            Judged::Stores => store_findings(&node.view()),
        };
        node.settle(&mut found, &mut coverage);
        belong(&mut found, &node, dirs.len() > 1);
        all.extend(found);
        pages.push(describe(&node));
    }
    let headline = headline(&pages, &all);
    Ok(Report::new(HashiBody::new(headline, pages), all, coverage))
}

fn verdict_line(what: &str, pages: &[NodePage], all: &[Finding]) -> String {
    let errors = all.iter().filter(|finding| finding.severity == Severity::Error).count();
    let nodes = Count::of(pages.len(), "node");
    let found = if errors == 0 { "no errors".to_owned() } else { Count::of(errors, "error").to_string() };
    format!("{what}: {nodes} of hashicorp/raft, {found}")
}

/// Holds the nodes' files against what the library does with them.
pub fn hashicorp_check(
    dirs: &[PathBuf],
    raft_id: Option<&str>,
    severity: Option<Severity>,
    run: &Run<'_>,
) -> Result<Report<HashiBody<Check>>> {
    let describe = |node: &Node| log(node, start(node, page(node)));
    let mut report = each(dirs, raft_id, Judged::All, run, describe, |pages, all| verdict_line("Check", pages, all))?;
    if let Some(least) = severity {
        report.findings.retain(|finding| finding.severity <= least);
    }
    Ok(report)
}

/// One page on a node.
pub fn hashicorp_inspect(dirs: &[PathBuf], run: &Run<'_>) -> Result<Report<HashiBody<Inspect>>> {
    let describe = |node: &Node| {
        let others: Vec<&str> = node.dir.entries.iter().map(|entry| entry.name.as_str()).collect();
        let migration = "elastickv's present server refuses to start on such a directory and does not convert it: let the node \
                         join again empty, or restore from a backup that its former version made.";
        let page = page(node).fact("entries_in_directory", &others).section(Section::facts(
            "",
            vec![("directory of", Cell::new("hashicorp/raft")), ("holds", Cell::new(others.join(", ")))],
        ));
        snapshot_table(node, log(node, files(node, start(node, page)))).section(Section::Note(migration.to_owned()))
    };
    each(dirs, None, Judged::All, run, describe, |pages, all| verdict_line("Node directory", pages, all))
}

/// Lists the files of the log.
pub fn hashicorp_wal_ls(dirs: &[PathBuf], run: &Run<'_>) -> Result<Report<HashiBody<WalLs>>> {
    let describe = |node: &Node| log(node, files(node, page(node)));
    each(dirs, None, Judged::Stores, run, describe, |pages, all| verdict_line("Log files", pages, all))
}

/// Counts what is in the log.
pub fn hashicorp_wal_stat(dirs: &[PathBuf], run: &Run<'_>) -> Result<Report<HashiBody<WalStat>>> {
    let describe = |node: &Node| {
        let page = log(node, files(node, page(node)));
        match node.facts() {
            Some(facts) => statistics(facts, page),
            None => page,
        }
    };
    each(dirs, None, Judged::Stores, run, describe, |pages, all| verdict_line("Log", pages, all))
}

/// Checks every page and every entry.
pub fn hashicorp_wal_verify(dirs: &[PathBuf], run: &Run<'_>) -> Result<Report<HashiBody<WalVerify>>> {
    let describe = |node: &Node| log(node, files(node, page(node)));
    each(dirs, None, Judged::Stores, run, describe, |pages, all| verdict_line("Log verified", pages, all))
}
