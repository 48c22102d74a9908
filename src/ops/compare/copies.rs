//! Copies of groups that files of facts tell, for who has many of them and reads the files itself: judged as `compare` judges the files.

use std::collections::BTreeMap;

use super::node::Node;
use super::place::{TakenGroup, by_group};
use super::{CompareOptions, compare_nodes};
use crate::analysis::judge::facts::GroupFacts;
use crate::analysis::judge::nodes::{NodeFacts, NodeStart, Replica, strangers};
use crate::analysis::{Coverage, Finding};
use crate::error::Result;
use crate::readers::source::Run;
use crate::report::body::compare::GroupComparison;

/// What comparing the copies of one group came to.
#[derive(Debug)]
pub struct ComparedCopies {
    /// What `compare` reports of the group.
    pub group: GroupComparison,
    /// What is wrong with the group, and belongs to no copy by itself.
    pub findings: Vec<Finding>,
    /// What is wrong with each copy by itself, in the order of the copies; nothing of one that is no member.
    pub of_copies: Vec<Vec<Finding>>,
    /// What could not be looked at.
    pub coverage: Coverage,
}

/// The copies of each group, by the numbers in the names of their directories. Directories that have one name on several machines get the
/// name of their file in front.
pub fn match_copies(mut copies: Vec<TakenGroup>) -> BTreeMap<Option<u64>, Vec<TakenGroup>> {
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    for copy in &copies {
        *names.entry(copy.facts.node.dir.clone()).or_default() += 1;
    }
    for copy in &mut copies {
        if names.get(&copy.facts.node.dir).is_some_and(|count| *count > 1) {
            copy.name_file();
        }
    }
    by_group(copies)
}

/// What one file of facts tells of one copy.
#[derive(Debug, Clone, Copy)]
pub struct Told<'f> {
    /// The file, as reports name it.
    pub file: &'f str,
    /// Which salt is in its sums.
    pub salt: &'f str,
    /// What it says.
    pub facts: &'f GroupFacts,
}

/// What two files tell of one node's copy of one group, when that is of two groups: those of two clusters whose nodes have the same names. It
/// is `compare`'s judgement of two nodes. Logs that have no entry in common, or sums with different salts, tell nothing.
pub fn of_two_groups(one: Told<'_>, other: Told<'_>) -> Option<Finding> {
    let replica = |told: Told<'_>| {
        let node = NodeFacts { dir: format!("{}: {}", told.file, told.facts.node.dir), ..told.facts.node.clone() };
        Replica::of_facts(node, NodeStart::default(), told.facts.log.as_ref().filter(|_| one.salt == other.salt))
    };
    let replicas = [replica(one), replica(other)];
    strangers(&[replicas[0].identity(), replicas[1].identity()])
}

/// Compares the copies of one group. One alone has nothing to be compared with, and is judged by itself.
///
/// # Errors
///
/// When it takes more memory than the run may, or is interrupted.
pub fn compare_copies(group_id: Option<u64>, copies: Vec<TakenGroup>, run: &Run<'_>) -> Result<ComparedCopies> {
    let mut coverage = Coverage::default();
    for copy in &copies {
        coverage.also_left_out(copy.facts.not_examined.iter().cloned());
    }
    let nodes: Vec<_> = copies.into_iter().map(|copy| Node::Taken(Box::new(copy))).collect();
    let (group, mut found) = compare_nodes(group_id, &nodes, &CompareOptions::default(), &mut coverage, run)?;
    let own = nodes.iter().filter_map(Node::taken).map(|taken| {
        let own = || taken.facts.findings.iter().chain(&taken.facts.encryption_findings);
        // Two nodes may be damaged alike, and tell it in the same words: each has its own.
        let mut take = |finding: &Finding| Some(found.remove(found.iter().position(|other| other == finding)?));
        own().filter_map(&mut take).collect::<Vec<_>>()
    });
    let of_copies = own.collect();
    Ok(ComparedCopies { group, findings: found, of_copies, coverage })
}
