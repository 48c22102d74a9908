//! One node's files as a server writes them, one write at a time. After each write the node may stop for good.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::rc::Rc;

use super::model::{Conf, Entry, HardState, Rng};
use crate::support::log_writer::{LogWriter, snap_file, token};
use crate::support::store_writer::StoreWriter;
use crate::support::table_writer::SET;

/// The node stopped in the middle of what it did; its memory is gone.
#[derive(Debug)]
pub struct Stopped;

pub type Written = Result<(), Stopped>;

/// A record of the log, without the heads of segments.
#[derive(Debug, Clone)]
pub enum Record {
    Entry(Entry),
    State(HardState),
    Snapshot(u64, u64, Conf),
}

/// A `.snap` file that was written completely.
#[derive(Debug, Clone)]
pub struct Snap {
    pub index: u64,
    pub term: u64,
    pub conf: Conf,
    /// The applied index in its payload.
    pub applied: Option<u64>,
}

/// Called after each write with the files as they are.
pub type Watch = Rc<dyn Fn(&Disk)>;

pub struct Disk {
    pub dir: PathBuf,
    pub name: String,
    log: LogWriter,
    /// Records that reached the files, with the number of their segment.
    pub records: Vec<(usize, Record)>,
    /// Records that wait for the next sync.
    buffer: Vec<Record>,
    /// Segments that are still there.
    pub segments: Vec<(usize, u64)>,
    /// Bytes of a record that was torn at the end of the log.
    torn: usize,
    pub snaps: BTreeMap<(u64, u64), Option<Snap>>,
    pub payloads: BTreeMap<u64, Option<u64>>,
    /// Temporary files of payloads.
    unfinished: Vec<String>,
    pub applied: Option<u64>,
    pub peers: Option<(u64, Conf)>,
    pub peers_version: u32,
    /// A snapshot was being taken over that the log does not know of; only its payload could tell, and a start deletes that.
    pub restored_ahead: bool,
    /// Writes until the node stops.
    pub fuse: Option<u32>,
    pub watch: Watch,
}

impl Disk {
    /// Files of a node that was never started.
    pub fn new(dir: PathBuf, peers_version: u32, watch: Watch) -> Self {
        for below in ["wal", "snap", "fsm-snap"] {
            fs::create_dir_all(dir.join(below)).unwrap();
        }
        fs::write(dir.join("raft-engine"), "etcd\n").unwrap();
        let name = dir.file_name().unwrap().to_str().unwrap().to_owned();
        let log = LogWriter::new();
        let disk = Self {
            dir,
            name,
            log,
            records: Vec::new(),
            buffer: Vec::new(),
            segments: vec![(0, 0)],
            torn: 0,
            snaps: BTreeMap::new(),
            payloads: BTreeMap::new(),
            unfinished: Vec::new(),
            applied: None,
            peers: None,
            peers_version,
            restored_ahead: false,
            fuse: None,
            watch,
        };
        disk.write_store();
        disk.write_segment(512);
        disk
    }

