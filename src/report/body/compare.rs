//! What `compare` has to say.

use std::fmt::Write as _;

use serde::Serialize;

use super::cells::range;
use super::compare_elections::elections;
use super::compare_stores::{self, ClassOnNodes, NodeStore};
use super::envelopes::{self, NodeEnvelopes};
use crate::analysis::judge::nodes::{Comparison, MembershipStep, NodeRow, RestartStep, WithoutRow};
use crate::analysis::{Finding, Severity};
use crate::report::picture::{Lane, LanesPicture, Mark, Picture};
use crate::report::{Body, Cell, Label, Lines, Metric, Section, Tone};
use crate::types::{Count, UnixMillis};

/// The comparison of every group.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct CompareBody {
    /// One entry a group that at least two nodes hold.
    pub groups: Vec<GroupComparison>,
    /// Title of the gravest finding that is an error.
    #[serde(skip)]
    worst: Option<&'static str>,
    /// True when the names of the directories already say that they are of different groups.
    #[serde(skip)]
    several_groups: bool,
}

/// The comparison of one group.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct GroupComparison {
    /// The group number, where the directories' names tell it.
    pub group_id: Option<u64>,
    /// What was found.
    #[serde(flatten)]
    pub comparison: Comparison,
    /// What each node has sealed, under which key; empty without a sign of encryption.
    pub encryption: Vec<NodeEnvelopes>,
    /// What each node's store holds; empty when the rows were not compared.
    pub stores: Vec<NodeStore>,
    /// The same by class of keys.
    pub store_classes: Vec<ClassOnNodes>,
    /// The nodes that files of facts tell, and when they were looked at; empty when all directories were read.
    pub taken: Vec<NodeTaken>,
}

/// A node that was looked at elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct NodeTaken {
    /// The node's raft id, or its directory.
    pub node: String,
    /// The file of facts.
    pub file: String,
    /// When the facts were taken.
    pub taken_at: Option<String>,
    /// The same in milliseconds since 1970.
    pub taken_at_ms: UnixMillis,
    /// Version of the program that took them.
    pub tool_version: String,
}

impl CompareBody {
    /// The comparison of `groups`, in which `worst` is the gravest finding.
    pub fn new(groups: Vec<GroupComparison>, worst: Option<&Finding>) -> Self {
        let error = worst.filter(|finding| finding.severity == Severity::Error);
        Self { groups, worst: error.map(|finding| finding.code.title), several_groups: false }
    }

    /// For directories that are not of one group by their names.
    pub const fn of_several_groups() -> Self {
        Self { groups: Vec::new(), worst: None, several_groups: true }
    }
}

fn nodes(title: String, nodes: &[NodeRow]) -> Section {
    let rows = nodes.iter().map(|node| {
        let role = if matches!(node.role, "removed" | "unknown") { Tone::Caution } else { Tone::Plain };
        let start = match (&node.start, node.start_harm.is_empty()) {
            (Some(outcome), true) if outcome == "refused" => Cell::toned(outcome, Tone::Bad),
            (Some(outcome), true) => Cell::new(outcome),
            (Some(outcome), false) => Cell::toned(format!("{outcome}, harmful"), Tone::Bad),
            (None, _) => Cell::option(None::<&str>),
        };
        vec![
            Cell::new(&node.raft_id),
            Cell::toned(node.role, role),
            Cell::new(node.term),
            Cell::new(node.snapshot_index),
            Cell::new(node.commit),
            Cell::option(node.last_index),
            Cell::new(node.behind),
            range(node.only_here),
            start,
        ]
    });
    let columns = ["node", "role", ">term", ">snapshot", ">commit", ">last", ">behind", "only here", "start"];
    Section::table(title, &columns, rows.collect())
}

/// The nodes that files of facts tell.
pub fn taken_section(rows: &[NodeTaken]) -> Option<Section> {
    let cells = |row: &NodeTaken| vec![Cell::new(&row.node), Cell::new(row.taken_at_ms), Cell::new(&row.file)];
    let rows: Vec<_> = rows.iter().map(cells).collect();
    (!rows.is_empty()).then(|| Section::table("Told by files of facts", &["node", "taken at", "file"], rows))
}

