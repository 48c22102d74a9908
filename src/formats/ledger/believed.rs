//! Which entries of a ledger a run believes.

use std::collections::HashMap;

use super::LedgerEntry;
use crate::types::{FileIdentity, UnixMillis};

/// The newest reading of each file that is believed at `now`: read by this version of the program, not longer ago than `max_age_ms`, and
/// not in the future.
#[derive(Debug, Clone, Default)]
pub struct Believed {
    entries: HashMap<(FileIdentity, bool), LedgerEntry>,
    /// Entries that were passed over, by why.
    pub passed_over: PassedOver,
}

/// Entries that are not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PassedOver {
    /// Read longer ago.
    pub too_old: u64,
    /// Read later than now: a clock was set back, or somebody wrote the ledger by hand.
    pub in_the_future: u64,
    /// Judged by another version of the program.
    pub other_tool: u64,
}

impl Believed {
    /// Chooses among `entries`.
    pub fn of(entries: impl IntoIterator<Item = LedgerEntry>, tool: &str, now: UnixMillis, max_age_ms: u64) -> Self {
        let mut believed = Self::default();
        for entry in entries {
            let passed = &mut believed.passed_over;
            if entry.read_at_ms > now {
                passed.in_the_future += 1;
            } else if entry.tool != tool {
                passed.other_tool += 1;
            } else if now.0 - entry.read_at_ms.0 > max_age_ms {
                passed.too_old += 1;
            } else {
                let known = believed.entries.entry((entry.file(), entry.deep)).or_insert_with(|| entry.clone());
                if known.read_at_ms < entry.read_at_ms {
                    *known = entry;
                }
            }
        }
        believed
    }

    /// Entries that are believed.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What is known of a file with this footer that stands for `index`; only readings of every row where `deep` is asked for.
    pub fn find(&self, file: FileIdentity, footer: u32, index: Option<u64>, deep: bool) -> Option<&LedgerEntry> {
        let known = |deep| self.entries.get(&(file, deep)).filter(|entry| entry.footer == footer && entry.index == index);
        let rows = known(true);
        if deep { rows } else { rows.into_iter().chain(known(false)).max_by_key(|entry| entry.read_at_ms) }
    }
}
