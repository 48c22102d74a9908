//! The records of a MANIFEST.

use super::Dice;
use super::table::Table;
use crate::support::seal::varint;

fn text(bytes: &[u8], out: &mut Vec<u8>) {
    varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// The first edit: comparer, counters and the tables with their numbers.
pub(super) fn snapshot(dice: &mut Dice<'_>, log: u64, next_file: u64, last_seq: u64, tables: &[(u64, Table)]) -> Vec<u8> {
    let mut edit = Vec::new();
    if !dice.seldom(48) {
        edit.push(1);
        let comparer: &[u8] = if dice.seldom(48) { b"other" } else { b"leveldb.BytewiseComparator" };
        text(comparer, &mut edit);
    }
    for (tag, value) in [(2, log), (3, next_file), (4, last_seq)] {
        if !dice.seldom(48) {
            edit.push(tag);
            varint(dice.number(value), &mut edit);
        }
    }
    for (number, table) in tables {
        new_table(dice, *number, table, &mut edit);
    }
    edit
}

fn new_table(dice: &mut Dice<'_>, number: u64, table: &Table, edit: &mut Vec<u8>) {
    let tag = if dice.seldom(4) { dice.one_of(&[103, 104, 102, 7]) } else { 100 };
    edit.push(tag);
    let level = if dice.seldom(6) { dice.number(0) } else { 6 };
    varint(level, edit);
    varint(dice.number(number), edit);
    if tag == 102 {
        varint(dice.number(0), edit);
    }
    varint(dice.number(table.bytes.len() as u64), edit);
    if tag == 104 {
        edit.push(dice.one_of(&[7, 1, 3, 5, 0, 2]));
        text(&table.smallest, edit);
        text(&table.largest, edit);
    }
    for bound in [&table.smallest, &table.largest] {
        if dice.seldom(32) {
            text(&[b"m".as_slice(), &dice.number(0x0a01).to_le_bytes()].concat(), edit);
        } else {
            text(bound, edit);
        }
    }
    if tag != 7 {
        varint(dice.number(table.smallest_seq), edit);
        varint(dice.number(table.largest_seq), edit);
    }
    if matches!(tag, 103 | 104) {
        custom_fields(dice, number, edit);
    }
}

fn custom_fields(dice: &mut Dice<'_>, number: u64, edit: &mut Vec<u8>) {
    for _ in 0..dice.roll(3) {
        match dice.roll(8) {
            0 => {
                edit.push(2);
                text(&[dice.byte()], edit);
            }
            1 => {
                let mut time = Vec::new();
                varint(dice.number(1_750_000_000), &mut time);
                edit.push(6);
                text(&time, edit);
            }
            2 => {
                edit.push(66);
                varint(dice.number(number), edit);
            }
            tag @ (3 | 4) => {
                edit.push(64 + tag as u8);
                text(&dice.bytes(8), edit);
            }
            tag @ (5 | 6) => {
                edit.push(64 + tag as u8);
                varint(dice.number(1), edit);
                let count = dice.roll(3) as u64;
                varint(dice.number(count), edit);
                for _ in 0..count {
                    for _ in 4..tag {
                        varint(dice.number(9), edit);
                    }
                    varint(dice.number(9), edit);
                }
            }
            _ => {
                edit.push(dice.byte() & 0x7f);
                text(&dice.bytes(4), edit);
            }
        }
    }
    edit.push(1);
}

/// A later edit.
pub(super) fn later(dice: &mut Dice<'_>, known: &[(u64, Table)]) -> Vec<u8> {
    let mut edit = Vec::new();
    for _ in 0..dice.roll(4) {
        match dice.roll(14) {
            tag @ 0..3 => {
                edit.push(2 + tag as u8);
                varint(dice.number(30), &mut edit);
            }
            3 => {
                edit.push(6);
                varint(dice.number(6), &mut edit);
                let number = known.first().map_or(5, |(number, _)| *number);
                varint(dice.number(number), &mut edit);
            }
            4 => {
                if let Some((number, table)) = known.last() {
                    let number = *number + dice.roll(2) as u64;
                    new_table(dice, number, table, &mut edit);
                }
            }
            5 => {
                edit.push(5);
                varint(dice.number(1), &mut edit);
                text(&dice.bytes(8), &mut edit);
            }
            6 => {
                edit.push(9);
                varint(dice.number(0), &mut edit);
            }
            7 => {
                edit.push(10);
                text(&dice.bytes(4), &mut edit);
                text(&dice.bytes(4), &mut edit);
                varint(dice.number(0), &mut edit);
                varint(dice.number(1), &mut edit);
            }
            8 => {
                edit.push(11);
                varint(dice.number(6), &mut edit);
                varint(dice.number(5), &mut edit);
            }
            tag @ 9..11 => {
                edit.push(96 + tag as u8);
                varint(dice.number(5), &mut edit);
                if tag == 9 {
                    varint(dice.number(1000), &mut edit);
                }
            }
            tag @ 11..13 => {
                edit.push(96 + tag as u8);
                for _ in 0..if tag == 11 { 5 } else { 2 } {
                    varint(dice.number(9), &mut edit);
                }
            }
            _ => {
                let bytes = dice.bytes(12);
                edit.extend(bytes);
            }
        }
    }
    edit
}
