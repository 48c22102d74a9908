//! What `compare` has to say.

use serde::Serialize;
use serde_json::Value;

use crate::analysis::compare::Comparison;
use crate::report::{Body, Cell, Section, Tone};

/// The comparison of every group.
#[derive(Debug, Clone, Serialize)]
pub struct CompareBody {
    /// One entry a group that at least two nodes hold.
    pub groups: Vec<GroupComparison>,
}

/// The comparison of one group.
#[derive(Debug, Clone, Serialize)]
pub struct GroupComparison {
    /// The group number, where the directories' names tell it.
    pub group_id: Option<u64>,
    /// What was found.
    #[serde(flatten)]
    pub comparison: Comparison,
}

impl GroupComparison {
    fn title(&self) -> String {
        self.group_id.map_or_else(|| "Group".to_owned(), |number| format!("Group {number}"))
    }

    fn sections(&self) -> Vec<Section> {
        let Comparison { nodes, election, membership, restart_order, missing_voters, .. } = &self.comparison;
        let rows = nodes.iter().map(|node| {
            let only = node.only_here.map(|(first, last)| format!("{first} to {last}"));
            let role = if node.role == "removed" { Tone::Caution } else { Tone::Plain };
            vec![
                Cell::new(&node.raft_id),
                Cell::toned(node.role, role),
                Cell::new(node.term),
                Cell::new(node.snapshot_index),
                Cell::new(node.commit),
                Cell::new(node.last_index),
                Cell::new(node.behind),
                Cell::option(only),
                Cell::option(node.start.as_ref()),
            ]
        });
        let columns = ["node", "role", ">term", ">snapshot", ">commit", ">last", ">behind", "only here", "start"];
        let mut sections = vec![Section::table(self.title(), &columns, rows.collect())];
        let rows = election.iter().map(|row| {
            vec![
                Cell::new(&row.candidate),
                Cell::new(if row.is_voter { row.can_win } else { "no vote" }),
                Cell::new(format!("{} of {}", row.granted_by.join(" "), row.needed)),
                Cell::new(if row.depends_on.is_empty() { "-".to_owned() } else { row.depends_on.join(" ") }),
            ]
        });
        let columns = ["candidate", "can win", "votes from, of needed", "not without"];
        sections.push(Section::table("Elections", &columns, rows.collect()));
        if membership.len() > 1 {
            let rows = membership.iter().map(|step| vec![Cell::new(step.index), Cell::new(&step.members)]);
            sections.push(Section::table("Members", &[">from index", "members"], rows.collect()));
        }
        if !restart_order.is_empty() {
            sections.push(Section::Note(format!(
                "Restart one at a time, each after the one before has caught up: {}.",
                restart_order.join(", then ")
            )));
        }
        if !missing_voters.is_empty() {
            sections.push(Section::Note(format!("Voters that were not given: {}.", missing_voters.join(", "))));
        }
        sections
    }
}

impl Body for CompareBody {
    const NAME: &'static str = "compare";

    fn headline(&self) -> String {
        match self.groups.as_slice() {
            [] => "no group is on two of the nodes".to_owned(),
            [one] if !one.comparison.comparable => "the directories are not of one group".to_owned(),
            [one] => format!("one group on {} nodes, committed up to {}", one.comparison.nodes.len(), one.comparison.commit),
            several => format!("{} groups, each on several nodes", several.len()),
        }
    }

    fn sections(&self) -> Vec<Section> {
        self.groups.iter().flat_map(GroupComparison::sections).collect()
    }

    fn lines(&self) -> Vec<(&'static str, Value)> {
        self.groups.iter().map(|group| ("group", serde_json::to_value(group).unwrap_or_default())).collect()
    }
}
