//! What speaks against restarting a node, group by group: what `compare` says of its copies, in one list.

use std::collections::BTreeSet;

use ekv_tool::analysis::Severity;
use ekv_tool::analysis::judge::codes::gate::START_REFUSED;
use ekv_tool::analysis::judge::facts::GroupFacts;
use ekv_tool::analysis::judge::nodes::NodeStart;
use ekv_tool::ops::{ComparedCopies, TakenGroup};
use ekv_tool::types::NodeId;

use crate::facts::name_of;
use crate::report::plan::{Reason, Why};

/// One copy, as far as a plan has to know it.
#[derive(Debug)]
pub(super) struct Copy {
    /// The node.
    pub name: String,
    /// Its node id.
    pub id: NodeId,
    start: NodeStart,
    log_is_cut: bool,
    unread: Option<String>,
}

impl Copy {
    /// Of a file of facts.
    pub fn of(taken: &TakenGroup) -> Self {
        let facts: &GroupFacts = &taken.facts;
        Self {
            name: name_of(facts).to_owned(),
            id: facts.node.node_id(),
            start: facts.start.clone(),
            log_is_cut: facts.log_is_cut,
            unread: facts.not_examined.iter().find(|part| part.needed).map(|part| format!("{}: {}", part.what, part.why)),
        }
    }
}

/// What speaks against restarting each copy's node, in the order of the copies.
pub(super) fn reasons(group_id: Option<u64>, copies: &[Copy], compared: &ComparedCopies) -> Vec<Vec<Reason>> {
    let comparison = &compared.group.comparison;
    let label = label(group_id);
    let of_group = of_group(group_id, compared);
    let reason = |why, code: Option<&'static str>, text: String| Reason { why, group_id, code, text };
    let one = |(number, copy): (usize, &Copy)| {
        let mut found = Vec::new();
        let mut told = BTreeSet::new();
        let (outcome, why) = (copy.start.outcome, copy.start.reason.clone().unwrap_or_default());
        match copy.start.comes_up() {
            Some(false) => {
                told.insert(START_REFUSED.code);
                found.push(reason(Why::Refused, Some(START_REFUSED.code), format!("its start is refused in {label}: {why}")));
            }
            None => {
                let why = if outcome.is_empty() { "nobody has asked for it".to_owned() } else { why };
                found.push(reason(Why::Unforetold, None, format!("its start in {label} cannot be foretold: {why}")));
            }
            Some(true) => {
                for code in &copy.start.harm {
                    told.insert(code);
                    found.push(reason(Why::Harmful, Some(code), format!("its start would do harm in {label} ({code})")));
                }
            }
        }
        let own = compared.of_copies.get(number).into_iter().flatten();
        for finding in own.filter(|finding| finding.severity == Severity::Error) {
            if told.insert(finding.code.code) {
                found.push(reason(Why::Damaged, Some(finding.code.code), format!("{label}: {}", finding.message)));
            }
        }
        if copy.log_is_cut {
            found.push(reason(Why::NotExamined, None, format!("its log of {label} cannot be decoded to its end")));
        }
        if let Some(unread) = &copy.unread {
            found.push(reason(Why::NotExamined, None, format!("not examined in {label}: {unread}")));
        }
        let role = comparison.nodes.get(number).map_or("unknown", |row| row.role);
        if comparison.comparable && role == "unknown" && comparison.commit.0 > 0 {
            found.push(reason(Why::NotExamined, None, format!("it is not known which member of {label} it is")));
        }
        let step = comparison.restart.iter().find(|step| step.node == copy.name);
        if let Some(objection) = step.filter(|step| step.keep_up).and_then(|step| step.objection.as_ref()) {
            found.push(reason(Why::KeepRunning, None, format!("keep it running for {label}: {objection}")));
        }
        // Of a learner the group does not depend.
        let lives = step.filter(|_| role == "voter").map_or("yes", |step| step.group_lives);
        match lives {
            "no" => found.push(reason(Why::Needed, None, format!("while it is down nobody can lead {label}"))),
            "unknown" => {
                let text =
                    format!("whether anybody can lead {label} while it is down depends on members whose facts are missing");
                found.push(reason(Why::Needed, None, text));
            }
            _ => {}
        }
        if role != "removed" {
            found.extend(of_group.clone());
        }
        found
    };
    copies.iter().enumerate().map(one).collect()
}

/// What speaks against restarting any member of the group.
fn of_group(group_id: Option<u64>, compared: &ComparedCopies) -> Option<Reason> {
    let comparison = &compared.group.comparison;
    let error = compared.findings.iter().find(|finding| finding.severity == Severity::Error);
    let code = comparison.hold.or_else(|| error.map(|finding| finding.code.code));
    let label = label(group_id);
    if let Some(code) = code {
        let title = error.filter(|finding| finding.code.code == code).map_or(code, |finding| finding.code.title);
        let text = format!("restart nothing of {label} before this is explained: {title}");
        return Some(Reason { why: Why::GroupInQuestion, group_id, code: Some(code), text });
    }
    let known = comparison.memberships.first().is_some_and(|members| !members.voters.is_empty());
    let text = format!("who the members of {label} are is not known");
    (!known).then_some(Reason { why: Why::MembersUnknown, group_id, code: None, text })
}

/// A group in a sentence.
pub(super) fn label(group_id: Option<u64>) -> String {
    group_id.map_or_else(|| "the group".to_owned(), |number| format!("group {number}"))
}
