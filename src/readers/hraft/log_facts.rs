//! What stands in the stores: the log's shape, its memberships, what does not decode; the stable keys.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::checkpoints::{CheckpointFault, Checkpoints};
use super::survey::{Row, Survey};
use super::wal::{LogError, WalLog};
use crate::formats::hraft::{
    AppendedAt, CURRENT_TERM, Configuration, EntryForm, LAST_VOTE_CANDIDATE, LAST_VOTE_TERM, LogEntry, LogType, MsgpackError,
    PayloadNote, decode_configuration, decode_entry, decode_peers,
};
use crate::formats::raftwal::decode_binary_entry;
use crate::io::MappedFile;

/// Facts of one kind that are kept.
const KEPT: usize = 1000;

/// A range of indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Range {
    /// First index.
    pub from: u64,
    /// Last index.
    pub to: u64,
}

/// Entries of one term that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct TermRun {
    /// The term.
    pub term: u64,
    /// First key.
    pub from: u64,
    /// Last key.
    pub to: u64,
}

/// An entry at which something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryFault {
    /// Its key.
    pub key: u64,
    /// Offset of its value in the file.
    pub at: u64,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It does not decode.
    Undecodable(MsgpackError),
    /// It cannot be read, or does not decode, in another codec than MessagePack; with the offset in the entry.
    Malformed(u64, String),
    /// Its value says another index.
    Index(u64),
    /// Its type is none that the library knows.
    Type(u8),
    /// There is a bucket in the place of a value.
    Nested,
    /// It decodes to something that no writer writes; in words.
    Odd(String),
}

/// A key that is no index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OddKey {
    /// The key.
    pub key: Vec<u8>,
    /// Offset of its value.
    pub at: u64,
    /// True when it is the first key of the bucket.
    pub first: bool,
    /// True when it is the last.
    pub last: bool,
}

/// An entry with a membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipEntry {
    /// Its key.
    pub key: u64,
    /// Offset of its value in the file.
    pub at: u64,
    /// Offset of the payload in the file.
    pub data_at: u64,
    /// Its term.
    pub term: u64,
    /// Type 2, 3 or 5.
    pub kind: LogType,
    /// What it decodes to.
    pub decoded: Result<(Configuration, Vec<PayloadNote>), MsgpackError>,
}

/// Counts of one type of entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, schemars::JsonSchema)]
pub struct TypeCount {
    /// Entries.
    pub entries: u64,
    /// Bytes of their values.
    pub bytes: u64,
}

/// The log and the stable store.
#[derive(Debug, Default)]
pub struct LogFacts {
    /// Log keys of eight bytes.
    pub entries: u64,
    /// First key.
    pub first: Option<u64>,
    /// Last key.
    pub last: Option<u64>,
    /// Index and term that the last key's value says.
    pub last_decoded: Option<(u64, u64)>,
    /// Missing keys between the first and the last.
    pub gaps: Vec<Range>,
    /// Terms along the log.
    pub terms: Vec<TermRun>,
    /// By type.
    pub types: BTreeMap<LogType, TypeCount>,
    /// By form, with the first key of each.
    pub forms: BTreeMap<EntryForm, (u64, u64)>,
    /// Entries at which something is wrong.
    pub faults: Vec<EntryFault>,
    /// Keys that are no index.
    pub odd_keys: Vec<OddKey>,
    /// Memberships in the order of the keys.
    pub memberships: Vec<MembershipEntry>,
    /// Entries with bytes behind them.
    pub trailing: u64,
    /// Facts that were not kept.
    pub dropped: u64,
    /// The clock of the first and of the last entry that has one.
    pub clock: Option<(AppendedAt, AppendedAt)>,
    /// `CurrentTerm` as it stands.
    pub current_term: Option<Vec<u8>>,
    /// `LastVoteTerm` as it stands.
    pub vote_term: Option<Vec<u8>>,
    /// `LastVoteCand` as it stands.
    pub vote_candidate: Option<Vec<u8>>,
    /// Other keys beside them.
    pub other_stable: Vec<String>,
    /// Checkpoints of the verifier whose sums could be compared.
    pub checkpoints: u64,
    /// Those that differ.
    pub checkpoint_faults: Vec<CheckpointFault>,
}

fn keep<T>(list: &mut Vec<T>, dropped: &mut u64, fact: T) {
    if list.len() < KEPT {
        list.push(fact);
    } else {
        *dropped = dropped.saturating_add(1);
    }
}

/// Eight bytes as the library reads a longer value: the first ones.
pub fn number(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk::<8>().map(|number| u64::from_be_bytes(*number))
}

