//! `compare`: holds the copies of a group on several nodes against each other.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::compare_stores::{StoreOfNode, StoresCompared, compare_stores};
use super::envelopes::{self, Source};
use super::group::{Opened, Opening, Start, UNSETTLED, leave_out};
use crate::analysis::judge::codes::compare as codes;
use crate::analysis::judge::codes::gate::START_REFUSED;
use crate::analysis::judge::codes::invariants::CONF_LOCAL_NOT_MEMBER;
use crate::analysis::judge::group::{self, CHECKS};
use crate::analysis::judge::nodes::{self, NodeStart, Replica};
use crate::analysis::judge::start::encryption_sign;
use crate::analysis::judge::unread;
use crate::analysis::server::conditions;
use crate::analysis::server::store::StoreOpen;
use crate::analysis::{Coverage, Finding, Severity, fold};
use crate::error::{Error, Result};
use crate::formats::layout;
use crate::readers::group::{Reading, WALK_UP_TO};
use crate::readers::keys::{Keys, Opener};
use crate::readers::pebble::{StoreCheck, StorePresence};
use crate::readers::source::Run;
use crate::readers::{Discovered, GroupDir, Settled, discover_paths, settle};
use crate::report::body::compare::{CompareBody, GroupComparison};
use crate::report::body::envelopes::NodeEnvelopes;
use crate::report::{NextStep, Report};
use crate::types::{ByteSize, beside};

/// What the caller wants to know.
#[derive(Debug, Clone, Default)]
pub struct CompareOptions {
    /// Keys that open what is sealed. They are one node's and open the others' envelopes as well; no start is forecast with them.
    pub opener: Option<Arc<Opener>>,
    /// Leave out the rows of the stores.
    pub fast: bool,
}

/// One node of a group, read and started on paper.
struct Node {
    opened: Opened,
    coverage: Coverage,
    start: NodeStart,
    /// What is wrong with it by itself.
    findings: Vec<Finding>,
    changed: bool,
}

/// Compares every group that at least two of the nodes at or below `paths` hold.
pub fn compare(paths: &[PathBuf], options: &CompareOptions, run: &Run<'_>) -> Result<Report<CompareBody>> {
    let mut coverage = Coverage::default();
    let matched = match_groups(paths, &mut coverage, run)?;
    let by_group = match matched {
        Matched::Groups(groups) => groups,
        Matched::Mismatch(finding) => {
            let report = Report::new(CompareBody::of_several_groups(), vec![*finding], coverage);
            return Ok(report.next_step(NextStep::explain(&codes::CROSS_GROUP_MISMATCH)));
        }
    };
    let (mut groups, mut findings) = (Vec::new(), Vec::new());
    for (group_id, dirs) in by_group {
        let mut nodes = Vec::new();
        for dir in &dirs {
            let held = nodes.iter().map(|node: &Node| node.opened.log_memory()).fold(0, u64::saturating_add);
            let node = match beside(held, || settle(|| Node::read(dir, options, run))) {
                Ok(node) => node,
                Err(error) => {
                    leave_out(error, &dir.display(), true, &mut coverage)?;
                    continue;
                }
            };
            coverage.absorb(node.coverage.clone());
            match (node.opened.foreign(), node.opened.unread()) {
                (Some(refusal), _) => coverage.missing(dir.display(), refusal.text),
                (None, Some(unread)) => coverage.missing(dir.display(), format!("it was left out: {unread}")),
                (None, None) => nodes.push(node),
            }
        }
        if let [alone] = nodes.as_slice() {
            coverage.skipped(alone.opened.display(), "only one node holds this group");
            continue;
        }
        if nodes.is_empty() {
            continue;
        }
        let (mut comparison, found) = one_group(&nodes, &mut coverage);
        findings.extend(found);
        let keys = options.opener.as_deref().map(Opener::keys);
        let (encryption, found) = audit_envelopes(&nodes, keys, &mut coverage, run)?;
        findings.extend(found);
        let compared = contents(&nodes, &comparison, options, &mut coverage, run)?;
        if let Some(diverged) = compared.findings.first() {
            // A node that is restarted may lead, and seed the others with its rows.
            comparison.hold_for(diverged.code.code);
        }
        findings.extend(compared.findings);
        let (stores, store_classes) = (compared.stores, compared.classes);
        groups.push(GroupComparison { group_id, comparison, encryption, stores, store_classes });
    }
    if groups.is_empty() && findings.is_empty() {
        coverage.missing("everything", "no group is held by two of the given nodes");
    }
    fold(&mut findings);
    let worst = worst(&findings);
    let next = next_step(&groups, worst);
    let body = CompareBody::new(groups, worst);
    Ok(Report::new(body, findings, coverage).next_step(next))
}