    /// One write was done.
    fn done(&mut self) -> Written {
        (self.watch)(self);
        match &mut self.fuse {
            Some(0) => Err(Stopped),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn write_segment(&self, zeros: usize) {
        let (name, mut bytes) = self.log.last_segment();
        bytes.resize(bytes.len() + zeros, 0);
        fs::write(self.dir.join("wal").join(name), bytes).unwrap();
    }

    fn put(&mut self, record: &Record) {
        match record {
            Record::Entry(entry) => drop(self.log.typed_entry(entry.kind_number(), entry.index, entry.term, &entry.data())),
            Record::State(state) => drop(self.log.state(state.term, state.vote, state.commit)),
            Record::Snapshot(index, term, conf) => drop(self.log.snapshot_of(*index, *term, &conf.encoded())),
        }
    }

    fn flush_one(&mut self) {
        let record = self.buffer.remove(0);
        self.put(&record);
        self.records.push((self.segments.last().unwrap().0, record));
        self.write_segment(512);
    }

    /// Writes what waits, record by record.
    fn flush(&mut self) -> Written {
        while !self.buffer.is_empty() {
            self.flush_one();
            self.done()?;
        }
        Ok(())
    }

    /// Entries, then the hard state; durable when `sync` says so. Ends the segment when it is full.
    pub fn save(&mut self, entries: &[Entry], state: Option<HardState>, sync: bool, segment_size: usize) -> Written {
        self.buffer.extend(entries.iter().cloned().map(Record::Entry));
        self.buffer.extend(state.map(Record::State));
        if sync {
            self.flush()?;
        }
        if self.log.len() < segment_size {
            return Ok(());
        }
        self.flush()?;
        self.write_segment(0);
        self.done()?;
        let last = self.log.cut();
        self.segments.push((self.segments.last().unwrap().0 + 1, last));
        self.write_segment(512);
        self.done()
    }

    /// A snapshot record, durable.
    pub fn save_snapshot_record(&mut self, index: u64, term: u64, conf: &Conf) -> Written {
        self.buffer.push(Record::Snapshot(index, term, conf.clone()));
        self.flush()
    }

    /// The payload of a snapshot, with what the store has applied.
    pub fn write_payload(&mut self, index: u64, applied: Option<u64>, received: bool) -> Written {
        let name = if received { format!("elastickv-etcd-snapshot-{index}") } else { format!("{index:016x}.fsm.tmp") };
        let (payload, _) = payload(applied);
        fs::write(self.dir.join("fsm-snap").join(&name), &payload[..payload.len() / 2]).unwrap();
        self.unfinished.push(name.clone());
        self.done()?;
        fs::write(self.dir.join("fsm-snap").join(&name), &payload).unwrap();
        self.done()?;
        fs::rename(self.dir.join("fsm-snap").join(&name), self.dir.join(format!("fsm-snap/{index:016x}.fsm"))).unwrap();
        self.unfinished.retain(|other| *other != name);
        self.payloads.insert(index, applied);
        self.done()
    }

    /// The `.snap` file, which has its final name from the first byte on.
    pub fn write_snap(&mut self, snap: &Snap) -> Written {
        let path = self.dir.join("snap").join(snap_name(snap.term, snap.index));
        let (_, crc) = payload(snap.applied);
        let bytes = snap_file(snap.index, snap.term, &snap.conf.encoded(), &token(snap.index, crc));
        fs::write(&path, &bytes[..bytes.len() / 3]).unwrap();
        self.snaps.insert((snap.term, snap.index), None);
        self.done()?;
        fs::write(&path, &bytes).unwrap();
        self.snaps.insert((snap.term, snap.index), Some(snap.clone()));
        self.done()
    }

    pub fn remove_snap(&mut self, key: (u64, u64)) -> Written {
        fs::remove_file(self.dir.join("snap").join(snap_name(key.0, key.1))).unwrap();
        self.snaps.remove(&key);
        self.done()?;
        self.remove_payload(key.1)
    }

    pub fn remove_payload(&mut self, index: u64) -> Written {
        if self.payloads.remove(&index).is_some() {
            fs::remove_file(self.dir.join(format!("fsm-snap/{index:016x}.fsm"))).unwrap();
            self.done()?;
        }
        Ok(())
    }

    /// Deletes segments that no start from `snapshot` needs, down to `keep`.
    pub fn purge_segments(&mut self, snapshot: u64, keep: usize) -> Written {
        let free = match self.segments.iter().position(|(_, index)| *index >= snapshot) {
            Some(position) => position.saturating_sub(1),
            None => self.segments.len() - 1,
        };
        for _ in 0..free.min(self.segments.len().saturating_sub(keep)) {
            let (seq, index) = self.segments.remove(0);
            fs::remove_file(self.dir.join(format!("wal/{seq:016x}-{index:016x}.wal"))).unwrap();
            self.records.retain(|(of, _)| *of != seq);
            self.done()?;
        }
        Ok(())
    }

    /// What the store has applied, durable with the write itself.
    pub fn set_applied(&mut self, applied: Option<u64>) -> Written {
        self.applied = applied;
        self.write_store();
        self.done()
    }

    fn write_store(&self) {
        let mut store = StoreWriter::new(&self.dir.join("fsm.db")).unwrap();
        if let Some(applied) = self.applied {
            store.batch(10, &[(SET, b"_meta_applied_index", &applied.to_le_bytes())]);
        }
        store.finish().unwrap();
    }

    pub fn write_peers(&mut self, index: u64, conf: &Conf) -> Written {
        let temporary = self.dir.join("etcd-raft-peers.bin.tmp");
        fs::write(&temporary, conf.peers_file(index, self.peers_version)).unwrap();
        fs::rename(temporary, self.dir.join("etcd-raft-peers.bin")).unwrap();
        self.peers = Some((index, conf.clone()));
        self.done()
    }

    /// The process is gone: of what waited for a sync some may have been written, the last of it in part.
    pub fn stop(&mut self, rng: &mut Rng) {
        self.fuse = None;
        let written = if rng.one_in(3) { rng.below(self.buffer.len() as u64 + 1) } else { 0 };
        for _ in 0..written {
            self.flush_one();
        }
        if !self.buffer.is_empty() && rng.one_in(2) {
            self.tear();
        }
        self.buffer.clear();
        (self.watch)(self);
    }

    /// The next record is written up to the end of a sector: disks write whole sectors.
    fn tear(&mut self) {
        let before = self.log.clone();
        let record = self.buffer[0].clone();
        self.put(&record);
        let (name, bytes) = self.log.last_segment();
        let sector = before.len().next_multiple_of(512);
        if before.len() < sector && sector < bytes.len() && bytes[sector..].iter().any(|byte| *byte != 0) {
            self.torn = sector;
            let mut torn = bytes[..sector].to_vec();
            torn.resize(bytes.len() + 512, 0);
            fs::write(self.dir.join("wal").join(name), torn).unwrap();
        }
        self.log = before;
    }

    /// The log is open for writing again: the index of the last entry that was read decides the name of the next segment.
    pub fn opened(&mut self, last_entry: u64) {
        self.log.reopened(last_entry);
    }

    /// Puts other records in the place of the whole log.
    pub fn rewrite(&mut self, records: &[Record]) {
        assert_eq!(self.segments.len(), 1, "only a log of one segment can be replaced");
        self.log = LogWriter::new();
        for record in records {
            self.put(record);
        }
        self.write_segment(512);
    }

    /// What a start does before it reads anything: leftovers go, and a torn end of the log.
    pub fn clean_up(&mut self) -> Written {
        for name in std::mem::take(&mut self.unfinished) {
            fs::remove_file(self.dir.join("fsm-snap").join(name)).unwrap();
            self.done()?;
        }
        let named: Vec<u64> = self.snaps.keys().map(|(_, index)| *index).collect();
        let orphans: Vec<u64> = self.payloads.keys().copied().filter(|index| !named.contains(index)).collect();
        for index in orphans {
            self.remove_payload(index)?;
        }
        if std::mem::take(&mut self.torn) > 0 {
            let (name, _) = self.log.last_segment();
            let path = self.dir.join("wal").join(&name);
            fs::copy(&path, self.dir.join("wal").join(format!("{name}.broken"))).unwrap();
            self.write_segment(512);
            self.done()?;
        }
        Ok(())
    }

    /// A start comes across a `.snap` file that cannot be read.
    pub fn put_aside(&mut self, key: (u64, u64)) -> Written {
        let path = self.dir.join("snap").join(snap_name(key.0, key.1));
        fs::rename(&path, path.with_extension("snap.broken")).unwrap();
        self.snaps.remove(&key);
        self.done()
    }
}

pub fn snap_name(term: u64, index: u64) -> String {
    format!("{term:016x}-{index:016x}.snap")
}

/// A payload file and its checksum.
pub fn payload(applied: Option<u64>) -> (Vec<u8>, u32) {
    let mut bytes = b"EKVPBBL1\0\0\0\0\0\0\0\0".to_vec();
    if let Some(applied) = applied {
        let key = b"_meta_applied_index";
        bytes.extend((key.len() as u64).to_le_bytes());
        bytes.extend(key);
        bytes.extend(8_u64.to_le_bytes());
        bytes.extend(applied.to_le_bytes());
    }
    let crc = crc32c::crc32c(&bytes);
    bytes.extend(crc.to_be_bytes());
    (bytes, crc)
}
