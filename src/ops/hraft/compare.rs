//! `compare`: several nodes of one group.

use std::path::PathBuf;

use super::facts::{gather, singles};
use super::node::{Depth, Node};
use crate::analysis::hraft::facts::HashiFacts;
use crate::analysis::hraft::nodes::{Apart, Held, compare_nodes, name_apart};
use crate::analysis::{Coverage, Finding, Severity};
use crate::error::{Error, Result};
use crate::formats::facts::Salt;
use crate::ops::told::{self, Files, Teller};
use crate::readers::source::Run;
use crate::report::body::compare::taken_section;
use crate::report::body::hraft::page::{Compare, HashiBody, NodePage};
use crate::report::{Cell, Report, Section};
use crate::types::{Count, beside};

/// Where a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashiPlace {
    /// In a directory.
    Dir(PathBuf),
    /// In a file of facts, with others perhaps.
    File(PathBuf),
}

/// What is to be compared, while it is gathered.
#[derive(Default)]
struct Gathered {
    nodes: Vec<HashiFacts>,
    tellers: Vec<Option<Teller>>,
    files: Files,
}

/// Compares the nodes' logs, snapshots, votes and memberships.
pub fn hashicorp_compare(dirs: &[PathBuf], run: &Run<'_>) -> Result<Report<HashiBody<Compare>>> {
    let places: Vec<_> = dirs.iter().cloned().map(HashiPlace::Dir).collect();
    hashicorp_compare_told(&places, &Salt::default(), run)
}

/// The same, of nodes that are read and nodes that files of facts tell. The sums of those are mixed with `salt`.
pub fn hashicorp_compare_told(places: &[HashiPlace], salt: &Salt, run: &Run<'_>) -> Result<Report<HashiBody<Compare>>> {
    let mut coverage = Coverage::default();
    let Gathered { mut nodes, tellers, files } = gather_all(places, salt, &mut coverage, run)?;
    if nodes.len() < 2 {
        return Err(files
            .refused
            .unwrap_or_else(|| Error::Usage("compare: name the directories of at least two nodes".to_owned())));
    }
    name_files(&mut nodes, &tellers);
    for path in name_apart(&mut nodes) {
        coverage.missing(
            format!("which member {path} is"),
            "its id is neither the directory's name nor in a file node-id beside it; copy that file along",
        );
    }
    let held = held(nodes, &tellers, salt, &mut coverage);
    let mut findings: Vec<Finding> = held.iter().flat_map(|one| one.facts.findings.iter().cloned()).collect();
    let compared = compare_nodes(&held);
    findings.extend(compared.findings);
    if compared.outdated {
        told::outdated(&mut coverage);
    }
    cover_apart(&compared.apart, &held, &tellers, salt, &mut coverage);
    let mut pages: Vec<_> = held.iter().zip(&tellers).map(|(one, teller)| page(one, teller.as_ref())).collect();
    if let Some(first) = pages.first_mut() {
        first.sections.push(Section::table("Nodes", &COLUMNS, held.iter().map(|one| row(one, &held)).collect()));
    }
    if let Some(last) = pages.last_mut() {
        let rows: Vec<_> = held.iter().zip(&tellers).filter_map(|(one, teller)| Some(teller.as_ref()?.row(one.name()))).collect();
        last.sections.extend(taken_section(&rows));
    }
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let headline = format!("{} of hashicorp/raft: {}", Count::of(held.len(), "node"), Count::of(errors, "error"));
    Ok(Report::new(HashiBody::new(headline, pages), findings, coverage))
}

/// Reads directories and files. A file that cannot be taken is left out and named.
fn gather_all(places: &[HashiPlace], salt: &Salt, coverage: &mut Coverage, run: &Run<'_>) -> Result<Gathered> {
    let mut all = Gathered::default();
    for place in places {
        match place {
            HashiPlace::Dir(dir) => {
                let read = || gather(&Node::read(dir, None, Depth::Everything, run)?, salt, singles(), run);
                let (facts, own) = beside(all.files.held, read)?;
                coverage.absorb(own);
                all.nodes.push(facts);
                all.tellers.push(None);
            }
            HashiPlace::File(path) => {
                let Some((document, teller)) = all.files.take(path, coverage, run)? else { continue };
                for facts in document.hashicorp {
                    coverage.also_left_out(facts.not_examined.iter().cloned());
                    all.nodes.push(facts);
                    all.tellers.push(Some(teller.clone()));
                }
            }
        }
    }
    Ok(all)
}