enum Matched {
    Groups(BTreeMap<Option<u64>, Vec<GroupDir>>),
    Mismatch(Box<Finding>),
}

/// Which directories are copies of the same group, by the names of the directories.
fn match_groups(paths: &[PathBuf], coverage: &mut Coverage, run: &Run<'_>) -> Result<Matched> {
    let Discovered { groups: dirs, unplaced, one_each } = discover_paths(paths, &*run.source)?;
    unread::cover_unplaced(&unplaced, coverage);
    if dirs.len() < 2 {
        let alone = "one directory has nothing to be compared with; name several nodes' directories";
        let left_out = unplaced.iter().find(|unplaced| unplaced.needed);
        let why = left_out.map_or_else(String::new, |one| format!(" ({}: {})", one.path.display(), one.why));
        return Err(Error::Usage(format!("{alone}{why}")));
    }
    if one_each {
        // Whoever names single groups wants just these compared, whatever the layout of each node.
        let numbers: Vec<_> = dirs.iter().filter_map(|dir| Some((dir.display(), dir.group_id?))).collect();
        if let Some(finding) = nodes::numbers_differ(&numbers) {
            return Ok(Matched::Mismatch(Box::new(finding)));
        }
        let number = numbers.first().map(|(_, number)| *number);
        return Ok(Matched::Groups(BTreeMap::from([(number, dirs)])));
    }
    Ok(Matched::Groups(by_group(dirs)))
}

/// The copies of each group, by the numbers in the names of the directories.
pub(super) fn by_group(dirs: Vec<GroupDir>) -> BTreeMap<Option<u64>, Vec<GroupDir>> {
    let mut groups: BTreeMap<Option<u64>, Vec<GroupDir>> = BTreeMap::new();
    for dir in dirs {
        groups.entry(dir.group_id).or_default().push(dir);
    }
    // A node with a single data group keeps it in its own directory; another one may keep the same group as number 1.
    if let (Some(unnumbered), Some(first)) = (groups.get(&None), groups.get(&Some(1)))
        && unnumbered.iter().all(|dir| first.iter().all(|other| other.raft_id != dir.raft_id))
        && let Some(unnumbered) = groups.remove(&None)
        && let Some(first) = groups.get_mut(&Some(1))
    {
        first.extend(unnumbered);
        first.sort_by(|a, b| a.path.cmp(&b.path));
    }
    groups
}

