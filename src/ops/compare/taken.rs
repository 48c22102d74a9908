//! Nodes that files of facts tell, beside those that are read: what their logs are compared by, and what that leaves open.

use super::node::Node;
use crate::analysis::judge::codes::compare::CROSS_UNDER_REPLICATED;
use crate::analysis::judge::nodes::{Apart, Comparison, Replica};
use crate::analysis::{Coverage, Finding, Severity};
use crate::formats::facts::Salt;
use crate::ops::overtaken::{self, Seen};
use crate::ops::told;
use crate::types::{Count, UnixMillis};

/// Pairs of nodes that are named one by one.
const NAMED: usize = 8;

/// The nodes for the comparison. With one that is not at hand all are held against each other by sums.
pub(super) fn replicas<'n>(nodes: &'n [Node], salt: &Salt, coverage: &mut Coverage) -> Vec<Replica<'n>> {
    let taken = || nodes.iter().filter_map(Node::taken);
    let name = salt_of(nodes, salt);
    let mut replicas: Vec<_> = nodes.iter().map(|node| node.replica(&name)).collect();
    if taken().next().is_none() {
        return replicas;
    }
    for taken in taken().filter(|taken| taken.salt != name) {
        told::another_salt(&taken.file, coverage);
    }
    replicas = replicas
        .into_iter()
        .map(|replica| {
            let sums = replica.sums(salt);
            if sums.is_some() { replica.with_sums(sums.as_ref()) } else { replica }
        })
        .collect();
    for (replica, node) in replicas.iter_mut().zip(nodes) {
        replica.overtaken = node.taken().is_some_and(|taken| overtaken(taken.taken_at, nodes).is_some());
    }
    replicas
}

/// Name of the salt that counts: that of the caller beside a directory. Among themselves files of facts only have to agree.
pub(super) fn salt_of(nodes: &[Node], salt: &Salt) -> String {
    let here = nodes.iter().any(|node| node.taken().is_none());
    match nodes.iter().find_map(Node::taken) {
        Some(first) if !here => first.salt.clone(),
        _ => salt.name(),
    }
}

/// A node that was written to after `taken_at`, and when.
fn overtaken(taken_at: UnixMillis, nodes: &[Node]) -> Option<(&Node, UnixMillis)> {
    let seen = |node: &Node| Seen { taken: node.taken().map(|taken| taken.taken_at), written: node.last_written() };
    let (node, written) = overtaken::overtaken(taken_at, nodes.iter().map(seen))?;
    Some((nodes.get(node)?, written))
}

/// Says what the files of facts leave open.
pub(super) fn cover(
    comparison: &Comparison,
    found: &[Finding],
    nodes: &[Node],
    replicas: &[Replica<'_>],
    salt: &Salt,
    coverage: &mut Coverage,
) {
    let softened = |finding: &&Finding| finding.code.code == CROSS_UNDER_REPLICATED.code && finding.severity == Severity::Info;
    if found.iter().any(|finding| softened(&finding)) && replicas.iter().any(|replica| replica.overtaken) {
        // It may be as it should, and it may be lost: these files do not tell.
        told::outdated(coverage);
    }
    for (node, replica) in nodes.iter().zip(replicas) {
        let Some(taken) = node.taken().filter(|_| replica.overtaken) else { continue };
        if let Some((other, written)) = overtaken(taken.taken_at, nodes) {
            told::moved_on(&node.name(), taken.taken_at, &other.name(), written, coverage);
        }
    }
    let name = salt_of(nodes, salt);
    let has_another = |node: usize| nodes.get(node).and_then(Node::taken).is_some_and(|taken| taken.salt != name);
    let entries = |apart: &Apart| {
        let names = [apart.nodes.0, apart.nodes.1].map(|node| nodes.get(node).map(Node::name).unwrap_or_default());
        let [one, other] = names;
        format!("{} from {} to {} of {one} and {other}", Count(apart.entries, "entry"), apart.first, apart.last)
    };
    for (number, apart) in comparison.apart.iter().enumerate() {
        let why = told::apart(has_another(apart.nodes.0) || has_another(apart.nodes.1));
        let what = if number == NAMED {
            format!("entries of {} more pairs of nodes", comparison.apart.len() - NAMED)
        } else {
            entries(apart)
        };
        let needed = if number == NAMED { comparison.apart.iter().skip(NAMED).any(|apart| apart.needed) } else { apart.needed };
        if needed {
            coverage.missing(what, why);
        } else {
            coverage.skipped(what, why);
        }
        if number == NAMED {
            break;
        }
    }
}
