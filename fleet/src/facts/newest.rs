//! Of each group of each node the newest facts, and what older ones say against them.

use std::collections::{BTreeMap, BTreeSet};

use ekv_tool::analysis::judge::facts::GroupFacts;
use ekv_tool::analysis::{Coverage, Finding};
use ekv_tool::ops::{Told, of_two_groups};

use super::{FactsFile, FactsRead, Unit, Units, name_of};

/// How the facts of several clusters are kept apart.
pub const APART: &str =
    "Facts of several clusters are kept apart: name those of one cluster alone, and give each a place of its own to --results.";

/// A group that newer facts of its node do not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// The node.
    pub node: String,
    /// The group.
    pub unit: Unit,
    /// True when the newer facts are of all groups of the node, so that it is not there any more.
    pub surely: bool,
    /// In words.
    pub text: String,
}

/// The newest facts of each group of each node.
#[derive(Debug)]
pub struct Newest {
    /// Every file that was read.
    pub files: Vec<FactsFile>,
    /// Of each file which of its copies count.
    pub counting: Vec<Vec<bool>>,
    /// By the name of the node, the files that count for any of its groups.
    pub of_nodes: BTreeMap<String, BTreeSet<usize>>,
    /// By node and group, the file that counts.
    of_units: BTreeMap<(String, Unit), usize>,
    /// Groups of which only older facts tell.
    pub gone: Vec<Gone>,
    /// Facts of one node that are of two clusters.
    pub mixed: Vec<Finding>,
    /// What was read, and what was not.
    pub coverage: Coverage,
}

impl FactsRead {
    /// Of each group of each node the newest of the files that tell of it, and nothing of the others.
    pub fn newest(self) -> Newest {
        let Self { files, mut coverage, .. } = self;
        let units: Vec<_> = files.iter().map(FactsFile::units).collect();
        let age = |number: usize| (files[number].document.taken_at_ms, files[number].sha256);
        let mut told: BTreeMap<(String, Unit), Vec<usize>> = BTreeMap::new();
        for (number, units) in units.iter().enumerate() {
            for (name, of_node) in units {
                of_node.iter().for_each(|unit| told.entry(((*name).to_owned(), unit)).or_default().push(number));
            }
        }
        for numbers in told.values_mut() {
            numbers.sort_by_key(|number| age(*number));
        }
        let copies: Vec<_> = files.iter().map(FactsFile::copies).collect();
        let mut mixed = Vec::new();
        for ((name, unit), numbers) in told.iter().filter(|(_, numbers)| numbers.len() > 1) {
            let copy = |number: usize| Some((&files[number], *copies[number].get(&(name.as_str(), *unit))?));
            mixed.extend(numbers.windows(2).find_map(|pair| of_two_clusters(copy(pair[0])?, copy(pair[1])?)));
        }
        let mut whole: BTreeMap<&str, usize> = BTreeMap::new();
        for (number, units) in units.iter().enumerate().filter(|(number, _)| files[*number].is_whole()) {
            for name in units.keys() {
                let best = whole.entry(name).or_insert(number);
                if age(number) > age(*best) {
                    *best = number;
                }
            }
        }
        let (mut of_units, mut gone) = (BTreeMap::new(), Vec::new());
        for ((name, unit), numbers) in &told {
            let Some(newest) = numbers.last() else { continue };
            match whole.get(name.as_str()).map(|whole| &files[*whole]) {
                Some(whole) if whole.document.taken_at_ms > files[*newest].document.taken_at_ms => {
                    gone.push(Gone::of(name, *unit, &files[*newest], whole));
                }
                _ => drop(of_units.insert((name.clone(), *unit), *newest)),
            }
        }
        let mut of_nodes: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for ((name, _), number) in &of_units {
            of_nodes.entry(name.clone()).or_default().insert(*number);
        }
        cover_older(&files, &units, &of_units, &mut coverage);
        let counts = |number: usize, copy: &GroupFacts| {
            let unit = units[number].get(name_of(copy)).map(|units| units.of(copy.group_id));
            unit.is_some_and(|unit| of_units.get(&(name_of(copy).to_owned(), unit)) == Some(&number))
        };
        let of_file =
            |(number, file): (usize, &FactsFile)| file.document.groups.iter().map(|copy| counts(number, copy)).collect();
        let counting = files.iter().enumerate().map(of_file).collect();
        Newest { files, counting, of_nodes, of_units, gone, mixed, coverage }
    }
}

