//! `compare`: holds the copies of a group on several nodes against each other.

mod copies;
mod node;
mod pair;
mod place;
pub(super) mod stores;
mod taken;

use std::path::PathBuf;
use std::sync::Arc;

use super::envelopes::{self, Source};
use super::group::{Opened, leave_out};
use crate::analysis::judge::codes::compare as codes;
use crate::analysis::judge::nodes;
use crate::analysis::{Coverage, Finding, Severity, fold};
use crate::error::Result;
use crate::formats::facts::Salt;
use crate::readers::group::WALK_UP_TO;
use crate::readers::keys::{Keys, Opener};
use crate::readers::settle;
use crate::readers::source::Run;
use crate::report::body::compare::{CompareBody, GroupComparison, NodeTaken};
use crate::report::body::envelopes::NodeEnvelopes;
use crate::report::{NextStep, Report, leading_error};
use crate::types::{ByteSize, beside};

use node::Node;
use place::{Matched, Place, match_groups};
use stores::{StoresCompared, compare_stores};

pub use copies::{ComparedCopies, Told, compare_copies, match_copies, of_two_groups};
pub(super) use node::ReadNode;
pub(super) use place::by_group;
pub use place::{TakenGroup, engine_told, is_file};

/// What the caller wants to know.
#[derive(Debug, Clone, Default)]
pub struct CompareOptions {
    /// Keys that open what is sealed. They are one node's and open the others' envelopes as well; no start is forecast with them.
    pub opener: Option<Arc<Opener>>,
    /// Leave out the rows of the stores.
    pub fast: bool,
    /// What is mixed into the sums of files of facts.
    pub salt: Salt,
    /// What the nodes of some directories are called, where these have other names: of a path as it is given, the raft id.
    pub names: Vec<(PathBuf, String)>,
}

impl CompareOptions {
    /// How many bytes a payload may have whose content is read.
    pub const fn payloads_up_to(&self) -> u64 {
        if self.fast { WALK_UP_TO } else { u64::MAX }
    }
}

/// Compares every group that at least two of the nodes at or below `paths` hold.
pub fn compare(paths: &[PathBuf], options: &CompareOptions, run: &Run<'_>) -> Result<Report<CompareBody>> {
    let mut coverage = Coverage::default();
    let by_group = match match_groups(paths, &options.names, &mut coverage, run)? {
        Matched::Groups(groups) => groups,
        Matched::Mismatch(finding) => {
            return Ok(Report::new(CompareBody::of_several_groups(), vec![*finding], coverage));
        }
    };
    let (mut groups, mut findings) = (Vec::new(), Vec::new());
    for (group_id, places) in by_group {
        let mut nodes = Vec::new();
        for place in places {
            let held = nodes.iter().map(Node::memory).fold(0, u64::saturating_add);
            nodes.extend(beside(held, || node_at(place, options, &mut coverage, run))?);
        }
        if let [alone] = nodes.as_slice() {
            coverage.skipped(alone.display(), "only one node holds this group");
            continue;
        }
        if nodes.is_empty() {
            continue;
        }
        let (group, found) = compare_nodes(group_id, &nodes, options, &mut coverage, run)?;
        findings.extend(found);
        groups.push(group);
    }
    if groups.is_empty() && findings.is_empty() {
        coverage.missing("everything", "no group is held by two of the given nodes");
    }
    if !groups.is_empty() {
        coverage.skipped("snapshots that the next starts would not use", "check reads them");
    }
    fold(&mut findings);
    let worst = worst(&findings);
    let next = next_step(&groups, worst);
    let body = CompareBody::new(groups, worst);
    Ok(Report::new(body, findings, coverage).next_step(next))
}

/// Compares the nodes of one group in everything that `compare` looks at.
fn compare_nodes(
    group_id: Option<u64>,
    nodes: &[Node],
    options: &CompareOptions,
    coverage: &mut Coverage,
    run: &Run<'_>,
) -> Result<(GroupComparison, Vec<Finding>)> {
    let (mut comparison, mut findings) = one_group(nodes, &options.salt, coverage);
    let keys = options.opener.as_deref().map(Opener::keys);
    let (encryption, found) = audit_envelopes(nodes, keys, coverage, run)?;
    findings.extend(found);
    let compared = contents(nodes, &comparison, options, coverage, run)?;
    if let Some(diverged) = compared.findings.first() {
        // A node that is restarted may lead, and seed the others with its rows.
        comparison.hold_for(diverged.code.code);
    }
    findings.extend(compared.findings);
    let (stores, store_classes) = (compared.stores, compared.classes);
    let taken = nodes.iter().filter_map(|node| Some(taken_row(node.name(), node.taken()?))).collect();
    Ok((GroupComparison { group_id, comparison, encryption, stores, store_classes, taken }, findings))
}

