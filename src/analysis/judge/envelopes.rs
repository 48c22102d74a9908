//! What is sealed in a group, under which key, and what of it opens.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::codes::encryption as codes;
use crate::analysis::{Coverage, Finding};
use crate::crypto::OpenError;
use crate::formats::envelope::Envelope;
use crate::formats::kv::Shown;
use crate::formats::sidecar::Sidecar;
use crate::readers::sealed_rows::KEPT;
use crate::types::{Count, HlcTimestamp};

/// Envelopes that do not open and are named; more are only counted.
const NAMED: u64 = KEPT as u64;

/// Where an envelope stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// An entry of the log; true when it is behind the snapshot that a start takes.
    Entry {
        /// A start reads it.
        behind_snapshot: bool,
    },
    /// A row of the store.
    Row,
    /// A row of a retained payload.
    PayloadRow,
}

/// What is sealed in one group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct EnvelopeCensus {
    /// Envelopes in log, store and retained payloads.
    pub envelopes: u64,
    /// How many of them were opened; `null` when no key was given.
    pub opened: Option<u64>,
    /// How many of them do not open; `null` when no key was given.
    pub failed: Option<u64>,
    /// Things that are marked as sealed and are no envelopes; no key opens them.
    pub malformed: u64,
    /// True when everything was read in which an envelope may stand.
    pub complete: bool,
    /// Versions in the store that stand in clear text, deletions left out.
    pub clear_rows: u64,
    /// How many of these were committed after the entry with which values began to be sealed; `null` when the log does not tell.
    pub clear_rows_after_cutover: Option<u64>,
    /// Who needs which key, by ascending id: those that seal something, and those in the sidecar.
    pub keys: Vec<KeyUse>,
}

/// What one key is needed for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct KeyUse {
    /// The key.
    pub id: u32,
    /// `storage` or `raft`; `null` when the sidecar was not given, or does not have it.
    pub purpose: Option<String>,
    /// Whether new things are sealed with it; `null` when the sidecar was not given.
    pub active: Option<bool>,
    /// Entries of the log that it seals, replaced ones included.
    pub entries: u64,
    /// How many of these are behind the snapshot that a start takes.
    pub entries_behind_snapshot: u64,
    /// Rows of the store that it seals.
    pub rows: u64,
    /// Rows of retained payloads that it seals.
    pub payload_rows: u64,
}

impl KeyUse {
    /// Everything here that it seals.
    pub const fn envelopes(&self) -> u64 {
        self.entries.saturating_add(self.rows).saturating_add(self.payload_rows)
    }

    /// True when nothing that was seen needs the key, and nothing new will be sealed with it.
    pub const fn is_retired(&self) -> bool {
        self.envelopes() == 0 && matches!(self.active, Some(false))
    }
}

/// Collects the envelopes that do not open: the first are named, all are counted.
#[derive(Debug, Default)]
pub struct Closed {
    findings: Vec<Finding>,
    count: u64,
    /// The keys are those that the node starts with: one that is not among them is missing to the server too.
    own_keys: bool,
    /// Envelopes whose keys are not at hand.
    unopened: u64,
}

impl Closed {
    /// Of envelopes that the node itself has to open with these keys.
    pub fn with_own_keys() -> Self {
        Self { own_keys: true, ..Self::default() }
    }

    /// One envelope, as [`open_failed`] tells it.
    pub fn add(&mut self, what: &str, path: String, offset: Option<u64>, envelope: Option<&Envelope<'_>>, error: &OpenError) {
        if !self.own_keys && !error.is_damage() {
            self.unopened += 1;
            return;
        }
        self.count += 1;
        if self.count <= NAMED {
            self.findings.push(open_failed(what, path, offset, envelope, error));
        }
    }

    /// Adds those that somebody else collected.
    pub fn absorb(&mut self, other: Self) {
        self.count += other.count;
        self.unopened += other.unopened;
        self.findings.extend(other.findings);
        self.findings.truncate(usize::try_from(NAMED).unwrap_or(usize::MAX));
    }

    /// As many more, of which nothing else is known.
    pub const fn add_unnamed(&mut self, count: u64) {
        self.count += count;
    }

    /// The findings; the last one counts those that are not named. What could not be tried is left out of `of`.
    pub fn finish(mut self, of: &str, coverage: &mut Coverage) -> Vec<Finding> {
        if self.unopened > 0 {
            coverage.missing(format!("{} of {of}", Count(self.unopened, "envelope")), "their keys are not in this sidecar");
        }
        if let Some(last) = self.findings.last_mut().filter(|_| self.count > NAMED) {
            last.message = format!("{} {} more do not open.", last.message, self.count - NAMED);
        }
        self.findings
    }
}

/// Counts the envelopes of one group while they are shown.
#[derive(Debug, Default)]
pub struct Counting {
    census: EnvelopeCensus,
    keys: BTreeMap<u32, KeyUse>,
    closed: Closed,
    /// What is committed from here on should be sealed.
    sealed_from: Option<HlcTimestamp>,
    /// Key and time of the first version that is not.
    first_late: Option<(String, HlcTimestamp)>,
}

impl Counting {
    /// Nothing is counted yet. `opening`: keys are at hand. What is committed from `sealed_from` on should be sealed.
    pub fn new(opening: bool, own_keys: bool, sealed_from: Option<HlcTimestamp>) -> Self {
        let none = opening.then_some(0);
        let clear_rows_after_cutover = sealed_from.map(|_| 0);
        let census = EnvelopeCensus { opened: none, failed: none, clear_rows_after_cutover, ..EnvelopeCensus::default() };
        let closed = if own_keys { Closed::with_own_keys() } else { Closed::default() };
        Self { census, closed, sealed_from, ..Self::default() }
    }

