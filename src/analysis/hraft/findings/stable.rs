//! Term and vote.

use super::NodeView;
use crate::analysis::judge::codes::hashicorp as codes;
use crate::analysis::{Finding, Severity};
use crate::readers::hraft::{LogFacts, number};

/// Judges the stable store.
pub(super) fn judge(view: &NodeView<'_>, facts: &LogFacts, found: &mut Vec<Finding>) {
    if view.pebble.is_some_and(|stores| stores.stable_unread) {
        return;
    }
    let path = view.stable_file();
    let mut report = |code, message: String, severity: Option<Severity>| {
        let finding = Finding::new(code, message).at(&path);
        found.push(match severity {
            Some(severity) => finding.severity(severity).advice("Compare with the other members before the node votes again."),
            None => finding,
        });
    };
    for (name, value) in [("CurrentTerm", &facts.current_term), ("LastVoteTerm", &facts.vote_term)] {
        let Some(value) = value.as_ref().filter(|value| value.len() != 8) else { continue };
        let len = value.len();
        if view.pebble.is_some() {
            if len > 0 {
                let then = if name == "CurrentTerm" { "every start fails" } else { "the node gives no vote any more" };
                report(&codes::STABLE_INVALID, format!("{name} has {len} bytes and is refused: {then}."), None);
            }
        } else if view.dir.wal().is_some() {
            if len > 0 {
                let message = format!("{name} has {len} bytes: the library refuses to read it as a number.");
                report(&codes::STABLE_INVALID, message, None);
            }
        } else if len < 8 {
            report(&codes::STABLE_INVALID, format!("{name} has {len} bytes: reading it panics."), None);
        } else {
            let read = number(value).unwrap_or_default();
            let message = format!("{name} has {len} bytes; the library reads {read} from the first eight.");
            report(&codes::STABLE_INVALID, message, (read != 0).then_some(Severity::Warning));
        }
    }
    let term = facts.current_term.as_deref().and_then(number).unwrap_or(0);
    let newest = view.snapshots.listed.iter().map(|candidate| candidate.meta.term).max().unwrap_or(0);
    let last = facts.last_decoded.map_or(0, |(_, term)| term);
    let (highest, of) = if newest > last { (newest, "a snapshot") } else { (last, "the last entry") };
    if term == 0 && (facts.entries > 0 || !view.snapshots.listed.is_empty()) {
        let what = if facts.current_term.is_some() { "is 0, as a start writes it when it finds none" } else { "is missing" };
        report(&codes::STABLE_INVALID, format!("CurrentTerm {what}, although there is data of term {highest}."), None);
    } else if highest > term {
        report(&codes::STABLE_INVALID, format!("CurrentTerm is {term}, {of} has term {highest}."), None);
    }
    if term == u64::MAX {
        report(&codes::STABLE_INVALID, "CurrentTerm is the largest number: the next election wraps to term 0.".to_owned(), None);
    }
    if let Some(voted) = facts.vote_term.as_deref().and_then(number) {
        if voted > term && term > 0 {
            let message = format!("LastVoteTerm is {voted}, CurrentTerm is {term}: no such vote can have been given.");
            report(&codes::VOTE_ODD, message, Some(Severity::Warning));
        }
        if voted > 0 && facts.vote_candidate.as_ref().is_none_or(Vec::is_empty) {
            let message = format!("The node voted in term {voted}, and its candidate is missing: it votes again in that term.");
            // Between the two writes a crash leaves exactly this, for the very first vote.
            report(&codes::STABLE_INVALID, message, None);
        }
    }
    if facts.vote_term.is_none() && facts.vote_candidate.is_some() {
        let message = "LastVoteCand is there and LastVoteTerm is not, which is written before it: the node may vote again in a term in \
                       which it has voted.";
        report(&codes::STABLE_INVALID, message.to_owned(), None);
    }
    if let Some(candidate) = facts.vote_candidate.as_ref().filter(|candidate| !candidate.is_empty()) {
        let candidate = String::from_utf8_lossy(candidate).into_owned();
        let in_log =
            facts.memberships.iter().filter_map(|entry| entry.decoded.as_ref().ok()).flat_map(|(members, _)| &members.servers);
        let in_snapshots = view.snapshots.listed.iter().flat_map(|listed| &listed.meta.configuration.servers);
        let mut known = in_log.chain(in_snapshots).peekable();
        // Only a log from its beginning shows every membership that there was.
        if facts.first == Some(1) && known.peek().is_some() && !known.any(|server| server.address == candidate) {
            let message = format!("LastVoteCand is {candidate}, an address that no known membership has.");
            report(&codes::VOTE_ODD, message, Some(Severity::Warning));
        }
    }
}
