//! Nodes that are restarted together.

use super::fleet::Fleet;
use super::order::order;

/// How much is restarted at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Nodes of a batch, at most.
    pub nodes: usize,
    /// Members of one group in a batch, at most.
    pub per_group: usize,
}

/// A restart of the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batches {
    /// The nodes of each batch, one batch after the other.
    pub batches: Vec<Vec<usize>>,
    /// Nodes without which a group has no majority.
    pub needed: Vec<Needed>,
    /// Groups in whose order a node is restarted too early.
    pub against: Vec<usize>,
}

/// A node that cannot be restarted for a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needed {
    /// The node.
    pub node: usize,
    /// The group that it is needed in.
    pub group: usize,
    /// Voters that would be there.
    pub there: usize,
    /// Voters that are needed.
    pub needed: usize,
}

/// Batches over the nodes that may be restarted. Each batch takes, in the order over all groups, every node that has no one before it, while
/// every group keeps a majority of each set of its voters.
pub fn batches(fleet: &Fleet, limits: Limits) -> Batches {
    let groups_of = fleet.groups_of_nodes();
    let mut fleet = fleet.clone();
    let mut made = Batches::default();
    for (node, groups) in groups_of.iter().enumerate() {
        if !fleet.nodes[node].may {
            continue;
        }
        for number in groups {
            let group = &fleet.groups[*number];
            if !group.votes(node) {
                continue;
            }
            if let Some((there, needed)) = group.shortage(&fleet.nodes, |other| other == node) {
                made.needed.push(Needed { node, group: *number, there, needed });
            }
        }
    }
    for needed in &made.needed {
        fleet.nodes[needed.node].may = false;
    }
    let order = order(&fleet);
    let mut place = vec![usize::MAX; fleet.nodes.len()];
    order.iter().enumerate().for_each(|(at, node)| place[*node] = at);
    // What the order keeps of what the groups say.
    let mut waits_for: Vec<Vec<usize>> = vec![Vec::new(); fleet.nodes.len()];
    for (first, second) in fleet.groups.iter().flat_map(|group| &group.before) {
        if place[*first] < place[*second] && place[*second] != usize::MAX {
            waits_for[*second].push(*first);
        }
    }
    for list in &mut waits_for {
        list.sort_unstable();
        list.dedup();
    }
    let mut batch_of = vec![usize::MAX; fleet.nodes.len()];
    let mut left = order;
    while !left.is_empty() {
        let number = made.batches.len();
        let mut batch: Vec<usize> = Vec::new();
        let mut down = vec![false; fleet.nodes.len()];
        let mut busy = vec![0; fleet.groups.len()];
        left.retain(|node| {
            let free = batch.len() < limits.nodes.max(1)
                && waits_for[*node].iter().all(|first| batch_of[*first] < number)
                && groups_of[*node].iter().all(|group| busy[*group] < limits.per_group.max(1));
            if !free {
                return true;
            }
            down[*node] = true;
            let keeps = |group: &usize| {
                let group = &fleet.groups[*group];
                !group.votes(*node) || group.shortage(&fleet.nodes, |other| down[other]).is_none()
            };
            if !groups_of[*node].iter().all(keeps) {
                down[*node] = false;
                return true;
            }
            batch.push(*node);
            groups_of[*node].iter().for_each(|group| busy[*group] += 1);
            false
        });
        for node in &batch {
            batch_of[*node] = number;
        }
        if batch.is_empty() {
            break;
        }
        made.batches.push(batch);
    }
    let early = |(first, second): &(usize, usize)| {
        let (first, second) = (batch_of[*first], batch_of[*second]);
        first != usize::MAX && second != usize::MAX && first >= second
    };
    made.against = (0..fleet.groups.len()).filter(|group| fleet.groups[*group].before.iter().any(early)).collect();
    made
}