    /// Takes in one envelope.
    pub fn add(&mut self, holder: Holder, envelope: &Envelope<'_>) {
        self.census.envelopes += 1;
        let key = self.keys.entry(envelope.key_id).or_default();
        match holder {
            Holder::Entry { behind_snapshot } => {
                key.entries += 1;
                key.entries_behind_snapshot += u64::from(behind_snapshot);
            }
            Holder::Row => key.rows += 1,
            Holder::PayloadRow => key.payload_rows += 1,
        }
    }

    /// A version in the store that is not sealed; its key as stored.
    pub fn clear_row(&mut self, key: &[u8], committed: HlcTimestamp) {
        self.census.clear_rows += 1;
        if self.sealed_from.is_some_and(|from| from <= committed)
            && let Some(late) = &mut self.census.clear_rows_after_cutover
        {
            *late += 1;
            self.first_late.get_or_insert_with(|| (Shown(key).to_string(), committed));
        }
    }

    /// An envelope was opened.
    pub fn opened(&mut self) {
        self.census.opened = self.census.opened.map(|opened| opened + 1);
    }

    /// An envelope does not open. `what` names the entry or row; path and offset are where it stands.
    pub fn failed(&mut self, what: &str, path: String, offset: Option<u64>, envelope: &Envelope<'_>, error: &OpenError) {
        self.census.failed = Some(self.census.failed.unwrap_or(0) + 1);
        self.closed.add(what, path, offset, Some(envelope), error);
    }

    /// Something sealed is no envelope, whatever the keys.
    pub fn broken(&mut self, what: &str, path: String, offset: Option<u64>, error: &OpenError) {
        self.census.malformed += 1;
        self.closed.add(what, path, offset, None, error);
    }

    /// What was counted, and what is wrong with it. `group` names the directory; `complete`: everything was read.
    pub fn finish(
        mut self,
        sidecar: Option<&Sidecar>,
        group: &str,
        complete: bool,
        coverage: &mut Coverage,
    ) -> (EnvelopeCensus, Vec<Finding>) {
        self.census.complete = complete;
        if let Some(sidecar) = sidecar {
            for (id, key) in sidecar.keys_by_id() {
                self.keys.entry(id).or_default().purpose = Some(key.purpose.clone());
            }
            for (id, key) in &mut self.keys {
                key.active = Some([sidecar.active_storage, sidecar.active_raft].contains(id));
            }
        }
        self.census.keys = self.keys.into_iter().map(|(id, key)| KeyUse { id, ..key }).collect();
        let mut findings = self.closed.finish(group, coverage);
        if let Some((key, committed)) = self.first_late {
            let late = self.census.clear_rows_after_cutover.unwrap_or_default();
            let time = committed.millis().to_rfc3339().unwrap_or_else(|| committed.to_string());
            let message = format!(
                "{} in clear text {} committed after values began to be sealed; the first one has the key {key} and was committed at \
                 {time}.",
                Count(late, "version"),
                if late == 1 { "was" } else { "were" },
            );
            findings.push(Finding::new(&codes::CLEAR_AFTER_CUTOVER, message).at(format!("{group}/fsm.db")));
        }
        (self.census, findings)
    }
}

/// An envelope that does not open: the server's error, and what its header says.
pub fn open_failed(what: &str, path: String, offset: Option<u64>, envelope: Option<&Envelope<'_>>, error: &OpenError) -> Finding {
    let mut message = format!("{what} does not open: {error}.");
    if let Some(Envelope { key_id, node, local_epoch, counter, .. }) = envelope {
        let _ = write!(
            message,
            " It was sealed under key {key_id} by node {node:04x} in its start {local_epoch}, counter {counter}."
        );
    }
    let finding = Finding::new(&codes::OPEN_FAILED, message).at(path).found(error.name());
    match offset {
        Some(offset) => finding.offset(offset),
        None => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(bytes: &[u8]) -> Envelope<'_> {
        Envelope::decode(bytes).unwrap()
    }

    #[test]
    fn who_needs_which_key() {
        let bytes = [&[1, 0, 0, 0, 0, 2, 0xd4, 0xc0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 9][..], &[7; 20]].concat();
        let mut counting = Counting::new(true, true, None);
        counting.add(Holder::Entry { behind_snapshot: true }, &envelope(&bytes));
        counting.add(Holder::Row, &envelope(&bytes));
        counting.opened();
        counting.failed("Entry 5", "n1/wal".to_owned(), None, &envelope(&bytes), &OpenError::Integrity(2));
        let sidecar = br#"{"version": 2, "active": {"storage": 1, "raft": 2}, "keys": {"1": {"purpose": "storage"},
            "2": {"purpose": "raft"}, "3": {"purpose": "raft"}}}"#;
        let (census, findings) = counting.finish(Some(&Sidecar::parse(sidecar).unwrap()), "n1", true, &mut Coverage::default());
        assert_eq!((census.envelopes, census.opened, census.failed), (2, Some(1), Some(1)));
        let used: Vec<_> = census.keys.iter().map(|key| (key.id, key.entries, key.rows, key.is_retired())).collect();
        assert_eq!(used, [(1, 0, 0, false), (2, 1, 1, false), (3, 0, 0, true)]);
        assert_eq!(
            findings[0].message,
            "Entry 5 does not open: encryption: integrity check failed (GCM tag mismatch). It was sealed under key 2 by node d4c0 \
             in its start 3, counter 9."
        );
    }
}
