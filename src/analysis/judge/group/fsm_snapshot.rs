//! The store and the payloads against the snapshots.

use super::{Check, Evidence, Found, History, codes};
use crate::analysis::Finding;
use crate::formats::layout;

/// Whether the store already holds the snapshot.
#[derive(Debug)]
pub struct FsmBehindSnapshot;

impl Check for FsmBehindSnapshot {
    fn finish(&mut self, _history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let Some(store) = evidence.store.read() else { return };
        let Some((_, contents)) = evidence.chosen() else {
            found.not_applicable("a start takes no snapshot");
            return;
        };
        let index = contents.metadata.index;
        let message = match store.applied {
            Some(applied) if applied >= index => return,
            Some(applied) => format!(
                "The store has applied {applied}, below the snapshot at {index}: a start restores the whole snapshot. After a \
                 restore or a received snapshot this is usual and lasts until the next write."
            ),
            None => format!(
                "The store records no applied index, so that a start restores the snapshot at {index}. A group that never had \
                 a write looks like this."
            ),
        };
        found.push(Finding::new(&codes::FSM_BEHIND_SNAPSHOT, message).at(evidence.path(layout::STORE)));
    }
}

/// No payload holds more than its index says.
#[derive(Debug)]
pub struct FsmAheadOfIndex;

impl Check for FsmAheadOfIndex {
    fn finish(&mut self, _history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let mut read = 0;
        for file in evidence.snap_files() {
            let Ok(contents) = &file.content else { continue };
            let Some(applied) = contents.payload.applied else { continue };
            read += 1;
            let index = contents.token_index.unwrap_or(contents.metadata.index);
            if applied <= index {
                continue;
            }
            let how = if index.0 <= 1 {
                "the log was begun over a store that already had contents"
            } else {
                "a membership change was applied again at a start by a store that was already ahead of it"
            };
            let message = format!(
                "The payload stands for {index} but holds everything up to {applied}: {how}. A node that restores from it applies \
                 the {} entries in between a second time.",
                applied.0 - index.0
            );
            let path = contents.payload.file.clone().unwrap_or_else(|| layout::in_snap(&file.name));
            let finding = Finding::new(&codes::FSM_AHEAD_OF_INDEX, message).at(evidence.path(&path));
            found.push(finding.expected(format!("at most {index}")).found(applied));
        }
        if read == 0 {
            found.not_applicable("no payload records an applied index");
        }
    }
}
