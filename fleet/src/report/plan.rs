//! `plan`: in which order are the nodes of a fleet restarted?

use ekv_tool::report::{Body, Cell, Label, Lines, Metric, Section, Tone};
use ekv_tool::types::{ByteSize, Count, UnixMillis};
use serde::Serialize;

/// A restart of a fleet.
#[derive(Debug, Clone, Default, Serialize, schemars::JsonSchema)]
pub struct PlanBody {
    /// Nodes that the facts tell of.
    pub nodes: usize,
    /// Their groups.
    pub groups: usize,
    /// When the oldest of the facts were taken, in milliseconds since 1970.
    pub taken_from_ms: Option<UnixMillis>,
    /// The same for the newest.
    pub taken_to_ms: Option<UnixMillis>,
    /// Nodes of a batch, at most.
    pub max_batch: usize,
    /// Members of one group in a batch, at most.
    pub per_group: usize,
    /// The rate that the times are for, in bytes per second; `null` for the rate at which payloads were read when the facts were taken.
    pub restore_rate: Option<u64>,
    /// Bytes that all starts read.
    pub read_bytes: u64,
    /// Bytes that they write.
    pub write_bytes: u64,
    /// Milliseconds of all batches one after the other; `null` when that of a batch is not known.
    pub estimate_ms: Option<u64>,
    /// Nodes that are restarted together, one batch after the other.
    pub batches: Vec<Batch>,
    /// Nodes that must not be restarted.
    pub left: Vec<Left>,
    /// Members of which there are no facts.
    pub absent: Vec<Absent>,
    /// Groups whose own order could not be kept, since more groups want another one.
    pub order_not_kept: Vec<String>,
}

/// Nodes that are restarted together.
#[derive(Debug, Clone, Default, Serialize, schemars::JsonSchema)]
pub struct Batch {
    /// From 1 on.
    pub batch: usize,
    /// The nodes.
    pub nodes: Vec<PlannedNode>,
    /// Bytes that their starts read.
    pub read_bytes: u64,
    /// Bytes that they write.
    pub write_bytes: u64,
    /// Milliseconds of the longest of them; `null` when one is not known.
    pub estimate_ms: Option<u64>,
}

/// A node that is restarted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct PlannedNode {
    /// Its raft id.
    pub node: String,
    /// Copies of groups that it has.
    pub groups: usize,
    /// Numbers of the groups that it leads as far as the facts tell: hand them over first. `null` for a group without a number.
    pub leads: Vec<Option<u64>>,
    /// Bytes that its start reads in all groups.
    pub read_bytes: u64,
    /// Bytes that it writes.
    pub write_bytes: u64,
    /// Milliseconds that this takes, one group after the other; `null` when it is not known.
    pub estimate_ms: Option<u64>,
}

/// A node that must not be restarted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Left {
    /// Its raft id.
    pub node: String,
    /// Why, all of it.
    pub reasons: Vec<Reason>,
}

/// What speaks against restarting a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Reason {
    /// What kind of reason.
    pub why: Why,
    /// The group, where it is one of a group with a number.
    pub group_id: Option<u64>,
    /// Code of the finding, which `ekv-tool explain` explains.
    pub code: Option<&'static str>,
    /// In words.
    pub text: String,
}

/// What kind of reason speaks against restarting a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Its start is refused.
    Refused,
    /// Its start would lose or corrupt something.
    Harmful,
    /// Its start cannot be foretold.
    Unforetold,
    /// Something of it could not be examined.
    NotExamined,
    /// Something of it is damaged.
    Damaged,
    /// Copies of a group contradict each other.
    GroupInQuestion,
    /// While it is down a node could lead that lacks committed entries.
    KeepRunning,
    /// It is not known who the members of a group are.
    MembersUnknown,
    /// Without it a group has no majority, or nobody who could lead.
    Needed,
    /// It is down, as the caller says.
    Down,
}

impl Why {
    /// True when the node counts as up while others are restarted. What may not come up again does not, whether it runs or not.
    pub const fn stays_up(self) -> bool {
        match self {
            Self::GroupInQuestion | Self::KeepRunning | Self::MembersUnknown | Self::Needed => true,
            Self::Refused | Self::Harmful | Self::Unforetold | Self::NotExamined | Self::Damaged | Self::Down => false,
        }
    }
}

/// A member of which there are no facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Absent {
    /// Its raft id, or its node id where that is not known.
    pub node: String,
    /// Groups that it is a member of.
    pub groups: Vec<Option<u64>>,
}

impl Batch {
    /// A batch of nodes that start at the same time.
    pub fn of(batch: usize, nodes: Vec<PlannedNode>) -> Self {
        let sum = |of: fn(&PlannedNode) -> u64| nodes.iter().map(of).fold(0, u64::saturating_add);
        let estimate_ms = nodes.iter().map(|node| node.estimate_ms).collect::<Option<Vec<_>>>();
        Self {
            batch,
            read_bytes: sum(|node| node.read_bytes),
            write_bytes: sum(|node| node.write_bytes),
            estimate_ms: estimate_ms.map(|all| all.into_iter().max().unwrap_or(0)),
            nodes,
        }
    }
}

/// Milliseconds as people read them.
fn about(millis: Option<u64>) -> Cell {
    Cell::option(millis.map(|millis| match millis / 1000 {
        0..=119 => format!("{:.1} s", millis as f64 / 1e3),
        seconds @ 120..=7199 => format!("{} min", seconds / 60),
        seconds => format!("{:.1} h", seconds as f64 / 3600.0),
    }))
}