/// The node in a place; none where nothing can be said about it.
fn node_at(place: Place, options: &CompareOptions, coverage: &mut Coverage, run: &Run<'_>) -> Result<Option<Node>> {
    let dir = match place {
        Place::Facts(taken) => {
            coverage.also_left_out(taken.facts.not_examined.iter().cloned());
            return Ok(Some(Node::Taken(taken)));
        }
        Place::Dir(dir) => dir,
    };
    let node = match settle(|| ReadNode::read(&dir, options, run)) {
        Ok(node) => node,
        Err(error) => {
            leave_out(error, &dir.display(), true, coverage)?;
            return Ok(None);
        }
    };
    coverage.absorb(node.coverage.clone());
    if let Some(why) = node.left_out() {
        coverage.missing(dir.display(), why);
        return Ok(None);
    }
    Ok(Some(Node::Read(Box::new(node))))
}

/// Compares one group; `findings` of a node by itself count only while it is a member.
fn one_group(nodes: &[Node], salt: &Salt, coverage: &mut Coverage) -> (nodes::Comparison, Vec<Finding>) {
    let replicas = taken::replicas(nodes, salt, coverage);
    let (comparison, mut found) = nodes::compare(&replicas);
    if comparison.membership_left_out > 0 {
        let why = "too many changes among too many members were not followed";
        coverage.missing(format!("{} of the membership's changes", comparison.membership_left_out), why);
    }
    let moving: Vec<_> = nodes.iter().filter(|node| node.changed()).collect();
    for node in &moving {
        coverage.skipped(node.display(), "files changed while they were read");
    }
    if !moving.is_empty() {
        // Nodes that run are read one after another: a later one has committed more, and that is no finding.
        for finding in found.iter_mut().filter(|finding| finding.code.code == codes::CROSS_UNDER_REPLICATED.code) {
            finding.weigh(Severity::Info);
        }
    }
    for node in nodes.iter().filter(|node| node.leaves_payloads_unread()) {
        let what = format!("{}: payloads above {}", node.display(), ByteSize(WALK_UP_TO));
        coverage.skipped(what, "--fast looks at their stated checksums only; verify-snapshot reads them");
    }
    let nobody = comparison.nodes.iter().all(|row| row.role == "unknown");
    for (node, row) in nodes.iter().zip(&comparison.nodes) {
        // A start under a name that is no member's is refused for that alone.
        if comparison.comparable && (nobody || matches!(row.role, "voter" | "learner")) {
            found.extend(node.by_itself());
        }
        if node.log_is_cut() {
            coverage.missing(node.display(), "its log cannot be decoded to its end; see `wal verify`");
        }
        node.settle(coverage);
        if row.role == "unknown" && comparison.comparable && !row.raft_id.is_empty() && comparison.commit.0 > 0 {
            coverage.missing(node.display(), "it is not known which member this is, so that it was not counted");
        }
    }
    taken::cover(&comparison, &found, nodes, &replicas, salt, coverage);
    (comparison, found)
}

