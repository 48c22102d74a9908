//! Where the files of facts are, as they were given.

use ekv_tool::types::Sha256Sum;

use crate::error::Result;
use crate::facts::FactsFile;
use crate::parts::Results;
use crate::store::Listed;

/// Below this, in the place of the results.
pub const FACTS: &str = "facts/v1/";

/// A folder below [`FACTS`]: `NODES-GROUPS` for all facts of the same groups of the same nodes, the newest last. An earlier version wrote
/// `NODES` for all facts of the same nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Folder<'k>(pub &'k str);

/// Digits that stand for the names of the nodes.
const NODES: usize = 16;

impl<'k> Folder<'k> {
    /// That of a key of a file of facts.
    pub fn of(key: &'k str) -> Option<Self> {
        let (folder, file) = key.strip_prefix(FACTS)?.rsplit_once('/')?;
        file.ends_with(".facts").then_some(Self(folder))
    }

    /// True when all its files tell of the same groups, so that the newest is all there is to know.
    pub fn tells_groups(self) -> bool {
        self.0.contains('-')
    }

    /// What stands for the nodes.
    pub fn nodes(self) -> &'k str {
        self.0.get(..NODES).unwrap_or(self.0)
    }

    /// All files of facts in the place, in the order of their keys.
    pub async fn listed(results: &Results) -> Result<Vec<(String, Listed)>> {
        results.below(FACTS).await
    }
}

/// What stands for the nodes of a file.
pub fn nodes_of(file: &FactsFile) -> String {
    digits(&file.nodes().join("\n"))
}

/// The key of the facts as they are: those of the same groups of the same nodes lie together, the newest last.
pub fn facts_key(file: &FactsFile) -> String {
    let mut groups = if file.is_whole() { "all groups" } else { "some groups" }.to_owned();
    for (name, units) in file.units() {
        for unit in units.iter() {
            groups.push('\n');
            groups.push_str(name);
            groups.push(' ');
            groups.push_str(&unit.map_or_else(String::new, |number| number.to_string()));
        }
    }
    let (nodes, groups) = (nodes_of(file), digits(&groups));
    format!("{FACTS}{nodes}-{groups}/{:016}-{}.facts", file.document.taken_at_ms.0, file.sha256)
}

fn digits(text: &str) -> String {
    Sha256Sum::of(text.as_bytes()).to_string()[..NODES].to_owned()
}