impl Node {
    /// Reads one node. Every block of its store is checked where its rows are compared as well: whether it comes up depends on them.
    fn read(dir: &GroupDir, options: &CompareOptions, run: &Run<'_>) -> Result<Self> {
        let reading = Reading { store: Some(if options.fast { StoreCheck::Meta } else { StoreCheck::Full }) };
        let opening = Opening { reading, payloads: WALK_UP_TO, ..Opening::default() };
        let mut opened = Opened::read(dir, &opening, run)?;
        if opened.foreign().is_some() {
            let (coverage, start) = (Coverage::default(), NodeStart::default());
            return Ok(Self { opened, coverage, start, findings: Vec::new(), changed: false });
        }
        opened.examine_named(run)?;
        let Start { forecast, mut findings, undecided, .. } = opened.start(false, &group::of_a_start(), run)?;
        findings.retain(|finding| finding.severity == Severity::Error);
        let encrypted = forecast.abort.is_none() && encryption_sign(&opened.facts, &forecast).is_some_and(|sign| sign.decisive);
        let mut start = if encrypted {
            findings.clear();
            NodeStart::unknown("encryption is in use; gate-dryrun --sidecar tells".to_owned())
        } else {
            NodeStart::of(&forecast)
        };
        let (bytes, covered) = opened.bytes();
        let mut coverage = opened.small_files();
        opened.cover_unread(&mut coverage);
        coverage.files += covered.files;
        coverage.bytes_examined += covered.bytes_examined;
        coverage.also_left_out(covered.not_examined.into_iter().filter(|part| part.needed));
        coverage.also_left_out(undecided);
        findings.extend(bytes.into_iter().filter(|finding| finding.severity == Severity::Error));
        if start.comes_up() == Some(true) {
            start.harm = findings.iter().map(|finding| finding.code.code).collect();
            start.harm.dedup();
        }
        let changed = opened.facts.group.changed();
        Ok(Self { opened, coverage, start, findings, changed })
    }
}

impl Settled for Node {
    fn is_doubtful(&self) -> bool {
        self.start.objection().is_some() || !self.findings.is_empty()
    }

    fn changed(&self) -> bool {
        self.changed
    }

    fn unsettle(&mut self) {
        self.start = NodeStart::unknown(UNSETTLED.to_owned());
        self.findings.clear();
        self.coverage.missing(self.opened.display(), format!("{UNSETTLED}; try again"));
    }
}

