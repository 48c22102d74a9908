//! Are these copies of one group, and of different members?

use super::copy::Identity;
use crate::analysis::Finding;
use crate::analysis::judge::codes::compare as codes;

/// Records that two members do not have in common by chance: batches and votes fall differently on every node.
const TELLING_RECORDS: u64 = 1000;

/// The gate: the finding when the copies are not of one group, so that nothing else about them can be compared.
pub fn strangers(copies: &[Identity<'_>]) -> Option<Finding> {
    let (first, stranger, why) = by_members(copies).or_else(|| by_content(copies))?;
    let message = format!(
        "{} and {} {why}: these directories are not of one group, and nothing else was compared.",
        first.dir, stranger.dir
    );
    Some(Finding::new(&codes::CROSS_GROUP_MISMATCH, message).at(stranger.dir.clone()))
}

/// The gate for directories whose names already say different groups.
pub fn numbers_differ(dirs: &[(String, u64)]) -> Option<Finding> {
    let (first, number) = dirs.first()?;
    let (stranger, other) = dirs.iter().find(|(_, other)| other != number)?;
    let message = format!(
        "{first} is of group {number} and {stranger} of group {other} by their names: these directories are not of one group, \
         and nothing else was compared."
    );
    Some(Finding::new(&codes::CROSS_GROUP_MISMATCH, message).at(stranger.clone()))
}

type Strangers<'r, 'a> = (&'r Identity<'a>, &'r Identity<'a>, String);

fn by_members<'r, 'a>(copies: &'r [Identity<'a>]) -> Option<Strangers<'r, 'a>> {
    let first = copies.iter().find(|copy| !copy.everyone.is_empty())?;
    let stranger = copies.iter().find(|copy| !copy.everyone.is_empty() && copy.everyone.is_disjoint(&first.everyone))?;
    Some((first, stranger, "have no member in common".to_owned()))
}

/// Entries of one index and term with other content everywhere.
fn by_content<'r, 'a>(copies: &'r [Identity<'a>]) -> Option<Strangers<'r, 'a>> {
    for (number, a) in copies.iter().enumerate() {
        for b in copies.iter().skip(number + 1) {
            let (compared, equal) = super::log::equal_entries(a, b);
            // One entry or two may be damaged; a history of them is another history.
            if compared >= 8 && equal == 0 {
                return Some((a, b, format!("hold {compared} entries of equal index and term and no equal content")));
            }
        }
    }
    None
}

/// Copies of one member, by their names or by their bytes: each is a finding.
pub fn duplicates(copies: &[Identity<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, a) in copies.iter().enumerate() {
        for b in copies.iter().skip(number + 1) {
            let copied = a.log.zip(b.log).and_then(|(one, other)| one.records_in_common(other));
            let message = if a.node_id == b.node_id {
                format!(
                    "{} and {} are both {}{}. If these are two copies of one node on purpose, compare only one of them with the \
                     others.",
                    a.dir,
                    b.dir,
                    a.name,
                    copied.map_or_else(String::new, |records| format!(", with the same {records} records in their logs"))
                )
            } else if let Some(records) = copied.filter(|records| *records >= TELLING_RECORDS) {
                format!(
                    "The logs of {} and {} have their first {records} records in common, byte for byte: one of these directories \
                     is a copy of the other under another name. Two members never write the same file.",
                    a.dir, b.dir
                )
            } else {
                continue;
            };
            findings.push(Finding::new(&codes::CROSS_DUPLICATE_IDENTITY, message).at(b.dir.clone()));
        }
    }
    findings
}
