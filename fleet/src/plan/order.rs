//! One order over all groups: each group says which of its members is better restarted before which, and groups may disagree.

use std::collections::{BTreeMap, BTreeSet};

use super::fleet::Fleet;

/// The nodes that may be restarted, in an order that keeps what the groups say; where groups contradict each other in a circle, what fewer of
/// them say gives way. Groups without a contradiction are always kept.
///
/// Source: P. Eades, X. Lin, W. F. Smyth, "A fast and effective heuristic for the feedback arc set problem" (1993).
pub fn order(fleet: &Fleet) -> Vec<usize> {
    let mut arcs: BTreeMap<(usize, usize), i64> = BTreeMap::new();
    for (first, second) in fleet.groups.iter().flat_map(|group| &group.before) {
        if fleet.nodes[*first].may && fleet.nodes[*second].may {
            *arcs.entry((*first, *second)).or_default() += 1;
        }
    }
    // Of each two nodes what more groups say.
    let net = |(pair, count): (&(usize, usize), &i64)| {
        let more = count - arcs.get(&(pair.1, pair.0)).copied().unwrap_or_default();
        (more > 0).then_some((*pair, more))
    };
    let arcs: Vec<_> = arcs.iter().filter_map(net).collect();
    let mut left = Left::new(fleet, &arcs);
    let (mut front, mut back) = (Vec::new(), Vec::new());
    loop {
        if let Some(node) = left.sinks.pop_last() {
            back.push(node.1);
            left.take(node.1);
        } else if let Some(node) = left.sources.pop_first() {
            front.push(node.1);
            left.take(node.1);
        } else if let Some(node) = left.most_wanted() {
            front.push(node);
            left.take(node);
        } else {
            break;
        }
    }
    front.extend(back.into_iter().rev());
    front
}

/// Fewest led groups first, then by position.
type Rank = (usize, usize);

/// The nodes that are not placed yet.
struct Left<'f> {
    fleet: &'f Fleet,
    /// Followers and predecessors of each node, with what speaks for the arc.
    after: Vec<Vec<(usize, i64)>>,
    before: Vec<Vec<(usize, i64)>>,
    /// Arcs from and to nodes that are left, and what speaks for them.
    open: Vec<[(usize, i64); 2]>,
    waits: BTreeSet<usize>,
    /// By what speaks for placing them at the front.
    wanted: BTreeSet<(i64, usize)>,
    sources: BTreeSet<Rank>,
    sinks: BTreeSet<Rank>,
}

impl<'f> Left<'f> {
    fn new(fleet: &'f Fleet, arcs: &[((usize, usize), i64)]) -> Self {
        let count = fleet.nodes.len();
        let (mut after, mut before) = (vec![Vec::new(); count], vec![Vec::new(); count]);
        let mut open = vec![[(0, 0); 2]; count];
        for ((first, second), weight) in arcs {
            after[*first].push((*second, *weight));
            before[*second].push((*first, *weight));
            open[*first][0].0 += 1;
            open[*first][0].1 += weight;
            open[*second][1].0 += 1;
            open[*second][1].1 += weight;
        }
        let waits: BTreeSet<_> = (0..count).filter(|node| fleet.nodes[*node].may).collect();
        let all = waits.clone();
        let (sources, sinks, wanted) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut left = Self { fleet, after, before, open, waits, wanted, sources, sinks };
        for node in all {
            left.settle(node);
        }
        left
    }

    fn rank(&self, node: usize) -> Rank {
        (self.fleet.nodes[node].leads, node)
    }

    /// Says where the node may go now.
    fn settle(&mut self, node: usize) {
        let [(out, _), (into, _)] = self.open[node];
        // A node without any arc is a source, which keeps nodes that lead few groups at the front.
        if into == 0 {
            self.sources.insert(self.rank(node));
        } else if out == 0 {
            self.sinks.insert(self.rank(node));
        }
        self.wanted.insert((self.want(node), node));
    }

    fn want(&self, node: usize) -> i64 {
        self.open[node][0].1 - self.open[node][1].1
    }

    fn forget(&mut self, node: usize) {
        let rank = self.rank(node);
        self.sources.remove(&rank);
        self.sinks.remove(&rank);
        self.wanted.remove(&(self.want(node), node));
    }

    fn most_wanted(&self) -> Option<usize> {
        self.wanted.last().map(|(_, node)| *node)
    }

    /// Takes a node out, and its arcs.
    fn take(&mut self, node: usize) {
        self.forget(node);
        self.waits.remove(&node);
        for (side, other_side) in [(0, 1), (1, 0)] {
            let arcs = std::mem::take(if side == 0 { &mut self.after[node] } else { &mut self.before[node] });
            for (other, weight) in arcs {
                if self.waits.contains(&other) {
                    self.forget(other);
                    self.open[other][other_side].0 -= 1;
                    self.open[other][other_side].1 -= weight;
                    self.settle(other);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fleet::{Group, Node};
    use super::*;

    fn fleet(count: usize, before: &[&[(usize, usize)]]) -> Fleet {
        let group = |pairs: &&[(usize, usize)]| Group { before: pairs.to_vec(), ..Group::default() };
        let node = Node { may: true, available: true, leads: 0 };
        Fleet { nodes: vec![node; count], groups: before.iter().map(group).collect() }
    }

    #[test]
    fn what_no_group_contradicts_is_kept() {
        assert_eq!(order(&fleet(3, &[&[(2, 1)], &[(1, 0)]])), [2, 1, 0]);
        assert_eq!(order(&fleet(3, &[])), [0, 1, 2]);
        let mut led = fleet(3, &[]);
        led.nodes[0].leads = 2;
        led.nodes[1].leads = 1;
        assert_eq!(order(&led), [2, 1, 0]);
        led.nodes[1].may = false;
        assert_eq!(order(&led), [2, 0]);
    }

    #[test]
    fn what_more_groups_say_counts() {
        assert_eq!(order(&fleet(2, &[&[(0, 1)], &[(1, 0)], &[(1, 0)]])), [1, 0]);
        // A circle is broken at its weakest place.
        let circle = fleet(3, &[&[(0, 1)], &[(0, 1)], &[(1, 2)], &[(1, 2)], &[(2, 0)]]);
        assert_eq!(order(&circle), [0, 1, 2]);
    }

    #[test]
    fn an_order_without_circles_is_kept_whatever_it_is() {
        let mut state = 7_u64;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below
        };
        for _ in 0..300 {
            let count = 2 + random(12);
            let place: Vec<_> = (0..count).map(|_| random(1000)).collect();
            let pairs: Vec<_> = (0..30).map(|_| (random(count), random(count))).collect();
            let pairs: Vec<_> = pairs.into_iter().filter(|(a, b)| place[*a] < place[*b]).collect();
            let order = order(&fleet(count, &[&pairs]));
            let at = |node| order.iter().position(|other| *other == node).unwrap();
            assert_eq!(order.len(), count);
            assert!(pairs.iter().all(|(a, b)| at(*a) < at(*b)), "{pairs:?} {order:?}");
        }
    }
}
