//! Writes tables the way the format page describes them, for tests and benchmarks. Columnar blocks are made of row blocks.
#![allow(dead_code, reason = "shared by tests and benchmarks, which use different parts")]

use std::io::{self, Write};

use ekv_tool::formats::pebble::MaskedCrc32c;
use ekv_tool::formats::pebble::sstable::{BlockHandle, ChecksumType};
use ekv_tool::formats::varint;

use super::column_writer;

/// How a table is written. The default is what elastickv's store writes.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Pebble's format version, 1 to 8.
    pub version: u32,
    pub checksum: ChecksumType,
    pub snappy: bool,
    /// Uncompressed bytes after which a data or index block is closed.
    pub block_size: usize,
    pub restart_interval: usize,
    /// Put the value of a SET that follows a SET of the same user key into a value block.
    pub value_blocks: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            version: 4,
            checksum: ChecksumType::Crc32c,
            snappy: true,
            block_size: 4096,
            restart_interval: 16,
            value_blocks: true,
        }
    }
}

pub const DEL: u8 = 0;
pub const SET: u8 = 1;
pub const MERGE: u8 = 2;
pub const RANGEDEL: u8 = 15;
pub const SETWITHDEL: u8 = 18;
pub const RANGEKEYDEL: u8 = 19;
pub const RANGEKEYSET: u8 = 21;
/// Ored to a kind.
pub const OBSOLETE: u8 = 0x40;
const SEPARATOR: u8 = 17;
const SEQ_MAX: u64 = (1 << 56) - 1;

/// An internal key as it is stored.
pub fn internal_key(user_key: &[u8], seq: u64, kind: u8) -> Vec<u8> {
    let mut key = user_key.to_vec();
    key.extend((seq << 8 | u64::from(kind)).to_le_bytes());
    key
}

/// A row block under construction.
#[derive(Debug, Default)]
pub struct RowBlockWriter {
    bytes: Vec<u8>,
    restarts: Vec<u32>,
    last: Vec<u8>,
    entries: usize,
}

impl RowBlockWriter {
    pub fn add(&mut self, key: &[u8], value: &[u8], restart_interval: usize) {
        let shared = if self.entries.is_multiple_of(restart_interval) {
            self.restarts.push(u32::try_from(self.bytes.len()).expect("a block below 4 GiB"));
            0
        } else {
            self.last.iter().zip(key).take_while(|(a, b)| a == b).count()
        };
        for len in [shared, key.len() - shared, value.len()] {
            varint::encode(len as u64, &mut self.bytes);
        }
        self.bytes.extend_from_slice(&key[shared..]);
        self.bytes.extend_from_slice(value);
        self.last.clear();
        self.last.extend_from_slice(key);
        self.entries += 1;
    }

    pub fn len(&self) -> usize {
        self.bytes.len() + 4 * (self.restarts.len() + 1)
    }

    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// The finished block; starts anew.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut this = std::mem::take(self);
        if this.restarts.is_empty() {
            this.restarts.push(0);
        }
        for restart in &this.restarts {
            this.bytes.extend(restart.to_le_bytes());
        }
        this.bytes.extend(u32::try_from(this.restarts.len()).expect("few restarts").to_le_bytes());
        this.bytes
    }
}

/// What a MANIFEST would say about a finished table.
#[derive(Debug, Clone, Default)]
pub struct Written {
    pub size: u64,
    pub smallest: Option<Vec<u8>>,
    pub largest: Option<Vec<u8>>,
    pub smallest_seq: u64,
    pub largest_seq: u64,
    pub points: u64,
}

/// Writes one table. Points must come in order.
pub struct TableWriter<W> {
    out: W,
    at: u64,
    options: Options,
    data: RowBlockWriter,
    /// Finished index blocks of the lower level: last separator and the block.
    leaves: Vec<(Vec<u8>, Vec<u8>)>,
    index: RowBlockWriter,
    last_separator: Vec<u8>,
    last_key: Vec<u8>,
    last_kind: u8,
    pending: Option<BlockHandle>,
    values: Vec<u8>,
    value_handles: Vec<BlockHandle>,
    finished_values: Vec<Vec<u8>>,
    values_apart: u64,
    range_dels: RowBlockWriter,
    range_del_count: u64,
    range_keys: RowBlockWriter,
    range_key_counts: [u64; 2],
    deletions: u64,
    data_blocks: u64,
    data_size: u64,
    written: Written,
}

