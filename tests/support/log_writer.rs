//! Writes log segments as a server does: frames of eight-byte words, records with a running checksum.
#![allow(dead_code, reason = "shared by tests and benchmarks, which use different parts")]
#![allow(clippy::cast_possible_truncation, reason = "test data is small")]

/// Bytes of the segments of one log under construction.
#[derive(Debug, Clone, Default)]
pub struct LogWriter {
    segments: Vec<(String, Vec<u8>)>,
    running: u32,
    last_index: u64,
    state: Option<(u64, u64, u64)>,
    /// Data of the metadata records.
    metadata: Vec<u8>,
}

/// The members that a snapshot record names.
pub type Voters<'a> = &'a [u64];

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn field(out: &mut Vec<u8>, number: u8, value: u64) {
    out.push(number << 3);
    varint(out, value);
}

fn bytes(out: &mut Vec<u8>, number: u8, value: &[u8]) {
    out.push(number << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// An encoded `raftpb.ConfState` with voters and learners.
pub fn conf_state(voters: &[u64], learners: &[u64]) -> Vec<u8> {
    let mut out = Vec::new();
    for id in voters {
        field(&mut out, 1, *id);
    }
    for id in learners {
        field(&mut out, 2, *id);
    }
    field(&mut out, 5, 0);
    out
}

/// An encoded `raftpb.ConfChange`: 0 adds a voter, 1 removes, 3 adds a learner.
pub fn conf_change(kind: u64, node: u64, context: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    field(&mut out, 1, 77);
    field(&mut out, 2, kind);
    field(&mut out, 3, node);
    bytes(&mut out, 4, context);
    out
}

/// What the server puts into a change: the member's id and address.
pub fn conf_context(node: u64, id: &str, address: &str) -> Vec<u8> {
    let mut out = vec![3];
    out.extend(9_u64.to_be_bytes());
    out.extend(node.to_be_bytes());
    out.extend((id.len() as u16).to_be_bytes());
    out.extend((address.len() as u16).to_be_bytes());
    out.extend(id.as_bytes());
    out.extend(address.as_bytes());
    out
}

/// An encoded `raftpb.Snapshot` in its envelope: the bytes of a `.snap` file.
pub fn snap_file(index: u64, term: u64, conf_state: &[u8], data: &[u8]) -> Vec<u8> {
    let mut metadata = Vec::new();
    bytes(&mut metadata, 1, conf_state);
    field(&mut metadata, 2, index);
    field(&mut metadata, 3, term);
    let mut snapshot = Vec::new();
    bytes(&mut snapshot, 1, data);
    bytes(&mut snapshot, 2, &metadata);
    let mut out = Vec::new();
    field(&mut out, 1, u64::from(crc32c::crc32c(&snapshot)));
    bytes(&mut out, 2, &snapshot);
    out
}

/// A token that points to the payload of `index`.
pub fn token(index: u64, crc: u32) -> Vec<u8> {
    [&b"EKVT\x01"[..], &index.to_be_bytes(), &crc.to_be_bytes()].concat()
}

/// A peers file of version 3: node id, raft id, address.
pub fn peers_file(index: u64, peers: &[(u64, &str, &str)]) -> Vec<u8> {
    let mut out = b"EKVP".to_vec();
    out.extend(3_u32.to_be_bytes());
    out.extend(index.to_be_bytes());
    out.extend((peers.len() as u32).to_be_bytes());
    for (node, id, address) in peers {
        out.extend(node.to_be_bytes());
        out.push(0);
        for text in [id, address] {
            out.extend((text.len() as u32).to_be_bytes());
            out.extend(text.as_bytes());
        }
    }
    out.push(0);
    out.extend(0_u32.to_be_bytes());
    out
}

impl LogWriter {
    /// A log as it is created: checksum, metadata, the snapshot at 0.
    pub fn new() -> Self {
        let mut log = Self::default();
        log.head(0, 0);
        log.record(5, &[8, 0, 16, 0]);
        log
    }

    /// The log of a member of etcd: its metadata records say whose it is.
    pub fn of_etcd(member: u64, cluster: u64) -> Self {
        let mut metadata = Vec::new();
        field(&mut metadata, 1, member);
        field(&mut metadata, 2, cluster);
        let mut log = Self { metadata, ..Self::default() };
        log.head(0, 0);
        log.record(5, &[8, 0, 16, 0]);
        log
    }

    /// A log whose first segments are gone.
    pub fn purged(seq: u64, index: u64) -> Self {
        let mut log = Self { running: 0x1234_5678, ..Self::default() };
        log.head(seq, index);
        log
    }

    fn head(&mut self, seq: u64, index: u64) {
        self.segments.push((format!("{seq:016x}-{index:016x}.wal"), Vec::new()));
        let running = self.running;
        let mut record = Vec::new();
        field(&mut record, 1, 4);
        field(&mut record, 2, u64::from(running));
        self.frame(&record);
        self.record(1, &self.metadata.clone());
    }

    /// Begins another segment, with the last hard state at its head. Returns the index in its name.
    pub fn cut(&mut self) -> u64 {
        let (seq, index) = (self.segments.len() as u64, self.last_index.wrapping_add(1));
        self.head(seq, index);
        if let Some((term, vote, commit)) = self.state {
            self.state(term, vote, commit);
        }
        index
    }

    fn frame(&mut self, record: &[u8]) {
        let pad = (8 - record.len() % 8) % 8;
        let mut word = record.len() as u64;
        if pad > 0 {
            word |= (0x80 | pad as u64) << 56;
        }
        let segment = &mut self.segments.last_mut().unwrap().1;
        segment.extend(word.to_le_bytes());
        segment.extend(record);
        segment.extend(std::iter::repeat_n(0, pad));
    }

    /// A record of a type and its data.
    pub fn record(&mut self, kind: u64, data: &[u8]) {
        self.running = crc32c::crc32c_append(self.running, data);
        let mut record = Vec::new();
        field(&mut record, 1, kind);
        field(&mut record, 2, u64::from(self.running));
        // The server's logs have metadata records without data.
        if kind != 1 || !data.is_empty() {
            bytes(&mut record, 3, data);
        }
        self.frame(&record);
    }

    /// An entry of a type: 0 normal, 1 membership change.
    pub fn typed_entry(&mut self, kind: u64, index: u64, term: u64, data: &[u8]) -> &mut Self {
        let mut entry = Vec::new();
        field(&mut entry, 1, kind);
        field(&mut entry, 2, term);
        field(&mut entry, 3, index);
        if !data.is_empty() {
            bytes(&mut entry, 4, data);
        }
        self.record(2, &entry);
        self.last_index = index;
        self
    }

    /// A normal entry whose data is a proposal of `text`.
    pub fn entry(&mut self, index: u64, term: u64, text: &str) -> &mut Self {
        let mut data = vec![1];
        data.extend([0; 8]);
        // A request without anything in it.
        data.push(0);
        data.extend([0x1a, text.len() as u8]);
        data.extend(text.as_bytes());
        self.typed_entry(0, index, term, if text.is_empty() { &[] } else { &data })
    }

    /// Entries `from` to `to` of one term.
    pub fn entries(&mut self, from: u64, to: u64, term: u64) -> &mut Self {
        for index in from..=to {
            self.entry(index, term, &format!("value of {index}"));
        }
        self
    }

    /// A hard state.
    pub fn state(&mut self, term: u64, vote: u64, commit: u64) -> &mut Self {
        let mut state = Vec::new();
        field(&mut state, 1, term);
        field(&mut state, 2, vote);
        field(&mut state, 3, commit);
        self.record(3, &state);
        self.state = Some((term, vote, commit));
        self
    }

    /// A snapshot record with voters.
    pub fn snapshot(&mut self, index: u64, term: u64, voters: Voters<'_>) -> &mut Self {
        self.snapshot_of(index, term, &conf_state(voters, &[]))
    }

    /// A snapshot record with an encoded membership.
    pub fn snapshot_of(&mut self, index: u64, term: u64, conf_state: &[u8]) -> &mut Self {
        let mut snapshot = Vec::new();
        field(&mut snapshot, 1, index);
        field(&mut snapshot, 2, term);
        bytes(&mut snapshot, 3, conf_state);
        self.record(5, &snapshot);
        self.last_index = self.last_index.max(index);
        self
    }

    /// Names and contents, each with some preallocated space behind it.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        self.segments.iter().map(|(name, bytes)| (name.clone(), [bytes.as_slice(), &[0; 512]].concat())).collect()
    }

    /// Goes on after a restart that read the log up to `last_index`.
    pub const fn reopened(&mut self, last_index: u64) {
        self.last_index = last_index;
    }

    /// Name and bytes of the last segment so far.
    pub fn last_segment(&self) -> (String, Vec<u8>) {
        self.segments.last().cloned().unwrap_or_default()
    }

    /// Bytes of the last segment so far.
    pub fn len(&self) -> usize {
        self.segments.last().map_or(0, |(_, bytes)| bytes.len())
    }
}
