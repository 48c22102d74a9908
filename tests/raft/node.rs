//! One member: what it remembers, what it writes, and how it starts again.

use std::collections::BTreeMap;

use super::disk::{Disk, Record, Snap, Written};
use super::model::{Change, Conf, Entry, HardState, Kind, Rng, node_id};

/// How a history's nodes are set up.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub segment_size: usize,
    pub keep_segments: usize,
    /// The newer server tidies up before it writes a payload.
    pub tidy_first: bool,
}

pub struct Node {
    pub number: usize,
    pub disk: Disk,
    pub up: bool,
    pub leader: bool,
    pub state: HardState,
    saved: HardState,
    /// Entries behind `base`.
    pub log: Vec<Entry>,
    /// Index and term of the entry before the first one that is still in memory.
    pub base: (u64, u64),
    /// The newest snapshot that the node would send.
    pub snap: Option<Snap>,
    /// What the state machine holds; entries up to it are taken for duplicates.
    pub applied: u64,
    /// The last entry that was handed over, which after a start lags behind `applied`.
    delivered: u64,
    pub conf: Conf,
    conf_index: u64,
    /// A leader's view of the others.
    pub matched: BTreeMap<usize, u64>,
    settings: Settings,
}

impl Node {
    pub fn new(number: usize, disk: Disk, settings: Settings) -> Self {
        Self {
            number,
            disk,
            up: true,
            leader: false,
            state: HardState::default(),
            saved: HardState::default(),
            log: Vec::new(),
            base: (0, 0),
            snap: None,
            applied: 0,
            delivered: 0,
            conf: Conf::default(),
            conf_index: 0,
            matched: BTreeMap::new(),
            settings,
        }
    }

    /// The first start of a founding member.
    pub fn bootstrap(&mut self, conf: &Conf) -> Written {
        self.disk.write_payload(1, None, false)?;
        let snap = Snap { index: 1, term: 1, conf: conf.clone(), applied: None };
        self.disk.write_snap(&snap)?;
        self.disk.save_snapshot_record(1, 1, conf)?;
        self.state = HardState { term: 1, vote: 0, commit: 1 };
        self.save(&[])?;
        self.disk.write_peers(1, conf)?;
        (self.base, self.applied, self.delivered, self.conf_index) = ((1, 1), 1, 1, 1);
        self.conf = conf.clone();
        self.snap = Some(snap);
        Ok(())
    }

    pub fn last(&self) -> (u64, u64) {
        self.log.last().map_or(self.base, |entry| (entry.index, entry.term))
    }

    pub fn entry(&self, index: u64) -> Option<&Entry> {
        let at = index.checked_sub(self.base.0 + 1)?;
        self.log.get(usize::try_from(at).unwrap())
    }

    pub fn term_at(&self, index: u64) -> Option<u64> {
        if index == self.base.0 { Some(self.base.1) } else { self.entry(index).map(|entry| entry.term) }
    }

    /// Writes entries and what changed of the hard state; durable if there is more than a commit.
    pub fn save(&mut self, entries: &[Entry]) -> Written {
        let changed = (self.state != self.saved).then_some(self.state);
        let (term, vote) = (self.saved.term, self.saved.vote);
        let sync = !entries.is_empty() || (self.state.term, self.state.vote) != (term, vote);
        self.saved = self.state;
        self.disk.save(entries, changed, sync, self.settings.segment_size)
    }

    pub fn follow(&mut self, term: u64) {
        if term > self.state.term {
            (self.state.term, self.state.vote) = (term, 0);
        }
        self.leader = false;
    }

    /// Appends in memory, dropping what conflicts. Returns what is new.
    pub fn append(&mut self, entries: &[Entry]) -> Vec<Entry> {
        let Some(first) = entries.iter().position(|entry| self.term_at(entry.index) != Some(entry.term)) else {
            return Vec::new();
        };
        let new = entries[first..].to_vec();
        assert!(new[0].index > self.state.commit, "a correct leader never asks for that");
        self.log.truncate(usize::try_from(new[0].index - self.base.0 - 1).unwrap());
        self.log.extend(new.iter().cloned());
        new
    }

