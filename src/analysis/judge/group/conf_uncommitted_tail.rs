//! A membership change that may still be rolled back.

use super::members::conf_entries;
use super::{Check, Evidence, Found, History, codes};
use crate::analysis::Finding;

/// Looks for membership changes above the last commit.
#[derive(Debug)]
pub struct UncommittedTail;

impl Check for UncommittedTail {
    fn finish(&mut self, history: &History, evidence: &Evidence<'_>, found: &mut Found) {
        let tail = history.log.iter().filter(|held| !held.stale && held.range.last > history.commit).map(|held| held.range);
        for entry in conf_entries(evidence, tail).into_iter().filter(|entry| entry.index > history.commit) {
            let message = format!(
                "The membership change at {} is above the recorded commit {}: it may still be rolled back, or be committed \
                 already, since the last commit rarely reaches the disk.",
                entry.index, history.commit
            );
            let finding = Finding::new(&codes::CONF_UNCOMMITTED_TAIL, message).range(entry.place.offset, entry.frame_len);
            found.push(super::at_segment(finding, entry.place, evidence));
        }
    }
}
