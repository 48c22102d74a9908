//! Two logs where they overlap.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::Replica;
use super::copy::Identity;
use crate::analysis::judge::codes::compare as codes;
use crate::analysis::{Finding, Severity};
use crate::formats::facts::{Common, Compared, overlap};
use crate::formats::layout;
use crate::types::{LogIndex, Term};

/// Entries of equal term on two nodes of which it is not known whether they are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Apart {
    /// Positions of the two nodes.
    pub nodes: (usize, usize),
    /// The first of them.
    pub first: LogIndex,
    /// The last of them; some in between may have been compared.
    pub last: LogIndex,
    /// How many there are.
    pub entries: u64,
    /// True when a start of one of the nodes reads them: they are behind its snapshot.
    pub needed: bool,
}

/// How far two logs are the same where they overlap.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Agreement {
    /// The last index up to which they are known to be the same; 0 when they do not overlap.
    pub agreed: LogIndex,
    /// The first index at which they are known to differ.
    pub differs_at: Option<LogIndex>,
}

/// A place where two logs do not say the same.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clash {
    /// Positions of the two nodes.
    nodes: (usize, usize),
    index: LogIndex,
    /// The last index at which the difference may be; the same one when it is known.
    up_to: LogIndex,
    /// The term of the entry, or of the snapshot, on each.
    terms: (Term, Term),
    kind: Kind,
}

/// What a clash is, gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Both regard the index as committed: entries of two terms.
    CommittedTerms,
    /// Both regard the index as committed: one term, two contents.
    CommittedContents,
    /// The first node's snapshot has another term than the entry that the second has committed there.
    CommittedSnapshot,
    /// Committed on the first node, while the second has an entry of a later term.
    Lost,
    /// One term, two contents.
    Contents,
    /// Other terms although the logs agree further up.
    Prefix,
    /// Not committed on the second node.
    Suffix,
}

