//! Writes Raft logs as the server does: frames, running checksum, segment heads.

use ekv_tool::formats::raftpb::HardState;
use ekv_tool::formats::varint;
use ekv_tool::formats::wal::LengthWord;
use ekv_tool::types::{Crc32c, LogIndex, NodeId, Term};

/// A log in memory.
#[derive(Debug, Clone, Default)]
pub struct LogWriter {
    /// Closed segments and the open one, by name.
    pub segments: Vec<(String, Vec<u8>)>,
    crc: Crc32c,
    last_index: u64,
    last_state: Option<HardState>,
}

impl LogWriter {
    /// The first segment without a record.
    pub fn empty() -> Self {
        Self { segments: vec![("0000000000000000-0000000000000000.wal".to_owned(), Vec::new())], ..Self::default() }
    }

    /// A new log: crc, metadata and snapshot (0, 0) records, as at its creation.
    pub fn create() -> Self {
        let mut log = Self::empty();
        log.head();
        log.snapshot(0, 0, None);
        log
    }

    /// One record; `None` for no data.
    pub fn record(&mut self, kind: u8, data: Option<&[u8]>) {
        self.crc = self.crc.extend(data.unwrap_or_default());
        let mut payload = vec![0x08, kind, 0x10];
        varint::encode(self.crc.0.into(), &mut payload);
        if let Some(data) = data {
            payload.push(0x1a);
            varint::encode(data.len() as u64, &mut payload);
            payload.extend_from_slice(data);
        }
        self.frame(&payload);
    }

    /// A frame around any bytes.
    pub fn frame(&mut self, payload: &[u8]) {
        let word = LengthWord::of_record(payload.len() as u64);
        let out = &mut self.segments.last_mut().unwrap().1;
        out.extend_from_slice(&word.0.to_le_bytes());
        out.extend_from_slice(payload);
        out.resize(out.len() + usize::from(word.padding()), 0);
    }

    fn head(&mut self) {
        self.record(4, None);
        self.record(1, None);
    }

    /// An entry whose data is written as given.
    pub fn entry(&mut self, index: u64, term: u64, data: &[u8]) {
        self.typed_entry(0, index, term, data);
    }

    /// An entry with a type.
    pub fn typed_entry(&mut self, kind: u8, index: u64, term: u64, data: &[u8]) {
        let mut message = vec![0x08, kind, 0x10];
        varint::encode(term, &mut message);
        message.push(0x18);
        varint::encode(index, &mut message);
        if !data.is_empty() {
            message.push(0x22);
            varint::encode(data.len() as u64, &mut message);
            message.extend_from_slice(data);
        }
        self.record(2, Some(&message));
        self.last_index = index;
    }

    /// A hard state.
    pub fn state(&mut self, term: u64, vote: u64, commit: u64) {
        self.last_state = Some(HardState { term: Term(term), vote: NodeId(vote), commit: LogIndex(commit) });
        self.write_state(term, vote, commit);
    }

    fn write_state(&mut self, term: u64, vote: u64, commit: u64) {
        let mut message = Vec::new();
        for (tag, value) in [(0x08, term), (0x10, vote), (0x18, commit)] {
            message.push(tag);
            varint::encode(value, &mut message);
        }
        self.record(3, Some(&message));
    }

    /// A snapshot record with its voters, if it has members at all.
    pub fn snapshot(&mut self, index: u64, term: u64, voters: Option<&[u64]>) {
        let mut message = vec![0x08];
        varint::encode(index, &mut message);
        message.push(0x10);
        varint::encode(term, &mut message);
        if let Some(voters) = voters {
            let mut members = Vec::new();
            for &voter in voters {
                members.push(0x08);
                varint::encode(voter, &mut members);
            }
            members.extend([0x28, 0]);
            message.push(0x1a);
            varint::encode(members.len() as u64, &mut message);
            message.extend(members);
        }
        self.record(5, Some(&message));
        self.last_index = self.last_index.max(index);
    }

    /// Closes the segment and begins the next one.
    pub fn cut(&mut self) {
        let seq = self.segments.len();
        self.segments.push((format!("{seq:016x}-{:016x}.wal", self.last_index + 1), Vec::new()));
        self.head();
        if let Some(state) = self.last_state {
            self.write_state(state.term.0, state.vote.0, state.commit.0);
        }
    }

    /// Extends the last segment with zeros, as preallocation does.
    pub fn preallocate(&mut self, len: usize) {
        let last = &mut self.segments.last_mut().unwrap().1;
        last.resize(len.max(last.len()), 0);
    }

    /// Length of the last segment.
    pub fn len(&self) -> usize {
        self.segments.last().unwrap().1.len()
    }
}

/// A proposal that puts one key: what a data entry of the server looks like.
pub fn put(id: u64, key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut mutation = vec![0x12];
    varint::encode(key.len() as u64, &mut mutation);
    mutation.extend_from_slice(key);
    mutation.push(0x1a);
    varint::encode(value.len() as u64, &mut mutation);
    mutation.extend_from_slice(value);
    let mut request = vec![0x18];
    varint::encode(0x0197_8000_0000_0000 + id, &mut request);
    request.push(0x22);
    varint::encode(mutation.len() as u64, &mut request);
    request.extend(mutation);
    let mut data = vec![1];
    data.extend(id.to_be_bytes());
    data.push(0);
    data.extend(request);
    data
}
