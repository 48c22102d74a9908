//! A node that has been used has its log.

use super::{Check, Evidence, Found, History, Part};
use crate::analysis::Finding;
use crate::analysis::judge::codes::directory as codes;
use crate::formats::layout;
use crate::readers::SmallFact;
use crate::types::in_words;

/// State files from before the log; with one of them a start without a log is a migration.
const STATE_FILES: [&str; 2] = [layout::LEGACY_METADATA, layout::LEGACY_STATE];

const LOST: &str = "Do not start the node. Find the missing wal/: a volume that is not mounted, a backup, another path.";

/// Looks for what is written only after the log was created.
#[derive(Debug)]
pub struct LogGone;

impl Check for LogGone {
    fn finish(&mut self, _history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let listing = evidence.listing;
        if listing.has_log() {
            return;
        }
        if listing.root.is_empty() {
            return found.not_checkable("the directory is empty: a new node, or a volume that is not mounted");
        }
        if let Some(file) = STATE_FILES.iter().find(|file| listing.has(file)) {
            return found.not_applicable(format!("a start takes the log from {file}"));
        }
        let signs = signs(evidence);
        if signs.is_empty() {
            return found.not_applicable("nothing is here yet that is written after the log");
        }
        let (rest, advice) = match evidence.has_other_voters() {
            Some(true) => (
                "The vote of this member and the entries that it acknowledged are gone; its next answers can break an election or end \
                 the server over a commit that it does not have.",
                format!(
                    "{LOST} If it is lost, remove this member from the group and let it join as a new one, with an empty directory."
                ),
            ),
            Some(false) => (
                "It is the only voter: nobody else has the entries that are not in its store or its snapshots.",
                format!(
                    "{LOST} If it is lost, stop here: keep a copy of everything, and restore from a backup or from the newest snapshot."
                ),
            ),
            None => ("Its vote and the entries that it acknowledged are gone.", LOST.to_owned()),
        };
        let message = format!("There is no log, but {}: this is no new node. {rest}", in_words(&signs));
        found.push(Finding::new(&codes::LOG_GONE, message).at(evidence.path(layout::WAL)).advice(advice));
    }
}

/// What is here that is written after the log.
fn signs(evidence: &Evidence<'_>) -> Vec<String> {
    let mut signs = Vec::new();
    if evidence.listing.peers != SmallFact::Absent {
        signs.push("a peers file, which is written at the end of an open".to_owned());
    }
    match evidence.listing.snap.entries().iter().filter(|entry| entry.name.ends_with(".snap")).count() {
        0 => {}
        1 => signs.push("a snapshot".to_owned()),
        many => signs.push(format!("{many} snapshots")),
    }
    if let Part::Read(store) = &evidence.store {
        match (store.applied, store.last_commit) {
            (Some(applied), _) => signs.push(format!("a store that has applied {applied}")),
            (None, Some(_)) => signs.push("a store that holds commits".to_owned()),
            (None, None) => {}
        }
    }
    signs
}