/// Finds how far two logs agree, and where they do not.
pub(super) fn compare(
    replicas: &[Replica<'_>],
    nodes: (usize, usize),
    clashes: &mut Vec<Clash>,
    apart: &mut Vec<Apart>,
) -> Agreement {
    let (a, b) = (&replicas[nodes.0], &replicas[nodes.1]);
    let mut agreement = Agreement::default();
    let common = overlap(&a.facts.entries, &b.facts.entries);
    let agree_up_to = common.iter().rev().find(|part| part.terms.0 == part.terms.1).map(|part| part.last);
    let mut unknown = None;
    for part in &common {
        if part.terms.0 == part.terms.1 {
            let difference = first_difference(a, b, part, nodes, &mut unknown);
            if let Some((index, up_to)) = difference {
                let committed = up_to <= a.facts.hard_state.commit.min(b.facts.hard_state.commit);
                let kind = if committed { Kind::CommittedContents } else { Kind::Contents };
                clashes.push(Clash { nodes, index, up_to, terms: part.terms, kind });
                agreement.differ(index);
                apart.extend(unknown);
                return agreement;
            }
            if agreement.differs_at.is_none() {
                agreement.agreed = part.last;
            }
            continue;
        }
        agreement.differ(part.first);
        let clash = other_term(replicas, nodes, part, agree_up_to);
        clashes.push(clash);
        if clash.kind != Kind::Suffix {
            apart.extend(unknown);
            return agreement;
        }
    }
    apart.extend(unknown);
    for (one, other) in [nodes, (nodes.1, nodes.0)] {
        let (id, holder) = (replicas[one].facts.snapshot, &replicas[other].facts);
        let term = holder.entries.term_at(id.index).filter(|term| *term != id.term && id.index <= holder.hard_state.commit);
        if let Some(term) = term {
            let terms = (id.term, term);
            clashes.push(Clash { nodes: (one, other), index: id.index, up_to: id.index, terms, kind: Kind::CommittedSnapshot });
            agreement.differ(id.index);
        }
    }
    agreement
}

fn other_term(replicas: &[Replica<'_>], nodes: (usize, usize), part: &Common, agree_up_to: Option<LogIndex>) -> Clash {
    let index = part.first;
    let commit = |node: usize| replicas[node].facts.hard_state.commit;
    let (a, b) = nodes;
    let (ours, its) = part.terms;
    let straight = Clash { nodes, index, up_to: index, terms: part.terms, kind: Kind::CommittedTerms };
    if index <= commit(a).min(commit(b)) {
        return straight;
    }
    // The one that has committed it comes first.
    let holder_first = if index <= commit(a) { straight } else { Clash { nodes: (b, a), terms: (its, ours), ..straight } };
    if index <= commit(a).max(commit(b)) {
        let (_, others) = holder_first.terms;
        // An entry of an older term is committed together with a later one: a leader in between may have had another in its
        // place, as long as it came before the leader that committed both.
        let committed_in = replicas[holder_first.nodes.0].facts.commit_term(index);
        let kind = if others > committed_in { Kind::Lost } else { Kind::Suffix };
        return Clash { kind, ..holder_first };
    }
    if agree_up_to.is_some_and(|agreed| agreed > index) {
        return Clash { kind: Kind::Prefix, ..straight };
    }
    Clash { kind: Kind::Suffix, ..straight }
}

impl Agreement {
    fn differ(&mut self, index: LogIndex) {
        self.differs_at = Some(self.differs_at.map_or(index, |first| first.min(index)));
    }
}

/// Entries of equal index and term that carry something, and how many of them have equal content. It ends at the first equal one. Where only
/// sums are known, runs of entries are counted.
pub(super) fn equal_entries(a: &Identity<'_>, b: &Identity<'_>) -> (usize, usize) {
    const ENOUGH: usize = 64;
    let (mut compared, mut equal) = (0, 0);
    let Some((one, other)) = a.log.zip(b.log) else { return (0, 0) };
    for part in overlap(one.runs(), other.runs()).iter().filter(|part| part.terms.0 == part.terms.1) {
        let ended = one.compare(other, (part.first, part.last), |seen| {
            match seen {
                // What a new leader writes first is empty in every group.
                Compared::Same(false) | Compared::Apart(..) => {}
                Compared::Same(true) => (compared, equal) = (compared + 1, 1),
                Compared::Differ(..) => compared += 1,
            }
            if equal > 0 || compared == ENOUGH { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        if ended.is_break() {
            break;
        }
    }
    (compared, equal)
}

/// Where the contents of two logs differ first; what could not be compared before that is added to `unknown`.
fn first_difference(
    a: &Replica<'_>,
    b: &Replica<'_>,
    part: &Common,
    nodes: (usize, usize),
    unknown: &mut Option<Apart>,
) -> Option<(LogIndex, LogIndex)> {
    let (one, other) = (a.log.as_ref()?, b.log.as_ref()?);
    // No start reads what a snapshot covers.
    let covered = a.facts.snapshot.index.min(b.facts.snapshot.index);
    let mut found = None;
    let _ = one.compare(other, (part.first, part.last), |seen| match seen {
        Compared::Same(_) => ControlFlow::Continue(()),
        Compared::Apart(first, last) => {
            let gap = unknown.get_or_insert(Apart { nodes, first, last, entries: 0, needed: false });
            gap.last = last;
            gap.entries = gap.entries.saturating_add(last.0.saturating_sub(first.0).saturating_add(1));
            gap.needed |= last > covered;
            ControlFlow::Continue(())
        }
        Compared::Differ(first, last) => {
            found = Some((first, last));
            ControlFlow::Break(())
        }
    });
    found
}

/// The clashes as findings. Where one node stands against several that agree, one finding names it.
pub(super) fn findings(replicas: &[Replica<'_>], clashes: &[Clash]) -> Vec<Finding> {
    let mut alike: BTreeMap<(Kind, LogIndex), Vec<Clash>> = BTreeMap::new();
    for clash in clashes {
        alike.entry((clash.kind, clash.index)).or_default().push(*clash);
    }
    let mut found = Vec::new();
    for clashes in alike.values() {
        match odd_one(clashes) {
            Some((odd, others, clash)) => found.push(finding(replicas, &clash, &others, odd, true)),
            None => found.extend(clashes.iter().map(|clash| finding(replicas, clash, &[clash.nodes.0], clash.nodes.1, false))),
        }
    }
    found
}

/// The node that takes part in every clash, the others, and a clash with the odd one second.
fn odd_one(clashes: &[Clash]) -> Option<(usize, Vec<usize>, Clash)> {
    let (first, rest) = clashes.split_first()?;
    let odd = [first.nodes.0, first.nodes.1]
        .into_iter()
        .find(|node| !rest.is_empty() && rest.iter().all(|clash| clash.nodes.0 == *node || clash.nodes.1 == *node))?;
    let others = clashes.iter().map(|clash| if clash.nodes.0 == odd { clash.nodes.1 } else { clash.nodes.0 }).collect();
    let turned = Clash { nodes: (first.nodes.1, first.nodes.0), terms: (first.terms.1, first.terms.0), ..*first };
    let clash = if first.nodes.1 == odd || first.kind == Kind::Lost { *first } else { turned };
    Some((odd, others, clash))
}

/// How to learn which entry of a run it is.
const SETTLE: &str = " Facts hold one sum for all of these: `ekv-tool compare` of the directories names the entry.";

fn finding(replicas: &[Replica<'_>], clash: &Clash, others: &[usize], odd: usize, alone: bool) -> Finding {
    let Clash { nodes: _, index, up_to, terms: (held, its), kind } = *clash;
    // A sum over several entries tells that one of them differs, and not which.
    let entry = if index == up_to { format!("Entry {index}") } else { format!("One of the entries {index} to {up_to}") };
    let which = if index == up_to { "" } else { SETTLE };
    let one = replicas[odd].name();
    let names: Vec<_> = others.iter().map(|node| replicas[*node].name()).collect();
    let rest = names.join(", ");
    let majority = if alone { format!(" {rest} agree with each other; {one} stands alone.") } else { String::new() };
    let (code, message) = match kind {
        Kind::CommittedTerms => (
            &codes::CROSS_COMMITTED_DIVERGENCE,
            format!("{rest} and {one} regard entry {index} as committed, and differ: term {held} and term {its}.{majority}"),
        ),
        Kind::CommittedContents => (
            &codes::CROSS_COMMITTED_DIVERGENCE,
            format!(
                "{entry} of term {its} has other content on {one} than on {rest}, and all regard it as committed: two \
                 leaders shared the term, or bytes were changed on one of them.{majority}{which}"
            ),
        ),
        Kind::CommittedSnapshot => (
            &codes::CROSS_COMMITTED_DIVERGENCE,
            format!("The snapshot at {index} has term {held} on {rest}, but {one} has committed an entry of term {its} there."),
        ),
        Kind::Lost => {
            let (holder, other) = (replicas[clash.nodes.0].name(), replicas[clash.nodes.1].name());
            let message = format!(
                "{holder} has committed entry {index} of term {held}, but {other} holds one of the later term {its} there: a later \
                 leader did not have it.{majority}"
            );
            (&codes::CROSS_COMMITTED_LOST, message)
        }
        Kind::Contents => (
            &codes::CROSS_LOG_MATCHING,
            format!(
                "{entry} of term {its} has other content on {one} than on {rest}. One leader per term writes each index \
                 once: two leaders shared the term, or bytes were changed on one of them.{majority}{which}"
            ),
        ),
        Kind::Prefix => (
            &codes::CROSS_LOG_MATCHING,
            format!(
                "{one} and {rest} differ at {index} (term {its} and term {held}) although they agree further up: logs that agree at \
                 one entry agree at all before it.{majority}"
            ),
        ),
        Kind::Suffix => (
            &codes::CROSS_LOG_MATCHING,
            format!(
                "{one} has other entries than {rest} from {index} on, and not all of them are committed: an uncommitted suffix, \
                 which the next leader replaces."
            ),
        ),
    };
    let finding = Finding::new(code, message).at(replicas[odd].facts.path(layout::WAL));
    let finding = if held == its { finding } else { finding.expected(format!("term {held}")).found(format!("term {its}")) };
    if kind == Kind::Suffix { finding.severity(Severity::Info) } else { finding }
}
