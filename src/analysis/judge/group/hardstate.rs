//! Term, vote and commit from one hard state to the next.

use super::{Check, Event, Evidence, Found, History, codes};
use crate::analysis::Finding;
use crate::formats::layout;
use crate::formats::raftpb::HardState;
use crate::types::{LogIndex, NodeId};

fn show(state: HardState) -> String {
    format!("term {} commit {}", state.term, state.commit)
}

/// Term and commit never go back.
#[derive(Debug)]
pub struct Regress;

impl Check for Regress {
    fn observe(&mut self, event: &Event<'_>, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let (Event::States { span, place }, Some(before)) = (event, history.state) else { return };
        let now = span.first;
        let what = match (now.term < before.term, now.commit < before.commit) {
            (true, true) => "Term and commit go",
            (true, false) => "The term goes",
            (false, true) => "The commit goes",
            (false, false) => return,
        };
        let message = format!(
            "{what} back: {} follows {}. Only the end of a log can be lost in a crash, never the middle, so two lives of this \
             directory are mixed.",
            show(now),
            show(before)
        );
        let finding =
            Finding::new(&codes::HARDSTATE_REGRESS, message).offset(place.offset).expected(show(before)).found(show(now));
        found.push(super::at_segment(finding, *place, evidence));
    }
}

/// The commit lies within the log.
#[derive(Debug, Default)]
pub struct CommitOutOfRange {
    told: bool,
}

impl Check for CommitOutOfRange {
    fn observe(&mut self, event: &Event<'_>, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let (Event::States { span, place }, Some(last)) = (event, history.last) else { return };
        let known = history.highest_snapshot().unwrap_or_default().max(last);
        let commit = span.last.commit;
        // The states of a run of entries lie within them by construction, and those were seen before.
        if commit <= known || self.told {
            return;
        }
        self.told = true;
        found.push(super::at_segment(out_of_range(commit, known).offset(place.offset), *place, evidence));
    }

    fn finish(&mut self, _history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let Some(log) = evidence.log.read() else { return };
        if let (Some(state), Some(last), false) = (log.hard_state(), log.last_index(), self.told)
            && state.commit > last
        {
            found.push(out_of_range(state.commit, last).at(evidence.path(layout::WAL)));
        }
    }
}

fn out_of_range(commit: LogIndex, last: LogIndex) -> Finding {
    let message = format!(
        "The hard state says that everything up to {commit} is committed, but the log ends at {last}. Entries are made durable \
         before the commit that covers them, so no crash explains it; the library ends the process when it starts on this."
    );
    Finding::new(&codes::COMMIT_OUT_OF_RANGE, message).expected(format!("at most {last}")).found(commit)
}

/// One vote in each term.
#[derive(Debug)]
pub struct VoteChanged;

impl Check for VoteChanged {
    fn observe(&mut self, event: &Event<'_>, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let (Event::States { span, place }, Some(before)) = (event, history.state) else { return };
        let now = span.first;
        if now.term != before.term || before.vote == NodeId(0) || now.vote == before.vote {
            return;
        }
        let name = |id: NodeId| if id == NodeId(0) { "nobody".to_owned() } else { super::members::name_of(id, evidence) };
        let message = format!(
            "In term {} the vote for {} became one for {}. A node votes once in a term; two leaders of one term may exist.",
            now.term,
            name(before.vote),
            name(now.vote)
        );
        let finding =
            Finding::new(&codes::VOTE_CHANGED_IN_TERM, message).offset(place.offset).expected(before.vote).found(now.vote);
        found.push(super::at_segment(finding, *place, evidence));
    }
}
