//! What `facts` has to say: the file that `compare` takes in place of directories.

use serde::Serialize;

use super::gate::GroupForecast;
use crate::analysis::NotExamined;
use crate::analysis::etcd::facts::EtcdFacts;
use crate::analysis::hraft::facts::HashiFacts;
use crate::analysis::judge::facts::{GroupFacts, StoreState};
use crate::report::{Body, Cell, Lines, Section};
use crate::types::{Count, UnixMillis};

/// The facts of a node, without keys and values. The file ends with a checksum over everything before it.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct FactsBody {
    /// When they were begun.
    pub taken_at: Option<String>,
    /// The same in milliseconds since 1970.
    pub taken_at_ms: UnixMillis,
    /// True when the rows of the stores were left out as asked.
    pub fast: bool,
    /// Tells which salt is mixed into the sums. Facts compare when they were made with the same one.
    pub salt: String,
    /// True when the directories of single groups were named: of other groups of the same nodes the facts tell nothing. False when all
    /// groups of the nodes were looked for.
    pub single_groups: bool,
    /// One entry a group that could be read.
    pub groups: Vec<GroupFacts>,
    /// One entry a node of hashicorp/raft; absent when the directories are none of those.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hashicorp: Vec<HashiFacts>,
    /// One entry a member of etcd; absent when the directories are none of those.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub etcd: Vec<EtcdFacts>,
    /// What stands beside them and was left out, and groups that could not be read.
    pub left_out: Vec<NotExamined>,
    /// What `gate-dryrun` says of each group.
    pub forecasts: Vec<GroupForecast>,
}

impl FactsBody {
    /// Facts of nothing yet.
    pub fn begun(taken_at: UnixMillis, fast: bool, salt: String) -> Self {
        Self {
            taken_at: taken_at.to_rfc3339(),
            taken_at_ms: taken_at,
            fast,
            salt,
            single_groups: false,
            groups: Vec::new(),
            hashicorp: Vec::new(),
            etcd: Vec::new(),
            left_out: Vec::new(),
            forecasts: Vec::new(),
        }
    }
}

impl Body for FactsBody {
    const NAME: &'static str = "facts";
    const LINES: &'static [Lines] = &[
        Lines::of("groups", "group"),
        Lines::of("hashicorp", "node"),
        Lines::of("etcd", "member"),
        Lines::of("forecasts", "forecast"),
        Lines::of("left_out", "other"),
    ];
    const CLOSED: bool = true;

    fn headline(&self) -> String {
        let of = |number: usize, thing: &str, whose: &str| format!("the facts of {} of {whose}", Count::of(number, thing));
        match (self.hashicorp.len(), self.etcd.len()) {
            (0, 0) => format!("the facts of {}", Count::of(self.groups.len(), "group")),
            (0, members) => of(members, "member", "etcd"),
            (nodes, _) => of(nodes, "node", "hashicorp/raft"),
        }
    }

    fn sections(&self) -> Vec<Section> {
        let note = "This is a summary. The file that `ekv-tool compare` takes is what `--format json` writes, which is also what is written \
                    when no format is given.";
        let table = match (self.hashicorp.as_slice(), self.etcd.as_slice()) {
            ([], []) => self.of_groups(),
            ([], members) => of_members(members),
            (nodes, _) => of_nodes(nodes),
        };
        vec![table, Section::Note(note.to_owned())]
    }
}

impl FactsBody {
    fn of_groups(&self) -> Section {
        let rows = self.groups.iter().map(|group| {
            let node = &group.node;
            let store = match (group.store.state, &group.store.content) {
                (StoreState::Opens, Some(content)) => content.rows.to_string(),
                (StoreState::Opens, None) => "not read".to_owned(),
                (StoreState::Refused, _) => "does not open".to_owned(),
                (StoreState::Absent, _) => "none".to_owned(),
            };
            vec![
                Cell::new(&node.dir),
                Cell::new(node.hard_state.term),
                Cell::new(node.commit()),
                Cell::option(node.end_of_log),
                Cell::new(node.entries.count()),
                Cell::option(group.log.as_ref().map(|log| log.entries.sums.len())),
                Cell::new(store),
                Cell::new(group.start.outcome),
            ]
        });
        let rows = rows.collect();
        let columns = ["group", ">term", ">commit", ">last", ">entries", ">sums", ">rows", "start"];
        Section::table("", &columns, rows)
    }
}

fn of_nodes(nodes: &[HashiFacts]) -> Section {
    let rows = nodes.iter().map(|node| {
        vec![
            Cell::new(&node.dir),
            Cell::new(&node.raft_id),
            Cell::option(node.term()),
            Cell::option(node.committed().map(|place| place.index)),
            Cell::new(node.end().index),
            Cell::new(node.entries.count()),
            Cell::option(node.log.as_ref().map(|log| log.sums.len())),
            Cell::new(node.start.outcome.name()),
        ]
    });
    let columns = ["directory", "node", ">term", ">snapshot", ">last", ">entries", ">sums", "start"];
    Section::table("", &columns, rows.collect())
}

fn of_members(members: &[EtcdFacts]) -> Section {
    let rows = members.iter().map(|member| {
        let state = member.log.as_ref().and_then(|log| log.hard_state);
        vec![
            Cell::new(&member.dir),
            Cell::option(member.member_id),
            Cell::option(state.map(|state| state.term)),
            Cell::option(state.map(|state| state.commit)),
            Cell::option(member.log.as_ref().and_then(|log| log.last_index)),
            Cell::new(member.entries.count()),
            Cell::option(member.sums.as_ref().map(|sums| sums.sums.len())),
            Cell::option(member.starts.first().map(|start| start.outcome.name())),
        ]
    });
    let columns = ["directory", "member", ">term", ">commit", ">last", ">entries", ">sums", "start"];
    Section::table("", &columns, rows.collect())
}
