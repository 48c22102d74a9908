//! Two logs where they overlap.

use super::Replica;
use crate::analysis::codes::compare as codes;
use crate::analysis::{Finding, Severity};
use crate::readers::wal::{EntryRange, EntryRanges};
use crate::types::{LogIndex, Term};

/// Consecutive indexes that both hold, each side under one term.
struct Common {
    first: LogIndex,
    last: LogIndex,
    a: EntryRange,
    b: EntryRange,
}

/// How far two logs are the same where they overlap.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Agreement {
    /// The last index up to which they are known to be the same; 0 when they do not overlap.
    pub agreed: LogIndex,
    /// The first index at which they are known to differ.
    pub differs_at: Option<LogIndex>,
}

pub(super) fn compare(a: &Replica<'_>, b: &Replica<'_>, findings: &mut Vec<Finding>) -> Agreement {
    let mut agreement = Agreement::default();
    let common = overlap(&a.entries, &b.entries);
    let agree_up_to = common.iter().rev().find(|part| part.a.term == part.b.term).map(|part| part.last);
    for part in &common {
        if part.a.term == part.b.term {
            if let Some(index) = first_difference(a, b, part) {
                findings.push(same_term(a, b, index, part.a.term));
                agreement.differ(index);
                return agreement;
            }
            if agreement.differs_at.is_none() {
                agreement.agreed = part.last;
            }
            continue;
        }
        agreement.differ(part.first);
        let finding = other_term(a, b, part, agree_up_to);
        let stop = finding.severity == Severity::Error;
        findings.push(finding);
        if stop {
            return agreement;
        }
    }
    for (one, other) in [(a, b), (b, a)] {
        let (id, term) = (one.snapshot, other.entries.term_at(one.snapshot.index));
        if let Some(term) = term.filter(|term| *term != id.term && id.index <= other.hard_state.commit) {
            let message = format!(
                "The snapshot of {} at {} has term {}, but {} has committed an entry of term {term} there.",
                one.name(),
                id.index,
                id.term,
                other.name()
            );
            agreement.differ(id.index);
            findings.push(Finding::new(&codes::CROSS_COMMITTED_DIVERGENCE, message).at(other.evidence.path("wal")));
        }
    }
    agreement
}

impl Agreement {
    fn differ(&mut self, index: LogIndex) {
        self.differs_at = Some(self.differs_at.map_or(index, |first| first.min(index)));
    }
}

fn overlap(a: &EntryRanges, b: &EntryRanges) -> Vec<Common> {
    let (mut left, mut right) = (a.ranges().iter().peekable(), b.ranges().iter().peekable());
    let mut found = Vec::new();
    while let (Some(one), Some(other)) = (left.peek(), right.peek()) {
        let (first, last) = (one.first.max(other.first), one.last.min(other.last));
        if first <= last {
            found.push(Common { first, last, a: **one, b: **other });
        }
        if one.last <= other.last {
            left.next();
        } else {
            right.next();
        }
    }
    found
}

/// Entries of equal index and term that carry something, and how many of them have equal content. It ends at the first equal one.
pub(super) fn equal_entries(a: &Replica<'_>, b: &Replica<'_>) -> (usize, usize) {
    const ENOUGH: usize = 64;
    let mut compared = 0;
    for part in overlap(&a.entries, &b.entries).iter().filter(|part| part.a.term == part.b.term) {
        let Some((one, other)) = a.evidence.scan().zip(b.evidence.scan()) else { break };
        let (mine, theirs) = part.sides();
        let both = mine.iter(one, a.evidence.engine).zip(theirs.iter(other, b.evidence.engine));
        // What a new leader writes first is empty in every group.
        for (mine, theirs) in both.filter(|(mine, _)| !mine.data.is_empty()) {
            compared += 1;
            if mine.data == theirs.data {
                return (compared, 1);
            }
            if compared == ENOUGH {
                return (compared, 0);
            }
        }
    }
    (compared, 0)
}

impl Common {
    /// The entries as each side has them.
    fn sides(&self) -> (EntryRanges, EntryRanges) {
        let clip = |range: EntryRange| EntryRanges::of(EntryRange { first: self.first, last: self.last, ..range });
        (clip(self.a), clip(self.b))
    }
}

fn first_difference(a: &Replica<'_>, b: &Replica<'_>, part: &Common) -> Option<LogIndex> {
    let (one, other) = (a.evidence.scan()?, b.evidence.scan()?);
    let (mine, theirs) = part.sides();
    mine.iter(one, a.evidence.engine)
        .zip(theirs.iter(other, b.evidence.engine))
        .find(|(a, b)| (a.kind, a.data) != (b.kind, b.data))
        .map(|(entry, _)| entry.index)
}

fn same_term(a: &Replica<'_>, b: &Replica<'_>, index: LogIndex, term: Term) -> Finding {
    let committed = index <= a.hard_state.commit.min(b.hard_state.commit);
    let code = if committed { &codes::CROSS_COMMITTED_DIVERGENCE } else { &codes::CROSS_LOG_MATCHING };
    let message = format!(
        "Entry {index} of term {term} has other content on {} than on {}{}. One leader per term writes each index once: two \
         leaders shared the term, or bytes were changed on one of them.",
        a.name(),
        b.name(),
        if committed { ", and both regard it as committed" } else { "" }
    );
    Finding::new(code, message).at(b.evidence.path("wal"))
}

fn other_term(a: &Replica<'_>, b: &Replica<'_>, part: &Common, agree_up_to: Option<LogIndex>) -> Finding {
    let index = part.first;
    let (commit_a, commit_b) = (a.hard_state.commit, b.hard_state.commit);
    let place = |finding: Finding| {
        finding.at(b.evidence.path("wal")).expected(format!("term {}", part.a.term)).found(format!("term {}", part.b.term))
    };
    if index <= commit_a.min(commit_b) {
        let message = format!(
            "{} and {} both regard entry {index} as committed, and differ: term {} and term {}.",
            a.name(),
            b.name(),
            part.a.term,
            part.b.term
        );
        return place(Finding::new(&codes::CROSS_COMMITTED_DIVERGENCE, message));
    }
    let (holder, other, held, others) =
        if index <= commit_a { (a, b, part.a.term, part.b.term) } else { (b, a, part.b.term, part.a.term) };
    if index <= commit_a.max(commit_b) {
        if others > held {
            let message = format!(
                "{} has committed entry {index} of term {held}, but {} holds one of the later term {others} there: a later leader \
                 did not have it.",
                holder.name(),
                other.name()
            );
            return place(Finding::new(&codes::CROSS_COMMITTED_LOST, message));
        }
    } else if agree_up_to.is_some_and(|agreed| agreed > index) {
        let message = format!(
            "{} and {} differ at {index} (term {} and term {}) although they agree further up: logs that agree at one entry agree \
             at all before it.",
            a.name(),
            b.name(),
            part.a.term,
            part.b.term
        );
        return place(Finding::new(&codes::CROSS_LOG_MATCHING, message));
    }
    let message = format!(
        "{} holds entries from {index} on that {} does not have: an uncommitted suffix that the next leader replaces.",
        other.name(),
        holder.name()
    );
    place(Finding::new(&codes::CROSS_LOG_MATCHING, message)).severity(Severity::Info)
}