/// Compares one group; `findings` of a node by itself count only while it is a member.
fn one_group(nodes: &[Node], coverage: &mut Coverage) -> (nodes::Comparison, Vec<Finding>) {
    let replicas: Vec<_> = nodes.iter().map(|node| Replica::new(node.opened.evidence(), node.start.clone())).collect();
    let (comparison, mut found) = nodes::compare(&replicas);
    if comparison.membership_left_out > 0 {
        let why = "too many changes among too many members were not followed";
        coverage.missing(format!("{} of the membership's changes", comparison.membership_left_out), why);
    }
    let moving: Vec<_> = nodes.iter().filter(|node| node.changed).collect();
    for node in &moving {
        coverage.skipped(node.opened.display(), "files changed while they were read");
    }
    if !moving.is_empty() {
        // Nodes that run are read one after another: a later one has committed more, and that is no finding.
        for finding in found.iter_mut().filter(|finding| finding.code.code == codes::CROSS_UNDER_REPLICATED.code) {
            finding.weigh(Severity::Info);
        }
    }
    let large: Vec<_> = nodes.iter().filter_map(|node| node.opened.largest_payload()).filter(|size| *size > WALK_UP_TO).collect();
    if !large.is_empty() {
        let what = format!("payloads above {}", ByteSize(WALK_UP_TO));
        coverage.skipped(what, "compare looks at their stated checksums only; verify-snapshot reads them");
    }
    let nobody = comparison.nodes.iter().all(|row| row.role == "unknown");
    for ((node, replica), row) in nodes.iter().zip(&replicas).zip(&comparison.nodes) {
        // A start under a name that is no member's is refused for that alone.
        if comparison.comparable && (nobody || matches!(row.role, "voter" | "learner")) {
            found.extend(by_itself(node, replica));
        }
        let cut = node
            .opened
            .facts
            .group
            .log
            .iter()
            .flat_map(|log| &log.segments)
            .any(|segment| !segment.trace(node.opened.version).stop.is_end());
        if cut {
            coverage.missing(node.opened.display(), "its log cannot be decoded to its end; see `wal verify`");
        }
        node.opened.settle(coverage);
        if row.role == "unknown" && comparison.comparable && !row.raft_id.is_empty() && comparison.commit.0 > 0 {
            coverage.missing(node.opened.display(), "it is not known which member this is, so that it was not counted");
        }
    }
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
    for (node, row) in nodes.iter().zip(&comparison.nodes) {
        let opened = &node.opened;
        let name = if row.raft_id.is_empty() { opened.display() } else { row.raft_id.clone() };
        let presence = opened.facts.group.store.store.presence;
        let why = match (row.role, presence, &opened.store().open) {
            ("removed", ..) => "is no member any more",
            (_, StorePresence::Directory, StoreOpen::Opens) => {
                let (dir, log) = (opened.facts.group.dir.path.join(layout::STORE), opened.facts.group.log.as_ref());
                stores.push(StoreOfNode { name, dir, shown: opened.path(layout::STORE), log, changed: node.changed });
                continue;
            }
            (_, StorePresence::Directory, _) => "has a store that does not open",
            _ => "has no store",
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
    let held = nodes.iter().map(|node| node.opened.log_memory()).fold(0, u64::saturating_add);
    let mut compared = beside(held, || compare_stores(&stores, options.opener.as_deref(), coverage, run))?;
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
    let sources: Vec<_> = nodes
        .iter()
        .map(|node| Source {
            name: node.opened.display(),
            facts: &node.opened.facts,
            keys,
            snapshot: 0,
            rows: true,
            payloads_up_to: WALK_UP_TO,
            own_keys: false,
        })
        .collect();
    let audited = envelopes::audit(&sources, run)?;
    coverage.also_left_out(audited.coverage.not_examined);
    let named = nodes.iter().map(|node| match &node.opened.facts.raft_id {
        id if id.is_empty() => node.opened.display(),
        id => id.clone(),
    });
    let encryption = named.zip(audited.census).filter_map(|(node, census)| Some(NodeEnvelopes { node, census: census? }));
    Ok((encryption.collect(), audited.findings))
}

/// Errors of one node by itself: its bytes, its start, and the rules that `check` holds it against.
fn by_itself(node: &Node, replica: &Replica<'_>) -> Vec<Finding> {
    let mut found = node.findings.clone();
    let refusal = replica.evidence.peers.read().and_then(|peers| peers.refusal.as_ref());
    if refusal.is_some_and(|refusal| refusal.condition == &conditions::LOCAL_PEER_MISSING) {
        // It has applied its own removal, which the others may not know to be committed: that is no damage.
        found.retain(|finding| finding.code.code != START_REFUSED.code);
    }
    let (_, rules) = group::run(&replica.evidence, &CHECKS.iter().collect::<Vec<_>>());
    let matters = |finding: &Finding| finding.severity == Severity::Error || finding.code.code == CONF_LOCAL_NOT_MEMBER.code;
    for mut finding in rules.into_iter().filter(matters) {
        // A start and a rule may say the same about the same place.
        if !found.iter().any(|known| known.code.code == finding.code.code) {
            finding.group = Some(node.opened.display());
            found.push(finding);
        }
    }
    found
}

/// What to look at first.
fn worst(findings: &[Finding]) -> Option<&Finding> {
    let grave = [&codes::CROSS_GROUP_MISMATCH, &codes::CROSS_COMMITTED_DIVERGENCE, &codes::CROSS_COMMITTED_LOST];
    let rank = |finding: &&Finding| {
        let at = grave.iter().position(|code| code.code == finding.code.code).unwrap_or(grave.len());
        // What only follows from something else, and that a start is refused, is the effect of what is named as well.
        let effect = finding.derived_from.is_some() || finding.code.code == START_REFUSED.code;
        (finding.severity, at, effect, finding.group.is_some())
    };
    findings.iter().filter(|finding| finding.severity != Severity::Info).min_by_key(rank)
}

/// The one thing to do next.
fn next_step(groups: &[GroupComparison], worst: Option<&Finding>) -> Option<NextStep> {
    if let Some(finding) = worst {
        return Some(NextStep::explain(finding.code));
    }
    let first = groups.first().and_then(|group| group.comparison.restart_order.first().map(|id| (group, id)));
    let dir = first.and_then(|(group, id)| group.comparison.nodes.iter().find(|node| node.raft_id == *id));
    dir.map(|node| NextStep::new(["gate-dryrun"]).on(&node.dir))
}