impl PlanBody {
    /// Adds up the batches.
    pub fn total(&mut self) {
        let sum = |of: fn(&Batch) -> u64| self.batches.iter().map(of).fold(0, u64::saturating_add);
        (self.read_bytes, self.write_bytes) = (sum(|batch| batch.read_bytes), sum(|batch| batch.write_bytes));
        let times = self.batches.iter().map(|batch| batch.estimate_ms);
        self.estimate_ms = times.collect::<Option<Vec<_>>>().map(|all| all.into_iter().fold(0, u64::saturating_add));
    }

    fn restarted(&self) -> usize {
        self.batches.iter().map(|batch| batch.nodes.len()).sum()
    }

    fn facts(&self) -> Section {
        let rate = self.restore_rate.map(|rate| format!("{}/s", ByteSize(rate)));
        let mut facts = vec![
            ("nodes", Cell::new(self.nodes)),
            ("groups", Cell::new(self.groups)),
            ("facts taken", Cell::option(self.taken_from_ms)),
            ("  until", Cell::option(self.taken_to_ms)),
            ("restarted", Cell::new(self.restarted())),
            ("left", Cell::new(self.left.len())),
            ("reads, writes", Cell::new(format!("{}, {}", ByteSize(self.read_bytes), ByteSize(self.write_bytes)))),
            ("about", about(self.estimate_ms)),
        ];
        facts.extend(rate.map(|rate| ("at", Cell::new(rate))));
        Section::facts("", facts)
    }

    fn batches(&self) -> Option<Section> {
        let rows = self.batches.iter().flat_map(|batch| batch.nodes.iter().map(move |node| (batch.batch, node)));
        let rows = rows.map(|(batch, node)| {
            let leads = match node.leads.as_slice() {
                [] => Cell::new("-"),
                [Some(one)] => Cell::new(format!("group {one}")),
                [None] => Cell::new("the group"),
                several => Cell::new(Count::of(several.len(), "group")),
            };
            let (reads, writes) = (ByteSize(node.read_bytes), ByteSize(node.write_bytes));
            let (name, time) = (Cell::new(&node.node), about(node.estimate_ms));
            vec![Cell::new(batch), name, Cell::new(node.groups), leads, Cell::new(reads), Cell::new(writes), time]
        });
        let columns = [">batch", "node", ">groups", "hand over", ">reads", ">writes", ">about"];
        (!self.batches.is_empty()).then(|| Section::table("Restart", &columns, rows.collect()))
    }

    fn left(&self) -> Option<Section> {
        let rows = self.left.iter().map(|left| {
            let first = left.reasons.first();
            let text = first.map(|reason| reason.text.clone()).unwrap_or_default();
            let more = left.reasons.len().saturating_sub(1);
            let text = if more > 0 { format!("{text} (and {})", Count::of(more, "more reason")) } else { text };
            let code = Cell::option(first.and_then(|reason| reason.code));
            vec![Cell::toned(&left.node, Tone::Bad), code, Cell::new(text)]
        });
        (!self.left.is_empty()).then(|| Section::table("Do not restart", &["node", "code", "why"], rows.collect()))
    }
}

impl Body for PlanBody {
    const NAME: &'static str = "plan";
    const LINES: &'static [Lines] = &[Lines::of("batches", "batch"), Lines::of("left", "left"), Lines::of("absent", "absent")];

    fn headline(&self) -> String {
        let left = match self.left.len() {
            0 => String::new(),
            one => format!("; {} must not be restarted", Count::of(one, "node")),
        };
        match self.restarted() {
            0 => "no node can be restarted".to_owned(),
            nodes => format!("{} in {}{left}", Count::of(nodes, "node"), Count(self.batches.len() as u64, "batch")),
        }
    }

    fn all_clear(&self) -> &'static str {
        if self.left.is_empty() && !self.batches.is_empty() { ": every group keeps its quorum" } else { "" }
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = vec![self.facts()];
        sections.extend(self.batches());
        if !self.batches.is_empty() {
            let text = "Restart the nodes of one batch together, and begin the next one when all of them have caught up. Take facts again \
                        when anything else has happened to the fleet meanwhile.";
            sections.push(Section::Note(text.to_owned()));
        }
        sections.extend(self.left());
        if !self.order_not_kept.is_empty() {
            let groups = Count::of(self.order_not_kept.len(), "group");
            let text = format!(
                "The order that `ekv-tool compare` gives for one group alone is not kept in {groups}, since more groups want another one. \
                 No quorum depends on it."
            );
            sections.push(Section::Note(text));
        }
        sections
    }

    fn metrics(&self) -> Vec<Metric> {
        let nodes = Metric::gauge("ekv_fleet_plan_nodes", "Nodes of a plan by what becomes of them.");
        let state = |state: &str| vec![(Label::State, state.to_owned())];
        let nodes = nodes.sample(state("restarted"), self.restarted() as f64).sample(state("left"), self.left.len() as f64);
        let batches = Metric::gauge("ekv_fleet_plan_batches", "Batches of a plan.").sample(Vec::new(), self.batches.len() as f64);
        vec![nodes.sample(state("absent"), self.absent.len() as f64), batches]
    }
}
