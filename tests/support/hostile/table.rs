//! Tables of the store.

use ekv_tool::formats::pebble::sstable::ChecksumType;

use super::Dice;
use crate::support::seal;
use crate::support::table_writer::{DEL, MERGE, OBSOLETE, Options, SET, SETWITHDEL, TableWriter};

/// A table and what a MANIFEST should say of it.
pub(super) struct Table {
    pub bytes: Vec<u8>,
    pub smallest: Vec<u8>,
    pub largest: Vec<u8>,
    pub smallest_seq: u64,
    pub largest_seq: u64,
}

const KEYS: [&[u8]; 8] = [
    b"_meta_applied_index",
    b"_meta_last_commit_ts",
    b"a",
    b"key\xff\xff\xff\xff\xff\xff\xff\xf5",
    b"key1\xff\xff\xff\xff\xff\xff\xff\xf0",
    b"key2\xff\xff\xff\xff\xff\xff\xff\xf0",
    b"z",
    b"zz",
];

pub(super) fn table(dice: &mut Dice<'_>) -> Table {
    let options = Options {
        version: if dice.seldom(3) { 1 + dice.roll(8) as u32 } else { 4 },
        checksum: if dice.seldom(12) {
            dice.one_of(&[ChecksumType::XxHash64, ChecksumType::Crc32c])
        } else {
            ChecksumType::Crc32c
        },
        snappy: dice.roll(2) == 1,
        block_size: dice.one_of(&[4096, 64, 1, 300]),
        restart_interval: 1 + dice.roll(16),
        value_blocks: dice.roll(4) > 0,
    };
    let mut writer = TableWriter::new(Vec::new(), options);
    let first = dice.roll(KEYS.len());
    let sorted = !dice.seldom(24);
    for number in 0..1 + dice.roll(6) {
        let key = KEYS[if sorted { (first + number).min(KEYS.len() - 1) } else { dice.roll(KEYS.len()) }];
        let kind = match dice.byte() {
            0..=199 => SET,
            200..=215 => DEL,
            216..=223 => MERGE,
            224..=231 => SETWITHDEL,
            232..=239 => SET | OBSOLETE,
            240..=247 => 7,
            248.. => dice.byte(),
        };
        let seq = dice.number(20 - number as u64);
        let value = match dice.byte() {
            0..=99 => dice.number(7).to_le_bytes().to_vec(),
            100..=199 => [&[0; 9][..], b"value"].concat(),
            200..=239 => dice.bytes(24),
            240.. => vec![b'v'; 2000],
        };
        writer.point(key, seq, kind, &value).unwrap();
        if options.block_size == 1 && dice.seldom(32) {
            writer.stray(b"stray").unwrap();
        }
    }
    for _ in 0..if dice.seldom(3) { dice.roll(6) } else { 0 } {
        let (start, end) = (dice.one_of(&KEYS), dice.one_of(&KEYS));
        writer.range_del(start, end, dice.number(15));
    }
    for number in 0..if dice.seldom(12) { dice.roll(3) } else { 0 } {
        let value = (number > 0).then_some(&b"value"[..]);
        writer.range_key(&[b'a' + number as u8], &[b'b' + number as u8], dice.number(15), value);
    }
    if dice.seldom(32) {
        writer.overcount();
    }
    let (mut bytes, written) = writer.finish().unwrap();
    if dice.seldom(6) && options.checksum == ChecksumType::Crc32c {
        // A byte of a block, the checksum made right again.
        let intact = bytes.clone();
        let at = usize::from(u16::from_le_bytes([dice.byte(), dice.byte()])) % bytes.len();
        bytes[at] = dice.byte();
        seal::table(&mut bytes, &intact, at);
    }
    let smallest = written.smallest.unwrap_or_default();
    let largest = written.largest.unwrap_or_default();
    Table { bytes, smallest, largest, smallest_seq: written.smallest_seq, largest_seq: written.largest_seq }
}
