//! Thousands of small fleets, planned, and restarted on paper by what shares nothing with the planner.

use std::collections::{BTreeMap, BTreeSet};

use ekv_fleet::plan::batches::{Limits, batches};
use ekv_fleet::plan::fleet::{Fleet, Group, Node};
use ekv_fleet::simulate::{Electorate, simulate};

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below.max(1)
    }

    fn one_of(&mut self, in_so_many: usize) -> bool {
        self.roll(in_so_many) == 0
    }

    /// Some of the nodes, each once.
    fn some(&mut self, of: usize, count: usize) -> Vec<usize> {
        let mut all: Vec<_> = (0..of).collect();
        for at in (1..all.len()).rev() {
            let other = self.roll(at + 1);
            all.swap(at, other);
        }
        all.truncate(count);
        all
    }
}

fn name(node: usize) -> String {
    format!("n{node:03}")
}

/// A fleet for the planner, and the same for the restart on paper. A voter above the nodes is one of which there are no facts.
fn made(dice: &mut Dice) -> (Fleet, Vec<Electorate>) {
    let count = 1 + dice.roll(12);
    let mut fleet = Fleet::default();
    for _ in 0..count {
        let available = !dice.one_of(9);
        fleet.nodes.push(Node { may: available && !dice.one_of(9), available, leads: dice.roll(4) });
    }
    let mut paper = Vec::new();
    for number in 0..=dice.roll(8) {
        let mut sets = Vec::new();
        // A third of them are between two configurations, and some have a change above the commit as well.
        for _ in 0..1 + usize::from(dice.one_of(3)) + usize::from(dice.one_of(6)) {
            let size = 1 + dice.roll(7.min(count));
            let beyond = usize::from(dice.one_of(6));
            sets.push(dice.some(count + beyond, size));
        }
        let learners = dice.roll(3);
        let mut members: BTreeSet<usize> = sets.iter().flatten().copied().filter(|node| *node < count).collect();
        members.extend(dice.some(count, learners));
        let members: Vec<_> = members.into_iter().collect();
        let before = (0..dice.roll(6)).filter_map(|_| {
            let pair = (*members.get(dice.roll(members.len()))?, *members.get(dice.roll(members.len()))?);
            (pair.0 != pair.1).then_some(pair)
        });
        let before = before.collect();
        paper.push(Electorate {
            label: format!("group {number}"),
            configurations: sets.iter().map(|set| set.iter().map(|node| *node as u64).collect()).collect(),
            nodes: members.iter().map(|node| (name(*node), *node as u64)).collect(),
        });
        let sets = sets.into_iter().map(|set| set.into_iter().map(|node| (node < count).then_some(node)).collect());
        fleet.groups.push(Group { sets: sets.collect(), members, before });
    }
    (fleet, paper)
}

#[test]
fn no_plan_of_any_fleet_is_refused_on_paper() {
    let mut dice = Dice(1);
    let (mut restarted, mut stopped, mut waves, mut refused) = (0, 0, 0, 0);
    for round in 0..6000 {
        let (fleet, paper) = made(&mut dice);
        let limits = Limits { nodes: 1 + dice.roll(6), per_group: 1 + dice.roll(3) };
        let plan = batches(&fleet, limits);
        let named: Vec<Vec<String>> = plan.batches.iter().map(|batch| batch.iter().map(|node| name(*node)).collect()).collect();
        let all = || fleet.nodes.iter().enumerate();
        let away: BTreeSet<_> = all().filter(|(_, node)| !node.available).map(|(number, _)| name(number)).collect();
        let planned: BTreeSet<_> = plan.batches.iter().flatten().copied().collect();
        let needed: BTreeSet<_> = plan.needed.iter().map(|needed| needed.node).collect();
        let left: BTreeSet<_> =
            all().filter(|(number, node)| !node.may || needed.contains(number)).map(|(number, _)| name(number)).collect();
        assert_eq!(simulate(&paper, &named, &away, &left), Ok(()), "round {round}: {fleet:?}");
        assert!(named.iter().all(|batch| !batch.is_empty() && batch.len() <= limits.nodes));
        for batch in &plan.batches {
            for group in &fleet.groups {
                assert!(batch.iter().filter(|node| group.members.contains(node)).count() <= limits.per_group);
            }
        }
        // Everybody who may be restarted is, or could not be even alone.
        for (number, node) in all() {
            assert_eq!(planned.contains(&number), node.may && !needed.contains(&number));
            if needed.contains(&number) {
                let others: BTreeSet<_> = all().filter(|(other, _)| *other != number).map(|(other, _)| name(other)).collect();
                let alone = simulate(&paper, &[vec![name(number)]], &away, &others);
                // A set without it may be short as well: then nothing of the group is touched.
                let short = fleet
                    .groups
                    .iter()
                    .any(|group| group.votes(number) && group.shortage(&fleet.nodes, |down| down == number).is_some());
                assert!(alone.is_err() || short, "round {round}");
                stopped += 1;
            }
        }
        // What a group says is kept, or the group is named.
        let at: BTreeMap<usize, usize> =
            plan.batches.iter().enumerate().flat_map(|(at, batch)| batch.iter().map(move |node| (*node, at))).collect();
        for (number, group) in fleet.groups.iter().enumerate() {
            let early = |(one, other): &(usize, usize)| at.get(one).zip(at.get(other)).is_some_and(|(one, other)| one >= other);
            assert_eq!(group.before.iter().any(early), plan.against.contains(&number), "round {round}");
        }
        restarted += planned.len();
        waves += plan.batches.len();
        // A plan that restarts everybody at once is told apart.
        let at_once = [named.concat()];
        refused += usize::from(simulate(&paper, &at_once, &away, &left).is_err());
    }
    assert!(restarted > 10_000 && stopped > 2_000 && waves > 5_000 && refused > 1_000, "{restarted} {stopped} {waves} {refused}");
}