    /// Applies what is committed.
    pub fn apply(&mut self) -> Written {
        for index in self.delivered + 1..=self.state.commit {
            let entry = self.entry(index).unwrap().clone();
            match entry.kind {
                Kind::Noop => {}
                // Taken for a duplicate.
                Kind::Data(_) if index <= self.applied => {}
                Kind::Data(_) => self.disk.set_applied(Some(index))?,
                Kind::Conf { change, .. } => self.apply_change(&entry, change)?,
            }
            self.applied = self.applied.max(index);
            self.delivered = index;
        }
        Ok(())
    }

    fn apply_change(&mut self, entry: &Entry, change: Change) -> Written {
        self.conf = self.conf.after(change);
        if !self.conf.voters.contains(&self.number) {
            self.leader = false;
        }
        if self.conf_index >= entry.index {
            return Ok(());
        }
        let conf = self.conf.clone();
        self.disk.write_peers(entry.index, &conf)?;
        if self.snap.as_ref().is_none_or(|snap| snap.index < entry.index) {
            self.make_snapshot(entry.index, entry.term)?;
        }
        self.conf_index = entry.index;
        Ok(())
    }

    /// A snapshot of one's own state, at `index`.
    fn make_snapshot(&mut self, index: u64, term: u64) -> Written {
        if self.settings.tidy_first {
            self.tidy(index)?;
        }
        let snap = Snap { index, term, conf: self.conf.clone(), applied: self.disk.applied };
        self.disk.write_payload(index, snap.applied, false)?;
        if self.disk.applied.is_none_or(|applied| applied < index) {
            self.disk.set_applied(Some(index))?;
        }
        self.disk.write_snap(&snap)?;
        self.disk.save_snapshot_record(index, term, &snap.conf)?;
        self.snap = Some(snap);
        let keys: Vec<_> = self.disk.snaps.keys().copied().rev().skip(3).collect();
        for key in keys {
            self.disk.remove_snap(key)?;
        }
        self.disk.purge_segments(index, self.settings.keep_segments)
    }

    /// Before a new payload is written only the newest usable snapshot stays.
    fn tidy(&mut self, index: u64) -> Written {
        let older: Vec<_> = self.disk.snaps.keys().copied().filter(|key| key.1 < index).collect();
        let recorded = |key: &(u64, u64)| {
            let commit = self.state.commit;
            let is_it = |record: &Record| matches!(record, Record::Snapshot(i, t, _) if (*t, *i) == *key && *i <= commit);
            self.disk.records.iter().any(|(_, record)| is_it(record))
        };
        let newest = older.iter().rev().find(|key| self.disk.snaps[key].is_some() && recorded(key)).copied();
        let Some(newest) = newest else { return Ok(()) };
        for key in older.into_iter().filter(|key| *key != newest) {
            self.disk.remove_snap(key)?;
        }
        Ok(())
    }

    /// The snapshot that a server makes from time to time.
    pub fn local_snapshot(&mut self) -> Written {
        let index = self.applied;
        if self.snap.as_ref().is_some_and(|snap| snap.index >= index) || index > self.delivered || self.entry(index).is_none() {
            return Ok(());
        }
        let term = self.entry(index).unwrap().term;
        self.make_snapshot(index, term)?;
        self.log.drain(..usize::try_from(index - self.base.0).unwrap());
        self.base = (index, term);
        Ok(())
    }

