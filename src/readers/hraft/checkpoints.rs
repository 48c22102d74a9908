//! Sums that raft-wal's verifier leaves in the log.

use crate::formats::hraft::{LogEntry, LogType};
use crate::formats::raftwal::{Checkpoint, checkpoint_sum};

/// Faults that are kept.
const KEPT: usize = 100;

/// A checkpoint whose sum the entries do not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckpointFault {
    /// Its index.
    pub index: u64,
    /// Offset of the entry in its file.
    pub at: u64,
    /// First entry that is summed.
    pub start: u64,
    /// As the leader says.
    pub stored: u64,
    /// Of the entries that are there.
    pub computed: u64,
}

/// Sums up the entries as they come by.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    /// First entry of the running sum, the entry that comes next, and the sum.
    running: Option<(u64, u64, u64)>,
    pub(super) checked: u64,
    pub(super) faults: Vec<CheckpointFault>,
}

impl Checkpoints {
    /// Takes the next entry; one that does not decode breaks the sum.
    pub(super) fn take(&mut self, index: u64, at: u64, entry: Option<&LogEntry<'_>>) {
        let Some(entry) = entry else {
            self.running = None;
            return;
        };
        self.running = self.running.filter(|(_, next, _)| *next == index);
        if let Some(checkpoint) = Checkpoint::decode(&entry.extensions) {
            if let Some((start, _, sum)) = self.running.filter(|(start, ..)| *start == checkpoint.start) {
                self.checked += 1;
                if sum != checkpoint.sum && self.faults.len() < KEPT {
                    self.faults.push(CheckpointFault { index, at, start, stored: checkpoint.sum, computed: sum });
                }
            }
            // The next sum begins with this entry.
            self.running = Some((index, index, 0));
        }
        // Versions differ in whether they sum the entry that a bootstrap writes.
        if index == 1 && entry.kind == LogType::Configuration {
            self.running = None;
            return;
        }
        let (start, _, sum) = self.running.unwrap_or((index, index, 0));
        self.running = Some((start, index.wrapping_add(1), checkpoint_sum(sum, entry)));
    }
}