impl Newest {
    /// True when the file counts for the group of the node.
    pub fn counts(&self, number: usize, name: &str, unit: Unit) -> bool {
        self.of_units.get(&(name.to_owned(), unit)) == Some(&number)
    }
}

impl Gone {
    fn of(name: &str, unit: Unit, older: &FactsFile, newer: &FactsFile) -> Self {
        let surely = newer.document.single_groups == Some(false);
        let (group, older, newer) = (label(unit), &older.shown, &newer.shown);
        let text = if surely {
            format!("{older} tells of {group} on {name}, and {newer}, which was taken later of all groups of it, does not")
        } else {
            format!(
                "{older} tells of {group} on {name}, and {newer}, which was taken later, does not; nor does it say of which groups it is"
            )
        };
        Self { node: name.to_owned(), unit, surely, text }
    }
}

fn label(unit: Unit) -> String {
    unit.map_or_else(|| "a group".to_owned(), |number| format!("group {number}"))
}

/// Says which facts do not count because there are newer ones.
fn cover_older(
    files: &[FactsFile],
    units: &[BTreeMap<&str, Units>],
    of_units: &BTreeMap<(String, Unit), usize>,
    coverage: &mut Coverage,
) {
    for (file, units) in files.iter().zip(units) {
        let mut older = Vec::new();
        for (name, of_node) in units {
            let best = |unit| of_units.get(&((*name).to_owned(), unit)).map(|best| &files[*best]);
            // The same facts under another name are not older.
            let (counted, hidden): (Vec<_>, Vec<_>) =
                of_node.iter().partition(|unit| best(*unit).is_some_and(|best| best.sha256 == file.sha256));
            if counted.is_empty() {
                older.push((*name).to_owned());
            } else {
                older.extend(hidden.into_iter().map(|unit| format!("{} of {name}", label(unit))));
            }
        }
        if !older.is_empty() {
            coverage.skipped(format!("{} in {}", older.join(", "), file.shown), "there are newer facts of the same node");
        }
    }
}

/// A copy in a file.
type InFile<'f> = (&'f FactsFile, &'f GroupFacts);

/// Whether what two files tell of one group of one node is of two clusters; `compare` judges it.
fn of_two_clusters((one, copy): InFile<'_>, (other, other_copy): InFile<'_>) -> Option<Finding> {
    if one.sha256 == other.sha256 {
        return None;
    }
    let mut finding = of_two_groups(
        Told { file: &one.shown, salt: &one.document.salt, facts: copy },
        Told { file: &other.shown, salt: &other.document.salt, facts: other_copy },
    )?;
    finding.message = format!("{} {APART}", finding.message);
    Some(finding)
}

impl FactsFile {
    /// Its copies by node and group.
    fn copies(&self) -> BTreeMap<(&str, Unit), &GroupFacts> {
        let units = self.units();
        let copy = |copy| (name_of(copy), units.get(name_of(copy)).and_then(|units| units.of(copy.group_id)));
        self.document.groups.iter().map(|it| (copy(it), it)).collect()
    }

    /// Whether any group that both files tell of on the same node is of two clusters.
    pub fn is_of_another_cluster(&self, other: &Self) -> Option<Finding> {
        let copies = other.copies();
        self.copies().into_iter().find_map(|(at, copy)| of_two_clusters((other, copies.get(&at)?), (self, copy)))
    }
}
