//! Memberships that the library would not take.

use std::collections::BTreeSet;

use super::members::{conf_entries, describe, replay};
use super::{Check, Evidence, Found, History, codes};
use crate::analysis::{Finding, Severity};
use crate::formats::layout;
use crate::formats::raftpb::ConfState;
use crate::types::{LogIndex, NodeId};

/// Restores each recorded membership as the library does, and applies the changes behind the newest.
#[derive(Debug)]
pub struct ConfInvalid;

impl Check for ConfInvalid {
    fn finish(&mut self, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let mut told = BTreeSet::new();
        for file in evidence.snap_files() {
            let Ok(contents) = &file.content else { continue };
            let members = &contents.metadata.conf_state;
            if let Some(problem) = problem_of(members, evidence) {
                told.insert(contents.metadata.index);
                let what = if file.chosen { "The snapshot that a start takes" } else { "The snapshot" };
                let message = format!("{what}, at {}, has members that cannot be: {problem}.", contents.metadata.index);
                let severity = if file.chosen { Severity::Error } else { Severity::Warning };
                let finding = Finding::new(&codes::CONF_INVALID, message).severity(severity);
                found.push(finding.at(evidence.path(&layout::in_snap(&file.name))).found(describe(members, evidence)));
            }
        }
        for seen in &history.snapshots {
            let Some(members) = seen.conf_state.as_ref().filter(|_| !told.contains(&seen.id.index)) else { continue };
            if let Some(problem) = problem_of(members, evidence) {
                let message =
                    format!("The log records the snapshot at {} with members that cannot be: {problem}.", seen.id.index);
                let finding = Finding::new(&codes::CONF_INVALID, message).severity(Severity::Warning);
                let finding = finding.offset(seen.place.offset).found(describe(members, evidence));
                found.push(super::at_segment(finding, seen.place, evidence));
            }
        }
        changes(history, evidence, found);
    }
}

/// Applies the changes behind the snapshot that a start takes.
fn changes(history: &History, evidence: &Evidence<'_>, found: &mut Found) {
    let Some((_, contents)) = evidence.chosen() else { return };
    let from = &contents.metadata.conf_state;
    if problem_of(from, evidence).is_some() || from.voters.is_empty() {
        return;
    }
    let after = contents.metadata.index;
    let mut entries = conf_entries(evidence, history.log.iter().map(|held| held.range));
    entries.retain(|entry| entry.index > after);
    // The first that cannot be applied ends it; what does not decode is another check's finding.
    let Err((index, error)) = replay(from, &entries, evidence.engine) else { return };
    let Some(entry) = entries.iter().find(|entry| entry.index == index && entry.change(evidence.engine).is_ok()) else { return };
    let (severity, when) = if index <= history.commit {
        (Severity::Error, "It is committed: every start ends there.")
    } else {
        (Severity::Warning, "It is not committed as far as this log says.")
    };
    let message =
        format!("The membership change at {index} cannot be applied to the members of its time ({}). {when}", error.text);
    let finding = Finding::new(&codes::CONF_INVALID, message).severity(severity).range(entry.place.offset, entry.frame_len);
    found.push(super::at_segment(finding, entry.place, evidence));
}

/// What is wrong with a membership.
fn problem_of(members: &ConfState, evidence: &Evidence<'_>) -> Option<String> {
    let lists = [
        ("voters", &members.voters),
        ("learners", &members.learners),
        ("leaving voters", &members.voters_outgoing),
        ("next learners", &members.learners_next),
    ];
    let name = |id: &NodeId| super::members::name_of(*id, evidence);
    for (what, ids) in lists {
        let mut seen = BTreeSet::new();
        for id in ids {
            if *id == NodeId(0) {
                return Some(format!("the {what} include node id 0"));
            }
            if !seen.insert(id) {
                return Some(format!("the {what} list {} twice", name(id)));
            }
        }
    }
    let outgoing: BTreeSet<_> = members.voters_outgoing.iter().collect();
    let voters: BTreeSet<_> = if members.learners.is_empty() { BTreeSet::new() } else { members.voters.iter().collect() };
    if let Some(id) = members.learners.iter().find(|id| voters.contains(id) || outgoing.contains(id)) {
        return Some(format!("{} is both a voter and a learner", name(id)));
    }
    if let Some(id) = members.learners_next.iter().find(|id| !outgoing.contains(id)) {
        return Some(format!("{} is to become a learner without being a leaving voter", name(id)));
    }
    if members.is_joint() {
        return Some("they are of a joint configuration, which the server refuses".to_owned());
    }
    if members.voters.is_empty() {
        return None;
    }
    replay(members, &[], evidence.engine).err().map(|(LogIndex(_), error)| error.text)
}
