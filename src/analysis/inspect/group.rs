//! What the files of one group say, as far as a page needs it.

use serde_json::json;

use super::Description;
use crate::analysis::judge::group::{Evidence, LogEvidence, Part, describe_members};
use crate::types::HlcTimestamp;

/// What a start would find in a group directory; `None` for what is not there or not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupState {
    /// Why the group could not be read at all.
    pub unreadable: Option<String>,
    /// Index and term of the snapshot that a start takes.
    pub snapshot: Option<(u64, u64)>,
    /// The members in that snapshot.
    pub members: Option<String>,
    /// First and last entry behind the snapshot.
    pub entries: Option<(u64, u64)>,
    /// Term and commit of the last hard state.
    pub hard_state: Option<(u64, u64)>,
    /// Why a start cannot read the log.
    pub log_problem: Option<String>,
    /// Why the log was not read here, which says nothing about a start.
    pub log_unread: Option<String>,
    /// The store's applied index.
    pub applied: Option<u64>,
    /// The newest write in the store.
    pub last_commit: Option<HlcTimestamp>,
    /// Why a start cannot open the store.
    pub store_problem: Option<String>,
}

impl GroupState {
    /// From the facts that the checks use.
    pub fn of(evidence: &Evidence<'_>) -> Self {
        let log = evidence.log.read();
        let read = log.and_then(|log| log.start.as_ref()).map(|start| &start.result);
        let entries = read.and_then(|read| read.as_ref().ok()).and_then(|content| {
            let entries = &content.entries;
            Some((entries.first()?.0, entries.last()?.0))
        });
        let problem = log.and_then(|log| log.valid.as_ref().err().cloned());
        let store = evidence.store.read();
        Self {
            unreadable: None,
            snapshot: evidence.chosen().map(|(_, contents)| (contents.metadata.index.0, contents.metadata.term.0)),
            members: evidence.chosen().map(|(_, contents)| describe_members(&contents.metadata.conf_state, evidence)),
            entries,
            hard_state: log.and_then(LogEvidence::hard_state).map(|state| (state.term.0, state.commit.0)),
            log_unread: match &evidence.log {
                Part::NotRead(why) => Some(why.clone()),
                Part::Absent | Part::Read(_) => None,
            },
            log_problem: problem.or_else(|| read.and_then(|read| Some(read.as_ref().err()?.text.clone()))),
            applied: store.and_then(|store| store.applied).map(|index| index.0),
            last_commit: store.and_then(|store| store.last_commit),
            store_problem: store.and_then(|store| store.refusal.clone()).or_else(|| match &evidence.store {
                Part::NotRead(why) => Some(why.clone()),
                Part::Absent | Part::Read(_) => None,
            }),
        }
    }

    pub(super) fn entries_text(&self) -> String {
        match (self.log_problem.as_ref().or(self.log_unread.as_ref()), self.entries) {
            (Some(_), _) => "unreadable".to_owned(),
            (None, Some((first, last))) => format!("{first} to {last}"),
            (None, None) => "-".to_owned(),
        }
    }
}

/// The facts of a page on one group.
pub(super) fn describe(page: &mut Description, state: &GroupState) {
    if let Some((index, term)) = state.snapshot {
        page.fact("start_takes_snapshot", json!({ "index": index, "term": term }), format_args!("{index}, of term {term}"));
    }
    if let Some(members) = &state.members {
        page.plain("members", members.clone());
    }
    match (&state.log_problem, state.entries) {
        _ if state.log_unread.is_some() => page.fact("log", json!(null), state.log_unread.as_deref().unwrap_or_default()),
        (Some(problem), _) => page.fact("log", json!(null), format_args!("a start cannot read it: {problem}")),
        (None, Some((first, last))) => {
            page.fact(
                "log",
                json!({ "first": first, "last": last }),
                format_args!("entries {first} to {last} behind the snapshot"),
            );
        }
        (None, None) => page.fact("log", json!(null), "no entry behind the snapshot"),
    }
    if let Some((term, commit)) = state.hard_state {
        page.fact("hard_state", json!({ "term": term, "commit": commit }), format_args!("term {term}, committed up to {commit}"));
    }
    match (&state.store_problem, state.applied) {
        (Some(problem), _) => page.fact("store", json!(null), format_args!("a start cannot open it: {problem}")),
        (None, Some(applied)) => page.fact("store", json!({ "applied": applied }), format_args!("applied up to {applied}")),
        (None, None) => page.fact("store", json!(null), "does not say how far it is"),
    }
    if let Some(newest) = state.last_commit {
        page.fact("newest_write", newest.0, newest.millis());
    }
}
