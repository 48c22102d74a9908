//! Logs of hashicorp/raft-wal: segments, and a `wal-meta.db` of four pages.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use ekv_tool::types::Crc32c;

/// Bytes that a segment has been given before anything is written.
pub const LIMIT: usize = 1024;
/// 2022-07-08T22:47:48.235162Z
const TIME: &[u8] = b"\x01\x00\x00\x00\x0e\xda\x5a\xab\x14\x0e\x04\x49\x90\xff\xff";

/// A membership of one voter `n1`.
pub const MEMBERS: &[u8] = b"\x81\xa7Servers\x91\x83\xa7Address\xab127.0.0.1:1\xa2ID\xa2n1\xa8Suffrage\x00";

/// A segment on the way.
#[derive(Clone)]
pub struct Segment {
    pub base: u64,
    pub id: u64,
    /// First and last index that count; 0 for the last while it is open.
    pub min: u64,
    pub max: u64,
    pub bytes: Vec<u8>,
    pub index_start: u64,
    offsets: Vec<u32>,
    from: usize,
}

fn number(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap());
}

/// An entry in the built-in codec.
pub fn entry(index: u64, term: u64, kind: u8, data: &[u8], extensions: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    number(index, &mut bytes);
    number(term, &mut bytes);
    bytes.push(kind);
    for part in [data, extensions] {
        number(part.len() as u64, &mut bytes);
        bytes.extend_from_slice(part);
    }
    bytes.extend_from_slice(TIME);
    bytes
}

impl Segment {
    pub fn new(base: u64, id: u64) -> Self {
        let mut bytes = Vec::new();
        for word in [0x58eb_6b0d, base, id, 1_u64] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        Self { base, id, min: base, max: 0, bytes, index_start: 0, offsets: Vec::new(), from: 0 }
    }

    fn frame(&mut self, kind: u8, value: u32, content: &[u8]) {
        self.bytes.extend_from_slice(&[kind, 0, 0, 0]);
        self.bytes.extend_from_slice(&value.to_le_bytes());
        self.bytes.extend_from_slice(content);
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
    }

    /// An entry as it is encoded.
    pub fn raw(mut self, content: &[u8]) -> Self {
        self.offsets.push(u32::try_from(self.bytes.len()).unwrap());
        self.frame(1, u32::try_from(content.len()).unwrap(), content);
        self
    }

    /// The next entry, a command.
    pub fn command(self, term: u64, data: &str) -> Self {
        let index = self.base.wrapping_add(self.offsets.len() as u64);
        self.raw(&entry(index, term, 0, data.as_bytes(), b""))
    }

    /// A commit over what came since the last one.
    pub fn commit(mut self) -> Self {
        let crc = Crc32c::of(&self.bytes[self.from..]).0;
        self.frame(3, crc, b"");
        self.from = self.bytes.len();
        self
    }

    /// Sealed with its index; `max` is the last index that counts.
    pub fn seal(mut self, max: u64) -> Self {
        let index: Vec<u8> = self.offsets.iter().flat_map(|at| at.to_le_bytes()).collect();
        self.index_start = self.bytes.len() as u64 + 8;
        self.frame(2, u32::try_from(index.len()).unwrap(), &index);
        self.max = max;
        self.commit()
    }

    pub fn name(&self) -> String {
        format!("{:020}-{:016x}.wal", self.base, self.id)
    }

    /// The file: zeros up to its limit behind it.
    pub fn file(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes.resize(bytes.len().max(LIMIT), 0);
        bytes
    }

    fn listed(&self) -> String {
        let seal = if self.max > 0 { "2022-07-08T22:47:49Z" } else { "0001-01-01T00:00:00Z" };
        format!(
            r#"{{"ID":{},"BaseIndex":{},"MinIndex":{},"MaxIndex":{},"Codec":1,"IndexStart":{},"CreateTime":"2022-07-08T22:47:48Z","SealTime":"{seal}","SizeLimit":{LIMIT}}}"#,
            self.id, self.base, self.min, self.max, self.index_start
        )
    }
}