impl<W: Write> TableWriter<W> {
    pub fn new(out: W, options: Options) -> Self {
        Self {
            out,
            at: 0,
            options,
            data: RowBlockWriter::default(),
            leaves: Vec::new(),
            index: RowBlockWriter::default(),
            last_separator: Vec::new(),
            last_key: Vec::new(),
            last_kind: 0,
            pending: None,
            values: Vec::new(),
            value_handles: Vec::new(),
            finished_values: Vec::new(),
            values_apart: 0,
            range_dels: RowBlockWriter::default(),
            range_del_count: 0,
            range_keys: RowBlockWriter::default(),
            range_key_counts: [0; 2],
            deletions: 0,
            data_blocks: 0,
            data_size: 0,
            written: Written { smallest_seq: u64::MAX, ..Written::default() },
        }
    }

    /// Adds a point record.
    pub fn point(&mut self, user_key: &[u8], seq: u64, kind: u8, value: &[u8]) -> io::Result<()> {
        let key = internal_key(user_key, seq, kind);
        self.flush_index_entry(Some(&key));
        let plain = kind & !OBSOLETE;
        let same_key = self.last_key.len() >= 8 && &self.last_key[..self.last_key.len() - 8] == user_key;
        let mut stored = Vec::with_capacity(value.len() + 1);
        if plain == SET && self.options.version >= 3 {
            if self.options.value_blocks && same_key && self.last_kind == SET && value.len() > 4 {
                stored.push(0x80 | 0x20);
                varint::encode(value.len() as u64, &mut stored);
                varint::encode(self.finished_values.len() as u64, &mut stored);
                varint::encode(self.values.len() as u64, &mut stored);
                self.values.extend_from_slice(value);
                self.values_apart += 1;
                if self.values.len() >= self.options.block_size {
                    self.finished_values.push(std::mem::take(&mut self.values));
                }
            } else {
                stored.push(0);
                stored.extend_from_slice(value);
            }
        } else {
            stored.extend_from_slice(value);
        }
        self.data.add(&key, &stored, self.options.restart_interval);
        self.deletions += u64::from(matches!(plain, 0 | 7 | 23));
        self.see(internal_key(user_key, seq, plain), internal_key(user_key, seq, plain), seq);
        self.written.points += 1;
        self.last_key = key;
        self.last_kind = plain;
        if self.data.len() >= self.options.block_size {
            self.flush_data()?;
        }
        Ok(())
    }

    /// Adds a range deletion; in order.
    pub fn range_del(&mut self, start: &[u8], end: &[u8], seq: u64) {
        self.range_dels.add(&internal_key(start, seq, RANGEDEL), end, 1);
        self.range_del_count += 1;
        self.see(internal_key(start, seq, RANGEDEL), internal_key(end, SEQ_MAX, RANGEDEL), seq);
    }

    /// Adds a range key that sets one value without a suffix (or deletes, without a value); in order.
    pub fn range_key(&mut self, start: &[u8], end: &[u8], seq: u64, value: Option<&[u8]>) {
        match value {
            Some(value) => {
                let mut stored = Vec::new();
                for part in [end, b"", value] {
                    varint::encode(part.len() as u64, &mut stored);
                    stored.extend_from_slice(part);
                }
                self.range_keys.add(&internal_key(start, seq, RANGEKEYSET), &stored, 1);
                self.range_key_counts[0] += 1;
            }
            None => {
                self.range_keys.add(&internal_key(start, seq, RANGEKEYDEL), end, 1);
                self.range_key_counts[1] += 1;
            }
        }
    }