/// The contents of the members' stores. Of nodes that are none, or whose stores do not open, they are left out.
fn contents(
    nodes: &[Node],
    comparison: &nodes::Comparison,
    options: &CompareOptions,
    coverage: &mut Coverage,
    run: &Run<'_>,
) -> Result<StoresCompared> {
    const WHAT: &str = "the rows of the stores";
    if options.fast || !comparison.comparable {
        let why = if options.fast { "left out, as asked" } else { "the directories are not of one group" };
        coverage.skipped(WHAT, why);
        return Ok(StoresCompared::default());
    }
    let (mut stores, mut left_out) = (Vec::new(), Vec::new());
    let salt = taken::salt_of(nodes, &options.salt);
    for (node, row) in nodes.iter().zip(&comparison.nodes) {
        let name = if row.raft_id.is_empty() { node.display() } else { row.raft_id.clone() };
        let why = match node.store(name.clone(), &salt) {
            _ if row.role == "removed" => "is no member any more",
            Ok(store) => {
                stores.push(store);
                continue;
            }
            Err(why) => why,
        };
        left_out.push(format!("{name} {why}"));
    }
    if stores.len() < 2 {
        let why = if left_out.is_empty() { "there is only one".to_owned() } else { left_out.join(", ") };
        coverage.skipped(WHAT, why);
        return Ok(StoresCompared::default());
    }
    if !left_out.is_empty() {
        coverage.skipped(format!("{WHAT} of some nodes"), left_out.join(", "));
    }
    let held = nodes.iter().map(Node::memory).fold(0, u64::saturating_add);
    let mut compared = beside(held, || compare_stores(&stores, options.opener.as_deref(), &options.salt, coverage, run))?;
    for finding in &mut compared.findings {
        // Logs that contradict each other make other rows.
        finding.derived_from = comparison.hold;
    }
    Ok(compared)
}

/// Envelopes of all nodes together: no two of them may have one nonce under one key.
fn audit_envelopes(
    nodes: &[Node],
    keys: Option<&Keys>,
    coverage: &mut Coverage,
    run: &Run<'_>,
) -> Result<(Vec<NodeEnvelopes>, Vec<Finding>)> {
    let read = nodes.iter().filter_map(|node| match node {
        Node::Read(node) => Some(&**node),
        Node::Taken(_) => None,
    });
    let sources: Vec<_> = read.map(|node| source_of(&node.opened, keys)).collect();
    let audited = envelopes::audit(&sources, run)?;
    coverage.also_left_out(audited.coverage.not_examined);
    let (mut findings, mut of_read) = (audited.findings, audited.census.into_iter());
    let mut encryption = Vec::new();
    for node in nodes {
        let census = match node {
            Node::Read(_) => of_read.next().flatten(),
            Node::Taken(taken) => {
                findings.extend(taken.facts.encryption_findings.iter().cloned());
                taken.facts.encryption.clone()
            }
        };
        encryption.extend(census.map(|census| NodeEnvelopes { node: node.name(), census }));
    }
    if encryption.len() > 1 && nodes.iter().any(|node| node.taken().is_some()) {
        let why = "facts hold no nonces; `ekv-tool compare` of the directories compares them";
        coverage.missing("the nonces of several nodes together", why);
    }
    Ok((encryption, findings))
}

/// The envelopes of one node, in what compare reads.
pub(super) fn source_of<'n>(opened: &'n Opened, keys: Option<&'n Keys>) -> Source<'n> {
    Source {
        name: opened.display(),
        facts: &opened.facts,
        keys,
        snapshot: 0,
        rows: true,
        payloads_up_to: WALK_UP_TO,
        own_keys: false,
    }
}

fn taken_row(node: String, taken: &TakenGroup) -> NodeTaken {
    NodeTaken {
        node,
        file: taken.file.display().to_string(),
        taken_at: taken.taken_at.to_rfc3339(),
        taken_at_ms: taken.taken_at,
        tool_version: taken.tool_version.clone(),
    }
}

/// What to look at first.
fn worst(findings: &[Finding]) -> Option<&Finding> {
    let warnings = || findings.iter().filter(|finding| finding.severity == Severity::Warning);
    leading_error(findings).or_else(|| warnings().min_by_key(|finding| (finding.derived_from.is_some(), finding.group.is_some())))
}

/// The one thing to do next.
fn next_step(groups: &[GroupComparison], worst: Option<&Finding>) -> Option<NextStep> {
    if let Some(finding) = worst {
        // What is damaged is explained in any case.
        return (finding.severity != Severity::Error).then(|| NextStep::explain(finding.code));
    }
    let first = groups.first().and_then(|group| group.comparison.restart_order.first().map(|id| (group, id)));
    // The directory of a node that was looked at elsewhere is not here.
    let here = first.filter(|(group, id)| !group.taken.iter().any(|taken| taken.node == **id));
    let dir = here.and_then(|(group, id)| group.comparison.nodes.iter().find(|node| node.raft_id == *id));
    dir.map(|node| NextStep::new(["gate-dryrun"]).on(&node.dir))
}
