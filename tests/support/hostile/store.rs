//! A store: markers, MANIFEST, tables, logs and their batches.

use super::table::{self, Table};
use super::{Dice, Directory, manifest};
use crate::support::seal::{self, varint};
use crate::support::store_writer::frame;

/// Kinds of entries in a batch, known and not: deletions, values, log data, ranges, range keys, ingested tables, an excise.
const KINDS: [u8; 16] = [1, 1, 1, 1, 0, 2, 3, 7, 15, 15, 18, 19, 21, 22, 23, 24];

const KEYS: [&[u8]; 10] = [
    b"key\xff\xff\xff\xff\xff\xff\xff\xf5",
    b"_meta_applied_index",
    b"_meta_last_commit_ts",
    b"_meta_min_retained_ts",
    b"",
    b"a",
    b"z",
    b"!redis|str|a\xff\xff\xff\xff\xff\xff\xff\xf5",
    b"key\xff\xff\xff\xff\xff\xff\xff\xf0",
    b"!encryption|writers|\0\0\0\x07",
];

pub(super) fn store(dice: &mut Dice<'_>, applied: u64, name: &str, dir: &mut Directory) {
    dir.dir(name);
    let tables: Vec<(u64, Table)> =
        (0..if dice.roll(2) == 1 { 1 + dice.roll(2) } else { 0 }).map(|number| (5 + number as u64, table::table(dice))).collect();
    let log = dice.number(2);
    let mut last = tables.iter().map(|(_, table)| table.largest_seq & ((1 << 56) - 1)).max().unwrap_or(9).max(9);
    let mut records = vec![manifest::snapshot(dice, log, 20, last, &tables)];
    for _ in 0..if dice.seldom(3) { dice.roll(4) } else { 0 } {
        records.push(manifest::later(dice, &tables));
    }
    let manifest_number = if dice.seldom(24) { dice.number(1) } else { 1 };
    let mut bytes = frame(&records, None);
    broken(dice, &mut bytes);
    dir.file(format!("{name}/MANIFEST-{manifest_number:06}"), bytes);
    for (number, table) in tables {
        if !dice.seldom(24) {
            dir.file(format!("{name}/{number:06}.sst"), table.bytes);
        }
    }
    for number in 0..1 + if dice.seldom(6) { 2 } else { 0 } {
        let mut batches = vec![batch(last + 1, &[(1, b"_meta_applied_index", &applied.to_le_bytes())])];
        last += 1;
        for _ in 0..dice.roll(5) {
            batches.push(hostile_batch(dice, &mut last));
        }
        let number = log.wrapping_add(number);
        let in_chunks = if dice.seldom(48) { dice.number(number) } else { number };
        let mut bytes = frame(&batches, Some(in_chunks as u32));
        broken(dice, &mut bytes);
        dir.file(format!("{name}/{number:06}.log"), bytes);
    }
    markers(dice, manifest_number, name, dir);
    if dice.roll(3) == 0 {
        options(dice, name, dir);
    }
}

fn entry(kind: u8, key: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.push(kind);
    varint(key.len() as u64, out);
    out.extend_from_slice(key);
    if !matches!(kind, 0 | 3 | 7 | 22) {
        varint(value.len() as u64, out);
        out.extend_from_slice(value);
    }
}

fn batch(seq: u64, entries: &[(u8, &[u8], &[u8])]) -> Vec<u8> {
    let mut out = seq.to_le_bytes().to_vec();
    out.extend((entries.len() as u32).to_le_bytes());
    for (kind, key, value) in entries {
        entry(*kind, key, value, &mut out);
    }
    out
}

/// A batch of anything; the numbers go on behind it.
fn hostile_batch(dice: &mut Dice<'_>, last: &mut u64) -> Vec<u8> {
    let mut entries = Vec::new();
    let mut counted = 0_u64;
    for _ in 0..1 + dice.roll(4) {
        let kind = dice.one_of(&KINDS);
        let key = dice.one_of(&KEYS);
        let value = match dice.roll(6) {
            0 | 1 => dice.number(7).to_le_bytes().to_vec(),
            2 => dice.one_of(&KEYS).to_vec(),
            3 => [&[0; 9][..], b"value"].concat(),
            4 => dice.bytes(12),
            _ => Vec::new(),
        };
        if kind == 22 {
            let mut number = Vec::new();
            varint(dice.number(5), &mut number);
            entry(kind, &number, b"", &mut entries);
        } else {
            entry(kind, key, &value, &mut entries);
        }
        counted += u64::from(kind != 3);
    }
    let mut out = dice.number(*last + 1).to_le_bytes().to_vec();
    out.extend((dice.number(counted) as u32).to_le_bytes());
    out.extend(entries);
    *last += counted;
    out
}

/// Seldom a log or MANIFEST whose chunks end, repeat, or hold another byte under a right checksum.
fn broken(dice: &mut Dice<'_>, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    match dice.byte() {
        0..=215 => {}
        216..=223 => bytes.truncate(dice.roll(bytes.len().min(256))),
        224..=231 => bytes.resize(bytes.len() + 64, 0),
        232..=239 => {
            let at = dice.roll(bytes.len().min(256));
            bytes[at] = dice.byte();
            seal::records(bytes);
        }
        240..=243 => {
            let at = dice.roll(bytes.len().min(256));
            bytes[at] = dice.byte();
        }
        244..=247 => {
            let again = bytes.clone();
            bytes.extend(again);
        }
        248..=251 => {
            // Chunks of no length between a first and a last.
            for _ in 0..dice.roll(40) {
                bytes.extend([0, 0, 0, 0, 0, 0, 3]);
            }
            seal::records(bytes);
        }
        252.. => bytes.resize((32 << 10) + 8, 0),
    }
}

fn markers(dice: &mut Dice<'_>, manifest: u64, name: &str, dir: &mut Directory) {
    let format = if dice.seldom(8) { dice.number(24) } else { 16 };
    if !dice.seldom(48) {
        dir.file(format!("{name}/marker.format-version.{:06}.{format:03}", dice.number(3)), *b"");
    }
    if !dice.seldom(48) {
        dir.file(format!("{name}/marker.manifest.{:06}.MANIFEST-{manifest:06}", dice.number(1)), *b"");
    }
    if dice.seldom(24) {
        let names = [
            "marker.manifest.000009.MANIFEST-000009",
            "marker.manifest.x.MANIFEST-000001",
            "marker.manifest.000002.OPTIONS-000001",
            "marker.remote-obj-catalog.000001.REMOTE-OBJ-CATALOG-000001",
            "marker.format-version.18446744073709551615.016",
            "marker.",
        ];
        dir.file(format!("{name}/{}", dice.one_of(&names)), *b"");
    }
    if !dice.seldom(24) {
        dir.file(format!("{name}/LOCK"), *b"");
    }
}

fn options(dice: &mut Dice<'_>, name: &str, dir: &mut Directory) {
    let comparer = if dice.seldom(16) { "other" } else { "leveldb.BytewiseComparator" };
    let mut text = format!(
        "[Version]\n  pebble_version=0.1\n\n[Options]\n  comparer={comparer}\n  merger={}\n  wal_dir={}\n\n[Level \"0\"]\n  block_size={}\n",
        if dice.seldom(16) { "other" } else { "pebble.concatenate" },
        if dice.seldom(16) { "/elsewhere" } else { "" },
        dice.number(4096),
    )
    .into_bytes();
    if dice.seldom(8) {
        let at = dice.roll(text.len());
        text[at] = dice.byte();
    }
    dir.file(format!("{name}/OPTIONS-{:06}", dice.number(3)), text);
}
