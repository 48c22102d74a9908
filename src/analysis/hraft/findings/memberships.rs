//! Memberships in the log.

use std::collections::BTreeSet;

use super::NodeView;
use crate::analysis::judge::codes::hashicorp as codes;
use crate::analysis::{Finding, Severity};
use crate::formats::hraft::{Configuration, LogType, PayloadNote, Server};
use crate::readers::hraft::LogFacts;

/// Judges every membership.
pub(super) fn judge(view: &NodeView<'_>, facts: &LogFacts, found: &mut Vec<Finding>) {
    let covered = view.covered();
    for entry in &facts.memberships {
        let number = entry.kind.number();
        match &entry.decoded {
            Err(error) => {
                let does = if entry.kind == LogType::Configuration { "panics" } else { "returns an error" };
                let finding = if entry.key > covered {
                    let message = format!(
                        "Entry {} (type {number}): {error}. Every start {does}; a snapshot at or above {} or a forced recovery \
                         cures it.",
                        entry.key, entry.key
                    );
                    Finding::new(&codes::CONFIGURATION_UNDECODABLE, message)
                } else {
                    let message =
                        format!("Entry {} (type {number}): {error}. The snapshot covers it: no start reads it.", entry.key);
                    Finding::new(&codes::CONFIGURATION_UNDECODABLE, message)
                        .severity(Severity::Warning)
                        .advice("Keep the snapshot: a fallback to an older one would read the entry and end the start.")
                };
                found.push(view.place(finding, &view.entry_file(entry.key), entry.data_at.saturating_add(error.offset())));
            }
            Ok((configuration, notes)) => {
                let who = format!("Entry {} (type {number})", entry.key);
                if let Some(finding) = odd(&who, configuration, notes, entry.key > covered) {
                    found.push(view.place(finding, &view.entry_file(entry.key), entry.at));
                }
            }
        }
    }
}

/// A finding about what a membership means; `None` for an ordinary one.
pub(super) fn odd(who: &str, configuration: &Configuration, notes: &[PayloadNote], counts: bool) -> Option<Finding> {
    if notes.is_empty() {
        return None;
    }
    let mut severity = Severity::Info;
    let mut texts = Vec::new();
    for note in notes {
        let (text, its) = meaning(*note, configuration);
        texts.push(text);
        severity = severity.min(its);
    }
    if !counts {
        severity = Severity::Info;
    }
    let finding = Finding::new(&codes::CONFIGURATION_ODD, format!("{who}: {}.", texts.join("; "))).severity(severity);
    Some(if severity == Severity::Error {
        finding.advice(
            "Do not start the node with this membership. A forced recovery with peers.json brings a new one; it decodes none of \
             those in the log.",
        )
    } else {
        finding
    })
}

/// The first voter whose id comes again.
fn votes_twice(configuration: &Configuration) -> Option<&Server> {
    let mut seen = BTreeSet::new();
    configuration.servers.iter().filter(|server| server.suffrage.votes()).find(|server| !seen.insert(&server.id))
}

fn meaning(note: PayloadNote, configuration: &Configuration) -> (String, Severity) {
    let (text, severity) = match note {
        PayloadNote::EmptyConfiguration => ("no servers: nobody can ever be elected", Severity::Error),
        PayloadNote::NoVoter => ("no voters: nobody can ever be elected", Severity::Error),
        PayloadNote::MissingSuffrage => ("a server without a suffrage counts as a voter", Severity::Warning),
        PayloadNote::UnknownSuffrage => ("a suffrage without a meaning counts as not voting", Severity::Warning),
        PayloadNote::EmptyId => ("a server without an id", Severity::Warning),
        PayloadNote::EmptyAddress => ("a server without an address", Severity::Warning),
        PayloadNote::DuplicateId => match votes_twice(configuration) {
            Some(server) => {
                let text = format!("voter {} is listed twice, and each time counts as a vote of its own", server.id);
                return (text, Severity::Error);
            }
            None => ("a server is listed twice; the first time decides whether it votes", Severity::Warning),
        },
        PayloadNote::DuplicateAddress => ("two servers have one address", Severity::Warning),
        PayloadNote::MapForList => ("a map in the place of the list: its keys and values are servers", Severity::Warning),
        PayloadNote::RepeatedField => ("a field stands twice: the later value is laid over the earlier one", Severity::Warning),
        PayloadNote::UnusualEncoding => ("written in a form that the library reads but does not write", Severity::Info),
        PayloadNote::UnknownField => ("fields that the library passes over", Severity::Info),
        PayloadNote::NonUtf8 => ("an id or address that is not text", Severity::Warning),
        PayloadNote::TrailingBytes => ("bytes behind the payload, which nobody reads", Severity::Warning),
    };
    (text.to_owned(), severity)
}