fn without(rows: &[WithoutRow], missing: &[String]) -> Section {
    let rows = rows.iter().map(|row| {
        let leaders = match row.can_lead {
            "yes" => Cell::new(row.leaders.join(" ")),
            "unknown" => Cell::toned("?", Tone::Caution),
            _ => Cell::toned("nobody", Tone::Caution),
        };
        let lost = Cell { tone: if row.lost.is_some() { Tone::Bad } else { Tone::Plain }, ..range(row.lost) };
        let few = match (row.below_majority, row.depends_on_missing) {
            (Some(_), _) => Cell { tone: Tone::Caution, ..range(row.below_majority) },
            (None, Some(_)) => Cell::new(format!("none if {} holds them", missing.join(" or "))),
            (None, None) => range(None),
        };
        vec![Cell::new(&row.node), leaders, lost, few]
    });
    let columns = ["without", "can lead", "committed entries lost", "on fewer than a majority"];
    Section::table("If a node's directory is discarded", &columns, rows.collect())
}

fn membership(steps: &[MembershipStep]) -> Section {
    let rows = steps.iter().map(|step| {
        let changes: Vec<_> = step.changes.iter().map(|change| format!("{} {}", change.member, change.change.words())).collect();
        let mut what = if changes.is_empty() { "the oldest that is known".to_owned() } else { changes.join(", ") };
        if !step.exact {
            what.push_str(", or earlier");
        }
        if !step.committed {
            what.push_str(", not committed yet");
        }
        let unknown = if step.unknown_to.is_empty() { "-".to_owned() } else { step.unknown_to.join(" ") };
        vec![Cell::new(step.index), Cell::new(what), Cell::new(&step.members), Cell::new(unknown)]
    });
    Section::table("Members", &[">index", "change", "members from then on", "not known to"], rows.collect())
}

fn restart(steps: &[RestartStep], missing_voters: &[String]) -> Vec<Section> {
    let (left, order): (Vec<_>, Vec<_>) = steps.iter().partition(|step| step.objection.is_some());
    let mut notes = Vec::new();
    if let Some((first, rest)) = order.split_first() {
        let mut text = format!("Restart one at a time, each after the one before has caught up: {}", first.node);
        for step in rest {
            let _ = write!(text, ", then {}", step.node);
        }
        text.push('.');
        if !missing_voters.is_empty() {
            let are = if missing_voters.len() == 1 { "is up, whose directory was" } else { "are up, whose directories were" };
            let _ = write!(text, " Only while {} {are} not given.", missing_voters.join(" and "));
        }
        let stops: Vec<_> = order.iter().filter(|step| step.group_lives == "no").map(|step| step.node.as_str()).collect();
        if !stops.is_empty() {
            let _ = write!(text, " While {} is down, nobody can lead: the group stands still for that time.", stops.join(" or "));
        }
        notes.push(Section::Note(text));
    }
    for step in left {
        if let Some(why) = &step.objection {
            let node = &step.node;
            notes.push(Section::Note(if step.keep_up {
                format!("Keep {node} running: {why}. If the group is down, start {node} first.")
            } else {
                format!("Leave {node} as it is: {why}.")
            }));
        }
    }
    notes
}

impl GroupComparison {
    fn title(&self) -> String {
        self.group_id.map_or_else(|| "Group".to_owned(), |number| format!("Group {number}"))
    }

    /// The log of each node on one scale.
    fn lanes(&self) -> Section {
        let lane = |node: &NodeRow| {
            let marks = [
                (Mark::Snapshot, Some(node.snapshot_index)),
                (Mark::Applied, node.applied_index),
                (Mark::Commit, Some(node.commit)),
            ];
            Lane {
                name: node.raft_id.clone(),
                first: node.last_index.map(|_| node.snapshot_index.saturating_add(1)),
                last: node.last_index,
                marks: marks.into_iter().filter_map(|(mark, at)| Some((mark, at?))).collect(),
                only_here: node.only_here,
            }
        };
        let comparable = self.comparison.comparable;
        let of = self.group_id.map_or_else(|| "nodes".to_owned(), |number| format!("nodes of group {number}"));
        let lanes = self.comparison.nodes.iter().map(lane).collect();
        Section::Picture(Picture::Lanes(LanesPicture { of, one_scale: comparable, lanes }))
    }

