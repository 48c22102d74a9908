//! No link leads to nothing.

use super::{Check, Evidence, Found, History};
use crate::analysis::judge::codes::directory as codes;
use crate::analysis::{Finding, Severity};
use crate::formats::layout;

/// What a start opens or creates by name.
const NEEDED: [&str; 6] = [layout::WAL, layout::SNAP, layout::PAYLOADS, layout::STORE, layout::PEERS, layout::ENGINE_MARKER];

/// Looks for links whose targets are not there.
#[derive(Debug)]
pub struct LinkToNothing;

impl Check for LinkToNothing {
    fn finish(&mut self, _history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let mut backups = evidence.listing.root.iter().filter(|entry| entry.name.starts_with(layout::RESTORE_BACKUP));
        let promotes = evidence.engine.traits().promotes_restore_backup && !evidence.listing.has(layout::STORE);
        let only_backup = match (backups.next(), backups.next()) {
            (Some(backup), None) if promotes => Some(backup.name.as_str()),
            _ => None,
        };
        for (path, target) in &evidence.listing.dangling {
            let needed = NEEDED.contains(&path.as_str());
            let promoted = only_backup == Some(path.as_str());
            let segment = path.starts_with("wal/") && path.ends_with(".wal");
            let snapshot = path.starts_with("snap/") && path.ends_with(".snap");
            let finding = |message: &str| {
                let message = format!("{path} is a link to {target}, and nothing is there. {message}");
                Finding::new(&codes::LINK_TO_NOTHING, message).at(evidence.path(path)).found(target)
            };
            found.push(if promoted {
                finding("There is no fsm.db: a start gives the link that name, and ends over it.")
            } else if needed || segment {
                finding("What belongs there was not read, and a start ends over it or begins it anew.")
            } else if snapshot {
                finding("A start that reaches it renames the link to .broken and passes over it.")
                    .severity(Severity::Warning)
                    .advice("Bring back what the link leads to if it is needed; the forecast says which snapshot a start takes.")
            } else {
                finding("No start needs it.").severity(Severity::Info).advice("Nothing needs to be done.")
            });
        }
    }
}
