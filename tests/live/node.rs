//! A node of its own group: every write saved to the log, committed and applied; snapshots, and what they make obsolete.

use super::disk::Step;
use super::store::Store;
use crate::support::log_writer::{conf_state, peers_file, snap_file, token};
use crate::support::node_dir::id;
use crate::support::wal_writer::{LogWriter, put};

/// A segment is closed once it is this long; the server's are of 64 MB.
const SEGMENT: usize = 4 << 10;
/// Length of a segment that is prepared, or longer than any that is closed.
const PREPARED: u64 = 8 << 10;
/// Names of segments that a snapshot leaves.
const SEGMENTS: usize = 5;
/// Names of `.snap` files that a snapshot leaves.
const SNAPS: usize = 3;
/// Applied entries between snapshots.
const SNAPSHOT_EVERY: u64 = 12;

/// A node that knows what it has written.
pub struct Node {
    steps: Vec<Step>,
    log: LogWriter,
    /// Bytes of the open segment that have been written.
    flushed: usize,
    prepared: u64,
    segments: Vec<String>,
    store: Store,
    snaps: Vec<(u64, u64)>,
    term: u64,
    index: u64,
    random: u64,
}

fn snap_name((term, index): (u64, u64)) -> String {
    format!("snap/{term:016x}-{index:016x}.snap")
}

fn payload_name(index: u64) -> String {
    format!("fsm-snap/{index:016x}.fsm")
}

impl Node {
    /// The first start of a node of its own group, and the steps that it takes.
    pub fn start(seed: u64) -> (Self, Vec<Step>) {
        let mut node = Self {
            steps: Vec::new(),
            log: LogWriter::create(),
            flushed: 0,
            prepared: 0,
            segments: vec!["0000000000000000-0000000000000000.wal".to_owned()],
            store: Store::create(),
            snaps: Vec::new(),
            term: 1,
            index: 1,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
        };
        node.take_store();
        node.whole("raft-engine", b"etcd\n".to_vec());
        for dir in ["snap", "fsm-snap"] {
            node.steps.push(Step::Dir(dir.to_owned()));
        }
        node.payload(1);
        node.envelope((1, 1));
        node.log.snapshot(1, 1, Some(&[id("n1")]));
        node.log.state(1, 0, 1);
        node.steps.push(Step::Dir("wal.tmp".to_owned()));
        node.steps.push(Step::Create(format!("wal.tmp/{}", node.segments[0]), PREPARED));
        let bytes = node.log.segments[0].1.clone();
        node.flushed = bytes.len();
        node.steps.push(Step::Write(format!("wal.tmp/{}", node.segments[0]), 0, bytes));
        node.steps.push(Step::Rename("wal.tmp".to_owned(), "wal".to_owned()));
        node.steps.push(Step::Create("wal/0.tmp".to_owned(), PREPARED));
        node.whole("etcd-raft-peers.bin.tmp-1", peers_file(1, &[(id("n1"), "n1", "n1:7000")]));
        node.steps.push(Step::Rename("etcd-raft-peers.bin.tmp-1".to_owned(), "etcd-raft-peers.bin".to_owned()));
        let steps = node.taken();
        (node, steps)
    }

    fn taken(&mut self) -> Vec<Step> {
        std::mem::take(&mut self.steps)
    }

    fn take_store(&mut self) {
        self.steps.append(&mut self.store.steps);
    }

    fn whole(&mut self, name: &str, bytes: Vec<u8>) {
        self.steps.push(Step::Create(name.to_owned(), 0));
        self.steps.push(Step::Write(name.to_owned(), 0, bytes));
        self.steps.push(Step::Sync(name.to_owned()));
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % bound
    }

    /// What the node does next: one entry, and what follows from it.
    pub fn next(&mut self) -> Vec<Step> {
        if self.index == 1 || self.below(40) == 0 {
            self.election();
        }
        self.index += 1;
        let (index, term) = (self.index, self.term);
        let key = format!("!redis|str|{:03}", self.below(60));
        let len = usize::try_from(10 + self.below(300)).unwrap();
        let value: Vec<u8> = (0..len).map(|_| u8::try_from(self.below(256)).unwrap()).collect();
        self.log.entry(index, term, &put(index, key.as_bytes(), &value));
        self.save();
        // The commit is only in memory until something else is saved.
        self.log.state(term, id("n1"), index);
        let timestamp = 0x0197_8000_0000_0000_u64 + index;
        let row = [key.as_bytes(), &(!timestamp).to_be_bytes()].concat();
        self.store.commit(&[
            (row, [&[0; 9][..], &value].concat()),
            (b"_meta_applied_index".to_vec(), index.to_le_bytes().to_vec()),
            (b"_meta_last_commit_ts".to_vec(), timestamp.to_le_bytes().to_vec()),
        ]);
        if self.below(5) == 0 {
            self.store.rotate();
        }
        if self.below(6) == 0 {
            let recycle = self.below(2) == 0;
            self.store.flush(recycle);
        }
        self.take_store();
        if index.is_multiple_of(SNAPSHOT_EVERY) {
            self.snapshot(index);
        }
        self.taken()
    }

