//! What `facts` has to say: the file that `compare` takes in place of directories.

use serde::Serialize;

use super::gate::GroupForecast;
use crate::analysis::NotExamined;
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
    /// What stands beside them and was left out, and groups that could not be read.
    pub left_out: Vec<NotExamined>,
    /// What `gate-dryrun` says of each group.
    pub forecasts: Vec<GroupForecast>,
}

impl Body for FactsBody {
    const NAME: &'static str = "facts";
    const LINES: &'static [Lines] =
        &[Lines::of("groups", "group"), Lines::of("forecasts", "forecast"), Lines::of("left_out", "other")];
    const CLOSED: bool = true;

    fn headline(&self) -> String {
        format!("the facts of {}", Count::of(self.groups.len(), "group"))
    }

    fn sections(&self) -> Vec<Section> {
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
        let note = "This is a summary. The file that `ekv-tool compare` takes is what `--format json` writes, which is also what is written \
                    when no format is given.";
        vec![Section::table("", &columns, rows), Section::Note(note.to_owned())]
    }
}
