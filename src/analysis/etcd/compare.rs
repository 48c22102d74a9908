//! The logs of several members against each other.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::facts::EtcdFacts;
use crate::analysis::Finding;
use crate::analysis::judge::codes::compare as codes;
use crate::analysis::server::log::EffectiveLog;
use crate::formats::facts::{LogSums, Salt, SummedLog, Summer, TermRun, TermRuns, Unknown, Unlike};
use crate::readers::wal::WalScan;
use crate::types::{EtcdId, ServerVersion};

/// The entries of a log that stand, and sums over them.
#[derive(Debug, Clone)]
pub struct SummedEntries {
    /// The entries, as runs of one term.
    pub runs: TermRuns,
    /// The sums; `None` when bytes have changed since the log was read.
    pub sums: Option<LogSums>,
}

/// One member, as it is compared.
#[derive(Debug)]
pub struct ComparedMember {
    /// The directory as the caller named it.
    pub name: String,
    /// Its id and its cluster's.
    owner: Option<(EtcdId, EtcdId)>,
    /// Commit of its last hard state.
    commit: u64,
    log: SummedLog,
}

/// What comparing the members came to.
#[derive(Debug, Default)]
pub struct ComparedMembers {
    /// Where they contradict each other.
    pub findings: Vec<Finding>,
    /// Entries of which it is not known whether they are the same, by the names of the two members.
    pub apart: Vec<([String; 2], Unknown)>,
}

/// Bytes of memory that an entry takes which is compared by itself: its sum, in a list and in a piece.
const ENTRY: u64 = 32;

impl SummedEntries {
    /// Reads the entries of a log, with a sum for each while there are no more than `at_most`, or no more than a file of facts has.
    pub fn of(scan: &WalScan, version: ServerVersion, salt: &Salt, at_most: u64) -> Self {
        let log = EffectiveLog::of(scan, version);
        let entries = || log.entries.iter(scan, version);
        let runs = TermRuns::of(entries().map(|entry| TermRun { first: entry.index, last: entry.index, term: entry.term }));
        let sum = |index, term, kind, data: &[u8]| (index, salt.of_entry(index, term, kind, data));
        let sums = Summer::of(&runs, at_most, entries().map(|entry| sum(entry.index, entry.term, entry.kind, entry.data)));
        Self { runs, sums }
    }

    /// Bytes of memory that so many entries take, each with a sum.
    pub const fn memory_of(entries: u64) -> u64 {
        entries.saturating_mul(ENTRY)
    }
}

impl ComparedMember {
    /// A member. Without `comparable` its sums were made with another salt than those of the others.
    pub fn new(facts: &EtcdFacts, comparable: bool) -> Self {
        Self {
            name: facts.dir.clone(),
            owner: facts.member_id.zip(facts.cluster_id),
            commit: facts.log.as_ref().and_then(|log| log.hard_state).map_or(0, |state| state.commit),
            log: SummedLog::new(facts.entries.clone(), facts.sums.as_ref().filter(|_| comparable)),
        }
    }

    /// First and last entry.
    pub fn range(&self) -> Option<(u64, u64)> {
        let runs = self.log.runs.runs();
        Some((runs.first()?.first.0, runs.last()?.last.0))
    }
}

/// Where the members contradict each other.
pub fn compare_members(members: &[ComparedMember]) -> ComparedMembers {
    let mut compared = ComparedMembers::default();
    let mut ids: HashMap<u64, &ComparedMember> = HashMap::new();
    for member in members {
        let Some((id, _)) = member.owner else { continue };
        if let Some(other) = ids.insert(id.0, member) {
            let message = format!(
                "{} and {} are the same member, {id}: a copy of a member must not run beside it.",
                other.name, member.name
            );
            compared.findings.push(Finding::new(&codes::CROSS_DUPLICATE_IDENTITY, message).at(&member.name));
        }
    }
    let mut known = members.iter().filter_map(|member| Some((member, member.owner?.1)));
    if let Some((first, cluster)) = known.next()
        && let Some((other, its)) = known.find(|(_, id)| *id != cluster)
    {
        let message = format!(
            "{} is of cluster {cluster}, {} of cluster {its}: their logs have nothing in common.",
            first.name, other.name
        );
        compared.findings.push(Finding::new(&codes::CROSS_GROUP_MISMATCH, message).at(&other.name));
        return compared;
    }
    // The others against the one that holds most: each difference shows against it, and the work stays linear.
    let Some(longest) = members.iter().max_by_key(|member| (member.commit, member.log.runs.count())) else { return compared };
    for member in members.iter().filter(|member| !std::ptr::eq(*member, longest)) {
        let (finding, apart) = pair(longest, member);
        compared.findings.extend(finding);
        compared.apart.extend(apart.map(|apart| ([longest.name.clone(), member.name.clone()], apart)));
    }
    compared
}

/// The first contradiction, and the entries before it of which it is not known whether they are the same.
fn pair(one: &ComparedMember, other: &ComparedMember) -> (Option<Finding>, Option<Unknown>) {
    let both = one.commit.min(other.commit);
    let names = format!("{} and {}", one.name, other.name);
    let (mut found, mut apart) = (None, None);
    let mut keep = |finding: Finding| {
        found = Some(finding.at(&other.name));
        ControlFlow::Break(())
    };
    let _ = one.log.unlike(&other.log, |unlike| match unlike {
        Unlike::Terms(index, (term, its_term)) if index.0 <= both => {
            let message = format!(
                "{names} hold different entries at index {index} (terms {term} and {its_term}), which both have committed: they have \
                 applied different histories."
            );
            keep(Finding::new(&codes::CROSS_COMMITTED_DIVERGENCE, message))
        }
        // Above the commit members may differ until a leader replaces what one of them holds.
        Unlike::Terms(..) => ControlFlow::Continue(()),
        Unlike::Contents(first, last, term) => {
            let place = if first == last { format!("at index {first}") } else { format!("at one of the indexes {first} to {last}") };
            if last.0 <= both {
                let message = format!(
                    "{names} hold different entries {place} (terms {term} and {term}), which both have committed: they have \
                     applied different histories."
                );
                return keep(Finding::new(&codes::CROSS_COMMITTED_DIVERGENCE, message));
            }
            let message = format!(
                "{names} hold different entries {place}, both of term {term}: two leaders wrote in one term, or one of the logs was changed."
            );
            keep(Finding::new(&codes::CROSS_LOG_MATCHING, message))
        }
        Unlike::Apart(first, last) => {
            Unknown::add(&mut apart, first, last);
            ControlFlow::Continue(())
        }
    });
    (found, apart)
}
