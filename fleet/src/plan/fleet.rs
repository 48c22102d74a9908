//! A fleet as numbers: what an order of restarts is made from.

/// Nodes and groups.
#[derive(Debug, Clone, Default)]
pub struct Fleet {
    /// The nodes, by name.
    pub nodes: Vec<Node>,
    /// The groups.
    pub groups: Vec<Group>,
}

/// A node.
#[derive(Debug, Clone, Default)]
pub struct Node {
    /// Nothing speaks against restarting it.
    pub may: bool,
    /// It counts when a group needs a majority.
    pub available: bool,
    /// Groups that it leads.
    pub leads: usize,
}

/// A group.
#[derive(Debug, Clone, Default)]
pub struct Group {
    /// Sets of voters, of each of which a majority has to be there: more than one while members change. A voter is the position of its node;
    /// `None` for one that does not count.
    pub sets: Vec<Vec<Option<usize>>>,
    /// Members of any kind, by position.
    pub members: Vec<usize>,
    /// Pairs of members: the first is better restarted before the second.
    pub before: Vec<(usize, usize)>,
}

impl Group {
    /// The first set in which no majority is left when those are down for which `down` is true: how many voters there are and how many are
    /// needed.
    pub fn shortage(&self, fleet: &[Node], down: impl Fn(usize) -> bool) -> Option<(usize, usize)> {
        self.sets.iter().find_map(|set| {
            let counts = |voter: &&Option<usize>| voter.is_some_and(|node| fleet[node].available && !down(node));
            let (there, needed) = (set.iter().filter(counts).count(), set.len() / 2 + 1);
            (there < needed).then_some((there, needed))
        })
    }

    /// True when the node has a vote in any set.
    pub fn votes(&self, node: usize) -> bool {
        self.sets.iter().any(|set| set.contains(&Some(node)))
    }
}

impl Fleet {
    /// The groups of each node.
    pub fn groups_of_nodes(&self) -> Vec<Vec<usize>> {
        let mut groups = vec![Vec::new(); self.nodes.len()];
        for (number, group) in self.groups.iter().enumerate() {
            for member in &group.members {
                groups[*member].push(number);
            }
        }
        groups
    }
}