    /// A new term, and the empty entry of its leader.
    fn election(&mut self) {
        self.term += 1;
        let commit = self.index;
        self.log.state(self.term, id("n1"), commit);
        self.flush_log();
        self.index += 1;
        self.log.entry(self.index, self.term, b"");
        self.save();
        self.log.state(self.term, id("n1"), self.index);
    }

    /// Entries to the disk; a full segment is closed.
    fn save(&mut self) {
        self.flush_log();
        if self.flushed >= SEGMENT {
            self.cut();
        }
    }

    fn open_segment(&self) -> String {
        format!("wal/{}", self.segments.last().unwrap())
    }

    fn flush_log(&mut self) {
        let bytes = &self.log.segments.last().unwrap().1[self.flushed..];
        if !bytes.is_empty() {
            let (name, bytes) = (self.open_segment(), bytes.to_vec());
            let at = self.flushed as u64;
            self.flushed += bytes.len();
            self.steps.push(Step::Write(name.clone(), at, bytes));
            self.steps.push(Step::Sync(name));
        }
    }

    fn cut(&mut self) {
        let old = self.open_segment();
        self.steps.push(Step::Truncate(old.clone(), self.flushed as u64));
        self.steps.push(Step::Sync(old));
        self.log.cut();
        let (name, head) = self.log.segments.last().unwrap().clone();
        let prepared = format!("wal/{}.tmp", self.prepared % 2);
        self.steps.push(Step::Write(prepared.clone(), 0, head.clone()));
        self.steps.push(Step::Sync(prepared.clone()));
        self.steps.push(Step::Rename(prepared, format!("wal/{name}")));
        self.prepared += 1;
        self.steps.push(Step::Create(format!("wal/{}.tmp", self.prepared % 2), PREPARED));
        self.flushed = head.len();
        self.segments.push(name);
    }

    /// The rows of the store, written beside and then given their name. Returns the checksum.
    fn payload(&mut self, index: u64) -> u32 {
        let rows = self.store.rows();
        let last = rows.get(&b"_meta_last_commit_ts"[..]).map_or(vec![0; 8], Clone::clone);
        let mut bytes = [&b"EKVTHLC1"[..], &1_750_000_000_000_u64.to_be_bytes(), b"EKVPBBL1", &last].concat();
        for (key, value) in &rows {
            for part in [key, value] {
                bytes.extend((part.len() as u64).to_le_bytes());
                bytes.extend(part);
            }
        }
        let crc = crc32c::crc32c(&bytes);
        bytes.extend(crc.to_be_bytes());
        let unfinished = format!("fsm-snap/{}.fsm.tmp", 1000 + index);
        self.steps.push(Step::Create(unfinished.clone(), 0));
        let half = bytes.len() / 2;
        self.steps.push(Step::Write(unfinished.clone(), 0, bytes[..half].to_vec()));
        self.steps.push(Step::Write(unfinished.clone(), half as u64, bytes[half..].to_vec()));
        self.steps.push(Step::Sync(unfinished.clone()));
        self.steps.push(Step::Rename(unfinished, payload_name(index)));
        crc
    }

    fn envelope(&mut self, (term, index): (u64, u64)) {
        // The checksum of the payload that was renamed just now.
        let crc = self.steps.iter().rev().find_map(|step| match step {
            Step::Write(name, _, bytes) if name.ends_with(".fsm.tmp") => Some(bytes[bytes.len() - 4..].to_vec()),
            _ => None,
        });
        let crc = u32::from_be_bytes(crc.unwrap().try_into().unwrap());
        let bytes = snap_file(index, term, &conf_state(&[id("n1")], &[]), &token(index, crc));
        self.whole(&snap_name((term, index)), bytes);
        self.snaps.push((term, index));
    }

    fn snapshot(&mut self, index: u64) {
        // The newest older one stays until the new one is whole.
        let old: Vec<_> = self.snaps.iter().rev().skip(1).copied().collect();
        self.remove_snaps(&old);
        self.payload(index);
        self.envelope((self.term, index));
        self.log.snapshot(index, self.term, Some(&[id("n1")]));
        self.flush_log();
        let surplus: Vec<_> = self.snaps.iter().rev().skip(SNAPS).copied().collect();
        self.remove_snaps(&surplus);
        while self.segments.len() > SEGMENTS {
            let oldest = self.segments.remove(0);
            self.steps.push(Step::Remove(format!("wal/{oldest}")));
        }
    }

    /// The name that the log's record has first, then the payload.
    fn remove_snaps(&mut self, gone: &[(u64, u64)]) {
        for id in gone {
            self.steps.push(Step::Remove(snap_name(*id)));
            self.steps.push(Step::Remove(payload_name(id.1)));
        }
        self.snaps.retain(|id| !gone.contains(id));
    }
}
