//! What became of each version.

use std::collections::BTreeMap;

use serde::Serialize;

use super::lacking::{Held, replaced_at};
use super::request::{HeldRequests, PartOfRequest};
use super::{Content, EntryFact, EntryState, Leaders, Ledger, LogState, NodeState, Operation, Place, RowId, Version};
use crate::analysis::judge::divergence::BEFORE_ALL;
use crate::formats::kv::RequestClass;
use crate::types::{Count, HlcTimestamp, Term};

/// What became of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// A store holds it.
    Applied,
    /// No store holds it any more: a snapshot does that is older than what the stores retain or newer than they are, or compactions may
    /// have dropped it.
    Compacted,
    /// Its entry is committed and not applied yet.
    Committed,
    /// Its entry stands in a log and may still be replaced.
    Uncommitted,
    /// Its entry is committed, and the state machine turns it down on sight.
    Refused,
    /// Its entry was applied and left nothing: a conflict, or the repetition of a request.
    WithoutEffect,
    /// It was committed, and neither a store nor a start has it: if a snapshot does, a store that has come as far does not.
    Lost,
    /// Another entry stands in the place of its entry.
    Replaced,
    /// No start reads its entry, and whether that was committed is not known.
    Unreachable,
    /// What would tell is gone or was not read.
    Unknown,
}

impl Fate {
    /// True when the version counts, or did.
    pub const fn counts(self) -> bool {
        matches!(self, Self::Applied | Self::Compacted | Self::Committed)
    }

    /// The word in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Compacted => "compacted",
            Self::Committed => "committed",
            Self::Uncommitted => "uncommitted",
            Self::Refused => "refused",
            Self::WithoutEffect => "without-effect",
            Self::Lost => "lost",
            Self::Replaced => "replaced",
            Self::Unreachable => "unreachable",
            Self::Unknown => "unknown",
        }
    }
}

/// A version with what became of it.
#[derive(Debug, Clone)]
pub struct Settled {
    /// Which.
    pub row: RowId,
    /// What was met.
    pub version: Version,
    /// The state of each of its entries.
    pub states: Vec<EntryState>,
    /// The entry that counts among them, or is the likeliest to.
    pub entry: Option<usize>,
    /// What became of it.
    pub fate: Fate,
    /// The version that it replaced: `Err` when there was none, or that is not known.
    pub before: Result<usize, NoneBefore>,
    /// When the next version of the row was committed that a store or payload holds.
    pub replaced_at: Option<HlcTimestamp>,
    /// A store that holds other rows of its request, and not this one.
    pub part_of: Option<PartOfRequest>,
}

/// Why no version before another one is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoneBefore {
    /// There was none.
    Absent,
    /// Older ones may be gone.
    Unknown,
}

/// Everything that was met, by row and time, with what became of it.
pub fn settle(ledger: &mut Ledger, nodes: &[NodeState]) -> Vec<Settled> {
    let mut versions = ledger.finish();
    resolve(&mut versions);
    let (replaced, requests) = (replaced_at(&versions), HeldRequests::of(&versions));
    let mut all: Vec<Settled> = Vec::with_capacity(versions.len());
    let mut last: Option<usize> = None;
    for ((row, version), replaced_at) in versions.into_iter().zip(replaced) {
        let same_row = |other: &RowId| (other.group, &other.key) == (row.group, &row.key);
        if last.is_some_and(|at| !same_row(&all[at].row)) {
            last = None;
        }
        let of_group = || nodes.iter().filter(|node| node.group == row.group);
        let states: Vec<_> = version.entries.iter().map(|entry| state_of(entry, &version, nodes, row.group)).collect();
        let entry = (0..states.len()).min_by_key(|at| (states[*at], std::cmp::Reverse(version.entries[*at].term)));
        let mut fate = fate_of(&row, &version, entry.map(|at| (&version.entries[at], states[at])), nodes);
        let held = Held { row: &row, version: &version, states: &states, replaced_at };
        if fate == Fate::Compacted && held.is_missed(nodes) {
            fate = Fate::Lost;
        }
        let counting = entry.map(|at| &version.entries[at]).filter(|_| fate == Fate::WithoutEffect);
        let part_of = counting.and_then(|entry| requests.of_which_a_part(entry, row.group, replaced_at, nodes));
        match part_of {
            Some(part) if part.is_certain => fate = Fate::Lost,
            Some(_) => fate = Fate::Unknown,
            None => {}
        }
        let before = last.ok_or_else(|| {
            let index = entry.map(|at| version.entries[at].index);
            if of_group().any(|node| node.remembers_all(index)) { NoneBefore::Absent } else { NoneBefore::Unknown }
        });
        let position = all.len();
        all.push(Settled { row, version, states, entry, fate, before, replaced_at, part_of });
        if fate.counts() {
            last = Some(position);
        }
    }
    all
}