/// The list of segments.
pub fn list(next: u64, segments: &[Segment]) -> String {
    let all: Vec<_> = segments.iter().map(Segment::listed).collect();
    let mut text = String::new();
    write!(text, r#"{{"NextSegmentID":{next},"Segments":[{}]}}"#, all.join(",")).unwrap();
    text
}

fn leaf(id: u64, elements: &[(u32, &[u8], &[u8])]) -> Vec<u8> {
    let mut page = id.to_le_bytes().to_vec();
    page.extend_from_slice(&2_u16.to_le_bytes());
    page.extend_from_slice(&u16::try_from(elements.len()).unwrap().to_le_bytes());
    page.extend_from_slice(&0_u32.to_le_bytes());
    let mut data = Vec::new();
    for (number, (flags, key, value)) in elements.iter().enumerate() {
        let position = (elements.len() - number) * 16 + data.len();
        for word in [*flags as usize, position, key.len(), value.len()] {
            page.extend_from_slice(&u32::try_from(word).unwrap().to_le_bytes());
        }
        data.extend_from_slice(key);
        data.extend_from_slice(value);
    }
    page.extend_from_slice(&data);
    page
}

/// A bucket: its name, and its keys with their values.
pub type BucketOf<'a> = (&'a str, &'a [(&'a [u8], &'a [u8])]);

/// A bbolt file with buckets that lie in its directory page.
pub fn bolt(buckets: &[BucketOf<'_>]) -> Vec<u8> {
    const PAGE: usize = 4096;
    let mut file = vec![0; 4 * PAGE];
    for (number, txid) in [(0_usize, 2_u64), (1, 1)] {
        let mut page = (number as u64).to_le_bytes().to_vec();
        page.extend_from_slice(&[4, 0, 0, 0, 0, 0, 0, 0]);
        for word in [0xed0c_daed_u32, 2, 4096, 0] {
            page.extend_from_slice(&word.to_le_bytes());
        }
        for word in [3_u64, 0, 2, 4, txid] {
            page.extend_from_slice(&word.to_le_bytes());
        }
        let sum = page[16..72]
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        page.extend_from_slice(&sum.to_le_bytes());
        file[number * PAGE..number * PAGE + page.len()].copy_from_slice(&page);
    }
    file[2 * PAGE..2 * PAGE + 16].copy_from_slice(b"\x02\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0");
    let inline: Vec<(&str, Vec<u8>)> = buckets
        .iter()
        .map(|(name, keys)| {
            let keys: Vec<_> = keys.iter().map(|(key, value)| (0, *key, *value)).collect();
            (*name, [vec![0; 16], leaf(0, &keys)].concat())
        })
        .collect();
    let directory: Vec<_> = inline.iter().map(|(name, page)| (1, name.as_bytes(), page.as_slice())).collect();
    let page = leaf(3, &directory);
    file[3 * PAGE..3 * PAGE + page.len()].copy_from_slice(&page);
    file
}

/// `wal-meta.db` with this list, term and vote.
pub fn meta_db(list: &str, term: u64) -> Vec<u8> {
    let term = term.to_le_bytes();
    let stable: [(&[u8], &[u8]); 3] = [(b"CurrentTerm", &term), (b"LastVoteCand", b"127.0.0.1:1"), (b"LastVoteTerm", &term)];
    bolt(&[("stable", &stable), ("wal-meta", &[(b"m", list.as_bytes())])])
}

/// A node of one voter: entries 1 to 6 in a sealed segment, of which 1 to 4 count, then 5 to 8 of the next term.
pub fn segments() -> Vec<Segment> {
    let first = Segment::new(1, 0).raw(&entry(1, 1, 5, MEMBERS, b"")).commit();
    let first =
        first.command(2, "two").command(2, "three").commit().command(2, "four").command(2, "five").command(2, "six").commit();
    let second = Segment::new(5, 1).command(3, "5").command(3, "6").commit().command(3, "seven").command(3, "eight").commit();
    vec![first.seal(4), second]
}

/// Writes a node's directory.
pub fn write(node: &Path, segments: &[Segment]) {
    fs::create_dir_all(node.join("wal")).unwrap();
    fs::create_dir_all(node.join("snapshots")).unwrap();
    fs::write(node.join("wal/wal-meta.db"), meta_db(&list(9, segments), 3)).unwrap();
    for segment in segments {
        fs::write(node.join("wal").join(segment.name()), segment.file()).unwrap();
    }
}