impl LogFacts {
    /// Reads bytes of a file and everything in them.
    pub fn read(bytes: &[u8], into: &mut Self) -> Survey {
        let survey = Survey::of(bytes, &mut |row| into.row(&row));
        into.walked(survey)
    }

    /// Reads a file and everything in it. Pages that were read do not stay in memory.
    pub fn read_file(file: &MappedFile, into: &mut Self) -> Survey {
        let survey = Survey::of_file(file, &mut |row| into.row(&row));
        into.walked(survey)
    }

    fn row(&mut self, row: &Row<'_>) -> ControlFlow<()> {
        match row.bucket {
            b"logs" => self.log_row(row),
            b"conf" => self.stable_row(row),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    /// Behind the last page.
    fn walked(&mut self, mut survey: Survey) -> Survey {
        survey.miss_buckets();
        self.end();
        survey
    }

    /// Behind the last row.
    pub(super) fn end(&mut self) {
        if let (Some(odd), None) = (self.odd_keys.last_mut(), self.last) {
            odd.last = true;
        }
    }

    pub(super) fn stable_row(&mut self, row: &Row<'_>) {
        let Some(value) = row.value else { return };
        let place = match row.key {
            CURRENT_TERM => &mut self.current_term,
            LAST_VOTE_TERM => &mut self.vote_term,
            LAST_VOTE_CANDIDATE => &mut self.vote_candidate,
            other => {
                let name = String::from_utf8_lossy(other).into_owned();
                return keep(&mut self.other_stable, &mut self.dropped, name);
            }
        };
        *place = Some(value.to_vec());
    }

    pub(super) fn log_row(&mut self, row: &Row<'_>) {
        if let Some(odd) = self.odd_keys.last_mut() {
            odd.last = false;
        }
        let Ok(key) = <[u8; 8]>::try_from(row.key) else {
            let first = self.entries == 0 && self.odd_keys.is_empty();
            let odd = OddKey { key: row.key.to_vec(), at: row.at, first, last: true };
            return keep(&mut self.odd_keys, &mut self.dropped, odd);
        };
        let key = u64::from_be_bytes(key);
        let entry = match row.value {
            None => Err(Fault::Nested),
            Some(value) => decode_entry(value).map_err(Fault::Undecodable),
        };
        self.entry(key, row.at, row.value.map_or(0, <[u8]>::len), &entry);
    }

    /// Takes an entry; the keys rise.
    fn entry(&mut self, key: u64, at: u64, len: usize, entry: &Result<LogEntry<'_>, Fault>) {
        if let Some(last) = self.last
            && key > last.saturating_add(1)
        {
            keep(&mut self.gaps, &mut self.dropped, Range { from: last + 1, to: key - 1 });
        }
        self.first.get_or_insert(key);
        self.last = Some(key);
        self.entries = self.entries.saturating_add(1);
        self.last_decoded = None;
        let entry = match entry {
            Ok(entry) => entry,
            Err(fault) => return keep(&mut self.faults, &mut self.dropped, EntryFault { key, at, fault: fault.clone() }),
        };
        self.last_decoded = Some((entry.index, entry.term));
        if entry.index != key {
            let fault = Fault::Index(entry.index);
            keep(&mut self.faults, &mut self.dropped, EntryFault { key, at, fault });
        }
        let empty = matches!(entry.kind, LogType::Noop | LogType::Barrier) && !entry.data.is_empty();
        let odd = match entry.lacks {
            Some(field) => Some(format!("lacks the field {field}, which counts as zero then")),
            None if entry.term == 0 => Some("has term 0, which no leader has".to_owned()),
            None if empty => Some(format!("is a {} with data", entry.kind.name())),
            None => None,
        };
        if let Some(odd) = odd {
            keep(&mut self.faults, &mut self.dropped, EntryFault { key, at, fault: Fault::Odd(odd) });
        }
        let count = self.types.entry(entry.kind).or_default();
        count.entries += 1;
        count.bytes += len as u64;
        self.forms.entry(entry.form).or_insert((key, 0)).1 += 1;
        self.trailing += u64::from(entry.trailing > 0);
        if let Some(clock) = entry.appended_at.filter(|clock| !clock.is_zero()) {
            match &mut self.clock {
                Some((_, last)) => *last = clock,
                None => self.clock = Some((clock, clock)),
            }
        }
        match self.terms.last_mut() {
            Some(run) if run.term == entry.term => run.to = key,
            _ => keep(&mut self.terms, &mut self.dropped, TermRun { term: entry.term, from: key, to: key }),
        }
        let decoded = match entry.kind {
            LogType::Configuration => decode_configuration(&entry.data),
            LogType::AddPeer | LogType::RemovePeer => decode_peers(&entry.data),
            LogType::Unknown(number) => {
                let fault = Fault::Type(number);
                return keep(&mut self.faults, &mut self.dropped, EntryFault { key, at, fault });
            }
            LogType::Command | LogType::Noop | LogType::Barrier => return,
        };
        let entry = MembershipEntry { key, at, data_at: at + entry.data_at, term: entry.term, kind: entry.kind, decoded };
        keep(&mut self.memberships, &mut self.dropped, entry);
    }

    /// Takes `count` entries up to `last` that all fail as the one before did.
    fn rest(&mut self, last: u64, count: u64) {
        self.last = Some(last);
        self.entries = self.entries.saturating_add(count);
        self.dropped = self.dropped.saturating_add(count);
        self.last_decoded = None;
    }

    /// Reads a log of raft-wal: what counts of it, and its checkpoints.
    pub fn read_wal(log: &WalLog, into: &mut Self) {
        // Integers are little-endian there; a value of another length is kept as it stands.
        let number = |value: &Option<Vec<u8>>| {
            value.clone().map(|mut value| {
                if value.len() == 8 {
                    value.reverse();
                }
                value
            })
        };
        into.current_term = number(&log.stable.current_term);
        into.vote_term = number(&log.stable.vote_term);
        into.vote_candidate.clone_from(&log.stable.vote_candidate);
        let mut sums = Checkpoints::default();
        for (position, segment) in log.segments.iter().enumerate() {
            let Some((first, last)) = segment.range() else { continue };
            let beyond = segment.beyond();
            for index in first..=last {
                if index >= beyond && into.faults.len() >= KEPT {
                    into.rest(last, (last - index).saturating_add(1));
                    break;
                }
                let (at, len, entry) = match log.in_segment(position, index) {
                    Ok(spot) => {
                        let entry = decode_binary_entry(spot.bytes);
                        (spot.at, spot.bytes.len(), entry.map_err(|error| Fault::Malformed(error.at, error.text.to_owned())))
                    }
                    // Nothing behind a reason that every further entry would have again.
                    Err(LogError::NotFound) => break,
                    Err(LogError::Failed(text)) => (0, 0, Err(Fault::Malformed(0, text))),
                };
                sums.take(index, at, entry.as_ref().ok());
                into.entry(index, at, len, &entry);
            }
        }
        into.checkpoints = sums.checked;
        into.checkpoint_faults = sums.faults;
    }

    /// The term of a key, as far as the runs tell.
    pub fn term_at(&self, key: u64) -> Option<u64> {
        let position = self.terms.partition_point(|run| run.to < key);
        self.terms.get(position).filter(|run| run.from <= key).map(|run| run.term)
    }

    /// True when a key is there.
    pub fn has(&self, key: u64) -> bool {
        let inside = self.first.is_some_and(|first| first <= key) && self.last.is_some_and(|last| key <= last);
        let gap = self.gaps.get(self.gaps.partition_point(|gap| gap.to < key));
        inside && gap.is_none_or(|gap| key < gap.from)
    }

    /// What is wrong with the entry at a key.
    pub fn faults_at(&self, key: u64) -> impl Iterator<Item = &Fault> {
        let from = self.faults.partition_point(|fault| fault.key < key);
        self.faults.iter().skip(from).take_while(move |fault| fault.key == key).map(|fault| &fault.fault)
    }

    /// The membership at a key.
    pub fn membership_at(&self, key: u64) -> Option<&MembershipEntry> {
        self.memberships.get(self.memberships.partition_point(|entry| entry.key < key)).filter(|entry| entry.key == key)
    }

    /// The first key at or behind `key` at which there may be anything but an entry without a membership and without a fault: what lies
    /// between is there, decodes, and is all alike to a start.
    pub fn next_of_note(&self, key: u64) -> u64 {
        if !self.has(key) {
            return key;
        }
        let gap = self.gaps.get(self.gaps.partition_point(|gap| gap.to < key)).map(|gap| gap.from);
        let fault = self.faults.get(self.faults.partition_point(|fault| fault.key < key)).map(|fault| fault.key);
        let membership = self.memberships.get(self.memberships.partition_point(|entry| entry.key < key)).map(|entry| entry.key);
        let ends = self.last;
        [gap, fault, membership, ends].into_iter().flatten().min().unwrap_or(key)
    }

    /// True when every key of the log is an index, and everything that was noticed is kept.
    pub const fn is_whole(&self) -> bool {
        self.odd_keys.is_empty() && self.dropped == 0
    }

    /// True when so much was noticed that facts which decide a start were left out.
    pub const fn is_incomplete(&self) -> bool {
        let full =
            self.gaps.len() >= KEPT || self.faults.len() >= KEPT || self.odd_keys.len() >= KEPT || self.memberships.len() >= KEPT;
        self.dropped > 0 && full
    }
}