    /// Takes over a snapshot from the leader.
    pub fn install(&mut self, snap: &Snap) -> Written {
        if snap.index <= self.state.commit || !snap.conf.has(self.number) {
            return self.save(&[]);
        }
        if self.term_at(snap.index) == Some(snap.term) {
            self.state.commit = snap.index;
            self.save(&[])?;
            return self.apply();
        }
        self.disk.write_payload(snap.index, snap.applied, true)?;
        self.disk.restored_ahead = true;
        self.disk.set_applied(snap.applied)?;
        if self.disk.peers.as_ref().is_none_or(|(index, _)| *index <= snap.index) {
            self.disk.write_peers(snap.index, &snap.conf)?;
        }
        self.disk.write_snap(snap)?;
        self.disk.save_snapshot_record(snap.index, snap.term, &snap.conf)?;
        self.state.commit = snap.index;
        self.log.clear();
        self.base = (snap.index, snap.term);
        (self.applied, self.delivered, self.conf_index) = (snap.index, snap.index, snap.index);
        self.conf = snap.conf.clone();
        self.snap = Some(snap.clone());
        self.save(&[])?;
        self.disk.restored_ahead = false;
        Ok(())
    }

    /// The process ends.
    pub fn stop(&mut self, rng: &mut Rng) {
        self.disk.stop(rng);
        (self.up, self.leader) = (false, false);
    }

    /// Starts from what is in the files.
    pub fn start(&mut self) -> Written {
        self.up = true;
        self.disk.clean_up()?;
        let state = self.disk.records.iter().rev().find_map(|(_, record)| match record {
            Record::State(state) => Some(*state),
            _ => None,
        });
        let state = state.unwrap_or_default();
        let is_valid = |disk: &Disk, key: &(u64, u64)| {
            let of = |record: &Record| matches!(record, Record::Snapshot(i, t, _) if (*t, *i) == *key && *i <= state.commit);
            disk.records.iter().any(|(_, record)| of(record))
        };
        let names: Vec<_> = self.disk.snaps.keys().copied().rev().collect();
        let mut chosen = None;
        for key in names {
            match self.disk.snaps[&key].clone() {
                None => self.disk.put_aside(key)?,
                Some(snap) if is_valid(&self.disk, &key) => {
                    chosen = Some(snap);
                    break;
                }
                Some(_) => {}
            }
        }
        let (index, term) = chosen.as_ref().map_or((0, 0), |snap| (snap.index, snap.term));
        self.read_log(index, term);
        (self.state, self.saved) = (state, state);
        assert!(state.commit <= self.last().0 && state.commit >= index, "{}: a start would end the process", self.disk.name);
        self.conf = chosen.as_ref().map(|snap| snap.conf.clone()).unwrap_or_default();
        if let Some(snap) = &chosen {
            assert!(self.disk.payloads.contains_key(&index), "{}: the payload of {index} is gone", self.disk.name);
            if self.disk.applied.is_none_or(|applied| applied < index) {
                self.disk.set_applied(snap.applied)?;
                self.applied = index;
            } else {
                self.applied = self.disk.applied.unwrap();
            }
            let (peers_index, peers) = self.disk.peers.clone().unwrap();
            assert!(peers_index > index || peers == snap.conf, "{}: a start refuses its peers file", self.disk.name);
            self.disk.write_peers(peers_index.max(index), &peers)?;
        } else {
            self.applied = 0;
        }
        (self.conf_index, self.delivered) = (index, index);
        self.snap = chosen;
        self.apply()
    }

    /// Reads the entries behind a snapshot, from the segment on that its index belongs to.
    fn read_log(&mut self, index: u64, term: u64) {
        let from = self.disk.segments.iter().rev().find(|(_, name)| *name <= index).expect("a segment for the snapshot").0;
        self.log.clear();
        self.base = (index, term);
        let mut last = 0;
        for (_, record) in self.disk.records.iter().filter(|(seq, _)| *seq >= from) {
            let Record::Entry(entry) = record else { continue };
            last = entry.index;
            if entry.index > index {
                let at = usize::try_from(entry.index - index - 1).unwrap();
                assert!(at <= self.log.len(), "{}: slice bounds out of range", self.disk.name);
                self.log.truncate(at);
                self.log.push(entry.clone());
            }
        }
        self.disk.opened(last);
    }

    pub fn id(&self) -> u64 {
        node_id(self.number)
    }
}
