//! What each byte of an intact `raft.db` is for, read by the rules of bbolt and MessagePack alone and with nothing of the program.

use std::collections::BTreeMap;

/// What a byte is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Byte {
    /// The header of a meta page, which nothing reads.
    MetaHead,
    /// The body of a meta page; true for the one that counts.
    Meta(bool),
    /// A field of the freelist page's header.
    FreelistHead(&'static str),
    /// An id of the freelist.
    FreelistId,
    /// A field of a tree page's header.
    PageHead,
    /// Number and overflow of a page inside of a value.
    InlineHead,
    /// A field of an element; true in the last one of its page.
    Element(&'static str, bool),
    /// A key in a branch: what comes before it, and the first key of its child.
    BranchKey { from: usize, len: usize, above: Option<Vec<u8>>, first: Vec<u8> },
    /// A key in a leaf.
    Key,
    /// The root page of a bucket.
    BucketRoot,
    /// The counter of a bucket.
    BucketSequence,
    /// A stable value, and where it begins.
    Stable(Vec<u8>, usize),
    /// A part of the value of an entry; its index.
    Entry(u64, Part),
    /// No page uses it.
    Unused,
}

/// A part of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Sizes, names, and what is not told apart.
    Frame,
    Term,
    Type,
    Data,
    Clock,
}

/// An intact file.
pub struct Model {
    pub bytes: Vec<u8>,
    pub map: Vec<Byte>,
    /// Bytes below the high water mark.
    pub used: usize,
    /// Terms by index.
    pub terms: BTreeMap<u64, u64>,
    /// Types by index, and whether there is data.
    pub types: BTreeMap<u64, (u8, bool)>,
    pub stable: BTreeMap<Vec<u8>, u64>,
    page: usize,
}

pub fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap())
}

pub fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

pub fn u64_at(bytes: &[u8], at: usize) -> usize {
    usize::try_from(u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())).unwrap()
}

impl Model {
    pub fn of(bytes: Vec<u8>) -> Self {
        let page = u32_at(&bytes, 24);
        let newer = usize::from(u64_at(&bytes, page + 64) > u64_at(&bytes, 64));
        let meta = newer * page;
        let (root, freelist, high) = (u64_at(&bytes, meta + 32), u64_at(&bytes, meta + 48), u64_at(&bytes, meta + 56));
        let mut model = Self {
            map: vec![Byte::Unused; bytes.len()],
            bytes,
            used: high * page,
            terms: BTreeMap::new(),
            types: BTreeMap::new(),
            stable: BTreeMap::new(),
            page,
        };
        for number in 0..2 {
            model.mark(number * page, 16, &Byte::MetaHead);
            model.mark(number * page + 16, 64, &Byte::Meta(number == newer));
        }
        let at = freelist * page;
        for (from, len, name) in [(0, 8, "id"), (8, 2, "flags"), (10, 2, "count"), (12, 4, "overflow")] {
            model.mark(at + from, len, &Byte::FreelistHead(name));
        }
        let count = usize::from(u16_at(&model.bytes, at + 10));
        model.mark(at + 16, 8 * count, &Byte::FreelistId);
        model.tree(root * page, &[], None);
        model
    }

    fn mark(&mut self, at: usize, len: usize, byte: &Byte) {
        self.map[at..at + len].fill(byte.clone());
    }

