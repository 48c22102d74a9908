//! What the snapshots of several nodes prove. hashicorp/raft records no commit, but a snapshot is only made of entries that are committed: a
//! majority had each of them on disk, and every later leader has them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::facts::{HashiSnapshot, Member, Place};
use crate::analysis::judge::codes::compare as codes;
use crate::analysis::{Finding, Severity};
use crate::types::in_words;

/// One node, as far as its snapshots and the end of its log count.
#[derive(Debug, Clone)]
pub struct Replica<'a> {
    /// Its id in memberships.
    pub name: &'a str,
    /// The end of its log, or its snapshot where that reaches further: what a vote goes by.
    pub end: Place,
    /// True when its log was read whole and nothing is wrong with it: what it does not show, it does not have.
    pub sound: bool,
    /// Snapshots that it can restore.
    pub snapshots: &'a [HashiSnapshot],
    /// The membership in force, where it has one and starts.
    pub membership: Option<&'a [Member]>,
    /// Every membership that it knows, with the index of each.
    pub memberships: Vec<(u64, &'a [Member])>,
}

impl Replica<'_> {
    /// What a voter compares before it gives its vote.
    fn order(&self) -> (u64, u64) {
        (self.end.term, self.end.index)
    }

    /// The highest index that it knows to be committed.
    pub fn committed(&self) -> Option<Place> {
        self.snapshots.iter().map(HashiSnapshot::place).max()
    }
}

/// The voters of one membership, by what they have.
struct Voters<'a> {
    needed: usize,
    have: Vec<&'a str>,
    lack: Vec<&'a Replica<'a>>,
    unknown: Vec<&'a str>,
}

impl<'a> Voters<'a> {
    fn of(members: &'a [Member], replicas: &'a [Replica<'a>], has: &[Option<bool>]) -> Self {
        let voters: BTreeSet<&str> =
            members.iter().filter(|server| server.suffrage.votes()).map(|server| server.id.as_str()).collect();
        let mut all = Self { needed: voters.len() / 2 + 1, have: Vec::new(), lack: Vec::new(), unknown: Vec::new() };
        for voter in voters {
            let given = replicas.iter().zip(has).find(|(replica, _)| replica.name == voter);
            match given {
                Some((_, Some(true))) => all.have.push(voter),
                Some((replica, Some(false))) => all.lack.push(replica),
                Some((_, None)) | None => all.unknown.push(voter),
            }
        }
        all
    }

    /// True when no majority can have it, whatever those have that are not known.
    fn too_few(&self) -> bool {
        self.have.len() + self.unknown.len() < self.needed
    }
}

/// Judges whether a majority of the voters has what the furthest snapshot covers. `term_at` says the term of the entry that a node's log has at an
/// index; `None` for a log that cannot be read there.
///
/// A membership that is not committed counts only together with the ones before it, and a voter that was not given may have everything.
pub fn under_replicated(replicas: &[Replica<'_>], term_at: &dyn Fn(usize, u64) -> Option<u64>) -> Option<Finding> {
    let committed = replicas.iter().filter_map(Replica::committed).max()?;
    let has: Vec<Option<bool>> = replicas
        .iter()
        .enumerate()
        .map(|(number, replica)| {
            if replica.committed().is_some_and(|own| own.index >= committed.index) {
                return Some(true);
            }
            match term_at(number, committed.index) {
                Some(term) => Some(term == committed.term),
                None => (replica.sound && replica.end.index < committed.index).then_some(false),
            }
        })
        .collect();
    // Whoever is furthest has the membership that is in force.
    let newest = replicas.iter().filter(|replica| replica.membership.is_some()).max_by_key(|replica| replica.order());
    let source = replicas.iter().flat_map(|replica| replica.snapshots).find(|meta| meta.index == committed.index)?;
    let newest = newest.and_then(|replica| replica.membership).unwrap_or(&source.members);
    let later = replicas.iter().flat_map(|replica| &replica.memberships).filter(|(index, _)| *index > source.configuration_index);
    let mut every = vec![newest, source.members.as_slice()];
    every.extend(later.map(|(_, members)| *members));
    every.retain(|members| members.iter().any(|server| server.suffrage.votes()));
    every.dedup();
    let too_few = !every.is_empty() && every.iter().all(|members| Voters::of(members, replicas, &has).too_few());
    let voters = Voters::of(newest, replicas, &has);
    if voters.lack.is_empty() || voters.have.len() >= voters.needed || every.is_empty() {
        return None;
    }
    let all = voters.have.len() + voters.lack.len() + voters.unknown.len();
    let lack: Vec<_> = voters.lack.iter().map(|replica| format!("{} (ends at {})", replica.name, replica.end.index)).collect();
    let lack = in_words(&lack);
    let have = if voters.have.is_empty() { "none".to_owned() } else { in_words(&voters.have) };
    let holders: Vec<&str> =
        replicas.iter().zip(&has).filter(|(_, has)| **has == Some(true)).map(|(replica, _)| replica.name).collect();
    let says = in_words(&holders);
    let mut message = format!(
        "Index {} (term {}) is committed, by a snapshot; {says} {} it. Of {all} voters {} need it: {have} {}, {lack} {} not.",
        committed.index,
        committed.term,
        verb(holders.len()),
        voters.needed,
        verb(voters.have.len()),
        if voters.lack.len() == 1 { "does" } else { "do" },
    );
    if !too_few {
        let unknown = in_words(&voters.unknown);
        let _ = write!(message, " If {unknown}, of which that is not known, should lack it too, it can be lost.");
        return Some(Finding::new(&codes::CROSS_UNDER_REPLICATED, message).severity(Severity::Info));
    }
    let votes = |candidate: &Replica<'_>| {
        let given =
            replicas.iter().filter(|replica| newest.iter().any(|server| server.suffrage.votes() && server.id == replica.name));
        given.filter(|voter| voter.order() <= candidate.order()).count()
    };
    let winners: Vec<_> =
        voters.lack.iter().filter(|replica| replica.membership.is_some() && votes(replica) >= voters.needed).collect();
    match winners.iter().map(|replica| replica.end.index).min() {
        Some(end) => {
            let names = in_words(&winners.iter().map(|replica| replica.name).collect::<Vec<_>>());
            let _ = write!(
                message,
                " {names} can be elected without it: entries {} to {} are lost then.",
                end.min(committed.index.saturating_sub(1)).saturating_add(1),
                committed.index
            );
        }
        None => {
            let _ = write!(message, " Without {says} it is gone.");
        }
    }
    Some(Finding::new(&codes::CROSS_UNDER_REPLICATED, message))
}

fn verb(holders: usize) -> &'static str {
    if holders == 1 { "has" } else { "have" }
}