/// Directories of several machines may have one name: then the file is named as well.
fn name_files(nodes: &mut [HashiFacts], tellers: &[Option<Teller>]) {
    let shared = told::shared(nodes.iter().map(|facts| facts.dir.as_str()));
    for (facts, teller) in nodes.iter_mut().zip(tellers) {
        if let Some(teller) = teller.as_ref().filter(|_| shared.contains(&facts.dir)) {
            let named = told::Named { file: &teller.file, dir: &facts.dir.clone() };
            named.findings(&mut facts.findings);
            facts.dir = named.whole();
        }
    }
}

/// The nodes with what is known of them together.
fn held(nodes: Vec<HashiFacts>, tellers: &[Option<Teller>], salt: &Salt, coverage: &mut Coverage) -> Vec<Held> {
    let name = told::salt_of(tellers.iter().map(Option::as_ref), salt);
    let has_another = |teller: &Option<Teller>| teller.as_ref().is_some_and(|teller| teller.salt != name);
    told::cover_salts(tellers.iter().flatten(), &name, coverage);
    let seen: Vec<_> = nodes
        .iter()
        .zip(tellers)
        .map(|(facts, teller)| (facts.raft_id.as_str(), teller.as_ref(), facts.last_written_ms))
        .collect();
    let overtaken = told::cover_overtaken(&seen, coverage);
    let unsalted = tellers.iter().any(has_another);
    let all = nodes.into_iter().zip(tellers).zip(overtaken).map(|((facts, teller), overtaken)| {
        let mut one = Held::new(facts, !has_another(teller));
        one.overtaken = overtaken;
        if unsalted {
            one.without_salted();
        }
        one
    });
    all.collect()
}

/// Says which entries could not be compared.
fn cover_apart(apart: &[Apart], held: &[Held], tellers: &[Option<Teller>], salt: &Salt, coverage: &mut Coverage) {
    let name = told::salt_of(tellers.iter().map(Option::as_ref), salt);
    let is_salted = |node: usize| tellers.get(node).and_then(Option::as_ref).is_some_and(|teller| teller.salt != name);
    for Apart { nodes: (one, other), entries } in apart {
        let [a, b] = [*one, *other].map(|node| held.get(node).map_or("", Held::name));
        let what = format!("{} from {} to {} of {a} and {b}", Count(entries.entries, "entry"), entries.first, entries.last);
        coverage.missing(what, told::apart(is_salted(*one) || is_salted(*other)));
    }
}

fn page(one: &Held, teller: Option<&Teller>) -> NodePage {
    let end = one.facts.end();
    let page = NodePage::new(one.facts.dir.clone(), one.facts.raft_id.clone());
    let page = page.fact("last_term", end.term).fact("last_index", end.index).fact("start", &one.facts.start);
    match teller {
        Some(teller) => page.fact("taken", teller.row(one.name())),
        None => page,
    }
}

const COLUMNS: [&str; 8] = ["node", ">term", "voted", ">last", ">of term", ">snapshot", "membership", "could win"];

fn row(one: &Held, all: &[Held]) -> Vec<Cell> {
    let state = one.facts.start.at_start.as_ref();
    let end = one.facts.end();
    let members = one.members();
    let voters: Vec<&str> = members.iter().filter(|member| member.suffrage.votes()).map(|member| member.id.as_str()).collect();
    let list: Vec<_> = members.iter().map(|member| member.id.clone()).collect();
    let order = |held: &Held| (held.facts.end().term, held.facts.end().index);
    let votes = all.iter().filter(|other| voters.contains(&other.name()) && order(other) <= order(one)).count();
    let wins = match (state.is_some(), voters.contains(&one.name())) {
        (false, _) => "does not start".to_owned(),
        (true, false) if !one.facts.identified => "not known: its id is in no membership".to_owned(),
        (true, false) => "no, it has no vote".to_owned(),
        (true, true) if votes * 2 > voters.len() => format!("yes, {votes} of {} would vote", voters.len()),
        (true, true) => format!("no, {votes} of {} would vote", voters.len()),
    };
    vec![
        Cell::new(one.name()),
        Cell::option(state.map(|state| state.term)),
        Cell::option(one.facts.voted_for.as_ref()),
        Cell::new(end.index),
        Cell::new(end.term),
        Cell::new(one.committed()),
        Cell::new(format!("{} (index {})", list.join(", "), state.map_or(0, |state| state.configuration_index))),
        Cell::new(wins),
    ]
}
