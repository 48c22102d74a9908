//! A restart on paper: nodes go down batch by batch and come up again, and every group has to keep a majority. It knows the members and the
//! plan alone, and shares nothing with what made the plan.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Who votes in one group.
#[derive(Debug, Clone, Default)]
pub struct Electorate {
    /// How reports name the group.
    pub label: String,
    /// Every configuration that may be in force: the node ids of those that vote.
    pub configurations: Vec<Vec<u64>>,
    /// Names of the nodes that hold a copy, with their ids in the group.
    pub nodes: BTreeMap<String, u64>,
}

/// Why a plan is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A group has no majority while a batch is down.
    NoQuorum {
        /// The batch, from 1 on.
        batch: usize,
        /// The group.
        group: String,
        /// Voters that are up.
        up: usize,
        /// Voters of the configuration.
        of: usize,
    },
    /// A node is restarted that must not be.
    Forbidden {
        /// The batch, from 1 on.
        batch: usize,
        /// The node.
        node: String,
    },
    /// A node is restarted twice, or both restarted and left.
    Twice(String),
    /// A node is neither restarted nor left.
    Forgotten(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoQuorum { batch, group, up, of } => {
                write!(f, "in batch {batch} only {up} of {of} voters of {group} are up")
            }
            Self::Forbidden { batch, node } => write!(f, "batch {batch} restarts {node}, which must not be restarted"),
            Self::Twice(node) => write!(f, "{node} is there twice"),
            Self::Forgotten(node) => write!(f, "{node} is neither restarted nor left"),
        }
    }
}

/// Restarts the nodes of each batch and looks at every group while they are down. `away` never counts; `left` is what the plan does not
/// restart.
///
/// # Errors
///
/// With the first thing that is wrong with the plan.
pub fn simulate(
    groups: &[Electorate],
    batches: &[Vec<String>],
    away: &BTreeSet<String>,
    left: &BTreeSet<String>,
) -> Result<(), Refusal> {
    let everyone: BTreeSet<&String> = groups.iter().flat_map(|group| group.nodes.keys()).collect();
    let mut of_node: BTreeMap<&String, Vec<usize>> = BTreeMap::new();
    for (number, group) in groups.iter().enumerate() {
        for name in group.nodes.keys() {
            of_node.entry(name).or_default().push(number);
        }
    }
    let mut done: BTreeSet<&String> = BTreeSet::new();
    for (number, batch) in batches.iter().enumerate() {
        let batch_number = number + 1;
        let down: BTreeSet<&String> = batch.iter().collect();
        for node in batch {
            if left.contains(node) || away.contains(node) {
                return Err(Refusal::Forbidden { batch: batch_number, node: node.clone() });
            }
            if !done.insert(node) {
                return Err(Refusal::Twice(node.clone()));
            }
        }
        // Groups of which nobody goes down are as they were.
        let touched: BTreeSet<usize> = batch.iter().filter_map(|node| of_node.get(node)).flatten().copied().collect();
        for group in touched.into_iter().map(|number| &groups[number]) {
            let up: BTreeSet<u64> =
                group.nodes.iter().filter(|(name, _)| !down.contains(name) && !away.contains(*name)).map(|(_, id)| *id).collect();
            for voters in &group.configurations {
                let voters: BTreeSet<u64> = voters.iter().copied().collect();
                let concerned = batch.iter().filter_map(|name| group.nodes.get(name)).any(|id| voters.contains(id));
                let present = voters.intersection(&up).count();
                if concerned && 2 * present <= voters.len() {
                    let (group, of) = (group.label.clone(), voters.len());
                    return Err(Refusal::NoQuorum { batch: batch_number, group, up: present, of });
                }
            }
        }
    }
    let forgotten = everyone.into_iter().find(|name| !done.contains(name) && !left.contains(*name));
    forgotten.map_or(Ok(()), |name| Err(Refusal::Forgotten(name.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(label: &str, voters: &[&str], others: &[&str]) -> Electorate {
        let id = |name: &str| name.bytes().fold(7_u64, |sum, byte| sum * 31 + u64::from(byte));
        let nodes = voters.iter().chain(others).map(|name| ((*name).to_owned(), id(name))).collect();
        Electorate { label: label.to_owned(), configurations: vec![voters.iter().map(|name| id(name)).collect()], nodes }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn set(list: &[&str]) -> BTreeSet<String> {
        names(list).into_iter().collect()
    }

    #[test]
    fn a_plan_that_stops_a_group_is_refused() {
        let groups = [group("1", &["a", "b", "c"], &["l"])];
        let plan = |batches: &[&[&str]], away: &[&str], left: &[&str]| {
            let batches: Vec<_> = batches.iter().map(|batch| names(batch)).collect();
            simulate(&groups, &batches, &set(away), &set(left))
        };
        assert_eq!(plan(&[&["l", "a"], &["b"], &["c"]], &[], &[]), Ok(()));
        let stops = Refusal::NoQuorum { batch: 1, group: "1".to_owned(), up: 1, of: 3 };
        assert_eq!(plan(&[&["a", "b"], &["c"], &["l"]], &[], &[]), Err(stops.clone()));
        assert_eq!(plan(&[&["a"], &["b"], &["l"]], &["c"], &["c"]), Err(stops));
        // Without a vote it stops nothing.
        assert_eq!(plan(&[&["l"]], &["c"], &["a", "b", "c"]), Ok(()));
        assert_eq!(plan(&[&["a"]], &[], &["b", "c"]), Err(Refusal::Forgotten("l".to_owned())));
        assert_eq!(plan(&[&["a"], &["a"]], &[], &["b", "c", "l"]), Err(Refusal::Twice("a".to_owned())));
        let forbidden = Refusal::Forbidden { batch: 1, node: "a".to_owned() };
        assert_eq!(plan(&[&["a"]], &[], &["a", "b", "c", "l"]), Err(forbidden.clone()));
        assert_eq!(forbidden.to_string(), "batch 1 restarts a, which must not be restarted");
    }

    #[test]
    fn both_halves_of_a_change_need_a_majority() {
        let mut groups = [group("1", &["a", "b", "c"], &["d", "e"])];
        let id = |name: &str| groups[0].nodes[name];
        let other = vec![id("c"), id("d"), id("e")];
        groups[0].configurations.push(other);
        let plan = |batches: &[&[&str]]| {
            let batches: Vec<_> = batches.iter().map(|batch| names(batch)).collect();
            simulate(&groups, &batches, &BTreeSet::new(), &BTreeSet::new())
        };
        assert_eq!(plan(&[&["a", "d"], &["b", "e"], &["c"]]), Ok(()));
        assert!(plan(&[&["a", "c"], &["b", "e"], &["d"]]).is_err());
        assert!(plan(&[&["d", "e"], &["a"], &["b"], &["c"]]).is_err());
    }
}