/// Gives each committed write what its intent says.
fn resolve(versions: &mut BTreeMap<RowId, Version>) {
    let mut known = Vec::new();
    for (row, version) in versions.iter() {
        for (at, entry) in version.entries.iter().enumerate() {
            let Some(start) = entry.start_ts.filter(|_| entry.phase == RequestClass::Commit && entry.content.deletes.is_none())
            else {
                continue;
            };
            let intent = RowId { group: row.group, key: [b"!txn|int|", row.key.as_slice()].concat(), ts: start };
            let content = versions.get(&intent).and_then(Version::content).filter(|content| content.whole);
            if let Some((deletes, value)) = content.and_then(|content| intent_of(content.value.as_deref()?)) {
                known.push((row.clone(), at, Content::of_write(deletes, value, true)));
            }
        }
    }
    for (row, at, content) in known {
        let Some(version) = versions.get_mut(&row) else { continue };
        let Some(entry) = version.entries.get_mut(at) else { continue };
        entry.operation = Operation::of(&row.key, content.deletes);
        let digest = content.digest;
        entry.content = content;
        let written = Some((entry.index, entry.term));
        version.places.iter_mut().filter(|place| place.entry == written).for_each(|place| place.digest = digest);
    }
}

/// Whether an intent deletes, and its value: `01`, start (8), 0 to put or 1 to delete, length (8), value.
fn intent_of(record: &[u8]) -> Option<(bool, &[u8])> {
    let rest = record.strip_prefix(&[1])?.get(8..)?;
    let (deletes, rest) = rest.split_first()?;
    let (len, value) = rest.split_first_chunk::<8>()?;
    (u64::from_be_bytes(*len) == value.len() as u64 && *deletes <= 1).then_some((*deletes == 1, value))
}

fn state_of(entry: &EntryFact, version: &Version, nodes: &[NodeState], group: usize) -> EntryState {
    let (index, term) = (entry.index, entry.term);
    let logs = || nodes.iter().filter(|node| node.group == group).filter_map(|node| node.log.as_ref());
    let at = |log: &LogState| -> Option<Term> { log.entries.term_at(index) };
    if logs().any(|log| at(log) == Some(term) && log.commit >= index) {
        return EntryState::Committed;
    }
    if logs().any(|log| at(log).is_some_and(|other| other != term) && log.commit >= index) {
        return EntryState::Replaced;
    }
    if logs().any(|log| at(log) == Some(term)) {
        return EntryState::Uncommitted;
    }
    // What stands aside was committed when a hard state says so that stands aside with it.
    let of_it = |place: &&Place| place.entry == Some((index, term)) && place.origin.is_aside();
    let aside =
        |place: &Place| nodes.get(place.node).and_then(|node| node.log.as_ref()).is_some_and(|log| log.commit_aside >= index);
    if version.places.iter().filter(of_it).any(aside) {
        return EntryState::Lost;
    }
    if logs().any(|log| at(log).is_some()) {
        return EntryState::Replaced;
    }
    // A log that begins later does not tell what stood there.
    if logs().any(|log| log.entries.first().is_some_and(|first| first > index)) {
        return EntryState::Unknown;
    }
    if logs().any(|log| log.commit >= index) {
        return EntryState::Lost;
    }
    EntryState::Unreachable
}

