//! Hostile directories with right checksums: numbers at their boundaries and records that no server writes.
#![allow(clippy::cast_possible_truncation, reason = "dice are small")]

use std::fs;
use std::path::Path;

use super::log_writer::{LogWriter, conf_change, conf_state};
use super::node_dir::NodeDir;
use super::store_writer::StoreWriter;
use super::table_writer::{DEL, MERGE, Options, RANGEDEL, SET};

/// Numbers from a seed, the same ones every time.
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides.max(1)
    }

    /// Mostly near `usual`, now and then at a boundary.
    fn number(&mut self, usual: u64) -> u64 {
        match self.roll(16) {
            0 => u64::MAX - self.roll(3),
            1 => (1 << 63) - 1 + self.roll(3),
            2 => 0,
            3 => (1 << 32) - 1 + self.roll(3),
            _ => usual.wrapping_add(self.roll(3)).wrapping_sub(1),
        }
    }
}

/// A log of records of every kind, most of which fit.
fn log(dice: &mut Dice) -> LogWriter {
    let mut log = LogWriter::new();
    let (mut index, mut term) = (0_u64, 1_u64);
    for _ in 0..dice.roll(40) {
        match dice.roll(14) {
            0 => {
                log.state(dice.number(term), dice.number(1), dice.number(index));
            }
            1 => {
                log.snapshot_of(dice.number(index), dice.number(term), &conf_state(&[1, dice.number(2)], &[]));
            }
            2 => log.record(dice.roll(12), &[0xff, 0xff]),
            3 => log.record(dice.roll(12), b""),
            4 => {
                log.cut();
            }
            5 => {
                index = dice.number(index.wrapping_add(1));
                log.typed_entry(1, index, term, &conf_change(dice.roll(5), dice.number(2), b"\x03short"));
            }
            6 => {
                index = dice.number(index.wrapping_add(1));
                log.typed_entry(dice.roll(4), index, dice.number(term), &[dice.roll(256) as u8; 5]);
            }
            7 => term = dice.number(term.wrapping_add(1)),
            _ => {
                index = index.wrapping_add(1);
                log.entry(index, term, "some text");
            }
        }
    }
    log
}

fn store(dice: &mut Dice, dir: &Path) {
    let mut store = StoreWriter::new(&dir.join("fsm.db")).unwrap();
    for number in 0..dice.roll(3) {
        let rows = dice.roll(50);
        store
            .table(dice.roll(7), Options { snappy: dice.roll(2) == 0, ..Options::default() }, |table| {
                table.point(b"a", 10 + number, SET, b"v")?;
                (0..rows).try_for_each(|row| {
                    let kind = [SET, DEL, MERGE][dice.roll(3) as usize];
                    table.point(format!("b{row:04}").as_bytes(), 10 + number, kind, &vec![0; dice.roll(300) as usize])
                })
            })
            .unwrap();
    }
    let mut seq = 20;
    for _ in 0..dice.roll(20) {
        let value = dice.number(7).to_be_bytes();
        let key: &[u8] = match dice.roll(5) {
            0 => b"_meta_applied_index",
            1 => b"_meta_last_commit_ts",
            2 => b"",
            _ => b"key",
        };
        match dice.roll(6) {
            0 => store.batch(seq, &[(RANGEDEL, b"a", b"k"), (RANGEDEL, b"b", key)]),
            1 => store.batch(dice.number(seq).max(1), &[(SET, key, &value)]),
            2 => store.batch(seq, &[(22, &[200, 1], b"")]),
            _ => store.batch(seq, &[(SET, key, &value)]),
        }
        seq += 2;
    }
    store.finish().unwrap();
}

/// A group directory.
pub fn group(seed: u64) -> NodeDir {
    let mut dice = Dice::new(seed);
    let node = NodeDir::new(&log(&mut dice));
    let node = if dice.roll(4) > 0 { node.peers(dice.number(0), &["n1", "n2"]) } else { node };
    let node = if dice.roll(3) == 0 { node.snap(dice.number(3), dice.number(1), &[dice.number(1), 2]) } else { node };
    if dice.roll(3) > 0 {
        store(&mut dice, node.path());
    }
    if dice.roll(6) == 0 {
        // Names that are no text, or look like something else.
        let odd = ["snap/\u{202e}gnp.snap", "fsm-snap/a`b|c\u{200b}.fsm", "wal/0-1.wal", "group-007"];
        fs::write(node.path().join(odd[dice.roll(4) as usize]), b"EKVPBBL1").unwrap();
    }
    node
}