    /// Marks a page and what hangs on it; returns its first and its last key.
    fn tree(&mut self, at: usize, bucket: &[u8], mut above: Option<Vec<u8>>) -> (Vec<u8>, Vec<u8>) {
        if bucket.is_empty() || u64_at(&self.bytes, at) != 0 {
            self.mark(at, 16, &Byte::PageHead);
        }
        let leaf = u16_at(&self.bytes, at + 8) == 2;
        let count = usize::from(u16_at(&self.bytes, at + 10));
        let (mut first, mut last) = (None, Vec::new());
        for number in 0..count {
            let element = at + 16 + 16 * number;
            let is_last = number + 1 == count;
            let fields: &[(usize, usize, &'static str)] = if leaf {
                &[(0, 4, "flags"), (4, 4, "pos"), (8, 4, "ksize"), (12, 4, "vsize")]
            } else {
                &[(0, 4, "pos"), (4, 4, "ksize"), (8, 8, "child")]
            };
            for &(from, len, name) in fields {
                self.mark(element + from, len, &Byte::Element(name, is_last));
            }
            let words = if leaf { element + 4 } else { element };
            let (key_at, key_len) = (element + u32_at(&self.bytes, words), u32_at(&self.bytes, words + 4));
            let key = self.bytes[key_at..key_at + key_len].to_vec();
            first.get_or_insert_with(|| key.clone());
            if leaf {
                self.mark(key_at, key_len, &Byte::Key);
                let (value_at, value_len) = (key_at + key_len, u32_at(&self.bytes, element + 12));
                self.value(bucket, &key, value_at, value_len, u32_at(&self.bytes, element) & 1 == 1);
                last = key;
            } else {
                let child = u64_at(&self.bytes, element + 8) * self.page;
                let (child_first, child_last) = self.tree(child, bucket, above.clone());
                let byte = Byte::BranchKey { from: key_at, len: key_len, above: above.clone(), first: child_first };
                self.mark(key_at, key_len, &byte);
                above = Some(child_last.clone());
                last = child_last;
            }
        }
        (first.unwrap_or_default(), last)
    }

    fn value(&mut self, bucket: &[u8], key: &[u8], at: usize, len: usize, nested: bool) {
        if nested {
            self.mark(at, 8, &Byte::BucketRoot);
            self.mark(at + 8, 8, &Byte::BucketSequence);
            let root = u64_at(&self.bytes, at);
            if root == 0 {
                self.mark(at + 16, 16, &Byte::PageHead);
                self.tree(at + 16, key, None);
                self.mark(at + 16, 8, &Byte::InlineHead);
                self.mark(at + 28, 4, &Byte::InlineHead);
            } else {
                self.tree(root * self.page, key, None);
            }
        } else if bucket == b"conf" {
            self.mark(at, len, &Byte::Stable(key.to_vec(), at));
            if len == 8 {
                let number = u64::from_be_bytes(self.bytes[at..at + 8].try_into().unwrap());
                self.stable.insert(key.to_vec(), number);
            }
        } else {
            self.entry(u64::from_be_bytes(key.try_into().unwrap()), at, len);
        }
    }

    /// The map of six that go-msgpack writes: names and strings are raw, numbers as short as can be.
    fn entry(&mut self, index: u64, at: usize, len: usize) {
        self.mark(at, len, &Byte::Entry(index, Part::Frame));
        let mut next = at + 1;
        let mut data = false;
        for _ in 0..self.bytes[at] & 0x0f {
            let name = usize::from(self.bytes[next] & 0x1f);
            let text = self.bytes[next + 1..next + 1 + name].to_vec();
            next += 1 + name;
            let head = self.bytes[next];
            let (from, size) = match head {
                0xa0..=0xbf => (1, usize::from(head & 0x1f)),
                0xda => (3, usize::from(self.bytes[next + 1]) << 8 | usize::from(self.bytes[next + 2])),
                0xcc => (1, 1),
                0xcd => (1, 2),
                0xce => (1, 4),
                0xcf => (1, 8),
                0xc0 => (1, 0),
                _ => (0, 1),
            };
            let number = self.bytes[next + from..next + from + size].iter().fold(0, |value, &byte| value << 8 | u64::from(byte));
            let part = match text.as_slice() {
                b"Term" => {
                    self.terms.insert(index, number);
                    Part::Term
                }
                b"Type" => {
                    self.types.insert(index, (u8::try_from(number).unwrap(), data));
                    Part::Type
                }
                b"Data" => {
                    data = size > 0;
                    Part::Data
                }
                b"AppendedAt" => Part::Clock,
                _ => Part::Frame,
            };
            self.mark(next + from, size, &Byte::Entry(index, part));
            next += from + size;
        }
        assert_eq!(next, at + len, "entry {index}");
    }
}