fn fate_of(row: &RowId, version: &Version, entry: Option<(&EntryFact, EntryState)>, nodes: &[NodeState]) -> Fate {
    if version.places.iter().any(|place| place.origin.is_store()) {
        return Fate::Applied;
    }
    if version.places.iter().any(|place| place.entry.is_none()) {
        // It may stand in what was not read of a store.
        let stores = || nodes.iter().filter(|node| node.group == row.group).filter_map(|node| node.store);
        let unread = stores().any(|store| !store.whole) && !stores().any(|store| store.whole);
        return if unread { Fate::Unknown } else { Fate::Compacted };
    }
    let Some((entry, state)) = entry else { return Fate::Unknown };
    match state {
        EntryState::Committed => {}
        EntryState::Uncommitted => return Fate::Uncommitted,
        EntryState::Lost => return Fate::Lost,
        EntryState::Replaced => return Fate::Replaced,
        EntryState::Unreachable => return Fate::Unreachable,
        EntryState::Unknown => return Fate::Unknown,
    }
    if entry.refusal.is_some() {
        return Fate::Refused;
    }
    let stores = || nodes.iter().filter(|node| node.group == row.group).filter_map(|node| node.store);
    let mut applied = stores().filter(|store| store.applied.is_some_and(|applied| applied >= entry.index)).peekable();
    if applied.peek().is_none() {
        // A store that could not be read may hold it.
        return if stores().all(|store| store.whole) { Fate::Committed } else { Fate::Unknown };
    }
    let (mut compacted, mut unread) = (false, false);
    for store in applied {
        unread |= !store.whole;
        compacted |= store.min_retained.is_some_and(|retained| row.ts < retained);
    }
    match (unread, compacted) {
        (true, _) => Fate::Unknown,
        (false, true) => Fate::Compacted,
        (false, false) => Fate::WithoutEffect,
    }
}

impl Settled {
    /// The entry that counts.
    pub fn fact(&self) -> Option<&EntryFact> {
        self.version.entries.get(self.entry?)
    }

    /// What it does to its row.
    pub fn operation(&self) -> Operation {
        let deletes = self.version.content().and_then(|content| content.deletes);
        match self.fact() {
            Some(fact) if fact.operation == Operation::DeletePrefix => Operation::DeletePrefix,
            _ => Operation::of(&self.row.key, deletes),
        }
    }

    /// Who proposed its entry; `without` says what is known of an entry that was not found, as [`without_entry`] does.
    pub fn proposer(&self, leaders: &Leaders, without: &str) -> super::Proposer {
        match self.fact() {
            Some(fact) => leaders.proposer(fact.term, fact.sealer),
            None => super::Proposer::unknown(without.to_owned()),
        }
    }
}

/// What is known of an entry of the group at this position that was not found: in which entries that were not seen it may stand.
pub fn without_entry(nodes: &[NodeState], group: usize) -> String {
    let logs: Vec<_> = nodes.iter().filter(|node| node.group == group).filter_map(|node| node.log.as_ref()).collect();
    if logs.is_empty() {
        return "no log was read that could have its entry".to_owned();
    }
    let mut may = Vec::new();
    let sealed: u64 = logs.iter().map(|log| log.sealed).sum();
    if sealed > 0 {
        may.push(format!("may be one of {} that were not opened", Count(sealed, "sealed entry")));
    }
    if logs.iter().any(|log| !log.whole) {
        may.push("may stand in a part of a log that could not be read".to_owned());
    }
    let first = logs.iter().map(|log| log.entries.first()).min().flatten();
    // The first entry of a group stands in the snapshot that every node makes for itself, and writes nothing.
    if let Some(first) = first.filter(|first| Some(*first) > BEFORE_ALL.next()) {
        may.push(format!("may be older than the logs, which begin with entry {first}"));
    }
    match may.as_slice() {
        [] => "its entry is in no log that was read".to_owned(),
        may => format!("no entry that could be read writes it; its entry {}", may.join(", or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::intent_of;

    #[test]
    fn an_intent_is_read_whole_or_not_at_all() {
        let record = b"\x01\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\0\x02hi";
        assert_eq!(intent_of(record), Some((false, &b"hi"[..])));
        assert_eq!(intent_of(b"\x01\0\0\0\0\0\0\0\x05\x01\0\0\0\0\0\0\0\0"), Some((true, &b""[..])));
        for cut in 0..record.len() {
            assert_eq!(intent_of(&record[..cut]), None, "{cut}");
        }
        for bit in 0..record.len() * 8 {
            let mut changed = record.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            // Start and value may be anything.
            let read = intent_of(&changed);
            assert!(read.is_none_or(|(deletes, value)| deletes || value.len() == 2), "{bit}");
        }
    }
}