    /// Leaves bytes that no block covers. Only between two blocks.
    pub fn stray(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.at += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    /// Makes the properties speak of one record more.
    pub fn overcount(&mut self) {
        self.written.points += 1;
    }

    fn see(&mut self, smallest: Vec<u8>, largest: Vec<u8>, seq: u64) {
        let order = |key: &Vec<u8>| {
            let (user, trailer) = key.split_at(key.len() - 8);
            (user.to_vec(), std::cmp::Reverse(u64::from_le_bytes(trailer.try_into().expect("eight bytes"))))
        };
        if self.written.smallest.as_ref().is_none_or(|known| order(&smallest) < order(known)) {
            self.written.smallest = Some(smallest);
        }
        if self.written.largest.as_ref().is_none_or(|known| order(&largest) > order(known)) {
            self.written.largest = Some(largest);
        }
        self.written.smallest_seq = self.written.smallest_seq.min(seq);
        self.written.largest_seq = self.written.largest_seq.max(seq);
    }

    fn flush_data(&mut self) -> io::Result<()> {
        let mut block = self.data.finish();
        if self.options.version >= 5 {
            block = column_writer::data(&block, self.options.version >= 8);
        }
        let handle = self.write_block(&block, self.options.snappy)?;
        self.data_blocks += 1;
        self.data_size += handle.len_with_trailer();
        self.pending = Some(handle);
        Ok(())
    }

    /// Adds the entry of the data block before, now that the key behind it is known.
    fn flush_index_entry(&mut self, next: Option<&[u8]>) {
        let Some(handle) = self.pending.take() else { return };
        let last_user = &self.last_key[..self.last_key.len() - 8];
        let separator = match next.map(|next| &next[..next.len() - 8]) {
            // The shortest key at or below the next that is above the last, if that is shorter.
            Some(next) if next != last_user => {
                let shared = last_user.iter().zip(next).take_while(|(a, b)| a == b).count();
                let candidate = &next[..(shared + 1).min(next.len())];
                if candidate > last_user && candidate.len() < last_user.len() {
                    internal_key(candidate, SEQ_MAX, SEPARATOR)
                } else {
                    plain(&self.last_key)
                }
            }
            _ => plain(&self.last_key),
        };
        let mut value = Vec::new();
        handle.encode(&mut value);
        self.index.add(&separator, &value, 1);
        self.last_separator = separator;
        if self.index.len() >= self.options.block_size {
            let block = self.index.finish();
            self.leaves.push((self.last_separator.clone(), block));
        }
    }

    fn write_block(&mut self, block: &[u8], compress: bool) -> io::Result<BlockHandle> {
        let packed = snap::raw::Encoder::new().compress_vec(block).expect("a block below 4 GiB");
        let mut stored = Vec::with_capacity(block.len() + 5);
        if compress && packed.len() * 100 <= block.len() * 88 {
            stored.extend_from_slice(&packed);
            stored.push(1);
        } else {
            stored.extend_from_slice(block);
            stored.push(0);
        }
        let handle = BlockHandle { offset: self.at, length: stored.len() as u64 - 1 };
        let checksum = self.options.checksum.of(&stored);
        self.out.write_all(&stored)?;
        self.out.write_all(&checksum.to_le_bytes())?;
        self.at += stored.len() as u64 + 4;
        Ok(handle)
    }

    /// Writes what follows the data blocks.
    pub fn finish(mut self) -> io::Result<(W, Written)> {
        if !self.data.is_empty() || (self.data_blocks == 0 && self.options.version < 5) {
            if self.data.is_empty() {
                self.last_key = internal_key(b"", 0, SET);
            }
            self.flush_data()?;
        }
        self.flush_index_entry(None);
        let snappy = self.options.snappy;
        let two_levels = !self.leaves.is_empty();
        let mut partitions = 0;
        let index = if two_levels {
            if !self.index.is_empty() {
                let block = self.index.finish();
                self.leaves.push((self.last_separator.clone(), block));
            }
            let mut top = RowBlockWriter::default();
            for (separator, block) in std::mem::take(&mut self.leaves) {
                let handle = self.write_index(&block)?;
                let mut value = Vec::new();
                handle.encode(&mut value);
                top.add(&separator, &value, 1);
                partitions += 1;
            }
            self.write_index(&top.finish())?
        } else {
            let block = self.index.finish();
            self.write_index(&block)?
        };
        let mut meta: Vec<(&str, Vec<u8>)> = Vec::new();
        let encoded = |handle: BlockHandle| {
            let mut value = Vec::new();
            handle.encode(&mut value);
            value
        };
        if !self.range_dels.is_empty() {
            let mut block = self.range_dels.finish();
            if self.options.version >= 5 {
                block = column_writer::spans(&block, false);
            }
            let handle = self.write_block(&block, false)?;
            meta.push(("rocksdb.range_del2", encoded(handle)));
        }
        if !self.range_keys.is_empty() {
            let mut block = self.range_keys.finish();
            if self.options.version >= 5 {
                block = column_writer::spans(&block, true);
            }
            let handle = self.write_block(&block, false)?;
            meta.push(("pebble.range_key", encoded(handle)));
        }
        if !self.values.is_empty() {
            self.finished_values.push(std::mem::take(&mut self.values));
        }
        let value_blocks = self.finished_values.len() as u64;
        if value_blocks > 0 {
            for block in std::mem::take(&mut self.finished_values) {
                let handle = self.write_block(&block, snappy)?;
                self.value_handles.push(handle);
            }
            let mut rows = Vec::new();
            for (number, handle) in self.value_handles.iter().enumerate() {
                rows.extend(&(number as u64).to_le_bytes()[..2]);
                rows.extend(&handle.offset.to_le_bytes()[..5]);
                rows.extend(&handle.length.to_le_bytes()[..4]);
            }
            let mut value = encoded(self.write_block(&rows, false)?);
            value.extend([2, 5, 4]);
            meta.push(("pebble.value_index", value));
        }
        let mut properties = self.properties(two_levels, partitions, value_blocks);
        if self.options.version >= 7 {
            properties = column_writer::pairs(&properties);
        }
        let handle = self.write_block(&properties, snappy && self.options.version >= 7)?;
        meta.push(("rocksdb.properties", encoded(handle)));
        meta.sort();
        let mut metaindex = RowBlockWriter::default();
        for (name, value) in meta {
            metaindex.add(name.as_bytes(), &value, 1);
        }
        let mut metaindex = metaindex.finish();
        if self.options.version >= 6 {
            metaindex = column_writer::pairs(&metaindex);
        }
        let metaindex = self.write_block(&metaindex, false)?;
        let mut footer = vec![self.options.checksum as u8];
        metaindex.encode(&mut footer);
        index.encode(&mut footer);
        footer.resize(41, 0);
        if self.options.version >= 7 {
            let has = [
                value_blocks > 0,
                self.range_key_counts[0] > 0,
                false,
                self.range_key_counts[1] > 0,
                self.range_del_count > 0,
                two_levels,
                false,
                self.written.points > 0,
            ];
            footer.extend(has.iter().rev().fold(0_u32, |bits, &bit| bits << 1 | u32::from(bit)).to_le_bytes());
        }
        let mut end = self.options.version.to_le_bytes().to_vec();
        end.extend([0xf0, 0x9f, 0xaa, 0xb3, 0xf0, 0x9f, 0xaa, 0xb3]);
        if self.options.version >= 6 {
            footer.extend(MaskedCrc32c::of_two(&footer, &end).0.to_le_bytes());
        }
        footer.extend(end);
        self.out.write_all(&footer)?;
        self.written.size = self.at + footer.len() as u64;
        Ok((self.out, self.written))
    }

    fn write_index(&mut self, block: &[u8]) -> io::Result<BlockHandle> {
        let snappy = self.options.snappy;
        if self.options.version >= 5 {
            self.write_block(&column_writer::index(block), snappy)
        } else {
            self.write_block(block, snappy)
        }
    }

    fn properties(&self, two_levels: bool, partitions: u64, value_blocks: u64) -> Vec<u8> {
        let number = |value: u64| {
            let mut bytes = Vec::new();
            varint::encode(value, &mut bytes);
            bytes
        };
        let mut properties: Vec<(&str, Vec<u8>)> = vec![
            ("obsolete-key", vec![0]),
            ("pebble.num.range-key-dels", number(self.range_key_counts[1])),
            ("pebble.num.range-key-sets", number(self.range_key_counts[0])),
            ("pebble.num.value-blocks", number(value_blocks)),
            ("pebble.num.values.in.value-blocks", number(self.values_apart)),
            ("rocksdb.block.based.table.index.type", vec![if two_levels { 2 } else { 0 }, 0, 0, 0]),
            ("rocksdb.comparator", b"leveldb.BytewiseComparator".to_vec()),
            ("rocksdb.data.size", number(self.data_size)),
            ("rocksdb.deleted.keys", number(self.deletions + self.range_del_count)),
            ("rocksdb.index.partitions", number(partitions)),
            ("rocksdb.merge.operator", b"pebble.concatenate".to_vec()),
            ("rocksdb.num.data.blocks", number(self.data_blocks)),
            ("rocksdb.num.entries", number(self.written.points + self.range_del_count)),
            ("rocksdb.num.range-deletions", number(self.range_del_count)),
        ];
        if self.options.version >= 5 {
            properties.insert(1, ("pebble.colblk.schema", b"DefaultKeySchema(leveldb.BytewiseComparator,16)".to_vec()));
        }
        properties.retain(|(name, value)| !name.contains("value") || value != &[0]);
        let mut block = RowBlockWriter::default();
        for (name, value) in properties {
            block.add(name.as_bytes(), &value, usize::MAX);
        }
        block.finish()
    }
}

/// The key without the obsolete bit.
fn plain(key: &[u8]) -> Vec<u8> {
    let mut key = key.to_vec();
    let kind = key.len() - 8;
    key[kind] &= !OBSOLETE;
    key
}