    fn sections(&self) -> Vec<Section> {
        let comparison = &self.comparison;
        let mut sections = vec![nodes(self.title(), &comparison.nodes)];
        sections.extend(taken_section(&self.taken));
        sections.push(self.lanes());
        if !comparison.comparable {
            return sections;
        }
        sections.extend(compare_stores::sections(&self.stores));
        sections.push(elections(comparison));
        sections.push(without(&comparison.without, &comparison.missing_voters));
        if comparison.membership.len() > 1 {
            sections.push(membership(&comparison.membership));
        }
        if comparison.hold.is_some() {
            sections
                .push(Section::Note("Restart nothing, and keep copies of all directories, before this is explained.".to_owned()));
        }
        let lossy: Vec<_> =
            comparison.election.iter().filter(|row| row.would_lose.is_some()).map(|row| row.candidate.as_str()).collect();
        if comparison.hold.is_none() && !lossy.is_empty() {
            sections.push(Section::Note(format!(
                "{} could be elected without committed entries. Keep the nodes running that have them, and if the group is down start \
                 these first.",
                lossy.join(" or ")
            )));
        }
        sections.extend(restart(&comparison.restart, &comparison.missing_voters));
        sections.extend(envelopes::of_nodes(&self.encryption));
        if !comparison.missing_voters.is_empty() {
            let names = comparison.missing_voters.join(", ");
            sections.push(Section::Note(format!("Voters whose directories were not given, shown as \"?\": {names}.")));
        }
        sections
    }
}

impl Body for CompareBody {
    const NAME: &'static str = "compare";
    const LINES: &'static [Lines] = &[Lines::of("groups", "group")];

    fn headline(&self) -> String {
        let what = match self.groups.as_slice() {
            [] if self.several_groups => return "the directories are not of one group".to_owned(),
            [] => return "no group is on two of the nodes".to_owned(),
            [one] if !one.comparison.comparable => return "the directories are not of one group".to_owned(),
            [one] => {
                let nodes = Count::of(one.comparison.nodes.len(), "node");
                format!("one group on {nodes}, committed up to {}", one.comparison.commit)
            }
            several => format!("{} groups, each on several nodes", several.len()),
        };
        if let Some(title) = self.worst {
            return format!("{what}: {title}");
        }
        let rows = self.groups.iter().flat_map(|group| &group.comparison.nodes);
        let removed: Vec<_> = rows.filter(|node| node.role == "removed").map(|node| node.raft_id.as_str()).collect();
        match removed.as_slice() {
            [] => what,
            [one] => format!("{what}, without {one}, which is no member any more"),
            several => format!("{what}, without {}, which are no members any more", several.join(", ")),
        }
    }

    fn all_clear(&self) -> &'static str {
        if self.several_groups || self.groups.iter().all(|group| !group.comparison.comparable) {
            ""
        } else if self.groups.iter().all(|group| compare_stores::agree(&group.stores, group.comparison.nodes.len())) {
            ": the logs and the stores agree"
        } else {
            ": the logs agree"
        }
    }

    fn sections(&self) -> Vec<Section> {
        self.groups.iter().flat_map(GroupComparison::sections).collect()
    }

    fn metrics(&self) -> Vec<Metric> {
        let mut commit = Metric::gauge("ekv_tool_compare_commit", "Highest commit that any node of the group records.");
        let mut behind = Metric::gauge("ekv_tool_compare_behind", "Committed entries that the node does not hold.");
        let mut term = Metric::gauge("ekv_tool_compare_term", "Term of the node's last hard state.");
        let mut can_win = Metric::gauge("ekv_tool_compare_can_win", "1 if the node could be elected now.");
        let mut store_rows = Metric::gauge(
            "ekv_tool_compare_store_rows",
            "Rows of the node's store that differ from those of the node that has applied most, by what that is.",
        );
        for group in &self.groups {
            let number = || (Label::GroupId, group.group_id.map(|number| number.to_string()).unwrap_or_default());
            commit = commit.sample(vec![number()], group.comparison.commit.0 as f64);
            for node in &group.comparison.nodes {
                let labels = || vec![number(), (Label::RaftId, node.raft_id.clone()), (Label::Role, node.role.to_owned())];
                behind = behind.sample(labels(), node.behind as f64);
                term = term.sample(labels(), node.term as f64);
            }
            for row in &group.stores {
                let judged = [
                    ("diverged", row.diverged),
                    ("unknown", row.unknown),
                    ("explained", row.explained),
                    ("expected", row.expected),
                ];
                for (judged, count) in judged {
                    let labels = vec![number(), (Label::RaftId, row.node.clone()), (Label::Judged, judged.to_owned())];
                    store_rows = store_rows.sample(labels, count as f64);
                }
            }
            for row in &group.comparison.election {
                let labels = vec![number(), (Label::RaftId, row.candidate.clone())];
                can_win = can_win.sample(labels, if row.can_win == "yes" { 1.0 } else { 0.0 });
            }
        }
        vec![commit, behind, term, can_win, store_rows]
    }
}