/// Holds the snapshots of two nodes against each other: one index has one term, and one membership.
pub fn snapshots_contradict(one: &Replica<'_>, other: &Replica<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let pairs = || one.snapshots.iter().flat_map(|own| other.snapshots.iter().map(move |its| (own, its)));
    if let Some((own, its)) = pairs().find(|(own, its)| own.index == its.index && own.term != its.term) {
        let message = format!(
            "The snapshots of {} and {} at index {} are of terms {} and {}: two entries were committed there.",
            one.name, other.name, own.index, own.term, its.term
        );
        found.push(Finding::new(&codes::CROSS_COMMITTED_DIVERGENCE, message));
    }
    // Version 0 has a list of addresses instead.
    let whole = |snapshot: &HashiSnapshot| snapshot.version > 0;
    let mut same = pairs().filter(|(own, its)| (own.index, own.term) == (its.index, its.term) && whole(own) && whole(its));
    if let Some((own, its)) = same.find(|(own, its)| members(own) != members(its)) {
        let names = |snapshot: &HashiSnapshot| {
            in_words(
                &members(snapshot).into_iter().map(|member| format!("{} ({})", member.id, member.suffrage)).collect::<Vec<_>>(),
            )
        };
        let message = format!(
            "The snapshots of {} and {} at index {} (term {}) name different members: {}, and {}.",
            one.name,
            other.name,
            own.index,
            own.term,
            names(own),
            names(its)
        );
        found.push(Finding::new(&codes::CROSS_SNAPSHOT_DIVERGENCE, message));
    }
    found
}

fn members(snapshot: &HashiSnapshot) -> BTreeSet<&Member> {
    snapshot.members.iter().collect()
}
